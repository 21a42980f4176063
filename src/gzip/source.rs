//! An open source: what is refused before it is read, and when it may be removed after.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::directory::Directory;
use crate::error::{Error, Remedy, Result};
use crate::plan::{FileOptions, Output};
use crate::sys::{Attributes, FileId, FileKind, Moment, Sys, standard_input};
use crate::tree::extended::{Buffers, Listed, Selection};
use crate::tree::metadata::{SET_ID, describe};

/// A file to be read.
pub(super) struct Source {
    /// The directory it is in; `None` is standard input.
    pub(super) directory: Option<Arc<Directory>>,
    pub(super) name: CString,
    pub(super) file: OwnedFd,
    /// When, if that is measured. Set by the job.
    pub(super) opened: Option<Instant>,
    /// As it was before the first byte was read.
    pub(super) attributes: Attributes,
    /// What is to be kept of its extended attributes; empty until that is asked for.
    listed: OnceLock<Listed>,
    /// Whether it ends where its size says; otherwise it must be read until there is no more.
    pub(super) has_true_size: bool,
    /// Whether the name may be a symbolic link that was followed.
    through: bool,
}

impl Source {
    /// Standard input, whatever it is.
    pub(super) fn standard_input(sys: &mut Sys) -> Result<Self> {
        let failed = |errno| Error::system("read", "standard input", errno);
        let file = standard_input().and_then(rustix::io::dup).map_err(failed)?;
        let attributes = sys.fstat(&file).map_err(failed)?;
        if attributes.kind == FileKind::Directory {
            return Err(failed(Errno::ISDIR));
        }
        let (directory, name, listed) = (None, CString::default(), OnceLock::new());
        Ok(Self { directory, name, file, opened: None, attributes, listed, has_true_size: false, through: false })
    }

    /// Opens `name` in `directory`, unless it is something that should not be touched: with a target beside it, GNU gzip
    /// and we take only regular files, not through links, and without set-user-id or set-group-id bits.
    pub(super) fn open(
        sys: &mut Sys,
        plan: &FileOptions,
        directory: &Arc<Directory>,
        name: &CStr,
        walked: bool,
    ) -> Result<Self> {
        let path = || directory.path.join(name);
        // To standard output nothing is lost by reading what a link leads to. In a walked tree no link is followed.
        let follow = !walked && (plan.force || plan.output != Output::BesideSource);
        // Where only files are taken, a FIFO must not hold us; elsewhere it is read, and waited for.
        let nonblock = if plan.output == Output::BesideSource { OFlags::NONBLOCK } else { OFlags::empty() };
        let opened = if follow {
            sys.openat(&*directory.fd, name, OFlags::RDONLY | OFlags::NOCTTY | nonblock, 0)
        } else {
            sys.open_source(&*directory.fd, name)
        };
        let file = opened.map_err(|errno| match errno {
            Errno::LOOP => Error::refused("take", path(), "it is a symbolic link").with(Remedy::Follow),
            Errno::NXIO => Error::refused("take", path(), "it is a socket or a device without driver"),
            errno => Error::system("open", path(), errno),
        })?;
        let attributes = sys.fstat(&file).map_err(|errno| Error::system("examine", path(), errno))?;
        let has_true_size = sys.has_true_size(&file, attributes.dev);
        let source = Self {
            directory: Some(Arc::clone(directory)),
            name: name.to_owned(),
            file,
            opened: None,
            attributes,
            listed: OnceLock::new(),
            has_true_size,
            through: follow,
        };
        source.refuse(plan)?;
        Ok(source)
    }

