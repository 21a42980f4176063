//! `haul tune`, which is `haul sweep --recommend`: which options make copy and gzip faster on a file system,
//! distinguishably.
//!
//! It is one sweep over several data sets, made by the very code of `haul sweep`. First it explores: the defaults, and other
//! options one at a time. Whatever wins among many was lucky too; so what looks faster there is only a candidate, and is
//! then confirmed against the defaults in rounds of its own, in every case of its job. Nothing is kept anywhere.
//!
//! - [`plan`]: what is asked for; `cases`: what is run, on how much data; `candidates`: which options are tried, which look
//!   faster, and for how many there is time; [`advice`](mod@advice): which options are worth having; `page`: in words.

pub mod advice;
mod candidates;
mod cases;
mod page;
pub mod plan;
#[cfg(test)]
mod testing;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::CWD;

use self::advice::LEAST_GAIN;
pub use self::advice::advice;
pub use self::candidates::alternatives;
use self::candidates::{Candidate, affordable, candidates};
use self::cases::{Sizes, case_and_options, name};
pub(in crate::lab) use self::page::page;
use self::plan::{Case, Options, TunePlan};
use super::plan::{Effort, SweepData};
use super::report::{Ended, Report, Row, Subject, Tuning};
use super::rounds::{Rounds, Watcher};
use super::setting::Axis;
use super::sweep;
use super::verdict::text::percent;
use crate::calls::nanoseconds;
use crate::error::{Error, Remedy, Result};
use crate::job::Context;
use crate::tree::path::c_path;

/// Rounds of exploring: what is to be found there is confirmed anyway.
const EXPLORING: NonZeroUsize = NonZeroUsize::new(10).unwrap();

/// Runs what `plan` says.
///
/// Fails where there is no directory or free space for data, and with the first failure if nothing was measured until then.
/// Otherwise a failure, or a request to stop, ends it with what was measured.
pub fn run(plan: &TunePlan, context: &Context, watcher: &mut dyn Watcher) -> Result<Report> {
    let started = Instant::now();
    let data = data(plan, context)?;
    let explore = effort(plan.budget / 2, Some(EXPLORING));
    let sweep = cases::sweep_plan(plan, data, explore, |job| alternatives(job, plan.cores));
    let swept = sweep::measure(&sweep, context, watcher, |rounds| {
        rounds.report.subject = Subject::Tune;
        rounds.report.tuning =
            Some(Tuning { budget_ns: nanoseconds(plan.budget), cores: plan.cores, ..Tuning::default() });
        // All of it has a budget, making the data too.
        rounds.started = started;
        explore_and_confirm(plan, explore, rounds)
    });
    swept.map_err(|error| if plan.source.is_some() { error } else { with_our_remedy(&plan.directory, error) })
}

/// What each case is run on.
fn data(plan: &TunePlan, context: &Context) -> Result<Box<dyn Fn(Case) -> SweepData>> {
    if let Some(source) = plan.source.clone() {
        return Ok(Box::new(move |_| SweepData::Source(source.clone())));
    }
    let mut sys = context.sys();
    let failed = |errno| Error::system("open", &plan.directory, errno);
    let directory = sys.open_named_directory(CWD, &c_path(&plan.directory)).map_err(failed)?;
    let free = sys.fstatfs(&directory).and_then(|free| sys.close(directory).map(|()| free)).map_err(failed)?;
    let sizes = Sizes::of(plan, free.available_bytes)?;
    Ok(Box::new(move |case| SweepData::Generated(sizes.generated(case))))
}

const fn effort(budget: Duration, rounds: Option<NonZeroUsize>) -> Effort {
    Effort { rounds, budget: Some(budget), within: LEAST_GAIN }
}

