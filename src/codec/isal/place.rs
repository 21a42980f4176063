//! Where ISA-L's stream lies in memory, so that its address does not show in the bytes that come out.
//!
//! At the start of a block, ISA-L 2.31 files the position of the third byte under a hash of a register that nobody set
//! (`igzip/igzip_icf_body_h1_gr_bt.asm`, `.write_first_byte`: `shr tmp2, 16` and `compute_hash hash2, tmp2`). The register
//! is rcx, and holds the address of the stream. So where the system put that, which differs between processes and
//! between workers, decided under which slot of the hash table the position is found, and now and then which match
//! is taken: the data came back right, but the compressed bytes were not always the same. All streams at addresses of the
//! same hash do the same; they are placed at such addresses, and that costs no time.

use std::sync::atomic::{AtomicU32, Ordering};

use isal_sys::igzip_lib::isal_zstream;
use rustix::io::{Errno, Result};

use crate::sys::PlacedMemory;

/// Bits of an address that do not count: only its windows of 64 KiB are told apart.
const WINDOW_BITS: u32 = 16;
/// Of a hash, what names a slot of the largest table, and so of all smaller ones (`IGZIP_LVL1_HASH_SIZE`).
const SLOTS: u32 = 8 * 1024;
/// Windows of addresses that the kernel gives to nobody by itself on x86-64: some way above the programs that are loaded
/// low, and below those that are loaded high, with their heaps, libraries and stacks.
const FIRST_WINDOW: u32 = 0x2000_0000;
const LAST_WINDOW: u32 = 0x3fff_ffff;
/// Windows of slot 0 that are tried; each may be taken by another worker.
const MOST_TRIES: usize = 10_000;

/// The hash of a window: what the instruction `crc32` makes of its number.
const fn hash(window: u32) -> u32 {
    // CRC-32C, bits reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let (mut crc, mut bit) = (window, 0);
    while bit < u32::BITS {
        crc = (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
        bit += 1;
    }
    crc
}

/// The next window of slot 0 after `window`.
fn next_window(mut window: u32) -> u32 {
    loop {
        window = if window < LAST_WINDOW { window + 1 } else { FIRST_WINDOW };
        if hash(window).is_multiple_of(SLOTS) {
            return window;
        }
    }
}

/// Memory for a stream, all zeros; an error where there is none, or no place for it.
pub(super) fn place_stream() -> Result<PlacedMemory> {
    static WINDOW: AtomicU32 = AtomicU32::new(FIRST_WINDOW);
    for _ in 0..MOST_TRIES {
        let next = |window| Some(next_window(window));
        let last = WINDOW.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_else(|last| last);
        let address = (next_window(last) as usize) << WINDOW_BITS;
        match PlacedMemory::at(address, size_of::<isal_zstream>()) {
            Err(Errno::EXIST) => {}
            placed => return placed,
        }
    }
    Err(Errno::EXIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_instruction() {
        // RFC 3720, B.4, has CRC-32C of 32 zeros and of 32 ones with their first and last inversion: the same steps.
        let crc_of = |bytes: [u8; 32]| {
            let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            !(0..8).fold(u32::MAX, |crc, number| hash(crc ^ word(4 * number)))
        };
        assert_eq!((crc_of([0; 32]), crc_of([0xff; 32])), (0x8a91_36aa, 0x62a8_ab43));
    }

    #[test]
    fn streams_lie_in_windows_of_slot_0() {
        let streams: Vec<PlacedMemory> = (0..40).map(|_| place_stream().unwrap()).collect();
        for stream in &streams {
            assert_eq!(hash((stream.as_ptr().addr() >> WINDOW_BITS) as u32) % SLOTS, 0);
        }
    }
}
