//! Files from one host to many over UDP: what a trial is, what is seen, and its figures.

mod audit;
#[cfg(test)]
mod tests;

use crate::{
    axis::axis,
    family::{Better, Family, Metric},
    units::Size,
};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};

/// The family of files that one host sends to others over UDP.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fanout {}

/// Every axis of a fan-out trial.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spec {
    /// Name of the sender model in the registry.
    pub sender_model: String,
    /// Workers of a pool; 0 where the model has none to size (one thread, or one worker for each file).
    pub pool_size: u32,
    /// To whom a datagram is addressed.
    pub delivery: Delivery,
    /// Which receivers get which files.
    pub assignment: Assignment,
    /// Receiving hosts.
    pub receivers: u32,
    /// Files.
    pub files: u32,
    /// Size of one file, bytes; 0 for the pictures, each as long as it is.
    pub file_bytes: u64,
    /// Payload of one datagram without our header, bytes; 0 for a whole file in one.
    pub datagram_bytes: u32,
    /// What a datagram holds beside its payload.
    pub framing: Framing,
    /// Datagrams to one system call.
    pub batching: Batching,
    /// Whether what is missing is sent again.
    pub reliability: Reliability,
    /// Who fetches the files.
    pub fetch_where: FetchWhere,
    /// Pause between fetching a file and sending it, milliseconds.
    pub think_ms: u64,
    /// Where a batch of the `gso` kind becomes single datagrams; `never` for batches that are single datagrams already.
    pub segmented: Segmented,
    /// What the hosts are.
    #[serde(default)]
    pub hosts: Hosts,
    /// Whether receivers take several datagrams of one flow as one (`UDP_GRO`).
    #[serde(default)]
    pub receive_offload: ReceiveOffload,
    /// Most payload bytes that the sender puts on the wire in a second; 0 for as many as go.
    #[serde(default)]
    pub pace_bytes_per_s: u64,
    /// Largest packet of the network between the hosts, bytes.
    #[serde(default = "ethernet")]
    pub mtu_bytes: u32,
    /// What the link to each receiver carries in a second, bytes; 0 without a limit.
    #[serde(default)]
    pub rate_bytes_per_s: u64,
    /// Datagrams that the network loses at random on the way to each receiver, percent.
    #[serde(default)]
    pub loss_percent: u32,
    /// Datagrams that the network delivers twice at random, percent.
    #[serde(default)]
    pub duplicate_percent: u32,
    /// Whose files are sent.
    #[serde(default)]
    pub content: Content,
}

/// The MTU of Ethernet, and the default of the network between hosts.
pub const ETHERNET_MTU: u32 = 1500;

fn ethernet() -> u32 {
    ETHERNET_MTU
}

