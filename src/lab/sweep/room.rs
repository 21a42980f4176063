//! Places that a sweep's targets must not go to: the tree that is swept over, and a disk without room for them.

use std::path::Path;

use rustix::fs::{CWD, OFlags};

use crate::error::{Error, Quoted, Remedy, Result};
use crate::size::binary;
use crate::sys::{Attributes, FileSystem, Sys};
use crate::tree::path::c_path;

/// Refuses a scratch directory within the tree that is swept: each run would find the targets of the last.
pub(super) fn refuse_within(sys: &mut Sys, place: &Path, source: &Path, tree: &Attributes) -> Result<()> {
    let fail = |errno| Error::system("open", place, errno);
    // O_PATH: the way up may lead through directories that we may pass and not read.
    let up = OFlags::PATH | OFlags::DIRECTORY;
    let mut directory = sys.openat(CWD, &c_path(place), up, 0).map_err(fail)?;
    let mut here = sys.fstat(&directory).map_err(fail)?;
    loop {
        if here.is_same_file(tree) {
            let why = format!("the scratch directory would lie in it, in {}", Quoted(place));
            return Err(Error::refused("sweep over", source, why).with(Remedy::ScratchOutside));
        }
        directory = sys.openat(&directory, c"..", up, 0).map_err(fail)?;
        let above = sys.fstat(&directory).map_err(fail)?;
        if above.is_same_file(&here) {
            return Ok(());
        }
        here = above;
    }
}

/// Refuses to begin what would fill the disk. `needed` bytes are for what `purpose` says.
pub(super) fn require_room(room: FileSystem, place: &Path, source: &Path, needed: u64, purpose: &str) -> Result<()> {
    if room.available_bytes >= needed {
        return Ok(());
    }
    let why = format!(
        "it needs {} ({purpose}) and {} has {} left",
        binary(needed),
        Quoted(place),
        binary(room.available_bytes),
    );
    Err(Error::refused("sweep over", source, why).with(Remedy::RoomOrScratch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Context;

    #[test]
    fn a_place_without_room_says_what_to_do() {
        let room = FileSystem { magic: 0, available_bytes: 3 << 20, available_files: None };
        let (place, source) = (Path::new("/x"), Path::new("a"));
        assert!(require_room(room, place, source, 3 << 20, "for a target").is_ok());
        let error = require_room(room, place, source, 4 << 20, "for a private copy and a target").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot sweep over 'a': it needs 4.0 MiB (for a private copy and a target) and '/x' has 3.0 MiB left"
        );
        assert_eq!(error.remedy(), Some(Remedy::RoomOrScratch));
    }

    #[test]
    fn a_place_within_the_source_is_refused() {
        let tree = tempfile::tempdir().unwrap();
        let mut sys = Context::silent().sys();
        let deep = tree.path().join("a");
        sys.mkdirat(CWD, &c_path(&deep), 0o700).unwrap();
        let root = sys.stat_at(CWD, &c_path(tree.path())).unwrap();
        assert!(refuse_within(&mut sys, &deep, tree.path(), &root).is_err());
        assert!(refuse_within(&mut sys, tree.path(), tree.path(), &root).is_err());
        assert!(refuse_within(&mut sys, tree.path().parent().unwrap(), tree.path(), &root).is_ok());
    }
}
