//! What gzip and gunzip share: finding files, refusing what should not be touched, and removing a source at the end.
//!
//! - this file: the job as a whole, and the worker that hands each file to it;
//! - [`argument`]: from the words of the command line to files and directories; a [list](super::list) may hold more;
//! - [`walk`]: reading directories, and what is passed over there; [`order`]: what goes to standard output, one file
//!   after the other;
//! - [`source`]: an open source, what is refused, when it may be removed; [`removed`]: what that does to a file of several
//!   names; [`replaced`]: what a target replaces;
//! - [`suffix`]: from the name of a file to the name of its target; [`target`]: whether that may be made, and how it is
//!   finished; [`image`]: where it is made, if not beside its source.

mod argument;
mod image;
mod order;
pub(super) mod removed;
pub(super) mod replaced;
pub(super) mod source;
pub(super) mod suffix;
pub(super) mod target;
mod walk;

pub(super) use order::Sequence;

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use self::image::{Image, OutputDirectory};
use self::order::Item;
use self::source::Source;
use self::walk::Tree;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::job::limits::Device;
use crate::job::list::Names;
use crate::job::losses::Losses;
use crate::job::target_registry::TargetRegistry;
use crate::job::worker_context::WorkerContext;
use crate::outcome::Summary;
use crate::plan::FilesPlan;
use crate::pool::{BufferPool, Handle, Worker, workers};
use crate::sys::{Attributes, Creator, DirectoryBuffer, Entries, FileId, Identity, Sys};
use crate::tree::extended::has_default_acl;
use crate::tree::{DirectoryRules, Place, Site, TemporaryFileRegistry};

/// An open directory: sources are found in it, and targets made beneath it.
pub(super) struct Folder {
    pub(super) place: Arc<Place>,
    pub(super) directory: Arc<OwnedFd>,
    pub(super) id: FileId,
    /// Who files made in it will belong to, but for what `inherits_acl` says.
    creator: Creator,
    /// Whether they will get an ACL from it; nothing before that is asked for.
    inherits_acl: OnceLock<bool>,
    /// What it means for the names of files made in it.
    rules: DirectoryRules,
    /// The tree it was found in; nothing for the directory that an argument lies in, and where targets are made.
    tree: Tree,
    /// Where targets go that are not made in it.
    image: Option<Image>,
}

impl Folder {
    fn new(place: Arc<Place>, directory: OwnedFd, attributes: &Attributes, identity: &Identity) -> Self {
        let (id, creator) = (attributes.id(), identity.creating_in(attributes));
        let (directory, inherits_acl, tree) = (Arc::new(directory), OnceLock::new(), Tree::default());
        let rules = DirectoryRules::of(attributes, identity.uid);
        Self { place, directory, id, creator, inherits_acl, rules, tree, image: None }
    }

    /// Who files made in it will belong to. Asks the first time whether they will get an ACL from it.
    fn creator(&self, sys: &mut Sys) -> Creator {
        let inherits_acl = *self.inherits_acl.get_or_init(|| has_default_acl(sys, &*self.directory));
        Creator { inherits_acl, ..self.creator }
    }

    /// Where targets in it are made.
    fn site<'a>(&'a self, temporary_files: &'a TemporaryFileRegistry) -> Site<'a> {
        Site { directory: &self.directory, rules: self.rules, temporary_files }
    }

    /// The device that targets of files in this folder are written to.
    fn target_device(&self) -> Device {
        self.image.as_ref().map_or(self.id.0, Image::device)
    }

    /// Where the targets of files in this folder are made.
    pub(super) fn of_targets(self: &Arc<Self>, worker: &mut WorkerContext, losses: &Losses) -> Result<Arc<Self>> {
        let Some(image) = &self.image else { return Ok(Arc::clone(self)) };
        let folder = image.folder(worker, losses, &self.place);
        // Something else may be mounted below the output directory.
        worker.writes_to(Some(image.device()));
        folder
    }
}

/// A piece of work; `S` is a job's own kind, for files that several workers share.
pub(super) enum Task<S> {
    /// A file or directory as the user named it.
    Argument(PathBuf),
    /// A directory to read, found in a tree.
    Folder(Arc<Place>, Tree),
    /// Entries of a directory that somebody else goes on reading.
    Entries(Arc<Folder>, Entries),
    /// Everything that goes to standard output, or is listed, one after the other.
    InOrder(Sequence),
    /// Part of a file.
    Shared(S),
}

/// A job on single files.
pub(super) trait FileJob: Send {
    /// What several workers share of one file.
    type Shared: Send;

