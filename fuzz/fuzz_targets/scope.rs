//! See `rehearsal_fuzz::scope`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rehearsal_fuzz::scope(data));
