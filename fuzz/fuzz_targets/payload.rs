//! See `rehearsal_fuzz::payload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rehearsal_fuzz::payload(data));
