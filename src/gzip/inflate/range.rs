//! A range of the bytes that come out of a file: where reading begins for it, and the spans that an index names.
//!
//! With an index, reading begins at the span that it names. BGZF's members say how long they are: those before the range are
//! skipped, and not checked. In any other file reading begins at the start. In both these cases it ends after the range: members that end before
//! that are checked; that in which it ends is not, nor what follows.
//!
//! Spans are read by all workers: each is inflated and checked on its own, by what the index says, and written in its turn.
//! One that does not fit a buffer is inflated in its turn, and written as it comes: that it is not what the index says is
//! then known only at its end. Nothing of any other span is written before it was checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crc32fast::Hasher;

use super::index::{self, FoundIndex};
use super::inflation::{Inflation, SharedInflation};
use super::output::{Clip, Writer};
use super::{Inflate, SharedFile};
use crate::codec::cut::{SIZED_HEADER_BYTES, sized_member};
use crate::codec::gunzip::Gunzip;
use crate::codec::index::Recorder;
use crate::codec::index::Span;
use crate::codec::piece::{PROBE_BYTES, Position, SECRET_BYTES};
use crate::error::{Error, Quoted, Remedy, Result};
use crate::gzip::source::Source;
use crate::gzip::{FileWorker, Handle};
use crate::pool::PooledBuffer;

/// Bytes at the end of a member that tell how many come out of it.
const LENGTH_BYTES: usize = 4;

/// A file of which spans are read.
pub(super) type SpansFile = SharedInflation<ReadSpan, Spans>;

/// The spans of a file that are wanted.
pub(super) struct Spans {
    spans: Vec<Span>,
    /// The next one that no worker has taken.
    next: AtomicU64,
}

/// A span in its turn.
pub(super) struct ReadSpan {
    number: usize,
    input: PooledBuffer,
    output: PooledBuffer,
    /// It is in `output`, and what the index says.
    is_checked: bool,
}

impl FileWorker<Inflate> {
    /// Prepares a file for what is wanted of it: an index, some of its bytes, or both. Returns the spans that are to be
    /// read by an index, or `None` if it is to be read on from its current position.
    pub(super) fn prepare(&mut self, inflation: &mut Inflation, writer: &mut Writer) -> Result<Option<Vec<Span>>> {
        let (range, keeps_index) = (self.job.direction.plan.range, self.job.direction.plan.index);
        if let Some(range) = range {
            let wanted = range.bytes();
            if wanted.is_empty() && !keeps_index {
                return Ok(Some(Vec::new()));
            }
            let has_ranges = inflation.source.has_ranges();
            let found = if has_ranges { self.find_index(&inflation.source) } else { FoundIndex::Nothing };
            let early_end = Some(inflation.early_end.clone());
            writer.output.clip = Clip { wanted: wanted.clone(), early_end };
            match found {
                // With one span, reading from the start says the same, and need not go to the end.
                FoundIndex::Usable(index) if index.spans() == 1 => return Ok(None),
                FoundIndex::Usable(index) => {
                    let spans = index.covering(&wanted);
                    writer.output.passed = spans.first().map_or(0, |first| first.uncompressed.start);
                    return Ok(Some(spans));
                }
                FoundIndex::Unusable(error) if !keeps_index => {
                    let why = format!("{error}; doing without");
                    self.context.advise(inflation.source.path(), why, Remedy::NewIndex);
                }
                FoundIndex::Unusable(_) | FoundIndex::Nothing => {}
            }
            if !keeps_index {
                self.jump(inflation, writer, wanted.start)?;
                return Ok(None);
            }
            writer.output.clip = Clip { wanted, early_end: None };
        }
        if keeps_index {
            inflation.index = Some(self.begin_index(&inflation.source)?);
            writer.recorder = Some(Recorder::default());
        }
        Ok(None)
    }

