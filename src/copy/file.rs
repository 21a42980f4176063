//! One regular file, from the look at what is there to its final name.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::decide::{Action, DONE, Reason};
use super::directory::Open;
use super::sides::{FileCopy, TargetPlace, Whereabouts};
use super::special::is_special;
use super::{Copier, Task};
use crate::engine::Copied;
use crate::error::{Error, Result};
use crate::plan::{Durable, Method};
use crate::pool::Handle;
use crate::sys::{Attributes, FileId, FileKind};
use crate::tree::UNREMOVABLE;

/// How the target of a file begins.
enum Begun {
    Open(OwnedFd, TargetPlace),
    /// What is there stays, and stands for the copy if this is its identity.
    Stays(Option<FileId>),
}

impl Copier {
    /// Copies a file, or begins to.
    pub(super) fn file(&mut self, open: &Arc<Open>, name: &CStr, new_name: &CStr, handle: &mut Handle<'_, Task>) {
        if self.can_use_fast_path(open) && self.copy_by_fast_path(open, name, new_name, handle) {
            return;
        }
        let begun = self.begin_file(open, name, new_name, handle);
        self.clear_stale(open, new_name, &begun);
        let Some(copy) = self.worker.check(begun).flatten() else { return };
        self.worker.found(copy.attributes.size);
        if self.shared.plan.method == Method::AttributesOnly {
            return self.finish_attributes(copy, handle);
        }
        if let TargetPlace::Done(existing) = copy.place {
            return self.finish_done(copy, existing, handle);
        }
        self.copy_content(copy, handle);
    }

    /// Opens both sides of a file, unless there is nothing to copy: then all that is to be done for it was done, or
    /// somebody else will.
    fn begin_file(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        handle: &mut Handle<'_, Task>,
    ) -> Result<Option<FileCopy>> {
        let opened = self.worker.clock();
        // To open a FIFO is to wait for a writer, and its second name would wait for another.
        let looked_at = self.shared.plan.copy_contents.then(|| self.examine(open, name)).transpose()?;
        let special = looked_at.filter(|found| is_special(found.kind) && self.has_other_names(open, found));
        if let Some(found) = &special
            && !self.is_first_of_its_names(open, name, new_name, found)?
        {
            return Ok(None);
        }
        let (source, attributes) = self.open_source(open, name)?;
        let has_other_names = self.has_other_names(open, &attributes);
        if has_other_names && special.is_none() && !self.is_first_of_its_names(open, name, new_name, &attributes)? {
            let _ = self.worker.sys.close(source);
            return Ok(None);
        }
        let (stays, begun) = match self.begin_target(open, name, new_name, &attributes) {
            Ok(Begun::Open(target, place)) => {
                let mode_now = self.mode_now(open, &attributes, &place);
                let (open, name, new_name) = (Arc::clone(open), name.to_owned(), new_name.to_owned());
                return Ok(Some(FileCopy {
                    open,
                    name,
                    source,
                    opened,
                    attributes,
                    target,
                    new_name,
                    place,
                    mode_now,
                }));
            }
            Ok(Begun::Stays(id)) => (id, Ok(None)),
            Err(error) => (None, Err(error)),
        };
        let _ = self.worker.sys.close(source);
        if has_other_names {
            self.link_the_others(&attributes, &open.directory, new_name, stays, handle);
        }
        begun
    }

    /// The mode of a target that was opened just now, if that is known.
    fn mode_now(&self, open: &Open, attributes: &Attributes, place: &TargetPlace) -> Option<u32> {
        let replaced = match place {
            TargetPlace::InPlace { .. } | TargetPlace::Done(_) => return None,
            TargetPlace::TemporaryFile { replaced, .. } => replaced.as_ref(),
            TargetPlace::Staged => None,
        };
        let mode = self.creation_mode(open, attributes, replaced);
        (!open.creator.inherits_acl).then_some(mode & !open.creator.umask)
    }

