//! Any bytes as a deflate stream: a walk ends where inflating does, or says that it is none.

#![no_main]

#[path = "../../tests/common/joined.rs"]
mod joined;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| joined::check_walk(bytes));
