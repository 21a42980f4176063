//! What a copy keeps beside the bytes: owner, then (in `extended/`) attributes and ACLs, then mode, then times. Calls are
//! made only where something differs. A step that fails is noted, and the others are taken all the same.

use rustix::io::Errno;

use super::file_ref::FileRef;
use super::trouble::Class;
use super::trouble::Trouble;
use crate::plan::Keep;
use crate::sys::{Attributes, Creator, FileKind, Sys};

/// What a directory with this bit hands on to those made in it: it says whose group new files get, and lends no rights.
pub(crate) const SET_GROUP_ID: u32 = 0o2000;
/// Set-user-id and set-group-id.
pub(crate) const SET_ID: u32 = 0o6000;

/// The mode to create a file with that shall end up like `wanted`: its own, unless its owner must change first, or an
/// ACL that it inherits goes. Until then nobody else may open it.
pub(crate) fn creation_mode(wanted: &Attributes, creator: &Creator, keep: Keep) -> u32 {
    let sheds_acl = creator.inherits_acl && keep.mode;
    if sheds_acl || (keep.keeps_owner() && !creator.makes(wanted)) { 0o600 } else { wanted.mode & 0o777 }
}

/// Whose a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owned {
    /// Its source's.
    Rightly,
    /// Somebody else's: set-id bits would lend the wrong user's rights.
    Otherwise,
}

impl Owned {
    /// Whose a file is that nobody gives to anybody.
    pub(crate) fn from_the_start(wanted: &Attributes, creator: &Creator) -> Self {
        if creator.makes(wanted) { Self::Rightly } else { Self::Otherwise }
    }

    /// The mode that such a file may have.
    pub(crate) const fn mode(self, wanted: u32) -> u32 {
        match self {
            Self::Rightly => wanted,
            Self::Otherwise => wanted & !SET_ID,
        }
    }
}

/// Gives a file the owner and group of `wanted`, or at least the group, as `cp -p` does. First of all: the kernel takes
/// capabilities and set-id bits away from a file that changes hands.
pub(crate) fn keep_owner(
    sys: &mut Sys,
    target: FileRef<'_>,
    wanted: &Attributes,
    creator: &Creator,
    lost: &mut Vec<Trouble>,
) -> Owned {
    if creator.makes(wanted) {
        return Owned::Rightly;
    }
    let mut refused = |errno| lost.push(Trouble::new("set", Class::Owner, errno));
    let Err(errno) = target.set_owner(sys, wanted.uid, wanted.gid) else { return Owned::Rightly };
    refused(errno);
    if matches!(errno, Errno::PERM | Errno::INVAL) && Some(wanted.gid) != creator.gid {
        match target.set_owner(sys, creator.uid, wanted.gid) {
            Ok(()) | Err(Errno::PERM | Errno::INVAL) => {}
            Err(errno) => refused(errno),
        }
    }
    Owned::Otherwise
}

/// Gives a file its final mode, unless that is the one it has now. After ACLs, which are part of it.
pub(crate) fn keep_mode(sys: &mut Sys, target: FileRef<'_>, mode: u32, mode_now: Option<u32>, lost: &mut Vec<Trouble>) {
    if mode_now != Some(mode)
        && let Err(errno) = target.set_mode(sys, mode)
    {
        lost.push(Trouble::new("set", Class::Mode, errno));
    }
}

/// Gives a file the times of `wanted`. Last, since all else moves them.
pub(crate) fn keep_times(sys: &mut Sys, target: FileRef<'_>, wanted: &Attributes, lost: &mut Vec<Trouble>) {
    if let Err(errno) = target.set_times(sys, wanted.atime, wanted.mtime) {
        lost.push(Trouble::new("set", Class::Times, errno));
    }
}

/// The mode of what is made, where its source's is not to be kept: as any program would make it, and as `cp -r` does.
pub(crate) const fn ordinary_mode(wanted: &Attributes, creator: &Creator) -> u32 {
    wanted.mode & 0o777 & !(creator.umask | creator.owner_umask)
}

/// The same of a directory. `handed_on` is what the default ACL of the
/// directory that it lies in allows: that takes the mask's place, but for the right of others to write, which `cp -r`
/// leaves out at first and adds by the mask at the end.
pub(crate) const fn ordinary_directory_mode(wanted: &Attributes, creator: &Creator, handed_on: Option<u32>) -> u32 {
    const OTHERS_WRITE: u32 = 0o022;
    match handed_on {
        Some(allowed) => wanted.mode & allowed & !OTHERS_WRITE | ordinary_mode(wanted, creator) & OTHERS_WRITE,
        None => ordinary_mode(wanted, creator),
    }
}

/// What people call a kind of file, with its article.
pub(crate) const fn describe(kind: FileKind) -> &'static str {
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
