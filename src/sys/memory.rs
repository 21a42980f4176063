//! Page-aligned memory: a buffer, and the blocks that one operation on a disk uses in turn.

use std::alloc::{Layout, alloc_zeroed};
use std::ptr::slice_from_raw_parts_mut;

use rustix::io::{Errno, Result};

use super::allocations::fallible;

/// Alignment of every buffer in bytes; what `O_DIRECT` and huge copies like.
pub(crate) const PAGE: usize = crate::size::PAGE;

/// Bytes that start on a page boundary: a vector a page too long, used from that boundary on. Fresh ones are zero.
#[derive(Debug)]
pub(crate) struct AlignedBuffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuffer {
    /// `len` zero bytes. Large ones come from the kernel already zero, and are not touched here. ENOMEM where there is no
    /// memory for them: whoever asked for so many is told so, and the process goes on.
    pub(crate) fn new(len: usize) -> Result<Self> {
        Self::of(len, zeros)
    }

    /// The same of bytes that the process has already: the first use of them takes no page fault.
    pub(crate) fn touched(len: usize) -> Result<Self> {
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

/// The least memory for blocks. File systems compress what lies beside each other: btrfs at most 128 KiB at a time
/// (`BTRFS_MAX_UNCOMPRESSED` in fs/btrfs/compression.h), ZFS a record, by default as much. So there is as much memory as
/// that even where a block is small: blocks that are written one after another are then not each other's copies.
const LEAST: usize = 128 << 10;

/// The memory of one operation in flight: blocks that each start on a page boundary and are used in turn. Their owner
/// decides what they hold.
#[derive(Debug)]
pub struct Blocks {
    memory: AlignedBuffer,
    block_bytes: usize,
    /// From the start of one to the start of the next.
    stride: usize,
    /// Where the one in use starts.
    start: usize,
}

impl Blocks {
    /// Memory for blocks of so many bytes; ENOMEM where there is none.
    pub fn new(block_bytes: usize) -> Result<Self> {
        let stride = block_bytes.next_multiple_of(PAGE).max(PAGE);
        let memory = AlignedBuffer::touched(LEAST.div_ceil(stride) * stride)?;
        Ok(Self { memory, block_bytes, stride, start: 0 })
    }

    /// All of it.
    pub fn all(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// The block in use: one is enough to read into, and stays in the processor's cache.
    pub fn block(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..][..self.block_bytes]
    }

    /// Has the next one be in use, after the last the first, and returns it.
    pub fn next_block(&mut self) -> &mut [u8] {
        self.start = (self.start + self.stride) % self.memory.len();
        self.block()
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

    #[test]
    fn blocks_take_turns_and_lie_apart() {
        for (bytes, count) in [(512, 32), (PAGE, 32), (3 * PAGE, 11), (LEAST, 1), (1 << 20, 1), (0, 32)] {
            let mut blocks = Blocks::new(bytes).unwrap();
            assert!(blocks.all().len() >= LEAST.max(bytes));
            for number in 0..count {
                let block = blocks.next_block();
                assert_eq!((block.len(), block.as_ptr() as usize % PAGE), (bytes, 0));
                block.fill(number as u8);
            }
            // The first again, which none of the others reached into.
            for number in 0..count {
                assert!(blocks.next_block().iter().all(|byte| *byte == number as u8), "{bytes} {number}");
            }
        }
    }
}
