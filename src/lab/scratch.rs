//! A measurement's own directory, where targets and files come and go. It is gone at the end, however that ends.
//!
//! It is locked (flock(2)) for as long as it is ours: what can be locked was left by somebody who was killed. The number of
//! the process in its name tells that only where nobody is in a container, which counts its own processes.
//!
//! It is made and removed by descriptor, not by the crate tempfile, which goes by path: where the place is renamed
//! meanwhile, its directory stays. tempfile also hides the errno, makes calls that are not counted, and cannot remove a
//! directory in which its owner may not write.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::process::Pid;

use crate::error::{Cause, Error, Remedy, Result};
use crate::event::{Event, Events};
use crate::job::Context;
use crate::summary::Warning;
use crate::sys::{DirectoryBuffer, FileSystem, Stop, Sys};
use crate::tree::path::c_path;
use crate::tree::{Registration, TemporaryKind, remove_tree};

/// What a directory is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Targets of a sweep.
    Sweep,
    /// Files that a disk is measured with.
    Disk,
}

impl Purpose {
    const ALL: [Self; 2] = [Self::Sweep, Self::Disk];

    /// How its name begins; the number of the process follows.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Sweep => ".haul-sweep-",
            Self::Disk => ".haul-disk-",
        }
    }

    /// What one is that nobody removed.
    const fn abandoned(self) -> &'static str {
        match self {
            Self::Sweep => "left by a sweep that was killed; it can be removed",
            Self::Disk => "left by a measurement of the disk that was killed; it can be removed",
        }
    }

    /// What helps where there can be none.
    pub(super) const fn remedy(self) -> Remedy {
        match self {
            Self::Sweep => Remedy::Scratch,
            Self::Disk => Remedy::Directory,
        }
    }
}

/// A directory of our own, readable by nobody else.
pub(super) struct Scratch {
    parent: Arc<OwnedFd>,
    name: CString,
    directory: OwnedFd,
    path: PathBuf,
    /// Where it is said that it is left behind.
    events: Events,
    /// `None` once the directory is removed.
    registration: Option<Registration>,
}

impl Scratch {
    /// Makes `.haul-sweep-PID-N` or `.haul-disk-PID-N` in the directory `place`.
    pub(super) fn make(sys: &mut Sys, context: &Context, purpose: Purpose, place: &Path) -> Result<Self> {
        let parent = Arc::new(open_place(sys, place)?);
        for (name, of) in abandoned(sys, &parent) {
            context.events.send(Event::Warned(Warning {
                path: place.join(name),
                text: of.abandoned().to_owned(),
                remedy: None,
            }));
        }
        let name = make_directory(sys, purpose, &parent).map_err(|errno| no_scratch(purpose, place, errno))?;
        let registration = Some(context.temporary_files.register(&parent, name.clone(), TemporaryKind::Tree));
        let path = place.join(OsStr::from_bytes(name.as_bytes()));
        match sys.open_directory(&parent, &name) {
            Ok(directory) => {
                // Where the file system knows no locks the number in its name has to do.
                let _ = sys.flock(&directory);
                let events = Arc::clone(&context.events);
                Ok(Self { parent, name, directory, path, events, registration })
            }
            Err(errno) => {
                let _ = sys.rmdirat(&parent, &name);
                Err(no_scratch(purpose, place, errno))
            }
        }
    }

