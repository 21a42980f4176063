//! The copy of one file: its source, its target, and what the target is to be like. Targets are opened here; nothing is final
//! yet.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Instant;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Copier;
use super::decide::{Action, Reason, falls_back_to_writing_in_place};
use super::directory::{Entry, OpenDirectory, OwnedEntry};
use crate::engine::{EngineError, Pair, Side};
use crate::error::{Error, Result};
use crate::plan::{CopyPlan, Method};
use crate::sys::{Attributes, Creator, FileKind, Sys};
use crate::tree::metadata::{creation_mode, ordinary_mode};
use crate::tree::{TemporaryFile, remove_tree};

/// Why a file is not written in place.
pub(super) const WRITTEN_UNDER_ANOTHER_NAME: &str = "another source is written to this file under another name";

/// A file with both sides open.
pub(super) struct FileCopy {
    pub(super) entry: OwnedEntry,
    pub(super) source: OwnedFd,
    /// When, if somebody wants to know.
    pub(super) opened: Option<Instant>,
    /// Those of the source, when it was opened.
    pub(super) attributes: Attributes,
    pub(super) target: FileTarget,
}

/// Where the bytes of a file go.
pub(super) struct FileTarget {
    pub(super) file: OwnedFd,
    pub(super) kind: TargetKind,
    /// Its mode, if that is known.
    pub(super) mode_now: Option<u32>,
}

/// How the target of a file relates to its name.
pub(super) enum TargetKind {
    /// It has its final name: inside a tree that is itself under a temporary one.
    Staged,
    /// It has a temporary name, and then replaces an older file or not.
    Temporary { temporary: TemporaryFile, replaced: Option<Attributes> },
    /// It is what is there: a device, a FIFO, or a file that has other names.
    InPlace { regular: bool, owner: u32 },
    /// Nothing is written: what is there is what it would become.
    Done(Attributes),
}

impl FileTarget {
    /// Opens the target of a file: how, was decided before.
    pub(super) fn open(copier: &mut Copier, entry: Entry<'_>, attributes: &Attributes, action: Action) -> Result<Self> {
        let Entry { open, new_name, .. } = entry;
        let failed = |errno| Error::system("create", entry.target_path(), errno);
        let replaced = match action {
            Action::WriteInPlace(end, why) => return Self::open_in_place(copier, entry, attributes, &end, why),
            Action::AlreadyDone(existing) => return Self::open_done(&mut copier.worker.sys, entry, existing),
            Action::Replace(existing) => Some(existing),
            Action::Create | Action::SetAttributes(_) | Action::Skip(_) | Action::UpToDate(..) => None,
        };
        let mode = mode_at_first(&copier.shared.plan, open, attributes, replaced.as_ref());
        let mode_now = (!open.creator.inherits_acl).then_some(mode & !open.creator.umask);
        let sys = &mut copier.worker.sys;
        if open.directory.is_staged() {
            if replaced.is_some() {
                remove_tree(sys, &*open.target, new_name).map_err(failed)?;
            }
            let file = sys.create(&open.target, new_name, mode).map_err(failed)?;
            return Ok(Self { file, kind: TargetKind::Staged, mode_now });
        }
        match (TemporaryFile::file(sys, open.site(&copier.shared.temporary_files), new_name, mode), replaced) {
            (Ok((temporary, file)), replaced) => {
                Ok(Self { file, kind: TargetKind::Temporary { temporary, replaced }, mode_now })
            }
            (Err(errno), Some(existing)) if falls_back_to_writing_in_place(&copier.shared.plan, &existing, errno) => {
                Self::open_in_place(copier, entry, attributes, &existing, Reason::Unreplaceable)
            }
            (Err(errno), _) => Err(failed(errno)),
        }
    }

    /// Opens what an earlier copy made.
    fn open_done(sys: &mut Sys, entry: Entry<'_>, existing: Attributes) -> Result<Self> {
        let failed = |errno| Error::system("examine", entry.target_path(), errno);
        let file = sys.open_source(&entry.open.target, entry.new_name).map_err(failed)?;
        if sys.fstat(&file).map_err(failed)?.is_same_file(&existing) {
            return Ok(Self { file, kind: TargetKind::Done(existing), mode_now: None });
        }
        Err(Error::refused("examine", entry.target_path(), "it became another file meanwhile"))
    }

