//! One mechanism a file; `../registry.rs` lists them.

pub(super) mod crossbeam;
pub(super) mod eventfd;
pub(super) mod fifo;
pub(super) mod flume;
pub(super) mod io_uring;
pub(super) mod pipe;
pub(super) mod posix_mq;
pub(super) mod queue;
pub(super) mod rtrb;
pub(super) mod shm_futex;
pub(super) mod shm_spin;
pub(super) mod socketpair;
pub(super) mod std_mpsc;
pub(super) mod sysv_mq;
pub(super) mod tcp;
pub(super) mod tokio_mpsc;
pub(super) mod udp;
pub(super) mod unix_dgram;
pub(super) mod unix_seqpacket;
pub(super) mod unix_stream;
