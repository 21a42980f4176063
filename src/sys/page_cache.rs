//! What of a file is in the page cache: cachestat(2), which neither the C library nor `rustix` wraps.
//!
//! Not `mincore(2)`: to whoever neither owns a file nor may write it, it says that all of it is there (mm/mincore.c,
//! `can_do_mincore`), whatever the truth. cachestat answers EPERM then, which is honest: unknown.

use std::os::fd::{AsFd, AsRawFd};

use super::PAGE;

/// The number of cachestat(2), since Linux 6.5; the same everywhere but on Alpha, which this program knows nothing of.
const CACHESTAT: libc::c_long = 451;

/// Which part of a file; a length of 0 is up to its end. The kernel's `struct cachestat_range`.
#[repr(C)]
struct Range {
    offset: u64,
    length: u64,
}

/// The kernel's `struct cachestat`.
#[repr(C)]
#[derive(Default)]
struct Answer {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// Pages of `file` that are in memory. `None` is unknown: an older kernel, a container's filter, or a file that we neither
/// own nor may write.
///
/// It is not counted: it belongs to measuring, and to no job.
#[allow(unsafe_code, reason = "cachestat has no safe wrapper in our dependencies")]
pub fn cached_pages(file: impl AsFd) -> Option<u64> {
    let file = file.as_fd().as_raw_fd();
    let range = Range { offset: 0, length: 0 };
    let mut answer = Answer::default();
    let no_flags: libc::c_uint = 0;
    // SAFETY: the descriptor is open as long as `file` is borrowed. `range` is read and `answer` written by the call,
    // which keeps neither; both have the layout that the kernel expects.
    let result = unsafe { libc::syscall(CACHESTAT, file, &raw const range, &raw mut answer, no_flags) };
    (result == 0).then_some(answer.cached)
}

/// Bytes of a page of the cache: 4 KiB, on some ARM kernels 16 or 64.
#[allow(unsafe_code, reason = "sysconf has no safe wrapper in our dependencies")]
pub(crate) fn page_bytes() -> usize {
    // SAFETY: it takes a number and returns one.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(PAGE)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn pages_that_were_written_are_cached() {
        let mut file = tempfile::tempfile().unwrap();
        let before = cached_pages(&file);
        file.write_all(&vec![1; 10 * page_bytes()]).unwrap();
        let after = cached_pages(&file);
        // On an overlay the pages are those of the file below.
        let Some((before, after)) = before.zip(after).filter(|(_, after)| *after > 0) else {
            eprintln!("skipped: this kernel or file system does not say what is cached");
            return;
        };
        assert_eq!((before, after), (0, 10));
    }

    #[test]
    fn what_has_no_pages_is_unknown_or_none() {
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        assert!(cached_pages(&reader).is_none_or(|pages| pages == 0));
    }
}
