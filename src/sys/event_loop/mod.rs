//! An event loop: many workers on one thread, each on a stack of its own, whose calls are operations of one `io_uring`.
//!
//! A worker runs ordinary code. Where that makes a call for which the ring has an operation ([`operations`]), the worker is
//! suspended, another one goes on, and the first continues with the result when the kernel has it. So what a job does is
//! written once, for threads and for the ring; calls that the ring has no operation for are made at once, between.
//!
//! An operation's buffers, paths and descriptors are borrowed by the suspended call, which does not return before the kernel
//! is done with them. A worker is never given up while it is suspended in an operation: rather the process ends.
//!
//! Where the kernel takes no more operations (`io_uring_enter` fails), the same calls are made without the ring. When
//! somebody asks to stop, operations that may wait for ever (opening, reading and writing) are cancelled; they end as if a
//! signal had interrupted them.
//!
//! A lock that is held during an operation would be waited for by its own thread: whoever holds one makes calls
//! ([`Sys::without_pause`]).
//!
//! Each `io_uring_enter` is counted; operations are counted apart from calls, since the kernel's counters
//! (`/proc/self/io`) do not see them.

#![allow(
    unsafe_code,
    reason = "coroutines borrow from their loop, and the kernel from the coroutines; see each argument"
)]

pub(super) mod operations;

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use io_uring::types::CancelBuilder;
use io_uring::{Builder, EnterFlags, IoUring, Probe, opcode, squeue};
use rustix::io::{Errno, Result};

use self::operations::NEEDED;
use super::Sys;
use super::ring::errno;
use crate::calls::Call;

/// Bytes of a worker's stack. Only what is touched takes memory; a debug build of a copy touches about 100 KiB.
const STACK_BYTES: usize = 512 << 10;
/// What an operation "returns" that the kernel did not take: the caller makes the call itself.
const NOT_TAKEN: i32 = i32::MIN;
/// From here on errnos are the kernel's own words for a call that was interrupted (ERESTARTSYS and others, `linux/errno.h`),
/// which it does not translate for operations that a kernel thread does.
const RESTART: i32 = 512;
/// What marks the end of a cancellation, which nobody waits for.
const CANCELLATION: u64 = u64::MAX;

/// Why a worker gives the thread up.
enum Pause {
    /// Until this operation is over; and whether that may take for ever.
    Operation(squeue::Entry, bool),
    /// Until there is a task.
    Idle,
}

type Resume = Yielder<i32, Pause>;

thread_local! {
    /// The worker that runs on this thread, if it is one of an event loop.
    static CURRENT: Cell<Option<NonNull<Resume>>> = const { Cell::new(None) };
}

/// Performs an operation while other workers go on; `None` where there is no event loop or its ring takes nothing: then
/// the caller makes the call itself. Cancelled, it ends with EINTR.
///
/// # Safety
/// What `entry` points to must stay where it is until this returns, and be of the kind and size that the operation needs.
unsafe fn perform(entry: squeue::Entry, may_wait: bool) -> Option<Result<u32>> {
    let current = CURRENT.get()?;
    // SAFETY: the pointer was taken from the reference that the running coroutine was given, which lives as long as the
    // coroutine runs; the loop takes it away when another one, or itself, goes on.
    let result = unsafe { current.as_ref() }.suspend(Pause::Operation(entry, may_wait));
    CURRENT.set(Some(current));
    match result {
        NOT_TAKEN => None,
        result => Some(u32::try_from(result).map_err(|_| match -result {
            errno if errno >= RESTART => Errno::INTR,
            errno if errno == Errno::CANCELED.raw_os_error() => Errno::INTR,
            errno => Errno::from_raw_os_error(errno),
        })),
    }
}

/// Does something in which no other worker goes on: every call is made at once. For whoever holds a lock that another worker
/// of the loop may wait for, which would be for ever.
pub(super) fn without_pause<T>(work: impl FnOnce() -> T) -> T {
    let current = CURRENT.take();
    let result = work();
    CURRENT.set(current);
    result
}

/// See the module.
pub(crate) struct EventLoop {
    io: IoUring,
    /// What is in the submission queue, in its order: whose operation, or [`CANCELLATION`].
    submitted: VecDeque<u64>,
    /// What the kernel took and has not ended.
    in_flight: usize,
    /// The kernel did not take what was submitted, and would take it now, from callers that have gone on.
    is_spent: bool,
}

/// A worker with its stack.
struct Fiber<W> {
    coroutine: Coroutine<i32, Pause, Box<W>, DefaultStack>,
    /// It is suspended in an operation that may take for ever.
    may_wait: bool,
}

/// The workers of one run.
struct Fibers<W> {
    all: Vec<Fiber<W>>,
    idle: Vec<usize>,
    panic: Option<Box<dyn Any + Send>>,
}

