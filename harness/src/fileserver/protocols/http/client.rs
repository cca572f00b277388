//! The client's side.

use super::{LONGEST_HEAD, NO_FIELDS, content_length, list, percent_encode, says, values};
use crate::{
    fileserver::{
        hands::Hands,
        protocols::Request,
        session::{Finished, Input, Session, Step},
    },
    shelf,
};
use ferrybench_data::fileserver::Operation;
use httparse::Status;
use std::{io, time::Duration};

/// One connection at the client, for one request.
pub(super) struct Client {
    operation: Operation,
    name: String,
    hands: Hands,
    phase: Phase,
    /// An upload's content has been sent, or is being sent.
    sent: bool,
    /// The final head of the reply.
    reply: Reply,
    /// Content of a reply that is no file.
    text: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Phase {
    Ask,
    /// Nothing of the reply is there.
    Wait,
    Head,
    Content(Frame),
    Over,
}

/// Where the content of a reply stands.
#[derive(Clone, Copy)]
enum Frame {
    /// So many bytes are missing; a chunk of more, or the last ones.
    Part(u64, More),
    /// The file should have so many bytes when the part is over.
    Arrived(u64, More),
    ChunkHead,
    ChunkEnd,
    /// Fields after the last chunk.
    Trailer,
    UntilEnd,
    Whole,
}

#[derive(Clone, Copy)]
enum More {
    Chunks,
    Nothing,
}

#[derive(Default)]
struct Reply {
    status: u16,
    reason: String,
    kind: String,
}

/// How long `100 Continue` is waited for: servers before HTTP/1.1 never send it.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest content of a reply that is no file, bytes.
const LONGEST_TEXT: usize = 16 << 20;
/// Longest reason that is shown of a failure, bytes.
const LONGEST_REASON: usize = 4 << 10;
/// Longest line around a chunk, bytes.
const LONGEST_CHUNK_LINE: usize = 1 << 10;

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
        let (reply, text) = (Reply::default(), Vec::new());
        Self { operation, name, hands, phase: Phase::Ask, sent: false, reply, text }
    }

    /// Decides what to do with the input; false while more of it is needed.
    fn decide(&mut self, input: &mut Input) -> io::Result<bool> {
        match self.phase {
            Phase::Ask => self.ask()?,
            Phase::Wait if !input.bytes().is_empty() => {
                self.hands.tell_begun();
                self.phase = Phase::Head;
            }
            Phase::Wait if input.ended => return Err(other("the server closed without a reply")),
            Phase::Wait if input.silent && !self.sent => self.send(),
            Phase::Wait => return Ok(false),
            Phase::Head => return self.take_head(input),
            Phase::Content(frame) => return self.take_content(input, frame),
            Phase::Over => self.hands.close(),
        }
        Ok(true)
    }

    fn ask(&mut self) -> io::Result<()> {
        let (method, length) = match self.operation {
            Operation::List | Operation::Download => ("GET", None),
            Operation::Upload => ("PUT", self.hands.outgoing.as_ref().map(|outgoing| outgoing.length)),
            Operation::Delete => ("DELETE", None),
        };
        if self.operation != Operation::List {
            shelf::check(&self.name)?;
        }
        let name = percent_encode(&self.name);
        let mut head = format!("{method} /{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        if let Some(length) = length {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        self.sent = length.is_none_or(|length| length == 0);
        if !self.sent {
            head.push_str("Expect: 100-continue\r\n");
        }
        head.push_str("\r\n");
        self.hands.text = head.into_bytes();
        self.hands.write();
        self.phase = Phase::Wait;
        Ok(())
    }

    fn send(&mut self) {
        self.sent = true;
        self.hands.send();
    }

    fn take_head(&mut self, input: &mut Input) -> io::Result<bool> {
        let mut fields = NO_FIELDS;
        let mut reply = httparse::Response::new(&mut fields);
        let bytes = input.bytes();
        let bytes = &bytes[..bytes.len().min(LONGEST_HEAD)];
        let length = match reply.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() == LONGEST_HEAD => {
                return Err(other(format!("the head of the reply is longer than {LONGEST_HEAD} bytes")));
            }
            Ok(Status::Partial) => return Self::more(input),
            Err(error) => {
                let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(32)]);
                return Err(other(format!("the reply is not HTTP ({error}): it begins with {shown:?}")));
            }
        };
        let status = reply.code.unwrap_or_default();
        if (100..200).contains(&status) {
            input.consume(length);
            if status == 100 && !self.sent {
                self.send();
            }
            return Ok(true);
        }
        self.reply = Reply {
            status,
            reason: reply.reason.unwrap_or_default().to_owned(),
            kind: values(reply.headers, "content-type").next().unwrap_or_default().to_ascii_lowercase(),
        };
        let frame = frame(status, reply.headers)?;
        input.consume(length);
        if !self.is_success() || self.operation != Operation::Download {
            // Whatever follows is no file: it is gathered, and the file that was to come leaves nothing behind.
            self.hands.incoming = None;
        }
        self.phase = Phase::Content(frame);
        Ok(true)
    }

    fn is_success(&self) -> bool {
        match self.operation {
            Operation::List | Operation::Download => self.reply.status == 200,
            Operation::Upload | Operation::Delete => matches!(self.reply.status, 200..=204),
        }
    }

    fn take_content(&mut self, input: &mut Input, frame: Frame) -> io::Result<bool> {
        let next = match frame {
            Frame::Part(0, More::Chunks) => Frame::ChunkEnd,
            Frame::Part(0, More::Nothing) => Frame::Whole,
            Frame::Part(left, more) => match &self.hands.incoming {
                Some(incoming) => {
                    let length = incoming.length().checked_add(left);
                    self.hands.receive(left);
                    Frame::Arrived(length.ok_or_else(|| other("the content has no end"))?, more)
                }
                None if input.bytes().is_empty() => return Self::more(input),
                None => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.bytes().len());
                    self.gather(input, count)?;
                    Frame::Part(left - count as u64, more)
                }
            },
            Frame::Arrived(length, more) => {
                let bytes = self.hands.incoming.as_ref().map_or(0, shelf::Incoming::length);
                if bytes < length {
                    let why = format!("the server closed after {bytes} of {length} bytes of content");
                    return Err(other(why));
                }
                Frame::Part(0, more)
            }
            Frame::ChunkHead => match httparse::parse_chunk_size(input.bytes()) {
                Ok(Status::Complete((taken, length))) => {
                    input.consume(taken);
                    if length == 0 { Frame::Trailer } else { Frame::Part(length, More::Chunks) }
                }
                Ok(Status::Partial) if input.bytes().len() <= LONGEST_CHUNK_LINE => return Self::more(input),
                _ => return Err(other("a chunk of the reply has no length")),
            },
            Frame::ChunkEnd => match input.bytes() {
                [b'\r', b'\n', ..] => {
                    input.consume(2);
                    Frame::ChunkHead
                }
                [] | [b'\r'] => return Self::more(input),
                _ => return Err(other("a chunk of the reply is longer than it says")),
            },
            Frame::Trailer => {
                let bytes = input.bytes();
                let Some(end) = memchr::memchr(b'\n', bytes) else {
                    if bytes.len() > LONGEST_CHUNK_LINE {
                        return Err(other("the reply does not end after its last chunk"));
                    }
                    return Self::more(input);
                };
                let empty = matches!(&bytes[..end], [] | [b'\r']);
                input.consume(end + 1);
                if empty { Frame::Whole } else { Frame::Trailer }
            }
            Frame::UntilEnd => {
                let bytes = input.bytes();
                match &mut self.hands.incoming {
                    Some(incoming) => {
                        incoming.write(bytes)?;
                        input.consume(bytes.len());
                    }
                    None => self.gather(input, bytes.len())?,
                }
                if !input.ended {
                    return Ok(false);
                }
                Frame::Whole
            }
            Frame::Whole => {
                self.understand()?;
                return Ok(true);
            }
        };
        self.phase = Phase::Content(next);
        Ok(true)
    }

    /// Keeps content that is no file; of what a failure says, only the beginning.
    fn gather(&mut self, input: &mut Input, count: usize) -> io::Result<()> {
        let most = if self.is_success() { LONGEST_TEXT } else { LONGEST_REASON };
        let room = most - self.text.len();
        if count > room && self.is_success() {
            return Err(other(format!("the reply is longer than {most} bytes")));
        }
        self.text.extend_from_slice(&input.bytes()[..count.min(room)]);
        input.consume(count);
        Ok(())
    }

    /// The reply is there.
    fn understand(&mut self) -> io::Result<()> {
        let Reply { status, reason, kind } = &self.reply;
        if !self.is_success() {
            let text = String::from_utf8_lossy(&self.text);
            // Others put pages of HTML there, which is nothing to read in a sentence.
            let why = Some(text.trim()).filter(|why| kind.starts_with("text/plain") && !why.is_empty());
            return Err(other(match why {
                Some(why) => format!("{status} {reason}: {why}"),
                None => format!("the server answered {status} {reason}").trim_end().to_owned(),
            }));
        }
        let mut finished = Finished { operation: Some(self.operation), ..Finished::default() };
        match self.operation {
            Operation::List => {
                let names = if kind.starts_with("text/html") {
                    Some(list::links(&String::from_utf8_lossy(&self.text)))
                } else {
                    list::names(&self.text)
                };
                finished.names = names.ok_or_else(|| other("the reply is not a list of names"))?;
            }
            Operation::Download => {
                if let Some(incoming) = self.hands.incoming.take() {
                    finished.bytes = incoming.length();
                    finished.hash = incoming.finish()?;
                }
            }
            Operation::Upload if !self.sent => {
                return Err(other(format!("the server answered {status} before it had the content")));
            }
            Operation::Upload => {
                finished.bytes = self.hands.outgoing.as_ref().map_or(0, |outgoing| outgoing.length);
            }
            Operation::Delete => {}
        }
        self.finish(finished);
        Ok(())
    }

    /// More input is needed: it may come, or not any more.
    fn more(input: &Input) -> io::Result<bool> {
        if input.ended { Err(other("the server closed in the middle of its reply")) } else { Ok(false) }
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
        let waits = matches!(self.phase, Phase::Wait) && !self.sent;
        Ok(self.hands.step(waits.then_some(PATIENCE)))
    }
}

/// How the content of a reply is cut.
fn frame(status: u16, fields: &[httparse::Header<'_>]) -> io::Result<Frame> {
    if matches!(status, 204 | 304) {
        return Ok(Frame::Whole);
    }
    if says(fields, "transfer-encoding", "chunked") {
        return Ok(Frame::ChunkHead);
    }
    if let Some(coding) = values(fields, "transfer-encoding").next() {
        return Err(other(format!("the content is {coding}, and that is not understood")));
    }
    let length = content_length(fields).map_err(other)?;
    Ok(length.map_or(Frame::UntilEnd, |length| Frame::Part(length, More::Nothing)))
}

fn other(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}
