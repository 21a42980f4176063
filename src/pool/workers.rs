//! Schedulers: who runs tasks, and in which thread.
//!
//! All have the shape of [`run`]: workers with state of their own, first tasks from an iterator, and tasks that find
//! more tasks. A worker that finds one offers it to the others and never waits: what the queue would not take, it does
//! itself afterwards. A panic in a worker reaches the caller of [`run`].
//!
//! - `serial`: one thread, the caller's.
//! - `channel`: threads fed by a bounded channel.
//! - `rayon`: its work-stealing pool; the first tasks through `par_bridge`, so that they start in order.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::iter::{ParallelBridge, ParallelIterator};

use crate::plan::SchedulerName;

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
    /// Offers a task that must be done: another worker takes it, or this one does it later.
    pub fn offer(&mut self, task: T) {
        if let Err(task) = (self.give)(task) {
            self.own.push(task);
        }
    }

    /// Offers a task that only makes sense on another worker, and gives it back where the queue has no room.
    pub fn try_offer(&self, task: T) -> Result<(), T> {
        (self.give)(task)
    }
}

/// Runs `tasks` and all that they lead to, and returns the workers with what they hold.
///
/// # Panics
/// If a worker did: its panic goes on here, after the other workers have ended.
pub fn run<W: Worker>(
    scheduler: SchedulerName,
    mut workers: Vec<W>,
    tasks: impl Iterator<Item = W::Task> + Send,
) -> Vec<W> {
    match scheduler {
        SchedulerName::Serial => {
            workers.truncate(1);
            serial(&mut workers, tasks);
            workers
        }
        SchedulerName::Channel => channel(workers, tasks),
        SchedulerName::Rayon => rayon(workers, tasks),
    }
}

/// Runs one task and what of its finds nobody else took.
fn run_task<W: Worker>(worker: &mut W, task: W::Task, give: &dyn Fn(W::Task) -> Result<(), W::Task>) {
    let mut handle = Handle { give, own: vec![task] };
    while let Some(task) = handle.own.pop() {
        worker.run(task, &mut handle);
    }
}

fn serial<W: Worker>(workers: &mut [W], tasks: impl Iterator<Item = W::Task>) {
    let Some(worker) = workers.first_mut() else { return };
    for task in tasks {
        run_task(worker, task, &Err);
    }
}

enum Message<T> {
    Task(T),
    Close,
}

/// What the threads of one run share.
struct Channel<T> {
    sender: Sender<Message<T>>,
    receiver: Receiver<Message<T>>,
    /// Tasks in the channel or being run, and one for the iterator while it lasts. At 0 all is done.
    outstanding: AtomicUsize,
    panicked: AtomicBool,
    threads: usize,
}

impl<T> Channel<T> {
    fn give(&self, task: T) -> Result<(), T> {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
        self.sender.try_send(Message::Task(task)).map_err(|refused| {
            self.outstanding.fetch_sub(1, Ordering::Relaxed);
            match refused.into_inner() {
                Message::Task(task) => task,
                Message::Close => unreachable!("a task went in"),
            }
        })
    }

    fn finish_one(&self) {
        if self.outstanding.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    /// Lets every thread end. The channel has room for one `Close` each: it is empty now, or (after a panic) the
    /// threads that find tasks in it see `panicked` and end all the same.
    fn close(&self) {
        for _ in 0..self.threads {
            let _ = self.sender.try_send(Message::Close);
        }
    }

    fn work<W: Worker<Task = T>>(&self, worker: &mut W) {
        let guard = PanicGuard(self);
        while let Ok(Message::Task(task)) = self.receiver.recv() {
            if self.panicked.load(Ordering::Relaxed) {
                break;
            }
            run_task(worker, task, &|task| self.give(task));
            self.finish_one();
        }
        std::mem::forget(guard);
    }
}

/// Lets the other threads end when its own unwinds.
struct PanicGuard<'a, T>(&'a Channel<T>);

impl<T> Drop for PanicGuard<'_, T> {
    fn drop(&mut self) {
        self.0.panicked.store(true, Ordering::Relaxed);
        self.0.close();
    }
}

