//! How a pool of buffers behaves.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::plan::PoolChoice;

/// How a pool behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// Bytes of each buffer.
    pub buffer_bytes: usize,
    /// Buffers kept; `None` keeps none and bounds nothing: each is allocated and freed.
    pub size: Option<NonZeroUsize>,
    /// Buffers beyond `size` that may exist at a time; each is freed after use.
    pub overflow: usize,
    /// How long to wait for a buffer; `None` waits without limit.
    pub wait: Option<Duration>,
}

impl PoolOptions {
    /// A job's pool: no overflow, no limit to waiting. `needed` is what [`PoolChoice::Auto`] stands for; `at_once` is
    /// what one worker takes in one go, and so the least a pool may hold.
    pub fn for_job(choice: PoolChoice, buffer_bytes: usize, needed: usize, at_once: usize) -> Self {
        let size = match choice {
            PoolChoice::Auto => NonZeroUsize::new(needed.max(at_once)),
            PoolChoice::Buffers(count) => NonZeroUsize::new(count.get().max(at_once)),
            PoolChoice::Off => None,
        };
        Self { buffer_bytes, size, overflow: 0, wait: None }
    }

    /// The same with at most so many buffers kept.
    #[must_use]
    pub fn at_most(self, buffers: usize) -> Self {
        let size = self.size.and_then(|size| NonZeroUsize::new(size.get().min(buffers)));
        Self { size, ..self }
    }

    /// The most buffers that may exist at a time.
    pub(super) fn limit(&self) -> Option<usize> {
        self.size.map(|size| size.get() + self.overflow)
    }
}
