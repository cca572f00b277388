//! Drives sessions without a socket, for tests and fuzzers: one against a script, or two against each other, with any
//! split of what is sent into reads. Every wait is decided at once, and a session that goes round in circles is found
//! out.

#![allow(unreachable_pub, reason = "the fuzz targets include this file as a module of theirs")]

use super::session::{Finished, Input, Session, Step, Tell};
use std::{cell::RefCell, collections::VecDeque, io, os::unix::fs::FileExt, rc::Rc};

/// Most steps of any session that neither take nor give a byte.
const IDLE_STEPS: usize = 16;

#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    closed: bool,
}

/// One side of a conversation, and what was seen of it.
pub struct Side {
    session: Box<dyn Session>,
    input: Input,
    from: Rc<RefCell<Pipe>>,
    to: Rc<RefCell<Pipe>>,
    /// Lengths of the reads, in turn.
    reads: Vec<usize>,
    turn: usize,
    /// It waits with patience, and has not been told of the silence.
    patient: bool,
    /// Everything that it sent.
    pub sent: Vec<u8>,
    /// Lengths of its writes.
    pub writes: Vec<usize>,
    /// Everything that it told.
    pub told: Vec<Tell>,
    /// Whether it closed the connection, or how it failed; none while it waits.
    pub end: Option<io::Result<()>>,
}

impl Side {
    /// A session that reads in pieces of these lengths, in turn.
    pub fn new(session: Box<dyn Session>, reads: &[usize]) -> Self {
        assert!(!reads.contains(&0), "a read brings something");
        Self {
            session,
            input: Input::new(*reads.iter().max().expect("there is a read")),
            from: Rc::default(),
            to: Rc::default(),
            reads: reads.to_vec(),
            turn: 0,
            patient: false,
            sent: Vec::new(),
            writes: Vec::new(),
            told: Vec::new(),
            end: None,
        }
    }

    /// It hears this from its peer, and does what there is to do.
    pub fn hears(&mut self, bytes: &[u8]) {
        self.from.borrow_mut().bytes.extend(bytes);
        self.run(None);
    }

    /// Its peer says nothing for longer than it has patience.
    pub fn hears_nothing(&mut self) {
        if self.patient {
            (self.patient, self.input.silent) = (false, true);
            self.run(None);
        }
    }

    /// Its peer will send no more.
    pub fn hears_the_end(&mut self) {
        self.from.borrow_mut().closed = true;
        self.run(None);
    }

    /// How its requests ended.
    pub fn finished(&self) -> Vec<&Finished> {
        let tells = self.told.iter();
        tells.filter_map(|tell| if let Tell::Finished(it) = tell { Some(it) } else { None }).collect()
    }

    /// Runs until it is over or waits; where it waits inside a step, its peer moves.
    fn run(&mut self, mut peer: Option<&mut Self>) {
        let mut idle = 0;
        while self.end.is_none() {
            idle += 1;
            assert!(idle <= IDLE_STEPS, "it goes round in circles");
            let held = self.input.bytes().len();
            match self.session.next(&mut self.input) {
                Err(error) => self.end = Some(Err(error)),
                Ok(Step::Close) => self.end = Some(Ok(())),
                Ok(Step::Drain) => {
                    self.input.consume(self.input.bytes().len());
                    self.from.borrow_mut().bytes.clear();
                }
                Ok(Step::Tell(tell)) => self.told.push(tell),
                Ok(Step::Write(bytes)) => {
                    idle = if bytes.is_empty() { idle } else { 0 };
                    self.writes.push(bytes.len());
                    self.sent.extend_from_slice(bytes);
                    self.to.borrow_mut().bytes.extend(bytes);
                }
                Ok(Step::FileToPeer { file, offset, length }) => {
                    idle = 0;
                    let mut content = vec![0; length as usize];
                    file.read_exact_at(&mut content, offset).expect("the file is there");
                    self.sent.extend_from_slice(&content);
                    self.to.borrow_mut().bytes.extend(content);
                }
                Ok(Step::PeerToFile { incoming, length }) => {
                    idle = 0;
                    let count = length.min(self.input.bytes().len() as u64) as usize;
                    incoming.write(&self.input.bytes()[..count]).expect("the disk has room");
                    self.input.consume(count);
                    let rest = length - count as u64;
                    if let Some(peer) = &mut peer
                        && (self.from.borrow().bytes.len() as u64) < rest
                    {
                        peer.run(None);
                    }
                    let mut from = self.from.borrow_mut();
                    let count = rest.min(from.bytes.len() as u64) as usize;
                    let content: Vec<u8> = from.bytes.drain(..count).collect();
                    incoming.write(&content).expect("the disk has room");
                    // A script that stops here is a peer that closes.
                    self.input.ended |= (count as u64) < rest;
                }
                Ok(Step::Read { patience }) => {
                    let space = self.input.space();
                    assert!(!space.is_empty(), "it wants more than fits");
                    let mut from = self.from.borrow_mut();
                    let most = space.len().min(self.reads[self.turn % self.reads.len()]);
                    let count = most.min(from.bytes.len());
                    if count == 0 && !from.closed {
                        self.patient = patience.is_some();
                        return;
                    }
                    for (place, byte) in space.iter_mut().zip(from.bytes.drain(..count)) {
                        *place = byte;
                    }
                    self.turn += 1;
                    idle = if count == 0 { idle } else { 0 };
                    self.input.filled(count);
                }
            }
            if self.input.bytes().len() != held {
                idle = 0;
            }
        }
        self.to.borrow_mut().closed = true;
    }
}

/// A client and a server talk until both are over, or both wait.
pub fn talk(client: &mut Side, server: &mut Side) {
    server.from = Rc::clone(&client.to);
    client.from = Rc::clone(&server.to);
    loop {
        let before = (client.sent.len(), server.sent.len(), client.end.is_some(), server.end.is_some());
        client.run(Some(server));
        server.run(Some(client));
        if before == (client.sent.len(), server.sent.len(), client.end.is_some(), server.end.is_some()) {
            break;
        }
    }
}
