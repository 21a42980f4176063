//! What is copied without its content: symbolic links, FIFOs, sockets' names, devices. None is read, unless
//! `--copy-contents` says so. And links that are made instead of copies.
//!
//! A special file that the user named is mostly meant to be read (`haul copy /dev/sda image`, `haul copy <(date) file`), so
//! a warning says that it is not.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use super::decide::{Action, Source};
use super::directory::Open;
use super::{Copier, Task};
use crate::error::{Error, Result};
use crate::plan::{CopyPlan, Method};
use crate::pool::Handle;
use crate::sys::{Attributes, Creator, FileId, FileKind, Sys};
use crate::tree::extended::{Origin, Prior};
use crate::tree::metadata::{SET_ID, keep_mode, keep_owner, keep_times, ordinary_mode};
use crate::tree::path::c_path;
use crate::tree::{FileRef, TemporaryFile};

impl Copier {
    /// Makes what is neither file nor directory, or another name of what was made.
    pub(super) fn other(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        handle: &mut Handle<'_, Task>,
    ) -> Result<()> {
        let attributes = self.examine(open, name)?;
        let has_other_names = self.has_other_names(open, &attributes);
        if has_other_names && !self.is_first_of_its_names(open, name, new_name, &attributes)? {
            return Ok(());
        }
        let done = self.make_again(open, name, new_name, &attributes);
        let is_made = done.as_ref().is_ok_and(|(action, _)| action.skips().is_none());
        if has_other_names {
            let id = match &done {
                Ok((_, Some(id))) => Some(*id),
                Ok(_) if is_made => self.identify(open, new_name),
                Ok((action, _)) => self.copy_that_stays(open, (name, new_name), &attributes, *action),
                Err(_) => None,
            };
            self.link_the_others(&attributes, &open.directory, new_name, id, handle);
        }
        if is_made {
            self.warn_of_special(open, name, &attributes);
        }
        done.map(drop)
    }

    /// The identity of what was made, for its other names. Where that cannot be told they get files of their own, which must
    /// not pass for a copy.
    fn identify(&mut self, open: &Open, new_name: &CStr) -> Option<FileId> {
        let found = self.worker.sys.stat_at(&open.target, new_name);
        let path = || open.directory.target_of(new_name);
        let found = found.map_err(|errno| Error::of_one_file("link other names to", path(), errno));
        self.worker.check(found).map(|found| found.id())
    }

    /// Says what became of the target's name, and which file would have it, in a dry run.
    fn make_again(
        &mut self,
        open: &Open,
        name: &CStr,
        new_name: &CStr,
        attributes: &Attributes,
    ) -> Result<(Action, Option<FileId>)> {
        let action = self.admit(open, name, new_name, attributes)?;
        if action.skips().is_some() {
            return Ok((action, None));
        }
        if self.shared.plan.dry_run {
            let id = self.tell_action(open, (name, new_name), attributes, action)?;
            return Ok((action, Some(id)));
        }
        let source = |operation| move |errno| Error::system(operation, open.directory.source_of(name), errno);
        let sys = &mut self.worker.sys;
        let text = match attributes.kind {
            FileKind::Symlink => Some(sys.readlinkat(&open.source, name).map_err(source("read link"))?),
            _ => None,
        };
        // Set-id bits mean nothing here, and lend rights if anything of another kind ever has this mode.
        let bits = if self.shared.plan.keep.mode { !SET_ID } else { 0o777 };
        let wanted = Attributes { mode: attributes.mode & bits, ..*attributes };
        let is_ordinary = !self.shared.plan.keep.mode && !open.creator.inherits_acl;
        let mode_at_first = if is_ordinary { ordinary_mode(&wanted, &open.creator) } else { wanted.mode };
        if let Action::SetAttributes(existing) = action {
            self.complete_existing(open, (name, new_name), &wanted, &existing)?;
            self.worker.summary.others += 1;
            return Ok((action, None));
        }
        let make = |sys: &mut Sys, name: &CStr| match &text {
            Some(text) => sys.symlinkat(text, &open.target, name),
            None => sys.mknodat(&open.target, name, wanted.kind, mode_at_first, wanted.rdev),
        };
        let complete =
            |copier: &mut Self, temporary: &CStr| copier.complete_other(open, name, (temporary, new_name), &wanted);
        self.make_other(open, new_name, action, attributes, make, complete)?;
        self.worker.summary.others += 1;
        Ok((action, None))
    }

