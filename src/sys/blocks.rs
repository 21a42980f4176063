//! The memory of one operation in flight: blocks that are used in turn.
//!
//! File systems compress what lies beside each other: btrfs at most 128 KiB at a time (`BTRFS_MAX_UNCOMPRESSED` in
//! fs/btrfs/compression.h), ZFS a record, by default as much. So there is as much memory as that even where a block is
//! small: blocks that are written one after another are then not each other's copies. What they hold, the owner decides.

use rustix::io::Result;

use super::{AlignedBuffer, PAGE};

/// The least memory.
const LEAST: usize = 128 << 10;

/// Blocks that each start on a page boundary.
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
