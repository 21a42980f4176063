//! The sweep's own directory, where targets come and go. It is gone at the end, however the sweep ends.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;
use rustix::fs::{CWD, OFlags};
use rustix::io::Errno;

use crate::error::{Error, Quoted, Result};
use crate::job::Context;
use crate::sys::{Attributes, FileSystem, Stop, Sys};
use crate::tree::{Leftover, Registration, remove_tree};

/// `EXT4_SUPER_MAGIC` of `linux/magic.h`.
const EXT4: u64 = 0xef53;
/// Where targets of old runs wait to be removed.
const ASIDE: &CStr = c"aside";

/// A directory of our own, readable by nobody else.
pub(super) struct Scratch {
    parent: Arc<OwnedFd>,
    name: CString,
    directory: OwnedFd,
    path: PathBuf,
    /// `None` once the directory is removed.
    registration: Option<Registration>,
    /// How many targets were moved aside.
    aside: Cell<u64>,
    /// Bytes that were free at first.
    room_bytes: u64,
}

impl Scratch {
    /// Makes `.haul-sweep-PID-N` in the directory `place`.
    pub(super) fn make(sys: &mut Sys, context: &Context, place: &Path) -> Result<Self> {
        let parent = Arc::new(open_place(sys, place)?);
        let name = make_directory(sys, &parent).map_err(|errno| no_scratch(place, errno))?;
        let registration = Some(context.leftovers.register(&parent, name.clone(), Leftover::Tree));
        let path = place.join(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let opened = sys.open_directory(&parent, &name).and_then(|directory| Ok((sys.fstatfs(&directory)?, directory)));
        match opened {
            Ok((FileSystem { available_bytes: room_bytes, .. }, directory)) => {
                Ok(Self { parent, name, directory, path, registration, aside: Cell::new(0), room_bytes })
            }
            Err(errno) => {
                let _ = sys.rmdirat(&parent, &name);
                Err(no_scratch(place, errno))
            }
        }
    }

    /// The path of `name` in here, for jobs, which take paths.
    pub(super) fn path_of(&self, name: &CStr) -> PathBuf {
        self.path.join(std::ffi::OsStr::from_bytes(name.to_bytes()))
    }

    /// The directory itself.
    pub(super) const fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// The file system that targets are written to.
    pub(super) fn file_system(&self, sys: &mut Sys) -> Result<FileSystem> {
        sys.fstatfs(&self.directory).map_err(|errno| Error::system("ask for the free space of", &self.path, errno))
    }

    /// Takes away something in the scratch directory, a tree's target or a file in one. On ext4 it is moved aside while
    /// there is room, and goes at the end: inodes that were freed within the last half a minute are passed over one by one
    /// when new ones are looked for (`recently_deleted` in fs/ext4/ialloc.c), which made a copy of 19,000 files up to
    /// twenty times slower.
    pub(super) fn discard(&self, sys: &mut Sys, parent: &OwnedFd, name: &CStr) -> rustix::io::Result<()> {
        let here = sys.fstatfs(&self.directory)?;
        if here.magic != EXT4 {
            return remove_tree(sys, parent, name);
        }
        if here.available_bytes < self.room_bytes / 2 {
            remove_tree(sys, &self.directory, ASIDE)?;
        }
        match sys.mkdirat(&self.directory, ASIDE, 0o700) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let number = self.aside.replace(self.aside.get() + 1);
        let new_name = CString::new(number.to_string()).map_err(|_| Errno::INVAL)?;
        let aside = sys.open_directory(&self.directory, ASIDE)?;
        match sys.rename_into(parent, name, &aside, &new_name) {
            Ok(()) | Err(Errno::NOENT) => sys.close(aside),
            Err(errno) => Err(errno),
        }
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
        remove_tree(&mut Sys::new(Stop::new()), &self.parent, &self.name)?;
        self.registration = None;
        Ok(())
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
    CString::new(place.as_os_str().as_bytes())
        .map_err(|_| Errno::INVAL)
        .and_then(|path| sys.openat(CWD, &path, OFlags::RDONLY | OFlags::DIRECTORY, 0))
        .map_err(|errno| Error::system("open", place, errno))
}

fn make_directory(sys: &mut Sys, parent: &OwnedFd) -> rustix::io::Result<CString> {
    let pid = std::process::id();
    // A name may be left of a process that had our number and was killed.
    for number in 0_u32.. {
        let name = CString::new(format!(".haul-sweep-{pid}-{number}")).map_err(|_| Errno::INVAL)?;
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
    let path = CString::new(place.as_os_str().as_bytes()).map_err(|_| fail(Errno::INVAL))?;
    let mut directory = sys.openat(CWD, &path, up, 0).map_err(fail)?;
    let mut here = sys.fstat(&directory).map_err(fail)?;
    loop {
        if here.is_same_file(tree) {
            let why = format!("{} is in it; choose a place outside with --scratch DIR", Quoted(place));
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

/// Refuses to begin what would fill the disk: a target beside a private copy of the source is twice its size.
pub(super) fn require_room(room: FileSystem, place: &Path, source: &Path, source_bytes: u64) -> Result<()> {
    let needed = source_bytes.saturating_mul(2);
    if room.available_bytes >= needed {
        return Ok(());
    }
    let size = |bytes| ByteSize::b(bytes).display().iec();
    let why = format!(
        "it needs {} (twice the source) and {} has {} left; make room, or choose another place with --scratch DIR",
        size(needed),
        Quoted(place),
        size(room.available_bytes),
    );
    Err(Error::refused("sweep over", source, why))
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
        assert!(require_room(room, Path::new("/x"), Path::new("a"), 3 << 19).is_ok());
        assert_eq!(
            require_room(room, Path::new("/x"), Path::new("a"), 2 << 20).unwrap_err().to_string(),
            "cannot sweep over 'a': it needs 4.0 MiB (twice the source) and '/x' has 3.0 MiB left; make room, or choose \
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
