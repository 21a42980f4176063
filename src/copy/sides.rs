//! The two sides of a file's copy: what is read, and where it goes.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Copier;
use super::decide::{Action, Reason, falls_back_to_writing_in_place};
use super::directory::{Open, TargetState};
use super::special::{is_read, is_special};
use crate::engine::{EngineError, Side};
use crate::error::{Error, Result};
use crate::plan::{CopyPlan, Method};
use crate::sys::{Attributes, Creator, FileKind};
use crate::tree::TemporaryFile;
use crate::tree::metadata::{creation_mode, describe, ordinary_mode};

/// Why a file is not written in place.
pub(super) const WRITTEN_UNDER_ANOTHER_NAME: &str = "another source is written to this file under another name";

/// A file on its way: both sides open, nothing final yet.
pub(super) struct FileCopy {
    pub(super) open: Arc<Open>,
    pub(super) name: CString,
    pub(super) source: OwnedFd,
    /// When, if somebody wants to know.
    pub(super) opened: Option<Instant>,
    pub(super) attributes: Attributes,
    pub(super) target: OwnedFd,
    pub(super) new_name: CString,
    pub(super) place: TargetPlace,
    /// The target's mode, if that is known.
    pub(super) mode_now: Option<u32>,
}

/// A file's names on both sides.
pub(super) struct Whereabouts {
    pub(super) open: Arc<Open>,
    pub(super) name: CString,
    pub(super) new_name: CString,
}

/// Where the bytes go.
pub(super) enum TargetPlace {
    /// Straight to the final name: inside a tree that is itself under a temporary one.
    Staged,
    /// A temporary name, which then replaces an older file or not.
    TemporaryFile { temporary: TemporaryFile, replaced: Option<Attributes> },
    /// Into what is there: a device, a FIFO, or a file that has other names.
    InPlace { regular: bool, owner: u32 },
    /// Nowhere: what is there is what they would become.
    Done(Attributes),
}

impl Copier {
    /// Opens the source of a file.
    pub(super) fn open_source(&mut self, open: &Open, name: &CStr) -> Result<(OwnedFd, Attributes)> {
        let sys = &mut self.worker.sys;
        let path = || open.directory.source_of(name);
        let examine = |errno| Error::system("examine", path(), errno);
        let follows = open.directory.source.follows_links();
        let mut kind = FileKind::RegularFile;
        if self.shared.plan.copy_contents {
            let found = if follows { sys.stat_through(&open.source, name) } else { sys.stat_at(&open.source, name) };
            kind = found.map_err(examine)?.kind;
        }
        if self.shared.plan.dry_run && is_special(kind) {
            let itself = sys.open_itself(&open.source, name).map_err(examine)?;
            let attributes = sys.fstat(&itself).map_err(examine)?;
            return Ok((itself, attributes));
        }
        // Whoever is to read a FIFO waits for somebody who writes, as with cp; nothing else may hold us.
        let waits = if is_special(kind) { OFlags::empty() } else { OFlags::NONBLOCK };
        let link = if follows { OFlags::empty() } else { OFlags::NOFOLLOW };
        let source = sys.openat(&open.source, name, OFlags::RDONLY | OFlags::NOCTTY | waits | link, 0);
        let source = source.map_err(|errno| Error::system("open", path(), errno))?;
        let attributes = sys.fstat(&source).map_err(examine)?;
        if attributes.kind == kind && is_read(&self.shared.plan, kind) {
            return Ok((source, attributes));
        }
        Err(Error::refused("copy", path(), format!("it became {} meanwhile", describe(attributes.kind))))
    }

    /// Opens the target of a file: how, was decided before.
    pub(super) fn open_target(
        &mut self,
        open: &Open,
        name: &CStr,
        attributes: &Attributes,
        action: Action,
    ) -> Result<(OwnedFd, TargetPlace)> {
        let failed = |errno| Error::system("create", open.directory.target_of(name), errno);
        let replaced = if let Action::Replace(existing) = &action { Some(existing) } else { None };
        let mode = self.creation_mode(open, attributes, replaced);
        let replaced = match action {
            Action::WriteInPlace(end, why) => return self.open_in_place(open, name, attributes, &end, why),
            Action::AlreadyDone(existing) => return self.open_done(open, name, &existing),
            Action::Replace(_) if open.directory.state == TargetState::Resumed => {
                self.clear(open, name).map_err(failed)?;
                None
            }
            Action::Replace(existing) => Some(existing),
            Action::Create | Action::SetAttributes(_) | Action::Skip(_) | Action::UpToDate(..) => None,
        };
        let sys = &mut self.worker.sys;
        if open.directory.is_staged() {
            return Ok((sys.create(&open.target, name, mode).map_err(failed)?, TargetPlace::Staged));
        }
        match (TemporaryFile::file(sys, self.shared.site(open), name, mode), replaced) {
            (Ok((temporary, target)), replaced) => Ok((target, TargetPlace::TemporaryFile { temporary, replaced })),
            (Err(errno), Some(existing)) if falls_back_to_writing_in_place(&self.shared.plan, &existing, errno) => {
                self.open_in_place(open, name, attributes, &existing, Reason::Unreplaceable)
            }
            (Err(errno), _) => Err(failed(errno)),
        }
    }

