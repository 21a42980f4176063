//! A data set of a sweep: the source, and the scratch directory with all that is made of it.
//!
//! A copy reads the source where it is. gzip and gunzip put their output beside their input and so get a copy of the
//! source in the scratch directory, which is made once and never timed. The user's files are only ever read.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::options::JobOptions;
use super::run_spec::RunSpec;
use super::runs::Runs;
use super::source::{Source, require_free_space};
use super::trash::Trash;
use crate::codec::level::Choice;
use crate::copy;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::lab::data;
use crate::lab::plan::{DataPlan, SweepData, SweepJob, SweepPlan};
use crate::lab::report::Data;
use crate::lab::scratch::{Purpose, Scratch};
use crate::lab::setting::{Axis, Setting};
use crate::plan::{CopyOptions, Resources};
use crate::size::BufferSize;
use crate::sys::Sys;
use crate::tree::{prune, remove_tree};

/// Generated data: a file or a directory.
const SOURCE: &CStr = c"source";
/// The target of a copy.
const TARGET: &CStr = c"target";
/// The name that a copied tree has until it is whole, and keeps if the copy is cut short.
const UNFINISHED: &CStr = c"target.haul-part";
/// What is compressed, and what comes out of decompressing.
const PLAIN: &CStr = c"input";
/// What is decompressed, and what comes out of compressing. A tree bears the plain name either way.
const PACKED: &CStr = c"input.gz";

/// What jobs are run on.
pub(in crate::lab) struct DataSet<'a> {
    plan: &'a SweepPlan,
    of: &'a DataPlan,
    /// The settings that are run on it, as jobs read them.
    options: Vec<JobOptions>,
    /// The same jobs, each once.
    jobs: BTreeSet<SweepJob>,
    scratch: Scratch,
    trash: Trash,
    /// Runs of jobs on it.
    pub(super) runs: Runs,
    /// What is copied, and what private copies are made of.
    pub(super) source: PathBuf,
    is_tree: bool,
    is_on_another_device: bool,
    /// Files in it; 0 until somebody looked.
    files: u64,
}

impl<'a> DataSet<'a> {
    /// Looks at the source and makes the scratch directory, where the plan says or beside the source.
    pub(in crate::lab) fn new(sys: &mut Sys, plan: &'a SweepPlan, of: &'a DataPlan, context: &Context) -> Result<Self> {
        let (scratch, source, is_tree, is_on_another_device) = match &of.data {
            SweepData::Source(path) => {
                let source = Source::look(sys, path)?;
                let scratch = source.scratch(sys, context, plan.to.as_deref())?;
                let is_on_another_device = source.is_on_another_device(sys, &scratch)?;
                let is_tree = source.is_tree();
                (scratch, source.path, is_tree, is_on_another_device)
            }
            SweepData::Generated(generated) => {
                let to = plan.to.as_deref().unwrap_or(Path::new("."));
                let scratch = Scratch::make(sys, context, Purpose::Sweep, to)?;
                let source = scratch.join(SOURCE);
                (scratch, source, generated.files.get() > 1, false)
            }
        };
        let settings = plan.variants.iter().map(|variant| &variant.setting).filter(|setting| is_of(setting, of));
        let options = settings.map(JobOptions::read).collect::<Result<Vec<_>, _>>();
        let options = options.map_err(|why| Error::refused("sweep over", &source, why))?;
        Ok(Self {
            plan,
            of,
            jobs: options.iter().map(|options| options.job).collect(),
            options,
            scratch,
            trash: Trash::default(),
            runs: Runs::new(context),
            source,
            is_tree,
            is_on_another_device,
            files: 0,
        })
    }

    /// Whether a setting is run on it.
    pub(super) fn has(&self, setting: &Setting) -> bool {
        is_of(setting, self.of)
    }

    /// Whether the user's source lies on another device than targets.
    pub(in crate::lab) const fn is_on_another_device(&self) -> bool {
        self.is_on_another_device
    }

    /// Whether there is any file in it.
    pub(super) const fn has_files(&self) -> bool {
        self.files > 0
    }

    /// The directory that targets are written to.
    pub(in crate::lab) const fn directory(&self) -> &OwnedFd {
        self.scratch.directory()
    }

    /// Removes all that was made.
    pub(in crate::lab) fn finish(self) -> Result<()> {
        self.scratch.finish()
    }

