//! Single runs: made ready, measured, proven.
//!
//! Before each run what was written is durable and the page cache holds nothing of the file, so that no run pays for the
//! one before it or profits from it; of a file that others use it is left alone before runs that pass it. Memory and what
//! is in it, a ring and threads are there before the clock starts.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::budget;
use super::files::{self, Files};
use super::location::Location;
use super::pattern::{Cursor, Pattern, Run, Statistics, Windows, mixed};
use super::proof;
use super::settings::DiskSetting;
use super::warm_up::{try_out, warm_up};
use crate::calls::nanoseconds;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::lab::cache::evict;
use crate::lab::metric::Metric;
use crate::lab::plan::Effort;
use crate::lab::probe::Probe;
use crate::lab::probe::latency::Times;
use crate::lab::report::{Report, Row, Sample, WarmUp};
use crate::lab::rounds::{Bench, WarmedUp};
use crate::lab::setting::Setting;
use crate::lab::subject::disk::backend::Backend;
use crate::lab::subject::disk::plan::{Access, DiskPlan, Load};
use crate::size::BufferSize;
use crate::sys::{Sys, cached_pages, page_bytes};

/// What tells the seeds of measured runs from those of windows that warm up.
const MEASURED: u64 = 1;

/// What a setting's next run is, and what came of those before.
#[derive(Debug)]
struct State {
    setting: DiskSetting,
    seed: u64,
    /// Runs so far.
    runs: u64,
    /// The block that the next run begins with, of those one after the other: not always the same ones, which a disk
    /// would remember.
    first: u64,
    /// Operations of a run at most.
    most: u64,
    reads: Times,
    writes: Times,
}

/// What runs one setting after another.
pub(super) struct DiskBench<'a> {
    context: &'a Context,
    location: &'a Location,
    /// For what is done between runs.
    sys: Sys,
    states: Vec<State>,
    files: Files,
    /// The most files that there may be at once.
    pub(super) most_files: usize,
    /// Files of a run, once that is known.
    pub(super) file_count: Option<usize>,
    /// Of what is written, bits a byte.
    entropy: f64,
    sustain: Option<Duration>,
    /// How long each setting may warm up.
    warm_up_time: Duration,
    /// How long a run lasts.
    pub(super) time: Duration,
    /// Time that was measured.
    measured: Duration,
    /// Time spent between runs.
    pub(super) between: Duration,
}

impl<'a> DiskBench<'a> {
    /// One that runs these settings, some of which so many controls will run twice a round; files that come and go may be
    /// so many.
    pub(super) fn new(
        context: &'a Context,
        location: &'a Location,
        plan: &DiskPlan,
        settings: &[DiskSetting],
        controls: usize,
        most_files: usize,
    ) -> Self {
        let state = |(number, setting): (usize, &DiskSetting)| State {
            setting: *setting,
            seed: mixed(plan.seed, number as u64),
            runs: 0,
            first: 0,
            most: u64::MAX,
            reads: Times::default(),
            writes: Times::default(),
        };
        Self {
            context,
            location,
            sys: context.sys(),
            states: settings.iter().enumerate().map(state).collect(),
            files: Files::default(),
            most_files,
            file_count: None,
            entropy: plan.entropy,
            sustain: plan.sustain,
            warm_up_time: budget::warming_up(plan.effort, settings.len()),
            time: budget::expected_run(plan.effort, settings.len() + controls),
            measured: Duration::ZERO,
            between: Duration::ZERO,
        }
    }

    /// What is run.
    pub(super) fn setting(&self, row: usize) -> DiskSetting {
        self.states[row].setting
    }

    /// How many blocks a run may deal with until it meets one again that the page cache then holds, and their size;
    /// `None` of loads of files.
    pub(super) fn blocks(&self, row: usize) -> Option<(u64, u64)> {
        let bytes = self.states[row].setting.block?.bytes() as u64;
        let file = self.location.file()?;
        // What is memory anyway has nothing to meet.
        let blocks = if file.storage().is_memory { u64::MAX } else { file.bytes() / bytes };
        Some((blocks, bytes))
    }

    /// So many operations at most are made in each further run. All loads of files have as many files, whichever of
    /// them said so first: the time of one depends on how many there are in a directory.
    pub(super) fn limit(&mut self, row: usize, operations: u64) {
        match self.states[row].setting.load {
            Load::Create | Load::Remove => self.file_count = self.file_count.or(Some(operations as usize)),
            Load::Stat => {}
            _ => self.states[row].most = operations,
        }
    }

