//! What a target replaces, held while it does.
//!
//! Another process may be reading it, to remove it when it is done: a `gunzip -f` that replaces what a `gzip` has just
//! compressed would lose its new file to that one's unlink, and then remove the only copy that is left. So whoever
//! replaces a file that somebody else has open keeps its own source.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;

use super::Folder;
use crate::error::Quoted;
use crate::sys::Sys;

/// Why a source is kept whose target is made.
pub(in crate::gzip) fn keeps_source(target: &Path) -> String {
    format!("kept: {} was open in another program when it was replaced", Quoted(target))
}

/// A file that is about to be replaced. While it is held, nobody opens it.
pub(in crate::gzip) struct Replaced {
    file: Option<OwnedFd>,
    /// Somebody else has it open.
    pub(in crate::gzip) is_in_use: bool,
}

impl Replaced {
    /// Nothing is replaced.
    pub(in crate::gzip) const NOTHING: Self = Self { file: None, is_in_use: false };

    /// Holds what is called `name`. Where that cannot be done (another user's file, a file system without leases, not a
    /// regular file) it is not known whether anybody has it open.
    pub(in crate::gzip) fn hold(sys: &mut Sys, folder: &Folder, name: &CStr) -> Self {
        let Ok(file) = sys.open_source(&*folder.directory, name) else { return Self::NOTHING };
        let is_in_use = sys.lease(&file) == Err(Errno::AGAIN);
        Self { file: Some(file), is_in_use }
    }

    /// It is replaced, or was not.
    pub(in crate::gzip) fn let_go(self, sys: &mut Sys) -> bool {
        if let Some(file) = self.file {
            let _ = sys.close(file);
        }
        self.is_in_use
    }
}
