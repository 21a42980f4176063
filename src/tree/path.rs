//! Paths as the user gives them: what the kernel takes, and whether one lies in another.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};

use crate::sys::{Attributes, Sys};

/// A path as the kernel takes it. Command-line words hold no NUL, and neither do names from the kernel; what did would
/// become the empty path, which names nothing.
pub fn c_path(path: impl AsRef<OsStr>) -> CString {
    CString::new(path.as_ref().as_bytes()).unwrap_or_default()
}

/// The name a path ends in; none for `.`, `..`, `/` and `x/.`, which mean what is in the directory.
pub fn own_name(path: &Path) -> Option<CString> {
    let bytes = path.as_os_str().as_bytes();
    let trimmed = bytes.iter().rposition(|byte| *byte != b'/').map_or(bytes, |last| &bytes[..=last]);
    path.file_name().filter(|_| !trimmed.ends_with(b"/.")).map(c_path)
}

/// Opens a directory as a place to start from, through symbolic links: the user named them.
pub fn open_named(sys: &mut Sys, directory: impl AsFd, path: &CStr) -> Result<OwnedFd> {
    sys.openat(directory, path, OFlags::PATH | OFlags::DIRECTORY, 0)
}

/// What to say of a call that failed on a directory that may only be searched, and was opened as a mere place.
pub fn search_only(errno: Errno) -> Errno {
    if errno == Errno::BADF { Errno::ACCESS } else { errno }
}

/// Whether `directory` is `tree`, or lies in it however deep.
pub fn lies_in(sys: &mut Sys, directory: impl AsFd, tree: &Attributes) -> Result<bool> {
    let mut above = open_named(sys, directory, c".")?;
    let mut here = sys.fstat(&above)?;
    loop {
        if here.is_same_file(tree) {
            return Ok(true);
        }
        let next = open_named(sys, &above, c"..")?;
        sys.close(std::mem::replace(&mut above, next))?;
        let there = sys.fstat(&above)?;
        // Only the top is its own parent.
        if there.is_same_file(&here) {
            return Ok(false);
        }
        here = there;
    }
}
