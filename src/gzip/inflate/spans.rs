//! The spans of a file that an index names, by all workers: each is read, inflated and checked on its own, and written in
//! its turn.
//!
//! A span that does not fit a buffer is inflated in its turn, and written as it comes: that it is not what the index says
//! is then known only at its end. Nothing of any other span is written before it was checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crc32fast::Hasher;

use super::finish::Open;
use super::indexing;
use super::writer::Writer;
use super::{Helped, Inflater};
use crate::codec::gunzip::Gunzip;
use crate::codec::index::Span;
use crate::codec::piece::{Place, SEAL_BYTES, SECRET_BYTES};
use crate::error::{Error, Quoted, Result};
use crate::gzip::files::{Task, ask_for_help};
use crate::pool::{Handle, Ordered, PooledBuffer};

/// Spans of a file. The last worker to give it up finishes it.
pub(super) struct SpansFile {
    pub(super) open: Open,
    spans: Vec<Span>,
    /// The next one that nobody has taken.
    next: AtomicU64,
    ordered: Ordered<Ready, Writer>,
    /// Workers that are still to be asked to help.
    helpers: AtomicUsize,
    failed: AtomicBool,
}

/// A span in its turn.
struct Ready {
    number: usize,
    input: PooledBuffer,
    output: PooledBuffer,
    /// It is in `output`, and what the index says.
    is_checked: bool,
}

impl SpansFile {
    pub(super) fn new(open: Open, writer: Writer, spans: Vec<Span>, threads: usize) -> Self {
        let helpers = AtomicUsize::new((threads - 1).min(spans.len().saturating_sub(1)));
        let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { open, spans, next, ordered: Ordered::new(writer), helpers, failed }
    }

    fn damaged(&self, span: &Span) -> Error {
        let index = indexing::path(&self.open.source);
        let why = format!(
            "what stands at byte {} is not what {} says: the file or that index is damaged; remove the index, and test \
             the file",
            span.compressed.start,
            Quoted(&index)
        );
        Error::refused("decompress", self.open.source.path(), why)
    }
}

impl Inflater {
    pub(super) fn help_with_spans(&mut self, file: Arc<SpansFile>, handle: &mut Handle<'_, Task<Helped>>) {
        let done = self.inflate_spans(&file, handle);
        self.worker.check_shared(&file.failed, done);
        let Some(SpansFile { open, ordered, failed, .. }) = Arc::into_inner(file) else { return };
        let writer = ordered.into_sink();
        if failed.load(Ordering::Relaxed) {
            self.give_up(open, writer, None, handle);
        } else {
            // Also where the range was after the end.
            open.enough.say();
            self.conclude(open, writer, Ok(None), handle);
        }
    }

    fn inflate_spans(&mut self, file: &Arc<SpansFile>, handle: &Handle<'_, Task<Helped>>) -> Result<()> {
        let remain = || file.next.load(Ordering::Relaxed) < file.spans.len() as u64;
        while remain() && !file.failed.load(Ordering::Relaxed) {
            ask_for_help(&file.helpers, handle, || Helped::Spans(Arc::clone(file)));
            // Both buffers first, the number after, as with pieces.
            let [mut input, mut output] = self.shared.acquire(&file.open.source)?;
            let number = file.next.fetch_add(1, Ordering::Relaxed);
            let Some(span) = file.spans.get(number as usize) else { break };
            let turn = file.ordered.turn(number);
            let is_checked = self.inflate_span(file, span, &mut input, &mut output)?;
            let mut result = Ok(());
            turn.submit(Ready { number: number as usize, input, output, is_checked }, |writer, ready| {
                if result.is_ok() {
                    result = self.write_span(file, writer, ready);
                }
            });
            result?;
        }
        Ok(())
    }

    /// Puts a span into `output` as a whole; false if it does not fit, or does not prove itself to be what the index says.
    fn inflate_span(&mut self, file: &SpansFile, span: &Span, input: &mut [u8], output: &mut [u8]) -> Result<bool> {
        let len = span.compressed.end - span.compressed.start;
        let bytes = span.uncompressed.end - span.uncompressed.start;
        if len > (input.len() - SEAL_BYTES) as u64 || bytes > (output.len() - SECRET_BYTES) as u64 {
            return Ok(false);
        }
        let step = self.shared.step();
        let part = &mut input[..len as usize];
        let sys = &mut self.worker.sys;
        let read = sys.check_stop();
        let read = read.and_then(|()| sys.pread_full(&file.open.source.file, part, span.compressed.start, step));
        let read = read.map_err(|errno| Error::system("read", file.open.source.path(), errno))?;
        self.moved(&file.open, read);
        let proven = self.pieces.inflate(input, read, span.place, output);
        let mut crc = Hasher::new();
        for segment in &proven.segments {
            crc.combine(&segment.crc);
        }
        Ok(proven.written as u64 == bytes && crc.finalize() == span.crc)
    }

    fn write_span(&mut self, file: &SpansFile, writer: &mut Writer, ready: Ready) -> Result<()> {
        let span = &file.spans[ready.number];
        if !ready.is_checked {
            return self.inflate_in_order(file, span, writer, ready);
        }
        let bytes = (span.uncompressed.end - span.uncompressed.start) as usize;
        let written = writer.flush(&mut self.worker.sys, &ready.output[..bytes]);
        written.map_err(|failure| file.open.error(failure))
    }

    /// Inflates a span one buffer after the other. The last of them, which may be the only one, is written only when all
    /// of it is what the index says.
    fn inflate_in_order(&mut self, file: &SpansFile, span: &Span, writer: &mut Writer, ready: Ready) -> Result<()> {
        let Ready { mut input, mut output, .. } = ready;
        let source = &file.open.source;
        let damaged = || file.damaged(span);
        let mut gunzip = Gunzip::default();
        if span.place == Place::Body {
            gunzip.resume_in_member(&[]).map_err(|_| damaged())?;
        }
        let (mut crc, mut filled) = (Hasher::new(), 0);
        let mut at = span.compressed.start;
        let mut left = span.uncompressed.end - span.uncompressed.start;
        while left > 0 {
            let room = (span.compressed.end - at).min(self.shared.step().min(input.len()) as u64) as usize;
            let sys = &mut self.worker.sys;
            let read = sys.check_stop().and_then(|()| sys.pread(&source.file, &mut input[..room], at));
            let read = read.map_err(|errno| Error::system("read", source.path(), errno))?;
            if read == 0 {
                return Err(damaged());
            }
            at += read as u64;
            self.moved(&file.open, read);
            let mut rest = &input[..read];
            while left > 0 {
                if filled == output.len() {
                    writer.flush(&mut self.worker.sys, &output).map_err(|failure| file.open.error(failure))?;
                    filled = 0;
                }
                let room = left.min((output.len() - filled) as u64) as usize;
                let step = gunzip.step(rest, &mut output[filled..filled + room]).map_err(|_| damaged())?;
                if step.consumed == 0 && step.produced == 0 {
                    break;
                }
                rest = &rest[step.consumed..];
                crc.update(&output[filled..filled + step.produced]);
                filled += step.produced;
                left -= step.produced as u64;
            }
        }
        if crc.finalize() != span.crc {
            return Err(damaged());
        }
        writer.flush(&mut self.worker.sys, &output[..filled]).map_err(|failure| file.open.error(failure))
    }
}
