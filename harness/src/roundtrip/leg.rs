//! One block of a trial: warm-up, the probe for timers, and the leg.

use super::{
    order::{EndSeen, Order},
    pair::{Driver, OrderSeen},
};
use crate::measure::clock;
use ferrybench_data::{
    latency::{self, carried},
    plan::Work,
    roundtrip::{Evidence, Pattern, Peers, Spec, Wait},
    units::Span,
};
use hdrhistogram::Histogram;
use std::io;

/// Length of an order: long against the hand-shake around it, short against a change of the machine's pace.
const ORDER_NS: u64 = 20_000_000;
/// An exchange shorter than so many clock readings is timed in batches of that length.
const CLOCK_READINGS: f64 = 50.0;
/// Round trips of the probe for timers, and the slack that it gives.
const PROBE_EXCHANGES: u64 = 21;
const PROBE_SLACK_NS: u64 = 5_000_000;
/// The slack's order is repeated where it was slow: at most so often in all.
const PROBE_TRIES: u32 = 3;
/// Above this time an exchange the probe is left out: it would take long, and 5 ms more would not stand out.
const PROBE_MOST_NS: f64 = 2e6;
const MOST_MESSAGES: f64 = 1e9;

/// How much to do in a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    /// Not measured, first.
    pub warm_up: Span,
    /// Measured.
    pub work: Work,
    /// Cost of a clock reading, nanoseconds.
    pub clock_cost_ns: f64,
}

/// What a block came to.
#[derive(Debug, Clone, Default)]
pub struct BlockSeen {
    /// Both ends' evidence.
    pub evidence: Evidence,
    /// The samples of a round trip.
    pub times: Option<Histogram<u64>>,
    /// Time that both ends waited for a CPU, seconds.
    pub run_delay_s: f64,
}

/// Runs one block. `start_up_s` and what only a mechanism's own file knows stay for the caller to fill in.
pub fn run(driver: &mut dyn Driver, spec: &Spec, amount: Amount) -> io::Result<BlockSeen> {
    let mut pace = warm_up(driver, amount.warm_up)?;
    let batch = batch(pace, amount.clock_cost_ns);
    let probed = probe(driver, spec, pace)?;
    let mut times = latency::histogram();
    let mut sum = Sum::default();
    let begun = clock::now();
    let (leg_ns, most) = match amount.work {
        Work::For(leg) => (leg.0, u64::MAX),
        Work::Exactly(count) => (u64::MAX, count),
        Work::Once => (u64::MAX, 1),
    };
    while sum.evidence.orders == 0 || (sum.elapsed_ns < leg_ns && sum.each < most) {
        if matches!(amount.work, Work::For(_)) && clock::now() - begun > 2 * leg_ns {
            break;
        }
        let left_ns = (leg_ns - sum.elapsed_ns.min(leg_ns)).min(ORDER_NS);
        let count = messages(pace, left_ns).min(most - sum.each.min(most)).max(1);
        let seen = driver.order(Order { batch, ..Order::of(count) }, &mut times)?;
        pace = seen.elapsed_ns as f64 / count as f64;
        sum.add(count, &seen);
    }
    let (plain_ns, slack_ns) = probed.unzip();
    let has_times = spec.pattern == Pattern::Rtt;
    let mut seen = sum.finish(spec);
    seen.evidence.batch = batch;
    (seen.evidence.plain_ns, seen.evidence.slack_ns) = (plain_ns, slack_ns);
    seen.evidence.buffer_bytes = driver.buffer_bytes();
    if has_times {
        note_times(&mut seen.evidence, &times);
        seen.times = Some(times);
    }
    Ok(seen)
}

/// Orders that grow to full length, until the time is over; returns nanoseconds a message of each producer.
fn warm_up(driver: &mut dyn Driver, time: Span) -> io::Result<f64> {
    let mut discarded = latency::histogram();
    let begun = clock::now();
    let mut count = 1;
    loop {
        let seen = driver.order(Order::of(count), &mut discarded)?;
        let pace = seen.elapsed_ns.max(1) as f64 / count as f64;
        let left_ns = time.0.saturating_sub(clock::now() - begun);
        if left_ns == 0 {
            return Ok(pace);
        }
        // The first orders measure the hand-shake more than the mechanism: grow step by step.
        count = messages(pace, left_ns.min(ORDER_NS)).clamp(1, count * 8);
    }
}

