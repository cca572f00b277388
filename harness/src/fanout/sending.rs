//! How one file goes to its receivers: what to send next, when to ask, what to repeat. Pure: it is told the time and what
//! was heard, and says the next step, so it is tried without a socket, with every loss that can be thought of.
//!
//! A **flow** is one way of the file: by unicast each receiver has its own, otherwise all share one. Each goes through
//! phases: announce until all have answered; a pass over what is to be sent; then, under `repair`, questions about what is
//! missing, the next pass over the union of that, and so on. Receivers drive it: no more is under way than the slowest of
//! a flow has room for. Nothing of it depends on one datagram: every question is asked again, and a receiver that keeps
//! silent is given up and named.

mod flow;

use super::{
    frame::{Announce, Answer, Header, Kind},
    told,
};
use ferrybench_data::fanout::OK;
use flow::Phase;
pub use flow::{Flow, Peer};
use std::net::SocketAddr;

/// How a file is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Manner {
    /// What our datagrams are known by.
    pub session: u64,
    /// The file, from 1.
    pub file: u32,
    /// Whether there is a header, and with it a conversation. Without (`bare`) content is sent, and that is all.
    pub has_header: bool,
    /// Most datagrams of one batch.
    pub batch: u32,
    /// Most content bytes in a second; 0 for as many as go.
    pub pace_bytes_per_s: u64,
    /// Longest silence of a receiver, nanoseconds.
    pub patience_ns: u64,
}

/// A file on its way.
#[derive(Debug, Clone)]
pub struct Sending {
    manner: Manner,
    announce: Announce,
    flows: Vec<Flow>,
    /// The flow whose turn it is.
    turn: usize,
    /// Positions of the batch under way: first and count of each run.
    runs: Vec<(u32, u32)>,
    /// When the pace was last counted from, and content bytes since.
    paced: Option<(u64, u64)>,
    control_datagrams: u64,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this datagram.
    Tell {
        /// By this flow.
        flow: usize,
        /// To this address.
        to: SocketAddr,
        /// The datagram.
        datagram: Vec<u8>,
    },
    /// Send the content of [`Sending::runs`], with serials that rise from this one.
    Send {
        /// By this flow.
        flow: usize,
        /// To this address.
        to: SocketAddr,
        /// The serial of the first datagram.
        serial: u64,
    },
    /// Listen, until something is heard or this time has come, nanoseconds.
    Wait {
        /// When.
        until_ns: u64,
    },
    /// Nothing more is to be done.
    Over,
}

/// How late the pace may run before what was missed is let go, nanoseconds.
const CATCHES_UP_NS: u64 = 10_000_000;

impl Sending {
    /// A file that goes by these flows: where each is addressed, and who listens there.
    pub fn new(manner: Manner, announce: Announce, flows: Vec<(SocketAddr, Vec<Peer>)>, now_ns: u64) -> Self {
        let datagrams = announce.datagrams().unwrap_or(0);
        let flows =
            flows.into_iter().map(|(to, peers)| Flow::new(to, peers, datagrams, &manner, now_ns)).collect();
        Self {
            manner,
            announce,
            flows,
            turn: 0,
            runs: Vec::with_capacity(64),
            paced: None,
            control_datagrams: 0,
            first_ns: None,
            last_ns: None,
        }
    }

    /// Positions of the batch that [`Step::Send`] asks for.
    pub fn runs(&self) -> &[(u32, u32)] {
        &self.runs
    }

    /// Whether anything can be heard now that matters: without it the socket need not be looked at.
    pub fn listens(&self) -> bool {
        self.manner.has_header && (self.announce.repairs || !self.flows.iter().all(Flow::is_passing))
    }

