//! `receive`: takes files that somebody sends over UDP.

use super::{Done, Exit, failure, note, request, say};
use clap::Args;
use comfy_table::{Table, presets};
use ferrybench::{
    fanout::{
        bare::UNPROVEN,
        receive::{self, Cue, Expected, Group, Job, Keep, Reply, Until},
        told::{Received, ReceivedFile},
        worker::Known,
    },
    shelf,
};
use ferrybench_data::{
    fanout::{Framing, OK, ReceiveOffload},
    units::{Size, Span},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::{consts, iterator::Signals};
use std::{
    fs,
    io::{IsTerminal, stderr},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::mpsc,
    thread,
};

/// Longest that a receiver listens where nobody says: a day.
const A_DAY_MS: u64 = 24 * 3600 * 1000;

#[derive(Args)]
pub(super) struct Receive {
    /// Where to listen; 0.0.0.0:PORT for broadcasts and groups, port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// The folder that files go into
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// `ledger` (our header) or `bare` (content alone, as a program of your own may send it)
    #[arg(long, value_name = "FRAMING", default_value = "ledger")]
    framing: Framing,
    /// End after so many files, once it is silent
    #[arg(long, value_name = "N", default_value_t = 0)]
    files: u32,
    /// The silence after which it ends, counted once something has arrived
    #[arg(long, value_name = "TIME", default_value = "3s")]
    idle: Span,
    /// End after this time, whatever is missing [default: a day]
    #[arg(long, value_name = "TIME")]
    deadline: Option<Span>,
    /// A multicast group to join
    #[arg(long, value_name = "ADDR", requires = "interface")]
    group: Option<Ipv4Addr>,
    /// An address of the interface on which the group is joined
    #[arg(long, value_name = "ADDR")]
    interface: Option<Ipv4Addr>,
    /// Let other receivers on this host have the same port, for broadcasts
    #[arg(long)]
    share_port: bool,
    /// With `bare`: a copy of a file that will come, so that what arrives can be held against it
    #[arg(long, value_name = "FILE")]
    expect: Vec<PathBuf>,
    /// `gro` takes several datagrams of the kernel as one, `off` each by itself
    #[arg(long = "receive-offload", value_name = "HOW", default_value = "gro")]
    offload: ReceiveOffload,
    /// Receive buffer that is asked for
    #[arg(long, value_name = "SIZE", default_value = "4MiB")]
    buffer: Size,
    /// With `bare`: content that nobody said anything about counts as well [default: it is exit code 1]
    #[arg(long)]
    unproven_ok: bool,
}

impl Receive {
    pub(super) fn carry_out(self) -> Done {
        let job = self.job()?;
        let wanted = (job.expect.len() as u32).max(self.files);
        let (cue, cues) = mpsc::channel();
        let mut signals = Signals::new([consts::SIGINT, consts::SIGTERM]).map_err(failure)?;
        // Kept here as well: without anybody to give cues the receiver would end.
        let on_signal = cue.clone();
        thread::spawn(move || signals.forever().try_for_each(|_| on_signal.send(Cue::Finish)));
        let mut progress = Progress::new();
        let received = receive::run(job, &cues, |reply| {
            progress.watch(&reply);
            Ok(())
        });
        progress.finish();
        let received = received.map_err(request)?;
        drop(cue);
        print(&received);
        let is_unproven = |file: &ReceivedFile| file.outcome == UNPROVEN;
        let is_good = |file: &ReceivedFile| file.outcome == OK || self.unproven_ok && is_unproven(file);
        if !self.unproven_ok && received.files.iter().any(is_unproven) {
            note(
                "Nobody can prove what came without a header: exit code 1. --expect FILE holds it against a copy, and \
                 --unproven-ok makes it 0.",
            );
        }
        let good = received.files.iter().filter(|file| is_good(file)).count();
        let enough = good == received.files.len() && good >= wanted.max(1) as usize;
        Ok(if enough { Exit::Good } else { Exit::Failed })
    }

    fn job(&self) -> Result<Job, super::Trouble> {
        let is_folder = fs::metadata(&self.into).map(|facts| facts.is_dir());
        match is_folder {
            Ok(true) => {}
            Ok(false) => return Err(request(format_args!("{}: it is not a folder", self.into.display()))),
            Err(error) => return Err(request(format_args!("{}: {error}", self.into.display()))),
        }
        // What cannot be tidied is no reason not to receive.
        let _ = shelf::remove_left_behind(&self.into);
        if !self.expect.is_empty() && self.framing == Framing::Ledger {
            return Err(request("--expect is for --framing bare: our header says what comes"));
        }
        if self.unproven_ok && self.framing == Framing::Ledger {
            return Err(request("--unproven-ok is for --framing bare: our header proves what arrived"));
        }
        if self.interface.is_some() && self.group.is_none() {
            return Err(request("--interface is for --group; --listen says where it listens otherwise"));
        }
        let group = match (self.group, self.interface) {
            (Some(address), Some(interface)) if address.is_multicast() => Some(Group { address, interface }),
            (Some(address), _) => return Err(request(format_args!("{address} is no multicast group"))),
            (None, _) => None,
        };
        if group.is_some() && self.listen.ip() != IpAddr::from(Ipv4Addr::UNSPECIFIED) {
            let port = self.listen.port();
            return Err(request(format_args!("a group is heard at --listen 0.0.0.0:{port}")));
        }
        let expected = |(path, file): (&PathBuf, u32)| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Known { name, bytes, hash, .. } = Known::look(path, &name)?;
            Ok(Expected { file, name, bytes, hash })
        };
        let expect: std::io::Result<_> = self.expect.iter().zip(1..).map(expected).collect();
        let files = (self.expect.len() as u32).max(self.files);
        Ok(Job {
            receiver: 0,
            listen: self.listen,
            shares_port: self.share_port,
            group,
            into: self.into.clone(),
            keep: Keep::Files,
            spares: None,
            framing: self.framing,
            receive_offload: self.offload,
            buffer_bytes: u32::try_from(self.buffer.0)
                .map_err(|_| request("--buffer is larger than a kernel gives"))?,
            session: None,
            expect: expect.map_err(request)?,
            deadline_ms: self.deadline.map_or(A_DAY_MS, |time| time.0 / 1_000_000),
            until: Some(Until { files, idle_ms: self.idle.0 / 1_000_000 }),
            has_barrier: false,
        })
    }
}

