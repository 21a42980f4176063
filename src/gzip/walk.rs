//! The reading of directories, and what is passed over in them.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use super::directory::{Directory, Tree};
use super::operands::Sequence;
use super::source::Source;
use super::{Direction, FileWorker, Handle, Task, suffix};
use crate::error::{Error, Quoted};
use crate::job::worker_context::WorkerContext;
use crate::plan::Output;
use crate::sys::{Attributes, DirectoryBuffer, Entry, FileKind, Sys};
use crate::tree::metadata::describe;
use crate::tree::walk::{self, Part, Visitor};
use crate::tree::{DirectoryPath, is_temporary, is_unfinished_tree, remove_if_abandoned};

impl<D: Direction> FileWorker<D> {
    /// Opens a directory of a tree, or one that was named, unless it is to be passed over.
    pub(super) fn open_directory(&mut self, path: &Arc<DirectoryPath>, tree: Option<Tree>) -> Option<Arc<Directory>> {
        let context = &mut self.context;
        let opened = path.open(&mut context.sys).map_err(|errno| Error::system("open", path.to_path_buf(), errno));
        let fd = context.check(opened)?;
        let attributes = context.sys.fstat(&fd).map_err(|errno| Error::system("examine", path.to_path_buf(), errno));
        let attributes = context.check(attributes)?;
        if !self.admits(path, &attributes, tree) {
            let _ = self.context.sys.close(fd);
            return None;
        }
        self.context.summary.directories += 1;
        let tree = tree.unwrap_or_else(|| Tree { device: attributes.dev, depth: path.depth() });
        Some(Arc::new(Directory::of_sources(&self.job, Arc::clone(path), fd, &attributes, tree)))
    }

    /// Whether a directory is to be entered: not the one that targets go to, nor one on another file system with
    /// `--one-file-system`.
    fn admits(&mut self, path: &DirectoryPath, attributes: &Attributes, tree: Option<Tree>) -> bool {
        if self.job.output_directory.as_ref().is_some_and(|output| output.id() == attributes.id()) {
            if tree.is_some() {
                self.pass_over(|| path.to_path_buf(), "it is the output directory");
            } else {
                let why = "it is the output directory; name its files, or another directory";
                self.context.fail(Error::refused("take", path.to_path_buf(), why));
            }
            return false;
        }
        if self.job.plan().one_file_system && tree.is_some_and(|tree| tree.device != attributes.dev) {
            self.pass_over(|| path.to_path_buf(), "it is on another file system");
            return false;
        }
        true
    }

    /// Whether an entry is excluded, which is noted.
    fn is_excluded(&mut self, directory: &Directory, name: &CStr, kind: FileKind) -> bool {
        if self.job.plan().exclude.is_empty() {
            return false;
        }
        let mut path = directory.path.path_below(directory.tree.depth);
        path.push(OsStr::from_bytes(name.to_bytes()));
        let excluded = self.job.plan().exclude.matches(&path, kind == FileKind::Directory);
        if excluded {
            self.pass_over(|| directory.path.join(name), "it is excluded");
        }
        excluded
    }

    /// Counts something that is passed over on purpose.
    pub(super) fn pass_over(&mut self, path: impl FnOnce() -> PathBuf, why: &str) {
        self.context.summary.skipped += 1;
        self.context.note(|| (path(), format!("passed over: {why}")));
    }

    /// Reads a directory of a tree, or one that was named, and does what is in it.
    pub(super) fn walk(&mut self, path: &Arc<DirectoryPath>, tree: Option<Tree>, handle: &mut Handle<'_, D>) {
        if let Some(directory) = self.open_directory(path, tree) {
            walk::read(self, &directory, handle);
        }
    }

    /// Does an entry of a directory, or begins to. Gives `rest` back unless a file took it.
    pub(super) fn begin_entry(
        &mut self,
        directory: &Arc<Directory>,
        name: &CStr,
        kind: FileKind,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, D>,
    ) -> Option<Sequence> {
        let Some(kind) = kind_of(&mut self.context, directory, name, kind) else { return rest };
        if self.is_excluded(directory, name, kind) {
            return rest;
        }
        match (kind, rest) {
            (FileKind::Directory, rest) if self.is_under_way(directory, name) => rest,
            (FileKind::Directory, Some(rest)) => {
                Some(self.put_in_front(&directory.path.below(name), Some(directory.tree), rest))
            }
            (FileKind::Directory, None) => {
                handle.offer(Task::Directory(directory.path.below(name), directory.tree));
                None
            }
            (FileKind::RegularFile, rest) if self.has_no_room(directory) => rest,
            (FileKind::RegularFile, rest) if self.wants(name) => {
                let Some(source) = self.open_entry(directory, name) else { return rest };
                self.file(source, rest, handle);
                None
            }
            (other, rest) => {
                self.skip(directory, name, other);
                rest
            }
        }
    }

    /// Whether the device that targets of this directory are written to is full. The work that follows writes there.
    pub(super) fn has_no_room(&mut self, directory: &Directory) -> bool {
        let goes_beside = matches!(self.job.plan().output, Output::BesideSource | Output::Nowhere);
        let device = goes_beside.then(|| directory.target_device());
        self.context.writes_to(device);
        device.is_some_and(|device| self.context.is_full(device))
    }

