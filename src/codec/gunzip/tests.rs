//! A reader of members at every length of input and output, cut, flipped, and with everything after the last of them.

use std::io::Write;

use super::*;
use crate::codec::check::{Checker, Segment};
use crate::codec::member::HeaderError;

/// All of `bytes`, `input` and `output` bytes at a time.
fn gunzip(bytes: &[u8], input: usize, output: usize) -> (Vec<u8>, Result<End, Damage>) {
    read(Gunzip::default(), bytes, input, output)
}

fn read(mut gunzip: Gunzip, bytes: &[u8], input: usize, output: usize) -> (Vec<u8>, Result<End, Damage>) {
    let mut checker = Checker::default();
    let (mut out, mut buffer) = (Vec::new(), vec![0; output]);
    for piece in bytes.chunks(input) {
        let mut piece = piece;
        loop {
            match gunzip.step(piece, &mut buffer) {
                Err(damage) => return (out, Err(damage)),
                Ok(Step { consumed: 0, produced: 0, .. }) => break,
                Ok(step) => {
                    piece = &piece[step.consumed..];
                    out.extend_from_slice(&buffer[..step.produced]);
                    if let Err(damage) = checker.add(&Segment::of(&buffer[..step.produced], step.trailer)) {
                        return (out, Err(damage));
                    }
                }
            }
        }
        assert!(piece.is_empty(), "input was left");
    }
    out.extend_from_slice(gunzip.rest());
    (out, gunzip.finish())
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().filename("name").write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

const WHOLE: Result<End, Damage> = Ok(End { trailing: None });

#[expect(clippy::unnecessary_wraps, reason = "it stands in tables beside damage")]
const fn trailing(bytes: u64, has_member: bool) -> Result<End, Damage> {
    Ok(End { trailing: Some(Trailing { bytes, has_member }) })
}

fn text() -> Vec<u8> {
    (0..3_000_u32).flat_map(|number| format!("{number} ").into_bytes()).collect()
}

#[test]
fn pieces_of_any_length_give_the_same() {
    let bytes = [gzip(&text()), gzip(b""), gzip(b"more")].concat();
    let expected = [text(), b"more".to_vec()].concat();
    for (input, output) in [(1, 1), (1, 4096), (7, 3), (4096, 1), (1 << 20, 1 << 20)] {
        assert_eq!(gunzip(&bytes, input, output), (expected.clone(), WHOLE), "{input} {output}");
    }
}

#[test]
fn a_file_cut_anywhere_is_never_whole() {
    let first = gzip(&text()[..2_000]);
    let bytes = [first.clone(), gzip(b"more")].concat();
    for cut in 0..bytes.len() {
        let (out, end) = gunzip(&bytes[..cut], 4096, 4096);
        if cut == first.len() {
            assert_eq!((out, end), (text()[..2_000].to_vec(), WHOLE), "between two members a file may end");
        } else {
            let expected = if cut == first.len() + 1 { trailing(1, true) } else { Err(Damage::Truncated) };
            assert_eq!(end, expected, "cut at {cut}");
            assert!([text()[..2_000].to_vec(), b"more".to_vec()].concat().starts_with(&out), "cut at {cut}");
        }
    }
}

#[test]
fn a_flipped_bit_is_never_a_silent_change() {
    let data = text()[..1_500].to_vec();
    let bytes = gzip(&data);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (out, end) = gunzip(&flipped, 4096, 4096);
        assert!(end.is_err() || out == data, "bit {bit}");
    }
}

#[test]
fn what_follows_the_last_member_is_told_apart() {
    let member = gzip(b"more");
    let mut flipped = member.clone();
    flipped[1] ^= 4;
    let after = |before: &[u8]| [before, &member].concat();
    for (tail, end) in [
        (b"".to_vec(), WHOLE),
        (b"\0".to_vec(), WHOLE),
        (vec![0; 5000], WHOLE),
        (b"junk".to_vec(), trailing(4, false)),
        (b"\0\0junk".to_vec(), trailing(6, false)),
        (b"\x1fjunk".to_vec(), trailing(5, false)),
        (b"x".to_vec(), trailing(1, false)),
        (b"\x1f".to_vec(), trailing(1, true)),
        (b"\x1f\x1f\x8b".to_vec(), trailing(3, false)),
        (b"\x1f\x8b".to_vec(), Err(Damage::Truncated)),
        (flipped.clone(), trailing(flipped.len() as u64, true)),
        (after(b"x"), trailing(member.len() as u64 + 1, true)),
        (after(b"\x1f"), trailing(member.len() as u64 + 1, true)),
        (after(&[0; 700]), trailing(member.len() as u64 + 700, true)),
    ] {
        let bytes = [gzip(b"data"), tail.clone()].concat();
        for input in [1, 3, 4096] {
            assert_eq!(gunzip(&bytes, input, 64), (b"data".to_vec(), end), "{tail:?}, {input} at a time");
        }
    }
    assert_eq!(gunzip(b"", 1, 1).1, Err(Damage::Truncated));
    assert_eq!(gunzip(b"plain text", 64, 64).1, Err(Damage::Header(HeaderError::NotGzip)));
}

/// What GNU gzip 1.12 writes with `-cdf`; where it tries to decompress, nothing of that may pass for data.
#[test]
fn plain_data_after_the_last_member_is_passed_through() {
    let mut flipped = gzip(b"more");
    flipped[0] ^= 1;
    for (tail, passes, end) in [
        (&b""[..], true, WHOLE),
        (b"x", true, WHOLE),
        (b"\x1f", true, WHOLE),
        (b"\x1fabc", true, WHOLE),
        (b"\x1f\x1f\x8b", true, WHOLE),
        (b"\x1f\x1eabc", false, trailing(5, false)),
        (b"\x1f\x9dabc", false, trailing(5, false)),
        (b"some text\n", true, WHOLE),
        (&[0; 600], true, WHOLE),
        (b"\0\0text", true, WHOLE),
        (b"PK\x03\x04abc", true, WHOLE),
        (b"\x1f\x8b", false, Err(Damage::Truncated)),
        (b"\x1f\x8b\x07", false, Err(Damage::Header(HeaderError::Method(7)))),
        (&flipped, true, trailing(flipped.len() as u64, true)),
    ] {
        let bytes = [gzip(b"data"), tail.to_vec()].concat();
        let expected = if passes { [b"data", tail].concat() } else { b"data".to_vec() };
        for (input, output) in [(1, 1), (1, 64), (3, 2), (4096, 1), (4096, 4096)] {
            let found = read(Gunzip::new(true), &bytes, input, output);
            assert_eq!(found, (expected.clone(), end), "{tail:?}, {input} and {output} at a time");
        }
    }
}

#[test]
fn a_wrong_trailer_is_damage() {
    let good = gzip(b"data");
    for (place, damage) in [(good.len() - 8, Damage::Crc), (good.len() - 1, Damage::Length)] {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        assert_eq!(gunzip(&bytes, 4096, 4096).1, Err(damage));
    }
}
