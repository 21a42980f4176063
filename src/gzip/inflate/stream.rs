//! A file by one worker that inflates it: in one piece, or one buffer after the other; also one that is passed through as
//! it is.
//!
//! A plain member must be inflated from its first byte to its last by one worker. In a pipeline others write what it
//! inflates. It makes the checksums itself, of bytes in its cache: for another core to fetch them costs more (measured). It
//! never waits for the others: while none of them is there or free, it does their part, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::inflation::{Inflation, SharedInflation};
use super::output::{Failure, Piece, Writer};
use super::route::Input;
use super::{Inflate, SharedFile};
use crate::codec::check::Segment;
use crate::codec::gunzip::{End, Gunzip, Step};
use crate::codec::piece::Position;
use crate::error::Result;
use crate::gzip::{FileWorker, Handle};
use crate::pool::PooledBuffer;
use crate::sys::Sys;

/// Bytes that are inflated before they are written. With fewer, the cores exchange more data (measured).
const FILL_BYTES: usize = 1024 * 1024;

/// Buffers that wait for a worker. One that is ready when the last is written keeps it busy; more only fill the cache.
const WAITING: usize = 2;

/// Parts of members in one buffer; a file of empty members must not fill the memory with what is known of them.
const SEGMENTS: usize = 4096;

/// A file being inflated by one worker while others write.
pub(super) type PipelineFile = SharedInflation<Filled, Pipeline>;

/// The queue from the worker that inflates to those that write.
pub(super) struct Pipeline {
    receiver: Receiver<Filled>,
    /// Workers that are there to take buffers.
    present: AtomicUsize,
}

/// Inflated bytes that are to be written.
pub(super) struct Filled {
    number: u64,
    output: PooledBuffer,
    len: usize,
    /// What is in them, by member.
    segments: Vec<Segment>,
}

/// What the worker of a pipeline that inflates works on.
struct StreamReader {
    gunzip: Box<Gunzip>,
    input: Input,
    /// Bytes of `input` that were inflated.
    consumed: usize,
}

impl FileWorker<Inflate> {
    /// Inflates a file that is in `input` as a whole.
    pub(super) fn in_one_piece(
        &mut self,
        inflation: &Inflation,
        writer: &mut Writer,
        Input { buffer: mut input, len, .. }: Input,
        mut output: PooledBuffer,
    ) -> Result<()> {
        let proven = self.inflate_piece(inflation, (&mut input, len, Position::Between), &mut output)?;
        let piece = Piece { input, len, start: Position::Between, output, proven };
        let taken = writer.take(&mut self.context.sys, piece);
        self.moved(inflation, len);
        taken.map_err(|failure| inflation.error(failure))
    }

    /// Inflates a file that begins with `input`, one buffer after the other.
    pub(super) fn stream(
        &mut self,
        inflation: &Inflation,
        writer: &mut Writer,
        input: Input,
        mut output: PooledBuffer,
    ) -> Result<()> {
        let (output, mut filled) = (&mut output[..FILL_BYTES], 0);
        self.each_input(inflation, input, |sys, bytes| writer.take_stream(sys, bytes, output, &mut filled))?;
        writer.flush(&mut self.context.sys, &output[..filled]).map_err(|failure| inflation.error(failure))
    }

    /// Passes a file through that begins with `input`.
    pub(super) fn copy(&mut self, inflation: &Inflation, writer: &mut Writer, input: Input) -> Result<()> {
        let _ = inflation.end.set(Ok(End::default()));
        self.each_input(inflation, input, |sys, bytes| writer.flush(sys, bytes))
    }

    /// Reads a file that begins with `input` as far as it is wanted, and lets `take` have its bytes.
    fn each_input(
        &mut self,
        inflation: &Inflation,
        mut input: Input,
        mut take: impl FnMut(&mut Sys, &[u8]) -> std::result::Result<(), Failure>,
    ) -> Result<()> {
        while input.len > 0 && !inflation.early_end.is_set() {
            take(&mut self.context.sys, input.bytes()).map_err(|failure| inflation.error(failure))?;
            self.moved(inflation, input.len);
            self.read_on(&inflation.source, &mut input)?;
        }
        Ok(())
    }

