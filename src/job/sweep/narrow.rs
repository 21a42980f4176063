//! Whether enough was measured: whether another round would tell anybody more than they asked.

use super::groups::{Group, walls};
use crate::measure::interval::{CONFIDENCE, FEWEST, Interval, PairedRatio};
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
            let middle = walls.iter().sum::<f64>() / walls.len() as f64;
            Interval::of_median(&walls, CONFIDENCE).is_some_and(|interval| fits(interval, middle, report.within))
        }
        _ => {
            let best = walls(&report.rows[group.fastest(report)].samples);
            group.rows.iter().all(|row| is_narrow(&walls(&report.rows[*row].samples), &best))
        }
    });
    let control_is = report.control.as_ref().is_none_or(|control| {
        report.rows.get(control.row).is_some_and(|row| is_narrow(&walls(&control.samples), &walls(&row.samples)))
    });
    groups_are && control_is
}

fn fits(interval: Interval, middle: f64, within: f64) -> bool {
    interval.width() <= within * middle
}
