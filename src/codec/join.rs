//! Independent blocks → one ordinary gzip member.
//!
//! After every block that another one follows stands a mark: two empty stored blocks in a row, which say nothing to
//! any reader, and by which one that looks for them can inflate the blocks in parallel. The last block ends the deflate stream itself; a file of
//! one block is what its compressor made, without a byte of ours. Then the combined CRC-32 and the length.

use crc32fast::Hasher;

use super::check::Trailer;
use super::walk::Walker;
use super::{CodecError, Compressed, Ending};

/// An empty stored block that begins at a byte, up to and without its length: BFINAL 0, BTYPE 00, five bits of padding
/// (RFC 1951, section 3.2.4).
const STORED: u8 = 0x00;
/// The length of an empty stored block, and its inverse.
const EMPTY: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// What stands after every block but the last.
pub const MARK: [u8; 9] = [0x00, 0x00, 0xff, 0xff, STORED, 0x00, 0x00, 0xff, 0xff];
/// Bits of a block's header: BFINAL and BTYPE.
const HEADER_BITS: usize = 3;

/// Bytes that a mark adds to a block at most: it may need a byte for the bits before its first length.
pub const MARK_ROOM: usize = 1 + MARK.len();

/// Makes blocks ready to be followed by another one. Kept by a worker.
#[derive(Default)]
pub struct Marker {
    walker: Walker,
}

impl Marker {
    /// Opens the end of the block at the start of `out`, if it is final, and puts a mark after it, for which there
    /// must be [`MARK_ROOM`]. Returns the bytes of the whole.
    pub fn mark(&mut self, out: &mut [u8], block: Compressed) -> Result<usize, CodecError> {
        let mut len = block.len;
        let mut append = |out: &mut [u8], bytes: &[u8]| {
            let room = out.get_mut(len..len + bytes.len()).ok_or(CodecError::OutOfRoom)?;
            room.copy_from_slice(bytes);
            len += bytes.len();
            Ok(())
        };
        match block.ending {
            Ending::Final => {
                if self.open(&mut out[..block.len])? < HEADER_BITS {
                    append(out, &[STORED])?;
                }
                append(out, &MARK)?;
            }
            // The first of the two is there already.
            Ending::Flushed => append(out, &MARK[EMPTY.len()..])?,
            Ending::Aligned => {
                append(out, &[STORED])?;
                append(out, &MARK)?;
            }
        }
        Ok(len)
    }

    /// Takes BFINAL away from the last block of a stream, so that another may follow. Returns how many bits of the last
    /// byte are free; they are zeros.
    fn open(&mut self, stream: &mut [u8]) -> Result<usize, CodecError> {
        let block = self.walker.last_block(stream).map_err(|_| CodecError::NoDeflate)?;
        if block.end.div_ceil(8) != stream.len() {
            return Err(CodecError::NoDeflate);
        }
        stream[block.header / 8] &= !(1 << (block.header % 8));
        let free = stream.len() * 8 - block.end;
        if let Some(last) = stream.last_mut() {
            *last &= 0xff >> free;
        }
        Ok(free)
    }
}

/// Adds up what the trailer of a member says.
#[derive(Debug, Clone, Default)]
pub struct Joiner {
    crc: Hasher,
    length: u64,
}

impl Joiner {
    /// Takes note of the next block: the CRC of its uncompressed bytes, and how many they were.
    pub fn add(&mut self, crc: &Hasher, bytes: u64) {
        self.crc.combine(crc);
        self.length += bytes;
    }

    /// Uncompressed bytes so far.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The trailer (RFC 1952, section 2.3.1): CRC-32, and the length modulo 2^32.
    pub fn trailer(&self) -> Trailer {
        Trailer { crc: self.crc.clone().finalize(), length: self.length as u32 }
    }
}