    /// Makes generated data, and the private copy if a job needs one. Returns what a report says of it.
    pub(in crate::lab) fn prepare(&mut self, sys: &mut Sys, tell: &mut dyn FnMut(&'static str)) -> Result<Data> {
        if let SweepData::Generated(generated) = &self.of.data {
            tell("making data");
            let bytes = generated.bytes.saturating_mul(generated.files.get() as u64);
            self.require_free_space(sys, bytes, bytes)?;
            let path = self.scratch.join(c"");
            data::make(sys, self.scratch.directory(), SOURCE, &path, generated, self.plan.seed)?;
        }
        tell("looking at the source");
        let found = data::describe(sys, &self.source)?;
        self.files = found.files;
        self.require_free_space(sys, 0, found.stored_bytes)?;
        if let Some(job) = self.jobs.iter().copied().find(|job| *job != SweepJob::Copy) {
            tell("copying the source");
            self.copy_source(job)?;
        }
        for job in &self.jobs {
            // A private copy may hold what the job would pass over.
            self.tidy(sys, *job)?;
        }
        let (path, generated) = match &self.of.data {
            SweepData::Source(path) => (Some(path.clone()), None),
            SweepData::Generated(generated) => (None, Some(*generated)),
        };
        Ok(Data {
            case: self.of.case.clone(),
            is_read_only: path.is_some(),
            path,
            target: self.plan.to.clone(),
            generated,
            bytes: found.bytes,
            files: found.files,
            entropy_bits: Some(found.entropy_bits),
            codec: self.common(|choice| choice.name.name()).map(str::to_owned),
            block_bytes: self.common(|choice| choice.block_bytes as u64),
        })
    }

    /// What all of gzip's levels have the same, if they do.
    fn common<T: PartialEq>(&self, of: fn(&Choice) -> T) -> Option<T> {
        let levels = self.options.iter().filter(|options| options.job == SweepJob::Gzip).map(|options| options.level);
        let mut values = levels
            .filter_map(|level| Choice::new(self.plan.codec, level, self.plan.block).ok())
            .map(|choice| of(&choice));
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// Refuses to begin what would fill the disk: made-up data, a private copy and a target, as far as there are such.
    fn require_free_space(&self, sys: &mut Sys, made: u64, source_bytes: u64) -> Result<()> {
        let copies = self.jobs.iter().any(|job| *job != SweepJob::Copy);
        let needed = made.saturating_add(source_bytes.saturating_mul(1 + u64::from(copies)));
        let purpose = match (made > 0, copies) {
            (false, false) => "for a target",
            (false, true) => "for a private copy and a target",
            (true, false) => "for the data and a target",
            (true, true) => "for the data, a private copy and a target",
        };
        let to = self.scratch.path();
        // Made-up data has no name that people know.
        let source = if made > 0 { to } else { &self.source };
        require_free_space(self.scratch.file_system(sys)?, to, source, needed, purpose)
    }

    /// Makes the private copy that a job puts its output beside.
    fn copy_source(&self, job: SweepJob) -> Result<()> {
        let workers = self.options.iter().filter_map(|options| options.resources.workers).max();
        // Small buffers, since the allocator keeps what it had, and peak memory is still to be measured.
        let buffer = Some(BufferSize::from_kib(64));
        let resources = Resources { buffer, ..Resources::with_workers(workers.unwrap_or(NonZeroUsize::MIN)) };
        let target = self.scratch.join(self.input(job));
        let options = CopyOptions { resources, ..CopyOptions::new(vec![self.source.clone()], target) };
        let plan = options.plan().map_err(|why| Error::refused("copy", &self.source, why.to_string()))?;
        let summary = copy::run(&plan, self.runs.context())?;
        self.require_success(job, &summary)
    }

    /// What a job reads.
    pub(super) fn input_path(&self, job: SweepJob) -> PathBuf {
        if job == SweepJob::Copy { self.source.clone() } else { self.scratch.join(self.input(job)) }
    }

    fn input(&self, job: SweepJob) -> &'static CStr {
        if job == SweepJob::Gunzip && !self.is_tree { PACKED } else { PLAIN }
    }

    /// One run, to be done here or in a process of its own.
    pub(super) fn spec(&self, setting: &Setting, job: SweepJob) -> RunSpec {
        RunSpec {
            input: self.input_path(job),
            target: self.scratch.join(TARGET),
            setting: setting.clone(),
            codec: self.plan.codec,
            block: self.plan.block,
            is_tree: self.is_tree,
        }
    }

    /// The same error about the source itself instead of its private copy, which is gone when people read it.
    pub(super) fn in_users_words(&self, job: SweepJob, mut error: Error) -> Error {
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

    /// Takes away what a run of this job made (and, after preparing, what the job would pass over), and lets the disk rest.
    pub(super) fn tidy(&self, sys: &mut Sys, job: SweepJob) -> Result<()> {
        let removed = self.remove_targets(sys, job);
        removed.map_err(|errno| Error::system("tidy", self.scratch.join(c""), errno))?;
        self.scratch.settle(sys)
    }

    fn remove_targets(&self, sys: &mut Sys, job: SweepJob) -> rustix::io::Result<()> {
        let directory = self.scratch.directory();
        let is_packed = |name: &CStr| name.to_bytes().ends_with(b".gz");
        let discard =
            &mut |sys: &mut Sys, parent: &OwnedFd, name: &CStr| self.trash.discard(sys, directory, parent, name);
        match (job, self.is_tree) {
            (SweepJob::Copy, true) => {
                discard(sys, directory, UNFINISHED)?;
                discard(sys, directory, TARGET)
            }
            (SweepJob::Copy, false) => remove_tree(sys, directory, TARGET),
            (SweepJob::Gzip, false) => remove_tree(sys, directory, PACKED),
            (SweepJob::Gunzip, false) => remove_tree(sys, directory, PLAIN),
            (SweepJob::Gzip, true) => prune(sys, directory, PLAIN, &|name| !is_packed(name), discard),
            (SweepJob::Gunzip, true) => prune(sys, directory, PLAIN, &is_packed, discard),
        }
    }
}

/// Whether a setting is run on a data set.
fn is_of(setting: &Setting, data: &DataPlan) -> bool {
    setting.word(Axis::Case) == data.case.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::UNFINISHED_SUFFIX;

    #[test]
    fn a_copy_that_is_cut_short_is_looked_for_under_its_name() {
        let name = [TARGET.to_bytes(), UNFINISHED_SUFFIX.as_bytes()].concat();
        assert_eq!(UNFINISHED.to_bytes(), name);
    }
}
