//! Small files of /proc, /sys and udev, read and written without counting.
//!
//! Not through [`Sys`](crate::sys::Sys): its counts are what these files are compared with, and a measurement must not
//! appear in what it measures. Nothing here touches a file of the user's.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};

/// Bytes that one look reads at most: a page, which is what the kernel fills at a time. What we look for stands nearer
/// to the start than that.
const LOOK_BYTES: usize = 4096;

/// A file of /proc that stays open, so that looking at it again is one system call.
#[derive(Debug)]
pub(in crate::lab) struct ProcFile(OwnedFd);

impl ProcFile {
    /// Opens one; `None` where there is no /proc, or we are not allowed.
    pub(in crate::lab) fn open(path: &CStr) -> Option<Self> {
        rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok().map(Self)
    }

    /// Hands the first page of what it says now to `parse`. Allocates nothing and makes exactly one call, a `pread64`.
    pub(in crate::lab) fn look<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut page = [0; LOOK_BYTES];
        let count = rustix::io::pread(&self.0, &mut page, 0).ok()?;
        // Cut at the last whole line: a line that the page's end cuts in two would parse as a smaller number.
        let end = if count < LOOK_BYTES { count } else { page.iter().rposition(|byte| *byte == b'\n')? };
        parse(str::from_utf8(&page[..end]).ok()?)
    }
}

/// Hands the first page of a file of /proc to `parse`.
pub(in crate::lab) fn look<T>(path: &CStr, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    ProcFile::open(path)?.look(parse)
}

/// All that a small file of /proc or /sys says, also beyond its first page: of mounts or processors there are many.
/// Bytes that are not UTF-8 are replaced. `None` also where it cannot be read after all (/proc/pressure, on a kernel that
/// was told not to keep it).
pub(in crate::lab) fn read(path: impl rustix::path::Arg) -> Option<String> {
    bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The same as bytes, for the few files that are not text.
pub(in crate::lab) fn bytes(path: impl rustix::path::Arg) -> Option<Vec<u8>> {
    let file = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut bytes = vec![];
    let mut page = [0; LOOK_BYTES];
    loop {
        match rustix::io::read(&file, &mut page) {
            Ok(0) => return Some(bytes),
            Ok(count) => bytes.extend_from_slice(&page[..count]),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

/// Paths of what a directory of /sys or udev holds, in the order of their names; none where it cannot be listed.
#[expect(clippy::disallowed_methods, reason = "lists what the system says, not the user's files")]
pub(in crate::lab) fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Writes a few bytes to a file of /proc: whether that worked.
pub(in crate::lab) fn poke(path: &CStr, bytes: &[u8]) -> bool {
    rustix::fs::openat(CWD, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .and_then(|file| rustix::io::write(file, bytes))
        .is_ok()
}

/// The value of the line that starts with `key`, up to the end of the line: "VmHWM:\t  1840 kB" → "1840 kB".
pub(in crate::lab) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':')).map(str::trim)
}

/// The same where the value is a whole number, with or without a unit after it.
pub(in crate::lab) fn number(text: &str, key: &str) -> Option<u64> {
    value(text, key)?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_key() {
        let text = "VmHWM:\t    1840 kB\nmodel name\t: AMD EPYC\nsyscr: 10\nempty:\n";
        assert_eq!(number(text, "VmHWM"), Some(1840));
        assert_eq!(value(text, "model name"), Some("AMD EPYC"));
        assert_eq!(number(text, "syscr"), Some(10));
        assert_eq!(value(text, "empty"), Some(""));
        assert_eq!((number(text, "sysc"), number(text, "model name"), value(text, "none")), (None, None, None));
    }

    #[test]
    fn a_file_longer_than_a_page_is_read_whole() {
        // A line or more for each map of this process, of which there are dozens.
        let maps = read("/proc/self/smaps").unwrap();
        assert!(maps.len() > 2 * LOOK_BYTES && maps.ends_with('\n'), "{} bytes", maps.len());
    }

    #[test]
    fn entries_are_listed_in_order() {
        let paths = entries(Path::new("/proc/self"));
        assert!(paths.is_sorted() && paths.contains(&PathBuf::from("/proc/self/maps")), "{paths:?}");
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        assert_eq!((read("/proc/self/no such file"), read("/proc")), (None, None));
        assert_eq!(entries(Path::new("/proc/self/no such file")), [] as [PathBuf; 0]);
        assert!(ProcFile::open(c"/proc/self/no such file").is_none());
        assert!(!poke(c"/proc/self/no such file", b"5"));
    }
}
