//! What there is to keep beside the bytes, which attributes belong to what, and which are never copied.

use std::ffi::CStr;

use crate::plan::{Keep, PreserveLevel};

/// What is kept of a file, and so which level decides about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Owner and group.
    Owner,
    /// Permission bits.
    Mode,
    /// Times of access and of content.
    Times,
    /// An ACL: kept with the mode, where possible (`system.*`: POSIX ACLs, `system.nfs4_acl`).
    Acl,
    /// The label of `SELinux` (`security.selinux`).
    Context,
    /// What a program may do that root alone may (`security.capability`).
    Capability,
    /// All other attributes: `user.*`, `trusted.*` and so on.
    Plain,
}

/// Names, and starts of names that end with a dot, of what says nothing of a copy: a seal over the inode it lies on
/// (EVM), XFS's own form of what it also lists as POSIX ACLs (to root only) and other internals, cells of AFS. The C
/// library of attributes passes over the same (`/etc/xattr.conf`).
const NEVER: [&[u8]; 7] = [
    b"security.evm",
    b"trusted.SGI_ACL_FILE",
    b"trusted.SGI_ACL_DEFAULT",
    b"trusted.SGI_CAP_FILE",
    b"trusted.SGI_MAC_FILE",
    b"xfsroot.",
    b"afs.",
];

impl Class {
    /// What the attribute of that name belongs to; `None` for one that is never copied.
    pub fn of(name: &CStr) -> Option<Self> {
        let name = name.to_bytes();
        if NEVER.iter().any(|never| if never.ends_with(b".") { name.starts_with(never) } else { name == *never }) {
            return None;
        }
        Some(match name {
            b"security.selinux" => Self::Context,
            b"security.capability" => Self::Capability,
            _ if name.starts_with(b"system.") => Self::Acl,
            _ => Self::Plain,
        })
    }

    /// Whether it is preserved.
    pub const fn level(self, keep: Keep) -> PreserveLevel {
        match self {
            Self::Owner => keep.owner,
            Self::Mode | Self::Acl if keep.mode => PreserveLevel::IfPossible,
            Self::Times if keep.times => PreserveLevel::IfPossible,
            Self::Mode | Self::Acl | Self::Times => PreserveLevel::No,
            Self::Context => keep.context,
            Self::Capability | Self::Plain => keep.xattrs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_classed() {
        for (name, class) in [
            (c"system.posix_acl_access", Some(Class::Acl)),
            (c"system.posix_acl_default", Some(Class::Acl)),
            (c"system.nfs4_acl", Some(Class::Acl)),
            (c"security.selinux", Some(Class::Context)),
            (c"security.capability", Some(Class::Capability)),
            (c"security.selinux2", Some(Class::Plain)),
            (c"user.system.posix_acl_access", Some(Class::Plain)),
            (c"user.\xff", Some(Class::Plain)),
            (c"trusted.overlay.opaque", Some(Class::Plain)),
            (c"btrfs.compression", Some(Class::Plain)),
            (c"security.evm", None),
            (c"security.evm2", Some(Class::Plain)),
            (c"trusted.SGI_ACL_FILE", None),
            (c"afs.path", None),
        ] {
            assert_eq!(Class::of(name), class, "{name:?}");
        }
    }

    #[test]
    fn each_class_has_its_level() {
        let keep = Keep { mode: false, xattrs: PreserveLevel::Required, context: PreserveLevel::No, ..Keep::ALL };
        assert_eq!(
            [Class::Acl, Class::Context, Class::Plain].map(|class| class.level(keep)),
            [PreserveLevel::No, PreserveLevel::No, PreserveLevel::Required]
        );
        assert_eq!(Class::Acl.level(Keep::ALL), PreserveLevel::IfPossible);
    }
}
