//! Gzip files made, changed and broken as the first bytes choose, or any bytes as they are: every route reads what a
//! plain reader does.
//!
//! The first byte chooses how the rest becomes a file: see `from_choices`.

#![no_main]

#[path = "../../tests/common/inflated.rs"]
mod inflated;
#[path = "../../tests/common/made.rs"]
mod made;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| inflated::check_routes(&made::from_choices(bytes)));
