//! The bytes of a file: whole by one worker, or by ranges that several take from a counter.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::sides::FileCopy;
use super::{Copier, Shared, Task};
use crate::engine::read_write::{ReadWrite, copy_stream};
use crate::engine::sparse::{copy_data, copy_making_holes};
use crate::engine::{self, Copied, Engine, EngineError, Ladder, Pair, Progress, Route};
use crate::error::{Error, Result};
use crate::plan::When;
use crate::pool::{Handle, PoolError, PooledBuffer};
use crate::sys::Sys;

/// Bytes that a worker takes of a large file at a time: two workers gain a fifth on one file, and the bar moves.
const RANGE_BYTES: u64 = 1 << 20;
/// A file of at least this many bytes is worth a second worker.
const SPLIT_BYTES: u64 = 4 * RANGE_BYTES;

/// A large file whose ranges are there for the taking.
pub(super) struct Split {
    copy: FileCopy,
    ladder: Ladder,
    range_bytes: u64,
    next: AtomicU64,
    copied: AtomicU64,
    /// How the first range was copied.
    route: OnceLock<Route>,
    /// Somebody failed and said so; the others need not go on.
    failed: AtomicBool,
}

/// What came of a file's content.
pub(super) struct Whole {
    /// Bytes in the target.
    pub(super) bytes: u64,
    /// The source changed meanwhile: what to say of that.
    pub(super) changed: Option<Error>,
}

impl Copier {
    /// Copies the content of a file, with others' help if it is large, and finishes it.
    pub(super) fn copy_content(&mut self, copy: FileCopy, handle: &mut Handle<'_, Task>) {
        let ladder = match self.begin_content(&copy) {
            Ok(engine::Whole::ByRanges(ladder)) => ladder,
            Ok(engine::Whole::Done(copied)) => return self.finish_file(copy, Ok(copied), handle),
            Err(error) => return self.finish_file(copy, Err(error), handle),
        };
        let range_bytes = self.range_bytes(ladder);
        if copy.is_stream() || copy.attributes.size < SPLIT_BYTES.max(2 * range_bytes) {
            let copied = self.copy_whole(&copy, ladder);
            return self.finish_file(copy, copied, handle);
        }
        self.was_large = true;
        let (next, copied, route) = (AtomicU64::new(0), AtomicU64::new(0), OnceLock::new());
        let split = Arc::new(Split { copy, ladder, range_bytes, next, copied, route, failed: AtomicBool::new(false) });
        for _ in 1..self.shared.threads {
            if handle.try_offer(Task::Ranges(Arc::clone(&split))).is_err() {
                break;
            }
        }
        self.ranges(&split);
        self.leave_split(split, handle);
    }

    /// Copies a file in one go where that can be done; else says how to copy it, and gives a target with holes its
    /// length, so that what is not written stays a hole.
    fn begin_content(&mut self, copy: &FileCopy) -> Result<engine::Whole> {
        let plan = &self.shared.plan;
        let volume = &copy.open.directory.volume;
        let alone = self.shared.step.is_none() && (self.shared.threads == 1 || copy.attributes.size < SPLIT_BYTES);
        let ladder = if plan.engine_is_wish { Ladder::wished } else { Ladder::new };
        let ladder = ladder(plan.engine, plan.reflink, &copy.attributes, volume, alone);
        if copy.is_stream() {
            return Ok(engine::Whole::ByRanges(ladder));
        }
        let pair = copy.pair();
        let holes = copy.holes(plan.sparse);
        if holes != Holes::Made {
            let whole = ladder.try_whole(&mut self.station.sys, pair, copy.attributes.size, volume);
            let whole = whole.map_err(|error| copy.error(error))?;
            if let engine::Whole::Done(copied) = whole {
                self.station.moved(copied.bytes);
            }
            if holes == Holes::None || matches!(whole, engine::Whole::Done(_)) {
                return Ok(whole);
            }
        }
        let sized = self.station.sys.ftruncate(&copy.target, copy.attributes.size);
        sized.map_err(|errno| Error::system("size", copy.target_path(), errno))?;
        Ok(engine::Whole::ByRanges(ladder))
    }

    /// Ranges are whole numbers of buffers, so that splitting adds no short read.
    fn range_bytes(&self, ladder: Ladder) -> u64 {
        let step = self.shared.step.unwrap_or_else(|| ladder.first().default_step()) as u64;
        RANGE_BYTES.div_ceil(step) * step
    }

