//! What the user names to sweep over: only ever read.

use std::path::{Path, PathBuf};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::room;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::lab::scratch::{Purpose, Scratch};
use crate::sys::{Attributes, FileKind, Sys};
use crate::tree::path::c_path;

/// The source, looked at before anything is made.
pub(super) struct Source {
    /// Where it is; not a symbolic link.
    pub(super) path: PathBuf,
    attributes: Attributes,
}

impl Source {
    /// Looks at a file or a directory, or at what a symbolic link to one leads to.
    pub(super) fn look(sys: &mut Sys, path: &Path) -> Result<Self> {
        let mut path = path.to_owned();
        let mut attributes = stat(sys, &path)?;
        if attributes.kind == FileKind::Symlink {
            path = path
                .canonicalize()
                .map_err(|error| Error::system("follow", &path, Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
            attributes = stat(sys, &path)?;
        }
        match attributes.kind {
            FileKind::RegularFile | FileKind::Directory => Ok(Self { path, attributes }),
            _ => Err(Error::refused("sweep over", path, "it is neither a file nor a directory")),
        }
    }

    /// Whether it is a directory.
    pub(super) fn is_tree(&self) -> bool {
        self.attributes.kind == FileKind::Directory
    }

    /// The directory that holds it: where scratch space goes unless somebody says otherwise.
    fn parent(&self) -> PathBuf {
        match (self.path.file_name(), self.path.parent()) {
            (Some(_), Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
            (Some(_), _) => PathBuf::from("."),
            // ".", ".." and the like.
            (None, _) => self.path.join(".."),
        }
    }

    /// Makes the scratch directory for sweeping over this, in `place` or beside it.
    pub(super) fn scratch(&self, sys: &mut Sys, context: &Context, place: Option<&Path>) -> Result<Scratch> {
        let place = place.map_or_else(|| self.parent(), Path::to_owned);
        if self.is_tree() {
            room::refuse_within(sys, &place, &self.path, &self.attributes)?;
        }
        Scratch::make(sys, context, Purpose::Sweep, &place)
    }
}

fn stat(sys: &mut Sys, path: &Path) -> Result<Attributes> {
    sys.stat_at(CWD, &c_path(path)).map_err(|errno| Error::system("open", path, errno))
}