    fn begin_target(&mut self, open: &Open, name: &CStr, new_name: &CStr, attributes: &Attributes) -> Result<Begun> {
        let action = self.decide(open, name, new_name, attributes)?;
        if let Some(why) = action.skips() {
            self.pass_over(|| open.directory.source_of(name), why);
            let has_other_names = self.has_other_names(open, attributes);
            let id =
                if has_other_names { self.copy_that_stays(open, (name, new_name), attributes, action) } else { None };
            return Ok(Begun::Stays(id));
        }
        if self.shared.plan.dry_run {
            return self.tell_action(open, (name, new_name), attributes, action).map(|id| Begun::Stays(Some(id)));
        }
        let (target, place) = self.open_target(open, new_name, attributes, action)?;
        Ok(Begun::Open(target, place))
    }

    /// All bytes are there, or not: gives the target its attributes and its name, or takes it away.
    pub(super) fn finish_file(&mut self, copy: FileCopy, copied: Result<Copied>, handle: &mut Handle<'_, Task>) {
        let checked = copied.and_then(|Copied { bytes, route }| {
            let whole = self.check_source(&copy, bytes)?;
            let verified = self.shared.plan.verify && self.verify(&copy, whole.bytes)?;
            let verified = if verified { "; verified" } else { "" };
            if let TargetPlace::InPlace { regular, .. } = copy.place {
                self.written_in_place(&copy, regular)?;
            }
            self.worker.note(|| (copy.source_path(), format!("{} bytes by {route}{verified}", whole.bytes)));
            Ok(whole)
        });
        let Some(whole) = self.worker.check(checked) else { return self.abandon(copy, handle) };
        if let Some(doubt) = whole.doubt {
            self.worker.fail(doubt);
        }
        // What was there before is better than what may be torn.
        if whole.is_torn && copy.place.replaces() {
            return self.abandon(copy, handle);
        }
        let opened = copy.opened;
        // What can be read only once was read.
        let can_repeat = copy.attributes.kind == FileKind::RegularFile;
        let replaced = copy.replaced().filter(|_| can_repeat).map(|existing| (*existing, copy.whereabouts()));
        match (self.complete(copy, handle), replaced) {
            (Ok(is_kept), _) => {
                self.worker.summary.target_bytes += whole.bytes;
                if is_kept {
                    self.worker.done(opened);
                }
            }
            // Something is mounted on it: it cannot be another file, only hold another content.
            (Err(error), Some((existing, whereabouts))) if error.errno() == Some(Errno::BUSY) => {
                self.write_in_place(whereabouts, existing, handle);
            }
            (Err(error), _) => self.worker.fail(error),
        }
    }

    /// What was written in place may lie anywhere, so whoever wants it to be durable has that now; and it is whole.
    fn written_in_place(&mut self, copy: &FileCopy, regular: bool) -> Result<()> {
        if self.shared.plan.durable != Durable::None {
            match self.worker.sys.fsync(&copy.target) {
                // What has no disk behind it, such as a FIFO, cannot be synced.
                Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => {}
                Err(errno) => return Err(Error::system("sync", copy.target_path(), errno)),
            }
        }
        if regular {
            self.shared.note_in_place(copy.target_path(), true);
        }
        Ok(())
    }

    /// Copies a file into what has its target's name, which could not be replaced.
    fn write_in_place(&mut self, whereabouts: Whereabouts, existing: Attributes, handle: &mut Handle<'_, Task>) {
        let Whereabouts { open, name, new_name } = whereabouts;
        let opened = self.worker.clock();
        let begun = self.open_source(&open, &name).and_then(|(source, attributes)| {
            let (target, place) =
                self.open_target(&open, &new_name, &attributes, Action::WriteInPlace(existing, Reason::MountPoint))?;
            Ok(FileCopy { open, name, source, opened, attributes, target, new_name, place, mode_now: None })
        });
        if let Some(copy) = self.worker.check(begun) {
            self.copy_content(copy, handle);
        }
    }

