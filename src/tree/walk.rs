//! The walk of a tree. An open directory is read one getdents64 after the other, and what is in it is visited: here, or by
//! another worker that has time for it. What a job does with a directory or a file, its visitor says.
//!
//! By descriptor, following no symbolic link. A directory that waits its turn is a [`DirectoryPath`], which holds no descriptor,
//! however deep it lies.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::directory_path::{DirectoryPath, Root};
use crate::pool::Handle;
pub(crate) use crate::sys::Entry;
use crate::sys::{Attributes, DirectoryBuffer, Entries, FileKind, Sys};

/// Entries of an open directory that somebody else may go on reading.
pub(crate) struct Part<D> {
    directory: Arc<D>,
    entries: Entries,
}

/// A worker that walks.
pub(crate) trait Visitor {
    /// An open directory, with what the job knows of it. The last who needs it closes it.
    type Directory: AsFd;
    /// What the workers of the job do.
    type Task;

    /// Entries from which on they are offered to another worker: fewer are done before the offer is worth its cost.
    const WORTH_OFFERING: usize = usize::MAX;

    /// What a directory is read with.
    fn reader(&mut self) -> (&mut Sys, &mut DirectoryBuffer);

    /// Whether entries are offered to others as many at a time as were read; else one by one.
    fn offers_batches(&self) -> bool {
        true
    }

    /// Offers a part to other workers, as a task that ends in [`visit_part`]. Gives it back where nobody takes it.
    fn offer(
        &mut self,
        part: Part<Self::Directory>,
        _handle: &Handle<'_, Self::Task>,
    ) -> Option<Part<Self::Directory>> {
        Some(part)
    }

    /// Whether the walk is to end. Asked before entries are done.
    fn is_halted(&mut self) -> bool;

    /// Visits something in an open directory.
    fn entry(&mut self, directory: &Arc<Self::Directory>, entry: Entry<'_>, handle: &mut Handle<'_, Self::Task>);

    /// The rest of a directory cannot be read.
    fn unreadable(&mut self, directory: &Self::Directory, errno: Errno);

    /// Whether others should have half of the entries that are left. Asked after each.
    fn shares_rest(&mut self) -> bool {
        false
    }
}

/// Reads an open directory to its end, and has all that is in it visited. False if the walk is to end before
/// that.
pub(crate) fn read<V: Visitor>(
    visitor: &mut V,
    directory: &Arc<V::Directory>,
    handle: &mut Handle<'_, V::Task>,
) -> bool {
    loop {
        let (sys, buffer) = visitor.reader();
        match sys.getdents(directory.as_fd(), buffer) {
            Ok(None) => return true,
            Ok(Some(_)) if visitor.is_halted() => return false,
            Ok(Some(entries)) if !visitor.offers_batches() => {
                entries.singly().for_each(|alone| offer(visitor, directory, alone, handle));
            }
            Ok(Some(entries)) if entries.len() < V::WORTH_OFFERING => entries_of(visitor, directory, entries, handle),
            Ok(Some(entries)) => offer(visitor, directory, entries, handle),
            Err(errno) => {
                visitor.unreadable(directory, errno);
                return true;
            }
        }
    }
}

/// Visits a part, and returns the directory that it is a part of.
pub(crate) fn visit_part<V: Visitor>(
    visitor: &mut V,
    part: Part<V::Directory>,
    handle: &mut Handle<'_, V::Task>,
) -> Arc<V::Directory> {
    entries_of(visitor, &part.directory, part.entries, handle);
    part.directory
}

/// Gives entries to another worker, or visits them here.
fn offer<V: Visitor>(
    visitor: &mut V,
    directory: &Arc<V::Directory>,
    entries: Entries,
    handle: &mut Handle<'_, V::Task>,
) {
    let part = Part { directory: Arc::clone(directory), entries };
    if let Some(part) = visitor.offer(part, handle) {
        entries_of(visitor, directory, part.entries, handle);
    }
}

fn entries_of<V: Visitor>(
    visitor: &mut V,
    directory: &Arc<V::Directory>,
    mut entries: Entries,
    handle: &mut Handle<'_, V::Task>,
) {
    let mut index = 0;
    while let Some(entry) = entries.get(index) {
        if visitor.is_halted() {
            return;
        }
        visitor.entry(directory, entry, handle);
        index += 1;
        let left = entries.len() - index;
        if visitor.shares_rest() && left > 1 {
            let half = entries.split_off(index + left.div_ceil(2));
            offer(visitor, directory, half, handle);
        }
    }
}

