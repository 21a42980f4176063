//! `haul copy`: files and trees, in parallel by directory entry and by range of a large file.
//!
//! - this file: the tasks and the workers; [`shared`]: what those share;
//! - [`operands`]: from the words of the command line to open directories and names;
//! - [`walk`]: reading directories; [`directory`]: a directory on its way; [`resume`]: new trees under temporary names, and
//!   going on with old ones;
//! - [`decide`](mod@decide): what becomes of an entry; [`dry_run`]: telling it instead of doing it; [`folding`]: where case
//!   makes no difference;
//! - [`file`](mod@file): one file from its beginning to its end; [`sides`]: its source and its target; [`content`]: its
//!   bytes; [`check`]: whether those are all; [`fast_path`]: small ones in fewer calls; [`hard_links`]: files with several
//!   names; [`special`]: what has no content;
//! - [`names`]: how a final name is given, and backups; [`attributes`]: what is kept beside the bytes.

mod attributes;
mod check;
mod content;
mod decide;
mod directory;
mod dry_run;
mod fast_path;
mod file;
mod folding;
mod hard_links;
mod names;
mod operands;
mod resume;
mod shared;
mod sides;
mod special;
mod walk;

use std::ffi::CString;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use self::content::Split;
use self::directory::{Directory, Open, TargetState};
use self::dry_run::DryRun;
use self::fast_path::FastPath;
use self::hard_links::Waiting;
use self::operands::Destination;
use self::operands::Distinct;
use self::shared::Shared;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::job::limits::Needs;
use crate::job::list::Names;
use crate::job::worker_context::WorkerContext;
use crate::outcome::Summary;
use crate::plan::{CopyPlan, Durable, EngineName, Follow};
use crate::pool::{BufferPool, Handle, Worker, workers};
use crate::size::BufferSize;
use crate::sys::{DirectoryBuffer, Entries, most_descriptors};
use crate::tree::Place;
use crate::tree::extended::Buffers;

/// Descriptors that a process has beside those of its workers: standard ones, roots, pipes of its own.
const OTHER_DESCRIPTORS: u64 = 24;
/// Descriptors that a worker may have open, and those of the tasks that may wait for it.
const WORKER_DESCRIPTORS: u64 = 18;

/// Copies what `plan` says. Failures of single entries are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &CopyPlan, context: &Context) -> Result<Summary> {
    let mut first = context.sys();
    // What a dry run tells comes in order.
    let threads = if plan.dry_run { 1 } else { affordable(plan.resources.threads()) };
    let (threads, options) = needs(plan).afford(&mut first, threads, &plan.resources);
    let pool = BufferPool::new(options);
    let mut workers = WorkerContext::for_workers(context, threads);
    let sys = &mut workers[0].sys;
    if plan.dry_run {
        sys.change_nothing();
    }
    let listed = plan.list.as_ref().map(|list| Names::read(sys, list)).transpose()?;
    let sources: Vec<_> = plan.sources.iter().cloned().chain(listed.into_iter().flat_map(Names::into_paths)).collect();
    let destination = Destination::find(sys, plan, sources.len())?;
    let Distinct { sources, repeated, may_collide: sources_may_collide } = Distinct::new(sys, sources, plan);
    for path in repeated {
        workers[0].warn(path, "named more than once, copied once");
    }
    // Of several sources one may lie in another, and links that are followed are names that no file counts.
    let forgets_links = sources.len() == 1 && plan.follow == Follow::Never;
    let mut shared = Shared::new(plan, context, destination, threads, &pool, sources_may_collide, forgets_links);
    shared.dry_run = plan.dry_run.then(|| DryRun::new(&mut workers[0].sys)).transpose()?;
    let shared = Arc::new(shared);
    let mut copiers: Vec<_> = workers.into_iter().map(|worker| Copier::new(worker, &shared)).collect();
    if !plan.dry_run {
        copiers[0].tidy_destination();
    }
    let mut tasks = sources.into_iter().map(Task::Source);
    if sources_may_collide {
        // One after the other: what one has made, the next one finds.
        for task in tasks {
            copiers = workers::run(plan.resources.scheduler, copiers, std::iter::once(task));
        }
    } else {
        copiers = workers::run(plan.resources.scheduler, copiers, &mut tasks);
    }
    if let Some(copier) = copiers.first_mut() {
        copier.close_down();
    }
    let mut summary = WorkerContext::add_up(copiers.into_iter().map(|copier| copier.worker), &pool);
    summary.unfinished = shared.unfinished.paths();
    summary.syscalls += first.counts();
    Ok(summary)
}

/// As many workers as there are descriptors for.
fn affordable(threads: usize) -> usize {
    let most = most_descriptors().map_or(u64::MAX, |most| most.saturating_sub(OTHER_DESCRIPTORS) / WORKER_DESCRIPTORS);
    threads.min(usize::try_from(most).unwrap_or(usize::MAX)).max(1)
}

/// One buffer a worker: it is filled and emptied before the next is needed; two where they are compared.
fn needs(plan: &CopyPlan) -> Needs {
    let engine = if plan.engine == EngineName::Auto { EngineName::ReadWrite } else { plan.engine };
    let default =
        crate::engine::ALL.iter().find(|known| known.name() == engine).map_or(1, |known| known.default_step());
    let bytes = plan.resources.buffer.map_or(default.min(1 << 20), BufferSize::bytes);
    let each = 1 + usize::from(plan.verify);
    Needs { worker_bytes: 0, buffer_bytes: bytes, buffers: each, at_once: each }
}

