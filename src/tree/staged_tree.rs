//! A whole new tree under one temporary name, `NAME.haul-part`, which gets its final name when all is in it: so safety
//! costs one rename a tree, not one a file.
//!
//! A tree that is cut short (interrupted, out of space) stays under its temporary name, to be continued: what is done in
//! it can be told from its size and time, because times are set last. One at most stays: where an older one is there
//! already, which this one could not continue, the new one goes.
//!
//! A tree that is being made is locked (flock(2)), and marked from its first instant until it has its final name: its
//! directory is sticky, which means nothing in one that only its owner may enter. It is continued only if it has exactly
//! that mode, belongs to this user, and can be locked: what is continued loses what its source does not have, so it must
//! not be mistaken for a directory that only happens to have such a name.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::{Errno, Result};

use super::directory_path::DirectoryPath;
use super::metadata::SET_GROUP_ID;
use super::remove::remove_tree;
use super::temporary_names::{LENGTHS, with_suffix};
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

const SUFFIX: &str = crate::plan::UNFINISHED_SUFFIX;
/// Names tried before giving up; each is somebody else's that must not be touched.
const ATTEMPTS: u32 = 1_000;
/// The mode of an unfinished tree: only its owner may enter it, and the sticky bit is the mark.
pub(crate) const MODE: u32 = 0o1700;

/// See the module. Dropped before it is finished or abandoned, the tree was cut short.
#[derive(Debug)]
pub struct StagedTree {
    path: Arc<DirectoryPath>,
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

/// Why a tree was not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A call failed that was about this name.
    System(CString, Errno),
    /// What has this name is not an unfinished copy that could be continued, for this reason.
    NotContinued(CString, String),
}

/// How a tree begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is empty.
    Empty,
    /// An earlier one is continued.
    Again,
    /// It is empty, and an unfinished one that is there under the same temporary name is left alone.
    BesideAnother,
}

/// A tree that has its final name, and what else came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct FinishedTree {
    /// Whether it got its final mode; without it nobody but its owner may enter it.
    pub mode: Result<()>,
    /// Whether name and mode are durable, if that was wanted.
    pub durable: Result<()>,
}

impl StagedTree {
    /// A directory of our own that is to become `name` in `above`, which is open as `directory`. With `resume`, the one
    /// that an earlier copy left there is continued, or nothing is begun.
    pub fn begin(
        sys: &mut Sys,
        above: &Arc<DirectoryPath>,
        directory: impl AsFd,
        name: &CStr,
        unfinished: &Unfinished,
        resume: bool,
    ) -> std::result::Result<(Self, Begun), Refused> {
        for length in LENGTHS {
            match Self::begin_within(sys, length, above, directory.as_fd(), name, unfinished, resume) {
                // The name fits with nothing after it, or it would have been refused before.
                Err(Refused::System(_, Errno::NAMETOOLONG)) => {}
                other => return other,
            }
        }
        Err(Refused::System(name.to_owned(), Errno::NAMETOOLONG))
    }

    /// The same, with a temporary name of at most `length` bytes.
    fn begin_within(
        sys: &mut Sys,
        length: usize,
        above: &Arc<DirectoryPath>,
        directory: BorrowedFd<'_>,
        name: &CStr,
        unfinished: &Unfinished,
        resume: bool,
    ) -> std::result::Result<(Self, Begun), Refused> {
        let mut is_beside = false;
        for attempt in 0..ATTEMPTS {
            let temporary = temporary_name(name, attempt, length);
            let failed = |errno| Refused::System(temporary.clone(), errno);
            let (locked, begun) = match sys.mkdirat(directory, &temporary, MODE) {
                Ok(()) => {
                    let locked = lock_new(sys, directory, &temporary).inspect_err(|_| {
                        let _ = sys.rmdirat(directory, &temporary);
                    });
                    (locked.map_err(failed)?, if is_beside { Begun::BesideAnother } else { Begun::Empty })
                }
                Err(Errno::EXIST) if attempt == 0 => {
                    match (find_unfinished(sys, directory, &temporary).map_err(failed)?, resume) {
                        (Ok(locked), true) => (locked, Begun::Again),
                        (Err(why), true) => return Err(Refused::NotContinued(temporary, why)),
                        (found, false) => {
                            is_beside = found.is_ok();
                            continue;
                        }
                    }
                }
                Err(Errno::EXIST) if attempt + 1 < ATTEMPTS => continue,
                Err(errno) => return Err(failed(errno)),
            };
            let path = above.staged(temporary.clone(), name);
            let unfinished = Some(unfinished.clone());
            let is_incomplete = AtomicBool::new(false);
            return Ok((Self { path, temporary, locked, is_first: attempt == 0, is_incomplete, unfinished }, begun));
        }
        Err(Refused::System(temporary_name(name, 0, length), Errno::EXIST))
    }

