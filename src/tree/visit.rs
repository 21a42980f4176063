//! The serial walk of a tree: what removing a tree, pruning it and looking at each of its files share.
//!
//! By descriptor, following no symbolic link. A directory that waits its turn holds no descriptor, however deep it lies. The
//! jobs that users run walk in parallel, each in its own way.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::place::{Place, Root};
use crate::sys::{Attributes, DirectoryBuffer, FileKind, Sys};

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

/// What is done with each file.
type Visit<'a> = &'a mut dyn FnMut(&mut Sys, &OwnedFd, &Attributes) -> Result<()>;

/// Hands the regular file `name` in `parent`, or all of those below the directory of that name, to `visit_file`, open for
/// reading. No symbolic link is followed; what goes away meanwhile, or may not be read, is passed over. A file with several
/// names comes once a name.
///
/// Ends with the first errno, that of `visit_file` too, and with EINTR if somebody asks to stop.
pub fn each_file(sys: &mut Sys, parent: impl AsFd, name: &CStr, visit_file: Visit<'_>) -> Result<()> {
    if sys.stat_at(parent.as_fd(), name)?.kind != FileKind::Directory {
        return one(sys, parent, name, visit_file);
    }
    let top = top(sys, parent, name)?;
    visit(sys, top, &mut Files(visit_file))
}

struct Files<'a>(Visit<'a>);

impl Visitor for Files<'_> {
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
    use std::path::Path;

    use super::*;
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
}
