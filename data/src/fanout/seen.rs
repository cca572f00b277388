//! What was seen of one block of a fan-out trial.

use serde::{Deserialize, Serialize};

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
    /// Packets that interfaces and queues between the hosts dropped. Of named hosts: that their own interfaces dropped
    /// meanwhile, whoever's they were.
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
    /// Largest difference between the instants at which sender and receivers passed the start barrier, seconds; empty
    /// where there was none.
    pub start_skew_s: Option<f64>,
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
