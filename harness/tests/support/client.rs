//! Clients of the file server that speak its protocols by hand: they share no code with it.

use base64_simd::STANDARD;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longest that a test waits for a byte that must come.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A protocol, spoken by hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    Course,
    Raw,
    Http,
}

pub const WIRES: [Wire; 3] = [Wire::Course, Wire::Raw, Wire::Http];

impl Wire {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Course => "course",
            Self::Raw => "raw",
            Self::Http => "http",
        }
    }
}

/// Which of several clients has something to read, or an end.
pub fn first_readable(clients: &[Client]) -> usize {
    let mut sources: Vec<_> =
        clients.iter().map(|client| PollFd::new(&client.stream, PollFlags::IN)).collect();
    let most = Timespec { tv_sec: LONGEST_WAIT.as_secs() as _, tv_nsec: 0 };
    assert!(poll(&mut sources, Some(&most)).unwrap() > 0, "nobody gets an answer");
    sources.iter().position(|source| !source.revents().is_empty()).unwrap()
}

/// How a request ended; what broke the connection off is an error as well.
pub type Reply<T> = Result<T, String>;

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    wire: Wire,
    /// What came with the last reply and is the next one's.
    early: Vec<u8>,
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
fn broken(error: io::Error) -> String {
    format!("the connection broke: {error}")
}

/// A request of the raw protocol.
pub fn raw_request(operation: u8, name: &[u8], length: u64) -> Vec<u8> {
    let mut request = vec![operation, name.len() as u8];
    request.extend_from_slice(&length.to_le_bytes());
    request.extend_from_slice(name);
    request
}

/// A request of HTTP, with more header fields.
pub fn http_request(verb: &str, name: &str, more: &str) -> Vec<u8> {
    let mut target = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => target.push(char::from(byte)),
            _ => target.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{verb} /{target} HTTP/1.1\r\nHost: x\r\n{more}\r\n").into_bytes()
}

/// Content as it travels, with what ends it.
pub fn as_sent(wire: Wire, content: &[u8]) -> Vec<u8> {
    match wire {
        // No word at all would be a missing one.
        Wire::Course if content.is_empty() => b"''\r\n".to_vec(),
        Wire::Course => (STANDARD.encode_to_string(content) + "\r\n").into_bytes(),
        Wire::Raw | Wire::Http => content.to_vec(),
    }
}

