//! Removing a tree of our own making: scratch space, or a target that was not finished.
//!
//! By descriptor, following no symbolic link, one directory open per level of depth.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use crate::sys::{DirectoryBuffer, FileKind, Sys};

/// Removes `name` in `parent` with all below it. What is not there is no error.
pub fn remove_tree(sys: &mut Sys, parent: impl AsFd, name: &CStr) -> Result<()> {
    let directory = match sys.open_directory(parent.as_fd(), name) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return sys.unlinkat(parent, name),
        Err(errno) => return Err(errno),
    };
    let mut buffer = DirectoryBuffer::default();
    while let Some(entries) = sys.getdents(&directory, &mut buffer)? {
        for entry in entries.iter() {
            if entry.kind == FileKind::Directory {
                remove_tree(sys, &directory, entry.name)?;
            } else {
                match sys.unlinkat(&directory, entry.name) {
                    // A file system that does not tell kinds apart.
                    Err(Errno::ISDIR | Errno::PERM) if entry.kind == FileKind::Unknown => {
                        remove_tree(sys, &directory, entry.name)?;
                    }
                    Err(Errno::NOENT) => {}
                    other => other?,
                }
            }
        }
    }
    sys.close(directory)?;
    sys.rmdirat(parent, name)
}