/// Ends the process where the loop itself would unwind: the kernel may be writing to memory that would be given up.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

impl EventLoop {
    /// A loop for so many operations at a time. ENOSYS, EPERM or EACCES where there is no ring (an old kernel, a container's
    /// seccomp filter, `kernel.io_uring_disabled`), EOPNOTSUPP where it lacks an operation (before Linux 5.6), ENOMEM
    /// without memory for it, EINVAL of more than 16384.
    pub(crate) fn new(sys: &mut Sys, in_flight: usize) -> Result<Self> {
        // Each operation may have a cancellation beside it.
        let entries = u32::try_from(2 * in_flight).map_err(|_| Errno::INVAL)?;
        let set_up = |builder: &mut Builder| builder.build(entries).map_err(|error| errno(&error));
        // The kernel does its part of finished operations when this thread waits, and does not interrupt it for each: a
        // third faster for a tree in memory. Linux 6.1.
        let deferred = || set_up(IoUring::builder().setup_single_issuer().setup_defer_taskrun());
        let io = match sys.plain(Call::IoUringSetup, deferred) {
            Err(Errno::INVAL) => sys.plain(Call::IoUringSetup, || set_up(&mut IoUring::builder()))?,
            other => other?,
        };
        let mut probe = Probe::new();
        sys.plain(Call::IoUringRegister, || io.submitter().register_probe(&mut probe).map_err(|error| errno(&error)))?;
        if !NEEDED.iter().all(|code| probe.is_supported(*code)) {
            return Err(Errno::OPNOTSUPP);
        }
        Ok(Self { io, submitted: VecDeque::new(), in_flight: 0, is_spent: false })
    }

    /// Has `workers` do the tasks that `next` finds, by `work`, until there are none and all are done; returns the workers.
    /// Without memory for so many stacks fewer of them work; without any, the first does, on the caller's, and only makes
    /// calls. A worker that panics lets the others end their tasks; then its panic goes on here.
    pub(crate) fn run<W, T>(
        &mut self,
        sys: &mut Sys,
        workers: Vec<W>,
        mut next: impl FnMut() -> Option<T>,
        work: impl Fn(&mut W, T),
    ) -> Vec<W> {
        let mut stacks: Vec<_> = workers.iter().map_while(|_| DefaultStack::new(STACK_BYTES).ok()).collect();
        let mut workers = workers.into_iter();
        if stacks.is_empty() {
            let mut done: Vec<W> = workers.collect();
            while let (Some(worker), Some(task)) = (done.first_mut(), next()) {
                work(worker, task);
            }
            return done;
        }
        let guard = AbortOnUnwind;
        let tasks: Vec<Cell<Option<T>>> = stacks.iter().map(|_| Cell::new(None)).collect();
        let mut fibers = Fibers { all: Vec::new(), idle: Vec::new(), panic: None };
        loop {
            while fibers.panic.is_none() && (!fibers.idle.is_empty() || !stacks.is_empty()) {
                let Some(task) = next() else { break };
                let index = fibers.idle.pop().unwrap_or(fibers.all.len());
                if index == fibers.all.len() {
                    // One stack for each of the first workers.
                    let fiber = workers.next().zip(stacks.pop()).map(|(worker, stack)| {
                        // SAFETY: what the coroutine borrows, `tasks` and `work`, is dropped after `fibers`, and no coroutine
                        // leaves this function. Nor does what it is given and returns hold any reference of its own.
                        unsafe { Fiber::new(worker, stack, &tasks[index], &work) }
                    });
                    fibers.all.extend(fiber);
                }
                tasks[index].set(Some(task));
                self.go_on(&mut fibers, index, 0);
            }
            if self.in_flight == 0 && self.submitted.is_empty() {
                break;
            }
            self.enter(sys, &mut fibers);
            while let Some(over) = self.next_over() {
                if let Ok(index) = usize::try_from(over.0)
                    && over.0 != CANCELLATION
                {
                    self.go_on(&mut fibers, index, over.1);
                }
            }
        }
        // Without a task they return; those that panicked have.
        let idle = fibers.all.iter_mut().filter(|fiber| !fiber.coroutine.done());
        let done = idle.filter_map(|fiber| fiber.coroutine.resume(0).as_return()).map(|worker| *worker);
        let done = done.chain(workers).collect();
        CURRENT.set(None);
        std::mem::forget(guard);
        if let Some(payload) = fibers.panic {
            resume_unwind(payload);
        }
        done
    }

