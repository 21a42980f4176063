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
//! What cannot be kept is noted ([`Kept::lost`]) and the rest is done; how much it matters is said in `trouble.rs`. ENOSPC
//! is also what ext4 says, on a disk with room, to a value that is longer than a block.

mod acl;
mod copy;
#[cfg(test)]
mod tests;

use std::ffi::CStr;
use std::os::fd::AsFd;

pub(crate) use super::file_ref::Origin;
pub(crate) use acl::{Prior, allowed_by_default, has_default_acl, shed_acls};

use super::file_ref::FileRef;
use super::trouble::{Class, Trouble};
use crate::plan::{Keep, PreserveLevel};
use crate::sys::{Sys, XattrBuffer};
use acl::ACCESS;
use copy::Copier;

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
    /// What could not be kept.
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

    /// Nothing of a file's attributes could be looked at; its ACL, if it may have one, is lost.
    pub(crate) fn unread(trouble: Trouble, may_have_acl: bool) -> Self {
        let mut kept = Self { lost: vec![trouble], ..Self::default() };
        if may_have_acl {
            kept.lose_access_acl(0);
        }
        kept
    }

    const fn lose_access_acl(&mut self, group_rights: u32) {
        self.group_rights = Some(group_rights);
        self.mode_moved = true;
    }
}

/// Which attributes are copied, as far as a plan says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// All that are ever copied.
    All,
    /// ACLs and `user.*`: what is true of a file that holds the same in another form. A program's capabilities are not,
    /// which is noted as a loss.
    OfAnotherForm,
}

impl Selection {
    fn has(self, name: &CStr) -> bool {
        self == Self::All || name.to_bytes().starts_with(b"user.") || Class::of(name) == Some(Class::Acl)
    }

    /// Whether it says anything of that attribute.
    fn concerns(self, name: &CStr) -> bool {
        self.has(name) || Class::of(name) == Some(Class::Capability)
    }
}

/// What an open file has, as far as must be known before its target is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Something is to be done about its attributes.
    pub any: bool,
    /// It has an ACL: the permission bits of its group may be more than the group may do.
    pub acl: bool,
}

impl Listed {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self { any: true, acl: true };

    /// Asks. One system call.
    pub fn of(sys: &mut Sys, file: impl AsFd, selection: Selection, buffers: &mut Buffers) -> Self {
        let Ok(names) = Origin::Open(file.as_fd()).list(sys, &mut buffers.names) else { return Self::UNKNOWN };
        let any = names.clone().any(|name| selection.concerns(name));
        Self { any, acl: any && names.into_iter().any(|name| name == ACCESS) }
    }
}

/// Copies the extended attributes and ACLs that `keep` asks for from a file or directory to another. See above for what
/// must be done before and after.
///
/// ACLs that the target may have (`prior`) and the source has not are removed, if the mode is kept; other attributes of
/// the target stay. A file without attributes costs one system call, `flistxattr`.
pub(crate) fn keep_extended(
    sys: &mut Sys,
    source: Origin<'_>,
    target: FileRef<'_>,
    prior: Prior,
    (selection, keep): (Selection, Keep),
    buffers: &mut Buffers,
) -> Kept {
    if [Class::Acl, Class::Context, Class::Plain].iter().all(|class| class.level(keep) == PreserveLevel::No) {
        return Kept::default();
    }
    let kept = Kept::default();
    Copier { sys, source, target, selection, keep, kept, mode_before: None }.run(prior, buffers)
}
