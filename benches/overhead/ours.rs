//! The harness's side: a driver's orders, as a leg gives them, with everything that a leg records.

use ferrybench::{
    measure::clock,
    process::{partner::Program, role::Replies},
    roundtrip::{
        Making,
        order::Order,
        pair::{Driver, Setting},
        registry,
    },
};
use ferrybench_data::{
    latency,
    plan::catalogue::Places,
    roundtrip::{Pattern, Peers, Placement, Source, Spec, Wait},
};
use std::sync::Arc;
use tempfile::TempDir;

/// Orders of about 20 ms in a piece.
const ORDERS: u32 = 5;
const ORDER_NS: f64 = 20e6;
/// An exchange shorter than this many clock readings is timed in batches, as in a leg.
const CLOCK_READINGS: f64 = 50.0;

pub(super) struct Ours {
    driver: Box<dyn Driver>,
    pace_ns: f64,
    clock_cost_ns: f64,
    _folder: TempDir,
}

impl Ours {
    pub(super) fn start(
        places: Places,
        name: &str,
        message_bytes: u64,
        peers: Peers,
        wait: Wait,
        placement: Placement,
    ) -> Self {
        let mechanism = registry::find(name).expect("the mechanism is registered");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let spec = Spec {
            mechanism: name.to_owned(),
            pattern: Pattern::Rtt,
            message_bytes,
            peers,
            wait,
            placement,
            producers: 1,
            source: Source::BuiltIn,
            hosts: String::new(),
        };
        let setting = Setting {
            spec,
            seed: 1,
            places,
            program: Program::myself(),
            making: Making::new(folder.path().to_owned(), Replies::new(|_| Ok(()))),
            far_host: None,
            on_death: Arc::new(|why| {
                eprintln!("{why}");
                std::process::exit(1);
            }),
        };
        let driver = mechanism.start(&setting).expect("the mechanism starts");
        Self { driver, pace_ns: 50_000.0, clock_cost_ns: clock::facts().cost_ns, _folder: folder }
    }

    /// Some 0.1 s of orders; mean nanoseconds an exchange.
    pub(super) fn piece(&mut self) -> f64 {
        let (mut exchanges, mut elapsed_ns) = (0, 0);
        let mut times = latency::histogram();
        for _ in 0..ORDERS {
            let count = (ORDER_NS / self.pace_ns).max(1.0) as u64;
            let wanted = CLOCK_READINGS * self.clock_cost_ns;
            let batch = if self.pace_ns >= wanted { 1 } else { (wanted / self.pace_ns).ceil() as u32 };
            let seen = self
                .driver
                .order(Order { batch, ..Order::of(count) }, &mut times)
                .expect("both ends carry out the order");
            assert_eq!(
                (seen.senders[0].verified, seen.far.verified),
                (count, count),
                "every message verifies"
            );
            exchanges += count;
            elapsed_ns += seen.elapsed_ns;
            self.pace_ns = seen.elapsed_ns as f64 / count as f64;
        }
        elapsed_ns as f64 / exchanges as f64
    }
}

const READINGS: u64 = 1_000_000;

/// Nanoseconds of a clock reading that is recorded, as after each exchange.
pub(super) fn recorded_piece() -> f64 {
    let mut times = latency::histogram();
    let begun = clock::now();
    let mut last = begun;
    for _ in 0..READINGS {
        let now = clock::now();
        times.saturating_record(std::hint::black_box(now - last));
        last = now;
    }
    assert_eq!(times.len(), READINGS);
    (last - begun) as f64 / READINGS as f64
}

/// Nanoseconds of a clock reading alone.
pub(super) fn clock_piece() -> f64 {
    let begun = clock::now();
    let mut last = begun;
    for _ in 0..READINGS {
        last = std::hint::black_box(clock::now());
    }
    (last - begun) as f64 / READINGS as f64
}
