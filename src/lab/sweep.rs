//! `haul sweep`: jobs that are run over and over with different settings, measured and compared.

use std::time::Instant;

use crate::calls::nanoseconds;
use crate::error::Result;
use crate::job::Context;
use crate::lab::machine::{now_utc, this_machine};
use crate::lab::plan::SweepPlan;
use crate::lab::probe::cost::cost;
use crate::lab::probe::settle_allocator;
use crate::lab::report::{Ended, Rank, Report, Row, Subject};
use crate::lab::rounds::{Rounds, Step, Watcher};
use crate::lab::subject::job::{DataSet, JobBench};
use crate::sys::Sys;

/// Runs what `plan` says: every setting once to warm up, then rounds, then the extra runs that it asks for.
///
/// Fails where there is no directory or free space for targets, and with a job's first failure if nothing was measured
/// until then. Otherwise a failure, or a request to stop, ends it with what was measured. The scratch directories are gone
/// whatever happens.
pub fn run(plan: &SweepPlan, context: &Context, watcher: &mut dyn Watcher) -> Result<Report> {
    measure(plan, context, watcher, |rounds| {
        rounds.warm_up(plan.effort)?;
        rounds.run(plan.effort)
    })
}

/// Gets everything ready that a plan runs on, has `work` measure it, makes the extra runs that the plan asks for, and takes
/// everything away again. Fails and ends as [`run`] does.
pub(in crate::lab) fn measure(
    plan: &SweepPlan,
    context: &Context,
    watcher: &mut dyn Watcher,
    work: impl FnOnce(&mut Rounds<'_>) -> Result<()>,
) -> Result<Report> {
    let begun = Instant::now();
    let mut sys = context.sys();
    let data: Result<Vec<_>> = plan.data.iter().map(|data| DataSet::new(&mut sys, plan, data, context)).collect();
    let mut data = data?;
    let mut report = empty_report(&mut sys, plan, &data);
    settle_allocator();
    let started = Instant::now();
    for data in &mut data {
        report.data.push(data.prepare(&mut sys, &mut |what| watcher.step(Step::whole(what)))?);
    }
    report.preparation_ns = nanoseconds(started.elapsed());
    let mut bench = JobBench::new(plan, &data, context);
    let started = Instant::now();
    let mut rounds = Rounds { report: &mut report, bench: &mut bench, watcher, started, statements: 0 };
    let result = work(&mut rounds).and_then(|()| bench.extra_runs(plan.extra_runs, &mut report, watcher));
    report.between_ns = bench.between_ns();
    if let Err(error) = result {
        if !has_samples(&report) {
            return Err(error);
        }
        report.ended = if error.is_interruption() { Ended::Interrupted } else { Ended::Failed };
        report.failure = (!error.is_interruption()).then(|| watcher.words(&error));
    }
    watcher.step(Step::whole("removing targets"));
    for error in data.into_iter().filter_map(|data| data.finish().err()) {
        // What was measured is worth more than what is left behind.
        report.failure.get_or_insert(watcher.words(&error));
        report.ended = Ended::Failed;
    }
    report.took_ns = nanoseconds(begun.elapsed());
    Ok(report)
}

/// A report that says what is to be run, and nothing of what came of it.
fn empty_report(sys: &mut Sys, plan: &SweepPlan, data: &[DataSet<'_>]) -> Report {
    let rows =
        plan.variants.iter().map(|variant| Row { name: variant.name.clone(), ..Row::new(variant.setting.clone()) });
    let mut machine = data.first().map(|data| this_machine(sys, data.directory())).unwrap_or_default();
    if plan.anonymous {
        machine.anonymous();
    }
    Report {
        format: Report::FORMAT,
        subject: Subject::Sweep,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: plan.command.clone(),
        started: now_utc(),
        machine,
        cost: cost(),
        table: plan.table,
        baseline: plan.baseline.clone(),
        left_out: plan.left_out.clone(),
        rank: rank(plan, data),
        within: plan.effort.within,
        seed: plan.seed,
        rows: rows.collect(),
        ..Report::default()
    }
}

/// By what settings are ranked. What was not synced is nowhere durable.
fn rank(plan: &SweepPlan, data: &[DataSet<'_>]) -> Rank {
    let is_elsewhere = || data.iter().any(DataSet::is_on_another_device);
    let is_durable = plan.rank.map_or_else(is_elsewhere, |rank| rank == Rank::Durable);
    if is_durable && plan.sync { Rank::Durable } else { Rank::Wall }
}

fn has_samples(report: &Report) -> bool {
    let explored = report.tuning.iter().flat_map(|tuning| &tuning.explored);
    report.rows.iter().chain(explored).any(|row| !row.samples.is_empty())
}