impl Client {
    pub fn connect(address: SocketAddr, wire: Wire) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LONGEST_WAIT)).unwrap();
        stream.set_write_timeout(Some(LONGEST_WAIT)).unwrap();
        Self { stream, wire, early: Vec::new() }
    }

    pub fn send(&mut self, bytes: &[u8]) -> Reply<()> {
        self.stream.write_all(bytes).map_err(broken)
    }

    /// Whether there is something to read now.
    pub fn has_answer(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let seen = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        seen.is_ok()
    }

    fn ask(&mut self, operation: u8, name: &str) -> Reply<()> {
        let request = match self.wire {
            Wire::Course => {
                let verb = ["LIST", "GET", "UPLOAD", "DELETE"][usize::from(operation) - 1];
                format!("{verb} {name}\r\n").into_bytes()
            }
            Wire::Raw => raw_request(operation, name.as_bytes(), 0),
            Wire::Http => {
                let verb = ["GET", "GET", "PUT", "DELETE"][usize::from(operation) - 1];
                http_request(verb, name, "")
            }
        };
        self.send(&request)
    }

    pub fn ask_list(&mut self) {
        self.ask(1, "").unwrap();
    }

    pub fn end_list(&mut self) -> Reply<Vec<String>> {
        match self.wire {
            Wire::Course => {
                let reply = self.course_reply()?;
                let names = reply["data"].as_array().unwrap().iter();
                Ok(names.map(|name| name.as_str().unwrap().to_owned()).collect())
            }
            Wire::Raw => {
                let body = self.raw_reply()?;
                let (mut names, mut at) = (Vec::new(), 0);
                while at < body.len() {
                    let end = at + 1 + usize::from(body[at]);
                    names.push(String::from_utf8(body[at + 1..end].to_vec()).unwrap());
                    at = end;
                }
                Ok(names)
            }
            Wire::Http => Ok(serde_json::from_slice(&self.http_reply()?).unwrap()),
        }
    }

    pub fn list(&mut self) -> Reply<Vec<String>> {
        self.ask(1, "")?;
        self.end_list()
    }

    pub fn ask_get(&mut self, name: &str) {
        self.ask(2, name).unwrap();
    }

    pub fn end_get(&mut self) -> Reply<Vec<u8>> {
        match self.wire {
            Wire::Course => {
                let reply = self.course_reply()?;
                let text = reply["data_file"].as_str().unwrap();
                Ok(STANDARD.decode_to_vec(text).unwrap())
            }
            Wire::Raw => self.raw_reply(),
            Wire::Http => self.http_reply(),
        }
    }

    pub fn get(&mut self, name: &str) -> Reply<Vec<u8>> {
        self.ask(2, name)?;
        self.end_get()
    }

    /// Begins an upload: where the protocol says so, a worker is ready for it then.
    pub fn begin_put(&mut self, name: &str, length: usize) -> Reply<()> {
        match self.wire {
            Wire::Course => self.send(format!("UPLOAD {name} ").as_bytes()),
            Wire::Raw => {
                self.send(&raw_request(3, name.as_bytes(), length as u64))?;
                self.raw_reply().map(|_| ())
            }
            Wire::Http => {
                let length = format!("Content-Length: {length}\r\nExpect: 100-continue\r\n");
                self.send(&http_request("PUT", name, &length))?;
                self.http_reply().map(|_| ())
            }
        }
    }

    pub fn end_put(&mut self) -> Reply<()> {
        match self.wire {
            Wire::Course => self.course_reply().map(|_| ()),
            Wire::Raw => self.raw_reply().map(|_| ()),
            Wire::Http => self.http_reply().map(|_| ()),
        }
    }

    pub fn put(&mut self, name: &str, content: &[u8]) -> Reply<()> {
        self.begin_put(name, content.len())?;
        self.send(&as_sent(self.wire, content))?;
        self.end_put()
    }

    pub fn delete(&mut self, name: &str) -> Reply<()> {
        self.ask(4, name)?;
        self.end_put()
    }

    /// The reply to whatever was sent, as far as it is `done` or an error.
    pub fn answer(&mut self) -> Reply<()> {
        self.end_put()
    }

    /// What comes up to and with a mark.
    fn until(&mut self, mark: &[u8]) -> Reply<Vec<u8>> {
        let mut text = std::mem::take(&mut self.early);
        let mut piece = vec![0; 64 << 10];
        let mut looked_at: usize = 0;
        let end = loop {
            let from = looked_at.saturating_sub(mark.len() - 1);
            if let Some(at) = text[from..].windows(mark.len()).position(|window| window == mark) {
                break from + at + mark.len();
            }
            looked_at = text.len();
            match self.stream.read(&mut piece).map_err(broken)? {
                0 => return Err("the connection ended".to_owned()),
                read => text.extend_from_slice(&piece[..read]),
            }
        };
        self.early = text.split_off(end);
        Ok(text)
    }

    fn course_reply(&mut self) -> Reply<serde_json::Value> {
        let text = self.until(b"\r\n\r\n")?;
        let reply: serde_json::Value = serde_json::from_slice(&text).unwrap();
        match reply["status"].as_str() {
            Some("OK") => Ok(reply),
            Some("ERROR") => Err(reply["data"].as_str().unwrap().to_owned()),
            _ => panic!("{reply}"),
        }
    }

    fn raw_reply(&mut self) -> Reply<Vec<u8>> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => "the connection ended".to_owned(),
            _ => broken(error),
        })?;
        let length = u64::from_le_bytes(head[1..].try_into().unwrap());
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body).map_err(broken)?;
        if head[0] == 1 { Err(String::from_utf8(body).unwrap()) } else { Ok(body) }
    }

    fn http_reply(&mut self) -> Reply<Vec<u8>> {
        let head = String::from_utf8(self.until(b"\r\n\r\n")?).unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        let early = self.early.len().min(body.len());
        body[..early].copy_from_slice(&self.early[..early]);
        self.early.drain(..early);
        self.stream.read_exact(&mut body[early..]).map_err(broken)?;
        if status < 400 { Ok(body) } else { Err(String::from_utf8(body).unwrap().trim_end().to_owned()) }
    }

    /// Reads until the other side ends the connection.
    pub fn eventually_ends(&mut self) {
        let mut piece = vec![0; 64 << 10];
        loop {
            match self.stream.read(&mut piece) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    assert_ne!(error.kind(), io::ErrorKind::WouldBlock, "the connection does not end");
                    return;
                }
            }
        }
    }
}

/// Arbitrary bytes, another sequence for each seed.
pub fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut content = Vec::with_capacity(length + 8);
    while content.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.extend_from_slice(&state.to_le_bytes());
    }
    content.truncate(length);
    content
}
