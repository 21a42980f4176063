//! Temporary files, so that targets appear whole or not at all; and the registry of those that exist right now, so that a
//! process that must end at once can remove them first.
//!
//! New data goes to a temporary name in the same directory (`temporary_names.rs`) and gets its final name at the end, without
//! replacing what appeared there meanwhile (`naming.rs`). A whole new tree is one such target: `staged_tree.rs`.
//!
//! In an append-only directory names can be made and neither changed nor removed: there a file has its final name from
//! the start.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::{Errno, Result};

use super::remove::remove_tree;
use super::temporary_names::temporary_name;
use crate::sys::{Attributes, FileId, Stop, Sys, discard};

/// Names tried before giving up. 64 random bits are taken by chance never, but perhaps on purpose.
const ATTEMPTS: u32 = 8;

/// The bit by which a directory such as `/tmp` keeps files for their owners.
const STICKY: u32 = 0o1000;

/// What to say of an unfinished target for which [`TemporaryFile::abandon`] returns false.
pub(crate) const UNREMOVABLE: &str = "it is unfinished, and stays: nothing can be removed from that directory";

/// What the directory that targets are made in means for their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectoryRules {
    /// Others may give a temporary name to another file: what bears it is compared with what was written.
    others_may_write: bool,
    /// See the module.
    is_append_only: bool,
    /// The user may replace nobody else's files (the sticky bit: `unlink(2)`, EPERM).
    keeps_files_of_others: bool,
}

impl DirectoryRules {
    /// Those of a directory, for the user `uid`. The bits of the group are also the mask of its ACL (acl(5)).
    pub const fn of(directory: &Attributes, uid: u32) -> Self {
        let others_may_write = directory.uid != uid || directory.mode & 0o022 != 0;
        let keeps_files_of_others = directory.mode & STICKY != 0 && uid != 0 && directory.uid != uid;
        Self { others_may_write, is_append_only: directory.is_append_only, keeps_files_of_others }
    }

    /// Whether somebody else may give a name in it to another file.
    pub(crate) const fn others_may_write(self) -> bool {
        self.others_may_write
    }

    /// Whether names in it can be made only.
    pub(crate) const fn is_append_only(self) -> bool {
        self.is_append_only
    }

    /// Whether the user `uid` cannot replace this file in it.
    pub const fn keeps(self, file: &Attributes, uid: u32) -> bool {
        self.is_append_only || (self.keeps_files_of_others && file.uid != uid)
    }
}

/// Where targets are made.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The directory.
    pub directory: &'a Arc<OwnedFd>,
    /// What it means for their names.
    pub rules: DirectoryRules,
    /// Where their temporary names are noted.
    pub temporary_files: &'a TemporaryFileRegistry,
}

/// Something under a temporary name that is to get its final one.
#[derive(Debug)]
pub struct TemporaryFile {
    pub(super) directory: Arc<OwnedFd>,
    pub(super) temporary_files: TemporaryFileRegistry,
    /// The final name where no other was possible.
    pub(super) temporary: CString,
    pub(super) name: CString,
    /// What was made, where others could put something else in its place.
    pub(super) made: Option<FileId>,
    /// What it was to replace is gone already.
    pub(super) old_is_gone: bool,
    /// Dropped when the name is final or gone.
    pub(super) registration: Option<Registration>,
}

impl TemporaryFile {
    /// A new empty file, open for writing, that is to become `name`.
    pub fn file(sys: &mut Sys, site: Site<'_>, name: &CStr, mode: u32) -> Result<(Self, OwnedFd)> {
        let (mut temporary, file) =
            Self::make(sys, site, name, |sys, temporary| sys.create(site.directory, temporary, mode))?;
        if site.rules.others_may_write {
            temporary.made = Some(sys.fstat(&file)?.id());
        }
        Ok((temporary, file))
    }

    /// Anything else that `make` makes (a link, a FIFO) and that is to become `name`.
    pub fn other(
        sys: &mut Sys,
        site: Site<'_>,
        name: &CStr,
        make: impl FnMut(&mut Sys, &CStr) -> Result<()>,
    ) -> Result<Self> {
        let (mut temporary, ()) = Self::make(sys, site, name, make)?;
        if site.rules.others_may_write {
            temporary.made = Some(sys.stat_at(site.directory, &temporary.temporary)?.id());
        }
        Ok(temporary)
    }

    fn make<T>(
        sys: &mut Sys,
        site: Site<'_>,
        name: &CStr,
        mut make: impl FnMut(&mut Sys, &CStr) -> Result<T>,
    ) -> Result<(Self, T)> {
        for _ in 0..ATTEMPTS {
            let temporary = if site.rules.is_append_only { name.to_owned() } else { temporary_name(sys.random()?) };
            match make(sys, &temporary) {
                Err(Errno::EXIST) if !site.rules.is_append_only => {}
                Err(errno) => return Err(errno),
                Ok(new) => {
                    let (directory, temporary_files) = (Arc::clone(site.directory), site.temporary_files.clone());
                    let registration =
                        Some(temporary_files.register(&directory, temporary.clone(), TemporaryKind::File));
                    let name = name.to_owned();
                    return Ok((
                        Self {
                            directory,
                            temporary_files,
                            temporary,
                            name,
                            made: None,
                            old_is_gone: false,
                            registration,
                        },
                        new,
                    ));
                }
            }
        }
        Err(Errno::EXIST)
    }

