//! Opening a directory by the names on the way to it, whatever their number.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};

use crate::sys::Sys;

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
