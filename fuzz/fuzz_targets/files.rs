//! See `rehearsal_fuzz::files`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rehearsal_fuzz::files(data));
