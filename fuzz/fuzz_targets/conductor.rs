//! `fogbell_fuzz::conductor` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fogbell_fuzz::conductor(data));