    /// Gives a target with all its bytes its attributes and its name; false if it has its name and lacks some of those,
    /// which was reported.
    pub(super) fn complete(&mut self, copy: FileCopy, handle: &mut Handle<'_, Task>) -> Result<bool> {
        let kept = self.keep_attributes(&copy);
        let FileCopy { open, source, attributes, target, new_name, place, .. } = copy;
        let has_other_names = self.has_other_names(&open, &attributes);
        let (kept, id) =
            if has_other_names { self.identify_open(kept, &target, &open, &new_name) } else { (kept, None) };
        let failed = |errno| Error::system("finish", open.directory.target_of(&new_name), errno);
        let sys = &mut self.worker.sys;
        let closed = sys.close(target).map_err(failed);
        let kept = kept.and_then(|is_kept| closed.map(|()| is_kept));
        let _ = sys.close(source);
        let named = match place {
            TargetPlace::TemporaryFile { temporary, replaced } => match kept {
                Ok(is_kept) => {
                    let action = replaced.map_or(Action::Create, Action::Replace);
                    self.finish_temporary(&open, temporary, action, &attributes).map(|()| is_kept)
                }
                Err(error) => {
                    temporary.abandon(sys);
                    Err(error)
                }
            },
            TargetPlace::Staged if kept.is_err() => {
                let _ = sys.unlinkat(&open.target, &new_name);
                kept
            }
            TargetPlace::Staged | TargetPlace::InPlace { .. } | TargetPlace::Done(_) => {
                self.claim(&open, &new_name);
                kept
            }
        };
        if has_other_names {
            let id = if named.is_ok() { id } else { None };
            self.link_the_others(&attributes, &open.directory, &new_name, id, handle);
        }
        self.leave(open);
        named
    }

    /// The identity of a target that has its bytes, for its other names. Where that cannot be told they get files of their
    /// own, which must not pass for a copy.
    fn identify_open(
        &mut self,
        kept: Result<bool>,
        target: &OwnedFd,
        open: &Open,
        new_name: &CStr,
    ) -> (Result<bool>, Option<FileId>) {
        match self.worker.sys.fstat(target) {
            Ok(target) => (kept, Some(target.id())),
            Err(errno) => {
                let path = open.directory.target_of(new_name);
                (kept.and(self.report_one("link other names to", path, errno)), None)
            }
        }
    }

    /// The same where content is none of the job's business.
    fn finish_attributes(&mut self, copy: FileCopy, handle: &mut Handle<'_, Task>) {
        let opened = copy.opened;
        let finished = self.complete(copy, handle);
        if self.worker.check(finished) == Some(true) {
            self.worker.done(opened);
        }
    }

    /// A target that an earlier copy made: what changes without its time being changed (owner, mode, attributes) is kept
    /// once more. What does not stand up to being verified is copied again.
    fn finish_done(&mut self, copy: FileCopy, existing: Attributes, handle: &mut Handle<'_, Task>) {
        let ends_alike = self.ends_like_its_source(&copy, existing.size).unwrap_or_default();
        if !ends_alike || (self.shared.plan.verify && self.verify(&copy, existing.size).is_err()) {
            self.worker.note(|| (copy.target_path(), "it is not what its source is; copied again".to_owned()));
            let target = self.open_target(&copy.open, &copy.new_name, &copy.attributes, Action::Replace(existing));
            let Some((target, place)) = self.worker.check(target) else { return self.abandon(copy, handle) };
            let mode_now = self.mode_now(&copy.open, &copy.attributes, &place);
            let again = FileCopy { target, place, mode_now, ..copy };
            return self.copy_content(again, handle);
        }
        self.pass_over(|| copy.source_path(), DONE);
        let finished = self.complete(copy, handle);
        self.worker.check(finished);
    }

    /// Takes the target away.
    pub(super) fn abandon(&mut self, copy: FileCopy, handle: &mut Handle<'_, Task>) {
        let sys = &mut self.worker.sys;
        let mut stays = false;
        match copy.place {
            TargetPlace::TemporaryFile { temporary, .. } => stays = !temporary.abandon(sys),
            TargetPlace::Staged => {
                let _ = sys.unlinkat(&copy.open.target, &copy.new_name);
            }
            TargetPlace::InPlace { .. } | TargetPlace::Done(_) => {}
        }
        let _ = sys.close(copy.target);
        let _ = sys.close(copy.source);
        if stays {
            self.worker.warn(copy.open.directory.target_of(&copy.new_name), UNREMOVABLE);
        }
        if self.has_other_names(&copy.open, &copy.attributes) {
            self.link_the_others(&copy.attributes, &copy.open.directory, &copy.new_name, None, handle);
        }
        self.leave(copy.open);
    }
}
