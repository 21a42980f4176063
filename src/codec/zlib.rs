//! Deflate through flate2 on zlib-rs: pure Rust, with a dictionary, so that small blocks lose no ratio.

use flate2::{Compress, Compression, FlushCompress};

use super::{Codec, CodecError};

/// deflate's window: the farthest that a match may reach back (RFC 1951, section 2).
pub const WINDOW_BYTES: usize = 32 * 1024;

/// A compressor at one level, kept by a worker: its 256 KiB of state are allocated once.
pub struct Zlib(Compress);

impl Zlib {
    /// A compressor at `level`, 1 to 9.
    pub fn new(level: u32) -> Self {
        Self(Compress::new(Compression::new(level), false))
    }
}

impl Codec for Zlib {
    fn dictionary_bytes(&self) -> usize {
        WINDOW_BYTES
    }

    fn compress(&mut self, dictionary: &[u8], block: &[u8], out: &mut [u8]) -> Result<usize, CodecError> {
        let Self(stream) = self;
        stream.reset();
        if !dictionary.is_empty() {
            stream.set_dictionary(dictionary).map_err(|_| CodecError::Failed)?;
        }
        // A flush of nothing would be an error to zlib, and it is nothing.
        if block.is_empty() {
            return Ok(0);
        }
        loop {
            let (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
            let Some(room) = out.get_mut(written..).filter(|room| !room.is_empty()) else {
                return Err(CodecError::OutOfRoom);
            };
            stream.compress(&block[read..], room, FlushCompress::Sync).map_err(|_| CodecError::Failed)?;
            // The flush is complete when zlib leaves room unused (zlib.h, deflate).
            if stream.total_in() as usize == block.len() && (stream.total_out() as usize) < out.len() {
                return Ok(stream.total_out() as usize);
            }
        }
    }
}
