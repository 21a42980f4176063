//! Directories of a copy, each with its source and its target, and the entries in them: what is known of them, and how they
//! hang together.
//!
//! Nobody counts what is pending: every task below a directory holds an `Arc` of it and gives it up with
//! `Arc::into_inner`, which hands the directory itself to exactly one of them, the last. That one finishes it
//! (`directory_copy.rs`).

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::decide::{is_read, is_special};
use crate::engine::Volume;
use crate::error::{Error, Result};
use crate::plan::CopyPlan;
use crate::sys::{Attributes, Creator, FileId, FileKind, Sys};
use crate::tree::metadata::describe;
use crate::tree::{DirectoryPath, DirectoryRules, Site, StagedTree, TemporaryFileRegistry};

/// A source directory and the target directory that its entries go into.
pub(super) struct Directory {
    pub(super) source: Arc<DirectoryPath>,
    pub(super) target: Arc<DirectoryPath>,
    pub(super) parent: ParentLink,
    /// Set once the source was opened; never for the directory that arguments lie in.
    pub(super) source_attributes: OnceLock<SourceAttributes>,
    pub(super) state: TargetState,
    /// In a dry run, the identity of a target that would have to be made; `None` for one that is there.
    pub(super) planned: Option<FileId>,
    /// In a dry run, whether names can be made in a target that is there, once somebody asked.
    pub(super) may_make_names: OnceLock<rustix::io::Result<()>>,
    /// The tree under a temporary name, if this is its top.
    pub(super) staged: Option<StagedTree>,
    pub(super) volume: Volume,
    /// Who the target belongs to before its attributes are set.
    pub(super) creator: Creator,
    pub(super) origin: Origin,
    /// The names of the target as they are spelled there; `None` where case makes a difference. Found out once, for the first
    /// name with letters that is there already.
    pub(super) spellings: OnceLock<Option<HashSet<CString>>>,
}

/// What was found when a source directory was opened.
pub(super) struct SourceAttributes {
    pub(super) attributes: Attributes,
    pub(super) has_extended: bool,
}

/// What the target of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetState {
    /// Ours and new, in a tree under a temporary name, where nobody but us makes files.
    New,
    /// The same, begun by an earlier copy: what is in it may be done.
    Resumed,
    /// It may be there already, and be anybody's: what is in the source is merged into it.
    Merged,
}

/// The source that a directory was found under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// Names between the root of its places and the directory that patterns are relative to.
    pub(super) depth: usize,
    /// The device that directory lies on, once it is known.
    pub(super) device: Option<(u32, u32)>,
    /// Whether this is the directory that an argument lies in, and its target the one the user named exactly.
    pub(super) is_exact: bool,
}

/// The directory above another one; the chain is dropped link by link, since a deep one would exhaust the stack.
#[derive(Default)]
pub(super) struct ParentLink(pub(super) Option<Arc<Directory>>);

impl Drop for ParentLink {
    fn drop(&mut self) {
        let mut above = self.0.take();
        while let Some(mut directory) = above.and_then(Arc::into_inner) {
            above = directory.parent.0.take();
        }
    }
}

impl Directory {
    /// A directory in which a named source lies; what is there is merged with what comes.
    pub(super) fn new(
        source: Arc<DirectoryPath>,
        target: Arc<DirectoryPath>,
        volume: Volume,
        creator: Creator,
    ) -> Self {
        Self {
            source,
            target,
            parent: ParentLink::default(),
            source_attributes: OnceLock::new(),
            state: TargetState::Merged,
            planned: None,
            may_make_names: OnceLock::new(),
            staged: None,
            volume,
            creator,
            origin: Origin { depth: 0, device: None, is_exact: false },
            spellings: OnceLock::new(),
        }
    }

    /// The same target for another source: what is in `source` goes into it.
    pub(super) fn merging(&self, source: Arc<DirectoryPath>) -> Self {
        let device = self.origin.device.or_else(|| self.source_attributes.get().map(|found| found.attributes.dev));
        Self {
            state: self.state,
            planned: self.planned,
            origin: Origin { device, is_exact: false, ..self.origin },
            ..Self::new(source, Arc::clone(&self.target), self.volume.clone(), self.creator)
        }
    }

