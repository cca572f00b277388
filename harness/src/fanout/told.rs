//! What the two sides of a block tell: shapes without opinion, each on the monotonic clock of the host that told it.

use crate::measure::usage::ProcessUse;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What a receiver saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// The receiver, from 1; 0 where nobody numbered it.
    pub receiver: u32,
    /// Where it listened.
    pub address: SocketAddr,
    /// The receive buffer that its socket got, bytes, as the kernel counts them.
    pub receive_buffer_bytes: u64,
    /// When it passed the start barrier, nanoseconds; `None` where there was none: by hand nobody holds it back.
    #[serde(default)]
    pub passed_barrier_ns: Option<u64>,
    /// Each file that was announced or expected, by number.
    pub files: Vec<ReceivedFile>,
    /// Datagrams that belong to no transfer: forged, truncated, of another session.
    pub foreign: u64,
    /// Datagrams that the socket dropped; a batch counts as one. `None` where the kernel does not say.
    pub socket_dropped: Option<u64>,
    /// Packets that interfaces of its host dropped meanwhile, whoever's they were; `None` where the kernel does not say.
    #[serde(default)]
    pub interface_dropped: Option<u64>,
    /// Control datagrams that it sent.
    pub control_datagrams: u64,
    /// What its process used, the whole of it.
    pub usage: ProcessUse,
}

/// One file at a receiver.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReceivedFile {
    /// The file, from 1.
    pub file: u32,
    /// Its name.
    pub name: String,
    /// Its size by the announcement or the expectation, bytes.
    pub bytes: u64,
    /// The ledger; `None` where datagrams carry no header.
    pub counts: Option<Counts>,
    /// Data datagrams that arrived.
    pub datagrams: u64,
    /// Content bytes that arrived, repeats included.
    pub received_bytes: u64,
    /// Data datagrams sent by the sender's last word to this receiver; `None` where that never came.
    pub sent: Option<u64>,
    /// Datagrams that the socket dropped while the file was open.
    pub socket_dropped: Option<u64>,
    /// The first datagram, nanoseconds.
    pub first_ns: Option<u64>,
    /// The last datagram.
    pub last_ns: Option<u64>,
    /// When the content was verified and had its name.
    pub verified_ns: Option<u64>,
    /// The source's hash, by the announcement or the expectation.
    pub source_hash: String,
    /// The hash of what arrived; blank where it is not whole, or nothing was kept to hash.
    pub hash: String,
    /// [`ferrybench_data::fanout::OK`], or why the file is not there, in one sentence.
    pub outcome: String,
}

/// The ledger of one file at one receiver. `received = unique + duplicate + corrupt` by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Data datagrams that arrived.
    pub received: u64,
    /// Transmissions that arrived at least once.
    pub unique: u64,
    /// Arrivals beyond the first of the same transmission.
    pub duplicate: u64,
    /// First arrivals after one with a later serial.
    pub reordered: u64,
    /// The largest distance by which one came late, datagrams.
    pub reorder_extent: u64,
    /// Arrivals whose checksum or header is wrong.
    pub corrupt: u64,
    /// Arrivals after the account was closed; part of unique or duplicate.
    pub late: u64,
}

/// What a sender did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Starting the workers of its pool, before the clock started, nanoseconds.
    pub start_up_ns: u64,
    /// When it passed the barrier: the start of the program's clock.
    pub passed_barrier_ns: u64,
    /// When its last worker had ended.
    pub ended_ns: u64,
    /// Each thread or process that sent a file, or the one that sent several.
    pub workers: Vec<Worker>,
    /// Each file, by number.
    pub files: Vec<SentFile>,
    /// Bytes of header in each data datagram.
    pub header_bytes: u32,
    /// Packets that interfaces of its host dropped meanwhile, whoever's they were; `None` where the kernel does not say.
    #[serde(default)]
    pub interface_dropped: Option<u64>,
    /// What its main process used, the whole of it.
    pub usage: ProcessUse,
    /// What each worker process used.
    pub processes: Vec<ProcessUse>,
}

/// One worker of a sender.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Worker {
    /// Its process.
    pub pid: u32,
    /// Its thread, by the kernel's number; of a task of tokio, the thread that it ended on.
    pub tid: u32,
    /// When its first file was begun, nanoseconds.
    pub started_ns: u64,
    /// When its last file was done.
    pub ended_ns: u64,
    /// Data datagrams that it sent.
    pub datagrams: u64,
    /// Content bytes in them.
    pub bytes: u64,
}

/// One file of a sender.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SentFile {
    /// The file, from 1.
    pub file: u32,
    /// Its name.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its hash.
    pub hash: String,
    /// How it was fetched; `None` for one that was there.
    pub fetch: Option<Fetched>,
    /// The process that sent it.
    pub pid: u32,
    /// The thread that sent it.
    pub tid: u32,
    /// When its worker took it up, nanoseconds.
    pub begun_ns: u64,
    /// When its worker was done with it.
    pub ended_ns: u64,
    /// Its first data datagram.
    pub first_ns: Option<u64>,
    /// Its last.
    pub last_ns: Option<u64>,
    /// Whom it went to: a flow for each receiver by unicast, one for all otherwise.
    pub flows: Vec<Flow>,
    /// Rounds of answers with something missing: the most of any flow.
    pub rounds: u32,
    /// Control datagrams that were sent for it.
    pub control_datagrams: u64,
    /// [`ferrybench_data::fanout::OK`], or why it was not sent to its end, in one sentence.
    pub outcome: String,
}

/// One way that a file took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// Who was to get it.
    pub receivers: Vec<Reached>,
    /// Data datagrams, repeats included: each has a serial of its own.
    pub transmissions: u64,
    /// Of these, content that had been sent before.
    pub repeated: u64,
    /// Content bytes in all of them.
    pub bytes: u64,
}

/// What a sender knows of one receiver of a file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reached {
    /// The receiver, from 1.
    pub receiver: u32,
    /// When its word came that the file is whole and verified, on the sender's clock, nanoseconds.
    pub verified_ns: Option<u64>,
    /// The ledger as the receiver told it last.
    pub counts: Option<Counts>,
    /// [`ferrybench_data::fanout::OK`], or what the sender knows against it, in one sentence. Where nothing is answered
    /// (`bare`), all is well that could be sent.
    pub outcome: String,
}

/// How a file was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fetched {
    /// From where.
    pub url: String,
    /// Content type, by the server's word.
    pub content_type: String,
    /// The request, nanoseconds.
    pub start_ns: u64,
    /// Its last byte.
    pub ended_ns: u64,
    /// [`ferrybench_data::fanout::OK`], or why it failed, in one sentence.
    pub outcome: String,
}
