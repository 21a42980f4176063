//! The bytes of a file: copied by one worker, or in pieces that several take from one cursor; and checked, that all are there,
//! that the source did not change meanwhile, and with `--verify` that they can be read back.
//!
//! A size is not believed where a file system may say what it likes: such a file is read on from there to its end.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::Copier;
use super::file_copy::{FileCopy, TargetKind};
use super::processes::copy_piece;
use super::shared::Shared;
use crate::engine::compare::{Compared, compare, let_go_of_cache};
use crate::engine::read_write::{ReadWrite, copy_stream};
use crate::engine::sparse::copy_making_holes;
use crate::engine::{self, Copied, Engine, EngineError, Ladder, Pair, Pieces, Progress, Route};
use crate::error::{Error, Remedy, Result};
use crate::plan::{EngineName, SchedulerName, When};
use crate::pool::{PoolError, PooledBuffer};
use crate::sys::{FileKind, Sys};

/// Bytes that a worker takes of a large file at a time: two workers gain a fifth on one file, and the bar moves.
const RANGE_BYTES: u64 = 1 << 20;
/// A file of at least this many bytes is worth a second worker.
const SPLIT_BYTES: u64 = 4 * RANGE_BYTES;

/// How a file's content is copied.
#[expect(clippy::large_enum_variant, reason = "it is matched at once, and a box would be an allocation for each file")]
pub(super) enum Content {
    /// By one worker, who has done it or failed.
    Copied(FileCopy, Result<Copied>),
    /// In ranges that are there for the taking.
    Shared(Arc<RangeCopy>),
}

/// A file whose ranges are copied by whoever takes them.
pub(super) struct RangeCopy {
    copy: FileCopy,
    holes: Holes,
    ladder: Ladder,
    pieces: Pieces,
    /// How the first piece was copied.
    route: OnceLock<Route>,
    /// Somebody has what it takes to copy pieces, and goes on until none is left or one fails.
    begun: AtomicBool,
    /// Somebody failed and said so; the others need not go on.
    failed: AtomicBool,
}

/// Copies the content of a file, unless it is large enough for others to help.
pub(super) fn copy_content(copier: &mut Copier, copy: FileCopy) -> Content {
    if copy.is_stream() {
        let outcome = copy_as_stream(copier, &copy);
        return Content::Copied(copy, outcome);
    }
    let holes = Holes::of(&copy, copier.shared.plan.sparse);
    let ladder = match try_whole(copier, &copy, holes) {
        Ok(engine::Whole::ByRanges(ladder)) => ladder,
        Ok(engine::Whole::Done(done)) => return Content::Copied(copy, Ok(done)),
        Err(error) => return Content::Copied(copy, Err(error)),
    };
    // Ranges are whole numbers of buffers, so that splitting adds no short read.
    let step = copier.shared.step.unwrap_or_else(|| ladder.first().default_step()) as u64;
    let range_bytes = RANGE_BYTES.div_ceil(step) * step;
    if copy.attributes.size < SPLIT_BYTES.max(2 * range_bytes) {
        let ranges = RangeCopy::new(copy, holes, ladder, u64::MAX);
        let outcome = ranges.copy_ranges(copier).and_then(|()| ranges.end(copier));
        return Content::Copied(ranges.copy, outcome);
    }
    copier.was_large = true;
    Content::Shared(Arc::new(RangeCopy::new(copy, holes, ladder, range_bytes)))
}

/// Copies a file in one go where that can be done; else says how to copy it.
fn try_whole(copier: &mut Copier, copy: &FileCopy, holes: Holes) -> Result<engine::Whole> {
    let Shared { plan, step, threads, .. } = &*copier.shared;
    let volume = &copy.entry.open.directory.volume;
    // In an event loop a call that copies by itself would hold up all other files.
    let has_threads = plan.resources.scheduler != SchedulerName::Uring;
    let alone = step.is_none() && has_threads && (*threads == 1 || copy.attributes.size < SPLIT_BYTES);
    let ladder = if plan.engine_is_preference { Ladder::preferring } else { Ladder::new };
    let ladder = ladder(plan.engine, plan.reflink, &copy.attributes, volume, alone);
    if holes == Holes::Made {
        return Ok(engine::Whole::ByRanges(ladder));
    }
    let whole = ladder.try_whole(&mut copier.worker.sys, copy.pair(), copy.attributes.size, volume);
    let whole = whole.map_err(|error| copy.error(error))?;
    if let engine::Whole::Done(done) = whole {
        copier.worker.moved(done.bytes);
    }
    Ok(whole)
}

