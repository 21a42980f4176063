//! The way of one regular file, from the look at what is there to its final name; and the fast path for small files of a new
//! tree, which are examined once, after their bytes were copied: that saves two of ten system calls.
//!
//! Usually a file is examined twice: before, for what it is, and after, for whether it changed. Where its file system
//! keeps time by this machine's clock, one look afterwards tells both: a file whose time of change lies before the copy was
//! begun was that file all the while. Its mode is a guess until then, which harms nobody: the tree is in a directory
//! that only we may enter. What does not turn out as expected (a file that changed just now, one with several names
//! or with holes, a large one) is removed again and copied as usual; where that happens often, it is not tried.

use std::sync::Arc;
use std::time::Instant;

use rustix::io::Errno;

use super::attributes::{keep_attributes, report_one};
use super::content::{Content, RangeCopy, check_source, copy_content, ends_like_its_source, verify};
use super::decide::{Action, DONE, Reason, is_special};
use super::decision::{Admission, admit};
use super::directory::{Entry, OwnedEntry, TargetState};
use super::directory_copy::release;
use super::file_copy::{FileCopy, FileTarget, TargetKind};
use super::hard_links::LinkName;
use super::names::{FinalName, note_target};
use super::staged::clear_stale;
use super::{Copier, Task};
use crate::engine::{Copied, Pair};
use crate::error::{Error, Result};
use crate::job::worker_context::WorkerContext;
use crate::plan::{CopyPlan, Durable, EngineName, Method, SchedulerName, When};
use crate::pool::{Handle, PooledBuffer};
use crate::sys::{Attributes, FileKind, Moment, Sys, file_time};
use crate::tree::UNREMOVABLE;

/// Bytes copied before the first look. More would be copied in vain where a large file is to be shared by workers.
const AT_ONCE: usize = 256 << 10;
/// Of so many attempts one may be in vain.
const WORTH_TRYING: u32 = 16;

/// Copies a file, or begins to.
pub(super) fn copy_file(copier: &mut Copier, entry: Entry<'_>, handle: &mut Handle<'_, Task>) {
    if copier.fast_path.can_copy(entry) && copy_by_fast_path(copier, entry, handle) {
        return;
    }
    let begun = begin(copier, entry, handle);
    clear_stale(&mut copier.worker.sys, entry, &begun);
    let Some(copy) = copier.worker.check(begun).flatten() else { return };
    copier.worker.found(copy.attributes.size);
    if copier.shared.plan.method == Method::AttributesOnly {
        return finish_attributes(copier, copy, handle);
    }
    if let TargetKind::Done(existing) = copy.target.kind {
        return finish_done(copier, copy, existing, handle);
    }
    copy_bytes(copier, copy, handle);
}

/// Opens both sides of a file, unless there is nothing to copy: then all that is to be done for it was done, or
/// somebody else will.
fn begin(copier: &mut Copier, entry: Entry<'_>, handle: &mut Handle<'_, Task>) -> Result<Option<FileCopy>> {
    let opened = copier.worker.clock();
    let Copier { worker, shared, .. } = copier;
    // To open a FIFO is to wait for a writer, and its second name would wait for another.
    let looked_at = shared.plan.copy_contents.then(|| entry.examine(&mut worker.sys)).transpose()?;
    let special = looked_at.filter(|found| is_special(found.kind));
    let special = special.as_ref().and_then(|found| LinkName::of(&shared.plan, entry, found));
    if let Some(link) = special
        && !link.is_first(copier)?
    {
        return Ok(None);
    }
    let source = entry.open_source(&mut copier.worker.sys, &copier.shared.plan);
    let (source, attributes) = source.inspect_err(|_| {
        // Its other names wait for it.
        if let Some(link) = special {
            link.settle(copier, None, handle);
        }
    })?;
    if copier.shared.plan.resources.scheduler == SchedulerName::Uring {
        let is_true = copier.worker.sys.has_true_size(&source, attributes.dev);
        copier.worker.sys.read_by_ring(is_true);
    }
    let link = LinkName::of(&copier.shared.plan, entry, &attributes);
    if let Some(link) = link
        && special.is_none()
        && !link.is_first(copier)?
    {
        let _ = copier.worker.sys.close(source);
        return Ok(None);
    }
    let (stays, ended) = match admit(copier, entry, &attributes) {
        Ok(Admission::Apply(action)) => match FileTarget::open(copier, entry, &attributes, action) {
            Ok(target) => return Ok(Some(FileCopy { entry: entry.to_owned(), source, opened, attributes, target })),
            Err(error) => (None, Err(error)),
        },
        Ok(Admission::Told(id)) => (Some(id), Ok(None)),
        Ok(Admission::Skipped(action)) => (link.and_then(|link| link.copy_that_stays(copier, action)), Ok(None)),
        Err(error) => (None, Err(error)),
    };
    let _ = copier.worker.sys.close(source);
    if let Some(link) = link {
        link.settle(copier, stays, handle);
    }
    ended
}

