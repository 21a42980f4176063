//! A whole new tree under one temporary name, `NAME.haul-part`, which gets its final name when all is in it: so safety
//! costs one rename a tree, not one a file.
//!
//! A tree that is cut short (interrupted, out of space) stays under its temporary name, to be continued: what is done in
//! it can be told from its size and time, because times are set last. One at most stays: where an older one is there
//! already, which this one could not continue, the new one goes.
//!
//! A tree that is being made is locked (flock(2)), and bears a mark (the extended attribute `user.haul.part`) until it
//! is finished: so nobody takes over what somebody is still at, nor a directory that only happens to have such a name.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::{Errno, Result};

use super::remove::remove_tree;
use super::target::{ATTEMPTS, temporary_name};
use super::walk::Place;
use crate::sys::{Stop, Sys};

/// The trees of a job that were cut short, by the paths they stay under.
#[derive(Debug, Clone, Default)]
pub struct Unfinished(Arc<Mutex<Vec<PathBuf>>>);

impl Unfinished {
    /// Their paths, in order.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        paths.sort();
        paths
    }
}

/// The mark of an unfinished tree.
const MARK: &CStr = c"user.haul.part";

/// See the module. Dropped before it is finished or abandoned, the tree was cut short.
#[derive(Debug)]
pub struct Unit {
    place: Arc<Place>,
    temporary: CString,
    /// Its directory, locked.
    locked: OwnedFd,
    /// Whether it is the one that would be continued.
    is_first: bool,
    /// `None` once it has its final name or is gone.
    unfinished: Option<Unfinished>,
}

/// How a tree begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is empty.
    Anew,
    /// An earlier one is continued.
    Again,
    /// It is empty, and something that was there under the same temporary name is left alone.
    BesideAnother,
}

impl Unit {
    /// A directory of our own that is to become `name` in `above`, which is open as `directory`. With `resume`, one
    /// that an earlier copy of ours left there is taken over.
    pub fn begin(
        sys: &mut Sys,
        above: &Arc<Place>,
        directory: impl AsFd,
        name: &CStr,
        unfinished: &Unfinished,
        resume: bool,
    ) -> Result<(Self, Begun)> {
        let mut is_beside = false;
        for attempt in 0..ATTEMPTS {
            let temporary = temporary_name(name, attempt);
            let (locked, begun) = match sys.mkdirat(directory.as_fd(), &temporary, 0o700) {
                Ok(()) => {
                    let locked = mark(sys, directory.as_fd(), &temporary).inspect_err(|_| {
                        let _ = sys.rmdirat(directory.as_fd(), &temporary);
                    });
                    (locked?, if is_beside { Begun::BesideAnother } else { Begun::Anew })
                }
                Err(Errno::EXIST) if attempt == 0 => match find_unfinished(sys, directory.as_fd(), &temporary)? {
                    Some(Found { locked, is_marked: true }) if resume => (locked, Begun::Again),
                    found => {
                        is_beside = resume || found.is_some();
                        continue;
                    }
                },
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(errno),
            };
            let place = above.unit(temporary.clone(), name);
            let unfinished = Some(unfinished.clone());
            return Ok((Self { place, temporary, locked, is_first: attempt == 0, unfinished }, begun));
        }
        Err(Errno::EXIST)
    }

    /// Where it is, whatever its name is.
    pub const fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// Takes its mark away: nothing is missing in it any more. Before it gets its final mode, which may forbid that.
    pub fn unmark(&self, sys: &mut Sys) -> Result<()> {
        match sys.fremovexattr(&self.locked, MARK) {
            Err(Errno::NODATA | Errno::NOTSUP | Errno::PERM) => Ok(()),
            other => other,
        }
    }

    /// Gives it its final name. EEXIST if anything has that meanwhile. After an error nothing of the tree is left, but
    /// for one that cuts the job short.
    pub fn finish(mut self, sys: &mut Sys) -> Result<()> {
        let renamed = self.rename(sys);
        match renamed {
            Ok(()) => self.unfinished = None,
            // Renaming may need room for a name, and all of the tree is there.
            Err(Errno::NOSPC | Errno::DQUOT | Errno::INTR) => {}
            Err(_) => self.abandon(sys),
        }
        renamed
    }

    fn rename(&self, sys: &mut Sys) -> Result<()> {
        let directory = self.directory(sys)?;
        self.place.rename(|temporary, name| match sys.rename_within(&directory, temporary, name, false) {
            // A file system without RENAME_NOREPLACE (NFS, some FUSE). A plain rename replaces an empty directory at most.
            Err(Errno::INVAL) => sys.rename_within(&directory, temporary, name, true),
            other => other,
        })?;
        sys.close(directory)
    }

    /// Takes it away again, with all in it.
    pub fn abandon(mut self, sys: &mut Sys) {
        self.unfinished = None;
        // Best effort: the failure that led here is the one to report.
        if let Ok(directory) = self.directory(sys) {
            let _ = remove_tree(sys, &directory, &self.temporary);
            let _ = sys.close(directory);
        }
    }

    fn directory(&self, sys: &mut Sys) -> Result<OwnedFd> {
        self.place.above().map_or(Err(Errno::NOENT), |(above, _)| above.open(sys))
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let Some(unfinished) = self.unfinished.take() else { return };
        let mut sys = Sys::new(Stop::new());
        let Ok(directory) = self.directory(&mut sys) else { return };
        // A tree that nothing is in yet is not worth keeping.
        let is_gone = sys.rmdirat(&directory, &self.temporary).is_ok();
        if is_gone || (!self.is_first && remove_tree(&mut sys, &directory, &self.temporary).is_ok()) {
            return;
        }
        let Some((above, _)) = self.place.above() else { return };
        let name = OsStr::from_bytes(self.temporary.to_bytes());
        let path = above.path_of(c"").join(name);
        unfinished.0.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }
}

/// Opens, locks and marks a new tree. Where the file system knows neither locks nor marks it goes without.
fn mark(sys: &mut Sys, directory: BorrowedFd<'_>, temporary: &CStr) -> Result<OwnedFd> {
    let opened = sys.open_directory(directory, temporary)?;
    match sys.flock(&opened) {
        Ok(()) | Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => {}
        Err(errno) => return Err(errno),
    }
    match sys.fsetxattr(&opened, MARK, b"1") {
        Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => Ok(opened),
        Err(errno) => Err(errno),
    }
}

/// A directory of a temporary name, locked.
struct Found {
    locked: OwnedFd,
    /// Whether an earlier copy left it there; else it may be anything.
    is_marked: bool,
}

/// The directory of that temporary name, if it is this user's and nobody is at it.
fn find_unfinished(sys: &mut Sys, directory: BorrowedFd<'_>, temporary: &CStr) -> Result<Option<Found>> {
    let opened = match sys.open_directory(directory, temporary) {
        Err(Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(None),
        other => other?,
    };
    let found = sys.fstat(&opened)?;
    // Where nothing can be marked, what only its owner may enter is taken for ours.
    let is_marked = match sys.fgetxattr_bytes(&opened, MARK) {
        Ok(_) => true,
        Err(Errno::NOTSUP) => found.mode & 0o777 == 0o700,
        Err(_) => false,
    };
    let is_ours = found.uid == rustix::process::geteuid().as_raw();
    let is_free = match sys.flock(&opened) {
        Err(Errno::WOULDBLOCK) => false,
        Ok(()) | Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => true,
        Err(errno) => return Err(errno),
    };
    Ok((is_ours && is_free).then_some(Found { locked: opened, is_marked }))
}