    /// Goes to the member out of which byte `wanted` comes, or the last one before something that does not say its size.
    fn jump(&mut self, inflation: &Inflation, writer: &mut Writer, wanted: u64) -> Result<()> {
        let source = &inflation.source;
        if wanted == 0 || !source.has_ranges() {
            return Ok(());
        }
        let failed = |errno| Error::system("read", source.path(), errno);
        let (sys, step) = (&mut self.context.sys, self.job.step);
        // The end of a member and the header of the next; before the first there is none.
        let mut bytes = [0; LENGTH_BYTES + SIZED_HEADER_BYTES];
        let mut len =
            LENGTH_BYTES + sys.pread_full(&source.file, &mut bytes[LENGTH_BYTES..], 0, step).map_err(failed)?;
        let (mut at, mut passed) = (0, 0);
        let mut next = 0;
        let mut out = 0;
        while let Some(size) = sized_member(&bytes[LENGTH_BYTES..len.max(LENGTH_BYTES)]) {
            (at, passed) = (next, passed + out);
            sys.check_stop().map_err(failed)?;
            next += size as u64;
            len = sys.pread_full(&source.file, &mut bytes, next - LENGTH_BYTES as u64, step).map_err(failed)?;
            let length = bytes[..len].first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes)));
            match length {
                Some(length) if passed + length <= wanted => out = length,
                _ => break,
            }
        }
        writer.output.passed = passed;
        sys.seek_to(&source.file, at).map_err(failed)
    }

    /// Reads the spans of a file.
    pub(super) fn read_spans(
        &mut self,
        inflation: Inflation,
        writer: Writer,
        spans: Vec<Span>,
        handle: &mut Handle<'_, Inflate>,
    ) {
        let helpers = (self.job.threads - 1).min(spans.len().saturating_sub(1));
        let spans = Spans { spans, next: AtomicU64::new(0) };
        self.help_with_spans(SharedInflation::new(inflation, writer, helpers, spans), handle);
    }

    pub(super) fn help_with_spans(&mut self, file: Arc<SpansFile>, handle: &mut Handle<'_, Inflate>) {
        let done = self.inflate_spans(&file, handle);
        self.leave(file, done, handle);
    }

    fn inflate_spans(&mut self, file: &Arc<SpansFile>, handle: &Handle<'_, Inflate>) -> Result<()> {
        let remain = || file.parts.next.load(Ordering::Relaxed) < file.parts.spans.len() as u64;
        while remain() && !file.helpers.have_failed() {
            file.helpers.ask(handle, || SharedFile::Spans(Arc::clone(file)));
            // Both buffers before the number, as with pieces.
            let [mut input, mut output] = self.job.acquire(&file.inflation.source)?;
            let number = file.parts.next.fetch_add(1, Ordering::Relaxed);
            let Some(span) = file.parts.spans.get(number as usize) else { break };
            let turn = file.ordered.turn(number);
            let is_checked = self.inflate_span(file, span, &mut input, &mut output)?;
            let mut result = Ok(());
            turn.submit(ReadSpan { number: number as usize, input, output, is_checked }, |writer, read_span| {
                if result.is_ok() {
                    result = self.write_span(file, writer, read_span);
                }
            });
            result?;
        }
        Ok(())
    }

    /// Inflates a whole span into `output`; false if it does not fit, or is not proven to be what the index says.
    fn inflate_span(&mut self, file: &SpansFile, span: &Span, input: &mut [u8], output: &mut [u8]) -> Result<bool> {
        let len = span.compressed.end - span.compressed.start;
        let bytes = span.uncompressed.end - span.uncompressed.start;
        if len > (input.len() - PROBE_BYTES) as u64 || bytes > (output.len() - SECRET_BYTES) as u64 {
            return Ok(false);
        }
        let step = self.job.step;
        let part = &mut input[..len as usize];
        let sys = &mut self.context.sys;
        let read = sys.check_stop();
        let read = read.and_then(|()| sys.pread_full(&file.inflation.source.file, part, span.compressed.start, step));
        let read = read.map_err(|errno| Error::system("read", file.inflation.source.path(), errno))?;
        self.moved(&file.inflation, read);
        let proven = self.codec.inflate(input, read, span.start, output);
        let mut crc = Hasher::new();
        for segment in &proven.segments {
            crc.combine(&segment.crc);
        }
        Ok(proven.written as u64 == bytes && crc.finalize() == span.crc)
    }

    fn write_span(&mut self, file: &SpansFile, writer: &mut Writer, read_span: ReadSpan) -> Result<()> {
        let span = &file.parts.spans[read_span.number];
        if !read_span.is_checked {
            return self.inflate_in_order(file, span, writer, read_span);
        }
        let bytes = (span.uncompressed.end - span.uncompressed.start) as usize;
        let written = writer.flush(&mut self.context.sys, &read_span.output[..bytes]);
        written.map_err(|failure| file.inflation.error(failure))
    }

    /// Inflates a span one buffer after the other. The last of them, which may be the only one, is written only when all
    /// of it is what the index says.
    fn inflate_in_order(
        &mut self,
        file: &SpansFile,
        span: &Span,
        writer: &mut Writer,
        read_span: ReadSpan,
    ) -> Result<()> {
        let ReadSpan { mut input, mut output, .. } = read_span;
        let source = &file.inflation.source;
        let damaged = || damaged(source, span);
        let mut gunzip = Gunzip::default();
        if span.start == Position::Body {
            gunzip.resume_in_member(&[]).map_err(|_| damaged())?;
        }
        let (mut crc, mut filled) = (Hasher::new(), 0);
        let mut at = span.compressed.start;
        let mut left = span.uncompressed.end - span.uncompressed.start;
        while left > 0 {
            let room = (span.compressed.end - at).min(self.job.step.min(input.len()) as u64) as usize;
            let sys = &mut self.context.sys;
            let read = sys.check_stop().and_then(|()| sys.pread(&source.file, &mut input[..room], at));
            let read = read.map_err(|errno| Error::system("read", source.path(), errno))?;
            if read == 0 {
                return Err(damaged());
            }
            at += read as u64;
            self.moved(&file.inflation, read);
            let mut rest = &input[..read];
            while left > 0 {
                if filled == output.len() {
                    writer.flush(&mut self.context.sys, &output).map_err(|failure| file.inflation.error(failure))?;
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
        writer.flush(&mut self.context.sys, &output[..filled]).map_err(|failure| file.inflation.error(failure))
    }
}

/// The error of a span that is not what the index says.
fn damaged(source: &Source, span: &Span) -> Error {
    let why = format!(
        "what stands at byte {} is not what {} says: the file or that index is damaged; remove the index, and test the file",
        span.compressed.start,
        Quoted(&index::path(source))
    );
    Error::refused("decompress", source.path(), why)
}
