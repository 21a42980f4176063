//! A file in pieces: each worker reads the next one, under a lock (compressed data is a small part of the work), inflates it
//! on its own, and gives it to the writer in its turn.

use std::sync::{Arc, Mutex, PoisonError};

use super::inflation::{Inflation, SharedInflation};
use super::output::Piece;
use super::route::Input;
use super::{Inflate, SharedFile};
use crate::codec::cut::Cuts;
use crate::codec::piece::{PROBE_BYTES, Position};
use crate::error::{Error, Result};
use crate::gzip::{FileWorker, Handle};
use crate::sys::Sys;

/// A file being inflated in pieces.
pub(super) type PiecesFile = SharedInflation<Piece, Mutex<Cutter>>;

impl FileWorker<Inflate> {
    pub(super) fn help_with_pieces(&mut self, file: Arc<PiecesFile>, handle: &mut Handle<'_, Inflate>) {
        let done = self.inflate_pieces(&file, handle);
        self.leave(file, done, handle);
    }

    /// Inflates pieces until there are no more, or another worker failed.
    fn inflate_pieces(&mut self, file: &Arc<PiecesFile>, handle: &Handle<'_, Inflate>) -> Result<()> {
        while !file.helpers.have_failed() && !file.inflation.early_end.is_set() {
            file.helpers.ask(handle, || SharedFile::Pieces(Arc::clone(file)));
            // Both buffers before the number: otherwise finished later pieces could hold the whole pool while this one
            // waits for a buffer.
            let [mut input, mut output] = self.job.acquire(&file.inflation.source)?;
            let mut cutter = file.parts.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = cutter.take(&mut self.context.sys, &file.inflation, &mut input, self.job.step)?;
            let Some(Chunk { number, start, len }) = taken else { break };
            // A turn that is given up (a panic) ends the sequence, so that what comes after it is not held up.
            let turn = file.ordered.turn(number);
            drop(cutter);
            let proven = self.inflate_piece(&file.inflation, (&mut input, len, start), &mut output)?;
            let piece = Piece { input, len, start, output, proven };
            let mut result = Ok(());
            turn.submit(piece, |writer, piece| result = result.and(writer.take(&mut self.context.sys, piece)));
            self.moved(&file.inflation, len);
            result.map_err(|failure| file.inflation.error(failure))?;
        }
        Ok(())
    }
}

/// Cuts one source, from its first byte to its last, into pieces for the workers.
pub(super) struct Cutter {
    cuts: Cuts,
    /// Bytes that were read and belong to pieces to come, from `given` on.
    ahead: Vec<u8>,
    given: usize,
    /// The number of the next piece.
    number: u64,
    /// Where the next piece begins.
    start: Position,
    /// There is nothing after what is ahead.
    ended: bool,
}

/// A piece of compressed data at the start of a buffer.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    number: u64,
    start: Position,
    len: usize,
}

impl Cutter {
    /// Cuts a source of which `input` was read already.
    pub(super) fn new(cuts: Cuts, input: &Input) -> Self {
        Self { cuts, ahead: input.bytes().to_vec(), given: 0, number: 0, start: Position::Between, ended: input.is_all }
    }

    /// Puts the next piece into `buffer`, with room for a probe block after it; `None` at the end, or when no more is wanted.
    fn take(&mut self, sys: &mut Sys, inflation: &Inflation, buffer: &mut [u8], step: usize) -> Result<Option<Chunk>> {
        let taken = self.read(sys, inflation, buffer, step);
        if taken.is_err() {
            // No worker reads on after a gap.
            self.ended = true;
            self.given = self.ahead.len();
        }
        taken
    }

    fn read(&mut self, sys: &mut Sys, inflation: &Inflation, buffer: &mut [u8], step: usize) -> Result<Option<Chunk>> {
        let failed = |errno| Error::system("read", inflation.source.path(), errno);
        let room = buffer.len() - PROBE_BYTES;
        let waiting = &self.ahead[self.given..];
        let waiting = &waiting[..waiting.len().min(room)];
        if let Some(cut) = self.cuts.find(waiting, 0) {
            buffer[..cut.at].copy_from_slice(&waiting[..cut.at]);
            self.given += cut.at;
            return Ok(Some(self.chunk(cut.at, cut.start)));
        }
        let mut filled = waiting.len();
        buffer[..filled].copy_from_slice(waiting);
        self.given += filled;
        while !self.ended && filled < room {
            if inflation.early_end.is_set() {
                return Ok(None);
            }
            sys.check_stop().map_err(failed)?;
            let end = room.min(filled.saturating_add(step));
            let count = sys.read(&inflation.source.file, &mut buffer[filled..end]).map_err(failed)?;
            self.ended = count == 0;
            let searched = filled;
            filled += count;
            if let Some(cut) = self.cuts.find(&buffer[..filled], searched) {
                self.keep(&buffer[cut.at..filled]);
                return Ok(Some(self.chunk(cut.at, cut.start)));
            }
        }
        // What is too long for a buffer is inflated in order.
        let next = if self.ended && self.given == self.ahead.len() { Position::Between } else { Position::Inside };
        Ok((filled > 0).then(|| self.chunk(filled, next)))
    }

    /// Keeps what was read too far. All that was ahead before has been given.
    fn keep(&mut self, bytes: &[u8]) {
        self.ahead.clear();
        self.ahead.shrink_to(bytes.len());
        self.ahead.extend_from_slice(bytes);
        self.given = 0;
    }

    fn chunk(&mut self, len: usize, next: Position) -> Chunk {
        let chunk = Chunk { number: self.number, start: self.start, len };
        self.number += 1;
        self.start = next;
        chunk
    }
}
