//! How operations are kept in flight: one way a file. Which operations, and what becomes of their times, a [`Script`]
//! knows; nothing here chooses places, draws numbers or keeps figures.
//!
//! - [`calls`]: one thread, one call after another;
//! - [`ring`]: one thread and `io_uring`;
//! - [`threads`]: a thread for each operation in flight.

pub mod calls;
pub mod ring;
pub mod threads;

use std::time::Instant;

/// One read or write of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Says what to do next, and is told what was done. Each thread has one of its own.
pub trait Script: Send {
    /// What to do next, at this time; `None` is the end: what is in flight is waited for, and nothing else begun.
    fn next(&mut self, now: Instant) -> Option<Operation>;
    /// Fills a buffer that is about to be written.
    fn fill(&mut self, operation: &Operation, block: &mut [u8]);
    /// An operation is over.
    fn done(&mut self, operation: &Operation, began: Instant, ended: Instant);
}
