//! One way of a file: one address, and everybody who listens there.

use super::Manner;
use crate::fanout::{
    bits::Bits,
    frame::{Announce, Answer, Ask, State},
    told::{self, Counts, Reached},
};
use ferrybench_data::fanout::OK;
use std::{collections::VecDeque, net::SocketAddr};

/// A receiver, as a flow knows it.
#[derive(Debug, Clone)]
pub struct Peer {
    receiver: u32,
    address: SocketAddr,
    /// Transmissions that have left its receive buffer, or never came there.
    acknowledged: u64,
    /// Datagrams that may be under way to it.
    window: u32,
    /// Positions below this it has spoken about in this round of questions.
    covered: u32,
    /// When it was heard last, or first waited for.
    heard_ns: u64,
    verified_ns: Option<u64>,
    counts: Option<Counts>,
    has_accepted: bool,
    /// How it ended; while it is open nothing.
    outcome: Option<String>,
    given_up: bool,
}

impl Peer {
    /// A receiver that has not been heard.
    pub fn new(receiver: u32, address: SocketAddr) -> Self {
        Self {
            receiver,
            address,
            acknowledged: 0,
            window: 1,
            covered: 0,
            heard_ns: 0,
            verified_ns: None,
            counts: None,
            has_accepted: false,
            outcome: None,
            given_up: false,
        }
    }

    pub(super) fn was_given_up(&self) -> bool {
        self.given_up
    }

    fn is_open(&self) -> bool {
        self.outcome.is_none()
    }
}

/// Where a flow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Until everybody has answered.
    Announcing,
    /// What is in the queue is sent.
    Passing,
    /// Everybody is asked what is missing, in as many parts as that takes.
    Asking,
    /// Nothing more is sent: everybody is asked to close the account.
    Ending,
    /// Done.
    Over,
}

/// What a flow wants.
#[derive(Debug)]
pub(super) enum Next {
    Tell(Vec<u8>),
    Send,
    Wait(u64),
    Over,
}

/// One way of a file.
#[derive(Debug, Clone)]
pub struct Flow {
    pub(super) to: SocketAddr,
    pub(super) peers: Vec<Peer>,
    pub(super) phase: Phase,
    pub(super) rounds: u32,
    pub(super) bytes: u64,
    repairs: bool,
    datagrams: u32,
    /// What is still to be sent in this pass: runs of positions, the last first.
    queue: Vec<(u32, u32)>,
    /// Positions below this were sent at least once.
    frontier: u32,
    serial: u64,
    /// What was asked last, from where, and how many transmissions there were then.
    question: u64,
    /// The last question before this phase: an answer to it tells of a time before.
    questions_before: u64,
    asked_from: u32,
    /// Transmissions at each question since the oldest that somebody has not answered.
    marks: VecDeque<(u64, u64)>,
    asked_at: u64,
    missing: Bits,
    /// When to say the same again, and how long to wait then.
    again_ns: u64,
    interval_ns: u64,
    has_said_last: bool,
}

/// First wait for an answer; each repetition doubles it.
const SHORTEST_NS: u64 = 5_000_000;
/// Longest wait until something is said again.
const LONGEST_NS: u64 = 200_000_000;
/// Parts of a window after each of which receivers are asked how far they are.
const PARTS: u32 = 4;

impl Flow {
    pub(super) fn new(
        to: SocketAddr,
        mut peers: Vec<Peer>,
        datagrams: u32,
        manner: &Manner,
        now_ns: u64,
    ) -> Self {
        for peer in &mut peers {
            peer.heard_ns = now_ns;
        }
        Self {
            to,
            peers,
            phase: if manner.has_header { Phase::Announcing } else { Phase::Passing },
            rounds: 0,
            bytes: 0,
            repairs: false,
            datagrams,
            queue: if datagrams > 0 { vec![(0, datagrams)] } else { Vec::new() },
            frontier: 0,
            serial: 0,
            question: 0,
            questions_before: 0,
            asked_from: u32::MAX,
            marks: VecDeque::new(),
            asked_at: 0,
            missing: Bits::default(),
            again_ns: now_ns,
            interval_ns: SHORTEST_NS,
            has_said_last: false,
        }
    }

