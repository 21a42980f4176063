//! `haul compare`: two reports of sweeps beside each other, setting by setting.
//!
//! The runs of two reports have nothing to do with each other, so that times are compared as two lists and not round by
//! round. What is said of all settings holds for all of them together, at 95 %; and nothing is said that is less than
//! two runs of the same setting differ by within either report.
//!
//! - this file: the changes, and whether they pass a limit; [`mod@differences`]: what else is not the same;
//! - `read`: a report out of a file.

pub mod differences;
mod read;

use serde::Serialize;

use self::differences::{Difference, differences, plain};
pub use self::read::read;
use super::sweep::axes;
use super::sweep::verdict::noise;
use crate::measure::interval::{FEWEST, Interval, Ratio, confidence_of_each};
use crate::measure::stats::{median, median_of};
use crate::outcome::{Setting, SweepReport, SweepRow};

/// Settings that must move together to be remarkable: two often do.
const FEWEST_TOGETHER: usize = 3;

/// What became of the settings of one report in another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// One entry a setting that is in both, in the order of the new report.
    pub changes: Vec<Change>,
    /// Settings that only the old report has.
    pub only_old: Vec<String>,
    /// Settings that only the new report has.
    pub only_new: Vec<String>,
    /// What is not the same around them.
    pub differences: Vec<Difference>,
    /// How far apart two runs of the same setting are, of both reports the more: 0.012 is 1.2 %. `None` if neither
    /// says.
    pub noise: Option<f64>,
    /// How many times as long all settings take now, where they moved together and beyond the noise: then it is rather
    /// the machine that changed, or all of haul, than a setting. `None` where they did not.
    pub together: Option<f64>,
}

/// What became of a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What was set.
    pub setting: Setting,
    /// By its name, or by what varies in the new report.
    pub label: String,
    /// Middle of the old times, ns.
    pub old_ns_median: u64,
    /// Middle of the new times, ns.
    pub new_ns_median: u64,
    /// Runs in the old report that showed what they should.
    pub old_runs: usize,
    /// Runs in the new report that did.
    pub new_runs: usize,
    /// How many times as long it takes now: the median of all ratios of a new time to an old one.
    pub ratio: f64,
    /// Where that may well be: of all settings together, at 95 %. `None` of fewer than six runs in one of the reports.
    pub interval: Option<Interval>,
    /// From the least of these ratios to the greatest.
    pub range: Interval,
    /// What may be said of it.
    pub claim: Claim,
}

/// What may be said of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It takes longer, by more than the noise.
    Slower,
    /// It takes less time, by more than the noise.
    Faster,
    /// No difference shows beyond the noise.
    Same,
    /// There are too few runs to say anything.
    Unknown,
}

impl Comparison {
    /// Compares the settings that both reports have.
    pub fn of(old: &SweepReport, new: &SweepReport) -> Self {
        let pairs: Vec<(&SweepRow, &SweepRow)> =
            new.rows.iter().filter_map(|row| Some((find(old, row)?, row))).collect();
        let noise = [old, new].into_iter().filter_map(noise).map(|noise| noise.gap).reduce(f64::max);
        let confidence = confidence_of_each(pairs.len());
        let change =
            |(old, row): &(&SweepRow, &SweepRow)| change(old, row, label(new, row), confidence, noise.unwrap_or(0.0));
        let only = |one: &SweepReport, other| {
            let missing = one.rows.iter().filter(|row| find(other, row).is_none());
            missing.map(|row| label(one, row)).collect()
        };
        let changes: Vec<Change> = pairs.iter().filter_map(change).collect();
        Self {
            together: together(&changes),
            changes,
            only_old: only(old, new),
            only_new: only(new, old),
            differences: differences(old, new),
            noise,
        }
    }

    /// Why a limit is not kept, setting by setting: nothing if it is. What cannot be told does not pass: whoever sets a
    /// limit wants to know.
    pub fn exceeding(&self, limit: f64) -> Vec<String> {
        if self.changes.is_empty() {
            return vec!["no setting is in both reports, so nothing can be told".to_owned()];
        }
        let limit_percent = percent(limit);
        let mut why: Vec<String> = vec![];
        for change in &self.changes {
            let (label, runs) = (&change.label, change.old_runs.min(change.new_runs));
            match change.interval {
                None => why.push(format!(
                    "cannot tell whether {label} is more than {limit_percent} slower: one report has {runs} runs of it and \
                     {FEWEST} are needed; sweep with --rounds {FEWEST} or more"
                )),
                Some(interval) if change.claim == Claim::Slower && interval.low - 1.0 > limit => why.push(format!(
                    "{label} is more than {limit_percent} slower: {} at least, at 95%",
                    percent(interval.low - 1.0)
                )),
                Some(_) => {}
            }
        }
        if let Some(noise) = self.noise.filter(|noise| *noise > limit) {
            why.push(format!(
                "cannot tell what is more than {limit_percent} slower: two runs of the same setting differ by {}; sweep \
                 with more --rounds, or on a quieter machine",
                percent(noise)
            ));
        }
        why
    }
}

/// The row of the same setting and name.
fn find<'a>(report: &'a SweepReport, row: &SweepRow) -> Option<&'a SweepRow> {
    report.rows.iter().find(|other| other.setting == row.setting && other.name == row.name)
}

fn label(report: &SweepReport, row: &SweepRow) -> String {
    let (varying, _) = axes::split(&report.rows);
    row.name.as_deref().map_or_else(|| axes::label(&row.setting, &varying), plain)
}

/// `None` where there is no run in one of the reports.
fn change(old: &SweepRow, new: &SweepRow, label: String, confidence: f64, noise: f64) -> Option<Change> {
    let walls = |row: &SweepRow| -> Vec<u64> {
        let valid = row.samples.iter().filter(|sample| sample.invalid.is_none());
        valid.map(|sample| sample.wall_ns.max(1)).collect()
    };
    let (old, new, setting) = (walls(old), walls(new), new.setting);
    let Ratio { ratio, interval } = Ratio::of(&new, &old, confidence)?;
    let end = |new: Option<&u64>, old: Option<&u64>| Some(*new? as f64 / *old? as f64);
    let claim = match interval {
        None => Claim::Unknown,
        Some(interval) if interval.holds(1.0) || (ratio - 1.0).abs() <= noise => Claim::Same,
        Some(_) if ratio > 1.0 => Claim::Slower,
        Some(_) => Claim::Faster,
    };
    Some(Change {
        setting,
        label,
        old_ns_median: median(&old)?,
        new_ns_median: median(&new)?,
        old_runs: old.len(),
        new_runs: new.len(),
        ratio,
        interval,
        range: Interval {
            low: end(new.iter().min(), old.iter().max())?,
            high: end(new.iter().max(), old.iter().min())?,
        },
        claim,
    })
}

/// The ratio that all of several settings may have, if any of them changed at all.
fn together(changes: &[Change]) -> Option<f64> {
    let has_changed = |change: &Change| matches!(change.claim, Claim::Slower | Claim::Faster);
    if changes.len() < FEWEST_TOGETHER || !changes.iter().any(has_changed) {
        return None;
    }
    let ratio = median_of(&changes.iter().map(|change| change.ratio).collect::<Vec<_>>())?;
    let is_with_them = |change: &Change| change.interval.is_some_and(|interval| interval.holds(ratio));
    let moved = changes.iter().filter(|change| has_changed(change)).count();
    (moved * 2 > changes.len() && changes.iter().all(is_with_them)).then_some(ratio)
}

fn percent(part: f64) -> String {
    format!("{:.1}%", part * 100.0)
}

#[cfg(test)]
mod tests;
