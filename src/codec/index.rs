//! Indexes: offsets in a compressed file at which reading can begin, and what comes out between them. An index is made
//! while a file is inflated in order ([`Recorder`]), and kept as these bytes.
//!
//! All numbers are little endian, without signs but for the seconds:
//!
//! ```text
//! offset  bytes  what
//!      0      8  "haul-idx"
//!      8      4  version, 1
//!     12      4  last change of the compressed file: nanoseconds
//!     16      8                                      seconds since 1970
//!     24      8  bytes of the compressed file
//!     32      8  bytes that come out of it
//!     40      8  number of entries, at least 1
//!     48      4  CRC-32 of the first and the last 4 KiB of the compressed file
//!     52     24  each entry: where a span begins in the compressed file (8), in what comes out (8), CRC-32 of what
//!                comes out of it (4), and 0 if it begins at a member or 1 if in one, between two blocks (4)
//!    end      4  CRC-32 of all before
//! ```
//!
//! A span goes on to where the next one begins, the last to the end. The first begins at 0. What comes out of a span is
//! checked: it has a length and a checksum. Where it lies among all that comes out is believed, so an index is tied to its
//! file by size, time and both ends.

use std::ops::Range;

use crc32fast::Hasher;

use super::check::Segment;
use super::piece::Position;

/// Bytes at either end of a file that its fingerprint covers.
pub const END_BYTES: usize = 4096;

/// The compressed file that an index belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Its size.
    pub bytes: u64,
    /// Its last change, seconds since 1970.
    pub seconds: i64,
    /// And nanoseconds.
    pub nanoseconds: u32,
    /// CRC-32 of its first and its last [`END_BYTES`], or of all of it twice if it is shorter.
    pub ends: u32,
}

/// Why an index is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It is something else, or of another version of haul.
    #[error("it is not an index that this haul knows")]
    Unknown,
    /// The file has another size or another time.
    #[error("it was made of another file, or the file has changed since")]
    Stale,
    /// It is cut, or its bytes are not those that were written.
    #[error("it is damaged")]
    Damaged,
}

const MAGIC: [u8; 8] = *b"haul-idx";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 52;
const ENTRY_BYTES: usize = 24;
const CRC_BYTES: usize = 4;

/// Out of every span but the last come at least so many bytes: an index is never large beside its file.
pub(crate) const SPAN_BYTES: u64 = 64 * 1024;

/// The most bytes that come out of one: a match of 258 bytes takes at least two bits (RFC 1951, section 3.2.5).
const MOST_FROM_A_BYTE: u64 = 1032;

/// Where a span begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) compressed: u64,
    pub(super) uncompressed: u64,
    /// CRC-32 of what comes out of the span.
    pub(super) crc: u32,
    pub(super) start: Position,
}

/// Part of a file that can be inflated on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// Where it lies in the compressed file. The last one may have padding after its data.
    pub compressed: Range<u64>,
    /// Where it lies in what comes out.
    pub uncompressed: Range<u64>,
    /// CRC-32 of what comes out.
    pub crc: u32,
    /// What stands at its start.
    pub start: Position,
}

/// The places of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub(super) fingerprint: Fingerprint,
    /// Bytes that come out of the file.
    pub(super) total: u64,
    pub(super) entries: Vec<Entry>,
}

impl Index {
    /// Whether a file that begins with these bytes is an index, of whatever file and version.
    pub(crate) fn is_one(head: &[u8]) -> bool {
        head.starts_with(&MAGIC)
    }

