//! A plain member, which must be inflated from its first byte to its last by one worker: others write, so that it does
//! not have to. The checksums it makes itself, of what is in its cache: for another core to fetch the bytes costs more
//! (measured).
//!
//! Who inflates never waits for the others: while none of them is there or free, it does their part itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use super::finish::Open;
use super::stream::FILL_BYTES;
use super::writer::Writer;
use super::{Helped, Inflater};
use crate::codec::check::{Damage, Segment};
use crate::codec::gunzip::{End, Gunzip, Step};
use crate::error::Result;
use crate::gzip::files::{Task, ask_for_help};
use crate::pool::{Handle, Ordered, PooledBuffer};

/// Buffers that wait for a worker. One that is ready when the last is written keeps it busy; more only fill the cache.
const WAITING: usize = 2;

/// Parts of members in one buffer; a file of empty ones must not fill the memory with what is known of them.
const SEGMENTS: usize = 4096;

/// A file being inflated by one worker. The last one to give it up finishes it.
pub(super) struct PipelineFile {
    pub(super) open: Open,
    ordered: Ordered<Filled, Writer>,
    /// Taken by the one who inflates; without it, the others end.
    sender: Mutex<Option<Sender<Filled>>>,
    receiver: Receiver<Filled>,
    /// Workers that are there to take buffers.
    present: AtomicUsize,
    /// How the file ended.
    end: OnceLock<std::result::Result<End, Damage>>,
    helpers: AtomicUsize,
    failed: AtomicBool,
}

/// Bytes that were inflated, to be written.
struct Filled {
    number: u64,
    output: PooledBuffer,
    len: usize,
    /// What is in them, by member.
    segments: Vec<Segment>,
}

/// What the worker that inflates has before it.
struct Pump {
    gunzip: Box<Gunzip>,
    input: PooledBuffer,
    /// Bytes of `input` that are still to be inflated.
    rest: std::ops::Range<usize>,
    /// There is nothing after them.
    whole: bool,
}

