//! A read-only map of part of a file. Only the kernel reads through it (`pwrite` from it); our code never does: a file
//! that is truncated meanwhile gives the kernel EFAULT or a short write, but would give us SIGBUS.

#![allow(unsafe_code, reason = "maps are raw memory; each block carries its argument")]

use std::os::fd::AsFd;

use rustix::io::Result;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::{PAGE, Sys};
use crate::calls::Call;

/// `len` bytes of a file, from a page boundary on.
#[derive(Debug)]
pub struct Map {
    address: *mut std::ffi::c_void,
    len: usize,
    /// Where the wanted bytes start behind the page boundary.
    skip: usize,
}

// SAFETY: the map is shared, read-only memory without thread affinity, and nothing but the kernel reads it.
unsafe impl Send for Map {}

impl Sys {
    /// Maps `len` bytes (at least 1) of `file` from `offset` on, which need not be on a page boundary.
    pub fn mmap(&mut self, file: impl AsFd, offset: u64, len: usize) -> Result<Map> {
        let skip = (offset % PAGE as u64) as usize;
        let len = len + skip;
        let start = offset - skip as u64;
        let address = self.plain(Call::Mmap, || {
            // SAFETY: with a null hint and without MAP_FIXED the kernel chooses unused addresses, so no memory that
            // Rust knows of changes its meaning.
            unsafe { mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, file.as_fd(), start) }
        })?;
        Ok(Map { address, len, skip })
    }

    /// Takes the map away.
    pub fn munmap(&mut self, map: Map) -> Result<()> {
        let (address, len) = (map.address, map.len);
        std::mem::forget(map);
        // SAFETY: the range is exactly what mmap returned; `map` was its only owner and has just been given up.
        self.plain(Call::Munmap, || unsafe { munmap(address, len) })
    }

    /// Writes `len` bytes of the map, from `from` on, to `target` at `offset`; may come back short.
    ///
    /// # Panics
    /// If the range is not inside the map.
    pub fn pwrite_from(&mut self, target: impl AsFd, map: &Map, from: usize, len: usize, offset: u64) -> Result<usize> {
        assert!(from + len <= map.len - map.skip);
        self.transfer(Call::Pwrite, len, |wanted| {
            // SAFETY: the range is inside the map (asserted above; `wanted` is at most `len`), which lives as long as
            // `map`. The slice goes straight to the kernel: no Rust code reads it, so neither a concurrent change of
            // the file nor its truncation is observed here.
            let bytes = unsafe { std::slice::from_raw_parts(map.address.cast::<u8>().add(map.skip + from), wanted) };
            rustix::io::pwrite(target.as_fd(), bytes, offset)
        })
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: as in `Sys::munmap`; this map has not been given up. Uncounted: only error paths come here.
        let _ = unsafe { munmap(self.address, self.len) };
    }
}
