#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ferrybench_fuzz::client("http", bytes));
