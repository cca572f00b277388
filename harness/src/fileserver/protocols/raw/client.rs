//! The client's side.

use super::{DONE, ERROR, GO_AHEAD, LONGEST_LIST, LONGEST_MESSAGE, REPLY_HEAD, REQUEST_HEAD, code, number};
use crate::{
    fileserver::{
        hands::Hands,
        protocols::Request,
        session::{Finished, Input, Session, Step},
    },
    shelf,
};
use ferrybench_data::fileserver::Operation;
use std::io;

/// One connection at the client, for one request.
pub(super) struct Client {
    operation: Operation,
    name: String,
    hands: Hands,
    phase: Phase,
    /// What a reply that is no content holds, as far as it came.
    body: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Phase {
    Ask,
    /// Nothing of the reply is there.
    Wait,
    Head,
    /// An upload has been sent: the head of its second reply.
    LastHead,
    Content(u64),
    Names(usize),
    Message(usize),
    Over,
}

impl Client {
    pub(super) fn new(request: Request) -> Self {
        let operation = request.operation();
        let mut hands = Hands::default();
        let name = match request {
            Request::List => String::new(),
            Request::Delete { name } => name,
            Request::Download { name, into } => {
                hands.incoming = Some(into);
                name
            }
            Request::Upload { name, from } => {
                hands.outgoing = Some(from);
                name
            }
        };
        Self { operation, name, hands, phase: Phase::Ask, body: Vec::new() }
    }

    /// Decides what to do with the input; false while more of it is needed.
    fn decide(&mut self, input: &mut Input) -> io::Result<bool> {
        match self.phase {
            Phase::Ask => {
                if self.operation != Operation::List {
                    shelf::check(&self.name)?;
                }
                self.ask();
                self.phase = Phase::Wait;
            }
            Phase::Wait if !input.bytes().is_empty() => {
                self.hands.tell_begun();
                self.phase = Phase::Head;
            }
            Phase::Wait if input.ended => return Err(other("the server closed without a reply")),
            Phase::Wait => return Ok(false),
            Phase::Head | Phase::LastHead => {
                let Some((head, _)) = input.bytes().split_at_checked(REPLY_HEAD) else {
                    return Self::more(input);
                };
                let (status, length) = (head[0], number(&head[1..]));
                input.consume(REPLY_HEAD);
                self.take_head(status, length)?;
            }
            Phase::Content(length) => {
                let Some(incoming) = self.hands.incoming.take() else { return Ok(false) };
                let bytes = incoming.length();
                if bytes < length {
                    let why = format!("the server closed after {bytes} of {length} bytes of content");
                    return Err(other(why));
                }
                let hash = incoming.finish()?;
                self.finish(Finished { bytes, hash, ..self.finished() });
            }
            Phase::Names(length) => {
                if !self.gather(input, length) {
                    return Self::more(input);
                }
                let names = names(&self.body)?;
                self.finish(Finished { names, ..self.finished() });
            }
            Phase::Message(length) => {
                if !self.gather(input, length) {
                    return Self::more(input);
                }
                return Err(other(String::from_utf8_lossy(&self.body)));
            }
            Phase::Over => self.hands.close(),
        }
        Ok(true)
    }

    fn ask(&mut self) {
        let content = self.hands.outgoing.as_ref().map_or(0, |outgoing| outgoing.length);
        let text = &mut self.hands.text;
        text.reserve(REQUEST_HEAD + self.name.len());
        // `check` has seen that the name has at most 255 bytes.
        text.extend_from_slice(&[code(self.operation), self.name.len() as u8]);
        text.extend_from_slice(&content.to_le_bytes());
        text.extend_from_slice(self.name.as_bytes());
        self.hands.write();
    }

    fn take_head(&mut self, status: u8, length: u64) -> io::Result<()> {
        let last = matches!(self.phase, Phase::LastHead);
        match (status, self.operation) {
            (ERROR, _) if length <= LONGEST_MESSAGE as u64 => self.phase = Phase::Message(length as usize),
            (GO_AHEAD, Operation::Upload) if !last && length == 0 => {
                self.hands.send();
                self.phase = Phase::LastHead;
            }
            (DONE, Operation::Upload) if last && length == 0 => {
                let bytes = self.hands.outgoing.as_ref().map_or(0, |outgoing| outgoing.length);
                self.finish(Finished { bytes, ..self.finished() });
            }
            (DONE, Operation::Delete) if length == 0 => self.finish(self.finished()),
            (DONE, Operation::List) if length <= LONGEST_LIST as u64 => {
                self.phase = Phase::Names(length as usize);
            }
            (DONE, Operation::Download) => {
                self.hands.receive(length);
                self.phase = Phase::Content(length);
            }
            _ => {
                let why = format!("the reply makes no sense: status {status} and {length} bytes to follow");
                return Err(other(why));
            }
        }
        Ok(())
    }

    /// Moves what the input holds into `body` until that has `length` bytes; whether it has.
    fn gather(&mut self, input: &mut Input, length: usize) -> bool {
        let bytes = input.bytes();
        let count = bytes.len().min(length - self.body.len());
        self.body.extend_from_slice(&bytes[..count]);
        input.consume(count);
        self.body.len() == length
    }

    /// More input is needed: it may come, or not any more.
    fn more(input: &Input) -> io::Result<bool> {
        if input.ended { Err(other("the server closed in the middle of its reply")) } else { Ok(false) }
    }

    fn finished(&self) -> Finished {
        Finished { operation: Some(self.operation), ..Finished::default() }
    }

    fn finish(&mut self, finished: Finished) {
        self.hands.tell_finished(finished);
        self.phase = Phase::Over;
    }
}

impl Session for Client {
    fn next(&mut self, input: &mut Input) -> io::Result<Step<'_>> {
        while !self.hands.are_busy() {
            match self.decide(input) {
                Ok(true) => {}
                Ok(false) => break,
                Err(why) => self.finish(Finished::failed(Some(self.operation), why.to_string())),
            }
        }
        Ok(self.hands.step(None))
    }
}

/// The names in the body of a list's reply.
fn names(mut body: &[u8]) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    while let Some((length, rest)) = body.split_first() {
        let (name, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or_else(|| other("a name of the list is cut off"))?;
        names.push(String::from_utf8(name.to_vec()).map_err(|_| other("a name of the list is not UTF-8"))?);
        body = rest;
    }
    Ok(names)
}

fn other(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}