/// Copies the content of a file, with others' help if it is large, and finishes it.
fn copy_bytes(copier: &mut Copier, copy: FileCopy, handle: &mut Handle<'_, Task>) {
    match copy_content(copier, copy) {
        Content::Copied(copy, outcome) => finish(copier, copy, outcome, handle),
        Content::Shared(shared) => {
            for _ in 1..copier.shared.threads {
                if handle.try_offer(Task::Ranges(Arc::clone(&shared))).is_err() {
                    break;
                }
            }
            copy_ranges(copier, shared, handle);
        }
    }
}

/// Takes pieces of a large file; the last worker to give it up finishes it.
pub(super) fn copy_ranges(copier: &mut Copier, shared: Arc<RangeCopy>, handle: &mut Handle<'_, Task>) {
    shared.help(copier);
    let Some(shared) = Arc::into_inner(shared) else { return };
    match shared.into_ended(copier) {
        (copy, Some(outcome)) => finish(copier, copy, outcome, handle),
        (copy, None) => abandon(copier, copy, handle),
    }
}

/// The same for a job that ends early: nobody finishes the file.
pub(super) fn abandon_ranges(copier: &mut Copier, shared: Arc<RangeCopy>, handle: &mut Handle<'_, Task>) {
    if let Some(shared) = Arc::into_inner(shared) {
        abandon(copier, shared.into_copy(), handle);
    }
}

/// All bytes are there, or not: gives the target its attributes and its name, or takes it away.
fn finish(copier: &mut Copier, copy: FileCopy, outcome: Result<Copied>, handle: &mut Handle<'_, Task>) {
    let checked = outcome.and_then(|Copied { bytes, route }| {
        let content = check_source(copier, &copy, bytes)?;
        let verified = copier.shared.plan.verify && verify(copier, &copy, content.bytes)?;
        let verified = if verified { "; verified" } else { "" };
        if let TargetKind::InPlace { regular, .. } = copy.target.kind {
            finish_in_place(copier, &copy, regular)?;
        }
        copier.worker.note(|| (copy.source_path(), format!("{} bytes by {route}{verified}", content.bytes)));
        Ok(content)
    });
    let Some(content) = copier.worker.check(checked) else { return abandon(copier, copy, handle) };
    if let Some(doubt) = content.doubt {
        copier.worker.fail(doubt);
    }
    // What was there before is better than what may be incomplete.
    if content.has_changed && copy.target.replaced().is_some() {
        return abandon(copier, copy, handle);
    }
    let opened = copy.opened;
    // What can be read only once was read.
    let can_repeat = copy.attributes.kind == FileKind::RegularFile;
    let replaced = copy.target.replaced().filter(|_| can_repeat).map(|existing| (*existing, copy.entry.clone()));
    match (complete(copier, copy, handle), replaced) {
        // Something is mounted on it: it cannot be another file, only hold another content.
        (Err(error), Some((existing, entry))) if error.errno() == Some(Errno::BUSY) => {
            write_in_place(copier, entry, existing, handle);
        }
        (completed, replaced) => {
            match completed {
                Ok(is_kept) => count(&mut copier.worker, content.bytes, opened, is_kept),
                Err(error) => copier.worker.fail(error),
            }
            // This may be the last hold on the directory.
            if let Some((_, entry)) = replaced {
                release(copier, entry.open);
            }
        }
    }
}

/// What was written in place may lie anywhere, so whoever wants it to be durable has that now; and it is whole.
fn finish_in_place(copier: &mut Copier, copy: &FileCopy, regular: bool) -> Result<()> {
    if copier.shared.plan.durable != Durable::None {
        match copier.worker.sys.fsync(&copy.target.file) {
            // What has no disk behind it, such as a FIFO, cannot be synced.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => {}
            Err(errno) => return Err(Error::system("sync", copy.target_path(), errno)),
        }
    }
    if regular {
        copier.shared.in_place.finish(&copy.target_path());
    }
    Ok(())
}

/// Copies a file into what has its target's name, which could not be replaced.
fn write_in_place(copier: &mut Copier, entry: OwnedEntry, existing: Attributes, handle: &mut Handle<'_, Task>) {
    let opened = copier.worker.clock();
    let source = entry.borrowed().open_source(&mut copier.worker.sys, &copier.shared.plan);
    let begun = source.and_then(|(source, attributes)| {
        let action = Action::WriteInPlace(existing, Reason::MountPoint);
        let target = FileTarget::open(copier, entry.borrowed(), &attributes, action)?;
        Ok((source, attributes, target))
    });
    match copier.worker.check(begun) {
        Some((source, attributes, target)) => {
            copy_bytes(copier, FileCopy { entry, source, opened, attributes, target }, handle);
        }
        None => release(copier, entry.open),
    }
}