axis! {
    /// To whom a datagram is addressed.
    Delivery {
        /// To each receiver by itself.
        Unicast = "unicast",
        /// To the subnet's broadcast address: one datagram for all.
        Broadcast = "broadcast",
        /// To 255.255.255.255 through a named interface.
        LimitedBroadcast = "limited-broadcast",
        /// To a group that the receivers have joined.
        Multicast = "multicast",
    }
}
axis! {
    /// Which receivers get which files.
    Assignment {
        /// File i goes to receiver i.
        Each = "each",
        /// Every file goes to every receiver.
        All = "all",
    }
}
axis! {
    /// What a datagram holds beside its payload.
    Framing {
        /// Our header: which datagram of which file it is, so that each can be counted.
        Ledger = "ledger",
        /// Nothing: on the wire exactly what the published programs send, without an end mark.
        Bare = "bare",
    }
}
axis! {
    /// Datagrams to one system call.
    Batching {
        /// One: `sendto`.
        One = "one",
        /// Several buffers by one call: `sendmmsg`, `recvmmsg`.
        Sendmmsg = "sendmmsg",
        /// One large buffer that the kernel or the device cuts up: segmentation offload.
        Gso = "gso",
    }
}
axis! {
    /// Whether what is missing is sent again.
    Reliability {
        /// Sent and forgotten.
        Unrepaired = "none",
        /// Receivers answer with what is missing, until each has every byte.
        Repair = "repair",
    }
}
axis! {
    /// Who fetches the files before they are sent.
    FetchWhere {
        /// Nobody: they lie on the sender's host.
        Local = "local",
        /// The parent, one after another, before it hands them to workers.
        ParentSerial = "parent-serial",
        /// Each worker its own.
        InWorker = "in-worker",
    }
}
axis! {
    /// Where a batch becomes single datagrams.
    Segmented {
        /// Nowhere: the receiver gets the batch as one packet of up to 64 KiB, as between virtual interfaces.
        Never = "never",
        /// In the kernel, before the interface: each datagram is a packet on the wire.
        Stack = "stack",
        /// In the network device.
        Device = "device",
    }
}
axis! {
    /// What the hosts of a trial are.
    Hosts {
        /// Network namespaces that the run made: each with its own addresses and network stack.
        Namespaces = "namespaces",
        /// Addresses of the loopback interface, where namespaces cannot be made.
        Loopback = "loopback",
        /// Machines or containers that the plan names.
        Named = "named",
    }
}
axis! {
    /// Whether receivers take several datagrams of one flow as one.
    ReceiveOffload {
        /// They do, where the batch makes sense of it.
        Gro = "gro",
        /// They take each by itself.
        Off = "off",
    }
}

