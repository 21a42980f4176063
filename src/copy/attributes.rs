//! Attributes, which are kept beside the bytes: owner, extended attributes, mode and times of files and directories, in this
//! order, and what is said of those that could not be kept.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::directory::{Directory, SourceAttributes};
use super::file_copy::{FileCopy, lender};
use crate::error::{Error, Result};
use crate::job::worker_context::WorkerContext;
use crate::plan::{CopyPlan, Durable};
use crate::sys::{Attributes, Creator, Sys};
use crate::tree::extended::{
    Kept, Origin, Prior, Selection, allowed_by_default, has_default_acl, keep_extended as keep, shed_acls,
};
use crate::tree::metadata::{Owned, SET_GROUP_ID, keep_mode, keep_owner, keep_times, ordinary_directory_mode};
use crate::tree::{Class, DirectoryPath, FileRef, Trouble};

/// Sees to a new directory with this mode, where the one that it lies in hands on an ACL: that may take rights from its
/// owner, too. With the source's mode it loses the ACL; without, it is as any new directory there. Says whether what is
/// made in it inherits an ACL.
pub(super) fn inherits(sys: &mut Sys, plan: &CopyPlan, parent: &OwnedFd, path: &DirectoryPath, mode: u32) -> bool {
    if !has_default_acl(sys, parent) {
        return false;
    }
    if let Ok(directory) = path.open_to_search(sys) {
        make_ours(sys, &directory, mode);
        let _ = sys.close(directory);
    }
    // What is not taken away here goes with each file, and from the directory in the end.
    let mut shed = || path.open(sys).and_then(|directory| shed_acls(sys, &directory).and(sys.close(directory)));
    !plan.keep.mode || shed().is_err()
}

/// Gives a new directory the mode that it was made with, whatever ACL it inherited. Where that is not allowed, what
/// needs it fails and says so.
pub(super) fn make_ours(sys: &mut Sys, directory: &OwnedFd, mode: u32) {
    let handed_on = sys.fstat(directory).map_or(0, |found| found.mode & SET_GROUP_ID);
    keep_mode(sys, FileRef::Open(directory.as_fd()), mode | handed_on, None, &mut Vec::new());
}

/// The mode of a new directory where its source's is not to be kept. It keeps the set-group-id bit that it inherited.
fn ordinary_mode_of(sys: &mut Sys, directory: &OwnedFd, wanted: &Attributes, creator: &Creator) -> u32 {
    // Nobody else is let in by an ACL that cannot be read.
    let handed_on = creator.inherits_acl.then(|| allowed_by_default(sys, directory).unwrap_or(0o700));
    let inherited = sys.fstat(directory).map_or(0, |found| found.mode & SET_GROUP_ID);
    ordinary_directory_mode(wanted, creator, handed_on) | inherited
}

/// Whether a source directory has anything to be copied, when its turn comes.
pub(super) fn has_extended(copier: &mut Copier, source: &OwnedFd, path: &DirectoryPath) -> Result<bool> {
    match copier.worker.sys.flistxattr(source, &mut copier.attributes.names) {
        Ok(mut names) => Ok(names.next().is_some()),
        // Whatever else is the matter shows when they are copied.
        Err(Errno::NOTSUP) => Ok(false),
        Err(Errno::INTR) => Err(Error::system("examine", path.to_path_buf(), Errno::INTR)),
        Err(_) => Ok(true),
    }
}

/// Gives a target with all its bytes its attributes, as far as that can be done. What cannot be is reported, and costs
/// nothing else: false if that is a failure; an error is about the bytes, or an interruption.
pub(super) fn keep_attributes(copier: &mut Copier, copy: &FileCopy) -> Result<bool> {
    if copy.target.is_special() {
        return Ok(true);
    }
    let (plan, was_there) = (Arc::clone(&copier.shared.plan), copy.target.was_there());
    let creator = if was_there { copier.shared.identity.unknown_creator() } else { copy.entry.open.creator };
    let (keep, target, mut lost) = (plan.keep, FileRef::Open(copy.target.file.as_fd()), Vec::new());
    let (wanted, is_lent) = (copy.wanted(&plan, &creator), lender(&plan, copy.target.replaced()).is_some());
    // What replaces a file is that file's, if not its source's.
    let owned = if keep.keeps_owner() || is_lent {
        keep_owner(&mut copier.worker.sys, target, &wanted, &creator, &mut lost)
    } else {
        Owned::from_the_start(&wanted, &creator)
    };
    let prior = if was_there || copy.entry.open.creator.inherits_acl { Prior::Access } else { Prior::None };
    let kept = keep_extended(copier, Origin::Open(copy.source.as_fd()), target, prior);
    let mode_now = copy.target.mode_now.filter(|_| !kept.mode_moved);
    let sys = &mut copier.worker.sys;
    // What inherits an ACL, and is to have no other mode, has its own already.
    let is_natural = !keep.mode && creator.inherits_acl && !is_lent;
    if keep.mode || !(was_there || is_natural) {
        keep_mode(sys, target, owned.mode(kept.mode(wanted.mode)), mode_now, &mut lost);
    }
    if keep.times {
        keep_times(sys, target, &wanted, &mut lost);
    }
    lost.extend(kept.lost);
    let is_kept = report(copier, &lost, || copy.target_path())?;
    if plan.durable == Durable::File {
        let synced = copier.worker.sys.fsync(&copy.target.file);
        synced.map_err(|errno| Error::system("sync", copy.target_path(), errno))?;
    }
    Ok(is_kept)
}

