//! Removing a tree of our own making: scratch space, or a target that was not finished.
//!
//! By descriptor, following no symbolic link, one directory open per level of depth.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use crate::sys::{DirectoryBuffer, Entry, FileKind, Sys};

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
            match remove_entry(sys, &directory, entry) {
                // A copy of a directory that its owner may not write, such as those of a module cache.
                Err(Errno::ACCESS) => {
                    sys.fchmod(&directory, 0o700)?;
                    remove_entry(sys, &directory, entry)?;
                }
                other => other?,
            }
        }
    }
    sys.close(directory)?;
    sys.rmdirat(parent, name)
}

fn remove_entry(sys: &mut Sys, directory: impl AsFd, entry: Entry<'_>) -> Result<()> {
    if entry.kind == FileKind::Directory {
        return remove_tree(sys, directory, entry.name);
    }
    match sys.unlinkat(directory.as_fd(), entry.name) {
        // A file system that does not tell kinds apart.
        Err(Errno::ISDIR | Errno::PERM) if entry.kind == FileKind::Unknown => remove_tree(sys, directory, entry.name),
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sys::Stop;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn directories_that_are_not_writable_go_too() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("tree/locked/deep")).unwrap();
        std::fs::write(root.path().join("tree/locked/deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", root.path().join("tree/locked/link")).unwrap();
        for name in ["tree/locked/deep", "tree/locked", "tree"] {
            std::fs::set_permissions(root.path().join(name), std::fs::Permissions::from_mode(0o500)).unwrap();
        }
        let parent: OwnedFd = std::fs::File::open(root.path()).unwrap().into();
        let mut sys = Sys::new(Stop::new());
        remove_tree(&mut sys, &parent, c"tree").unwrap();
        assert_eq!(sys.stat_at(&parent, c"tree"), Err(Errno::NOENT));
        assert_eq!(remove_tree(&mut sys, &parent, c"tree"), Ok(()));
    }
}
