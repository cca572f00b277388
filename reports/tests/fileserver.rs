//! The file server's part of a report of a made-up run: what it says, and what it must never say.

mod support;

use ferrybench_data::{
    dataset::Dataset,
    fileserver::Operation,
    record::{Audit, Outcome},
};
use ferrybench_reports::{Report, report, write};
use support::{
    Run,
    fileserver::{FAILURE, LACK, transfer},
};

fn lab(blocks: u32) -> Report {
    report(&Run::lab(blocks).dataset())
}

/// The document without its numbers' non-breaking spaces, which nobody sees in a snapshot.
fn plain(report: &Report) -> String {
    report.markdown.replace('\u{a0}', " ")
}

/// The cells of each row of the table below a heading.
fn table(markdown: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = markdown.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let rows = rest.lines().skip_while(|line| !line.starts_with("| -")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

const SECTIONS: &[&str] = &[
    "## File server: ranking at a download of 100 MiB",
    "## File server: architecture and configuration of the stress test",
    "## File server: the assignment's table",
    "### Listing and deleting",
    "## File server: throughput and time over the pools",
    "## File server: why clients wait",
    "### One round, client by client",
    "## File server: threads against processes",
    "## File server: somebody else's server beside ours",
    "## File server: memory and CPU time",
    "## File server: the published run beside this one",
    "## The run at work",
    "## Rows without a figure",
    "## Every trial",
    "## How to make this again",
];

#[test]
fn two_hosts_are_held_against_one_with_a_word_on_what_differs() {
    let run = Run::between_hosts(6);
    let markdown = plain(&report(&run.dataset()));
    let (_, section) = markdown.split_once("## File server: two hosts against one").expect("there are both");
    assert!(section.contains("**These hosts are network stacks of one machine**"));
    assert!(section.contains("throughput of `client to server1` over that of `one host`"), "{section}");
    assert!(markdown.contains("Both sides run on one host, and on two: client to server1"));
    assert!(markdown.contains("over TCP with NODELAY"));

    let mut apart = Run::between_hosts(6);
    apart.info.participants[1].boot_id = "another".into();
    let markdown = plain(&report(&apart.dataset()));
    assert!(markdown.contains("These hosts are different machines"));
    assert!(!plain(&lab(6)).contains("two hosts against one"), "one host is nothing to hold against");
}

#[test]
fn the_assignment_reads_as_before() {
    // The long tables are left out: their first and last rows show their form.
    let markdown = plain(&lab(1));
    let mut lines: Vec<&str> = Vec::new();
    let all: Vec<&str> = markdown.lines().collect();
    for (place, line) in all.iter().enumerate() {
        let inside = |from: usize| all[from..place].iter().all(|line| line.starts_with('|'));
        let is_deep = line.starts_with('|') && place >= 5 && inside(place - 5);
        let ends = all.get(place + 1).is_none_or(|next| !next.starts_with('|'));
        if !is_deep || ends {
            lines.push(line);
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_section_is_there_and_in_order() {
    let markdown = lab(1).markdown;
    let places: Vec<usize> = SECTIONS.iter().map(|title| markdown.find(title).expect(title)).collect();
    assert!(places.is_sorted(), "{places:?}");
    for of_round_trips in ["Ranking: round trips", "`same-cpu`", "What each mechanism is", "**A round trip**"]
    {
        assert!(!markdown.contains(of_round_trips), "{of_round_trips}");
    }
}

#[test]
fn both_families_stand_one_after_the_other() {
    let markdown = report(&Run::full(6).with(Run::lab(6)).dataset()).markdown;
    let place = |title: &str| markdown.find(title).expect(title);
    assert!(place("## Ranking: round trips") < place(SECTIONS[0]));
    assert_eq!(markdown.matches("\n## Every trial").count(), 1);
    assert!(place("trials with a figure") < place("trials of the file server with a figure"));
    // What is said of each alone is said of both.
    for alone in [report(&Run::full(6).dataset()).markdown, lab(6).markdown] {
        let headings = alone.lines().filter(|line| line.starts_with("## "));
        headings.for_each(|heading| assert!(markdown.contains(heading), "{heading}"));
    }
}

#[test]
fn a_report_of_round_trips_knows_no_file_server() {
    let report = report(&Run::full(6).dataset());
    assert!(!report.markdown.contains("File server") && report.attachments.is_empty());
}

#[test]
fn the_table_has_every_row_with_its_outcome() {
    let markdown = plain(&lab(1));
    for pair in
        ["### Thread-pool clients, thread-pool server", "### Process-pool clients, process-pool server"]
    {
        let rows = table(&markdown, pair);
        assert_eq!(rows.len(), 54, "{pair}");
        for (number, row) in (1..).zip(&rows) {
            assert_eq!(row[0], number.to_string());
        }
        // Downloads before uploads, then volume, clients and workers, each from its smallest.
        assert_eq!(rows[0][1..5], ["download", "10 MiB", "1", "1"]);
        assert_eq!(rows[26][1..5], ["download", "100 MiB", "50", "50"]);
        assert_eq!(rows[53][1..5], ["upload", "100 MiB", "50", "50"]);
    }
    let failed = &table(&markdown, "### Process-pool clients, process-pool server")[52];
    assert_eq!(failed[5..10], ["–", "–", "47 / 3", "4 / 1", "0"]);
    assert_eq!(*failed.last().unwrap(), format!("failed: {FAILURE}"));
    let skipped = &table(&markdown, "### Thread-pool clients, thread-pool server")[53];
    assert_eq!(skipped[5..10], ["–", "–", "–", "–", "–"]);
    assert_eq!(*skipped.last().unwrap(), format!("skipped: {LACK}"));
    let foreign = &table(&markdown, "### Thread-pool clients, my-server.py server")[4];
    assert_eq!(foreign[8..10], ["not told (6 seen at once, 0 died)", "–"]);
    assert!(markdown.contains("81 comes out with LIST"));
    assert_eq!(table(&markdown, "### Listing and deleting").len(), 36);
}

#[test]
fn a_block_that_failed_is_named_beside_the_good_ones() {
    let markdown = plain(&lab(6));
    let row = &table(&markdown, "### Process-pool clients, process-pool server")[52];
    assert_eq!(row[7], "50 / 0");
    assert_eq!(row[13..], ["5".to_owned(), format!("failed in block 1 (client workers 47 / 3): {FAILURE}")]);
}

#[test]
fn idle_workers_are_not_successful() {
    let rows = table(&plain(&lab(1)), "### Thread-pool clients, thread-pool server");
    assert_eq!(rows[2][7..10], ["1 / 0", "1 / 0", "49"], "one client and fifty workers");
}

#[test]
fn the_table_is_a_file_as_well() {
    let report = lab(1);
    let [(name, text)] = report.attachments.as_slice() else { panic!("one attachment") };
    assert_eq!(name, "assignment.csv");
    assert!(report.markdown.contains("](tables/assignment.csv)"));
    let rows: Vec<&str> = text.lines().collect();
    let columns = rows[0].split(',').count();
    assert_eq!(rows.len(), 1 + 3 * 54 + 36);
    assert!(
        rows[0].starts_with("number,operation,volume_bytes,client_pool,server_pool,total_time_per_client_s")
    );
    let plain = rows.iter().filter(|row| !row.contains('"'));
    assert!(plain.clone().all(|row| row.split(',').count() == columns), "{columns} columns in each row");
    assert!(plain.count() > 190);
    assert!(text.contains(&format!("failed: {FAILURE}")));
}

#[test]
fn the_same_records_give_the_same_bytes() {
    assert_eq!(lab(6), lab(6));
    let (one, other) = (Run::servers(6).dataset(), Run::servers(6).dataset());
    assert_eq!(report(&one), report(&other));
}

#[test]
fn everything_named_is_written() {
    let folder = tempfile::tempdir().unwrap();
    Run::lab(1).write(folder.path()).unwrap();
    let data = Dataset::read(folder.path()).unwrap();
    assert_eq!((data.damaged, data.is_complete()), (0, true));
    let place = write(&data, folder.path()).unwrap();
    let markdown = std::fs::read_to_string(&place).unwrap();
    for rest in markdown.split("](").skip(1) {
        let (name, _) = rest.split_once(')').unwrap();
        assert!(place.with_file_name(name).is_file(), "{name}");
    }
    assert_eq!(std::fs::read_dir(place.with_file_name("tables")).unwrap().count(), 1);
}

/// Words that compare one thing with another.
const CLAIMS: &[&str] = &[
    "told apart",
    "the highest median",
    "throughput higher",
    "throughput lower",
    "time per client longer",
    "time per client shorter",
    "over that of",
    "the bytes of",
];

#[test]
fn below_six_blocks_nothing_is_compared_in_words() {
    for blocks in [1, 5] {
        for run in [Run::lab(blocks), Run::servers(blocks)] {
            let markdown = report(&run.dataset()).markdown;
            assert!(markdown.contains(&format!("No interval (n = {blocks})")));
            for claim in CLAIMS {
                assert!(!markdown.contains(claim), "{blocks} blocks: {claim}");
            }
        }
    }
    let markdown = lab(6).markdown;
    assert!(CLAIMS.iter().filter(|claim| markdown.contains(**claim)).count() > 4);
}

#[test]
fn what_is_claimed_has_an_interval_that_excludes_equality() {
    let mut claims = 0;
    for run in [Run::lab(6), Run::servers(6)] {
        for line in plain(&report(&run.dataset())).lines().filter(|line| line.starts_with("- ")) {
            // `**1.96** [1.86, 2.07]` and `**1.58× [1.55, 1.60]**`
            for bold in line.split("**").skip(1) {
                let Some((_, rest)) = bold
                    .split_once('[')
                    .filter(|(before, _)| before.trim().is_empty() || before.trim().ends_with('×'))
                else {
                    continue;
                };
                let (low, high) = rest.split_once(']').unwrap().0.split_once(", ").unwrap();
                let (low, high): (f64, f64) = (low.parse().unwrap(), high.parse().unwrap());
                assert!(low >= 1.0 || high <= 1.0, "{line}");
                claims += 1;
            }
        }
    }
    assert!(claims > 20, "{claims}");
}

#[test]
fn refused_rows_are_in_no_figure() {
    let refuse = |wild: bool| {
        let mut run = Run::lab(6);
        for row in run.files.iter_mut().filter(|row| row.spec.operation == Operation::Upload) {
            if let Outcome::Measured { evidence, audit } = &mut row.outcome {
                *audit = Audit::Fail(vec!["the content of 7 bytes was not the source's".into()]);
                let factor = if wild { 1e6 } else { 1.0 };
                evidence.aggregate_bytes_per_s *= factor;
                evidence.client_mean_s *= factor;
                evidence.peak_rss_bytes *= factor as u64;
            }
        }
        report(&run.dataset())
    };
    assert_eq!(refuse(true), refuse(false));
}

#[test]
fn every_model_protocol_and_way_of_accepting_is_compared() {
    let markdown = report(&Run::servers(6).dataset()).markdown;
    for part in [
        "## File server: the models against each other",
        "## File server: protocols against each other",
        "## File server: how connections come to the workers",
        "`tokio` over that of `thread-pool`",
        "`raw` over that of `course`",
        "`handoff` over that of `shared`",
        "refused in blocks 1, 2, 3, 4, 5, 6: the clients finished 5",
    ] {
        assert!(markdown.contains(part), "{part}");
    }
    assert!(!markdown.contains("`broken-liar` over"), "a broken server is compared with nothing");
}

#[test]
fn somebody_elses_server_is_held_against_ours_where_all_else_is_alike() {
    let heading = "## File server: somebody else's server beside ours";
    let markdown = plain(&lab(6));
    let (_, rest) = markdown.split_once(heading).unwrap();
    let (part, _) = rest.split_once("\n## ").unwrap();
    assert!(part.contains("### Thread-pool over my-server.py: thread-pool clients, protocol course"));
    assert!(!part.contains("rocess-pool"), "whose clients were others");
    assert!(
        part.contains("**Download of 100 MiB:** throughput higher at 9 of 9 pairs of pool sizes (4"),
        "{part}"
    );
    // 54 loads, less those that were skipped on our side.
    assert_eq!(table(&markdown, heading).len(), 53);
    assert!(!plain(&report(&Run::servers(6).dataset())).contains(heading));
}

/// Ours of one run and somebody else's of another.
fn merged(other_machine: bool) -> String {
    let (mut ours, mut theirs) = (Run::new("lab-fileserver", 6), Run::new("mine", 6));
    for (client_pool, server_pool) in [(1, 1), (5, 5), (50, 5)] {
        let spec = ferrybench_data::fileserver::Spec { client_pool, server_pool, ..transfer() };
        ours.transfers(&spec);
        theirs.transfers(&ferrybench_data::fileserver::Spec {
            server_model: "my-server.py".into(),
            storage: ferrybench_data::fileserver::Storage::Untold,
            source: ferrybench_data::family::Source::Foreign,
            ..spec
        });
    }
    theirs.info.started = "2026-01-02T04:05:06Z".into();
    theirs.info.hosts[0].noise = Some(0.01);
    if other_machine {
        theirs.info.hosts[0].cpu = "Another Processor".into();
    }
    let both = Dataset::merged(vec![ours.dataset(), theirs.dataset()]).expect("no trial was measured twice");
    plain(&report(&both))
}

#[test]
fn runs_of_one_machine_are_compared_with_a_warning() {
    let markdown = merged(false);
    assert_eq!(markdown.matches("*The machine that measured.*").count(), 1);
    assert!(markdown.contains("*The run `mine` of 2026-01-02T04:05:06Z.*"));
    assert!(markdown.contains(
        "Plans `lab-fileserver`, 2026-01-02T03:04:05Z, and `mine`, 2026-01-02T04:05:06Z on Made-up"
    ));
    assert!(markdown.contains("where the two were measured by runs of their own, one after the other"));
    assert!(!markdown.contains("Blocks of the same round are divided"));
    assert!(markdown.contains("**2 runs are reported together.**"));
    assert!(markdown.contains("throughput of `thread-pool` over that of `my-server.py`"));
}

#[test]
fn machines_that_differ_are_each_described_and_never_compared() {
    let markdown = merged(true);
    for part in [
        "*The machine of `lab-fileserver` of 2026-01-02T03:04:05Z.*",
        "*The machine of `mine` of 2026-01-02T04:05:06Z.*",
        "| Another Processor ",
        " on 2 machines: ",
        "ran on different machines: no ratio between them is shown",
    ] {
        assert!(markdown.contains(part), "{part}");
    }
    assert!(!markdown.contains("over that of `my-server.py`"));
}

#[test]
fn a_run_of_one_trial_has_a_report() {
    for blocks in [1, 6] {
        let mut run = Run::new("synthetic", blocks);
        run.transfers(&transfer());
        let markdown = report(&run.dataset()).markdown;
        assert!(markdown.starts_with("# How fast does a file server serve?"));
        assert!(!markdown.contains("NaN"));
    }
}

#[test]
fn a_run_that_only_skipped_has_a_report() {
    let mut run = Run::lab(1);
    for row in &mut run.files {
        row.outcome = Outcome::Skipped(LACK.into());
    }
    run.made.clear();
    let report = report(&run.dataset());
    assert_eq!(report.markdown.matches(&format!("skipped: {LACK}")).count(), 3 * 54 + 36);
    assert!(report.figures.iter().all(|(name, _)| name == "fileserver-architecture"));
}
