//! A file in pieces: each worker takes the next one, inflates it on its own, and hands it to the writer in its turn.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cutter::Cutter;
use super::finish::Open;
use super::writer::{Piece, Writer};
use super::{Helped, Inflater};
use crate::error::Result;
use crate::gzip::files::{Task, ask_for_help};
use crate::pool::{Handle, Ordered};

/// A file being inflated in pieces. The last worker to give it up finishes it.
pub(super) struct PiecesFile {
    pub(super) open: Open,
    cutter: Mutex<Cutter>,
    ordered: Ordered<Piece, Writer>,
    /// Workers that are still to be asked to help.
    helpers: AtomicUsize,
    /// Somebody failed and said so; the others need not go on.
    failed: AtomicBool,
}

impl PiecesFile {
    pub(super) fn new(open: Open, writer: Writer, cutter: Cutter, threads: usize) -> Self {
        Self {
            open,
            cutter: Mutex::new(cutter),
            ordered: Ordered::new(writer),
            helpers: AtomicUsize::new(threads - 1),
            failed: AtomicBool::new(false),
        }
    }
}

impl Inflater {
    pub(super) fn help_with_pieces(&mut self, file: Arc<PiecesFile>, handle: &mut Handle<'_, Task<Helped>>) {
        let done = self.inflate_pieces(&file, handle);
        self.worker.check_shared(&file.failed, done);
        let Some(PiecesFile { open, ordered, failed, .. }) = Arc::into_inner(file) else { return };
        let writer = ordered.into_sink();
        if failed.load(Ordering::Relaxed) {
            self.give_up(open, writer, None, handle);
        } else {
            self.conclude(open, writer, Ok(None), handle);
        }
    }

    /// Inflates pieces until there are no more, or somebody failed.
    fn inflate_pieces(&mut self, file: &Arc<PiecesFile>, handle: &Handle<'_, Task<Helped>>) -> Result<()> {
        while !file.failed.load(Ordering::Relaxed) && !file.open.enough.is_said() {
            ask_for_help(&file.helpers, handle, || Helped::Pieces(Arc::clone(file)));
            // Both buffers first, the number after: else finished later pieces could hold the whole pool while this
            // one waits for a buffer.
            let [mut input, mut output] = self.shared.acquire(&file.open.source)?;
            let (sys, step) = (&mut self.worker.sys, self.shared.step());
            let mut cutter = file.cutter.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(chunk) = cutter.take(sys, &file.open, &mut input, step)? else { break };
            // A turn that is given up (a panic) ends the sequence, instead of holding up what is after it.
            let turn = file.ordered.turn(chunk.number);
            drop(cutter);
            let proven = self.pieces.inflate(&mut input, chunk.len, chunk.start, &mut output);
            let piece = Piece { input, len: chunk.len, start: chunk.start, output, proven };
            let mut result = Ok(());
            turn.submit(piece, |writer, piece| result = result.and(writer.take(&mut self.worker.sys, piece)));
            self.moved(&file.open, chunk.len);
            result.map_err(|failure| file.open.error(failure))?;
        }
        Ok(())
    }
}
