//! An open source: what is refused before it is read, and when it may be removed after.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Folder;
use super::removed::Removed;
use crate::error::{Error, Result};
use crate::plan::{FilesPlan, Output};
use crate::sys::{Attributes, FileKind, Sys, standard_input};
use crate::tree::extended::{Buffers, Listed, Selection};
use crate::tree::metadata::{SET_ID, describe};

/// A file to be read.
pub(in crate::gzip) struct Source {
    /// Where it lies; `None` is standard input.
    pub(in crate::gzip) folder: Option<Arc<Folder>>,
    pub(in crate::gzip) name: CString,
    pub(in crate::gzip) file: OwnedFd,
    /// When, if somebody wants to know; for the job to set.
    pub(in crate::gzip) opened: Option<Instant>,
    /// As it was before the first byte was read.
    pub(in crate::gzip) attributes: Attributes,
    /// What is to be kept of its extended attributes; nothing before that is asked for.
    listed: OnceLock<Listed>,
    /// Whether it ends where its size says; else it must be read until there is no more.
    pub(in crate::gzip) has_true_size: bool,
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
        let (folder, name, listed) = (None, CString::default(), OnceLock::new());
        Ok(Self { folder, name, file, opened: None, attributes, listed, has_true_size: false, through: false })
    }

    /// Opens `name` in `folder`, unless it is something that should not be touched: with a target beside it, GNU gzip
    /// and we take only regular files that are no link and lend nobody's rights.
    pub(super) fn open(
        sys: &mut Sys,
        plan: &FilesPlan,
        folder: &Arc<Folder>,
        name: &CStr,
        walked: bool,
    ) -> Result<Self> {
        let path = || folder.place.path_of(name);
        // To standard output nothing is lost by reading what a link leads to. In a walked tree no link is followed.
        let follow = !walked && (plan.force || plan.output != Output::BesideSource);
        // Where only files are taken, a FIFO must not hold us; elsewhere it is read, and waited for.
        let nonblock = if plan.output == Output::BesideSource { OFlags::NONBLOCK } else { OFlags::empty() };
        let opened = if follow {
            sys.openat(&*folder.directory, name, OFlags::RDONLY | OFlags::NOCTTY | nonblock, 0)
        } else {
            sys.open_source(&*folder.directory, name)
        };
        let file = opened.map_err(|errno| match errno {
            Errno::LOOP => Error::refused("take", path(), "it is a symbolic link; -f follows it"),
            Errno::NXIO => Error::refused("take", path(), "it is a socket or a device without driver"),
            errno => Error::system("open", path(), errno),
        })?;
        let attributes = sys.fstat(&file).map_err(|errno| Error::system("examine", path(), errno))?;
        let has_true_size = sys.has_true_size(&file, attributes.dev);
        let source = Self {
            folder: Some(Arc::clone(folder)),
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

    fn refuse(&self, plan: &FilesPlan) -> Result<()> {
        let refused = |why: String| Err(Error::refused("take", self.path(), why));
        let Attributes { kind, mode, links, .. } = self.attributes;
        if kind == FileKind::Directory {
            return refused("it is a directory; -r goes into it".to_owned());
        }
        if plan.output != Output::BesideSource {
            return Ok(());
        }
        if kind != FileKind::RegularFile {
            return refused(format!("it is {}; -c reads it", describe(kind)));
        }
        if mode & SET_ID != 0 {
            return refused("it has the set-user-id or set-group-id bit; -c reads it".to_owned());
        }
        if links > 1 && !plan.force && !plan.keep {
            let others = if links == 2 { "another name".to_owned() } else { format!("{} other names", links - 1) };
            return refused(format!("it has {others}; -k keeps it, -f takes this one away"));
        }
        Ok(())
    }

    /// Its path, for messages.
    pub(in crate::gzip) fn path(&self) -> PathBuf {
        self.folder.as_ref().map_or_else(|| PathBuf::from("standard input"), |folder| folder.place.path_of(&self.name))
    }

    /// What is to be kept of its extended attributes. One system call, the first time.
    pub(super) fn listed(&self, sys: &mut Sys, buffers: &mut Buffers) -> Listed {
        *self.listed.get_or_init(|| Listed::of(sys, &self.file, Selection::OfAnotherForm, buffers))
    }

    /// Whether it was found as `name` in `folder`.
    pub(super) fn is_at(&self, folder: &Folder, name: &CStr) -> bool {
        self.folder.as_ref().is_some_and(|own| own.id == folder.id) && *self.name == *name
    }

    /// Whether it can be read at any offset, by several workers. Files of `/proc` say that they have 0 bytes, those of
    /// `/sys` 4096, and neither has a block: they are read like pipes.
    pub(in crate::gzip) fn has_ranges(&self) -> bool {
        self.folder.is_some()
            && self.attributes.kind == FileKind::RegularFile
            && self.attributes.size > 0
            && self.attributes.blocks > 0
    }

    /// An error unless the file, and what bears its name, are still what they were before it was read.
    pub(in crate::gzip) fn check_unchanged(&self, sys: &mut Sys, removed: &Removed) -> Result<()> {
        match self.change(sys, removed)? {
            None => Ok(()),
            Some(change) => Err(Error::refused("finish", self.path(), format!("{change}; nothing was made of it"))),
        }
    }

    /// What somebody else did to it since it was opened.
    pub(in crate::gzip) fn change(&self, sys: &mut Sys, removed: &Removed) -> Result<Option<String>> {
        let Some(folder) = self.folder.as_ref().filter(|_| self.attributes.kind == FileKind::RegularFile) else {
            return Ok(None);
        };
        let named = if self.through {
            sys.stat_through(&*folder.directory, &self.name)
        } else {
            sys.stat_at(&*folder.directory, &self.name)
        };
        let now = named.map_err(|errno| Error::system("find again", self.path(), errno))?;
        if now.is_unchanged_since(&self.attributes) || (self.has_others() && removed.explains(&self.attributes, &now)) {
            return Ok(None);
        }
        Ok(Some(if now.is_same_file(&self.attributes) {
            format!("it changed while it was read ({} bytes before, {} now)", self.attributes.size, now.size)
        } else {
            "it was replaced while it was read".to_owned()
        }))
    }

    /// Removes it. It was found unchanged just before its target got its name; making that durable takes its time, and
    /// then it is looked at again. (Between the look and the removal some microseconds pass; no call of Linux closes that
    /// gap.)
    pub(in crate::gzip) fn remove(&self, sys: &mut Sys, plan: &FilesPlan, removed: &Removed) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        if plan.sync {
            self.check_unchanged(sys, removed)?;
        }
        let gone = if self.has_others() {
            removed.remove(sys, &self.file, |sys| sys.unlinkat(&*folder.directory, &self.name))
        } else {
            sys.unlinkat(&*folder.directory, &self.name)
        };
        gone.map_err(|errno| Error::system("remove", self.path(), errno))
    }

    /// Whether it had other names when it was opened.
    const fn has_others(&self) -> bool {
        self.attributes.links > 1
    }
}
