//! The blocks of a source, each with the bytes before it as dictionary where the codec wants them.
//!
//! Each worker that needs a block reads it: of a regular file at the block's own offset; of a pipe, or a file whose size
//! cannot be believed, in turn, under a lock. Both cut at the same offsets and know which block is the last, so the same
//! bytes come out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::writer::{MemberWriter, Piece};
use crate::error::{Error, Result};
use crate::gzip::SHRANK;
use crate::gzip::source::Source;
use crate::pool::Ordered;
use crate::pool::ordered::Turn;
use crate::sys::Sys;

/// A source cut into blocks.
pub(super) struct Blocks {
    shape: Shape,
    cursor: Cursor,
}

/// How a source is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Bytes of each block but the last.
    pub(super) block_bytes: usize,
    /// Bytes before a block that come with it.
    pub(super) dictionary_bytes: usize,
}

impl Shape {
    /// Bytes of a buffer for a block: with its dictionary, and with the one byte of a stream that tells whether another
    /// block follows.
    pub(super) const fn buffer_bytes(self) -> usize {
        self.dictionary_bytes + self.block_bytes + 1
    }
}

enum Cursor {
    /// The number of the next block of a file of `size` bytes.
    Ranges {
        size: u64,
        next: AtomicU64,
    },
    Stream(Mutex<Stream>),
}

#[derive(Default)]
struct Stream {
    next: u64,
    /// The last bytes of the block before: the next one's dictionary.
    tail: Vec<u8>,
    /// The first byte of the next block: a block is the last if there is none after it.
    ahead: Option<u8>,
    ended: bool,
}

/// A block's place in its member.
pub(super) type BlockTurn<'a> = Turn<'a, Piece, MemberWriter>;

/// A block that was read: dictionary and then bytes, at the start of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Bytes of dictionary before it.
    pub(super) dictionary: usize,
    /// Bytes of the block.
    pub(super) len: usize,
    /// Nothing follows it.
    pub(super) last: bool,
}

impl Blocks {
    /// The blocks of a source.
    pub(super) fn of(source: &Source, shape: Shape) -> Self {
        // What its size leaves out would be lost with the source.
        let cursor = if source.has_ranges() && source.has_true_size {
            Cursor::Ranges { size: source.attributes.size, next: AtomicU64::new(0) }
        } else {
            Cursor::Stream(Mutex::default())
        };
        Self { shape, cursor }
    }

    /// How many further workers of `threads` would find something to do.
    pub(super) fn worth_helping(&self, threads: usize) -> usize {
        let others = threads - 1;
        match &self.cursor {
            Cursor::Ranges { size, .. } => {
                others.min(size.div_ceil(self.shape.block_bytes as u64).saturating_sub(1) as usize)
            }
            Cursor::Stream(_) => others,
        }
    }

    /// Whether blocks are ranges of a file, which anybody can read.
    pub(super) const fn are_ranges(&self) -> bool {
        matches!(self.cursor, Cursor::Ranges { .. })
    }

    /// The next block of a file, unread, and where its dictionary begins there; `None` after the last, and for a stream.
    pub(super) fn take_unread<'a>(
        &self,
        ordered: &'a Ordered<Piece, MemberWriter>,
    ) -> Option<(BlockTurn<'a>, Block, u64)> {
        let Cursor::Ranges { size, next } = &self.cursor else { return None };
        let number = next.fetch_add(1, Ordering::Relaxed);
        let start = number * self.shape.block_bytes as u64;
        if start >= *size {
            return None;
        }
        let dictionary = start.min(self.shape.dictionary_bytes as u64) as usize;
        let len = (*size - start).min(self.shape.block_bytes as u64) as usize;
        let block = Block { dictionary, len, last: start + len as u64 == *size };
        Some((ordered.turn(number), block, start - dictionary as u64))
    }

    /// Reads the next block into `buffer`, which has [`Shape::buffer_bytes`]; `None` after the last.
    ///
    /// The number comes as a turn: one that is given up because of an error breaks the sequence, so that no worker waits for
    /// it.
    pub(super) fn take<'a>(
        &self,
        sys: &mut Sys,
        source: &Source,
        buffer: &mut [u8],
        step: usize,
        ordered: &'a Ordered<Piece, MemberWriter>,
    ) -> Result<Option<(BlockTurn<'a>, Block)>> {
        let failed = |errno| Error::system("read", source.path(), errno);
        sys.check_stop().map_err(failed)?;
        match &self.cursor {
            Cursor::Ranges { .. } => {
                let Some((turn, block, at)) = self.take_unread(ordered) else { return Ok(None) };
                let room = &mut buffer[..block.dictionary + block.len];
                if sys.pread_full(&source.file, room, at, step).map_err(failed)? < room.len() {
                    return Err(Error::refused("read", source.path(), SHRANK));
                }
                Ok(Some((turn, block)))
            }
            Cursor::Stream(stream) => {
                let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
                if stream.ended {
                    return Ok(None);
                }
                // Whatever goes wrong, no worker reads on after it.
                stream.ended = true;
                let block = stream.read(self.shape, buffer, |room| read_stream(sys, source, room, step));
                let block = block.map_err(failed)?;
                let turn = ordered.turn(stream.next);
                stream.next += 1;
                stream.ended = block.last;
                Ok(Some((turn, block)))
            }
        }
    }
}

impl Stream {
    /// The next block, and the byte after it. `fill` reads as many bytes as there are, up to the room it gets.
    fn read(
        &mut self,
        shape: Shape,
        buffer: &mut [u8],
        fill: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>,
    ) -> rustix::io::Result<Block> {
        let dictionary = self.tail.len();
        buffer[..dictionary].copy_from_slice(&self.tail);
        let carried = self.ahead.map_or(0, |ahead| {
            buffer[dictionary] = ahead;
            1
        });
        let read = fill(&mut buffer[dictionary + carried..=dictionary + shape.block_bytes])?;
        let len = (carried + read).min(shape.block_bytes);
        let end = dictionary + len;
        self.ahead = (carried + read > len).then(|| buffer[end]);
        self.tail.clear();
        self.tail.extend_from_slice(&buffer[end.saturating_sub(shape.dictionary_bytes)..end]);
        Ok(Block { dictionary, len, last: self.ahead.is_none() })
    }
}

/// Fills `room` from a stream as far as it goes. Can be stopped while nothing comes.
fn read_stream(sys: &mut Sys, source: &Source, room: &mut [u8], step: usize) -> rustix::io::Result<usize> {
    let mut filled = 0;
    while filled < room.len() {
        sys.check_stop()?;
        let end = room.len().min(filled.saturating_add(step));
        match sys.read(&source.file, &mut room[filled..end])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
