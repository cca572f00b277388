//! `check`: does a course server keep to the protocol, and which known mistakes does it make?

use super::{Done, Exit, request, say};
use clap::Args;
use ferrybench::fileserver::check::{
    self, Diagnosis, Finding, Grade, Kind, NOT_VISIBLE, Options, Outcome, Report,
};
use serde_json::json;

#[derive(Args)]
pub(super) struct Check {
    /// The server: a name or address, and a port
    #[arg(long, value_name = "HOST:PORT")]
    target: String,
    /// Connections that the server is said to serve at the same time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    server_pool: Option<u16>,
    /// Try this case only; may be given several times
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn carry_out(self) -> Done {
        let options = Options { server_pool: self.server_pool.map(usize::from), only: self.only };
        let report = check::check(&self.target, &options, |finding| {
            if !self.json {
                print_case(finding);
            }
        })
        .map_err(request)?;
        if self.json {
            say(as_json(&report));
        } else {
            print_rest(&report);
        }
        Ok(if report.is_good() { Exit::Good } else { Exit::Failed })
    }
}

fn as_json(report: &Report) -> serde_json::Value {
    let not_visible: Vec<_> =
        NOT_VISIBLE.iter().map(|(name, what)| json!({ "name": name, "what": what })).collect();
    let mut object = json!(report);
    object["good"] = json!(report.is_good());
    object["not_visible"] = json!(not_visible);
    object
}

/// One line for each case, as soon as it is known.
fn print_case(finding: &Finding) {
    let (word, more) = match &finding.outcome {
        Outcome::Pass => ("ok", String::new()),
        Outcome::Fail { diagnosis, .. } if finding.grade == Grade::Must => {
            ("FAIL", format!(": {}", diagnosis.name()))
        }
        Outcome::Fail { diagnosis, .. } => ("warn", format!(": {}", diagnosis.name())),
        Outcome::Skip { reason } => ("skip", format!(": {reason}")),
    };
    say(format_args!("{word:<4}  {:<26}  {}{more}", finding.name, finding.expected));
}

fn print_rest(report: &Report) {
    if report.kind == Kind::Original {
        say(
            "\nThis is a server of the course's original kind: it answers each read of 32 bytes, so a request to it must be \
             at most 32 bytes in one write.",
        );
    }
    print_diagnoses(report);
    say(
        "\nNot visible from here, because a client or a report makes them; `ferrybench grid` avoids or shows them:",
    );
    for (name, what) in NOT_VISIBLE {
        say(format_args!("  {name:<26}  {what}"));
    }
    if !report.left_behind.is_empty() {
        say(format_args!(
            "\nThese files of the check could not be deleted: {}",
            report.left_behind.join(" ")
        ));
    }
    print_summary(report);
}

/// Each diagnosis once, with what was seen in each case that led to it.
fn print_diagnoses(report: &Report) {
    let mut told: Vec<Diagnosis> = Vec::new();
    for finding in &report.cases {
        let Outcome::Fail { diagnosis, advice, .. } = &finding.outcome else { continue };
        if told.contains(diagnosis) {
            continue;
        }
        if told.is_empty() {
            say("\nDiagnoses:");
        }
        told.push(*diagnosis);
        say(format_args!("  {}: {advice}", diagnosis.name()));
        for other in &report.cases {
            if let Outcome::Fail { diagnosis: same, seen, .. } = &other.outcome
                && same == diagnosis
            {
                say(format_args!("    {:<26}{seen}", other.name));
            }
        }
    }
}

fn print_summary(report: &Report) {
    let count = |is: fn(&Finding) -> bool| report.cases.iter().filter(|finding| is(finding)).count();
    let passed = count(|finding| finding.outcome == Outcome::Pass);
    let grave = count(Finding::is_grave);
    let weak = count(|finding| matches!(finding.outcome, Outcome::Fail { .. })) - grave;
    let skipped = count(|finding| matches!(finding.outcome, Outcome::Skip { .. }));
    let verdict = if report.is_good() { "keeps to the protocol" } else { "does not keep to the protocol" };
    say(format_args!(
        "\n{} {verdict}: {passed} passed, {grave} failed, {weak} warnings, {skipped} skipped",
        report.target
    ));
}
