//! Removing a tree of our own making (scratch space, or a target that was not finished), or files in it, so that a sweep
//! can run the same job over it again and again.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};

use super::directory_path::DirectoryPath;
use super::walk::{SerialVisitor, top, walk};
use crate::sys::{FileId, FileKind, Sys};

/// Removes `name` in `parent` with all below it. What is not there is not an error.
pub(crate) fn remove_tree(sys: &mut Sys, parent: impl AsFd, name: &CStr) -> Result<()> {
    match sys.stat_at(parent.as_fd(), name) {
        Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
        Ok(attributes) if attributes.kind != FileKind::Directory => sys.unlinkat(parent, name),
        Ok(_) => {
            let tree = top(sys, parent, c".")?.below(name);
            walk(sys, tree, &mut Removal)
        }
    }
}

struct Removal;

impl SerialVisitor for Removal {
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

    fn leave(&mut self, sys: &mut Sys, path: &DirectoryPath) -> Result<()> {
        let (above, name) = path.above().ok_or(Errno::INVAL)?;
        let parent = above.open(sys)?;
        sys.rmdirat(&parent, name)?;
        sys.close(parent)
    }
}

/// Permission bits that let us take names out of a directory.
const OURS: u32 = 0o700;

/// Takes away a name in a directory.
pub(crate) type Discard<'a> = &'a mut dyn FnMut(&mut Sys, &OwnedFd, &CStr) -> Result<()>;

/// Hands to `discard`, from the directory `name` in `parent` and from all below it, every entry that is neither a
/// directory nor a regular file whose name `keep` accepts. Of a file with several names one is left.
///
/// Directories become writable for their owner: a copied tree may hold ones that are not, and a job that puts its
/// output beside its input would fail in them.
pub fn prune(
    sys: &mut Sys,
    parent: impl AsFd,
    name: &CStr,
    keep: &dyn Fn(&CStr) -> bool,
    discard: Discard<'_>,
) -> Result<()> {
    let top = top(sys, parent, name)?;
    walk(sys, top, &mut Pruning { keep, discard, linked: HashSet::new() })
}

struct Pruning<'a> {
    keep: &'a dyn Fn(&CStr) -> bool,
    discard: Discard<'a>,
    /// Files with several names of which one was kept.
    linked: HashSet<FileId>,
}

impl SerialVisitor for Pruning<'_> {
    fn enter(&mut self, sys: &mut Sys, directory: &OwnedFd) -> Result<()> {
        if sys.fstat(directory)?.mode & OURS == OURS { Ok(()) } else { sys.fchmod(directory, OURS) }
    }

    fn entry(&mut self, sys: &mut Sys, directory: &OwnedFd, name: &CStr, kind: FileKind) -> Result<()> {
        if kind == FileKind::RegularFile && (self.keep)(name) {
            let attributes = match sys.stat_at(directory, name) {
                Err(Errno::NOENT) => return Ok(()),
                other => other?,
            };
            if attributes.links == 1 || self.linked.insert(attributes.id()) {
                return Ok(());
            }
        }
        (self.discard)(sys, directory, name)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;
    use crate::sys::Stop;
    use crate::tree::remove_tree;

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

    #[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn open(path: &Path) -> OwnedFd {
        std::fs::File::open(path).unwrap().into()
    }

    #[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn tree(root: &Path) {
        std::fs::create_dir_all(root.join("tree/deep")).unwrap();
        for name in ["tree/a", "tree/a.gz", "tree/deep/b.gz"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        std::fs::hard_link(root.join("tree/a"), root.join("tree/deep/other")).unwrap();
        symlink("a", root.join("tree/link")).unwrap();
        std::fs::set_permissions(root.join("tree/deep"), std::fs::Permissions::from_mode(0o500)).unwrap();
    }

    #[test]
    fn only_regular_files_that_are_wanted_stay_each_under_one_name() {
        let root = tempfile::tempdir().unwrap();
        tree(root.path());
        let mut sys = Sys::new(Stop::new());
        let unlink = &mut |sys: &mut Sys, parent: &OwnedFd, name: &CStr| sys.unlinkat(parent, name);
        prune(&mut sys, open(root.path()), c"tree", &|name| !name.to_bytes().ends_with(b".gz"), unlink).unwrap();
        let there = |name: &str| root.path().join("tree").join(name).symlink_metadata().is_ok();
        assert!(!there("a.gz") && !there("deep/b.gz") && !there("link"));
        assert!(there("a") ^ there("deep/other"), "one of the two names stays");
        remove_tree(&mut sys, open(root.path()), c"tree").unwrap();
        assert!(!there(""));
    }
}
