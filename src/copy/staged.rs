//! New trees under temporary names, and going on with those that an earlier copy left.
//!
//! What is in such a tree is done if it is a file of its source's size and time, since times are set last; the rest is
//! made again, and what the source does not have any more goes.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::attributes::inherits;
use super::directory::{Directory, Entry, OpenDirectory, Subdirectory, TargetState};
use super::names::refuse_other_case;
use super::shared::Shared;
use crate::error::{Error, Remedy, Result};
use crate::sys::{Attributes, Creator, DirectoryBuffer, FileKind, Sys};
use crate::tree::extended::shed_acls;
use crate::tree::{Begun, Refused, StagedTree, UNFINISHED, remove_tree};

/// A new tree that is to become the target of a directory. `None` where a name cannot be changed once it is given: there
/// the directory has its final one from the start, and each file in it is a target of its own.
pub(super) fn begin_tree(copier: &mut Copier, subdirectory: &Subdirectory<'_>) -> Result<Option<Directory>> {
    let Subdirectory { above, new_name, .. } = *subdirectory;
    let failed = |errno| subdirectory.failed(errno);
    let (sys, shared) = (&mut copier.worker.sys, &copier.shared);
    let parent = above.target.open_to_search(sys).map_err(failed)?;
    let made = sys.fstat(&parent).map_err(failed)?;
    if made.is_append_only {
        let bits = if shared.plan.keep.mode { 0o700 } else { 0o777 };
        sys.mkdirat(&parent, new_name, bits).and(sys.close(parent)).map_err(failed)?;
        return Ok(None);
    }
    let staged = StagedTree::begin(sys, &above.target, &parent, new_name, &shared.unfinished, shared.plan.resume);
    let (staged, begun) = staged.map_err(|refused| not_begun(refused, above))?;
    let inherits_acl = inherits(sys, &shared.plan, &parent, staged.path(), UNFINISHED);
    let creator = Creator { inherits_acl, ..shared.identity.creating_in(&made) };
    sys.close(parent).map_err(failed)?;
    let state = if begun == Begun::Again { TargetState::Resumed } else { TargetState::New };
    match begun {
        Begun::Empty => {}
        Begun::Again => {
            let what = || "continued where an earlier copy ended".to_owned();
            copier.worker.note(|| (subdirectory.target_path(), what()));
        }
        Begun::BesideAnother => {
            let why = "an earlier copy to here was not finished: its '.haul-part' is still there";
            copier.worker.advise(subdirectory.target_path(), why, Remedy::Resume);
        }
    }
    let directory = subdirectory.with(Arc::clone(staged.path()));
    Ok(Some(Directory { state, staged: Some(staged), creator, ..directory }))
}

/// The temporary name of the unfinished tree that would be continued, if the plan wants that and there is one.
pub(super) fn find_unfinished(copier: &mut Copier, subdirectory: &Subdirectory<'_>) -> Result<Option<CString>> {
    if !copier.shared.plan.resume {
        return Ok(None);
    }
    let (sys, above) = (&mut copier.worker.sys, subdirectory.above);
    let parent = above.target.open_to_search(sys).map_err(|errno| subdirectory.failed(errno))?;
    let unfinished = StagedTree::find(sys, &parent, subdirectory.new_name);
    sys.close(parent).map_err(|errno| subdirectory.failed(errno))?;
    unfinished.map_err(|refused| not_begun(refused, above))
}

fn not_begun(refused: Refused, above: &Directory) -> Error {
    match refused {
        Refused::System(name, errno) => Error::system("create directory", above.target_of(&name), errno),
        Refused::NotContinued(name, why) => {
            Error::refused("continue", above.target_of(&name), why).with(Remedy::NoResume)
        }
    }
}

/// Makes the directory of an entry in a tree under a temporary name, where something else may be in its place. A dry run
/// only says so when its turn comes.
pub(super) fn make_directory(copier: &mut Copier, entry: Entry<'_>, replaces: bool) -> Result<TargetState> {
    let (sys, target, name) = (&mut copier.worker.sys, &entry.open.target, entry.new_name);
    if copier.dry_run.is_none() {
        let removed = if replaces { sys.unlinkat(target, name) } else { Ok(()) };
        let made = removed.and_then(|()| sys.mkdirat(target, name, 0o700));
        made.map_err(|errno| Error::system("create directory", entry.target_path(), errno))?;
    }
    Ok(TargetState::New)
}

