//! Copies the attributes of one file, name by name.

use std::ffi::CStr;

use rustix::io::{self, Errno};

use super::acl::{ACCESS, NFS4, group_rights, says_what_the_mode_says};
use super::spot::Spot;
use super::{Buffers, Class, Kept, Prior, Trouble};
use crate::plan::{Keep, Wish};
use crate::sys::{Sys, XattrBuffer, XattrNames};

/// The owner's right to write.
const OWNER_WRITES: u32 = 0o200;

/// From where to where, and what came of it so far.
pub(super) struct Copier<'a> {
    pub(super) sys: &'a mut Sys,
    pub(super) source: Spot<'a>,
    pub(super) target: Spot<'a>,
    pub(super) keep: Keep,
    pub(super) kept: Kept,
    /// The target's mode, while its owner may write to it for our sake.
    pub(super) mode_before: Option<u32>,
}

impl Copier<'_> {
    pub(super) fn run(mut self, prior: Prior, buffers: &mut Buffers) -> Result<Kept, Trouble> {
        let names = match self.source.list(self.sys, &mut buffers.names) {
            Ok(names) => names,
            Err(errno) => {
                let required = [self.keep.xattrs, self.keep.context].contains(&Wish::Required);
                let wish = if required { Wish::Required } else { Wish::IfPossible };
                self.refused(wish, Trouble { operation: "list", attribute: None, class: Class::Plain, errno })?;
                XattrNames::NONE
            }
        };
        let copied = self.copy_plain(names.clone(), &mut buffers.value);
        // Also after a failure: the target may be somebody's file.
        let restored = self.restore_mode();
        copied.and(restored)?;
        if self.keep.mode {
            self.copy_acls(names, prior, &mut buffers.value)?;
        }
        Ok(self.kept)
    }

    /// All but ACLs.
    fn copy_plain(&mut self, names: XattrNames<'_>, value: &mut XattrBuffer) -> Result<(), Trouble> {
        for name in names {
            if let Some(class @ (Class::Plain | Class::Context)) = Class::of(name) {
                self.copy(name, class, value)?;
            }
        }
        Ok(())
    }

    /// ACLs; those that the target may have and the source has not go.
    fn copy_acls(&mut self, names: XattrNames<'_>, prior: Prior, value: &mut XattrBuffer) -> Result<(), Trouble> {
        let mut stale = prior.names().to_vec();
        self.kept.mode_moved = !stale.is_empty();
        for name in names {
            if Class::of(name) == Some(Class::Acl) && self.copy(name, Class::Acl, value)? {
                self.kept.mode_moved = true;
                stale.retain(|other| *other != name);
            }
        }
        for name in stale {
            if let Err(errno) = self.target.remove(self.sys, name) {
                self.refused_one("remove", name, Class::Acl, errno)?;
            }
        }
        Ok(())
    }

    /// Copies one attribute, if it is wished for; says whether the target has it now.
    fn copy(&mut self, name: &CStr, class: Class, buffer: &mut XattrBuffer) -> Result<bool, Trouble> {
        if class.wish(self.keep) == Wish::No {
            return Ok(false);
        }
        let value = match self.source.get(self.sys, name, buffer) {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(false),
            Err(errno) => {
                self.lose_access_acl(name, &[]);
                return self.refused_one("read", name, class, errno).map(|()| false);
            }
        };
        if name == NFS4 && says_what_the_mode_says(value) {
            return Ok(false);
        }
        match self.set(name, class, value) {
            Ok(()) => Ok(true),
            Err(errno) => {
                self.lose_access_acl(name, value);
                self.refused_one("set", name, class, errno).map(|()| false)
            }
        }
    }

    /// Sets an attribute. Where the owner may not write to a file he may not set its `user.*` either, though he has it
    /// open for writing: the kernel looks at the mode (`xattr_permission` in fs/xattr.c). So he may for a while.
    fn set(&mut self, name: &CStr, class: Class, value: &[u8]) -> io::Result<()> {
        match self.target.set(self.sys, name, value) {
            Err(Errno::ACCESS) if class == Class::Plain && self.let_owner_write()? => {
                self.target.set(self.sys, name, value)
            }
            other => other,
        }
    }

    /// Lets the owner of the target write to it; says whether he could not before and can now.
    fn let_owner_write(&mut self) -> io::Result<bool> {
        let Spot::Open(file) = self.target else { return Ok(false) };
        let mode = self.sys.fstat(file)?.mode;
        if mode & OWNER_WRITES != 0 {
            return Ok(false);
        }
        match self.sys.fchmod(file, mode | OWNER_WRITES) {
            Ok(()) => self.mode_before = Some(mode),
            Err(Errno::PERM) => return Ok(false),
            Err(errno) => return Err(errno),
        }
        Ok(true)
    }

    /// Takes back what [`Self::let_owner_write`] gave.
    fn restore_mode(&mut self) -> Result<(), Trouble> {
        let (Spot::Open(file), Some(mode)) = (self.target, self.mode_before.take()) else { return Ok(()) };
        self.sys.fchmod(file, mode).map_err(|errno| Trouble {
            operation: "take back the right to write",
            attribute: None,
            class: Class::Plain,
            errno,
        })
    }

    /// Notes what the group may do by an access ACL that the target does not get; nothing, where that is not known.
    fn lose_access_acl(&mut self, name: &CStr, acl: &[u8]) {
        if name == ACCESS {
            self.kept.lose_access_acl(group_rights(acl).unwrap_or(0));
        }
    }

    fn refused_one(&mut self, operation: &'static str, name: &CStr, class: Class, errno: Errno) -> Result<(), Trouble> {
        self.refused(class.wish(self.keep), Trouble { operation, attribute: Some(name.to_owned()), class, errno })
    }

    /// Something could not be kept: that is a loss or a failure.
    fn refused(&mut self, wish: Wish, trouble: Trouble) -> Result<(), Trouble> {
        if wish == Wish::Required || !trouble.is_not_allowed() {
            return Err(trouble);
        }
        self.kept.lost.push(trouble);
        Ok(())
    }
}