fn channel<W: Worker>(workers: Vec<W>, tasks: impl Iterator<Item = W::Task>) -> Vec<W> {
    let threads = workers.len();
    let (sender, receiver) = bounded(threads * QUEUED_PER_WORKER);
    let channel =
        Channel { sender, receiver, outstanding: AtomicUsize::new(1), panicked: AtomicBool::new(false), threads };
    // A slot keeps the worker when its thread cannot be started.
    let slots: Vec<Mutex<Option<W>>> = workers.into_iter().map(|worker| Mutex::new(Some(worker))).collect();
    std::thread::scope(|scope| {
        // Fewer threads than asked for (RLIMIT_NPROC, cgroup pids) make it slower, not wrong.
        let started: Vec<_> = slots
            .iter()
            .enumerate()
            .map_while(|(number, slot)| {
                let channel = &channel;
                let body = move || {
                    let mut worker = slot.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                    channel.work(&mut worker);
                    Some(worker)
                };
                std::thread::Builder::new().name(format!("haul-{number}")).spawn_scoped(scope, body).ok()
            })
            .collect();
        if started.is_empty() {
            let mut alone: Vec<W> =
                slots.iter().filter_map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take()).collect();
            serial(&mut alone, tasks);
            return alone;
        }
        feed(&channel, tasks);
        let mut done = Vec::with_capacity(started.len());
        let mut panic = None;
        for thread in started {
            match thread.join() {
                Ok(worker) => done.extend(worker),
                Err(payload) => panic = panic.or(Some(payload)),
            }
        }
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        done
    })
}

/// Sends the first tasks, waiting for room, and ends the run if they were all there was.
fn feed<T>(channel: &Channel<T>, tasks: impl Iterator<Item = T>) {
    for task in tasks {
        let mut message = Message::Task(task);
        channel.outstanding.fetch_add(1, Ordering::Relaxed);
        // Threads that panicked no longer receive, so waiting for room has to look up from time to time.
        while let Err(refused) = channel.sender.send_timeout(message, std::time::Duration::from_millis(50)) {
            if channel.panicked.load(Ordering::Relaxed) {
                return;
            }
            message = refused.into_inner();
        }
    }
    channel.finish_one();
}

fn rayon<W: Worker>(mut workers: Vec<W>, tasks: impl Iterator<Item = W::Task> + Send) -> Vec<W> {
    let threads = workers.len();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|number| format!("haul-{number}")).build();
    let Ok(pool) = pool else {
        serial(&mut workers, tasks);
        return workers;
    };
    let slots: Vec<Mutex<W>> = workers.into_iter().map(Mutex::new).collect();
    let queued = AtomicUsize::new(0);
    pool.install(|| {
        rayon::scope(|scope| {
            tasks.par_bridge().for_each(|task| run_in_rayon(scope, &slots, &queued, task));
        });
    });
    slots.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Runs a task with the state of the thread it landed on. Tasks never wait inside rayon, so a thread's state is never
/// asked for twice at a time.
fn run_in_rayon<'scope, W: Worker>(
    scope: &rayon::Scope<'scope>,
    slots: &'scope [Mutex<W>],
    queued: &'scope AtomicUsize,
    task: W::Task,
) where
    W::Task: 'scope,
{
    let thread = rayon::current_thread_index().unwrap_or_default();
    let mut worker = slots[thread].lock().unwrap_or_else(PoisonError::into_inner);
    run_task(&mut *worker, task, &|task| {
        if queued.fetch_add(1, Ordering::Relaxed) >= slots.len() * QUEUED_PER_WORKER {
            queued.fetch_sub(1, Ordering::Relaxed);
            return Err(task);
        }
        scope.spawn(move |scope| {
            queued.fetch_sub(1, Ordering::Relaxed);
            run_in_rayon(scope, slots, queued, task);
        });
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const ALL: [SchedulerName; 3] = [SchedulerName::Serial, SchedulerName::Channel, SchedulerName::Rayon];

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
