//! The runs of a measurement: every setting once to warm up, then rounds, in each of which every setting is run once and one
//! of each group of alternatives twice, in an order that is shuffled again, so that a busy minute of the machine does not
//! fall on one setting. What a run is, a [`Bench`] knows.

use std::time::{Duration, Instant};

use super::report::{Control, Ended, Rank, Report, Row, Sample, WarmUp};
use super::setting::Setting;
use super::stats::interval::{CONFIDENCE, FEWEST, Interval, PairedRatio, fewest_for};
use super::stats::median_of;
use super::stats::random::Random;
use super::verdict::groups::{Group, paired};
use crate::calls::nanoseconds;
use crate::error::{Error, Result};
use crate::lab::plan::Effort;

/// Times a run is made that does not show what it should, before it is kept and marked.
const TRIES: usize = 3;
/// What the first run of a setting may take however small the budget is.
const LEAST_SHARE: Duration = Duration::from_secs(10);
/// The fewest rounds of a disk: an interval takes six, and two of them may show nothing.
const FEWEST_OF_DISK: usize = 8;

/// Where a measurement is.
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

impl Step {
    /// Something that has no parts to be counted: "removing targets".
    pub const fn whole(what: &'static str) -> Self {
        Self { what, done: 0, total: 0, left: None }
    }
}

/// Who watches a measurement. It is told between runs, and nobody else watches: while a run lasts nothing may draw, or the
/// drawing would be measured with it.
pub trait Watcher {
    /// A run is about to begin.
    fn step(&mut self, step: Step);
    /// This is what was measured so far: after warming up, and after each round.
    fn measured(&mut self, report: &Report);
    /// An error as the report shows it.
    fn words(&self, error: &Error) -> String {
        error.to_string()
    }
}

/// What warming a setting up came to.
#[derive(Debug)]
pub(super) enum WarmedUp {
    /// It can be run.
    Ready(WarmUp),
    /// It cannot be run here, or not in the time there is: why. Others can.
    LeftOut(String),
}

/// What runs one setting after another. Settings are known by their index in the report.
pub(super) trait Bench {
    /// The order in which settings are warmed up: indexes of the rows.
    fn warm_up_order(&self, rows: &[Row]) -> Vec<usize> {
        (0..rows.len()).collect()
    }

    /// Runs a setting for the first time. `share` is the part of the budget that it may take, if there is a budget.
    fn warm_up(&mut self, row: usize, setting: &Setting, share: Option<Duration>) -> Result<WarmedUp>;

    /// Whether each setting is run once, and for long: none of them twice a round, and none again because it did not show
    /// what it should.
    fn runs_once(&self) -> bool {
        false
    }

    /// The rows at these indexes, ascending, are left out: later ones move up.
    fn leave_out(&mut self, _rows: &[usize]) {}

    /// Everything is warmed up, which took so long, and rounds of so many runs begin, `spent` after the start.
    fn begin_rounds(&mut self, _report: &mut Report, _effort: Effort, _runs: usize, _spent: Duration) {}

    /// A measured run; `is_control` says that it is the second of a round.
    fn run(&mut self, row: usize, setting: &Setting, is_control: bool) -> Result<Sample>;

    /// A run was kept: what else is known of the row by now.
    fn kept(&mut self, _index: usize, _row: &mut Row) {}
}

/// Runs on their way into a report.
pub(super) struct Rounds<'a> {
    pub(super) report: &'a mut Report,
    pub(super) bench: &'a mut dyn Bench,
    pub(super) watcher: &'a mut dyn Watcher,
    /// When the budget began to run.
    pub(super) started: Instant,
    /// Statements that are to hold together, of which these rounds make some; they do not end converged in fewer rounds than
    /// that takes. 0 are their own alone.
    pub(super) statements: usize,
}