axis! {
    /// Whose files are sent.
    Content {
        /// Ours: pictures, or synthetic files of a given size.
        BuiltIn = "built-in",
        /// Those that the plan's source names, each as long as it is.
        Own = "own",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro cannot mark one variant")]
impl Default for Content {
    fn default() -> Self {
        Self::BuiltIn
    }
}

#[expect(clippy::derivable_impls, reason = "the macro cannot mark one variant")]
impl Default for Hosts {
    fn default() -> Self {
        Self::Namespaces
    }
}

#[expect(clippy::derivable_impls, reason = "the macro cannot mark one variant")]
impl Default for ReceiveOffload {
    fn default() -> Self {
        Self::Gro
    }
}

/// What the sender, the receivers and the network told of one block. Times of different hosts are brought to the sender's
/// clock; `clock_bound_s` says how well.
///
/// Counts are of *transmissions*: each datagram that was sent, a repeated one included, has a serial number of its own,
/// so that what the network lost and what it delivered twice is known exactly however often the sender repeats. They are
/// summed over receivers and files; a datagram to n receivers by broadcast was sent to each of the n. `receivers.csv` has
/// each by itself. Blank: not told (`bare` framing carries no serial).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Starting the workers of the pool, seconds; also where that was before the clock started.
    pub start_up_s: f64,
    /// Fetching: the sum over files, seconds.
    pub fetch_s: f64,
    /// From the first datagram to the last, over all workers, seconds.
    pub send_s: f64,
    /// From the start of the program's clock to the end of its last worker, seconds.
    pub total_s: f64,
    /// From the first data byte sent to the last receiver's word that its files are complete and verified, seconds;
    /// blank where a file is not.
    pub complete_s: Option<f64>,
    /// Content bytes of intact files over all receivers / `complete_s`; without it, content bytes that arrived /
    /// the time from the first datagram sent to the last received.
    pub goodput_bytes_per_s: f64,
    /// Unique data datagrams that arrived at one receiver in a second: the mean over receivers; of all that arrived
    /// where framing is `bare`.
    pub delivered_per_s: f64,
    /// Data datagrams sent, each receiver's counted.
    pub sent: Option<u64>,
    /// Of these, arrived at least once.
    pub unique: Option<u64>,
    /// Of these, never arrived.
    pub lost: Option<u64>,
    /// Arrivals beyond the first of the same transmission.
    pub duplicate: Option<u64>,
    /// First arrivals after one with a later serial.
    pub reordered: Option<u64>,
    /// The largest distance by which one came late, datagrams.
    pub reorder_extent: Option<u64>,
    /// Arrivals whose checksum or header is wrong.
    pub corrupt: Option<u64>,
    /// Arrivals after the receiver had closed the file's account; part of unique or duplicate.
    pub late: Option<u64>,
    /// Data datagrams that arrived.
    pub received: Option<u64>,
    /// Datagrams that belong to no transfer: forged, truncated, replayed from another session. Ignored.
    pub foreign: u64,
    /// Of what was sent, transmissions of content that had been sent before.
    pub repeated: u64,
    /// Rounds of answers with something missing, the most of any file.
    pub repair_rounds: u32,
    /// Data datagrams that left the sender: a broadcast counts once.
    pub wire_datagrams: u64,
    /// Bytes that left the sender for them: payload, our header, UDP, IP and Ethernet headers.
    pub wire_bytes: u64,
    /// Datagrams of announcement, answer and end mark, both ways.
    pub control_datagrams: u64,
    /// Content bytes handed to the kernel, each receiver's counted.
    pub sent_bytes: u64,
    /// Content bytes that arrived, repeats included.
    pub received_bytes: u64,
    /// Datagrams that the receivers' sockets dropped because their buffer was full; batches count as one.
    pub socket_dropped: Option<u64>,
    /// Packets that interfaces and queues between the hosts dropped.
    pub interface_dropped: Option<u64>,
    /// Packets that the firewall was told to drop at random, by its own counter.
    pub injected_drops: Option<u64>,
    /// Packets that the firewall was told to deliver twice, by its own counter.
    pub injected_duplicates: Option<u64>,
    /// Files times receivers that were to arrive.
    pub files_asked: u32,
    /// Of these, whole and with the source's hash.
    pub files_intact: u32,
    /// Distinct (boot, network namespace) pairs among sender and receivers, as their agents proved.
    pub hosts_distinct: u32,
    /// Distinct processes among the sender's workers.
    pub sender_processes: u32,
    /// Distinct threads among them.
    pub sender_threads: u32,
    /// Largest difference between the instants at which hosts passed the barrier, seconds.
    pub start_skew_s: f64,
    /// How far the clocks of two hosts may be apart after correction, at most, seconds.
    pub clock_bound_s: f64,
    /// Smallest receive buffer that a receiver's socket got, bytes.
    pub receive_buffer_bytes: u64,
    /// CPU time in user mode, sender and receivers, seconds.
    pub cpu_user_s: f64,
    /// The same in the kernel.
    pub cpu_system_s: f64,
    /// CPU time of the sender alone, seconds.
    pub sender_cpu_s: f64,
    /// Peak anonymous memory of the sender, its workers included, bytes.
    pub sender_peak_rss_bytes: u64,
    /// The largest peak anonymous memory of one receiver, bytes.
    pub receiver_peak_rss_bytes: u64,
}

/// One file at one receiver: a row of `receivers.csv`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReceiverRow {
    /// The trial's id.
    pub trial: String,
    /// The block, from 1.
    pub block: u32,
    /// The receiver, from 1.
    pub receiver: u32,
    /// What its host is called.
    pub host: String,
    /// The address that it received on.
    pub address: String,
    /// The file, from 1.
    pub file: u32,
    /// Its name.
    pub name: String,
    /// Its size at the source, bytes.
    pub bytes: u64,
    /// Data datagrams that the sender sent to this receiver, repeats included, by the sender's count.
    pub sent: Option<u64>,
    /// Data datagrams that arrived.
    pub received: Option<u64>,
    /// Transmissions that arrived at least once.
    pub unique: Option<u64>,
    /// Transmissions that never arrived.
    pub lost: Option<u64>,
    /// Arrivals beyond the first of the same transmission.
    pub duplicate: Option<u64>,
    /// First arrivals after one with a later serial.
    pub reordered: Option<u64>,
    /// The largest distance by which one came late, datagrams.
    pub reorder_extent: Option<u64>,
    /// Arrivals whose checksum or header is wrong.
    pub corrupt: Option<u64>,
    /// Arrivals after the file's account was closed.
    pub late: Option<u64>,
    /// Content bytes that arrived, repeats included.
    pub received_bytes: u64,
    /// Datagrams that the socket dropped while the file was open.
    pub socket_dropped: Option<u64>,
    /// From the barrier to the first datagram, seconds, on the sender's clock.
    pub first_s: Option<f64>,
    /// From the barrier to the last datagram.
    pub last_s: Option<f64>,
    /// From the barrier to the verified file.
    pub verified_s: Option<f64>,
    /// Hash of the source.
    pub source_hash: String,
    /// Hash of what arrived; blank where it is not whole.
    pub hash: String,
    /// `ok`, or why the file is not there, in one sentence.
    pub outcome: String,
}

