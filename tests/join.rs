//! Blocks joined into a member, against inflaters that know nothing of blocks.

#![allow(missing_docs, reason = "tests")]

#[path = "common/joined.rs"]
mod joined;

use haul::codec::CodecError;
use haul::codec::compressor::Compressor;
use haul::codec::level::Choice;
use haul::plan::CodecName;
use haul::size::BufferSize;
use joined::{check_member, check_walk};
use proptest::prelude::*;

/// Every codec of this build at every level it has.
fn all_choices(block_bytes: usize) -> Vec<Choice> {
    let block = Some(BufferSize::new(block_bytes as u64).unwrap());
    let pairs = CodecName::ALL.into_iter().flat_map(|codec| (0..=12).map(move |level| (codec, level)));
    pairs.filter_map(|(codec, level)| Choice::new(codec, level, block).ok()).collect()
}

/// From nothing over text and noise to data that is compressed already, or full of marks.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(any::<u8>(), 0..9_000);
    let text = proptest::collection::vec(prop::sample::select(b"the quick brown fox ".to_vec()), 0..60_000);
    let words = proptest::collection::vec(0_u16..700, 0..9_000)
        .prop_map(|words| words.iter().flat_map(|word| format!("{word:x} ").into_bytes()).collect());
    let runs = (any::<u8>(), 0_usize..150_000).prop_map(|(byte, len)| vec![byte; len]);
    let marks = proptest::collection::vec(prop::sample::select(vec![0x00, 0xff]), 0..20_000);
    let gzipped = (text.clone(), 0_u32..=9).prop_map(|(text, level)| gzipped(&text, level));
    let kinds = prop_oneof![noise, text, words, runs, marks, gzipped];
    proptest::collection::vec(kinds, 0..4).prop_map(|parts| parts.concat())
}

fn gzipped(data: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    std::io::Write::write_all(&mut encoder, data).unwrap();
    encoder.finish().unwrap()
}

/// Raw deflate by zlib-rs: its blocks are others than libdeflate's, fixed and stored ones among them.
fn deflated(data: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
    std::io::Write::write_all(&mut encoder, data).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// One member, whatever the codec, the level, the block and the data: 48 times 22 joins, 23 with isal.
    #[test]
    fn joined_blocks_are_one_member(data in data(), block in prop_oneof![1_usize..40, 1_000_usize..70_000]) {
        // Not more than some forty blocks, so that the test is quick.
        for choice in all_choices(block.max(data.len() / 40 + 1)) {
            check_member(&data, choice);
        }
    }

    /// Streams of another compressor, whole, cut, with a bit flipped, and no streams at all.
    #[test]
    fn a_walk_ends_where_inflating_does(data in data(), level in 0_u32..=9, place in any::<prop::sample::Index>()) {
        let mut stream = deflated(&data, level);
        check_walk(&stream);
        check_walk(&data);
        let bit = place.index(stream.len() * 8);
        check_walk(&stream[..bit / 8]);
        stream[bit / 8] ^= 1 << (bit % 8);
        check_walk(&stream);
    }
}

#[test]
fn blocks_of_exactly_the_data_and_one_more_or_less() {
    let text: Vec<u8> = (0..3_000_u32).flat_map(|n| n.to_string().into_bytes()).collect();
    for len in [0, 1, 2, 999, 1_000, 1_001, 1_999, 2_000, 2_001, text.len()] {
        for choice in all_choices(1_000) {
            check_member(&text[..len], choice);
        }
    }
}

/// Codes of fifteen bits, which no table of the walk holds: symbols as frequent as Fibonacci's numbers.
#[test]
fn the_longest_codes_are_walked() {
    let (mut data, mut one, mut two) = (Vec::new(), 1_usize, 1_usize);
    for symbol in 0..22_u8 {
        data.extend(std::iter::repeat_n(symbol, one));
        (one, two) = (two, one + two);
    }
    // Shuffled, so that there is nothing to repeat and every symbol is a literal.
    let mut state = 1_u64;
    for place in (1..data.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        data.swap(place, (state >> 33) as usize % (place + 1));
    }
    for level in 1..=9 {
        check_walk(&deflated(&data, level));
    }
    for choice in all_choices(1 << 16) {
        check_member(&data, choice);
    }
}

/// Noise does not shrink: it must fit what the codec promised, and a byte too little is an error, not a cut block.
#[test]
fn noise_fits_the_bound_and_no_room_is_an_error() {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(1 << 18)
    .collect();
    for block in [1, 100, 1 << 15, 65_535, 65_536, 1 << 18] {
        for choice in all_choices(block) {
            let mut compressor = Compressor::new(choice, false).expect("memory");
            let mut out = vec![0; compressor.bound(block)];
            for last in [false, true] {
                let len = compressor.compress(&[], &noise[..block], last, &mut out).unwrap();
                let short = compressor.compress(&[], &noise[..block], last, &mut out[..len - 1]);
                assert_eq!(short, Err(CodecError::OutOfRoom), "{choice:?} {last}");
            }
        }
    }
}