impl Rounds<'_> {
    /// Runs every setting once. One that cannot be run here, or that would eat up the budget, is left out, if there are
    /// others.
    pub(super) fn warm_up(&mut self, effort: Effort) -> Result<()> {
        let begun = Instant::now();
        let total = self.report.rows.len();
        let mut left_out: Vec<(usize, String)> = vec![];
        for (done, row) in self.bench.warm_up_order(&self.report.rows).into_iter().enumerate() {
            self.watcher.step(Step { what: "warming up", done, total, left: None });
            let setting = self.report.rows[row].setting.clone();
            let share = effort.budget.and_then(|budget| share(budget, total));
            match self.bench.warm_up(row, &setting, share)? {
                WarmedUp::Ready(warm_up) => self.report.rows[row].warm_up = warm_up,
                WarmedUp::LeftOut(why) => left_out.push((row, why)),
            }
        }
        self.leave_out(left_out)?;
        self.report.warm_up_ns += nanoseconds(begun.elapsed());
        self.watcher.measured(self.report);
        Ok(())
    }

    fn leave_out(&mut self, mut rows: Vec<(usize, String)>) -> Result<()> {
        rows.sort();
        let said: Vec<String> = rows.iter().map(|(row, why)| format!("{}: {why}", self.report.label(*row))).collect();
        let indexes: Vec<usize> = rows.into_iter().map(|(row, _)| row).collect();
        if indexes.len() == self.report.rows.len() {
            let path = self.report.data.first().and_then(|data| data.path.clone()).unwrap_or_default();
            return Err(Error::refused("measure", path, said.join("; ")));
        }
        self.bench.leave_out(&indexes);
        for row in indexes.iter().rev() {
            self.report.rows.remove(*row);
        }
        self.report.left_out.extend(said);
        Ok(())
    }

    /// Runs rounds until there are enough of them, or the time since the start is used up; at least one.
    pub(super) fn run(&mut self, effort: Effort) -> Result<()> {
        self.report.controls = if self.bench.runs_once() { vec![] } else { controls(self.report) };
        let total = self.report.rows.len() + self.report.controls.len();
        self.bench.begin_rounds(self.report, effort, total, self.started.elapsed());
        let mut random = Random::new(self.report.seed);
        let first = Instant::now();
        let mut rounds = 0;
        self.report.ended = loop {
            let round = first.elapsed() / u32::try_from(rounds.max(1)).unwrap_or(u32::MAX);
            let left = left(effort, rounds, round, self.started.elapsed());
            for (done, place) in random.order(total).into_iter().enumerate() {
                self.watcher.step(Step { what: "round", done: rounds * total + done, total, left });
                self.run_one(place, first)?;
            }
            rounds += 1;
            self.report.rounds = rounds;
            self.report.took_ns = nanoseconds(self.started.elapsed());
            self.watcher.measured(self.report);
            let round = first.elapsed() / u32::try_from(rounds).unwrap_or(u32::MAX);
            if let Some(why) = self.enough(effort, self.started.elapsed() + round) {
                break why;
            }
        };
        Ok(())
    }

    /// Nothing but its place in the order tells a control's second run from its first.
    fn run_one(&mut self, place: usize, first: Instant) -> Result<()> {
        let at_ns = nanoseconds(first.elapsed());
        if let Some(control) = place.checked_sub(self.report.rows.len()) {
            let sample = self.run_valid(self.report.controls[control].row, true)?;
            self.report.controls[control].samples.push(Sample { at_ns, ..sample });
        } else {
            let sample = self.run_valid(place, false)?;
            let row = &mut self.report.rows[place];
            row.samples.push(Sample { at_ns, ..sample });
            self.bench.kept(place, row);
        }
        Ok(())
    }

    /// Runs a setting until the run shows what it should; the last try counts, marked.
    fn run_valid(&mut self, row: usize, is_control: bool) -> Result<Sample> {
        let setting = self.report.rows[row].setting.clone();
        let tries = if self.bench.runs_once() { 1 } else { TRIES };
        for _ in 1..tries {
            let sample = self.bench.run(row, &setting, is_control)?;
            if sample.is_valid() {
                return Ok(sample);
            }
            self.report.repeated += 1;
        }
        self.bench.run(row, &setting, is_control)
    }

    /// Why to run no further round, which would end so long after the start.
    fn enough(&self, effort: Effort, end: Duration) -> Option<Ended> {
        let rounds = self.report.rounds;
        if effort.rounds.is_some_and(|most| rounds >= most.get()) {
            Some(Ended::Rounds)
        } else if effort.rounds.is_none() && rounds >= fewest_for(self.statements) && has_converged(self.report) {
            Some(Ended::Converged)
        } else if effort.budget.is_some_and(|budget| end > budget) {
            Some(Ended::Budget)
        } else {
            None
        }
    }
}

