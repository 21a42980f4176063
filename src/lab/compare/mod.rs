//! `haul compare`: two reports beside each other, setting by setting: both of sweeps, or both of disks.
//!
//! The runs of two reports have nothing to do with each other, so that times are compared as two lists and not round by
//! round. What is said of all settings holds for all of them together, at 95 %; and nothing is said that is less than
//! two runs of the same setting differ by within either report.
//!
//! - this file: the changes, and whether they pass a limit; [`mod@differences`]: what else is not the same;
//! - [`side`]: what reports of either kind have; `read`: one out of a file.

pub mod differences;
mod read;
pub mod side;

use serde::Serialize;

use self::differences::{Difference, differences};
pub use self::read::read;
use self::side::{AnySetting, Kind, Row, Side};
use super::sweep::verdict::words::percent;
use crate::measure::interval::{Interval, Ratio, confidence_of_each};
use crate::measure::stats::{median, median_of};

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
    /// The ratio of all settings, where they moved together and beyond the noise: then it is rather the machine that
    /// changed, or all of haul, than a setting. `None` where they did not.
    pub together: Option<f64>,
}

/// What became of a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What was set.
    pub setting: AnySetting,
    /// By its name, or by what varies in the new report.
    pub label: String,
    /// What is compared.
    #[serde(flatten)]
    pub middles: Middles,
    /// Runs in the old report that showed what they should.
    pub old_runs: usize,
    /// Runs in the new report that did.
    pub new_runs: usize,
    /// The new median by the old one: of a sweep how many times as long it takes now, of a disk how many times as much it
    /// does in a second.
    pub ratio: f64,
    /// Where the ratio of all runs may well be, of all settings together at 95 %, and wide enough to hold `ratio`, so
    /// that nothing is claimed that the two medians contradict. `None` of too few runs in one of the reports.
    pub interval: Option<Interval>,
    /// From the least ratio of a new run to an old one to the greatest.
    pub range: Interval,
    /// The noise among the alternatives that it belongs to, of both reports the more; 0 if neither says.
    pub noise: f64,
    /// What may be said of it.
    pub claim: Claim,
}

/// What is compared of a setting: the middles of all its runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Middles {
    /// Of a sweep: how long a run takes.
    Times {
        /// Before, ns.
        old_ns_median: u64,
        /// Now, ns.
        new_ns_median: u64,
    },
    /// Of a disk: how much is done.
    Rates {
        /// Before.
        old_operations_per_second: f64,
        /// Now.
        new_operations_per_second: f64,
        /// What each of them moves; `None` where it moves nothing.
        bytes_per_operation: Option<u64>,
    },
}

/// What may be said of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It takes longer, or does less, by more than the noise.
    Slower,
    /// It takes less time, or does more, by more than the noise.
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
    pub fn of(old: &Side, new: &Side, limit: Option<f64>) -> Self {
        let limit = limit.unwrap_or(new.within);
        let pairs: Vec<(usize, usize)> =
            (0..new.rows.len()).filter_map(|place| Some((find(old, &new.rows[place])?, place))).collect();
        let confidence = confidence_of_each(pairs.len());
        let noise = |(before, after): (usize, usize)| {
            [old.rows[before].noise, new.rows[after].noise].into_iter().flatten().reduce(f64::max)
        };
        let change = |pair: &(usize, usize)| {
            let (old, row) = (&old.rows[pair.0], &new.rows[pair.1]);
            change(old, row, new.kind, confidence, [noise(*pair).unwrap_or(0.0), limit])
        };
        let only = |one: &Side, other| {
            let missing = one.rows.iter().filter(|row| find(other, row).is_none());
            missing.map(|row| row.label.clone()).collect()
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
        let Some(interval) = change.interval else {
            let (runs, fewest) = (change.old_runs.min(change.new_runs), self.fewest_runs);
            return Some(format!(
                "cannot tell whether {label} is more than {limit_percent} slower: one report has {runs} runs of it and \
                 {fewest} are needed; measure with --rounds {fewest} or more, or a longer --budget"
            ));
        };
        let [least, most] = change.slower(interval);
        if change.claim == Claim::Slower && least > limit {
            return Some(format!("{label} is more than {limit_percent} slower: {} at least, at 95%", percent(least)));
        }
        let is_known = interval.width() / 2.0 <= limit && change.noise <= limit;
        (most > limit && !is_known).then(|| {
            format!(
                "cannot tell whether {label} is more than {limit_percent} slower: it may be {} slower at 95%, noise {}; \
                 measure with more --rounds or a longer --budget, or on a quieter machine",
                percent(most),
                percent(change.noise)
            )
        })
    }
}

