//! Targets: whether one may be made, and the steps between its last byte and the end of its source.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;

use super::Folder;
use super::replaced::Replaced;
use super::source::Source;
use crate::error::{Error, Result};
use crate::job::losses::Losses;
use crate::job::target_registry::TargetRegistry;
use crate::job::worker_context::WorkerContext;
use crate::plan::{FilesPlan, Keep, PreserveLevel};
use crate::sys::{Attributes, Creator, FileKind, Moment, Sys};
use crate::tree::extended::{Buffers, Kept, Listed, Origin, Prior, Selection, keep_extended};
use crate::tree::metadata::{creation_mode, keep_mode, keep_owner, keep_times};
use crate::tree::{
    DirectoryRules, FileRef, TemporaryFile, TemporaryFileRegistry, TimeSteps, Trouble, UNREMOVABLE, is_temporary,
};

/// What there is under a target's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gzip) enum Existing {
    Nothing,
    /// Something that is to be replaced.
    Replaced,
    /// What need not be made again.
    UpToDate,
}

/// What is under the name of a target that would get the time `mtime`; an error if it may not be replaced, as the
/// source itself may never be, under whatever name or link it was found.
pub(in crate::gzip) fn may_create(
    sys: &mut Sys,
    plan: &FilesPlan,
    source: &Source,
    (folder, name, path): (&Folder, &CStr, &Path),
    mtime: Moment,
    (times, temporary_files): (&TimeSteps, &TemporaryFileRegistry),
) -> Result<Existing> {
    let existing = sys.stat_at(&*folder.directory, name);
    if source.is_at(folder, name) || existing.is_ok_and(|existing| existing.is_same_file(&source.attributes)) {
        return Err(Error::refused("replace", path, "it is the source itself"));
    }
    match existing {
        Err(Errno::NOENT) => Ok(Existing::Nothing),
        Err(errno) => Err(Error::system("create", path, errno)),
        Ok(existing) if existing.kind == FileKind::Directory => Err(Error::system("replace", path, Errno::ISDIR)),
        Ok(existing) if plan.update && existing.kind == FileKind::RegularFile => {
            let age = times.compare(sys, Some(folder.site(temporary_files)), &existing, mtime);
            Ok(if age.is_ge() { Existing::UpToDate } else { Existing::Replaced })
        }
        Ok(_) if plan.force => Ok(Existing::Replaced),
        Ok(_) => Err(Error::refused("create", path, "it exists; -f replaces it")),
    }
}

/// Takes the target's name for this source; an error if another one has it. gzip does that before it reads, gunzip when
/// it has the whole file, whose header may have told another name.
pub(in crate::gzip) fn claim(registry: &TargetRegistry, folder: &Folder, name: &CStr, path: &Path) -> Result<()> {
    if is_temporary(name) {
        return Err(Error::refused("create", path, "its name would be that of a temporary file of haul"));
    }
    unless_taken(registry.take(folder.id, name.to_bytes()), path)
}

/// The same for a target that is up to date. It may be a source too: a walk does not pass it over.
pub(in crate::gzip) fn claim_up_to_date(
    registry: &TargetRegistry,
    folder: &Folder,
    name: &CStr,
    path: &Path,
) -> Result<()> {
    unless_taken(registry.take_as_it_is(folder.id, name.to_bytes()), path)
}

fn unless_taken(free: bool, path: &Path) -> Result<()> {
    if free { Ok(()) } else { Err(Error::refused("create", path, "it is the target of another file, too")) }
}

/// What a target of gzip or gunzip keeps of its source, with what [`Selection::OfAnotherForm`] leaves of its attributes.
pub(in crate::gzip) const KEEP: Keep = Keep { context: PreserveLevel::No, ..Keep::ALL };

/// Makes the file, under a temporary name, that is to become `name` and like `wanted`. At no moment may anybody use it who
/// may not use its source: with an ACL, that of the source or one that the folder hands on, its bits for the group are
/// no longer what the group may do, so it is its owner's alone until its own ACL is there.
pub(in crate::gzip) fn create(
    sys: &mut Sys,
    temporary_files: &TemporaryFileRegistry,
    folder: &Folder,
    name: &CStr,
    (source, wanted): (&Source, &Attributes),
    buffers: &mut Buffers,
) -> rustix::io::Result<(TemporaryFile, OwnedFd)> {
    let mode = mode_at_first(&folder.creator(sys), source.listed(sys, buffers), wanted, folder.rules);
    TemporaryFile::file(sys, folder.site(temporary_files), name, mode)
}

