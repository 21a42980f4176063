//! The output directory: below it, targets lie as their sources do below the directories that were named.
//!
//! An image of a directory is made when the first file goes into it, step by step, following no symbolic link.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::Folder;
use super::target::{KEEP, sync_directory};
use crate::error::{Error, Result};
use crate::job::limits::Device;
use crate::job::losses::Losses;
use crate::job::worker_context::WorkerContext;
use crate::sys::{Attributes, FileId, Identity, Sys};
use crate::tree::extended::{Buffers, Origin, Prior, Selection, has_default_acl, keep_extended};
use crate::tree::metadata::keep_mode;
use crate::tree::path::{c_path, open_named};
use crate::tree::{FileRef, Place, Root, Trouble};

/// Permission bits that we need in a directory of our own making.
const OURS: u32 = 0o700;

/// Where all targets of a job go.
pub(super) struct OutputDirectory {
    directory: OwnedFd,
    attributes: Attributes,
    place: Arc<Place>,
    identity: Identity,
    /// What is made is to be durable.
    sync: bool,
}

/// A folder's image in the output directory.
pub(super) struct Image {
    root: Arc<OutputDirectory>,
    made: OnceLock<Arc<Folder>>,
    /// The device on which it could not be made.
    refused_on: OnceLock<Device>,
}

impl OutputDirectory {
    pub(super) fn open(sys: &mut Sys, path: &Path, identity: Identity, sync: bool) -> Result<Arc<Self>> {
        let failed = |errno| Error::system("write into", path, errno);
        let directory = open_named(sys, CWD, &c_path(path)).map_err(failed)?;
        let attributes = sys.fstat(&directory).map_err(failed)?;
        let shown = if path == Path::new(".") { PathBuf::new() } else { path.to_owned() };
        let place = Place::root(Root::new(open_named(sys, &directory, c".").map_err(failed)?, shown));
        Ok(Arc::new(Self { directory, attributes, place, identity, sync }))
    }

    /// Its identity: walks pass it over.
    pub(super) fn id(&self) -> FileId {
        self.attributes.id()
    }

    pub(super) fn image(self: &Arc<Self>) -> Image {
        Image { root: Arc::clone(self), made: OnceLock::new(), refused_on: OnceLock::new() }
    }
}

impl Image {
    /// The device it lies on, or will as far as is known: something else may be mounted below the output directory.
    pub(super) fn device(&self) -> Device {
        let made = self.made.get().map(|made| made.id.0);
        made.or_else(|| self.refused_on.get().copied()).unwrap_or(self.root.attributes.dev)
    }

    /// The image of the folder at `source`, with the directories above it.
    pub(super) fn folder(&self, worker: &mut WorkerContext, losses: &Losses, source: &Place) -> Result<Arc<Folder>> {
        if let Some(made) = self.made.get() {
            return Ok(Arc::clone(made));
        }
        let made = self.make(worker, losses, source)?;
        // Two workers may have made it; both of theirs are the same directory.
        Ok(Arc::clone(self.made.get_or_init(|| Arc::new(made))))
    }

    fn make(&self, worker: &mut WorkerContext, losses: &Losses, source: &Place) -> Result<Folder> {
        let OutputDirectory { directory, place, identity, .. } = &*self.root;
        let mut place = Arc::clone(place);
        let failed = |place: &Place, errno| Error::system("create directory", place.path(), errno);
        let mut here = open_named(&mut worker.sys, directory, c".").map_err(|errno| failed(&place, errno))?;
        let mut attributes = self.root.attributes;
        for (original, name) in source.lineage() {
            place = place.below(name);
            let entered = self.enter(&mut worker.sys, &here, name, original);
            let (entered, lost) = entered.map_err(|errno| {
                let _ = self.refused_on.set(attributes.dev);
                failed(&place, errno)
            })?;
            losses.report(worker, &lost, || place.path(), "")?;
            attributes = worker.sys.fstat(&entered).map_err(|errno| failed(&place, errno))?;
            let passed = std::mem::replace(&mut here, entered);
            worker.sys.close(passed).map_err(|errno| failed(&place, errno))?;
        }
        Ok(Folder::new(place, here, &attributes, identity))
    }

    /// Opens the directory `name` in `parent`; makes it, with the permissions of `original`, if nothing is there. Says what
    /// it could not keep of those.
    fn enter(
        &self,
        sys: &mut Sys,
        parent: &OwnedFd,
        name: &CStr,
        original: &Place,
    ) -> rustix::io::Result<(OwnedFd, Vec<Trouble>)> {
        match sys.open_directory(parent, name) {
            Err(Errno::NOENT) => {}
            other => return other.map(|opened| (opened, Vec::new())),
        }
        let original = original.open(sys)?;
        let mode = sys.fstat(&original)?.mode & 0o777;
        // Ours alone until its ACL is there: see `target::create`.
        let is_new = match sys.mkdirat(parent, name, OURS) {
            // Another worker was quicker.
            Err(Errno::EXIST) => false,
            other => other.map(|()| true)?,
        };
        if is_new && self.root.sync {
            sync_directory(sys, parent.as_fd())?;
        }
        let opened = sys.open_directory(parent, name)?;
        let inherits_acl = is_new && has_default_acl(sys, parent);
        let lost = if is_new { self.permit(sys, &original, &opened, mode, inherits_acl) } else { Vec::new() };
        sys.close(original)?;
        Ok((opened, lost))
    }

    fn permit(
        &self,
        sys: &mut Sys,
        original: &OwnedFd,
        copied: &OwnedFd,
        mode: u32,
        inherits_acl: bool,
    ) -> Vec<Trouble> {
        let target = FileRef::Open(copied.as_fd());
        let prior = if inherits_acl { Prior::AccessAndDefault } else { Prior::None };
        let (what, mut buffers) = ((Selection::OfAnotherForm, KEEP), Buffers::default());
        let mut kept = keep_extended(sys, Origin::Open(original.as_fd()), target, prior, what, &mut buffers);
        let special = sys.fstat(copied).map_or(0, |found| found.mode & !0o777);
        let wanted = kept.mode(mode) & !self.root.identity.umask | OURS | special;
        let before = Some(OURS | special).filter(|_| !kept.mode_moved);
        keep_mode(sys, target, wanted, before, &mut kept.lost);
        kept.lost
    }
}