    /// One run that begins operations for so long, and so many at most; of loads of files, on so many of them.
    pub(super) fn once(&mut self, row: usize, time: Duration, most: u64, count: usize) -> Result<(Sample, Statistics)> {
        let windows = Windows::of(time, self.sustain.is_some());
        let (sample, statistics) = if self.states[row].setting.load.is_of_files() {
            self.run_on_files(row, time, count, windows)?
        } else {
            self.run_on_blocks(row, time, most, windows)?
        };
        self.measured += Duration::from_nanos(sample.wall_ns);
        Ok((sample, statistics))
    }

    fn run_on_blocks(
        &mut self,
        row: usize,
        time: Duration,
        most: u64,
        windows: Windows,
    ) -> Result<(Sample, Statistics)> {
        let Some(file) = self.location.file() else { return Err(self.failed("open", Errno::BADF)) };
        let state = &mut self.states[row];
        let setting = state.setting;
        let (access, block) = (setting.access.unwrap_or(Access::Buffered), setting.block.map_or(1, BufferSize::bytes));
        let pattern = Pattern::new(setting.load, block, file.bytes(), state.first, mixed(state.seed, state.runs));
        let blocks = pattern.blocks();
        state.runs += 1;
        let cached_before = self.make_ready(&setting)?;
        let mut sys = self.context.sys();
        let mut backend = Backend::new(&mut sys, setting.backend, setting.depth, block)
            .map_err(|errno| self.failed("get ready to measure", errno))?;
        let run = Run::new(pattern, most, time, windows);
        run.prepare(&mut backend, self.entropy);
        let mut cursors: Vec<Cursor<'_>> = (0..backend.workloads()).map(|number| run.cursor(number)).collect();
        let mut after = self.context.sys();
        let probe = Probe::start();
        let mut calls =
            backend.run(&sys, file.descriptor(access), &mut cursors).map_err(|error| error.on(file.path()))?;
        let flushing =
            flush(&mut after, &setting, file.descriptor(access)).map_err(|errno| self.failed("sync", errno))?;
        calls += after.counts();
        let sample = probe.finish(calls);
        let mut statistics = Statistics::new(windows);
        for cursor in &cursors {
            statistics += &cursor.statistics;
        }
        let mut sample = with_statistics(sample, &statistics);
        // Threads are started and joined within what the probe sees.
        if let Some((begun, ended)) = run.begun().zip(statistics.ended) {
            sample.wall_ns = nanoseconds(ended.saturating_duration_since(begun) + flushing);
        }
        if let Some(part) = cached_before {
            sample.metrics.set(Metric::CachedBefore, part);
        }
        proof::prove(&setting, file.storage(), file.has_holes(), &mut sample);
        self.states[row].first = (self.states[row].first + statistics.operations) % blocks;
        Ok((sample, statistics))
    }

    fn run_on_files(
        &mut self,
        row: usize,
        time: Duration,
        count: usize,
        windows: Windows,
    ) -> Result<(Sample, Statistics)> {
        self.states[row].runs += 1;
        let load = self.states[row].setting.load;
        let Some(directory) = self.location.directory() else { return Err(self.failed("open", Errno::BADF)) };
        let started = Instant::now();
        self.files
            .make_ready(&mut self.sys, directory, load, count)
            .map_err(|errno| Error::system("make and remove files in", self.location.path(), errno))?;
        self.location.settle(&mut self.sys)?;
        self.between += started.elapsed();
        self.go_on()?;
        let mut sys = self.context.sys();
        let probe = Probe::start();
        let ran = self.files.run(&mut sys, load, count, time, windows);
        let statistics = ran.map_err(|errno| self.failed(verb(load), errno))?;
        let sample = probe.finish(sys.counts().clone());
        Ok((with_statistics(sample, &statistics), statistics))
    }

    /// Has what was written durable and the cache empty, as far as the run needs that. Returns the part of the file that
    /// is in it, where that matters and can be told.
    fn make_ready(&mut self, setting: &DiskSetting) -> Result<Option<f64>> {
        let Some(file) = self.location.file() else { return Ok(None) };
        let started = Instant::now();
        let buffered = file.descriptor(Access::Buffered);
        if evicts(file.is_ours(), setting) {
            evict(&mut self.sys, buffered).map_err(|errno| self.failed("empty the cache of", errno))?;
        }
        let mut cached = None;
        if setting.reads_cold() && file.storage().shows_cache && !file.storage().is_memory {
            let pages = file.bytes().div_ceil(page_bytes() as u64);
            cached = cached_pages(buffered).map(|cached| (cached as f64 / pages as f64).min(1.0));
        }
        self.between += started.elapsed();
        self.go_on()?;
        Ok(cached)
    }

    fn failed(&self, operation: &'static str, errno: Errno) -> Error {
        Error::system(operation, self.location.path(), errno)
    }

    fn go_on(&self) -> Result<()> {
        self.sys.check_stop().map_err(|errno| self.failed("measure", errno))
    }
}

