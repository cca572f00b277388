//! How hosts join a run and leave it: reached, introduced, held against each other, and lost.

use super::{HERE, Host, Hosts, Introduction, PATIENCE};
use crate::{
    measure::clock,
    process::{identity::KnownBinary, reach::Reach, remains::Remains},
};
use std::{io, path::PathBuf, thread};

impl Hosts {
    /// Reaches hosts and starts their agents, all at once; returns their numbers. One that cannot be reached, that runs
    /// another ferrybench, or that is the same as one before it where that is not allowed, is lost from the beginning.
    /// The one without a prefix is this machine.
    pub fn join(&mut self, reaches: &[Reach], same_allowed: bool) -> Vec<usize> {
        let numbers: Vec<usize> = reaches
            .iter()
            .map(|reach| {
                if reach.prefix.is_empty() && !self.all[HERE].named {
                    self.all[HERE].named = true;
                    self.all[HERE].reach.name.clone_from(&reach.name);
                    return HERE;
                }
                let number = self.open(reach.clone(), None);
                self.all[number].named = true;
                number
            })
            .collect();
        self.await_introductions(&numbers);
        if !same_allowed {
            for &number in &numbers {
                self.refuse_twin(number);
            }
        }
        for &number in &numbers {
            if self.all[number].lost.is_none()
                && let Err(error) = self.measure_clock(number)
            {
                self.lose(number, &error.to_string());
            }
        }
        numbers
    }

    /// Adds a host, and connects to it; one that cannot be reached is lost.
    pub(super) fn open(&mut self, reach: Reach, folder: Option<PathBuf>) -> usize {
        let number = self.all.len();
        let connected = self.known_binary().and_then(|known| {
            reach.connect(&self.program, known.as_ref(), folder, number, self.words.clone())
        });
        let (connection, failure) = match connected {
            Ok(connection) => (Some(connection), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let ended = connection.is_none();
        self.all.push(Host {
            reach,
            connection,
            introduction: None,
            clock: (0, 0),
            lost: None,
            ended,
            named: false,
        });
        if let Some(why) = failure {
            self.lose(number, &why);
        }
        number
    }

    /// The binary's hash, read when the second host comes: the first runs the same file by construction, and finds out
    /// by itself.
    fn known_binary(&mut self) -> io::Result<Option<KnownBinary>> {
        if self.known.is_none() && !self.all.is_empty() {
            self.known = Some(KnownBinary::of(&self.program.0)?);
        }
        Ok(self.known.clone())
    }

    pub(super) fn await_introductions(&mut self, of: &[usize]) {
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        let is_awaited = |host: &Host| host.introduction.is_none() && host.lost.is_none();
        while of.iter().any(|&number| is_awaited(&self.all[number])) {
            if self.wait_for_a_word(give_up).is_err() {
                for &number in of {
                    if is_awaited(&self.all[number]) {
                        self.lose(number, &format!("its agent did not answer within {PATIENCE:?}"));
                    }
                }
            }
        }
    }

    /// Two names for one network namespace of one boot would measure its loopback interface, whatever they say.
    fn refuse_twin(&mut self, number: usize) {
        let Some(own) = &self.all[number].introduction else { return };
        let is_twin = |other: &&Host| {
            let identity = other.introduction.as_ref().map(|introduction| &introduction.identity);
            other.named
                && other.lost.is_none()
                && identity.is_some_and(|other| own.identity.is_same_host(other))
        };
        if let Some(twin) = self.all[..number].iter().find(is_twin) {
            let why = format!(
                "it and {} are one host, the same network namespace of the same boot (allow_same_host = true allows it)",
                twin.reach.name
            );
            self.lose(number, &why);
        }
    }

    pub(super) fn greet(&mut self, host: usize, introduction: Introduction) {
        let identity = &introduction.identity;
        let is_same = host == HERE
            || self.known.as_ref().is_some_and(|known| known.hash == identity.binary_hash)
                && identity.version == env!("CARGO_PKG_VERSION");
        let who = format!("version {}, {}", identity.version, identity.binary_hash);
        if let Some(connection) = &mut self.all[host].connection {
            connection.pushed = None; // an agent that speaks has removed it
        }
        if is_same {
            self.all[host].introduction = Some(introduction);
        } else {
            self.refuse(host, &who);
        }
    }

    pub(super) fn refuse(&mut self, host: usize, who: &str) {
        let hash = self.known.as_ref().map_or("", |known| known.hash.as_str());
        let why = format!(
            "it has another ferrybench ({who}) than this one (version {}, {hash}); push = true copies this one there",
            env!("CARGO_PKG_VERSION")
        );
        self.lose(host, &why);
    }

    /// Gives up a host that kept silent for so long that it is not there any more: why, in one sentence. An error where it
    /// is this machine, without which there is no run.
    pub fn give_up_silent(&mut self, number: usize) -> io::Result<String> {
        if number != HERE && self.all[number].lost.is_none() {
            self.lose(number, "its agent kept silent past every deadline");
        }
        match (number, self.lost(number)) {
            (HERE, _) | (_, None) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the agent of this machine kept silent"))
            }
            (_, Some(why)) => Ok(why.to_owned()),
        }
    }

    /// Gives a host up. What its agent, where that was killed, could not remove is removed for it.
    pub(super) fn lose(&mut self, number: usize, why: &str) {
        let host = &mut self.all[number];
        host.lost = Some(match number {
            HERE => format!("the agent is lost: {why}"),
            _ if host.introduction.is_none() => format!("host {} cannot be reached: {why}", host.reach.name),
            _ => format!("host {} is lost: {why}", host.reach.name),
        });
        if let Some(connection) = &mut host.connection {
            connection.close();
        }
        if number == HERE {
            self.remove_declared();
            return;
        }
        let mut left: Vec<PathBuf> =
            host.connection.as_mut().and_then(|connection| connection.pushed.take()).into_iter().collect();
        if host.ended {
            left.extend(host.introduction.as_ref().map(|introduction| introduction.folder.clone()));
            let declared = self.declared.extract_if(.., |(worker, _)| worker.host == number);
            left.extend(declared.filter_map(|(_, remains)| match remains {
                Remains::Path(path) => Some(path),
                // Roles that make queues run on this machine only.
                Remains::PosixQueue(_) | Remains::SystemVQueue(_) => None,
            }));
        }
        if !left.is_empty() {
            let reach = host.reach.clone();
            // On a thread of its own: the run goes on with the other hosts.
            self.cleaners.push(thread::spawn(move || reach.remove(&left)));
        }
    }
}
