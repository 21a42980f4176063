//! One regular file: whole by one worker, or by ranges that several take from a counter.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::directory::Open;
use super::{Copier, Task};
use crate::engine::read_write::copy_stream;
use crate::engine::{EngineError, Ladder, Pair, Side};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::sys::{Attributes, FileKind};
use crate::tree::Part;
use crate::tree::metadata::{creation_mode, describe, keep_on_new_file};

/// Bytes that a worker takes of a large file at a time: two workers gain a fifth on one file, and the bar moves.
const RANGE_BYTES: u64 = 1 << 20;
/// A file of at least this many ranges is worth a second worker.
const WORTH_SPLITTING: u64 = 4;

/// A file on its way: both sides open, nothing final yet.
struct FileCopy {
    open: Arc<Open>,
    name: CString,
    source: OwnedFd,
    attributes: Attributes,
    target: OwnedFd,
    new_name: CString,
    place: TargetPlace,
}

/// Where the bytes go.
enum TargetPlace {
    /// Straight to the final name: inside a tree that is itself under a temporary one.
    InPart,
    /// A temporary name, which then replaces an older file or not.
    Part { part: Part, replace: bool },
    /// Into what is there: a device, a FIFO, or a file that has other names.
    InPlace,
}

/// A large file whose ranges are there for the taking.
pub(super) struct Split {
    copy: FileCopy,
    range_bytes: u64,
    next: AtomicU64,
    copied: AtomicU64,
    /// Somebody failed and said so; the others need not go on.
    failed: AtomicBool,
}

