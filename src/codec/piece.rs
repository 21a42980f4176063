//! A piece of a file, inflated on its own and as a whole: bytes, and proof that it was a piece.
//!
//! Where a file is cut is a guess ([`super::cut`]): what looks like a mark may be data. So nothing is taken from a piece
//! that does not prove itself: it must inflate from its first bit, without reaching before its start, to exactly its
//! end, be that after the trailer of a member or between two blocks. If every piece begins as the one before it ended,
//! together they are what reading them one after the other gives.
//!
//! That a piece ends between two blocks is proven by a probe block: a last, stored block with eight bytes that nobody can
//! foresee. Only where a block may begin does it come out as what it is: inside a stored block its own header would come
//! out, too; inside any other, something else.

use std::hash::{BuildHasher, Hasher, RandomState};

use serde::{Deserialize, Serialize};

use super::CodecError;
use super::check::{Segment, Trailer};
use super::libdeflate::{Inflated, Inflater};
use super::member::HeaderParser;

/// Bytes of the secret in a probe block.
pub const SECRET_BYTES: usize = 8;
/// BFINAL 1, BTYPE 00, five bits of padding; the length of the secret, and its inverse (RFC 1951, section 3.2.4).
const PROBE_HEADER: [u8; 5] = [0x01, SECRET_BYTES as u8, 0x00, !(SECRET_BYTES as u8), 0xff];
/// Bytes of a probe block.
pub const PROBE_BYTES: usize = PROBE_HEADER.len() + SECRET_BYTES;

/// Where in a file a piece begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    /// At the start of the file, or after a whole member.
    Between,
    /// In a member, where a block may begin, at the first bit of a byte.
    Body,
    /// Anywhere: it must be read together with what is before it.
    Inside,
}

/// What is proven of a piece. If `read` is less than its length, the rest must be read one after the other.
#[derive(Debug)]
pub struct Proven {
    /// Bytes of the piece.
    pub read: usize,
    /// Bytes that came out of them.
    pub written: usize,
    /// What stands after them.
    pub end: Position,
    /// Those that came out, by member.
    pub segments: Vec<Segment>,
}

/// Inflates pieces. Kept by a worker.
pub struct Pieces {
    inflater: Inflater,
    probe: [u8; PROBE_BYTES],
}

impl Pieces {
    /// An error where there is no memory for it.
    pub fn new() -> Result<Self, CodecError> {
        let mut probe = [0; PROBE_BYTES];
        probe[..PROBE_HEADER.len()].copy_from_slice(&PROBE_HEADER);
        probe[PROBE_HEADER.len()..].copy_from_slice(&secret());
        Ok(Self { inflater: Inflater::new()?, probe })
    }
}

/// Bytes that the maker of a file cannot know: std keys its hashers at random.
fn secret() -> [u8; SECRET_BYTES] {
    RandomState::new().build_hasher().finish().to_le_bytes()
}

impl Pieces {
    /// Inflates the `len` bytes at the start of `input`, after which there must be [`PROBE_BYTES`] of room, as far as
    /// they fit into `out`, which [`SECRET_BYTES`] of it may not be used for.
    pub fn inflate(&mut self, input: &mut [u8], len: usize, start: Position, out: &mut [u8]) -> Proven {
        input[len..len + PROBE_BYTES].copy_from_slice(&self.probe);
        let input = &input[..len + PROBE_BYTES];
        let mut proven = Proven { read: 0, written: 0, end: start, segments: Vec::new() };
        if start == Position::Inside {
            return proven;
        }
        while proven.read < len {
            let (mut body, mut bgzf_size) = (proven.read, None);
            if proven.end == Position::Between {
                let mut parser = HeaderParser::default();
                match parser.feed(&input[body..len]) {
                    Ok(bytes) if parser.is_done() => {
                        body += bytes;
                        bgzf_size = parser.bgzf_size();
                    }
                    _ => break,
                }
            }
            let room = &mut out[proven.written..];
            let Ok(Inflated { read, written }) = self.inflater.inflate(&input[body..], room) else { break };
            let end = body + read;
            if end == input.len() {
                let Some(bytes) = self.without_probe(&room[..written]) else { break };
                proven.segments.push(Segment { bgzf_size, ..Segment::of(bytes, None) });
                proven.written += bytes.len();
                proven.read = len;
                proven.end = Position::Body;
                break;
            }
            let Some(trailer) = input[..len].get(end..).and_then(|rest| rest.first_chunk()) else { break };
            let segment = Segment::of(&room[..written], Some(Trailer::from_bytes(*trailer)));
            proven.segments.push(Segment { bgzf_size, ..segment });
            proven.written += written;
            proven.read = end + Trailer::BYTES;
            proven.end = Position::Between;
        }
        proven
    }