/// The same of a directory. Says what mode it is to have, and what could not be kept.
pub(super) fn keep_attributes_of_directory(
    copier: &mut Copier,
    directory: &Directory,
    found: &SourceAttributes,
    opened: &OwnedFd,
) -> (u32, Vec<Trouble>) {
    let (wanted, creator, keep) = (&found.attributes, &directory.creator, copier.shared.plan.keep);
    let (target, mut lost) = (FileRef::Open(opened.as_fd()), Vec::new());
    let owned = if keep.keeps_owner() {
        keep_owner(&mut copier.worker.sys, target, wanted, creator, &mut lost)
    } else {
        Owned::from_the_start(wanted, creator)
    };
    let kept = keep_extended_of_directory(copier, directory, found.has_extended, opened);
    let sys = &mut copier.worker.sys;
    let ordinary = (!keep.mode).then(|| ordinary_mode_of(sys, opened, wanted, creator));
    let mode = ordinary.unwrap_or_else(|| owned.mode(kept.mode(wanted.mode)));
    if directory.staged.is_none() && (keep.mode || directory.is_staged()) {
        keep_mode(sys, target, mode, None, &mut lost);
    }
    if keep.times {
        keep_times(sys, target, wanted, &mut lost);
    }
    lost.extend(kept.lost);
    (mode, lost)
}

/// The source of a directory is opened again only where there is something to be copied or to be taken away.
fn keep_extended_of_directory(copier: &mut Copier, directory: &Directory, has_any: bool, target: &OwnedFd) -> Kept {
    let is_bare = directory.is_staged() && !directory.creator.inherits_acl;
    let prior = if is_bare { Prior::None } else { Prior::AccessAndDefault };
    if prior == Prior::None && !has_any {
        return Kept::default();
    }
    let sys = &mut copier.worker.sys;
    let (source, name) = match (directory.source.open(sys), directory.source.above()) {
        // One that may not be read has its attributes by its name in the one above, or by `.` if that may be looked up.
        (Err(Errno::ACCESS), Some((above, name))) => (above.open_to_search(sys), Some(name)),
        (Err(Errno::ACCESS), None) => (directory.source.open_to_search(sys), Some(c".")),
        (opened, _) => (opened, None),
    };
    let source = match source {
        Ok(source) => source,
        Err(errno) => return Kept::unread(Trouble::new("open", Class::Plain, errno), has_any),
    };
    let origin = name.map_or(Origin::Open(source.as_fd()), |name| Origin::Named(source.as_fd(), name));
    let kept = keep_extended(copier, origin, FileRef::Open(target.as_fd()), prior);
    let _ = copier.worker.sys.close(source);
    kept
}

pub(super) fn keep_extended(copier: &mut Copier, source: Origin<'_>, target: FileRef<'_>, prior: Prior) -> Kept {
    let what = (Selection::All, copier.shared.plan.keep);
    keep(&mut copier.worker.sys, source, target, prior, what, &mut copier.attributes)
}

/// Says what could not be kept of a target, whose bytes stay: false if that is a failure. An error is an interruption.
pub(super) fn report(copier: &mut Copier, lost: &[Trouble], path: impl Fn() -> PathBuf) -> Result<bool> {
    copier.shared.losses.report(&mut copier.worker, lost, path, "")
}

/// The same of a failure that is not about one of them alone.
pub(super) fn report_one(worker: &mut WorkerContext, error: Error) -> Result<bool> {
    if error.is_interruption() {
        return Err(error);
    }
    worker.fail(error);
    Ok(false)
}
