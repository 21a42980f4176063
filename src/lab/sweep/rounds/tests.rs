//! Rounds over a runner that only takes notes.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::*;
use crate::lab::sweep::testing::{report, row, sample, setting};
use crate::outcome::Ended;
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

impl Watcher<SweepReport> for Told {
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
    let mut rounds = Rounds { report: &mut report, runner: bench, watcher: &mut told, fewest: 0 };
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
fn narrow_intervals_end_it_when_there_are_rounds_for_every_statement() {
    let narrow_after = |fewest| {
        let (mut report, mut told, mut bench) = (empty_report(), Told::default(), Notes::default());
        report.within = 0.05;
        let mut rounds = Rounds { report: &mut report, runner: &mut bench, watcher: &mut told, fewest };
        let effort = Effort { rounds: None, budget: Some(Duration::from_secs(60)), within: 0.05 };
        rounds.warm_up().and_then(|()| rounds.run(effort, Instant::now())).unwrap();
        assert_eq!(report.ended, Ended::Narrow);
        report.rounds
    };
    let soon = narrow_after(0);
    assert_eq!(narrow_after(soon + 5), soon + 5);
}
