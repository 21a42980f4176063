//! What gzip and gunzip share: finding files, refusing what should not be touched, and removing a source at the end.
//!
//! - this file: the worker that walks arguments and directories, and hands each file to its job;
//! - [`source`]: an open source, what is refused, when it may be removed;
//! - [`suffix`]: from the name of a file to the name of its target.

pub(super) mod source;
pub(super) mod suffix;

use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, OFlags};

use self::source::Source;
use super::station::Station;
use crate::error::{Error, Result};
use crate::plan::{FilesPlan, Output};
use crate::pool::{Handle, Worker};
use crate::sys::{DirectoryBuffer, Entries, FileKind};
use crate::tree::metadata::describe;
use crate::tree::{Place, Root};

/// A directory being read: where it is, and its descriptor, which targets are made beneath.
pub(super) struct Folder {
    pub(super) place: Arc<Place>,
    pub(super) directory: Arc<OwnedFd>,
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

/// What is still to be written to standard output.
pub(super) type Sequence = VecDeque<Item>;

/// One thing in a sequence.
pub(super) enum Item {
    Argument(PathBuf),
    Entry(Arc<Folder>, CString, FileKind),
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
}

/// Entries from which on they are offered to another worker.
const WORTH_OFFERING: usize = 4;

impl<J: FileJob> Worker for Walker<J> {
    type Task = Task<J::Shared>;

