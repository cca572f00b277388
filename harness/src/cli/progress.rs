//! Progress: what runs, how far, time left. A moving line on a terminal, plain lines elsewhere; drawn between blocks.

use super::{note, plan::spoken};
use ferrybench::{
    measure::clock,
    run::{
        coordinator::{Event, seconds_since},
        folder::RunFolder,
    },
};
use ferrybench_data::record::Fate;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};

/// Plain lines come about this often, seconds.
const PLAIN_EVERY_S: f64 = 10.0;

pub(super) struct Progress {
    bar: Option<ProgressBar>,
    begun: u64,
    plain_said_s: f64,
    estimate_s: f64,
    /// Rows that were there when this sitting began.
    first_done: usize,
    /// Everything that was shown and stays true: for the report's captures.
    shown: String,
    failed: usize,
}

impl Progress {
    pub(super) fn new(folder: &RunFolder, estimate_s: f64) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}")
                .expect("the template is fixed and valid");
            ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style)
        });
        let mut progress = Self {
            bar,
            begun: clock::now(),
            plain_said_s: 0.0,
            estimate_s,
            first_done: folder.len(),
            shown: String::new(),
            failed: 0,
        };
        progress.line(&format!("Measuring into {}, about {}.", folder.path().display(), spoken(estimate_s)));
        progress
    }

    pub(super) fn watch(&mut self, event: &Event<'_>) {
        match event {
            Event::Begin { trial, block, done, of } => self.begin(&trial.id(), *block, *done, *of),
            Event::Row(row) => {
                let what = match row.fate() {
                    Fate::Failed(reason) => {
                        format!("failed: {} block {}: {reason}", row.trial(), row.block())
                    }
                    Fate::Refused(reasons) => {
                        format!("audit: {} block {}: {}", row.trial(), row.block(), reasons.join("; "))
                    }
                    Fate::Skipped(reason) => {
                        self.shown += &format!("skipped: {}: {reason}\n", row.trial());
                        return;
                    }
                    Fate::Proved | Fate::SelfReported => return,
                };
                self.failed += 1;
                self.line(&what);
            }
        }
    }

    fn begin(&mut self, trial: &str, block: u32, done: usize, of: usize) {
        let elapsed_s = seconds_since(self.begun);
        let left = self.left(elapsed_s, done, of);
        if let Some(bar) = &self.bar {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
            bar.set_message(format!("{left} left  {trial} block {block}"));
        } else if elapsed_s - self.plain_said_s >= PLAIN_EVERY_S {
            self.plain_said_s = elapsed_s;
            self.line(&format!("{done} of {of} rows, {left} left: {trial} block {block}"));
        }
    }

    /// The plan's estimate at first; what this sitting shows as soon as it shows enough.
    fn left(&self, elapsed_s: f64, done: usize, of: usize) -> String {
        let here = done.saturating_sub(self.first_done);
        let by_plan = self.estimate_s * (of - done) as f64 / of.max(1) as f64;
        let by_pace = elapsed_s / here.max(1) as f64 * (of - done) as f64;
        let weight = (here as f64 / 30.0).min(1.0);
        spoken(by_plan * (1.0 - weight) + by_pace * weight)
    }

    fn line(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
        self.shown += text;
        self.shown.push('\n');
    }

    /// Clears the bar; returns what was shown.
    pub(super) fn finish(mut self) -> String {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let took = spoken(seconds_since(self.begun));
        let failed =
            if self.failed > 0 { format!(", {} rows without a figure", self.failed) } else { String::new() };
        self.line(&format!("Measured in {took}{failed}."));
        self.shown
    }
}
