//! The file server under Criterion: each protocol's two sessions talking to each other in memory (what encoding, parsing
//! and decoding cost without any network), and single transfers over loopback.

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use ferrybench::{
    fileserver::{
        drivers::Limits,
        models,
        protocols::{self, Options, Request, Row},
        service::{Service, Setup},
        session::{Input, Session, Step, Tell},
        store::{source_name, write_source},
        transfer::{self, Task, Transfer},
    },
    pool::Work,
    shelf::{Keep, Shelf},
};
use ferrybench_data::fileserver::{Accept, Operation, ReadBytes, Received};
use std::{
    fs, hint::black_box, net::Ipv4Addr, os::unix::fs::FileExt, path::Path, sync::Arc, thread, time::Duration,
};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fileserver/codec");
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(20);
    group.throughput(Throughput::Bytes(MIB));
    let place = Place::new();
    for protocol in protocols::ALL {
        for operation in [Operation::Download, Operation::Upload] {
            let id = BenchmarkId::new(protocol.name, operation);
            group.bench_function(id, |bencher| bencher.iter(|| place.talk(protocol, operation)));
        }
    }
    group.finish();
}

fn transfers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fileserver/transfer");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    for bytes in [4 << 10, MIB, 10 * MIB] {
        for protocol in protocols::ALL {
            let place = Place::new();
            let (server, address) = place.serve(protocol);
            group.throughput(Throughput::Bytes(bytes));
            for operation in [Operation::Download, Operation::Upload] {
                let mut worker = place.worker(protocol, operation, address);
                let (there, here) = match operation {
                    Operation::Upload => ("upload.txt".to_owned(), source_name(bytes)),
                    _ => (source_name(bytes), "download.txt".to_owned()),
                };
                let id = BenchmarkId::new(format!("{}/{operation}", protocol.name), bytes);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| {
                        let done =
                            worker.run(Task { there: there.clone(), here: here.clone(), stamped: false });
                        assert_eq!((done.failure, done.bytes), (None, bytes));
                    });
                });
            }
            server();
        }
    }
    group.finish();
}

/// A folder with sources, and one for what arrives.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        // In memory where that is possible: it is the protocol that is measured, not the disk.
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") });
        let place = Self { folder: folder.expect("a temporary folder can be made") };
        fs::create_dir(place.root()).expect("the folder is new");
        fs::create_dir(place.received()).expect("the folder is new");
        for bytes in [4 << 10, MIB, 10 * MIB] {
            write_source(&place.root().join(source_name(bytes)), bytes, 1)
                .expect("there is room for sources");
        }
        place
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    fn received(&self) -> std::path::PathBuf {
        self.folder.path().join("received")
    }

    /// One request and its reply, both sessions in this thread. What arrives is hashed: no file is written.
    fn talk(&self, protocol: &Row, operation: Operation) {
        let files = Arc::new(Shelf::open(&self.root(), Keep::Hashes, None).expect("it was just made"));
        let name = source_name(MIB);
        let request = match operation {
            Operation::Upload => {
                Request::Upload { name: "upload.txt".into(), from: files.get(&name).expect("it is there") }
            }
            _ => Request::Download { into: files.put(&name).expect("nothing is written"), name },
        };
        let mut server = Side::new((protocol.server)(&files, Options::default()));
        let mut client = Side::new((protocol.client)(request, Options::default()));
        // Whoever receives the content leads: it knows when it needs more.
        let (leader, follower) = match operation {
            Operation::Upload => (&mut server, &mut client),
            _ => (&mut client, &mut server),
        };
        leader.lead(follower);
        assert!(client.succeeded, "{} {operation} went well", protocol.name);
    }

    /// A server of one thread in this process; what ends it, and where it listens.
    fn serve(&self, protocol: &Row) -> (impl FnOnce() + use<>, std::net::SocketAddr) {
        let setup = Setup {
            protocol: protocol.name.into(),
            root: self.root(),
            spares: None,
            received: Received::Written,
            read_bytes: ReadBytes::Auto,
            limits: Limits::default(),
            records: false,
            logs: false,
        };
        let service = Arc::new(Service::open(setup).expect("the folder is there"));
        let any = (Ipv4Addr::LOCALHOST, 0).into();
        let (listening, address) =
            models::Listening::on(any, Accept::Shared, 1).expect("loopback can be listened on");
        let stop = listening.stop().expect("descriptors can be copied");
        let serve = models::find("single").expect("the model is registered").serve;
        let thread = thread::spawn(move || serve(listening, &service));
        let end = move || {
            stop.ask();
            let ended = thread.join().expect("the server does not panic");
            ended.expect("the server ends when it is told to");
        };
        (end, address)
    }

    fn worker(&self, protocol: &Row, operation: Operation, target: std::net::SocketAddr) -> Transfer {
        let job = transfer::Job {
            target,
            protocol: protocol.name.into(),
            operation,
            read_bytes: ReadBytes::Auto,
            keep: Received::Written,
            received: self.received(),
            spares: None,
            sources: self.root(),
            limits: Limits::default(),
        };
        Transfer::new(&job).expect("the folders are there")
    }
}

