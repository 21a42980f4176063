//! How bytes shrink and grow again. Codecs know bytes only: no files, no threads.
//!
//! - [`zlib`]: deflate through zlib-rs, with a dictionary.
//! - [`member`]: the frame of a gzip member (RFC 1952).
//! - [`join`]: independent blocks → one member.
//! - [`gunzip`]: any sequence of members → bytes, checked.

pub mod gunzip;
pub mod join;
pub mod member;
pub mod zlib;

/// Compresses one block at a time, each on its own.
pub trait Codec: Send {
    /// Bytes before a block that it may refer back to; 0 for codecs without a dictionary.
    fn dictionary_bytes(&self) -> usize;

    /// Compresses `block` into `out`: raw deflate that ends on a byte boundary and is not final. `dictionary` is what
    /// precedes the block, at most [`Self::dictionary_bytes`]. Returns the bytes written.
    fn compress(&mut self, dictionary: &[u8], block: &[u8], out: &mut [u8]) -> Result<usize, CodecError>;
}

/// A codec that could not do its work; either a bug or too small a buffer, never the data's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The output did not fit.
    #[error("the compressed block does not fit its buffer")]
    OutOfRoom,
    /// The library refused.
    #[error("the compressor failed")]
    Failed,
}

/// Bytes that a compressed block needs at most: the 9 bits a literal of zlib-ng's quick strategy, and some.
pub const fn bound(block_bytes: usize) -> usize {
    block_bytes + block_bytes / 8 + 64
}