/// The same in a tree that is continued, where it may be there.
pub(super) fn take_over_directory(copier: &mut Copier, entry: Entry<'_>) -> Result<TargetState> {
    let Entry { open, name, new_name } = entry;
    let sys = &mut copier.worker.sys;
    match sys.stat_at(&open.target, new_name) {
        Ok(existing) => {
            refuse_other_case(sys, &copier.shared, &open.directory, Some(&open.target), name, new_name)?;
            if existing.kind == FileKind::Directory {
                return Ok(TargetState::Resumed);
            }
            make_directory(copier, entry, true)
        }
        Err(Errno::NOENT) => make_directory(copier, entry, false),
        Err(errno) => Err(Error::system("create directory", entry.target_path(), errno)),
    }
}

/// What could not be copied must not seem to be there, in the state in which an earlier copy left it; but where the
/// whole job ends, the next copy is to find it. Best effort: the failure that led here is the one to report.
pub(super) fn clear_stale<T>(sys: &mut Sys, entry: Entry<'_>, copied: &Result<T>) {
    let failed = copied.as_ref().is_err_and(|error| !error.stops_the_job());
    if failed && !sys.changes_nothing() && entry.directory().state == TargetState::Resumed {
        let _ = remove_tree(sys, &*entry.open.target, entry.new_name);
    }
}

/// The same for a directory whose source cannot be read; the top of a tree stays for the next copy.
pub(super) fn clear_stale_directory(sys: &mut Sys, directory: &Directory) {
    if directory.state == TargetState::Resumed
        && !sys.changes_nothing()
        && directory.staged.is_none()
        && let Some((above, name)) = directory.target.above()
        && let Ok(parent) = above.open(sys)
    {
        let _ = remove_tree(sys, &parent, name);
        let _ = sys.close(parent);
    }
}

/// Whether [`reopen_finished`] changes the mode of a directory with these attributes.
pub(super) fn is_reopened(shared: &Shared, found: &Attributes) -> bool {
    let (plan, user) = (&shared.plan, shared.identity.uid);
    plan.resume && plan.keep.mode && found.uid == user && user != 0 && found.mode & 0o300 != 0o300
}

/// A directory that an earlier copy finished may be one that its owner may not write to; a name in it may still have to
/// become another one's link. It gets its mode again at the end.
pub(super) fn reopen_finished(sys: &mut Sys, shared: &Shared, directory: &OwnedFd, found: &Attributes) {
    if is_reopened(shared, found) {
        // Where that is not allowed, what needs it will fail and say so.
        let _ = sys.fchmod(directory, found.mode | 0o700);
    }
}

/// Makes a directory that is continued ours again, and takes out of it what its source has not.
pub(super) fn reconcile(sys: &mut Sys, open: &OpenDirectory) -> Result<()> {
    let failed = |errno| Error::system("continue", open.directory.target.to_path_buf(), errno);
    // It may have got its final mode and ACLs already; what is made in it must not inherit those.
    let shed = shed_acls(sys, &*open.target);
    let ours = shed.and_then(|()| {
        if let Some(staged) = &open.directory.staged {
            return staged.take_over(sys);
        }
        // Set-group-id stays: it says whose group new files get.
        let found = sys.fstat(&*open.target)?;
        sys.fchmod(&*open.target, 0o700 | found.mode & 0o2000)
    });
    ours.map_err(|errno| Error::of_one_file("continue", open.directory.target.to_path_buf(), errno))?;
    let listed = sys.open_directory(&*open.target, c".").map_err(failed)?;
    let mut buffer = DirectoryBuffer::default();
    let mut stale = Vec::new();
    while let Some(entries) = sys.getdents(&listed, &mut buffer).map_err(failed)? {
        for entry in entries.iter() {
            if is_missing(sys, open, entry.name).map_err(failed)? {
                stale.push(entry.name.to_owned());
            }
        }
    }
    sys.close(listed).map_err(failed)?;
    stale.iter().try_for_each(|name| remove_tree(sys, &*open.target, name)).map_err(failed)
}

fn is_missing(sys: &mut Sys, open: &OpenDirectory, name: &CStr) -> rustix::io::Result<bool> {
    match sys.stat_at(&open.source, name) {
        Ok(_) => Ok(false),
        Err(Errno::NOENT) => Ok(true),
        Err(errno) => Err(errno),
    }
}
