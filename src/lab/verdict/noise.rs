//! How far apart two runs of the very same thing are here: below that nothing is claimed.
//!
//! The noise of a group of alternatives is that of its own control, since a cold run is not as noisy as a warm one. Of fewer
//! than six pairs of runs there is none: their interval is not known, and a small gap is as likely as not luck.

use std::fmt;

use serde::Serialize;

use super::groups::{Group, Named, paired};
use super::text::percent;
use crate::lab::report::{Control, Report};
use crate::lab::stats::interval::{CONFIDENCE, Interval, PairedRatio};

/// What a setting that was run twice a round showed of the noise. Prints as "noise 2.3% (two runs of the same setting,
/// 64K)".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Noise {
    /// What tells the settings it is of from others: "Level 9". `None` if there are no others.
    pub group: Option<String>,
    /// Index of the row whose setting was run twice.
    pub row: usize,
    /// What that setting is called among its alternatives.
    pub name: String,
    /// The noise: 0.012 is 1.2 %; the least difference that is claimed of others. It is the gap, or half the width of
    /// the interval if that is more: with luck two noisy lists have the same middle. (Not the interval's farther end:
    /// bounds of slowdowns are as wide as that already, and would be made to pay for the same noise twice.)
    pub floor: f64,
    /// How far the ratio of the second runs to the first is from 1.
    pub gap: f64,
    /// Where that ratio may well be.
    pub interval: Interval,
    /// Whether it was measured on other settings than those it is used for, of which none was run twice.
    pub is_borrowed: bool,
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "noise {} (two runs of the same setting, {}", percent(self.floor), self.name)?;
        match &self.group {
            Some(group) if self.is_borrowed => write!(f, ", of {group}: none of these was run twice)"),
            _ => f.write_str(")"),
        }
    }
}

/// The noise of each group of alternatives that has its own control, in the order of the report.
pub fn noises(report: &Report) -> Vec<Noise> {
    let groups = Group::all_of(report);
    groups.iter().filter_map(|group| own(report, group, &groups)).collect()
}

/// The noise among the alternatives that a row belongs to: by their own control, else the largest of the others. `None`
/// if nothing was run twice that showed what it should, six times or more.
pub fn noise_of(report: &Report, row: usize) -> Option<Noise> {
    let groups = Group::all_of(report);
    let group = groups.iter().find(|group| group.is_of(&report.rows[row]))?;
    of_group(report, group, &groups)
}

/// The same for a group.
pub(super) fn of_group(report: &Report, group: &Group, all: &[Group]) -> Option<Noise> {
    own(report, group, all).or_else(|| {
        let others = noises(report).into_iter().max_by(|one, other| one.floor.total_cmp(&other.floor));
        others.map(|noise| Noise { is_borrowed: true, ..noise })
    })
}

/// The row that another one is compared with, where somebody named a baseline: like it but for the baseline's values; or,
/// where there is none (serial has one worker, whatever the others have), the smallest alternative that has these values.
pub fn baseline_of(report: &Report, row: usize) -> Option<usize> {
    let (base, setting) = (report.baseline.as_ref()?, &report.rows[row].setting);
    let wanted = setting.clone().with_all(base);
    let is_alike = |other: &usize| {
        let other = &report.rows[*other].setting;
        other.question() == setting.question() && other.is_like(base)
    };
    let alike = (0..report.rows.len()).filter(is_alike);
    alike.min_by_key(|other| {
        let other = &report.rows[*other].setting;
        (*other != wanted, other.cost())
    })
}

/// How many times faster one row is than another, round by round: 2 is twice as fast. `None` if there are no rounds in
/// which both show what they should.
pub fn speedup(report: &Report, row: usize, base: usize) -> Option<PairedRatio> {
    ratio(report, base, row, CONFIDENCE)
}

/// How many times as much one row costs as another, round by round, at `confidence`: 0.5 is twice as fast. `None` if there
/// are no rounds in which both show what they should.
pub fn ratio(report: &Report, row: usize, base: usize, confidence: f64) -> Option<PairedRatio> {
    let [row, base] = [row, base].map(|index| report.rows.get(index));
    let (row, base) = paired(report, &row?.samples, &base?.samples);
    PairedRatio::at(&row, &base, confidence)
}

fn own(report: &Report, group: &Group, all: &[Group]) -> Option<Noise> {
    let mut own = report.controls.iter().filter(|control| group.rows.contains(&control.row));
    own.find_map(|control| measured(report, control, group, all))
}

