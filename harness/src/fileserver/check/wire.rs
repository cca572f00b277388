//! One connection to a course server: blocking, slow, and with a deadline. It shares nothing with the client that measures,
//! so that a mistake there cannot hide itself here.

use super::{Diagnosis, Stop, fault, scene::after};
use crate::measure::clock;
use serde_json::{Map, Value};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

const END: &[u8] = b"\r\n\r\n";
/// How long after a whole JSON object its end mark may come.
const MARK_PATIENCE: Duration = Duration::from_secs(1);

/// Why there is no reply, and what had come of it.
#[derive(Debug)]
pub(super) enum Ending {
    /// No connection.
    Refused(String),
    /// Nothing more came until the deadline.
    Silence(Vec<u8>),
    /// The server closed or reset the connection.
    Closed(Vec<u8>),
    /// It came to its end mark, and is no JSON object.
    NotJson(Vec<u8>),
    /// It is a JSON object without a proper `status`.
    NoStatus(Vec<u8>),
}

impl From<Ending> for Stop {
    fn from(ending: Ending) -> Self {
        let json = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).is_ok();
        match ending {
            Ending::Refused(why) => fault(Diagnosis::Dies, format!("no connection: {why}")),
            Ending::Silence(received) if received.is_empty() => fault(Diagnosis::NoReply, "no reply"),
            Ending::Closed(received) if received.is_empty() => {
                fault(Diagnosis::ClosesEarly, "the connection was closed without a reply")
            }
            Ending::Silence(received) | Ending::Closed(received) if json(&received) => {
                fault(Diagnosis::NoEndMark, format!("{} and no CR LF CR LF after it", excerpt(&received)))
            }
            Ending::Silence(received) => fault(
                Diagnosis::ClosesEarly,
                format!("the reply stopped after {} bytes: {}", received.len(), excerpt(&received)),
            ),
            Ending::Closed(received) => fault(
                Diagnosis::ClosesEarly,
                format!("closed after {} bytes: {}", received.len(), excerpt(&received)),
            ),
            Ending::NotJson(received) if received.is_empty() => {
                fault(Diagnosis::ExtraBytes, "an end mark with no reply before it")
            }
            Ending::NotJson(received) => fault(Diagnosis::NotJson, excerpt(&received)),
            Ending::NoStatus(received) => fault(Diagnosis::NoStatus, excerpt(&received)),
        }
    }
}

/// What was seen, short enough for a line.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const LONGEST: usize = 72;
    let text = bytes[..bytes.len().min(LONGEST)]
        .escape_ascii()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'");
    if bytes.len() > LONGEST { format!("`{text}...`") } else { format!("`{text}`") }
}

/// A reply that is a JSON object with a status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) ok: bool,
    fields: Map<String, Value>,
    raw: Vec<u8>,
}

impl Reply {
    fn parse(raw: Vec<u8>) -> Result<Self, Ending> {
        let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(&raw) else {
            return Err(Ending::NotJson(raw));
        };
        match fields.get("status").and_then(Value::as_str) {
            Some("OK") => Ok(Self { ok: true, fields, raw }),
            Some("ERROR") => Ok(Self { ok: false, fields, raw }),
            _ => Err(Ending::NoStatus(raw)),
        }
    }

    /// A field that is text.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// The field `data` of LIST: names.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let names = self.fields.get("data")?.as_array()?;
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// The beginning of it, as it came.
    pub(super) fn excerpt(&self) -> String {
        excerpt(&self.raw)
    }

    /// Whether it says that the verb is not known.
    pub(super) fn is_unknown_verb(&self) -> bool {
        !self.ok && self.text("data").is_some_and(|said| said.contains("tidak dikenali"))
    }
}

/// A connection.
pub(super) struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    /// Deadline of whatever is waited for next, on the clock.
    pub(super) until: u64,
}

impl Wire {
    pub(super) fn open(target: &SocketAddr, until: u64) -> Result<Self, Ending> {
        let refused = |error: io::Error| Ending::Refused(error.to_string());
        let stream = TcpStream::connect_timeout(target, left(until)).map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        Ok(Self { stream, received: Vec::new(), until })
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Ending> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_silence(&error) => return Err(Ending::Silence(Vec::new())),
                Err(_) => return Err(Ending::Closed(Vec::new())),
            }
        }
        Ok(())
    }

    /// Sends a request and reads its reply. A server may well answer before it has read all, and close.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<Reply, Ending> {
        let sent = self.send(request);
        match (sent, self.reply()) {
            (Err(ending), Err(_)) => Err(ending),
            (_, reply) => reply,
        }
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&mut self) {
        // A connection that is gone is finished as well.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// The next reply.
    pub(super) fn reply(&mut self) -> Result<Reply, Ending> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.received[looked..].windows(END.len()).position(|bytes| bytes == END) {
                let mut raw: Vec<u8> = self.received.drain(..looked + at + END.len()).collect();
                raw.truncate(raw.len() - END.len());
                return Reply::parse(raw);
            }
            looked = self.received.len().saturating_sub(END.len() - 1);
            // After the object's last brace there is only its end mark to wait for.
            let until =
                if self.received.ends_with(b"}") { self.until.min(after(MARK_PATIENCE)) } else { self.until };
            match self.read(until) {
                Ok(0) => return Err(Ending::Closed(std::mem::take(&mut self.received))),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_silence(&error) => {
                    return Err(Ending::Silence(std::mem::take(&mut self.received)));
                }
                Err(_) => return Err(Ending::Closed(std::mem::take(&mut self.received))),
            }
        }
    }

    /// What comes without being asked for, within a time or until the connection closes.
    pub(super) fn more(&mut self, wait: Duration) -> Vec<u8> {
        let until = after(wait);
        while self.read(until).is_ok_and(|count| count > 0) {}
        std::mem::take(&mut self.received)
    }

    /// Whether the server has closed the connection, or does within a moment.
    pub(super) fn is_closed(&mut self) -> bool {
        matches!(self.read(after(Duration::from_millis(20))), Ok(0))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if clock::now() >= self.until {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_write_timeout(Some(left(self.until)))?;
        self.stream.write(bytes)
    }

    fn read(&mut self, until: u64) -> io::Result<usize> {
        if clock::now() >= until {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut piece = [0; 16 * 1024];
        self.stream.set_read_timeout(Some(left(until)))?;
        let count = self.stream.read(&mut piece)?;
        self.received.extend_from_slice(&piece[..count]);
        Ok(count)
    }
}

/// Time until a deadline: a socket takes no timeout of zero.
fn left(until: u64) -> Duration {
    Duration::from_nanos(until.saturating_sub(clock::now())).max(Duration::from_millis(1))
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
