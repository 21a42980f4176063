//! Names that a job has taken from files with several: removing one changes the inode's ctime, which is no change of the
//! file that other workers, or this one later, read under another name.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use crate::sys::{Attributes, FileId, Moment, Sys};

/// The ctimes that the job's own removals gave to files with several names, of each an unbroken row: a removal that finds
/// another ctime than the last one left begins a new row, since somebody else changed the inode meanwhile. About 100 bytes
/// for each such file of which a name is left. Workers share it.
#[derive(Debug, Default)]
pub(in crate::gzip) struct Removed(Mutex<HashMap<FileId, Vec<Moment>>>);

impl Removed {
    /// Removes a name of an open file. Whoever asks meanwhile waits until it is known what that did.
    pub(super) fn remove(
        &self,
        sys: &mut Sys,
        file: &OwnedFd,
        unlink: impl FnOnce(&mut Sys) -> rustix::io::Result<()>,
    ) -> rustix::io::Result<()> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sys.fstat(file);
        unlink(sys)?;
        // What cannot be looked at any more counts as changed by somebody else.
        let (Ok(before), Ok(after)) = (before, sys.fstat(file)) else { return Ok(()) };
        if after.links == 0 {
            files.remove(&after.id());
            return Ok(());
        }
        let row = files.entry(after.id()).or_default();
        if row.last() != Some(&before.ctime) {
            *row = vec![before.ctime];
        }
        row.push(after.ctime);
        Ok(())
    }

    /// Whether nothing but the job's own removals happened to a file between two looks at it.
    pub(super) fn explains(&self, earlier: &Attributes, now: &Attributes) -> bool {
        let files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(row) = files.get(&now.id()) else { return false };
        let place = |look: &Attributes| row.iter().position(|ctime| *ctime == look.ctime);
        let in_order = place(earlier).zip(place(now)).is_some_and(|(first, second)| first <= second);
        in_order && Attributes { ctime: now.ctime, ..*earlier }.is_unchanged_since(now)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the tests look at files from outside")]
mod tests {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{CWD, OFlags};

    use super::*;
    use crate::sys::Stop;

    /// Files of three names, `a`, `b` and `c`.
    fn furnish(directory: &Path) -> PathBuf {
        let first = directory.join("a");
        std::fs::write(&first, "contents").unwrap();
        for other in ["b", "c"] {
            std::fs::hard_link(&first, directory.join(other)).unwrap();
        }
        first
    }

    /// Waits until the clock of the file system has moved on, so that a change shows (a jiffy, 10 ms at most).
    fn let_time_pass() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    #[test]
    fn own_removals_explain_a_new_ctime_and_nothing_else_does() {
        for changes in ["", "a", "b", "c", "ab", "abc"] {
            let scratch = tempfile::tempdir().unwrap();
            let first = furnish(scratch.path());
            let mut sys = Sys::new(Stop::new());
            let name = |name| CString::new(scratch.path().join(name).as_os_str().as_bytes()).unwrap();
            let file = sys.openat(CWD, &name("a"), OFlags::RDONLY, 0).unwrap();
            let earlier = sys.fstat(&file).unwrap();
            let removed = Removed::default();
            let kept_open = std::fs::OpenOptions::new().write(true).open(first).unwrap();
            let change_at = |moment| {
                let_time_pass();
                if changes.contains(moment) {
                    // Owner and size as before, and a time of change put back would not help.
                    std::os::unix::fs::fchown(&kept_open, None, Some(earlier.gid)).unwrap();
                    let_time_pass();
                }
            };
            change_at('a');
            removed.remove(&mut sys, &file, |sys| sys.unlinkat(CWD, &name("a"))).unwrap();
            change_at('b');
            removed.remove(&mut sys, &file, |sys| sys.unlinkat(CWD, &name("b"))).unwrap();
            change_at('c');
            let now = sys.fstat(&file).unwrap();
            assert!(now.ctime > earlier.ctime, "{changes}");
            assert_eq!(removed.explains(&earlier, &now), changes.is_empty(), "{changes}");
            assert!(!removed.explains(&earlier, &Attributes { size: 1, ..now }), "{changes}");
            removed.remove(&mut sys, &file, |sys| sys.unlinkat(CWD, &name("c"))).unwrap();
            assert!(removed.0.lock().unwrap().is_empty(), "the last name is gone, and nobody can ask any more");
        }
    }
}
