//! `haul sweep`: jobs that are run over and over with different settings, measured and compared.
//!
//! Each setting is run once to warm up; then, in every round, every setting is run once in an order that is shuffled
//! anew, so that a busy minute of the machine does not fall on one setting. What runs is the very `job::*::run` that
//! users call. Taking away the last target, writing back and emptying the cache happen between runs and are never timed.
//!
//! Warming up goes from small buffers to large ones, and peak memory is read there: glibc's arenas of threads keep
//! what was freed in them, and no call makes them give it back (`malloc_trim` spares their top), so that in a shuffled
//! round a run with 4 KiB seems to need what one with 4 MiB has left. Allocations are counted there too.
//!
//! - [`settings`](mod@settings): which settings; [`tables`]: ready-made ones.
//! - `rounds`: in which order, and until when; `narrow`: whether enough was measured.
//! - `scratch`: the directory where targets come and go; `subject`: the job, what it runs on, and tidying up.
//! - [`figures`]: a setting's runs boiled down to what a report shows; [`axes`]: what varies, and how it is named.
//! - [`verdict`]: the setting to use; [`reconcile`]: whether our counts are the kernel's.

pub mod axes;
pub mod figures;
mod narrow;
pub mod reconcile;
mod rounds;
mod scratch;
pub mod settings;
mod subject;
pub mod tables;
#[cfg(test)]
pub(super) mod testing;
pub mod verdict;

use std::time::{Duration, Instant};

use rustix::io::Errno;

use self::rounds::{Bench, Rounds};
use self::subject::Subject;
use super::Context;
use crate::codec::level::Choice;
use crate::error::{Error, Result};
use crate::measure::machine::this_machine;
use crate::measure::probe::{Probe, settle_allocator};
use crate::outcome::{Allocations, Cost, Ended, Sample, Setting, SweepReport, SweepRow};
use crate::plan::{SweepData, SweepPlan};
use crate::sys::Sys;

/// Where a sweep is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What it does: "warming up", "round".
    pub what: &'static str,
    /// Runs of this kind that are done.
    pub done: usize,
    /// Runs of this kind that it takes, or, of rounds, that one takes.
    pub total: usize,
    /// The longest that the rounds still take, where that is known.
    pub left: Option<Duration>,
}

/// Who watches a sweep. It is told between runs, and nobody else watches: while a run lasts nothing may draw, or the
/// drawing would be measured with it.
pub trait Watcher {
    /// A run is about to begin.
    fn step(&mut self, step: Step);
    /// This is what was measured so far: after warming up, and after each round.
    fn measured(&mut self, report: &SweepReport);
}

/// Runs what `plan` says.
///
/// Fails with a job's first failure, and where there is no place or room for targets. When `context.stop` asks for it,
/// it ends with what was measured so far, or with [`crate::error::Cause::Interrupted`] if that is nothing. The scratch
/// directory is gone whatever happens.
pub fn run(plan: &SweepPlan, context: &Context, watcher: &mut dyn Watcher) -> Result<SweepReport> {
    let mut sys = context.sys();
    let subject = Subject::new(&mut sys, plan, context)?;
    let machine = this_machine(subject.file_system(&mut sys)?.magic);
    settle_allocator();
    let started = Instant::now();
    subject.prepare(&mut sys)?;
    let mut report = empty_report(plan, machine);
    report.preparation_ns = nanoseconds(started.elapsed());
    let mut bench = Runs { subject: &subject, sys: &mut sys, context, tidying: Duration::ZERO };
    let mut rounds = Rounds { report: &mut report, bench: &mut bench, watcher };
    let started = Instant::now();
    let result = rounds.warm_up().and_then(|()| {
        rounds.describe_source();
        rounds.watcher.measured(rounds.report);
        rounds.run(plan.effort, started)
    });
    report.tidying_ns = nanoseconds(bench.tidying);
    subject.finish()?;
    match result {
        Err(error) if error.is_interruption() && report.rows.iter().any(|row| !row.samples.is_empty()) => {
            report.ended = Ended::Interrupted;
            Ok(report)
        }
        other => other.map(|()| report),
    }
}

/// A report that says what is to be run, and nothing of what came of it.
fn empty_report(plan: &SweepPlan, machine: crate::outcome::Machine) -> SweepReport {
    let rows = plan.arms.iter().map(|arm| SweepRow {
        setting: arm.setting,
        name: arm.name.clone(),
        warm_up: Sample::default(),
        allocations: None,
        samples: vec![],
        latency: None,
        observed: None,
        file_times: None,
    });
    let (source, generated) = match &plan.data {
        SweepData::Source(path) => (path.clone(), None),
        SweepData::Generated(generated) => (std::path::PathBuf::new(), Some(*generated)),
    };
    SweepReport {
        format: SweepReport::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: plan.command.clone(),
        table: plan.table,
        machine,
        cost: Cost::default(),
        source,
        generated,
        source_bytes: 0,
        source_files: 0,
        entropy_bits: None,
        block_bytes: block_bytes(plan),
        within: plan.effort.within,
        rounds: 0,
        ended: Ended::NotYet,
        seed: plan.seed,
        preparation_ns: 0,
        tidying_ns: 0,
        repeated: 0,
        control: None,
        rows: rows.collect(),
    }
}

/// gzip's block, if all of its levels have the same.
fn block_bytes(plan: &SweepPlan) -> Option<u64> {
    let levels = plan.arms.iter().filter_map(|arm| arm.setting.level);
    let chosen = levels.map(|level| Choice::new(plan.codec, level, plan.block));
    let mut blocks: Vec<usize> = chosen.filter_map(|choice| Some(choice.ok()?.block_bytes)).collect();
    blocks.dedup();
    if let [block] = blocks[..] { Some(block as u64) } else { None }
}

/// Runs of the subject, measured.
struct Runs<'a> {
    subject: &'a Subject<'a>,
    sys: &'a mut Sys,
    context: &'a Context,
    tidying: Duration,
}

impl Runs<'_> {
    /// One run, measured, after what the last one made is gone and the cache is as it should be.
    fn run_once(&mut self, setting: &Setting) -> Result<Sample> {
        let started = Instant::now();
        self.subject.tidy(self.sys)?;
        self.tidying += started.elapsed();
        if self.context.stop.is_requested() {
            return Err(Error::system("sweep over", self.subject.path(), Errno::INTR));
        }
        let probe = Probe::start();
        let summary = self.subject.run(setting)?;
        let sample = probe.finish(summary);
        self.subject.check(setting.job, &sample.summary)?;
        Ok(sample)
    }
}

impl Bench for Runs<'_> {
    fn warm_up(&mut self, setting: &Setting) -> Result<(Sample, Option<Allocations>)> {
        Ok((self.run_once(setting)?, None))
    }

    fn run(&mut self, setting: &Setting) -> Result<Sample> {
        self.run_once(setting)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