impl Copier {
    /// Copies a file, or begins to.
    pub(super) fn file(&mut self, open: &Arc<Open>, name: &CStr, new_name: &CStr, handle: &mut Handle<'_, Task>) {
        let begun = self.begin_file(open, name, new_name);
        let Some(copy) = self.station.check(begun) else { return };
        self.station.found(copy.attributes.size);
        let range_bytes = self.range_bytes(&copy);
        if copy.place.is_in_place() || copy.attributes.size < WORTH_SPLITTING * range_bytes {
            let copied = self.copy_whole(&copy);
            return self.finish_file(copy, copied);
        }
        let (next, copied, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let split = Arc::new(Split { copy, range_bytes, next, copied, failed });
        for _ in 1..self.shared.threads {
            if handle.try_offer(Task::Ranges(Arc::clone(&split))).is_err() {
                break;
            }
        }
        self.ranges(&split);
        self.leave_file(split);
    }

    /// Ranges are whole numbers of buffers, so that splitting adds no short read.
    fn range_bytes(&self, copy: &FileCopy) -> u64 {
        let step = self.shared.step.unwrap_or_else(|| self.ladder(copy).first().default_step()) as u64;
        RANGE_BYTES.div_ceil(step) * step
    }

    fn begin_file(&mut self, open: &Arc<Open>, name: &CStr, new_name: &CStr) -> Result<FileCopy> {
        let sys = &mut self.station.sys;
        let path = || open.directory.source.path_of(name);
        let source = sys.open_source(&open.source, name).map_err(|errno| Error::system("open", path(), errno))?;
        let attributes = sys.fstat(&source).map_err(|errno| Error::system("examine", path(), errno))?;
        if attributes.kind != FileKind::RegularFile {
            return Err(Error::refused("copy", path(), format!("it became {} meanwhile", describe(attributes.kind))));
        }
        let (target, place) = self.create(open, new_name, &attributes, &path)?;
        let (name, new_name) = (name.to_owned(), new_name.to_owned());
        Ok(FileCopy { open: Arc::clone(open), name, source, attributes, target, new_name, place })
    }

    fn create(
        &mut self,
        open: &Open,
        name: &CStr,
        attributes: &Attributes,
        source: &dyn Fn() -> std::path::PathBuf,
    ) -> Result<(OwnedFd, TargetPlace)> {
        let sys = &mut self.station.sys;
        let failed = |errno| Error::system("create", open.directory.target.path_of(name), errno);
        let mode = creation_mode(attributes, &self.shared.identity);
        if open.directory.in_part {
            return Ok((sys.create(&open.target, name, mode).map_err(failed)?, TargetPlace::InPart));
        }
        let replace = match sys.stat_at(&open.target, name) {
            Err(Errno::NOENT) => false,
            Err(errno) => return Err(failed(errno)),
            Ok(existing) if existing.is_same_file(attributes) => {
                return Err(Error::refused("copy", source(), "source and target are the same file"));
            }
            Ok(existing) if existing.kind == FileKind::Directory => {
                return Err(Error::refused("copy", source(), "a directory of that name is in the target"));
            }
            Ok(existing) if existing.kind == FileKind::RegularFile && existing.links == 1 => true,
            Ok(_) => return self.open_in_place(open, name, attributes, source),
        };
        let part = Part::file(sys, &self.shared.leftovers, &open.target, name, mode);
        let (part, target) = part.map_err(failed)?;
        Ok((target, TargetPlace::Part { part, replace }))
    }

    /// A target that must keep its identity: a link or a device stays one, and other names of a file see the change.
    fn open_in_place(
        &mut self,
        open: &Open,
        name: &CStr,
        source_attributes: &Attributes,
        source: &dyn Fn() -> std::path::PathBuf,
    ) -> Result<(OwnedFd, TargetPlace)> {
        let path = || open.directory.target.path_of(name);
        let sys = &mut self.station.sys;
        let through = sys.stat_through(&open.target, name);
        if through.is_ok_and(|target| target.is_same_file(source_attributes)) {
            return Err(Error::refused("copy", source(), "source and target are the same file"));
        }
        let target = sys.openat(&open.target, name, OFlags::WRONLY | OFlags::TRUNC | OFlags::NOCTTY, 0);
        let target = target.map_err(|errno| Error::system("open", path(), errno))?;
        self.station.note(|| (path(), "written in place: it is a link, a device, or has other names".to_owned()));
        Ok((target, TargetPlace::InPlace))
    }

    fn ladder(&self, copy: &FileCopy) -> Ladder {
        Ladder::new(self.shared.engine, &copy.attributes, copy.open.directory.volume)
    }

    /// Copies all of a file; returns the bytes copied.
    fn copy_whole(&mut self, copy: &FileCopy) -> Result<u64> {
        let pair = Pair { source: &copy.source, target: &copy.target };
        let ladder = self.ladder(copy);
        // A size of 0 may be a lie (`/proc`), so such a file is read to its end; a device has no offsets.
        let stream = copy.attributes.size == 0 || copy.place.is_in_place();
        let [mut buffer] = self.buffer(stream || ladder.needs_buffer(), copy)?;
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let sys = &mut self.station.sys;
        let copied = if stream {
            copy_stream(sys, pair.source, pair.target, buffer)
        } else {
            ladder.copy_range(sys, pair, 0..copy.attributes.size, self.shared.step, buffer)
        };
        let copied = copied.map_err(|error| copy.error(error))?;
        self.station.moved(copied);
        Ok(copied)
    }

    /// Takes ranges of a large file and copies them until none is left.
    pub(super) fn ranges(&mut self, split: &Split) {
        let ladder = self.ladder(&split.copy);
        let buffer = self.buffer(ladder.needs_buffer(), &split.copy);
        let Some([mut buffer]) = self.station.check(buffer) else {
            split.failed.store(true, Ordering::Relaxed);
            return;
        };
        let buffer = buffer.as_deref_mut().unwrap_or_default();
        let pair = Pair { source: &split.copy.source, target: &split.copy.target };
        while !split.failed.load(Ordering::Relaxed) {
            let start = split.next.fetch_add(split.range_bytes, Ordering::Relaxed);
            if start >= split.copy.attributes.size {
                break;
            }
            let range = start..(start + split.range_bytes).min(split.copy.attributes.size);
            let copied = ladder.copy_range(&mut self.station.sys, pair, range, self.shared.step, buffer);
            match copied {
                Ok(copied) => {
                    split.copied.fetch_add(copied, Ordering::Relaxed);
                    self.station.moved(copied);
                }
                Err(error) => {
                    split.failed.store(true, Ordering::Relaxed);
                    self.station.fail(split.copy.error(error));
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
        self.finish_file(split.copy, Ok(split.copied.into_inner()));
    }

    fn buffer(&mut self, needed: bool, copy: &FileCopy) -> Result<[Option<crate::pool::PooledBuffer>; 1]> {
        if !needed {
            return Ok([None]);
        }
        let acquired = self.shared.pool.acquire::<1>();
        let why = |error: crate::pool::PoolError| Error::refused("get a buffer for", copy.source_path(), error.to_string());
        acquired.map(|buffers| buffers.map(Some)).map_err(why)
    }

    /// All bytes are there, or not: gives the target its attributes and its name, or takes it away.
    fn finish_file(&mut self, copy: FileCopy, copied: Result<u64>) {
        let checked = copied.and_then(|copied| self.check_source(&copy, copied).map(|()| copied));
        let Some(copied) = self.station.check(checked) else { return self.abandon(copy) };
        let engine = self.ladder(&copy).first().name().name();
        self.station.note(|| (copy.source_path(), format!("{copied} bytes by {engine}")));
        let finished = self.give_name(copy);
        if self.station.check(finished).is_some() {
            self.station.summary.target_bytes += copied;
            self.station.done();
        }
    }

    /// What was copied must be what the file was, from the first byte to the last.
    fn check_source(&mut self, copy: &FileCopy, copied: u64) -> Result<()> {
        let now = self.station.sys.fstat(&copy.source);
        let now = now.map_err(|errno| Error::system("examine", copy.source_path(), errno))?;
        let before = &copy.attributes;
        if (now.size, now.mtime) == (before.size, before.mtime) {
            return Ok(());
        }
        let why = format!("it changed while it was copied ({} bytes before, {} now, {copied} read)", before.size, now.size);
        Err(Error::refused("copy", copy.source_path(), why))
    }

    fn give_name(&mut self, copy: FileCopy) -> Result<()> {
        let FileCopy { open, source, attributes, target, new_name, place, .. } = copy;
        let sys = &mut self.station.sys;
        let kept = if place.is_in_place() {
            Ok(())
        } else {
            keep_on_new_file(sys, &target, &attributes, &self.shared.identity)
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
            TargetPlace::InPart | TargetPlace::InPlace => kept,
        };
        let named = named.map_err(|errno| Error::system("finish", open.directory.target.path_of(&new_name), errno));
        self.leave(open);
        named
    }

    fn abandon(&mut self, copy: FileCopy) {
        let sys = &mut self.station.sys;
        match copy.place {
            TargetPlace::Part { part, .. } => part.abandon(sys),
            TargetPlace::InPart => {
                let _ = sys.unlinkat(&copy.open.target, &copy.new_name);
            }
            TargetPlace::InPlace => {}
        }
        let _ = sys.close(copy.target);
        let _ = sys.close(copy.source);
        self.leave(copy.open);
    }
}

impl TargetPlace {
    const fn is_in_place(&self) -> bool {
        matches!(self, Self::InPlace)
    }
}

impl FileCopy {
    fn source_path(&self) -> std::path::PathBuf {
        self.open.directory.source.path_of(&self.name)
    }

    fn target_path(&self) -> std::path::PathBuf {
        self.open.directory.target.path_of(&self.new_name)
    }

    fn error(&self, error: EngineError) -> Error {
        let path = if error.side == Side::Source { self.source_path() } else { self.target_path() };
        Error::system(error.operation, path, error.errno)
    }
}
