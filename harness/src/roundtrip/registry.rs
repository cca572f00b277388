//! The table of mechanisms. Adding one is a file under `mechanisms/` and a line here.

use super::{
    broken, floor,
    mechanisms::{
        crossbeam, eventfd, fifo, flume, io_uring, pipe, posix_mq, queue, rtrb, shm_futex, shm_spin,
        socketpair, std_mpsc, sysv_mq, tcp, tokio_mpsc, udp, unix_dgram, unix_seqpacket, unix_stream,
    },
    pair::{Driver, Joint, Setting},
};
use ferrybench_data::{
    plan::catalogue::{self, Group, Nature},
    roundtrip::{Pattern, Peers, Wait},
};
use std::io;

/// Every mechanism, kin beside kin; tables keep this order.
pub static ALL: &[Mechanism] = &[
    pipe::ROW,
    fifo::ROW,
    eventfd::ROW,
    posix_mq::ROW,
    sysv_mq::ROW,
    queue::ROW,
    socketpair::ROW,
    unix_stream::ROW,
    unix_dgram::ROW,
    unix_seqpacket::ROW,
    io_uring::ROW,
    tcp::ROW,
    udp::ROW,
    shm_spin::ROW,
    shm_futex::ROW,
    std_mpsc::ROW,
    crossbeam::ROW,
    flume::ROW,
    tokio_mpsc::ROW,
    rtrb::ROW,
    floor::NULL,
    floor::MEMCPY,
];

/// One mechanism: what it is, what it can do, and the functions that know its type.
pub struct Mechanism {
    /// Its name in plans, ids and tables.
    pub name: &'static str,
    /// One sentence for `list`.
    pub help: &'static str,
    /// Its kin.
    pub group: Group,
    /// What it is.
    pub nature: Nature,
    /// Patterns that it has.
    pub patterns: &'static [Pattern],
    /// Ends that it joins; the first is what a plan takes that does not say.
    pub peers: &'static [Peers],
    /// Ways of waiting; the first is what a plan takes that does not say.
    pub waits: &'static [Wait],
    /// Whether several producers may share it.
    pub many_producers: bool,
    /// The largest message on this machine, bytes (`None`: only memory bounds it), or why it cannot run here.
    pub largest: fn() -> Result<Option<u64>, String>,
    /// How it joins its ends.
    pub joint: Joint,
}

/// Round trips and streams.
pub(super) const BOTH: &[Pattern] = &[Pattern::Rtt, Pattern::Stream];
/// Between processes by nature, between threads as well.
pub(super) const PROCESS_OR_THREAD: &[Peers] = &[Peers::Process, Peers::Thread];
/// Blocking by nature; spinning and both in turn as well.
pub(super) const ANY_WAIT: &[Wait] = &[Wait::Block, Wait::Spin, Wait::Adaptive];

/// No limit but memory, and nothing that it needs.
#[expect(clippy::unnecessary_wraps, reason = "it has the type of a row's field")]
pub(super) fn unlimited() -> Result<Option<u64>, String> {
    Ok(None)
}

impl Mechanism {
    /// Makes both ends and starts the far one.
    pub fn start(&self, setting: &Setting) -> io::Result<Box<dyn Driver>> {
        (self.joint.start)(setting, &self.nature)
    }

    /// What a plan and a report know of it.
    pub fn describe(&self, hidden: bool) -> catalogue::Mechanism {
        let (largest_bytes, lacking) = match (self.largest)() {
            Ok(largest) => (largest, None),
            Err(why) => (None, Some(why)),
        };
        catalogue::Mechanism {
            name: self.name.to_owned(),
            help: self.help.to_owned(),
            group: self.group,
            nature: self.nature.clone(),
            patterns: self.patterns.to_vec(),
            peers: self.peers.to_vec(),
            waits: self.waits.to_vec(),
            many_producers: self.many_producers,
            largest_bytes,
            lacking,
            hidden,
        }
    }
}

/// The mechanism of that name, the broken ones included.
pub fn find(name: &str) -> Option<&'static Mechanism> {
    ALL.iter().chain(broken::ALL).find(|mechanism| mechanism.name == name)
}

/// What a plan may name on this machine.
pub fn describe() -> Vec<catalogue::Mechanism> {
    let visible = ALL.iter().map(|mechanism| mechanism.describe(false));
    visible.chain(broken::ALL.iter().map(|mechanism| mechanism.describe(true))).collect()
}
