//! The same client for every server: threads of this process, released by a barrier, writing to touched files.

use super::Place;
use ferrybench::{
    fileserver::{
        drivers::Limits,
        store::{source_name, write_source},
        transfer::{Job, Task, Transfer},
    },
    pool::{self, Pool},
};
use ferrybench_data::fileserver::{Operation, ReadBytes, Received};
use std::{fs, net::SocketAddr, time::Duration};

/// Longest that a round may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// Makes a source of that length, and as many touched files as there are clients.
pub(super) fn prepare(place: &Place, bytes: u64, clients: u32) {
    for folder in ["root", "received"] {
        fs::create_dir_all(place.path(folder)).expect("the folder can be made");
    }
    let spares = place.path(&format!("spares-{bytes}"));
    fs::create_dir_all(&spares).expect("the folder can be made");
    let source = place.path("root").join(source_name(bytes));
    write_source(&source, bytes, 1).expect("there is room for the source");
    for number in 0..clients {
        fs::copy(&source, spares.join(format!("spare-{number}"))).expect("there is room for what arrives");
    }
}

pub(super) struct Client<'a> {
    place: &'a Place,
    pool: Box<dyn Pool<Transfer>>,
    clients: u32,
    bytes: u64,
    expected: Vec<u8>,
    round: u32,
}

impl<'a> Client<'a> {
    pub(super) fn new(
        place: &'a Place,
        protocol: &str,
        target: SocketAddr,
        clients: u32,
        bytes: u64,
        keep: Received,
    ) -> Self {
        let job = Job {
            target,
            protocol: protocol.into(),
            operation: Operation::Download,
            read_bytes: ReadBytes::Auto,
            keep,
            received: place.path("received"),
            spares: (keep == Received::Written).then(|| place.path(&format!("spares-{bytes}"))),
            sources: place.path("root"),
            limits: Limits::default(),
        };
        let pool = pool::start::<Transfer>("thread-pool", clients, &job).expect("threads can be started");
        let expected = fs::read(place.path("root").join(source_name(bytes))).expect("it was made before");
        Self { place, pool, clients, bytes, expected, round: 0 }
    }

    /// One round: every client downloads the file once. Bytes a second of all together, from the barrier to the last
    /// byte of the last. What the first round brought is compared with the source.
    pub(super) fn rate(&mut self) -> f64 {
        self.round += 1;
        let name = |client: u32| format!("{client}.txt");
        let task = |client| vec![Task { there: source_name(self.bytes), here: name(client) }];
        let round =
            self.pool.round((1..=self.clients).map(task).collect(), DEADLINE).expect("the round ends");
        let mut last = round.released_ns;
        for done in round.workers.iter().flat_map(|worker| worker.as_ref().expect("no worker died")) {
            assert_eq!((done.failure.as_ref(), done.bytes), (None, self.bytes));
            last = last.max(done.ended_ns);
        }
        for client in 1..=self.clients {
            let received = self.place.path("received").join(name(client));
            if !received.exists() {
                continue; // it was hashed and dropped
            }
            if self.round == 1 {
                assert!(fs::read(&received).expect("it was received") == self.expected, "it is the source");
            }
            let spare = self.place.path(&format!("spares-{}", self.bytes)).join(format!("back-{client}"));
            fs::rename(&received, spare).expect("both lie in the same place");
        }
        (self.bytes * u64::from(self.clients)) as f64 / ((last - round.released_ns) as f64 / 1e9)
    }
}
