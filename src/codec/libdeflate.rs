//! Deflate through libdeflate: whole blocks, no dictionary. At every level the best ratio for its time that we know of.

use libdeflater::{CompressionError, CompressionLvl, Compressor};

use super::{Codec, CodecError, Compressed, Ending};

/// A compressor at one level, kept by a worker: up to 0.7 MB, from level 10 on 9 MB.
pub struct Libdeflate(Compressor);

impl Libdeflate {
    /// libdeflate's own levels, 0 to 12.
    ///
    /// # Panics
    /// At any other level.
    pub fn new(level: u32) -> Self {
        let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
        Self(Compressor::new(level.expect("libdeflate has levels 0 to 12")))
    }
}

impl Codec for Libdeflate {
    fn bound(&mut self, block_bytes: usize) -> usize {
        self.0.deflate_compress_bound(block_bytes)
    }

    fn compress(
        &mut self,
        _dictionary: &[u8],
        block: &[u8],
        _last: bool,
        out: &mut [u8],
    ) -> Result<Compressed, CodecError> {
        match self.0.deflate_compress(block, out) {
            Ok(len) => Ok(Compressed { len, ending: Ending::Final }),
            Err(CompressionError::InsufficientSpace) => Err(CodecError::OutOfRoom),
        }
    }
}
