//! What a sweep runs: one of the jobs that users call, on the source or on a private copy of it.
//!
//! A copy reads the source where it is. gzip and gunzip put their output beside their input and so get a copy of the
//! source in the scratch directory, which is made once and never timed. The user's files are only ever read.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::scratch::{self, Scratch};
use crate::codec::level::DEFAULT;
use crate::error::{Error, Result};
use crate::event::{Event, EventSink};
use crate::job::{Context, copy, gunzip, gzip};
use crate::outcome::{Setting, Summary};
use crate::plan::{CopyPlan, FilesPlan, GunzipPlan, GzipPlan, Resources, SweepData, SweepJob, SweepPlan};
use crate::size::BufferSize;
use crate::sys::{Attributes, FileKind, Sys};
use crate::tree::{prune, remove_tree};

/// Generated data: a file or a directory.
const SOURCE: &CStr = c"source";
/// The target of a copy.
const TARGET: &CStr = c"target";
/// What is compressed, and what comes out of decompressing.
const PLAIN: &CStr = c"input";
/// What is decompressed, and what comes out of compressing. A tree bears the plain name either way.
const PACKED: &CStr = c"input.gz";

/// The source, looked at before anything is made.
pub(super) struct Source {
    /// Where it is; not a symbolic link.
    pub(super) path: PathBuf,
    attributes: Attributes,
}

impl Source {
    /// Looks at a file or a directory, or at what a symbolic link to one leads to.
    pub(super) fn look(sys: &mut Sys, path: &Path) -> Result<Self> {
        let mut path = path.to_owned();
        let mut attributes = stat(sys, &path)?;
        if attributes.kind == FileKind::Symlink {
            path = path
                .canonicalize()
                .map_err(|error| Error::system("follow", &path, Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
            attributes = stat(sys, &path)?;
        }
        match attributes.kind {
            FileKind::RegularFile | FileKind::Directory => Ok(Self { path, attributes }),
            _ => Err(Error::refused("sweep over", path, "it is neither a file nor a directory")),
        }
    }

    fn is_tree(&self) -> bool {
        self.attributes.kind == FileKind::Directory
    }

    /// The directory that holds it: where scratch space goes unless somebody says otherwise.
    fn parent(&self) -> PathBuf {
        match (self.path.file_name(), self.path.parent()) {
            (Some(_), Some(parent)) if !parent.as_os_str().is_empty() => parent.to_owned(),
            (Some(_), _) => PathBuf::from("."),
            // ".", ".." and the like.
            (None, _) => self.path.join(".."),
        }
    }

    /// Makes the scratch directory for sweeping over this, in `place` or beside it.
    pub(super) fn scratch(&self, sys: &mut Sys, context: &Context, place: Option<&Path>) -> Result<Scratch> {
        let place = place.map_or_else(|| self.parent(), Path::to_owned);
        if self.is_tree() {
            scratch::refuse_within(sys, &place, &self.path, &self.attributes)?;
        }
        let scratch = Scratch::make(sys, context, &place)?;
        if !self.is_tree() {
            // A file with holes takes less room than its size says, and copies keep the holes.
            let bytes = self.attributes.size.min(self.attributes.blocks * 512);
            scratch::require_room(scratch.file_system(sys)?, &place, &self.path, bytes)?;
        }
        Ok(scratch)
    }
}

fn stat(sys: &mut Sys, path: &Path) -> Result<Attributes> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| Errno::INVAL)
        .and_then(|name| sys.stat_at(CWD, &name))
        .map_err(|errno| Error::system("open", path, errno))
}

