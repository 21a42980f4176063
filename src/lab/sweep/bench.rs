//! Runs of the subject: measured ones, and those from which something else is learned. Each kind is a pass of its own:
//! counting allocations, timing calls and being watched by another tool all take time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::cache;
use super::observe::{observe, this_program};
use super::subject::Subject;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::lab::storage::Storage;
use crate::measure::file_times::FileClock;
use crate::measure::probe::Probe;
use crate::outcome::{Allocations, FileTimes, LatencyPass, Observed, Sample, Setting, Summary, nanoseconds};
use crate::plan::CacheState;
use crate::sys::{Sys, counting_allocations};

/// What runs one setting after another.
pub(super) struct Bench<'a> {
    subject: &'a Subject<'a>,
    /// For what is done between runs.
    sys: Sys,
    context: &'a Context,
    /// Whether to time `fdatasync`.
    sync: bool,
    /// Time spent between runs.
    tidying: Duration,
}

impl<'a> Bench<'a> {
    /// One that runs `subject`.
    pub(super) fn new(subject: &'a Subject<'a>, context: &'a Context, sync: bool) -> Self {
        Self { subject, sys: context.sys(), context, sync, tidying: Duration::ZERO }
    }

    /// Time spent between runs, ns.
    pub(super) fn tidying_ns(&self) -> u64 {
        nanoseconds(self.tidying)
    }

    /// A run that warms up, and what the allocator was asked for.
    pub(super) fn warm_up(&mut self, setting: &Setting) -> Result<(Sample, Option<Allocations>)> {
        if setting.cache == CacheState::Cold {
            let input = self.subject.input_path(setting.job);
            let storage = Storage::of(&mut self.sys, &input)?;
            cache::require_cold(&mut self.sys, &input, storage)?;
        }
        let mut allocations = None;
        let sample = self.measure(setting, |subject| {
            let (result, counted) = counting_allocations(|| subject.run(setting));
            allocations = counted;
            result
        })?;
        if sample.summary.files == 0 && self.subject.has_files() {
            let why = format!("there is nothing in it for {}", setting.job.name());
            return Err(Error::refused("sweep over", self.subject.path(), why));
        }
        Ok((sample, allocations))
    }

    /// A measured run.
    pub(super) fn run(&mut self, setting: &Setting) -> Result<Sample> {
        self.measure(setting, |subject| subject.run(setting))
    }

    /// How long each call takes.
    pub(super) fn latency(&mut self, setting: &Setting) -> Result<LatencyPass> {
        let sample = self.measure(setting, |subject| subject.run_timing_calls(setting))?;
        Ok(LatencyPass { wall_ns: sample.wall_ns, calls: sample.summary.syscalls.latencies() })
    }

    /// How long each file takes.
    pub(super) fn file_times(&mut self, setting: &Setting) -> Result<Option<FileTimes>> {
        let clock = Arc::new(FileClock::default());
        self.measure(setting, |subject| subject.run_timing_files(setting, Arc::clone(&clock)))?;
        Ok(clock.times())
    }

    /// Our counts beside another tool's; or why there is no such tool.
    pub(super) fn observe(&mut self, setting: &Setting) -> Result<std::result::Result<Observed, String>> {
        self.make_ready(setting)?;
        let observed = observe(&this_program(), &self.subject.spec(setting), &self.context.stop);
        self.go_on()?;
        Ok(observed)
    }

    /// One run of `work`, measured, after what the last one made is gone.
    fn measure(&mut self, setting: &Setting, work: impl FnOnce(&Subject<'_>) -> Result<Summary>) -> Result<Sample> {
        let cached_before = self.make_ready(setting)?;
        let probe = Probe::start();
        let summary = work(self.subject)?;
        let mut sample = probe.finish(summary);
        self.subject.check(setting, &sample.summary)?;
        sample.cached_before = cached_before;
        let storage = Storage::of(&mut self.sys, &self.subject.input_path(setting.job))?;
        cache::prove(setting, storage, &mut sample);
        if self.sync {
            let started = Instant::now();
            sample.sync_ns = Some(nanoseconds(self.subject.sync(&mut self.sys, setting.job)?));
            self.tidying += started.elapsed();
        }
        Ok(sample)
    }

    /// Takes away what the last run made, and has the cache in the state that the setting asks for. Returns the part of
    /// the source that is in it, where that can be told.
    fn make_ready(&mut self, setting: &Setting) -> Result<Option<f64>> {
        let started = Instant::now();
        self.subject.tidy(&mut self.sys)?;
        let input = self.subject.input_path(setting.job);
        let cached = cache::make_ready(&mut self.sys, &input, setting.cache)?;
        self.tidying += started.elapsed();
        self.go_on()?;
        Ok(cached)
    }

    fn go_on(&self) -> Result<()> {
        let stops = self.context.stop.is_requested();
        if stops { Err(Error::system("sweep over", self.subject.path(), Errno::INTR)) } else { Ok(()) }
    }
}
