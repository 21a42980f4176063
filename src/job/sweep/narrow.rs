//! Whether enough was measured: whether another round would tell anybody more than they asked.

use super::verdict::groups::{Group, walls};
use crate::measure::interval::{CONFIDENCE, FEWEST, Interval, PairedRatio};
use crate::measure::stats::median_of;
use crate::outcome::SweepReport;

/// Whether every interval is as narrow as the question asks: how many times slower than the fastest of its group each
/// setting is, and how far apart two runs of the same setting are, is known to within `report.within` of itself.
pub(super) fn is_narrow(report: &SweepReport) -> bool {
    if report.rounds < FEWEST {
        return false;
    }
    let is_narrow = |one: &[u64], other: &[u64]| {
        let ratio = PairedRatio::of(one, other);
        ratio.is_some_and(|paired| paired.interval.is_some_and(|interval| fits(interval, paired.ratio, report.within)))
    };
    let groups_are = Group::all_of(report).iter().all(|group| match group.rows[..] {
        [] => true,
        [row] => {
            let walls: Vec<f64> = walls(&report.rows[row].samples).iter().map(|wall| *wall as f64).collect();
            let known = Interval::of_median(&walls, CONFIDENCE).zip(median_of(&walls));
            known.is_some_and(|(interval, middle)| fits(interval, middle, report.within))
        }
        _ => {
            let best = walls(&report.rows[group.fastest(report)].samples);
            group.rows.iter().all(|row| is_narrow(&walls(&report.rows[*row].samples), &best))
        }
    });
    let control_is = report.controls.iter().all(|control| {
        report.rows.get(control.row).is_some_and(|row| is_narrow(&walls(&control.samples), &walls(&row.samples)))
    });
    groups_are && control_is
}

fn fits(interval: Interval, middle: f64, within: f64) -> bool {
    interval.width() <= within * middle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sweep::testing::{report, row, sample, setting};
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
    fn runs_that_show_something_else_do_not_keep_it_going() {
        let mut report = two([1000, 1300, 900, 1100, 980, 1500, 1010, 950]);
        report.rows[2].samples[0].invalid = Some("it was warm".to_owned());
        assert!(is_narrow(&report));
    }
}
