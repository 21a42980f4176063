//! Removing a tree of our own making: scratch space, or a target that was not finished.
//!
//! By descriptor, following no symbolic link, with few descriptors open however deep it is: first all files, with a list
//! of the directories; then those, the deepest first.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::place::{Place, Root};
use crate::sys::{DirectoryBuffer, Entry, FileKind, Sys};

/// Removes `name` in `parent` with all below it. What is not there is no error.
pub fn remove_tree(sys: &mut Sys, parent: impl AsFd, name: &CStr) -> Result<()> {
    match sys.stat_at(parent.as_fd(), name) {
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(errno),
        Ok(attributes) if attributes.kind != FileKind::Directory => return sys.unlinkat(parent, name),
        Ok(_) => {}
    }
    let root = Place::root(Root::new(sys.open_directory(parent, c".")?, PathBuf::new()));
    let mut directories = vec![root.below(name)];
    let mut emptied = 0;
    let mut buffer = DirectoryBuffer::default();
    while let Some(place) = directories.get(emptied).cloned() {
        empty(sys, &place, &mut buffer, &mut directories)?;
        emptied += 1;
    }
    for place in directories.iter().rev() {
        let (above, name) = place.above().ok_or(Errno::INVAL)?;
        let parent = open_writable(sys, above)?;
        sys.rmdirat(&parent, name)?;
        sys.close(parent)?;
    }
    Ok(())
}

/// Removes the files of a directory and lists the directories in it.
fn empty(
    sys: &mut Sys,
    place: &Arc<Place>,
    buffer: &mut DirectoryBuffer,
    directories: &mut Vec<Arc<Place>>,
) -> Result<()> {
    let directory = open_writable(sys, place)?;
    while let Some(entries) = sys.getdents(&directory, buffer)? {
        for entry in entries.iter() {
            if is_directory(sys, &directory, entry)? {
                directories.push(place.below(entry.name));
            } else {
                match sys.unlinkat(&directory, entry.name) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
    }
    sys.close(directory)
}

/// Opens a directory that names can be taken out of: a copy may be one that its owner may not write, such as those of
/// a module cache.
fn open_writable(sys: &mut Sys, place: &Place) -> Result<OwnedFd> {
    let directory = place.open(sys)?;
    if place.above().is_some() && sys.fstat(&directory)?.mode & 0o300 != 0o300 {
        sys.fchmod(&directory, 0o700)?;
    }
    Ok(directory)
}

fn is_directory(sys: &mut Sys, parent: &OwnedFd, entry: Entry<'_>) -> Result<bool> {
    match entry.kind {
        FileKind::Unknown => Ok(sys.stat_at(parent, entry.name)?.kind == FileKind::Directory),
        kind => Ok(kind == FileKind::Directory),
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