impl PipelineFile {
    pub(super) fn new(open: Open, writer: Writer, threads: usize) -> Self {
        let (sender, receiver) = bounded(WAITING);
        Self {
            open,
            ordered: Ordered::new(writer),
            sender: Mutex::new(Some(sender)),
            receiver,
            present: AtomicUsize::new(0),
            end: OnceLock::new(),
            helpers: AtomicUsize::new((threads - 1).min(WAITING)),
            failed: AtomicBool::new(false),
        }
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Inflater {
    /// Inflates a file of which `input` holds the first bytes, and all of it if that is so.
    pub(super) fn pump(
        &mut self,
        file: Arc<PipelineFile>,
        (input, len, whole): (PooledBuffer, usize, bool),
        output: PooledBuffer,
        handle: &mut Handle<'_, Task<Helped>>,
    ) {
        let sender = file.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        let gunzip = Box::new(Gunzip::new(file.open.passes));
        let pump = Pump { gunzip, input, rest: 0..len, whole };
        let pumped = self.pump_all(&file, sender.as_ref(), pump, output, handle);
        drop(sender);
        // Somebody is there to take them; but two are done sooner.
        let done = pumped.and_then(|()| self.deliver_waiting(&file));
        self.leave(file, done, handle);
    }

    pub(super) fn help_with_pipeline(&mut self, file: Arc<PipelineFile>, handle: &mut Handle<'_, Task<Helped>>) {
        file.present.fetch_add(1, Ordering::Relaxed);
        // To the end even after a failure: what nobody takes would keep its buffers.
        while let Ok(filled) = file.receiver.recv() {
            let delivered = self.deliver(&file, filled);
            self.worker.check_shared(&file.failed, delivered);
        }
        self.leave(file, Ok(()), handle);
    }

    fn leave(&mut self, file: Arc<PipelineFile>, done: Result<()>, handle: &mut Handle<'_, Task<Helped>>) {
        self.worker.check_shared(&file.failed, done);
        let Some(PipelineFile { open, ordered, failed, end, .. }) = Arc::into_inner(file) else { return };
        let writer = ordered.into_sink();
        if failed.load(Ordering::Relaxed) {
            self.give_up(open, writer, None, handle);
        } else {
            self.conclude(open, writer, Ok(end.into_inner()), handle);
        }
    }

    fn pump_all(
        &mut self,
        file: &Arc<PipelineFile>,
        sender: Option<&Sender<Filled>>,
        mut pump: Pump,
        mut output: PooledBuffer,
        handle: &Handle<'_, Task<Helped>>,
    ) -> Result<()> {
        let mut number = 0;
        while !file.has_failed() && !file.open.enough.is_said() {
            ask_for_help(&file.helpers, handle, || Helped::Pipeline(Arc::clone(file)));
            let mut segments = Vec::new();
            let (len, end) = self.fill(file, &mut pump, &mut output[..FILL_BYTES], &mut segments)?;
            let filled = Filled { number, output, len, segments };
            number += 1;
            // With no buffer to go on with, this one is better brought out first.
            let next = if file.present.load(Ordering::Relaxed) > 0 { self.shared.pool.try_acquire() } else { None };
            let kept = match (sender, &next) {
                (Some(sender), Some(_)) => sender.try_send(filled).err().map(TrySendError::into_inner),
                _ => Some(filled),
            };
            kept.map_or(Ok(()), |filled| self.deliver(file, filled))?;
            if let Some(end) = end {
                let _ = file.end.set(end);
                break;
            }
            let [buffer] = next.map_or_else(|| self.shared.acquire(&file.open.source), Ok)?;
            output = buffer;
        }
        Ok(())
    }

    /// Inflates until `output` is full: how many bytes that is, and how the file ends if it does.
    #[allow(clippy::type_complexity, reason = "a count, and perhaps an end")]
    fn fill(
        &mut self,
        file: &PipelineFile,
        pump: &mut Pump,
        output: &mut [u8],
        segments: &mut Vec<Segment>,
    ) -> Result<(usize, Option<std::result::Result<End, Damage>>)> {
        let mut filled = 0;
        while filled < output.len() && segments.len() < SEGMENTS {
            let step = pump.gunzip.step(&pump.input[pump.rest.clone()], &mut output[filled..]);
            let Step { consumed, produced, trailer, bgzf_size } = match step {
                Ok(step) => step,
                Err(damage) => return Ok((filled, Some(Err(damage)))),
            };
            if produced > 0 || trailer.is_some() {
                let segment = Segment::of(&output[filled..filled + produced], trailer);
                segments.push(Segment { bgzf_size, ..segment });
            }
            pump.rest.start += consumed;
            filled += produced;
            if consumed == 0 && produced == 0 {
                let count = if pump.whole { 0 } else { self.read_on(&file.open, &mut pump.input)? };
                if count == 0 {
                    let rest = pump.gunzip.rest();
                    output[filled..filled + rest.len()].copy_from_slice(rest);
                    return Ok((filled + rest.len(), Some(pump.gunzip.finish())));
                }
                pump.rest = 0..count;
            }
            self.moved(&file.open, consumed);
        }
        Ok((filled, None))
    }

    /// Writes what was inflated, in its turn.
    fn deliver(&mut self, file: &PipelineFile, filled: Filled) -> Result<()> {
        let turn = file.ordered.turn(filled.number);
        let mut result = Ok(());
        turn.submit(filled, |writer, Filled { output, len, segments, .. }| {
            result = result.and(writer.take_filled(&mut self.worker.sys, &output[..len], &segments));
        });
        result.map_err(|failure| file.open.error(failure))
    }

    fn deliver_waiting(&mut self, file: &PipelineFile) -> Result<()> {
        while let Ok(filled) = file.receiver.try_recv() {
            self.deliver(file, filled)?;
        }
        Ok(())
    }
}
