//! The bytes of a file: whole by one worker, or by pieces that several take from one cursor.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::sides::{FileCopy, TargetPlace};
use super::{Copier, Shared, Task};
use crate::engine::read_write::{ReadWrite, copy_stream};
use crate::engine::sparse::copy_making_holes;
use crate::engine::{self, Copied, Engine, EngineError, Ladder, Pair, Pieces, Progress, Route};
use crate::error::{Error, Result};
use crate::plan::{EngineName, When};
use crate::pool::{Handle, PoolError, PooledBuffer};
use crate::sys::Sys;

/// Bytes that a worker takes of a large file at a time: two workers gain a fifth on one file, and the bar moves.
const RANGE_BYTES: u64 = 1 << 20;
/// A file of at least this many bytes is worth a second worker.
const SPLIT_BYTES: u64 = 4 * RANGE_BYTES;

/// A large file whose pieces are there for the taking.
pub(super) struct Split {
    copy: FileCopy,
    parts: Parts,
}

/// What is left of a file, and how it is copied.
struct Parts {
    ladder: Ladder,
    pieces: Pieces,
    /// How the first piece was copied.
    route: OnceLock<Route>,
    /// Somebody failed and said so; the others need not go on.
    failed: AtomicBool,
}

impl Copier {
    /// Copies the content of a file, with others' help if it is large, and finishes it.
    pub(super) fn copy_content(&mut self, copy: FileCopy, handle: &mut Handle<'_, Task>) {
        if copy.is_stream() {
            let copied = self.copy_as_stream(&copy);
            return self.finish_file(copy, copied, handle);
        }
        let ladder = match self.begin_content(&copy) {
            Ok(engine::Whole::ByRanges(ladder)) => ladder,
            Ok(engine::Whole::Done(copied)) => return self.finish_file(copy, Ok(copied), handle),
            Err(error) => return self.finish_file(copy, Err(error), handle),
        };
        let range_bytes = self.range_bytes(ladder);
        if copy.attributes.size < SPLIT_BYTES.max(2 * range_bytes) {
            let parts = self.parts(&copy, ladder, u64::MAX);
            let copied = self.copy_pieces(&copy, &parts).and_then(|()| self.end_content(&copy, &parts));
            return self.finish_file(copy, copied, handle);
        }
        self.was_large = true;
        let parts = self.parts(&copy, ladder, range_bytes);
        let split = Arc::new(Split { copy, parts });
        for _ in 1..self.shared.threads {
            if handle.try_offer(Task::Ranges(Arc::clone(&split))).is_err() {
                break;
            }
        }
        self.ranges(&split);
        self.leave_split(split, handle);
    }

    /// Copies a file in one go where that can be done; else says how to copy it.
    fn begin_content(&mut self, copy: &FileCopy) -> Result<engine::Whole> {
        let plan = &self.shared.plan;
        let volume = &copy.open.directory.volume;
        let alone = self.shared.step.is_none() && (self.shared.threads == 1 || copy.attributes.size < SPLIT_BYTES);
        let ladder = if plan.engine_is_preference { Ladder::preferring } else { Ladder::new };
        let ladder = ladder(plan.engine, plan.reflink, &copy.attributes, volume, alone);
        if copy.holes(plan.sparse) == Holes::Made {
            return Ok(engine::Whole::ByRanges(ladder));
        }
        let whole = ladder.try_whole(&mut self.worker.sys, copy.pair(), copy.attributes.size, volume);
        let whole = whole.map_err(|error| copy.error(error))?;
        if let engine::Whole::Done(copied) = whole {
            self.worker.moved(copied.bytes);
        }
        Ok(whole)
    }

    /// Ranges are whole numbers of buffers, so that splitting adds no short read.
    fn range_bytes(&self, ladder: Ladder) -> u64 {
        let step = self.shared.step.unwrap_or_else(|| ladder.first().default_step()) as u64;
        RANGE_BYTES.div_ceil(step) * step
    }

    /// All of a file, in pieces of at most this many bytes.
    fn parts(&self, copy: &FileCopy, ladder: Ladder, most: u64) -> Parts {
        let size = copy.attributes.size;
        let pieces = match copy.holes(self.shared.plan.sparse) {
            Holes::Kept | Holes::Made if copy.attributes.has_holes() => Pieces::data(size, most),
            _ => Pieces::all(size, most),
        };
        Parts { ladder, pieces, route: OnceLock::new(), failed: AtomicBool::new(false) }
    }

