//! Whether enough was measured: whether another round would tell anybody more than they asked.

use super::verdict::groups::{Group, paired};
use super::verdict::valid;
use crate::measure::interval::{CONFIDENCE, FEWEST, Interval, PairedRatio, fewest_for};
use crate::measure::stats::median_of;
use crate::outcome::{Sample, SweepReport};

/// Whether every interval is as narrow as the question asks: how many times slower than the fastest of its group each
/// setting is, and how far apart two runs of the same setting are, is known to within `report.within` of itself. Not of
/// fewer rounds than a verdict on so many settings takes, and not where a whole group shows nothing it should.
pub(super) fn is_narrow(report: &SweepReport) -> bool {
    let is_narrow = |one: &[Sample], other: &[Sample], rounds: usize| {
        let (one, other) = paired(one, other);
        let ratio = PairedRatio::of(&one, &other).filter(|paired| paired.rounds >= rounds);
        ratio.is_some_and(|paired| paired.interval.is_some_and(|interval| fits(interval, paired.ratio, report.within)))
    };
    let groups_are = Group::all_of(report).iter().all(|group| match group.rows[..] {
        [] => false,
        [row] => {
            let walls: Vec<f64> = valid(&report.rows[row].samples).map(|sample| sample.wall_ns as f64).collect();
            let known = Interval::of_median(&walls, CONFIDENCE).zip(median_of(&walls));
            known.is_some_and(|(interval, middle)| fits(interval, middle, report.within))
        }
        _ => {
            let (best, rounds) = (group.fastest(report), fewest_for(group.rows.len() - 1));
            let samples = |place: usize| &report.rows[place].samples[..];
            group.rows.iter().all(|row| is_narrow(samples(*row), samples(best), rounds))
        }
    });
    let control_is = report.controls.iter().all(|control| {
        report.rows.get(control.row).is_some_and(|row| is_narrow(&control.samples, &row.samples, FEWEST))
    });
    report.rounds >= FEWEST && groups_are && control_is
}

fn fits(interval: Interval, middle: f64, within: f64) -> bool {
    interval.width() <= within * middle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::sweep::testing::{report, row, sample, setting};
    use crate::outcome::Control;

    const QUIET: [u64; 8] = [1000, 1004, 997, 1002, 1010, 999, 1001, 996];

    fn two(other: [u64; 8]) -> SweepReport {
        report(vec![row(setting(4), &QUIET.map(|wall| wall * 3)), row(setting(64), &QUIET), row(setting(256), &other)])
    }

    #[test]
    fn a_quiet_machine_needs_six_rounds() {
        let mut report = two(QUIET.map(|wall| wall + 20));
        assert!(is_narrow(&report));
        report.rounds = 5;
        assert!(!is_narrow(&report));
    }

    #[test]
    fn one_row_that_is_not_known_well_is_enough_to_go_on() {
        assert!(!is_narrow(&two([1000, 1300, 900, 1100, 980, 1500, 1010, 950])));
        let mut report = two([1010, 999, 1001, 996, 1000, 1004, 997, 1002]);
        assert!(is_narrow(&report));
        report.within = 0.01;
        assert!(!is_narrow(&report));
    }

    #[test]
    fn the_control_must_be_known_well_too() {
        let mut report = two(QUIET);
        let again = |walls: [u64; 8]| vec![Control { row: 1, samples: walls.map(|wall| sample(wall, 1)).to_vec() }];
        report.controls = again(QUIET.map(|wall| wall + 30));
        assert!(is_narrow(&report));
        report.controls = again([1000, 1300, 900, 1100, 980, 1500, 1010, 950]);
        assert!(!is_narrow(&report));
    }

    #[test]
    fn a_single_setting_is_known_by_its_own_times() {
        assert!(is_narrow(&report(vec![row(setting(64), &QUIET)])));
        assert!(!is_narrow(&report(vec![row(setting(64), &[1000, 1300, 900, 1100, 980, 1500, 1010, 950])])));
    }

    #[test]
    fn more_settings_take_more_rounds() {
        let of = |settings: u64, rounds: usize| {
            report((0..settings).map(|place| row(setting(4 << place), &QUIET[..rounds])).collect())
        };
        assert!(is_narrow(&of(2, 6)) && is_narrow(&of(3, 7)) && is_narrow(&of(7, 8)));
        assert!(!is_narrow(&of(3, 6)) && !is_narrow(&of(8, 8)));
    }

    #[test]
    fn a_row_that_shows_something_else_does_not_keep_it_going_and_a_whole_group_does() {
        let mut report = two([1000, 1300, 900, 1100, 980, 1500, 1010, 950]);
        let spoil = |report: &mut SweepReport, row: usize| {
            report.rows[row].samples[..5].iter_mut().for_each(|sample| sample.invalid = Some("it was warm".to_owned()));
        };
        spoil(&mut report, 2);
        assert!(is_narrow(&report));
        spoil(&mut report, 0);
        spoil(&mut report, 1);
        assert!(!is_narrow(&report));
    }

    #[test]
    fn a_run_that_shows_something_else_is_not_looked_at() {
        let mut report = two(QUIET);
        report.rows[2].samples[0] =
            crate::outcome::Sample { invalid: Some("it was warm".to_owned()), ..sample(9000, 1) };
        assert!(is_narrow(&report));
    }
}
