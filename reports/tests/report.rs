//! The report of a made-up run: what it says, and what it must never say.

mod support;

use ferrybench_data::{
    dataset::Dataset,
    record::{Audit, Outcome},
    roundtrip::{Pattern, Placement},
};
use ferrybench_reports::{Report, report, write};
use support::{Run, model, natural, rtt};

fn full() -> Report {
    report(&Run::full(6).dataset())
}

#[test]
fn a_full_report_reads_as_before() {
    insta::assert_snapshot!(full().markdown.replace('\u{a0}', " "));
}

#[test]
fn the_same_records_give_the_same_bytes() {
    assert_eq!(full(), full());
}

/// The interval behind each `**1.23 times** [1.20, 1.26]` or `**1.23** [1.20, 1.26]`.
fn claimed_intervals(markdown: &str) -> Vec<(f64, f64)> {
    let bounds = |text: &str| -> Option<(f64, f64)> {
        let (low, high) = text.strip_prefix(" [")?.split_once(']')?.0.split_once(", ")?;
        Some((low.parse().ok()?, high.parse().ok()?))
    };
    let is_claim = |line: &&str| line.starts_with("- At ");
    markdown.lines().filter(is_claim).flat_map(|line| line.split("**").skip(2).filter_map(bounds)).collect()
}

#[test]
fn what_is_compared_in_words_has_an_interval_that_excludes_equality() {
    let markdown = full().markdown;
    let claims = claimed_intervals(&markdown);
    assert!(claims.len() > 10, "{claims:?}");
    for (low, high) in claims {
        assert!(low >= 1.0 || high <= 1.0, "[{low}, {high}]");
    }
}

#[test]
fn below_six_blocks_nothing_is_compared_in_words() {
    for blocks in [1, 5] {
        let markdown = report(&Run::full(blocks).dataset()).markdown;
        assert_eq!(claimed_intervals(&markdown), []);
        for claim in [
            "CPU is faster",
            "CPUs are faster",
            "the highest median",
            "by the median",
            "stream between processes",
            "told apart from it",
        ] {
            assert!(!markdown.contains(claim), "{blocks} blocks: {claim}");
        }
        assert!(markdown.contains(if blocks == 1 { "With 1 block there" } else { "With 5 blocks there" }));
        assert!(!markdown.contains(" 1 blocks"));
    }
}

/// The document without the table that lists refused rows.
fn without_refusals(report: &Report) -> String {
    let (before, rest) = report.markdown.split_once("## Rows without a figure").expect("rows were refused");
    let (_, after) = rest.split_once("\n## ").expect("more sections follow");
    format!("{before}{after}")
}

#[test]
fn refused_rows_are_in_no_figure() {
    let mut wild = Run::full(6);
    for row in &mut wild.records {
        if let Outcome::Measured { evidence, audit: Audit::Fail(why) } = &mut row.outcome {
            why.push("wild".into());
            evidence.elapsed_s *= 1e-6;
            evidence.rate_per_s *= 1e6;
            evidence.bytes_per_s *= 1e6;
            evidence.cpu_user_s *= 1e6;
            evidence.voluntary_switches *= 1000;
            evidence.p50_ns = Some(1.0);
            evidence.p99_ns = Some(1.0);
        }
    }
    let (tame, wild) = (full(), report(&wild.dataset()));
    assert_ne!(tame.markdown, wild.markdown);
    assert_eq!(without_refusals(&tame), without_refusals(&wild));
    assert_eq!(tame.figures, wild.figures);
}

#[test]
fn every_named_figure_is_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    Run::full(6).write(folder.path()).unwrap();
    let data = Dataset::read(folder.path()).unwrap();
    assert_eq!(data.damaged, 0);
    let place = write(&data, folder.path()).unwrap();
    let markdown = std::fs::read_to_string(&place).unwrap();
    let figures = place.with_file_name("figures");
    let named: Vec<&str> = markdown
        .split("](figures/")
        .skip(1)
        .filter_map(|rest| rest.split_once(".svg)"))
        .map(|at| at.0)
        .collect();
    assert!(named.len() > 12, "{named:?}");
    for name in &named {
        for ending in ["svg", "png"] {
            assert!(figures.join(format!("{name}.{ending}")).is_file(), "{name}.{ending}");
        }
    }
    assert_eq!(std::fs::read_dir(figures).unwrap().count(), 2 * named.len());
}

/// A report that has its title and remake section, and closes every fold that it opens.
fn sound(run: Run) -> Report {
    let report = report(&run.dataset());
    let markdown = &report.markdown;
    assert!(markdown.starts_with("# ") && markdown.contains("## How to make this again"));
    assert_eq!(markdown.matches("<details>").count(), markdown.matches("</details>").count());
    assert_eq!(markdown.matches("](figures/").count(), report.figures.len());
    for word in ["NaN", "inf ", "-0.0"] {
        assert!(!markdown.contains(word), "{word}");
    }
    report
}

#[test]
fn a_run_of_skipped_rows_has_a_report() {
    let mut run = Run::new("synthetic", 6);
    run.skip(&rtt("pipe", 64, Placement::Split), "this machine has one CPU");
    run.skip(&rtt("queue", 64, Placement::Split), "this machine has one CPU");
    let report = sound(run);
    assert!(report.markdown.contains("this machine has one CPU"));
    assert_eq!(report.figures, []);
}

#[test]
fn a_run_without_rows_has_a_report() {
    assert_eq!(sound(Run::new("synthetic", 6)).figures, []);
}

#[test]
fn a_run_of_one_mechanism_has_a_report() {
    for blocks in [1, 6] {
        let mut run = Run::new("synthetic", blocks);
        run.measure(&natural(model("pipe"), Pattern::Rtt, 64, Placement::SameCpu));
        let report = sound(run);
        assert_eq!(claimed_intervals(&report.markdown), []);
        assert!(report.markdown.contains("ranking-64b-same-cpu"));
    }
}

#[test]
fn a_run_of_the_assignment_has_a_report() {
    let mut run = Run::new("lab-roundtrip", 3);
    for name in ["queue", "tcp"] {
        run.measure(&rtt(name, 8, Placement::Unpinned));
    }
    let markdown = sound(run).markdown;
    assert!(markdown.contains("## The assignment") && markdown.contains("no interval (n = 3)"));
    assert_eq!(claimed_intervals(&markdown), []);
}

#[test]
fn all_words_of_a_figure_begin_inside_it() {
    for (name, svg) in full().figures {
        let number = |text: &str, key: &str| -> f64 {
            let (_, rest) = text.split_once(key).expect("each element has it");
            rest.split_once('"').expect("attributes end").0.parse().expect("attributes are numbers")
        };
        let view = svg.split_once("viewBox=\"").unwrap().1.split_once('"').unwrap().0;
        let view: Vec<f64> = view.split(' ').map(|number| number.parse().unwrap()).collect();
        for text in svg.split("<text ").skip(1) {
            let (x, y) = (number(text, "x=\""), number(text, "y=\""));
            assert!((0.0..=view[2]).contains(&x) && (0.0..=view[3]).contains(&y), "{name}: {x}, {y}");
        }
    }
}
