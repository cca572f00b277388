//! How to read the fan-out's figures, and what could mislead.

/// For a report that is about nothing else, the words that all families need come first.
pub(super) const GENERAL: &[&str] = &[
    "**A block** is the unit of repetition: fresh sender and receivers, one sending of all files. Blocks of all trials are \
     interleaved, so that a drift of the machine hits all alike. A trial's figure is the median over its blocks; intervals are over \
     blocks; below six blocks there is none, and nothing is compared in words.",
    "**Elsewhere it will differ.** These are figures of one machine, kernel and network, not of a sender model as such.",
];

pub(super) const WORDS: &[&str] = &[
    "**Total and send are the sender's.** UDP does not wait for anybody: a program ends when the kernel has taken its last datagram, \
     whether or not anything arrived. A short total with files missing is no feat: look at the files, the losses and the time until all \
     is verified beside it.",
    "**Goodput is the receivers'**: bytes of files that are whole and have the source's hash, over all receivers.",
    "**`bare` is what the published programs send**: content without a header or an end mark. Then sent and received bytes, drops of \
     the kernel and whether a file is intact are known; what was lost, repeated or reordered is not, and says `n/a`.",
    "**`none` and `repair` are not the same task.** The first sends once and may lose; the second goes on until every receiver has every \
     byte. They are not held against each other.",
    "**One machine is no network.** Hosts that are namespaces share CPUs, so that a receiver may starve because the sender runs. A \
     large buffer that is never cut up (`gso` between namespaces) would be cut up by a real network device.",
];
