//! How quiet the machine is: 20 ms of spinning, pinned, on every CPU at once; and a cache line passed between two.

use super::{clock, place};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Length of a probe, nanoseconds.
const PROBE_NS: u64 = 20_000_000;
/// A reading that comes later than this after the one before was kept from running.
const GAP_NS: u64 = 5_000;
/// Length of the ping-pong between two CPUs, nanoseconds.
const PING_PONG_NS: u64 = 1_000_000;

/// What a probe saw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// Largest share over the CPUs that went to gaps over 5 us, 0 to 1.
    pub share: f64,
    /// The longest gap on any CPU, seconds.
    pub gap_s: f64,
    /// One-way time of a cache line between the two CPUs of `split`, nanoseconds.
    pub c2c_ns: Option<f64>,
}

impl Probe {
    /// Whether a quiet machine would show this.
    pub fn is_quiet(&self) -> bool {
        use ferrybench_data::record::Noise;
        self.share <= Noise::SHARE_LIMIT && self.gap_s <= Noise::GAP_LIMIT_S
    }
}

/// Spins on every CPU at once, then passes a cache line between two.
pub fn probe(cpus: &[u32], pair: Option<[u32; 2]>) -> Probe {
    let spun: Vec<(f64, f64)> = std::thread::scope(|scope| {
        let spinning: Vec<_> = cpus.iter().map(|&cpu| scope.spawn(move || spin(cpu))).collect();
        spinning.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    Probe {
        share: spun.iter().map(|(share, _)| *share).fold(0.0, f64::max),
        gap_s: spun.iter().map(|(_, gap)| *gap).fold(0.0, f64::max),
        c2c_ns: pair.and_then(ping_pong),
    }
}

/// Share of the time that went to gaps, and the longest gap in seconds.
fn spin(cpu: u32) -> (f64, f64) {
    if place::pin(cpu).is_err() {
        return (0.0, 0.0);
    }
    let start = clock::now();
    let (mut last, mut gaps, mut longest) = (start, 0, 0);
    while last - start < PROBE_NS {
        let now = clock::now();
        let gap = now - last;
        if gap > GAP_NS {
            gaps += gap;
            longest = longest.max(gap);
        }
        last = now;
    }
    (gaps as f64 / (last - start) as f64, longest as f64 / 1e9)
}

/// One-way time of a cache line between two CPUs, nanoseconds.
fn ping_pong([near, far]: [u32; 2]) -> Option<f64> {
    #[repr(align(128))]
    struct Line(AtomicU64);
    let (there, back, over) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if place::pin(far).is_err() {
                return;
            }
            let mut turn = 1;
            while !over.load(Ordering::Relaxed) {
                if there.0.load(Ordering::Acquire) == turn {
                    back.0.store(turn, Ordering::Release);
                    turn += 1;
                } else {
                    std::hint::spin_loop();
                }
            }
        });
        let passed = scope.spawn(|| {
            place::pin(near).ok()?;
            let passed = pass(&there.0, &back.0);
            over.store(true, Ordering::Relaxed);
            passed
        });
        let passed = passed.join().ok().flatten();
        over.store(true, Ordering::Relaxed);
        passed
    })
}

fn pass(there: &AtomicU64, back: &AtomicU64) -> Option<f64> {
    let mut turn = 0;
    let mut start = clock::now();
    let asked = start;
    loop {
        turn += 1;
        there.store(turn, Ordering::Release);
        while back.load(Ordering::Acquire) != turn {
            std::hint::spin_loop();
            // The other thread may not have a CPU at all.
            if turn % 64 == 0 && clock::now() - asked > 20 * PING_PONG_NS {
                return None;
            }
        }
        if turn == 64 {
            start = clock::now(); // both sides are up and the lines are warm
        } else if turn % 64 == 0 {
            let spent = clock::now() - start;
            if spent > PING_PONG_NS {
                return Some(spent as f64 / (turn - 64) as f64 / 2.0);
            }
        }
    }
}
