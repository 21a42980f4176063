//! Paths as the user gives them: what the kernel takes, whether one lies in another, and opening a directory by the names
//! on the way to it, whatever their number.

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

/// Opens a directory to start from, through symbolic links: the user named them.
pub fn open_named(sys: &mut Sys, directory: impl AsFd, path: &CStr) -> Result<OwnedFd> {
    sys.openat(directory, path, OFlags::PATH | OFlags::DIRECTORY, 0)
}

/// What to say of a call that failed on a directory that may only be searched, and was opened with `O_PATH`.
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

/// The longest path given to the kernel in one go: `PATH_MAX` is 4,096 with the NUL. Longer ones are walked in steps.
const LONGEST: usize = 4_000;

/// Opens the directory that these names lead to from `root`: through symbolic links if they are to be followed, else
/// through none. `access` is `RDONLY` or `PATH`.
pub(super) fn open_names(
    sys: &mut Sys,
    root: &OwnedFd,
    names: &[&CStr],
    access: OFlags,
    follow: bool,
) -> Result<OwnedFd> {
    if names.is_empty() {
        return sys.openat(root, c".", access | OFlags::DIRECTORY | OFlags::NOFOLLOW, 0);
    }
    let mut directory: Option<OwnedFd> = None;
    for step in steps(names) {
        let from = directory.as_ref().unwrap_or(root);
        let next = if follow {
            sys.openat(from, &step, access | OFlags::DIRECTORY, 0)?
        } else {
            open_beneath(sys, from, &step, access)?
        };
        if let Some(passed) = directory.replace(next) {
            sys.close(passed)?;
        }
    }
    directory.ok_or(Errno::NOENT)
}

/// Joins names to relative paths that are each short enough for the kernel.
fn steps(names: &[&CStr]) -> Vec<CString> {
    let mut steps: Vec<Vec<u8>> = Vec::new();
    for name in names {
        match steps.last_mut() {
            Some(step) if step.len() + name.count_bytes() < LONGEST => {
                step.push(b'/');
                step.extend_from_slice(name.to_bytes());
            }
            _ => steps.push(name.to_bytes().to_vec()),
        }
    }
    // Names came from the kernel as C strings, so there is no NUL in them.
    steps.into_iter().filter_map(|step| CString::new(step).ok()).collect()
}

/// Opens a path below a directory, following no symbolic link.
fn open_beneath(sys: &mut Sys, from: &OwnedFd, path: &CStr, access: OFlags) -> Result<OwnedFd> {
    match sys.open_beneath(from, path, access) {
        // Linux before 5.6, or a container's filter that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_name_by_name(sys, from, path, access),
        other => other,
    }
}

fn open_name_by_name(sys: &mut Sys, from: &OwnedFd, path: &CStr, access: OFlags) -> Result<OwnedFd> {
    let mut directory: Option<OwnedFd> = None;
    for name in path.to_bytes().split(|byte| *byte == b'/') {
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let flags = access | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let next = sys.openat(directory.as_ref().unwrap_or(from), &name, flags, 0)?;
        if let Some(passed) = directory.replace(next) {
            sys.close(passed)?;
        }
    }
    directory.ok_or(Errno::NOENT)
}
