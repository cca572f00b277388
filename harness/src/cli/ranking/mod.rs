//! The ranking on the terminal, and the same as JSON.

mod fanout;
mod fileserver;
mod roundtrip;

use ferrybench_data::{
    dataset::{Dataset, TrialView},
    family::Family,
    fanout::{COMPLETE, DELIVERED, GOODPUT, LOSS, TOTAL, WIRE},
    fileserver::{AGGREGATE, CLIENT_MEAN, CPU_A_GIB, OPERATIONS},
    roundtrip::{BANDWIDTH, CPU_COST, RATE},
    stats::Estimate,
};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Prints what each family of the run came to.
pub(super) fn print(data: &Dataset) {
    roundtrip::print(data);
    fileserver::print(data);
    fanout::print(data);
}

/// Every trial's estimates as one object.
pub(super) fn json(data: &Dataset, report: &Path) -> Value {
    let mut trials = estimates(&data.trials(), &[RATE, BANDWIDTH, CPU_COST]);
    let of_files = [AGGREGATE, OPERATIONS, CLIENT_MEAN, CPU_A_GIB];
    trials.extend(estimates(&data.fileserver_trials(), &of_files));
    let of_datagrams = [GOODPUT, DELIVERED, TOTAL, COMPLETE, LOSS, WIRE];
    trials.extend(estimates(&data.fanout_trials(), &of_datagrams));
    json!({ "report": report.display().to_string(), "complete": data.is_complete(), "trials": trials })
}

fn estimates<F: Family>(trials: &[TrialView<'_, F>], metrics: &[&str]) -> Vec<Value> {
    let value = |estimate: Option<Estimate>| {
        estimate.map(|estimate| {
            json!({ "value": estimate.value, "lower": estimate.interval.map(|bounds| bounds.0),
                    "upper": estimate.interval.map(|bounds| bounds.1), "blocks": estimate.blocks })
        })
    };
    let of = |trial: &TrialView<'_, F>| {
        let mut fields = Map::new();
        fields.insert("trial".into(), trial.id().into());
        fields.extend(
            metrics.iter().map(|metric| ((*metric).to_owned(), json!(value(trial.estimate(metric))))),
        );
        Value::Object(fields)
    };
    trials.iter().map(of).collect()
}