    /// The temporary name of the unfinished tree that [`StagedTree::begin`] would continue as `name`; `None` if there is none.
    pub fn find(sys: &mut Sys, directory: impl AsFd, name: &CStr) -> std::result::Result<Option<CString>, Refused> {
        for length in LENGTHS {
            let temporary = temporary_name(name, 0, length);
            match find_unfinished(sys, directory.as_fd(), &temporary) {
                // Closed here, it is not locked any more.
                Ok(Ok(_)) => return Ok(Some(temporary)),
                Ok(Err(why)) => return Err(Refused::NotContinued(temporary, why)),
                Err(Errno::NAMETOOLONG) => {}
                Err(Errno::NOENT) => break,
                Err(errno) => return Err(Refused::System(temporary, errno)),
            }
        }
        Ok(None)
    }

    /// Where it is, whatever its name is.
    pub const fn path(&self) -> &Arc<DirectoryPath> {
        &self.path
    }

    /// It is not to get its final name: something is missing in it that the next copy may find.
    pub(crate) fn leave_unfinished(&self) {
        self.is_incomplete.store(true, Ordering::Relaxed);
    }

    /// Whether it may get its final name.
    pub fn is_finished(&self) -> bool {
        !self.is_incomplete.load(Ordering::Relaxed)
    }

    /// Makes it ours again after another copy, whose end may have been near.
    pub(crate) fn take_over(&self, sys: &mut Sys) -> Result<()> {
        let inherited = sys.fstat(&self.locked)?.mode & SET_GROUP_ID;
        sys.fchmod(&self.locked, MODE | inherited)
    }

    /// Gives it its final name, then its final mode, and makes both durable if that is wanted. EEXIST if anything has
    /// that name meanwhile. Where it cannot get it the tree stays under its temporary name.
    pub fn finish(mut self, sys: &mut Sys, mode: u32, sync: bool) -> Result<FinishedTree> {
        let directory = self.rename(sys).inspect_err(|_| self.note_unfinished())?;
        self.unfinished = None;
        let mode = sys.fchmod(&self.locked, mode);
        let durable = if sync { sys.fsync(&directory).and(sys.fsync(&self.locked)) } else { Ok(()) };
        let _ = sys.close(directory);
        Ok(FinishedTree { mode, durable })
    }

