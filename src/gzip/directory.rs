//! Open directories, in which sources are found and targets made, and their counterparts below the output directory.
//!
//! A counterpart is made when the first file goes into it, step by step, following no symbolic link.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::{Direction, Job};
use crate::error::{Error, Result};
use crate::job::limits::Device;
use crate::job::losses::Losses;
use crate::job::worker_context::WorkerContext;
use crate::plan::{Keep, PreserveLevel};
use crate::sys::{Attributes, Creator, FileId, Identity, Sys};
use crate::tree::extended::{Buffers, Origin, Prior, Selection, has_default_acl, keep_extended};
use crate::tree::metadata::keep_mode;
use crate::tree::path::{c_path, open_named};
use crate::tree::{DirectoryPath, DirectoryRules, FileRef, Root, Site, TemporaryFileRegistry, Trouble};

/// What a target keeps of its source, with what [`Selection::OfAnotherForm`] leaves of its attributes.
pub(super) const KEEP: Keep = Keep { context: PreserveLevel::No, ..Keep::ALL };

/// The directory argument that a directory was found under.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tree {
    /// The device it lies on.
    pub(super) device: (u32, u32),
    /// How many names lie between it and the root of its path: 1, or 0 where the argument has no name (`.`).
    pub(super) depth: usize,
}

/// Permission bits that we need in a directory of our own making.
const OURS: u32 = 0o700;

/// An open directory.
pub(super) struct Directory {
    pub(super) path: Arc<DirectoryPath>,
    pub(super) fd: Arc<OwnedFd>,
    pub(super) id: FileId,
    /// Who files made in it will belong to, but for what `inherits_acl` says.
    creator: Creator,
    /// Whether they will get an ACL from it; empty until that is asked for.
    inherits_acl: OnceLock<bool>,
    /// What it allows for the names of files made in it.
    pub(super) rules: DirectoryRules,
    /// The tree it was found in; the default for the directory that an argument is in, and where targets are made.
    pub(super) tree: Tree,
    /// Where targets go that are not made in it.
    counterpart: Option<Counterpart>,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Directory {
    /// A directory of a tree, or one that an argument is in.
    pub(super) fn of_sources<D: Direction>(
        job: &Job<D>,
        path: Arc<DirectoryPath>,
        fd: OwnedFd,
        attributes: &Attributes,
        tree: Tree,
    ) -> Self {
        let counterpart = job.output_directory.as_ref().map(|output| {
            let (output, made, refused_on) = (Arc::clone(output), OnceLock::new(), OnceLock::new());
            Counterpart { output, made, refused_on }
        });
        Self { tree, counterpart, ..Self::new(path, fd, attributes, &job.identity) }
    }

    /// One in which only targets are made.
    pub(super) fn new(path: Arc<DirectoryPath>, fd: OwnedFd, attributes: &Attributes, identity: &Identity) -> Self {
        let (id, creator) = (attributes.id(), identity.creating_in(attributes));
        let (fd, inherits_acl, tree) = (Arc::new(fd), OnceLock::new(), Tree::default());
        let rules = DirectoryRules::of(attributes, identity.uid);
        Self { path, fd, id, creator, inherits_acl, rules, tree, counterpart: None }
    }

    /// Who files made in it will belong to. Asks the first time whether they will get an ACL from it.
    pub(super) fn creator(&self, sys: &mut Sys) -> Creator {
        let inherits_acl = *self.inherits_acl.get_or_init(|| has_default_acl(sys, &*self.fd));
        Creator { inherits_acl, ..self.creator }
    }

    /// Where targets in it are made.
    pub(super) fn site<'a>(&'a self, temporary_files: &'a TemporaryFileRegistry) -> Site<'a> {
        Site { directory: &self.fd, rules: self.rules, temporary_files }
    }

    /// The device that targets of its files are written to.
    pub(super) fn target_device(&self) -> Device {
        self.counterpart.as_ref().map_or(self.id.0, Counterpart::device)
    }

    /// Where the targets of its files are made.
    pub(super) fn of_targets(self: &Arc<Self>, context: &mut WorkerContext, losses: &Losses) -> Result<Arc<Self>> {
        let Some(counterpart) = &self.counterpart else { return Ok(Arc::clone(self)) };
        let directory = counterpart.directory(context, losses, &self.path);
        // Something else may be mounted below the output directory.
        context.writes_to(Some(counterpart.device()));
        directory
    }
}

/// Where all targets of a job go.
pub(super) struct OutputDirectory {
    fd: OwnedFd,
    attributes: Attributes,
    path: Arc<DirectoryPath>,
    identity: Identity,
    /// What is made is to be durable.
    sync: bool,
}

impl OutputDirectory {
    pub(super) fn open(sys: &mut Sys, path: &Path, identity: Identity, sync: bool) -> Result<Arc<Self>> {
        let failed = |errno| Error::system("write into", path, errno);
        let fd = open_named(sys, CWD, &c_path(path)).map_err(failed)?;
        let attributes = sys.fstat(&fd).map_err(failed)?;
        let shown = if path == Path::new(".") { PathBuf::new() } else { path.to_owned() };
        let path = DirectoryPath::root(Root::new(open_named(sys, &fd, c".").map_err(failed)?, shown));
        Ok(Arc::new(Self { fd, attributes, path, identity, sync }))
    }

