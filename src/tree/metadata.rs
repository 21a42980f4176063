//! What a copy keeps beside the bytes: owner, mode, times. Calls are made only where something differs.
//!
//! Extended attributes and ACLs are not kept here yet by any job.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use crate::sys::{Attributes, Creator, FileKind, Sys};

/// Set-user-id and set-group-id.
pub const SET_ID: u32 = 0o6000;

/// The mode to create a file with that shall end up like `wanted`: its own, unless its owner must change first. Until
/// then nobody else may open it.
pub fn creation_mode(wanted: &Attributes, creator: &Creator) -> u32 {
    if creator.makes(wanted) { wanted.mode & 0o777 } else { 0o600 }
}

/// Gives an open file that was created with [`creation_mode`] the owner, mode and times of `wanted`.
pub fn keep_on_new_file(sys: &mut Sys, file: impl AsFd, wanted: &Attributes, creator: &Creator) -> Result<()> {
    let created = creation_mode(wanted, creator) & !creator.umask;
    keep(sys, file, wanted, creator, Some(created))
}

/// Gives an open directory, or a file that was there before, the owner, mode and times of `wanted`.
pub fn keep_on_existing(sys: &mut Sys, file: impl AsFd, wanted: &Attributes, creator: &Creator) -> Result<()> {
    keep(sys, file, wanted, creator, None)
}

fn keep(sys: &mut Sys, file: impl AsFd, wanted: &Attributes, creator: &Creator, mode_now: Option<u32>) -> Result<()> {
    let mode = if creator.makes(wanted) || keep_owner(sys, file.as_fd(), wanted, creator)? {
        wanted.mode
    } else {
        // Set-id bits would now lend the wrong user's rights.
        wanted.mode & !SET_ID
    };
    if mode_now != Some(mode) {
        sys.fchmod(file.as_fd(), mode)?;
    }
    // Times last: whatever else is done to the file would touch them.
    sys.futimens(file, wanted.atime, wanted.mtime)
}

/// Tries to keep owner and group, or at least the group, as `cp -p` does; says whether both were kept.
fn keep_owner(sys: &mut Sys, file: impl AsFd, wanted: &Attributes, creator: &Creator) -> Result<bool> {
    match sys.fchown(file.as_fd(), wanted.uid, wanted.gid) {
        Ok(()) => return Ok(true),
        Err(Errno::PERM | Errno::INVAL) => {}
        Err(errno) => return Err(errno),
    }
    if Some(wanted.gid) != creator.gid {
        match sys.fchown(file, creator.uid, wanted.gid) {
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(false)
}

/// Gives `name`, which is no regular file and no directory, the owner and times of `wanted`. Its mode was set when it
/// was made; symbolic links have none.
pub fn keep_on_name(
    sys: &mut Sys,
    directory: impl AsFd,
    name: &CStr,
    wanted: &Attributes,
    creator: &Creator,
) -> Result<()> {
    if !creator.makes(wanted) {
        match sys.chown_at(directory.as_fd(), name, wanted.uid, wanted.gid) {
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    sys.utimens_at(directory, name, wanted.atime, wanted.mtime)
}

/// What people call a kind of file, with its article.
pub const fn describe(kind: FileKind) -> &'static str {
    match kind {
        FileKind::RegularFile => "a regular file",
        FileKind::Directory => "a directory",
        FileKind::Symlink => "a symbolic link",
        FileKind::Fifo => "a FIFO",
        FileKind::Socket => "a socket",
        FileKind::CharacterDevice => "a character device",
        FileKind::BlockDevice => "a block device",
        FileKind::Unknown => "a file of unknown kind",
    }
}
