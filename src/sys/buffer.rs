//! Page-aligned memory without `unsafe`: a vector a page too long, used from its first page boundary on.

use rustix::io::{Errno, Result};

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
    /// `len` zero bytes. Large ones come from the kernel already zero, and are not touched here.
    pub fn new(len: usize) -> Self {
        let memory = vec![0_u8; len + PAGE - 1];
        let start = memory.as_ptr().align_offset(PAGE);
        Self { memory, start, len }
    }

    /// `len` bytes that the process has already: the first use of them takes no page fault. ENOMEM where there is no
    /// memory for them: the person who asked for many such blocks is told so, and the process goes on.
    pub fn touched(len: usize) -> Result<Self> {
        let bytes = len.checked_add(PAGE - 1).ok_or(Errno::NOMEM)?;
        let mut memory = vec![];
        memory.try_reserve_exact(bytes).map_err(|_| Errno::NOMEM)?;
        // Not zero, which the compiler could see to be there.
        memory.resize(bytes, 0xff);
        let start = memory.as_ptr().align_offset(PAGE);
        Ok(Self { memory, start, len })
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
            let buffer = AlignedBuffer::new(len);
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % PAGE), (len, 0));
            let buffer = AlignedBuffer::touched(len).unwrap();
            assert_eq!((buffer.len(), buffer.as_ptr() as usize % PAGE), (len, 0));
        }
    }

    #[test]
    fn a_lack_of_memory_is_an_error() {
        for len in [usize::MAX, isize::MAX as usize] {
            assert_eq!(AlignedBuffer::touched(len).unwrap_err(), Errno::NOMEM);
        }
    }
}
