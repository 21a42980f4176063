//! Makes an index ([`super::index`]) while a file is inflated in order.

use crc32fast::Hasher;

use super::check::Segment;
use super::index::Fingerprint;
use super::index::{Entry, Index, SPAN_BYTES};
use super::piece::Place;

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
        let first = Entry { compressed: 0, uncompressed: 0, crc: 0, place: Place::Between };
        Self { entries: vec![first], crc: Hasher::new(), total: 0 }
    }
}

impl Recorder {
    /// What comes out next can be inflated from byte `compressed` of the file on, without anything before it. Where that
    /// is too near to the last such place, it is none.
    pub fn begin(&mut self, compressed: u64, place: Place) {
        let last = self.entries.len() - 1;
        if self.total - self.entries[last].uncompressed < SPAN_BYTES {
            return;
        }
        self.entries[last].crc = std::mem::take(&mut self.crc).finalize();
        self.entries.push(Entry { compressed, uncompressed: self.total, crc: 0, place });
    }

    /// What comes out next may reach back as far as a block can: a place less than that before it is none, unless it is
    /// the start of a member.
    pub fn reach_back(&mut self) {
        let total = self.total;
        let too_near = |last: &mut Entry| last.place == Place::Body && total - last.uncompressed < WINDOW_BYTES;
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
        // Padding at the end is no place to begin at.
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

    const FINGERPRINT: Fingerprint = Fingerprint { bytes: 1_000, seconds: 0, nanoseconds: 0, ends: 0 };

    /// The checksums of the spans of an index, with where they begin.
    fn spans(recorder: Recorder) -> Vec<(u64, u32)> {
        let index = recorder.finish(FINGERPRINT);
        index.covering(&(0..u64::MAX)).iter().map(|span| (span.compressed.start, span.crc)).collect()
    }

    #[test]
    fn a_place_that_something_reaches_back_behind_is_none() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| (number.wrapping_mul(number) >> 7) as u8).collect();
        let crc = |range: std::ops::Range<usize>| crc32fast::hash(&bytes[range]);
        for (place, gap, stays) in [
            (Place::Body, 0, false),
            (Place::Body, 32 * 1024 - 1, false),
            (Place::Body, 32 * 1024, true),
            (Place::Between, 0, true),
        ] {
            let mut recorder = Recorder::default();
            recorder.reach_back();
            recorder.update(&bytes[..100_000]);
            recorder.begin(10, place);
            recorder.add(&Segment::of(&bytes[100_000..100_000 + gap], None));
            recorder.reach_back();
            recorder.update(&bytes[100_000 + gap..]);
            let expected = if stays {
                vec![(0, crc(0..100_000)), (10, crc(100_000..200_000))]
            } else {
                vec![(0, crc(0..200_000))]
            };
            assert_eq!(spans(recorder), expected, "{place:?}, {gap} bytes before");
        }
    }
}
