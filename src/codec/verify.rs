//! Whether a compressed block inflates to what it was made of. By zlib-rs, so that a mistake of the compressor is not
//! repeated by its own inflater.

use flate2::{Decompress, FlushDecompress, Status};

use super::{CodecError, EMPTY_STREAM};

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
                assert_eq!(check(dictionary, block, last, &[&piece[..], &[0]].concat()), wrong, "a byte behind");
                assert_eq!(check(dictionary, block, last, &piece[..len - 1]), wrong, "a byte missing");
                // In the middle, where it is data.
                piece[len / 2] ^= 1;
                assert_eq!(check(dictionary, block, last, &piece), wrong, "a bit flipped");
            }
        }
    }
}
