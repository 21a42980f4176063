//! The sweep's own directory, where targets come and go. It is gone at the end, however the sweep ends.

use std::cell::Cell;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::error::{Error, Quoted, Result};
use crate::event::Event;
use crate::job::Context;
use crate::sys::{Attributes, DirectoryBuffer, FileSystem, Stop, Sys};
use crate::tree::path::c_path;
use crate::tree::{Leftover, Registration, remove_tree};

/// How its name begins; the number of the process follows.
const PREFIX: &str = ".haul-sweep-";

/// A directory of our own, readable by nobody else.
pub(super) struct Scratch {
    parent: Arc<OwnedFd>,
    name: CString,
    directory: OwnedFd,
    path: PathBuf,
    /// `None` once the directory is removed.
    registration: Option<Registration>,
    /// How many things were ever moved aside, and how many files are there now: see `aside.rs`.
    pub(super) numbers: Cell<u64>,
    pub(super) aside: Cell<u64>,
}

impl Scratch {
    /// Makes `.haul-sweep-PID-N` in the directory `place`.
    pub(super) fn make(sys: &mut Sys, context: &Context, place: &Path) -> Result<Self> {
        let parent = Arc::new(open_place(sys, place)?);
        for name in abandoned(sys, &parent) {
            let text = "left by a sweep that was killed; it can be removed".to_owned();
            context.events.send(Event::Warned { path: place.join(name), text });
        }
        let name = make_directory(sys, &parent).map_err(|errno| no_scratch(place, errno))?;
        let registration = Some(context.leftovers.register(&parent, name.clone(), Leftover::Tree));
        let path = place.join(OsStr::from_bytes(name.as_bytes()));
        match sys.open_directory(&parent, &name) {
            Ok(directory) => {
                let (numbers, aside) = (Cell::new(0), Cell::new(0));
                Ok(Self { parent, name, directory, path, registration, numbers, aside })
            }
            Err(errno) => {
                let _ = sys.rmdirat(&parent, &name);
                Err(no_scratch(place, errno))
            }
        }
    }

    /// The path of `name` in here, for jobs, which take paths.
    pub(super) fn path_of(&self, name: &CStr) -> PathBuf {
        self.path.join(OsStr::from_bytes(name.to_bytes()))
    }

    /// Where it lies.
    pub(super) fn place(&self) -> &Path {
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
        self.remove().map_err(|errno| Error::system("remove", &self.path, errno))
    }

