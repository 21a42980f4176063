//! Independent blocks → one ordinary gzip member: the blocks one after the other, then an empty final block, the
//! combined CRC-32 and the length.

use crc32fast::Hasher;

/// An empty block of fixed Huffman codes with BFINAL set (RFC 1951, section 3.2.3): ends the deflate stream.
const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];

/// Bytes of [`Joiner::end`].
pub const END_BYTES: usize = FINAL_BLOCK.len() + 8;

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

    /// What ends the member: the final block and the trailer (RFC 1952, section 2.3.1: the length modulo 2^32).
    pub fn end(&self) -> [u8; END_BYTES] {
        let mut end = [0; END_BYTES];
        end[..2].copy_from_slice(&FINAL_BLOCK);
        end[2..6].copy_from_slice(&self.crc.clone().finalize().to_le_bytes());
        end[6..].copy_from_slice(&(self.length as u32).to_le_bytes());
        end
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::member::Header;
    use crate::codec::zlib::Zlib;
    use crate::codec::{Codec, bound};

    fn join(data: &[u8], level: u32, block_bytes: usize) -> Vec<u8> {
        let (mut codec, mut joiner) = (Zlib::new(level), Joiner::default());
        let mut member = Header::plain(level).to_bytes();
        for (number, block) in data.chunks(block_bytes).enumerate() {
            let start = number * block_bytes;
            let dictionary = &data[start.saturating_sub(codec.dictionary_bytes())..start];
            let mut out = vec![0; bound(block.len())];
            let len = codec.compress(dictionary, block, &mut out).unwrap();
            member.extend_from_slice(&out[..len]);
            let mut crc = Hasher::new();
            crc.update(block);
            joiner.add(&crc, block.len() as u64);
        }
        member.extend_from_slice(&joiner.end());
        member
    }

    /// From nothing over text and noise to data that was compressed already.
    fn data() -> impl Strategy<Value = Vec<u8>> {
        let noise = proptest::collection::vec(any::<u8>(), 0..5_000);
        let text = proptest::collection::vec(prop::sample::select(b"the quick brown fox ".to_vec()), 0..200_000);
        let runs = (any::<u8>(), 0_usize..200_000).prop_map(|(byte, len)| vec![byte; len]);
        prop_oneof![noise.clone(), text.clone(), runs, text.prop_map(|text| join(&text, 6, 32_768)), noise]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Another inflater reads one member, and gets the same bytes back.
        #[test]
        fn joined_blocks_are_one_member(data in data(), level in 1_u32..=9, block in 1_usize..70_000) {
            let member = join(&data, level, block.max(data.len() / 50 + 1));
            let mut decoder = flate2::bufread::GzDecoder::new(&member[..]);
            let mut back = Vec::new();
            decoder.read_to_end(&mut back).unwrap();
            prop_assert_eq!(back, data);
            prop_assert!(decoder.into_inner().is_empty(), "bytes behind the member");
        }
    }

    #[test]
    fn random_bytes_fit_the_bound() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(1 << 20)
        .collect();
        for level in 1..=9 {
            for block in [1, 100, 1 << 15, 1 << 17, 1 << 20] {
                let mut out = vec![0; bound(block)];
                assert!(Zlib::new(level).compress(&[], &noise[..block], &mut out).is_ok(), "{level} {block}");
            }
        }
        let mut small = [0; 50];
        let error = Zlib::new(6).compress(&[], &noise[..100], &mut small);
        assert_eq!(error, Err(crate::codec::CodecError::OutOfRoom));
    }
}