    /// Lets a worker go on until it waits for an operation, which is queued, or has no task.
    fn go_on<W>(&mut self, fibers: &mut Fibers<W>, index: usize, mut result: i32) {
        let fiber = &mut fibers.all[index];
        loop {
            let paused = catch_unwind(AssertUnwindSafe(|| fiber.coroutine.resume(result)));
            // What the loop does itself is nobody's operation.
            CURRENT.set(None);
            match paused {
                Ok(CoroutineResult::Yield(Pause::Operation(..))) if self.is_spent => result = NOT_TAKEN,
                Ok(CoroutineResult::Yield(Pause::Operation(entry, may_wait))) => {
                    fiber.may_wait = may_wait;
                    return self.submit(&entry, index as u64);
                }
                Ok(CoroutineResult::Yield(Pause::Idle)) => return fibers.idle.push(index),
                Ok(CoroutineResult::Return(_)) => unreachable!("it returns when it is given no task"),
                Err(payload) => return fibers.panic = fibers.panic.take().or(Some(payload)),
            }
        }
    }

    /// Puts an entry into the submission queue, which has room for an operation of each worker, and for its cancellation.
    fn submit(&mut self, entry: &squeue::Entry, user_data: u64) {
        let entry = entry.clone().user_data(user_data);
        // SAFETY: whoever suspended itself with this entry vouched for what it points to until it is resumed; that happens
        // when the kernel has ended it, or will never take it. A cancellation points to nothing.
        unsafe { self.io.submission().push(&entry) }.expect("room for each worker");
        self.submitted.push_back(user_data);
    }

    /// Submits what is queued, and waits until something is over. Whose operation the kernel does not take makes the call.
    fn enter<W>(&mut self, sys: &mut Sys, fibers: &mut Fibers<W>) {
        if self.is_spent {
            return self.wait_only();
        }
        let entered = sys.plain(Call::IoUringEnter, || self.io.submit_and_wait(1).map_err(|error| errno(&error)));
        let left = self.io.submission().len();
        let taken = self.submitted.len() - left;
        self.submitted.drain(..taken);
        self.in_flight += taken;
        match entered {
            Ok(_) => {}
            Err(Errno::INTR) => self.cancel(fibers),
            // The kernel has no memory for more at a time.
            Err(Errno::AGAIN | Errno::BUSY) if self.in_flight > 0 => self.wait_only(),
            Err(_) => {
                self.is_spent = true;
                for index in std::mem::take(&mut self.submitted) {
                    if index != CANCELLATION {
                        self.go_on(fibers, index as usize, NOT_TAKEN);
                    }
                }
            }
        }
    }

    /// Asks the kernel to end what may wait for ever.
    fn cancel<W>(&mut self, fibers: &mut Fibers<W>) {
        for (index, fiber) in fibers.all.iter_mut().enumerate() {
            if std::mem::take(&mut fiber.may_wait) && !self.submitted.contains(&(index as u64)) {
                let entry = opcode::AsyncCancel2::new(CancelBuilder::user_data(index as u64)).build();
                self.submit(&entry, CANCELLATION);
            }
        }
    }

    /// An operation that is over: whose it was, and what it returned.
    fn next_over(&mut self) -> Option<(u64, i32)> {
        let over = self.io.completion().next()?;
        self.in_flight -= 1;
        Some((over.user_data(), over.result()))
    }

    /// Waits until something in flight is over, and submits nothing. It is not counted, and asks nobody whether to stop.
    fn wait_only(&mut self) {
        // SAFETY: it submits nothing, and passes no argument; it only waits.
        let waited = unsafe { self.io.submitter().enter::<libc::sigset_t>(0, 1, EnterFlags::GETEVENTS.bits(), None) };
        if waited.is_err_and(|error| errno(&error) != Errno::INTR) {
            // Nobody will ever know what the kernel still writes to.
            std::process::abort();
        }
    }
}

impl<W> Fiber<W> {
    /// A worker that does the tasks that are put into `task`, one at a time, and returns itself where there is none.
    ///
    /// # Safety
    /// It must be dropped before what `task` and `work` refer to.
    unsafe fn new<T>(worker: W, stack: DefaultStack, task: &Cell<Option<T>>, work: &impl Fn(&mut W, T)) -> Self {
        // It is moved to that stack and back, which has a limit.
        let mut worker = Box::new(worker);
        let body = move |resume: &Resume, _| {
            CURRENT.set(Some(NonNull::from(resume)));
            while let Some(task) = task.take() {
                work(&mut worker, task);
                resume.suspend(Pause::Idle);
                CURRENT.set(Some(NonNull::from(resume)));
            }
            worker
        };
        // SAFETY: the caller vouches for the references; nothing else in it is borrowed.
        Self { coroutine: unsafe { Coroutine::with_stack_unchecked(stack, body) }, may_wait: false }
    }
}

#[cfg(test)]
mod tests;
