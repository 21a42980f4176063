//! One thread, one call after another: `pread64`, `pwrite64`, and `fdatasync` after a write that is to be durable.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::{Error, Operation, Result, Workload};
use crate::sys::{Blocks, Sys};

/// Memory, and calls that fill and empty it.
#[derive(Debug)]
pub struct Calls {
    blocks: Blocks,
}

impl Calls {
    /// For operations of at most `block_bytes`. ENOMEM where there is no memory for one.
    pub fn new(block_bytes: usize) -> rustix::io::Result<Self> {
        Blocks::new(block_bytes).map(|blocks| Self { blocks })
    }

    /// All the memory there is.
    pub(super) fn memory(&mut self) -> &mut [u8] {
        self.blocks.all()
    }

    /// Does what the workload says, one after another.
    pub(super) fn run(&mut self, sys: &mut Sys, file: BorrowedFd<'_>, workload: &mut impl Workload) -> Result<()> {
        // The end of one operation is the beginning of the next: a clock that is read once for both costs half. A write
        // begins when its block is filled.
        let mut now = Instant::now();
        loop {
            sys.check_stop().map_err(Error::stopped)?;
            let Some(operation) = workload.next(now) else { return Ok(()) };
            let mut began = now;
            if operation.writes {
                workload.fill(&operation, &mut self.blocks.next_block()[..operation.bytes]);
                began = Instant::now();
            }
            self.make(sys, file, &operation)?;
            now = Instant::now();
            workload.done(&operation, began, now);
        }
    }

    fn make(&mut self, sys: &mut Sys, file: BorrowedFd<'_>, operation: &Operation) -> Result<()> {
        let block = &mut self.blocks.block()[..operation.bytes];
        let moved = if operation.writes {
            sys.pwrite(file, block, operation.offset)
        } else {
            sys.pread(file, block, operation.offset)
        };
        operation.check(moved)?;
        if operation.wants_sync() {
            sys.fdatasync(file).map_err(|errno| Error::of_sync(*operation, errno))?;
        }
        Ok(())
    }
}
