#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../src/targets.rs"]
#[allow(dead_code, reason = "each target runs one function of the file")]
mod targets;

fuzz_target!(|data: &[u8]| targets::record(data));
