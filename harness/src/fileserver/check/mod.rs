//! Conformance of a course server, seen from its port: cases, and a name for each mistake.
//!
//! A case asks for one thing that the protocol promises, through connections of its own, and passes, fails with a
//! diagnosis, or is skipped with a reason. Whatever the server does, each wait ends at a deadline, and so does the whole.

mod concurrency;
mod content;
mod diagnosis;
mod names;
mod replies;
mod requests;
mod scene;
mod transfers;
mod uploads;
mod wire;

pub use diagnosis::{Diagnosis, NOT_VISIBLE};

use crate::host::names::look_up;
use scene::Scene;
use serde::Serialize;
use std::net::SocketAddr;

/// How grave a failed case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The protocol asks for it, or a stress test against this server would be wrong.
    Must,
    /// Servers in use do without it.
    Should,
}

/// One thing that is expected of a server.
pub struct Case {
    /// Words with hyphens.
    pub name: &'static str,
    /// What is expected: one sentence.
    pub expected: &'static str,
    /// How grave it is.
    pub grade: Grade,
    run: fn(&mut Scene) -> Verdict,
}

const fn must(name: &'static str, expected: &'static str, run: fn(&mut Scene) -> Verdict) -> Case {
    Case { name, expected, grade: Grade::Must, run }
}

const fn should(name: &'static str, expected: &'static str, run: fn(&mut Scene) -> Verdict) -> Case {
    Case { name, expected, grade: Grade::Should, run }
}

/// Why a case did not pass.
#[derive(Debug)]
enum Stop {
    Fault { diagnosis: Diagnosis, seen: String },
    Skip(String),
}

type Verdict = Result<(), Stop>;

fn fault(diagnosis: Diagnosis, seen: impl Into<String>) -> Stop {
    Stop::Fault { diagnosis, seen: seen.into() }
}

fn skip(why: impl Into<String>) -> Stop {
    Stop::Skip(why.into())
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Outcome {
    /// As expected.
    Pass,
    /// Not as expected.
    Fail {
        /// What was seen instead.
        seen: String,
        /// The mistake's name.
        diagnosis: Diagnosis,
        /// What to do about it: one sentence.
        advice: &'static str,
    },
    /// Not tried.
    Skip {
        /// Why.
        reason: String,
    },
}

/// A case and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The case's name.
    pub name: &'static str,
    /// How grave a failure is.
    pub grade: Grade,
    /// What is expected.
    pub expected: &'static str,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Finding {
    /// Whether something failed that must not.
    pub fn is_grave(&self) -> bool {
        self.grade == Grade::Must && matches!(self.outcome, Outcome::Fail { .. })
    }
}

/// What kind of server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It reads a request to its line ending.
    Course,
    /// It answers each read of 32 bytes, as the course's original does.
    Original,
    /// It did not say enough.
    Unknown,
}

/// What is checked.
#[derive(Debug, Default)]
pub struct Options {
    /// Connections that the server is said to serve at the same time.
    pub server_pool: Option<usize>,
    /// Names of the cases to try; all where it is empty.
    pub only: Vec<String>,
}

/// A server, checked.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where the server is, as it was asked for.
    pub target: String,
    /// What kind of server it is.
    pub kind: Kind,
    /// Connections that it is said to serve at the same time.
    pub server_pool: Option<usize>,
    /// What became of each case, in order.
    pub cases: Vec<Finding>,
    /// Files of the check that could not be deleted.
    pub left_behind: Vec<String>,
}

impl Report {
    /// Whether nothing failed that must not.
    pub fn is_good(&self) -> bool {
        !self.cases.iter().any(Finding::is_grave)
    }
}

/// All cases, in the order in which they are tried: what many clients at once may end comes last.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [requests::CASES, replies::CASES, names::CASES, transfers::CASES, uploads::CASES, concurrency::CASES]
        .into_iter()
        .flatten()
}

/// Checks the server at `HOST:PORT` and tells each finding as soon as it is known.
///
/// An error is one sentence: the target or the choice of cases is wrong, or nobody listens there.
pub fn check(target: &str, options: &Options, mut tell: impl FnMut(&Finding)) -> Result<Report, String> {
    if let Some(unknown) = options.only.iter().find(|name| !cases().any(|case| case.name == **name)) {
        return Err(format!(
            "no case is named `{unknown}`; `ferrybench check` without `--only` shows them all"
        ));
    }
    let address = reach(target)?;
    let mut scene = Scene::survey(address, options.server_pool);
    let mut findings = Vec::new();
    for case in
        cases().filter(|case| options.only.is_empty() || options.only.iter().any(|name| name == case.name))
    {
        let finding = Finding {
            name: case.name,
            grade: case.grade,
            expected: case.expected,
            outcome: try_case(case, &mut scene),
        };
        tell(&finding);
        findings.push(finding);
    }
    let left_behind = scene.clean_up();
    Ok(Report {
        target: target.to_owned(),
        kind: scene.kind,
        server_pool: options.server_pool,
        cases: findings,
        left_behind,
    })
}

/// The first address of the target that takes a connection.
fn reach(target: &str) -> Result<SocketAddr, String> {
    let addresses =
        look_up(target).map_err(|error| format!("`{target}` is no HOST:PORT to connect to: {error}"))?;
    let mut why = String::new();
    for address in addresses {
        match wire::Wire::open(&address, scene::soon()) {
            Ok(_) => return Ok(address),
            Err(wire::Ending::Refused(error)) => why = error,
            Err(ending) => why = format!("{ending:?}"),
        }
    }
    Err(format!("no server takes a connection at {target}: {why}"))
}

fn try_case(case: &Case, scene: &mut Scene) -> Outcome {
    if let Err(reason) = scene.begin_case(case.name) {
        return Outcome::Skip { reason };
    }
    match (case.run)(scene) {
        Ok(()) => Outcome::Pass,
        Err(Stop::Skip(reason)) => Outcome::Skip { reason },
        Err(Stop::Fault { diagnosis, seen }) => {
            // What a case saw of a server that died is not what is wrong with it.
            let diagnosis = scene.look_after(case.name, diagnosis);
            Outcome::Fail { seen, diagnosis, advice: diagnosis.advice() }
        }
    }
}
