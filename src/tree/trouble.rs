//! What there is to keep of a file beside its bytes: which attributes belong to what, which are never copied, and how much
//! it matters that one could not be kept. It never costs the bytes.
//!
//! | what | errno | matters |
//! |---|---|---|
//! | owner | EPERM, EINVAL | nothing to an ordinary user, a warning to root, as with `cp -p`; a failure if it is required |
//! | attributes, ACLs | ENOTSUP, ENOSYS; EPERM where privilege is needed | a warning; a failure if they are required |
//! | all else | any | a failure |
//!
//! EINVAL is for an owner whom a user namespace does not know; as root of one we are root.

use std::ffi::{CStr, CString, OsStr};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;

use crate::error::{Cause, Quoted};
use crate::plan::{Keep, PreserveLevel};

/// Something that could not be kept, and why: prints as "cannot set 'user.x': Operation not supported".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What was tried, as a verb: "list", "read", "set", "remove".
    pub operation: &'static str,
    /// What it belongs to; `Plain` where it is about all attributes.
    pub class: Class,
    /// The attribute's name; `None` where it is about all of them, and of what is not an attribute.
    pub attribute: Option<CString>,
    /// What the kernel said.
    pub errno: Errno,
}

/// How much it matters that something could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Nobody expected it.
    Nothing,
    /// It is lost everywhere or nowhere: told once.
    Warning,
    /// The file's copy has failed, though its bytes are there.
    Failure,
}

impl Trouble {
    /// Of what is not an attribute.
    pub const fn new(operation: &'static str, class: Class, errno: Errno) -> Self {
        Self { operation, class, attribute: None, errno }
    }

    /// How much it matters where `keep` is what the plan keeps.
    pub(crate) fn weight(&self, keep: Keep, is_root: bool) -> Weight {
        let is_required = self.is_required(keep);
        match self.class {
            Class::Owner if is_required || !matches!(self.errno, Errno::PERM | Errno::INVAL) => Weight::Failure,
            Class::Owner if is_root => Weight::Warning,
            Class::Owner => Weight::Nothing,
            // Not of an open file: /proc is missing, by way of which others are reached.
            Class::Mode if self.errno == Errno::NOENT => Weight::Warning,
            Class::Mode | Class::Times => Weight::Failure,
            _ if is_required || !self.is_impossible() => Weight::Failure,
            _ => Weight::Warning,
        }
    }

    /// Whether a file system, or who we are, knows no such attribute, or whether there is no /proc to reach it by.
    fn is_impossible(&self) -> bool {
        match self.errno {
            Errno::NOTSUP | Errno::NOSYS | Errno::NOENT => true,
            Errno::PERM => self.attribute.as_deref().is_some_and(needs_privilege),
            _ => false,
        }
    }

    fn is_required(&self, keep: Keep) -> bool {
        let of_any_attribute = self.class == Class::Plain && self.attribute.is_none();
        self.class.level(keep) == PreserveLevel::Required
            || (of_any_attribute && keep.context == PreserveLevel::Required)
    }
}

/// Whether the kernel asks for more than the right to write before it sets such an attribute (xattr(7)).
fn needs_privilege(name: &CStr) -> bool {
    [&b"trusted."[..], b"security.", b"system."].iter().any(|space| name.to_bytes().starts_with(space))
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} ", self.operation)?;
        match (&self.attribute, self.class) {
            (Some(name), _) => write!(f, "{}", Quoted(Path::new(OsStr::from_bytes(name.as_bytes()))))?,
            (None, Class::Owner) => f.write_str("its owner")?,
            (None, Class::Mode) => f.write_str("its mode")?,
            (None, Class::Times) => f.write_str("its times")?,
            (None, _) => f.write_str("its extended attributes")?,
        }
        write!(f, ": {}", Cause::System(self.errno))?;
        // What cannot be opened is reached by way of it.
        if self.errno == Errno::NOENT { f.write_str(" (is /proc mounted?)") } else { Ok(()) }
    }
}

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

    /// The table above, in errnos.
    #[test]
    fn each_errno_is_nothing_a_warning_or_a_failure() {
        use Weight::{Failure, Nothing, Warning};
        let keep = Keep::ALL;
        let required = Keep { owner: PreserveLevel::Required, xattrs: PreserveLevel::Required, ..keep };
        let attribute = |name: &CStr| (Class::of(name).unwrap(), Some(name.to_owned()));
        for (errno, what, user, root, asked_for) in [
            (Errno::PERM, (Class::Owner, None), Nothing, Warning, Failure),
            (Errno::INVAL, (Class::Owner, None), Nothing, Warning, Failure),
            (Errno::IO, (Class::Owner, None), Failure, Failure, Failure),
            (Errno::NOSYS, (Class::Owner, None), Failure, Failure, Failure),
            (Errno::PERM, (Class::Mode, None), Failure, Failure, Failure),
            (Errno::NOSYS, (Class::Times, None), Failure, Failure, Failure),
            (Errno::NOTSUP, attribute(c"user.a"), Warning, Warning, Failure),
            (Errno::NOSYS, attribute(c"user.a"), Warning, Warning, Failure),
            (Errno::PERM, attribute(c"user.a"), Failure, Failure, Failure),
            (Errno::ACCESS, attribute(c"user.a"), Failure, Failure, Failure),
            (Errno::NOSPC, attribute(c"user.a"), Failure, Failure, Failure),
            (Errno::PERM, attribute(c"trusted.a"), Warning, Warning, Failure),
            (Errno::PERM, attribute(c"security.capability"), Warning, Warning, Failure),
            (Errno::PERM, attribute(c"system.posix_acl_access"), Warning, Warning, Warning),
            (Errno::INVAL, attribute(c"system.posix_acl_access"), Failure, Failure, Failure),
            (Errno::OVERFLOW, attribute(c"security.capability"), Failure, Failure, Failure),
            (Errno::NOSYS, (Class::Plain, None), Warning, Warning, Failure),
            (Errno::PERM, (Class::Plain, None), Failure, Failure, Failure),
        ] {
            let trouble = Trouble { operation: "set", class: what.0, attribute: what.1, errno };
            let found =
                [(keep, false), (keep, true), (required, false)].map(|(keep, is_root)| trouble.weight(keep, is_root));
            assert_eq!(found, [user, root, asked_for], "{trouble}");
        }
        let listed = Trouble::new("list", Class::Plain, Errno::NOSYS);
        assert_eq!(listed.weight(Keep { context: PreserveLevel::Required, ..keep }, false), Failure);
    }

    #[test]
    fn a_trouble_names_what_and_why() {
        let attribute = Some(c"user.\n\xff".to_owned());
        let trouble = Trouble { attribute, ..Trouble::new("set", Class::Plain, Errno::NOSPC) };
        assert_eq!(trouble.to_string(), "cannot set 'user.\\n\\xff': No space left on device");
        let all = Trouble::new("list", Class::Plain, Errno::IO);
        assert_eq!(all.to_string(), "cannot list its extended attributes: Input/output error");
        let owner = Trouble::new("set", Class::Owner, Errno::PERM);
        assert_eq!(owner.to_string(), "cannot set its owner: Operation not permitted");
    }

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
