//! Page-aligned memory: a vector a page too long, used from its first page boundary on.

use std::alloc::{Layout, alloc_zeroed};
use std::ptr::slice_from_raw_parts_mut;

use rustix::io::{Errno, Result};

use super::reserve::fallible;

/// Alignment of every buffer in bytes; what `O_DIRECT` and huge copies like. Linux's page on the machines we know.
pub const PAGE: usize = 4096;

/// Bytes that start on a page boundary. Fresh ones are zero.
#[derive(Debug)]
pub struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuffer {
    /// `len` zero bytes. Large ones come from the kernel already zero, and are not touched here. ENOMEM where there is no
    /// memory for them: whoever asked for so many is told so, and the process goes on.
    pub fn new(len: usize) -> Result<Self> {
        Self::of(len, zeros)
    }

    /// The same of bytes that the process has already: the first use of them takes no page fault.
    pub fn touched(len: usize) -> Result<Self> {
        Self::of(len, |bytes| {
            let mut memory = vec![];
            fallible(|| memory.try_reserve_exact(bytes)).map_err(|_| Errno::NOMEM)?;
            // Not zero, which the compiler could see to be there.
            memory.resize(bytes, 0xff);
            Ok(memory)
        })
    }

    fn of(len: usize, make: impl FnOnce(usize) -> Result<Vec<u8>>) -> Result<Self> {
        let memory = make(len.checked_add(PAGE - 1).ok_or(Errno::NOMEM)?)?;
        let start = memory.as_ptr().align_offset(PAGE);
        Ok(Self { memory, start, len })
    }
}

/// `vec![0; bytes]`, which cannot fail, for memory that can be missing.
fn zeros(bytes: usize) -> Result<Vec<u8>> {
    let layout = Layout::array::<u8>(bytes).ok().filter(|layout| layout.size() > 0).ok_or(Errno::NOMEM)?;
    // SAFETY: the layout is not of size 0. What comes is memory of that layout, all of it set, from the allocator that a
    // box uses.
    #[allow(unsafe_code, reason = "std has no fallible call for memory that is zero")]
    unsafe {
        let memory = fallible(|| alloc_zeroed(layout));
        if memory.is_null() {
            Err(Errno::NOMEM)
        } else {
            Ok(Box::from_raw(slice_from_raw_parts_mut(memory, bytes)).into_vec())
        }
    }
}

impl std::ops::Deref for AlignedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl std::ops::DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_buffer_starts_on_a_page() {
        for len in [0, 1, 512, PAGE, PAGE + 1, 1 << 20] {
            let buffer = AlignedBuffer::new(len).unwrap();
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % PAGE), (len, 0));
            let buffer = AlignedBuffer::touched(len).unwrap();
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % PAGE), (len, 0));
        }
    }

    #[test]
    fn a_lack_of_memory_is_an_error() {
        for len in [usize::MAX, isize::MAX as usize] {
            assert_eq!(AlignedBuffer::new(len).unwrap_err(), Errno::NOMEM);
            assert_eq!(AlignedBuffer::touched(len).unwrap_err(), Errno::NOMEM);
        }
    }
}
