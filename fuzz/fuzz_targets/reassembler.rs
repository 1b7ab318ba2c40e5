//! See `rehearsal_fuzz::reassembler`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rehearsal_fuzz::reassembler(data));