/// What the first run of a setting may take of a budget: half of it, so that one slow setting leaves time for the others;
/// but who has little time is not to lose what takes a moment. One setting alone may take all there is.
fn share(budget: Duration, settings: usize) -> Option<Duration> {
    (settings > 1).then(|| (budget / 2).max(LEAST_SHARE))
}

/// The middle one of each group of alternatives: neither the slowest, whose noise is the least, nor the fastest.
fn controls(report: &Report) -> Vec<Control> {
    let groups = Group::all_of(report);
    let middles = groups.iter().filter(|group| group.rows.len() > 1).map(|group| group.rows[group.rows.len() / 2]);
    let mut controls: Vec<usize> = middles.collect();
    if controls.is_empty() && report.rows.len() > 1 {
        controls.push(report.rows.len() / 2);
    }
    controls.into_iter().map(|row| Control { row, samples: vec![] }).collect()
}

/// The longest that the rounds still take.
fn left(effort: Effort, rounds: usize, round: Duration, since: Duration) -> Option<Duration> {
    let by_rounds = effort.rounds.filter(|_| rounds > 0).map(|most| {
        let more = most.get().saturating_sub(rounds);
        round * u32::try_from(more).unwrap_or(u32::MAX)
    });
    let by_budget = effort.budget.map(|budget| budget.saturating_sub(since));
    by_rounds.into_iter().chain(by_budget).min()
}

/// Whether another round would tell nobody more than they asked. Of a disk: what an operation takes is known to within
/// `within` of itself for every setting that shows what it should. Of other reports: how many times slower than the best of
/// its group each setting is, and how far apart two runs of the same setting are, is known as well; not of fewer rounds
/// than a verdict on so many settings takes, and not where a whole group shows nothing it should.
fn has_converged(report: &Report) -> bool {
    if report.rank == Rank::Operation {
        let mut shown = report.rows.iter().filter(|row| !row.is_invalid()).peekable();
        return report.rounds >= FEWEST_OF_DISK && shown.peek().is_some() && shown.all(|row| is_known(report, row));
    }
    let is_narrow = |one: &[Sample], other: &[Sample], rounds: usize| {
        let (one, other) = paired(report, one, other);
        let ratio = PairedRatio::of(&one, &other).filter(|paired| paired.rounds >= rounds);
        ratio.is_some_and(|paired| paired.interval.is_some_and(|interval| fits(interval, paired.ratio, report.within)))
    };
    let groups_are = Group::all_of(report).iter().all(|group| match group.rows[..] {
        [] => false,
        [row] => is_known(report, &report.rows[row]),
        _ => {
            let (best, rounds) = (group.fastest(report), fewest_for(group.rows.len() - 1));
            let samples = |row: usize| &report.rows[row].samples[..];
            group.rows.iter().all(|row| is_narrow(samples(*row), samples(best), rounds))
        }
    });
    let controls_are = report.controls.iter().all(|control| {
        report.rows.get(control.row).is_some_and(|row| is_narrow(&control.samples, &row.samples, FEWEST))
    });
    report.rounds >= FEWEST && groups_are && controls_are
}

/// Whether the median cost of a row is known well enough by itself.
fn is_known(report: &Report, row: &Row) -> bool {
    let costs: Vec<f64> = report.costs(&row.samples).into_iter().flatten().map(|cost| cost as f64).collect();
    let known = Interval::of_median(&costs, CONFIDENCE).zip(median_of(&costs));
    known.is_some_and(|(interval, middle)| fits(interval, middle, report.within))
}

fn fits(interval: Interval, middle: f64, within: f64) -> bool {
    interval.width() <= within * middle
}

#[cfg(test)]
mod tests;
