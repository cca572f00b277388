//! The server's side.

use super::{LONGEST_HEAD, NO_FIELDS, content_length, percent_decode, says};
use crate::{
    fileserver::{
        hands::Hands,
        session::{Finished, Input, Session, Step},
    },
    shelf::Shelf,
};
use ferrybench_data::fileserver::Operation;
use httparse::Status;
use std::{io, sync::Arc};

/// One connection at the server.
pub(super) struct Server {
    shelf: Arc<Shelf>,
    hands: Hands,
    phase: Phase,
}

#[derive(Clone, Copy)]
enum Phase {
    Between,
    Head,
    /// An upload's content has been asked for, and what its status will be.
    Content(Asked, u16),
    /// So many bytes of content that is not wanted.
    Swallow(u64),
}

/// What a request's head says besides its target.
#[derive(Debug, Clone, Copy)]
struct Asked {
    operation: Option<Operation>,
    /// Its reply has no content.
    head_only: bool,
    /// Length of the content.
    length: u64,
    /// The client waits for `100 Continue`.
    waits: bool,
    /// The connection carries no further request.
    last: bool,
}

/// A failure: status and sentence.
type Refusal = (u16, String);

/// Longest content that is read although it is not wanted, so that its reply is not lost when the connection closes.
const MOST_SWALLOWED: u64 = 1 << 20;

impl Server {
    pub(super) fn new(shelf: &Arc<Shelf>) -> Self {
        Self { shelf: Arc::clone(shelf), hands: Hands::default(), phase: Phase::Between }
    }

    /// Decides what to do with the input; false while more of it is needed.
    fn decide(&mut self, input: &mut Input) -> bool {
        match self.phase {
            Phase::Between => {
                let bytes = input.bytes();
                let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                input.consume(empty);
                if !input.bytes().is_empty() {
                    self.hands.tell_begun();
                    self.phase = Phase::Head;
                } else if input.ended {
                    self.hands.close();
                } else {
                    return false;
                }
            }
            Phase::Head => return self.take_head(input),
            Phase::Content(asked, status) => self.keep(asked, status),
            Phase::Swallow(left) => {
                let count = left.min(input.bytes().len() as u64);
                input.consume(count as usize);
                self.phase = if count == left { Phase::Between } else { Phase::Swallow(left - count) };
                if input.ended {
                    self.hands.close();
                }
                return count > 0 || input.ended;
            }
        }
        true
    }

    fn take_head(&mut self, input: &mut Input) -> bool {
        let mut fields = NO_FIELDS;
        let mut request = httparse::Request::new(&mut fields);
        let bytes = input.bytes();
        let bytes = &bytes[..bytes.len().min(LONGEST_HEAD)];
        let hopeless = Asked { operation: None, head_only: false, length: 0, waits: false, last: true };
        match request.parse(bytes) {
            Ok(Status::Complete(length)) => {
                self.phase = Phase::Between;
                match read(&request) {
                    Ok((asked, target)) => {
                        input.consume(length);
                        self.answer(asked, target.map_err(|()| refusal(400, "the name makes no sense")));
                    }
                    Err(why) => self.refuse(hopeless, why),
                }
            }
            Ok(Status::Partial) if bytes.len() == LONGEST_HEAD => {
                self.refuse(hopeless, (431, format!("a head has at most {LONGEST_HEAD} bytes")));
            }
            Ok(Status::Partial) if input.ended => {
                self.hands
                    .tell_finished(Finished::failed(None, "the client closed in the middle of a request"));
                self.hands.close();
            }
            Ok(Status::Partial) => return false,
            Err(error) => self.refuse(hopeless, (400, format!("this is no HTTP request: {error}"))),
        }
        true
    }

    fn answer(&mut self, asked: Asked, target: Result<String, Refusal>) {
        let served = target.and_then(|name| match asked.operation {
            None => Err(refusal(405, "only GET, HEAD, PUT and DELETE are served")),
            Some(operation) => self.serve(asked, operation, &name),
        });
        if let Err(why) = served {
            self.refuse(asked, why);
        }
    }

    fn serve(&mut self, asked: Asked, operation: Operation, name: &str) -> Result<(), Refusal> {
        let mut finished = Finished { operation: Some(operation), ..Finished::default() };
        match operation {
            Operation::Download if name.is_empty() => {
                let names = self.shelf.names().map_err(|why| refused(&why))?;
                let names = serde_json::to_vec(&names).map_err(|why| (500, why.to_string()))?;
                finished.operation = Some(Operation::List);
                self.reply(asked, 200, "application/json", &names);
            }
            Operation::Download | Operation::List => {
                let outgoing = self.shelf.get(name).map_err(|why| refused(&why))?;
                self.head(200, kind_of(name), outgoing.length, asked.last);
                self.hands.write();
                if !asked.head_only {
                    finished.bytes = outgoing.length;
                    self.hands.outgoing = Some(outgoing);
                    self.hands.send();
                }
            }
            Operation::Upload => {
                let incoming = self.shelf.put(name).map_err(|why| refused(&why))?;
                self.hands.incoming = Some(incoming);
                if asked.waits {
                    self.hands.text.clear();
                    self.hands.text.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    self.hands.write();
                }
                self.hands.receive(asked.length);
                self.phase = Phase::Content(asked, if self.shelf.has(name) { 204 } else { 201 });
                return Ok(());
            }
            Operation::Delete => {
                self.shelf.remove(name).map_err(|why| refused(&why))?;
                self.reply(asked, 204, "", b"");
            }
        }
        self.hands.tell_finished(finished);
        self.end(asked);
        Ok(())
    }