    fn rename(&self, sys: &mut Sys) -> Result<OwnedFd> {
        let directory = self.directory(sys)?;
        // Somebody else may have put another directory in its place.
        if sys.stat_at(&directory, &self.temporary)?.id() != sys.fstat(&self.locked)?.id() {
            return Err(Errno::STALE);
        }
        self.path.rename(|temporary, name| match sys.rename_within(&directory, temporary, name, false) {
            // A file system without RENAME_NOREPLACE (NFS, some FUSE). A plain rename replaces an empty directory at most.
            Err(Errno::INVAL) => sys.rename_within(&directory, temporary, name, true),
            other => other,
        })?;
        Ok(directory)
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

    /// It stays under its temporary name, which is told.
    fn note_unfinished(&mut self) {
        let Some((unfinished, (above, _))) = self.unfinished.take().zip(self.path.above()) else { return };
        let path = above.join(c"").join(OsStr::from_bytes(self.temporary.to_bytes()));
        unfinished.0.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    }

    fn directory(&self, sys: &mut Sys) -> Result<OwnedFd> {
        self.path.above().map_or(Err(Errno::NOENT), |(above, _)| above.open_to_search(sys))
    }
}

impl Drop for StagedTree {
    fn drop(&mut self) {
        let Some(unfinished) = self.unfinished.take() else { return };
        let mut sys = Sys::new(Stop::new());
        let Ok(directory) = self.directory(&mut sys) else { return };
        // A tree that nothing is in yet is not worth keeping.
        let is_gone = sys.rmdirat(&directory, &self.temporary).is_ok();
        if is_gone || (!self.is_first && remove_tree(&mut sys, &directory, &self.temporary).is_ok()) {
            return;
        }
        self.unfinished = Some(unfinished);
        self.note_unfinished();
    }
}

/// Whether a name is one that a tree under way has, or had.
pub(crate) fn is_unfinished_tree(name: &CStr) -> bool {
    crate::plan::is_unfinished_tree(name.to_bytes())
}

/// `NAME.haul-part`, or `NAME.haul-part-3` at the third further attempt, with NAME cut so that it fits.
fn temporary_name(name: &CStr, attempt: u32, length: usize) -> CString {
    let suffix = if attempt == 0 { SUFFIX.to_owned() } else { format!("{SUFFIX}-{attempt}") };
    with_suffix(name, &suffix, length)
}

/// Opens and locks a new tree. Where the file system knows no locks it goes without.
fn lock_new(sys: &mut Sys, directory: BorrowedFd<'_>, temporary: &CStr) -> Result<OwnedFd> {
    let opened = match sys.open_directory(directory, temporary) {
        // The directory that it lies in hands on an ACL by which its owner may not read it.
        Err(Errno::ACCESS) => {
            let itself = sys.open_itself(directory, temporary)?;
            sys.chmod_itself(&itself, MODE)?;
            sys.close(itself)?;
            sys.open_directory(directory, temporary)?
        }
        other => other?,
    };
    match sys.flock(&opened) {
        Ok(()) | Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => Ok(opened),
        Err(errno) => Err(errno),
    }
}

/// The tree of that temporary name, locked, if it is an unfinished copy of this user's that nobody is at work on; else
/// why it is not.
fn find_unfinished(
    sys: &mut Sys,
    directory: BorrowedFd<'_>,
    temporary: &CStr,
) -> Result<std::result::Result<OwnedFd, String>> {
    let refused = |why: &str| Ok(Err(why.to_owned()));
    let opened = match sys.open_directory(directory, temporary) {
        Err(Errno::NOTDIR | Errno::LOOP) => return refused("it is not a directory"),
        Err(Errno::ACCESS) => return refused("it may not be read"),
        other => other?,
    };
    let found = sys.fstat(&opened)?;
    if found.uid != rustix::process::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    if found.mode & !SET_GROUP_ID != MODE {
        return Ok(Err(format!("its mode is {:o}, and that of an unfinished copy is {MODE:o}", found.mode)));
    }
    match sys.flock(&opened) {
        Ok(()) => Ok(Ok(opened)),
        Err(Errno::WOULDBLOCK) => refused("another copy is at work on it"),
        Err(Errno::NOLCK | Errno::NOTSUP | Errno::NOSYS) => {
            refused("its file system has no locks, so another copy may be at work on it")
        }
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Call;
    use crate::sys::Stop;
    use crate::sys::faults::{Fault, FaultPlan};
    use crate::tree::Root;

    #[test]
    fn the_names_of_trees_under_way_fit_and_are_known() {
        let long = CString::new("n".repeat(255)).unwrap();
        for attempt in [0, 1, 999] {
            assert_eq!(temporary_name(&long, attempt, 255).count_bytes(), 255);
        }
        for attempt in [0, 1, 20] {
            assert!(is_unfinished_tree(&temporary_name(c"a.gz", attempt, 255)));
        }
        for name in [c"a.haul-part.gz", c"haul-part", c"a.haul-part-", c".haul-tmp-0123456789abcdef"] {
            assert!(!is_unfinished_tree(name), "{name:?}");
        }
        assert_eq!(temporary_name(c"a.gz", 0, 255), c"a.gz.haul-part".to_owned());
        assert_eq!(temporary_name(c"a.gz", 2, 143), c"a.gz.haul-part-2".to_owned());
    }

    #[test]
    fn a_tree_that_is_not_durable_is_not_finished_without_an_error() {
        let scratch = tempfile::tempdir().unwrap();
        let mut failed = 0;
        for at in 1..=20 {
            let mut sys = Sys::new(Stop::new());
            let path = crate::tree::path::c_path(scratch.path());
            let mut open = || sys.open_directory(rustix::fs::CWD, &path).unwrap();
            let (above, directory) = (DirectoryPath::root(Root::new(open(), scratch.path().to_owned())), open());
            let name = CString::new(at.to_string()).unwrap();
            let begun = StagedTree::begin(&mut sys, &above, &directory, &name, &Unfinished::default(), false);
            let (tree, _) = begun.unwrap_or_else(|_| panic!("nothing is in the way"));
            let plan = Arc::new(FaultPlan::new(at, Fault::Fail(Errno::IO), false));
            let mut sys = sys.with_faults(Arc::clone(&plan));
            let finished = tree.finish(&mut sys, 0o700, true);
            if sys.counts().of(Call::Fsync).failed > 0 {
                failed += 1;
                assert_eq!(finished.map(|tree| tree.durable), Ok(Err(Errno::IO)), "call {at}");
                assert!(sys.stat_at(&directory, &name).is_ok(), "it has its name all the same");
            }
        }
        assert_eq!(failed, 2, "the directory that it lies in, and its own");
    }
}
