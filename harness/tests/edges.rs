//! Bad input gets one clear sentence, exit code 2, and nothing half-written; a machine that lacks something gets a row
//! or a sentence that says what.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may, and says why it skips")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};
use support::{BINARY, Place};

/// The refusal of a command: exit code 2, one line on standard error, nothing on standard output, no folder.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.ferrybench(arguments).assert().code(2).get_output().clone();
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert_eq!(sentence.lines().count(), 1, "one sentence: {sentence}");
    assert!(output.stdout.is_empty());
    for left in ["ferrybench-runs", "out"] {
        assert!(!place.path(left).exists(), "{left} was made");
    }
    sentence.trim_start_matches("ferrybench: ").trim_end().to_owned()
}

fn refused_plan(text: &str) -> String {
    let place = Place::new();
    place.write("my.toml", text);
    refused(&place, &["run", "my.toml", "--out", "out"])
}

#[test]
fn unknown_names_get_the_nearest() {
    let place = Place::new();
    assert_eq!(
        refused(&place, &["run", "smoke", "--mechanism", "pip", "--out", "out"]),
        "unknown mechanism \"pip\"; did you mean \"pipe\"?"
    );
    assert_eq!(
        refused(&place, &["run", "smoke", "--mechanism", "zzz"]),
        "unknown mechanism \"zzz\"; `ferrybench list` shows what exists"
    );
    assert_eq!(
        refused(&place, &["run", "quik"]),
        "there is no plan \"quik\", built in or as a file; did you mean \"quick\"?"
    );
    assert_eq!(
        refused(&place, &["run", "gone.toml"]),
        "the plan gone.toml cannot be read: No such file or directory (os error 2)"
    );
    assert_eq!(
        refused(&place, &["run", "smoke", "--only", "roundtrip/none/**"]),
        "no trial of plan smoke matches \"roundtrip/none/**\""
    );
}

#[test]
fn a_wrong_plan_points_at_line_and_column() {
    assert_eq!(
        refused_plan("name = \"x\"\n[roundtrip]\nmechanisms = [\"pipe\",\n  \"socketpare\"]\n"),
        "my.toml:4:3: unknown mechanism \"socketpare\"; did you mean \"socketpair\"?"
    );
    let sentence = refused_plan("name = \"x\"\nblock = 3\n[roundtrip]\n");
    assert!(
        sentence.starts_with("my.toml:2:1: unknown field `block`, expected one of `name`, `seed`, `blocks`"),
        "{sentence}"
    );
    let sentence = refused_plan("name = \"x\"\nblocks = \"six\"\n[roundtrip]\n");
    assert_eq!(sentence, "my.toml:2:10: invalid type: string \"six\", expected u32");
    let sentence = refused_plan("name = \"x\"\n[roundtrip]\nmessage_bytes = [0]\n");
    assert_eq!(
        sentence,
        "my.toml:3:18: invalid value: integer `0`, expected a size of at least 1 byte, such as 64 or \"4KiB\""
    );
    let sentence = refused_plan("name = \"x\"\n[roundtrip]\nmessage_bytes = [-64]\n");
    assert_eq!(
        sentence,
        "my.toml:3:18: invalid value: integer `-64`, expected a size of at least 1 byte, such as 64 or \"4KiB\""
    );
    let sentence = refused_plan("name = \"x\"\n[roundtrip]\nmessage_bytes = [\"4 parsecs\"]\n");
    assert!(sentence.starts_with("my.toml:3:18: expected a size of at least 1 byte"), "{sentence}");
    let sentence = refused_plan("name = \"x\"\n[roundtrip]\nleg = \"soon\"\n");
    assert!(sentence.starts_with("my.toml:3:7: expected a duration above zero with its unit"), "{sentence}");
    let sentence = refused_plan("name = \"x\"\n[roundtrip]\nproducers = [3]\n");
    assert_eq!(sentence, "my.toml:3:13: expected 1, 2 or 4 producers, not 3");
    let sentence = refused_plan("name = \"x\"\nblocks = 0\n[roundtrip]\n");
    assert_eq!(sentence, "my.toml:2:10: expected 1 to 10000 blocks, not 0");
    let sentence = refused_plan("name = \"x\"\n[roundtrip]\npatterns = [\"ping\"]\n");
    assert_eq!(sentence, "my.toml:3:13: unknown variant `ping`, expected `rtt` or `stream`");
    assert_eq!(refused_plan("name = \"../x\"\n[roundtrip]\n").split(": ").next(), Some("my.toml:1:8"));
    assert_eq!(
        refused_plan("name = \"x\"\n"),
        "my.toml:1:1: the plan asks for nothing: it needs a [roundtrip], a [fileserver], a [fanout] or a [[foreign]] \
         table"
    );
    let sentence = refused_plan("name = \"x\"\n[[foreign]]\nname = \"pipe\"\ncommand = [\"true\"]\n");
    assert_eq!(sentence, "my.toml:3:8: the name \"pipe\" of a foreign peer is taken");
}