/// What is done with what a walk in one thread finds. An error ends the walk.
pub(super) trait SerialVisitor {
    /// A directory is open; what is in it comes next.
    fn enter(&mut self, _sys: &mut Sys, _directory: &OwnedFd) -> Result<()> {
        Ok(())
    }

    /// A directory cannot be opened, for this reason: Ok passes it over.
    fn unopened(&mut self, errno: Errno) -> Result<()> {
        Err(errno)
    }

    /// Something in an open directory that is not a directory.
    fn entry(&mut self, sys: &mut Sys, directory: &OwnedFd, name: &CStr, kind: FileKind) -> Result<()>;

    /// All below a directory was visited.
    fn leave(&mut self, _sys: &mut Sys, _place: &DirectoryPath) -> Result<()> {
        Ok(())
    }
}

/// Opens a directory to begin a walk in.
pub(super) fn top(sys: &mut Sys, parent: impl AsFd, name: &CStr) -> Result<Arc<DirectoryPath>> {
    Ok(DirectoryPath::root(Root::new(sys.open_directory(parent, name)?, PathBuf::new())))
}

/// Walks a directory with all below it in this thread.
pub(super) fn walk(sys: &mut Sys, top: Arc<DirectoryPath>, visitor: &mut impl SerialVisitor) -> Result<()> {
    let mut walk = Serial { sys, buffer: DirectoryBuffer::default(), visitor, ended: Ok(()) };
    let mut handle = Handle::alone();
    handle.offer(Step::Enter(top));
    while let Some(step) = handle.take() {
        walk.step(step, &mut handle)?;
    }
    Ok(())
}

struct Serial<'a, V> {
    sys: &'a mut Sys,
    buffer: DirectoryBuffer,
    visitor: &'a mut V,
    ended: Result<()>,
}

/// A directory that a walk in one thread reads.
struct Opened {
    path: Arc<DirectoryPath>,
    directory: OwnedFd,
}

impl AsFd for Opened {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

enum Step {
    Enter(Arc<DirectoryPath>),
    Leave(Arc<DirectoryPath>),
}

impl<V: SerialVisitor> Serial<'_, V> {
    fn step(&mut self, step: Step, handle: &mut Handle<'_, Step>) -> Result<()> {
        match step {
            Step::Leave(path) => self.visitor.leave(self.sys, &path),
            Step::Enter(path) => {
                let directory = match path.open(self.sys) {
                    Ok(directory) => directory,
                    Err(errno) => return self.visitor.unopened(errno),
                };
                // The latest step comes first: all that is found below comes before this.
                handle.offer(Step::Leave(Arc::clone(&path)));
                self.visitor.enter(self.sys, &directory)?;
                let opened = Arc::new(Opened { path, directory });
                read(self, &opened, handle);
                self.ended?;
                Arc::into_inner(opened).map_or(Ok(()), |opened| self.sys.close(opened.directory))
            }
        }
    }

    fn visit(&mut self, opened: &Opened, entry: Entry<'_>, handle: &mut Handle<'_, Step>) -> Result<()> {
        let kind = match entry.kind {
            FileKind::Unknown => match self.sys.stat_at(&opened.directory, entry.name) {
                Err(Errno::NOENT) => return Ok(()),
                other => other?.kind,
            },
            kind => kind,
        };
        if kind == FileKind::Directory {
            handle.offer(Step::Enter(opened.path.below(entry.name)));
            return Ok(());
        }
        self.visitor.entry(self.sys, &opened.directory, entry.name, kind)
    }
}

impl<V: SerialVisitor> Visitor for Serial<'_, V> {
    type Directory = Opened;
    type Task = Step;

    fn reader(&mut self) -> (&mut Sys, &mut DirectoryBuffer) {
        (self.sys, &mut self.buffer)
    }

    fn is_halted(&mut self) -> bool {
        self.ended.is_err()
    }

    fn entry(&mut self, opened: &Arc<Opened>, entry: Entry<'_>, handle: &mut Handle<'_, Step>) {
        self.ended = self.visit(opened, entry, handle);
    }

    fn unreadable(&mut self, _directory: &Opened, errno: Errno) {
        self.ended = Err(errno);
    }
}