    fn refuse(&self, plan: &FileOptions) -> Result<()> {
        let refused = |why: String, remedy| Err(Error::refused("take", self.path(), why).with(remedy));
        let Attributes { kind, mode, links, .. } = self.attributes;
        if kind == FileKind::Directory {
            return refused("it is a directory".to_owned(), Remedy::Recursive);
        }
        if plan.output != Output::BesideSource {
            return Ok(());
        }
        if kind != FileKind::RegularFile {
            return refused(format!("it is {}", describe(kind)), Remedy::Stdout);
        }
        if mode & SET_ID != 0 {
            return refused("it has the set-user-id or set-group-id bit".to_owned(), Remedy::Stdout);
        }
        if links > 1 && !plan.force && !plan.keep {
            let others = if links == 2 { "another name".to_owned() } else { format!("{} other names", links - 1) };
            return refused(format!("it has {others}"), Remedy::KeepOrForce);
        }
        Ok(())
    }

    /// Its path, for messages.
    pub(super) fn path(&self) -> PathBuf {
        self.directory
            .as_ref()
            .map_or_else(|| PathBuf::from("standard input"), |directory| directory.path.join(&self.name))
    }

    /// What is to be kept of its extended attributes. One system call, the first time.
    pub(super) fn listed(&self, sys: &mut Sys, buffers: &mut Buffers) -> Listed {
        *self.listed.get_or_init(|| Listed::of(sys, &self.file, Selection::OfAnotherForm, buffers))
    }

    /// Whether it was found as `name` in `directory`.
    pub(super) fn is_at(&self, directory: &Directory, name: &CStr) -> bool {
        self.directory.as_ref().is_some_and(|own| own.id == directory.id) && *self.name == *name
    }

    /// Whether it can be read at any offset, by several workers. Files of `/proc` say that they have 0 bytes, those of
    /// `/sys` 4096, and neither has a block: they are read like pipes.
    pub(super) fn has_ranges(&self) -> bool {
        self.directory.is_some()
            && self.attributes.kind == FileKind::RegularFile
            && self.attributes.size > 0
            && self.attributes.blocks > 0
    }

    /// An error unless the file, and what bears its name, are still what they were before it was read.
    pub(super) fn check_unchanged(&self, sys: &mut Sys, removals: &Removals) -> Result<()> {
        match self.change(sys, removals)? {
            None => Ok(()),
            Some(change) => Err(Error::refused("finish", self.path(), format!("{change}; nothing was made of it"))),
        }
    }

    /// What other programs did to it since it was opened.
    pub(super) fn change(&self, sys: &mut Sys, removals: &Removals) -> Result<Option<String>> {
        let Some(directory) = self.directory.as_ref().filter(|_| self.attributes.kind == FileKind::RegularFile) else {
            return Ok(None);
        };
        let named = if self.through {
            sys.stat_through(&*directory.fd, &self.name)
        } else {
            sys.stat_at(&*directory.fd, &self.name)
        };
        let now = named.map_err(|errno| Error::system("find again", self.path(), errno))?;
        if now.is_unchanged_since(&self.attributes) || (self.has_others() && removals.explains(&self.attributes, &now))
        {
            return Ok(None);
        }
        Ok(Some(if now.is_same_file(&self.attributes) {
            format!("it changed while it was read ({} bytes before, {} now)", self.attributes.size, now.size)
        } else {
            "it was replaced while it was read".to_owned()
        }))
    }

    /// Removes it. It was found unchanged just before its target got its name. To make that durable takes a while, and
    /// then it is looked at again. (Between the look and the removal some microseconds pass; no system call closes that
    /// gap.)
    pub(super) fn remove(&self, sys: &mut Sys, plan: &FileOptions, removals: &Removals) -> Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        if plan.sync {
            self.check_unchanged(sys, removals)?;
        }
        let gone = if self.has_others() {
            removals.remove(sys, &self.file, |sys| sys.unlinkat(&*directory.fd, &self.name))
        } else {
            sys.unlinkat(&*directory.fd, &self.name)
        };
        gone.map_err(|errno| Error::system("remove", self.path(), errno))
    }

    /// Whether it had other names when it was opened.
    const fn has_others(&self) -> bool {
        self.attributes.links > 1
    }
}

