//! A directory on its way, and how it is known that all below it is done.
//!
//! Nobody counts what is pending: every task below a directory holds an `Arc` of it and gives it up with
//! `Arc::into_inner`, which hands the directory itself to exactly one of them, the last. That one sets owner, mode and
//! times, gives the unit its final name, and goes on with the directory above (`walk.rs`).

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

use rustix::io::Errno;

use crate::engine::Volume;
use crate::sys::{Attributes, Creator, Sys};
use crate::tree::{Leftovers, Part, Place};

/// A directory on its way.
pub(super) struct Directory {
    pub(super) source: Arc<Place>,
    pub(super) target: Arc<Place>,
    pub(super) parent: Above,
    /// The source's, once it was opened; never set for the directory that arguments lie in.
    pub(super) attributes: OnceLock<Attributes>,
    /// Whether the target lies in a tree under a temporary name, where nobody but us makes files.
    pub(super) in_part: bool,
    /// That tree, if this is its top.
    pub(super) part: Option<Part>,
    pub(super) volume: Volume,
    /// Who the target belongs to before its attributes are set.
    pub(super) creator: Creator,
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
}

impl Directory {
    /// The same target for another source: what is in `source` goes into it.
    pub(super) fn merging(&self, source: Arc<Place>) -> Self {
        Self {
            source,
            target: Arc::clone(&self.target),
            parent: Above::default(),
            attributes: OnceLock::new(),
            in_part: false,
            part: None,
            volume: self.volume.clone(),
            creator: self.creator,
        }
    }

    /// A new tree below this target, under a temporary name until it is whole.
    pub(super) fn new_unit(
        &self,
        sys: &mut Sys,
        leftovers: &Leftovers,
        source: Arc<Place>,
        target: &Arc<OwnedFd>,
        name: &CStr,
    ) -> Result<Self, Errno> {
        let part = Part::tree(sys, leftovers, target, name)?;
        let target = self.target.below(part.temporary());
        Ok(Self { target, in_part: true, part: Some(part), ..self.merging(source) })
    }
}
