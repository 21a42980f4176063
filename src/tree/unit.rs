//! A whole new tree under one temporary name, `NAME.haul-part`, which gets its final name when all is in it: so safety
//! costs one rename a tree, not one a file.
//!
//! A tree that is cut short (interrupted, out of space) stays under its temporary name, to be continued: what is done in
//! it can be told from its size and time, because times are set last. One at most stays: where an older one is there
//! already, which this one could not continue, the new one goes.
//!
//! A tree that is being made is locked (flock(2)), and marked from its first instant until it has its final name: its
//! directory is sticky, which means nothing in one that only its owner may enter. So nobody takes over what somebody is
//! still at, nor a directory that only happens to have such a name.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// The mark of an unfinished tree: the sticky bit.
const MARK: u32 = 0o1000;
/// The mode of its directory.
const MODE: u32 = MARK | 0o700;

/// See the module. Dropped before it is finished or abandoned, the tree was cut short.
#[derive(Debug)]
pub struct Unit {
    place: Arc<Place>,
    temporary: CString,
    /// Its directory, locked.
    locked: OwnedFd,
    /// Whether it is the one that would be continued.
    is_first: bool,
    /// Something is missing in it that the next copy may find.
    is_incomplete: AtomicBool,
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
            let (locked, begun) = match sys.mkdirat(directory.as_fd(), &temporary, MODE) {
                Ok(()) => {
                    let locked = lock_new(sys, directory.as_fd(), &temporary).inspect_err(|_| {
                        let _ = sys.rmdirat(directory.as_fd(), &temporary);
                    });
                    (locked?, if is_beside { Begun::BesideAnother } else { Begun::Anew })
                }
                Err(Errno::EXIST) if attempt == 0 => match find_unfinished(sys, directory.as_fd(), &temporary)? {
                    Some(locked) if resume => (locked, Begun::Again),
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
            let is_incomplete = AtomicBool::new(false);
            return Ok((Self { place, temporary, locked, is_first: attempt == 0, is_incomplete, unfinished }, begun));
        }
        Err(Errno::EXIST)
    }

    /// Where it is, whatever its name is.
    pub const fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// It is not to get its final name: something is missing in it that the next copy may find.
    pub fn leave_unfinished(&self) {
        self.is_incomplete.store(true, Ordering::Relaxed);
    }

    /// Whether it may get its final name.
    pub fn is_finished(&self) -> bool {
        !self.is_incomplete.load(Ordering::Relaxed)
    }

    /// Makes it ours again after another copy, whose end may have been near.
    pub fn take_over(&self, sys: &mut Sys) -> Result<()> {
        sys.fchmod(&self.locked, MODE)
    }

    /// Gives it its final name, then its final mode, and makes both durable if that is wanted. EEXIST if anything has
    /// that name meanwhile. Where it gets none nothing of the tree is left, but for an error that cuts the job short.
    pub fn finish(mut self, sys: &mut Sys, mode: u32, sync: bool) -> Result<()> {
        match self.rename(sys, sync) {
            Ok(()) => self.unfinished = None,
            // Renaming may need room for a name, and all of the tree is there.
            Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::INTR)) => return Err(errno),
            Err(errno) => {
                self.abandon(sys);
                return Err(errno);
            }
        }
        sys.fchmod(&self.locked, mode)?;
        if sync { sys.fsync(&self.locked) } else { Ok(()) }
    }

    fn rename(&self, sys: &mut Sys, sync: bool) -> Result<()> {
        let directory = self.directory(sys)?;
        self.place.rename(|temporary, name| match sys.rename_within(&directory, temporary, name, false) {
            // A file system without RENAME_NOREPLACE (NFS, some FUSE). A plain rename replaces an empty directory at most.
            Err(Errno::INVAL) => sys.rename_within(&directory, temporary, name, true),
            other => other,
        })?;
        // It has its name, whatever comes of that.
        let synced = if sync { sys.fsync(&directory) } else { Ok(()) };
        let _ = synced.and(sys.close(directory));
        Ok(())
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
        self.place.above().map_or(Err(Errno::NOENT), |(above, _)| above.open_to_search(sys))
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

/// Opens and locks a new tree. Where the file system knows no locks it goes without.
fn lock_new(sys: &mut Sys, directory: BorrowedFd<'_>, temporary: &CStr) -> Result<OwnedFd> {
    let opened = sys.open_directory(directory, temporary)?;
    match sys.flock(&opened) {
        Ok(()) | Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => Ok(opened),
        Err(errno) => Err(errno),
    }
}

/// The tree of that temporary name, locked, if an earlier copy of this user's left it there and nobody is at it.
fn find_unfinished(sys: &mut Sys, directory: BorrowedFd<'_>, temporary: &CStr) -> Result<Option<OwnedFd>> {
    let opened = match sys.open_directory(directory, temporary) {
        Err(Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(None),
        other => other?,
    };
    let found = sys.fstat(&opened)?;
    let is_ours = found.mode & MARK != 0 && found.uid == rustix::process::geteuid().as_raw();
    let is_free = match sys.flock(&opened) {
        Err(Errno::WOULDBLOCK) => false,
        Ok(()) | Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => true,
        Err(errno) => return Err(errno),
    };
    Ok((is_ours && is_free).then_some(opened))
}
