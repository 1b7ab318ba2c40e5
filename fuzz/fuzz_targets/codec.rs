//! See `rehearsal_fuzz::codec`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rehearsal_fuzz::codec(data));
