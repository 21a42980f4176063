//! What the tests share: a workload that does a list, every way there is here, and files.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::{Backend, Operation, Result, Workload};
use crate::calls::SyscallCounts;
use crate::lab::subject::disk::plan::BackendName;
use crate::sys::faults::{Fault, FaultPlan};
use crate::sys::{Stop, Sys};

pub(super) const BLOCK: usize = 4096;

/// Does a list of operations, and notes what became of each.
#[derive(Default)]
pub(super) struct List {
    pub(super) ahead: Vec<Operation>,
    pub(super) begun: usize,
    pub(super) done: Vec<Operation>,
    pub(super) most_in_flight: usize,
    /// Begins again after the last, for ever.
    pub(super) repeats: bool,
    /// Asks to stop when so many are done.
    pub(super) stops: Option<(usize, Stop)>,
    /// Threads that came to their first operation, and how many do: no one goes on without them.
    pub(super) meets: Option<(Arc<AtomicUsize>, usize)>,
    pub(super) thread: Option<(ThreadId, Option<String>)>,
}

impl List {
    pub(super) fn of(operations: &[Operation]) -> Self {
        Self { ahead: operations.to_vec(), ..Self::default() }
    }
}

impl Workload for List {
    fn next(&mut self, _: Instant) -> Option<Operation> {
        let thread = std::thread::current();
        self.thread.get_or_insert_with(|| (thread.id(), thread.name().map(str::to_owned)));
        if let Some((there, all)) = self.meets.take() {
            // Whoever comes first finds the last: started, if not yet here.
            assert!(all == 1 || is_started(&format!("haul-load-{}", all - 1)), "a thread is still to be started");
            there.fetch_add(1, Ordering::SeqCst);
            let limit = Instant::now() + Duration::from_secs(20);
            while there.load(Ordering::SeqCst) < all {
                assert!(Instant::now() < limit, "the others did not come");
                std::thread::yield_now();
            }
        }
        let index = if self.repeats { self.begun % self.ahead.len() } else { self.begun };
        let operation = *self.ahead.get(index)?;
        self.begun += 1;
        self.most_in_flight = self.most_in_flight.max(self.begun - self.done.len());
        Some(operation)
    }

    fn fill(&mut self, operation: &Operation, block: &mut [u8]) {
        assert_eq!(block.len(), operation.bytes);
        block.fill(mark(operation.offset));
    }

    fn done(&mut self, operation: &Operation, began: Instant, ended: Instant) {
        assert!(began <= ended);
        self.done.push(*operation);
        if let Some((count, stop)) = &self.stops
            && self.done.len() == *count
        {
            stop.request(2);
        }
    }
}

/// What is written at an offset.
pub(super) fn mark(offset: u64) -> u8 {
    (offset / BLOCK as u64) as u8 | 0x80
}

pub(super) fn read(block: usize) -> Operation {
    Operation { offset: (block * BLOCK) as u64, bytes: BLOCK, ..Operation::default() }
}

pub(super) fn write(block: usize) -> Operation {
    Operation { writes: true, ..read(block) }
}

pub(super) fn file(blocks: usize) -> File {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(&vec![1; blocks * BLOCK], 0).unwrap();
    file
}

pub(super) fn sys() -> Sys {
    Sys::new(Stop::new())
}

pub(super) fn faulty(at: u64, fault: Fault) -> Sys {
    sys().with_faults(Arc::new(FaultPlan::new(at, fault, false)))
}

/// Every way there is here, of these depths.
pub(super) fn ways(depths: &[usize]) -> Vec<(BackendName, usize)> {
    let has_ring = Backend::new(&mut sys(), BackendName::IoUring, 1, BLOCK);
    if let Err(errno) = &has_ring {
        eprintln!("skipped: io_uring: {errno}");
    }
    let deep = [BackendName::IoUring, BackendName::Threads]
        .into_iter()
        .filter(|way| *way != BackendName::IoUring || has_ring.is_ok());
    let deep = deep.flat_map(|way| depths.iter().map(move |depth| (way, *depth)));
    std::iter::once((BackendName::Calls, 1)).chain(deep).collect()
}

/// As many workloads as it takes, with the operations dealt out to them.
pub(super) fn deal(backend: &Backend, operations: &[Operation]) -> Vec<List> {
    let count = backend.workloads();
    let each = |number| operations.iter().copied().skip(number).step_by(count).collect::<Vec<_>>();
    (0..count).map(|number| List::of(&each(number))).collect()
}

pub(super) fn run(
    sys: &Sys,
    way: (BackendName, usize),
    file: &File,
    operations: &[Operation],
) -> (Result<SyscallCounts>, Vec<List>) {
    let mut backend = Backend::new(&mut self::sys(), way.0, way.1, BLOCK).unwrap();
    let mut workloads = deal(&backend, operations);
    let counts = backend.run(sys, file.as_fd(), &mut workloads);
    (counts, workloads)
}

/// Whether there is a thread of this name.
#[expect(clippy::disallowed_methods, reason = "lists our own threads, in a test")]
fn is_started(name: &str) -> bool {
    let names = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path().join("comm"));
    names.flat_map(std::fs::read_to_string).any(|seen| seen.trim_end() == name)
}