/// A job that is ready to be run with one setting after another.
pub(super) struct Subject<'a> {
    plan: &'a SweepPlan,
    scratch: Scratch,
    context: Context,
    failure: Arc<FirstFailure>,
    /// What is copied, and what private copies are made of.
    source: PathBuf,
    is_tree: bool,
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
                let scratch = Scratch::make(sys, context, place)?;
                let bytes = generated.bytes.saturating_mul(generated.files.get() as u64);
                // The data itself, a private copy of it and a target.
                scratch::require_room(scratch.file_system(sys)?, place, place, bytes.saturating_add(bytes / 2))?;
                let source = scratch.path_of(SOURCE);
                (scratch, source, generated.files.get() > 1)
            }
        };
        let failure = Arc::new(FirstFailure::default());
        let context = Context { events: failure.clone(), ..context.clone() };
        Ok(Self { plan, scratch, context, failure, source, is_tree })
    }

    /// What is swept over, for errors.
    pub(super) fn path(&self) -> &Path {
        &self.source
    }

    /// The directory that targets are written to.
    pub(super) const fn directory(&self) -> &OwnedFd {
        self.scratch.directory()
    }

    /// Removes all that was made.
    pub(super) fn finish(self) -> Result<()> {
        self.scratch.finish()
    }

    /// Makes generated data, and the private copy if a job needs one.
    pub(super) fn prepare(&self, sys: &mut Sys) -> Result<()> {
        let jobs = || self.plan.arms.iter().map(|arm| arm.setting.job);
        let Some(job) = jobs().find(|job| *job != SweepJob::Copy) else { return Ok(()) };
        let workers = self.plan.arms.iter().map(|arm| arm.setting.workers).max().unwrap_or(1);
        let workers = workers.try_into().unwrap_or(std::num::NonZeroUsize::MIN);
        // Small buffers, since the allocator keeps what it had, and peak memory is still to be measured.
        let resources = Resources { buffer: Some(BufferSize::from_kib(64)), ..Resources::with_workers(workers) };
        let target = self.scratch.path_of(self.input(job));
        let summary = copy::run(&CopyPlan::new(vec![self.source.clone()], target, resources), &self.context)?;
        self.check(job, &summary)?;
        self.tidy(sys)
    }

    /// Runs the job once.
    pub(super) fn run(&self, setting: &Setting) -> Result<Summary> {
        let resources = Resources {
            buffer: Some(setting.buffer),
            workers: setting.workers.try_into().unwrap_or(std::num::NonZeroUsize::MIN),
            scheduler: setting.scheduler,
            pool: setting.pool,
            batch: setting.batch,
        };
        let result = match setting.job {
            SweepJob::Copy => {
                let (sources, target) = (vec![self.source.clone()], self.scratch.path_of(TARGET));
                let plan = CopyPlan { engine: setting.engine, ..CopyPlan::new(sources, target, resources) };
                copy::run(&plan, &self.context)
            }
            SweepJob::Gzip => {
                let level = setting.level.unwrap_or(DEFAULT);
                let (codec, block) = (self.plan.codec, self.plan.block);
                let files = self.files(setting.job, resources);
                let plan = GzipPlan { files, level, codec, block, verify: false, keep_smaller: false };
                gzip::run(&plan, &self.context)
            }
            SweepJob::Gunzip => gunzip::run(&GunzipPlan::new(self.files(setting.job, resources)), &self.context),
        };
        result.map_err(|error| self.in_users_words(setting.job, error))
    }

    /// Fails unless the job did all of its work: figures of a job that failed half-way mean nothing.
    pub(super) fn check(&self, job: SweepJob, summary: &Summary) -> Result<()> {
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
        let copy = self.scratch.path_of(self.input(job));
        match error.path.strip_prefix(&copy) {
            Ok(rest) if rest.as_os_str().is_empty() => error.path.clone_from(&self.source),
            Ok(rest) => error.path = self.source.join(rest),
            Err(_) => {}
        }
        error
    }

    /// Takes away what the last run made (and, after preparing, what the job would pass over), and lets the disk rest.
    pub(super) fn tidy(&self, sys: &mut Sys) -> Result<()> {
        let directory = self.scratch.directory();
        let is_packed = |name: &CStr| name.to_bytes().ends_with(b".gz");
        let mut removed = remove_tree(sys, directory, TARGET);
        let runs = |job| self.plan.arms.iter().any(|arm| arm.setting.job == job);
        if runs(SweepJob::Gzip) {
            removed = removed.and_then(|()| match self.is_tree {
                true => prune(sys, directory, PLAIN, &|name| !is_packed(name)),
                false => remove_tree(sys, directory, PACKED),
            });
        }
        if runs(SweepJob::Gunzip) {
            removed = removed.and_then(|()| match self.is_tree {
                true => prune(sys, directory, PLAIN, &is_packed),
                false => remove_tree(sys, directory, PLAIN),
            });
        }
        removed.map_err(|errno| Error::system("tidy", self.scratch.path_of(c""), errno))?;
        self.scratch.settle(sys)
    }

    fn input(&self, job: SweepJob) -> &'static CStr {
        if job == SweepJob::Gunzip && !self.is_tree { PACKED } else { PLAIN }
    }

    fn files(&self, job: SweepJob, resources: Resources) -> FilesPlan {
        FilesPlan {
            keep: true,
            recursive: self.is_tree,
            // With names restored, gunzip would put its output where `tidy` does not look for it.
            name: job == SweepJob::Gzip,
            ..FilesPlan::new(vec![self.scratch.path_of(self.input(job))], resources)
        }
    }
}
