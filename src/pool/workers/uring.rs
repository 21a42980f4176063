//! One thread, in which each worker goes on while the others wait for operations of an `io_uring`.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::{QUEUED_PER_WORKER, Worker, run_task};
use crate::sys::{EventLoop, Sys};

/// See [`super::Scheduler::run`].
pub(super) fn run<W: Worker>(
    event_loop: &mut EventLoop,
    sys: &mut Sys,
    workers: Vec<W>,
    mut tasks: impl Iterator<Item = W::Task>,
) -> Vec<W> {
    let most = workers.len() * QUEUED_PER_WORKER;
    let queue = RefCell::new(VecDeque::new());
    let give = |task| {
        let mut queue = queue.borrow_mut();
        if queue.len() >= most {
            return Err(task);
        }
        queue.push_back(task);
        Ok(())
    };
    let next = || {
        let queued = queue.borrow_mut().pop_front();
        queued.or_else(|| tasks.next())
    };
    event_loop.run(sys, workers, next, |worker, task| run_task(worker, task, &give))
}
