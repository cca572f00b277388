//! The command line as a user types it: see `cmd/*.trycmd`. `TRYCMD=overwrite cargo test --test cli` renews them.

mod support;

use support::Place;

#[test]
fn as_typed() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd").env("COLUMNS", "100");
}

#[test]
fn plans_come_to_what_they_say() {
    let place = Place::new();
    for plan in ["smoke", "quick", "standard", "full", "lab-roundtrip", "lab-fileserver", "lab-fanout"] {
        let output =
            place.ferrybench(&["plan", plan, "--json"]).assert().success().get_output().stdout.clone();
        let said: serde_json::Value = serde_json::from_slice(&output).expect("one JSON object");
        let trials = said["trials"].as_array().expect("a list of trials");
        let ids: std::collections::HashSet<_> =
            trials.iter().map(|trial| trial["trial"].to_string()).collect();
        assert_eq!((said["plan"].as_str(), ids.len()), (Some(plan), trials.len()), "ids are unlike");
        assert!(said["estimate"]["seconds"].as_f64().is_some_and(|seconds| seconds > 0.5));
    }
}

#[test]
fn results_go_to_standard_output_and_the_rest_elsewhere() {
    let place = Place::new();
    place.write("one.toml", "name = \"one\"\nblocks = 1\n[roundtrip]\nmechanisms = [\"pipe\"]\npatterns = [\"rtt\"]\nplacements = [\"same-cpu\"]\nleg = \"20ms\"\n");
    let run = place
        .ferrybench(&["bench", "one.toml", "--out", "run", "--json", "--allow-debug"])
        .assert()
        .success()
        .get_output()
        .clone();
    let said: serde_json::Value =
        serde_json::from_slice(&run.stdout).expect("standard output is one JSON object");
    assert_eq!(said["trials"][0]["trial"], "roundtrip/pipe/rtt/64B/process/block/same-cpu");
    assert!(said["trials"][0]["rate_per_s"]["value"].as_f64().is_some_and(|rate| rate > 0.0));
    assert!(String::from_utf8_lossy(&run.stderr).contains("Measured in"));

    let run = place
        .ferrybench(&["bench", "one.toml", "--out", "again", "--allow-debug"])
        .assert()
        .success()
        .get_output()
        .clone();
    let text = String::from_utf8(run.stdout).expect("text");
    assert_eq!(
        text.lines().last(),
        Some("Report: again/report/REPORT.md"),
        "the last line says where the report is"
    );
    assert!(!text.contains('\u{1b}'), "no colour where it is not a terminal");
    assert!(place.path("again/report/REPORT.md").is_file());
}

#[test]
fn a_reader_that_stops_reading_is_no_failure() {
    let place = Place::new();
    let script = format!("{} list | head -n 1", support::BINARY);
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.folder.path())
        .output()
        .expect("sh starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn shells_and_man_get_their_files() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.ferrybench(&["completions", shell]).assert().success().get_output().stdout.clone();
        assert!(String::from_utf8_lossy(&script).contains("ferrybench"), "{shell}");
    }
    let page = place.ferrybench(&["man"]).assert().success().get_output().stdout.clone();
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(page.starts_with(".ie") && page.contains("lab\\-roundtrip"), "{page}");
}
