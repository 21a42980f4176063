//! Reading directories, and handing on what others will take.

use std::ffi::{CStr, OsStr};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::image::OutputDirectory;
use super::source::Source;
use super::{FileJob, Folder, Task, Walker, suffix};
use crate::error::{Error, Quoted};
use crate::plan::Output;
use crate::pool::Handle;
use crate::sys::{Attributes, Entries, FileKind};
use crate::tree::metadata::describe;
use crate::tree::{Place, is_temporary, is_unfinished_tree, remove_if_abandoned};

/// Entries from which on they are offered to another worker.
const WORTH_OFFERING: usize = 4;

/// The directory argument that a folder was found under.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::gzip) struct Tree {
    /// The device it lies on.
    device: (u32, u32),
    /// How many names lie between it and the root of its places: 1, or 0 where the argument has no name (`.`).
    depth: usize,
}

impl<J: FileJob> Walker<J> {
    /// A folder, and where its targets go.
    pub(super) fn folder(&self, place: Arc<Place>, directory: OwnedFd, attributes: &Attributes, tree: Tree) -> Folder {
        let image = self.output.as_ref().map(OutputDirectory::image);
        Folder { tree, image, ..Folder::new(place, directory, attributes, &self.identity) }
    }

    /// Opens a directory of a tree, or the one that was named, if it is not to be passed over.
    pub(super) fn open_folder(&mut self, place: &Arc<Place>, tree: Option<Tree>) -> Option<Arc<Folder>> {
        let worker = self.job.worker();
        let opened = place.open(&mut worker.sys).map_err(|errno| Error::system("open", place.path(), errno));
        let directory = worker.check(opened)?;
        let attributes = worker.sys.fstat(&directory).map_err(|errno| Error::system("examine", place.path(), errno));
        let attributes = worker.check(attributes)?;
        if !self.admits(place, &attributes, tree) {
            let _ = self.job.worker().sys.close(directory);
            return None;
        }
        self.job.worker().summary.directories += 1;
        let tree = tree.unwrap_or_else(|| Tree { device: attributes.dev, depth: place.depth() });
        Some(Arc::new(self.folder(Arc::clone(place), directory, &attributes, tree)))
    }

    /// Whether a directory is to be entered: neither where targets go, nor another file system if we are to stay.
    fn admits(&mut self, place: &Place, attributes: &Attributes, tree: Option<Tree>) -> bool {
        if self.output.as_ref().is_some_and(|output| output.id() == attributes.id()) {
            if tree.is_some() {
                self.pass_over(|| place.path(), "it is the output directory");
            } else {
                let why = "it is the output directory; name its files, or another directory";
                self.job.worker().fail(Error::refused("take", place.path(), why));
            }
            return false;
        }
        if self.plan.one_file_system && tree.is_some_and(|tree| tree.device != attributes.dev) {
            self.pass_over(|| place.path(), "it is on another file system");
            return false;
        }
        true
    }

    /// Whether an entry is excluded, which is said to those who asked for detail.
    pub(super) fn is_excluded(&mut self, folder: &Folder, name: &CStr, kind: FileKind) -> bool {
        if self.plan.exclude.is_empty() {
            return false;
        }
        let mut path = folder.place.path_below(folder.tree.depth);
        path.push(OsStr::from_bytes(name.to_bytes()));
        let excluded = self.plan.exclude.matches(&path, kind == FileKind::Directory);
        if excluded {
            self.pass_over(|| folder.place.path_of(name), "it is excluded");
        }
        excluded
    }

    /// Counts something that is passed over on purpose.
    pub(super) fn pass_over(&mut self, path: impl FnOnce() -> PathBuf, why: &str) {
        let worker = self.job.worker();
        worker.summary.skipped += 1;
        worker.note(|| (path(), format!("passed over: {why}")));
    }

    /// The next entries of a folder; `None` at its end, and where it cannot be read.
    pub(super) fn next_entries(&mut self, folder: &Folder) -> Option<Entries> {
        let worker = self.job.worker();
        let read = worker.sys.getdents(&*folder.directory, &mut self.names);
        worker.check(read.map_err(|errno| Error::system("read", folder.place.path(), errno)))?
    }