    /// Whether it is the directory that an argument lies in: what is in it was named by the user.
    pub(super) fn holds_arguments(&self) -> bool {
        self.parent.0.is_none() && self.source_attributes.get().is_none()
    }

    /// Whether names in the target that differ in case only are one name, as was found out.
    pub(super) fn ignores_case(&self) -> bool {
        self.spellings.get().is_some_and(Option::is_some)
    }

    /// Whether the target lies in a tree under a temporary name.
    pub(super) fn is_staged(&self) -> bool {
        self.state != TargetState::Merged
    }

    /// Whether the target would have to be made first (in a dry run).
    pub(super) const fn is_planned(&self) -> bool {
        self.planned.is_some()
    }

    /// Whether the target would be made for this source, and not for one before (in a dry run).
    pub(super) fn would_be_made(&self) -> bool {
        self.is_planned() && self.state == TargetState::New
    }

    /// Nobody knows what of this source is missing in a tree that is continued: that tree stays under its temporary name.
    pub(super) fn leave_unfinished(&self) {
        let mut here = Some(self).filter(|directory| directory.state == TargetState::Resumed);
        while let Some(directory) = here {
            if let Some(staged) = &directory.staged {
                return staged.leave_unfinished();
            }
            here = directory.parent.0.as_deref();
        }
    }

    /// The path of an entry's source, for messages.
    pub(super) fn source_of(&self, name: &CStr) -> PathBuf {
        self.source.join(name)
    }

    /// The path of an entry's target, for messages.
    pub(super) fn target_of(&self, name: &CStr) -> PathBuf {
        self.target.join(name)
    }

    /// Whether the source, or one above it as far as this copy went, is the directory with these attributes.
    pub(super) fn lies_below(&self, attributes: &Attributes) -> bool {
        let mut here = Some(self);
        while let Some(directory) = here {
            if directory.source_attributes.get().is_some_and(|found| found.attributes.is_same_file(attributes)) {
                return true;
            }
            here = directory.parent.0.as_deref();
        }
        false
    }
}

/// A directory that was found in another one, before its target is known.
pub(super) struct Subdirectory<'a> {
    pub(super) above: &'a Directory,
    pub(super) source: Arc<DirectoryPath>,
    pub(super) name: &'a CStr,
    pub(super) new_name: &'a CStr,
}

impl Subdirectory<'_> {
    /// Where its target is, or would be.
    pub(super) fn target(&self) -> Arc<DirectoryPath> {
        self.above.target.below(self.new_name)
    }

    /// The path of its target, for messages.
    pub(super) fn target_path(&self) -> PathBuf {
        self.above.target_of(self.new_name)
    }

    /// The directory with this target, for which all holds that holds for the one above.
    pub(super) fn with(&self, target: Arc<DirectoryPath>) -> Directory {
        Directory { target, ..self.above.merging(Arc::clone(&self.source)) }
    }

    /// Why its target is not made.
    pub(super) fn failed(&self, errno: Errno) -> Error {
        Error::system("create directory", self.target_path(), errno)
    }

    /// Refuses what has its name and is not a directory.
    pub(super) fn refused(&self, there: &Attributes) -> Error {
        let why = format!("{} of that name is there", describe(there.kind));
        Error::refused("create directory", self.target_path(), why)
    }
}

/// A directory with both sides open. It closes when the last task that needs it gives it up.
pub(super) struct OpenDirectory {
    pub(super) directory: Arc<Directory>,
    pub(super) source: OwnedFd,
    pub(super) target: Arc<OwnedFd>,
    /// Who files made in the target will belong to.
    pub(super) creator: Creator,
    /// What the target means for the names of files made in it.
    pub(super) rules: DirectoryRules,
    /// The target's identity, where the target registry needs it.
    pub(super) target_id: Option<FileId>,
}

