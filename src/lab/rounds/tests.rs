//! Rounds over a bench that only takes notes, and when they are enough.

use std::num::NonZeroUsize;

use super::*;
use crate::lab::setting::Axis;
use crate::lab::testing::{report, row, sample, setting};

/// Notes what it is asked to run; each run takes as many ms as were run before it.
#[derive(Default)]
struct Notes {
    order: Vec<u64>,
    invalid: Vec<usize>,
    fails_at: Option<usize>,
    /// Buffers that cannot be had, in KiB.
    missing: Vec<u64>,
    share: Option<Duration>,
    runs_once: bool,
}

impl Notes {
    fn note(&mut self, setting: &Setting) -> Result<Sample> {
        self.order.push(setting.number(Axis::Buffer).unwrap() / 1024);
        if self.fails_at == Some(self.order.len()) {
            return Err(Error::system("read", "a", rustix::io::Errno::IO));
        }
        let invalid = self.invalid.contains(&self.order.len()).then(|| "it was warm".to_owned());
        Ok(Sample { invalid, ..sample(self.order.len() as u64, 1) })
    }
}

impl Bench for Notes {
    fn warm_up_order(&self, rows: &[Row]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|row| rows[*row].setting.cost());
        order
    }

    fn warm_up(&mut self, _row: usize, setting: &Setting, share: Option<Duration>) -> Result<WarmedUp> {
        self.share = share;
        let wall_ns = self.note(setting)?.wall_ns;
        let is_missing = self.missing.contains(self.order.last().unwrap());
        let ready = || WarmedUp::Ready(WarmUp { wall_ns, ..WarmUp::default() });
        Ok(if is_missing { WarmedUp::LeftOut("no such thing".to_owned()) } else { ready() })
    }

    fn runs_once(&self) -> bool {
        self.runs_once
    }

    fn run(&mut self, _row: usize, setting: &Setting, _is_control: bool) -> Result<Sample> {
        self.note(setting)
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

    fn measured(&mut self, report: &Report) {
        self.reports.push(report.rounds);
    }
}

fn rounds(count: usize) -> Effort {
    Effort { rounds: NonZeroUsize::new(count), budget: None, within: 0.05 }
}

fn budget(seconds: u64) -> Effort {
    Effort { rounds: None, budget: Some(Duration::from_secs(seconds)), within: 0.05 }
}

fn measure(bench: &mut Notes, effort: Effort, statements: usize) -> (Result<()>, Report, Told) {
    let mut report = report([1024, 4, 64].map(|kib| row(setting(kib), &[])).to_vec());
    let mut watcher = Told::default();
    let mut rounds = Rounds { report: &mut report, bench, watcher: &mut watcher, started: Instant::now(), statements };
    let result = rounds.warm_up(effort).and_then(|()| rounds.run(effort));
    (result, report, watcher)
}

#[test]
fn every_setting_is_warmed_up_and_then_run_once_a_round_one_of_them_twice() {
    let mut bench = Notes::default();
    let (result, report, told) = measure(&mut bench, rounds(5), 0);
    result.unwrap();
    assert_eq!(bench.order[..3], [4, 64, 1024], "warming up ascends");
    let mut in_order = vec![];
    for round in bench.order[3..].chunks(4) {
        let mut sorted = round.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [4, 64, 64, 1024], "{round:?}");
        in_order.push(round.to_vec());
    }
    in_order.dedup();
    assert!(in_order.len() > 1, "rounds differ in their order");
    assert_eq!((told.steps.len(), told.reports), (3 + 5 * 4, vec![0, 1, 2, 3, 4, 5]));
    assert_eq!((report.rounds, report.ended, bench.share), (5, Ended::Rounds, None));
    let control = &report.controls[0];
    assert_eq!((control.row, control.samples.len()), (2, 5));
    // The warm-up is not among the samples, and samples come in the order of rounds.
    for row in report.rows {
        let walls: Vec<u64> = row.samples.iter().map(|sample| sample.wall_ns).collect();
        assert!(row.warm_up.wall_ns <= 3_000_000 && walls.len() == 5 && walls.is_sorted(), "{walls:?}");
        assert!(row.samples.is_sorted_by_key(|sample| sample.at_ns));
    }
}

#[test]
fn what_cannot_be_run_is_left_out_if_there_is_anything_else() {
    let mut bench = Notes { missing: vec![4, 1024], ..Notes::default() };
    let (result, report, _) = measure(&mut bench, rounds(1), 0);
    result.unwrap();
    assert_eq!(report.left_out, ["1M: no such thing", "4K: no such thing"]);
    assert_eq!(report.rows.len(), 1);
    let (result, ..) = measure(&mut Notes { missing: vec![4, 64, 1024], ..Notes::default() }, rounds(1), 0);
    let why = result.unwrap_err().to_string();
    assert_eq!(why, "cannot measure 'source': 1M: no such thing; 4K: no such thing; 64K: no such thing");
}

#[test]
fn a_first_run_has_half_of_the_budget_and_some_seconds_in_any_case() {
    let second = Duration::from_secs(1);
    assert_eq!(share(second * 60, 3), Some(second * 30));
    assert_eq!(share(second, 3), Some(second * 10));
    assert_eq!(share(second * 60, 1), None);
    let mut bench = Notes::default();
    measure(&mut bench, Effort { rounds: NonZeroUsize::new(1), ..budget(60) }, 0).0.unwrap();
    assert_eq!(bench.share, Some(second * 30));
}

