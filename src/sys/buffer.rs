//! Page-aligned memory without `unsafe`: a vector a page too long, used from its first page boundary on.

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

    /// `len` bytes that the process has already: the first use of them takes no page fault.
    pub fn touched(len: usize) -> Self {
        let mut buffer = Self::new(len);
        // Not zero, which the compiler could see to be there.
        buffer.fill(0xff);
        buffer
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
        }
    }
}