    /// Bytes of the index of a file with this fingerprint, as its first bytes `head` say; refused if that cannot be.
    pub(crate) fn expected_bytes(head: &[u8], fingerprint: &Fingerprint) -> Result<u64, IndexError> {
        let head: &[u8; HEADER_BYTES] = head.first_chunk().ok_or(IndexError::Damaged)?;
        if head[..8] != MAGIC || u32_at(head, 8) != VERSION {
            return Err(IndexError::Unknown);
        }
        let said = Fingerprint {
            bytes: u64_at(head, 24),
            seconds: u64_at(head, 16) as i64,
            nanoseconds: u32_at(head, 12),
            ends: u32_at(head, 48),
        };
        if said != *fingerprint {
            return Err(IndexError::Stale);
        }
        // Every span has bytes of its own, and all but the last give at least `SPAN_BYTES`.
        let (total, count) = (u64_at(head, 32), u64_at(head, 40));
        let possible = fingerprint.bytes.saturating_mul(MOST_FROM_A_BYTE);
        if total > possible || count == 0 || count > fingerprint.bytes.min(total / SPAN_BYTES + 1) {
            return Err(IndexError::Damaged);
        }
        let entries = count.checked_mul(ENTRY_BYTES as u64).ok_or(IndexError::Damaged)?;
        Ok(entries.saturating_add((HEADER_BYTES + CRC_BYTES) as u64))
    }

    /// Reads the index of a file with this fingerprint.
    pub fn parse(bytes: &[u8], fingerprint: &Fingerprint) -> Result<Self, IndexError> {
        if Self::expected_bytes(bytes, fingerprint)? != bytes.len() as u64 {
            return Err(IndexError::Damaged);
        }
        let (content, crc) = bytes.split_at(bytes.len() - CRC_BYTES);
        if crc != crc32fast::hash(content).to_le_bytes() {
            return Err(IndexError::Damaged);
        }
        let entries: Option<Vec<Entry>> = content[HEADER_BYTES..].chunks_exact(ENTRY_BYTES).map(Entry::parse).collect();
        let index = Self {
            fingerprint: *fingerprint,
            total: u64_at(content, 32),
            entries: entries.ok_or(IndexError::Damaged)?,
        };
        if index.is_sound() { Ok(index) } else { Err(IndexError::Damaged) }
    }

    fn is_sound(&self) -> bool {
        let ascend = |pair: &[Entry]| {
            pair[0].compressed < pair[1].compressed && pair[0].uncompressed + SPAN_BYTES <= pair[1].uncompressed
        };
        let begins = self
            .entries
            .first()
            .is_some_and(|first| first.compressed == 0 && first.uncompressed == 0 && first.start == Position::Between);
        // The last one first: the others are below it, so that no sum overflows.
        let ends = self.entries.last().is_some_and(|last| last.compressed < self.fingerprint.bytes);
        // Before they are compared: no sum may overflow.
        let bounded = self.entries.iter().all(|entry| entry.uncompressed <= self.total.min(u64::MAX - SPAN_BYTES));
        begins && ends && bounded && self.entries.windows(2).all(ascend)
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.entries.len() * ENTRY_BYTES + CRC_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.fingerprint.nanoseconds.to_le_bytes());
        bytes.extend(self.fingerprint.seconds.to_le_bytes());
        for number in [self.fingerprint.bytes, self.total, self.entries.len() as u64] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.fingerprint.ends.to_le_bytes());
        for entry in &self.entries {
            bytes.extend(entry.compressed.to_le_bytes());
            bytes.extend(entry.uncompressed.to_le_bytes());
            bytes.extend(entry.crc.to_le_bytes());
            bytes.extend(u32::from(entry.start == Position::Body).to_le_bytes());
        }
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// How many spans there are.
    pub fn spans(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that come out of the file.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The spans that hold the bytes `wanted` of what comes out; none if they are after its end.
    pub(crate) fn covering(&self, wanted: &Range<u64>) -> Vec<Span> {
        let end = wanted.end.min(self.total);
        if wanted.start >= end {
            return Vec::new();
        }
        let first = self.entries.partition_point(|entry| entry.uncompressed <= wanted.start) - 1;
        let end_index = self.entries.partition_point(|entry| entry.uncompressed < end);
        let ends = self.entries[first + 1..].iter().map(|next| (next.compressed, next.uncompressed));
        let ends = ends.chain([(self.fingerprint.bytes, self.total)]);
        let spans = self.entries[first..end_index].iter().zip(ends);
        spans
            .map(|(entry, end)| Span {
                compressed: entry.compressed..end.0,
                uncompressed: entry.uncompressed..end.1,
                crc: entry.crc,
                start: entry.start,
            })
            .collect()
    }
}

