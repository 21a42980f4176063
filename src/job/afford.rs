//! How many workers and buffers a job can have under the limits of its process (`ulimit -v`, `ulimit -d`). Fewer make it
//! slower, not wrong; it is decided before the first byte.

use crate::plan::Resources;
use crate::pool::PoolOptions;
use crate::sys::{PAGE, Sys};

/// Bytes of a thread: the 2 MiB of stack that std gives it, its guard page, its stack for signals, and what it keeps.
const THREAD_BYTES: usize = (2048 + 128) << 10;

/// Bytes for what is neither a worker's nor a buffer: the threads that listen and draw, plans, names, what waits.
const OTHER_BYTES: usize = 5 << 20;

/// What a job needs.
pub(crate) struct Needs {
    /// Bytes that each worker keeps beside its buffers: its codec.
    pub(crate) worker_bytes: usize,
    /// Bytes of a buffer.
    pub(crate) buffer_bytes: usize,
    /// Buffers of each worker.
    pub(crate) buffers: usize,
    /// Those of them that it takes in one go, and cannot work without.
    pub(crate) at_once: usize,
}

impl Needs {
    /// Threads, at most `threads`, and the pool that they share. There is always one, with what it cannot work without:
    /// whether that is there, it will find.
    pub(crate) fn afford(&self, sys: &mut Sys, threads: usize, resources: &Resources) -> (usize, PoolOptions) {
        self.within(sys.memory_left(), threads, resources)
    }

    fn within(&self, left: Option<u64>, asked: usize, resources: &Resources) -> (usize, PoolOptions) {
        let pool =
            |threads| PoolOptions::for_job(resources.pool, self.buffer_bytes, threads * self.buffers, self.at_once);
        let Some(left) = left else { return (asked, pool(asked)) };
        let left = usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(OTHER_BYTES);
        let (worker, buffer) = (THREAD_BYTES + self.worker_bytes, self.buffer_bytes.saturating_add(PAGE));
        let threads = asked.min(left / buffer.saturating_mul(self.at_once).saturating_add(worker)).max(1);
        let buffers = left.saturating_sub(threads * worker) / buffer;
        (threads, pool(threads).at_most(buffers.max(self.at_once)))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn fewer_workers_and_buffers_where_there_is_less_memory() {
        let resources = Resources::with_workers(NonZeroUsize::new(64).unwrap());
        let needs = Needs { worker_bytes: 1 << 20, buffer_bytes: 1 << 20, buffers: 4, at_once: 2 };
        let afforded = |left| {
            let (threads, pool) = needs.within(left, 64, &resources);
            (threads, pool.size.map_or(0, NonZeroUsize::get))
        };
        assert_eq!(afforded(None), (64, 256));
        for (mebibytes, expected) in [(0, (1, 2)), (10, (1, 2)), (12, (1, 3)), (30, (4, 12)), (300, (57, 116))] {
            assert_eq!(afforded(Some(mebibytes << 20)), expected, "{mebibytes} MiB");
        }
        assert_eq!(afforded(Some(u64::MAX)), (64, 256));
    }
}