/// One file that was fetched: a row of `fetches.csv`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FetchRow {
    /// The trial's id.
    pub trial: String,
    /// The block, from 1.
    pub block: u32,
    /// The file, from 1.
    pub file: u32,
    /// The name that it was given.
    pub name: String,
    /// Where it was fetched from.
    pub url: String,
    /// Content type, by the server's word.
    pub content_type: String,
    /// Size, bytes.
    pub bytes: u64,
    /// From the start of the program's clock to the request, seconds.
    pub start_s: f64,
    /// From the request to the last byte, seconds.
    pub fetch_s: f64,
    /// `ok`, or why it failed, in one sentence.
    pub outcome: String,
}

/// The outcome of a file that is beyond doubt.
pub const OK: &str = "ok";

/// Bytes of Ethernet, IPv4 and UDP headers around one datagram.
pub const HEADERS_BYTES: u64 = 14 + 20 + 8;
/// Bytes of our own header in each data datagram of the `ledger` framing; `bare` has none.
pub const LEDGER_HEADER_BYTES: u32 = 36;
/// Bytes of IPv4 and UDP headers, which an MTU counts.
pub const PACKET_HEADERS_BYTES: u64 = 20 + 8;
/// Most bytes that one UDP datagram carries over IPv4: 65 535 less those headers.
pub const MOST_DATAGRAM_BYTES: u64 = 65_535 - PACKET_HEADERS_BYTES;
/// Most datagrams that the kernel cuts one buffer into (`UDP_MAX_SEGMENTS`).
pub const MOST_SEGMENTS: u64 = 128;

impl Spec {
    /// Files that are to arrive, each receiver's counted.
    pub fn files_asked(&self) -> u32 {
        match self.assignment {
            Assignment::Each => self.files,
            Assignment::All => self.files.saturating_mul(self.receivers),
        }
    }

    /// How often the sender sends each datagram of a file, to different receivers.
    pub fn copies(&self) -> u64 {
        match (self.delivery, self.assignment) {
            (Delivery::Unicast, Assignment::All) => self.receivers.into(),
            _ => 1,
        }
    }

    /// Receivers that one datagram is sent to.
    pub fn audience(&self) -> u64 {
        if self.delivery == Delivery::Unicast { 1 } else { self.receivers.into() }
    }

    /// Bytes of our own header in each data datagram.
    pub fn header_bytes(&self) -> u64 {
        if self.framing == Framing::Ledger { LEDGER_HEADER_BYTES.into() } else { 0 }
    }

    /// Content bytes of a full datagram; `None` where it is a whole file whose size is not an axis.
    pub fn payload_bytes(&self) -> Option<u64> {
        match (self.datagram_bytes, self.file_bytes) {
            (0, 0) => None,
            (0, file) => Some(file),
            (payload, _) => Some(payload.into()),
        }
    }

    /// Datagrams of one file, sent once; `None` where its size is not an axis.
    pub fn datagrams_of_a_file(&self) -> Option<u64> {
        (self.file_bytes > 0).then(|| self.file_bytes.div_ceil(self.payload_bytes().unwrap_or(1)))
    }
}

