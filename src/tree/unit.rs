//! A whole new tree under one temporary name, `NAME.haul-part`, which gets its final name when all is in it: so safety
//! costs one rename a tree, not one a file.
//!
//! A tree that is cut short (interrupted, out of space) stays under its temporary name, to be continued: what is done in
//! it can be told from its size and time, because times are set last. One at most stays: where an older one is there
//! already, which this one could not continue, the new one goes.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::{Errno, Result};

use super::remove::remove_tree;
use super::target::{ATTEMPTS, temporary_name};
use super::walk::Place;
use crate::sys::{FileKind, Stop, Sys};

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

/// See the module. Dropped before it is finished or abandoned, the tree was cut short.
#[derive(Debug)]
pub struct Unit {
    place: Arc<Place>,
    temporary: CString,
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
    /// It is empty, and an earlier one is left alone.
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
        for attempt in 0..ATTEMPTS {
            let temporary = temporary_name(name, attempt);
            let begun = match sys.mkdirat(directory.as_fd(), &temporary, 0o700) {
                Ok(()) if attempt == 0 => Begun::Anew,
                Ok(()) => Begun::BesideAnother,
                Err(Errno::EXIST) if attempt == 0 && resume && is_ours(sys, directory.as_fd(), &temporary)? => {
                    Begun::Again
                }
                Err(Errno::EXIST) => continue,
                Err(errno) => return Err(errno),
            };
            let place = above.unit(temporary.clone(), name);
            let unfinished = Some(unfinished.clone());
            return Ok((Self { place, temporary, is_first: attempt == 0, unfinished }, begun));
        }
        Err(Errno::EXIST)
    }

    /// Where it is, whatever its name is.
    pub const fn place(&self) -> &Arc<Place> {
        &self.place
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

/// Whether what has a temporary name is a directory that this user made.
fn is_ours(sys: &mut Sys, directory: impl AsFd, temporary: &CStr) -> Result<bool> {
    let found = sys.stat_at(directory, temporary)?;
    Ok(found.kind == FileKind::Directory && found.uid == rustix::process::geteuid().as_raw())
}
