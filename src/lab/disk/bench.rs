//! Single runs: made ready, measured, proven.
//!
//! Before each run what was written is durable and the page cache holds nothing of the file, so that no run pays for the
//! one before it or profits from it; of a file that others use it is left alone before runs that pass it by. Memory and
//! what is in it, a ring and threads are there before the clock starts.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::files::{self, Files};
use super::pattern::{Course, Part, Pattern, Tally, mixed};
use super::place::Place;
use super::proof;
use crate::calls::SyscallCounts;
use crate::error::{Error, Result};
use crate::job::Context;
use crate::load::Flights;
use crate::measure::cache::evict;
use crate::measure::latency::Times;
use crate::measure::probe::Probe;
use crate::outcome::{DiskSample, DiskSetting, Latency, Sample, Summary, nanoseconds};
use crate::plan::{Access, Load};
use crate::size::BufferSize;
use crate::sys::{Sys, cached_pages, page_bytes};

/// What tells the seeds of measured runs from those of windows that warm up.
const MEASURED: u64 = 1;

/// What a setting's next run is, and what came of those before.
#[derive(Debug)]
struct Lane {
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
pub(super) struct Bench<'a> {
    context: &'a Context,
    place: &'a Place,
    /// For what is done between runs.
    sys: Sys,
    lanes: Vec<Lane>,
    files: Files,
    /// The most files that there may be at once.
    pub(super) most_files: usize,
    /// Files of a run, once that is known.
    pub(super) file_count: Option<usize>,
    /// How long a run lasts.
    pub(super) time: Duration,
    /// Time that was measured.
    measured: Duration,
    /// Time spent between runs.
    pub(super) tidying: Duration,
}

impl<'a> Bench<'a> {
    /// One that runs these settings.
    pub(super) fn new(context: &'a Context, place: &'a Place, settings: &[DiskSetting], seed: u64) -> Self {
        let lane = |(number, setting): (usize, &DiskSetting)| Lane {
            setting: *setting,
            seed: mixed(seed, number as u64),
            runs: 0,
            first: 0,
            most: u64::MAX,
            reads: Times::default(),
            writes: Times::default(),
        };
        let lanes = settings.iter().enumerate().map(lane).collect();
        let nothing = Duration::ZERO;
        let sys = context.sys();
        Self {
            context,
            place,
            sys,
            lanes,
            files: Files::default(),
            most_files: files::MOST,
            file_count: None,
            time: nothing,
            measured: nothing,
            tidying: nothing,
        }
    }

    /// Warming up is over: how much of the time `elapsed` passed beside each of its runs. What is tidied from now on is
    /// counted again; and so are runs, since the blocks of a round must not depend on how many windows were before.
    pub(super) fn begin_rounds(&mut self, elapsed: Duration) -> Duration {
        self.tidying = Duration::ZERO;
        let runs: u64 = self.lanes.iter().map(|lane| lane.runs).sum();
        for lane in &mut self.lanes {
            (lane.seed, lane.runs) = (mixed(lane.seed, MEASURED), 0);
        }
        elapsed.saturating_sub(self.measured) / u32::try_from(runs.max(1)).unwrap_or(u32::MAX)
    }

    /// Forgets a setting that cannot be had.
    pub(super) fn remove(&mut self, row: usize) {
        self.lanes.remove(row);
    }

    /// A measured run of the setting with this number.
    pub(super) fn run(&mut self, row: usize) -> Result<(DiskSample, Tally)> {
        self.once(row, self.time, self.lanes[row].most, self.file_count.unwrap_or(files::USUAL.min(self.most_files)))
    }

    /// Adds the times of a run to those of its row.
    pub(super) fn keep(&mut self, row: usize, tally: &Tally) {
        self.lanes[row].reads += &tally.reads;
        self.lanes[row].writes += &tally.writes;
    }

