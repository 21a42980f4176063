//! Makes an index ([`super::index`]) while a file is inflated in order.

use crc32fast::Hasher;

use super::check::Segment;
use super::index::{Entry, Index, SPAN_BYTES, Stamp};
use super::piece::Place;

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

    /// The index of the file, which has this stamp and ends here.
    pub fn finish(mut self, stamp: Stamp) -> Index {
        // Padding at the end is no place to begin at.
        let padding = self.entries.pop_if(|last| last.compressed > 0 && last.uncompressed == self.total);
        if let Some(last) = self.entries.last_mut().filter(|_| padding.is_none()) {
            last.crc = self.crc.finalize();
        }
        Index { stamp, total: self.total, entries: self.entries }
    }
}
