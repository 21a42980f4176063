//! Whether a target may be made.

use std::ffi::CStr;
use std::path::Path;

use rustix::io::Errno;

use super::Folder;
use super::source::Source;
use crate::error::{Error, Result};
use crate::job::claims::Claims;
use crate::sys::{FileKind, Sys};

/// Whether an older target is to be replaced; an error if there is one and it may not.
pub(in crate::job) fn may_create(
    sys: &mut Sys,
    folder: &Folder,
    name: &CStr,
    path: &Path,
    force: bool,
) -> Result<bool> {
    match sys.stat_at(&*folder.directory, name) {
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(Error::system("create", path, errno)),
        Ok(existing) if existing.kind == FileKind::Directory => Err(Error::system("replace", path, Errno::ISDIR)),
        Ok(_) if force => Ok(true),
        Ok(_) => Err(Error::refused("create", path, "it exists; -f replaces it")),
    }
}

/// Takes the target's name for this source, just before it is given; an error if another source has it.
pub(in crate::job) fn claim(claims: &Claims, source: &Source, name: &CStr, path: &Path) -> Result<()> {
    match &source.folder {
        Some(folder) if !claims.take(folder.id, name.to_bytes()) => {
            Err(Error::refused("create", path, "another file has just become it"))
        }
        _ => Ok(()),
    }
}
