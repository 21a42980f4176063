//! `haul tune`: which flags make copy and gzip faster on a file system, distinguishably.
//!
//! Each case is two sweeps, made by the very code of `haul sweep`. The first explores: the defaults, and other flags one
//! at a time. Whatever wins among many was lucky too; so what looks faster there is only a candidate, and the second sweep
//! confirms it against the defaults, in rounds of its own, in every case of its job. Nothing is kept anywhere.
//!
//! - [`cases`]: what is run, on how much data; [`candidates`]: which flags are tried, and which look faster;
//! - `time`: for how many of them there is time; [`judge`]: which flags are worth having.

pub mod candidates;
pub mod cases;
pub mod judge;
mod time;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::CWD;

use self::cases::Sizes;
use self::time::{Cost, affordable};
use super::rounds::{Step, Watcher};
use super::sweep;
use crate::error::{Error, Remedy, Result};
use crate::event::Silent;
use crate::job::Context;
use crate::outcome::{Ended, SweepReport, TuneReport, TunedCase, nanoseconds};
use crate::plan::{Flags, TuneCase, TunePlan};
use crate::tree::path::c_path;

/// The least time for a sweep: it runs every setting at least twice whatever it has.
const LEAST_SHARE: Duration = Duration::from_millis(50);

/// What a sweep is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking for candidates.
    Exploring,
    /// Holding them against the defaults.
    Confirming,
}

impl Phase {
    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exploring => "exploring",
            Self::Confirming => "confirming",
        }
    }
}

/// Who watches a tuning: told between runs only, as with a sweep.
pub trait Spectator {
    /// A sweep begins.
    fn begins(&mut self, phase: Phase, case: TuneCase);
    /// A run of it does.
    fn step(&mut self, step: Step);
    /// An error as the report shows it.
    fn words(&self, error: &Error) -> String {
        error.to_string()
    }
}

/// Runs what `plan` says.
///
/// Fails where there is no place or room for data, and with the first failure if nothing was measured until then. Otherwise
/// a failure, or a wish to stop, ends it with what was measured.
pub fn run(plan: &TunePlan, context: &Context, spectator: &mut dyn Spectator) -> Result<TuneReport> {
    let mut sys = context.sys();
    let failed = |errno| Error::system("open", &plan.directory, errno);
    let directory = sys.open_named_directory(CWD, &c_path(&plan.directory)).map_err(failed)?;
    let room = sys.fstatfs(&directory).and_then(|room| sys.close(directory).map(|()| room)).map_err(failed)?;
    let sizes = Sizes::of(plan, room.available_bytes)?;
    let cases = TuneCase::ALL.into_iter().filter(|case| plan.jobs.contains(&case.job()));
    let report = TuneReport {
        format: TuneReport::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: plan.command.clone(),
        directory: plan.directory.clone(),
        budget_ns: nanoseconds(plan.budget),
        cores: plan.cores,
        seed: plan.seed,
        cases: cases.map(TunedCase::new).collect(),
        ..TuneReport::default()
    };
    let mut tuning = Tuning { plan, sizes, context: context.clone(), spectator, started: Instant::now(), report };
    let result = tuning.explore_and_confirm();
    let mut report = tuning.report;
    report.took_ns = nanoseconds(tuning.started.elapsed());
    if let Err(error) = result {
        let rounds = |case: &TunedCase| case.explored.as_ref().map_or(0, |explored| explored.rounds);
        if report.cases.iter().all(|case| rounds(case) == 0) {
            return Err(error);
        }
        report.ended = if error.is_interruption() { Ended::Interrupted } else { Ended::Failed };
        report.failure = (!error.is_interruption()).then(|| tuning.spectator.words(&error));
    }
    Ok(report)
}

/// A tuning on its way.
struct Tuning<'a> {
    plan: &'a TunePlan,
    sizes: Sizes,
    context: Context,
    spectator: &'a mut dyn Spectator,
    started: Instant,
    report: TuneReport,
}

