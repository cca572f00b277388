//! What agents and workers say: all in one channel, and kept until somebody asks for it.

use super::{HERE, Heard, Hosts, PATIENCE, Reply, Worker};
use crate::{
    measure::clock,
    process::{agent, reach::Word},
};
use std::{collections::VecDeque, io, time::Duration};

impl Hosts {
    /// Waits for the next thing that any of these workers says or does, for so long. An error is of kind `TimedOut`,
    /// or says that the agent of this machine is gone: without it there is no run.
    pub fn hear(&mut self, of: &[Worker], wait: Duration) -> io::Result<(Worker, Heard)> {
        let give_up = clock::now() + wait.as_nanos() as u64;
        loop {
            // One that is not there yet costs one look more.
            while let Ok(word) = self.incoming.try_recv() {
                self.take_in(word);
            }
            for worker in of {
                if let Some(heard) = self.kept.get_mut(worker).and_then(VecDeque::pop_front) {
                    return Ok((*worker, heard));
                }
            }
            if let Some(why) = &self.all[HERE].lost {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, why.clone()));
            }
            for worker in of {
                if let Some(why) = &self.all[worker.host].lost {
                    return Ok((*worker, Heard::Lost(why.clone())));
                }
            }
            self.wait_for_a_word(give_up)?;
        }
    }

    /// The next answer of an agent itself that is wanted, with the time when it came.
    pub(super) fn answer(
        &mut self,
        host: usize,
        is_wanted: impl Fn(&Reply) -> bool,
    ) -> io::Result<(Reply, u64)> {
        let give_up = clock::now() + PATIENCE.as_nanos() as u64;
        loop {
            self.present(host)?;
            while let Some((of, reply, at_ns)) = self.answers.pop_front() {
                // What else it answered is late: nobody waits for it any more.
                if of == host && is_wanted(&reply) {
                    return Ok((reply, at_ns));
                }
            }
            self.wait_for_a_word(give_up)?;
        }
    }

    pub(super) fn wait_for_a_word(&mut self, give_up: u64) -> io::Result<()> {
        let left = Duration::from_nanos(give_up.saturating_sub(clock::now()));
        let word = self.incoming.recv_timeout(left).map_err(|_| {
            // We hold a sender ourselves: this is no disconnection.
            io::Error::new(io::ErrorKind::TimedOut, "no agent said anything in that time")
        })?;
        self.take_in(word);
        Ok(())
    }

    /// Puts a word where it is looked for.
    fn take_in(&mut self, (host, word, at_ns): (usize, Word, u64)) {
        if let Word::Gone(_) = word {
            self.all[host].ended = true;
        }
        if self.all[host].lost.is_some() {
            return; // whoever is given up has no say
        }
        match word {
            Word::Ready(introduction) => self.greet(host, *introduction),
            Word::Stranger(who) => self.refuse(host, &who),
            Word::Gone(how) => self.lose(host, &how),
            Word::Reply(Reply::Said { id, line }) => {
                let worker = Worker { host, id };
                match agent::declared(&line) {
                    Some(remains) => self.declared.push((worker, remains)),
                    None => self.kept.entry(worker).or_default().push_back(Heard::Said(line)),
                }
            }
            Word::Reply(Reply::Ended { id, how, words }) => {
                let worker = Worker { host, id };
                // The agent has removed what this worker declared.
                self.declared.retain(|(whose, _)| *whose != worker);
                self.kept.entry(worker).or_default().push_back(Heard::Ended(how, words));
            }
            Word::Reply(Reply::Ready(_)) => {}
            Word::Reply(reply @ (Reply::Probed(_) | Reply::Now { .. })) => {
                self.answers.push_back((host, reply, at_ns));
            }
        }
    }
}