    /// The temporary name.
    pub fn temporary_name(&self) -> &CStr {
        &self.temporary
    }

    /// The name it is to get.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// Takes it away again; false if something stays under its final name, as it must in an append-only directory. Best
    /// effort: the failure that led here is the one to report.
    pub fn abandon(mut self, sys: &mut Sys) -> bool {
        self.registration = None;
        // Somebody else's file that took its place stays.
        let is_ours = self.made.is_none() || self.bears_what_was_made(sys) == Ok(true);
        let is_gone = !is_ours || matches!(sys.unlinkat(&self.directory, &self.temporary), Ok(()) | Err(Errno::NOENT));
        is_gone || *self.temporary != *self.name
    }

    /// Its temporary name is another file's, which is left as it is.
    pub fn forget(mut self) {
        self.registration = None;
    }

    /// Whether its temporary name still leads to what was made, as far as that is known.
    pub(super) fn bears_what_was_made(&self, sys: &mut Sys) -> Result<bool> {
        let Some(made) = self.made else { return Ok(true) };
        sys.stat_at(&self.directory, &self.temporary).map(|found| found.id() == made)
    }
}

impl Drop for TemporaryFile {
    /// Neither finished nor abandoned: the job was cut short.
    fn drop(&mut self) {
        if self.registration.is_some() {
            discard(&self.directory, &self.temporary);
        }
    }
}

/// What has a temporary name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemporaryKind {
    /// A file.
    File,
    /// A directory with all below it.
    Tree,
}

/// The live temporary names of a process, shared by its workers and its signal thread.
#[derive(Debug, Clone, Default)]
pub struct TemporaryFileRegistry(Arc<Mutex<Live>>);

#[derive(Debug, Default)]
struct Live {
    next: u64,
    names: BTreeMap<u64, (Arc<OwnedFd>, CString, TemporaryKind)>,
}

/// One live temporary name; dropping it says that the name is gone or final.
#[derive(Debug)]
pub struct Registration {
    temporary_files: TemporaryFileRegistry,
    number: u64,
}

impl TemporaryFileRegistry {
    /// Notes that `name` in `directory` exists for the time being.
    pub fn register(&self, directory: &Arc<OwnedFd>, name: CString, what: TemporaryKind) -> Registration {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.next += 1;
        let number = live.next;
        live.names.insert(number, (Arc::clone(directory), name, what));
        Registration { temporary_files: self.clone(), number }
    }

    /// Removes all of them. For a process that ends at once; it must not go on after this.
    pub fn remove_all(&self) {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (directory, name, what) in std::mem::take(&mut live.names).into_values() {
            match what {
                TemporaryKind::File => discard(&directory, &name),
                TemporaryKind::Tree => {
                    let _ = remove_tree(&mut Sys::new(Stop::new()), &directory, &name);
                }
            }
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut live = self.temporary_files.0.lock().unwrap_or_else(PoisonError::into_inner);
        live.names.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{FileKind, Moment};

    #[test]
    fn a_directory_is_ours_alone_or_it_is_not() {
        let time = Moment { seconds: 0, nanoseconds: 0 };
        let directory = |uid, mode| Attributes {
            kind: FileKind::Directory,
            mode,
            uid,
            gid: 0,
            size: 0,
            blocks: 0,
            links: 2,
            dev: (0, 1),
            ino: 2,
            rdev: (0, 0),
            atime: time,
            mtime: time,
            ctime: time,
            is_append_only: false,
        };
        for (uid, mode, shared) in [
            (7, 0o755, false),
            (7, 0o700, false),
            (7, 0o775, true),
            (7, 0o757, true),
            (7, 0o1777, true),
            (0, 0o755, true),
            (8, 0o700, true),
        ] {
            assert_eq!(DirectoryRules::of(&directory(uid, mode), 7).others_may_write, shared, "{uid} {mode:o}");
        }
        for (user, owner, mode, file, kept) in [
            (7, 0, 0o1777, 0, true),
            (7, 0, 0o1777, 7, false),
            (7, 0, 0o777, 0, false),
            (7, 7, 0o1777, 0, false),
            (0, 7, 0o1777, 7, false),
        ] {
            let rules = DirectoryRules::of(&directory(owner, mode), user);
            assert_eq!(rules.keeps(&directory(file, 0o666), user), kept, "{user} {owner} {mode:o} {file}");
        }
    }
}
