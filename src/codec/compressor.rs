//! A block → a piece of a member: compressed, ready to be followed by the next, and verified if that is asked for.

use super::join::{MARK_ROOM, Sealer};
use super::level::Choice;
use super::verify::Verifier;
use super::{Codec, CodecError, EMPTY_STREAM};

/// What a worker keeps to compress with.
pub struct Compressor {
    codec: Box<dyn Codec>,
    sealer: Sealer,
    verifier: Option<Verifier>,
}

impl Compressor {
    /// A compressor as chosen, which verifies what it makes if `verify` says so. An error where there is no memory for it.
    pub fn new(choice: Choice, verify: bool) -> Result<Self, CodecError> {
        Ok(Self { codec: choice.codec()?, sealer: Sealer::default(), verifier: verify.then(Verifier::default) })
    }

    /// Bytes before a block that it may refer back to.
    pub fn dictionary_bytes(&self) -> usize {
        self.codec.dictionary_bytes()
    }

    /// Bytes of room that [`Self::compress`] needs for a block of `block_bytes`.
    pub fn bound(&mut self, block_bytes: usize) -> usize {
        self.codec.bound(block_bytes) + MARK_ROOM
    }

    /// Makes a piece of `block` at the start of `out` and returns its bytes. `dictionary` is what precedes the block, at
    /// most [`Self::dictionary_bytes`]; after the `last` block nothing follows.
    pub fn compress(
        &mut self,
        dictionary: &[u8],
        block: &[u8],
        last: bool,
        out: &mut [u8],
    ) -> Result<usize, CodecError> {
        if last && block.is_empty() {
            let room = out.get_mut(..EMPTY_STREAM.len()).ok_or(CodecError::OutOfRoom)?;
            room.copy_from_slice(&EMPTY_STREAM);
            return Ok(EMPTY_STREAM.len());
        }
        let compressed = self.codec.compress(dictionary, block, last, out)?;
        let len = if last { compressed.len } else { self.sealer.seal(out, compressed)? };
        if let Some(verifier) = &mut self.verifier {
            verifier.check(dictionary, block, last, &out[..len])?;
        }
        Ok(len)
    }
}
