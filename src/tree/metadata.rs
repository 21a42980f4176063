//! What a copy keeps beside the bytes: owner, then (in `extended.rs`) attributes and ACLs, then mode, then times. Calls
//! are made only where something differs.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use crate::plan::Keep;
use crate::sys::{Attributes, Creator, FileKind, Sys};

/// Set-user-id and set-group-id.
pub const SET_ID: u32 = 0o6000;

/// The mode to create a file with that shall end up like `wanted`: its own, unless its owner must change first, or an
/// ACL that it inherits goes. Until then nobody else may open it.
pub fn creation_mode(wanted: &Attributes, creator: &Creator, keep: &Keep) -> u32 {
    let sheds_acl = creator.inherits_acl && keep.mode;
    if sheds_acl || (keep.owner && !creator.makes(wanted)) { 0o600 } else { wanted.mode & 0o777 }
}

/// The mode that a file has once it was created with [`creation_mode`]; `None` if that cannot be foretold.
pub fn created_mode(wanted: &Attributes, creator: &Creator, keep: &Keep) -> Option<u32> {
    (!creator.inherits_acl).then(|| creation_mode(wanted, creator, keep) & !creator.umask)
}

/// Gives an open file that was created with [`creation_mode`] the owner, mode and times of `wanted`.
pub fn keep_on_new_file(sys: &mut Sys, file: impl AsFd, wanted: &Attributes, creator: &Creator) -> Result<()> {
    let owned = keep_owner(sys, file.as_fd(), wanted, creator)?;
    keep_mode(sys, file.as_fd(), wanted.mode, owned, created_mode(wanted, creator, &Keep::ALL))?;
    sys.futimens(file, wanted.atime, wanted.mtime)
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owned {
    /// Its source's.
    Rightly,
    /// Somebody else's: set-id bits would lend the wrong user's rights.
    Otherwise,
}

impl Owned {
    /// Whose a file is that nobody gives to anybody.
    pub fn from_the_start(wanted: &Attributes, creator: &Creator) -> Self {
        if creator.makes(wanted) { Self::Rightly } else { Self::Otherwise }
    }

    /// The mode that such a file may have.
    pub const fn mode(self, wanted: u32) -> u32 {
        match self {
            Self::Rightly => wanted,
            Self::Otherwise => wanted & !SET_ID,
        }
    }
}

/// Gives an open file the owner and group of `wanted`, or at least the group, as `cp -p` does. First of all: the kernel
/// takes capabilities and set-id bits away from a file that changes hands.
pub fn keep_owner(sys: &mut Sys, file: impl AsFd, wanted: &Attributes, creator: &Creator) -> Result<Owned> {
    if creator.makes(wanted) {
        return Ok(Owned::Rightly);
    }
    match sys.fchown(file.as_fd(), wanted.uid, wanted.gid) {
        Ok(()) => return Ok(Owned::Rightly),
        Err(Errno::PERM | Errno::INVAL) => {}
        Err(errno) => return Err(errno),
    }
    if Some(wanted.gid) != creator.gid {
        match sys.fchown(file, creator.uid, wanted.gid) {
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(Owned::Otherwise)
}

/// Gives an open file its final mode, unless that is the one it has now. After ACLs, which are part of it.
pub fn keep_mode(sys: &mut Sys, file: impl AsFd, mode: u32, owned: Owned, mode_now: Option<u32>) -> Result<()> {
    let mode = owned.mode(mode);
    if mode_now == Some(mode) { Ok(()) } else { sys.fchmod(file, mode) }
}

/// The mode of what is made, where its source's is not to be kept: as any program would make it.
pub const fn ordinary_mode(wanted: &Attributes, creator: &Creator) -> u32 {
    wanted.mode & 0o777 & !creator.umask
}

/// Gives `name`, which is no regular file and no directory, the owner of `wanted`. Its mode was set when it was made;
/// symbolic links have none.
pub fn keep_owner_of_name(
    sys: &mut Sys,
    directory: impl AsFd,
    name: &CStr,
    wanted: &Attributes,
    creator: &Creator,
) -> Result<()> {
    if creator.makes(wanted) {
        return Ok(());
    }
    match sys.chown_at(directory.as_fd(), name, wanted.uid, wanted.gid) {
        Ok(()) | Err(Errno::PERM | Errno::INVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
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
