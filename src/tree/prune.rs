//! Taking files out of a tree of our own making, so that a sweep can run the same job over it again and again.

use std::collections::HashSet;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{Errno, Result};

use crate::sys::{DirectoryBuffer, FileKind, Sys};

/// Permission bits that let us take names out of a directory.
const OURS: u32 = 0o700;

/// Takes away a name in a directory.
pub type Discard<'a> = &'a mut dyn FnMut(&mut Sys, &OwnedFd, &CStr) -> Result<()>;

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
    prune_below(sys, parent, name, keep, discard, &mut HashSet::new())
}

fn prune_below(
    sys: &mut Sys,
    parent: impl AsFd,
    name: &CStr,
    keep: &dyn Fn(&CStr) -> bool,
    discard: Discard<'_>,
    linked: &mut HashSet<((u32, u32), u64)>,
) -> Result<()> {
    let directory = sys.open_directory(parent, name)?;
    if sys.fstat(&directory)?.mode & OURS != OURS {
        sys.fchmod(&directory, OURS)?;
    }
    let mut buffer = DirectoryBuffer::default();
    while let Some(entries) = sys.getdents(&directory, &mut buffer)? {
        for entry in entries.iter() {
            let attributes = match sys.stat_at(&directory, entry.name) {
                Err(Errno::NOENT) => continue,
                other => other?,
            };
            match attributes.kind {
                FileKind::Directory => prune_below(sys, &directory, entry.name, keep, discard, linked)?,
                FileKind::RegularFile
                    if keep(entry.name)
                        && (attributes.links == 1 || linked.insert((attributes.dev, attributes.ino))) => {}
                _ => discard(sys, &directory, entry.name)?,
            }
        }
    }
    sys.close(directory)
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;
    use crate::sys::Stop;
    use crate::tree::remove_tree;

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
