//! See `rehearsal_fuzz::canonical_form`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rehearsal_fuzz::canonical_form(data));