    /// Inflates a file that begins with `input`, while others write.
    pub(super) fn pipeline(
        &mut self,
        inflation: Inflation,
        writer: Writer,
        input: Input,
        output: PooledBuffer,
        handle: &mut Handle<'_, Inflate>,
    ) {
        let gunzip = Box::new(Gunzip::new(inflation.passes));
        let (sender, receiver) = bounded(WAITING);
        let pipeline = Pipeline { receiver, present: AtomicUsize::new(0) };
        let file = SharedInflation::new(inflation, writer, (self.job.threads - 1).min(WAITING), pipeline);
        let filled = self.fill_pipeline(&file, &sender, StreamReader { gunzip, input, consumed: 0 }, output, handle);
        drop(sender);
        // The others would take them; but two workers are done sooner.
        let done = filled.and_then(|()| {
            while let Ok(filled) = file.parts.receiver.try_recv() {
                self.deliver(&file, filled)?;
            }
            Ok(())
        });
        self.leave(file, done, handle);
    }

    pub(super) fn help_with_pipeline(&mut self, file: Arc<PipelineFile>, handle: &mut Handle<'_, Inflate>) {
        file.parts.present.fetch_add(1, Ordering::Relaxed);
        // To the end even after a failure: what stays in the queue would keep its buffers.
        while let Ok(filled) = file.parts.receiver.recv() {
            let delivered = self.deliver(&file, filled);
            self.context.check_shared(&file.helpers.failed, delivered);
        }
        self.leave(file, Ok(()), handle);
    }

    fn fill_pipeline(
        &mut self,
        file: &Arc<PipelineFile>,
        sender: &Sender<Filled>,
        mut reader: StreamReader,
        mut output: PooledBuffer,
        handle: &Handle<'_, Inflate>,
    ) -> Result<()> {
        let mut number = 0;
        while !file.helpers.have_failed() && !file.inflation.early_end.is_set() {
            file.helpers.ask(handle, || SharedFile::Pipeline(Arc::clone(file)));
            let mut segments = Vec::new();
            let (len, is_end) = self.fill(&file.inflation, &mut reader, &mut output[..FILL_BYTES], &mut segments)?;
            let filled = Filled { number, output, len, segments };
            number += 1;
            // With no buffer to go on with, this one is better written first.
            let is_taken = file.parts.present.load(Ordering::Relaxed) > 0;
            let next = if is_taken { self.job.pool.try_acquire() } else { None };
            let kept = match &next {
                Some(_) => sender.try_send(filled).err().map(TrySendError::into_inner),
                None => Some(filled),
            };
            kept.map_or(Ok(()), |filled| self.deliver(file, filled))?;
            if is_end {
                break;
            }
            let [buffer] = next.map_or_else(|| self.job.acquire(&file.inflation.source), Ok)?;
            output = buffer;
        }
        Ok(())
    }

    /// Inflates until `output` is full: how many bytes that is, and whether the file ends.
    fn fill(
        &mut self,
        inflation: &Inflation,
        reader: &mut StreamReader,
        output: &mut [u8],
        segments: &mut Vec<Segment>,
    ) -> Result<(usize, bool)> {
        let mut filled = 0;
        while filled < output.len() && segments.len() < SEGMENTS {
            let step = reader.gunzip.step(&reader.input.bytes()[reader.consumed..], &mut output[filled..]);
            let Step { consumed, produced, trailer, bgzf_size } = match step {
                Ok(step) => step,
                Err(damage) => {
                    let _ = inflation.end.set(Err(damage));
                    return Ok((filled, true));
                }
            };
            if produced > 0 || trailer.is_some() {
                let segment = Segment::of(&output[filled..filled + produced], trailer);
                segments.push(Segment { bgzf_size, ..segment });
            }
            reader.consumed += consumed;
            filled += produced;
            if consumed == 0 && produced == 0 {
                self.read_on(&inflation.source, &mut reader.input)?;
                if reader.input.len == 0 {
                    let rest = reader.gunzip.rest();
                    output[filled..filled + rest.len()].copy_from_slice(rest);
                    let _ = inflation.end.set(reader.gunzip.finish());
                    return Ok((filled + rest.len(), true));
                }
                reader.consumed = 0;
            }
            self.moved(inflation, consumed);
        }
        Ok((filled, false))
    }

    /// Writes what was inflated, in its turn.
    fn deliver(&mut self, file: &PipelineFile, filled: Filled) -> Result<()> {
        let turn = file.ordered.turn(filled.number);
        let mut result = Ok(());
        turn.submit(filled, |writer, Filled { output, len, segments, .. }| {
            result = result.and(writer.take_filled(&mut self.context.sys, &output[..len], &segments));
        });
        result.map_err(|failure| file.inflation.error(failure))
    }
}
