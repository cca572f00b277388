//! The command line: one file per sub-command. The only place that prints.

mod axes;
mod bench;
mod check;
mod doctor;
mod grid;
mod hosts;
mod list;
mod plan;
mod plans;
mod progress;
mod ranking;
mod receive;
mod report;
mod runs;
mod send;
mod serve;
mod shell;

use clap::{Parser, Subcommand};
use std::{fmt, process::ExitCode};

/// How fast does data change hands? Queues, pipes and shared memory against loopback sockets, with numbers that prove
/// themselves.
#[derive(Parser)]
#[command(name = "ferrybench", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 good; 1 something failed or is not proven; 2 the request was wrong.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a plan, then report: the main job
    Bench(bench::Bench),
    /// Run a plan without a report
    Run(bench::Run),
    /// Make the report of runs again from their records
    Report(report::Report),
    /// Print what a plan would run, with its cost in time, memory and disk
    Plan(plan::Plan),
    /// Hold the stress grid against somebody else's file server
    Grid(grid::Grid),
    /// Serve files from a folder, by any model and protocol
    Serve(serve::Serve),
    /// Test hosts to measure between: up, down, list
    Hosts(hosts::Hosts),
    /// Send files over UDP to receivers that listen
    Send(send::Send),
    /// Receive files over UDP
    Receive(receive::Receive),
    /// List mechanisms and built-in plans, and what this machine lacks
    List(list::List),
    /// Look at this machine: facts, limits, noise, the clock's cost
    Doctor(doctor::Doctor),
    /// Hold a course file server against its protocol, and name its mistakes
    Check(check::Check),
    /// Print shell completions
    Completions(shell::Completions),
    /// Print the man page
    Man(shell::Man),
}

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Good,
    /// Something measured failed.
    Failed,
}

/// Why a command could not be carried out: one sentence.
#[derive(Debug)]
enum Trouble {
    /// The request was wrong: exit code 2.
    Request(String),
    /// It was right, and could not be finished: exit code 1.
    Failure(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Request(sentence) | Self::Failure(sentence)) = self;
        out.write_str(sentence)
    }
}

/// A request that cannot be met.
fn request(why: impl fmt::Display) -> Trouble {
    Trouble::Request(why.to_string())
}

/// Work that could not be finished.
fn failure(why: impl fmt::Display) -> Trouble {
    Trouble::Failure(why.to_string())
}

type Done = Result<Exit, Trouble>;

/// Parses the command line, does what it says, and turns the outcome into an exit code.
pub(crate) fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Bench(bench) => bench.carry_out(),
        Command::Run(run) => run.carry_out(),
        Command::Report(report) => report.carry_out(),
        Command::Plan(plan) => plan.carry_out(),
        Command::Grid(grid) => grid.carry_out(),
        Command::Serve(serve) => serve.carry_out(),
        Command::Hosts(hosts) => hosts.carry_out(),
        Command::Send(send) => send.carry_out(),
        Command::Receive(receive) => receive.carry_out(),
        Command::List(list) => list.carry_out(),
        Command::Doctor(doctor) => doctor.carry_out(),
        Command::Check(check) => check.carry_out(),
        Command::Completions(completions) => completions.carry_out(),
        Command::Man(man) => man.carry_out(),
    };
    match done {
        Ok(Exit::Good) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(1),
        Err(trouble) => {
            note(format_args!("ferrybench: {trouble}"));
            ExitCode::from(if matches!(trouble, Trouble::Request(_)) { 2 } else { 1 })
        }
    }
}

/// A line of a result, on standard output. Whoever closes it early has read enough.
fn say(line: impl fmt::Display) {
    use std::io::Write;
    if writeln!(anstream::stdout().lock(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// A line of everything else, on standard error.
fn note(line: impl fmt::Display) {
    use std::io::Write;
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
