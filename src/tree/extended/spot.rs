//! One way to say the same of an open file and of a name in a directory.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result};

use crate::sys::{Sys, XattrBuffer, XattrNames};

/// Where attributes are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spot<'a> {
    /// At an open file or directory.
    Open(BorrowedFd<'a>),
    /// At a name in an open directory; a symbolic link's own.
    Named(BorrowedFd<'a>, &'a CStr),
}

impl Spot<'_> {
    /// The names of its attributes: none where the file system has none, nor where a name cannot be asked since there is
    /// no /proc.
    pub(super) fn list<'b>(self, sys: &mut Sys, buffer: &'b mut XattrBuffer) -> Result<XattrNames<'b>> {
        match self {
            Self::Open(file) => match sys.flistxattr(file, buffer) {
                Err(Errno::NOTSUP) => Ok(XattrNames::NONE),
                other => other,
            },
            Self::Named(directory, name) => match sys.llistxattr(directory, name, buffer) {
                Err(Errno::NOTSUP | Errno::NOENT) => Ok(XattrNames::NONE),
                other => other,
            },
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

    /// Sets an attribute.
    pub(super) fn set(self, sys: &mut Sys, name: &CStr, value: &[u8]) -> Result<()> {
        match self {
            Self::Open(file) => sys.fsetxattr(file, name, value),
            Self::Named(directory, entry) => sys.lsetxattr(directory, entry, name, value),
        }
    }

    /// Removes an attribute if it is there.
    pub(super) fn remove(self, sys: &mut Sys, name: &CStr) -> Result<()> {
        let removed = match self {
            Self::Open(file) => sys.fremovexattr(file, name),
            Self::Named(directory, entry) => sys.lremovexattr(directory, entry, name),
        };
        match removed {
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
            other => other,
        }
    }
}
