//! What gzip and gunzip share: finding files, refusing what should not be touched, and removing a source at the end.
//!
//! - this file: the worker that walks arguments and directories, and hands each file to its job;
//! - [`walk`]: reading directories; [`order`]: what goes to standard output, one file after the other;
//! - [`source`]: an open source, what is refused, when it may be removed;
//! - [`suffix`]: from the name of a file to the name of its target; [`target`]: whether that may be made.

mod order;
pub(super) mod source;
pub(super) mod suffix;
pub(super) mod target;
mod walk;

pub(super) use order::Sequence;

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::CWD;

use self::order::Item;
use self::source::Source;
use super::station::Station;
use crate::error::{Error, Result};
use crate::plan::{FilesPlan, Output};
use crate::pool::{Handle, Worker};
use crate::sys::{Attributes, Creator, DirectoryBuffer, Entries, FileId, FileKind, Identity};
use crate::tree::path::{c_path, open_named};
use crate::tree::{Place, Root};

/// A directory being read: where it is, and its descriptor, which targets are made beneath.
pub(super) struct Folder {
    pub(super) place: Arc<Place>,
    pub(super) directory: Arc<OwnedFd>,
    pub(super) id: FileId,
    /// Who files made in it will belong to.
    pub(super) creator: Creator,
}

impl Folder {
    fn new(place: Arc<Place>, directory: OwnedFd, attributes: &Attributes, identity: &Identity) -> Self {
        Self { place, directory: Arc::new(directory), id: attributes.id(), creator: identity.creating_in(attributes) }
    }
}

/// A piece of work; `S` is a job's own kind, for files that several workers share.
pub(super) enum Task<S> {
    /// A file or directory as the user named it.
    Argument(PathBuf),
    /// A directory to read.
    Folder(Arc<Place>),
    /// Entries of a directory that somebody else goes on reading.
    Entries(Arc<Folder>, Entries),
    /// Everything that goes to standard output, one after the other.
    InOrder(Sequence),
    /// Part of a file.
    Shared(S),
}

/// A job on single files.
pub(super) trait FileJob: Send {
    /// What several workers share of one file.
    type Shared: Send;

    fn station(&mut self) -> &mut Station;

    /// Whether a file met in a directory is for this job, by its name; others are passed over without a word.
    fn wants(&self, name: &CStr) -> bool;

    /// Another name under which an argument that does not exist may be meant.
    fn alternatives(&self, name: &CStr) -> Vec<CString>;

    /// Does a file. `rest` is what follows it on standard output: the job hands it on when the file is done.
    fn file(&mut self, source: Source, rest: Option<Sequence>, handle: &mut Handle<'_, Task<Self::Shared>>);

    /// Helps with a file that another worker began.
    fn shared(&mut self, shared: Self::Shared, handle: &mut Handle<'_, Task<Self::Shared>>);
}

/// The first tasks of a plan.
pub(super) fn first_tasks<S>(plan: &FilesPlan) -> Vec<Task<S>> {
    if plan.output == Output::Stdout {
        return vec![Task::InOrder(plan.inputs.iter().cloned().map(Item::Argument).collect())];
    }
    plan.inputs.iter().cloned().map(Task::Argument).collect()
}

/// A worker that finds files and gives them to its job.
pub(super) struct Walker<J> {
    pub(super) job: J,
    pub(super) plan: Arc<FilesPlan>,
    pub(super) names: DirectoryBuffer,
    pub(super) identity: Identity,
}

impl<J: FileJob> Worker for Walker<J> {
    type Task = Task<J::Shared>;

    fn run(&mut self, task: Self::Task, handle: &mut Handle<'_, Self::Task>) {
        if self.job.station().is_halted() {
            return;
        }
        match task {
            Task::Argument(path) => {
                self.argument(&path, None, handle);
            }
            Task::Folder(place) => self.walk(&place, handle),
            Task::Entries(folder, entries) => self.entries(&folder, &entries, handle),
            Task::InOrder(sequence) => self.in_order(sequence, handle),
            Task::Shared(shared) => self.job.shared(shared, handle),
        }
    }
}

/// What an argument turned out to be.
enum Found {
    File(Source),
    Directory(Arc<Place>),
}

impl<J: FileJob> Walker<J> {
    /// Does an argument, or begins to. Gives `rest` back unless the job has taken it.
    fn argument(
        &mut self,
        path: &Path,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) -> Option<Sequence> {
        let found = self.find(path);
        match (self.job.station().check(found), rest) {
            (None, rest) => rest,
            (Some(Found::File(source)), rest) => {
                self.job.file(source, rest, handle);
                None
            }
            (Some(Found::Directory(place)), None) => {
                self.walk(&place, handle);
                None
            }
            (Some(Found::Directory(place)), Some(mut rest)) => {
                self.put_in_front(&place, &mut rest);
                Some(rest)
            }
        }
    }

    fn find(&mut self, path: &Path) -> Result<Found> {
        if path == Path::new("-") {
            return Source::standard_input(&mut self.job.station().sys).map(Found::File);
        }
        let (folder, mut name) = self.locate(path)?;
        let mut kind = self.job.station().sys.stat_at(&*folder.directory, &name).map(|found| found.kind);
        if matches!(kind, Err(rustix::io::Errno::NOENT)) {
            for other in self.job.alternatives(&name) {
                if let Ok(found) = self.job.station().sys.stat_at(&*folder.directory, &other) {
                    (name, kind) = (other, Ok(found.kind));
                    break;
                }
            }
        }
        match kind.map_err(|errno| Error::system("find", path, errno))? {
            FileKind::Directory if !self.plan.recursive => {
                Err(Error::refused("take", path, "it is a directory; -r goes into it"))
            }
            FileKind::Directory if name.as_c_str() == c"." => Ok(Found::Directory(Arc::clone(&folder.place))),
            FileKind::Directory => Ok(Found::Directory(folder.place.below(&name))),
            _ => Source::open(&mut self.job.station().sys, &self.plan, &folder, &name, false).map(Found::File),
        }
    }

    /// The directory an argument lies in, and its name there.
    fn locate(&mut self, path: &Path) -> Result<(Arc<Folder>, CString)> {
        let name = match path.file_name() {
            Some(name) => c_path(name),
            None => c".".to_owned(),
        };
        let above = if path.file_name().is_none() { Some(path) } else { path.parent() };
        let above = above.filter(|above| !above.as_os_str().is_empty());
        let opened = above.unwrap_or(Path::new("."));
        let sys = &mut self.job.station().sys;
        let open = |sys: &mut crate::sys::Sys| open_named(sys, CWD, &c_path(opened));
        let failed = |errno| Error::system("find", path, errno);
        let (root, directory) = (open(sys).map_err(failed)?, open(sys).map_err(failed)?);
        let place = Place::root(Root { directory: root, path: above.unwrap_or(Path::new("")).to_owned() });
        let attributes = sys.fstat(&directory).map_err(failed)?;
        Ok((Arc::new(Folder::new(place, directory, &attributes, &self.identity)), name))
    }
}
