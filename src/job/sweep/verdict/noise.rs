//! How far apart two runs of the very same thing are here: below that nothing is claimed.

use serde::Serialize;

use super::groups::{is_valid, walls};
use crate::measure::interval::{Interval, PairedRatio};
use crate::outcome::{SweepReport, SweepRow};

/// What one setting that was run twice a round showed of the noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    /// How far the ratio of the second runs to the first is from 1: 0.012 is 1.2 %. The least difference that is
    /// claimed of others.
    pub gap: f64,
    /// Where that ratio may well be; `None` of too few rounds.
    pub interval: Option<Interval>,
}

/// The noise of a sweep; `None` if nothing was run twice, or not as it should be.
pub fn noise(report: &SweepReport) -> Option<Noise> {
    let control = report.controls.first()?;
    let row = report.rows.get(control.row).filter(|row| is_valid(row))?;
    if control.samples.iter().any(|sample| sample.invalid.is_some()) {
        return None;
    }
    let paired = PairedRatio::of(&walls(&control.samples), &walls(&row.samples))?;
    Some(Noise { gap: (paired.ratio - 1.0).abs(), interval: paired.interval })
}

/// How many times faster one row is than another, round by round: 2 is twice as fast. `None` if one of them has no
/// rounds, or none that show what they should.
pub fn speedup(report: &SweepReport, row: usize, base: usize) -> Option<PairedRatio> {
    let valid = |place: usize| report.rows.get(place).filter(|row: &&SweepRow| is_valid(row));
    PairedRatio::of(&walls(&valid(base)?.samples), &walls(&valid(row)?.samples))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sweep::testing::{report, row, sample, setting};
    use crate::outcome::Control;

    #[test]
    fn noise_is_how_far_apart_two_runs_of_the_same_are() {
        let mut report = report(vec![row(setting(4), &[100, 200, 100, 100, 100, 100])]);
        assert_eq!(noise(&report), None);
        let again = [103, 206, 103, 99, 103, 103].map(|wall| sample(wall, 1)).to_vec();
        report.controls = vec![Control { row: 0, samples: again }];
        let found = noise(&report).unwrap();
        assert!((found.gap - 0.03).abs() < 1e-9, "{found:?}");
        assert!(found.interval.is_some_and(|interval| interval.holds(1.0)), "{found:?}");
        report.controls[0].samples[0].invalid = Some("it was warm".to_owned());
        assert_eq!(noise(&report), None);
        report.controls = vec![Control { row: 9, samples: vec![] }];
        assert_eq!(noise(&report), None);
    }

    #[test]
    fn speed_is_compared_round_by_round() {
        let walls = [100, 200, 300, 400, 500, 600];
        let mut report = report(vec![row(setting(4), &walls), row(setting(64), &walls.map(|wall| wall / 2))]);
        let found = speedup(&report, 1, 0).unwrap();
        assert!((found.ratio - 2.0).abs() < 1e-9 && found.interval.unwrap().width() < 1e-9, "{found:?}");
        assert_eq!((speedup(&report, 1, 7), speedup(&report, 7, 1)), (None, None));
        report.rows[0].samples[3].invalid = Some("it was warm".to_owned());
        assert_eq!(speedup(&report, 1, 0), None);
    }
}
