#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twscan_core_fuzz::log(data));