    /// Opens a file found in a directory. What the job made while the directory was being read is not a source: it is
    /// chance whether it shows up there.
    fn open_entry(&mut self, directory: &Arc<Directory>, name: &CStr) -> Option<Source> {
        if self.job.registry.has_made(directory.id, name.to_bytes()) {
            self.pass_over(|| directory.path.join(name), "it was made just now");
            return None;
        }
        let opened = Source::open(&mut self.context.sys, self.job.plan(), directory, name, true);
        self.context.check(opened)
    }

    /// Whether the job changes anything in the directories that it walks.
    fn changes_sources(&self) -> bool {
        self.job.plan().output == Output::BesideSource && self.job.plan().output_dir.is_none()
    }

    /// Whether a directory is an unfinished copy, in which only that copy changes anything.
    fn is_under_way(&mut self, directory: &Directory, name: &CStr) -> bool {
        let is_under_way = self.changes_sources() && is_unfinished_tree(name);
        if is_under_way {
            self.pass_over(|| directory.path.join(name), "it is an unfinished copy");
        }
        is_under_way
    }

    /// Whether a file found in a directory is a source. Unfinished targets, ours among them, and indexes are not.
    fn wants(&self, name: &CStr) -> bool {
        !is_temporary(name) && !suffix::is_index(name) && self.job.direction.wants(name)
    }

    /// Passes over what is not a source. Who makes a backup elsewhere must learn which files are not in it.
    fn skip(&mut self, directory: &Directory, name: &CStr, kind: FileKind) {
        let path = || directory.path.join(name);
        if kind != FileKind::RegularFile {
            return self.pass_over(path, &format!("it is {}", describe(kind)));
        }
        if is_temporary(name) {
            let changes_it = self.changes_sources();
            let sys = &mut self.context.sys;
            let is_removed = changes_it && remove_if_abandoned(sys, &*directory.fd, name) == Ok(true);
            let why = if is_removed { "a killed run left it; removed" } else { "it is a temporary file of haul" };
            return self.pass_over(path, why);
        }
        if suffix::is_index(name) {
            return self.pass_over(path, "it is an index of a compressed file");
        }
        if suffix::decompressed(name, &self.job.plan().suffix).is_none() {
            return self.pass_over(path, "it has no suffix of a compressed file");
        }
        let why = "it has the suffix of a compressed file already";
        let Some(elsewhere) = &self.job.plan().output_dir else { return self.pass_over(path, why) };
        let text = format!("{why}; not copied to {}", Quoted(elsewhere));
        self.context.summary.skipped += 1;
        self.context.warn(path(), text);
    }
}

impl<D: Direction> Visitor for FileWorker<D> {
    type Directory = Directory;
    type Task = Task<D>;

    const WORTH_OFFERING: usize = 4;

    fn reader(&mut self) -> (&mut Sys, &mut DirectoryBuffer) {
        (&mut self.context.sys, &mut self.entries)
    }

    fn offers_batches(&self) -> bool {
        self.job.plan().resources.batch
    }

    fn offer(&mut self, part: Part<Directory>, handle: &Handle<'_, D>) -> Option<Part<Directory>> {
        match handle.try_offer(Task::Entries(part)) {
            Err(Task::Entries(part)) => Some(part),
            _ => None,
        }
    }

    fn is_halted(&mut self) -> bool {
        self.context.is_halted()
    }

    fn entry(&mut self, directory: &Arc<Directory>, entry: Entry<'_>, handle: &mut Handle<'_, D>) {
        self.begin_entry(directory, entry.name, entry.kind, None, handle);
    }

    fn unreadable(&mut self, directory: &Directory, errno: Errno) {
        self.context.fail(Error::system("read", directory.path.to_path_buf(), errno));
    }
}

/// What an entry is, asked for where the file system did not say; `None` if the answer is an error.
fn kind_of(context: &mut WorkerContext, directory: &Directory, name: &CStr, kind: FileKind) -> Option<FileKind> {
    if kind != FileKind::Unknown {
        return Some(kind);
    }
    let found = context.sys.stat_at(&*directory.fd, name).map(|found| found.kind);
    context.check(found.map_err(|errno| Error::system("examine", directory.path.join(name), errno)))
}

#[cfg(test)]
mod tests {
    use rustix::fs::CWD;

    use super::*;
    use crate::job::Context;
    use crate::tree::Root;
    use crate::tree::path::open_named;

    #[test]
    fn what_cannot_be_asked_for_its_kind_is_a_failure() {
        let context = Context::silent();
        let mut worker = WorkerContext::for_workers(&context, 1).remove(0);
        let open = || open_named(&mut context.sys(), CWD, c"/").unwrap();
        let path = DirectoryPath::root(Root::new(open(), PathBuf::from("/")));
        let fd = open();
        let attributes = context.sys().fstat(&fd).unwrap();
        let directory = Directory::new(path, fd, &attributes, &context.identity);
        let mut kind = |name, kind| kind_of(&mut worker, &directory, name, kind);
        assert_eq!(kind(c"proc", FileKind::Unknown), Some(FileKind::Directory));
        assert_eq!(kind(c"no such name", FileKind::Fifo), Some(FileKind::Fifo));
        assert_eq!(worker.summary.failures, 0);
        let unknown = kind_of(&mut worker, &directory, c"no such name", FileKind::Unknown);
        assert_eq!(unknown, None);
        assert_eq!((worker.summary.failures, worker.summary.skipped), (1, 0));
    }
}
