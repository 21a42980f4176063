//! Memory at an address of one's choice, for code of others whose results depend on where it is.

#![allow(unsafe_code, reason = "maps are raw memory; each block carries its argument")]

use std::ffi::c_void;
use std::ptr::NonNull;

use rustix::io::{Errno, Result};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Memory that was placed: page-aligned, zeros at first.
#[derive(Debug)]
pub(crate) struct PlacedMemory {
    address: NonNull<c_void>,
    len: usize,
}

// SAFETY: private memory without thread affinity, which nothing else points to.
unsafe impl Send for PlacedMemory {}

impl PlacedMemory {
    /// `len` bytes (at least 1) at `address`, which is on a page boundary. EEXIST where something else is there.
    /// Uncounted, as what the allocator asks the kernel for.
    pub(crate) fn at(address: usize, len: usize) -> Result<Self> {
        let hint = std::ptr::without_provenance_mut(address);
        let flags = MapFlags::PRIVATE | MapFlags::FIXED_NOREPLACE;
        // SAFETY: the kernel replaces no memory (MAP_FIXED_NOREPLACE; before Linux 4.17 the address is but a hint), so
        // nothing that Rust knows of changes its meaning.
        let found = unsafe { mmap_anonymous(hint, len, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
        let placed = Self { address: NonNull::new(found).ok_or(Errno::NOMEM)?, len };
        if placed.address.addr().get() == address { Ok(placed) } else { Err(Errno::EXIST) }
    }

    /// Where it begins.
    pub(crate) const fn as_ptr(&self) -> *mut c_void {
        self.address.as_ptr()
    }
}

impl Drop for PlacedMemory {
    fn drop(&mut self) {
        // SAFETY: the range is exactly what mmap returned, and this is its only owner.
        let _ = unsafe { munmap(self.address.as_ptr(), self.len) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_where_it_should_be_and_never_where_something_is() {
        let place = 0x2345_0000_0000;
        let memory = PlacedMemory::at(place, 100_000).unwrap();
        assert_eq!(memory.as_ptr().addr(), place);
        assert_eq!(PlacedMemory::at(place, 1).map(drop), Err(Errno::EXIST));
        let inside = (&raw const memory).addr() / 4096 * 4096;
        assert_eq!(PlacedMemory::at(inside, 1).map(drop), Err(Errno::EXIST), "the stack");
        drop(memory);
        PlacedMemory::at(place, 1).unwrap();
    }
}