    /// Whether it sends without listening.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.phase, Phase::Passing | Phase::Over)
    }

    pub(super) fn next(&mut self, now_ns: u64, manner: &Manner, announce: &Announce) -> Next {
        self.repairs = announce.repairs && manner.has_header;
        if manner.has_header && self.phase != Phase::Over {
            self.note_the_silent(now_ns, manner.patience_ns);
        }
        loop {
            match self.phase {
                Phase::Announcing => {
                    if self.open().any(|peer| !peer.has_accepted) {
                        return self.say(now_ns, |_| announce.encode(manner.session, manner.file));
                    }
                    self.enter(
                        if self.open().next().is_some() { Phase::Passing } else { Phase::Over },
                        now_ns,
                    );
                }
                Phase::Passing => {
                    if manner.has_header && self.open().next().is_none() {
                        self.enter(Phase::Over, now_ns);
                    } else if self.queue.is_empty() {
                        self.enter(
                            match (manner.has_header, self.repairs) {
                                (false, _) => Phase::Over,
                                (true, true) => Phase::Asking,
                                (true, false) => Phase::Ending,
                            },
                            now_ns,
                        );
                    } else if !self.repairs || self.room(manner.batch) > 0 {
                        if !self.repairs || self.serial - self.asked_at < u64::from(self.part(manner.batch)) {
                            return Next::Send;
                        }
                        self.hurry(now_ns);
                        return self.ask(now_ns, manner, u32::MAX, false);
                    } else {
                        // No room: an answer to what was asked makes some, or to the same asked again.
                        return self.ask(now_ns, manner, u32::MAX, false);
                    }
                }
                Phase::Asking => {
                    let Some(covered) = self.open().map(|peer| peer.covered).min() else {
                        self.enter(Phase::Ending, now_ns);
                        continue;
                    };
                    if covered >= self.datagrams && self.missing.count() > 0 {
                        self.repeat_what_is_missing();
                        self.enter(Phase::Passing, now_ns);
                        continue;
                    }
                    // All is there, but for somebody's word that it is verified: asked again, with time to do it.
                    let from = if covered >= self.datagrams { 0 } else { covered };
                    if covered < self.datagrams && self.asked_from != covered {
                        self.hurry(now_ns);
                    }
                    return self.ask(now_ns, manner, from, false);
                }
                Phase::Ending => {
                    if self.open().next().is_none() {
                        if self.repairs && !self.has_said_last {
                            // Said once: nobody waits for it, and whoever hears it knows how much was sent.
                            self.has_said_last = true;
                            self.hurry(now_ns);
                            return self.ask(now_ns, manner, u32::MAX, true);
                        }
                        self.enter(Phase::Over, now_ns);
                        continue;
                    }
                    return self.ask(now_ns, manner, u32::MAX, true);
                }
                Phase::Over => return Next::Over,
            }
        }
    }

    fn open(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(|peer| peer.is_open())
    }

    fn enter(&mut self, phase: Phase, now_ns: u64) {
        self.phase = phase;
        self.questions_before = self.question;
        for peer in &mut self.peers {
            peer.covered = 0;
        }
        self.asked_from = u32::MAX;
        self.hurry(now_ns);
    }

    /// The next thing to be said is new: no need to wait.
    fn hurry(&mut self, now_ns: u64) {
        self.again_ns = now_ns;
        self.interval_ns = SHORTEST_NS;
    }

    /// Says something where its time has come, and waits where not.
    fn say(&mut self, now_ns: u64, datagram: impl FnOnce(&mut Self) -> Vec<u8>) -> Next {
        if now_ns < self.again_ns {
            return Next::Wait(self.again_ns);
        }
        self.again_ns = now_ns + self.interval_ns;
        self.interval_ns = (self.interval_ns * 2).min(LONGEST_NS);
        Next::Tell(datagram(self))
    }

    fn ask(&mut self, now_ns: u64, manner: &Manner, from: u32, ended: bool) -> Next {
        self.say(now_ns, |flow| {
            flow.question += 1;
            flow.asked_from = from;
            flow.asked_at = flow.serial;
            flow.marks.push_back((flow.question, flow.serial));
            let (number, sent, frontier) = (flow.question, flow.serial, flow.frontier);
            Ask { number, sent, frontier, from, ended }.encode(manner.session, manner.file)
        })
    }

    /// Transmissions after which receivers are asked how far they are.
    fn part(&self, batch: u32) -> u32 {
        let window = self.open().map(|peer| peer.window).min().unwrap_or(1);
        (window / PARTS).max(fitting(batch, window))
    }

    /// Datagrams that may be sent now: a batch, or none.
    fn room(&self, batch: u32) -> u32 {
        let room = self.open().map(|peer| {
            let left = u64::from(peer.window).saturating_sub(self.serial - peer.acknowledged);
            let wanted = fitting(batch, peer.window);
            if left >= wanted.into() { wanted } else { 0 }
        });
        room.min().unwrap_or(0)
    }

    /// Takes positions for a batch; returns the serial of the first.
    pub(super) fn take(&mut self, batch: u32, runs: &mut Vec<(u32, u32)>) -> u64 {
        let mut left = if self.repairs { self.room(batch) } else { batch };
        let serial = self.serial;
        while left > 0 {
            let Some((first, count)) = self.queue.last_mut() else { break };
            let taken = left.min(*count);
            runs.push((*first, taken));
            self.frontier = self.frontier.max(*first + taken);
            *first += taken;
            *count -= taken;
            left -= taken;
            self.serial += u64::from(taken);
            if *count == 0 {
                self.queue.pop();
            }
        }
        serial
    }

    /// The next pass: what anybody misses, once for all.
    fn repeat_what_is_missing(&mut self) {
        let end = u64::from(self.datagrams);
        let mut at = 0;
        while let Some(first) = self.missing.next(at, end, true) {
            let after = self.missing.next(first, end, false).unwrap_or(end);
            self.queue.push((first as u32, (after - first) as u32));
            at = after;
        }
        self.queue.reverse();
        self.missing = Bits::default();
        self.rounds += 1;
    }

    /// The peer that an answer comes from: by its number where it has one, else by its address. Where one flow goes to
    /// one receiver, the number decides whose it is.
    pub(super) fn peer(&self, receiver: u32, from: SocketAddr, flows: usize) -> Option<usize> {
        if receiver != 0 {
            return self.peers.iter().position(|peer| peer.receiver == receiver);
        }
        let by_address = self.peers.iter().position(|peer| peer.address == from);
        // Somebody with one receiver need not know by which of its addresses it answers.
        by_address.or_else(|| (flows == 1 && self.peers.len() == 1).then_some(0))
    }

    pub(super) fn answered(&mut self, peer: usize, answer: &Answer, now_ns: u64) {
        let mark = self.marks.iter().find(|(number, _)| *number == answer.number).map(|(_, serial)| *serial);
        let is_of_this_round = answer.number > self.questions_before;
        let told = &mut self.peers[peer];
        told.heard_ns = now_ns;
        told.has_accepted = true;
        told.window = answer.window.max(1);
        told.counts = Some(answer.counts);
        if let Some(serial) = mark {
            told.acknowledged = told.acknowledged.max(serial);
        }
        if !told.is_open() {
            return;
        }
        match &answer.state {
            State::Open => {
                let missing = &answer.missing;
                if self.phase == Phase::Asking && is_of_this_round && missing.from <= told.covered {
                    told.covered = told.covered.max(missing.to);
                    for position in missing.gaps.iter().flat_map(|&(first, count)| first..first + count) {
                        if position < self.datagrams {
                            self.missing.insert(position.into());
                        }
                    }
                }
            }
            State::Verified => {
                told.verified_ns = Some(now_ns);
                told.outcome = Some(OK.to_owned());
            }
            State::Incomplete => {
                told.outcome = Some("it is not whole there: some datagrams never arrived".to_owned());
            }
            State::Failed(why) => told.outcome = Some(why.clone()),
        }
        let heard = self.open().map(|peer| peer.acknowledged).min().unwrap_or(self.serial);
        while self.marks.len() > 1 && self.marks.front().is_some_and(|(_, serial)| *serial < heard) {
            self.marks.pop_front();
        }
    }

    fn note_the_silent(&mut self, now_ns: u64, patience_ns: u64) {
        // While content is sent without questions nobody has a reason to speak.
        let nobody_is_asked = self.phase == Phase::Passing && !self.repairs;
        for peer in self.peers.iter_mut().filter(|peer| peer.is_open()) {
            if nobody_is_asked {
                peer.heard_ns = now_ns;
            } else if now_ns.saturating_sub(peer.heard_ns) > patience_ns {
                let why = if peer.has_accepted { "it stopped answering" } else { "it never answered" };
                peer.outcome = Some(format!("{why}, for {} ms", patience_ns / 1_000_000));
                peer.given_up = peer.has_accepted;
            }
        }
    }

    /// Whoever is not done is given up.
    pub(super) fn give_up(&mut self, why: &str) {
        for peer in self.peers.iter_mut().filter(|peer| peer.is_open()) {
            peer.outcome = Some(why.to_owned());
            peer.given_up = true;
        }
        self.phase = Phase::Over;
    }

    pub(super) fn told(&self) -> told::Flow {
        let reached = self.peers.iter().map(|peer| Reached {
            receiver: peer.receiver,
            verified_ns: peer.verified_ns,
            counts: peer.counts,
            outcome: peer.outcome.clone().unwrap_or_else(|| OK.to_owned()),
        });
        told::Flow {
            receivers: reached.collect(),
            transmissions: self.serial,
            repeated: self.serial - u64::from(self.frontier),
            bytes: self.bytes,
        }
    }
}

/// Datagrams of a batch under a window: of three batches one is written, one is under way and one is read.
fn fitting(batch: u32, window: u32) -> u32 {
    batch.min(window / 3).max(1)
}
