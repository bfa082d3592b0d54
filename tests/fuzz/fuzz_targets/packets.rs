#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| roomcat_fuzz::packets(data));
