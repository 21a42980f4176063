//! Deflate through flate2 on zlib-rs: pure Rust, with a dictionary, so that small blocks lose no ratio.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::{Codec, CodecError, Compressed, Ending};

/// deflate's window: the farthest that a match may reach back (RFC 1951, section 2).
pub(crate) const WINDOW_BYTES: usize = 32 * 1024;

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

    /// A stream that knows of nothing but `dictionary`.
    fn begin(&mut self, dictionary: &[u8]) -> Result<&mut Compress, CodecError> {
        if dictionary.is_empty() {
            let stream = self.stream.get_or_insert_with(|| Compress::new(self.level, false));
            stream.reset();
            return Ok(stream);
        }
        // zlib-rs 0.6 hashes a byte after the dictionary, which after a reset is an older block's: the output would
        // depend on what this worker did before. A new stream starts from zeros, and measured as fast. The old one goes
        // first, so that its memory serves again.
        self.stream = None;
        let stream = self.stream.insert(Compress::new(self.level, false));
        stream.set_dictionary(dictionary).map_err(|_| CodecError::Failed)?;
        Ok(stream)
    }
}

impl Codec for Zlib {
    fn dictionary_bytes(&self) -> usize {
        WINDOW_BYTES
    }

    /// The 9 bits a literal of zlib-ng's quick strategy, and some.
    fn bound(&mut self, block_bytes: usize) -> usize {
        block_bytes + block_bytes / 8 + 64
    }

    fn compress(
        &mut self,
        dictionary: &[u8],
        block: &[u8],
        last: bool,
        out: &mut [u8],
    ) -> Result<Compressed, CodecError> {
        let stream = self.begin(dictionary)?;
        let (flush, ending) =
            if last { (FlushCompress::Finish, Ending::Final) } else { (FlushCompress::Sync, Ending::Flushed) };
        loop {
            let (read, written) = (stream.total_in() as usize, stream.total_out() as usize);
            let Some(room) = out.get_mut(written..).filter(|room| !room.is_empty()) else {
                return Err(CodecError::OutOfRoom);
            };
            let status = stream.compress(&block[read..], room, flush).map_err(|_| CodecError::Failed)?;
            let len = stream.total_out() as usize;
            // A flush is complete when zlib leaves room unused (zlib.h, deflate).
            let flushed = stream.total_in() as usize == block.len() && len < out.len();
            if status == Status::StreamEnd || (!last && flushed) {
                return Ok(Compressed { len, ending });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                        let mut out = vec![0; codec.bound(block.len())];
                        let compressed = codec.compress(before, block, false, &mut out).unwrap();
                        out.truncate(compressed.len);
                        out
                    };
                    let mut scratch = vec![0; used.bound(other.len())];
                    used.compress(&[], &other, false, &mut scratch).unwrap();
                    assert_eq!(compress(&mut used), compress(&mut Zlib::new(level)), "level {level} at {start}");
                }
            }
        }
    }
}