#[test]
fn combinations_that_cannot_be_are_said() {
    let sentence =
        refused_plan("name = \"x\"\n[roundtrip]\nmechanisms = [\"std-mpsc\"]\npeers = [\"process\"]\n");
    assert!(
        sentence.starts_with("std-mpsc has none of the combinations that the plan asks for"),
        "{sentence}"
    );
    let twice = "name = \"x\"\n[[roundtrip]]\nmechanisms = [\"pipe\"]\nleg = \"20ms\"\n[[roundtrip]]\nmechanisms = [\"pipe\"]\nleg = \"30ms\"\n";
    assert_eq!(
        refused_plan(twice),
        "roundtrip/pipe/rtt/64B/process/block/same-cpu is asked for twice, with different legs"
    );
}

#[test]
fn folders_that_cannot_be_used_are_refused() {
    let place = Place::new();
    place.write("file", "");
    let sentence = refused(&place, &["run", "smoke", "--out", "file/run"]);
    assert_eq!(sentence, "file/run: Not a directory (os error 20)");
    fs::create_dir(place.path("full")).unwrap();
    place.write("full/precious", "data");
    let sentence = refused(&place, &["run", "smoke", "--out", "full"]);
    assert_eq!(sentence, "full exists already; --resume continues a run, another --out begins one");
    assert_eq!(place.read("full/precious"), "data");
    let sentence = refused(&place, &["report", "full"]);
    assert_eq!(sentence, "full/run.json cannot be read: No such file or directory (os error 2)");
    let sentence = refused(&place, &["bench", "--resume", "--allow-debug"]);
    assert_eq!(sentence, "there is no run in ferrybench-runs; --out DIR names one elsewhere");
}

const SMALL: &str = "name = \"small\"\nblocks = 1\n[roundtrip]\nmechanisms = [\"pipe\", \"tcp\"]\npatterns = [\"rtt\"]\nplacements = [\"same-cpu\"]\nleg = \"20ms\"\n";

#[test]
fn records_of_a_newer_schema_are_refused_and_damaged_ones_are_counted() {
    let place = Place::new();
    place.write("small.toml", SMALL);
    place.ferrybench(&["run", "small.toml", "--out", "run"]).assert().success();
    let rows = place.read("run/roundtrip.csv");

    let lines: Vec<&str> = rows.lines().collect();
    assert_eq!(lines.len(), 3);
    let damaged =
        format!("{}\n{}\n{}\nnot a row\n{}", lines[0], lines[1], "roundtrip/x,one,two", &lines[2][..40]);
    fs::write(place.path("run/roundtrip.csv"), damaged).unwrap();
    place.ferrybench(&["report", "run", "--allow-debug"]).assert().success();
    let report = place.read("run/report/REPORT.md");
    assert!(report.contains("3 lines of the records torn or damaged"), "the bad lines are counted");

    let info = place.read("run/run.json").replace("\"schema\": 1", "\"schema\": 7");
    fs::write(place.path("run/run.json"), info).unwrap();
    let sentence = refused(&place, &["report", "run"]);
    assert_eq!(sentence, "run/run.json has schema 7; this version reads up to 1: use a newer ferrybench");
}

#[test]
fn a_debug_build_reports_only_when_told_to() {
    if !cfg!(debug_assertions) {
        println!("skipped: this is a release build");
        return;
    }
    let place = Place::new();
    assert!(refused(&place, &["bench", "smoke"]).starts_with("a debug build measures itself"));
    place.write("small.toml", SMALL);
    place.ferrybench(&["run", "small.toml", "--out", "run"]).assert().success();
    assert!(refused(&place, &["report", "run"]).contains("was measured by a debug build"));
}

#[test]
fn what_is_too_large_is_skipped_with_its_limit() {
    let place = Place::new();
    let plan = "name = \"large\"\nblocks = 1\n[roundtrip]\nmechanisms = [\"eventfd\", \"udp\"]\npatterns = [\"rtt\"]\nplacements = [\"same-cpu\"]\nmessage_bytes = [8, \"1MiB\"]\nleg = \"20ms\"\n";
    place.write("large.toml", plan);
    place.ferrybench(&["run", "large.toml", "--out", "run"]).assert().success();
    let rows = place.read("run/roundtrip.csv");
    assert!(rows.contains("skipped,limit: eventfd carries at most 8B here"), "{rows}");
    assert!(rows.contains("skipped,limit: udp carries at most 65507B here"), "{rows}");
    assert_eq!(rows.lines().filter(|row| row.contains(",ok,")).count(), 2, "{rows}");
}