/// The mode to create a target with. Where others could open it before it is finished it is its owner's alone: its ACL is
/// not there yet, or it has its final name already.
fn mode_at_first(creator: &Creator, listed: Listed, wanted: &Attributes, rules: DirectoryRules) -> u32 {
    let mode = creation_mode(wanted, creator, &KEEP);
    if listed.acl || rules.is_append_only() { mode & 0o600 } else { mode }
}

/// Gives a written target what it keeps of its source, makes it durable if that is wanted, and closes it. What cannot be
/// kept is reported and costs nothing else; false if any of it is a failure, and then the source must stay. An error is
/// about the bytes, or an interruption.
pub(in crate::gzip) fn complete(
    worker: &mut WorkerContext,
    losses: &Losses,
    plan: &FilesPlan,
    (file, path, folder): (OwnedFd, &Path, &Folder),
    (source, wanted, keep): (&Source, &Attributes, Keep),
    buffers: &mut Buffers,
) -> Result<bool> {
    let sys = &mut worker.sys;
    let lost = keep_attributes(sys, &file, folder, (source, wanted, keep), buffers);
    let durable = if plan.sync { sys.fsync(&file) } else { Ok(()) };
    let closed = durable.and(sys.close(file));
    closed.map_err(|errno| Error::system("finish", path, errno))?;
    losses.report(worker, &lost, || path.to_owned(), "; the source stays")
}

/// Says what could not be kept.
fn keep_attributes(
    sys: &mut Sys,
    file: &OwnedFd,
    folder: &Folder,
    (source, wanted, keep): (&Source, &Attributes, Keep),
    buffers: &mut Buffers,
) -> Vec<Trouble> {
    let (creator, listed) = (folder.creator(sys), source.listed(sys, buffers));
    let (target, mut lost) = (FileRef::Open(file.as_fd()), Vec::new());
    let owned = keep_owner(sys, target, wanted, &creator, &mut lost);
    let prior = if creator.inherits_acl { Prior::Access } else { Prior::None };
    let kept = if listed.any || prior != Prior::None {
        let from = Origin::Open(source.file.as_fd());
        keep_extended(sys, from, target, prior, (Selection::OfAnotherForm, keep), buffers)
    } else {
        Kept::default()
    };
    let mode_now = mode_at_first(&creator, listed, wanted, folder.rules) & !creator.umask;
    let mode_now = Some(mode_now).filter(|_| !kept.mode_moved && !creator.inherits_acl);
    keep_mode(sys, target, owned.mode(kept.mode(wanted.mode)), mode_now, &mut lost);
    if keep.times {
        keep_times(sys, target, wanted, &mut lost);
    }
    lost.extend(kept.lost);
    lost
}

/// Takes a target away that failed.
pub(in crate::gzip) fn abandon(worker: &mut WorkerContext, temporary: TemporaryFile, path: &Path) {
    if !temporary.abandon(&mut worker.sys) {
        worker.warn(path, UNREMOVABLE);
    }
}

/// Gives a target its final name; says whether it replaced something that somebody else has open. Where it gets none it
/// is taken away: its source is there.
pub(in crate::gzip) fn give_name(
    sys: &mut Sys,
    temporary: TemporaryFile,
    folder: &Folder,
    name: &CStr,
    replace: bool,
) -> rustix::io::Result<bool> {
    let replaced = if replace { Replaced::hold(sys, folder, name) } else { Replaced::NOTHING };
    let named = temporary.finish_as(sys, name, replace).map_err(|unnamed| unnamed.abandon(sys));
    let is_in_use = replaced.let_go(sys);
    named.map(|_| is_in_use)
}

/// Makes the names in a folder durable if that is wanted: a source may go only after this.
pub(in crate::gzip) fn settle(sys: &mut Sys, plan: &FilesPlan, folder: &Folder) -> Result<()> {
    if !plan.sync {
        return Ok(());
    }
    sync_directory(sys, folder.directory.as_fd()).map_err(|errno| Error::system("sync", folder.place.path(), errno))
}

/// Makes the names in a directory durable. Opened again, since `O_PATH` descriptors cannot be synced.
pub(super) fn sync_directory(sys: &mut Sys, directory: impl AsFd) -> rustix::io::Result<()> {
    let readable = sys.open_directory(directory, c".")?;
    sys.fsync(&readable).and(sys.close(readable))
}
