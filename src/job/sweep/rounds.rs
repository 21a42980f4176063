//! The order of runs: everything once to warm up, then rounds, in each of which every setting is run once (and one of
//! them twice) in an order that is shuffled anew.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::axes;
use super::bench::Bench;
use super::narrow::is_narrow;
use super::verdict::groups::Group;
use super::{Step, Watcher};
use crate::error::{Error, Result};
use crate::measure::random::Random;
use crate::outcome::{Allocations, Control, Ended, Sample, Setting, SweepReport};
use crate::plan::Effort;

/// Times a run is made that does not show what it should, before it is kept and marked.
const TRIES: usize = 3;

/// Something that runs one setting once.
pub(super) trait Runner {
    /// A run that warms up, and what the allocator was asked for.
    fn warm_up(&mut self, setting: &Setting) -> Result<(Sample, Option<Allocations>)>;
    /// A measured run.
    fn run(&mut self, setting: &Setting) -> Result<Sample>;
}

/// Runs of a sweep, on their way into its report.
pub(super) struct Rounds<'a> {
    pub(super) report: &'a mut SweepReport,
    pub(super) runner: &'a mut dyn Runner,
    pub(super) watcher: &'a mut dyn Watcher,
}

impl Runner for Bench<'_> {
    fn warm_up(&mut self, setting: &Setting) -> Result<(Sample, Option<Allocations>)> {
        Bench::warm_up(self, setting)
    }

    fn run(&mut self, setting: &Setting) -> Result<Sample> {
        Bench::run(self, setting)
    }
}

impl Rounds<'_> {
    /// Runs every setting once, copies before gzips, small buffers before large ones and few workers before many: peak
    /// memory is read here. A setting that cannot be had here is left out, if there are others.
    pub(super) fn warm_up(&mut self) -> Result<()> {
        let mut ascending: Vec<usize> = (0..self.report.rows.len()).collect();
        ascending.sort_by_key(|row| {
            let setting = &self.report.rows[*row].setting;
            (setting.job, setting.level, setting.buffer, setting.workers)
        });
        let total = ascending.len();
        let mut impossible: Vec<(usize, Error)> = vec![];
        for (done, row) in ascending.into_iter().enumerate() {
            self.watcher.step(Step { what: "warming up", done, total, left: None });
            let setting = self.report.rows[row].setting;
            match self.runner.warm_up(&setting) {
                Ok((sample, allocations)) => {
                    let row = &mut self.report.rows[row];
                    (row.warm_up, row.allocations) = (sample, allocations);
                }
                Err(error) if is_impossible(&error) && impossible.len() + 1 < total => impossible.push((row, error)),
                Err(error) => return Err(error),
            }
        }
        self.leave_out(impossible);
        Ok(())
    }

    fn leave_out(&mut self, mut impossible: Vec<(usize, Error)>) {
        let (varying, _) = axes::split(&self.report.rows);
        impossible.sort_by_key(|(row, _)| *row);
        for (row, error) in impossible.into_iter().rev() {
            let row = self.report.rows.remove(row);
            let name = row.name.unwrap_or_else(|| axes::label(&row.setting, &varying));
            self.report.left_out.insert(0, format!("{name}: {error}"));
        }
    }

    /// Runs rounds until there are enough of them, or the time since `started` is used up.
    pub(super) fn run(&mut self, effort: Effort, started: Instant) -> Result<()> {
        let mut random = Random::new(self.report.seed);
        // The middle one of each group of alternatives: neither the slowest, whose noise is the least, nor the fastest.
        let groups = Group::all_of(self.report);
        let middles = groups.iter().filter(|group| group.rows.len() > 1).map(|group| group.rows[group.rows.len() / 2]);
        let mut controls: Vec<usize> = middles.collect();
        if controls.is_empty() && self.report.rows.len() > 1 {
            controls.push(self.report.rows.len() / 2);
        }
        self.report.controls = controls.into_iter().map(|row| Control { row, samples: vec![] }).collect();
        let first = Instant::now();
        self.report.ended = loop {
            let round = first.elapsed() / u32::try_from(self.report.rounds.max(1)).unwrap_or(u32::MAX);
            self.round(&mut random, left(effort, self.report.rounds, round, started.elapsed()))?;
            self.report.rounds += 1;
            self.watcher.measured(self.report);
            let round = first.elapsed() / u32::try_from(self.report.rounds).unwrap_or(u32::MAX);
            if let Some(why) = self.enough(effort, started.elapsed() + round) {
                break why;
            }
        };
        Ok(())
    }

    /// One run of every setting, and one more of each control's, in a new order. Nothing but its place in that order
    /// tells a control's second run from its first.
    fn round(&mut self, random: &mut Random, left: Option<Duration>) -> Result<()> {
        let rows = self.report.rows.len();
        let total = rows + self.report.controls.len();
        for (done, place) in random.order(total).into_iter().enumerate() {
            self.watcher.step(Step { what: "round", done: self.report.rounds * total + done, total, left });
            if let Some(control) = place.checked_sub(rows) {
                let sample = self.run_valid(self.report.controls[control].row)?;
                self.report.controls[control].samples.push(sample);
            } else {
                let sample = self.run_valid(place)?;
                self.report.rows[place].samples.push(sample);
            }
        }
        Ok(())
    }

    /// Runs a setting until the run shows what it should; the last try counts, marked.
    fn run_valid(&mut self, row: usize) -> Result<Sample> {
        for _ in 1..TRIES {
            let sample = self.run_once(row)?;
            if sample.invalid.is_none() {
                return Ok(sample);
            }
            self.report.repeated += 1;
        }
        self.run_once(row)
    }

    /// A run of the same work as the one that warmed up: of other data no figure could be compared.
    fn run_once(&mut self, row: usize) -> Result<Sample> {
        let row = &self.report.rows[row];
        let sample = self.runner.run(&row.setting)?;
        let of = |sample: &Sample| (sample.summary.files, sample.summary.source_bytes);
        let (before, now) = (of(&row.warm_up), of(&sample));
        if before == now {
            return Ok(sample);
        }
        let why = format!(
            "it changed during the sweep: {} bytes in {} files, before {} in {}; sweep again when it is at rest",
            now.1, now.0, before.1, before.0
        );
        Err(Error::refused("sweep over", &self.report.source, why))
    }

    /// Why to run no further round, which would end so long after the start.
    fn enough(&self, effort: Effort, end: Duration) -> Option<Ended> {
        if effort.rounds.is_some_and(|most| self.report.rounds >= most.get()) {
            Some(Ended::Rounds)
        } else if effort.rounds.is_none() && is_narrow(self.report) {
            Some(Ended::Narrow)
        } else if effort.budget.is_some_and(|budget| end > budget) {
            Some(Ended::Budget)
        } else {
            None
        }
    }
}