impl AsFd for OpenDirectory {
    /// The source, which is read.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl OpenDirectory {
    /// Whether to read it at all: what is mounted in a source stays empty, if we are to stay on its file system.
    pub(super) fn is_to_be_read(&self, plan: &CopyPlan) -> bool {
        let origin = &self.directory.origin;
        let here = self.directory.source_attributes.get().map(|found| found.attributes.dev);
        !plan.one_file_system || origin.device.is_none() || origin.device == here
    }

    /// Where targets in it are made.
    pub(super) fn site<'a>(&'a self, temporary_files: &'a TemporaryFileRegistry) -> Site<'a> {
        Site { directory: &self.target, rules: self.rules, temporary_files }
    }
}

/// Opens a directory to look up names in it.
pub(super) fn open_to_search(sys: &mut Sys, path: &DirectoryPath) -> Result<OwnedFd> {
    path.open_to_search(sys).map_err(|errno| Error::system("open", path.to_path_buf(), errno))
}

/// What two names have in common that differ in case only.
pub(super) fn lower_case(name: &CStr) -> String {
    String::from_utf8_lossy(name.to_bytes()).to_lowercase()
}

/// An entry of an open directory: its name in the source, and the one that it gets in the target.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) open: &'a Arc<OpenDirectory>,
    pub(super) name: &'a CStr,
    pub(super) new_name: &'a CStr,
}

/// The same for work that goes on after the directory was read.
#[derive(Clone)]
pub(super) struct OwnedEntry {
    pub(super) open: Arc<OpenDirectory>,
    pub(super) name: CString,
    pub(super) new_name: CString,
}

impl OwnedEntry {
    pub(super) fn borrowed(&self) -> Entry<'_> {
        Entry { open: &self.open, name: &self.name, new_name: &self.new_name }
    }
}

impl<'a> Entry<'a> {
    pub(super) fn to_owned(self) -> OwnedEntry {
        OwnedEntry { open: Arc::clone(self.open), name: self.name.to_owned(), new_name: self.new_name.to_owned() }
    }

    /// The directory that it lies in.
    pub(super) fn directory(self) -> &'a Arc<Directory> {
        &self.open.directory
    }

    /// For messages.
    pub(super) fn source_path(self) -> PathBuf {
        self.directory().source_of(self.name)
    }

    /// For messages.
    pub(super) fn target_path(self) -> PathBuf {
        self.directory().target_of(self.new_name)
    }

    /// What it is; where links are followed, what it leads to.
    pub(super) fn examine(self, sys: &mut Sys) -> Result<Attributes> {
        let follows = self.directory().source.follows_links();
        let found = if follows {
            sys.stat_through(&self.open.source, self.name)
        } else {
            sys.stat_at(&self.open.source, self.name)
        };
        found.map_err(|errno| Error::system("examine", self.source_path(), errno))
    }

    /// Opens a source whose bytes are read. In a dry run nobody waits for the writer of a FIFO.
    pub(super) fn open_source(self, sys: &mut Sys, plan: &CopyPlan) -> Result<(OwnedFd, Attributes)> {
        let examine = |errno| Error::system("examine", self.source_path(), errno);
        let kind = if plan.copy_contents { self.examine(sys)?.kind } else { FileKind::RegularFile };
        if plan.dry_run && is_special(kind) {
            let itself = sys.open_itself(&self.open.source, self.name).map_err(examine)?;
            let attributes = sys.fstat(&itself).map_err(examine)?;
            return Ok((itself, attributes));
        }
        // Whoever is to read a FIFO waits for somebody who writes, as with cp; nothing else may hold us.
        let waits = if is_special(kind) { OFlags::empty() } else { OFlags::NONBLOCK };
        let link = if self.directory().source.follows_links() { OFlags::empty() } else { OFlags::NOFOLLOW };
        let source = sys.openat(&self.open.source, self.name, OFlags::RDONLY | OFlags::NOCTTY | waits | link, 0);
        let source = source.map_err(|errno| Error::system("open", self.source_path(), errno))?;
        let attributes = sys.fstat(&source).map_err(examine)?;
        if attributes.kind == kind && is_read(plan, kind) {
            return Ok((source, attributes));
        }
        let why = format!("it became {} meanwhile", describe(attributes.kind));
        Err(Error::refused("copy", self.source_path(), why))
    }
}