/// Copies all of a file from one position to the other.
fn copy_as_stream(copier: &mut Copier, copy: &FileCopy) -> Result<Copied> {
    let [mut buffer] = buffers(&copier.shared, true, copy)?;
    let buffer = buffer.as_deref_mut().unwrap_or_default();
    let done = copy_stream(&mut copier.worker.sys, &copy.source, &copy.target.file, buffer);
    let done = done.map_err(|error| copy.error(error))?;
    copier.worker.moved(done.bytes);
    Ok(done)
}

impl RangeCopy {
    /// All of a file, in ranges of at most this many bytes.
    fn new(copy: FileCopy, holes: Holes, ladder: Ladder, most: u64) -> Self {
        let size = copy.attributes.size;
        let skips_holes = holes != Holes::None && copy.attributes.has_holes();
        let pieces = if skips_holes { Pieces::data(size, most) } else { Pieces::all(size, most) };
        let (begun, failed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { copy, holes, ladder, pieces, route: OnceLock::new(), begun, failed }
    }

    /// Takes ranges of a file that others copy, too, until none is left. Who waits in vain for a buffer leaves the file to
    /// one who has begun: a buffer is held until all of a file is copied, however long that takes.
    pub(super) fn help(&self, copier: &mut Copier) {
        let done = self.copy_ranges(copier);
        let is_left_to_others =
            |error: &Error| error.remedy() == Some(Remedy::MoreBuffers) && self.begun.load(Ordering::Relaxed);
        let done = if done.as_ref().is_err_and(is_left_to_others) { Ok(()) } else { done };
        copier.worker.check_shared(&self.failed, done);
    }

    /// All ranges are taken, and nobody else holds the file: says how it ended; `None` for a failure that was reported.
    pub(super) fn into_ended(self, copier: &mut Copier) -> (FileCopy, Option<Result<Copied>>) {
        let failed = self.failed.load(Ordering::Relaxed);
        let outcome = (!failed).then(|| self.end(copier));
        (self.copy, outcome)
    }

    /// The file, which nobody finishes.
    pub(super) fn into_copy(self) -> FileCopy {
        self.copy
    }

    /// Takes ranges and copies them until none is left, or somebody failed.
    fn copy_ranges(&self, copier: &mut Copier) -> Result<()> {
        let copy = &self.copy;
        copier.writes_to(&copy.entry.open.directory);
        if let TargetKind::InPlace { owner, .. } = copy.target.kind {
            copier.worker.writes_for(owner);
        }
        let Copier { worker, shared, batch, .. } = copier;
        let is_true_size = worker.sys.has_true_size(&copy.source, copy.attributes.dev);
        worker.sys.read_by_ring(is_true_size);
        let how = PieceCopy { ladder: &self.ladder, holes: self.holes, is_true_size, step: shared.step };
        let needs_buffer = self.ladder.needs_buffer() || !is_true_size;
        let buffer_bytes = if needs_buffer { shared.pool.buffer_bytes() } else { 0 };
        let [mut buffer] = buffers(shared, needs_buffer && worker.process.is_none(), copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        self.begun.store(true, Ordering::Relaxed);
        let failed = |error| copy.error(error);
        while !self.failed.load(Ordering::Relaxed) {
            let taken = self.pieces.take(&mut worker.sys, &copy.source, batch);
            let mut dealt_with = taken.map_err(failed)?;
            for piece in &*batch {
                let sys = &mut worker.sys;
                let done = match &mut worker.process {
                    Some(process) => copy_piece(process, sys, copy, &how, (piece.clone(), buffer_bytes))?,
                    None => how.copy(sys, copy.pair(), piece.clone(), buffer).map_err(failed)?,
                };
                self.route.get_or_init(|| done.route);
                let wanted = piece.end - piece.start;
                if done.bytes < wanted {
                    self.pieces.end_at(piece.start + done.bytes);
                    dealt_with = dealt_with.saturating_sub(wanted - done.bytes);
                }
            }
            worker.moved(dealt_with);
            if batch.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// All ranges are copied: gives a target that ends with a hole its length.
    fn end(&self, copier: &mut Copier) -> Result<Copied> {
        let (mut end, reached, copy) = (self.pieces.end(), self.pieces.reached(), &self.copy);
        if self.holes == Holes::Made || (self.holes == Holes::Kept && reached != end) {
            let sys = &mut copier.worker.sys;
            // A hole at the end of what a file says it holds is one only if something can be read there.
            if reached < end
                && !sys.has_true_size(&copy.source, copy.attributes.dev)
                && sys.pread(&copy.source, &mut [0], end - 1) == Ok(0)
            {
                end = reached;
            }
            cut(sys, copy, end)?;
        }
        Ok(Copied { bytes: end, route: self.route.get().copied().unwrap_or_else(|| self.ladder.route()) })
    }
}

/// How a piece of a file is copied, whichever piece and whoever does it.
pub(super) struct PieceCopy<'a> {
    pub(super) ladder: &'a Ladder,
    pub(super) holes: Holes,
    /// What the source says of its size can be believed.
    pub(super) is_true_size: bool,
    /// The most bytes a call moves, if the user said.
    pub(super) step: Option<usize>,
}

impl PieceCopy<'_> {
    /// Copies one, as far as there is any of it.
    pub(super) fn copy(
        &self,
        sys: &mut Sys,
        pair: Pair<'_>,
        piece: Range<u64>,
        buffer: &mut [u8],
    ) -> std::result::Result<Copied, EngineError> {
        if !self.is_true_size && self.is_past_the_end(sys, pair, &piece) {
            copy_by_reading(sys, pair, piece, buffer)
        } else if self.holes == Holes::Made {
            copy_making_holes(sys, pair, piece, buffer.len(), buffer)
        } else {
            self.ladder.copy_range(sys, pair, piece, self.step, buffer)
        }
    }

    /// Whether a map would make up zeros for what a file says it holds in a piece and does not.
    fn is_past_the_end(&self, sys: &mut Sys, pair: Pair<'_>, piece: &Range<u64>) -> bool {
        self.ladder.first().name() == EngineName::Mmap
            && piece.end > piece.start
            && sys.pread(pair.source, &mut [0], piece.end - 1) == Ok(0)
    }
}

/// What becomes of holes, and of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Holes {
    /// Every byte is written.
    None,
    /// Holes of the source stay holes.
    Kept,
    /// Pages of zeros become holes, too.
    Made,
}

impl Holes {
    fn of(copy: &FileCopy, sparse: When) -> Self {
        match sparse {
            When::Always => Self::Made,
            When::Auto if copy.attributes.has_holes() => Self::Kept,
            When::Auto | When::Never => Self::None,
        }
    }
}

/// Copies a range of a file, as far as there is any, whatever the plan says of engines.
fn copy_by_reading(
    sys: &mut Sys,
    pair: Pair<'_>,
    range: Range<u64>,
    buffer: &mut [u8],
) -> std::result::Result<Copied, EngineError> {
    let Progress { copied, .. } = ReadWrite.copy_range(sys, pair, range, buffer.len(), buffer)?;
    Ok(Copied { bytes: copied, route: Route::straight(EngineName::ReadWrite) })
}

fn cut(sys: &mut Sys, copy: &FileCopy, end: u64) -> Result<()> {
    let sized = sys.ftruncate(&copy.target.file, end);
    sized.map_err(|errno| Error::system("size", copy.target_path(), errno))
}

fn buffers<const N: usize>(shared: &Shared, needed: bool, copy: &FileCopy) -> Result<[Option<PooledBuffer>; N]> {
    if !needed {
        return Ok([const { None }; N]);
    }
    let failed = |error: PoolError| {
        Error::refused("get a buffer for", copy.source_path(), error.to_string()).with(error.remedy())
    };
    shared.pool.acquire::<N>().map(|buffers| buffers.map(Some)).map_err(failed)
}

/// What came of a file's content.
pub(super) struct CheckedContent {
    /// Bytes in the target.
    pub(super) bytes: u64,
    /// What makes it unreliable: the source changed meanwhile, or does not say whether it did.
    pub(super) doubt: Option<Error>,
    /// The source changed: the bytes may be some of what it was and some of what it is.
    pub(super) has_changed: bool,
}

/// What was copied must be what the file is, from the first byte to the last. One that changed is read to its end all
/// the same: to where that was when the change was seen, or a log that grows faster than we read had none. One whose
/// size cannot be believed is read until there is no more.
///
/// What cannot be looked at any more was read, all the same.
pub(super) fn check_source(copier: &mut Copier, copy: &FileCopy, written: u64) -> Result<CheckedContent> {
    if copy.attributes.kind != FileKind::RegularFile {
        return Ok(CheckedContent { bytes: written, doubt: None, has_changed: false });
    }
    let before = &copy.attributes;
    let (now, mut doubt) = match copier.worker.sys.fstat(&copy.source) {
        Ok(now) => (now, None),
        Err(errno) => (*before, Some(Error::system("examine", copy.source_path(), errno))),
    };
    let has_changed = (now.size, now.mtime) != (before.size, before.mtime);
    let bytes = if copy.is_stream() { written } else { read_on(copier, copy, written, now.size, has_changed)? };
    if has_changed {
        let is_kept = copy.target.replaced().is_some();
        let then = if is_kept { "what was there before stays" } else { "the target is what was read" };
        let sizes = format!("{} bytes before, {} after", before.size, now.size);
        let why = format!("it changed while it was copied ({sizes}); {then}");
        doubt = Some(Error::refused("rely on the copy of", copy.source_path(), why));
    }
    Ok(CheckedContent { bytes, doubt, has_changed })
}

/// Copies what a source has after the bytes that were copied; cuts the target where it ends. Files of `/sys` say 4096
/// and hold less: reading tells.
fn read_on(copier: &mut Copier, copy: &FileCopy, written: u64, size: u64, has_changed: bool) -> Result<u64> {
    let sys = &mut copier.worker.sys;
    let is_true = sys.has_true_size(&copy.source, copy.attributes.dev);
    if is_true && !has_changed {
        return check_end(sys, copy, written);
    }
    let start = if has_changed { written.min(size) } else { written };
    let end = if is_true { size } else { u64::MAX };
    let [mut buffer] = buffers(&copier.shared, true, copy)?;
    let buffer = buffer.as_deref_mut().unwrap_or_default();
    if copier.shared.plan.engine == EngineName::Direct {
        // What is left need not begin on a page, as it would have to.
        for file in [&copy.source, &copy.target.file] {
            let _ = sys.set_direct(file, false);
        }
    }
    let more = copy_by_reading(sys, copy.pair(), start..end, buffer).map_err(|error| copy.error(error))?.bytes;
    copier.worker.moved(more);
    let end = start + more;
    if has_changed || end < copy.attributes.size {
        cut(&mut copier.worker.sys, copy, end)?;
    }
    Ok(end)
}

/// The end of a file that says the truth: a copy that is too short has failed, unless a read tells otherwise.
fn check_end(sys: &mut Sys, copy: &FileCopy, written: u64) -> Result<u64> {
    let size = copy.attributes.size;
    if written < size {
        let more = sys.pread(&copy.source, &mut [0], written);
        if more.map_err(|errno| Error::system("read", copy.source_path(), errno))? > 0 {
            let why = format!("only {written} of its {size} bytes were copied");
            return Err(Error::refused("copy", copy.source_path(), why));
        }
    }
    Ok(written)
}

/// Whether what an earlier copy made ends where its source does, which size and time tell only where they are true.
pub(super) fn ends_like_its_source(sys: &mut Sys, copy: &FileCopy, existing: u64) -> Result<bool> {
    if sys.has_true_size(&copy.source, copy.attributes.dev) {
        return Ok(true);
    }
    let mut has = |offset| sys.pread(&copy.source, &mut [0], offset).map(|count| count > 0);
    let ends = has(existing).and_then(|more| Ok(!more && (existing == 0 || has(existing - 1)?)));
    ends.map_err(|errno| Error::system("read", copy.source_path(), errno))
}

/// Compares a target with its source. What cannot be read back, such as a device, is not; says whether it was.
pub(super) fn verify(copier: &mut Copier, copy: &FileCopy, bytes: u64) -> Result<bool> {
    let worker = &mut copier.worker;
    if copy.target.is_special() {
        worker.warn(copy.target_path(), "not verified: it is not a file that could be read back");
        return Ok(false);
    }
    if !matches!(copy.attributes.kind, FileKind::RegularFile | FileKind::BlockDevice) {
        worker.warn(copy.target_path(), "not verified: its source can be read only once");
        return Ok(false);
    }
    let [mut one, mut other] = buffers(&copier.shared, true, copy)?;
    let (one, other) = (one.as_deref_mut().unwrap_or_default(), other.as_deref_mut().unwrap_or_default());
    let sys = &mut worker.sys;
    let reads_on = !sys.has_true_size(&copy.source, copy.attributes.dev);
    let what = Compared { len: bytes, has_holes: copy.attributes.has_holes(), reads_on };
    let compared = let_go_of_cache(sys, copy.pair()).and_then(|()| compare(sys, copy.pair(), what, one, other));
    match compared.map_err(|error| copy.error(error))? {
        None => Ok(true),
        Some(offset) => {
            let why = format!("what was read back differs from the source, from byte {offset} on");
            Err(Error::refused("verify", copy.target_path(), why))
        }
    }
}
