//! One mechanism a file; `../registry.rs` lists them.

pub(super) mod pipe;
pub(super) mod queue;
pub(super) mod shm_futex;
pub(super) mod shm_spin;
pub(super) mod tcp;
