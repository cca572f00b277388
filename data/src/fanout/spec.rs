//! The axes of a fan-out trial.

use super::{BATCH_DATAGRAMS, LEDGER_HEADER_BYTES, MOST_DATAGRAM_BYTES};
use crate::axis::axis;
use serde::{Deserialize, Serialize};

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

impl Default for Spec {
    /// As plain as can be: one thread sends one file of 1 MiB to two receivers, one datagram after another, once.
    fn default() -> Self {
        Self {
            sender_model: "single-thread".into(),
            pool_size: 0,
            delivery: Delivery::Unicast,
            assignment: Assignment::All,
            receivers: 2,
            files: 1,
            file_bytes: 1 << 20,
            datagram_bytes: 1400,
            framing: Framing::Ledger,
            batching: Batching::One,
            reliability: Reliability::Unrepaired,
            fetch_where: FetchWhere::Local,
            think_ms: 0,
            segmented: Segmented::Never,
            hosts: Hosts::default(),
            receive_offload: ReceiveOffload::default(),
            pace_bytes_per_s: 0,
            mtu_bytes: ETHERNET_MTU,
            rate_bytes_per_s: 0,
            loss_percent: 0,
            duplicate_percent: 0,
            content: Content::default(),
        }
    }
}

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

    /// Most datagrams that reach a receiver's network stack as one packet: a batch that nobody cuts up.
    pub fn datagrams_a_packet(&self) -> u64 {
        if self.batching != Batching::Gso || self.segmented != Segmented::Never {
            return 1;
        }
        let datagram = self.header_bytes() + self.payload_bytes().unwrap_or(1);
        (MOST_DATAGRAM_BYTES / datagram.max(1)).clamp(1, BATCH_DATAGRAMS)
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