impl Change {
    /// By what part it is slower at the two ends of an interval of its ratio, the lesser first: negative where it is
    /// faster. Of a time what it takes more, of a rate what it does less.
    fn slower(&self, Interval { low, high }: Interval) -> [f64; 2] {
        match self.middles {
            Middles::Times { .. } => [low - 1.0, high - 1.0],
            Middles::Rates { .. } => [1.0 - high, 1.0 - low],
        }
    }
}

impl Middles {
    /// Of times per run, or per operation: then of its rates, whose median is not that of the times where there are two in
    /// the middle, and is what the reports themselves show. `None` of no run.
    fn of(kind: Kind, old: &Row, new: &Row) -> Option<Self> {
        let rate = |row: &Row| median_of(&row.times.iter().map(|time| 1e12 / *time as f64).collect::<Vec<_>>());
        Some(match kind {
            Kind::Sweep => Self::Times { old_ns_median: median(&old.times)?, new_ns_median: median(&new.times)? },
            Kind::Disk => Self::Rates {
                old_operations_per_second: rate(old)?,
                new_operations_per_second: rate(new)?,
                bytes_per_operation: match new.setting {
                    AnySetting::Disk(setting) => setting.block.map(|block| block.bytes() as u64),
                    AnySetting::Sweep(_) => None,
                },
            },
        })
    }

    /// How many times the old one the new one is.
    fn ratio(&self) -> f64 {
        match self {
            Self::Times { old_ns_median, new_ns_median } => *new_ns_median as f64 / *old_ns_median as f64,
            Self::Rates { old_operations_per_second, new_operations_per_second, .. } => {
                new_operations_per_second / old_operations_per_second
            }
        }
    }
}

/// The place of the row of the same setting and name.
fn find(report: &Side, row: &Row) -> Option<usize> {
    report.rows.iter().position(|other| other.is_of(row))
}

/// `None` where there is no run in one of the reports. Two runs of the same differ by the noise.
fn change(old: &Row, new: &Row, kind: Kind, confidence: f64, [noise, limit]: [f64; 2]) -> Option<Change> {
    let middles = Middles::of(kind, old, new)?;
    let ratio = middles.ratio();
    // What takes half the time is done twice as often.
    let (over, under) = match kind {
        Kind::Sweep => (&new.times, &old.times),
        Kind::Disk => (&old.times, &new.times),
    };
    let shift = Ratio::of(over, under, confidence)?;
    let interval = shift.interval.map(|interval| interval.and(Interval { low: ratio, high: ratio }));
    let end = |over: Option<&u64>, under: Option<&u64>| Some(*over? as f64 / *under? as f64);
    let mut change = Change {
        setting: new.setting,
        label: new.label.clone(),
        middles,
        old_runs: old.times.len(),
        new_runs: new.times.len(),
        ratio,
        interval,
        range: Interval {
            low: end(over.iter().min(), under.iter().max())?,
            high: end(over.iter().max(), under.iter().min())?,
        },
        noise,
        claim: Claim::Unknown,
    };
    change.claim = match interval {
        None => Claim::Unknown,
        Some(interval) if !interval.holds(1.0) && is_beyond(noise, ratio) => {
            let [least, _] = change.slower(interval);
            if least > 0.0 { Claim::Slower } else { Claim::Faster }
        }
        // Not where only the noise is as wide: a limit would then say of the same row that it cannot be told.
        Some(interval) if interval.reach(1.0) <= limit => Claim::Same,
        Some(_) => Claim::CannotTell,
    };
    Some(change)
}

/// Whether a ratio is further from 1 than two runs of the same are. Noise is of times: what takes 80 % longer does 44 %
/// less in a second, so that both ways to say it are as far from 1 on the logarithm alone.
fn is_beyond(noise: f64, ratio: f64) -> bool {
    ratio.ln().abs() > noise.ln_1p()
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
