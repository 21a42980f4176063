//! FIFOs, sockets and devices as sources: they are copied as what they are, or, with `--copy-contents`, read as files are.
//!
//! One that the user named is mostly meant to be read (`haul copy /dev/sda image`, `haul copy <(date) file`), so a warning
//! says that it is not.

use std::ffi::CStr;

use super::Copier;
use super::decide::Source;
use super::directory::Open;
use crate::plan::{CopyPlan, Method};
use crate::sys::{Attributes, FileKind};

/// Whether it is a FIFO, a socket or a device.
pub(super) const fn is_special(kind: FileKind) -> bool {
    matches!(kind, FileKind::Fifo | FileKind::Socket | FileKind::CharacterDevice | FileKind::BlockDevice)
}

/// Whether the bytes of such a source are copied: of any regular file, and of what is special where the plan says so.
pub(super) fn is_read(plan: &CopyPlan, kind: FileKind) -> bool {
    kind == FileKind::RegularFile || (plan.copy_contents && plan.method == Method::Copy && is_special(kind))
}

impl Copier {
    /// Whether the bytes of an entry of this kind are copied.
    pub(super) fn is_read(&self, kind: FileKind) -> bool {
        is_read(&self.shared.plan, kind)
    }

    /// A source as it decides about what is there already.
    pub(super) fn source(&mut self, open: &Open, name: &CStr, attributes: &Attributes) -> Source {
        let end = match attributes.kind {
            FileKind::Symlink => self.station.sys.stat_through(&open.source, name).ok(),
            _ => None,
        };
        let user_is_root = self.shared.identity.uid == 0;
        Source { attributes: *attributes, end, is_named: open.directory.holds_arguments(), user_is_root }
    }

    /// A special file was copied as what it is: says so, if the user named it.
    pub(super) fn warn_of_special(&mut self, open: &Open, name: &CStr, source: &Attributes) {
        if open.directory.holds_arguments()
            && let Some(warning) = self.source(open, name, source).warning(&self.shared.plan)
        {
            self.station.warn(open.directory.source_of(name), warning);
        }
    }
}