    fn remove(&mut self) -> rustix::io::Result<()> {
        // A door of its own: somebody's wish to stop is no reason to leave this behind.
        let removed = remove_tree(&mut Sys::new(Stop::new()), &self.parent, &self.name);
        self.registration = None;
        match removed {
            // A second wish to stop has it removed by somebody else.
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.registration.is_some() {
            let _ = self.remove();
        }
    }
}

fn open_place(sys: &mut Sys, place: &Path) -> Result<OwnedFd> {
    sys.open_named_directory(CWD, &c_path(place)).map_err(|errno| Error::system("open", place, errno))
}

fn make_directory(sys: &mut Sys, parent: &OwnedFd) -> rustix::io::Result<CString> {
    let pid = std::process::id();
    // A name may be left of a process that had our number and was killed.
    for number in 0_u32.. {
        let name = CString::new(format!("{PREFIX}{pid}-{number}")).map_err(|_| Errno::INVAL)?;
        match sys.mkdirat(parent, &name, 0o700) {
            Err(Errno::EXIST) => {}
            other => return other.map(|()| name),
        }
    }
    Err(Errno::EXIST)
}

fn no_scratch(place: &Path, errno: Errno) -> Error {
    let error = Error::system("make a scratch directory in", place, errno);
    if error.is_interruption() {
        return error;
    }
    let why = format!("{}; choose another place with --scratch DIR", error.cause);
    Error::refused("make a scratch directory in", place, why)
}

/// Refuses a scratch directory within the tree that is swept: each run would find the targets of the last.
pub(super) fn refuse_within(sys: &mut Sys, place: &Path, source: &Path, tree: &Attributes) -> Result<()> {
    let fail = |errno| Error::system("open", place, errno);
    // O_PATH: the way up may lead through directories that we may pass and not read.
    let up = OFlags::PATH | OFlags::DIRECTORY;
    let mut directory = sys.openat(CWD, &c_path(place), up, 0).map_err(fail)?;
    let mut here = sys.fstat(&directory).map_err(fail)?;
    loop {
        if here.is_same_file(tree) {
            let why = format!(
                "the scratch directory would lie in it, in {}; choose a place outside with --scratch DIR",
                Quoted(place)
            );
            return Err(Error::refused("sweep over", source, why));
        }
        directory = sys.openat(&directory, c"..", up, 0).map_err(fail)?;
        let above = sys.fstat(&directory).map_err(fail)?;
        if above.is_same_file(&here) {
            return Ok(());
        }
        here = above;
    }
}

/// Refuses to begin what would fill the disk. `needed` bytes are for what `purpose` says.
pub(super) fn require_room(room: FileSystem, place: &Path, source: &Path, needed: u64, purpose: &str) -> Result<()> {
    if room.available_bytes >= needed {
        return Ok(());
    }
    let size = |bytes| ByteSize::b(bytes).display().iec();
    let why = format!(
        "it needs {} ({purpose}) and {} has {} left; make room, or choose another place with --scratch DIR",
        size(needed),
        Quoted(place),
        size(room.available_bytes),
    );
    Err(Error::refused("sweep over", source, why))
}

/// Directories of sweeps that were killed and could not remove them.
fn abandoned(sys: &mut Sys, parent: &OwnedFd) -> Vec<OsString> {
    let mut names = vec![];
    let mut buffer = DirectoryBuffer::default();
    while let Ok(Some(entries)) = sys.getdents(parent, &mut buffer) {
        let dead = entries.iter().filter(|entry| owner(entry.name).is_some_and(|pid| !lives(pid)));
        names.extend(dead.map(|entry| OsStr::from_bytes(entry.name.to_bytes()).to_owned()));
    }
    names
}

/// The process whose scratch directory bears this name.
fn owner(name: &CStr) -> Option<Pid> {
    let rest = name.to_str().ok()?.strip_prefix(PREFIX)?;
    rest.split_once('-')?.0.parse().ok().and_then(Pid::from_raw)
}

fn lives(pid: Pid) -> bool {
    rustix::process::test_kill_process(pid) != Err(Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_gone_at_the_end_and_after_an_error_too() {
        let place = tempfile::tempdir().unwrap();
        let context = Context::silent();
        let mut sys = context.sys();
        let count = || place.path().read_dir().unwrap().count();
        let (first, second) =
            (Scratch::make(&mut sys, &context, place.path()), Scratch::make(&mut sys, &context, place.path()));
        let (first, second) = (first.unwrap(), second.unwrap());
        sys.mkdirat(first.directory(), c"target", 0o500).unwrap();
        assert_eq!(count(), 2);
        first.finish().unwrap();
        assert_eq!(count(), 1);
        context.stop.request(2);
        drop(second);
        assert_eq!(count(), 0);
    }

    #[test]
    fn a_place_that_cannot_serve_says_what_to_do() {
        let context = Context::silent();
        let error = Scratch::make(&mut context.sys(), &context, Path::new("/proc")).err().unwrap().to_string();
        assert!(error.starts_with("cannot make a scratch directory in '/proc': "), "{error}");
        assert!(error.ends_with("; choose another place with --scratch DIR"), "{error}");
        let room = FileSystem { magic: 0, available_bytes: 3 << 20 };
        let (place, source) = (Path::new("/x"), Path::new("a"));
        assert!(require_room(room, place, source, 3 << 20, "for a target").is_ok());
        assert_eq!(
            require_room(room, place, source, 4 << 20, "for a private copy and a target").unwrap_err().to_string(),
            "cannot sweep over 'a': it needs 4.0 MiB (for a private copy and a target) and '/x' has 3.0 MiB left; make room, or choose \
             another place with --scratch DIR"
        );
    }

    #[test]
    fn a_place_within_the_source_is_refused() {
        let tree = tempfile::tempdir().unwrap();
        let mut sys = Context::silent().sys();
        let deep = tree.path().join("a");
        sys.mkdirat(CWD, &CString::new(deep.as_os_str().as_bytes()).unwrap(), 0o700).unwrap();
        let root = sys.stat_at(CWD, &CString::new(tree.path().as_os_str().as_bytes()).unwrap()).unwrap();
        assert!(refuse_within(&mut sys, &deep, tree.path(), &root).is_err());
        assert!(refuse_within(&mut sys, tree.path(), tree.path(), &root).is_err());
        assert!(refuse_within(&mut sys, tree.path().parent().unwrap(), tree.path(), &root).is_ok());
    }
}