    /// Opens what is there without changing it yet: only when the descriptor shows that it is what was looked at, it is
    /// emptied.
    fn open_in_place(
        copier: &mut Copier,
        entry: Entry<'_>,
        source: &Attributes,
        end: &Attributes,
        why: Reason,
    ) -> Result<Self> {
        let (plan, path) = (&copier.shared.plan, || entry.target_path());
        let regular = end.kind == FileKind::RegularFile;
        if regular && !copier.shared.targets.take(end.id(), b"") {
            return Err(Error::refused("write", path(), WRITTEN_UNDER_ANOTHER_NAME));
        }
        let attributes_only = plan.method == Method::AttributesOnly;
        let flags = match (attributes_only, plan.verify && regular) {
            (true, _) => OFlags::RDONLY | OFlags::NONBLOCK,
            (false, true) => OFlags::RDWR,
            (false, false) => OFlags::WRONLY,
        };
        let sys = &mut copier.worker.sys;
        let file = match sys.openat(&entry.open.target, entry.new_name, flags | OFlags::NOCTTY, 0) {
            Err(Errno::ACCESS | Errno::PERM | Errno::TXTBSY) if plan.existing.force && why != Reason::Unreplaceable => {
                return Self::open(copier, entry, source, Action::Replace(*end));
            }
            other => other.map_err(|errno| Error::system("open", path(), errno))?,
        };
        let opened = sys.fstat(&file).map_err(|errno| Error::system("examine", path(), errno))?;
        if !opened.is_same_file(end) {
            return Err(Error::refused("write", path(), "it became another file meanwhile"));
        }
        if regular && !attributes_only {
            copier.shared.in_place.begin(path());
            sys.ftruncate(&file, 0).map_err(|errno| Error::system("empty", path(), errno))?;
        }
        copier.worker.note(|| (path(), format!("written in place: {}", why.text())));
        Ok(Self { file, kind: TargetKind::InPlace { regular, owner: end.uid }, mode_now: None })
    }

    /// Takes it away, unless it was there before; says whether it could not be removed.
    pub(super) fn abandon(self, sys: &mut Sys, entry: Entry<'_>) -> bool {
        let mut stays = false;
        match self.kind {
            TargetKind::Temporary { temporary, .. } => stays = !temporary.abandon(sys),
            TargetKind::Staged => _ = sys.unlinkat(&entry.open.target, entry.new_name),
            TargetKind::InPlace { .. } | TargetKind::Done(_) => {}
        }
        let _ = sys.close(self.file);
        stays
    }

    /// Whether it was there before, and stays.
    pub(super) const fn was_there(&self) -> bool {
        matches!(self.kind, TargetKind::InPlace { .. } | TargetKind::Done(_))
    }

    /// Whether it is a device, a FIFO or the like: what cannot be read back.
    pub(super) const fn is_special(&self) -> bool {
        matches!(self.kind, TargetKind::InPlace { regular: false, .. })
    }

    /// The older file that goes.
    pub(super) const fn replaced(&self) -> Option<&Attributes> {
        match &self.kind {
            TargetKind::Temporary { replaced, .. } => replaced.as_ref(),
            TargetKind::Staged | TargetKind::InPlace { .. } | TargetKind::Done(_) => None,
        }
    }
}

/// The mode to create a target with. Where others could open it, it is its owner's alone until it is finished: the
/// bits of the group may be the mask of an ACL that is not there yet, and what it replaces may be more private.
fn mode_at_first(plan: &CopyPlan, open: &OpenDirectory, attributes: &Attributes, replaced: Option<&Attributes>) -> u32 {
    let mode = creation_mode(attributes, &open.creator, plan.keep);
    let is_private = open.directory.is_staged() || (!plan.keep.mode && lender(plan, replaced).is_none());
    if is_private { mode } else { mode & 0o700 }
}

/// The file that is replaced, if it hands on mode and owner where those of the source are left out. What is not a regular
/// file has none worth having (a symbolic link's mode is 777, and its owner is whoever put it there); and with
/// `--remove-destination` the target is a new file, as with cp.
pub(super) fn lender<'a>(plan: &CopyPlan, replaced: Option<&'a Attributes>) -> Option<&'a Attributes> {
    replaced.filter(|replaced| replaced.kind == FileKind::RegularFile && !plan.existing.remove)
}

impl FileCopy {
    /// Both files, for an engine.
    pub(super) const fn pair(&self) -> Pair<'_> {
        Pair { source: &self.source, target: &self.target.file }
    }

    /// What the target is to be like: its source where that is kept, else what it replaces, else any new file.
    pub(super) fn wanted(&self, plan: &CopyPlan, creator: &Creator) -> Attributes {
        let mut wanted = self.attributes;
        let lender = lender(plan, self.target.replaced());
        if !plan.keep.mode {
            wanted.mode = lender.map_or_else(|| ordinary_mode(&wanted, creator), |lender| lender.mode);
        }
        if let Some(lender) = lender.filter(|_| !plan.keep.keeps_owner()) {
            (wanted.uid, wanted.gid) = (lender.uid, lender.gid);
        }
        wanted
    }

    /// Whether it is copied from one position to the other: a size of 0 may be a lie (`/proc`), so such a file is read
    /// to its end; and FIFOs and devices have no offsets, or no size.
    pub(super) fn is_stream(&self) -> bool {
        let has_size = self.attributes.kind == FileKind::RegularFile && self.attributes.size > 0;
        !has_size || self.target.is_special()
    }

    /// For messages.
    pub(super) fn source_path(&self) -> PathBuf {
        self.entry.borrowed().source_path()
    }

    /// For messages.
    pub(super) fn target_path(&self) -> PathBuf {
        self.entry.borrowed().target_path()
    }

    /// The failure of an engine, with the path that it is about.
    pub(super) fn error(&self, error: EngineError) -> Error {
        let path = if error.side == Side::Source { self.source_path() } else { self.target_path() };
        Error::system(error.operation, path, error.errno)
    }
}
