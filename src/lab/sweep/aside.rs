//! Where targets of old runs go until a sweep ends.
//!
//! On ext4 inodes that were freed within the last minutes are passed over one by one when new ones are looked for
//! (`recently_deleted` in fs/ext4/ialloc.c), which made a copy of 19,000 files up to twenty times slower. So nothing is
//! removed there between runs: it is moved aside and emptied, which gives its room back and keeps its inodes.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{CWD, OFlags};
use rustix::io::{Errno, Result};

use crate::lab::scratch::Scratch;
use crate::sys::{FileKind, Sys};
use crate::tree::{each_file, remove_tree};

/// `EXT4_SUPER_MAGIC` of `linux/magic.h`.
const EXT4: u64 = 0xef53;
/// The directory for it in the scratch directory.
const ASIDE: &CStr = c"aside";
/// Names and inodes that a file system can spare in any case; with more of them everything aside is removed.
const MOST_FILES: u64 = 2_000_000;

impl Scratch {
    /// Takes away something in the scratch directory: a tree's target, or a file in one.
    pub(super) fn discard(&self, sys: &mut Sys, parent: &OwnedFd, name: &CStr) -> Result<()> {
        if sys.fstatfs(self.directory())?.magic != EXT4 {
            return remove_tree(sys, parent, name);
        }
        if self.aside.get() > MOST_FILES {
            remove_tree(sys, self.directory(), ASIDE)?;
            self.aside.set(0);
        }
        match sys.mkdirat(self.directory(), ASIDE, 0o700) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let aside = sys.open_directory(self.directory(), ASIDE)?;
        let number = self.numbers.replace(self.numbers.get() + 1);
        let new_name = CString::new(number.to_string()).map_err(|_| Errno::INVAL)?;
        match move_into(sys, parent, name, &aside, &new_name) {
            Ok(()) => self.aside.set(self.aside.get() + empty(sys, &aside, &new_name)?),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        sys.close(aside)
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

/// Empties every file, and returns how many names there are. What cannot be opened keeps its room until the end.
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
    use crate::lab::scratch::Purpose;

    #[test]
    fn what_is_discarded_is_gone_from_its_place_and_takes_no_room() {
        let place = tempfile::tempdir().unwrap();
        let context = Context::silent();
        let mut sys = context.sys();
        let scratch = Scratch::make(&mut sys, &context, Purpose::Sweep, place.path()).unwrap();
        sys.mkdirat(scratch.directory(), c"tree", 0o700).unwrap();
        let tree = sys.open_directory(scratch.directory(), c"tree").unwrap();
        for name in [c"one", c"two"] {
            let file = sys.create(&tree, name, 0o400).unwrap();
            sys.write_full(&file, b"some text", 9).unwrap();
        }
        // Not to be written in: what is in it cannot be moved on its own, nor the directory by an ordinary user.
        sys.fchmod(&tree, 0o500).unwrap();
        scratch.discard(&mut sys, &scratch.directory().try_clone().unwrap(), c"tree").unwrap();
        assert_eq!(sys.stat_at(scratch.directory(), c"tree").unwrap_err(), Errno::NOENT);
        if let Ok(aside) = sys.open_directory(scratch.directory(), ASIDE) {
            let mut sizes = vec![];
            each_file(&mut sys, &aside, c"0", &mut |_, _, attributes| {
                sizes.push(attributes.size);
                Ok(())
            })
            .unwrap();
            // Only root can empty a file that it may not write.
            let emptied = if rustix::process::geteuid().is_root() { 0 } else { 9 };
            assert_eq!(sizes, [emptied, emptied]);
        }
        scratch.discard(&mut sys, &scratch.directory().try_clone().unwrap(), c"none").unwrap();
        scratch.finish().unwrap();
        assert_eq!(place.path().read_dir().unwrap().count(), 0);
    }
}
