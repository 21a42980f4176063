//! rayon's work-stealing pool. The first tasks come through `par_bridge`, so that they start in order: an indexed
//! parallel iterator would start them far apart.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rayon::iter::{ParallelBridge, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{QUEUED_PER_WORKER, Worker, run_task, serial};

/// See [`super::Scheduler::run`].
pub(super) fn run<W: Worker>(mut workers: Vec<W>, tasks: impl Iterator<Item = W::Task> + Send) -> Vec<W> {
    let Some((pool, threads)) = start(workers.len()) else {
        return serial(workers.into_iter().next(), tasks);
    };
    workers.truncate(threads.len());
    let slots: Vec<Mutex<W>> = workers.into_iter().map(Mutex::new).collect();
    let queued = AtomicUsize::new(0);
    pool.install(|| {
        rayon::scope(|scope| {
            tasks.par_bridge().for_each(|task| run_in_rayon(scope, &slots, &queued, task));
        });
    });
    drop(pool);
    // They end at some time after, and would still be there when the next pool is started.
    join(threads);
    slots.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// A pool with as many threads as can be started, at most `wanted`; `None` if none can.
fn start(mut wanted: usize) -> Option<(ThreadPool, Vec<JoinHandle<()>>)> {
    while wanted > 0 {
        let mut threads = Vec::with_capacity(wanted);
        let pool = ThreadPoolBuilder::new().num_threads(wanted).spawn_handler(|thread| {
            let name = format!("haul-{}", thread.index());
            threads.push(std::thread::Builder::new().name(name).spawn(|| thread.run())?);
            Ok(())
        });
        let Ok(pool) = pool.build() else {
            // rayon ends those that were started. Only when they are gone can as many be started again.
            wanted = threads.len();
            join(threads);
            continue;
        };
        return Some((pool, threads));
    }
    None
}

/// Waits for threads that are about to end. What panics in a task reaches its caller through rayon.
fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        let _ = thread.join();
    }
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
