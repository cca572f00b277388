//! The servers: ours, nginx, one in `CPython`, and iperf3. Each is a process of its own and ends with its value.

use super::Place;
use ferrybench::measure::clock;
use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

const BINARY: &str = env!("CARGO_BIN_EXE_ferrybench");
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/course_server.py");
/// Longest until a server accepts.
const START_NS: u64 = 10_000_000_000;

pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) fn ours(place: &Place, protocol: &str, model: &str, workers: u32) -> Self {
        let address = free_address();
        let child = Command::new(BINARY)
            .args(["serve", "--quiet", "--protocol", protocol, "--model", model])
            .args(["--workers", &workers.to_string(), "--listen", &address.to_string()])
            .arg("--root")
            .arg(place.path("root"))
            .stderr(Stdio::null())
            .spawn();
        Self { child: child.expect("our own binary starts"), address }.when_it_accepts()
    }

    /// nginx with sendfile and two workers, no logs; `None` where it is not installed.
    pub(super) fn nginx(place: &Place) -> Option<Self> {
        let address = free_address();
        let folder = place.path("nginx");
        fs::create_dir_all(&folder).ok()?;
        let config = format!(
            "daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
             events {{ worker_connections 256; }}
             http {{
                 access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
                 client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
                 uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
                 server {{ listen {address}; root {root}; }}
             }}",
            folder = folder.display(),
            root = place.path("root").display(),
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config).ok()?;
        let child =
            Command::new("nginx").arg("-c").arg(&file).arg("-p").arg(&folder).stderr(Stdio::null()).spawn();
        Some(Self { child: child.ok()?, address }.when_it_accepts())
    }

    /// A server in `CPython`; `None` where there is no python3.
    pub(super) fn python(place: &Place, workers: u32) -> Option<Self> {
        let mut child = Command::new("python3")
            .arg(PYTHON)
            .args(["--port", "0", "--workers", &workers.to_string(), "--model", "thread", "--root"])
            .arg(place.path("root"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
        let address = line.trim().strip_prefix("listening ")?.parse().ok()?;
        Some(Self { child, address })
    }

    fn when_it_accepts(self) -> Self {
        let give_up = clock::now() + START_NS;
        while TcpStream::connect(self.address).is_err() {
            assert!(clock::now() < give_up, "the server at {} does not accept", self.address);
            clock::pause(Duration::from_millis(5));
        }
        self
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, so that whoever has children ends them too.
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback is there");
    listener.local_addr().expect("it is bound")
}

/// An iperf3 server, asked again and again.
pub(super) struct Iperf(Server);

impl Iperf {
    /// `None` where it is not installed.
    pub(super) fn start() -> Option<Self> {
        let address = free_address();
        let child = Command::new("iperf3")
            .args(["--server", "--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let server = Server { child: child.ok()?, address };
        // A connection to find out would be a test to it: it is asked properly until it answers.
        let mut iperf = Self(server);
        let give_up = clock::now() + START_NS;
        while iperf.ask(1, 1 << 20).is_none() {
            assert!(clock::now() < give_up, "iperf3 does not answer");
            clock::pause(Duration::from_millis(20));
        }
        Some(iperf)
    }

    /// Bytes a second that its receiver counted, over all streams.
    pub(super) fn rate(&mut self, streams: u32, bytes_each: u64) -> f64 {
        self.ask(streams, bytes_each).expect("iperf3 answers once more")
    }

    fn ask(&mut self, streams: u32, bytes_each: u64) -> Option<f64> {
        let output = Command::new("iperf3")
            .args(["--client", "127.0.0.1", "--port", &self.0.address.port().to_string(), "--json"])
            .args([
                "--parallel",
                &streams.to_string(),
                "--bytes",
                &(u64::from(streams) * bytes_each).to_string(),
            ])
            .output()
            .ok()?;
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        Some(said["end"]["sum_received"]["bits_per_second"].as_f64()? / 8.0)
    }
}
