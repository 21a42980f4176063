//! `haul copy`: files and trees, in parallel by directory entry and by range of a large file.
//!
//! - this file: the tasks, the workers, and which way an entry goes; [`shared`]: what the workers share;
//! - [`operands`]: from the words of the command line to open directories and names;
//! - [`directory`]: directories and the entries in them; [`directory_copy`]: from a directory's making to its finishing;
//!   [`staged`]: new trees under temporary names, and going on with old ones;
//! - [`decide`](mod@decide): what becomes of an entry; [`decision`]: what must be known for that; [`dry_run`]: telling it
//!   instead of doing it;
//! - [`file`](mod@file): one file from its beginning to its end; [`file_copy`]: its source and its target; [`content`]: its
//!   bytes; [`attributes`]: what is kept beside them;
//! - [`processes`]: pieces that a worker process copies;
//! - [`special`]: what has no content; [`hard_links`]: files with several names; [`names`]: final names, and backups.

mod attributes;
mod content;
mod decide;
mod decision;
mod directory;
mod directory_copy;
mod dry_run;
mod file;
mod file_copy;
mod hard_links;
mod names;
mod operands;
mod processes;
mod shared;
mod special;
mod staged;

use std::ffi::{CStr, CString};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::io::Errno;

use self::content::RangeCopy;
use self::decide::is_read;
use self::directory::{Directory, Entry, OpenDirectory, ParentLink, Subdirectory, TargetState, open_to_search};
use self::directory_copy::{FoundDirectory, release_directory};
use self::dry_run::DryRun;
use self::file::FastPath;
use self::hard_links::{LinkGroups, PendingName};
use self::operands::{Destination, DistinctSources};
pub use self::processes::work;
use self::shared::Shared;
use crate::error::{Cause, Error, Result};
use crate::job::Context;
use crate::job::limits::Needs;
use crate::job::list::Names;
use crate::job::worker_context::WorkerContext;
use crate::plan::{CopyPlan, Durable, EngineName, Follow, Method, Resources, SchedulerName};
use crate::pool::workers::Scheduler;
use crate::pool::{BufferPool, Handle, PoolOptions, Worker};
use crate::size::BufferSize;
use crate::summary::Summary;
use crate::sys::{DirectoryBuffer, FileKind, Sys, most_descriptors};
use crate::tree::DirectoryPath;
use crate::tree::extended::Buffers;
use crate::tree::walk::{self, Part, Visitor};

/// Descriptors that a process has beside those of its workers: standard ones, roots, pipes of its own.
const OTHER_DESCRIPTORS: u64 = 24;
/// Descriptors that a worker may have open, and those of the tasks that may wait for it.
const WORKER_DESCRIPTORS: u64 = 18;

/// Copies what `plan` says. Failures of single entries are events and counts in the summary; an error means that
/// nothing could be begun.
pub fn run(plan: &CopyPlan, context: &Context) -> Result<Summary> {
    let mut first = context.sys();
    let (mut scheduler, threads, options, no_ring) = schedule(plan, &mut first);
    let pool = BufferPool::new(options);
    let mut workers = WorkerContext::for_workers(context, threads);
    if let Some(errno) = no_ring {
        let why = format!("there is no io_uring here ({}); threads copy instead", Cause::System(errno));
        workers[0].warn(&plan.target, why);
    }
    if plan.resources.scheduler == SchedulerName::Processes && !plan.dry_run {
        WorkerContext::start_processes(&mut workers, context, processes::JOB)?;
    }
    let sys = &mut workers[0].sys;
    if plan.dry_run {
        sys.change_nothing();
    }
    let listed = plan.list.as_ref().map(|list| Names::read(sys, list)).transpose()?;
    let sources: Vec<_> = plan.sources.iter().cloned().chain(listed.into_iter().flat_map(Names::into_paths)).collect();
    let destination = Destination::find(sys, plan, sources.len())?;
    let DistinctSources { sources, repeated, may_collide: sources_may_collide } =
        DistinctSources::new(sys, sources, plan);
    for path in repeated {
        workers[0].warn(path, "named more than once, copied once");
    }
    // Of several sources one may lie in another, and links that are followed are names that no file counts.
    let forgets_links = sources.len() == 1 && plan.follow == Follow::Never;
    let (destination, links) = (Arc::new(destination), Arc::new(LinkGroups::new(forgets_links)));
    let shared = Arc::new(Shared::new(plan, context, threads, &pool, sources_may_collide));
    let new = |worker| Copier::new(worker, Arc::clone(&shared), Arc::clone(&destination), Arc::clone(&links));
    let mut copiers: Vec<_> = workers.into_iter().map(new).collect();
    if plan.dry_run {
        copiers[0].dry_run = Some(DryRun::new(&mut copiers[0].worker.sys)?);
    } else {
        copiers[0].tidy_destination();
    }
    let mut tasks = sources.into_iter().map(Task::Source);
    if sources_may_collide {
        // One after the other: what one has made, the next one finds.
        for task in tasks {
            copiers = scheduler.run(&mut first, copiers, std::iter::once(task));
        }
    } else {
        copiers = scheduler.run(&mut first, copiers, &mut tasks);
    }
    if let Some(copier) = copiers.first_mut() {
        copier.close_down();
    }
    let mut summary = WorkerContext::add_up(copiers.into_iter().map(|copier| copier.worker), &pool);
    summary.unfinished = shared.unfinished.paths();
    summary.syscalls += first.counts();
    Ok(summary)
}

