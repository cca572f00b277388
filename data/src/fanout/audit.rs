//! Whether a fan-out row proves itself.

use super::{Delivery, Evidence, Framing, Hosts, Reliability, Spec};

/// The reasons not to believe the evidence.
pub(super) fn reasons(spec: &Spec, seen: &Evidence) -> Vec<String> {
    let mut reasons = Vec::new();
    let mut unless = |holds: bool, why: String| {
        if !holds {
            reasons.push(why);
        }
    };
    if spec.framing == Framing::Ledger {
        match (seen.sent, seen.unique, seen.lost) {
            (Some(sent), Some(unique), Some(lost)) => unless(
                unique + lost == sent,
                format!("the ledger does not add up: {unique} unique and {lost} lost of {sent} sent"),
            ),
            _ => unless(false, "the ledger is not told".into()),
        }
        match (seen.received, seen.unique, seen.duplicate, seen.corrupt) {
            (Some(received), Some(unique), Some(duplicate), Some(corrupt)) => unless(
                unique + duplicate + corrupt == received,
                format!(
                    "the ledger does not add up: {unique} unique, {duplicate} duplicate and {corrupt} corrupt of \
                     {received} received"
                ),
            ),
            _ => unless(false, "what was received is not told".into()),
        }
    }
    if spec.reliability == Reliability::Repair {
        unless(
            seen.files_intact == seen.files_asked,
            format!(
                "{} of {} files are intact, although what is missing is sent again",
                seen.files_intact, seen.files_asked
            ),
        );
    }
    if spec.hosts == Hosts::Namespaces {
        unless(
            seen.hosts_distinct == spec.receivers + 1,
            format!("{} hosts took part, {} were asked for", seen.hosts_distinct, spec.receivers + 1),
        );
    }
    if spec.delivery != Delivery::Unicast && spec.framing == Framing::Ledger {
        let (sent, wire) = (seen.sent.unwrap_or_default(), seen.wire_datagrams);
        unless(
            sent == wire * u64::from(spec.receivers),
            format!("{wire} datagrams left for {} receivers, which is not {sent}", spec.receivers),
        );
    }
    reasons
}