    /// What to do at this time.
    pub fn step(&mut self, now_ns: u64) -> Step {
        let mut until_ns = u64::MAX;
        for _ in 0..self.flows.len() {
            let flow = self.turn;
            self.turn = (self.turn + 1) % self.flows.len();
            match self.flows[flow].next(now_ns, &self.manner, &self.announce) {
                flow::Next::Tell(datagram) => {
                    self.control_datagrams += 1;
                    return Step::Tell { flow, to: self.flows[flow].to, datagram };
                }
                flow::Next::Send => {
                    let due_ns = self.due_ns(now_ns);
                    if due_ns > now_ns {
                        until_ns = until_ns.min(due_ns);
                        continue;
                    }
                    self.runs.clear();
                    let serial = self.flows[flow].take(self.manner.batch, &mut self.runs);
                    self.count_sent(flow, now_ns);
                    return Step::Send { flow, to: self.flows[flow].to, serial };
                }
                flow::Next::Wait(then_ns) => until_ns = until_ns.min(then_ns),
                flow::Next::Over => {}
            }
        }
        if self.flows.iter().all(|flow| flow.phase == Phase::Over) {
            return Step::Over;
        }
        Step::Wait { until_ns }
    }

    /// Bytes of the batch, and its time.
    fn count_sent(&mut self, flow: usize, now_ns: u64) {
        let length = |&(first, count): &(u32, u32)| {
            (u64::from(count) - 1) * u64::from(self.announce.payload_bytes)
                + self.announce.length_at(first + count - 1)
        };
        let bytes: u64 = self.runs.iter().map(length).sum();
        self.flows[flow].bytes += bytes;
        if let Some((_, sent)) = &mut self.paced {
            *sent += bytes;
        }
        self.first_ns.get_or_insert(now_ns);
        self.last_ns = Some(now_ns);
    }

    /// When the next batch may go.
    fn due_ns(&mut self, now_ns: u64) -> u64 {
        let pace = self.manner.pace_bytes_per_s;
        if pace == 0 {
            return now_ns;
        }
        let (from_ns, sent) = *self.paced.get_or_insert((now_ns, 0));
        let due_ns = from_ns + (u128::from(sent) * 1_000_000_000 / u128::from(pace)) as u64;
        if due_ns + CATCHES_UP_NS < now_ns {
            self.paced = Some((now_ns, 0));
        }
        due_ns
    }

    /// A datagram came in. Whether it was one of ours that answers.
    pub fn heard(&mut self, from: SocketAddr, datagram: &[u8], now_ns: u64) -> bool {
        let Ok((header, payload)) = Header::parse(datagram) else { return false };
        let is_ours = header.session == self.manner.session && header.file == self.manner.file;
        if !is_ours || header.kind != Kind::Answer {
            return false;
        }
        let Some(answer) = Answer::parse(&header, payload) else { return false };
        let count = self.flows.len();
        let whose = self.flows.iter_mut().find_map(|flow| {
            let peer = flow.peer(answer.receiver, from, count)?;
            Some((flow, peer))
        });
        let Some((flow, peer)) = whose else { return false };
        flow.answered(peer, &answer, now_ns);
        true
    }

    /// The kernel would not send by a flow: it is over, for this reason.
    pub fn refused(&mut self, flow: usize, why: &str) {
        self.flows[flow].give_up(why);
    }

    /// It takes too long: whoever is not done is given up. What is still to be told then are the last words.
    pub fn give_up(&mut self, why: &str) {
        for flow in &mut self.flows {
            flow.give_up(why);
        }
    }

    /// A datagram for each flow that was given up while somebody was still listening.
    pub fn last_words(&self) -> Vec<(SocketAddr, Vec<u8>)> {
        let given_up = self
            .flows
            .iter()
            .filter(|flow| self.manner.has_header && flow.peers.iter().any(Peer::was_given_up));
        given_up.map(|flow| (flow.to, super::frame::abort(self.manner.session, self.manner.file))).collect()
    }

    /// What became of it. The worker's part of [`told::SentFile`] is left for the worker.
    pub fn told(&self) -> told::SentFile {
        let flows: Vec<_> = self.flows.iter().map(Flow::told).collect();
        told::SentFile {
            file: self.manner.file,
            name: self.announce.name.clone(),
            bytes: self.announce.bytes,
            hash: format!("{:032x}", self.announce.hash),
            first_ns: self.first_ns,
            last_ns: self.last_ns,
            rounds: self.flows.iter().map(|flow| flow.rounds).max().unwrap_or(0),
            control_datagrams: self.control_datagrams,
            outcome: OK.to_owned(),
            flows,
            ..told::SentFile::default()
        }
    }
}

#[cfg(test)]
mod tests;
