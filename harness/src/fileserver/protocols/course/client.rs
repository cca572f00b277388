//! The client's side.

use super::{END, base64::Encoder, reply::Reader, shell::quote};
use crate::{
    fileserver::{
        hands::Hands,
        protocols::{Options, Request},
        session::{Finished, Input, Session, Step},
    },
    shelf::{self, Incoming},
};
use ferrybench_data::fileserver::Operation;
use std::io;

/// One connection at the client, for one request.
pub(super) struct Client {
    operation: Operation,
    name: String,
    hands: Hands,
    phase: Phase,
    reader: Reader,
    incoming: Option<Incoming>,
    encoder: Option<Encoder>,
}

#[derive(Clone, Copy)]
enum Phase {
    Ask,
    /// More of an upload's content is to be sent.
    Send,
    /// Nothing of the reply is there.
    Wait,
    Reply,
    Over,
}

impl Client {
    pub(super) fn new(request: Request, options: Options) -> Self {
        let operation = request.operation();
        let (name, incoming, encoder) = match request {
            Request::List => (String::new(), None, None),
            Request::Delete { name } => (name, None, None),
            Request::Download { name, into } => (name, Some(into), None),
            Request::Upload { name, from } => (name, None, Some(Encoder::new(from, options.piece))),
        };
        Self {
            operation,
            name,
            hands: Hands::default(),
            phase: Phase::Ask,
            reader: Reader::new(operation == Operation::Download),
            incoming,
            encoder,
        }
    }

    /// Decides what to do with the input; false while more of it is needed.
    fn decide(&mut self, input: &mut Input) -> io::Result<bool> {
        match self.phase {
            Phase::Ask => self.ask()?,
            Phase::Send => self.send(0)?,
            Phase::Wait if !input.bytes().is_empty() => {
                self.hands.tell_begun();
                self.phase = Phase::Reply;
            }
            Phase::Wait if input.ended => return Err(other("the server closed without a reply")),
            Phase::Wait => return Ok(false),
            Phase::Reply => {
                let taken = self.reader.take(input.bytes()).map_err(other)?;
                input.consume(taken);
                if let Some(incoming) = &mut self.incoming {
                    incoming.write(self.reader.content())?;
                    self.reader.content_taken();
                }
                if self.reader.is_over() {
                    self.understand()?;
                } else if input.ended {
                    let received = self.reader.received();
                    let why =
                        format!("the server closed after {received} bytes, before the end of its reply");
                    return Err(other(why));
                } else {
                    return Ok(false);
                }
            }
            Phase::Over => self.hands.close(),
        }
        Ok(true)
    }

    fn ask(&mut self) -> io::Result<()> {
        if self.operation != Operation::List {
            shelf::check(&self.name)?;
        }
        if self.name.contains(['\r', '\n']) {
            return Err(other("a name with a line end in it has no place in a line"));
        }
        let verb = match self.operation {
            Operation::List => "LIST",
            Operation::Download => "GET",
            Operation::Upload => "UPLOAD",
            Operation::Delete => "DELETE",
        };
        let text = &mut self.hands.text;
        text.extend_from_slice(verb.as_bytes());
        if self.operation != Operation::List {
            text.push(b' ');
            text.extend_from_slice(quote(&self.name).as_bytes());
        }
        match &self.encoder {
            Some(encoder) if encoder.length() > 0 => {
                text.push(b' ');
                let at = text.len();
                return self.send(at);
            }
            // Nothing would be no parameter at all.
            Some(_) => text.extend_from_slice(b" \"\""),
            None => {}
        }
        self.end_line();
        Ok(())
    }

    /// Sends the next piece of an upload, after so many bytes that are there to be sent.
    fn send(&mut self, at: usize) -> io::Result<()> {
        let encoder = self.encoder.as_mut().ok_or_else(|| other("there is no content"))?;
        if encoder.fill(&mut self.hands.text, at)? {
            self.end_line();
        } else {
            self.hands.write();
            self.phase = Phase::Send;
        }
        Ok(())
    }

    fn end_line(&mut self) {
        self.hands.text.extend_from_slice(&END[..2]);
        self.hands.write();
        self.phase = Phase::Wait;
    }

    /// The reply is there.
    fn understand(&mut self) -> io::Result<()> {
        let members = self.reader.members().map_err(other)?;
        let mut finished = Finished { operation: Some(self.operation), ..Finished::default() };
        match self.operation {
            Operation::List => {
                finished.names = members.names().ok_or_else(|| other("data is not a list of names"))?;
            }
            Operation::Download => {
                // The course's own server answers with the name in lower case.
                if let Some(name) = members.text("data_namafile")
                    && name.to_lowercase() != self.name.to_lowercase()
                {
                    return Err(other(format!("asked for {}, got {name}", self.name)));
                }
                if let Some(incoming) = self.incoming.take() {
                    finished.bytes = incoming.length();
                    finished.hash = incoming.finish()?;
                }
            }
            Operation::Upload => finished.bytes = self.encoder.as_ref().map_or(0, Encoder::length),
            Operation::Delete => {}
        }
        self.finish(finished);
        Ok(())
    }

    fn finish(&mut self, finished: Finished) {
        // Content that failed leaves nothing behind.
        self.incoming = None;
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

fn other(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}
