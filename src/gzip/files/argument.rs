//! From the words of the command line to open files, and directories to walk.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::CWD;
use rustix::io::Errno;

use super::source::Source;
use super::walk::Tree;
use super::{FileJob, Folder, Sequence, Task, Walker};
use crate::error::{Error, Result};
use crate::pool::Handle;
use crate::sys::FileKind;
use crate::tree::path::{c_path, open_named, own_name};
use crate::tree::{Place, Root};

/// What an argument turned out to be.
enum Found {
    File(Source),
    Directory(Arc<Place>),
}

impl<J: FileJob> Walker<J> {
    /// Does an argument, or begins to. Gives `rest` back unless the job has taken it.
    pub(super) fn argument(
        &mut self,
        path: &Path,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Task<J::Shared>>,
    ) -> Option<Sequence> {
        let found = self.find(path);
        match (self.job.worker().check(found).flatten(), rest) {
            (None, rest) => rest,
            (Some(Found::File(source)), rest) => {
                self.job.file(source, rest, handle);
                None
            }
            (Some(Found::Directory(place)), None) => {
                self.walk(&place, None, handle);
                None
            }
            (Some(Found::Directory(place)), Some(mut rest)) => {
                self.put_in_front(&place, None, &mut rest);
                Some(rest)
            }
        }
    }

    /// `None` if it is to be passed over.
    fn find(&mut self, path: &Path) -> Result<Option<Found>> {
        // As it was typed: paths compare by their names, and `-/` has the same one.
        if path.as_os_str() == "-" {
            self.job.worker().writes_to(None);
            return Source::standard_input(&mut self.job.worker().sys).map(Found::File).map(Some);
        }
        // It names nothing, and must not pass for the directory that we are in.
        if path.as_os_str().is_empty() {
            return Err(Error::system("find", path, Errno::NOENT));
        }
        let (folder, name) = self.locate(path)?;
        let (name, kind) = self.look_up(&folder, name, path).map_err(|errno| Error::system("find", path, errno))?;
        let own = OsStr::from_bytes(name.to_bytes());
        if name.as_c_str() != c"." && self.plan.exclude.match_name(own, kind == FileKind::Directory) {
            self.pass_over(|| path.to_owned(), "it is excluded");
            return Ok(None);
        }
        let found = match kind {
            FileKind::Directory if !self.plan.recursive => {
                return Err(Error::refused("take", path, "it is a directory; -r goes into it"));
            }
            FileKind::Directory if name.as_c_str() == c"." => Found::Directory(Arc::clone(&folder.place)),
            FileKind::Directory => Found::Directory(folder.place.below(&name)),
            _ if self.has_no_room(&folder) => return Ok(None),
            _ => Found::File(Source::open(&mut self.job.worker().sys, &self.plan, &folder, &name, false)?),
        };
        Ok(Some(found))
    }

    /// What bears an argument's name, or another under which it may be meant.
    fn look_up(&mut self, folder: &Folder, name: CString, path: &Path) -> rustix::io::Result<(CString, FileKind)> {
        // `x/` can only be a directory, or lead to one.
        let only_directory = path.as_os_str().as_bytes().ends_with(b"/");
        match self.job.worker().sys.stat_at(&*folder.directory, &name) {
            Err(Errno::NOENT) if !only_directory => {
                let others = self.job.alternatives(&name);
                let sys = &mut self.job.worker().sys;
                let there =
                    |other: CString| sys.stat_at(&*folder.directory, &other).ok().map(|found| (other, found.kind));
                others.into_iter().find_map(there).ok_or(Errno::NOENT)
            }
            Ok(found) if only_directory && found.kind != FileKind::Directory => {
                match self.job.worker().sys.stat_through(&*folder.directory, &name)?.kind {
                    FileKind::Directory => Ok((name, found.kind)),
                    _ => Err(Errno::NOTDIR),
                }
            }
            found => found.map(|found| (name, found.kind)),
        }
    }

    /// The directory an argument lies in, and its name there: `.` where the argument means what is in a directory.
    fn locate(&mut self, path: &Path) -> Result<(Arc<Folder>, CString)> {
        let (name, above) = match own_name(path) {
            Some(name) => (name, path.parent()),
            None => (c".".to_owned(), Some(path)),
        };
        let above = above.filter(|above| !above.as_os_str().is_empty());
        let opened = c_path(above.unwrap_or(Path::new(".")));
        // `logs/.` is shown as `logs`.
        let shown = above.map_or(Path::new(""), |above| above.components().as_path()).to_owned();
        let sys = &mut self.job.worker().sys;
        let failed = |errno| Error::system("find", path, errno);
        let root = open_named(sys, CWD, &opened).map_err(failed)?;
        let directory = open_named(sys, CWD, &opened).map_err(failed)?;
        let attributes = sys.fstat(&directory).map_err(failed)?;
        let place = Place::root(Root::new(root, shown));
        Ok((Arc::new(self.folder(place, directory, &attributes, Tree::default())), name))
    }
}
