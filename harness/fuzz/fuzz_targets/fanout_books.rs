#![no_main]
//! The accounts of a receiver: sessions, names and several files.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(ferrybench_fuzz::books(bytes)));
