//! ACLs, as far as the permission bits depend on them.
//!
//! Where a file has a POSIX ACL with entries for single users or groups, the middle three of its permission bits are
//! the ACL's mask and not what its group may do (acl(5)). So who loses the ACL and keeps the bits gives the group rights
//! that it did not have.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use crate::sys::{Sys, XattrBuffer};

/// The ACL that says who may use a file.
pub(super) const ACCESS: &CStr = c"system.posix_acl_access";
/// The ACL of a directory that new files in it start with.
pub(super) const DEFAULT: &CStr = c"system.posix_acl_default";
/// The ACL of `NFSv4`, which an NFS client lists for every file, also where it says what the mode says.
pub(super) const NFS4: &CStr = c"system.nfs4_acl";

/// Tags of the entries of a POSIX ACL that the permission bits show (`include/uapi/linux/posix_acl.h`).
const USER_OBJ: u16 = 0x01;
const GROUP_OBJ: u16 = 0x04;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// The POSIX ACLs that a target may have before those of its source are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prior {
    /// None: we made it, in a directory without a default ACL.
    None,
    /// It is not a directory; it was there before, or its directory has a default ACL.
    Access,
    /// It is a directory, and the same.
    AccessAndDefault,
}

impl Prior {
    /// The names of the attributes it may have.
    pub(super) const fn names(self) -> &'static [&'static CStr] {
        match self {
            Self::None => &[],
            Self::Access => &[ACCESS],
            Self::AccessAndDefault => &[ACCESS, DEFAULT],
        }
    }
}

/// Whether a directory has a default ACL. New files in it start with an ACL of their own then, and the mode they are
/// created with is cut by that ACL and not by the file mode creation mask (umask(2)). Where that cannot be told it has:
/// so nothing is made that others may use by it. One system call.
pub(crate) fn has_default_acl(sys: &mut Sys, directory: impl AsFd) -> bool {
    let found = match sys.fgetxattr_bytes(directory.as_fd(), DEFAULT) {
        // It may only be searched, and is open with `O_PATH`.
        Err(Errno::BADF) => {
            let mut buffer = XattrBuffer::default();
            sys.lgetxattr(directory, c".", DEFAULT, &mut buffer).map(<[u8]>::len)
        }
        other => other,
    };
    !matches!(found, Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS))
}

/// The permission bits that the default ACL of a directory leaves to what is made in it; none where that cannot be read.
pub(crate) fn allowed_by_default(sys: &mut Sys, directory: impl AsFd) -> Option<u32> {
    let (mut buffer, mut another) = (XattrBuffer::default(), XattrBuffer::default());
    let acl = match sys.fgetxattr(directory.as_fd(), DEFAULT, &mut buffer) {
        Err(Errno::BADF) => sys.lgetxattr(directory, c".", DEFAULT, &mut another),
        other => other,
    };
    let acl = acl.ok()?;
    Some(rights(acl, USER_OBJ)? << 6 | rights(acl, MASK).or_else(|| rights(acl, GROUP_OBJ))? << 3 | rights(acl, OTHER)?)
}

/// Takes from a new directory the ACLs that the one it lies in handed on: what is made in it then has the mode it is
/// created with.
pub(crate) fn shed_acls(sys: &mut Sys, directory: impl AsFd) -> Result<()> {
    [DEFAULT, ACCESS].into_iter().try_for_each(|name| match sys.fremovexattr(directory.as_fd(), name) {
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
        other => other,
    })
}

/// What the group may do by a POSIX ACL: read 4, write 2, execute 1. `None` for what is not an ACL.
///
/// The attribute is a version (2) of four bytes, then entries of tag, rights (two bytes each) and id (four), all little
/// endian (`include/uapi/linux/posix_acl_xattr.h`).
pub(super) fn group_rights(acl: &[u8]) -> Option<u32> {
    Some(rights(acl, GROUP_OBJ)? & rights(acl, MASK).unwrap_or(0o7))
}

/// The rights in the first entry with this tag.
fn rights(acl: &[u8], tag: u16) -> Option<u32> {
    let mut entries = acl.strip_prefix(&[2, 0, 0, 0])?.chunks_exact(8);
    let entry = entries.find(|entry| u16::from_le_bytes([entry[0], entry[1]]) == tag)?;
    Some(u32::from(u16::from_le_bytes([entry[2], entry[3]])) & 0o7)
}