impl Tuning<'_> {
    /// Half of the time is for exploring; what that leaves is for confirming too.
    fn explore_and_confirm(&mut self) -> Result<()> {
        let count = self.report.cases.len();
        for place in 0..count {
            let case = self.report.cases[place].case;
            let flags = candidates::alternatives(case.job(), self.plan.cores);
            let share = self.share_to_explore(place, count);
            self.sweep(Phase::Exploring, place, &flags, share)?;
        }
        let time = self.plan.budget.saturating_sub(self.started.elapsed());
        let promising = candidates::candidates(&self.report);
        (self.report.candidates, self.report.dropped) = affordable(promising, &self.report.cases, time);
        let flags: Vec<Vec<Flags>> = self.report.cases.iter().map(|case| self.flags_to_confirm(case)).collect();
        let open: Vec<usize> = (0..count).filter(|place| !flags[*place].is_empty()).collect();
        for (done, place) in open.iter().enumerate() {
            if self.started.elapsed() >= self.plan.budget {
                // A round or two confirm nothing.
                break;
            }
            let share = self.share_by_cost(&open[done..], &flags);
            self.sweep(Phase::Confirming, *place, &flags[*place], share)?;
        }
        self.report.ended = Ended::Budget;
        Ok(())
    }

    /// What is to be confirmed in a case.
    fn flags_to_confirm(&self, case: &TunedCase) -> Vec<Flags> {
        let own = self.report.candidates.iter().filter(|one| one.job == case.case.job() && case.left_out.is_none());
        own.map(|one| one.flags).collect()
    }

    /// The time that exploring a case has, of so many: half of the budget is for all of them. Those before it may have
    /// taken longer, since each has a round at least; what one round looks like is chance, so it gets half of its own even
    /// then.
    fn share_to_explore(&self, place: usize, count: usize) -> Duration {
        let of = |time: Duration, cases: usize| time / u32::try_from(cases.max(1)).unwrap_or(u32::MAX);
        let half = self.plan.budget / 2;
        let left = half.saturating_sub(self.started.elapsed());
        of(left, count - place).max(of(half, count) / 2).max(LEAST_SHARE)
    }

    /// The time that confirming the first of these cases has, so that all of them get as many rounds.
    fn share_by_cost(&self, open: &[usize], flags: &[Vec<Flags>]) -> Duration {
        let cost = |place: &usize| self.report.cases[*place].explored.as_ref().map_or_else(Cost::default, Cost::of);
        let round = |place: &usize| cost(place).round(flags[*place].len());
        let preparation: Duration = open.iter().map(|place| cost(place).preparation).sum();
        let time = self.plan.budget.saturating_sub(self.started.elapsed()).saturating_sub(preparation);
        let all: Duration = open.iter().map(round).sum();
        let part = open.first().map_or(0.0, |first| round(first).as_secs_f64() / all.as_secs_f64().max(f64::EPSILON));
        time.mul_f64(part.clamp(0.0, 1.0)).max(LEAST_SHARE)
    }

    /// Sweeps over the defaults and these flags, and keeps what comes of it.
    fn sweep(&mut self, phase: Phase, place: usize, flags: &[Flags], share: Duration) -> Result<()> {
        let case = self.report.cases[place].case;
        self.spectator.begins(phase, case);
        let plan = cases::sweep_plan(self.plan, self.sizes, case, phase, flags, share, judge::statements(&self.report));
        let swept = sweep::run(&plan, &self.context, &mut Passing(self.spectator));
        // What an earlier sweep left behind is told once.
        self.context.events = Arc::new(Silent);
        let report = match swept {
            Ok(report) => report,
            Err(error) if error.operation == "empty the cache of" => {
                // What to do about it is said to people who named a source.
                let why = error.cause.to_string();
                self.report.cases[place].left_out = why.split(';').next().map(str::to_owned);
                return Ok(());
            }
            Err(error) => return Err(in_our_words(&self.plan.directory, error)),
        };
        let (ended, failure) = (report.ended, report.failure.clone());
        let kept = &mut self.report.cases[place];
        *(if phase == Phase::Exploring { &mut kept.explored } else { &mut kept.confirmed }) = Some(report);
        match (ended, failure) {
            (_, Some(why)) => Err(Error::refused("go on tuning for", &self.plan.directory, why)),
            (Ended::Interrupted, None) => {
                Err(Error::system("go on tuning for", &self.plan.directory, rustix::io::Errno::INTR))
            }
            _ => Ok(()),
        }
    }
}

/// An error of a sweep in words of a tuning: there is no --scratch here, the place is what was asked about.
fn in_our_words(directory: &Path, error: Error) -> Error {
    let help = match error.remedy() {
        Some(Remedy::Scratch) => "name a DIR that can be written to",
        Some(Remedy::RoomOrScratch) => "make room, or name a DIR that can be written to",
        _ => return error,
    };
    Error::refused("tune for", directory, format!("{}; {help}", error.cause))
}

/// Hands the steps of a sweep on; its report is shown when the tuning is over.
struct Passing<'a>(&'a mut dyn Spectator);

impl Watcher<SweepReport> for Passing<'_> {
    fn step(&mut self, step: Step) {
        self.0.step(step);
    }

    fn measured(&mut self, _: &SweepReport) {}

    fn words(&self, error: &Error) -> String {
        self.0.words(error)
    }
}

#[cfg(test)]
mod tests;
