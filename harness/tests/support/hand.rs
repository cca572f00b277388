//! Senders and receivers as a person types them.

use super::{BINARY, Place};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    thread,
};

/// A receiver that somebody started.
pub struct Receiver {
    pub child: Child,
    words: BufReader<ChildStderr>,
    pub address: String,
}

impl Receiver {
    /// Starts it by a command; where it listens is its first line.
    pub fn start(command: &mut Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut words = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        words.read_line(&mut line).unwrap();
        let Some(rest) = line.strip_prefix("Listening on ") else {
            let _ = child.wait();
            return None;
        };
        let address = rest.split(',').next().unwrap().to_owned();
        Some(Self { child, words, address })
    }

    pub fn of(place: &Place, into: &str, more: &[&str]) -> Self {
        let folder = place.path(into);
        fs::create_dir_all(&folder).unwrap();
        let mut command = place.command(BINARY);
        command.args(["receive", "--listen", "127.0.0.1:0", "--idle", "300ms", "--into"]).arg(&folder);
        Self::start(command.args(more)).unwrap()
    }

    /// Waits for its end: exit code, standard output, standard error.
    pub fn end(mut self) -> (Option<i32>, String, String) {
        let (mut said, mut noted) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        self.words.read_to_string(&mut noted).unwrap();
        (self.child.wait().unwrap().code(), said, noted)
    }
}

pub fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A sender that was started, its standard error to be read.
pub fn sender(place: &Place, words: &[&str]) -> Child {
    let mut command = place.command(BINARY);
    command.arg("send").args(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The address of a file that is served for as long as this process lives.
pub fn served(content: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut peer in listener.incoming().map_while(Result::ok) {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
            // Whoever was killed does not read it.
            let _ = peer.read(&mut [0; 4096]);
            let _ = peer.write_all(head.as_bytes()).and_then(|()| peer.write_all(&content));
        }
    });
    format!("http://{address}/picture.bin")
}

/// A shell script in namespaces of its own, `m` for mounts and `n` for networks; its first argument is the binary. Whoever
/// is not root makes a user namespace first.
pub fn apart(place: &Place, namespace: &str, script: &str) -> Command {
    let as_root = nix::unistd::geteuid().is_root();
    let flags = if as_root { format!("-{namespace}") } else { format!("-Ur{namespace}") };
    let mut command = place.command("unshare");
    command.args([&flags, "sh", "-c", script, "sh", BINARY]);
    command
}
