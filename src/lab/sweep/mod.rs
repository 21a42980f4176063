//! `haul sweep`: jobs that are run over and over with different settings, measured and compared.
//!
//! Each setting is run once to warm up; then, in every round, every setting is run once in an order that is shuffled
//! again, so that a busy minute of the machine does not fall on one setting. What runs is the very job that
//! users call. Taking away the last target, writing back and emptying the cache happen between runs and are never timed.
//!
//! Warming up goes from small buffers to large ones, and peak memory is read there: glibc's arenas of threads keep
//! what was freed in them, and no call makes them give it back (`malloc_trim` spares their top), so that in a shuffled
//! round a run with 4 KiB seems to need what one with 4 MiB has left. Allocations are counted there too.
//!
//! - [`settings`](mod@settings): which settings; [`tables`]: ready-made ones.
//! - `rounds`: warming up, and what a round is made of; `narrow`: whether enough was measured; `bench`: single runs;
//!   `passes`: what is learned in runs that are not timed.
//! - [`data`]: what it runs on where the user has nothing; [`cache`]: the page cache before a run, and proofs of it.
//! - `source`: what the user named; `room`: whether there is a place and room for targets; `subject`: the job, what it
//!   runs on, and tidying up.
//! - [`figures`]: a setting's runs boiled down to what a report shows; [`axes`]: what varies, and how it is named.
//! - [`run_spec`]: one run as data; [`observe`]: doing it where another tool counts its system calls.
//! - [`verdict`]: the setting to use; [`bottleneck`]: what each waits for; [`reconcile`]: whether our counts are the
//!   kernel's.

mod aside;
pub mod axes;
mod bench;
pub mod bottleneck;
pub mod cache;
pub mod data;
pub mod figures;
mod narrow;
pub mod observe;
mod passes;
pub mod reconcile;
mod room;
mod rounds;
pub mod run_spec;
pub mod settings;
mod source;
mod subject;
pub mod tables;
#[cfg(test)]
pub(super) mod testing;
pub mod verdict;

use std::time::Instant;

use self::bench::Bench;
use self::rounds::Rounds;
use self::subject::Subject;
use super::rounds::{Step, Watcher};
use crate::codec::level::Choice;
use crate::error::Result;
use crate::job::Context;
use crate::measure::cost::cost;
use crate::measure::interval::fewest_for;
use crate::measure::machine::this_machine;
use crate::measure::probe::settle_allocator;
use crate::outcome::{Ended, Machine, SweepReport, SweepRow, nanoseconds};
use crate::plan::{SweepData, SweepPlan};

/// Runs what `plan` says.
///
/// Fails where there is no place or room for targets, and with a job's first failure if nothing was measured until then.
/// Otherwise a failure, or a wish to stop, ends it with what was measured. The scratch directory is gone whatever happens.
pub fn run(plan: &SweepPlan, context: &Context, watcher: &mut dyn Watcher<SweepReport>) -> Result<SweepReport> {
    let mut sys = context.sys();
    let subject = Subject::new(&mut sys, plan, context)?;
    let mut report = empty_report(plan, this_machine(&mut sys, subject.directory()));
    settle_allocator();
    let started = Instant::now();
    let found = subject.prepare(&mut sys, &mut |what| watcher.step(Step::whole(what)))?;
    (report.source_bytes, report.source_files) = (found.bytes, found.files);
    report.entropy_bits = Some(found.entropy_bits);
    report.preparation_ns = nanoseconds(started.elapsed());
    let mut bench = Bench::new(&subject, context, plan.sync);
    let result = measure(plan, &mut report, &mut bench, watcher);
    report.tidying_ns = bench.tidying_ns();
    if let Err(error) = result {
        if report.rows.iter().all(|row| row.samples.is_empty()) {
            return Err(error);
        }
        report.ended = if error.is_interruption() { Ended::Interrupted } else { Ended::Failed };
        report.failure = (!error.is_interruption()).then(|| watcher.words(&error));
    }
    watcher.step(Step::whole("removing targets"));
    if let Err(error) = subject.finish() {
        // What was measured is worth more than what is left behind.
        report.failure.get_or_insert(watcher.words(&error));
        report.ended = Ended::Failed;
    }
    Ok(report)
}

/// Everything once to warm up, then rounds, then what else is to be learned.
fn measure(
    plan: &SweepPlan,
    report: &mut SweepReport,
    bench: &mut Bench<'_>,
    watcher: &mut dyn Watcher<SweepReport>,
) -> Result<()> {
    let started = Instant::now();
    let mut rounds = Rounds { report, runner: bench, watcher, fewest: fewest_for(plan.statements) };
    rounds.warm_up()?;
    rounds.watcher.measured(rounds.report);
    rounds.run(plan.effort, started)?;
    passes::run(plan.passes, report, bench, watcher)?;
    watcher.measured(report);
    Ok(())
}

/// A report that says what is to be run, and nothing of what came of it.
fn empty_report(plan: &SweepPlan, machine: Machine) -> SweepReport {
    let rows = plan.arms.iter().map(|arm| SweepRow { name: arm.name.clone(), ..SweepRow::new(arm.setting) });
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
        cost: cost(),
        source,
        generated,
        block_bytes: block_bytes(plan),
        within: plan.effort.within,
        seed: plan.seed,
        codec: codec(plan),
        rows: rows.collect(),
        ..SweepReport::default()
    }
}

/// gzip's codec, if all of its levels have the same.
fn codec(plan: &SweepPlan) -> Option<String> {
    the_same(plan, |choice| choice.name.name()).map(str::to_owned)
}

/// gzip's block, if all of its levels have the same.
fn block_bytes(plan: &SweepPlan) -> Option<u64> {
    the_same(plan, |choice| choice.block_bytes as u64)
}

fn the_same<T: PartialEq>(plan: &SweepPlan, of: fn(&Choice) -> T) -> Option<T> {
    let levels = plan.arms.iter().filter_map(|arm| arm.setting.level);
    let mut values =
        levels.filter_map(|level| Choice::new(plan.codec, level, plan.block).ok()).map(|choice| of(&choice));
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
