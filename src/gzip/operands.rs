//! The selection of files: from the words of the command line to sources and directories, and their order where they go
//! to standard output or are listed.

use std::collections::VecDeque;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::CWD;
use rustix::io::Errno;

use super::directory::{Directory, Tree};
use super::source::Source;
use super::{Direction, FileWorker, Handle, Task};
use crate::error::{Error, Remedy, Result};
use crate::job::list::Names;
use crate::plan::FileOptions;
use crate::sys::FileKind;
use crate::tree::path::{c_path, open_named, own_name};
use crate::tree::{DirectoryPath, Root};

/// What is still to be written to standard output, or to be listed.
pub(super) type Sequence = VecDeque<Item>;

/// One thing in a sequence.
pub(super) enum Item {
    Argument(PathBuf),
    Entry(Arc<Directory>, CString, FileKind),
}

/// What an argument turned out to be.
enum Selected {
    File(Source),
    Directory(Arc<DirectoryPath>),
}

/// The first tasks of a plan, for which a list may hold more names.
pub(super) fn first_tasks<'a, D: Direction + 'a>(
    plan: &'a FileOptions,
    names: Names,
) -> Box<dyn Iterator<Item = Task<D>> + Send + 'a> {
    let listed = names.into_paths().filter(|name| name.as_os_str() != "-");
    let paths = plan.inputs.iter().cloned().chain(listed);
    if plan.is_in_order() {
        return Box::new(std::iter::once_with(|| Task::InOrder(paths.map(Item::Argument).collect())));
    }
    Box::new(paths.map(Task::Argument))
}

impl<D: Direction> FileWorker<D> {
    /// Does one thing after the other. A file may be finished by another worker; that one then goes on with the rest.
    pub(super) fn in_order(&mut self, mut sequence: Sequence, handle: &mut Handle<'_, D>) {
        while let Some(item) = sequence.pop_front() {
            if self.context.is_halted() {
                return;
            }
            let rest = match item {
                Item::Argument(path) => self.argument(&path, Some(sequence), handle),
                Item::Entry(directory, name, kind) => self.begin_entry(&directory, &name, kind, Some(sequence), handle),
            };
            let Some(rest) = rest else { return };
            sequence = rest;
        }
    }

    /// Does an argument, or begins to. Gives `rest` back unless a file took it.
    pub(super) fn argument(
        &mut self,
        path: &Path,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, D>,
    ) -> Option<Sequence> {
        let selected = self.select(path);
        match (self.context.check(selected).flatten(), rest) {
            (None, rest) => rest,
            (Some(Selected::File(source)), rest) => {
                self.file(source, rest, handle);
                None
            }
            (Some(Selected::Directory(path)), None) => {
                self.walk(&path, None, handle);
                None
            }
            (Some(Selected::Directory(path)), Some(rest)) => Some(self.put_in_front(&path, None, rest)),
        }
    }

    /// Finds out what an argument is; `None` if it is to be passed over.
    fn select(&mut self, path: &Path) -> Result<Option<Selected>> {
        // As it was typed: paths compare by their names, and `-/` has the same one.
        if path.as_os_str() == "-" {
            self.context.writes_to(None);
            return Source::standard_input(&mut self.context.sys).map(Selected::File).map(Some);
        }
        // It names nothing, and must not be taken for the working directory.
        if path.as_os_str().is_empty() {
            return Err(Error::system("find", path, Errno::NOENT));
        }
        let (directory, name) = self.locate(path)?;
        let (name, kind) = self.look_up(&directory, name, path).map_err(|errno| Error::system("find", path, errno))?;
        let own = OsStr::from_bytes(name.to_bytes());
        let plan = self.job.plan();
        if name.as_c_str() != c"." && plan.exclude.match_name(own, kind == FileKind::Directory) {
            self.pass_over(|| path.to_owned(), "it is excluded");
            return Ok(None);
        }
        let selected = match kind {
            FileKind::Directory if !plan.recursive => {
                return Err(Error::refused("take", path, "it is a directory").with(Remedy::Recursive));
            }
            FileKind::Directory if name.as_c_str() == c"." => Selected::Directory(Arc::clone(&directory.path)),
            FileKind::Directory => Selected::Directory(directory.path.below(&name)),
            _ if self.has_no_room(&directory) => return Ok(None),
            _ => Selected::File(Source::open(&mut self.context.sys, self.job.plan(), &directory, &name, false)?),
        };
        Ok(Some(selected))
    }

    /// What has an argument's name, or another under which it may be meant.
    fn look_up(
        &mut self,
        directory: &Directory,
        name: CString,
        path: &Path,
    ) -> rustix::io::Result<(CString, FileKind)> {
        let sys = &mut self.context.sys;
        // `x/` can only be a directory, or lead to one.
        let only_directory = path.as_os_str().as_bytes().ends_with(b"/");
        match sys.stat_at(&*directory.fd, &name) {
            Err(Errno::NOENT) if !only_directory => {
                let others = self.job.direction.alternatives(&name);
                let there = |other: CString| sys.stat_at(&*directory.fd, &other).ok().map(|found| (other, found.kind));
                others.into_iter().find_map(there).ok_or(Errno::NOENT)
            }
            Ok(found) if only_directory && found.kind != FileKind::Directory => {
                match sys.stat_through(&*directory.fd, &name)?.kind {
                    FileKind::Directory => Ok((name, found.kind)),
                    _ => Err(Errno::NOTDIR),
                }
            }
            found => found.map(|found| (name, found.kind)),
        }
    }

    /// The directory an argument is in, and its name there: `.` where the argument means what is in a directory.
    fn locate(&mut self, path: &Path) -> Result<(Arc<Directory>, CString)> {
        let (name, above) = match own_name(path) {
            Some(name) => (name, path.parent()),
            None => (c".".to_owned(), Some(path)),
        };
        let above = above.filter(|above| !above.as_os_str().is_empty());
        let opened = c_path(above.unwrap_or(Path::new(".")));
        // `logs/.` is shown as `logs`.
        let shown = above.map_or(Path::new(""), |above| above.components().as_path()).to_owned();
        let sys = &mut self.context.sys;
        let failed = |errno| Error::system("find", path, errno);
        let root = open_named(sys, CWD, &opened).map_err(failed)?;
        let fd = open_named(sys, CWD, &opened).map_err(failed)?;
        let attributes = sys.fstat(&fd).map_err(failed)?;
        let path = DirectoryPath::root(Root::new(root, shown));
        Ok((Arc::new(Directory::of_sources(&self.job, path, fd, &attributes, Tree::default())), name))
    }

    /// Puts what is in a directory before what follows it.
    pub(super) fn put_in_front(
        &mut self,
        path: &Arc<DirectoryPath>,
        tree: Option<Tree>,
        mut rest: Sequence,
    ) -> Sequence {
        let Some(directory) = self.open_directory(path, tree) else { return rest };
        let mut found = Sequence::new();
        loop {
            let read = self.context.sys.getdents(&directory, &mut self.entries);
            let read = read.map_err(|errno| Error::system("read", directory.path.to_path_buf(), errno));
            let Some(entries) = self.context.check(read).flatten() else { break };
            found.extend(
                entries.iter().map(|entry| Item::Entry(Arc::clone(&directory), entry.name.to_owned(), entry.kind)),
            );
        }
        found.append(&mut rest);
        found
    }
}
