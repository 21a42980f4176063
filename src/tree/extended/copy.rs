//! Copies the attributes of one file, name by name.

use std::ffi::CStr;

use rustix::io::{self, Errno};

use super::acl::{ACCESS, NFS4, group_rights, says_what_the_mode_says};
use super::{Buffers, Class, FileRef, Kept, Origin, Prior, Selection, Trouble};
use crate::plan::{Keep, PreserveLevel};
use crate::sys::{Sys, XattrBuffer, XattrNames};

/// The owner's right to write.
const OWNER_WRITES: u32 = 0o200;

/// What is asked for by name where names cannot be listed: to lose an ACL gives rights away.
const UNLISTED: &[u8] = b"system.posix_acl_access\0system.posix_acl_default\0";

/// From where to where, and what came of it so far.
pub(super) struct Copier<'a> {
    pub(super) sys: &'a mut Sys,
    pub(super) source: Origin<'a>,
    pub(super) target: FileRef<'a>,
    pub(super) selection: Selection,
    pub(super) keep: Keep,
    pub(super) kept: Kept,
    /// The target's mode, while its owner may write to it for our sake.
    pub(super) mode_before: Option<u32>,
}

impl Copier<'_> {
    pub(super) fn run(mut self, prior: Prior, buffers: &mut Buffers) -> Kept {
        let listed = self.source.list(self.sys, &mut buffers.names);
        let is_listed = listed.is_ok();
        let names = listed.unwrap_or_else(|errno| {
            self.kept.lost.push(Trouble::new("list", Class::Plain, errno));
            XattrNames::of(UNLISTED)
        });
        self.copy_plain(names.clone(), &mut buffers.value);
        self.restore_mode();
        if self.keep.mode {
            self.copy_acls(names, is_listed, prior, &mut buffers.value);
        }
        self.kept
    }

    /// All but ACLs.
    fn copy_plain(&mut self, names: XattrNames<'_>, value: &mut XattrBuffer) {
        for name in names {
            match Class::of(name) {
                None | Some(Class::Acl) => {}
                Some(class) if self.selection.has(name) => _ = self.copy(name, class, value),
                Some(Class::Capability) => self.lose("keep", name, Class::Capability, Errno::NOTSUP),
                Some(_) => {}
            }
        }
    }

    /// ACLs; those that the target may have and the source has not go.
    fn copy_acls(&mut self, names: XattrNames<'_>, is_listed: bool, prior: Prior, value: &mut XattrBuffer) {
        let mut stale = prior.names().to_vec();
        self.kept.mode_moved |= !stale.is_empty();
        for name in names {
            if Class::of(name) == Some(Class::Acl)
                && (is_listed || self.is_there(name, value))
                && self.copy(name, Class::Acl, value)
            {
                self.kept.mode_moved = true;
                stale.retain(|other| *other != name);
            }
        }
        for name in stale {
            if let Err(errno) = self.target.remove(self.sys, name) {
                self.lose("remove", name, Class::Acl, errno);
                // With the mode of the source it would let others in.
                if name == ACCESS && self.target.has(self.sys, name, value) {
                    self.kept.lose_access_acl(0);
                }
            }
        }
    }

    /// Whether the source has what could not be listed. A kernel that knows no attributes is believed.
    fn is_there(&mut self, name: &CStr, value: &mut XattrBuffer) -> bool {
        !matches!(self.source.get(self.sys, name, value), Ok(None) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOENT))
    }

    /// Copies one attribute, if it is to be preserved; says whether the target has it now.
    fn copy(&mut self, name: &CStr, class: Class, buffer: &mut XattrBuffer) -> bool {
        if class.level(self.keep) == PreserveLevel::No {
            return false;
        }
        let value = match self.source.get(self.sys, name, buffer) {
            Ok(Some(value)) => value,
            Ok(None) => return false,
            Err(errno) => {
                self.lose_access_acl(name, &[]);
                self.lose("read", name, class, errno);
                return false;
            }
        };
        if name == NFS4 && says_what_the_mode_says(value) {
            return false;
        }
        let set = self.set(name, class, value);
        if let Err(errno) = set {
            self.lose_access_acl(name, value);
            self.lose("set", name, class, errno);
        }
        set.is_ok()
    }

    /// Sets an attribute. Where the owner may not write to a file he may not set its `user.*` either, though he has it
    /// open for writing: the kernel looks at the mode (`xattr_permission` in fs/xattr.c). So he may for a while.
    fn set(&mut self, name: &CStr, class: Class, value: &[u8]) -> io::Result<()> {
        match self.target.set(self.sys, name, value) {
            Err(Errno::ACCESS) if class == Class::Plain && self.let_owner_write() => {
                self.target.set(self.sys, name, value)
            }
            other => other,
        }
    }

    /// Lets the owner of the target write to it; says whether he could not before and can now.
    fn let_owner_write(&mut self) -> bool {
        let FileRef::Open(_) = self.target else { return false };
        let mode = self.target.examine(self.sys).map_or(OWNER_WRITES, |found| found.mode);
        if mode & OWNER_WRITES != 0 || self.target.set_mode(self.sys, mode | OWNER_WRITES).is_err() {
            return false;
        }
        self.mode_before = Some(mode);
        true
    }

    /// Takes back what [`Self::let_owner_write`] gave.
    fn restore_mode(&mut self) {
        if let Some(mode) = self.mode_before.take()
            && let Err(errno) = self.target.set_mode(self.sys, mode)
        {
            self.kept.mode_moved = true;
            self.kept.lost.push(Trouble::new("set", Class::Mode, errno));
        }
    }

    /// Notes what the group may do by an access ACL that the target does not get; nothing, where that is not known.
    fn lose_access_acl(&mut self, name: &CStr, acl: &[u8]) {
        if name == ACCESS {
            self.kept.lose_access_acl(group_rights(acl).unwrap_or(0));
        }
    }

    fn lose(&mut self, operation: &'static str, name: &CStr, class: Class, errno: Errno) {
        self.kept.lost.push(Trouble { attribute: Some(name.to_owned()), ..Trouble::new(operation, class, errno) });
    }
}
