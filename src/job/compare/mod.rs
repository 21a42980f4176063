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
use super::sweep::verdict::words::percent;
use super::sweep::verdict::{noise_of, valid};
use crate::measure::interval::{Interval, Ratio, confidence_of_each};
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
    /// The noise of what is in both, the most of all settings and both reports: 0.012 is 1.2 %. `None` if neither says.
    pub noise: Option<f64>,
    /// Below that a difference is as good as none: 0.05.
    pub limit: f64,
    /// The fewest runs of each setting in both reports that carry a statement on so many settings.
    pub fewest_runs: usize,
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
    /// How many times as long it takes now: the new median by the old one.
    pub ratio: f64,
    /// Where the shift of all times may well be, of all settings together at 95 %, and wide enough to hold `ratio`, so
    /// that nothing is claimed that the two medians contradict. `None` of too few runs in one of the reports.
    pub interval: Option<Interval>,
    /// From the least ratio of a new time to an old one to the greatest.
    pub range: Interval,
    /// The noise among the alternatives that it belongs to, of both reports the more; 0 if neither says.
    pub noise: f64,
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
    /// What difference there may be is within the limit.
    Same,
    /// There may be no difference, or none beyond the noise, and there may be a larger one than the limit.
    CannotTell,
    /// There are too few runs to say anything.
    Unknown,
}

impl Comparison {
    /// Compares the settings that both reports have. A difference within `limit` (what the new report calls as good, if
    /// none is given) is as good as none.
    pub fn of(old: &SweepReport, new: &SweepReport, limit: Option<f64>) -> Self {
        let limit = limit.unwrap_or(new.within);
        let pairs: Vec<(usize, usize)> =
            (0..new.rows.len()).filter_map(|place| Some((find(old, &new.rows[place])?, place))).collect();
        let confidence = confidence_of_each(pairs.len());
        let noise = |(before, after): (usize, usize)| {
            let noises = [noise_of(old, before), noise_of(new, after)].into_iter().flatten();
            noises.map(|noise| noise.floor).reduce(f64::max)
        };
        let change = |pair: &(usize, usize)| {
            let (old, row) = (&old.rows[pair.0], &new.rows[pair.1]);
            change(old, row, label(new, row), confidence, [noise(*pair).unwrap_or(0.0), limit])
        };
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
            noise: pairs.iter().copied().filter_map(noise).reduce(f64::max),
            limit,
            fewest_runs: Ratio::fewest(confidence),
        }
    }

    /// Why a limit is not kept, setting by setting: nothing if it is. What is surely below it keeps it, whatever the
    /// noise. What may be above it, and is known to within no more than the limit, keeps it too: it is not surely slower.
    /// What is known less well than that does not: whoever sets a limit wants to know.
    pub fn exceeding(&self, limit: f64) -> Vec<String> {
        if self.changes.is_empty() {
            return vec!["no setting is in both reports, so nothing can be told".to_owned()];
        }
        self.changes.iter().filter_map(|change| self.exceeds(change, limit)).collect()
    }

    fn exceeds(&self, change: &Change, limit: f64) -> Option<String> {
        let (label, limit_percent) = (&change.label, percent(limit));
        let Some(Interval { low, high }) = change.interval else {
            let (runs, fewest) = (change.old_runs.min(change.new_runs), self.fewest_runs);
            return Some(format!(
                "cannot tell whether {label} is more than {limit_percent} slower: one report has {runs} runs of it and \
                 {fewest} are needed; sweep with --rounds {fewest} or more"
            ));
        };
        if change.claim == Claim::Slower && low - 1.0 > limit {
            return Some(format!(
                "{label} is more than {limit_percent} slower: {} at least, at 95%",
                percent(low - 1.0)
            ));
        }
        let is_known = (high - low) / 2.0 <= limit && change.noise <= limit;
        (high - 1.0 > limit && !is_known).then(|| {
            format!(
                "cannot tell whether {label} is more than {limit_percent} slower: it may be {} slower at 95%, noise {}; \
                 sweep with more --rounds, or on a quieter machine",
                percent(high - 1.0),
                percent(change.noise)
            )
        })
    }
}

/// The place of the row of the same setting and name.
fn find(report: &SweepReport, row: &SweepRow) -> Option<usize> {
    report.rows.iter().position(|other| other.setting == row.setting && other.name == row.name)
}

fn label(report: &SweepReport, row: &SweepRow) -> String {
    let (varying, _) = axes::split(&report.rows);
    row.name.as_deref().map_or_else(|| axes::label(&row.setting, &varying), plain)
}

/// `None` where there is no run in one of the reports. Two runs of the same differ by the noise.
fn change(old: &SweepRow, new: &SweepRow, label: String, confidence: f64, [noise, limit]: [f64; 2]) -> Option<Change> {
    let walls = |row: &SweepRow| -> Vec<u64> { valid(&row.samples).map(|sample| sample.wall_ns.max(1)).collect() };
    let (old, new, setting) = (walls(old), walls(new), new.setting);
    let (old_ns_median, new_ns_median) = (median(&old)?, median(&new)?);
    let ratio = new_ns_median as f64 / old_ns_median as f64;
    let shift = Ratio::of(&new, &old, confidence)?;
    let interval = shift.interval.map(|interval| interval.and(Interval { low: ratio, high: ratio }));
    let end = |new: Option<&u64>, old: Option<&u64>| Some(*new? as f64 / *old? as f64);
    let claim = match interval {
        None => Claim::Unknown,
        Some(interval) if !interval.holds(1.0) && (ratio - 1.0).abs() > noise => {
            if ratio > 1.0 {
                Claim::Slower
            } else {
                Claim::Faster
            }
        }
        // Not where only the noise is as wide: a limit would then say of the same row that it cannot be told.
        Some(interval) if interval.reach(1.0) <= limit => Claim::Same,
        Some(_) => Claim::CannotTell,
    };
    Some(Change {
        setting,
        label,
        old_ns_median,
        new_ns_median,
        old_runs: old.len(),
        new_runs: new.len(),
        ratio,
        interval,
        range: Interval {
            low: end(new.iter().min(), old.iter().max())?,
            high: end(new.iter().max(), old.iter().min())?,
        },
        noise,
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

#[cfg(test)]
mod tests;