fn explore_and_confirm(plan: &TunePlan, explore: Effort, rounds: &mut Rounds<'_>) -> Result<()> {
    rounds.warm_up(explore)?;
    say_once_a_case(rounds.report);
    let begun = Instant::now();
    let explored = rounds.run(explore);
    let runs = rounds.report.rounds * (rounds.report.rows.len() + rounds.report.controls.len());
    let run = begun.elapsed() / u32::try_from(runs.max(1)).unwrap_or(u32::MAX);
    let found = candidates(rounds.report, plan.cores);
    keep_explored(rounds.report);
    explored?;
    let cases = advice::explored_cases(rounds.report);
    let time = plan.budget.saturating_sub(rounds.started.elapsed());
    // A round or two beyond the budget would confirm nothing.
    let (found, dropped) = if time.is_zero() { (vec![], found) } else { affordable(found, &cases, run, time) };
    rounds.report.tuning.get_or_insert_default().not_confirmed = dropped.iter().map(not_confirmed).collect();
    if found.is_empty() {
        keep_defaults(rounds.report, plan.cores);
        return Ok(());
    }
    rounds.report.ended = Ended::NotYet;
    rounds.report.rows = rows_to_confirm(&found, &cases, plan.cores);
    rounds.statements = rounds.report.rows.iter().filter(|row| !is_default(row, plan.cores)).count();
    let confirm = effort(plan.budget, None);
    rounds.warm_up(confirm)?;
    rounds.run(confirm)
}

/// The defaults and the candidates of each case.
fn rows_to_confirm(candidates: &[Candidate], cases: &[Case], cores: usize) -> Vec<Row> {
    let of_case = |case: &Case| {
        let own = candidates.iter().filter(|candidate| candidate.job == case.job()).map(|candidate| candidate.options);
        let own: Vec<Options> = own.collect();
        let base = (!own.is_empty()).then_some(Options::default());
        let all = base.into_iter().chain(own).map(|options| cases::variant(options, *case, cores));
        all.map(|variant| Row { name: variant.name, ..Row::new(variant.setting) }).collect::<Vec<_>>()
    };
    cases.iter().flat_map(of_case).collect()
}

fn is_default(row: &Row, cores: usize) -> bool {
    case_and_options(&row.setting, cores).is_some_and(|(_, options)| options.count() == 0)
}

/// What was explored is told apart from what is confirmed.
fn keep_explored(report: &mut Report) {
    let tuning = report.tuning.get_or_insert_default();
    tuning.explored = std::mem::take(&mut report.rows);
    tuning.explored_rounds = std::mem::take(&mut report.rounds);
    report.controls.clear();
}

/// "copy --buffer 1M looked 12% faster".
fn not_confirmed(candidate: &Candidate) -> String {
    let gain = candidate.looked.map(|ratio| percent(1.0 - ratio) + " ").unwrap_or_default();
    format!("{} {} looked {gain}faster", candidate.job.name(), candidate.options)
}

/// Where nothing is confirmed, the defaults as they were explored are what the report is of.
fn keep_defaults(report: &mut Report, cores: usize) {
    let tuning = report.tuning.get_or_insert_default();
    report.rows = tuning.explored.iter().filter(|row| is_default(row, cores)).cloned().collect();
    report.rounds = tuning.explored_rounds;
}

/// Why a whole case cannot be run is said once, not of each setting.
fn say_once_a_case(report: &mut Report) {
    let is_missing = |case: &Case| report.rows.iter().all(|row| row.setting.word(Axis::Case) != Some(case.name()));
    let missing: Vec<Case> = Case::ALL.into_iter().filter(is_missing).collect();
    for case in missing {
        let (of_case, of_defaults) = (format!("{}: ", case.name()), name(Options::default(), case) + ": ");
        let why = report.left_out.iter().find_map(|line| line.strip_prefix(&of_defaults));
        // What to do about it is said to people who named a source.
        let why = why.and_then(|why| why.split(';').next()).map(|why| of_case.clone() + why);
        report.left_out.retain(|line| !line.starts_with(&of_case));
        report.left_out.extend(why);
    }
}

/// What helps where a sweep has no directory or free space: here that is what was asked about.
fn with_our_remedy(directory: &Path, error: Error) -> Error {
    let help = match error.remedy() {
        Some(Remedy::Scratch) => "name a DIR that can be written to",
        Some(Remedy::SpaceOrDirectory) => "make room, or name a DIR that can be written to",
        _ => return error,
    };
    Error::refused("tune for", directory, format!("{}; {help}", error.cause))
}

#[cfg(test)]
mod tests;
