//! `haul gzip` and `haul gunzip`: one job with two directions.
//!
//! - this file: the workers, what they share, and the tasks that they give to each other;
//! - [`operands`]: from arguments to files and directories, and the order of standard output; [`walk`]: reading directories;
//! - [`directory`]: open directories, and those below the output directory; [`source`]: an open source, what is refused,
//!   and when it may be removed;
//! - [`suffix`]: from the name of a source to the name of its target; [`target`]: claimed, created, named, or abandoned;
//! - [`processes`]: blocks and pieces that a worker process does;
//! - [`compress`] and [`inflate`]: the two directions, between source and target.

mod compress;
mod directory;
mod inflate;
mod operands;
mod processes;
mod source;
mod suffix;
mod target;
mod walk;

use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(crate) use self::compress::needs_of as gzip_needs;
pub use self::compress::run as gzip;
use self::directory::{Directory, KEEP, OutputDirectory, Tree};
pub(crate) use self::inflate::NEEDS as GUNZIP_NEEDS;
pub use self::inflate::{Rows, list, run as gunzip};
use self::operands::{Sequence, first_tasks};
pub use self::processes::work;
use self::source::{Removals, Source};
use self::target::OpenTarget;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::job::limits::Needs;
use crate::job::list::Names;
use crate::job::losses::Losses;
use crate::job::target_registry::TargetRegistry;
use crate::job::worker_context::WorkerContext;
use crate::plan::{FileOptions, SchedulerName};
use crate::pool::workers::Scheduler;
use crate::pool::{self, BufferPool, PoolError, PooledBuffer, Worker};
use crate::size::BufferSize;
use crate::summary::Summary;
use crate::sys::{DirectoryBuffer, Identity};
use crate::tree::extended::Buffers;
use crate::tree::walk::{Part, visit_part};
use crate::tree::{DirectoryPath, TemporaryFileRegistry, TimeSteps};

/// Why a file was not compressed that became shorter meanwhile.
const SHRANK: &str = "it shrank while it was read; nothing was made of it";

/// Why a worker without a process cannot ask it.
const NO_PROCESS: &str = "its worker has no process";

/// What differs between gzip and gunzip.
trait Direction: Send + Sync + Sized {
    /// What a worker keeps from one file to the next.
    type Codec: Send;

    /// A file that several workers share.
    type SharedFile: Send;

    /// Whether a target's name is claimed before its source is read. gunzip does that when it has the whole file, whose
    /// header may have told another name.
    const CLAIMS_FIRST: bool;

    fn plan(&self) -> &FileOptions;

    /// Whether a file found in a directory is for this direction, by its name; others are passed over.
    fn wants(&self, name: &CStr) -> bool;

    /// Other names under which an argument that does not exist may be meant.
    fn alternatives(&self, name: &CStr) -> Vec<CString>;

    /// The name of a source's target; `None` if there is nothing to do.
    fn target_name(&self, context: &mut WorkerContext, source: &Source) -> Result<Option<CString>>;

    /// Whether it is looked up before reading if a target of this name exists.
    fn looks_first(&self, source: &Source, name: &CStr) -> bool;

    /// Does a file whose target is open. `rest` is what follows it on standard output: it is handed on when the file is
    /// done.
    fn process(
        worker: &mut FileWorker<Self>,
        source: Source,
        target: OpenTarget,
        rest: Option<Sequence>,
        handle: &mut Handle<'_, Self>,
    );