    /// The mode to create a target with. Where others could open it, it is its owner's alone until it is finished: the
    /// bits of the group may be the mask of an ACL that is not there yet, and what it replaces may be more private.
    pub(super) fn creation_mode(&self, open: &Open, attributes: &Attributes, replaced: Option<&Attributes>) -> u32 {
        let keep = &self.shared.plan.keep;
        let mode = creation_mode(attributes, &open.creator, keep);
        let is_lent = lender(&self.shared.plan, replaced).is_some();
        let is_private = open.directory.is_staged() || (!keep.mode && !is_lent);
        if is_private { mode } else { mode & 0o700 }
    }

    /// Opens what an earlier copy made.
    fn open_done(&mut self, open: &Open, name: &CStr, existing: &Attributes) -> Result<(OwnedFd, TargetPlace)> {
        let sys = &mut self.worker.sys;
        let failed = |errno| Error::system("examine", open.directory.target_of(name), errno);
        let target = sys.open_source(&open.target, name).map_err(failed)?;
        if sys.fstat(&target).map_err(failed)?.is_same_file(existing) {
            return Ok((target, TargetPlace::Done(*existing)));
        }
        Err(Error::refused("examine", open.directory.target_of(name), "it became another file meanwhile"))
    }

    /// Opens what is there without changing it yet: only when the descriptor shows that it is what was looked at, it is
    /// emptied.
    fn open_in_place(
        &mut self,
        open: &Open,
        name: &CStr,
        source: &Attributes,
        end: &Attributes,
        why: Reason,
    ) -> Result<(OwnedFd, TargetPlace)> {
        let path = || open.directory.target_of(name);
        let regular = end.kind == FileKind::RegularFile;
        if regular && !self.shared.registry.take(end.id(), b"") {
            return Err(Error::refused("write", path(), WRITTEN_UNDER_ANOTHER_NAME));
        }
        let attributes_only = self.shared.plan.method == Method::AttributesOnly;
        let flags = match (attributes_only, self.shared.plan.verify && regular) {
            (true, _) => OFlags::RDONLY | OFlags::NONBLOCK,
            (false, true) => OFlags::RDWR,
            (false, false) => OFlags::WRONLY,
        };
        let sys = &mut self.worker.sys;
        let target = match sys.openat(&open.target, name, flags | OFlags::NOCTTY, 0) {
            Err(Errno::ACCESS | Errno::PERM | Errno::TXTBSY)
                if self.shared.plan.existing.force && why != Reason::Unreplaceable =>
            {
                return self.open_target(open, name, source, Action::Replace(*end));
            }
            other => other.map_err(|errno| Error::system("open", path(), errno))?,
        };
        let opened = sys.fstat(&target).map_err(|errno| Error::system("examine", path(), errno))?;
        if !opened.is_same_file(end) {
            return Err(Error::refused("write", path(), "it became another file meanwhile"));
        }
        if regular && !attributes_only {
            self.shared.note_in_place(path(), false);
            sys.ftruncate(&target, 0).map_err(|errno| Error::system("empty", path(), errno))?;
        }
        self.worker.note(|| (path(), format!("written in place: {}", why.text())));
        Ok((target, TargetPlace::InPlace { regular, owner: end.uid }))
    }
}

/// The file that is replaced, if it hands on mode and owner where those of the source are left out. What is no regular
/// file has none worth having (a symbolic link's mode is 777, and its owner is whoever put it there); and with
/// `--remove-destination` the target is a new file, as with cp.
pub(super) fn lender<'a>(plan: &CopyPlan, replaced: Option<&'a Attributes>) -> Option<&'a Attributes> {
    replaced.filter(|replaced| replaced.kind == FileKind::RegularFile && !plan.existing.remove)
}

impl TargetPlace {
    pub(super) const fn is_in_place(&self) -> bool {
        matches!(self, Self::InPlace { .. } | Self::Done(_))
    }

    /// Whether an older file goes.
    pub(super) const fn replaces(&self) -> bool {
        matches!(self, Self::TemporaryFile { replaced: Some(_), .. })
    }
}

impl FileCopy {
    /// The older file that goes.
    pub(super) const fn replaced(&self) -> Option<&Attributes> {
        match &self.place {
            TargetPlace::TemporaryFile { replaced, .. } => replaced.as_ref(),
            TargetPlace::Staged | TargetPlace::InPlace { .. } | TargetPlace::Done(_) => None,
        }
    }

    pub(super) fn whereabouts(&self) -> Whereabouts {
        Whereabouts { open: Arc::clone(&self.open), name: self.name.clone(), new_name: self.new_name.clone() }
    }

    /// What the target is to be like: its source where that is kept, else what it replaces, else any new file.
    pub(super) fn wanted(&self, plan: &CopyPlan, creator: &Creator) -> Attributes {
        let mut wanted = self.attributes;
        let lender = lender(plan, self.replaced());
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
        !has_size || matches!(self.place, TargetPlace::InPlace { regular: false, .. })
    }

    /// Whether the target is a file that can be read back.
    pub(super) const fn has_regular_target(&self) -> bool {
        !matches!(self.place, TargetPlace::InPlace { regular: false, .. })
    }

    pub(super) fn source_path(&self) -> PathBuf {
        self.open.directory.source_of(&self.name)
    }

    pub(super) fn target_path(&self) -> PathBuf {
        self.open.directory.target_of(&self.new_name)
    }

    pub(super) fn error(&self, error: EngineError) -> Error {
        let path = if error.side == Side::Source { self.source_path() } else { self.target_path() };
        Error::system(error.operation, path, error.errno)
    }
}