    fn worker(&mut self) -> &mut WorkerContext;

    /// What the worker did, at the end.
    fn into_worker(self) -> WorkerContext;

    /// What its sources have become.
    fn registry(&self) -> &TargetRegistry;

    /// Whether a file found in a directory is for this job, by its name; others are passed over without a word.
    fn wants(&self, name: &CStr) -> bool;

    /// Another name under which an argument that does not exist may be meant.
    fn alternatives(&self, name: &CStr) -> Vec<CString>;

    /// Does a file. `rest` is what follows it on standard output: the job hands it on when the file is done.
    fn file(&mut self, source: Source, rest: Option<Sequence>, handle: &mut Handle<'_, Task<Self::Shared>>);

    /// Helps with a file that another worker began.
    fn shared(&mut self, shared: Self::Shared, handle: &mut Handle<'_, Task<Self::Shared>>);
}

/// Asks other workers to help with a file, as many as `helpers` says. While the queue is full they have files of their
/// own, and are asked again before each part of it: so a large file that is found last is not left to one of them.
pub(super) fn ask_for_help<S>(helpers: &AtomicUsize, handle: &Handle<'_, Task<S>>, share: impl Fn() -> S) {
    while helpers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        if handle.try_offer(Task::Shared(share())).is_err() {
            helpers.fetch_add(1, Ordering::Relaxed);
            return;
        }
    }
}

/// Goes on with what follows on standard output.
pub(super) fn hand_on<S>(rest: Option<Sequence>, handle: &mut Handle<'_, Task<S>>) {
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        handle.offer(Task::InOrder(rest));
    }
}

/// Does a job on all that a plan names, by so many workers; `make` gives each its part of it.
pub(super) fn run<J: FileJob>(
    plan: &FilesPlan,
    (context, mut sys): (&Context, Sys),
    (threads, pool): (usize, &BufferPool),
    make: impl Fn(WorkerContext) -> Result<J>,
) -> Result<Summary> {
    let names = plan.list.as_ref().map_or_else(|| Ok(Names::default()), |list| Names::read(&mut sys, list))?;
    let output = plan.output_dir.as_ref();
    let output = output.map(|path| OutputDirectory::open(&mut sys, path, context.identity, plan.sync)).transpose()?;
    let mut workers = WorkerContext::for_workers(context, threads);
    if let Some(worker) = workers.first_mut().filter(|_| names.has_dash()) {
        worker.fail(Error::refused("take", "-", "in a list it is not standard input; a file of this name is ./-"));
    }
    let shared = Arc::new(plan.clone());
    let walkers = workers.into_iter().map(|worker| {
        let (plan, names, output) = (Arc::clone(&shared), DirectoryBuffer::default(), output.clone());
        Ok(Walker { job: make(worker)?, plan, names, identity: context.identity, output })
    });
    let done = workers::run(plan.resources.scheduler, walkers.collect::<Result<_>>()?, first_tasks(plan, names));
    let mut summary = WorkerContext::add_up(done.into_iter().map(|walker| walker.job.into_worker()), pool);
    summary.syscalls += sys.counts();
    Ok(summary)
}

/// The first tasks of a plan.
fn first_tasks<'a, S: 'a>(plan: &'a FilesPlan, names: Names) -> Box<dyn Iterator<Item = Task<S>> + Send + 'a> {
    let listed = names.into_paths().filter(|name| name.as_os_str() != "-");
    let paths = plan.inputs.iter().cloned().chain(listed);
    if plan.is_in_order() {
        return Box::new(std::iter::once_with(|| Task::InOrder(paths.map(Item::Argument).collect())));
    }
    Box::new(paths.map(Task::Argument))
}

/// A worker that finds files and gives them to its job.
struct Walker<J> {
    job: J,
    plan: Arc<FilesPlan>,
    names: DirectoryBuffer,
    identity: Identity,
    output: Option<Arc<OutputDirectory>>,
}

impl<J: FileJob> Worker for Walker<J> {
    type Task = Task<J::Shared>;

    fn run(&mut self, task: Self::Task, handle: &mut Handle<'_, Self::Task>) {
        if self.job.worker().is_halted() {
            return;
        }
        match task {
            Task::Argument(path) => {
                self.argument(&path, None, handle);
            }
            Task::Folder(place, tree) => self.walk(&place, Some(tree), handle),
            Task::Entries(folder, entries) => self.entries(&folder, &entries, handle),
            Task::InOrder(sequence) => self.in_order(sequence, handle),
            Task::Shared(shared) => self.job.shared(shared, handle),
        }
    }
}
