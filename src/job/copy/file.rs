//! One regular file: whole by one worker, or by ranges that several take from a counter.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::directory::Open;
use super::sides::{FileCopy, TargetPlace};
use super::{Copier, Task};
use crate::engine::read_write::copy_stream;
use crate::engine::{Copied, Ladder, Pair, Route, Whole};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::tree::metadata::{keep_on_existing, keep_on_new_file};

/// Bytes that a worker takes of a large file at a time: two workers gain a fifth on one file, and the bar moves.
const RANGE_BYTES: u64 = 1 << 20;
/// A file of at least this many ranges is worth a second worker.
const WORTH_SPLITTING: u64 = 4;

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

impl Copier {
    /// Copies a file, or begins to.
    pub(super) fn file(&mut self, open: &Arc<Open>, name: &CStr, new_name: &CStr, handle: &mut Handle<'_, Task>) {
        let begun = self.begin_file(open, name, new_name);
        let Some(copy) = self.station.check(begun) else { return };
        self.station.found(copy.attributes.size);
        let ladder = match self.try_whole(&copy) {
            Ok(Whole::ByRanges(ladder)) => ladder,
            Ok(Whole::Done(copied)) => return self.finish_file(copy, Ok(copied)),
            Err(error) => return self.finish_file(copy, Err(error)),
        };
        let range_bytes = self.range_bytes(ladder);
        if copy.place.is_in_place() || copy.attributes.size < WORTH_SPLITTING * range_bytes {
            let copied = self.copy_whole(&copy, ladder);
            return self.finish_file(copy, copied);
        }
        let (next, copied, route) = (AtomicU64::new(0), AtomicU64::new(0), OnceLock::new());
        let failed = AtomicBool::new(false);
        let split = Arc::new(Split { copy, ladder, range_bytes, next, copied, route, failed });
        for _ in 1..self.shared.threads {
            if handle.try_offer(Task::Ranges(Arc::clone(&split))).is_err() {
                break;
            }
        }
        self.ranges(&split);
        self.leave_file(split);
    }

    /// Ranges are whole numbers of buffers, so that splitting adds no short read.
    fn range_bytes(&self, ladder: Ladder) -> u64 {
        let step = self.shared.step.unwrap_or_else(|| ladder.first().default_step()) as u64;
        RANGE_BYTES.div_ceil(step) * step
    }

    /// Copies a file in one go where that can be done; else says how to copy it.
    fn try_whole(&mut self, copy: &FileCopy) -> Result<Whole> {
        let volume = &copy.open.directory.volume;
        let ladder = Ladder::new(self.shared.engine, self.shared.reflink, &copy.attributes, volume);
        if copy.is_stream() {
            return Ok(Whole::ByRanges(ladder));
        }
        let pair = Pair { source: &copy.source, target: &copy.target };
        let whole = ladder.try_whole(&mut self.station.sys, pair, copy.attributes.size, volume);
        let whole = whole.map_err(|error| copy.error(error))?;
        if let Whole::Done(copied) = whole {
            self.station.moved(copied.bytes);
        }
        Ok(whole)
    }

