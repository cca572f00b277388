//! Several runs as one dataset.

use super::{Dataset, DatasetError};
use crate::{record::Fate, run_info::RunInfo};
use std::collections::HashMap;

impl Dataset {
    /// Several runs as one, to be reported together: rows of all, info and plan of the first, info of the others for
    /// display. Blocks of unlike runs are never mixed: a trial that two runs measured is refused; one that a run only
    /// skipped is taken from the other.
    pub fn merged(runs: Vec<Self>) -> Result<Self, DatasetError> {
        // The run that each trial is taken from, and whether that run tried it.
        let mut from: HashMap<String, (usize, bool)> = HashMap::new();
        for (place, run) in runs.iter().enumerate() {
            for row in run.rows() {
                let (trial, tried) = (row.trial(), !matches!(row.fate(), Fate::Skipped(_)));
                match from.get(&trial) {
                    Some(&(other, true)) if tried && other != place => {
                        let (first, second) = (name_of(&runs[other].info), name_of(&run.info));
                        return Err(DatasetError::MeasuredTwice { trial, first, second });
                    }
                    Some(&(_, known)) if known || !tried => {}
                    _ => {
                        from.insert(trial, (place, tried));
                    }
                }
            }
        }
        let mut merged: Option<Self> = None;
        for (place, mut run) in runs.into_iter().enumerate() {
            let is_ours = |trial: &str| from.get(trial).is_some_and(|(of, _)| *of == place);
            run.roundtrip.retain(|row| is_ours(&row.trial()));
            run.fileserver.retain(|row| is_ours(&row.trial()));
            run.fanout.retain(|row| is_ours(&row.trial()));
            let Some(all) = &mut merged else {
                merged = Some(run);
                continue;
            };
            all.others.push(run.info);
            all.others.append(&mut run.others);
            all.roundtrip.append(&mut run.roundtrip);
            all.fileserver.append(&mut run.fileserver);
            all.transfers.append(&mut run.transfers);
            all.fanout.append(&mut run.fanout);
            all.receivers.append(&mut run.receivers);
            all.fetches.append(&mut run.fetches);
            all.criterion.append(&mut run.criterion);
            let captures = run.captures.into_iter();
            all.captures.extend(captures.map(|(name, text)| (format!("{}-{name}", place + 1), text)));
            all.damaged += run.damaged;
            all.histograms.extend(run.histograms);
        }
        merged.ok_or(DatasetError::NoRun)
    }
}

/// What a run is called in a sentence.
fn name_of(info: &RunInfo) -> String {
    format!("{} of {}", info.plan, info.started)
}
