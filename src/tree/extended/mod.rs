//! Extended attributes and ACLs: which a copy keeps, in which order, and what it means that one cannot be kept.
//!
//! # The order
//!
//! Content, then owner, then what is here, then mode, then times:
//!
//! - writing and `fchown` take `security.capability` away (capabilities(7)), and only its owner may set a file's ACL;
//! - setting an access ACL sets permission bits and may clear set-group-id; and where it is lost, the mode must be
//!   another ([`Kept::mode`]);
//! - all of it changes the inode, so times come last.
//!
//! Among attributes, ACLs come last: `user.*` needs the right to write, which an ACL may take away.
//!
//! # What failing means
//!
//! What the file system or the user's rights do not allow is lost, which is told ([`Kept::lost`]), and fails the file
//! only where it is required. Everything else fails it always (ENOSPC, EDQUOT, EIO, E2BIG, ...), but never stops the
//! job: ENOSPC is also what ext4 says, on a disk with room, to a value that is longer than a block.

mod acl;
mod class;
mod copier;
mod spot;
#[cfg(test)]
mod tests;
mod trouble;

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

pub use acl::{Prior, has_default_acl, shed_acls};
pub use class::Class;
pub use trouble::Trouble;

use crate::plan::{Keep, Wish};
use crate::sys::{Sys, XattrBuffer};
use copier::Copier;
use spot::Spot;

/// Memory for names and values, kept by each worker: 2 KiB, or 128 KiB once something was longer.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Names, one list at a time.
    pub names: XattrBuffer,
    value: XattrBuffer,
}

/// What became of the attributes of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// What the target's file system or the user's rights did not allow; it was not required.
    pub lost: Vec<Trouble>,
    /// The target's mode may be another than it was, so that it must be set even if it seemed right.
    pub mode_moved: bool,
    /// An access ACL was lost under which the group had these rights (read 4, write 2, execute 1).
    group_rights: Option<u32>,
}

impl Kept {
    /// The mode to set where the source has the mode `wanted`: the same, unless its ACL was lost. Then its bits for the
    /// group are those of the ACL's mask, and become what the group may really do.
    pub const fn mode(&self, wanted: u32) -> u32 {
        match self.group_rights {
            Some(rights) => wanted & !0o070 | (wanted >> 3 & rights) << 3,
            None => wanted,
        }
    }

    const fn lose_access_acl(&mut self, group_rights: u32) {
        self.group_rights = Some(group_rights);
        self.mode_moved = true;
    }
}

/// Copies the extended attributes and ACLs that `keep` asks for from one open file or directory to another. See above
/// for what must be done before and after.
///
/// ACLs that the target may have (`prior`) and the source has not are removed, if the mode is kept; other attributes of
/// the target stay. A file without attributes costs one system call, `flistxattr`.
pub fn keep_extended(
    sys: &mut Sys,
    source: impl AsFd,
    target: impl AsFd,
    prior: Prior,
    keep: Keep,
    buffers: &mut Buffers,
) -> Result<Kept, Trouble> {
    keep_at(sys, Spot::Open(source.as_fd()), Spot::Open(target.as_fd()), prior, keep, buffers)
}

/// The same for names in open directories, of what cannot be opened: symbolic links, FIFOs, sockets, devices.
pub fn keep_extended_on_name(
    sys: &mut Sys,
    source: (BorrowedFd<'_>, &CStr),
    target: (BorrowedFd<'_>, &CStr),
    prior: Prior,
    keep: Keep,
    buffers: &mut Buffers,
) -> Result<Kept, Trouble> {
    let (source, target) = (Spot::Named(source.0, source.1), Spot::Named(target.0, target.1));
    keep_at(sys, source, target, prior, keep, buffers)
}

fn keep_at(
    sys: &mut Sys,
    source: Spot<'_>,
    target: Spot<'_>,
    prior: Prior,
    keep: Keep,
    buffers: &mut Buffers,
) -> Result<Kept, Trouble> {
    if [Class::Acl, Class::Context, Class::Plain].iter().all(|class| class.wish(keep) == Wish::No) {
        return Ok(Kept::default());
    }
    let kept = Kept::default();
    Copier { sys, source, target, keep, kept, mode_before: None }.run(prior, buffers)
}
