//! `haul copy`: files and trees, in parallel by directory entry and by range of a large file.
//!
//! - this file: the tasks and the workers;
//! - [`arguments`]: from the words of the command line to an open directory and a name;
//! - [`directory`]: a directory on its way; [`walk`]: reading it, and finishing it when all below is done;
//! - [`file`](mod@file): one file, whole or by ranges; [`sides`]: its source and its target.

mod arguments;
mod directory;
mod file;
mod sides;
mod walk;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use self::arguments::Destination;
use self::directory::{Directory, Open};
use self::file::Split;
use super::Context;
use super::claims::Claims;
use super::station::Station;
use crate::error::{Error, Result};
use crate::outcome::Summary;
use crate::plan::{CopyPlan, EngineName, When};
use crate::pool::{BufferPool, Handle, PoolOptions, Worker, workers};
use crate::size::BufferSize;
use crate::sys::{DirectoryBuffer, Entries, Identity};
use crate::tree::Leftovers;
use crate::tree::path::own_name;

/// Copies what `plan` says. Failures of single entries are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &CopyPlan, context: &Context) -> Result<Summary> {
    let threads = plan.resources.threads();
    let pool = BufferPool::new(pool_options(plan, threads));
    let mut stations = Station::for_workers(context, threads);
    let destination = Destination::find(&mut stations[0].sys, plan)?;
    let sources = distinct_names(plan, &mut stations[0]);
    let shared = Arc::new(Shared {
        destination,
        engine: plan.engine,
        reflink: plan.reflink,
        step: plan.resources.buffer.map(BufferSize::bytes),
        threads,
        pool: pool.clone(),
        claims: Claims::default(),
        identity: context.identity,
        leftovers: context.leftovers.clone(),
    });
    let workers = stations
        .into_iter()
        .map(|station| Copier { station, shared: Arc::clone(&shared), names: DirectoryBuffer::default() })
        .collect();
    let tasks = sources.into_iter().map(Task::Source);
    let done = workers::run(plan.resources.scheduler, workers, tasks);
    Ok(Station::add_up(done.into_iter().map(|copier| copier.station), &pool))
}

/// The sources, without those whose name in the target another source has already: as with `cp`, what was just made
/// is not overwritten.
fn distinct_names(plan: &CopyPlan, station: &mut Station) -> Vec<PathBuf> {
    let mut names = HashSet::new();
    let is_new = |path: &PathBuf| own_name(path).is_none_or(|name| names.insert(name));
    let (new, twins): (Vec<_>, Vec<_>) = plan.sources.iter().cloned().partition(is_new);
    for path in twins {
        station.fail(Error::refused("copy", path, "another source has the same name"));
    }
    new
}

/// One buffer a worker: it is filled and emptied before the next is needed.
fn pool_options(plan: &CopyPlan, threads: usize) -> PoolOptions {
    let engine = if plan.engine == EngineName::Auto { EngineName::ReadWrite } else { plan.engine };
    let default =
        crate::engine::ALL.iter().find(|known| known.name() == engine).map_or(1, |known| known.default_step());
    let bytes = plan.resources.buffer.map_or(default.min(1 << 20), BufferSize::bytes);
    PoolOptions::for_job(plan.resources.pool, bytes, threads, 1)
}

/// What the workers of one copy share.
struct Shared {
    destination: Destination,
    engine: EngineName,
    reflink: When,
    /// The most bytes a call moves, if the user said.
    step: Option<usize>,
    threads: usize,
    pool: BufferPool,
    /// Files written in place.
    claims: Claims,
    identity: Identity,
    leftovers: Leftovers,
}

/// A piece of work.
enum Task {
    /// A source as the user named it.
    Source(PathBuf),
    /// A directory, whose target exists.
    Directory(Arc<Directory>),
    /// Entries of a directory that somebody else goes on reading.
    Entries(Arc<Open>, Entries),
    /// Ranges of a large file that nobody has taken yet.
    Ranges(Arc<Split>),
}

/// A worker.
struct Copier {
    station: Station,
    shared: Arc<Shared>,
    names: DirectoryBuffer,
}

impl Worker for Copier {
    type Task = Task;

    fn run(&mut self, task: Task, handle: &mut Handle<'_, Task>) {
        if self.station.is_halted() {
            // Dropping a task drops its targets, and those take their temporary names away.
            return;
        }
        match task {
            Task::Source(path) => self.start(&path, handle),
            Task::Directory(directory) => self.walk(directory, handle),
            Task::Entries(open, entries) => {
                self.entries(&open, &entries, handle);
                self.leave(open);
            }
            Task::Ranges(split) => {
                self.ranges(&split);
                self.leave_file(split);
            }
        }
    }
}
