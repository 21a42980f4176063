//! Limits that a job respects. How many workers and buffers it can have under those of its process (`ulimit -v`,
//! `ulimit -d`): fewer make it slower, not wrong; it is decided before the first byte. And file systems that take no more
//! data, and owners whose quota on one is used up: work ends there, not everywhere.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use crate::plan::{Resources, SchedulerName};
use crate::pool::PoolOptions;
use crate::sys::{PAGE, Sys};

/// Bytes of a thread: the 2 MiB of stack that std gives it, its guard page, its stack for signals, and what it keeps.
const THREAD_BYTES: usize = (2048 + 128) << 10;

/// Bytes of a thread that is idle, as far as they are in memory: the first pages of its stacks, and the kernel's. Measured:
/// 44 KiB each of 1000.
const IDLE_THREAD_BYTES: u64 = 64 << 10;

/// Bytes of a worker process beside its buffers and its codec. Measured on 20 that waited: 0.9 MiB each (PSS; 6.5 MiB are
/// resident, most of which is the program that all share), and with debug assertions 2.1 MiB.
const PROCESS_BYTES: u64 = 2 << 20;

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

    /// Bytes of memory that so many workers come to when all are at work and no limit takes any away.
    pub(crate) fn resident_bytes(&self, workers: usize, resources: &Resources) -> u64 {
        let buffer = (self.buffer_bytes + PAGE) as u64;
        let worker = match resources.scheduler {
            // With buffers of its own.
            SchedulerName::Processes => PROCESS_BYTES + self.at_once as u64 * buffer,
            // Operations in flight, of one thread.
            SchedulerName::Uring => 0,
            SchedulerName::Serial | SchedulerName::Channel | SchedulerName::Rayon => IDLE_THREAD_BYTES,
        };
        let pool = PoolOptions::for_job(resources, self.buffer_bytes, workers * self.buffers, self.at_once);
        let buffers = pool.limit().unwrap_or(workers * self.buffers) as u64;
        OTHER_BYTES as u64 + workers as u64 * (worker + self.worker_bytes as u64) + buffers.saturating_mul(buffer)
    }

    fn within(&self, left: Option<u64>, asked: usize, resources: &Resources) -> (usize, PoolOptions) {
        let pool = |threads| PoolOptions::for_job(resources, self.buffer_bytes, threads * self.buffers, self.at_once);
        let Some(left) = left else { return (asked, pool(asked)) };
        let left = usize::try_from(left).unwrap_or(usize::MAX).saturating_sub(OTHER_BYTES);
        let (worker, buffer) = (THREAD_BYTES + self.worker_bytes, self.buffer_bytes.saturating_add(PAGE));
        let threads = asked.min(left / buffer.saturating_mul(self.at_once).saturating_add(worker)).max(1);
        let buffers = left.saturating_sub(threads * worker) / buffer;
        (threads, pool(threads).at_most(buffers.max(self.at_once)))
    }
}

/// A device: major and minor.
pub(crate) type Device = (u32, u32);

/// Where data is written: the device of a file system, and who the data belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Volume {
    pub(crate) device: Device,
    pub(crate) owner: u32,
}

/// Those of one job, which its workers share.
#[derive(Debug, Default)]
pub(crate) struct Full {
    /// Asked for each file: nearly always there is none.
    any: AtomicBool,
    /// Devices, with an owner where only that one's quota is used up.
    volumes: Mutex<HashSet<(Device, Option<u32>)>>,
}

impl Full {
    /// Notes what an errno says of a volume; says whether it speaks of one.
    pub(crate) fn note(&self, volume: Volume, errno: Errno) -> bool {
        let owner = match errno {
            Errno::NOSPC | Errno::ROFS => None,
            Errno::DQUOT => Some(volume.owner),
            _ => return false,
        };
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner).insert((volume.device, owner));
        self.any.store(true, Ordering::Relaxed);
        true
    }

    /// Whether a volume takes no more.
    pub(crate) fn has(&self, volume: Volume) -> bool {
        self.any.load(Ordering::Relaxed) && {
            let volumes = self.volumes.lock().unwrap_or_else(PoisonError::into_inner);
            [None, Some(volume.owner)].into_iter().any(|owner| volumes.contains(&(volume.device, owner)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::plan::PoolChoice;

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

    #[test]
    fn buffers_for_a_burst_count_as_well() {
        let needs = Needs { worker_bytes: 1 << 20, buffer_bytes: 1 << 20, buffers: 4, at_once: 2 };
        let size = |size| PoolChoice::Buffers(NonZeroUsize::new(size).unwrap());
        for (pool, pool_overflow, mebibytes, expected) in [
            (PoolChoice::Auto, 8, None, (8, 8)),
            (PoolChoice::Auto, 8, Some(40), (8, 8)),
            (PoolChoice::Auto, 8, Some(25), (8, 5)),
            (PoolChoice::Auto, 8, Some(15), (4, 2)),
            (PoolChoice::Auto, 8, Some(12), (3, 0)),
            (size(4), 100, Some(25), (4, 9)),
            (size(1), 100, Some(25), (1, 12)),
            (size(1), 100, Some(0), (1, 1)),
        ] {
            let workers = NonZeroUsize::new(2);
            let resources = Resources { workers, pool, pool_overflow, ..Resources::default() };
            let (_, options) = needs.within(mebibytes.map(|mebibytes: u64| mebibytes << 20), 2, &resources);
            let found = (options.size.map_or(0, NonZeroUsize::get), options.overflow);
            assert_eq!(found, expected, "{pool} and {pool_overflow} more, {mebibytes:?} MiB");
        }
    }

    #[test]
    fn a_process_takes_more_than_a_thread_and_an_operation_in_flight_less() {
        let needs = Needs { worker_bytes: 1 << 20, buffer_bytes: (1 << 20) - PAGE, buffers: 2, at_once: 2 };
        let of = |scheduler, pool, workers| {
            let resources = Resources { scheduler, pool, ..Resources::default() };
            (needs.resident_bytes(workers, &resources) - OTHER_BYTES as u64) >> 10
        };
        assert_eq!(of(SchedulerName::Channel, PoolChoice::Auto, 10), 10 * (3 * 1024 + 64));
        assert_eq!(of(SchedulerName::Channel, PoolChoice::Off, 10), 10 * (3 * 1024 + 64));
        assert_eq!(of(SchedulerName::Processes, PoolChoice::Auto, 1000), 1000 * 7 * 1024);
        assert_eq!(of(SchedulerName::Uring, PoolChoice::Auto, 10), 10 * 3 * 1024);
        let four = PoolChoice::Buffers(NonZeroUsize::new(4).unwrap());
        assert_eq!(of(SchedulerName::Channel, four, 10), 10 * (1024 + 64) + 4 * 1024);
    }

    #[test]
    fn a_full_disk_is_full_for_all_and_a_quota_for_its_owner() {
        let volume = |minor, owner| Volume { device: (8, minor), owner };
        let full = Full::default();
        assert!(!full.has(volume(1, 7)));
        assert!(full.note(volume(1, 7), Errno::NOSPC) && full.note(volume(2, 7), Errno::DQUOT));
        assert!(full.note(volume(3, 7), Errno::ROFS) && !full.note(volume(4, 7), Errno::IO));
        for (minor, owner, expected) in
            [(1, 7, true), (1, 8, true), (2, 7, true), (2, 8, false), (3, 8, true), (4, 7, false), (5, 7, false)]
        {
            assert_eq!(full.has(volume(minor, owner)), expected, "{minor} {owner}");
        }
    }
}
