//! What a sweep runs: one of the jobs that users call, on the source or on a private copy of it.
//!
//! A copy reads the source where it is. gzip and gunzip put their output beside their input and so get a copy of the
//! source in the scratch directory, which is made once and never timed. The user's files are only ever read.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::data::{self, Described};
use super::room;
use super::run_spec::RunSpec;
use super::source::Source;
use crate::copy;
use crate::error::{Error, Remedy, Result};
use crate::event::{Event, EventSink};
use crate::job::Context;
use crate::lab::scratch::{Purpose, Scratch};
use crate::measure::file_times::FileClock;
use crate::outcome::{Setting, Summary};
use crate::plan::{CopyOptions, Resources, SchedulerName, SweepData, SweepJob, SweepPlan};
use crate::size::BufferSize;
use crate::sys::Sys;
use crate::tree::{prune, remove_tree};

/// Generated data: a file or a directory.
const SOURCE: &CStr = c"source";
/// The target of a copy.
const TARGET: &CStr = c"target";
/// What is compressed, and what comes out of decompressing.
const PLAIN: &CStr = c"input";
/// What is decompressed, and what comes out of compressing. A tree bears the plain name either way.
const PACKED: &CStr = c"input.gz";

/// A job that is ready to be run with one setting after another.
pub(super) struct Subject<'a> {
    plan: &'a SweepPlan,
    scratch: Scratch,
    context: Context,
    failure: Arc<FirstFailure>,
    /// What is copied, and what private copies are made of.
    source: PathBuf,
    is_tree: bool,
    /// Files in it; 0 until somebody looked.
    files: Cell<u64>,
}

/// Keeps the first failure, to say why a sweep ended; forgets all else, as cheaply as [`crate::event::Silent`].
#[derive(Debug, Default)]
struct FirstFailure(Mutex<Option<Error>>);

