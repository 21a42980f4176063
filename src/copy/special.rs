//! Sources that are copied without their content: symbolic links, FIFOs, sockets' names, devices. None is read, unless
//! `--copy-contents` says so. And links that are made instead of copies.
//!
//! A special file that the user named is mostly meant to be read (`haul copy /dev/sda image`, `haul copy <(date) file`), so
//! a warning says that it is not.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use super::attributes::{keep_extended, report, report_one};
use super::decide::Action;
use super::decision::{Admission, admit, existing_target, source_of};
use super::directory::Entry;
use super::hard_links::LinkName;
use super::names::FinalName;
use super::{Copier, Task};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::sys::{Attributes, Creator, FileId, FileKind, Sys};
use crate::tree::extended::{Origin, Prior};
use crate::tree::metadata::{SET_ID, keep_mode, keep_owner, keep_times, ordinary_mode};
use crate::tree::path::c_path;
use crate::tree::{FileRef, TemporaryFile};

/// Makes what is neither file nor directory, or another name of what was made.
pub(super) fn copy_special(copier: &mut Copier, entry: Entry<'_>, handle: &mut Handle<'_, Task>) -> Result<()> {
    let attributes = entry.examine(&mut copier.worker.sys)?;
    let link = LinkName::of(&copier.shared.plan, entry, &attributes);
    if let Some(link) = link
        && !link.is_first(copier)?
    {
        return Ok(());
    }
    let done = admit(copier, entry, &attributes).and_then(|admission| {
        if let Admission::Apply(action) = admission {
            SpecialCopy::new(copier, entry, &attributes).make(copier, &attributes, action)?;
            copier.worker.summary.others += 1;
        }
        Ok(admission)
    });
    if let Some(link) = link {
        let id = match &done {
            Ok(Admission::Told(id)) => Some(*id),
            Ok(Admission::Apply(_)) => identify(copier, entry),
            Ok(Admission::Skipped(action)) => link.copy_that_stays(copier, *action),
            Err(_) => None,
        };
        link.settle(copier, id, handle);
    }
    if matches!(done, Ok(Admission::Told(_) | Admission::Apply(_))) {
        warn_of_special(copier, entry, &attributes);
    }
    done.map(drop)
}

/// The identity of what was made, for its other names. Where that cannot be told they get files of their own, which must
/// not pass for a copy.
fn identify(copier: &mut Copier, entry: Entry<'_>) -> Option<FileId> {
    let found = copier.worker.sys.stat_at(&entry.open.target, entry.new_name);
    let found = found.map_err(|errno| Error::of_one_file("link other names to", entry.target_path(), errno));
    copier.worker.check(found).map(|found| found.id())
}

/// A special file was copied as what it is: says so, if the user named it.
fn warn_of_special(copier: &mut Copier, entry: Entry<'_>, source: &Attributes) {
    if entry.directory().holds_arguments()
        && let Some((warning, remedy)) = source_of(copier, entry, source, true).warning(&copier.shared.plan)
    {
        copier.worker.advise(entry.source_path(), warning, remedy);
    }
}

/// The copy of what is neither file nor directory.
struct SpecialCopy<'a> {
    entry: Entry<'a>,
    /// What it is to be like.
    wanted: Attributes,
}

impl<'a> SpecialCopy<'a> {
    fn new(copier: &Copier, entry: Entry<'a>, source: &Attributes) -> Self {
        // Set-id bits mean nothing here, and lend rights if anything of another kind ever has this mode.
        let bits = if copier.shared.plan.keep.mode { !SET_ID } else { 0o777 };
        Self { entry, wanted: Attributes { mode: source.mode & bits, ..*source } }
    }

    fn make(&self, copier: &mut Copier, source: &Attributes, action: Action) -> Result<()> {
        let (entry, open, wanted) = (self.entry, self.entry.open, &self.wanted);
        let text = match wanted.kind {
            FileKind::Symlink => {
                let text = copier.worker.sys.readlinkat(&open.source, entry.name);
                Some(text.map_err(|errno| Error::system("read link", entry.source_path(), errno))?)
            }
            _ => None,
        };
        if let Action::SetAttributes(existing) = action {
            return self.complete_existing(copier, &existing);
        }
        let is_ordinary = !copier.shared.plan.keep.mode && !open.creator.inherits_acl;
        let mode_at_first = if is_ordinary { ordinary_mode(wanted, &open.creator) } else { wanted.mode };
        let make = |sys: &mut Sys, name: &CStr| match &text {
            Some(text) => sys.symlinkat(text, &open.target, name),
            None => sys.mknodat(&open.target, name, wanted.kind, mode_at_first, wanted.rdev),
        };
        let complete = |copier: &mut Copier, temporary: &CStr| self.complete_new(copier, temporary);
        FinalName::new(entry, source, action).make(copier, make, complete)
    }

    /// Gives what was just made under a temporary name all but its content, by descriptor: the name may be another file's
    /// by now.
    fn complete_new(&self, copier: &mut Copier, temporary: &CStr) -> Result<()> {
        let (creator, path) = (self.entry.open.creator, || self.entry.target_path());
        let itself = match self.open_made(copier, temporary) {
            Ok(Some(itself)) => itself,
            Ok(None) => {
                let why = "another file took the place of what was made, under its temporary name; it is left as it is";
                return Err(Error::refused("create", path(), why));
            }
            Err(errno) => {
                let error = Error::of_one_file("keep the attributes of", path(), errno);
                return report_one(&mut copier.worker, error).map(drop);
            }
        };
        let prior = if creator.inherits_acl { Prior::Access } else { Prior::None };
        let mode_now = (!creator.inherits_acl).then_some(self.wanted.mode & !creator.umask);
        self.keep_attributes(copier, temporary, itself, (creator, prior, mode_now))
    }