    /// Gives what was just made under a temporary name all but its content, by descriptor: the name may be another file's
    /// by now.
    fn complete_other(
        &mut self,
        open: &Open,
        name: &CStr,
        (temporary, new_name): (&CStr, &CStr),
        wanted: &Attributes,
    ) -> Result<()> {
        let path = || open.directory.target_of(new_name);
        let itself = match self.open_made(open, temporary, wanted) {
            Ok(Some(itself)) => itself,
            Ok(None) => {
                let why = "another file took the place of what was made, under its temporary name; it is left as it is";
                return Err(Error::refused("create", path(), why));
            }
            Err(errno) => return self.report_one("keep the attributes of", path(), errno).map(|_| ()),
        };
        let prior = if open.creator.inherits_acl { Prior::Access } else { Prior::None };
        let mode_now = (!open.creator.inherits_acl).then_some(wanted.mode & !open.creator.umask);
        self.keep_on_other(open, (name, temporary, new_name), itself, wanted, (open.creator, prior, mode_now))
    }

    /// Gives a special file that is there already the attributes of the source.
    fn complete_existing(
        &mut self,
        open: &Open,
        (name, new_name): (&CStr, &CStr),
        wanted: &Attributes,
        existing: &Attributes,
    ) -> Result<()> {
        let path = || open.directory.target_of(new_name);
        let failed = |errno| Error::system("examine", path(), errno);
        let sys = &mut self.worker.sys;
        let itself = sys.open_itself(&open.target, new_name).map_err(failed)?;
        if !sys.fstat(&itself).map_err(failed)?.is_same_file(existing) {
            return Err(Error::refused("keep the attributes of", path(), "it became another file meanwhile"));
        }
        let creator = self.shared.identity.unknown_creator();
        self.keep_on_other(open, (name, new_name, new_name), itself, wanted, (creator, Prior::Access, None))
    }

    /// Gives what is neither file nor directory owner, attributes, mode and times, as far as that can be done.
    fn keep_on_other(
        &mut self,
        open: &Open,
        (name, name_now, new_name): (&CStr, &CStr, &CStr),
        itself: OwnedFd,
        wanted: &Attributes,
        (creator, prior, mode_now): (Creator, Prior, Option<u32>),
    ) -> Result<()> {
        let own_name = (!open.rules.others_may_write()).then_some((open.target.as_fd(), name_now));
        let target = FileRef::PathOnly { itself: itself.as_fd(), own_name };
        let (keep, mut lost) = (self.shared.plan.keep, Vec::new());
        if keep.keeps_owner() {
            keep_owner(&mut self.worker.sys, target, wanted, &creator, &mut lost);
        }
        let kept = self.keep_extended(Origin::Named(open.source.as_fd(), name), target, prior);
        let sys = &mut self.worker.sys;
        if wanted.kind != FileKind::Symlink && keep.mode {
            let mode_now = mode_now.filter(|_| !kept.mode_moved);
            keep_mode(sys, target, kept.mode(wanted.mode), mode_now, &mut lost);
        }
        if keep.times {
            keep_times(sys, target, wanted, &mut lost);
        }
        let _ = sys.close(itself);
        lost.extend(kept.lost);
        self.report(&lost, || open.directory.target_of(new_name)).map(|_| ())
    }

    /// Opens what was just made; nothing if the name is another file's by now. In a tree under a temporary name nobody but
    /// us could do that. Elsewhere whoever may write to the directory can, and would have us give a file of his to the
    /// owner of the source.
    fn open_made(&mut self, open: &Open, name: &CStr, wanted: &Attributes) -> rustix::io::Result<Option<OwnedFd>> {
        let itself = self.worker.sys.open_itself(&open.target, name)?;
        if open.directory.is_staged() {
            return Ok(Some(itself));
        }
        let found = self.worker.sys.fstat(&itself)?;
        let is_alike = (found.kind, found.links, found.rdev) == (wanted.kind, 1, wanted.rdev);
        let is_ours = is_alike && (found.uid == open.creator.uid || self.owner_of_new_files(open)? == found.uid);
        if is_ours {
            return Ok(Some(itself));
        }
        let _ = self.worker.sys.close(itself);
        Ok(None)
    }

    /// Who new files belong to where file systems have owners of their own (NFS, sshfs).
    fn owner_of_new_files(&mut self, open: &Open) -> rustix::io::Result<u32> {
        if open.rules.is_append_only() {
            return Ok(open.creator.uid);
        }
        let sys = &mut self.worker.sys;
        let (temporary, file) = TemporaryFile::file(sys, self.shared.site(open), c"owner", 0o600)?;
        let found = sys.fstat(&file);
        let _ = sys.close(file);
        temporary.abandon(sys);
        found.map(|found| found.uid)
    }