    /// How long reads and writes took in the runs that were kept.
    pub(super) fn latencies(&self, row: usize) -> (Option<Latency>, Option<Latency>) {
        (self.lanes[row].reads.latency(), self.lanes[row].writes.latency())
    }

    /// What is run.
    pub(super) fn setting(&self, row: usize) -> DiskSetting {
        self.lanes[row].setting
    }

    /// How many blocks a run may deal with until it meets one again that the page cache then holds, and their size;
    /// `None` of loads of files.
    pub(super) fn blocks(&self, row: usize) -> Option<(u64, u64)> {
        let bytes = self.lanes[row].setting.block?.bytes() as u64;
        let file = self.place.file()?;
        // What is memory anyway has nothing to meet.
        let blocks = if file.storage().is_memory { u64::MAX } else { file.bytes() / bytes };
        Some((blocks, bytes))
    }

    /// So many operations at most are made in each further run. All loads of files have as many files, whichever of
    /// them said so first: the time of one depends on how many there are in a directory.
    pub(super) fn limit(&mut self, row: usize, operations: u64) {
        match self.lanes[row].setting.load {
            Load::Create | Load::Remove => self.file_count = self.file_count.or(Some(operations as usize)),
            Load::Stat => {}
            _ => self.lanes[row].most = operations,
        }
    }

    /// One run that begins operations for so long, and so many at most; of loads of files, on so many of them.
    pub(super) fn once(&mut self, row: usize, time: Duration, most: u64, count: usize) -> Result<(DiskSample, Tally)> {
        let is_of_files = self.lanes[row].setting.load.is_of_files();
        let done = if is_of_files { self.run_on_files(row, time, count) } else { self.run_on_blocks(row, time, most) }?;
        self.measured += Duration::from_nanos(done.0.run.wall_ns);
        Ok(done)
    }

    fn run_on_blocks(&mut self, row: usize, time: Duration, most: u64) -> Result<(DiskSample, Tally)> {
        let Some(file) = self.place.file() else { return Err(self.failed("open", Errno::BADF)) };
        let lane = &mut self.lanes[row];
        let setting = lane.setting;
        let (access, block) = (setting.access.unwrap_or(Access::Buffered), setting.block.map_or(1, BufferSize::bytes));
        let pattern = Pattern::new(setting.load, block, file.bytes(), lane.first, mixed(lane.seed, lane.runs));
        let blocks = pattern.blocks();
        lane.runs += 1;
        let cached_before = self.make_ready(&setting)?;
        let mut sys = self.context.sys();
        let mut flights = Flights::new(&mut sys, setting.flight, setting.depth, block)
            .map_err(|errno| self.failed("get ready to measure", errno))?;
        let course = Course::new(pattern, most, time);
        course.prepare(&mut flights);
        let mut parts: Vec<Part<'_>> = (0..flights.scripts()).map(|number| course.part(number)).collect();
        let mut after = self.context.sys();
        let probe = Probe::start();
        let counts = flights.run(&sys, file.descriptor(access), &mut parts).map_err(|error| error.on(file.path()))?;
        let flushing =
            flush(&mut after, &setting, file.descriptor(access)).map_err(|errno| self.failed("sync", errno))?;
        let sample = probe.finish(summary(counts, &after));
        let mut tally = Tally::default();
        for part in &parts {
            tally += &part.tally;
        }
        let mut sample = disk_sample(sample, &tally);
        // Threads are started and joined within what the probe sees.
        if let Some((begun, ended)) = course.begun().zip(tally.ended) {
            sample.run.wall_ns = nanoseconds(ended.saturating_duration_since(begun) + flushing);
        }
        sample.run.cached_before = cached_before;
        proof::prove(&setting, file.storage(), file.has_holes(), &mut sample);
        self.lanes[row].first = (self.lanes[row].first + tally.operations) % blocks;
        Ok((sample, tally))
    }