    /// Its identity, by which walks know it and pass it over.
    pub(super) fn id(&self) -> FileId {
        self.attributes.id()
    }
}

/// The directory below the output directory that stands for a directory of sources.
struct Counterpart {
    output: Arc<OutputDirectory>,
    made: OnceLock<Arc<Directory>>,
    /// The device on which it could not be made.
    refused_on: OnceLock<Device>,
}

impl Counterpart {
    /// The device it is on, or will be as far as is known: something else may be mounted below the output directory.
    fn device(&self) -> Device {
        let made = self.made.get().map(|made| made.id.0);
        made.or_else(|| self.refused_on.get().copied()).unwrap_or(self.output.attributes.dev)
    }

    /// The counterpart of the directory at `source`, with the directories above it.
    fn directory(
        &self,
        context: &mut WorkerContext,
        losses: &Losses,
        source: &DirectoryPath,
    ) -> Result<Arc<Directory>> {
        if let Some(made) = self.made.get() {
            return Ok(Arc::clone(made));
        }
        let made = self.make(context, losses, source)?;
        // Two workers may have made it; both of theirs are the same directory.
        Ok(Arc::clone(self.made.get_or_init(|| Arc::new(made))))
    }

    fn make(&self, context: &mut WorkerContext, losses: &Losses, source: &DirectoryPath) -> Result<Directory> {
        let OutputDirectory { fd, path, identity, .. } = &*self.output;
        let mut path = Arc::clone(path);
        let failed = |path: &DirectoryPath, errno| Error::system("create directory", path.to_path_buf(), errno);
        let mut here = open_named(&mut context.sys, fd, c".").map_err(|errno| failed(&path, errno))?;
        let mut attributes = self.output.attributes;
        for (original, name) in source.lineage() {
            path = path.below(name);
            let entered = self.enter(&mut context.sys, &here, name, original);
            let (entered, lost) = entered.map_err(|errno| {
                let _ = self.refused_on.set(attributes.dev);
                failed(&path, errno)
            })?;
            losses.report(context, &lost, || path.to_path_buf(), "")?;
            attributes = context.sys.fstat(&entered).map_err(|errno| failed(&path, errno))?;
            let passed = std::mem::replace(&mut here, entered);
            context.sys.close(passed).map_err(|errno| failed(&path, errno))?;
        }
        Ok(Directory::new(path, here, &attributes, identity))
    }

    /// Opens the directory `name` in `parent`; makes it, with the permissions of `original`, if nothing is there. Says what
    /// it could not keep of those.
    fn enter(
        &self,
        sys: &mut Sys,
        parent: &OwnedFd,
        name: &CStr,
        original: &DirectoryPath,
    ) -> rustix::io::Result<(OwnedFd, Vec<Trouble>)> {
        match sys.open_directory(parent, name) {
            Err(Errno::NOENT) => {}
            other => return other.map(|opened| (opened, Vec::new())),
        }
        let original = original.open(sys)?;
        let mode = sys.fstat(&original)?.mode & 0o777;
        // Only its owner may enter until its ACL is set: see `target.rs`.
        let is_new = match sys.mkdirat(parent, name, OURS) {
            // Another worker made it first.
            Err(Errno::EXIST) => false,
            other => other.map(|()| true)?,
        };
        if is_new && self.output.sync {
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
        let wanted = kept.mode(mode) & !self.output.identity.umask | OURS | special;
        let before = Some(OURS | special).filter(|_| !kept.mode_moved);
        keep_mode(sys, target, wanted, before, &mut kept.lost);
        kept.lost
    }
}

/// Makes the names in a directory durable. Opened again, since `O_PATH` descriptors cannot be synced.
pub(super) fn sync_directory(sys: &mut Sys, directory: impl AsFd) -> rustix::io::Result<()> {
    let readable = sys.open_directory(directory, c".")?;
    sys.fsync(&readable).and(sys.close(readable))
}
