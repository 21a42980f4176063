//! Any data, by any codec at any level, in blocks of any size: one member that other inflaters read.
//!
//! The first byte chooses codec and level, the next two the block's size; the rest is the data.

#![no_main]

#[path = "../../tests/common/joined.rs"]
mod joined;

use haul::codec::level::Choice;
use haul::plan::CodecName;
use haul::size::BufferSize;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [choice, low, high, data @ ..] = bytes else { return };
    let codec = CodecName::ALL[usize::from(choice >> 4) % CodecName::ALL.len()];
    let block = u64::from(u16::from_le_bytes([*low, *high])) + 1;
    // Blocks of a byte each would make this a test of patience.
    let block = block.max(data.len() as u64 / 64);
    let block = BufferSize::new(block).expect("1 to 65536");
    if let Ok(choice) = Choice::new(codec, u32::from(choice & 15), Some(block)) {
        joined::check_member(data, choice);
    }
});