/// Gives a target with all its bytes its attributes and its name; false if it has its name and lacks some of those,
/// which was reported.
fn complete(copier: &mut Copier, copy: FileCopy, handle: &mut Handle<'_, Task>) -> Result<bool> {
    let mut kept = keep_attributes(copier, &copy);
    let FileCopy { entry: owned, source, attributes, target, .. } = copy;
    let entry = owned.borrowed();
    let link = LinkName::of(&copier.shared.plan, entry, &attributes);
    let id = match link.map(|_| copier.worker.sys.fstat(&target.file)) {
        None => None,
        Some(Ok(found)) => Some(found.id()),
        // Its other names get files of their own, which must not pass for a copy.
        Some(Err(errno)) => {
            let error = Error::of_one_file("link other names to", entry.target_path(), errno);
            kept = kept.and(report_one(&mut copier.worker, error));
            None
        }
    };
    let sys = &mut copier.worker.sys;
    let closed = sys.close(target.file).map_err(|errno| Error::system("finish", entry.target_path(), errno));
    let kept = kept.and_then(|is_kept| closed.map(|()| is_kept));
    let _ = sys.close(source);
    let named = match (target.kind, kept) {
        (TargetKind::Temporary { temporary, replaced }, Ok(is_kept)) => {
            let action = replaced.map_or(Action::Create, Action::Replace);
            FinalName::new(entry, &attributes, action).give_to(temporary, copier).map(|()| is_kept)
        }
        (TargetKind::Temporary { temporary, .. }, Err(error)) => {
            temporary.abandon(sys);
            Err(error)
        }
        (TargetKind::Staged, Err(error)) => {
            let _ = sys.unlinkat(&entry.open.target, entry.new_name);
            Err(error)
        }
        (TargetKind::Staged | TargetKind::InPlace { .. } | TargetKind::Done(_), kept) => {
            note_target(&copier.shared, entry.open, entry.new_name);
            kept
        }
    };
    if let Some(link) = link {
        link.settle(copier, id.filter(|_| named.is_ok()), handle);
    }
    release(copier, owned.open);
    named
}

/// The same where only attributes are copied.
fn finish_attributes(copier: &mut Copier, copy: FileCopy, handle: &mut Handle<'_, Task>) {
    let opened = copy.opened;
    let finished = complete(copier, copy, handle);
    if let Some(is_kept) = copier.worker.check(finished) {
        count(&mut copier.worker, 0, opened, is_kept);
    }
}

/// Counts a file that has its name; as done if it has its attributes, too.
fn count(worker: &mut WorkerContext, bytes: u64, opened: Option<Instant>, is_kept: bool) {
    worker.summary.target_bytes += bytes;
    if is_kept {
        worker.done(opened);
    }
}

/// A target that an earlier copy made: what changes without its time being changed (owner, mode, attributes) is kept
/// again. What differs from its source where that is verified is copied again.
fn finish_done(copier: &mut Copier, copy: FileCopy, existing: Attributes, handle: &mut Handle<'_, Task>) {
    let ends_alike = ends_like_its_source(&mut copier.worker.sys, &copy, existing.size).unwrap_or_default();
    if !ends_alike || (copier.shared.plan.verify && verify(copier, &copy, existing.size).is_err()) {
        copier.worker.note(|| (copy.target_path(), "it is not what its source is; copied again".to_owned()));
        let target = FileTarget::open(copier, copy.entry.borrowed(), &copy.attributes, Action::Replace(existing));
        let Some(target) = copier.worker.check(target) else { return abandon(copier, copy, handle) };
        return copy_bytes(copier, FileCopy { target, ..copy }, handle);
    }
    copier.pass_over(|| copy.source_path(), DONE);
    let finished = complete(copier, copy, handle);
    copier.worker.check(finished);
}

/// Takes the target away.
fn abandon(copier: &mut Copier, copy: FileCopy, handle: &mut Handle<'_, Task>) {
    let (sys, entry) = (&mut copier.worker.sys, copy.entry.borrowed());
    let stays = copy.target.abandon(sys, entry);
    let _ = sys.close(copy.source);
    if stays {
        copier.worker.warn(entry.target_path(), UNREMOVABLE);
    }
    if let Some(link) = LinkName::of(&copier.shared.plan, entry, &copy.attributes) {
        link.settle(copier, None, handle);
    }
    release(copier, copy.entry.open);
}

