//! Every mechanism carries every size, both ways, between all its ends, however they wait, and each message verifies.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::print_stdout, reason = "a test says what it skips")]

mod support;

use ferrybench::roundtrip::registry;
use ferrybench_data::{
    plan::catalogue::{Group, Mechanism, WhenFull},
    roundtrip::{Evidence, Pattern, Spec},
};
use support::block;

const MOST: u64 = 1 << 20;

/// The mechanisms of the registry that this machine has.
fn mechanisms() -> impl Iterator<Item = Mechanism> {
    let visible =
        registry::describe().into_iter().filter(|known| !known.hidden && known.group != Group::Floor);
    visible.filter(|known| {
        if let Some(why) = &known.lacking {
            println!("skipped: {}: {why}", known.name);
        }
        known.lacking.is_none()
    })
}

/// Runs a trial; the reason why it is not sound, apart from time and place.
fn unsound(known: &Mechanism, spec: &Spec) -> Option<String> {
    let exchanges = if spec.message_bytes < MOST { 50 } else { 8 };
    let reason = match block::run(spec, exchanges) {
        Ok(seen) if is_sound(known, spec, &seen) => return None,
        Ok(seen) => format!("{seen:?}"),
        Err(reason) => reason,
    };
    Some(format!("{spec:?}: {reason}"))
}

fn is_sound(known: &Mechanism, spec: &Spec, seen: &Evidence) -> bool {
    let answers = if spec.pattern == Pattern::Rtt { seen.exchanges } else { 0 };
    let lost = if known.nature.when_full == WhenFull::Loss { seen.lost } else { 0 };
    seen.exchanges > 0
        && seen.exchanges == seen.ordered
        && seen.far_exchanges + lost == seen.exchanges
        && seen.far_verified == seen.far_exchanges
        && seen.verified == answers
        && seen.bytes_sent == (seen.far_exchanges + lost) * spec.message_bytes
        && seen.bytes_received == seen.far_exchanges * spec.message_bytes
}

#[test]
fn everything_carries_every_size() {
    let mut unsound_trials = Vec::new();
    for known in mechanisms() {
        let largest = known.largest_bytes.unwrap_or(MOST).min(MOST);
        let mut sizes = vec![1, 8, 64, 4097, largest];
        sizes.retain(|&bytes| bytes <= largest);
        sizes.dedup();
        for &pattern in &known.patterns {
            for &peers in &known.peers {
                for &wait in &known.waits {
                    for &bytes in &sizes {
                        let spec = block::trial(&known.name, pattern, bytes, peers, wait);
                        unsound_trials.extend(unsound(&known, &spec));
                    }
                }
            }
        }
    }
    assert!(unsound_trials.is_empty(), "{}", unsound_trials.join("\n"));
}

#[test]
fn several_producers_share_what_they_may() {
    let mut unsound_trials = Vec::new();
    for known in mechanisms().filter(|known| known.many_producers) {
        for &peers in &known.peers {
            for &wait in &known.waits {
                for producers in [2, 4] {
                    let alone = block::trial(&known.name, Pattern::Stream, 64, peers, wait);
                    unsound_trials.extend(unsound(&known, &Spec { producers, ..alone }));
                }
            }
        }
    }
    assert!(unsound_trials.is_empty(), "{}", unsound_trials.join("\n"));
}
