//! Schedulers: who runs tasks, and in which thread.
//!
//! All have the shape of [`Scheduler::run`]: workers with state of their own, first tasks from an iterator, and tasks that find
//! more tasks. A worker that finds one offers it to the others and never waits: what the queue would not take, it does
//! itself afterwards. A panic in a worker reaches its caller.
//!
//! - `serial`: one thread, the caller's.
//! - `channel`: threads fed by a bounded channel.
//! - `rayon`: its work-stealing pool; the first tasks through `par_bridge`, so that they start in order.
//! - `processes`: threads as with `channel`, each of which has a [`process`] do the work on bytes.
//! - `uring`: one thread, in which each worker goes on while the others wait for operations of an `io_uring`.

mod channel;
pub mod process;
mod rayon;
mod uring;

use crate::plan::SchedulerName;
use crate::sys::{EventLoop, Sys};

/// Tasks a queue holds per worker: one to start at once, and some slack so that a worker that found a whole directory
/// can hand out more than one part of it. More would only let discovery run ahead of the work.
const QUEUED_PER_WORKER: usize = 4;

/// Something that runs tasks and keeps state between them: its `Sys`, its compressor.
pub trait Worker: Send {
    /// What it runs.
    type Task: Send;

    /// Runs one task. What it finds on the way goes to `handle`.
    fn run(&mut self, task: Self::Task, handle: &mut Handle<'_, Self::Task>);
}

/// A worker's way to hand on the tasks it finds.
pub struct Handle<'a, T> {
    give: &'a dyn Fn(T) -> Result<(), T>,
    /// What nobody took; this worker does it after the task at hand, the latest first.
    own: Vec<T>,
}

impl<T> Handle<'_, T> {
    /// The handle of one who works alone: nobody else takes anything. Its tasks come back from [`Handle::take`].
    pub fn alone() -> Self {
        Self { give: &Err, own: Vec::new() }
    }

    /// The latest task that nobody took.
    pub fn take(&mut self) -> Option<T> {
        self.own.pop()
    }

    /// Offers a task that must be done: another worker takes it, or this one does it later.
    pub(crate) fn offer(&mut self, task: T) {
        if let Err(task) = (self.give)(task) {
            self.own.push(task);
        }
    }

    /// Offers a task that only makes sense on another worker, and gives it back where the queue has no room.
    pub(crate) fn try_offer(&self, task: T) -> Result<(), T> {
        (self.give)(task)
    }
}

/// Who runs tasks.
pub(crate) enum Scheduler {
    /// The caller.
    Serial,
    /// Threads fed by a bounded channel.
    Channel,
    /// rayon.
    Rayon,
    /// An event loop.
    Uring(Box<EventLoop>),
}

impl Scheduler {
    /// The scheduler of this name, for so many workers. An error where there is no `io_uring` for an event loop.
    pub(crate) fn new(name: SchedulerName, sys: &mut Sys, workers: usize) -> rustix::io::Result<Self> {
        Ok(match name {
            SchedulerName::Serial => Self::Serial,
            SchedulerName::Channel | SchedulerName::Processes => Self::Channel,
            SchedulerName::Rayon => Self::Rayon,
            SchedulerName::Uring => Self::Uring(Box::new(EventLoop::new(sys, workers)?)),
        })
    }

    /// Runs `tasks` and all that they lead to, and returns the workers that did it with what they hold: fewer where no more
    /// threads could be started (`RLIMIT_NPROC`, `pids.max` of a control group, no memory for a stack), one at least. `sys`
    /// counts what an event loop calls.
    ///
    /// # Panics
    /// If a worker did: its panic goes on here, after the other workers have ended.
    pub(crate) fn run<W: Worker>(
        &mut self,
        sys: &mut Sys,
        workers: Vec<W>,
        tasks: impl Iterator<Item = W::Task> + Send,
    ) -> Vec<W> {
        match self {
            Self::Serial => serial(workers.into_iter().next(), tasks),
            Self::Channel => channel::run(workers, tasks),
            Self::Rayon => rayon::run(workers, tasks),
            Self::Uring(event_loop) => uring::run(event_loop, sys, workers, tasks),
        }
    }
}

/// Runs one task and what of its finds nobody else took.
fn run_task<W: Worker>(worker: &mut W, task: W::Task, give: &dyn Fn(W::Task) -> Result<(), W::Task>) {
    let mut handle = Handle { give, own: vec![task] };
    while let Some(task) = handle.take() {
        worker.run(task, &mut handle);
    }
}

/// Runs them in the caller's thread.
fn serial<W: Worker>(worker: Option<W>, tasks: impl Iterator<Item = W::Task>) -> Vec<W> {
    let Some(mut worker) = worker else { return Vec::new() };
    for task in tasks {
        run_task(&mut worker, task, &Err);
    }
    vec![worker]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stop;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const ALL: [SchedulerName; 4] =
        [SchedulerName::Serial, SchedulerName::Channel, SchedulerName::Rayon, SchedulerName::Uring];

    fn run<W: Worker>(
        scheduler: SchedulerName,
        workers: Vec<W>,
        tasks: impl Iterator<Item = W::Task> + Send,
    ) -> Vec<W> {
        let mut sys = Sys::new(Stop::new());
        match Scheduler::new(scheduler, &mut sys, workers.len()) {
            Ok(mut scheduler) => scheduler.run(&mut sys, workers, tasks),
            Err(errno) => {
                eprintln!("skipped: no io_uring here: {errno}");
                Scheduler::Serial.run(&mut sys, workers, tasks)
            }
        }
    }

    /// Counts the leaves of a binary tree of tasks.
    struct Counter(u64);

    impl Worker for Counter {
        type Task = u32;

        fn run(&mut self, depth: u32, handle: &mut Handle<'_, u32>) {
            assert_ne!(depth, 99, "on purpose");
            if depth == 0 {
                self.0 += 1;
            } else {
                handle.offer(depth - 1);
                handle.offer(depth - 1);
            }
        }
    }

    #[test]
    fn every_task_and_all_it_leads_to_is_run_once() {
        for scheduler in ALL {
            for count in [1, 2, 5] {
                let workers = (0..count).map(|_| Counter(0)).collect();
                let done = run(scheduler, workers, [10, 0, 7, 3].into_iter());
                let leaves: u64 = done.iter().map(|worker| worker.0).sum();
                assert_eq!(leaves, 1024 + 1 + 128 + 8, "{scheduler:?} with {count}");
            }
        }
    }

    #[test]
    fn no_task_is_no_work() {
        for scheduler in ALL {
            let done = run(scheduler, vec![Counter(0), Counter(0)], std::iter::empty());
            assert!(done.iter().all(|worker| worker.0 == 0), "{scheduler:?}");
        }
    }

    #[test]
    fn a_panic_in_a_worker_reaches_the_caller() {
        for scheduler in ALL {
            let workers = vec![Counter(0), Counter(0)];
            let tasks = (0..200).map(|number| if number == 20 { 99 } else { 3 });
            let result = catch_unwind(AssertUnwindSafe(|| run(scheduler, workers, tasks).len()));
            assert!(result.is_err(), "{scheduler:?}");
        }
    }
}
