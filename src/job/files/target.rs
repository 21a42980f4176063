//! Targets: whether one may be made, and the steps between its last byte and the end of its source.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;

use super::Folder;
use super::replaced::Replaced;
use super::source::Source;
use crate::error::{Error, Result};
use crate::job::claims::Claims;
use crate::plan::FilesPlan;
use crate::sys::{Attributes, FileKind, Moment, Sys};
use crate::tree::metadata::keep_on_new_file;
use crate::tree::{Part, is_temporary};

/// What there is under a target's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::job) enum Existing {
    Nothing,
    /// Something that is to be replaced.
    Replaced,
    /// What need not be made again.
    UpToDate,
}

/// What is under the name of a target that would get the time `mtime`; an error if it may not be replaced, as the
/// source itself may never be, under whatever name or link it was found.
pub(in crate::job) fn may_create(
    sys: &mut Sys,
    plan: &FilesPlan,
    source: &Source,
    folder: &Folder,
    name: &CStr,
    path: &Path,
    mtime: Moment,
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
            Ok(if existing.mtime >= mtime { Existing::UpToDate } else { Existing::Replaced })
        }
        Ok(_) if plan.force => Ok(Existing::Replaced),
        Ok(_) => Err(Error::refused("create", path, "it exists; -f replaces it")),
    }
}

/// Takes the target's name for this source; an error if another one has it. gzip does that before it reads, gunzip when
/// it has the whole file, whose header may have told another name.
pub(in crate::job) fn claim(claims: &Claims, folder: &Folder, name: &CStr, path: &Path) -> Result<()> {
    if is_temporary(name) {
        return Err(Error::refused("create", path, "its name would be that of a temporary file of haul"));
    }
    unless_taken(claims.take(folder.id, name.to_bytes()), path)
}

/// The same for a target that is up to date. It may be a source too: a walk does not pass it over.
pub(in crate::job) fn claim_up_to_date(claims: &Claims, folder: &Folder, name: &CStr, path: &Path) -> Result<()> {
    unless_taken(claims.take_as_it_is(folder.id, name.to_bytes()), path)
}

fn unless_taken(free: bool, path: &Path) -> Result<()> {
    if free { Ok(()) } else { Err(Error::refused("create", path, "it is the target of another file, too")) }
}

/// Gives a written target owner, mode and times, makes it durable if that is wanted, and closes it.
pub(in crate::job) fn complete(
    sys: &mut Sys,
    plan: &FilesPlan,
    folder: &Folder,
    file: OwnedFd,
    attributes: &Attributes,
) -> rustix::io::Result<()> {
    let kept = keep_on_new_file(sys, &file, attributes, &folder.creator);
    let durable = kept.and_then(|()| if plan.sync { sys.fsync(&file) } else { Ok(()) });
    durable.and(sys.close(file))
}

/// Gives a target its final name; says whether it replaced something that somebody else has open. Where it gets none it
/// is taken away: its source is there.
pub(in crate::job) fn give_name(
    sys: &mut Sys,
    part: Part,
    folder: &Folder,
    name: &CStr,
    replace: bool,
) -> rustix::io::Result<bool> {
    let replaced = if replace { Replaced::hold(sys, folder, name) } else { Replaced::NOTHING };
    let named = part.finish_as(sys, name, replace).map_err(|unnamed| unnamed.abandon(sys));
    let is_in_use = replaced.let_go(sys);
    named.map(|_| is_in_use)
}

/// Makes the names in a folder durable if that is wanted: a source may go only after this.
pub(in crate::job) fn settle(sys: &mut Sys, plan: &FilesPlan, folder: &Folder) -> Result<()> {
    if !plan.sync {
        return Ok(());
    }
    sync_directory(sys, folder.directory.as_fd()).map_err(|errno| Error::system("sync", folder.place.path(), errno))
}

/// Makes the names in a directory durable. Opened anew, since `O_PATH` descriptors cannot be synced.
pub(super) fn sync_directory(sys: &mut Sys, directory: impl AsFd) -> rustix::io::Result<()> {
    let readable = sys.open_directory(directory, c".")?;
    sys.fsync(&readable).and(sys.close(readable))
}
