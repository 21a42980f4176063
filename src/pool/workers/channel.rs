//! Threads fed by a bounded channel.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{QUEUED_PER_WORKER, Worker, run_task, serial};

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

/// See [`super::Scheduler::run`].
pub(super) fn run<W: Worker>(workers: Vec<W>, tasks: impl Iterator<Item = W::Task>) -> Vec<W> {
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
            let first = slots.first().and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take());
            return serial(first, tasks);
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
        while let Err(refused) = channel.sender.send_timeout(message, Duration::from_millis(50)) {
            if channel.panicked.load(Ordering::Relaxed) {
                return;
            }
            message = refused.into_inner();
        }
    }
    channel.finish_one();
}