#[test]
fn a_run_that_shows_something_else_is_repeated() {
    let mut bench = Notes { invalid: vec![4, 5, 9], ..Notes::default() };
    let (_, report, _) = measure(&mut bench, rounds(2), 0);
    assert_eq!((report.repeated, bench.order.len()), (3, 3 + 8 + 3));
    let samples = report.rows.iter().flat_map(|row| &row.samples).chain(&report.controls[0].samples);
    assert!(samples.clone().all(Sample::is_valid));
    // Not for ever: what never shows it is marked.
    let mut bench = Notes { invalid: (4..100).collect(), ..Notes::default() };
    let (_, report, _) = measure(&mut bench, rounds(1), 0);
    assert_eq!((report.repeated, bench.order.len()), (8, 3 + 12));
    assert!(report.rows.iter().all(Row::is_invalid));
}

#[test]
fn what_is_run_once_has_no_control_and_no_other_try() {
    let mut bench = Notes { invalid: (4..100).collect(), runs_once: true, ..Notes::default() };
    let (_, report, _) = measure(&mut bench, rounds(1), 0);
    assert_eq!((report.repeated, report.controls.len(), bench.order.len()), (0, 0, 3 + 3));
}

#[test]
fn a_failure_ends_it_and_what_was_measured_stays() {
    let mut bench = Notes { fails_at: Some(3 + 4 + 2), ..Notes::default() };
    let (result, report, _) = measure(&mut bench, rounds(5), 0);
    assert_eq!(result.unwrap_err().to_string(), "cannot read 'a': Input/output error");
    let samples: usize = report.rows.iter().map(|row| row.samples.len()).sum();
    assert_eq!(report.rounds, 1);
    assert_eq!(samples + report.controls[0].samples.len(), 5);
}

#[test]
fn time_that_is_up_ends_it_after_one_round_at_least() {
    let (_, report, _) = measure(&mut Notes::default(), budget(0), 0);
    assert_eq!((report.rounds, report.ended), (1, Ended::Budget));
}

#[test]
fn converged_intervals_end_it_when_there_are_rounds_for_every_statement() {
    let converged_after = |statements| {
        let (result, report, _) = measure(&mut Notes::default(), budget(60), statements);
        result.unwrap();
        assert_eq!(report.ended, Ended::Converged);
        report.rounds
    };
    let soon = converged_after(0);
    assert_eq!(converged_after(10_000), fewest_for(10_000).max(soon));
}

#[test]
fn what_is_left_is_the_shorter_of_rounds_and_budget() {
    let second = Duration::from_secs(1);
    let effort = Effort { budget: Some(second * 60), rounds: NonZeroUsize::new(10), within: 0.05 };
    assert_eq!(left(effort, 0, second, second), Some(second * 59), "nothing is known of rounds yet");
    assert_eq!(left(effort, 4, second, second * 4), Some(second * 6));
    assert_eq!(left(effort, 4, second * 60, second * 58), Some(second * 2));
    assert_eq!(left(Effort { rounds: None, budget: None, within: 0.05 }, 1, second, second), None);
}

const QUIET: [u64; 8] = [1000, 1004, 997, 1002, 1010, 999, 1001, 996];

fn two(other: [u64; 8]) -> Report {
    report(vec![row(setting(4), &QUIET.map(|wall| wall * 3)), row(setting(64), &QUIET), row(setting(256), &other)])
}

#[test]
fn a_quiet_machine_needs_six_rounds() {
    let mut report = two(QUIET.map(|wall| wall + 20));
    assert!(has_converged(&report));
    report.rounds = 5;
    assert!(!has_converged(&report));
}

#[test]
fn one_row_that_is_not_known_well_is_enough_to_go_on() {
    assert!(!has_converged(&two([1000, 1300, 900, 1100, 980, 1500, 1010, 950])));
    let mut report = two([1010, 999, 1001, 996, 1000, 1004, 997, 1002]);
    assert!(has_converged(&report));
    report.within = 0.01;
    assert!(!has_converged(&report));
}

#[test]
fn the_control_must_be_known_well_too() {
    let mut report = two(QUIET);
    let again = |walls: [u64; 8]| vec![Control { row: 1, samples: walls.map(|wall| sample(wall, 1)).to_vec() }];
    report.controls = again(QUIET.map(|wall| wall + 30));
    assert!(has_converged(&report));
    report.controls = again([1000, 1300, 900, 1100, 980, 1500, 1010, 950]);
    assert!(!has_converged(&report));
}

#[test]
fn a_single_setting_is_known_by_its_own_times() {
    assert!(has_converged(&report(vec![row(setting(64), &QUIET)])));
    assert!(!has_converged(&report(vec![row(setting(64), &[1000, 1300, 900, 1100, 980, 1500, 1010, 950])])));
}

#[test]
fn more_settings_take_more_rounds() {
    let of = |settings: u64, rounds: usize| {
        report((0..settings).map(|place| row(setting(4 << place), &QUIET[..rounds])).collect())
    };
    assert!(has_converged(&of(2, 6)) && has_converged(&of(3, 7)) && has_converged(&of(7, 8)));
    assert!(!has_converged(&of(3, 6)) && !has_converged(&of(8, 8)));
}

#[test]
fn a_row_that_shows_something_else_does_not_keep_it_going_and_a_whole_group_does() {
    let mut report = two([1000, 1300, 900, 1100, 980, 1500, 1010, 950]);
    let spoil = |report: &mut Report, row: usize| {
        report.rows[row].samples[..5].iter_mut().for_each(|sample| sample.invalid = Some("it was warm".to_owned()));
    };
    spoil(&mut report, 2);
    assert!(has_converged(&report));
    spoil(&mut report, 0);
    spoil(&mut report, 1);
    assert!(!has_converged(&report));
}

#[test]
fn a_run_that_shows_something_else_is_not_looked_at() {
    let mut report = two(QUIET);
    report.rows[2].samples[0] = Sample { invalid: Some("it was warm".to_owned()), ..sample(9000, 1) };
    assert!(has_converged(&report));
}