/// Runs the binary under another program, in a place's folder.
fn under(place: &Place, wrapper: &[&str], arguments: &[&str]) -> std::process::Output {
    Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg(BINARY)
        .args(arguments)
        .current_dir(place.folder.path())
        .env("TMPDIR", place.path("tmp"))
        .output()
        .unwrap()
}

#[test]
fn with_one_cpu_split_is_skipped() {
    let place = Place::new();
    place.write("small.toml", &SMALL.replace("\"same-cpu\"", "\"same-cpu\", \"split\""));
    let output = under(&place, &["taskset", "-c", "0"], &["run", "small.toml", "--out", "run"]);
    assert!(output.status.success(), "{output:?}");
    let rows = place.read("run/roundtrip.csv");
    let skipped = rows.lines().filter(|row| row.contains("skipped,\"split needs two CPUs")).count();
    assert_eq!((skipped, rows.lines().filter(|row| row.contains(",ok,")).count()), (2, 2), "{rows}");
}

#[test]
fn a_limit_on_descriptors_or_queues_is_a_clear_row_or_sentence() {
    let place = Place::new();
    place.write("small.toml", SMALL);
    let script = "ulimit -n 9; exec \"$0\" \"$@\"";
    let output = under(&place, &["sh", "-c", script], &["run", "small.toml", "--out", "run"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &fs::read_to_string(place.path("run/roundtrip.csv")).unwrap_or_default();
    assert!(!output.status.success() && said.contains("Too many open files"), "{said}");

    let place = Place::new();
    place.write("queue.toml", &SMALL.replace("\"pipe\", \"tcp\"", "\"posix-mq\""));
    let output = under(&place, &["prlimit", "--msgqueue=0:0"], &["run", "queue.toml", "--out", "run"]);
    let rows = place.read("run/roundtrip.csv");
    let reason = rows.contains("RLIMIT_MSGQUEUE") || rows.contains("Too many open files");
    // root may pass the limit: then the row is measured.
    assert!(reason || output.status.success(), "{rows}");
}

#[test]
fn a_full_disk_is_a_sentence_and_keeps_the_rows_before_it() {
    let place = Place::new();
    let plan = SMALL.replace("blocks = 1", "blocks = 400");
    place.write("small.toml", &plan);
    let disk = place.path("disk");
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=64k tmpfs disk && shift 0 && \"$@\"; code=$?; cat disk/run/roundtrip.csv; exit $code";
    let output = Command::new("unshare")
        .args([
            "-m",
            "sh",
            "-c",
            script,
            "sh",
            BINARY,
            "run",
            "small.toml",
            "--out",
            "disk/run",
            "--leg",
            "1ms",
        ])
        .current_dir(place.folder.path())
        .env("TMPDIR", place.path("tmp"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("unshare") || said.contains("mount:") {
        println!("skipped: a small disk needs the right to mount: {said}");
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("No space left on device") && said.contains("rows before it are kept"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).lines().count() > 10, "rows are there");
}

#[test]
fn an_ordinary_user_can_measure() {
    let place = Place::new();
    place.write(
        "small.toml",
        &SMALL.replace("\"pipe\", \"tcp\"", "\"pipe\", \"fifo\", \"posix-mq\", \"sysv-mq\", \"queue\""),
    );
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let readable = Path::new(BINARY)
        .ancestors()
        .skip(1)
        .all(|folder| fs::metadata(folder).is_ok_and(|facts| facts.permissions().mode() & 0o005 == 0o005));
    let may = Command::new(as_nobody[0])
        .args(&as_nobody[1..])
        .arg("true")
        .status()
        .is_ok_and(|status| status.success());
    if !may || !readable {
        println!("skipped: becoming another user needs root, and a binary that others can read");
        return;
    }
    for folder in [place.folder.path(), &place.path("tmp")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let output = under(&place, &as_nobody, &["run", "small.toml", "--out", "run"]);
    assert!(output.status.success(), "{output:?}");
    let rows = place.read("run/roundtrip.csv");
    assert_eq!(rows.lines().filter(|row| row.contains(",ok,,pass,")).count(), 5, "{rows}");
}

#[test]
fn a_crash_or_a_hang_is_a_failed_row_and_the_run_goes_on() {
    let place = Place::new();
    place.write(
        "broken.toml",
        &SMALL.replace("\"pipe\", \"tcp\"", "\"broken-crash\", \"broken-hang\", \"pipe\""),
    );
    place.ferrybench(&["run", "broken.toml", "--out", "run"]).assert().code(1);
    let rows = place.read("run/roundtrip.csv");
    let row = |name: &str| rows.lines().find(|row| row.starts_with(&format!("roundtrip/{name}/"))).unwrap();
    assert!(row("broken-crash").contains("failed,the far worker was ended by SIGABRT"), "{rows}");
    assert!(
        row("broken-hang").contains("failed,\"the near worker hung, and was ended at its deadline"),
        "{rows}"
    );
    assert!(row("pipe").contains(",ok,,pass,"), "{rows}");
}