    /// What came out before the probe block, if that came out as a block of its own.
    fn without_probe<'a>(&self, out: &'a [u8]) -> Option<&'a [u8]> {
        if out.ends_with(&self.probe) { None } else { out.strip_suffix(&self.probe[PROBE_HEADER.len()..]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::compressor::Compressor;
    use crate::codec::join::MARK;
    use crate::codec::level::Choice;
    use crate::codec::member::Header;
    use crate::plan::CodecName;

    fn text(from: u32, to: u32) -> Vec<u8> {
        (from..to).flat_map(|number| format!("{number} ").into_bytes()).collect()
    }

    /// What is proven of `piece`, with what came out of it.
    fn inflate(piece: &[u8], start: Position, room: usize) -> (Proven, Vec<u8>) {
        let mut input = [piece, &[0; PROBE_BYTES]].concat();
        let mut out = vec![0; room];
        let proven = Pieces::new().unwrap().inflate(&mut input, piece.len(), start, &mut out);
        out.truncate(proven.written);
        (proven, out)
    }

    fn block(dictionary: &[u8], data: &[u8], last: bool, codec: CodecName) -> Vec<u8> {
        let mut compressor = Compressor::new(Choice::new(codec, 6, None).unwrap(), false).unwrap();
        let mut out = vec![0; compressor.bound(data.len())];
        let len = compressor.compress(dictionary, data, last, &mut out).unwrap();
        out.truncate(len);
        out
    }

    fn member(data: &[u8]) -> Vec<u8> {
        let trailer = [crc32fast::hash(data).to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        [Header::plain(6).to_bytes(), block(b"", data, true, CodecName::Libdeflate), trailer].concat()
    }

    #[test]
    fn a_piece_between_marks_proves_itself_and_nothing_less_does() {
        let data = text(0, 9_000);
        let piece = block(b"", &data, false, CodecName::Libdeflate);
        assert!(piece.ends_with(&MARK));
        let (proven, out) = inflate(&piece, Position::Body, data.len() + SECRET_BYTES);
        assert_eq!((proven.read, proven.end), (piece.len(), Position::Body));
        assert!(out == data);
        // Without room for the secret; and cut anywhere but between its two empty blocks.
        assert_eq!(inflate(&piece, Position::Body, data.len() + SECRET_BYTES - 1).0.read, 0);
        for cut in 1..piece.len() {
            let (proven, _) = inflate(&piece[..cut], Position::Body, data.len() + SECRET_BYTES);
            assert_eq!(proven.read, if cut == piece.len() - 5 { cut } else { 0 }, "cut at {cut} of {}", piece.len());
        }
        assert_eq!(inflate(&piece, Position::Inside, data.len() + SECRET_BYTES).0.read, 0);
    }

    #[test]
    fn a_piece_that_reaches_back_is_none() {
        let (dictionary, data) = (text(0, 4_000), text(0, 9_000));
        let piece = block(&dictionary, &data, false, CodecName::Zlib);
        assert_eq!(inflate(&piece, Position::Body, 1 << 20).0.read, 0);
    }

    #[test]
    fn members_are_taken_as_far_as_they_are_whole() {
        let (one, two) = (text(0, 5_000), text(7_000, 7_100));
        let both = [member(&one), member(&two)].concat();
        let (proven, out) = inflate(&both, Position::Between, 1 << 20);
        assert_eq!((proven.read, proven.end, proven.segments.len()), (both.len(), Position::Between, 2));
        assert!(out == [&one[..], &two].concat());
        for (bytes, what) in [
            (&both[..both.len() - 1], "a trailer that is cut"),
            (&[&member(&one)[..], b"\0\0\0"].concat()[..], "padding"),
            (&[&member(&one)[..], b"\x1f\x8b\x08\xff23456789"].concat()[..], "a header that we cannot read"),
        ] {
            let (proven, out) = inflate(bytes, Position::Between, 1 << 20);
            assert_eq!((proven.read, proven.end), (member(&one).len(), Position::Between), "{what}");
            assert!(out == one, "{what}");
        }
        assert_eq!(inflate(&both, Position::Between, one.len() + 10).0.written, one.len(), "no room for the second");
    }

    /// A last stored block that ends just where a probe block would: its data, with the mark and the probe block in it.
    #[test]
    fn a_block_that_swallows_the_probe_block_is_not_an_end() {
        let data = [b"data that looks like a mark", &MARK[..]].concat();
        let len = (data.len() + PROBE_BYTES) as u16;
        let header = [&[0x01][..], &len.to_le_bytes(), &(!len).to_le_bytes()].concat();
        assert_eq!(inflate(&[header, data].concat(), Position::Body, 1 << 16).0.read, 0);
    }
}