/// Median exchange without and with timer slack at both ends. Who is woken by the other end is as fast with it; who
/// sleeps and polls becomes slower by milliseconds.
fn probe(driver: &mut dyn Driver, spec: &Spec, pace: f64) -> io::Result<Option<(f64, f64)>> {
    let blocks = spec.wait == Wait::Block && spec.pattern == Pattern::Rtt && spec.peers != Peers::None;
    if !blocks || pace > PROBE_MOST_NS {
        return Ok(None);
    }
    let mut median = |slack_ns| -> io::Result<f64> {
        let mut times = latency::histogram();
        driver.order(Order { slack_ns, ..Order::of(PROBE_EXCHANGES) }, &mut times)?;
        Ok(times.value_at_quantile(0.5) as f64)
    };
    let plain = median(0)?;
    let mut slack = f64::INFINITY;
    for _ in 0..PROBE_TRIES {
        // What else the machine did says nothing: who sleeps and polls is slow each time.
        slack = slack.min(median(PROBE_SLACK_NS)?);
        if slack <= plain + PROBE_SLACK_NS as f64 / 5.0 {
            break;
        }
    }
    Ok(Some((plain, slack)))
}

fn messages(pace_ns: f64, time_ns: u64) -> u64 {
    (time_ns as f64 / pace_ns.max(0.1)).clamp(1.0, MOST_MESSAGES) as u64
}

fn batch(pace_ns: f64, clock_cost_ns: f64) -> u32 {
    let wanted = CLOCK_READINGS * clock_cost_ns;
    if pace_ns >= wanted { 1 } else { (wanted / pace_ns.max(0.1)).ceil() as u32 }
}

#[derive(Default)]
struct Sum {
    evidence: Evidence,
    /// Messages of each producer so far.
    each: u64,
    elapsed_ns: u64,
    run_delay_ns: u64,
}

impl Sum {
    fn add(&mut self, count: u64, seen: &OrderSeen) {
        let sum = &mut self.evidence;
        let (Some(near), far) = (seen.senders.first(), &seen.far) else { return };
        if sum.orders == 0 {
            (sum.near_pid, sum.near_tid, sum.near_cpu_first) = (near.pid, near.tid, near.cpu_first);
            (sum.far_pid, sum.far_tid, sum.far_cpu_first) = (far.pid, far.tid, far.cpu_first);
        }
        (sum.near_cpu_last, sum.far_cpu_last) = (near.cpu_last, far.cpu_last);
        sum.orders += 1;
        sum.ordered += seen.ordered;
        for sender in &seen.senders {
            sum.exchanges += sender.exchanges;
            sum.verified += sender.verified;
            sum.bytes_sent += sender.bytes_sent;
            sum.near_cpu_s += sender.usage.cpu_ns() as f64 / 1e9;
            sum.near_voluntary += sender.usage.voluntary;
            sum.near_involuntary += sender.usage.involuntary;
            add_end(sum, sender);
            self.run_delay_ns += sender.usage.run_delay_ns;
        }
        sum.far_exchanges += far.exchanges;
        sum.far_verified += far.verified;
        sum.bytes_received += far.bytes_received;
        sum.far_cpu_s += far.usage.cpu_ns() as f64 / 1e9;
        add_end(sum, far);
        self.run_delay_ns += far.usage.run_delay_ns;
        self.each += count;
        self.elapsed_ns += seen.elapsed_ns;
    }

    fn finish(self, spec: &Spec) -> BlockSeen {
        let mut evidence = self.evidence;
        evidence.elapsed_s = self.elapsed_ns as f64 / 1e9;
        if spec.pattern == Pattern::Stream {
            evidence.lost = evidence.exchanges.saturating_sub(evidence.far_exchanges);
        }
        let delivered =
            if spec.pattern == Pattern::Rtt { evidence.exchanges } else { evidence.far_exchanges };
        evidence.rate_per_s = delivered as f64 / evidence.elapsed_s.max(1e-9);
        evidence.bytes_per_s = evidence.rate_per_s * spec.message_bytes as f64;
        BlockSeen { evidence, times: None, run_delay_s: self.run_delay_ns as f64 / 1e9 }
    }
}

fn add_end(sum: &mut Evidence, end: &EndSeen) {
    sum.cpu_user_s += end.usage.user_ns as f64 / 1e9;
    sum.cpu_system_s += end.usage.system_ns as f64 / 1e9;
    sum.voluntary_switches += end.usage.voluntary;
    sum.involuntary_switches += end.usage.involuntary;
}

fn note_times(evidence: &mut Evidence, times: &Histogram<u64>) {
    evidence.samples = times.len();
    evidence.p50_ns = carried(times, 0.5);
    evidence.p90_ns = carried(times, 0.9);
    evidence.p99_ns = carried(times, 0.99);
    evidence.p999_ns = carried(times, 0.999);
    evidence.max_ns = (!times.is_empty()).then(|| times.max() as f64);
}
