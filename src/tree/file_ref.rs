//! One way to say the same of an open file and of what cannot be opened: symbolic links, FIFOs, sockets, devices.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result};

use crate::sys::{Attributes, Moment, Sys, XattrBuffer};

/// A target that is to get owner, mode, times and attributes. By descriptor always: a name may be another file's by now.
#[derive(Debug, Clone, Copy)]
pub enum FileRef<'a> {
    /// An open file or directory.
    Open(BorrowedFd<'a>),
    /// What an `O_PATH` descriptor is of.
    PathOnly(BorrowedFd<'a>),
}

impl FileRef<'_> {
    pub(super) fn examine(self, sys: &mut Sys) -> Result<Attributes> {
        match self {
            Self::Open(file) | Self::PathOnly(file) => sys.fstat(file),
        }
    }

    /// Makes a call that takes an open file, or another one that takes what an `O_PATH` descriptor is of.
    fn call(
        self,
        sys: &mut Sys,
        open: impl FnOnce(&mut Sys, BorrowedFd<'_>) -> Result<()>,
        path_only: impl FnOnce(&mut Sys, BorrowedFd<'_>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Open(file) => match open(sys, file) {
                // A directory that may only be searched is opened as a mere place, too.
                Err(Errno::BADF) => path_only(sys, file),
                other => other,
            },
            Self::PathOnly(file) => path_only(sys, file),
        }
    }

    pub(super) fn set_owner(self, sys: &mut Sys, uid: u32, gid: u32) -> Result<()> {
        self.call(sys, |sys, file| sys.fchown(file, uid, gid), |sys, file| sys.chown_itself(file, uid, gid))
    }

    pub(super) fn set_mode(self, sys: &mut Sys, mode: u32) -> Result<()> {
        self.call(sys, |sys, file| sys.fchmod(file, mode), |sys, file| sys.chmod_itself(file, mode))
    }

    pub(super) fn set_times(self, sys: &mut Sys, atime: Moment, mtime: Moment) -> Result<()> {
        let by_path = |sys: &mut Sys, file: BorrowedFd<'_>| sys.utimens_itself(file, atime, mtime);
        self.call(sys, |sys, file| sys.futimens(file, atime, mtime), by_path)
    }

    /// Whether it has an attribute; that it has one where that cannot be told.
    pub(super) fn has(self, sys: &mut Sys, name: &CStr, buffer: &mut XattrBuffer) -> bool {
        let value = match self {
            Self::Open(file) => sys.fgetxattr(file, name, buffer),
            Self::PathOnly(file) => sys.getxattr_itself(file, name, buffer),
        };
        !matches!(value, Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS))
    }

    /// Sets an attribute.
    pub(super) fn set(self, sys: &mut Sys, name: &CStr, value: &[u8]) -> Result<()> {
        let by_path = |sys: &mut Sys, file: BorrowedFd<'_>| sys.setxattr_itself(file, name, value);
        self.call(sys, |sys, file| sys.fsetxattr(file, name, value), by_path)
    }

    /// Removes an attribute if it is there. A file system that knows none of the kind has none to remove.
    pub(super) fn remove(self, sys: &mut Sys, name: &CStr) -> Result<()> {
        let by_path = |sys: &mut Sys, file: BorrowedFd<'_>| sys.removexattr_itself(file, name);
        let removed = self.call(sys, |sys, file| sys.fremovexattr(file, name), by_path);
        match removed {
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
            other => other,
        }
    }
}
