//! How far apart two runs of the very same setting are on this disk: below that nothing is claimed.

use std::fmt;

use serde::Serialize;

use super::figures::picoseconds_per_operation;
use super::settings::label;
use crate::lab::sweep::verdict::words::percent;
use crate::measure::interval::{Interval, PairedRatio};
use crate::outcome::{Control, DiskReport, DiskSample};

/// What a setting that was run twice a round showed of the noise. Prints as "noise 2.3% (two runs of the same setting,
/// read 1M direct)".
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiskNoise {
    /// Place of the row whose setting was run twice.
    pub row: usize,
    /// What that setting is called.
    pub name: String,
    /// The least difference that is claimed of others: the gap, or half the width of the interval if that is more.
    pub floor: f64,
    /// How far the ratio of the second runs to the first is from 1.
    pub gap: f64,
    /// Where that ratio may well be; `None` of too few rounds.
    pub interval: Option<Interval>,
}

impl fmt::Display for DiskNoise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "noise {} (two runs of the same setting, {})", percent(self.floor), self.name)
    }
}

/// What each control showed, in their order.
pub fn noises(report: &DiskReport) -> Vec<DiskNoise> {
    report.controls.iter().filter_map(|control| measured(report, control)).collect()
}

/// The noise of a row: that of its load's control, else the largest of the others. `None` if nothing was run twice that
/// showed what it should.
pub(crate) fn noise_of(report: &DiskReport, row: usize) -> Option<DiskNoise> {
    let load = |place: usize| report.rows[place].setting.load;
    let (own, others): (Vec<_>, Vec<_>) = noises(report).into_iter().partition(|noise| load(noise.row) == load(row));
    let all = if own.is_empty() { others } else { own };
    all.into_iter().max_by(|one, other| one.floor.total_cmp(&other.floor))
}

fn measured(report: &DiskReport, control: &Control<DiskSample>) -> Option<DiskNoise> {
    let row = report.rows.get(control.row)?;
    let is_valid = |sample: &DiskSample| sample.run.invalid.is_none();
    let pairs = control.samples.iter().zip(&row.samples).filter(|(again, first)| is_valid(again) && is_valid(first));
    let (again, first): (Vec<u64>, Vec<u64>) =
        pairs.map(|(again, first)| (picoseconds_per_operation(again), picoseconds_per_operation(first))).unzip();
    // Of fewer than half of the runs there is nothing to say.
    let PairedRatio { ratio, interval, .. } =
        PairedRatio::of(&again, &first).filter(|paired| paired.rounds * 2 >= control.samples.len())?;
    let gap = (ratio - 1.0).abs();
    let floor = interval.map_or(gap, |interval| gap.max(interval.width() / 2.0));
    Some(DiskNoise { row: control.row, name: label(&row.setting), floor, gap, interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{DiskRow, DiskSetting, Sample};
    use crate::plan::{Flight, Load};

    fn sample(wall_us: u64) -> DiskSample {
        let run = Sample { wall_ns: wall_us * 1000, ..Sample::default() };
        DiskSample { run, operations: 10, ..DiskSample::default() }
    }

    fn row(load: Load) -> DiskRow {
        let setting = DiskSetting { load, access: None, block: None, depth: 1, flight: Flight::Calls };
        DiskRow { samples: vec![sample(100); 8], ..DiskRow::new(setting) }
    }

    #[test]
    fn a_load_has_its_own_noise_or_that_of_the_noisiest_other() {
        let rows = [Load::Read, Load::RandomRead, Load::Stat].map(row).to_vec();
        let mut report = DiskReport { rows, ..DiskReport::default() };
        assert_eq!((noises(&report), noise_of(&report, 0)), (vec![], None));
        let control = |row, wall| Control { row, samples: vec![sample(wall); 8] };
        report.controls = vec![control(0, 102), control(1, 110), control(9, 100)];
        let floors: Vec<String> = (0..3).map(|row| noise_of(&report, row).unwrap().to_string()).collect();
        assert_eq!(
            floors,
            [
                "noise 2% (two runs of the same setting, read)",
                "noise 10% (two runs of the same setting, random-read)",
                "noise 10% (two runs of the same setting, random-read)",
            ]
        );
        report.controls[1].samples[..5].iter_mut().for_each(|sample| sample.run.invalid = Some("cached".to_owned()));
        assert_eq!(noises(&report).len(), 1, "three of eight runs say nothing");
    }
}