    /// Copies all of a file from one position to the other.
    fn copy_as_stream(&mut self, copy: &FileCopy) -> Result<Copied> {
        let [mut buffer] = self.buffers(true, copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let copied = copy_stream(&mut self.worker.sys, &copy.source, &copy.target, buffer);
        let copied = copied.map_err(|error| copy.error(error))?;
        self.worker.moved(copied.bytes);
        Ok(copied)
    }

    /// Takes pieces of a file and copies them until none is left, or somebody failed.
    fn copy_pieces(&mut self, copy: &FileCopy, parts: &Parts) -> Result<()> {
        self.writes_to(&copy.open.directory);
        if let TargetPlace::InPlace { owner, .. } = copy.place {
            self.worker.writes_for(owner);
        }
        let is_true = self.worker.sys.has_true_size(&copy.source, copy.attributes.dev);
        let [mut buffer] = self.buffers(parts.ladder.needs_buffer() || !is_true, copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let shared = Arc::clone(&self.shared);
        let mut batch = std::mem::take(&mut self.batch);
        while !parts.failed.load(Ordering::Relaxed) {
            let sys = &mut self.worker.sys;
            let taken = parts.pieces.take(sys, &copy.source, &mut batch);
            let mut dealt_with = taken.map_err(|error| copy.error(error))?;
            for piece in &batch {
                let sys = &mut self.worker.sys;
                let copied = if !is_true && parts.is_past_the_end(sys, copy, piece) {
                    copy.copy_by_reading(sys, piece.clone(), buffer)
                } else {
                    copy.copy_range(sys, &shared, parts.ladder, piece.clone(), buffer)
                };
                let copied = copied.map_err(|error| copy.error(error))?;
                parts.route.get_or_init(|| copied.route);
                let wanted = piece.end - piece.start;
                if copied.bytes < wanted {
                    parts.pieces.end_at(piece.start + copied.bytes);
                    dealt_with = dealt_with.saturating_sub(wanted - copied.bytes);
                }
            }
            self.worker.moved(dealt_with);
            if batch.is_empty() {
                break;
            }
        }
        self.batch = batch;
        Ok(())
    }

    /// All pieces of a file are copied: gives a target that ends with a hole its length.
    fn end_content(&mut self, copy: &FileCopy, parts: &Parts) -> Result<Copied> {
        let (mut end, reached) = (parts.pieces.end(), parts.pieces.reached());
        let holes = copy.holes(self.shared.plan.sparse);
        if holes == Holes::Made || (holes == Holes::Kept && reached != end) {
            let sys = &mut self.worker.sys;
            // A hole at the end of what a file says it holds is one only if something can be read there.
            if reached < end
                && !sys.has_true_size(&copy.source, copy.attributes.dev)
                && sys.pread(&copy.source, &mut [0], end - 1) == Ok(0)
            {
                end = reached;
            }
            let sized = sys.ftruncate(&copy.target, end);
            sized.map_err(|errno| Error::system("size", copy.target_path(), errno))?;
        }
        Ok(Copied { bytes: end, route: parts.route.get().copied().unwrap_or_else(|| parts.ladder.route()) })
    }

    /// Takes pieces of a large file and copies them until none is left.
    pub(super) fn ranges(&mut self, split: &Split) {
        let done = self.copy_pieces(&split.copy, &split.parts);
        self.worker.check_shared(&split.parts.failed, done);
    }

    /// Gives up a hold on a large file; the last to do so finishes it.
    pub(super) fn leave_split(&mut self, split: Arc<Split>, handle: &mut Handle<'_, Task>) {
        let Some(Split { copy, parts }) = Arc::into_inner(split) else { return };
        if parts.failed.load(Ordering::Relaxed) {
            return self.abandon(copy, handle);
        }
        let copied = self.end_content(&copy, &parts);
        self.finish_file(copy, copied, handle);
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
}

impl Parts {
    /// Whether a map would make up zeros for what a file says it holds in a piece and does not.
    fn is_past_the_end(&self, sys: &mut Sys, copy: &FileCopy, piece: &Range<u64>) -> bool {
        self.ladder.first().name() == EngineName::Mmap
            && piece.end > piece.start
            && sys.pread(&copy.source, &mut [0], piece.end - 1) == Ok(0)
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
            Holes::None | Holes::Kept => ladder.copy_range(sys, self.pair(), range, shared.step, buffer),
            Holes::Made => copy_making_holes(sys, self.pair(), range, buffer.len(), buffer),
        }
    }

    /// Copies a range of it, as far as there is any, whatever the plan says of engines.
    pub(super) fn copy_by_reading(
        &self,
        sys: &mut Sys,
        range: Range<u64>,
        buffer: &mut [u8],
    ) -> std::result::Result<Copied, EngineError> {
        let Progress { copied, .. } = ReadWrite.copy_range(sys, self.pair(), range, buffer.len(), buffer)?;
        Ok(Copied { bytes: copied, route: Route::straight(EngineName::ReadWrite) })
    }
}
