//! Where targets of old runs go until a sweep ends.
//!
//! On ext4 inodes that were freed within the last minutes are passed over one by one when new ones are looked for
//! (`recently_deleted` in fs/ext4/ialloc.c), which made a copy of 19,000 files up to twenty times slower. So nothing is
//! removed there between runs: it is moved into the trash and emptied, which frees its space and keeps its inodes.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{CWD, OFlags};
use rustix::io::{Errno, Result};

use crate::sys::{FileKind, Sys};
use crate::tree::{each_file, remove_tree};

/// `EXT4_SUPER_MAGIC` of `linux/magic.h`.
const EXT4: u64 = 0xef53;
/// The directory for it in the scratch directory.
const TRASH: &CStr = c"trash";
/// Names and inodes that a file system can spare in any case; with more of them in it, all of the trash is removed.
const MOST_FILES: u64 = 2_000_000;

/// The trash of one scratch directory.
#[derive(Debug, Default)]
pub(super) struct Trash {
    /// How many things were ever moved into it: the next one's name.
    moved: Cell<u64>,
    /// Files in it.
    files: Cell<u64>,
}

impl Trash {
    /// Takes away `name` in `parent`, which lies in the directory `scratch`: a tree's target, or a file in one. What is not
    /// there is not an error.
    pub(super) fn discard(&self, sys: &mut Sys, scratch: &OwnedFd, parent: &OwnedFd, name: &CStr) -> Result<()> {
        if sys.fstatfs(scratch)?.magic != EXT4 {
            return remove_tree(sys, parent, name);
        }
        if self.files.get() > MOST_FILES {
            remove_tree(sys, scratch, TRASH)?;
            self.files.set(0);
        }
        match sys.mkdirat(scratch, TRASH, 0o700) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let trash = sys.open_directory(scratch, TRASH)?;
        let number = self.moved.replace(self.moved.get() + 1);
        let new_name = CString::new(number.to_string()).map_err(|_| Errno::INVAL)?;
        match move_into(sys, parent, name, &trash, &new_name) {
            Ok(()) => self.files.set(self.files.get() + empty(sys, &trash, &new_name)?),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        sys.close(trash)
    }
}

/// Moves something; a directory that its owner may not write cannot be moved as it is (its `..` changes).
fn move_into(sys: &mut Sys, from: &OwnedFd, name: &CStr, to: &OwnedFd, new_name: &CStr) -> Result<()> {
    match sys.rename_into(from, name, to, new_name) {
        Err(Errno::ACCESS) => {
            let directory = sys.open_directory(from, name)?;
            sys.fchmod(&directory, 0o700)?;
            sys.close(directory)?;
            sys.rename_into(from, name, to, new_name)
        }
        other => other,
    }
}

/// Empties every file, and returns how many names there are. What cannot be opened keeps its space until the end.
fn empty(sys: &mut Sys, parent: &OwnedFd, name: &CStr) -> Result<u64> {
    if !matches!(sys.stat_at(parent, name)?.kind, FileKind::RegularFile | FileKind::Directory) {
        return Ok(1);
    }
    let mut files = 0;
    each_file(sys, parent, name, &mut |sys, file, _| {
        files += 1;
        // The same file, open for writing: through /proc there is no name that could have been swapped.
        let again = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|_| Errno::INVAL)?;
        match sys.openat(CWD, &again, OFlags::WRONLY | OFlags::TRUNC, 0) {
            Ok(file) => sys.close(file),
            Err(_) => Ok(()),
        }
    })?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Context;
    use crate::lab::scratch::{Purpose, Scratch};

    #[test]
    fn what_is_discarded_is_gone_from_where_it_was_and_takes_no_space() {
        let parent = tempfile::tempdir().unwrap();
        let context = Context::silent();
        let mut sys = context.sys();
        let scratch = Scratch::make(&mut sys, &context, Purpose::Sweep, parent.path()).unwrap();
        let (directory, trash) = (scratch.directory(), Trash::default());
        sys.mkdirat(directory, c"tree", 0o700).unwrap();
        let tree = sys.open_directory(directory, c"tree").unwrap();
        for name in [c"one", c"two"] {
            let file = sys.create(&tree, name, 0o400).unwrap();
            sys.write_full(&file, b"some text", 9).unwrap();
        }
        // Not to be written in: what is in it cannot be moved on its own, nor the directory by an ordinary user.
        sys.fchmod(&tree, 0o500).unwrap();
        trash.discard(&mut sys, directory, directory, c"tree").unwrap();
        assert_eq!(sys.stat_at(directory, c"tree").unwrap_err(), Errno::NOENT);
        if let Ok(moved) = sys.open_directory(directory, TRASH) {
            let mut sizes = vec![];
            each_file(&mut sys, &moved, c"0", &mut |_, _, attributes| {
                sizes.push(attributes.size);
                Ok(())
            })
            .unwrap();
            // Only root can empty a file that it may not write.
            let emptied = if rustix::process::geteuid().is_root() { 0 } else { 9 };
            assert_eq!(sizes, [emptied, emptied]);
        }
        trash.discard(&mut sys, directory, directory, c"none").unwrap();
        scratch.finish().unwrap();
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }
}
