//! The file server as its users start it.

use super::{
    BINARY, Place,
    client::{Client, WIRES, Wire, first_readable},
    eventually, signal,
};
use nix::sys::signal::Signal;
use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
};

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
        let mut clients: Vec<Client> = (0..64).map(|_| self.client()).collect();
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

/// Clock ticks of CPU time that a process has used, of which there are 100 in a second.
pub fn cpu_ticks(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().unwrap()).sum()
}
