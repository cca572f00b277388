//! `bench` and `run`: measure a plan; `bench` reports as well.

use super::{
    Done, Exit, Trouble,
    axes::Axes,
    failure, note,
    plans::{self, Chosen, PlanChoice},
    progress::Progress,
    ranking, report, request, runs, say,
};
use clap::Args;
use ferrybench::{
    host::facts,
    measure::clock,
    process::identity::binary_hash,
    run::{
        LocalHost,
        coordinator::{self, Ending, Subject, seconds_since},
        folder::RunFolder,
    },
};
use ferrybench_data::{
    criterion::{self, CriterionRow},
    dataset::Dataset,
    fanout::Hosts,
    plan::{Trial, catalogue::Catalogue, estimate::estimate},
    record::Fate,
    run_info::{Ended, FetchedSource, RunInfo, SCHEMA},
    warning::warnings,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

#[derive(Args)]
pub(super) struct Bench {
    /// A folder of Criterion (target/criterion) whose estimates go beside ours
    #[arg(long, value_name = "DIR")]
    criterion: Option<PathBuf>,
    /// Report although a debug build measured
    #[arg(long)]
    allow_debug: bool,
    #[command(flatten)]
    run: Run,
}

// What is flattened comes last: the heading of its options goes on to whatever follows.
#[derive(Args)]
pub(super) struct Run {
    /// The run folder itself, instead of a new one in data/runs or ferrybench-runs
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with a run: the one in --out, or the latest
    #[arg(long)]
    resume: bool,
    /// Results as one JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    choice: PlanChoice,
}

impl Bench {
    pub(super) fn carry_out(self) -> Done {
        if cfg!(debug_assertions) && !self.allow_debug {
            return Err(request(
                "a debug build measures itself more than the mechanisms: use `cargo run --release -- bench`, or --allow-debug",
            ));
        }
        let criterion = self.criterion.as_deref().map(read_criterion).transpose()?;
        measure(self.run.opened()?, criterion.as_deref())?.report(self.run.json)
    }
}

impl Measured {
    /// Writes the report, and says what it found.
    pub(super) fn report(self, json: bool) -> Done {
        let data = Dataset::read(&self.folder).map_err(failure)?;
        let report = report::write(&data, &self.folder)?;
        if json {
            say(ranking::json(&data, &report));
        } else {
            ranking::print(&data);
            for warning in warnings(&data) {
                note(format_args!("note: {warning}"));
            }
            say(format_args!("Report: {}", report.display()));
        }
        Ok(self.exit)
    }
}

impl Run {
    pub(super) fn carry_out(self) -> Done {
        let measured = measure(self.opened()?, None)?;
        if self.json {
            let path = measured.folder.display().to_string();
            say(serde_json::json!({ "run": path, "good": measured.exit == Exit::Good }));
        } else {
            say(format_args!("Run: {}", measured.folder.display()));
        }
        Ok(measured.exit)
    }

    fn opened(&self) -> Result<Opened, Trouble> {
        if self.resume { self.reopen() } else { open(self.choice.choose("quick")?, self.out.as_deref()) }
    }

    fn reopen(&self) -> Result<Opened, Trouble> {
        if self.choice.name().is_some() {
            return Err(request("--resume goes on with the run's own plan: leave the plan away"));
        }
        let path = self.out.clone().map_or_else(runs::latest, Ok)?;
        let (folder, info, plan) = RunFolder::resume(&path).map_err(request)?;
        let name = path.join("plan.toml").display().to_string();
        let chosen = plans::choose(&plan, &name, &Axes::default(), Some(&info.catalogue))?;
        if binary_hash().map_err(failure)? != info.binary_hash {
            return Err(request(format_args!(
                "{} was begun by another build of ferrybench: its blocks and ours must not be mixed",
                path.display()
            )));
        }
        let wall_before_s = info.wall_s;
        Ok(Opened { folder, info, chosen, wall_before_s })
    }
}

/// Begins a run: its folder, and what it is.
pub(super) fn open(chosen: Chosen, out: Option<&Path>) -> Result<Opened, Trouble> {
    let path = out.map_or_else(|| runs::new_name(&chosen.plan.name), Path::to_owned);
    let info = describe(&chosen)?;
    let folder = RunFolder::create(&path, &info, &chosen.plan.to_toml()).map_err(request)?;
    Ok(Opened { folder, info, chosen, wall_before_s: 0.0 })
}

/// Measures what is not recorded yet.
pub(super) fn measure(opened: Opened, criterion: Option<&[CriterionRow]>) -> Result<Measured, Trouble> {
    let begun = clock::now();
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The first asks for a clean end; the second, while that is on its way, ends at once.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&interrupted));
        let _ = signal_hook::flag::register(signal, Arc::clone(&interrupted));
    }
    let Opened { mut folder, mut info, chosen, wall_before_s } = opened;
    if let Some(rows) = criterion {
        folder.write_criterion(rows).map_err(failure)?;
    }
    if let Some(why) = on_loopback(&chosen) {
        note(format_args!("note: files are sent between addresses of the loopback interface: {why}"));
    }
    let cost = info.hosts.first().map_or(25.0, |host| host.clock_cost_ns);
    let plan = &chosen.plan;
    let mut host = LocalHost::start(
        plan.clone(),
        chosen.catalogue.clone(),
        cost,
        Arc::clone(&interrupted),
        &env::temp_dir(),
    )
    .map_err(failure)?;
    let mut progress = Progress::new(&folder, estimate(plan, &chosen.trials).seconds);
    let ended = coordinator::run(plan, &chosen.trials, &mut folder, &mut host, &interrupted, &mut |event| {
        progress.watch(&event);
    });
    let shown = progress.finish();
    let participants = host.participants();
    if !participants.is_empty() {
        info.participants = participants;
    }
    if !host.fetched().is_empty() {
        info.fetched = host.fetched().to_vec();
    }
    for file in host.fetched() {
        let FetchedSource { url, bytes, content_type, fetch_s, .. } = file;
        note(format_args!("Fetched {url}: {bytes} bytes of {content_type} in {fetch_s:.3} s."));
    }
    info.ended = match ended {
        Ok(Ending::Complete) => Ended::Complete,
        _ => Ended::Interrupted,
    };
    info.wall_s = wall_before_s + seconds_since(begun);
    // A full disk must not hide why the run stopped.
    let kept = folder.capture("run.txt", &shown).and_then(|()| folder.write_info(&info));
    let ending = ended.map_err(|error| {
        failure(format_args!("the run stopped: {error}; the {} rows before it are kept", folder.len()))
    })?;
    kept.map_err(failure)?;
    if ending == Ending::Interrupted {
        note("Stopped. What was measured is kept; --resume continues.");
    }
    let exit = if interrupted.load(Ordering::SeqCst) || any_failed(folder.path())? {
        Exit::Failed
    } else {
        Exit::Good
    };
    Ok(Measured { folder: folder.path().to_owned(), exit })
}

