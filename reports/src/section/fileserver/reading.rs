//! How to read the file server's figures, and what could mislead.

/// For a report that is about nothing else, the words that both families need come first.
pub(super) const GENERAL: &[&str] = &[
    "**A block** is the unit of repetition: a fresh server and a fresh pool of clients, then one round or more. Blocks of all \
     trials are interleaved, so that a drift of the machine hits all alike. A trial's figure is the median over its blocks; \
     intervals are over blocks; below six blocks there is none, and nothing is compared in words.",
    "**Elsewhere it will differ.** These are figures of one machine, kernel and configuration, not of a model or protocol as \
     such.",
];

pub(super) const WORDS: &[&str] = &[
    "**A round of transfers** begins at a barrier: all client workers are let go at once, each makes its transfers, and the round \
     ends with the last byte of the last client. It is a burst, not a steady load: the queue is longest at the start.",
    "**Each transfer proves itself.** What arrived is hashed and must equal its source; the bytes that clients counted must be \
     those that the server's workers counted; how a worker fared is told by the worker itself. A row with one failed transfer \
     is a failed row: it stands in the assignment's table with its counts and its reason, and in no ranking, ratio or \
     chart.",
    "**A short transfer times the start.** 10 MiB take a few milliseconds: much of that is the workers' waking. Larger volumes say \
     more about throughput.",
    "**Fresh pages** cost more than any pool: a file that is written for the first time waits for the kernel to find and clear \
     each page. Where `pages` is `touched`, files were written once before the first row and are overwritten.",
    "**Clients and server share the CPUs**, so a pool can only help as far as there are CPUs left; the clients' share of the CPU \
     time is in the tables.",
];
