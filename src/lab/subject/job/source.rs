//! What the user names to sweep over, which is only ever read; and where targets must not go: into the tree that is swept
//! over, and to a file system without free space for them.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Quoted, Remedy, Result};
use crate::job::Context;
use crate::lab::scratch::{Purpose, Scratch};
use crate::size::binary;
use crate::sys::{Attributes, FileKind, FileSystem, Sys};
use crate::tree::path::c_path;

/// The source, looked at before anything is made.
pub(super) struct Source {
    /// Where it is; not a symbolic link.
    pub(super) path: PathBuf,
    attributes: Attributes,
}

impl Source {
    /// Looks at a file or a directory, or at what a symbolic link to one leads to.
    pub(super) fn look(sys: &mut Sys, path: &Path) -> Result<Self> {
        let mut path = path.to_owned();
        let mut attributes = stat(sys, &path)?;
        if attributes.kind == FileKind::Symlink {
            path = path
                .canonicalize()
                .map_err(|error| Error::system("follow", &path, Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
            attributes = stat(sys, &path)?;
        }
        match attributes.kind {
            FileKind::RegularFile | FileKind::Directory => Ok(Self { path, attributes }),
            _ => Err(Error::refused("sweep over", path, "it is neither a file nor a directory")),
        }
    }

    /// Whether it is a directory.
    pub(super) fn is_tree(&self) -> bool {
        self.attributes.kind == FileKind::Directory
    }

    /// Whether it lies on another device than an open directory.
    pub(super) fn is_on_another_device(&self, sys: &mut Sys, scratch: &Scratch) -> Result<bool> {
        let there = sys.fstat(scratch.directory()).map_err(|errno| Error::system("open", scratch.path(), errno))?;
        Ok(there.dev != self.attributes.dev)
    }

    /// Makes the scratch directory for sweeping over this, in the directory `to` or beside it.
    pub(super) fn scratch(&self, sys: &mut Sys, context: &Context, to: Option<&Path>) -> Result<Scratch> {
        let to = to.map_or_else(|| self.parent(), Path::to_owned);
        if self.is_tree() {
            refuse_within(sys, &to, &self.path, &self.attributes)?;
        }
        Scratch::make(sys, context, Purpose::Sweep, &to)
    }

    /// The directory that holds it: where targets go unless somebody says otherwise.
    fn parent(&self) -> PathBuf {
        match (self.path.file_name(), self.path.parent()) {
            (Some(_), Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
            (Some(_), _) => PathBuf::from("."),
            // ".", ".." and the like.
            (None, _) => self.path.join(".."),
        }
    }
}

fn stat(sys: &mut Sys, path: &Path) -> Result<Attributes> {
    sys.stat_at(CWD, &c_path(path)).map_err(|errno| Error::system("open", path, errno))
}

/// Refuses a scratch directory within the tree that is swept over: each run would find the targets of the last.
fn refuse_within(sys: &mut Sys, to: &Path, source: &Path, tree: &Attributes) -> Result<()> {
    let fail = |errno| Error::system("open", to, errno);
    // O_PATH: the way up may lead through directories that we may pass and not read.
    let up = OFlags::PATH | OFlags::DIRECTORY;
    let mut directory = sys.openat(CWD, &c_path(to), up, 0).map_err(fail)?;
    let mut here = sys.fstat(&directory).map_err(fail)?;
    loop {
        if here.is_same_file(tree) {
            let why = format!("the scratch directory would lie in it, in {}", Quoted(to));
            return Err(Error::refused("sweep over", source, why).with(Remedy::ScratchOutside));
        }
        directory = sys.openat(&directory, c"..", up, 0).map_err(fail)?;
        let above = sys.fstat(&directory).map_err(fail)?;
        if above.is_same_file(&here) {
            return Ok(());
        }
        here = above;
    }
}

/// Refuses to begin what would fill the disk. `needed` bytes are for what `purpose` says, in the directory `to`.
pub(super) fn require_free_space(
    there: FileSystem,
    to: &Path,
    source: &Path,
    needed: u64,
    purpose: &str,
) -> Result<()> {
    if there.available_bytes >= needed {
        return Ok(());
    }
    let why = format!(
        "it needs {} ({purpose}) and {} has {} left",
        binary(needed),
        Quoted(to),
        binary(there.available_bytes),
    );
    Err(Error::refused("sweep over", source, why).with(Remedy::SpaceOrDirectory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_free_space_says_what_to_do() {
        let there = FileSystem { magic: 0, available_bytes: 3 << 20, available_files: None };
        let (to, source) = (Path::new("/x"), Path::new("a"));
        assert!(require_free_space(there, to, source, 3 << 20, "for a target").is_ok());
        let both = "for a private copy and a target";
        let error = require_free_space(there, to, source, 4 << 20, both).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot sweep over 'a': it needs 4.0 MiB (for a private copy and a target) and '/x' has 3.0 MiB left"
        );
        assert_eq!(error.remedy(), Some(Remedy::SpaceOrDirectory));
    }

    #[test]
    fn a_directory_within_the_source_is_refused() {
        let tree = tempfile::tempdir().unwrap();
        let mut sys = Context::silent().sys();
        let deep = tree.path().join("a");
        sys.mkdirat(CWD, &c_path(&deep), 0o700).unwrap();
        let root = sys.stat_at(CWD, &c_path(tree.path())).unwrap();
        assert!(refuse_within(&mut sys, &deep, tree.path(), &root).is_err());
        assert!(refuse_within(&mut sys, tree.path(), tree.path(), &root).is_err());
        assert!(refuse_within(&mut sys, tree.path().parent().unwrap(), tree.path(), &root).is_ok());
    }
}
