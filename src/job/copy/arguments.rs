//! From the words of the command line to open directories and names in them; what must not be copied where.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::directory::{Above, Directory, Open};
use super::{Copier, Task};
use crate::engine::Volume;
use crate::error::{Error, Result};
use crate::plan::CopyPlan;
use crate::pool::Handle;
use crate::sys::{Attributes, Creator, FileKind, Sys};
use crate::tree::path::{c_path, lies_in, open_named, own_name};
use crate::tree::{Place, Root};

/// Where sources go.
pub(super) struct Destination {
    /// The directory that will hold them.
    place: Arc<Place>,
    /// The name the one source gets in it; `None` keeps each source's own.
    name: Option<CString>,
    /// The user wrote `NAME/`: only a directory may get this name.
    only_directory: bool,
    volume: Volume,
}

impl Destination {
    /// Opens the directory that the target is, or is to be in.
    pub(super) fn find(sys: &mut Sys, plan: &CopyPlan) -> Result<Self> {
        let target = &plan.target;
        let only_directory = target.as_os_str().as_bytes().ends_with(b"/");
        let into = match sys.stat_through(CWD, &c_path(target)) {
            Ok(attributes) => attributes.kind == FileKind::Directory,
            Err(Errno::NOENT) => false,
            Err(errno) => return Err(Error::system("find", target, errno)),
        };
        if !into && plan.sources.len() > 1 {
            return Err(Error::refused("copy several sources to", target, "it is not a directory"));
        }
        let (directory, name) = if into {
            (target.as_path(), None)
        } else {
            let name = target.file_name().ok_or_else(|| Error::system("create", target, Errno::NOENT))?;
            (parent(target), Some(c_path(name)))
        };
        let descriptor =
            open_named(sys, CWD, &c_path(directory)).map_err(|errno| Error::system("open", directory, errno))?;
        let volume = Volume::of(sys, &descriptor).map_err(|errno| Error::system("examine", directory, errno))?;
        let path = if into || directory != Path::new(".") { directory.to_owned() } else { PathBuf::new() };
        Ok(Self { place: Place::root(Root { directory: descriptor, path }), name, only_directory, volume })
    }

    /// The target's path, for messages.
    fn shown(&self) -> PathBuf {
        self.name.as_ref().map_or_else(|| self.place.path(), |name| self.place.path_of(name))
    }

    fn open(&self, sys: &mut Sys) -> Result<OwnedFd> {
        self.place.open(sys).map_err(|errno| Error::system("open", self.place.path(), errno))
    }
}

impl Copier {
    /// Begins one source.
    pub(super) fn start(&mut self, path: &Path, handle: &mut Handle<'_, Task>) {
        let begun = self.begin(path, handle);
        self.station.check(begun);
    }

    fn begin(&mut self, path: &Path, handle: &mut Handle<'_, Task>) -> Result<()> {
        let sys = &mut self.station.sys;
        let attributes = sys.stat_at(CWD, &c_path(path)).map_err(|errno| Error::system("find", path, errno))?;
        let target = self.shared.destination.open(sys)?;
        let made =
            sys.fstat(&target).map_err(|errno| Error::system("examine", self.shared.destination.shown(), errno))?;
        let creator = self.shared.identity.creating_in(&made);
        let above = Directory {
            source: place(sys, parent(path))?,
            target: Arc::clone(&self.shared.destination.place),
            parent: Above::default(),
            attributes: OnceLock::new(),
            in_part: false,
            part: None,
            volume: self.shared.destination.volume.clone(),
            creator: self.shared.identity.unknown_creator(),
        };
        let name = own_name(path);
        let new_name = self.shared.destination.name.clone().or_else(|| name.clone());
        let is_directory = attributes.kind == FileKind::Directory;
        if is_directory {
            self.refuse_into_itself(path, &attributes, &target, new_name.as_deref())?;
        } else if self.shared.destination.name.is_some() && self.shared.destination.only_directory {
            return Err(Error::system("create", self.shared.destination.shown(), Errno::NOTDIR));
        }
        let target = Arc::new(target);
        // `x/` and `x/.` may lead through a link, which the user asked to follow; `.` and `/` have no name to open.
        let (Some(name), Some(new_name), false) = (&name, &new_name, is_directory && ends_in_slash(path)) else {
            let directory = self.root_of(path, &above, &target, creator, new_name.as_deref())?;
            self.walk(Arc::new(directory), handle);
            return Ok(());
        };
        let source = above.source.open(&mut self.station.sys);
        let source = source.map_err(|errno| Error::system("open", above.source.path(), errno))?;
        let open = Arc::new(Open { directory: Arc::new(above), source, target, creator });
        self.entry(&open, name, new_name, attributes.kind, handle);
        self.leave(open);
        Ok(())
    }

    /// A directory that is opened by its path, and what it goes into: a new name, a directory of that name, or (where
    /// it has no name to give) the destination itself.
    fn root_of(
        &mut self,
        path: &Path,
        above: &Directory,
        target: &Arc<OwnedFd>,
        creator: Creator,
        new_name: Option<&CStr>,
    ) -> Result<Directory> {
        let sys = &mut self.station.sys;
        let source = place(sys, path)?;
        let Some(name) = new_name else { return Ok(above.merging(source)) };
        let failed = |errno| Error::system("create directory", above.target.path_of(name), errno);
        match sys.stat_at(target, name) {
            Ok(existing) if existing.kind == FileKind::Directory => {
                Ok(Directory { target: above.target.below(name), ..above.merging(source) })
            }
            Ok(_) => Err(failed(Errno::EXIST)),
            Err(Errno::NOENT) => {
                let unit = above.new_unit(sys, &self.shared.leftovers, source, target, name).map_err(failed)?;
                Ok(Directory { creator, ..unit })
            }
            Err(errno) => Err(failed(errno)),
        }
    }

    /// A directory is not copied into itself: the copy would contain itself without end. Nor onto itself.
    fn refuse_into_itself(
        &mut self,
        path: &Path,
        source: &Attributes,
        target: &OwnedFd,
        new_name: Option<&CStr>,
    ) -> Result<()> {
        let sys = &mut self.station.sys;
        let refused = |why| Err(Error::refused("copy", path, why));
        let failed = |errno| Error::system("examine", path, errno);
        if let Some(existing) = new_name.and_then(|name| sys.stat_at(target, name).ok())
            && existing.is_same_file(source)
        {
            return refused("source and target are the same directory");
        }
        if lies_in(sys, target, source).map_err(failed)? {
            return refused("the target lies inside it");
        }
        Ok(())
    }
}

fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/")
}

/// The directory a path lies in; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn place(sys: &mut Sys, path: &Path) -> Result<Arc<Place>> {
    let directory = open_named(sys, CWD, &c_path(path)).map_err(|errno| Error::system("open", path, errno))?;
    let path = if path == Path::new(".") { PathBuf::new() } else { path.to_owned() };
    Ok(Place::root(Root { directory, path }))
}