impl EventSink for FirstFailure {
    fn send(&self, event: Event) {
        if let Event::Failed(error) = event {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// The same while files are timed.
struct Both(Arc<FirstFailure>, Arc<FileClock>);

impl EventSink for Both {
    fn send(&self, event: Event) {
        match event {
            Event::Failed(_) => self.0.send(event),
            _ => self.1.send(event),
        }
    }

    fn wants_times(&self) -> bool {
        self.1.wants_times()
    }
}

impl<'a> Subject<'a> {
    /// Looks at the source and makes the scratch directory, in the place that the plan names or beside the source.
    pub(super) fn new(sys: &mut Sys, plan: &'a SweepPlan, context: &Context) -> Result<Self> {
        let (scratch, source, is_tree) = match &plan.data {
            SweepData::Source(path) => {
                let source = Source::look(sys, path)?;
                let scratch = source.scratch(sys, context, plan.scratch.as_deref())?;
                let is_tree = source.is_tree();
                (scratch, source.path, is_tree)
            }
            SweepData::Generated(generated) => {
                let place = plan.scratch.as_deref().unwrap_or(Path::new("."));
                let scratch = Scratch::make(sys, context, Purpose::Sweep, place)?;
                let source = scratch.join(SOURCE);
                (scratch, source, generated.files.get() > 1)
            }
        };
        let failure = Arc::new(FirstFailure::default());
        let context = Context { events: failure.clone(), ..context.clone() };
        Ok(Self { plan, scratch, context, failure, source, is_tree, files: Cell::new(0) })
    }

    /// What is swept over, for errors.
    pub(super) fn path(&self) -> &Path {
        &self.source
    }

    /// Whether there is any file in what is swept over.
    pub(super) const fn has_files(&self) -> bool {
        self.files.get() > 0
    }

    /// The directory that targets are written to.
    pub(super) const fn directory(&self) -> &OwnedFd {
        self.scratch.directory()
    }

    /// Removes all that was made.
    pub(super) fn finish(self) -> Result<()> {
        self.scratch.finish()
    }

    /// Makes generated data, and the private copy if a job needs one. Returns what there is to sweep over.
    pub(super) fn prepare(&self, sys: &mut Sys, tell: &mut dyn FnMut(&'static str)) -> Result<Described> {
        if let SweepData::Generated(generated) = &self.plan.data {
            tell("making data");
            let bytes = generated.bytes.saturating_mul(generated.files.get() as u64);
            self.require_room(sys, bytes, bytes)?;
            let place = self.scratch.join(c"");
            data::make(sys, self.scratch.directory(), SOURCE, &place, generated, self.plan.seed)?;
        }
        tell("looking at the source");
        let found = data::describe(sys, &self.source)?;
        self.files.set(found.files);
        self.require_room(sys, 0, found.room_bytes)?;
        if let Some(job) = self.jobs().into_iter().find(|job| *job != SweepJob::Copy) {
            tell("copying the source");
            self.copy_source(job)?;
        }
        self.tidy(sys)?;
        Ok(found)
    }

    /// Refuses to begin what would fill the disk: made-up data, a private copy and a target, as far as there are such.
    fn require_room(&self, sys: &mut Sys, made: u64, source_bytes: u64) -> Result<()> {
        let copies = self.jobs().iter().any(|job| *job != SweepJob::Copy);
        let needed = made.saturating_add(source_bytes.saturating_mul(1 + u64::from(copies)));
        let purpose = match (made > 0, copies) {
            (false, false) => "for a target",
            (false, true) => "for a private copy and a target",
            (true, false) => "for the data and a target",
            (true, true) => "for the data, a private copy and a target",
        };
        let place = self.scratch.place();
        // Made-up data has no name that people know.
        let source = if made > 0 { place } else { &self.source };
        room::require_room(self.scratch.file_system(sys)?, place, source, needed, purpose)
    }

    /// Makes the private copy that a job puts its output beside.
    fn copy_source(&self, job: SweepJob) -> Result<()> {
        let workers = self.plan.arms.iter().map(|arm| arm.setting.workers).max().unwrap_or(1);
        let workers = workers.try_into().unwrap_or(std::num::NonZeroUsize::MIN);
        // Small buffers, since the allocator keeps what it had, and peak memory is still to be measured.
        let resources = Resources { buffer: Some(BufferSize::from_kib(64)), ..Resources::with_workers(workers) };
        let target = self.scratch.join(self.input(job));
        let options = CopyOptions { resources, ..CopyOptions::new(vec![self.source.clone()], target) };
        let plan = options.plan().map_err(|why| Error::refused("copy", &self.source, why.to_string()))?;
        let summary = copy::run(&plan, &self.context)?;
        self.require_success(job, &summary)
    }

    /// The jobs that are run, each once.
    fn jobs(&self) -> BTreeSet<SweepJob> {
        self.plan.arms.iter().map(|arm| arm.setting.job).collect()
    }

    /// Runs the job once.
    pub(super) fn run(&self, setting: &Setting) -> Result<Summary> {
        self.run_in(&self.context, setting)
    }

    /// The same with every system call timed.
    pub(super) fn run_timing_calls(&self, setting: &Setting) -> Result<Summary> {
        self.run_in(&Context { time_calls: true, ..self.context.clone() }, setting)
    }

    /// The same with every file timed.
    pub(super) fn run_timing_files(&self, setting: &Setting, clock: Arc<FileClock>) -> Result<Summary> {
        let events = Arc::new(Both(self.failure.clone(), clock));
        self.run_in(&Context { events, ..self.context.clone() }, setting)
    }

    fn run_in(&self, context: &Context, setting: &Setting) -> Result<Summary> {
        self.spec(setting).run(context).map_err(|error| self.in_users_words(setting.job, error))
    }

    /// What a job reads.
    pub(super) fn input_path(&self, job: SweepJob) -> PathBuf {
        if job == SweepJob::Copy { self.source.clone() } else { self.scratch.join(self.input(job)) }
    }

    /// One run, to be done here or in a process of its own.
    pub(super) fn spec(&self, setting: &Setting) -> RunSpec {
        RunSpec {
            input: self.input_path(setting.job),
            target: self.scratch.join(TARGET),
            setting: *setting,
            codec: self.plan.codec,
            block: self.plan.block,
            is_tree: self.is_tree,
        }
    }

    /// Fails unless the job did all of its work, as it was set: figures of a job that failed half-way mean nothing, and those
    /// of fewer workers than a row says are those of another row.
    pub(super) fn check(&self, setting: &Setting, summary: &Summary) -> Result<()> {
        self.require_success(setting.job, summary)?;
        let asked = if setting.scheduler == SchedulerName::Serial { 1 } else { setting.workers as u64 };
        if summary.workers < asked {
            let why = format!("only {} of {asked} workers could be started", summary.workers);
            return Err(Error::refused("sweep over", &self.source, why).with(Remedy::FewerThreads));
        }
        Ok(())
    }

    fn require_success(&self, job: SweepJob, summary: &Summary) -> Result<()> {
        if summary.interrupted {
            return Err(Error::system("sweep over", &self.source, Errno::INTR));
        }
        if summary.is_clean() {
            return Ok(());
        }
        let first = self.failure.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let error = first.unwrap_or_else(|| Error::refused("sweep over", &self.source, "the job fails on it"));
        Err(self.in_users_words(job, error))
    }

    /// The same error about the source itself instead of its private copy, which is gone when people read it.
    fn in_users_words(&self, job: SweepJob, mut error: Error) -> Error {
        let copy = self.scratch.join(self.input(job));
        match error.path.strip_prefix(&copy) {
            Ok(rest) if rest.as_os_str().is_empty() => error.path.clone_from(&self.source),
            Ok(rest) => error.path = self.source.join(rest),
            Err(_) => {}
        }
        error
    }

    /// Waits until what the last run wrote is on the disk: how long that took. Opening is not timed.
    pub(super) fn sync(&self, sys: &mut Sys, job: SweepJob) -> Result<Duration> {
        let name = match job {
            SweepJob::Copy => TARGET,
            SweepJob::Gzip => PACKED,
            SweepJob::Gunzip => PLAIN,
        };
        let failed = |errno| Error::system("sync", self.scratch.join(name), errno);
        let directory = self.scratch.directory();
        if self.is_tree {
            let started = Instant::now();
            return sys.syncfs(directory).map(|()| started.elapsed()).map_err(failed);
        }
        let file = sys.openat(directory, name, OFlags::RDONLY | OFlags::NOFOLLOW, 0).map_err(failed)?;
        let started = Instant::now();
        sys.fdatasync(&file).map_err(failed)?;
        let took = started.elapsed();
        sys.close(file).map(|()| took).map_err(failed)
    }

    /// Takes away what the last run made (and, after preparing, what the job would pass over), and lets the disk rest.
    pub(super) fn tidy(&self, sys: &mut Sys) -> Result<()> {
        let removed = self.jobs().into_iter().try_for_each(|job| self.remove_targets(sys, job));
        removed.map_err(|errno| Error::system("tidy", self.scratch.join(c""), errno))?;
        self.scratch.settle(sys)
    }

    fn remove_targets(&self, sys: &mut Sys, job: SweepJob) -> rustix::io::Result<()> {
        let directory = self.scratch.directory();
        let is_packed = |name: &CStr| name.to_bytes().ends_with(b".gz");
        let discard = &mut |sys: &mut Sys, parent: &OwnedFd, name: &CStr| self.scratch.discard(sys, parent, name);
        match (job, self.is_tree) {
            (SweepJob::Copy, true) => discard(sys, directory, TARGET),
            (SweepJob::Copy, false) => remove_tree(sys, directory, TARGET),
            (SweepJob::Gzip, false) => remove_tree(sys, directory, PACKED),
            (SweepJob::Gunzip, false) => remove_tree(sys, directory, PLAIN),
            (SweepJob::Gzip, true) => prune(sys, directory, PLAIN, &|name| !is_packed(name), discard),
            (SweepJob::Gunzip, true) => prune(sys, directory, PLAIN, &is_packed, discard),
        }
    }

    fn input(&self, job: SweepJob) -> &'static CStr {
        if job == SweepJob::Gunzip && !self.is_tree { PACKED } else { PLAIN }
    }
}
