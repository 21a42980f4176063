//! A directory on its way, and how it is known that all below it is done.
//!
//! Nobody counts what is pending: every task below a directory holds an `Arc` of it and gives it up with
//! `Arc::into_inner`, which hands the directory itself to exactly one of them, the last. That one sets owner, mode and
//! times, gives the unit its final name, and goes on with the directory above (`finish.rs`).

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustix::io::Errno;

use super::folding::Spellings;
use crate::engine::Volume;
use crate::sys::{Attributes, Creator, FileId};
use crate::tree::{DirectoryRules, Place, Unit};

/// A directory on its way.
pub(super) struct Directory {
    pub(super) source: Arc<Place>,
    pub(super) target: Arc<Place>,
    pub(super) parent: Above,
    /// The source's, once it was opened; never set for the directory that arguments lie in.
    pub(super) source_seen: OnceLock<Seen>,
    pub(super) standing: Standing,
    /// In a dry run, the identity of a target that would have to be made; `None` for one that is there.
    pub(super) planned: Option<FileId>,
    /// The tree under a temporary name, if this is its top.
    pub(super) unit: Option<Unit>,
    pub(super) volume: Volume,
    /// Who the target belongs to before its attributes are set.
    pub(super) creator: Creator,
    pub(super) origin: Origin,
    /// See the type.
    pub(super) spellings: Spellings,
}

/// What was found when a source directory was opened.
pub(super) struct Seen {
    pub(super) attributes: Attributes,
    pub(super) has_extended: bool,
}

/// What the target of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Ours and new, in a tree under a temporary name, where nobody but us makes files.
    New,
    /// The same, begun by an earlier copy: what is in it may be done.
    Resumed,
    /// Anybody's.
    Met,
}

/// The source that a directory was met under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// Names between the root of its places and the directory that patterns are relative to.
    pub(super) depth: usize,
    /// The device that directory lies on, once it is known.
    pub(super) device: Option<(u32, u32)>,
    /// Whether this is the directory that an argument lies in, and its target the one the user named exactly.
    pub(super) is_exact: bool,
}

/// A directory above; the chain is dropped link by link, since a deep one would exhaust the stack.
#[derive(Default)]
pub(super) struct Above(pub(super) Option<Arc<Directory>>);

impl Above {
    pub(super) const fn new(directory: Arc<Directory>) -> Self {
        Self(Some(directory))
    }
}

impl Drop for Above {
    fn drop(&mut self) {
        let mut above = self.0.take();
        while let Some(mut directory) = above.and_then(Arc::into_inner) {
            above = directory.parent.0.take();
        }
    }
}

/// A directory being read, with both sides open. It closes when the last task that needs it gives it up.
pub(super) struct Open {
    pub(super) directory: Arc<Directory>,
    pub(super) source: OwnedFd,
    pub(super) target: Arc<OwnedFd>,
    /// Who files made in the target will belong to.
    pub(super) creator: Creator,
    /// What the target means for the names of files made in it.
    pub(super) rules: DirectoryRules,
    /// The target's identity, where claims need it.
    pub(super) target_id: Option<FileId>,
    /// In a dry run, why nothing can be made in the target.
    pub(super) denied: Option<Errno>,
}

impl Directory {
    /// The same target for another source: what is in `source` goes into it.
    pub(super) fn merging(&self, source: Arc<Place>) -> Self {
        Self {
            source,
            target: Arc::clone(&self.target),
            parent: Above::default(),
            source_seen: OnceLock::new(),
            standing: self.standing,
            planned: self.planned,
            unit: None,
            volume: self.volume.clone(),
            creator: self.creator,
            origin: Origin { is_exact: false, device: self.device(), ..self.origin },
            spellings: Spellings::new(),
        }
    }

    /// The device of the directory that was named.
    fn device(&self) -> Option<(u32, u32)> {
        self.origin.device.or_else(|| self.source_seen.get().map(|seen| seen.attributes.dev))
    }

    /// Whether it is the directory that an argument lies in: what is in it was named by the user.
    pub(super) fn holds_arguments(&self) -> bool {
        self.parent.0.is_none() && self.source_seen.get().is_none()
    }

    /// Whether names in the target that differ in case only are one name, as was found out.
    pub(super) fn folds_names(&self) -> bool {
        self.spellings.get().is_some_and(Option::is_some)
    }

    /// Whether the target lies in a tree under a temporary name.
    pub(super) fn is_in_unit(&self) -> bool {
        self.standing != Standing::Met
    }

    /// Nobody knows what of this source is missing in a tree that is continued: that tree stays under its temporary name.
    pub(super) fn leave_unfinished(&self) {
        let mut here = Some(self).filter(|directory| directory.standing == Standing::Resumed);
        while let Some(directory) = here {
            if let Some(unit) = &directory.unit {
                return unit.leave_unfinished();
            }
            here = directory.parent.0.as_deref();
        }
    }

    /// The path of an entry's source, for messages.
    pub(super) fn source_of(&self, name: &CStr) -> PathBuf {
        self.source.path_of(name)
    }

    /// The path of an entry's target, for messages.
    pub(super) fn target_of(&self, name: &CStr) -> PathBuf {
        self.target.path_of(name)
    }

    /// Whether the source, or one above it as far as this copy went, is the directory with these attributes.
    pub(super) fn lies_below(&self, attributes: &Attributes) -> bool {
        let mut here = Some(self);
        while let Some(directory) = here {
            if directory.source_seen.get().is_some_and(|seen| seen.attributes.is_same_file(attributes)) {
                return true;
            }
            here = directory.parent.0.as_deref();
        }
        false
    }
}
