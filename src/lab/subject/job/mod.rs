//! The jobs that users call, copy, gzip and gunzip: run over and over with one setting after another.
//!
//! Taking away the last target, writing back and emptying the cache happen between runs and are never timed.
//!
//! Warming up goes from small buffers to large ones, and peak memory is read there: glibc's arenas of threads keep
//! what was freed in them, and no call makes them give it back (`malloc_trim` spares their top), so that in a shuffled
//! round a run with 4 KiB seems to need what one with 4 MiB has left. Allocations are counted there too.
//!
//! - this file: single runs, for `lab::rounds`; `extra_runs`: what is learned in runs that are not timed;
//! - [`axes`]: which settings; [`tables`]: ready-made ones; `options`: a setting as a job reads it; [`run_spec`]: one run as
//!   data;
//! - `data_set`: what jobs are run on, and tidying up; `source`: what the user named; `runs`: contexts of runs, and their
//!   failures; `trash`: where old targets go; `time_limit`: the end of a first run that takes too long.

pub mod axes;
mod data_set;
mod extra_runs;
mod options;
pub mod run_spec;
mod runs;
mod source;
pub mod tables;
mod time_limit;
mod trash;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::io::Errno;

pub(in crate::lab) use self::data_set::DataSet;
pub(in crate::lab) use self::options::JobOptions;

use self::time_limit::limited;
use crate::calls::{SyscallCounts, nanoseconds};
use crate::error::{Error, Remedy, Result};
use crate::job::Context;
use crate::lab::cache::{self, NotCold, Storage};
use crate::lab::machine::available_memory;
use crate::lab::metric::{Metric, Metrics};
use crate::lab::plan::{CacheState, SweepJob, SweepPlan};
use crate::lab::probe::{Probe, processes};
use crate::lab::report::{Row, Sample, WarmUp};
use crate::lab::rounds::{Bench, WarmedUp};
use crate::lab::setting::{Axis, Setting};
use crate::plan::SchedulerName;
use crate::pool::workers::process::WorkerProcess;
use crate::size::binary;
use crate::summary::Summary;
use crate::sys::{Sys, counting_allocations};

/// What runs one setting after another.
pub(in crate::lab) struct JobBench<'a> {
    data: &'a [DataSet<'a>],
    plan: &'a SweepPlan,
    context: &'a Context,
    /// For what is done between runs.
    sys: Sys,
    /// The data set and the job of the last run: its targets may be there.
    last: Option<(&'a DataSet<'a>, SweepJob)>,
    /// Files and bytes of source that a run of a setting deals with.
    work: HashMap<Setting, (u64, u64)>,
    /// Bytes of memory that were available before the first run.
    available: Option<u64>,
    /// Time spent between runs.
    between: Duration,
    /// What starting and ending a worker process adds to the kernel's counts of this process, once it is known.
    of_process: Option<Unexplained>,
}

/// Reads and writes that the kernel counts and we do not.
#[derive(Debug, Clone, Copy)]
struct Unexplained {
    reads: f64,
    writes: f64,
}

impl Unexplained {
    /// Those of a sample, where the kernel shows its counts.
    fn of(sample: &Sample) -> Option<Self> {
        let of = |metric| sample.metrics.get(metric);
        Some(Self { reads: of(Metric::UnexplainedReads)?, writes: of(Metric::UnexplainedWrites)? })
    }
}

