//! A compressed file, from its first byte to its last, cut into pieces for the workers.
//!
//! Whoever needs a piece reads it, under a lock: compressed data is a small part of the work.

use super::finish::Open;
use crate::codec::cut::Cuts;
use crate::codec::piece::{Place, SEAL_BYTES};
use crate::error::{Error, Result};
use crate::sys::Sys;

/// Cuts one source.
pub(super) struct Cutter {
    cuts: Cuts,
    /// Bytes that were read and belong to pieces to come, from `given` on.
    ahead: Vec<u8>,
    given: usize,
    /// The number of the next piece.
    number: u64,
    /// Where the next piece begins.
    place: Place,
    /// There is nothing after what is ahead.
    ended: bool,
}

/// A piece of compressed data at the start of a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) number: u64,
    pub(super) start: Place,
    pub(super) len: usize,
}

impl Cutter {
    /// Cuts a source of which `head` was read already, and all of it if it `ended`.
    pub(super) fn new(cuts: Cuts, head: &[u8], ended: bool) -> Self {
        Self { cuts, ahead: head.to_vec(), given: 0, number: 0, place: Place::Between, ended }
    }

    /// Puts the next piece into `buffer`, with room for a seal after it; `None` at the end, or when no more is wanted.
    pub(super) fn take(&mut self, sys: &mut Sys, open: &Open, buffer: &mut [u8], step: usize) -> Result<Option<Chunk>> {
        let taken = self.read(sys, open, buffer, step);
        if taken.is_err() {
            // Nobody reads on after a gap.
            self.ended = true;
            self.given = self.ahead.len();
        }
        taken
    }

    fn read(&mut self, sys: &mut Sys, open: &Open, buffer: &mut [u8], step: usize) -> Result<Option<Chunk>> {
        let failed = |errno| Error::system("read", open.source.path(), errno);
        let room = buffer.len() - SEAL_BYTES;
        let waiting = &self.ahead[self.given..];
        let waiting = &waiting[..waiting.len().min(room)];
        if let Some(cut) = self.cuts.find(waiting, 0) {
            buffer[..cut.at].copy_from_slice(&waiting[..cut.at]);
            self.given += cut.at;
            return Ok(Some(self.chunk(cut.at, cut.place)));
        }
        let mut filled = waiting.len();
        buffer[..filled].copy_from_slice(waiting);
        self.given += filled;
        while !self.ended && filled < room {
            if open.enough.is_said() {
                return Ok(None);
            }
            sys.check_stop().map_err(failed)?;
            let end = room.min(filled.saturating_add(step));
            let count = sys.read(&open.source.file, &mut buffer[filled..end]).map_err(failed)?;
            self.ended = count == 0;
            let searched = filled;
            filled += count;
            if let Some(cut) = self.cuts.find(&buffer[..filled], searched) {
                self.keep(&buffer[cut.at..filled]);
                return Ok(Some(self.chunk(cut.at, cut.place)));
            }
        }
        // What is too long for a buffer is read one after the other.
        let next = if self.ended && self.given == self.ahead.len() { Place::Between } else { Place::Inside };
        Ok((filled > 0).then(|| self.chunk(filled, next)))
    }

    /// Keeps what was read too much. Whatever was ahead has been given by now.
    fn keep(&mut self, bytes: &[u8]) {
        self.ahead.clear();
        self.ahead.shrink_to(bytes.len());
        self.ahead.extend_from_slice(bytes);
        self.given = 0;
    }

    fn chunk(&mut self, len: usize, next: Place) -> Chunk {
        let chunk = Chunk { number: self.number, start: self.place, len };
        self.number += 1;
        self.place = next;
        chunk
    }
}
