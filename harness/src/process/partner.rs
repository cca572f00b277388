//! A role played beside us: by a process of the same binary, or by a thread of our own.

use super::role::{Port, Replies, Role, WORKER, pass_on};
use command_fds::{CommandFdExt, FdMapping};
use std::{
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

/// The program that workers are: this one, or the ferrybench binary where a benchmark starts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(pub PathBuf);

impl Program {
    /// The running binary, even if its file was replaced since.
    pub fn myself() -> Self {
        Self(PathBuf::from("/proc/self/exe"))
    }

    /// A command that plays a role, with pipes on standard input and output.
    pub fn playing(&self, role: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg0("ferrybench").args([WORKER, role]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

/// Somebody who plays the role `T` for us.
pub struct Partner<T: Role> {
    cues: Cues<T::Cue>,
    replies: mpsc::Receiver<T::Reply>,
    ending: Arc<AtomicBool>,
    /// How it ended, known before its answers are disconnected.
    ended: Arc<OnceLock<String>>,
}

enum Cues<C> {
    Process(ChildStdin),
    Connection(TcpStream),
    Thread(mpsc::Sender<C>),
}

/// What to do when a partner ends before it was told to: it gets the reason. It may not return into a wait for that
/// partner, so it usually ends the process.
pub type OnDeath = Arc<dyn Fn(String) + Send + Sync>;

impl<T: Role> Partner<T> {
    /// Starts a process for the role. Its descriptors 3, 4, ... are those handed over, in order.
    pub fn process(
        program: &Program,
        job: &T::Job,
        fds: Vec<OwnedFd>,
        on_death: OnDeath,
    ) -> io::Result<Self> {
        let mut command = program.playing(T::NAME);
        let mappings =
            fds.into_iter().zip(3..).map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(mappings.collect()).map_err(io::Error::other)?;
        if T::LEADS_GROUP {
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        drop(command); // closes our copies of what was handed over: end of file must reach the other side
        let mut stdin = child.stdin.take().expect("standard input was asked to be a pipe");
        let stdout = child.stdout.take().expect("standard output was asked to be a pipe");
        let told = write_line(&mut stdin, job);
        let mut how = move || format!("the {} worker {}", T::NAME, how_it_ended(&mut child));
        if told.is_err() {
            // It is gone already: how is what matters.
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, how()));
        }
        Ok(Self::hearing(Cues::Process(stdin), BufReader::new(stdout), how, on_death))
    }

    /// Starts a thread for the role, which `play` plays.
    pub fn thread(
        play: impl FnOnce(Port<T::Cue, T::Reply>) -> io::Result<()> + Send + 'static,
        on_death: OnDeath,
    ) -> io::Result<Self>
    where
        T::Reply: Clone,
    {
        let (cue_sender, cues) = mpsc::channel();
        let (reply_sender, replies) = mpsc::channel();
        let ending = Arc::new(AtomicBool::new(false));
        let expected = Arc::clone(&ending);
        let answer = Replies::new(move |reply: &T::Reply| {
            reply_sender.send(reply.clone()).map_err(|_| io::ErrorKind::BrokenPipe.into())
        });
        std::thread::Builder::new().name(T::NAME.to_owned()).spawn(move || {
            let ended = play(Port { cues, replies: answer });
            if let (Err(error), false) = (ended, expected.load(Ordering::SeqCst)) {
                on_death(format!("the {} thread failed: {error}", T::NAME));
            }
        })?;
        Ok(Self { cues: Cues::Thread(cue_sender), replies, ending, ended: Arc::default() })
    }

    /// Somebody at the other end of a connection, who has been told the job already.
    pub fn connected(stream: TcpStream, on_death: OnDeath) -> io::Result<Self> {
        let input = BufReader::new(stream.try_clone()?);
        let how = || format!("the {} worker on another host is gone", T::NAME);
        Ok(Self::hearing(Cues::Connection(stream), input, how, on_death))
    }

    /// A partner whose answers come from there, as framed messages; `how` says how it ended, once they have.
    fn hearing(
        cues: Cues<T::Cue>,
        answers: impl BufRead + Send + 'static,
        how: impl FnOnce() -> String + Send + 'static,
        on_death: OnDeath,
    ) -> Self {
        let (sender, replies) = mpsc::channel();
        let ending = Arc::new(AtomicBool::new(false));
        let expected = Arc::clone(&ending);
        let ended = Arc::new(OnceLock::new());
        let end = Arc::clone(&ended);
        std::thread::spawn(move || {
            pass_on(answers, |reply| T::overhear(&reply) || sender.send(reply).is_ok());
            let how = end.get_or_init(how);
            // Asked before its answers are disconnected: that may be how we come to drop it.
            let unexpected = !expected.load(Ordering::SeqCst);
            drop(sender);
            if unexpected {
                on_death(how.clone());
            }
        });
        Self { cues, replies, ending, ended }
    }

    /// Tells it something.
    pub fn cue(&mut self, cue: T::Cue) -> io::Result<()> {
        match &mut self.cues {
            Cues::Process(stdin) => write_line(stdin, &cue),
            Cues::Connection(stream) => write_line(stream, &cue),
            Cues::Thread(sender) => sender.send(cue).map_err(|_| io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Its next answer.
    pub fn reply(&self, deadline: Duration) -> io::Result<T::Reply> {
        self.replies.recv_timeout(deadline).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the {} worker did not answer within {deadline:?}", T::NAME),
            ),
            mpsc::RecvTimeoutError::Disconnected => {
                let gone = || format!("the {} worker is gone", T::NAME);
                io::Error::new(io::ErrorKind::BrokenPipe, self.ended.get().cloned().unwrap_or_else(gone))
            }
        })
    }
}

impl<T: Role> Drop for Partner<T> {
    /// From here on its end is expected; the end of its input tells it.
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        if let Cues::Connection(stream) = &self.cues {
            // Our reader holds it open as well.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}

/// One framed message.
pub(crate) fn write_line<T: serde::Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Waits for a child whose output has ended, and says in words how it did.
pub(crate) fn how_it_ended(child: &mut Child) -> String {
    use std::os::unix::process::ExitStatusExt;
    match child.wait() {
        Ok(status) => match (status.signal(), status.code()) {
            (Some(signal), _) => match nix::sys::signal::Signal::try_from(signal) {
                Ok(named) => format!("was ended by {named}"),
                Err(_) => format!("was ended by signal {signal}"),
            },
            (None, Some(code)) => format!("ended with code {code}"),
            (None, None) => "ended".to_owned(),
        },
        Err(error) => format!("is lost: {error}"),
    }
}