/// A piece of work. Those that wait in numbers are small.
enum Task {
    /// A source as the user named it.
    Source(PathBuf),
    /// A directory, by its name in the one above.
    Directory(Arc<Directory>, CString, TargetState),
    /// Entries of a directory that somebody else goes on reading.
    Entries(Box<(Arc<Open>, Entries)>),
    /// Ranges of a large file that nobody has taken yet.
    Ranges(Arc<Split>),
    /// A further name of a file that is copied by now.
    Name(Box<Waiting>),
}

/// A worker.
struct Copier {
    worker: WorkerContext,
    shared: Arc<Shared>,
    names: DirectoryBuffer,
    attributes: Buffers,
    /// Pieces of a file, to be copied one after the other.
    batch: Vec<Range<u64>>,
    fast_path: FastPath,
    /// A file was worth more than one worker since somebody asked.
    was_large: bool,
    /// Where the copy lies that a name was linked to last.
    copy_directory: Option<(Arc<Place>, OwnedFd)>,
}

impl Copier {
    fn new(worker: WorkerContext, shared: &Arc<Shared>) -> Self {
        let (names, attributes) = (DirectoryBuffer::default(), Buffers::default());
        let (shared, batch, fast_path) = (Arc::clone(shared), Vec::new(), FastPath::default());
        Self { worker, shared, names, attributes, batch, fast_path, was_large: false, copy_directory: None }
    }

    /// Removes what killed runs left in the directory that sources go to.
    fn tidy_destination(&mut self) {
        let shared = Arc::clone(&self.shared);
        let place = &shared.destination.place;
        if let Ok(directory) = place.open(&mut self.worker.sys) {
            self.remove_abandoned(place, &directory);
            let _ = self.worker.sys.close(directory);
        }
    }

    /// What is left to do when all is copied.
    fn close_down(&mut self) {
        // Also when the job was cut short: nobody else would.
        self.finish_parents();
        for path in self.shared.take_incomplete() {
            self.worker.warn(path, "it was being written in place, and is not whole; copy it again");
        }
        if self.worker.is_halted() || self.shared.plan.dry_run {
            return;
        }
        let places = match self.shared.plan.durable {
            Durable::None => Vec::new(),
            Durable::File => vec![Arc::clone(&self.shared.destination.place)],
            Durable::End => self.shared.volumes(),
        };
        for place in places {
            let synced = self.sync(&place);
            self.worker.check(synced.map_err(|errno| Error::system("sync", place.path(), errno)));
        }
    }

    /// Makes durable what the plan wants to be: the names in a directory, or all of its file system.
    fn sync(&mut self, place: &Place) -> rustix::io::Result<()> {
        let sys = &mut self.worker.sys;
        let directory = place.open(sys)?;
        let all = self.shared.plan.durable == Durable::End;
        let synced = if all { sys.syncfs(&directory) } else { sys.fsync(&directory) };
        synced.and(sys.close(directory))
    }
}

impl Worker for Copier {
    type Task = Task;

    fn run(&mut self, task: Task, handle: &mut Handle<'_, Task>) {
        if self.worker.is_halted() {
            // Dropping a task drops its targets, and those take their temporary names away or keep them. But half a file in
            // a tree has no temporary name of its own.
            if let Task::Ranges(split) = task {
                self.abandon_split(split, handle);
            }
            return;
        }
        match task {
            Task::Source(path) => self.start(&path, handle),
            Task::Directory(above, name, state) => self.enter(above, &name, &name, state, handle),
            Task::Entries(shared) => {
                let (open, entries) = *shared;
                self.entries(&open, entries, handle);
                self.leave(open);
            }
            Task::Ranges(split) => {
                self.ranges(&split);
                self.leave_split(split, handle);
            }
            Task::Name(waiting) => self.waited(*waiting, handle),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::plan::Resources;

    #[test]
    fn each_call_of_each_worker_is_timed_where_that_is_asked_for_and_none_elsewhere() {
        let scratch = tempfile::tempdir().unwrap();
        let source = scratch.path().join("source");
        let mut context = Context::silent();
        let mut sys = context.sys();
        for directory in [&source, &source.join("one"), &source.join("two")] {
            sys.mkdirat(rustix::fs::CWD, &crate::tree::path::c_path(directory), 0o700).unwrap();
        }
        assert!(sys.counts().total() == 3 && sys.counts().latencies().is_empty());
        for time_calls in [false, true] {
            context.time_calls = time_calls;
            let target = scratch.path().join(time_calls.to_string());
            let plan =
                CopyPlan::new(vec![source.clone()], target, Resources::with_workers(NonZeroUsize::new(3).unwrap()));
            let counts = run(&plan, &context).unwrap().syscalls;
            let timed: Vec<_> = counts.latencies().into_iter().map(|latency| (latency.call, latency.calls)).collect();
            let made = counts.made().map(|(call, counts)| (call.name().to_owned(), counts.calls));
            let expected = if time_calls { made.collect() } else { vec![] };
            assert_eq!(timed, expected);
        }
    }
}
