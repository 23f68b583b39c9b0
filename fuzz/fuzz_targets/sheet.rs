//! `fogbell_fuzz::sheet` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fogbell_fuzz::sheet(data));