/// Who runs the tasks, how many workers, and their pool; and why there is no ring, if one was asked for.
fn schedule(plan: &CopyPlan, sys: &mut Sys) -> (Scheduler, usize, PoolOptions, Option<Errno>) {
    let needs = needs(plan);
    if plan.dry_run {
        // What it tells comes in order.
        let (_, options) = needs.afford(sys, 1, &plan.resources);
        return (Scheduler::Serial, 1, options, None);
    }
    let mut resources = plan.resources;
    let mut no_ring = None;
    loop {
        let (mut workers, options) = needs.afford(sys, affordable(resources.threads()), &resources);
        if resources.scheduler == SchedulerName::Uring {
            // A worker that waited for a buffer would hold up those that have them.
            workers = options.limit().map_or(workers, |buffers| workers.min(buffers / needs.at_once)).max(1);
        }
        match Scheduler::new(resources.scheduler, sys, workers) {
            Ok(scheduler) => return (scheduler, workers, options, no_ring),
            Err(errno) => no_ring = Some(errno),
        }
        resources = Resources { scheduler: SchedulerName::Channel, workers: None, ..resources };
    }
}

/// As many workers as there are descriptors for.
fn affordable(threads: usize) -> usize {
    let most = most_descriptors().map_or(u64::MAX, |most| most.saturating_sub(OTHER_DESCRIPTORS) / WORKER_DESCRIPTORS);
    threads.min(usize::try_from(most).unwrap_or(usize::MAX)).max(1)
}

/// One buffer a worker: it is filled and emptied before the next is needed; two where they are compared.
pub(crate) fn needs(plan: &CopyPlan) -> Needs {
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
    Entries(Box<Part<OpenDirectory>>),
    /// Ranges of a large file that nobody has taken yet.
    Ranges(Arc<RangeCopy>),
    /// Another name of a file that is copied by now.
    Name(Box<PendingName>),
}

/// A worker.
struct Copier {
    worker: WorkerContext,
    shared: Arc<Shared>,
    destination: Arc<Destination>,
    links: Arc<LinkGroups>,
    /// What would be there by now, if nothing is done; then this is the only worker.
    dry_run: Option<DryRun>,
    names: DirectoryBuffer,
    attributes: Buffers,
    /// Pieces of a file, to be copied one after the other.
    batch: Vec<Range<u64>>,
    fast_path: FastPath,
    /// A file was worth more than one worker since somebody asked.
    was_large: bool,
    /// Where the copy lies that a name was linked to last.
    copy_directory: Option<(Arc<DirectoryPath>, OwnedFd)>,
}

impl Copier {
    fn new(worker: WorkerContext, shared: Arc<Shared>, destination: Arc<Destination>, links: Arc<LinkGroups>) -> Self {
        Self {
            fast_path: FastPath::new(&shared.plan),
            worker,
            shared,
            destination,
            links,
            dry_run: None,
            names: DirectoryBuffer::default(),
            attributes: Buffers::default(),
            batch: Vec::new(),
            was_large: false,
            copy_directory: None,
        }
    }

