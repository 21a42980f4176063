//! The writer of a member: pieces in order → one member in the target. Header and trailer are put into the buffers of the
//! first and the last piece, so that a block is one write.

use std::os::fd::OwnedFd;

use crc32fast::Hasher;
use rustix::io::Result;

use crate::codec::check::Trailer;
use crate::codec::join::Joiner;
use crate::codec::member::{Header, LONGEST_HEADER};
use crate::pool::PooledBuffer;
use crate::sys::Sys;

/// A compressed block.
pub(super) struct Piece {
    /// Compressed bytes from [`LONGEST_HEADER`] on, with room for a header before and a trailer after them.
    pub(super) output: PooledBuffer,
    /// Compressed bytes.
    pub(super) len: usize,
    /// CRC of the uncompressed bytes.
    pub(super) crc: Hasher,
    /// Uncompressed bytes.
    pub(super) source_bytes: u64,
    /// Nothing follows.
    pub(super) last: bool,
}

/// Writes one member.
pub(super) struct MemberWriter {
    /// `None` if what is written goes nowhere.
    file: Option<OwnedFd>,
    /// Written before the first piece, and empty from then on.
    header: Vec<u8>,
    joiner: Joiner,
    step: usize,
    written: u64,
    complete: bool,
    /// A write failed: what comes after the gap must not be written.
    broken: bool,
}

impl MemberWriter {
    /// A member that begins with `header`, at the position of `file`, at most `step` bytes a write.
    pub(super) fn new(file: Option<OwnedFd>, header: &Header, step: usize) -> Self {
        let (header, joiner) = (header.to_bytes(), Joiner::default());
        Self { file, header, joiner, step, written: 0, complete: false, broken: false }
    }

    /// Writes the next piece.
    pub(super) fn write(&mut self, sys: &mut Sys, mut piece: Piece) -> Result<()> {
        if self.broken {
            return Ok(());
        }
        self.joiner.add(&piece.crc, piece.source_bytes);
        let start = LONGEST_HEADER - self.header.len();
        piece.output[start..LONGEST_HEADER].copy_from_slice(&self.header);
        self.header.clear();
        let mut end = LONGEST_HEADER + piece.len;
        if piece.last {
            piece.output[end..end + Trailer::BYTES].copy_from_slice(&self.joiner.trailer().to_bytes());
            end += Trailer::BYTES;
        }
        self.broken = true;
        // Counted before it is written: after a failure part of a piece must not be taken for nothing.
        self.written += (end - start) as u64;
        if let Some(file) = &self.file {
            sys.write_full(file, &piece.output[start..end], self.step)?;
        }
        self.broken = false;
        self.complete = piece.last;
        Ok(())
    }

    /// The file, with the bytes read and written (or begun to be), and whether the member is complete.
    pub(super) fn end(self) -> (Option<OwnedFd>, (u64, u64, bool)) {
        (self.file, (self.joiner.length(), self.written, self.complete))
    }
}
