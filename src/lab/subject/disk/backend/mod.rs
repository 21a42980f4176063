//! How operations are kept in flight: one way a file. Which operations, and what becomes of their times, a [`Workload`]
//! knows; nothing here chooses offsets, draws numbers or keeps figures.
//!
//! - [`calls`]: one thread, one call after another;
//! - [`ring`]: one thread and `io_uring`;
//! - [`threads`]: a thread for each operation in flight;
//! - `error`: what went wrong, and at which operation.

pub mod calls;
mod error;
pub mod ring;
pub mod threads;

use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::io::Errno;

use self::calls::Calls;
pub use self::error::{Cause, Error, Result};
use self::ring::Slots;
use self::threads::Threads;
use crate::calls::SyscallCounts;
use crate::lab::subject::disk::plan::BackendName;
use crate::sys::Sys;

/// One read or write of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operation {
    /// Whether it writes.
    pub writes: bool,
    /// Whether it is over only when what was written is durable (`fdatasync`).
    pub is_durable: bool,
    /// Where in the file, bytes.
    pub offset: u64,
    /// How many bytes.
    pub bytes: usize,
}

impl Operation {
    const fn wants_sync(&self) -> bool {
        self.writes && self.is_durable
    }
}

/// Says what to do next, and is told what was done. Each thread has one of its own.
pub trait Workload: Send {
    /// What to do next, at this time; `None` is the end: what is in flight is waited for, and nothing else begun.
    fn next(&mut self, now: Instant) -> Option<Operation>;
    /// Fills a block that is about to be written. It holds what was last written or read there, or what
    /// [`Backend::prepare`] put there: each slot has several blocks, which are written in turn.
    fn fill(&mut self, operation: &Operation, block: &mut [u8]);
    /// An operation is over. What `fill` took is not between `began` and `ended`.
    fn done(&mut self, operation: &Operation, began: Instant, ended: Instant);
}

/// A way to keep operations in flight, with all the memory that it takes: a run allocates none for blocks.
#[derive(Debug)]
pub enum Backend {
    /// See [`calls`].
    Calls(Calls),
    /// See [`ring`].
    Ring(Box<Slots>),
    /// See [`threads`].
    Threads(Threads),
}

impl Backend {
    /// Gets ready to keep `depth` operations of at most `block_bytes` in flight. EINVAL where that cannot be: a depth
    /// of 0, calls more than 1 deep; ENOMEM without memory for the blocks; of a ring, what [`crate::sys::Ring::new`] says.
    pub fn new(sys: &mut Sys, backend: BackendName, depth: usize, block_bytes: usize) -> rustix::io::Result<Self> {
        match backend {
            BackendName::Calls if depth == 1 => Calls::new(block_bytes).map(Self::Calls),
            BackendName::IoUring => Slots::new(sys, depth, block_bytes).map(|slots| Self::Ring(Box::new(slots))),
            BackendName::Threads if depth > 0 => Threads::new(depth, block_bytes).map(Self::Threads),
            BackendName::Calls | BackendName::Threads => Err(Errno::INVAL),
        }
    }

    /// Fills all memory of every slot before a run, so that what is written begins as something: blocks written one after
    /// another from the same slot are other parts of it, until 128 KiB are through.
    pub fn prepare(&mut self, mut fill: impl FnMut(&mut [u8])) {
        match self {
            Self::Calls(calls) => fill(calls.memory()),
            Self::Ring(slots) => slots.memory(fill),
            Self::Threads(threads) => threads.memory(fill),
        }
    }

    /// How many workloads a run takes: one, or one a thread.
    pub const fn workloads(&self) -> usize {
        match self {
            Self::Calls(_) | Self::Ring(_) => 1,
            Self::Threads(threads) => threads.depth(),
        }
    }

    /// Does what the workloads say until they end, and returns the calls of this run, which `sys` itself does not count.
    /// After an error nothing is in flight, and a ring is of no further use: get ready again.
    ///
    /// # Panics
    /// If there are not as many workloads as [`Backend::workloads`] says, or one asks for more bytes than a block has.
    pub fn run<W: Workload>(&mut self, sys: &Sys, file: BorrowedFd<'_>, workloads: &mut [W]) -> Result<SyscallCounts> {
        assert_eq!(workloads.len(), self.workloads(), "workloads");
        let mut alone = sys.sibling();
        match self {
            Self::Calls(calls) => calls.run(&mut alone, file, &mut workloads[0])?,
            Self::Ring(slots) => slots.run(&mut alone, file, &mut workloads[0])?,
            Self::Threads(threads) => return threads.run(sys, file, workloads),
        }
        Ok(alone.counts().clone())
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