/// What is shown while files come: a moving line on a terminal, and a line for each file.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{bytes} {bytes_per_sec} {spinner}")
            .expect("the template is fixed and valid");
        Self(
            stderr()
                .is_terminal()
                .then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)),
        )
    }

    fn watch(&mut self, reply: &Reply) {
        match reply {
            Reply::Ready { address, receive_buffer_bytes } => self.line(&format!(
                "Listening on {address}, with a receive buffer of {}. Ctrl-C ends.",
                Size(*receive_buffer_bytes)
            )),
            Reply::File(file) => self.line(&format!("{}: {}", file.name, file.outcome)),
            Reply::Progress { bytes } => {
                if let Some(bar) = &self.0 {
                    bar.set_position(*bytes);
                }
            }
            Reply::Declare(_) | Reply::Done(_) | Reply::Failed(_) => {}
        }
    }

    fn line(&self, text: &str) {
        match &self.0 {
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn print(received: &Received) {
    if received.files.is_empty() {
        return note("Nothing arrived.");
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "FILE",
        "BYTES",
        "DATAGRAMS",
        "LOST",
        "DUPLICATE",
        "REORDERED",
        "CORRUPT",
        "LATE",
        "OUTCOME",
    ]);
    for file in &received.files {
        let count = |of: fn(&ferrybench::fanout::told::Counts) -> u64| {
            file.counts.map_or("n/a".to_owned(), |counts| of(&counts).to_string())
        };
        let lost = file.sent.zip(file.counts).map(|(sent, counts)| sent.saturating_sub(counts.unique));
        table.add_row([
            file.name.clone(),
            format!("{} of {}", file.received_bytes.min(file.bytes), file.bytes),
            file.datagrams.to_string(),
            lost.map_or("n/a".to_owned(), |lost| lost.to_string()),
            count(|counts| counts.duplicate),
            count(|counts| counts.reordered),
            count(|counts| counts.corrupt),
            count(|counts| counts.late),
            file.outcome.clone(),
        ]);
    }
    say(table.trim_fmt());
    if received.foreign > 0 {
        note(format_args!("{} datagrams belonged to no file and were ignored.", received.foreign));
    }
    if let Some(dropped @ 1..) = received.socket_dropped {
        note(format_args!("{dropped} datagrams found the receive buffer full; a batch counts as one."));
    }
}