impl<'a> JobBench<'a> {
    /// One that runs jobs on these data sets.
    pub(in crate::lab) fn new(plan: &'a SweepPlan, data: &'a [DataSet<'a>], context: &'a Context) -> Self {
        let (last, work, between) = (None, HashMap::new(), Duration::ZERO);
        let (sys, available) = (context.sys(), available_memory());
        Self { data, plan, context, sys, last, work, available, between, of_process: None }
    }

    /// Time spent between runs, ns.
    pub(in crate::lab) fn between_ns(&self) -> u64 {
        nanoseconds(self.between)
    }

    /// What a setting is run on, and how.
    fn find(&self, setting: &Setting) -> Result<(&'a DataSet<'a>, JobOptions)> {
        let refused = |why: String| Error::refused("run", setting.text(Axis::Case), why);
        let data = self.data.iter().find(|data| data.has(setting));
        let data = data.ok_or_else(|| refused("there is no data for it".to_owned()))?;
        Ok((data, JobOptions::read(setting).map_err(refused)?))
    }

    /// One run by `work`, measured, after what the last one made is gone.
    fn measure(
        &mut self,
        setting: &Setting,
        work: impl FnOnce(&DataSet<'_>, &JobOptions) -> Result<Summary>,
    ) -> Result<Sample> {
        let (data, options) = self.find(setting)?;
        let cached_before = self.make_ready(data, &options)?;
        let probe = Probe::start();
        let mut summary = work(data, &options)?;
        let mut sample = probe.finish(std::mem::take(&mut summary.syscalls));
        let checked = data.check(&options, &summary);
        self.explain_processes(&mut sample, summary.processes)?;
        sample.add(&summary);
        if let Some(part) = cached_before {
            sample.metrics.set(Metric::CachedBefore, part);
        }
        match checked {
            // Its time says nothing, and there may be no target; but another run with this setting may go well.
            Err(error) if error.remedy() == Some(Remedy::MoreBuffers) => {
                sample.invalid = Some(error.to_string());
                return Ok(sample);
            }
            checked => checked?,
        }
        self.require_same_work(data, setting, &summary)?;
        let storage = Storage::of(&mut self.sys, &data.input_path(options.job))?;
        cache::prove(options.job, options.expected_cache(), storage, &mut sample);
        if self.plan.sync {
            let started = Instant::now();
            sample.metrics.count(Metric::Sync, nanoseconds(data.sync(&mut self.sys, options.job)?));
            self.between += started.elapsed();
        }
        Ok(sample)
    }

    /// Takes out of a sample what its worker processes read and wrote while they were started and ended, which is measured once
    /// with one that has nothing to do.
    fn explain_processes(&mut self, sample: &mut Sample, processes: u64) -> Result<()> {
        let (Some(seen), Some(program), true) = (Unexplained::of(sample), &self.context.worker_program, processes > 0)
        else {
            return Ok(());
        };
        if self.of_process.is_none() {
            let started = Instant::now();
            let probe = Probe::start();
            let idle = WorkerProcess::start_idle(&mut self.sys, program);
            self.of_process = Unexplained::of(&probe.finish(SyscallCounts::default()));
            idle.map_err(|why| why.error("start", "a worker process".into()))?;
            self.between += started.elapsed();
        }
        let each = self.of_process.unwrap_or(Unexplained { reads: 0.0, writes: 0.0 });
        sample.metrics.set(Metric::UnexplainedReads, seen.reads - processes as f64 * each.reads);
        sample.metrics.set(Metric::UnexplainedWrites, seen.writes - processes as f64 * each.writes);
        Ok(())
    }

    /// Takes away what the last run made, and has the cache in the state that the setting asks for. Returns the part of
    /// the source that is in it, where that can be told.
    fn make_ready(&mut self, data: &'a DataSet<'a>, options: &JobOptions) -> Result<Option<f64>> {
        let started = Instant::now();
        if let Some((last, job)) = self.last.replace((data, options.job)) {
            last.tidy(&mut self.sys, job)?;
        }
        let cached = cache::make_ready(&mut self.sys, &data.input_path(options.job), options.cache);
        let cached = cached.map_err(|error| data.in_users_words(options.job, error))?;
        self.between += started.elapsed();
        self.go_on(data)?;
        Ok(cached)
    }

    fn go_on(&self, data: &DataSet<'_>) -> Result<()> {
        let stops = self.context.stop.is_requested();
        if stops { Err(Error::system("sweep over", &data.source, Errno::INTR)) } else { Ok(()) }
    }

    /// Fails unless a run did the same work as the first one with its setting: of other data no figure could be compared.
    fn require_same_work(&mut self, data: &DataSet<'_>, setting: &Setting, summary: &Summary) -> Result<()> {
        let now = (summary.files, summary.source_bytes);
        let before = *self.work.entry(setting.clone()).or_insert(now);
        if before == now {
            return Ok(());
        }
        let why = format!(
            "it changed during the sweep: {} bytes in {} files, before {} in {}; sweep again when it is at rest",
            now.1, now.0, before.1, before.0
        );
        Err(Error::refused("sweep over", &data.source, why))
    }

    /// Makes the source cold if the setting asks for that. Returns why no run could be.
    fn why_not_cold(&mut self, setting: &Setting) -> Result<Option<String>> {
        let (data, options) = self.find(setting)?;
        if options.cache != CacheState::Cold {
            return Ok(None);
        }
        let input = data.input_path(options.job);
        let storage = Storage::of(&mut self.sys, &input)?;
        match cache::require_cold(&mut self.sys, &input, storage) {
            Ok(()) => Ok(None),
            Err(NotCold::Failed(error)) if error.is_interruption() => Err(error),
            Err(NotCold::Failed(error)) => Ok(Some(data.in_users_words(options.job, error).to_string())),
            Err(why) => Ok(Some(why.to_string())),
        }
    }

    /// Why there is no memory for a setting; decided by its formula, before it is run.
    fn why_too_large(&self, setting: &Setting) -> Result<Option<String>> {
        let (data, options) = self.find(setting)?;
        let needed = data.spec(setting, options.job).memory_bytes(&options);
        Ok(needed.zip(self.available).filter(|(needed, available)| needed > available).map(|(needed, available)| {
            format!("it may take {} of memory, and {} are available", binary(needed), binary(available))
        }))
    }

    /// A first run, what the allocator was asked for in it, and how much memory it took. With a limit it is asked to stop
    /// when it takes longer.
    fn first_run(&mut self, setting: &Setting, limit: Option<Duration>) -> Result<WarmedUp> {
        let (mut allocations, mut seen) = (None, None);
        let has_children = self.find(setting)?.1.resources.scheduler == SchedulerName::Processes;
        let stop = limit.map_or_else(|| self.context.stop.clone(), |_| self.context.stop.child());
        let sample = self.measure(setting, |data, options| {
            let context = data.runs.stopped_by(stop.clone());
            let run = || counting_allocations(|| data.run(&context, setting, options));
            let run = || match limit {
                Some(limit) => limited(limit, &stop, run),
                None => run(),
            };
            let ((result, counted), most) = if has_children { processes::most_memory(run) } else { (run(), None) };
            (allocations, seen) = (counted, most);
            result
        })?;
        if let Some(why) = sample.invalid.filter(|_| sample.metrics.whole(Metric::PoolGaveUp) > 0) {
            return Ok(WarmedUp::LeftOut(why));
        }
        let (data, options) = self.find(setting)?;
        if sample.metrics.whole(Metric::Files) == 0 && data.has_files() {
            let why = format!("there is nothing in it for {}", options.job.name());
            return Err(Error::refused("sweep over", &data.source, why));
        }
        let counted = allocations.into_iter().flat_map(|counted| {
            [(Metric::Allocations, counted.count as f64), (Metric::AllocatedBytes, counted.bytes as f64)]
        });
        let peak = sample.metrics.get(Metric::Peak);
        // What this process needed at the most is known exactly, and what all of them did from time to time: the truth is
        // no less than either.
        let own = peak.and_then(|peak| processes::unshared(peak as u64));
        let all = own.max(seen).filter(|_| !has_children || seen.is_some());
        let memory = [peak.map(|peak| (Metric::Peak, peak)), all.map(|all| (Metric::PeakPss, all as f64))];
        let metrics: Metrics = memory.into_iter().flatten().chain(counted).collect();
        Ok(WarmedUp::Ready(WarmUp { wall_ns: sample.wall_ns, metrics, steadiness: None }))
    }

    /// Why a first run that was cut off after so long is not measured.
    fn cut_off(&self, limit: Duration) -> String {
        let is_half = self.plan.effort.budget.is_some_and(|budget| budget / 2 == limit);
        let half = if is_half { ", half of the budget" } else { "" };
        let seconds = (limit.as_secs_f64() * 10.0).round() / 10.0;
        format!("its first run was cut off after {seconds} s{half}: raise --budget to measure it")
    }
}

impl Bench for JobBench<'_> {
    /// Copies before gzips, small buffers before large ones and few workers before many; what the job chooses is large.
    fn warm_up_order(&self, rows: &[Row]) -> Vec<usize> {
        let mut ascending: Vec<usize> = (0..rows.len()).collect();
        ascending.sort_by_key(|row| {
            let setting = &rows[*row].setting;
            let number = |axis| setting.number(axis);
            let buffer = number(Axis::Buffer).unwrap_or(u64::MAX);
            (setting.named::<SweepJob>(Axis::Job), number(Axis::Level), buffer, number(Axis::Workers))
        });
        ascending
    }

    fn warm_up(&mut self, _row: usize, setting: &Setting, share: Option<Duration>) -> Result<WarmedUp> {
        if let Some(why) = self.why_too_large(setting)? {
            return Ok(WarmedUp::LeftOut(why));
        }
        if let Some(why) = self.why_not_cold(setting)? {
            return Ok(WarmedUp::LeftOut(why));
        }
        match (self.first_run(setting, share), share) {
            (Ok(warmed_up), _) => Ok(warmed_up),
            (Err(error), _) if is_impossible(&error) => Ok(WarmedUp::LeftOut(error.to_string())),
            // Descriptors or processes (ulimit) run out before memory does. Fewer workers can be measured all the same.
            (Err(error), _) if error.remedy() == Some(Remedy::FewerThreads) && self.plan.variants.len() > 1 => {
                Ok(WarmedUp::LeftOut(error.to_string()))
            }
            // Nobody but the limit asked it to stop.
            (Err(error), Some(limit)) if error.is_interruption() && !self.context.stop.is_requested() => {
                Ok(WarmedUp::LeftOut(self.cut_off(limit)))
            }
            (Err(error), _) => Err(error),
        }
    }

    fn run(&mut self, _row: usize, setting: &Setting, _is_control: bool) -> Result<Sample> {
        self.measure(setting, |data, options| data.run(data.runs.context(), setting, options))
    }
}

/// Whether a failure says that a setting cannot be had here, so that the others are run all the same: an engine that the file
/// system has no call for.
fn is_impossible(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::XDEV | Errno::NOSYS))
}

#[cfg(test)]
mod tests;