/// One side of a conversation in memory.
struct Side {
    session: Box<dyn Session>,
    input: Input,
    piece: Vec<u8>,
    /// Heard, and not yet taken into the input.
    heard: Vec<u8>,
    closed: bool,
    succeeded: bool,
}

impl Side {
    fn new(session: Box<dyn Session>) -> Self {
        let input = Input::new(256 << 10);
        Self { session, input, piece: vec![0; 256 << 10], heard: Vec::new(), closed: false, succeeded: false }
    }

    /// Goes on until the conversation is over; the other side answers whenever this one needs to hear more.
    fn lead(&mut self, other: &mut Self) {
        while !self.closed {
            match self.session.next(&mut self.input).expect("both sides speak the protocol") {
                Step::Read { .. } => {
                    if self.heard.is_empty() && !other.answer(&mut self.heard) {
                        return;
                    }
                    let taken = self.input.feed(&self.heard);
                    self.heard.drain(..taken);
                }
                Step::PeerToFile { incoming, length } => {
                    let early = self.input.bytes().len().min(length as usize);
                    incoming.write(&self.input.bytes()[..early]).expect("it is only hashed");
                    self.input.consume(early);
                    let mut left = length as usize - early;
                    while left > 0 {
                        if self.heard.is_empty() {
                            assert!(other.answer(&mut self.heard), "the content is complete");
                        }
                        let count = self.heard.len().min(left);
                        incoming.write(&self.heard[..count]).expect("it is only hashed");
                        self.heard.drain(..count);
                        left -= count;
                    }
                }
                Step::Write(bytes) => other.heard.extend_from_slice(bytes),
                Step::FileToPeer { .. } => unreachable!("the leader receives"),
                Step::Tell(tell) => self.succeeded |= is_success(&tell),
                Step::Drain => {}
                Step::Close => self.closed = true,
            }
        }
        // The last word is still to be heard.
        other.answer(&mut self.heard);
    }

    /// Says what it has to say, up to a piece; whether there was anything.
    fn answer(&mut self, to: &mut Vec<u8>) -> bool {
        while !self.closed && to.len() < self.piece.len() {
            match self.session.next(&mut self.input).expect("both sides speak the protocol") {
                Step::Read { .. } if self.heard.is_empty() => break,
                Step::Read { .. } => {
                    let taken = self.input.feed(&self.heard);
                    self.heard.drain(..taken);
                }
                Step::Write(bytes) => to.extend_from_slice(bytes),
                Step::FileToPeer { file, offset, length } => {
                    let mut at = offset;
                    while at < offset + length {
                        let most = self.piece.len().min((offset + length - at) as usize);
                        let count =
                            file.read_at(&mut self.piece[..most], at).expect("the source can be read");
                        to.extend_from_slice(&self.piece[..count]);
                        at += count as u64;
                    }
                }
                Step::PeerToFile { .. } => unreachable!("the leader receives"),
                Step::Tell(tell) => self.succeeded |= is_success(&tell),
                Step::Drain => {}
                Step::Close => self.closed = true,
            }
        }
        !to.is_empty()
    }
}

fn is_success(tell: &Tell) -> bool {
    matches!(black_box(tell), Tell::Finished(finished) if finished.failure.is_none())
}

criterion_group!(benches, codec, transfers);
criterion_main!(benches);