fn measured(report: &Report, control: &Control, group: &Group, all: &[Group]) -> Option<Noise> {
    let (again, first) = paired(report, &control.samples, &report.rows[control.row].samples);
    // Of fewer than half of the runs there is nothing to say, as of any row.
    let PairedRatio { ratio, interval, .. } =
        PairedRatio::of(&again, &first).filter(|paired| paired.rounds * 2 >= control.samples.len())?;
    let (gap, interval) = ((ratio - 1.0).abs(), interval?);
    let floor = gap.max(interval.width() / 2.0);
    let name = Named::new(report, group).name(control.row);
    Some(Noise { group: group.title(all), row: control.row, name, floor, gap, interval, is_borrowed: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::report::Row;
    use crate::lab::setting::{Axis, Setting};
    use crate::lab::testing::{report, row, sample, setting};

    #[test]
    fn noise_is_how_far_apart_two_runs_of_the_same_are() {
        let mut report = report(vec![row(setting(4), &[100, 200, 100, 100, 100, 100])]);
        assert_eq!(noise_of(&report, 0), None);
        let again = [103, 206, 103, 99, 103, 107].map(|wall| sample(wall, 1)).to_vec();
        report.controls = vec![Control { row: 0, samples: again }];
        let found = noise_of(&report, 0).unwrap();
        assert!((found.gap - 0.03).abs() < 1e-9, "{found:?}");
        assert!(found.interval.holds(1.0), "{found:?}");
        assert!((found.floor - 0.04).abs() < 1e-9, "half of 0.99 to 1.07: {found:?}");
        assert_eq!(found.to_string(), "noise 4% (two runs of the same setting, 4K)");
        assert_eq!(noises(&report), [found]);
        report.controls[0].samples[5].invalid = Some("it was warm".to_owned());
        assert_eq!(noise_of(&report, 0), None, "five pairs are too few");
        report.controls = vec![Control { row: 9, samples: vec![] }];
        assert_eq!(noise_of(&report, 0), None);
    }

    #[test]
    fn two_lists_with_the_same_middle_are_not_without_noise() {
        let mut report = report(vec![row(setting(4), &[100; 8])]);
        let again = [90, 110, 80, 120, 100, 100, 85, 115].map(|wall| sample(wall, 1)).to_vec();
        report.controls = vec![Control { row: 0, samples: again }];
        let found = noise_of(&report, 0).unwrap();
        assert!(found.gap < 1e-9 && (found.floor - 0.2).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn each_group_has_its_own_noise_or_that_of_the_noisiest_other() {
        let at = |level: u32| setting(64).with(Axis::Job, "gzip").with(Axis::Level, level);
        let mut report = report([1, 6, 9].map(|level| row(at(level), &[100; 8])).to_vec());
        let again = |wall| [(); 8].map(|()| sample(wall, 1)).to_vec();
        report.controls = vec![Control { row: 0, samples: again(101) }, Control { row: 2, samples: again(104) }];
        let of = |row| noise_of(&report, row).unwrap().to_string();
        assert_eq!(of(0), "noise 1% (two runs of the same setting, 64K)");
        assert_eq!(of(1), "noise 4% (two runs of the same setting, 64K, of Level 9: none of these was run twice)");
        let groups: Vec<_> = noises(&report).into_iter().map(|noise| (noise.group.unwrap(), noise.row)).collect();
        assert_eq!(groups, [("Level 1".to_owned(), 0), ("Level 9".to_owned(), 2)]);
    }

    #[test]
    fn a_baseline_is_like_the_row_or_the_smallest_that_there_is() {
        let by = |scheduler: &'static str, workers: u64| {
            row(setting(4).with(Axis::Scheduler, scheduler).with(Axis::Workers, workers), &[100; 6])
        };
        let gzip = |row: Row| Row { setting: row.setting.with(Axis::Job, "gzip"), ..row };
        let mut report =
            report(vec![by("serial", 1), by("channel", 1), by("channel", 5), by("uring", 5), gzip(by("channel", 5))]);
        let bases = |report: &Report| (0..5).map(|row| baseline_of(report, row)).collect::<Vec<_>>();
        assert_eq!(bases(&report), [None; 5]);
        report.baseline = Some(Setting::default().with(Axis::Scheduler, "serial"));
        assert_eq!(bases(&report), [Some(0), Some(0), Some(0), Some(0), None]);
        report.baseline = Some(Setting::default().with(Axis::Scheduler, "channel"));
        assert_eq!(bases(&report), [Some(1), Some(1), Some(2), Some(2), Some(4)]);
        report.baseline = Some(Setting::default().with(Axis::Workers, 1_u64));
        assert_eq!(bases(&report), [Some(0), Some(1), Some(1), Some(0), None]);
    }

    #[test]
    fn speed_is_compared_round_by_round() {
        let walls = [100, 200, 300, 400, 500, 600];
        let mut report = report(vec![row(setting(4), &walls), row(setting(64), &walls.map(|wall| wall / 2))]);
        let found = speedup(&report, 1, 0).unwrap();
        assert!((found.ratio - 2.0).abs() < 1e-9 && found.interval.unwrap().width() < 1e-9, "{found:?}");
        assert_eq!((speedup(&report, 1, 7), speedup(&report, 7, 1)), (None, None));
        report.rows[0].samples[3].invalid = Some("it was warm".to_owned());
        assert_eq!(speedup(&report, 1, 0).unwrap().rounds, 5, "in the rounds in which both count");
    }
}
