//! FIFOs, sockets and devices, as sources and as what is there already.
//!
//! As sources they are copied as what they are, or, with `--copy-contents`, read as files are. One that the user named is
//! mostly meant to be read (`haul copy /dev/sda image`, `haul copy <(date) file`), so that it is not is said, and nothing
//! goes for it. As targets they belong to somebody who has them open, or to the system: no link and no other node takes
//! their place unasked.

use std::ffi::CStr;

use super::Copier;
use super::directory::Open;
use crate::plan::{CopyPlan, Method};
use crate::sys::{Attributes, FileKind};
use crate::tree::metadata::describe;

/// Whether it is a FIFO, a socket or a device.
pub(super) const fn is_special(kind: FileKind) -> bool {
    matches!(kind, FileKind::Fifo | FileKind::Socket | FileKind::CharacterDevice | FileKind::BlockDevice)
}

/// Whether the bytes of such a source are copied: of any regular file, and of what is special where the plan says so.
pub(super) fn is_read(plan: &CopyPlan, kind: FileKind) -> bool {
    kind == FileKind::RegularFile || (plan.copy_contents && plan.method == Method::Copy && is_special(kind))
}

/// A source that is no directory, as far as it decides about what is there already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub(super) attributes: Attributes,
    /// What a symbolic link leads to that is copied as a link, if it leads anywhere.
    pub(super) end: Option<Attributes>,
    /// The user named it; else it was met in a directory.
    pub(super) is_named: bool,
}

/// What becomes of the name of a target that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may go, as far as this module is concerned.
    Granted,
    /// It is what the source would become.
    Needless,
    /// It is that but for its attributes, which it may get.
    Attributes,
    /// It stays, and that is a failure, for this reason.
    Refused(String),
}

impl Subject {
    /// The special file that the user named, itself or by a symbolic link, and that is not read.
    fn named_special(&self, plan: &CopyPlan) -> Option<FileKind> {
        let kind = self.end.unwrap_or(self.attributes).kind;
        let is_copied = matches!(plan.method, Method::Copy | Method::AttributesOnly);
        (self.is_named && is_copied && is_special(kind) && !is_read(plan, self.attributes.kind)).then_some(kind)
    }

    /// Whether it may take the place of what is there.
    pub(super) fn admission(&self, plan: &CopyPlan, existing: &Attributes) -> Admission {
        if plan.existing.remove {
            return Admission::Granted;
        }
        if let Some(kind) = self.named_special(plan) {
            let (what, there) = (self.describe(kind), describe(existing.kind));
            let hint = if kind == FileKind::Socket { "" } else { "--copy-contents copies what it holds, " };
            return Admission::Refused(format!(
                "{what}, and {there} of that name is there; {hint}--remove-destination replaces what is there"
            ));
        }
        let makes_links = matches!(plan.method, Method::HardLink | Method::Symlink);
        if !is_special(existing.kind) || (is_read(plan, self.attributes.kind) && !makes_links) {
            return Admission::Granted;
        }
        let is_same_kind = (self.attributes.kind, self.attributes.rdev) == (existing.kind, existing.rdev);
        if !self.is_named && !makes_links && is_same_kind {
            return if self.has_all(plan, existing) { Admission::Needless } else { Admission::Attributes };
        }
        let there = describe(existing.kind);
        Admission::Refused(format!("{there} of that name is there; --remove-destination replaces it"))
    }

    /// Whether a special file of the same kind has all that is kept of the source.
    fn has_all(&self, plan: &CopyPlan, existing: &Attributes) -> bool {
        let (source, keep) = (&self.attributes, &plan.keep);
        // Only root gives files away.
        let keeps_owner = keep.keeps_owner() && rustix::process::geteuid().is_root();
        (!keep.mode || source.mode == existing.mode)
            && (!keeps_owner || (source.uid, source.gid) == (existing.uid, existing.gid))
            && (!keep.times || source.mtime == existing.mtime)
    }

    /// What there is to say of a special file that the user named and that was copied as what it is.
    pub(super) fn warning(&self, plan: &CopyPlan) -> Option<String> {
        let kind = self.named_special(plan).filter(|_| plan.method == Method::Copy)?;
        let hint = if kind == FileKind::Socket { "" } else { "; --copy-contents copies what it holds" };
        Some(format!("{}, which is copied as it is{hint}", self.describe(kind)))
    }

    fn describe(&self, kind: FileKind) -> String {
        let what = describe(kind);
        if self.end.is_some() { format!("it is a symbolic link to {what}") } else { format!("it is {what}") }
    }
}

impl Copier {
    /// Whether the bytes of an entry of this kind are copied.
    pub(super) fn is_read(&self, kind: FileKind) -> bool {
        is_read(&self.shared.plan, kind)
    }

    /// A source as it decides about what is there already.
    pub(super) fn subject(&mut self, open: &Open, name: &CStr, source: &Attributes) -> Subject {
        let end = match source.kind {
            FileKind::Symlink => self.station.sys.stat_through(&open.source, name).ok(),
            _ => None,
        };
        Subject { attributes: *source, end, is_named: open.directory.holds_arguments() }
    }

    /// A special file was copied as what it is: says so, if the user named it.
    pub(super) fn warn_of_special(&mut self, open: &Open, name: &CStr, source: &Attributes) {
        if open.directory.holds_arguments()
            && let Some(warning) = self.subject(open, name, source).warning(&self.shared.plan)
        {
            self.station.warn(open.directory.source_of(name), warning);
        }
    }
}
