//! A read-only map of part of a file. Only the kernel reads through it (`pwrite` from it); our code never does: a file
//! that is truncated meanwhile gives the kernel EFAULT or a short write, but would give us SIGBUS.

#![allow(unsafe_code, reason = "maps are raw memory; each block carries its argument")]

use std::os::fd::AsFd;

use memmap2::{MmapOptions, MmapRaw};
use rustix::io::{Errno, Result};

use super::Sys;
use crate::calls::Call;

/// Bytes of a file. [`Sys::munmap`] unmaps them as a counted call; a map that is dropped, after an error, is unmapped
/// without being counted.
#[derive(Debug)]
pub struct Map(MmapRaw);

impl Sys {
    /// Maps `len` bytes (at least 1) of `file` from `offset` on, which need not be on a page boundary.
    pub fn mmap(&mut self, file: impl AsFd, offset: u64, len: usize) -> Result<Map> {
        let file = file.as_fd();
        let mut options = MmapOptions::new();
        // Without a length memmap2 would ask the kernel for that of the file.
        options.offset(offset).len(len);
        self.plain(Call::Mmap, || {
            let map = options.map_raw_read_only(&file);
            map.map(Map).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
        })
    }

    /// Unmaps the map. memmap2 ignores the result of the call, so it counts as one that succeeded.
    pub fn munmap(&mut self, map: Map) -> Result<()> {
        let mut map = Some(map);
        self.plain(Call::Munmap, || {
            drop(map.take());
            Ok(())
        })
    }

    /// Writes `len` bytes of the map, from `from` on, to `target` at `offset`; may come back short.
    ///
    /// # Panics
    /// If the range is not inside the map.
    pub(crate) fn pwrite_from(
        &mut self,
        target: impl AsFd,
        map: &Map,
        from: usize,
        len: usize,
        offset: u64,
    ) -> Result<usize> {
        assert!(from + len <= map.0.len());
        self.transfer(Call::Pwrite, len, |wanted| {
            // SAFETY: the range is inside the map (asserted above; `wanted` is at most `len`), which lives as long as
            // `map`. The slice goes straight to the kernel: no Rust code reads it, so neither a concurrent change of
            // the file nor its truncation is observed here.
            let bytes = unsafe { std::slice::from_raw_parts(map.0.as_ptr().add(from), wanted) };
            rustix::io::pwrite(target.as_fd(), bytes, offset)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;

    use super::*;
    use crate::sys::Stop;
    use crate::sys::faults::{Fault, FaultPlan};

    #[test]
    fn a_map_begins_at_any_offset_and_both_its_calls_are_counted() {
        let (source, target) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        let bytes: Vec<u8> = (0..20_000_u32).map(|number| (number % 251) as u8).collect();
        source.write_all_at(&bytes, 0).unwrap();
        let mut sys = Sys::new(Stop::new());
        for offset in [0, 1, 4096, 5000, 12_287] {
            let map = sys.mmap(&source, offset as u64, 6000).unwrap();
            assert_eq!(sys.pwrite_from(&target, &map, 1000, 5000, 0), Ok(5000));
            sys.munmap(map).unwrap();
            let mut written = vec![0; 5000];
            target.read_exact_at(&mut written, 0).unwrap();
            assert!(written == bytes[offset + 1000..offset + 6000], "{offset}");
        }
        assert_eq!((sys.counts().of(Call::Mmap).calls, sys.counts().of(Call::Munmap).calls), (5, 5));
    }

    #[test]
    fn what_the_kernel_or_a_fault_refuses_is_told_by_its_errno() {
        let file = tempfile::tempfile().unwrap();
        let (_reader, pipe) = rustix::pipe::pipe().unwrap();
        let sys = || Sys::new(Stop::new());
        assert_eq!(sys().mmap(&pipe, 0, 1).map(drop), Err(Errno::ACCESS));
        for at in 1..=2 {
            let mut sys = sys().with_faults(Arc::new(FaultPlan::new(at, Fault::Fail(Errno::NOMEM), false)));
            let unmapped = sys.mmap(&file, 0, 1).and_then(|map| sys.munmap(map));
            assert_eq!(unmapped, Err(Errno::NOMEM), "call {at}");
        }
    }
}
