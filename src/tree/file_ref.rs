//! References to files, for reading and setting attributes: one way to name an open file and what cannot be opened, as
//! symbolic links, FIFOs, sockets and devices.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result};

use crate::sys::{Attributes, Moment, Sys, XattrBuffer, XattrNames};

/// A target that is to get owner, mode, times and attributes. By descriptor: a name may be another file's by now.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FileRef<'a> {
    /// An open file or directory.
    Open(BorrowedFd<'a>),
    /// What an `O_PATH` descriptor is of.
    PathOnly {
        /// The descriptor.
        itself: BorrowedFd<'a>,
        /// Its directory and its name there, if nobody else can give that to another file. No call sets attributes by
        /// such a descriptor: where there is no `/proc` to go by, they are set by this name or not at all.
        own_name: Option<(BorrowedFd<'a>, &'a CStr)>,
    },
}

impl FileRef<'_> {
    pub(super) fn examine(self, sys: &mut Sys) -> Result<Attributes> {
        match self {
            Self::Open(file) | Self::PathOnly { itself: file, .. } => sys.fstat(file),
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
                // A directory that may only be searched is opened with `O_PATH`, too.
                Err(Errno::BADF) => path_only(sys, file),
                other => other,
            },
            Self::PathOnly { itself, .. } => path_only(sys, itself),
        }
    }

    /// Makes a call about an attribute, where nothing else does by name.
    fn or_by_name(
        self,
        sys: &mut Sys,
        called: Result<()>,
        by_name: impl FnOnce(&mut Sys, BorrowedFd<'_>, &CStr) -> Result<()>,
    ) -> Result<()> {
        let (directory, name) = match self {
            // A directory that may only be searched.
            Self::Open(directory) => (directory, c"."),
            Self::PathOnly { own_name: Some(own_name), .. } => own_name,
            Self::PathOnly { .. } => return called,
        };
        if called == Err(Errno::NOENT) { by_name(sys, directory, name) } else { called }
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
            Self::PathOnly { itself, .. } => sys.getxattr_itself(itself, name, buffer),
        };
        !matches!(value, Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS))
    }

    /// Sets an attribute.
    pub(super) fn set(self, sys: &mut Sys, name: &CStr, value: &[u8]) -> Result<()> {
        let by_path = |sys: &mut Sys, file: BorrowedFd<'_>| sys.setxattr_itself(file, name, value);
        let set = self.call(sys, |sys, file| sys.fsetxattr(file, name, value), by_path);
        self.or_by_name(sys, set, |sys, directory, entry| sys.setxattrat(directory, entry, name, value))
    }

    /// Removes an attribute if it is there. A file system that knows none of the kind has none to remove.
    pub(super) fn remove(self, sys: &mut Sys, name: &CStr) -> Result<()> {
        let by_path = |sys: &mut Sys, file: BorrowedFd<'_>| sys.removexattr_itself(file, name);
        let removed = self.call(sys, |sys, file| sys.fremovexattr(file, name), by_path);
        let removed = self.or_by_name(sys, removed, |sys, directory, entry| sys.removexattrat(directory, entry, name));
        match removed {
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
            other => other,
        }
    }
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// An open file or directory.
    Open(BorrowedFd<'a>),
    /// A name in an open directory; a symbolic link's own.
    Named(BorrowedFd<'a>, &'a CStr),
}

impl Origin<'_> {
    /// The names of its attributes: none where the file system knows of no attributes.
    pub(super) fn list<'b>(self, sys: &mut Sys, buffer: &'b mut XattrBuffer) -> Result<XattrNames<'b>> {
        let listed = match self {
            Self::Open(file) => sys.flistxattr(file, buffer),
            Self::Named(directory, name) => sys.llistxattr(directory, name, buffer),
        };
        match listed {
            Err(Errno::NOTSUP) => Ok(XattrNames::NONE),
            other => other,
        }
    }

    /// The value of an attribute; `None` if it went since it was listed.
    pub(super) fn get<'b>(self, sys: &mut Sys, name: &CStr, buffer: &'b mut XattrBuffer) -> Result<Option<&'b [u8]>> {
        let value = match self {
            Self::Open(file) => sys.fgetxattr(file, name, buffer),
            Self::Named(directory, entry) => sys.lgetxattr(directory, entry, name, buffer),
        };
        match value {
            Ok(value) => Ok(Some(value)),
            Err(Errno::NODATA) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}