/// What is done with each file.
type Visit<'a> = &'a mut dyn FnMut(&mut Sys, &OwnedFd, &Attributes) -> Result<()>;

/// Hands the regular file `name` in `parent`, or all of those below the directory of that name, to `visit_file`, open for
/// reading. No symbolic link is followed; what goes away meanwhile, or may not be read, is passed over. A file with several
/// names comes once a name.
///
/// Ends with the first errno, that of `visit_file` too, and with EINTR if somebody asks to stop.
pub(crate) fn each_file(sys: &mut Sys, parent: impl AsFd, name: &CStr, visit_file: Visit<'_>) -> Result<()> {
    if sys.stat_at(parent.as_fd(), name)?.kind != FileKind::Directory {
        return one(sys, parent, name, visit_file);
    }
    let top = top(sys, parent, name)?;
    walk(sys, top, &mut Files(visit_file))
}

struct Files<'a>(Visit<'a>);

impl SerialVisitor for Files<'_> {
    fn unopened(&mut self, errno: Errno) -> Result<()> {
        if matches!(errno, Errno::NOENT | Errno::ACCESS) { Ok(()) } else { Err(errno) }
    }

    fn entry(&mut self, sys: &mut Sys, directory: &OwnedFd, name: &CStr, kind: FileKind) -> Result<()> {
        sys.check_stop()?;
        if kind != FileKind::RegularFile {
            return Ok(());
        }
        match one(sys, directory, name, self.0) {
            // Gone, replaced by a link, or for the job to complain about.
            Ok(()) | Err(Errno::NOENT | Errno::LOOP | Errno::ACCESS) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

fn one(sys: &mut Sys, parent: impl AsFd, name: &CStr, visit_file: Visit<'_>) -> Result<()> {
    let file = sys.open_source(parent, name)?;
    let attributes = sys.fstat(&file)?;
    if attributes.kind == FileKind::RegularFile {
        visit_file(sys, &file, &attributes)?;
    }
    sys.close(file)
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::*;
    use crate::pool::Worker;
    use crate::pool::workers::Scheduler;
    use crate::sys::Stop;

    #[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn made(root: &Path) -> OwnedFd {
        std::fs::create_dir_all(root.join("tree/a/b/c")).unwrap();
        for (name, bytes) in [("tree/1", 1), ("tree/a/10", 10), ("tree/a/b/c/100", 100), ("beside", 1000)] {
            std::fs::write(root.join(name), vec![0; bytes]).unwrap();
        }
        std::fs::hard_link(root.join("tree/1"), root.join("tree/a/again")).unwrap();
        for (text, name) in [("../beside", "tree/link"), ("..", "tree/a/up"), ("nothing", "tree/dangling")] {
            std::os::unix::fs::symlink(text, root.join(name)).unwrap();
        }
        let parent: OwnedFd = std::fs::File::open(root).unwrap().into();
        rustix::fs::mknodat(&parent, c"tree/fifo", FileKind::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0).unwrap();
        parent
    }

    fn sizes(sys: &mut Sys, parent: &OwnedFd, name: &CStr) -> Result<Vec<u64>> {
        let mut sizes = vec![];
        each_file(sys, parent, name, &mut |_, _, attributes| {
            sizes.push(attributes.size);
            Ok(())
        })?;
        sizes.sort_unstable();
        Ok(sizes)
    }

    #[test]
    fn every_regular_file_comes_and_nothing_that_links_lead_to() {
        let root = tempfile::tempdir().unwrap();
        let (parent, mut sys) = (made(root.path()), Sys::new(Stop::new()));
        assert_eq!(sizes(&mut sys, &parent, c"tree"), Ok(vec![1, 1, 10, 100]));
        assert_eq!(sizes(&mut sys, &parent, c"beside"), Ok(vec![1000]));
        assert_eq!(sizes(&mut sys, &parent, c"tree/fifo"), Ok(vec![]));
        assert_eq!(sizes(&mut sys, &parent, c"none"), Err(Errno::NOENT));
        assert_eq!(sizes(&mut sys, &parent, c"tree/link"), Err(Errno::LOOP));
    }

    #[test]
    fn it_ends_when_the_visitor_or_somebody_else_says_so() {
        let root = tempfile::tempdir().unwrap();
        let (parent, stop) = (made(root.path()), Stop::new());
        let mut sys = Sys::new(stop.clone());
        let refused = each_file(&mut sys, &parent, c"tree", &mut |_, _, _| Err(Errno::NOSPC));
        assert_eq!(refused, Err(Errno::NOSPC));
        stop.request(2);
        assert_eq!(sizes(&mut sys, &parent, c"tree"), Err(Errno::INTR));
    }

    /// A worker that notes what it visits.
    struct Notes {
        sys: Sys,
        buffer: DirectoryBuffer,
        visited: Vec<PathBuf>,
        batches: bool,
        shares_rest: bool,
        most: usize,
    }

    enum Task {
        Enter(Arc<DirectoryPath>),
        Part(Part<Opened>),
    }

    impl Visitor for Notes {
        type Directory = Opened;
        type Task = Task;

        const WORTH_OFFERING: usize = 3;

        fn reader(&mut self) -> (&mut Sys, &mut DirectoryBuffer) {
            (&mut self.sys, &mut self.buffer)
        }

        fn offers_batches(&self) -> bool {
            self.batches
        }

        fn offer(&mut self, part: Part<Opened>, handle: &Handle<'_, Task>) -> Option<Part<Opened>> {
            match handle.try_offer(Task::Part(part)) {
                Err(Task::Part(part)) => Some(part),
                _ => None,
            }
        }

        fn is_halted(&mut self) -> bool {
            self.visited.len() >= self.most
        }

        fn entry(&mut self, opened: &Arc<Opened>, entry: Entry<'_>, handle: &mut Handle<'_, Task>) {
            self.visited.push(opened.path.join(entry.name));
            if entry.kind == FileKind::Directory {
                handle.offer(Task::Enter(opened.path.below(entry.name)));
            }
        }

        fn unreadable(&mut self, _directory: &Opened, errno: Errno) {
            panic!("{errno}");
        }

        fn shares_rest(&mut self) -> bool {
            self.shares_rest
        }
    }

    impl Worker for Notes {
        type Task = Task;

        fn run(&mut self, task: Task, handle: &mut Handle<'_, Task>) {
            match task {
                Task::Part(part) => drop(visit_part(self, part, handle)),
                Task::Enter(path) => {
                    let directory = path.open(&mut self.sys).unwrap();
                    let is_whole = read(self, &Arc::new(Opened { path, directory }), handle);
                    assert!(is_whole || self.is_halted());
                }
            }
        }
    }

    #[test]
    fn every_entry_is_visited_once_whoever_takes_it() {
        let root = tempfile::tempdir().unwrap();
        let mut expected = Vec::new();
        for directory in ["", "a/", "a/b/", "c/"] {
            expected.extend((0..20).map(|number| PathBuf::from(format!("{directory}{number}"))));
        }
        for name in ["a", "a/b", "c"] {
            rustix::fs::mkdir(root.path().join(name), rustix::fs::Mode::RWXU).unwrap();
        }
        for file in &expected {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                root.path().join(file),
                FileKind::RegularFile,
                rustix::fs::Mode::RUSR,
                0,
            )
            .unwrap();
        }
        expected.extend(["a", "a/b", "c"].map(PathBuf::from));
        expected.sort();
        let notes = |count: usize, batches, shares_rest, most| {
            let mut sys = Sys::new(Stop::new());
            let root = CString::new(root.path().as_os_str().as_bytes()).unwrap();
            let top = top(&mut sys, rustix::fs::CWD, &root).unwrap();
            let workers = (0..count).map(|_| Notes {
                sys: sys.sibling(),
                buffer: DirectoryBuffer::default(),
                visited: Vec::new(),
                batches,
                shares_rest,
                most,
            });
            let tasks = std::iter::once(Task::Enter(top));
            let done = Scheduler::Channel.run(&mut Sys::new(Stop::new()), workers.collect(), tasks);
            let mut visited: Vec<_> = done.into_iter().flat_map(|worker| worker.visited).collect();
            visited.sort();
            visited
        };
        for count in [1, 2, 5] {
            for (batches, shares_rest) in [(true, false), (true, true), (false, false)] {
                assert_eq!(notes(count, batches, shares_rest, usize::MAX), expected, "{count} {batches} {shares_rest}");
            }
        }
        assert_eq!(notes(1, true, false, 7).len(), 7, "a walk that is halted goes no further");
    }
}
