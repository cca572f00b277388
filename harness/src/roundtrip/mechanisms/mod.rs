//! One mechanism a file; `../registry.rs` lists them.

pub(super) mod pipe;
pub(super) mod tcp;
