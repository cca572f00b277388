//! The registry's mechanisms under Criterion: round trips and streams of 64 B. Ids are the harness's own trial ids, so
//! that `ferrybench bench --criterion target/criterion` can put both estimates side by side.

#![expect(clippy::print_stderr, reason = "a benchmark says on its terminal why it ends")]

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use ferrybench::{
    process::{partner::Program, role::Replies},
    roundtrip::{
        Making,
        order::Order,
        pair::{Driver, Setting},
        registry,
    },
    run::catalogue,
};
use ferrybench_data::{
    family::Family,
    latency,
    plan::catalogue::Catalogue,
    roundtrip::{RoundTrip, Spec},
};
use std::{io, path::PathBuf, sync::Arc, time::Duration};

/// Each mechanism as it is by nature, both placements for round trips and `split` for streams.
const PLAN: &str = r#"
    name = "criterion"
    [[roundtrip]]
    patterns = ["rtt"]
    [[roundtrip]]
    patterns = ["stream"]
    placements = ["split"]
"#;

/// Messages of one order: long against the hand-shake around it, short against Criterion's patience.
const ORDER_NS: u64 = 20_000_000;

fn benchmarks(criterion: &mut Criterion) {
    let catalogue = catalogue::of_this_machine().expect("the CPUs of this process can be read");
    let plan = ferrybench_data::plan::Plan::parse(PLAN, "criterion", &catalogue)
        .expect("the plan is fixed and valid");
    let trials = plan.expand(&catalogue).expect("the plan is fixed and valid");
    let mut group = criterion.benchmark_group(RoundTrip::NAME);
    group.sampling_mode(SamplingMode::Flat).sample_size(10).nresamples(20_000);
    group.warm_up_time(Duration::from_millis(150)).measurement_time(Duration::from_millis(500));
    for spec in trials.iter().filter(|trial| trial.skip.is_none()).filter_map(|trial| trial.cell.roundtrip())
    {
        let id = RoundTrip::id(spec);
        let name = id.split_once('/').map_or(id.as_str(), |(_, name)| name);
        let scratch = tempfile::tempdir().expect("a temporary folder can be made");
        let mut started = None;
        group.bench_function(name, |bencher| {
            // Criterion calls this once for each sample; the ends are started once, and stay warm. A benchmark that
            // the command line filters out starts none.
            let driver = started.get_or_insert_with(|| {
                start(spec, &catalogue, scratch.path().to_owned()).expect("the mechanism starts")
            });
            bencher.iter_custom(|iterations| carry(driver.as_mut(), iterations));
        });
    }
    group.finish();
}

fn start(spec: &Spec, catalogue: &Catalogue, folder: PathBuf) -> io::Result<Box<dyn Driver>> {
    let mechanism = registry::find(&spec.mechanism).ok_or(io::ErrorKind::NotFound)?;
    mechanism.start(&Setting {
        spec: spec.clone(),
        seed: 1,
        places: catalogue.places,
        program: Program(env!("CARGO_BIN_EXE_ferrybench").into()),
        making: Making::new(folder, Replies::new(|_| Ok(()))),
        far_host: None,
        on_death: Arc::new(|why| {
            eprintln!("{why}");
            std::process::exit(1);
        }),
    })
}

/// Carries so many messages in orders of about 20 ms; the time of the orders alone.
fn carry(driver: &mut dyn Driver, messages: u64) -> Duration {
    let mut discarded = latency::histogram();
    let (mut left, mut elapsed_ns, mut size) = (messages, 0, 64);
    while left > 0 {
        let seen =
            driver.order(Order::of(size.min(left)), &mut discarded).expect("both ends carry out the order");
        left -= size.min(left);
        elapsed_ns += seen.elapsed_ns;
        if seen.elapsed_ns < ORDER_NS / 2 {
            size *= 2;
        }
    }
    Duration::from_nanos(elapsed_ns)
}

criterion_group!(roundtrip, benchmarks);
criterion_main!(roundtrip);