impl Entry {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let start = match u32_at(bytes, 20) {
            0 => Position::Between,
            1 => Position::Body,
            _ => return None,
        };
        Some(Self { compressed: u64_at(bytes, 0), uncompressed: u64_at(bytes, 8), crc: u32_at(bytes, 16), start })
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// How far a block may reach back (RFC 1951, section 2).
const WINDOW_BYTES: u64 = 32 * 1024;

/// What is known of a file so far.
#[derive(Debug)]
pub struct Recorder {
    entries: Vec<Entry>,
    /// Of the span that goes on.
    crc: Hasher,
    /// Bytes that came out so far.
    total: u64,
}

impl Default for Recorder {
    fn default() -> Self {
        let first = Entry { compressed: 0, uncompressed: 0, crc: 0, start: Position::Between };
        Self { entries: vec![first], crc: Hasher::new(), total: 0 }
    }
}

impl Recorder {
    /// What comes out next can be inflated from byte `compressed` of the file on, without anything before it. Where that
    /// is too near to the last such place, it is left out.
    pub fn begin(&mut self, compressed: u64, start: Position) {
        let last = self.entries.len() - 1;
        if self.total - self.entries[last].uncompressed < SPAN_BYTES {
            return;
        }
        self.entries[last].crc = std::mem::take(&mut self.crc).finalize();
        self.entries.push(Entry { compressed, uncompressed: self.total, crc: 0, start });
    }

    /// What comes out next may reach back as far as a block can: a place less than that before it is left out, unless it is
    /// the start of a member.
    pub fn reach_back(&mut self) {
        let total = self.total;
        let too_near = |last: &mut Entry| last.start == Position::Body && total - last.uncompressed < WINDOW_BYTES;
        if let Some(gone) = self.entries.pop_if(too_near)
            && let Some(last) = self.entries.last()
        {
            // One at most: any other span is longer than a block reaches.
            let mut crc = Hasher::new_with_initial_len(last.crc, gone.uncompressed - last.uncompressed);
            crc.combine(&self.crc);
            self.crc = crc;
        }
    }

    /// Takes what comes out next, with its checksum.
    pub fn add(&mut self, segment: &Segment) {
        self.crc.combine(&segment.crc);
        self.total += segment.bytes as u64;
    }

    /// Takes what comes out next; the checksum is made here.
    pub fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.total += bytes.len() as u64;
    }

    /// The index of the file, which has this fingerprint and ends here.
    pub fn finish(mut self, fingerprint: Fingerprint) -> Index {
        // Reading cannot begin in the padding at the end.
        let padding = self.entries.pop_if(|last| last.compressed > 0 && last.uncompressed == self.total);
        if let Some(last) = self.entries.last_mut().filter(|_| padding.is_none()) {
            last.crc = self.crc.finalize();
        }
        Index { fingerprint, total: self.total, entries: self.entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::check::Segment;
    use crate::codec::index::Recorder;

    const FINGERPRINT: Fingerprint = Fingerprint { bytes: 9_000, seconds: -5, nanoseconds: 999_999_999, ends: 7 };

    fn index() -> Index {
        let mut recorder = Recorder::default();
        let bytes = vec![7; 50_000];
        for at in (0..8_000).step_by(1_000) {
            recorder.begin(at, if at % 2_000 == 0 { Position::Between } else { Position::Body });
            recorder.add(&Segment::of(&bytes, None));
            recorder.update(&bytes[..1]);
        }
        // Padding.
        recorder.begin(8_500, Position::Between);
        recorder.finish(FINGERPRINT)
    }

    #[test]
    fn an_index_reads_back() {
        let index = index();
        assert_eq!((index.spans(), index.total()), (4, 8 * 50_001));
        assert_eq!(Index::parse(&index.to_bytes(), &FINGERPRINT), Ok(index.clone()));
        let crc = crc32fast::hash(&vec![7; 100_002]);
        assert!(index.entries.iter().all(|entry| entry.crc == crc), "two pieces a span, the padding none");
        let empty = Recorder::default().finish(FINGERPRINT);
        assert_eq!(Index::parse(&empty.to_bytes(), &FINGERPRINT), Ok(empty.clone()));
        assert!(empty.covering(&(0..u64::MAX)).is_empty());
    }

    #[test]
    fn a_range_is_covered_and_nothing_else() {
        let index = index();
        let (span, total) = (100_002, index.total());
        for (wanted, expected) in [
            (0..1, 0..1),
            (0..span, 0..1),
            (0..span + 1, 0..2),
            (span..span + 1, 1..2),
            (total - 1..u64::MAX, 3..4),
            (0..u64::MAX, 0..4),
            (total..u64::MAX, 0..0),
        ] {
            let found: Vec<u64> = index.covering(&wanted).iter().map(|found| found.uncompressed.start / span).collect();
            assert_eq!(found, expected.clone().collect::<Vec<_>>(), "{wanted:?}");
        }
        let all = index.covering(&(0..u64::MAX));
        assert!(all.windows(2).all(|two| two[0].compressed.end == two[1].compressed.start));
        assert_eq!((all[3].compressed.end, all[3].uncompressed.end), (FINGERPRINT.bytes, total));
    }

    #[test]
    fn what_was_not_written_is_refused() {
        let good = index().to_bytes();
        for cut in 0..good.len() {
            assert!(Index::parse(&good[..cut], &FINGERPRINT).is_err(), "cut at {cut}");
        }
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Index::parse(&bad, &FINGERPRINT).is_err(), "bit {bit}");
        }
        assert!(Index::parse(&[&good[..], b"x"].concat(), &FINGERPRINT).is_err());
        assert_eq!(Index::parse(&good, &Fingerprint { seconds: -4, ..FINGERPRINT }), Err(IndexError::Stale));
    }