/// Whether a failure says that a setting cannot be had here, which is no reason to run no other: an engine that the file
/// system has no call for, or a cache that cannot be emptied.
fn is_impossible(error: &Error) -> bool {
    let no_such_call = matches!(error.errno(), Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::XDEV | Errno::NOSYS));
    no_such_call || error.operation == "empty the cache of"
}

/// The longest that a sweep still takes.
fn left(effort: Effort, rounds: usize, round: Duration, since: Duration) -> Option<Duration> {
    let by_rounds = effort.rounds.filter(|_| rounds > 0).map(|most| {
        let more = most.get().saturating_sub(rounds);
        round * u32::try_from(more).unwrap_or(u32::MAX)
    });
    let by_budget = effort.budget.map(|budget| budget.saturating_sub(since));
    by_rounds.into_iter().chain(by_budget).min()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::job::sweep::testing::{report, row, sample, setting};
    use crate::size::BufferSize;

    /// Notes what it is asked to run; each run takes as many ms as were run before it.
    #[derive(Default)]
    struct Notes {
        order: Vec<BufferSize>,
        invalid: Vec<usize>,
        fails_at: Option<usize>,
    }

    impl Runner for Notes {
        fn warm_up(&mut self, setting: &Setting) -> Result<(Sample, Option<Allocations>)> {
            self.run(setting).map(|sample| (sample, None))
        }

        fn run(&mut self, setting: &Setting) -> Result<Sample> {
            self.order.push(setting.buffer);
            if self.fails_at == Some(self.order.len()) {
                return Err(Error::system("read", "a", rustix::io::Errno::IO));
            }
            let invalid = self.invalid.contains(&self.order.len()).then(|| "it was warm".to_owned());
            Ok(Sample { invalid, ..sample(self.order.len() as u64, 1) })
        }
    }

    /// Counts what it is told.
    #[derive(Default)]
    struct Told {
        steps: Vec<(usize, usize)>,
        reports: Vec<usize>,
    }

    impl Watcher for Told {
        fn step(&mut self, step: Step) {
            self.steps.push((step.done, step.total));
        }

        fn measured(&mut self, report: &SweepReport) {
            self.reports.push(report.rounds);
        }
    }

    fn empty_report() -> SweepReport {
        report([1024, 4, 64].map(|kib| row(setting(kib), &[])).to_vec())
    }

    fn rounds(count: usize) -> Effort {
        Effort { rounds: NonZeroUsize::new(count), budget: None, within: 0.05 }
    }

    fn sweep(bench: &mut Notes, effort: Effort) -> (Result<()>, SweepReport, Told) {
        let (mut report, mut told) = (empty_report(), Told::default());
        let mut rounds = Rounds { report: &mut report, runner: bench, watcher: &mut told };
        let result = rounds.warm_up().and_then(|()| rounds.run(effort, Instant::now()));
        (result, report, told)
    }

    #[test]
    fn every_setting_is_warmed_up_and_then_run_once_a_round_one_of_them_twice() {
        let mut bench = Notes::default();
        let (result, report, told) = sweep(&mut bench, rounds(5));
        result.unwrap();
        assert_eq!(bench.order[..3], [4, 64, 1024].map(BufferSize::from_kib), "warming up ascends");
        let mut in_order = vec![];
        for round in bench.order[3..].chunks(4) {
            let mut sorted = round.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, [4, 64, 64, 1024].map(BufferSize::from_kib), "{round:?}");
            in_order.push(round.to_vec());
        }
        in_order.dedup();
        assert!(in_order.len() > 1, "rounds differ in their order");
        assert_eq!((told.steps.len(), told.reports), (3 + 5 * 4, vec![1, 2, 3, 4, 5]));
        assert_eq!((report.rounds, report.ended), (5, Ended::Rounds));
        let control = &report.controls[0];
        assert_eq!((control.row, control.samples.len()), (2, 5));
        // The warm-up is not among the samples, and samples come in the order of rounds.
        for row in report.rows {
            let walls: Vec<u64> = row.samples.iter().map(|sample| sample.wall_ns).collect();
            assert!(row.warm_up.wall_ns <= 3_000_000 && walls.len() == 5 && walls.is_sorted(), "{walls:?}");
        }
    }

    #[test]
    fn a_run_that_shows_something_else_is_repeated() {
        let mut bench = Notes { invalid: vec![4, 5, 9], ..Notes::default() };
        let (_, report, _) = sweep(&mut bench, rounds(2));
        assert_eq!((report.repeated, bench.order.len()), (3, 3 + 8 + 3));
        let samples = report.rows.iter().flat_map(|row| &row.samples).chain(&report.controls[0].samples);
        assert!(samples.clone().all(|sample| sample.invalid.is_none()));
        // Not for ever: what never shows it is marked.
        let mut bench = Notes { invalid: (4..100).collect(), ..Notes::default() };
        let (_, report, _) = sweep(&mut bench, rounds(1));
        assert_eq!((report.repeated, bench.order.len()), (8, 3 + 12));
        assert!(report.rows.iter().all(|row| row.samples[0].invalid.is_some()));
    }

    #[test]
    fn a_failure_ends_it_and_what_was_measured_stays() {
        let mut bench = Notes { fails_at: Some(3 + 4 + 2), ..Notes::default() };
        let (result, report, _) = sweep(&mut bench, rounds(5));
        assert_eq!(result.unwrap_err().to_string(), "cannot read 'a': Input/output error");
        let samples: usize = report.rows.iter().map(|row| row.samples.len()).sum();
        assert_eq!(report.rounds, 1);
        assert_eq!(samples + report.controls[0].samples.len(), 5);
    }

    #[test]
    fn time_that_is_up_ends_it_after_one_round_at_least() {
        let budget = Effort { rounds: None, budget: Some(Duration::ZERO), within: 0.05 };
        let (_, report, _) = sweep(&mut Notes::default(), budget);
        assert_eq!((report.rounds, report.ended), (1, Ended::Budget));
    }

    #[test]
    fn what_is_left_is_the_shorter_of_rounds_and_budget() {
        let second = Duration::from_secs(1);
        let effort = Effort { budget: Some(second * 60), ..rounds(10) };
        assert_eq!(left(effort, 0, second, second), Some(second * 59), "nothing is known of rounds yet");
        assert_eq!(left(effort, 4, second, second * 4), Some(second * 6));
        assert_eq!(left(effort, 4, second * 60, second * 58), Some(second * 2));
        assert_eq!(left(Effort { rounds: None, budget: None, within: 0.05 }, 1, second, second), None);
    }
}