impl Family for Fanout {
    const NAME: &'static str = "fanout";
    type Spec = Spec;
    type Evidence = Evidence;

    fn id(spec: &Spec) -> String {
        let Spec { sender_model, pool_size, delivery, assignment, receivers, files, .. } = spec;
        let Spec { framing, batching, reliability, fetch_where, segmented, .. } = spec;
        let sized = |bytes: u64, zero: &str| match bytes {
            0 => zero.to_owned(),
            bytes => Size(bytes).to_string(),
        };
        let as_they_are = match spec.content {
            Content::BuiltIn => "pictures",
            Content::Own => "own",
        };
        let mut id = format!(
            "{}/{sender_model}/{pool_size}/{delivery}/{assignment}/{receivers}/{files}/{}/{}/{framing}/{batching}/\
             {reliability}/{fetch_where}/{}ms/{segmented}",
            Self::NAME,
            sized(spec.file_bytes, as_they_are),
            sized(spec.datagram_bytes.into(), "whole-file"),
            spec.think_ms,
        );
        let mut add = |name: &str, is_default: bool, value: &dyn fmt::Display| {
            if !is_default {
                write!(id, "+{name}={value}").expect("writing to memory cannot fail");
            }
        };
        add("hosts", spec.hosts == Hosts::default(), &spec.hosts);
        add("receive-offload", spec.receive_offload == ReceiveOffload::default(), &spec.receive_offload);
        add("pace", spec.pace_bytes_per_s == 0, &spec.pace_bytes_per_s);
        add("mtu", spec.mtu_bytes == ETHERNET_MTU, &spec.mtu_bytes);
        add("rate", spec.rate_bytes_per_s == 0, &spec.rate_bytes_per_s);
        add("loss", spec.loss_percent == 0, &spec.loss_percent);
        add("duplicate", spec.duplicate_percent == 0, &spec.duplicate_percent);
        add("content", spec.content == Content::default() || spec.file_bytes == 0, &spec.content);
        id
    }

    fn audit(spec: &Spec, seen: &Evidence) -> Vec<String> {
        audit::reasons(spec, seen)
    }

    fn metrics() -> &'static [Metric<Self>] {
        METRICS
    }
}

/// Name of the metric that ranks trials.
pub const GOODPUT: &str = "goodput_bytes_per_s";
/// Name of the rate of datagrams that arrived.
pub const DELIVERED: &str = "delivered_per_s";
/// Name of a program's whole time.
pub const TOTAL: &str = "total_s";
/// Name of the time until every receiver has verified every file.
pub const COMPLETE: &str = "complete_s";
/// Name of the share of transmissions that never arrived.
pub const LOSS: &str = "loss_share";
/// Name of the bytes that left the sender.
pub const WIRE: &str = "wire_bytes";

const METRICS: &[Metric<Fanout>] = &[
    Metric { name: GOODPUT, better: Better::Higher, value: |_, seen| Some(seen.goodput_bytes_per_s) },
    Metric { name: DELIVERED, better: Better::Higher, value: |_, seen| Some(seen.delivered_per_s) },
    Metric { name: TOTAL, better: Better::Lower, value: |_, seen| Some(seen.total_s) },
    Metric { name: "start_up_s", better: Better::Lower, value: |_, seen| Some(seen.start_up_s) },
    Metric { name: "fetch_s", better: Better::Lower, value: |_, seen| Some(seen.fetch_s) },
    Metric { name: "send_s", better: Better::Lower, value: |_, seen| Some(seen.send_s) },
    Metric { name: COMPLETE, better: Better::Lower, value: |_, seen| seen.complete_s },
    Metric {
        name: LOSS,
        better: Better::Lower,
        value: |_, seen| Some(seen.lost? as f64 / (seen.sent? as f64).max(1.0)),
    },
    Metric { name: WIRE, better: Better::Lower, value: |_, seen| Some(seen.wire_bytes as f64) },
];