    /// Copies one entry of an open directory, whatever it is.
    fn copy_entry(&mut self, entry: Entry<'_>, kind: FileKind, handle: &mut Handle<'_, Task>) {
        self.writes_to(entry.directory());
        let kind = decision::kind_of(&mut self.worker.sys, entry, kind);
        let Some(kind) = self.worker.check(kind) else { return };
        if decision::is_passed_over(self, entry, kind) {
            return;
        }
        let done = self.copy_by_kind(entry, kind, handle);
        staged::clear_stale(&mut self.worker.sys, entry, &done);
        self.worker.check(done);
    }

    fn copy_by_kind(&mut self, entry: Entry<'_>, kind: FileKind, handle: &mut Handle<'_, Task>) -> Result<()> {
        match (kind, self.shared.plan.method) {
            (FileKind::Directory, _) => directory_copy::hand_on(self, entry, handle),
            (_, Method::HardLink) => special::link_source(self, entry),
            (_, Method::Symlink) => special::symlink_to_source(self, entry),
            (kind, _) if is_read(&self.shared.plan, kind) => {
                file::copy_file(self, entry, handle);
                Ok(())
            }
            _ => special::copy_special(self, entry, handle),
        }
    }

    /// Goes into a directory that was found in another: makes its target, if nobody has yet, and copies what is in it.
    fn enter(
        &mut self,
        above: Arc<Directory>,
        name: &CStr,
        new_name: &CStr,
        state: TargetState,
        handle: &mut Handle<'_, Task>,
    ) {
        self.writes_to(&above);
        if state != TargetState::Merged && self.worker.is_full(above.volume.dev()) {
            return release_directory(self, above, None);
        }
        let subdirectory = Subdirectory { above: &above, source: above.source.below(name), name, new_name };
        let found = directory_copy::find(self, &subdirectory, state);
        match self.worker.check(found) {
            Some((directory, target)) => {
                let parent = ParentLink(Some(above));
                self.copy_directory((Directory { parent, ..directory }, target), handle);
            }
            None => release_directory(self, above, None),
        }
    }

    /// Copies a directory with what is in it. Its target may be open already.
    fn copy_directory(&mut self, found: FoundDirectory, handle: &mut Handle<'_, Task>) {
        let Some(open) = directory_copy::begin(self, found) else { return };
        if !open.is_to_be_read(&self.shared.plan) || walk::read(self, &open, handle) {
            directory_copy::release(self, open);
        }
    }

    /// A name that waited for the copy of its file: its directories are opened again, and it goes the way of every entry.
    fn copy_pending_name(&mut self, pending: PendingName, handle: &mut Handle<'_, Task>) {
        let PendingName { directory, name, kind, new_name } = pending;
        self.writes_to(&directory);
        let mut open = |path: &DirectoryPath| open_to_search(&mut self.worker.sys, path);
        let sides = open(&directory.source).and_then(|source| Ok((source, open(&directory.target)?)));
        let Some(sides) = self.worker.check(sides) else { return release_directory(self, directory, None) };
        let opened = directory_copy::open(self, &directory, sides);
        let Some(open) = self.worker.check(opened) else { return release_directory(self, directory, None) };
        drop(directory);
        let entry = Entry { open: &open, name: &name, new_name: new_name.as_deref().unwrap_or(&name) };
        let done = self.copy_by_kind(entry, kind, handle);
        self.worker.check(done);
        directory_copy::release(self, open);
    }

    /// From here on the work at hand writes to the file system that the target of a directory lies in.
    fn writes_to(&mut self, directory: &Directory) {
        self.worker.writes_to(Some(directory.volume.dev()));
    }

    /// Counts something that is passed over on purpose.
    fn pass_over(&mut self, path: impl FnOnce() -> PathBuf, why: &str) {
        self.worker.summary.skipped += 1;
        let would = if self.dry_run.is_some() { "would be " } else { "" };
        self.worker.note(|| (path(), format!("{would}passed over: {why}")));
    }

    /// Removes what killed runs left in the directory that sources go to.
    fn tidy_destination(&mut self) {
        let path = Arc::clone(&self.destination.path);
        if let Ok(directory) = path.open(&mut self.worker.sys) {
            directory_copy::tidy(self, &path, &directory);
            let _ = self.worker.sys.close(directory);
        }
    }