    /// An upload's content has come, or its end has.
    fn keep(&mut self, asked: Asked, status: u16) {
        self.phase = Phase::Between;
        let Some(incoming) = self.hands.incoming.take() else { return self.hands.close() };
        let bytes = incoming.length();
        if bytes < asked.length {
            let why = format!("the client closed after {bytes} of {} bytes of content", asked.length);
            self.hands.tell_finished(Finished::failed(asked.operation, why));
            return self.hands.close();
        }
        let asked = Asked { length: 0, ..asked };
        match incoming.finish() {
            Ok(hash) => {
                self.reply(asked, status, "", b"");
                let operation = asked.operation;
                self.hands.tell_finished(Finished { operation, bytes, hash, ..Finished::default() });
                self.end(asked);
            }
            Err(why) => self.refuse(asked, refused(&why)),
        }
    }

    fn refuse(&mut self, mut asked: Asked, (status, why): Refusal) {
        // Content may come or not from a client that waits for `100 Continue`: only the end makes that clear.
        asked.last |= asked.length > MOST_SWALLOWED || asked.waits && asked.length > 0;
        self.reply(asked, status, "text/plain; charset=utf-8", format!("{why}\n").as_bytes());
        self.hands.tell_finished(Finished::failed(asked.operation, why));
        self.end(asked);
    }

    fn reply(&mut self, asked: Asked, status: u16, kind: &str, content: &[u8]) {
        self.head(status, kind, content.len() as u64, asked.last);
        if !asked.head_only {
            self.hands.text.extend_from_slice(content);
        }
        self.hands.write();
    }

    fn head(&mut self, status: u16, kind: &str, length: u64, last: bool) {
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        if status != 204 {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        if !kind.is_empty() {
            head.push_str(&format!("Content-Type: {kind}\r\n"));
        }
        if status == 405 {
            head.push_str("Allow: GET, HEAD, PUT, DELETE\r\n");
        }
        if last {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        self.hands.text.clear();
        self.hands.text.extend_from_slice(head.as_bytes());
    }

    fn end(&mut self, asked: Asked) {
        if asked.last && asked.length > 0 {
            self.hands.drain_and_close();
        } else if asked.last {
            self.hands.close();
        } else if asked.length > 0 {
            self.phase = Phase::Swallow(asked.length);
        }
    }
}

impl Session for Server {
    fn next(&mut self, input: &mut Input) -> io::Result<Step<'_>> {
        while !self.hands.are_busy() && self.decide(input) {}
        Ok(self.hands.step(None))
    }
}

/// What a head asks for, and the name in its target. Where it cannot be said how long its content is, nothing after it
/// can be understood either.
fn read(request: &httparse::Request<'_, '_>) -> Result<(Asked, Result<String, ()>), Refusal> {
    let fields = &*request.headers;
    let method = request.method.unwrap_or_default();
    let operation = match method {
        "GET" | "HEAD" => Some(Operation::Download),
        "PUT" => Some(Operation::Upload),
        "DELETE" => Some(Operation::Delete),
        _ => None,
    };
    if super::values(fields, "transfer-encoding").next().is_some() {
        return Err(refusal(501, "content in chunks is not taken"));
    }
    let length = content_length(fields).map_err(|why| refusal(400, why))?;
    if method == "PUT" && length.is_none() {
        return Err(refusal(411, "an upload tells its Content-Length"));
    }
    let target = request.path.unwrap_or_default();
    // A proxy is asked for a whole URL.
    let path = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let name = path.strip_prefix('/').and_then(percent_decode).ok_or(());
    let asked = Asked {
        operation,
        head_only: method == "HEAD",
        length: length.unwrap_or(0),
        waits: request.version == Some(1) && says(fields, "expect", "100-continue"),
        last: request.version != Some(1) || says(fields, "connection", "close"),
    };
    Ok((asked, name))
}

/// The content type that a name's extension stands for.
fn kind_of(name: &str) -> &'static str {
    const KINDS: [(&str, &str); 8] = [
        ("jpg", "image/jpeg"),
        ("jpeg", "image/jpeg"),
        ("png", "image/png"),
        ("gif", "image/gif"),
        ("svg", "image/svg+xml"),
        ("pdf", "application/pdf"),
        ("csv", "text/csv; charset=utf-8"),
        ("html", "text/html; charset=utf-8"),
    ];
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let known = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    known.map_or("application/octet-stream", |(_, kind)| kind)
}

fn refusal(status: u16, why: &str) -> Refusal {
    (status, why.to_owned())
}

fn refused(why: &io::Error) -> Refusal {
    let status = match why.kind() {
        io::ErrorKind::NotFound => 404,
        io::ErrorKind::PermissionDenied => 403,
        io::ErrorKind::InvalidInput => 400,
        _ => 500,
    };
    (status, why.to_string())
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        _ => "Internal Server Error",
    }
}
