//! What came of sending: the table, the run folder, the exit code.

use super::super::{Exit, Trouble, bench, failure, note, request, say};
use comfy_table::{Table, presets};
use ferrybench::{
    fanout::{
        bare::SENT_UNPROVEN,
        evidence::{Around, by_answers, join},
        send::Job,
        told::{Reached, Sent},
    },
    run::{
        catalogue,
        folder::{Details, RunFolder},
    },
};
use ferrybench_data::{
    fanout::{Fanout, OK},
    record::{Audit, Noise, Outcome, Record},
    run_info::{Ended, RunInfo},
};
use std::path::Path;

/// What stands for the plan of a run that had none.
const BY_HAND: &str =
    "# Sent by hand: there was no plan. run.json has the command line.\nname = \"send\"\nblocks = 1\n";

/// Without a header nobody answers: what could be sent is not known to have arrived.
pub(super) fn mark_unproven(sent: &mut Sent) {
    let flows = sent.files.iter_mut().flat_map(|file| &mut file.flows);
    for reached in flows.flat_map(|flow| &mut flow.receivers).filter(|reached| reached.outcome == OK) {
        SENT_UNPROVEN.clone_into(&mut reached.outcome);
    }
}

/// Good where every receiver has every file intact, by its own word; where nobody can give one, if that is to count.
pub(super) fn verdict(sent: &Sent, unproven_ok: bool) -> Exit {
    let reached = || sent.files.iter().flat_map(|file| &file.flows).flat_map(|flow| &flow.receivers);
    let is_unproven = |reached: &Reached| reached.outcome == SENT_UNPROVEN;
    let is_good = |reached: &Reached| reached.outcome == OK || unproven_ok && is_unproven(reached);
    if !unproven_ok && reached().any(is_unproven) {
        note("Nobody can prove what was sent without a header: exit code 1. With --unproven-ok it is 0.");
    }
    if sent.files.iter().all(|file| file.outcome == OK) && reached().all(is_good) {
        Exit::Good
    } else {
        Exit::Failed
    }
}

pub(super) fn print(job: &Job, sent: &Sent) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "RECEIVER",
        "FILE",
        "BYTES",
        "SENT",
        "REPEATED",
        "LOST",
        "DUPLICATE",
        "SECONDS",
        "OUTCOME",
    ]);
    for file in &sent.files {
        if file.flows.is_empty() {
            let blank = String::new;
            table.add_row([
                "-".to_owned(),
                file.name.clone(),
                file.bytes.to_string(),
                blank(),
                blank(),
                blank(),
                blank(),
                blank(),
                file.outcome.clone(),
            ]);
        }
        for (flow, reached) in
            file.flows.iter().flat_map(|flow| flow.receivers.iter().map(move |reached| (flow, reached)))
        {
            let address = job.targets.iter().find(|target| target.receiver == reached.receiver);
            let count = |count: Option<u64>| count.map_or("n/a".to_owned(), |count| count.to_string());
            let counts = reached.counts;
            let took = reached.verified_ns.zip(file.first_ns).map(|(end, start)| end.saturating_sub(start));
            table.add_row([
                address.map_or(String::new(), |target| target.address.to_string()),
                file.name.clone(),
                file.bytes.to_string(),
                flow.transmissions.to_string(),
                flow.repeated.to_string(),
                count(counts.map(|counts| flow.transmissions.saturating_sub(counts.unique))),
                count(counts.map(|counts| counts.duplicate)),
                took.map_or("n/a".to_owned(), |took| format!("{:.3}", took as f64 / 1e9)),
                reached.outcome.clone(),
            ]);
        }
    }
    say(table.trim_fmt());
    for fetch in sent.files.iter().filter_map(|file| file.fetch.as_ref()) {
        let took = fetch.ended_ns.saturating_sub(fetch.start_ns) as f64 / 1e9;
        note(format_args!("Fetched {} in {took:.3} s: {}", fetch.url, fetch.outcome));
    }
    let total = sent.ended_ns.saturating_sub(sent.passed_barrier_ns) as f64 / 1e9;
    note(format_args!("Start-up {:.3} s, total {total:.3} s.", sent.start_up_ns as f64 / 1e9));
}

/// A run folder of one block: what the sender saw, and what receivers answered.
pub(super) fn record(out: &Path, job: &Job, sent: &Sent) -> Result<(), Trouble> {
    let around = Around { hosts_distinct: 1, ..Around::default() };
    let heard = by_answers(sent, &job.targets);
    let (evidence, receivers, fetches) = join(&job.spec, sent, &heard, &around);
    let took_s = evidence.total_s;
    let record = Record::<Fanout> {
        block: 1,
        order: 1,
        noise: Noise::default(),
        spec: job.spec.clone(),
        outcome: Outcome::Measured { audit: Audit::of::<Fanout>(&job.spec, &evidence), evidence },
    };
    let catalogue = catalogue::of_this_machine().map_err(failure)?;
    let info = RunInfo { ended: Ended::Complete, wall_s: took_s, ..bench::begun_now("send", &catalogue)? };
    let mut folder = RunFolder::create(out, &info, BY_HAND).map_err(request)?;
    folder.append(&record, Details::Fanout { receivers, fetches }).map_err(failure)?;
    note(format_args!("Run: {}", out.display()));
    Ok(())
}
