//! A thread for each operation in flight, each making one call after another.
//!
//! The first operation of every thread begins when all threads are there: each says so and waits at a gate, which opens
//! for all at once. So starting them is in no operation's time, nor in that of the run as workloads are told it, from the
//! first `now` to the last `ended`.

use std::convert::Infallible;
use std::os::fd::BorrowedFd;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, ScopedJoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::io::Errno;

use super::calls::Calls;
use super::{Error, Operation, Result, Workload};
use crate::calls::SyscallCounts;
use crate::sys::Sys;

/// What each thread needs.
#[derive(Debug)]
pub struct Threads {
    each: Vec<Calls>,
}

/// Ends a workload when another thread failed.
struct Unless<'a, W> {
    workload: &'a mut W,
    failed: &'a AtomicBool,
}

impl<W: Workload> Workload for Unless<'_, W> {
    fn next(&mut self, now: Instant) -> Option<Operation> {
        if self.failed.load(Ordering::Relaxed) { None } else { self.workload.next(now) }
    }

    fn fill(&mut self, operation: &Operation, block: &mut [u8]) {
        self.workload.fill(operation, block);
    }

    fn done(&mut self, operation: &Operation, began: Instant, ended: Instant) {
        self.workload.done(operation, began, ended);
    }
}

/// Where a thread says that it is there, and waits until the other end of the second is gone.
type Gate = (Sender<()>, Receiver<Infallible>);

impl Threads {
    /// `depth` of them, for operations of at most `block_bytes`. ENOMEM where there is no memory for as many.
    pub fn new(depth: usize, block_bytes: usize) -> rustix::io::Result<Self> {
        let each = std::iter::repeat_with(|| Calls::new(block_bytes)).take(depth).collect::<rustix::io::Result<_>>()?;
        Ok(Self { each })
    }

    /// How many.
    pub const fn depth(&self) -> usize {
        self.each.len()
    }

    /// All the memory of each thread.
    pub(super) fn memory(&mut self, mut each: impl FnMut(&mut [u8])) {
        self.each.iter_mut().for_each(|calls| each(calls.memory()));
    }

    /// Does what each workload says in a thread of its own, and returns the calls of all. The first that fails ends all.
    pub(super) fn run<W: Workload>(
        &mut self,
        sys: &Sys,
        file: BorrowedFd<'_>,
        workloads: &mut [W],
    ) -> Result<SyscallCounts> {
        let failed = &AtomicBool::new(false);
        let (here, arrivals) = bounded(workloads.len());
        let (opener, opens) = bounded(0);
        std::thread::scope(|scope| {
            let mut threads: Vec<ScopedJoinHandle<'_, Result<SyscallCounts>>> = Vec::with_capacity(workloads.len());
            let mut refused = None;
            for (number, (calls, workload)) in self.each.iter_mut().zip(workloads).enumerate() {
                let (mut sys, gate) = (sys.sibling(), (here.clone(), opens.clone()));
                let body = move || {
                    pass(&gate);
                    let ended = calls.run(&mut sys, file, &mut Unless { workload, failed });
                    failed.fetch_or(ended.is_err(), Ordering::Relaxed);
                    ended.map(|()| sys.counts().clone())
                };
                match Builder::new().name(format!("haul-load-{number}")).spawn_scoped(scope, body) {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        refused = Some(Error::of_thread(Errno::from_io_error(&error).unwrap_or(Errno::AGAIN)));
                        failed.store(true, Ordering::Relaxed);
                        break;
                    }
                }
            }
            // One for each, or fewer when no other can come.
            drop(here);
            for () in arrivals.iter().take(threads.len()) {}
            drop(opener);
            let counts = gather(threads);
            refused.map_or(counts, Err)
        })
    }
}

fn pass((here, opens): &Gate) {
    let _ = here.send(());
    // Nothing is ever sent: it ends when nobody can any more.
    let _ = opens.recv();
}

/// Waits for all threads, and adds up their counts.
fn gather(threads: Vec<ScopedJoinHandle<'_, Result<SyscallCounts>>>) -> Result<SyscallCounts> {
    let mut all = Ok(SyscallCounts::default());
    for thread in threads {
        let counts = thread.join().unwrap_or_else(|payload| resume_unwind(payload));
        match (&mut all, counts) {
            (Ok(all), Ok(counts)) => *all += &counts,
            (Ok(_), Err(error)) => all = Err(error),
            (Err(_), _) => {}
        }
    }
    all
}
