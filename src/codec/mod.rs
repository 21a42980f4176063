//! How bytes shrink and grow again. Codecs know bytes only: no files, no threads.
//!
//! - [`libdeflate`], `isal` (where it is built in), [`zlib`]: one compressor each; [`level`] says which of them serves a level;
//! - [`compressor`]: a block → a piece of a member, verified where that is asked for;
//! - [`member`]: the frame of a gzip member (RFC 1952);
//! - [`join`]: independent blocks → one member; [`walk`] finds what it has to change in them;
//! - [`gunzip`]: any sequence of members → bytes, one after the other; [`trailing`]: what follows the last of them;
//! - [`cut`]: where a file may be cut so that its pieces can be inflated on their own; [`piece`]: one of them → bytes, and
//!   whether it was a piece;
//! - [`check`]: CRC and length of each member, from checksums of its segments;
//! - [`index`]: the offsets of a file at which reading can begin, to be kept, and the fingerprint of the file.

pub mod check;
pub mod compressor;
pub mod cut;
pub mod gunzip;
pub mod index;
#[cfg(feature = "isal")]
pub mod isal;
pub mod join;
pub mod level;
pub mod libdeflate;
pub mod member;
pub mod piece;
pub mod trailing;
pub mod walk;
pub mod zlib;

/// A final block of fixed codes that holds nothing: the shortest stream there is (RFC 1951, section 3.2.6).
const EMPTY_STREAM: [u8; 2] = [0x03, 0x00];

/// Compresses one block at a time, each on its own.
pub trait Codec: Send {
    /// Bytes before a block that it may refer back to; 0 for codecs without a dictionary.
    fn dictionary_bytes(&self) -> usize {
        0
    }

    /// Bytes that a block of `block_bytes` compresses to at most.
    fn bound(&mut self, block_bytes: usize) -> usize;

    /// Compresses `block` into `out`, from its start: raw deflate (RFC 1951). `dictionary` is what precedes the block,
    /// at most [`Self::dictionary_bytes`]. The `last` block ends the stream; whether another does is the codec's to
    /// choose and to tell.
    fn compress(
        &mut self,
        dictionary: &[u8],
        block: &[u8],
        last: bool,
        out: &mut [u8],
    ) -> Result<Compressed, CodecError>;
}

/// A block that was compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressed {
    /// Bytes it takes.
    pub len: usize,
    /// How it ends.
    pub ending: Ending,
}

/// How compressed data ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a final block, at any bit of the last byte; the bits after it are zeros.
    Final,
    /// With an empty stored block, as zlib's sync flush leaves it; another block may follow.
    Flushed,
    /// At the end of a byte; another block may follow.
    Aligned,
}

/// A codec that could not do its work; either a bug or too small a buffer, never the data's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The output did not fit.
    #[error("the compressed block does not fit its buffer")]
    OutOfRoom,
    /// There is no memory for it.
    #[error("there is no memory for that")]
    NoMemory,
    /// The library refused.
    #[error("the compressor failed")]
    Failed,
    /// What the compressor made cannot be joined with what follows.
    #[error("the compressor made no deflate stream")]
    NoDeflate,
    /// What the compressor made does not inflate to the block.
    #[error("the compressed block does not give back what it was made of; nothing was lost, please report this")]
    Unlike,
}

impl CodecError {
    /// What would help, if that is known.
    pub fn remedy(self) -> Option<crate::error::Remedy> {
        (self == Self::NoMemory).then_some(crate::error::Remedy::FewerWorkers)
    }
}
