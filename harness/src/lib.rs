//! Ferrybench: how fast does data change hands?
//!
//! This library is everything that touches the operating system or a clock. Layers use only those below them:
//! `run`; `roundtrip`, `fileserver`, `fanout`; `pool`, `shelf`; `process`, `measure`, `host`. The binary adds `cli` on top.

#[cfg(not(target_os = "linux"))]
compile_error!("ferrybench measures Linux mechanisms and builds on Linux only");

pub mod fanout;
pub mod fileserver;
pub mod host;
pub mod measure;
pub mod pool;
pub mod process;
pub mod roundtrip;
pub mod run;
pub mod shelf;