    /// With a checksum that is right, as somebody may write it.
    #[test]
    fn nonsense_is_refused_and_nothing_is_allocated_for_it() {
        let good = index();
        let change = |change: &dyn Fn(&mut Index)| {
            let mut index = good.clone();
            change(&mut index);
            Index::parse(&index.to_bytes(), &FINGERPRINT)
        };
        assert_eq!(change(&|index| index.entries[1].compressed = 0), Err(IndexError::Damaged));
        assert_eq!(change(&|index| index.entries[3].compressed = 9_000), Err(IndexError::Damaged));
        assert_eq!(change(&|index| index.entries[3].uncompressed = u64::MAX), Err(IndexError::Damaged));
        assert_eq!(change(&|index| index.entries[2].uncompressed = u64::MAX), Err(IndexError::Damaged));
        assert_eq!(change(&|index| index.entries[0].start = Position::Body), Err(IndexError::Damaged));
        assert_eq!(change(&|index| index.total = 300_000), Err(IndexError::Damaged));
        assert_eq!(change(&|index| index.entries.clear()), Err(IndexError::Damaged));
        let huge = [&good.to_bytes()[..32], &[0xff; 16]].concat();
        assert_eq!(Index::expected_bytes(&huge, &FINGERPRINT), Err(IndexError::Damaged));
    }

    /// The checksums of the spans of an index, with where they begin.
    fn spans(recorder: Recorder) -> Vec<(u64, u32)> {
        let index = recorder.finish(FINGERPRINT);
        index.covering(&(0..u64::MAX)).iter().map(|span| (span.compressed.start, span.crc)).collect()
    }

    #[test]
    fn a_place_that_something_reaches_back_behind_is_none() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| (number.wrapping_mul(number) >> 7) as u8).collect();
        let crc = |range: std::ops::Range<usize>| crc32fast::hash(&bytes[range]);
        for (start, gap, stays) in [
            (Position::Body, 0, false),
            (Position::Body, 32 * 1024 - 1, false),
            (Position::Body, 32 * 1024, true),
            (Position::Between, 0, true),
        ] {
            let mut recorder = Recorder::default();
            recorder.reach_back();
            recorder.update(&bytes[..100_000]);
            recorder.begin(10, start);
            recorder.add(&Segment::of(&bytes[100_000..100_000 + gap], None));
            recorder.reach_back();
            recorder.update(&bytes[100_000 + gap..]);
            let expected = if stays {
                vec![(0, crc(0..100_000)), (10, crc(100_000..200_000))]
            } else {
                vec![(0, crc(0..200_000))]
            };
            assert_eq!(spans(recorder), expected, "{start:?}, {gap} bytes before");
        }
    }
}