    pub(super) fn walk(&mut self, place: &Arc<Place>, tree: Option<Tree>, handle: &mut Handle<'_, Task<J::Shared>>) {
        let Some(folder) = self.open_folder(place, tree) else { return };
        while let Some(entries) = self.next_entries(&folder) {
            if self.job.worker().is_halted() {
                return;
            }
            if !self.plan.resources.batch {
                entries.singly().for_each(|alone| self.offer_entries(&folder, alone, handle));
            } else if entries.len() < WORTH_OFFERING {
                self.entries(&folder, &entries, handle);
            } else {
                self.offer_entries(&folder, entries, handle);
            }
        }
    }

    /// Gives entries to another worker, or does them here.
    fn offer_entries(&mut self, folder: &Arc<Folder>, entries: Entries, handle: &mut Handle<'_, Task<J::Shared>>) {
        if let Err(Task::Entries(_, entries)) = handle.try_offer(Task::Entries(Arc::clone(folder), entries)) {
            self.entries(folder, &entries, handle);
        }
    }

    pub(super) fn entries(
        &mut self,
        folder: &Arc<Folder>,
        entries: &Entries,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) {
        for entry in entries.iter() {
            if self.job.worker().is_halted() {
                return;
            }
            let Some(kind) = self.kind(folder, entry.name, entry.kind) else { continue };
            if self.is_excluded(folder, entry.name, kind) {
                continue;
            }
            match kind {
                FileKind::Directory if self.is_under_way(folder, entry.name) => {}
                FileKind::Directory => handle.offer(Task::Folder(folder.place.below(entry.name), folder.tree)),
                FileKind::RegularFile if self.has_no_room(folder) => {}
                FileKind::RegularFile if self.wants(entry.name) => {
                    if let Some(source) = self.open_entry(folder, entry.name) {
                        self.job.file(source, None, handle);
                    }
                }
                other => self.skip(folder, entry.name, other),
            }
        }
    }

    /// Whether what targets in this folder are written to takes no more. All that is done now is about that.
    pub(super) fn has_no_room(&mut self, folder: &Folder) -> bool {
        let goes_beside = matches!(self.plan.output, Output::BesideSource | Output::Nowhere);
        let device = goes_beside.then(|| folder.target_device());
        let worker = self.job.worker();
        worker.writes_to(device);
        device.is_some_and(|device| worker.is_full(device))
    }

    /// Opens a file found in a directory. What the job made while the directory was being read is no source: whether it
    /// shows up there is chance.
    pub(super) fn open_entry(&mut self, folder: &Arc<Folder>, name: &CStr) -> Option<Source> {
        if self.job.registry().has_made(folder.id, name.to_bytes()) {
            self.pass_over(|| folder.place.path_of(name), "it was made just now");
            return None;
        }
        let worker = self.job.worker();
        let opened = Source::open(&mut worker.sys, &self.plan, folder, name, true);
        worker.check(opened)
    }

    /// Whether the job changes anything in the directories that it walks.
    fn changes_sources(&self) -> bool {
        self.plan.output == Output::BesideSource && self.plan.output_dir.is_none()
    }

    /// Whether a directory is an unfinished copy, in which nobody but that copy changes anything.
    pub(super) fn is_under_way(&mut self, folder: &Folder, name: &CStr) -> bool {
        let is_under_way = self.changes_sources() && is_unfinished_tree(name);
        if is_under_way {
            self.pass_over(|| folder.place.path_of(name), "it is an unfinished copy");
        }
        is_under_way
    }

    /// Whether a file found in a directory is for the job. Unfinished targets, ours among them, are for nobody, nor are
    /// indexes.
    pub(super) fn wants(&self, name: &CStr) -> bool {
        !is_temporary(name) && !suffix::is_index(name) && self.job.wants(name)
    }

    /// What an entry is, asked for where the file system did not say; `None` if the answer is an error.
    pub(super) fn kind(&mut self, folder: &Folder, name: &CStr, kind: FileKind) -> Option<FileKind> {
        if kind != FileKind::Unknown {
            return Some(kind);
        }
        let worker = self.job.worker();
        let found = worker.sys.stat_at(&*folder.directory, name).map(|found| found.kind);
        worker.check(found.map_err(|errno| Error::system("examine", folder.place.path_of(name), errno)))
    }