    /// Copies all of a file.
    fn copy_whole(&mut self, copy: &FileCopy, ladder: Ladder) -> Result<Copied> {
        let pair = Pair { source: &copy.source, target: &copy.target };
        let stream = copy.is_stream();
        let [mut buffer] = self.buffer(stream || ladder.needs_buffer(), copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let sys = &mut self.station.sys;
        let copied = if stream {
            copy_stream(sys, pair.source, pair.target, buffer)
        } else {
            copy.copy_range(sys, ladder, 0..copy.attributes.size, self.shared.step, buffer)
        };
        let copied = copied.map_err(|error| copy.error(error))?;
        self.station.moved(copied.bytes);
        Ok(copied)
    }

    /// Takes ranges of a large file and copies them until none is left.
    pub(super) fn ranges(&mut self, split: &Split) {
        let ladder = split.ladder;
        let buffer = self.buffer(ladder.needs_buffer(), &split.copy);
        let Some([mut buffer]) = self.station.check(buffer) else {
            split.failed.store(true, Ordering::Relaxed);
            return;
        };
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        while !split.failed.load(Ordering::Relaxed) {
            let start = split.next.fetch_add(split.range_bytes, Ordering::Relaxed);
            if start >= split.copy.attributes.size {
                break;
            }
            let range = start..(start + split.range_bytes).min(split.copy.attributes.size);
            let copied = split.copy.copy_range(&mut self.station.sys, ladder, range, self.shared.step, buffer);
            match copied {
                Ok(copied) => {
                    split.copied.fetch_add(copied.bytes, Ordering::Relaxed);
                    split.route.get_or_init(|| copied.route);
                    self.station.moved(copied.bytes);
                }
                Err(error) => {
                    if !split.failed.swap(true, Ordering::Relaxed) {
                        self.station.fail(split.copy.error(error));
                    }
                }
            }
        }
    }

    /// Gives up a hold on a large file; the last to do so finishes it.
    pub(super) fn leave_file(&mut self, split: Arc<Split>) {
        let Some(split) = Arc::into_inner(split) else { return };
        if split.failed.into_inner() {
            return self.abandon(split.copy);
        }
        let copied = split.copied.into_inner();
        let whole = if copied == split.copy.attributes.size {
            let route = split.route.into_inner().unwrap_or_else(|| split.ladder.route());
            Ok(Copied { bytes: copied, route })
        } else {
            // Short ranges leave gaps, so no part of it is worth keeping; that it changed is the likelier reason.
            self.check_source(&split.copy, copied).and_then(|()| {
                let why = format!("it ended after {copied} of {} bytes", split.copy.attributes.size);
                Err(Error::refused("read", split.copy.source_path(), why))
            })
        };
        self.finish_file(split.copy, whole);
    }

    fn buffer(&mut self, needed: bool, copy: &FileCopy) -> Result<[Option<crate::pool::PooledBuffer>; 1]> {
        if !needed {
            return Ok([None]);
        }
        let acquired = self.shared.pool.acquire::<1>();
        let why =
            |error: crate::pool::PoolError| Error::refused("get a buffer for", copy.source_path(), error.to_string());
        acquired.map(|buffers| buffers.map(Some)).map_err(why)
    }

    /// All bytes are there, or not: gives the target its attributes and its name, or takes it away.
    fn finish_file(&mut self, copy: FileCopy, copied: Result<Copied>) {
        let checked = copied.and_then(|copied| {
            self.check_source(&copy, copied.bytes)?;
            self.check_end(&copy, copied.bytes)?;
            Ok(copied)
        });
        let Some(Copied { bytes, route }) = self.station.check(checked) else { return self.abandon(copy) };
        self.station.note(|| (copy.source_path(), format!("{bytes} bytes by {route}")));
        let finished = self.give_name(copy);
        if self.station.check(finished).is_some() {
            self.station.summary.target_bytes += bytes;
            self.station.done();
        }
    }

    /// Files of `/sys` say 4096 and hold less: a read tells whether a short copy ends where the file does. With holes
    /// the target got its length before its data, and is cut.
    fn check_end(&mut self, copy: &FileCopy, copied: u64) -> Result<()> {
        if copied >= copy.attributes.size || copy.place.is_in_place() {
            return Ok(());
        }
        let sys = &mut self.station.sys;
        let more = sys.pread(&copy.source, &mut [0], copied);
        if more.map_err(|errno| Error::system("read", copy.source_path(), errno))? > 0 {
            let why = format!("only {copied} of its {} bytes were copied", copy.attributes.size);
            return Err(Error::refused("copy", copy.source_path(), why));
        }
        let cut = if copy.attributes.has_holes() { sys.ftruncate(&copy.target, copied) } else { Ok(()) };
        cut.map_err(|errno| Error::system("size", copy.target_path(), errno))
    }

    /// What was copied must be what the file was, from the first byte to the last.
    fn check_source(&mut self, copy: &FileCopy, copied: u64) -> Result<()> {
        let now = self.station.sys.fstat(&copy.source);
        let now = now.map_err(|errno| Error::system("examine", copy.source_path(), errno))?;
        let before = &copy.attributes;
        if (now.size, now.mtime) == (before.size, before.mtime) {
            return Ok(());
        }
        let why =
            format!("it changed while it was copied ({} bytes before, {} now, {copied} read)", before.size, now.size);
        Err(Error::refused("copy", copy.source_path(), why))
    }

    fn give_name(&mut self, copy: FileCopy) -> Result<()> {
        let FileCopy { open, source, attributes, target, new_name, place, .. } = copy;
        let sys = &mut self.station.sys;
        let kept = match place {
            TargetPlace::InPlace { regular: false } => Ok(()),
            TargetPlace::InPlace { regular: true } => {
                keep_on_existing(sys, &target, &attributes, &self.shared.identity.unknown_creator())
            }
            _ => keep_on_new_file(sys, &target, &attributes, &open.creator),
        };
        let kept = kept.and(sys.close(target));
        let _ = sys.close(source);
        let named = match place {
            TargetPlace::Part { part, replace } if kept.is_ok() => part.finish(sys, replace),
            TargetPlace::Part { part, .. } => {
                part.abandon(sys);
                kept
            }
            TargetPlace::InPart if kept.is_err() => sys.unlinkat(&open.target, &new_name).and(kept),
            TargetPlace::InPart | TargetPlace::InPlace { .. } => kept,
        };
        let named = named.map_err(|errno| Error::system("finish", open.directory.target.path_of(&new_name), errno));
        self.leave(open);
        named
    }

    /// Takes the target away.
    pub(super) fn abandon(&mut self, copy: FileCopy) {
        let sys = &mut self.station.sys;
        match copy.place {
            TargetPlace::Part { part, .. } => part.abandon(sys),
            TargetPlace::InPart => {
                let _ = sys.unlinkat(&copy.open.target, &copy.new_name);
            }
            TargetPlace::InPlace { .. } => {}
        }
        let _ = sys.close(copy.target);
        let _ = sys.close(copy.source);
        self.leave(copy.open);
    }
}
