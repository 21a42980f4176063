//! Looking at every regular file of a source, one after another: for what a sweep does between its runs.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::{Errno, Result};

use super::place::{Place, Root};
use crate::sys::{Attributes, DirectoryBuffer, FileKind, Sys};

/// Hands the regular file `name` in `parent`, or all of those below the directory of that name, to `visit`, open for
/// reading. No symbolic link is followed; what goes away meanwhile, or in a directory may not be read, is passed over. A file with several names comes once a
/// name.
///
/// Ends with the first errno, `visit`'s own too, and with EINTR if somebody asks to stop.
pub fn each_file(
    sys: &mut Sys,
    parent: impl AsFd,
    name: &CStr,
    visit: &mut dyn FnMut(&mut Sys, &OwnedFd, &Attributes) -> Result<()>,
) -> Result<()> {
    if sys.stat_at(parent.as_fd(), name)?.kind != FileKind::Directory {
        return one(sys, parent, name, visit);
    }
    let root = Place::root(Root::new(sys.open_directory(parent, name)?, PathBuf::new()));
    let mut directories = vec![root];
    let mut buffer = DirectoryBuffer::default();
    while let Some(place) = directories.pop() {
        let directory = match place.open(sys) {
            Err(Errno::NOENT | Errno::ACCESS) => continue,
            other => other?,
        };
        below(sys, &place, &directory, &mut buffer, &mut directories, visit)?;
        sys.close(directory)?;
    }
    Ok(())
}

/// Visits the files of a directory and lists the directories in it.
fn below(
    sys: &mut Sys,
    place: &Arc<Place>,
    directory: &OwnedFd,
    buffer: &mut DirectoryBuffer,
    directories: &mut Vec<Arc<Place>>,
    visit: &mut dyn FnMut(&mut Sys, &OwnedFd, &Attributes) -> Result<()>,
) -> Result<()> {
    while let Some(entries) = sys.getdents(directory, buffer)? {
        for entry in entries.iter() {
            sys.check_stop()?;
            let kind = match entry.kind {
                FileKind::Unknown => match sys.stat_at(directory, entry.name) {
                    Err(Errno::NOENT) => continue,
                    other => other?.kind,
                },
                kind => kind,
            };
            match kind {
                FileKind::Directory => directories.push(place.below(entry.name)),
                FileKind::RegularFile => match one(sys, directory, entry.name, visit) {
                    // Gone, replaced by a link, or for the job to complain about.
                    Ok(()) | Err(Errno::NOENT | Errno::LOOP | Errno::ACCESS) => {}
                    Err(errno) => return Err(errno),
                },
                _ => {}
            }
        }
    }
    Ok(())
}

fn one(
    sys: &mut Sys,
    parent: impl AsFd,
    name: &CStr,
    visit: &mut dyn FnMut(&mut Sys, &OwnedFd, &Attributes) -> Result<()>,
) -> Result<()> {
    let file = sys.open_source(parent, name)?;
    let attributes = sys.fstat(&file)?;
    if attributes.kind == FileKind::RegularFile {
        visit(sys, &file, &attributes)?;
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
