//! The file server as its users start it, and clients that speak its protocols by hand: they share no code with it.

use super::{BINARY, Place, eventually, signal};
use base64_simd::STANDARD;
use nix::sys::signal::Signal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// Longest that a test waits for a byte that must come.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Workers of a pool where a test does not say.
pub const WORKERS: usize = 3;

/// A model of a server, with what the command line says for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    pub name: &'static str,
    pub accept: Option<&'static str>,
    /// Whether its workers are counted.
    pub pool: bool,
}

const fn model(name: &'static str, accept: Option<&'static str>, pool: bool) -> Model {
    Model { name, accept, pool }
}

pub const SINGLE: Model = model("single", None, false);
pub const THREADS: Model = model("thread-per-connection", None, false);
pub const THREAD_POOL: Model = model("thread-pool", None, true);
pub const PROCESSES: Model = model("process-per-connection", None, false);
pub const SHARED: Model = model("process-pool", Some("shared"), true);
pub const REUSEPORT: Model = model("process-pool", Some("reuseport"), true);
pub const HANDOFF: Model = model("process-pool", Some("handoff"), true);
pub const TOKIO: Model = model("tokio", None, true);

pub const MODELS: [Model; 8] = [SINGLE, THREADS, THREAD_POOL, PROCESSES, SHARED, REUSEPORT, HANDOFF, TOKIO];
/// Those that can serve two connections at a time.
pub const CONCURRENT: [Model; 7] = [THREADS, THREAD_POOL, PROCESSES, SHARED, REUSEPORT, HANDOFF, TOKIO];

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

/// Has every model and protocol checked, some at a time. A thread has the name of its case: a panic says which it was.
pub fn each(models: &[Model], check: impl Fn(Model, Wire) + Sync) {
    let cases: Vec<_> = models.iter().flat_map(|model| WIRES.map(|wire| (*model, wire))).collect();
    let (next, check) = (&Mutex::new(cases.into_iter()), &check);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                loop {
                    let case = next.lock().unwrap().next();
                    let Some((model, wire)) = case else { return };
                    let name = format!("{} {} {}", model.name, model.accept.unwrap_or_default(), wire.name());
                    let named = thread::Builder::new().name(name);
                    named.spawn_scoped(scope, move || check(model, wire)).unwrap().join().unwrap();
                }
            });
        }
    });
}

/// A server that runs, in a process group of its own, as a shell would start it.
pub struct Server {
    pub place: Place,
    pub address: SocketAddr,
    pub wire: Wire,
    pub child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(model: Model, wire: Wire) -> Self {
        Self::with(model, wire, &[])
    }

    /// With more on its command line.
    pub fn with(model: Model, wire: Wire, arguments: &[&str]) -> Self {
        Self::under(&[], model, wire, arguments)
    }

    /// Under another program, such as one that takes something away from it.
    pub fn under(wrapper: &[&str], model: Model, wire: Wire, arguments: &[&str]) -> Self {
        Self::try_under(wrapper, model, wire, arguments)
            .unwrap_or_else(|said| panic!("it does not serve: {said}"))
    }

    /// The same; what it said where it does not serve.
    pub fn try_under(wrapper: &[&str], model: Model, wire: Wire, arguments: &[&str]) -> Result<Self, String> {
        let place = Place::new();
        fs::create_dir(place.path("root")).unwrap();
        let mut words: Vec<&str> = wrapper.to_vec();
        words.extend([BINARY, "serve", "--root", "root"]);
        if !arguments.contains(&"--listen") {
            words.extend(["--listen", "127.0.0.1:0"]);
        }
        words.extend(["--model", model.name, "--protocol", wire.name()]);
        if let Some(accept) = model.accept {
            words.extend(["--accept", accept]);
        }
        let workers = WORKERS.to_string();
        if model.pool && !arguments.contains(&"--workers") {
            words.extend(["--workers", &workers]);
        }
        words.extend(arguments);
        let mut command = place.command(words[0]);
        command.args(&words[1..]).process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut greeting = String::new();
        said.read_line(&mut greeting).unwrap();
        let address = greeting.split(" on ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        let Some(address) = address else {
            said.read_to_string(&mut greeting).unwrap();
            child.wait().unwrap();
            return Err(greeting);
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Ok(Self { place, address, wire, child, log })
    }

    /// A path in the served folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path("root").join(name)
    }

    /// Everything in the served folder, hidden or not.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn client(&self) -> Client {
        Client::connect(self.address, self.wire)
    }

    /// A client that a worker has taken, even where others may be behind one that is busy.
    pub fn taken_client(&self) -> Client {
        let mut clients: Vec<Client> = (0..24).map(|_| self.client()).collect();
        for client in &mut clients {
            client.ask_list();
        }
        let place = first_readable(&clients);
        let mut client = clients.swap_remove(place);
        client.end_list().unwrap();
        client
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub fn eventually_says(&self, what: &str) {
        eventually(&format!("the log says {what:?}"), || self.log().contains(what));
    }

    /// Its worker processes.
    pub fn workers(&self) -> Vec<i32> {
        let all = self.place.processes().into_iter();
        all.filter(|(_, line)| line.ends_with("worker file-worker")).map(|(pid, _)| pid).collect()
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Waits until it has heard that it should end: nobody can connect any more.
    pub fn eventually_refuses(&self) {
        eventually("connections are refused", || {
            TcpStream::connect(self.address)
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        });
    }

    /// Waits for its end.
    pub fn ends(&mut self) -> ExitStatus {
        let mut ended = None;
        eventually("the server ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Server {
    /// Whatever it was started under, and what a failed test left.
    fn drop(&mut self) {
        signal(-self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
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

/// Clock ticks of CPU time that a process has used, of which there are 100 in a second.
pub fn cpu_ticks(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}