/// Whether an `NFSv4` ACL tells of nobody but owner, group and everyone, and hands nothing on: the server made it out of
/// the mode, which is kept anyway.
///
/// The attribute is a count, then entries of type, flags, rights and a name with its length, filled up to four bytes,
/// all big endian (RFC 7530, section 6.2.1).
pub(super) fn says_what_the_mode_says(acl: &[u8]) -> bool {
    /// The name is a group's: says nothing of `GROUP@`, which has it always.
    const IDENTIFIER_GROUP: u32 = 0x40;
    fn word(bytes: &mut &[u8]) -> Option<u32> {
        let (word, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(u32::from_be_bytes(*word))
    }
    fn is_plain_entry(bytes: &mut &[u8]) -> Option<bool> {
        let (_type, flags, _rights, length) = (word(bytes)?, word(bytes)?, word(bytes)?, word(bytes)? as usize);
        let who = bytes.get(..length)?;
        *bytes = bytes.get(length.next_multiple_of(4)..)?;
        Some(flags & !IDENTIFIER_GROUP == 0 && [&b"OWNER@"[..], b"GROUP@", b"EVERYONE@"].contains(&who))
    }
    let mut rest = acl;
    let Some(count) = word(&mut rest) else { return false };
    (0..count).all(|_| is_plain_entry(&mut rest) == Some(true)) && rest.is_empty()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A POSIX ACL: owner `rw-`, user 1234 with the rights `user`, group with `group`, `mask`, others nothing.
    pub(in crate::tree::extended) fn posix(user: u16, group: u16, mask: u16) -> Vec<u8> {
        let mut acl = vec![2, 0, 0, 0];
        for (tag, rights, id) in
            [(1_u16, 6_u16, u32::MAX), (2, user, 1234), (4, group, u32::MAX), (16, mask, u32::MAX), (32, 0, u32::MAX)]
        {
            acl.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
            acl.extend(id.to_le_bytes());
        }
        acl
    }

    /// An `NFSv4` ACL of these names and flags.
    fn nfs4(entries: &[(&str, u32)]) -> Vec<u8> {
        let mut acl = (entries.len() as u32).to_be_bytes().to_vec();
        for (who, flags) in entries {
            acl.extend([0, *flags, 0x0016_0087, who.len() as u32].map(u32::to_be_bytes).concat());
            acl.extend(who.as_bytes());
            acl.resize(acl.len().next_multiple_of(4), 0);
        }
        acl
    }

    #[test]
    fn the_group_has_its_own_rights_behind_the_mask() {
        assert_eq!(group_rights(&posix(6, 0, 6)), Some(0));
        assert_eq!(group_rights(&posix(6, 7, 5)), Some(5));
        assert_eq!(group_rights(&posix(6, 4, 6)[..28]), Some(4), "no mask");
        for junk in [&b""[..], b"\x02\0\0", b"\x02\0\0\0", b"\x01\0\0\0\x04\0\x04\0\0\0\0\0", b"\x02\0\0\0\x04\0\x04"] {
            assert_eq!(group_rights(junk), None, "{junk:?}");
        }
    }

    #[test]
    fn rights_are_found_by_their_tags() {
        let acl = posix(6, 4, 2);
        let [owner, mask, group, other] = [USER_OBJ, MASK, GROUP_OBJ, OTHER].map(|tag| rights(&acl, tag));
        assert_eq!((owner, mask, group, other), (Some(6), Some(2), Some(4), Some(0)));
    }

    #[test]
    fn an_nfs4_acl_out_of_a_mode_is_told_from_a_real_one() {
        let plain = [("OWNER@", 0), ("GROUP@", 0x40), ("EVERYONE@", 0)];
        assert!(says_what_the_mode_says(&nfs4(&plain)));
        assert!(!says_what_the_mode_says(&nfs4(&[plain[0], ("bob@example.org", 0), plain[2]])));
        assert!(!says_what_the_mode_says(&nfs4(&[plain[0], ("GROUP@", 0x43)])), "handed on to new files");
        let whole = nfs4(&plain);
        assert!((0..whole.len()).all(|cut| !says_what_the_mode_says(&whole[..cut])));
        assert!(!says_what_the_mode_says(&[whole, vec![0]].concat()));
        assert!(!says_what_the_mode_says(b"\xff\xff\xff\xff"));
    }
}
