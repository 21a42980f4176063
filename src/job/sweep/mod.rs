//! `haul sweep`: one job, run over and over with different settings, measured and compared.
//!
//! Each setting is run once to warm up; then, in every round, every setting is run once in an order that is shuffled
//! anew, so that a busy minute of the machine does not fall on one setting. What runs is the very `job::*::run` that
//! users call. Taking away the last target and writing back happen between runs and are never timed.
//!
//! Warming up goes from small buffers to large ones, and peak memory is read there: glibc's arenas of threads keep
//! what was freed in them, and no call makes them give it back (`malloc_trim` spares their top), so that in a shuffled
//! round a run with 4 KiB seems to need what one with 4 MiB has left.
//!
//! - [`settings`](mod@settings): which settings, in which order.
//! - `scratch`: the directory where targets come and go.
//! - `subject`: the job, its private copy of the source, and tidying up between runs.
//! - [`figures`]: a setting's runs boiled down to what a report shows.
//! - [`axes`]: what varies, and how it is named.
//! - [`verdict`]: the setting to use.
//! - [`reconcile`]: whether our counts are the kernel's.

pub mod axes;
pub mod figures;
pub mod reconcile;
mod scratch;
pub mod settings;
mod subject;
#[cfg(test)]
mod testing;
pub mod verdict;

use rustix::io::Errno;

use self::settings::Shuffler;
use self::subject::{Source, Subject};
use super::Context;
use crate::codec::level::Choice;
use crate::error::{Error, Result};
use crate::measure::machine::this_machine;
use crate::measure::probe::{Probe, settle_allocator};
use crate::outcome::{Sample, Setting, SweepReport, SweepRow};
use crate::plan::{SweepJob, SweepPlan};
use crate::sys::Sys;

/// Is told between runs how many are done, and how many there are in all, warm-ups included. Nobody else watches: while
/// a run lasts nothing may draw, or the drawing would be measured with it.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize);

/// Runs the job of `plan` across all of its settings.
///
/// Fails with the job's first failure, with [`crate::error::Cause::Interrupted`] when `context.stop` asks for it, and
/// where there is no place or room for targets. The scratch directory is gone whatever happens.
pub fn run(plan: &SweepPlan, context: &Context, progress: Progress<'_>) -> Result<SweepReport> {
    let mut sys = context.sys();
    let source = Source::look(&mut sys, &plan.source)?;
    let scratch = source.scratch(&mut sys, context, plan.scratch.as_deref())?;
    let machine = this_machine(scratch.file_system(&mut sys)?.magic);
    let subject = Subject::new(plan, &source, &scratch, context);
    settle_allocator();
    let preparation_ns = subject.prepare(&mut sys)?;
    let rows = measure(plan, progress, &mut |setting| run_once(&subject, &mut sys, context, setting))?;
    scratch.finish()?;
    let (source_bytes, source_files) =
        rows.first().map_or((0, 0), |row| (row.warm_up.summary.source_bytes, row.warm_up.summary.files));
    Ok(SweepReport {
        format: SweepReport::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: plan.command.clone(),
        job: plan.job,
        machine,
        source: plan.source.clone(),
        source_bytes,
        source_files,
        block_bytes: block_bytes(plan),
        rounds: plan.rounds.get(),
        seed: plan.seed,
        preparation_ns,
        rows,
    })
}

/// gzip's block, if all of its levels have the same.
fn block_bytes(plan: &SweepPlan) -> Option<u64> {
    if plan.job != SweepJob::Gzip {
        return None;
    }
    let chosen = plan.levels.iter().map(|level| Choice::new(plan.codec, *level, plan.block));
    let mut blocks: Vec<usize> = chosen.filter_map(|choice| Some(choice.ok()?.block_bytes)).collect();
    blocks.dedup();
    if let [block] = blocks[..] { Some(block as u64) } else { None }
}

/// One run, measured, after what the last one made is gone.
fn run_once(subject: &Subject<'_>, sys: &mut Sys, context: &Context, setting: &Setting) -> Result<Sample> {
    subject.tidy(sys)?;
    if context.stop.is_requested() {
        return Err(Error::system("sweep over", subject.source(), Errno::INTR));
    }
    let probe = Probe::start();
    let summary = subject.run(setting)?;
    let sample = probe.finish(summary);
    subject.check(&sample.summary)?;
    Ok(sample)
}

/// Runs every setting as often as `plan` says, and returns all that was measured.
fn measure(
    plan: &SweepPlan,
    progress: Progress<'_>,
    run_once: &mut dyn FnMut(&Setting) -> Result<Sample>,
) -> Result<Vec<SweepRow>> {
    let empty = |setting| SweepRow { setting, warm_up: Sample::default(), samples: vec![] };
    let mut rows: Vec<SweepRow> = settings::settings(plan).into_iter().map(empty).collect();
    let total = rows.len() * (plan.rounds.get() + 1);
    let mut ascending: Vec<usize> = (0..rows.len()).collect();
    ascending.sort_by_key(|place| (rows[*place].setting.buffer, rows[*place].setting.workers));
    for (done, place) in ascending.into_iter().enumerate() {
        progress(done, total);
        rows[place].warm_up = run_once(&rows[place].setting)?;
    }
    let mut shuffler = Shuffler::new(plan.seed);
    for round in 1..=plan.rounds.get() {
        for (done, place) in shuffler.order(rows.len()).into_iter().enumerate() {
            progress(round * rows.len() + done, total);
            let sample = run_once(&rows[place].setting)?;
            rows[place].samples.push(sample);
        }
    }
    progress(total, total);
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::testing::{plan, sample};
    use super::*;
    use crate::size::BufferSize;

    #[test]
    fn every_setting_is_warmed_up_and_then_run_once_a_round() {
        let mut plan = plan(SweepJob::Copy);
        plan.buffers = [1024, 4, 64].map(BufferSize::from_kib).to_vec();
        plan.rounds = NonZeroUsize::new(5).unwrap();
        let (mut order, mut told) = (vec![], vec![]);
        let rows = measure(&plan, &mut |done, total| told.push((done, total)), &mut |setting| {
            order.push(setting.buffer);
            Ok(sample(order.len() as u64, 1))
        })
        .unwrap();
        assert_eq!(told, (0..=18).map(|done| (done, 18)).collect::<Vec<_>>());
        assert_eq!(order[..3], [4, 64, 1024].map(BufferSize::from_kib), "warming up ascends");
        for round in order.chunks(3) {
            assert!(plan.buffers.iter().all(|buffer| round.contains(buffer)), "{round:?}");
        }
        assert!(order.chunks(3).skip(2).any(|round| round != &order[3..6]), "rounds differ in their order");
        // The warm-up is not among the samples, and samples come in the order of rounds.
        for row in rows {
            assert!(row.warm_up.wall_ns <= 3_000_000, "{}", row.warm_up.wall_ns);
            let walls: Vec<u64> = row.samples.iter().map(|sample| sample.wall_ns).collect();
            assert!(walls.len() == 5 && walls[0] > 3_000_000 && walls.is_sorted(), "{walls:?}");
        }
    }

    #[test]
    fn the_first_failure_ends_it() {
        let mut runs = 0;
        let result = measure(&plan(SweepJob::Copy), &mut |_, _| {}, &mut |_| {
            runs += 1;
            if runs == 2 { Err(Error::system("read", "a", Errno::IO)) } else { Ok(sample(1, 1)) }
        });
        assert_eq!((result.unwrap_err().to_string().as_str(), runs), ("cannot read 'a': Input/output error", 2));
    }
}
