//! rayon's work-stealing pool. The first tasks come through `par_bridge`, so that they start in order: an indexed
//! parallel iterator would start them far apart.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::iter::{ParallelBridge, ParallelIterator};

use super::{QUEUED_PER_WORKER, Worker, run_task, serial};

/// See [`super::run`].
pub(super) fn run<W: Worker>(mut workers: Vec<W>, tasks: impl Iterator<Item = W::Task> + Send) -> Vec<W> {
    let threads = workers.len();
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|number| format!("haul-{number}")).build();
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
