//! The page cache of a file: emptying it without being root, and seeing what is in it.

use std::os::fd::AsFd;

use rustix::fs::Advice;
use rustix::io::{Errno, Result};

use crate::sys::{Attributes, Sys, cached_pages, page_bytes};

/// Writes back what is dirty in `file`, which the kernel would keep otherwise, and evicts all of it.
///
/// What some program has mapped stays, and so does all of a file system that is memory: no error tells of it. Neither
/// does it reach what a disk, a hypervisor or a file server keeps.
pub fn evict(sys: &mut Sys, file: impl AsFd) -> Result<()> {
    match sys.fdatasync(file.as_fd()) {
        // A file system that cannot be written has nothing to write back (squashfs has no such call).
        Ok(()) | Err(Errno::INVAL | Errno::ROFS) => {}
        Err(errno) => return Err(errno),
    }
    // The whole file, whatever its size: pages at the edges of a range would stay.
    sys.fadvise(file, 0, None, Advice::DontNeed)
}

/// Pages of some files, and those of them that are in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cached {
    /// Pages that hold something: of a file with holes there are fewer than its size says.
    pub pages: u64,
    /// Pages in memory. More than `pages` where reading filled holes.
    pub cached: u64,
}

impl Cached {
    /// Adds what is in memory of `file`; `None` if that cannot be told.
    #[must_use]
    pub(crate) fn and(self, file: impl AsFd, attributes: &Attributes) -> Option<Self> {
        let bytes = attributes.size.min(attributes.blocks * 512);
        let cached = cached_pages(file)?;
        Some(Self { pages: self.pages + bytes.div_ceil(page_bytes() as u64), cached: self.cached + cached })
    }

    /// The part that is in memory, 0 to 1; 0 of nothing.
    pub(crate) fn part(self) -> f64 {
        if self.cached == 0 { 0.0 } else { (self.cached as f64 / self.pages as f64).min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sys::Stop;

    /// Its number in statfs(2).
    const TMPFS: u64 = 0x0102_1994;

    /// Whether what is written here is in memory, and known to be so.
    fn known(file: &std::fs::File, pages: u64) -> bool {
        let known = cached_pages(file).is_some_and(|cached| cached == pages);
        if !known {
            eprintln!("skipped: this kernel or file system does not say what is cached");
        }
        known
    }

    #[test]
    fn a_file_that_was_just_written_is_evicted_where_there_is_a_disk() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 100 * page_bytes() + 1]).unwrap();
        let mut sys = Sys::new(Stop::new());
        if !known(&file, 101) {
            return;
        }
        evict(&mut sys, &file).unwrap();
        let attributes = sys.fstat(&file).unwrap();
        let now = Cached::default().and(&file, &attributes).unwrap();
        let in_memory = sys.fstatfs(&file).unwrap().magic == TMPFS;
        assert_eq!(now, Cached { pages: 101, cached: if in_memory { 101 } else { 0 } });
        // Reading brings it back.
        sys.pread_full(&file, &mut vec![0; 1 << 20], 0, 1 << 20).unwrap();
        assert!((Cached::default().and(&file, &attributes).unwrap().part() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn holes_are_no_pages() {
        let file = tempfile::tempfile().unwrap();
        let mut sys = Sys::new(Stop::new());
        sys.ftruncate(&file, 1 << 30).unwrap();
        let attributes = sys.fstat(&file).unwrap();
        if let Some(cached) = Cached::default().and(&file, &attributes) {
            assert_eq!(cached, Cached { pages: 0, cached: 0 });
        }
    }

    #[test]
    fn the_part_is_between_nothing_and_all() {
        for (pages, cached, part) in
            [(0, 0, 0.0), (10, 0, 0.0), (10, 5, 0.5), (10, 10, 1.0), (10, 12, 1.0), (0, 1, 1.0)]
        {
            assert!((Cached { pages, cached }.part() - part).abs() < f64::EPSILON, "{cached} of {pages}");
        }
    }
}