    /// Passes over what is not for the job. Whoever makes a backup elsewhere must learn which files are not in it.
    pub(super) fn skip(&mut self, folder: &Folder, name: &CStr, kind: FileKind) {
        let path = || folder.place.path_of(name);
        if kind != FileKind::RegularFile {
            return self.pass_over(path, &format!("it is {}", describe(kind)));
        }
        if is_temporary(name) {
            let changes_it = self.changes_sources();
            let sys = &mut self.job.worker().sys;
            let is_removed = changes_it && remove_if_abandoned(sys, &*folder.directory, name) == Ok(true);
            let why = if is_removed { "a killed run left it; removed" } else { "it is a temporary file of haul" };
            return self.pass_over(path, why);
        }
        if suffix::is_index(name) {
            return self.pass_over(path, "it is an index of a compressed file");
        }
        if suffix::decompressed(name, &self.plan.suffix).is_none() {
            return self.pass_over(path, "it has no suffix of a compressed file");
        }
        let why = "it has the suffix of a compressed file already";
        let Some(elsewhere) = &self.plan.output_dir else { return self.pass_over(path, why) };
        let text = format!("{why}; not copied to {}", Quoted(elsewhere));
        let worker = self.job.worker();
        worker.summary.skipped += 1;
        worker.warn(path(), text);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::ffi::CString;
    use std::num::NonZeroUsize;

    use rustix::fs::CWD;

    use super::*;
    use crate::gzip::files::Sequence;
    use crate::job::Context;
    use crate::job::target_registry::TargetRegistry;
    use crate::job::worker_context::WorkerContext;
    use crate::plan::{FilesPlan, Resources};
    use crate::sys::{DirectoryBuffer, Identity};
    use crate::tree::Root;
    use crate::tree::path::open_named;

    /// A job that wants nothing.
    struct Idle(WorkerContext, TargetRegistry);

    impl FileJob for Idle {
        type Shared = Infallible;

        fn worker(&mut self) -> &mut WorkerContext {
            &mut self.0
        }

        fn into_worker(self) -> WorkerContext {
            self.0
        }

        fn registry(&self) -> &TargetRegistry {
            &self.1
        }

        fn wants(&self, _name: &CStr) -> bool {
            false
        }

        fn alternatives(&self, _name: &CStr) -> Vec<CString> {
            Vec::new()
        }

        fn file(&mut self, _source: Source, _rest: Option<Sequence>, _handle: &mut Handle<'_, Task<Infallible>>) {}

        fn shared(&mut self, shared: Infallible, _handle: &mut Handle<'_, Task<Infallible>>) {
            match shared {}
        }
    }

    #[test]
    fn what_cannot_be_asked_for_its_kind_is_a_failure() {
        let context = Context::silent();
        let mut sys = context.sys();
        let worker = WorkerContext::for_workers(&context, 1).remove(0);
        let mut walker = Walker {
            job: Idle(worker, TargetRegistry::default()),
            plan: Arc::new(FilesPlan::new(Vec::new(), Resources::with_workers(NonZeroUsize::MIN))),
            names: DirectoryBuffer::default(),
            identity: Identity::current(),
            output: None,
        };
        let mut open = || open_named(&mut sys, CWD, c"/").unwrap();
        let place = Place::root(Root::new(open(), PathBuf::from("/")));
        let directory = open();
        let attributes = sys.fstat(&directory).unwrap();
        let folder = walker.folder(place, directory, &attributes, Tree::default());
        assert_eq!(walker.kind(&folder, c"proc", FileKind::Unknown), Some(FileKind::Directory));
        assert_eq!(walker.kind(&folder, c"no such name", FileKind::Fifo), Some(FileKind::Fifo));
        assert_eq!(walker.job.0.summary.failures, 0);
        assert_eq!(walker.kind(&folder, c"no such name", FileKind::Unknown), None);
        assert_eq!((walker.job.0.summary.failures, walker.job.0.summary.skipped), (1, 0));
    }
}
