//! Walking a tree in one thread: what removing a tree, pruning it and looking at its files share.
//!
//! By descriptor, following no symbolic link. A directory that waits its turn holds no descriptor, however deep it lies. The
//! jobs that users run walk in parallel, each in its own way.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::place::{Place, Root};
use crate::sys::{DirectoryBuffer, FileKind, Sys};

/// What is done with what a walk finds. An error ends the walk.
pub(super) trait Visitor {
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
    fn leave(&mut self, _sys: &mut Sys, _place: &Place) -> Result<()> {
        Ok(())
    }
}

enum Step {
    Enter(Arc<Place>),
    Leave(Arc<Place>),
}

/// Opens a directory to begin a walk in.
pub(super) fn top(sys: &mut Sys, parent: impl AsFd, name: &CStr) -> Result<Arc<Place>> {
    Ok(Place::root(Root::new(sys.open_directory(parent, name)?, PathBuf::new())))
}

/// Visits a directory with all below it.
pub(super) fn visit(sys: &mut Sys, top: Arc<Place>, visitor: &mut impl Visitor) -> Result<()> {
    let mut steps = vec![Step::Enter(top)];
    let mut buffer = DirectoryBuffer::default();
    while let Some(step) = steps.pop() {
        match step {
            Step::Leave(place) => visitor.leave(sys, &place)?,
            Step::Enter(place) => {
                let directory = match place.open(sys) {
                    Ok(directory) => directory,
                    Err(errno) => {
                        visitor.unopened(errno)?;
                        continue;
                    }
                };
                steps.push(Step::Leave(Arc::clone(&place)));
                visitor.enter(sys, &directory)?;
                read(sys, &place, &directory, &mut buffer, &mut steps, visitor)?;
                sys.close(directory)?;
            }
        }
    }
    Ok(())
}

/// Visits what is in an open directory, and has the directories in it wait.
fn read(
    sys: &mut Sys,
    place: &Arc<Place>,
    directory: &OwnedFd,
    buffer: &mut DirectoryBuffer,
    steps: &mut Vec<Step>,
    visitor: &mut impl Visitor,
) -> Result<()> {
    while let Some(entries) = sys.getdents(directory, buffer)? {
        for entry in entries.iter() {
            let kind = match entry.kind {
                FileKind::Unknown => match sys.stat_at(directory, entry.name) {
                    Err(Errno::NOENT) => continue,
                    other => other?.kind,
                },
                kind => kind,
            };
            if kind == FileKind::Directory {
                steps.push(Step::Enter(place.below(entry.name)));
            } else {
                visitor.entry(sys, directory, entry.name, kind)?;
            }
        }
    }
    Ok(())
}
