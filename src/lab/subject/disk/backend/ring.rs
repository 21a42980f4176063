//! One thread, and a ring that the kernel shares: whenever an operation is over, another takes its slot.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::io::Errno;

use super::{Error, Operation, Result, Workload};
use crate::sys::{Request, Ring, Sys};

/// An operation in flight.
#[derive(Debug, Clone, Copy)]
struct InFlight {
    operation: Operation,
    began: Instant,
    /// It was written, and is made durable.
    syncs: bool,
}

/// A ring, and what is in flight in each of its slots.
#[derive(Debug)]
pub struct Slots {
    ring: Ring,
    in_flight: Vec<Option<InFlight>>,
    /// Slots in which nothing is in flight.
    idle: Vec<usize>,
    /// Slots whose operations begin with the next call.
    fresh: Vec<usize>,
}

impl Slots {
    /// `depth` of them, for operations of at most `block_bytes`. Errors are those of [`Ring::new`].
    pub fn new(sys: &mut Sys, depth: usize, block_bytes: usize) -> rustix::io::Result<Self> {
        let ring = Ring::new(sys, depth, block_bytes)?;
        Ok(Self { ring, in_flight: vec![None; depth], idle: (0..depth).collect(), fresh: Vec::with_capacity(depth) })
    }

    /// All the memory of each slot.
    pub(super) fn memory(&mut self, mut each: impl FnMut(&mut [u8])) {
        for slot in 0..self.ring.depth() {
            each(self.ring.blocks(slot).all());
        }
    }

    /// Does what the workload says, as many at a time as there are slots. On an error it waits for what is in flight, and
    /// does nothing any more: ECANCELED.
    pub(super) fn run(&mut self, sys: &mut Sys, file: BorrowedFd<'_>, workload: &mut impl Workload) -> Result<()> {
        if self.ring.is_spent() {
            return Err(Error::of_submission(Errno::CANCELED));
        }
        let ended = self.keep_in_flight(sys, file, workload);
        if ended.is_err() {
            self.ring.settle();
        }
        ended
    }

    fn keep_in_flight(&mut self, sys: &mut Sys, file: BorrowedFd<'_>, workload: &mut impl Workload) -> Result<()> {
        let mut goes_on = self.begin(workload, Instant::now());
        while self.idle.len() < self.ring.depth() {
            sys.check_stop().map_err(Error::stopped)?;
            self.submit(sys, file, 1)?;
            while let Some((slot, moved)) = self.ring.next_over() {
                let now = Instant::now();
                self.end(slot, moved, now, workload)?;
                goes_on = goes_on && self.begin(workload, now);
                // At once, and not with those that are over too: what is submitted together comes back together, and
                // meanwhile there is less in flight than was asked for (a fifth fewer operations at a depth of 16 on a
                // virtual disk). fio does the same.
                if self.ring.has_queued() {
                    self.submit(sys, file, 0)?;
                }
            }
        }
        Ok(())
    }

    /// Submits what is queued, and waits until so many operations are over.
    fn submit(&mut self, sys: &mut Sys, file: BorrowedFd<'_>, at_least: usize) -> Result<()> {
        // Filling blocks takes its time, which is not the disk's.
        let began = Instant::now();
        for slot in self.fresh.drain(..) {
            if let Some(in_flight) = &mut self.in_flight[slot] {
                in_flight.began = began;
            }
        }
        self.ring.enter(sys, file, at_least).map_err(Error::of_submission)
    }

    /// Queues an operation in every idle slot. Says whether there are more.
    fn begin(&mut self, workload: &mut impl Workload, now: Instant) -> bool {
        while let Some(&slot) = self.idle.last() {
            let Some(operation) = workload.next(now) else { return false };
            let Operation { offset, bytes, .. } = operation;
            let request = if operation.writes {
                workload.fill(&operation, &mut self.ring.blocks(slot).next_block()[..bytes]);
                Request::Write { offset, bytes }
            } else {
                Request::Read { offset, bytes }
            };
            self.ring.queue(slot, request);
            self.in_flight[slot] = Some(InFlight { operation, began: now, syncs: false });
            self.idle.pop();
            self.fresh.push(slot);
        }
        true
    }

    /// Notes what is over, or has it made durable.
    fn end(
        &mut self,
        slot: usize,
        moved: rustix::io::Result<usize>,
        ended: Instant,
        workload: &mut impl Workload,
    ) -> Result<()> {
        let Some(in_flight) = &mut self.in_flight[slot] else { return Ok(()) };
        if in_flight.syncs {
            moved.map_err(|errno| Error::of_sync(in_flight.operation, errno))?;
        } else {
            in_flight.operation.check(moved)?;
            if in_flight.operation.wants_sync() {
                in_flight.syncs = true;
                self.ring.queue(slot, Request::Sync);
                return Ok(());
            }
        }
        workload.done(&in_flight.operation, in_flight.began, ended);
        self.idle.push(slot);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::super::Cause;
    use super::super::testing::{BLOCK, List, file, read, sys};
    use super::*;

    #[test]
    fn after_an_error_nothing_is_in_flight_and_nothing_more_is_done() {
        let mut slots = match Slots::new(&mut sys(), 8, BLOCK) {
            Ok(slots) => slots,
            Err(errno) => return eprintln!("skipped: io_uring: {errno}"),
        };
        let file = file(1);
        // The first that is over fails, when others are.
        let error = slots.run(&mut sys(), file.as_fd(), &mut List::of(&[read(1); 8])).unwrap_err();
        assert_eq!((error.cause, slots.ring.in_flight()), (Cause::Short(0), 0));
        let mut more = List::of(&[read(0)]);
        let error = slots.run(&mut sys(), file.as_fd(), &mut more).unwrap_err();
        assert_eq!((error.cause, more.begun), (Cause::System(Errno::CANCELED), 0));
    }
}