    /// Copies all of a file.
    fn copy_whole(&mut self, copy: &FileCopy, ladder: Ladder) -> Result<Copied> {
        let stream = copy.is_stream();
        let [mut buffer] = self.buffers(stream || ladder.needs_buffer(), copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let sys = &mut self.station.sys;
        let copied = if stream {
            copy_stream(sys, &copy.source, &copy.target, buffer)
        } else {
            copy.copy_range(sys, &self.shared, ladder, 0..copy.attributes.size, buffer)
        };
        let copied = copied.map_err(|error| copy.error(error))?;
        self.station.moved(copied.bytes);
        Ok(copied)
    }

    /// Takes ranges of a large file and copies them until none is left.
    pub(super) fn ranges(&mut self, split: &Split) {
        self.writes_to(&split.copy.open.directory);
        let buffer = self.buffers(split.ladder.needs_buffer(), &split.copy);
        let Some([mut buffer]) = self.station.check(buffer) else {
            split.failed.store(true, Ordering::Relaxed);
            return;
        };
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let shared = Arc::clone(&self.shared);
        while !split.failed.load(Ordering::Relaxed) {
            let start = split.next.fetch_add(split.range_bytes, Ordering::Relaxed);
            if start >= split.copy.attributes.size {
                break;
            }
            let range = start..(start + split.range_bytes).min(split.copy.attributes.size);
            let copied = split.copy.copy_range(&mut self.station.sys, &shared, split.ladder, range, buffer);
            let done = copied.map_err(|error| split.copy.error(error)).map(|copied| {
                split.copied.fetch_add(copied.bytes, Ordering::Relaxed);
                split.route.get_or_init(|| copied.route);
                self.station.moved(copied.bytes);
            });
            self.station.check_shared(&split.failed, done);
        }
    }

    /// Gives up a hold on a large file; the last to do so finishes it.
    pub(super) fn leave_split(&mut self, split: Arc<Split>, handle: &mut Handle<'_, Task>) {
        let Some(split) = Arc::into_inner(split) else { return };
        if split.failed.into_inner() {
            return self.abandon(split.copy, handle);
        }
        let route = split.route.into_inner().unwrap_or_else(|| split.ladder.route());
        let copied = Copied { bytes: split.copied.into_inner(), route };
        self.finish_file(split.copy, Ok(copied), handle);
    }

    /// The same for a job that ends early: nobody finishes the file.
    pub(super) fn abandon_split(&mut self, split: Arc<Split>, handle: &mut Handle<'_, Task>) {
        if let Some(split) = Arc::into_inner(split) {
            self.abandon(split.copy, handle);
        }
    }

    pub(super) fn buffers<const N: usize>(
        &mut self,
        needed: bool,
        copy: &FileCopy,
    ) -> Result<[Option<PooledBuffer>; N]> {
        if !needed {
            return Ok([const { None }; N]);
        }
        let acquired = self.shared.pool.acquire::<N>();
        let why = |error: PoolError| Error::refused("get a buffer for", copy.source_path(), error.to_string());
        acquired.map(|buffers| buffers.map(Some)).map_err(why)
    }

    /// What was copied must be what the file was, from the first byte to the last. One that changed is read to its end
    /// all the same: to where that was when the change was seen, or a log that grows faster than we read had none.
    pub(super) fn check_source(&mut self, copy: &FileCopy, copied: u64) -> Result<Whole> {
        let now = self.station.sys.fstat(&copy.source);
        let now = now.map_err(|errno| Error::system("examine", copy.source_path(), errno))?;
        let before = &copy.attributes;
        if (now.size, now.mtime) == (before.size, before.mtime) {
            self.check_end(copy, copied)?;
            return Ok(Whole { bytes: copied, changed: None });
        }
        let mut bytes = copied;
        if !copy.is_stream() {
            bytes = self.copy_grown(copy, copied.min(before.size)..now.size)?;
        }
        let then = if copy.place.replaces() { "what was there before stays" } else { "the target is what was read" };
        let sizes = format!("{} bytes before, {} after", before.size, now.size);
        let why = format!("it changed while it was copied ({sizes}); {then}");
        Ok(Whole { bytes, changed: Some(Error::refused("rely on the copy of", copy.source_path(), why)) })
    }

    /// Copies what was appended meanwhile; cuts the target where its source ends now.
    fn copy_grown(&mut self, copy: &FileCopy, appended: Range<u64>) -> Result<u64> {
        let [mut buffer] = self.buffers(true, copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let (sys, step) = (&mut self.station.sys, buffer.len());
        let mut end = appended.end;
        if !appended.is_empty() {
            let Progress { copied, .. } = ReadWrite
                .copy_range(sys, copy.pair(), appended.clone(), step, buffer)
                .map_err(|error| copy.error(error))?;
            end = appended.start + copied;
        }
        let cut = sys.ftruncate(&copy.target, end);
        cut.map_err(|errno| Error::system("size", copy.target_path(), errno))?;
        Ok(end)
    }

    /// Files of `/sys` say 4096 and hold less: a read tells whether a short copy ends where the file does. With holes
    /// the target got its length before its data, and is cut.
    fn check_end(&mut self, copy: &FileCopy, copied: u64) -> Result<()> {
        if copied >= copy.attributes.size || copy.is_stream() {
            return Ok(());
        }
        let sys = &mut self.station.sys;
        let more = sys.pread(&copy.source, &mut [0], copied);
        if more.map_err(|errno| Error::system("read", copy.source_path(), errno))? > 0 {
            let why = format!("only {copied} of its {} bytes were copied", copy.attributes.size);
            return Err(Error::refused("copy", copy.source_path(), why));
        }
        let has_length = copy.holes(self.shared.plan.sparse) != Holes::None;
        let cut = if has_length { sys.ftruncate(&copy.target, copied) } else { Ok(()) };
        cut.map_err(|errno| Error::system("size", copy.target_path(), errno))
    }
}

/// What becomes of holes, and of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holes {
    /// Every byte is written.
    None,
    /// Holes of the source stay holes.
    Kept,
    /// Pages of zeros become holes, too.
    Made,
}

impl FileCopy {
    pub(super) const fn pair(&self) -> Pair<'_> {
        Pair { source: &self.source, target: &self.target }
    }

    fn holes(&self, sparse: When) -> Holes {
        match sparse {
            When::Always => Holes::Made,
            When::Auto if self.attributes.has_holes() => Holes::Kept,
            When::Auto | When::Never => Holes::None,
        }
    }

    /// Copies a range of it.
    fn copy_range(
        &self,
        sys: &mut Sys,
        shared: &Shared,
        ladder: Ladder,
        range: Range<u64>,
        buffer: &mut [u8],
    ) -> std::result::Result<Copied, EngineError> {
        match self.holes(shared.plan.sparse) {
            Holes::None => ladder.copy_range(sys, self.pair(), range, shared.step, buffer),
            Holes::Kept => copy_data(sys, ladder, self.pair(), range, shared.step, buffer),
            Holes::Made => copy_making_holes(sys, self.pair(), range, buffer.len(), buffer),
        }
    }
}