/// How often the fast path was tried by a worker, how often in vain, and what mode the last file had.
#[derive(Debug, Clone, Copy)]
pub(super) struct FastPath {
    is_allowed: bool,
    attempts: u32,
    in_vain: u32,
    mode: u32,
}

impl FastPath {
    /// Allowed where nothing in a plan needs a look at a file before it is copied.
    pub(super) fn new(plan: &CopyPlan) -> Self {
        let is_allowed = plan.method == Method::Copy
            && (plan.engine, plan.reflink, plan.sparse) == (EngineName::Auto, When::Auto, When::Auto)
            && plan.resources.buffer.is_none()
            && plan.resources.scheduler != SchedulerName::Processes
            && plan.keep.mode
            && plan.keep.keeps_owner()
            && !plan.verify
            && !plan.copy_contents
            && !plan.dry_run;
        Self { is_allowed, attempts: 0, in_vain: 0, mode: 0o644 }
    }

    /// Whether a file can be copied before it is looked at.
    fn can_copy(&self, entry: Entry<'_>) -> bool {
        let directory = entry.directory();
        let Some(found) = directory.source_attributes.get() else { return false };
        directory.state == TargetState::New
            && self.is_allowed
            && directory.volume.is_plain_home_of(found.attributes.dev)
            && !directory.source.follows_links()
            && self.in_vain * WORTH_TRYING <= self.attempts + WORTH_TRYING
    }
}

/// Copies a file, unless it turns out to need another way; then nothing of it is left. Failures are found again, and
/// told, on that way.
fn copy_by_fast_path(copier: &mut Copier, entry: Entry<'_>, handle: &mut Handle<'_, Task>) -> bool {
    let Copier { worker, fast_path, shared, .. } = copier;
    fast_path.attempts += 1;
    // In an event loop a call that waits for the disk would hold up all other files; reads and writes are its operations.
    worker.sys.read_by_ring(true);
    let by_ring = shared.plan.resources.scheduler == SchedulerName::Uring;
    let buffer = if by_ring { shared.pool.acquire::<1>().ok() } else { None };
    let (opened, since) = (worker.clock(), file_time());
    let (open, sys) = (entry.open, &mut worker.sys);
    // Reading would touch its time of access before we have seen that. Only its owner may ask for this.
    let Ok(source) = sys.open_untouched(&open.source, entry.name) else {
        fast_path.in_vain += 1;
        return false;
    };
    let mode = fast_path.mode;
    let Ok(file) = sys.create(&open.target, entry.new_name, mode) else { return false };
    let target = FileTarget { file, kind: TargetKind::Staged, mode_now: Some(mode & !open.creator.umask) };
    let pair = Pair { source: &source, target: &target.file };
    let by = if buffer.is_some() { EngineName::ReadWrite } else { EngineName::CopyFileRange };
    let attributes = copy_then_examine(sys, pair, buffer, since);
    let Some(attributes) = attributes else {
        fast_path.in_vain += 1;
        target.abandon(sys, entry);
        let _ = sys.close(source);
        return false;
    };
    fast_path.mode = attributes.mode & 0o777;
    let copy = FileCopy { entry: entry.to_owned(), source, opened, attributes, target };
    worker.found(attributes.size);
    worker.moved(attributes.size);
    worker.note(|| (copy.source_path(), format!("{} bytes by {}", attributes.size, by.name())));
    let finished = complete(copier, copy, handle);
    if let Some(is_kept) = copier.worker.check(finished) {
        count(&mut copier.worker, attributes.size, opened, is_kept);
    }
    true
}

/// Copies a small file, through the buffer if there is one, and looks at it; nothing if it needs another way.
fn copy_then_examine(
    sys: &mut Sys,
    Pair { source, target }: Pair<'_>,
    buffer: Option<[PooledBuffer; 1]>,
    since: Moment,
) -> Option<Attributes> {
    let copied = match buffer {
        None => sys.copy_file_range(source, target, 0, AT_ONCE).ok()?,
        Some([mut buffer]) => {
            let len = buffer.len().min(AT_ONCE);
            let count = sys.pread(source, &mut buffer[..len], 0).ok()?;
            sys.pwrite_full(target, &buffer[..count], 0, len).ok()?;
            count
        }
    };
    let attributes = sys.fstat(source).ok()?;
    let is_all = attributes.size == copied as u64 && copied < AT_ONCE;
    let is_plain = attributes.kind == FileKind::RegularFile && attributes.links == 1 && !attributes.has_holes();
    // Old ext4 inodes have whole seconds only.
    let tick = i64::from(attributes.ctime.nanoseconds == 0);
    let is_old = Moment { seconds: attributes.ctime.seconds + tick, ..attributes.ctime } < since;
    (is_all && is_plain && is_old).then_some(attributes)
}
