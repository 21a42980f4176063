//! Deflate through flate2 on zlib-rs: pure Rust, with a dictionary, so that small blocks lose no ratio.

use flate2::{Compress, Compression, FlushCompress};

use super::{Codec, CodecError};

/// deflate's window: the farthest that a match may reach back (RFC 1951, section 2).
pub const WINDOW_BYTES: usize = 32 * 1024;

/// A compressor at one level, kept by a worker.
pub struct Zlib {
    /// `None` only while one makes room for the next.
    stream: Option<Compress>,
    level: Compression,
}

impl Zlib {
    /// A compressor at `level`, 1 to 9.
    pub fn new(level: u32) -> Self {
        let level = Compression::new(level);
        Self { stream: Some(Compress::new(level, false)), level }
    }
}

impl Codec for Zlib {
    fn dictionary_bytes(&self) -> usize {
        WINDOW_BYTES
    }

    fn compress(&mut self, dictionary: &[u8], block: &[u8], out: &mut [u8]) -> Result<usize, CodecError> {
        let stream = match &mut self.stream {
            Some(stream) if dictionary.is_empty() => {
                stream.reset();
                stream
            }
            used => {
                // zlib-rs 0.6 hashes a byte behind the dictionary, which after a reset is an older block's: the output
                // would depend on what this worker did before. A new stream starts from zeros, and measured as fast.
                // The old one goes first, so that its memory serves again.
                *used = None;
                used.insert(Compress::new(self.level, false))
            }
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::bound;

    /// Text with enough repetition to match, and enough difference to matter.
    fn text(seed: u32) -> Vec<u8> {
        (0..40_000_u32).flat_map(|n| (n.wrapping_mul(seed) % 5_003).to_string().into_bytes()).collect()
    }

    #[test]
    fn what_was_compressed_before_leaves_no_trace() {
        let (one, other) = (text(7), text(1_001));
        for level in 1..=9 {
            let mut used = Zlib::new(level);
            for start in (WINDOW_BYTES..120_000).step_by(9_001) {
                for dictionary in [0, 100, WINDOW_BYTES] {
                    let (before, block) = (&one[start - dictionary..start], &one[start..start + 20_000]);
                    let compress = |codec: &mut Zlib| {
                        let mut out = vec![0; bound(block.len())];
                        let len = codec.compress(before, block, &mut out).unwrap();
                        out.truncate(len);
                        out
                    };
                    let mut scratch = vec![0; bound(other.len())];
                    used.compress(&[], &other, &mut scratch).unwrap();
                    assert_eq!(compress(&mut used), compress(&mut Zlib::new(level)), "level {level} at {start}");
                }
            }
        }
    }
}