/// Why the hosts of trials are none of their own, where that is so.
fn on_loopback(chosen: &Chosen) -> Option<&str> {
    let is_so = |trial: &Trial| {
        trial.skip.is_none() && trial.cell.fanout().is_some_and(|spec| spec.hosts == Hosts::Loopback)
    };
    let lacking = chosen.catalogue.fanout.namespaces_lacking.as_deref();
    lacking.filter(|_| chosen.trials.iter().any(is_so))
}

pub(super) struct Opened {
    folder: RunFolder,
    info: RunInfo,
    chosen: Chosen,
    wall_before_s: f64,
}

pub(super) struct Measured {
    folder: PathBuf,
    exit: Exit,
}

fn describe(chosen: &Chosen) -> Result<RunInfo, Trouble> {
    let Chosen { plan, catalogue, trials, .. } = chosen;
    let info = begun_now(&plan.name, catalogue)?;
    Ok(RunInfo { trials: trials.len() as u32, blocks: plan.blocks, seed: plan.seed, ..info })
}

/// A run of one trial and one block that begins now.
pub(super) fn begun_now(plan: &str, catalogue: &Catalogue) -> Result<RunInfo, Trouble> {
    let host = facts::gather(catalogue).map_err(failure)?;
    Ok(RunInfo {
        schema: SCHEMA,
        suite: "ferrybench".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        revision: option_env!("FERRYBENCH_REVISION")
            .filter(|revision| !revision.is_empty())
            .map(str::to_owned),
        binary_hash: binary_hash().map_err(failure)?,
        build_profile: if cfg!(debug_assertions) { "debug" } else { "release" }.into(),
        compiler: env!("FERRYBENCH_COMPILER").into(),
        command_line: command_line(),
        plan: plan.to_owned(),
        started: clock::utc().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        ended: Ended::Running,
        trials: 1,
        blocks: 1,
        seed: 0,
        wall_s: 0.0,
        hosts: vec![host],
        catalogue: catalogue.clone(),
        participants: Vec::new(),
        fetched: Vec::new(),
    })
}

/// The command line as it was typed, with the program's name alone: where it lies says nothing about the run.
fn command_line() -> Vec<String> {
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    std::iter::once("ferrybench".to_owned()).chain(words).collect()
}

fn any_failed(folder: &Path) -> Result<bool, Trouble> {
    let data = Dataset::read(folder).map_err(failure)?;
    Ok(data.rows().any(|row| matches!(row.fate(), Fate::Failed(_) | Fate::Refused(_))))
}

/// Criterion's estimates of the round-trip benchmarks: every folder `new` with both files in it.
fn read_criterion(folder: &Path) -> Result<Vec<CriterionRow>, Trouble> {
    let mut rows = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder)
            .map_err(|error| request(format_args!("{} cannot be read: {error}", folder.display())))?;
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()) {
            let files = (fs::read(path.join("benchmark.json")), fs::read(path.join("estimates.json")));
            match files {
                (Ok(benchmark), Ok(estimates)) if path.ends_with("new") => {
                    let row = criterion::row(&benchmark, &estimates).map_err(|error| {
                        request(format_args!("{} is not Criterion's: {error}", path.display()))
                    })?;
                    rows.push(row);
                }
                _ => open.push(path),
            }
        }
    }
    if rows.is_empty() {
        return Err(request(format_args!(
            "{} holds no estimates of Criterion; `cargo bench` makes them",
            folder.display()
        )));
    }
    rows.sort_by(|a, b| a.trial.cmp(&b.trial));
    Ok(rows)
}