    fn run(&mut self, task: Self::Task, handle: &mut Handle<'_, Self::Task>) {
        if self.job.station().is_halted() {
            return;
        }
        match task {
            Task::Argument(path) => {
                let done = self.argument(&path, None, handle);
                self.job.station().check(done);
            }
            Task::Folder(place) => self.walk(&place, handle),
            Task::Entries(folder, entries) => self.entries(&folder, &entries, handle),
            Task::InOrder(sequence) => self.in_order(sequence, handle),
            Task::Shared(shared) => self.job.shared(shared, handle),
        }
    }
}

impl<J: FileJob> Walker<J> {
    fn argument(
        &mut self,
        path: &Path,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) -> Result<Option<Sequence>> {
        if path == Path::new("-") {
            let opened = Source::standard_input(&mut self.job.station().sys);
            return self.begin(opened, rest, handle);
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
        let kind = kind.map_err(|errno| Error::system("find", path, errno))?;
        if kind == FileKind::Directory {
            return self.directory(folder, name, path, rest, handle);
        }
        let opened = Source::open(&mut self.job.station().sys, &self.plan, &folder, &name, false);
        self.begin(opened, rest, handle)
    }

    /// Begins a file that was opened, or reports that it was not; gives `rest` back unless the job has taken it.
    fn begin(
        &mut self,
        opened: Result<Source>,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) -> Result<Option<Sequence>> {
        match opened {
            Ok(source) => {
                self.job.file(source, rest, handle);
                Ok(None)
            }
            Err(error) => {
                self.job.station().fail(error);
                Ok(rest)
            }
        }
    }

    fn directory(
        &mut self,
        folder: Arc<Folder>,
        name: CString,
        path: &Path,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) -> Result<Option<Sequence>> {
        if !self.plan.recursive {
            self.job.station().fail(Error::refused("take", path, "it is a directory; -r goes into it"));
            return Ok(rest);
        }
        let place = folder.place.below(&name);
        match rest {
            None => {
                self.walk(&place, handle);
                Ok(None)
            }
            Some(mut rest) => {
                self.put_in_front(&place, &mut rest);
                Ok(Some(rest))
            }
        }
    }

    /// The directory an argument lies in, and its name there.
    fn locate(&mut self, path: &Path) -> Result<(Arc<Folder>, CString)> {
        let name = match path.file_name() {
            Some(name) => CString::new(name.as_encoded_bytes()).unwrap_or_default(),
            None => c".".to_owned(),
        };
        let above = if path.file_name().is_none() { Some(path) } else { path.parent() };
        let above = above.filter(|above| !above.as_os_str().is_empty());
        let opened = above.unwrap_or(Path::new("."));
        let c_path = CString::new(opened.as_os_str().as_encoded_bytes()).unwrap_or_default();
        let sys = &mut self.job.station().sys;
        let open = |sys: &mut crate::sys::Sys| sys.openat(CWD, &c_path, OFlags::PATH | OFlags::DIRECTORY, 0);
        let failed = |errno| Error::system("find", path, errno);
        let (root, directory) = (open(sys).map_err(failed)?, open(sys).map_err(failed)?);
        let place = Place::root(Root { directory: root, path: above.unwrap_or(Path::new("")).to_owned() });
        Ok((Arc::new(Folder { place, directory: Arc::new(directory) }), name))
    }

    fn open_folder(&mut self, place: &Arc<Place>) -> Option<Arc<Folder>> {
        let station = self.job.station();
        let opened = place.open(&mut station.sys).map_err(|errno| Error::system("open", place.path(), errno));
        let directory = Arc::new(station.check(opened)?);
        station.summary.directories += 1;
        Some(Arc::new(Folder { place: Arc::clone(place), directory }))
    }

    /// The next entries of a folder; `None` at its end, and where it cannot be read.
    fn next_entries(&mut self, folder: &Folder) -> Option<Entries> {
        let station = self.job.station();
        let read = station.sys.getdents(&*folder.directory, &mut self.names);
        station.check(read.map_err(|errno| Error::system("read", folder.place.path(), errno)))?
    }

    fn walk(&mut self, place: &Arc<Place>, handle: &mut Handle<'_, Task<J::Shared>>) {
        let Some(folder) = self.open_folder(place) else { return };
        while let Some(entries) = self.next_entries(&folder) {
            if self.job.station().is_halted() {
                return;
            }
            if entries.len() < WORTH_OFFERING {
                self.entries(&folder, &entries, handle);
            } else if let Err(Task::Entries(_, entries)) =
                handle.try_offer(Task::Entries(Arc::clone(&folder), entries))
            {
                self.entries(&folder, &entries, handle);
            }
        }
    }

    fn entries(&mut self, folder: &Arc<Folder>, entries: &Entries, handle: &mut Handle<'_, Task<J::Shared>>) {
        for entry in entries.iter() {
            if self.job.station().is_halted() {
                return;
            }
            match self.kind(folder, entry.name, entry.kind) {
                FileKind::Directory => handle.offer(Task::Folder(folder.place.below(entry.name))),
                FileKind::RegularFile if self.job.wants(entry.name) => {
                    let opened =
                        Source::open(&mut self.job.station().sys, &self.plan, folder, entry.name, true);
                    if let Some(source) = self.job.station().check(opened) {
                        self.job.file(source, None, handle);
                    }
                }
                other => self.skip(folder, entry.name, other),
            }
        }
    }

    /// What an entry is, asked for where the file system did not say.
    fn kind(&mut self, folder: &Folder, name: &CStr, kind: FileKind) -> FileKind {
        if kind != FileKind::Unknown {
            return kind;
        }
        self.job.station().sys.stat_at(&*folder.directory, name).map_or(kind, |found| found.kind)
    }

    fn skip(&mut self, folder: &Folder, name: &CStr, kind: FileKind) {
        let station = self.job.station();
        station.summary.skipped += 1;
        if kind != FileKind::RegularFile {
            station.note(|| (folder.place.path_of(name), format!("passed over: it is {}", describe(kind))));
        }
    }

    /// Does what goes to standard output, one after the other. A file may be finished by another worker; that one then
    /// goes on with the rest.
    fn in_order(&mut self, mut sequence: Sequence, handle: &mut Handle<'_, Task<J::Shared>>) {
        while let Some(item) = sequence.pop_front() {
            if self.job.station().is_halted() {
                return;
            }
            let rest = match item {
                Item::Argument(path) => {
                    let done = self.argument(&path, Some(sequence), handle);
                    self.job.station().check(done).flatten()
                }
                Item::Entry(folder, name, kind) => self.entry_in_order(&folder, &name, kind, sequence, handle),
            };
            let Some(rest) = rest else { return };
            sequence = rest;
        }
    }

    fn entry_in_order(
        &mut self,
        folder: &Arc<Folder>,
        name: &CStr,
        kind: FileKind,
        mut rest: Sequence,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) -> Option<Sequence> {
        match self.kind(folder, name, kind) {
            FileKind::Directory => self.put_in_front(&folder.place.below(name), &mut rest),
            FileKind::RegularFile if self.job.wants(name) => {
                let opened = Source::open(&mut self.job.station().sys, &self.plan, folder, name, true);
                return self.begin(opened, Some(rest), handle).ok().flatten();
            }
            other => self.skip(folder, name, other),
        }
        Some(rest)
    }

    /// Puts what is in a directory before what follows it.
    fn put_in_front(&mut self, place: &Arc<Place>, rest: &mut Sequence) {
        let Some(folder) = self.open_folder(place) else { return };
        let mut found = Sequence::new();
        while let Some(entries) = self.next_entries(&folder) {
            found.extend(entries.iter().map(|entry| Item::Entry(Arc::clone(&folder), entry.name.to_owned(), entry.kind)));
        }
        found.append(rest);
        *rest = found;
    }
}
