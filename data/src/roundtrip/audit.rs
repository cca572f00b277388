//! The audit of a round-trip row: does the evidence prove what the row claims?
//!
//! Each check names a way in which published tables of this kind went wrong. The harness carries a deliberately
//! broken variant of each, and a test shows that it is flagged here.

use super::{Evidence, Pattern, Peers, Placement, Spec, Wait};

/// Least context switches an end and exchange, of either kind, that blocking on one CPU leaves behind. About 1 is
/// normal; the rest of an exchange may overlap where a message is sent in parts.
const LEAST_SWITCHES_ONE_CPU: f64 = 0.5;
/// Least voluntary switches an end and exchange that blocking across CPUs leaves behind. About 1 is normal; but an end
/// that is about to sleep may find its message there already while both CPUs are wide awake (0.66 was seen of a futex).
/// Who spins leaves none.
const LEAST_SWITCHES_ACROSS: f64 = 0.5;
/// The same for a message that travels in parts: while one end still writes, the other finds the next part ready.
const LEAST_SWITCHES_IN_PARTS: f64 = 0.3;
/// Largest message that every mechanism moves in one part: the page that a pipe takes at once.
const ONE_PART_BYTES: u64 = 4096;
/// Most voluntary switches an end and exchange that spinning on a CPU of its own may leave behind.
const MOST_SWITCHES_SPINNING: f64 = 0.05;
/// Who waits by timers becomes slower by the probe's slack of several milliseconds; who is woken does not.
const SLACK_FACTOR: f64 = 4.0;
const SLACK_EXTRA_NS: f64 = 1e6;

pub(super) fn reasons(spec: &Spec, seen: &Evidence) -> Vec<String> {
    let checks = [counts, payload, bytes, ends, places, waiting, timers, signals];
    checks.iter().filter_map(|check| check(spec, seen)).collect()
}

fn counts(_: &Spec, seen: &Evidence) -> Option<String> {
    let Evidence { ordered, exchanges, far_exchanges, lost, .. } = *seen;
    if exchanges == 0 {
        return Some("nothing was exchanged".into());
    }
    if exchanges != ordered {
        return Some(format!("{ordered} exchanges were ordered, the near end counted {exchanges}"));
    }
    if far_exchanges + lost != exchanges {
        return Some(format!(
            "the near end counted {exchanges} exchanges, the far end {far_exchanges}, {lost} lost"
        ));
    }
    (lost > 0 && !seen.loss_legal).then(|| format!("{lost} messages were lost"))
}

fn payload(spec: &Spec, seen: &Evidence) -> Option<String> {
    let unproved = |whose: &str, count: u64, of: u64| {
        (count != of)
            .then(|| format!("{} of {of} messages did not verify at the {whose} end", of - count.min(of)))
    };
    let answers = if spec.pattern == Pattern::Rtt { seen.exchanges } else { 0 };
    unproved("far", seen.far_verified, seen.far_exchanges)
        .or_else(|| unproved("near", seen.verified, answers))
}

fn bytes(spec: &Spec, seen: &Evidence) -> Option<String> {
    let lost_bytes = seen.lost * spec.message_bytes;
    (seen.bytes_sent != seen.bytes_received + lost_bytes
        || seen.bytes_sent != seen.exchanges * spec.message_bytes)
        .then(|| format!("{} bytes were sent and {} received", seen.bytes_sent, seen.bytes_received))
}

fn ends(spec: &Spec, seen: &Evidence) -> Option<String> {
    let one_process = seen.near_pid == seen.far_pid;
    let one_thread = seen.near_tid == seen.far_tid;
    match spec.peers {
        Peers::Process if one_process => Some(format!("both ends are process {}", seen.near_pid)),
        Peers::Thread if one_thread => Some(format!("both ends are thread {}", seen.near_tid)),
        Peers::Thread if !one_process => Some("the two threads belong to different processes".into()),
        _ => None,
    }
}

fn places(spec: &Spec, seen: &Evidence) -> Option<String> {
    let near = [seen.near_cpu_first, seen.near_cpu_last];
    let far = [seen.far_cpu_first, seen.far_cpu_last];
    let stayed = near[0] == near[1] && far[0] == far[1];
    let kept = match (spec.placement, spec.peers) {
        (Placement::Unpinned, _) => true,
        (_, Peers::None) => stayed,
        (Placement::SameCpu, _) => stayed && near[0] == far[0],
        (Placement::Split, _) => stayed && near[0] != far[0],
    };
    (!kept).then(|| format!("ran on CPUs {near:?} and {far:?}, which is not {}", spec.placement))
}