    /// Helps with a file that another worker began.
    fn help(worker: &mut FileWorker<Self>, file: Self::SharedFile, handle: &mut Handle<'_, Self>);
}

/// What the workers of one job share.
struct Job<D> {
    direction: D,
    threads: usize,
    /// The most bytes one read or write moves.
    step: usize,
    pool: BufferPool,
    output_directory: Option<Arc<OutputDirectory>>,
    registry: TargetRegistry,
    /// Names that it removed.
    removals: Removals,
    losses: Losses,
    times: TimeSteps,
    temporary_files: TemporaryFileRegistry,
    identity: Identity,
}

/// A worker: it finds files and does them.
struct FileWorker<D: Direction> {
    context: WorkerContext,
    job: Arc<Job<D>>,
    codec: D::Codec,
    entries: DirectoryBuffer,
    attributes: Buffers,
}

/// A piece of work.
enum Task<D: Direction> {
    /// A file or directory as the user named it.
    Argument(PathBuf),
    /// A directory to read, found in a tree.
    Directory(Arc<DirectoryPath>, Tree),
    /// Entries of a directory that another worker goes on reading.
    Entries(Part<Directory>),
    /// Everything that goes to standard output, or is listed, one after the other.
    InOrder(Sequence),
    /// Part of a file.
    Shared(D::SharedFile),
}

type Handle<'a, D> = pool::Handle<'a, Task<D>>;

/// Does all that the plan of `direction` names; `codec` makes what each worker needs.
fn run<D: Direction>(
    direction: D,
    (needs, default_step): (&Needs, usize),
    context: &Context,
    codec: impl Fn() -> Result<D::Codec>,
) -> Result<Summary> {
    let (mut sys, plan) = (context.sys(), direction.plan());
    let (threads, options) = needs.afford(&mut sys, plan.resources.threads(), &plan.resources);
    let pool = BufferPool::new(options);
    let names = plan.list.as_ref().map_or_else(|| Ok(Names::default()), |list| Names::read(&mut sys, list))?;
    let output = plan.output_dir.as_ref();
    let output = output.map(|path| OutputDirectory::open(&mut sys, path, context.identity, plan.sync)).transpose()?;
    let mut contexts = WorkerContext::for_workers(context, threads);
    if plan.resources.scheduler == SchedulerName::Processes {
        WorkerContext::start_processes(&mut contexts, context, processes::JOB)?;
    }
    if let Some(first) = contexts.first_mut().filter(|_| names.has_dash()) {
        first.fail(Error::refused("take", "-", "in a list it is not standard input; a file of this name is ./-"));
    }
    let job = Arc::new(Job {
        threads,
        step: plan.resources.buffer.map_or(default_step, BufferSize::bytes),
        pool: pool.clone(),
        output_directory: output,
        registry: TargetRegistry::default(),
        removals: Removals::default(),
        losses: Losses::new(KEEP, context.identity),
        times: TimeSteps::default(),
        temporary_files: context.temporary_files.clone(),
        identity: context.identity,
        direction,
    });
    let workers = contexts.into_iter().map(|context| {
        let (job, codec) = (Arc::clone(&job), codec()?);
        Ok(FileWorker { context, job, codec, entries: DirectoryBuffer::default(), attributes: Buffers::default() })
    });
    let plan = job.plan();
    let mut scheduler = Scheduler::new(plan.resources.scheduler, &mut sys, threads)
        .map_err(|errno| Error::system("set up", "io_uring", errno))?;
    let done = scheduler.run(&mut sys, workers.collect::<Result<_>>()?, first_tasks(plan, names));
    let mut summary = WorkerContext::add_up(done.into_iter().map(|worker| worker.context), &pool);
    summary.syscalls += sys.counts();
    Ok(summary)
}

impl<D: Direction> Job<D> {
    fn plan(&self) -> &FileOptions {
        self.direction.plan()
    }

    fn acquire<const N: usize>(&self, source: &Source) -> Result<[PooledBuffer; N]> {
        let failed =
            |error: PoolError| Error::refused("get buffers for", source.path(), error.to_string()).with(error.remedy());
        self.pool.acquire().map_err(failed)
    }
}

impl<D: Direction> Worker for FileWorker<D> {
    type Task = Task<D>;

    fn run(&mut self, task: Task<D>, handle: &mut Handle<'_, D>) {
        if self.context.is_halted() {
            return;
        }
        match task {
            Task::Argument(path) => {
                self.argument(&path, None, handle);
            }
            Task::Directory(path, tree) => self.walk(&path, Some(tree), handle),
            Task::Entries(part) => drop(visit_part(self, part, handle)),
            Task::InOrder(sequence) => self.in_order(sequence, handle),
            Task::Shared(file) => D::help(self, file, handle),
        }
    }
}

impl<D: Direction> FileWorker<D> {
    /// Does a file: makes its target, and gives both to the direction.
    fn file(&mut self, mut source: Source, rest: Option<Sequence>, handle: &mut Handle<'_, D>) {
        source.opened = self.context.clock();
        let begun = self.begin(&source);
        let Some(target) = self.context.check(begun).flatten() else { return hand_on(rest, handle) };
        self.context.found(source.attributes.size);
        D::process(self, source, target, rest, handle);
    }
}

/// Goes on with what follows on standard output.
fn hand_on<D: Direction>(rest: Option<Sequence>, handle: &mut Handle<'_, D>) {
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        handle.offer(Task::InOrder(rest));
    }
}

/// The workers at one file.
struct Helpers {
    /// Those that are still to be asked to help.
    unasked: AtomicUsize,
    /// One failed and said so; the others need not go on.
    failed: AtomicBool,
}

impl Helpers {
    const fn new(count: usize) -> Self {
        Self { unasked: AtomicUsize::new(count), failed: AtomicBool::new(false) }
    }

    fn have_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Asks other workers to help. While the queue is full they have files of their own, and are asked again before each
    /// part of this one: so a large file that is found last is not left to one worker.
    fn ask<D: Direction>(&self, handle: &Handle<'_, D>, share: impl Fn() -> D::SharedFile) {
        while self.unasked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            if handle.try_offer(Task::Shared(share())).is_err() {
                self.unasked.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}
