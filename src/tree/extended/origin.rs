//! Where attributes come from: one way to read those of an open file and of a name in a directory.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result};

use crate::sys::{Sys, XattrBuffer, XattrNames};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
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