    /// What is left to do when all is copied.
    fn close_down(&mut self) {
        // Also when the job was cut short: nobody else would.
        operands::finish_parents(self);
        let shared = Arc::clone(&self.shared);
        for path in shared.in_place.take_incomplete() {
            self.worker.warn(path, "it was being written in place, and is not whole; copy it again");
        }
        if self.worker.is_halted() || self.dry_run.is_some() {
            return;
        }
        let destination = Arc::clone(&self.destination.path);
        let paths = match shared.plan.durable {
            Durable::None => Vec::new(),
            Durable::File => vec![destination],
            Durable::End => std::iter::once(destination).chain(shared.volumes.directories()).collect(),
        };
        for path in paths {
            let synced = self.sync(&path);
            self.worker.check(synced.map_err(|errno| Error::system("sync", path.to_path_buf(), errno)));
        }
    }

    /// Makes durable what the plan wants to be: the names in a directory, or all of its file system.
    fn sync(&mut self, path: &DirectoryPath) -> rustix::io::Result<()> {
        let sys = &mut self.worker.sys;
        let directory = path.open(sys)?;
        let all = self.shared.plan.durable == Durable::End;
        let synced = if all { sys.syncfs(&directory) } else { sys.fsync(&directory) };
        synced.and(sys.close(directory))
    }
}

impl Visitor for Copier {
    type Directory = OpenDirectory;
    type Task = Task;

    const WORTH_OFFERING: usize = 16;

    fn reader(&mut self) -> (&mut Sys, &mut DirectoryBuffer) {
        (&mut self.worker.sys, &mut self.names)
    }

    fn offers_batches(&self) -> bool {
        self.shared.plan.resources.batch
    }

    fn offer(&mut self, part: Part<OpenDirectory>, handle: &Handle<'_, Task>) -> Option<Part<OpenDirectory>> {
        match handle.try_offer(Task::Entries(Box::new(part))) {
            Err(Task::Entries(part)) => Some(*part),
            _ => None,
        }
    }

    fn is_halted(&mut self) -> bool {
        self.worker.is_halted()
    }

    fn entry(&mut self, open: &Arc<OpenDirectory>, entry: walk::Entry<'_>, handle: &mut Handle<'_, Task>) {
        self.copy_entry(Entry { open, name: entry.name, new_name: entry.name }, entry.kind, handle);
    }

    fn unreadable(&mut self, open: &OpenDirectory, errno: Errno) {
        self.worker.fail(Error::system("read", open.directory.source.to_path_buf(), errno));
        open.directory.leave_unfinished();
    }

    /// After a large file: workers that have a file each do not wait for each other, as those do that write ranges of the
    /// same one (a third faster for files of 10 MB).
    fn shares_rest(&mut self) -> bool {
        std::mem::take(&mut self.was_large)
    }
}

impl Worker for Copier {
    type Task = Task;

    fn run(&mut self, task: Task, handle: &mut Handle<'_, Task>) {
        if self.worker.is_halted() {
            // Dropping a task drops its targets, and those take their temporary names away or keep them. But half a file in
            // a tree has no temporary name of its own.
            if let Task::Ranges(shared) = task {
                file::abandon_ranges(self, shared, handle);
            }
            return;
        }
        match task {
            Task::Source(path) => {
                let started = operands::start(self, &path, handle);
                self.worker.check(started);
            }
            Task::Directory(above, name, state) => self.enter(above, &name, &name, state, handle),
            Task::Entries(part) => {
                let open = walk::visit_part(self, *part, handle);
                directory_copy::release(self, open);
            }
            Task::Ranges(shared) => file::copy_ranges(self, shared, handle),
            Task::Name(pending) => self.copy_pending_name(*pending, handle),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::plan::{CopyOptions, Resources};

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
            let resources = Resources::with_workers(NonZeroUsize::new(3).unwrap());
            let options = CopyOptions { resources, ..CopyOptions::new(vec![source.clone()], target) };
            let counts = run(&options.plan().unwrap(), &context).unwrap().syscalls;
            let timed: Vec<_> = counts.latencies().into_iter().map(|latency| (latency.call, latency.calls)).collect();
            let made = counts.made().map(|(call, counts)| (call.name().to_owned(), counts.calls));
            let expected = if time_calls { made.collect() } else { vec![] };
            assert_eq!(timed, expected);
        }
    }
}
