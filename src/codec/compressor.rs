//! The compressor that a worker keeps: a block becomes a piece of a member, ready to be followed by the next, and is
//! inflated again to verify it if that is asked for. That is done by zlib-rs, so that a mistake of the compressor is not
//! repeated by its own inflater.

use flate2::{Decompress, FlushDecompress, Status};

use super::join::{MARK_ROOM, Marker};
use super::level::Choice;
use super::{Codec, CodecError, EMPTY_STREAM};

/// What a worker keeps to compress with.
pub struct Compressor {
    codec: Box<dyn Codec>,
    marker: Marker,
    verifier: Option<Verifier>,
}

impl Compressor {
    /// A compressor as chosen, which verifies what it makes if `verify` says so. An error where there is no memory for it.
    pub fn new(choice: Choice, verify: bool) -> Result<Self, CodecError> {
        Ok(Self { codec: choice.codec()?, marker: Marker::default(), verifier: verify.then(Verifier::default) })
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
        let len = if last { compressed.len } else { self.marker.mark(out, compressed)? };
        if let Some(verifier) = &mut self.verifier {
            verifier.check(dictionary, block, last, &out[..len])?;
        }
        Ok(len)
    }
}

/// Bytes inflated at a time: what the first-level cache holds beside the window.
const STEP_BYTES: usize = 16 * 1024;

/// Inflates and compares, one block after the other. Kept by a worker: some 64 KB.
pub struct Verifier {
    inflate: Decompress,
    inflated: Box<[u8; STEP_BYTES]>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { inflate: Decompress::new(false), inflated: Box::new([0; STEP_BYTES]) }
    }
}

impl Verifier {
    /// An error unless `compressed`, which may refer back to `dictionary`, inflates to `block`, and ends the stream if
    /// this is the `last` block, else leaves it at the end of a block and of a byte.
    pub fn check(&mut self, dictionary: &[u8], block: &[u8], last: bool, compressed: &[u8]) -> Result<(), CodecError> {
        self.inflate.reset(false);
        if !dictionary.is_empty() {
            self.inflate.set_dictionary(dictionary).map_err(|_| CodecError::Failed)?;
        }
        let mut expected = block;
        let ended = self.feed(compressed, &mut expected)?;
        // Where another block may follow, a stream of nothing may.
        let rightly = if last { ended } else { !ended && self.feed(&EMPTY_STREAM, &mut expected)? };
        if rightly && expected.is_empty() { Ok(()) } else { Err(CodecError::Unlike) }
    }

    /// Inflates all of `compressed`, and takes what comes out from the front of `expected`. Returns whether the stream
    /// ended.
    fn feed(&mut self, mut compressed: &[u8], expected: &mut &[u8]) -> Result<bool, CodecError> {
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(compressed, &mut self.inflated[..], FlushDecompress::None);
            let ended = status.map_err(|_| CodecError::Unlike)? == Status::StreamEnd;
            let read = (self.inflate.total_in() - before_in) as usize;
            let made = (self.inflate.total_out() - before_out) as usize;
            compressed = &compressed[read..];
            *expected = expected.strip_prefix(&self.inflated[..made]).ok_or(CodecError::Unlike)?;
            if ended || (read == 0 && made == 0) {
                return if compressed.is_empty() { Ok(ended) } else { Err(CodecError::Unlike) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::compressor::Compressor;
    use crate::codec::level::Choice;
    use crate::plan::CodecName;

    #[test]
    fn only_what_gives_back_the_block_passes() {
        let text: Vec<u8> = (0..9_000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let (dictionary, block) = text.split_at(20_000);
        for (codec, level) in [(CodecName::Zlib, 6), (CodecName::Libdeflate, 6), (CodecName::Libdeflate, 0)] {
            let mut compressor = Compressor::new(Choice::new(codec, level, None).unwrap(), false).unwrap();
            let dictionary = &dictionary[dictionary.len() - compressor.dictionary_bytes().min(dictionary.len())..];
            for last in [false, true] {
                let mut piece = vec![0; compressor.bound(block.len())];
                let len = compressor.compress(dictionary, block, last, &mut piece).unwrap();
                piece.truncate(len);
                let mut verifier = Verifier::default();
                let mut check = |dictionary: &[u8], block: &[u8], last, piece: &[u8]| {
                    verifier.check(dictionary, block, last, piece)
                };
                assert_eq!(check(dictionary, block, last, &piece), Ok(()), "{codec:?} {level} {last}");
                let wrong = Err(CodecError::Unlike);
                assert_eq!(check(dictionary, block, !last, &piece), wrong, "another end");
                assert_eq!(check(dictionary, &block[1..], last, &piece), wrong, "a byte too much");
                assert_eq!(check(dictionary, &text[19_999..], last, &piece), wrong, "a byte too little");
                assert_eq!(check(dictionary, block, last, &[&piece[..], &[0]].concat()), wrong, "a byte after it");
                assert_eq!(check(dictionary, block, last, &piece[..len - 1]), wrong, "a byte missing");
                // In the middle, where it is data.
                piece[len / 2] ^= 1;
                assert_eq!(check(dictionary, block, last, &piece), wrong, "a bit flipped");
            }
        }
    }
}
