//! The fan-out's part of a report of a made-up run: what it says, and what it must never say.

mod support;

use ferrybench_data::{
    dataset::Dataset,
    fanout::{Delivery, Framing, Reliability},
    record::{Audit, Fate, Outcome, Row},
    run_info::FetchedSource,
};
use ferrybench_reports::{Report, report, write};
use support::{
    Run,
    fanout::{FAILURE, INCOMPLETE, LACK, hosts, large, two_pictures},
};

fn lab(blocks: u32) -> Report {
    report(&Run::lab_fanout(blocks).dataset())
}

/// The document without its numbers' non-breaking spaces, which nobody sees in a test.
fn plain(report: &Report) -> String {
    report.markdown.replace('\u{a0}', " ")
}

/// What stands below a heading, up to the next of its level.
fn part<'m>(markdown: &'m str, heading: &str) -> &'m str {
    let (_, rest) = markdown.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let level = heading.chars().take_while(|letter| *letter == '#').count();
    let next = format!("\n{} ", "#".repeat(level));
    rest.split_once(&next).map_or(rest, |(before, _)| before)
}

/// The cells of each row of the first table of a part.
fn table(markdown: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = part(markdown, heading).lines().skip_while(|line| !line.starts_with("| -")).skip(1);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

const SECTIONS: &[&str] = &[
    "## UDP fan-out: the network",
    "## UDP fan-out: the programs",
    "### What was fetched",
    "## UDP fan-out: where the time goes",
    "## UDP fan-out: the published results beside ours",
    "## UDP fan-out: each program, and what it put out",
    "## UDP fan-out: the files on each host",
    "## UDP fan-out: goodput and loss",
    "## UDP fan-out: where datagrams were lost",
    "## UDP fan-out: the ledger",
    "## The run at work",
    "## Rows without a figure",
    "## Every trial",
    "## How to make this again",
];
const FIRST_CASE: &str =
    "### 2 pictures, one to each of 2 receivers, by unicast; bare datagrams of 1 B, fetched by the parent";
const WITH_LEDGER: &str = "### 2 pictures, one to each of 2 receivers, by unicast; datagrams of 1,400 B with our header, fetched by the parent";

#[test]
fn the_made_up_rows_pass_the_audit() {
    for run in [Run::lab_fanout(3), Run::fanouts(1), Run::on_loopback(1)] {
        for row in &run.fanouts {
            assert!(!matches!(row.fate(), Fate::Refused(_)), "{}: {:?}", row.trial(), row.fate());
        }
    }
}

#[test]
fn the_assignment_reads_as_before() {
    // Folds hold what programs put out, and tables that are known by their first rows.
    let markdown = plain(&lab(3));
    let mut lines: Vec<&str> = Vec::new();
    let mut depth = 0;
    for line in markdown.lines().skip_while(|line| !line.starts_with("## How to read it")) {
        depth += usize::from(line == "<details>");
        if depth == 0 || line.starts_with("<summary>") {
            lines.push(line);
        }
        depth -= usize::from(line == "</details>");
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn every_section_is_there_and_in_order() {
    let markdown = lab(3).markdown;
    let places: Vec<usize> = SECTIONS.iter().map(|title| markdown.find(title).expect(title)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(markdown.starts_with("# How fast do files reach many hosts?"));
    for of_others in ["Ranking: round trips", "`same-cpu`", "File server", "**A round trip**"] {
        assert!(!markdown.contains(of_others), "{of_others}");
    }
}

#[test]
fn the_families_stand_one_after_the_other() {
    let all = Run::full(6).with(Run::lab(6)).with(Run::lab_fanout(6));
    let markdown = report(&all.dataset()).markdown;
    let place = |title: &str| markdown.find(title).expect(title);
    assert!(place("## File server: ranking") < place(SECTIONS[0]));
    assert_eq!(markdown.matches("\n## Every trial").count(), 1);
    assert!(
        place("trials of the file server with a figure") < place("trials of the UDP fan-out with a figure")
    );
    // What is said of each alone is said of all.
    for alone in [report(&Run::full(6).dataset()).markdown, lab(6).markdown] {
        let headings = alone.lines().filter(|line| line.starts_with("## "));
        headings.for_each(|heading| assert!(markdown.contains(heading), "{heading}"));
    }
    for other in [Run::full(6), Run::lab(6)] {
        assert!(!report(&other.dataset()).markdown.contains("UDP fan-out"));
    }
}

#[test]
fn a_program_has_the_name_of_the_assignment_and_the_published_times_beside_it() {
    let markdown = plain(&lab(3));
    let rows = table(&markdown, FIRST_CASE);
    let names: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(
        names,
        [
            "**single thread**",
            "**multi thread**",
            "**multi process**",
            "**multi thread asynchronous, 4 workers**",
            "**multi process asynchronous, 15 workers**",
            "**tokio, 4 workers**",
        ]
    );
    let published: Vec<&[String]> = rows.iter().map(|row| &row[7..9]).collect();
    assert_eq!(published[0], ["–", "–"], "nobody published a single thread");
    assert_eq!(published[1], ["4.12 s", "5.58 s"]);
    assert_eq!(published[4], ["6.36 s", "8.72 s"]);
    assert_eq!(rows[3][11], "5 of 6", "a picture of the first block is not whole");
    let failed = &table(&markdown, WITH_LEDGER)[2];
    assert_eq!(failed[12], format!("2 blocks; block 2 failed: {FAILURE}"));
    assert!(markdown.contains(&format!("skipped: {LACK}")));
    assert!(part(&markdown, WITH_LEDGER).contains("its datagrams hold 1 B and no header"));
}

#[test]
fn pauses_that_overlap_are_counted_once() {
    let mut run = Run::new("lab-fanout", 1);
    for (model, pool_size) in [("single-thread", 0), ("thread-pool", 4)] {
        let case = support::fanout::one_picture();
        run.send(&ferrybench_data::fanout::Spec {
            sender_model: model.into(),
            pool_size,
            files: 3,
            framing: Framing::Ledger,
            ..case
        });
    }
    let markdown = plain(&report(&run.dataset()));
    let rows = table(&markdown, "## UDP fan-out: where the time goes");
    assert_eq!(rows.iter().map(|row| row[4].as_str()).collect::<Vec<_>>(), ["6.00 s", "2.00 s"]);
}

#[test]
fn sources_and_outputs_are_shown_once() {
    let markdown = lab(3).markdown;
    let shown = part(&markdown, "## UDP fan-out: each program, and what it put out");
    assert_eq!(shown.matches("<summary>The source of ").count(), 6);
    assert_eq!(shown.matches("output on client, server1, server2</summary>").count(), 23);
    assert!(shown.contains("//! What `tokio` is."));
    let at_work = part(&markdown, "## The run at work");
    assert!(at_work.contains("captures/run.txt") && !at_work.contains("program-"));
    assert_eq!(markdown.matches("//! What `tokio` is.").count(), 1);
}

#[test]
fn each_host_has_its_files_with_size_and_hash() {
    let markdown = plain(&lab(3));
    let rows = table(&markdown, "## UDP fan-out: the files on each host");
    assert_eq!(rows[0][..3], ["client (source)", "picture-1.jpg", "214,803 B"]);
    let of_first: Vec<_> = rows.iter().filter(|row| row[0] == "server1").collect();
    assert_eq!(of_first[0][3], rows[0][3], "the source's hash");
    assert_eq!(of_first[0][4..6], ["yes", "17 blocks: all 6 programs"]);
    assert_eq!(of_first[1][2..5], ["–", "–", "–"]);
    assert_eq!(of_first[1][5..], ["1 block: multi thread asynchronous, 4 workers", INCOMPLETE]);
}

#[test]
fn what_was_fetched_once_is_shown_with_its_time() {
    let mut data = Run::lab_fanout(2).dataset();
    data.info.fetched = vec![FetchedSource {
        url: "https://example.org/ferry".into(),
        name: "ferry.png".into(),
        content_type: "image/png".into(),
        bytes: 214_803,
        fetch_s: 0.25,
    }];
    let markdown = plain(&report(&data));
    assert_eq!(
        table(&markdown, "## UDP fan-out: the files on each host"),
        [["`https://example.org/ferry`", "ferry.png", "image/png", "214,803 B", "250 ms"]]
    );
}

#[test]
fn the_ledger_shows_its_identities_and_says_where_they_fail() {
    let markdown = plain(&lab(3));
    let ledger = part(&markdown, "## UDP fan-out: the ledger");
    assert!(ledger.contains("Both identities hold in all"));
    let row = &table(ledger, "Out of order")[0];
    assert_eq!(row[1..5], ["server1", "10.77.0.2:7000", "462 + 0 = 462", "462 + 0 + 0 = 462"]);
    assert!(ledger.contains("2 cases have bare datagrams"));

    let mut run = Run::lab_fanout(3);
    let broken = run.receivers.iter_mut().find(|row| row.unique.is_some()).expect("some rows are counted");
    broken.lost = broken.lost.map(|lost| lost + 1);
    let markdown = plain(&report(&run.dataset()));
    assert!(markdown.contains("**The identities hold in "));
    assert!(markdown.contains(" 462 + 1 ≠ 462 "));
}

#[test]
fn bare_datagrams_have_no_losses_that_anybody_knows() {
    let markdown = plain(&lab(3));
    let rows = table(
        &markdown,
        "### 2 pictures, one to each of 2 receivers, by unicast, bare, fetched by the parent",
    );
    assert!(rows.iter().all(|row| row[5] == "n/a"), "{rows:?}");
    assert!(markdown.contains("Of 11 trials whose datagrams carry a number"));
    assert!(markdown.contains("Of 12 trials with bare datagrams the losses are not known."));
}

#[test]
fn losses_are_told_by_their_place_and_never_exceed_the_ledger() {
    let markdown = plain(&report(&Run::fanouts(6).dataset()));
    let rows = table(&markdown, "## UDP fan-out: where datagrams were lost");
    let count = |cell: &String| cell.replace(',', "").parse::<u64>().unwrap_or(0);
    let injected: Vec<_> = rows.iter().filter(|row| row[5] != "not told").collect();
    assert_eq!(injected.len(), 2, "only two trials lost on purpose");
    for row in &rows {
        let named = count(&row[5]) + count(&row[6]) + count(&row[7]);
        assert_eq!(count(&row[8]), count(&row[3]).saturating_sub(named), "{row:?}");
    }
}

/// Words that compare one thing with another.
const CLAIMS: &[&str] = &[
    "told apart",
    "the lowest median",
    "The lowest median",
    "the highest median",
    "The highest median",
    "the lines cross",
    "do not cross",
    "more in ",
    "times that of",
];

#[test]
fn below_six_blocks_nothing_is_compared_in_words() {
    for blocks in [1, 3, 5] {
        for run in [Run::lab_fanout(blocks), Run::fanouts(blocks)] {
            let markdown = report(&run.dataset()).markdown;
            assert!(markdown.contains(&format!("No interval (n = {blocks})")));
            for claim in CLAIMS {
                assert!(!markdown.contains(claim), "{blocks} blocks: {claim}");
            }
        }
    }
    let markdown = report(&Run::fanouts(6).dataset()).markdown;
    assert!(CLAIMS.iter().filter(|claim| markdown.contains(**claim)).count() > 4);
}

#[test]
fn lines_of_few_and_of_many_receivers_are_said_to_cross() {
    let mut run = Run::new("standard", 6);
    for delivery in [Delivery::Unicast, Delivery::Multicast] {
        for receivers in [2, 8] {
            run.send(&ferrybench_data::fanout::Spec { delivery, receivers, ..large() });
        }
    }
    for row in &mut run.fanouts {
        let (few, multicast) = (row.spec.receivers == 2, row.spec.delivery == Delivery::Multicast);
        if let Outcome::Measured { evidence, .. } = &mut row.outcome {
            let pace = 1.0 + 0.01 * f64::from(row.block);
            evidence.complete_s = Some(pace * if few == multicast { 2.0 } else { 1.0 });
        }
    }
    let markdown = plain(&report(&run.dataset()));
    assert!(
        markdown.contains("multicast over unicast: the lines cross between 2 and 8 receivers: longer before, shorter after (2.00× [2.00, 2.00] with 2 receivers, 0.500× [0.500, 0.500] with 8 receivers)"),
        "{}",
        part(&markdown, "## UDP fan-out: unicast, broadcast and multicast")
    );
}

#[test]
fn the_cost_of_a_receiver_is_shown() {
    let mut run = Run::new("standard", 6);
    for receivers in [2, 64] {
        run.send(&ferrybench_data::fanout::Spec { receivers, delivery: Delivery::Multicast, ..large() });
    }
    for row in &mut run.fanouts {
        if let Outcome::Measured { evidence, .. } = &mut row.outcome {
            evidence.complete_s = Some(f64::from(row.spec.receivers) * 0.003);
            // The largest of all blocks counts.
            let many = u64::from(row.spec.receivers);
            evidence.sender_peak_rss_bytes = (many << 20) + u64::from(row.block) * (1 << 20);
            evidence.receiver_peak_rss_bytes = (40 << 20) - u64::from(row.block) * (1 << 20);
        }
    }
    let markdown = plain(&report(&run.dataset()));
    let rows = table(&markdown, "## UDP fan-out: unicast, broadcast and multicast");
    let costs: Vec<&[String]> = rows.iter().map(|row| &row[6..10]).collect();
    assert_eq!(costs[0], ["6.00 ms [6.00, 6.00]", "3.00 ms [3.00, 3.00]", "8.0 MiB", "39.0 MiB"]);
    assert_eq!(costs[1], ["192 ms [192, 192]", "3.00 ms [3.00, 3.00]", "70.0 MiB", "39.0 MiB"]);
    let goodput = part(&markdown, "## UDP fan-out: goodput and loss");
    assert!(goodput.contains("Memory of the sender") && goodput.contains("70.0 MiB"));
}

#[test]
fn refused_rows_are_in_no_figure() {
    let refuse = |wild: bool| {
        let mut run = Run::fanouts(6);
        for row in run.fanouts.iter_mut().filter(|row| row.spec.reliability == Reliability::Repair) {
            if let Outcome::Measured { evidence, audit } = &mut row.outcome {
                *audit = Audit::Fail(vec!["the ledger does not add up".into()]);
                let factor = if wild { 1e6 } else { 1.0 };
                evidence.goodput_bytes_per_s *= factor;
                evidence.total_s *= factor;
                evidence.complete_s = evidence.complete_s.map(|time| time * factor);
                evidence.wire_bytes *= factor as u64;
                evidence.lost = evidence.lost.map(|lost| lost * factor as u64);
            }
        }
        report(&run.dataset())
    };
    assert_eq!(refuse(true), refuse(false));
}

#[test]
fn hosts_that_are_loopback_addresses_are_said_to_be() {
    let report = report(&Run::on_loopback(3).dataset());
    let markdown = plain(&report);
    assert!(part(&markdown, "## In short").contains("addresses of the loopback interface"));
    let rows = table(&markdown, "## UDP fan-out: the network");
    assert_eq!(rows[1][2], "127.0.0.2", "what the receiver said");
    assert!(markdown.contains("3 hosts with 1 network stack on 1 machine"));
    let picture = &report.figures.iter().find(|(name, _)| name == "fanout-network").expect("a picture").1;
    assert!(picture.contains("Loopback interface") && picture.contains("127.0.0.3"));
}

#[test]
fn hosts_are_shown_where_other_families_ran_between_them() {
    let mut run = Run::lab(3);
    run.info.participants = hosts(1);
    let markdown = report(&run.dataset()).markdown;
    assert_eq!(table(&markdown, "## The hosts that took part").len(), 2);
    assert!(!markdown.contains("UDP fan-out"));
    assert!(!report(&Run::lab(3).dataset()).markdown.contains("The hosts that took part"));
}

#[test]
fn many_servers_are_one_box() {
    let mut run = Run::new("standard", 1);
    run.info.participants = hosts(64);
    run.send(&ferrybench_data::fanout::Spec { receivers: 64, delivery: Delivery::Multicast, ..large() });
    let report = report(&run.dataset());
    let picture = &report.figures.iter().find(|(name, _)| name == "fanout-network").expect("a picture").1;
    assert!(picture.contains("server4") && !picture.contains(">server5<"));
    assert!(picture.contains("× 60") && picture.contains("server5 to server64"));
    assert!(report.markdown.contains("All 65 hosts"));
}

#[test]
fn a_run_that_only_skipped_has_a_report() {
    let mut run = Run::lab_fanout(1);
    for row in &mut run.fanouts {
        row.outcome = Outcome::Skipped(LACK.into());
    }
    run.receivers.clear();
    run.fetches.clear();
    run.info.participants.clear();
    run.captures.clear();
    let report = report(&run.dataset());
    assert_eq!(report.markdown.matches(&format!("skipped: {LACK}")).count(), 24);
    assert_eq!(report.figures, []);
}

#[test]
fn every_built_in_plan_has_a_report() {
    for (plan, blocks) in [("smoke", 1), ("quick", 6), ("standard", 6), ("lab-fanout", 3)] {
        let run = Run::planned(plan, blocks);
        assert!(!run.fanouts.is_empty(), "{plan}");
        let refused = run.fanouts.iter().find(|row| matches!(row.fate(), Fate::Refused(_)));
        assert_eq!(refused.map(|row| (row.trial(), format!("{:?}", row.fate()))), None, "{plan}");
        let report = report(&run.dataset());
        assert!(report.figures.len() < 30, "{plan}: {} figures", report.figures.len());
        for word in ["NaN", "inf ", "n = 0"] {
            assert!(!report.markdown.contains(word), "{plan}: {word}");
        }
    }
}

#[test]
fn a_run_of_one_trial_has_a_report() {
    for blocks in [1, 6] {
        let mut run = Run::new("synthetic", blocks);
        run.send(&two_pictures());
        let markdown = report(&run.dataset()).markdown;
        for word in ["NaN", "inf ", "n = 0"] {
            assert!(!markdown.contains(word), "{word}");
        }
    }
}

#[test]
fn everything_named_is_written() {
    for run in [Run::lab_fanout(3), Run::fanouts(6)] {
        let folder = tempfile::tempdir().unwrap();
        run.write(folder.path()).unwrap();
        let data = Dataset::read(folder.path()).unwrap();
        assert_eq!((data.damaged, data.is_complete()), (0, true));
        let place = write(&data, folder.path()).unwrap();
        let markdown = std::fs::read_to_string(&place).unwrap();
        let mut named = 0;
        for rest in markdown.split("](figures/").skip(1) {
            let (name, _) = rest.split_once(')').unwrap();
            assert!(place.with_file_name("figures").join(name).is_file(), "{name}");
            named += 1;
        }
        assert_eq!(std::fs::read_dir(place.with_file_name("figures")).unwrap().count(), 2 * named);
    }
}

#[test]
fn the_same_records_give_the_same_bytes() {
    assert_eq!(lab(6), lab(6));
}

#[test]
fn all_words_of_a_figure_lie_inside_it() {
    for run in [Run::lab_fanout(3), Run::fanouts(6), Run::on_loopback(3)] {
        for (name, svg) in report(&run.dataset()).figures {
            let number = |text: &str, key: &str| -> f64 {
                let (_, rest) = text.split_once(key).expect("each element has it");
                rest.split_once('"').expect("attributes end").0.parse().expect("attributes are numbers")
            };
            let view = svg.split_once("viewBox=\"").unwrap().1.split_once('"').unwrap().0;
            let view: Vec<f64> = view.split(' ').map(|number| number.parse().unwrap()).collect();
            for text in svg.split("<text ").skip(1) {
                let (x, y) = (number(text, "x=\""), number(text, "y=\""));
                assert!((0.0..=view[2]).contains(&x) && (0.0..=view[3]).contains(&y), "{name}: {x}, {y}");
                let words = text.split_once('>').unwrap().1.split_once('<').unwrap().0;
                // A letter of the face is at most some 7.6 pixels wide on average at these sizes.
                let is_anchored =
                    text.contains("text-anchor=\"end\"") || text.contains("text-anchor=\"middle\"");
                let end = x + words.chars().count() as f64 * 7.6;
                assert!(is_anchored || end <= view[2] + 20.0, "{name}: \"{words}\" ends near {end}");
            }
        }
    }
}