    fn run_on_files(&mut self, row: usize, time: Duration, count: usize) -> Result<(DiskSample, Tally)> {
        self.lanes[row].runs += 1;
        let load = self.lanes[row].setting.load;
        let Some(directory) = self.place.directory() else { return Err(self.failed("open", Errno::BADF)) };
        let started = Instant::now();
        self.files
            .make_ready(&mut self.sys, directory, load, count)
            .map_err(|errno| Error::system("make and remove files in", self.place.path(), errno))?;
        self.place.settle(&mut self.sys)?;
        self.tidying += started.elapsed();
        self.go_on()?;
        let mut sys = self.context.sys();
        let probe = Probe::start();
        let ran = self.files.run(&mut sys, load, count, time);
        let tally = ran.map_err(|errno| self.failed(verb(load), errno))?;
        let sample = probe.finish(summary(SyscallCounts::default(), &sys));
        Ok((disk_sample(sample, &tally), tally))
    }

    /// Has what was written durable and the cache empty, as far as the run needs that. Returns the part of the file that is in it, where that matters
    /// and can be told.
    fn make_ready(&mut self, setting: &DiskSetting) -> Result<Option<f64>> {
        let Some(file) = self.place.file() else { return Ok(None) };
        let started = Instant::now();
        let buffered = file.descriptor(Access::Buffered);
        if evicts(file.is_ours(), setting) {
            evict(&mut self.sys, buffered).map_err(|errno| self.failed("empty the cache of", errno))?;
        }
        let mut cached = None;
        if proof::reads_cold(setting) && file.storage().shows_cache && !file.storage().is_memory {
            let pages = file.bytes().div_ceil(page_bytes() as u64);
            cached = cached_pages(buffered).map(|cached| (cached as f64 / pages as f64).min(1.0));
        }
        self.tidying += started.elapsed();
        self.go_on()?;
        Ok(cached)
    }

    fn failed(&self, operation: &'static str, errno: Errno) -> Error {
        Error::system(operation, self.place.path(), errno)
    }

    fn go_on(&self) -> Result<()> {
        self.sys.check_stop().map_err(|errno| self.failed("measure", errno))
    }
}

/// Whether the page cache is emptied of the file before a run. What passes the cache by does not care what it holds; and
/// of a file that others use, a database's say, they would have to read everything again.
fn evicts(is_ours: bool, setting: &DiskSetting) -> bool {
    is_ours || setting.access == Some(Access::Buffered)
}

/// Writes back what went through the page cache: how long that took.
fn flush(sys: &mut Sys, setting: &DiskSetting, file: std::os::fd::BorrowedFd<'_>) -> rustix::io::Result<Duration> {
    if !flushes(setting) {
        return Ok(Duration::ZERO);
    }
    let started = Instant::now();
    sys.fdatasync(file)?;
    Ok(started.elapsed())
}

/// Whether a run ends with making durable what it wrote.
pub(super) fn flushes(setting: &DiskSetting) -> bool {
    setting.access == Some(Access::Buffered) && !setting.load.only_reads() && setting.load != Load::Sync
}

fn summary(counts: SyscallCounts, sys: &Sys) -> Summary {
    let mut syscalls = counts;
    syscalls += sys.counts();
    Summary { syscalls, ..Summary::default() }
}

fn disk_sample(run: Sample, tally: &Tally) -> DiskSample {
    let mut sample = DiskSample {
        run,
        operations: tally.operations,
        read_bytes: tally.read_bytes,
        written_bytes: tally.written_bytes,
        read_latency: tally.reads.latency(),
        write_latency: tally.writes.latency(),
        windows: tally.windows.to_vec(),
    };
    (sample.run.summary.source_bytes, sample.run.summary.target_bytes) = (sample.read_bytes, sample.written_bytes);
    sample
}

const fn verb(load: Load) -> &'static str {
    match load {
        Load::Create => "create a file in",
        Load::Remove => "remove a file in",
        _ => "ask for attributes in",
    }
}