impl Bench for DiskBench<'_> {
    fn warm_up(&mut self, row: usize, _setting: &Setting, _share: Option<Duration>) -> Result<WarmedUp> {
        let found: Result<WarmUp> =
            if self.runs_once() { try_out(self, row) } else { warm_up(self, row, self.warm_up_time) };
        match found {
            Ok(found) => Ok(WarmedUp::Ready(found)),
            Err(error) if is_impossible(&error, self.setting(row).load) => Ok(WarmedUp::LeftOut(error.to_string())),
            Err(error) => Err(error),
        }
    }

    fn runs_once(&self) -> bool {
        self.sustain.is_some()
    }

    fn leave_out(&mut self, rows: &[usize]) {
        for row in rows.iter().rev() {
            self.states.remove(*row);
        }
    }

    /// What is done between runs is counted from now on; and so are runs, since the blocks of a round must not depend on
    /// how many windows were before.
    fn begin_rounds(&mut self, report: &mut Report, effort: Effort, runs: usize, spent: Duration) {
        let windows: u64 = self.states.iter().map(|state| state.runs).sum();
        let unmeasured = Duration::from_nanos(report.warm_up_ns).saturating_sub(self.measured);
        let between = unmeasured / u32::try_from(windows.max(1)).unwrap_or(u32::MAX);
        self.time = self.sustain.unwrap_or_else(|| budget::run(effort, spent, runs, between));
        report.run_ns = Some(nanoseconds(self.time));
        self.between = Duration::ZERO;
        for state in &mut self.states {
            (state.seed, state.runs) = (mixed(state.seed, MEASURED), 0);
        }
    }

    fn run(&mut self, row: usize, _setting: &Setting, is_control: bool) -> Result<Sample> {
        let count = self.file_count.unwrap_or(files::USUAL.min(self.most_files));
        let (sample, statistics) = self.once(row, self.time, self.states[row].most, count)?;
        if sample.is_valid() && !is_control {
            self.states[row].reads += &statistics.reads;
            self.states[row].writes += &statistics.writes;
        }
        Ok(sample)
    }

    fn kept(&mut self, index: usize, row: &mut Row) {
        let state = &self.states[index];
        (row.read_latency, row.write_latency) = (state.reads.latency(), state.writes.latency());
    }
}

/// Whether the page cache is emptied of the file before a run. What passes the cache does not care what it holds; and of a
/// file that others use, a database's say, they would have to read everything again.
fn evicts(is_ours: bool, setting: &DiskSetting) -> bool {
    is_ours || setting.access == Some(Access::Buffered)
}

/// Writes back what went through the page cache: how long that took.
fn flush(sys: &mut Sys, setting: &DiskSetting, file: BorrowedFd<'_>) -> rustix::io::Result<Duration> {
    if !setting.flushes() {
        return Ok(Duration::ZERO);
    }
    let started = Instant::now();
    sys.fdatasync(file)?;
    Ok(started.elapsed())
}

/// A sample with what was done in its run.
fn with_statistics(mut sample: Sample, statistics: &Statistics) -> Sample {
    for (metric, count) in [
        (Metric::Operations, statistics.operations),
        (Metric::ReadBytes, statistics.read_bytes),
        (Metric::WrittenBytes, statistics.written_bytes),
    ] {
        sample.metrics.count(metric, count);
    }
    let (windows, each) = statistics.windows();
    (sample.windows, sample.window_ns) = (windows, nanoseconds(each));
    (sample.read_latency, sample.write_latency) = (statistics.reads.latency(), statistics.writes.latency());
    sample
}

const fn verb(load: Load) -> &'static str {
    match load {
        Load::Create => "create a file in",
        Load::Remove => "remove a file in",
        _ => "ask for attributes in",
    }
}

/// Whether a failure says that a setting cannot be had here, so that the others are run all the same: so many operations that
/// there is no memory for them, something that the file system has no call for, or files that it has no inodes for. Where
/// there is no space for blocks none can be written.
fn is_impossible(error: &Error, load: Load) -> bool {
    match error.errno() {
        Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::NOMEM | Errno::AGAIN) => true,
        Some(Errno::NOSPC | Errno::DQUOT) => load.is_of_files(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_inodes_is_no_reason_to_measure_nothing_else() {
        let error = |errno| Error::system("create a file in", "/x", errno);
        for (errno, load, expected) in [
            (Errno::NOSPC, Load::Create, true),
            (Errno::DQUOT, Load::Remove, true),
            (Errno::NOSPC, Load::Write, false),
            (Errno::NOMEM, Load::RandomRead, true),
            (Errno::IO, Load::Create, false),
        ] {
            assert_eq!(is_impossible(&error(errno), load), expected, "{errno} {load:?}");
        }
    }
}