    /// Gives the source itself another name, in the target (`-l`).
    pub(super) fn give_source_another_name(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> Result<()> {
        let attributes = self.examine(open, name)?;
        let there = self.look_at_target(open, new_name)?;
        if !there.is_some_and(|there| there.is_same_file(&attributes)) {
            let action = self.admit(open, name, new_name, &attributes)?;
            if action.skips().is_some() {
                return Ok(());
            }
            if self.shared.plan.dry_run {
                return self.tell_action(open, (name, new_name), &attributes, action).map(drop);
            }
            let follows = open.directory.source.follows_links();
            let link = |sys: &mut Sys, to: &CStr| {
                let link = if follows { Sys::linkat_through } else { Sys::linkat };
                link(sys, &open.source, name, &open.target, to)
            };
            self.make_other(open, new_name, action, &attributes, link, |_, _| Ok(()))?;
        }
        self.worker.summary.links += 1;
        Ok(())
    }

    /// Makes a symbolic link to the source (`-s`). A relative one leads from where it lies, so it must lie here.
    pub(super) fn link_to_source(&mut self, open: &Open, name: &CStr, new_name: &CStr) -> Result<()> {
        let text = open.directory.source_of(name);
        if text.is_relative() && open.directory.target.path() != Path::new(".") {
            let why = "a relative link would lead elsewhere from there; name the source by its absolute path";
            return Err(Error::refused("link to", text, why));
        }
        let attributes = self.examine(open, name)?;
        let action = self.admit(open, name, new_name, &attributes)?;
        if action.skips().is_some() {
            return Ok(());
        }
        if self.shared.plan.dry_run {
            return self.tell_action(open, (name, new_name), &attributes, action).map(drop);
        }
        let text = c_path(text);
        let link = |sys: &mut Sys, to: &CStr| sys.symlinkat(&text, &open.target, to);
        self.make_other(open, new_name, action, &attributes, link, |_, _| Ok(()))?;
        self.worker.summary.others += 1;
        Ok(())
    }

    pub(super) fn examine(&mut self, open: &Open, name: &CStr) -> Result<Attributes> {
        let sys = &mut self.worker.sys;
        let follows = open.directory.source.follows_links();
        let found = if follows { sys.stat_through(&open.source, name) } else { sys.stat_at(&open.source, name) };
        found.map_err(|errno| Error::system("examine", open.directory.source_of(name), errno))
    }

    /// What becomes of a target's name; an entry that is passed over is counted.
    fn admit(&mut self, open: &Open, name: &CStr, new_name: &CStr, source: &Attributes) -> Result<Action> {
        let action = self.decide(open, name, new_name, source)?;
        if let Some(why) = action.skips() {
            self.pass_over(|| open.directory.source_of(name), why);
        }
        Ok(action)
    }
}

/// Whether it is a FIFO, a socket or a device.
pub(super) const fn is_special(kind: FileKind) -> bool {
    matches!(kind, FileKind::Fifo | FileKind::Socket | FileKind::CharacterDevice | FileKind::BlockDevice)
}

/// Whether the bytes of such a source are copied: of any regular file, and of what is special where the plan says so.
pub(super) fn is_read(plan: &CopyPlan, kind: FileKind) -> bool {
    kind == FileKind::RegularFile || (plan.copy_contents && plan.method == Method::Copy && is_special(kind))
}

impl Copier {
    /// Whether the bytes of an entry of this kind are copied.
    pub(super) fn is_read(&self, kind: FileKind) -> bool {
        is_read(&self.shared.plan, kind)
    }

    /// A source as it decides about what is there already.
    pub(super) fn source(&mut self, open: &Open, name: &CStr, attributes: &Attributes) -> Source {
        let end = match attributes.kind {
            FileKind::Symlink => self.worker.sys.stat_through(&open.source, name).ok(),
            _ => None,
        };
        Source { end, ..self.source_itself(open, attributes) }
    }

    /// The same, without a look at what a symbolic link leads to.
    pub(super) fn source_itself(&self, open: &Open, attributes: &Attributes) -> Source {
        let user_is_root = self.shared.identity.uid == 0;
        Source { attributes: *attributes, end: None, is_named: open.directory.holds_arguments(), user_is_root }
    }

    /// A special file was copied as what it is: says so, if the user named it.
    pub(super) fn warn_of_special(&mut self, open: &Open, name: &CStr, source: &Attributes) {
        if open.directory.holds_arguments()
            && let Some(warning) = self.source(open, name, source).warning(&self.shared.plan)
        {
            self.worker.warn(open.directory.source_of(name), warning);
        }
    }
}
