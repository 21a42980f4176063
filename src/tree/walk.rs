//! Directories of a tree, by descriptor.
//!
//! A directory that waits its turn holds no descriptor, only its place: a chain of names below an open root. It is
//! reopened beneath the root, following no symbolic link, so a link swapped in meanwhile never leads outside.
//! Keeping thousands of descriptors open costs more: the kernel stops every thread while it enlarges a shared table.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::{Errno, Result};

use crate::sys::Sys;

/// The longest path given to the kernel in one go: `PATH_MAX` is 4,096 with the NUL. Longer ones are walked in steps.
const LONGEST: usize = 4_000;

/// Where a walk starts: an open directory, and what the user calls it.
#[derive(Debug)]
pub struct Root {
    /// The directory.
    pub directory: OwnedFd,
    /// Its path in messages; empty for the working directory.
    pub path: PathBuf,
}

/// A directory below a root, as a chain of names.
#[derive(Debug)]
pub struct Place {
    root: Arc<Root>,
    above: Option<(Arc<Place>, CString)>,
}

impl Place {
    /// The root itself.
    pub fn root(root: Root) -> Arc<Self> {
        Arc::new(Self { root: Arc::new(root), above: None })
    }

    /// The directory `name` in this one.
    pub fn below(self: &Arc<Self>, name: &CStr) -> Arc<Self> {
        Arc::new(Self { root: Arc::clone(&self.root), above: Some((Arc::clone(self), name.to_owned())) })
    }

    /// The path of `name` in this directory, for messages.
    pub fn path_of(&self, name: &CStr) -> PathBuf {
        let mut path = self.joined();
        path.push(OsStr::from_bytes(name.to_bytes()));
        path
    }

    /// The path of this directory, for messages.
    pub fn path(&self) -> PathBuf {
        let path = self.joined();
        if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
    }

    fn joined(&self) -> PathBuf {
        let mut path = self.root.path.clone();
        path.extend(self.names().map(|name| OsStr::from_bytes(name.to_bytes())));
        path
    }

    /// The directory this one lies in, and its name there; none for a root.
    pub fn above(&self) -> Option<(&Self, &CStr)> {
        self.above.as_ref().map(|(place, name)| (&**place, name.as_c_str()))
    }

    /// Opens this directory for reading, with a position of its own.
    pub fn open(&self, sys: &mut Sys) -> Result<OwnedFd> {
        let root = &self.root.directory;
        let names: Vec<&CStr> = self.names().collect();
        if names.is_empty() {
            return sys.open_directory(root, c".");
        }
        let mut directory: Option<OwnedFd> = None;
        for step in steps(&names) {
            let from = directory.as_ref().unwrap_or(root);
            let next = match sys.open_beneath(from, &step) {
                // Linux before 5.6, or a container's filter that does not know the call.
                Err(Errno::NOSYS | Errno::PERM) => open_name_by_name(sys, from, &step)?,
                other => other?,
            };
            if let Some(passed) = directory.replace(next) {
                sys.close(passed)?;
            }
        }
        directory.ok_or(Errno::NOENT)
    }

    /// How many names lie between the root and this directory.
    pub fn depth(&self) -> usize {
        self.names().count()
    }

    /// The path of this directory without its root and the first `skipped` names below it.
    pub fn path_below(&self, skipped: usize) -> PathBuf {
        self.names().skip(skipped).map(|name| OsStr::from_bytes(name.to_bytes())).collect()
    }

    /// The directories from the one below the root down to this one, each with its name.
    pub fn lineage(&self) -> Vec<(&Self, &CStr)> {
        let mut lineage = Vec::new();
        let mut place = self;
        while let Some((above, name)) = place.above() {
            lineage.push((place, name));
            place = above;
        }
        lineage.reverse();
        lineage
    }

    /// The names from the root down.
    fn names(&self) -> impl Iterator<Item = &CStr> {
        self.lineage().into_iter().map(|(_, name)| name)
    }
}

impl Drop for Place {
    /// Link by link: a chain of tens of thousands would exhaust the stack.
    fn drop(&mut self) {
        let mut above = self.above.take();
        while let Some(mut place) = above.and_then(|(place, _)| Arc::into_inner(place)) {
            above = place.above.take();
        }
    }
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

fn open_name_by_name(sys: &mut Sys, from: &OwnedFd, path: &CStr) -> Result<OwnedFd> {
    let mut directory: Option<OwnedFd> = None;
    for name in path.to_bytes().split(|byte| *byte == b'/') {
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let next = sys.open_directory(directory.as_ref().unwrap_or(from), &name)?;
        if let Some(passed) = directory.replace(next) {
            sys.close(passed)?;
        }
    }
    directory.ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stop;

    fn root(path: &std::path::Path) -> (Sys, Arc<Place>) {
        let mut sys = Sys::new(Stop::new());
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        let directory = sys.open_directory(rustix::fs::CWD, &path).unwrap();
        (sys, Place::root(Root { directory, path: PathBuf::from("tree") }))
    }

    #[test]
    fn a_place_opens_however_deep_it_lies() {
        let scratch = tempfile::tempdir().unwrap();
        let (mut sys, mut place) = root(scratch.path());
        let name = CString::new("d".repeat(200)).unwrap();
        for depth in 0..60 {
            let directory = place.open(&mut sys).unwrap();
            sys.mkdirat(&directory, &name, 0o700).unwrap();
            place = place.below(&name);
            assert_eq!(place.path().components().count(), depth + 2);
        }
        assert!(place.path().as_os_str().len() > 12_000, "longer than PATH_MAX");
        place.open(&mut sys).unwrap();
        let top = sys.open_directory(rustix::fs::CWD, &CString::new(scratch.path().as_os_str().as_bytes()).unwrap());
        crate::tree::remove_tree(&mut sys, top.unwrap(), &name).unwrap();
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", scratch.path().join("link")).unwrap();
        let (mut sys, place) = root(scratch.path());
        assert_eq!(place.below(c"link").open(&mut sys).unwrap_err(), Errno::LOOP);
        assert_eq!(place.below(c"..").open(&mut sys).unwrap_err(), Errno::XDEV);
    }
}