fn waiting(spec: &Spec, seen: &Evidence) -> Option<String> {
    if spec.pattern != Pattern::Rtt || spec.peers == Peers::None || seen.exchanges == 0 {
        return None;
    }
    let an_exchange = |switches: u64| switches as f64 / seen.exchanges as f64;
    let near = (an_exchange(seen.near_voluntary), an_exchange(seen.near_voluntary + seen.near_involuntary));
    let far = (
        an_exchange(seen.voluntary_switches.saturating_sub(seen.near_voluntary)),
        an_exchange(
            (seen.voluntary_switches + seen.involuntary_switches)
                .saturating_sub(seen.near_voluntary + seen.near_involuntary),
        ),
    );
    for (end, (voluntary, any)) in [("near", near), ("far", far)] {
        let wrong = match (spec.wait, spec.placement) {
            (Wait::Block, _) if spec.message_bytes > ONE_PART_BYTES => any < LEAST_SWITCHES_IN_PARTS,
            (Wait::Block, Placement::Split) => voluntary < LEAST_SWITCHES_ACROSS,
            (Wait::Block, _) => any < LEAST_SWITCHES_ONE_CPU,
            (Wait::Spin, Placement::Split) => voluntary > MOST_SWITCHES_SPINNING,
            _ => false,
        };
        if wrong {
            return Some(format!(
                "the {end} end made {voluntary:.2} voluntary context switches an exchange ({any:.2} of any kind), \
                 which is not how `{}` waits",
                spec.wait
            ));
        }
    }
    None
}

fn timers(_: &Spec, seen: &Evidence) -> Option<String> {
    let (plain, slack) = (seen.plain_ns?, seen.slack_ns?);
    (slack > plain * SLACK_FACTOR + SLACK_EXTRA_NS).then(|| {
        format!(
            "it sleeps and polls: with more timer slack an exchange took {:.1} ms instead of {:.3} ms",
            slack / 1e6,
            plain / 1e6
        )
    })
}

fn signals(_: &Spec, seen: &Evidence) -> Option<String> {
    (!seen.signals.is_empty()).then(|| format!("signals do part of the work: {}", seen.signals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roundtrip::Source;

    fn spec() -> Spec {
        Spec {
            mechanism: "pipe".into(),
            pattern: Pattern::Rtt,
            message_bytes: 64,
            peers: Peers::Process,
            wait: Wait::Block,
            placement: Placement::Split,
            producers: 1,
            source: Source::BuiltIn,
            hosts: String::new(),
        }
    }

    fn sound() -> Evidence {
        Evidence {
            ordered: 1000,
            exchanges: 1000,
            far_exchanges: 1000,
            verified: 1000,
            far_verified: 1000,
            bytes_sent: 64_000,
            bytes_received: 64_000,
            voluntary_switches: 2000,
            near_voluntary: 1000,
            near_pid: 10,
            near_tid: 10,
            far_pid: 11,
            far_tid: 11,
            far_cpu_first: 1,
            far_cpu_last: 1,
            plain_ns: Some(40_000.0),
            slack_ns: Some(45_000.0),
            ..Evidence::default()
        }
    }

    #[test]
    fn sound_evidence_passes() {
        assert_eq!(reasons(&spec(), &sound()), Vec::<String>::new());
    }

    #[test]
    fn each_defect_is_named_alone() {
        type Defect = (&'static str, fn(&mut Evidence));
        let defects: [Defect; 11] = [
            ("1000 exchanges were ordered, the near end counted 500", |seen| {
                (seen.exchanges, seen.far_exchanges, seen.verified, seen.far_verified) = (500, 500, 500, 500);
                (seen.bytes_sent, seen.bytes_received) = (32_000, 32_000);
            }),
            ("the near end counted 1000 exchanges, the far end 999, 0 lost", |seen| {
                (seen.far_exchanges, seen.far_verified) = (999, 999);
            }),
            ("1 messages were lost", |seen| {
                (seen.far_exchanges, seen.far_verified, seen.lost) = (999, 999, 1);
                seen.bytes_received = 999 * 64;
            }),
            ("1 of 1000 messages did not verify at the far end", |seen| seen.far_verified = 999),
            ("1000 of 1000 messages did not verify at the near end", |seen| seen.verified = 0),
            ("64000 bytes were sent and 63999 received", |seen| seen.bytes_received -= 1),
            ("both ends are process 10", |seen| seen.far_pid = 10),
            ("ran on CPUs [0, 0] and [0, 1], which is not split", |seen| seen.far_cpu_first = 0),
            (
                "the far end made 0.00 voluntary context switches an exchange (0.00 of any kind), which is not how \
                 `block` waits",
                |seen| seen.voluntary_switches = 1000,
            ),
            (
                "it sleeps and polls: with more timer slack an exchange took 4.1 ms instead of 0.040 ms",
                |seen| {
                    seen.slack_ns = Some(4_100_000.0);
                },
            ),
            ("signals do part of the work: SIGUSR1", |seen| seen.signals = "SIGUSR1".into()),
        ];
        for (reason, break_it) in defects {
            let mut seen = sound();
            break_it(&mut seen);
            assert_eq!(reasons(&spec(), &seen), [reason]);
        }
    }

    #[test]
    fn legal_loss_is_counted_and_not_flagged() {
        let mut seen = sound();
        (seen.far_exchanges, seen.far_verified, seen.lost, seen.loss_legal) = (990, 990, 10, true);
        seen.bytes_received = 990 * 64;
        let stream = Spec { pattern: Pattern::Stream, ..spec() };
        seen.verified = 0;
        assert_eq!(reasons(&stream, &seen), Vec::<String>::new());
    }
}
