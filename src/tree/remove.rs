//! Removing a tree of our own making: scratch space, or a target that was not finished.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};

use super::place::Place;
use super::visit::{Visitor, top, visit};
use crate::sys::{FileKind, Sys};

/// Removes `name` in `parent` with all below it. What is not there is not an error.
pub fn remove_tree(sys: &mut Sys, parent: impl AsFd, name: &CStr) -> Result<()> {
    match sys.stat_at(parent.as_fd(), name) {
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
        Ok(attributes) if attributes.kind != FileKind::Directory => sys.unlinkat(parent, name),
        Ok(_) => {
            let tree = top(sys, parent, c".")?.below(name);
            visit(sys, tree, &mut Removal)
        }
    }
}

struct Removal;

impl Visitor for Removal {
    /// A copy may be a directory that its owner may not write to, such as those of a module cache.
    fn enter(&mut self, sys: &mut Sys, directory: &OwnedFd) -> Result<()> {
        if sys.fstat(directory)?.mode & 0o300 == 0o300 { Ok(()) } else { sys.fchmod(directory, 0o700) }
    }

    fn entry(&mut self, sys: &mut Sys, directory: &OwnedFd, name: &CStr, _kind: FileKind) -> Result<()> {
        match sys.unlinkat(directory, name) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }

    fn leave(&mut self, sys: &mut Sys, place: &Place) -> Result<()> {
        let (above, name) = place.above().ok_or(Errno::INVAL)?;
        let parent = above.open(sys)?;
        sys.rmdirat(&parent, name)?;
        sys.close(parent)
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