/// The ctimes that the job's own removals gave to files with several names. To remove a name changes the inode's ctime,
/// but not the file, which other workers, or this one later, read under another name. Each file has an unbroken row of
/// them: a removal that finds another ctime than the last one left begins a new row, since another program changed the
/// inode meanwhile. About 100 bytes for each such file of which a name is left. Workers share it.
#[derive(Debug, Default)]
pub(super) struct Removals(Mutex<HashMap<FileId, Vec<Moment>>>);

impl Removals {
    /// Removes a name of an open file. Other workers that ask meanwhile wait until it is known what that did.
    fn remove(
        &self,
        sys: &mut Sys,
        file: &OwnedFd,
        unlink: impl FnOnce(&mut Sys) -> rustix::io::Result<()>,
    ) -> rustix::io::Result<()> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sys.fstat(file);
        unlink(sys)?;
        // What cannot be looked at any more counts as changed by another program.
        let (Ok(before), Ok(after)) = (before, sys.fstat(file)) else { return Ok(()) };
        if after.links == 0 {
            files.remove(&after.id());
            return Ok(());
        }
        let row = files.entry(after.id()).or_default();
        if row.last() != Some(&before.ctime) {
            *row = vec![before.ctime];
        }
        row.push(after.ctime);
        Ok(())
    }

    /// Whether nothing but the job's own removals happened to a file between two looks at it.
    fn explains(&self, earlier: &Attributes, now: &Attributes) -> bool {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(row) = files.get(&now.id()) else { return false };
        let index_of = |look: &Attributes| row.iter().position(|ctime| *ctime == look.ctime);
        let in_order = index_of(earlier).zip(index_of(now)).is_some_and(|(first, second)| first <= second);
        in_order && Attributes { ctime: now.ctime, ..*earlier }.is_unchanged_since(now)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the tests look at files from outside")]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{CWD, OFlags};

    use super::*;
    use crate::sys::Stop;

    /// Files of three names, `a`, `b` and `c`.
    fn furnish(directory: &Path) -> PathBuf {
        let first = directory.join("a");
        std::fs::write(&first, "contents").unwrap();
        for other in ["b", "c"] {
            std::fs::hard_link(&first, directory.join(other)).unwrap();
        }
        first
    }

    /// Waits until the clock of the file system has moved on, so that a change shows (a jiffy, 10 ms at most).
    fn let_time_pass() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    #[test]
    fn own_removals_explain_a_new_ctime_and_nothing_else_does() {
        for changes in ["", "a", "b", "c", "ab", "abc"] {
            let scratch = tempfile::tempdir().unwrap();
            let first = furnish(scratch.path());
            let mut sys = Sys::new(Stop::new());
            let name = |name| CString::new(scratch.path().join(name).as_os_str().as_bytes()).unwrap();
            let file = sys.openat(CWD, &name("a"), OFlags::RDONLY, 0).unwrap();
            let earlier = sys.fstat(&file).unwrap();
            let removed = Removals::default();
            let kept_open = std::fs::OpenOptions::new().write(true).open(first).unwrap();
            let change_at = |moment| {
                let_time_pass();
                if changes.contains(moment) {
                    // Owner and size as before, and a time of change put back would not help.
                    std::os::unix::fs::fchown(&kept_open, None, Some(earlier.gid)).unwrap();
                    let_time_pass();
                }
            };
            change_at('a');
            removed.remove(&mut sys, &file, |sys| sys.unlinkat(CWD, &name("a"))).unwrap();
            change_at('b');
            removed.remove(&mut sys, &file, |sys| sys.unlinkat(CWD, &name("b"))).unwrap();
            change_at('c');
            let now = sys.fstat(&file).unwrap();
            assert!(now.ctime > earlier.ctime, "{changes}");
            assert_eq!(removed.explains(&earlier, &now), changes.is_empty(), "{changes}");
            assert!(!removed.explains(&earlier, &Attributes { size: 1, ..now }), "{changes}");
            removed.remove(&mut sys, &file, |sys| sys.unlinkat(CWD, &name("c"))).unwrap();
            assert!(removed.0.lock().unwrap().is_empty(), "the last name is gone, and nobody can ask any more");
        }
    }
}
