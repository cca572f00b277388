//! What this machine lacks for test hosts, found out by making the smallest bed for a moment.

use super::{Link, TestBed};
use crate::process::partner::Program;
use std::sync::OnceLock;

/// Why something cannot be had here, each in one sentence; `None` where it can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lacking {
    /// Why there can be no network namespaces.
    pub namespaces: Option<String>,
    /// Why there can be no loss and no duplication.
    pub impairment: Option<String>,
    /// Why there can be no rate limit.
    pub rate: Option<String>,
}

/// Tries what there is, once a process; it takes some 40 ms. The program is the ferrybench binary.
pub fn lacking(program: &Program) -> Lacking {
    static TRIED: OnceLock<Lacking> = OnceLock::new();
    TRIED.get_or_init(|| tried(program)).clone()
}

fn tried(program: &Program) -> Lacking {
    let mut bed = match TestBed::raise(program, 1) {
        Ok(bed) => bed,
        Err(error) => {
            let why = Some(error.to_string());
            return Lacking { namespaces: why.clone(), impairment: why.clone(), rate: why };
        }
    };
    let mut refusal = |what: &str, link: Link| {
        let refused = bed.configure(&link).and_then(|()| bed.counters()).err();
        refused.map(|error| format!("{what} cannot be set here: {error}"))
    };
    let plain = Link::default();
    let impairment = Link { loss_percent: 10, duplicate_percent: 10, ..plain };
    let impairment = refusal("random loss and duplication", impairment);
    let rate = refusal("a rate limit", Link { rate_bytes_per_s: 1 << 20, ..plain });
    Lacking { namespaces: None, impairment, rate }
}
