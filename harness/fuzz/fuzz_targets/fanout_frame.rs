#![no_main]
//! The frames of the fan-out family.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ferrybench_fuzz::fanout(bytes));
