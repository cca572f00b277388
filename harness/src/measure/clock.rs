//! The only module that reads a clock or waits for one.

use std::time::Duration;

/// Nanoseconds of the monotonic clock, the same in every process of this host.
#[inline]
pub fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// CPU time of the calling thread, nanoseconds.
pub fn thread_cpu() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Waits. For probes and grace periods, never for an event.
#[expect(clippy::disallowed_methods, reason = "this is the module that may")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Waits until the monotonic clock shows that time; returns at once where it already does.
pub fn wait_until(time_ns: u64) {
    let left = time_ns.saturating_sub(now());
    if left > 0 {
        pause(Duration::from_nanos(left));
    }
}

/// The wall clock in UTC, for names and headings; never for measuring.
pub fn utc() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// What reading the clock costs and how finely it steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockFacts {
    /// Median cost of one reading, nanoseconds.
    pub cost_ns: f64,
    /// Smallest step between two readings that differ, nanoseconds.
    pub step_ns: f64,
}

/// Measures the clock itself, in about 2 ms.
pub fn facts() -> ClockFacts {
    const READINGS: u32 = 1_000;
    let mut costs: Vec<f64> = (0..50)
        .map(|_| {
            let start = now();
            for _ in 1..READINGS {
                std::hint::black_box(now());
            }
            (now() - start) as f64 / f64::from(READINGS)
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    let mut step = u64::MAX;
    let mut last = now();
    for _ in 0..10_000 {
        let next = now();
        if next > last {
            step = step.min(next - last);
        }
        last = next;
    }
    ClockFacts { cost_ns: costs[costs.len() / 2], step_ns: step as f64 }
}