    /// Gives a special file that is there already the attributes of the source.
    fn complete_existing(&self, copier: &mut Copier, existing: &Attributes) -> Result<()> {
        let (name, path) = (self.entry.new_name, || self.entry.target_path());
        let failed = |errno| Error::system("examine", path(), errno);
        let sys = &mut copier.worker.sys;
        let itself = sys.open_itself(&self.entry.open.target, name).map_err(failed)?;
        if !sys.fstat(&itself).map_err(failed)?.is_same_file(existing) {
            return Err(Error::refused("keep the attributes of", path(), "it became another file meanwhile"));
        }
        let creator = copier.shared.identity.unknown_creator();
        self.keep_attributes(copier, name, itself, (creator, Prior::Access, None))
    }

    /// Gives it owner, attributes, mode and times, as far as that can be done, under the name that it has now.
    fn keep_attributes(
        &self,
        copier: &mut Copier,
        name_now: &CStr,
        itself: OwnedFd,
        (creator, prior, mode_now): (Creator, Prior, Option<u32>),
    ) -> Result<()> {
        let (entry, open, wanted) = (self.entry, self.entry.open, &self.wanted);
        let own_name = (!open.rules.others_may_write()).then_some((open.target.as_fd(), name_now));
        let target = FileRef::PathOnly { itself: itself.as_fd(), own_name };
        let (keep, mut lost) = (copier.shared.plan.keep, Vec::new());
        if keep.keeps_owner() {
            keep_owner(&mut copier.worker.sys, target, wanted, &creator, &mut lost);
        }
        let kept = keep_extended(copier, Origin::Named(open.source.as_fd(), entry.name), target, prior);
        let sys = &mut copier.worker.sys;
        if wanted.kind != FileKind::Symlink && keep.mode {
            let mode_now = mode_now.filter(|_| !kept.mode_moved);
            keep_mode(sys, target, kept.mode(wanted.mode), mode_now, &mut lost);
        }
        if keep.times {
            keep_times(sys, target, wanted, &mut lost);
        }
        let _ = sys.close(itself);
        lost.extend(kept.lost);
        report(copier, &lost, || entry.target_path()).map(drop)
    }

    /// Opens what was just made; nothing if the name is another file's by now. In a tree under a temporary name nobody but
    /// us could do that. Elsewhere whoever may write to the directory can, and would have us give a file of his to the
    /// owner of the source.
    fn open_made(&self, copier: &mut Copier, name: &CStr) -> rustix::io::Result<Option<OwnedFd>> {
        let (open, wanted) = (self.entry.open, &self.wanted);
        let itself = copier.worker.sys.open_itself(&open.target, name)?;
        if open.directory.is_staged() {
            return Ok(Some(itself));
        }
        let found = copier.worker.sys.fstat(&itself)?;
        let is_alike = (found.kind, found.links, found.rdev) == (wanted.kind, 1, wanted.rdev);
        let is_ours = is_alike && (found.uid == open.creator.uid || self.owner_of_new_files(copier)? == found.uid);
        if is_ours {
            return Ok(Some(itself));
        }
        let _ = copier.worker.sys.close(itself);
        Ok(None)
    }

    /// Who new files belong to where file systems have owners of their own (NFS, sshfs).
    fn owner_of_new_files(&self, copier: &mut Copier) -> rustix::io::Result<u32> {
        let open = self.entry.open;
        if open.rules.is_append_only() {
            return Ok(open.creator.uid);
        }
        let (sys, site) = (&mut copier.worker.sys, open.site(&copier.shared.temporary_files));
        let (temporary, file) = TemporaryFile::file(sys, site, c"owner", 0o600)?;
        let found = sys.fstat(&file);
        let _ = sys.close(file);
        temporary.abandon(sys);
        found.map(|found| found.uid)
    }
}

/// Gives the source itself another name, in the target (`-l`).
pub(super) fn link_source(copier: &mut Copier, entry: Entry<'_>) -> Result<()> {
    let attributes = entry.examine(&mut copier.worker.sys)?;
    let there = existing_target(copier, entry)?;
    if !there.is_some_and(|there| there.is_same_file(&attributes)) {
        let Admission::Apply(action) = admit(copier, entry, &attributes)? else { return Ok(()) };
        let Entry { open, name, .. } = entry;
        let link = if open.directory.source.follows_links() { Sys::linkat_through } else { Sys::linkat };
        let link = |sys: &mut Sys, to: &CStr| link(sys, &open.source, name, &open.target, to);
        FinalName::new(entry, &attributes, action).make(copier, link, |_, _| Ok(()))?;
    }
    copier.worker.summary.links += 1;
    Ok(())
}

/// Makes a symbolic link to the source (`-s`). A relative one leads from where it lies, so it must lie here.
pub(super) fn symlink_to_source(copier: &mut Copier, entry: Entry<'_>) -> Result<()> {
    let text = entry.source_path();
    if text.is_relative() && entry.directory().target.to_path_buf() != Path::new(".") {
        let why = "a relative link would lead elsewhere from there; name the source by its absolute path";
        return Err(Error::refused("link to", text, why));
    }
    let attributes = entry.examine(&mut copier.worker.sys)?;
    let Admission::Apply(action) = admit(copier, entry, &attributes)? else { return Ok(()) };
    let text = c_path(text);
    let link = |sys: &mut Sys, to: &CStr| sys.symlinkat(&text, &entry.open.target, to);
    FinalName::new(entry, &attributes, action).make(copier, link, |_, _| Ok(()))?;
    copier.worker.summary.others += 1;
    Ok(())
}
