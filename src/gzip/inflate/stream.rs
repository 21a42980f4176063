//! A file by one worker: in one piece, or one buffer after the other; also one that is passed through as it is.

use super::finish::Open;
use super::writer::{Failure, Piece, Writer};
use super::{Helped, Inflater};
use crate::codec::gunzip::End;
use crate::codec::piece::Place;
use crate::error::{Error, Result};
use crate::gzip::files::Task;
use crate::pool::{Handle, PooledBuffer};

/// Bytes that are inflated before they are written. Less means more to and fro between the cores (measured).
pub(super) const FILL_BYTES: usize = 1024 * 1024;

impl Inflater {
    /// A file that is in `input` as a whole.
    pub(super) fn in_one_piece(
        &mut self,
        open: Open,
        mut writer: Writer,
        mut input: PooledBuffer,
        len: usize,
        mut output: PooledBuffer,
        handle: &mut Handle<'_, Task<Helped>>,
    ) {
        let proven = self.pieces.inflate(&mut input, len, Place::Between, &mut output);
        let piece = Piece { input, len, start: Place::Between, output, proven };
        let taken = writer.take(&mut self.worker.sys, piece).map_err(|failure| open.error(failure));
        self.moved(&open, len);
        self.conclude(open, writer, taken.map(|()| None), handle);
    }

    /// A file of which `input` holds the first bytes, and all of it if that is so.
    pub(super) fn stream(
        &mut self,
        open: Open,
        mut writer: Writer,
        input: (PooledBuffer, usize, bool),
        mut output: PooledBuffer,
        handle: &mut Handle<'_, Task<Helped>>,
    ) {
        let done = self.stream_all(&open, &mut writer, input, &mut output[..FILL_BYTES]);
        self.conclude(open, writer, done.map(|()| None), handle);
    }

    fn stream_all(
        &mut self,
        open: &Open,
        writer: &mut Writer,
        (mut input, mut len, whole): (PooledBuffer, usize, bool),
        output: &mut [u8],
    ) -> Result<()> {
        let failed = |failure: Failure| open.error(failure);
        let mut filled = 0;
        while len > 0 && !open.enough.is_said() {
            writer.take_stream(&mut self.worker.sys, &input[..len], output, &mut filled).map_err(failed)?;
            self.moved(open, len);
            len = if whole { 0 } else { self.read_on(open, &mut input)? };
        }
        writer.flush(&mut self.worker.sys, &output[..filled]).map_err(failed)
    }

    /// Passes a file through, of which `input` holds the first bytes.
    pub(super) fn copy(
        &mut self,
        open: Open,
        mut writer: Writer,
        input: (PooledBuffer, usize, bool),
        handle: &mut Handle<'_, Task<Helped>>,
    ) {
        let done = self.copy_all(&open, &mut writer, input);
        self.conclude(open, writer, done.map(|()| Some(Ok(End::default()))), handle);
    }

    fn copy_all(
        &mut self,
        open: &Open,
        writer: &mut Writer,
        (mut input, mut len, whole): (PooledBuffer, usize, bool),
    ) -> Result<()> {
        while len > 0 && !open.enough.is_said() {
            writer.flush(&mut self.worker.sys, &input[..len]).map_err(|failure| open.error(failure))?;
            self.moved(open, len);
            len = if whole { 0 } else { self.read_on(open, &mut input)? };
        }
        Ok(())
    }

    /// One more read; 0 bytes at the end.
    pub(super) fn read_on(&mut self, open: &Open, input: &mut [u8]) -> Result<usize> {
        let end = self.shared.step().min(input.len());
        let sys = &mut self.worker.sys;
        sys.check_stop()
            .and_then(|()| sys.read(&open.source.file, &mut input[..end]))
            .map_err(|errno| Error::system("read", open.source.path(), errno))
    }

    /// So many bytes of a source were dealt with.
    pub(super) fn moved(&mut self, open: &Open, bytes: usize) {
        open.read.fetch_add(bytes as u64, std::sync::atomic::Ordering::Relaxed);
        self.worker.moved(bytes as u64);
    }
}