    /// The path of `name` in here, for jobs, which take paths.
    pub(super) fn join(&self, name: &CStr) -> PathBuf {
        self.path.join(OsStr::from_bytes(name.to_bytes()))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        self.path.parent().filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The directory itself.
    pub(super) const fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// The file system that targets are written to.
    pub(super) fn file_system(&self, sys: &mut Sys) -> Result<FileSystem> {
        sys.fstatfs(&self.directory).map_err(|errno| Error::system("ask for the free space of", &self.path, errno))
    }

    /// Waits until nothing is left to write back, so that one run does not pay for the one before it.
    pub(super) fn settle(&self, sys: &mut Sys) -> Result<()> {
        sys.syncfs(&self.directory).map_err(|errno| Error::system("write back", &self.path, errno))
    }

    /// Removes the directory with all in it.
    pub(super) fn finish(mut self) -> Result<()> {
        self.remove().map_err(|errno| Error::refused("remove", &self.path, left_behind(errno)))
    }

    fn remove(&mut self) -> rustix::io::Result<()> {
        // Calls of its own: this is removed also after a request to stop.
        let removed = remove_tree(&mut Sys::new(Stop::new()), &self.parent, &self.name);
        self.registration = None;
        match removed {
            // After a second request to stop another process removes it.
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.registration.is_some()
            && let Err(errno) = self.remove()
        {
            let text = format!("cannot remove it: {}", left_behind(errno));
            self.events.send(Event::Warned(Warning { path: self.path.clone(), text, remedy: None }));
        }
    }
}

/// Why a directory of ours is still there, and what to do about it.
fn left_behind(errno: Errno) -> String {
    format!("{}; it is left behind and can be removed", Cause::System(errno))
}

fn open_place(sys: &mut Sys, place: &Path) -> Result<OwnedFd> {
    sys.open_named_directory(CWD, &c_path(place)).map_err(|errno| Error::system("open", place, errno))
}

fn make_directory(sys: &mut Sys, purpose: Purpose, parent: &OwnedFd) -> rustix::io::Result<CString> {
    let pid = std::process::id();
    // A name may be left of a process that had our number and was killed.
    for number in 0_u32.. {
        let name = CString::new(format!("{}{pid}-{number}", purpose.prefix())).map_err(|_| Errno::INVAL)?;
        match sys.mkdirat(parent, &name, 0o700) {
            Err(Errno::EXIST) => {}
            other => return other.map(|()| name),
        }
    }
    Err(Errno::EXIST)
}

fn no_scratch(purpose: Purpose, place: &Path, errno: Errno) -> Error {
    let error = Error::system("make a scratch directory in", place, errno);
    if error.is_interruption() {
        return error;
    }
    Error::refused("make a scratch directory in", place, error.cause.to_string()).with(purpose.remedy())
}

/// Directories of measurements that were killed and could not remove them.
fn abandoned(sys: &mut Sys, parent: &OwnedFd) -> Vec<(OsString, Purpose)> {
    let mut names = vec![];
    let mut buffer = DirectoryBuffer::default();
    while let Ok(Some(entries)) = sys.getdents(parent, &mut buffer) {
        let owned = entries.iter().filter_map(|entry| Some((entry.name, owner(entry.name)?)));
        let dead = owned.filter(|(name, (_, pid))| is_abandoned(sys, parent, name, *pid));
        names.extend(dead.map(|(name, (of, _))| (OsStr::from_bytes(name.to_bytes()).to_owned(), of)));
    }
    names
}

/// Whether nobody is at a directory any more that a process with this number made.
fn is_abandoned(sys: &mut Sys, parent: &OwnedFd, name: &CStr, pid: Pid) -> bool {
    match sys.open_directory(parent, name).and_then(|directory| sys.flock(&directory)) {
        Ok(()) => true,
        // Somebody holds the lock, has removed it meanwhile, or it is none of ours.
        Err(Errno::WOULDBLOCK | Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => false,
        // Another user's, or a file system without locks.
        Err(_) => !lives(pid),
    }
}

/// The process whose scratch directory bears this name, and what it was for.
fn owner(name: &CStr) -> Option<(Purpose, Pid)> {
    let name = name.to_str().ok()?;
    let (purpose, rest) = Purpose::ALL.into_iter().find_map(|of| Some((of, name.strip_prefix(of.prefix())?)))?;
    Some((purpose, rest.split_once('-')?.0.parse().ok().and_then(Pid::from_raw)?))
}

fn lives(pid: Pid) -> bool {
    rustix::process::test_kill_process(pid) != Err(Errno::SRCH)
}

#[cfg(test)]
mod tests;
