//! What became of a setting: its medians in all reports, and how each later one differs from the first.

use serde::Serialize;

use super::differences::plain;
use crate::lab::metric::Number;
use crate::lab::report::{Rank, Report, Row};
use crate::lab::setting::{Axis, Setting};
use crate::lab::stats::interval::{Interval, Ratio};
use crate::lab::stats::{median, median_of};
use crate::lab::verdict::{Claim, noise_of};

/// Settings that must move together to be remarkable: two often do.
const FEWEST_TOGETHER: usize = 3;
/// Later reports that make a trend: one is a change.
const FEWEST_FOR_TREND: usize = 2;
/// What three digits show of a step from one report to the next.
const STEP: f64 = 0.003;

/// A setting that the first report has, and a later one too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparedSetting {
    /// What was set.
    pub setting: Setting,
    /// By its name, or by what varies in the latest report that has it.
    pub label: String,
    /// Runs in the first report that showed what they should.
    pub runs: usize,
    /// Their median of the comparison's metric: a time in ns, or operations a second.
    pub median: Number,
    /// What became of it in each later report; `None` where that has no runs of it.
    pub changes: Vec<Option<Change>>,
    /// Whether it became slower, or faster, in every report, and by more than the noise in all.
    pub trend: Option<Claim>,
}

/// What became of a setting in a later report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Runs that showed what they should.
    pub runs: usize,
    /// Their median.
    pub median: Number,
    /// The median by that of the first report: how many times as long it takes now, or, of rates, how many times as much it
    /// does in a second.
    pub ratio: f64,
    /// Where the ratio of all runs may well be, of all settings and reports together at 95 %, and wide enough to hold
    /// `ratio`, so that nothing is claimed that the two medians contradict. `None` of too few runs in one of the reports.
    pub interval: Option<Interval>,
    /// From the least ratio of a run to one of the first report to the greatest.
    pub range: Interval,
    /// The noise among the alternatives that it belongs to, of both reports the more; `None` if neither says.
    pub noise: Option<f64>,
    /// What may be said of it.
    pub claim: Claim,
}

impl ComparedSetting {
    /// `None` where no later report has runs of it.
    pub(super) fn of(
        (baseline, row): (&Report, usize),
        later: &[(String, Report)],
        rows: &[Option<usize>],
        changes: Vec<Option<Change>>,
    ) -> Option<Self> {
        let costs = costs(baseline, row);
        let (report, latest) = later.iter().zip(rows).rev().find_map(|((_, report), row)| Some((report, (*row)?)))?;
        changes.iter().any(Option::is_some).then_some(())?;
        let mut setting = Self {
            setting: report.rows[latest].setting.clone(),
            label: plain(&report.label(latest)),
            runs: costs.len(),
            median: middle(baseline.rank, &costs)?,
            changes,
            trend: None,
        };
        setting.trend = setting.find_trend();
        Some(setting)
    }

    /// The changes that are known.
    pub(in crate::lab) fn known(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().flatten()
    }

    /// Which way it went, where every report has a median further on than the one before, and the last one is surely not
    /// where the first was.
    fn find_trend(&self) -> Option<Claim> {
        let claim = self.changes.last()?.as_ref()?.claim;
        let is_known = self.known().count() == self.changes.len() && self.changes.len() >= FEWEST_FOR_TREND;
        let ratios: Vec<f64> = std::iter::once(1.0).chain(self.known().map(|change| change.ratio)).collect();
        let goes = |further: fn(f64) -> bool| ratios.windows(2).all(|step| further((step[1] / step[0]).ln()));
        let is_one_way = goes(|step| step > STEP) || goes(|step| step < -STEP);
        Some(claim).filter(|claim| is_known && is_one_way && matches!(claim, Claim::Slower | Claim::Faster))
    }
}

/// The rows that the first report shares with later ones, each with its index in every later report: in the order of the
/// last report, what that does not have after it.
pub(super) fn matching_rows(baseline: &Report, later: &[(String, Report)]) -> Vec<(usize, Vec<Option<usize>>)> {
    let rows = (0..baseline.rows.len()).map(|row| {
        let others = later.iter().map(|(_, report)| find(report, &baseline.rows[row]));
        (row, others.collect::<Vec<_>>())
    });
    let mut rows: Vec<_> = rows.filter(|(_, others)| others.iter().any(Option::is_some)).collect();
    rows.sort_by_key(|(_, others)| {
        let last = others.last().copied().flatten();
        (last.is_none(), last)
    });
    rows
}

/// The index of the row of the same setting and name.
fn find(report: &Report, row: &Row) -> Option<usize> {
    let key = |row: &Row| (compared(&row.setting), row.name.clone());
    report.rows.iter().position(|other| key(other) == key(row))
}

/// A setting without what does not tell it from another. Whether the kernel or threads of ours kept operations in flight is
/// said beside the rows: whoever compares a machine with `io_uring` to one without wants to know what that costs. And one
/// operation in flight is what all have that say nothing of it.
fn compared(setting: &Setting) -> Setting {
    let setting = setting.clone().without(Axis::Backend);
    if setting.number(Axis::Depth) == Some(1) { setting.without(Axis::Depth) } else { setting }
}

/// What each run of a row costs that shows what it should.
fn costs(report: &Report, row: usize) -> Vec<u64> {
    report.costs(&report.rows[row].samples).into_iter().flatten().collect()
}

/// The median of what is compared: of times, or of rates, whose median is not that of the times where there are two in the
/// middle, and is what the reports themselves show. `None` of no run.
fn middle(rank: Rank, costs: &[u64]) -> Option<Number> {
    let value = match rank {
        Rank::Wall | Rank::Durable => median(costs)? as f64,
        Rank::Operation => median_of(&costs.iter().map(|cost| 1e12 / *cost as f64).collect::<Vec<_>>())?,
    };
    Some(Number(rank.metric().unit(), value))
}

/// `None` where there is no run in one of the reports. A difference within `limit` is as good as none.
pub(super) fn change(
    (baseline, old): (&Report, usize),
    (report, new): (&Report, usize),
    confidence: f64,
    limit: f64,
) -> Option<Change> {
    let (old_costs, new_costs) = (costs(baseline, old), costs(report, new));
    let (old_median, new_median) = (middle(report.rank, &old_costs)?, middle(report.rank, &new_costs)?);
    let ratio = new_median.1 / old_median.1;
    let is_rate = report.rank == Rank::Operation;
    // What takes half the time is done twice as often.
    let (over, under) = if is_rate { (&old_costs, &new_costs) } else { (&new_costs, &old_costs) };
    let interval = Ratio::of(over, under, confidence)?.interval;
    let interval = interval.map(|interval| interval.and(Interval { low: ratio, high: ratio }));
    let end = |over: Option<&u64>, under: Option<&u64>| Some(*over? as f64 / *under? as f64);
    let noise = [noise_of(baseline, old), noise_of(report, new)];
    let noise = noise.into_iter().flatten().map(|noise| noise.floor).reduce(f64::max);
    let claim = match Claim::of(ratio, interval, noise.unwrap_or(0.0), limit) {
        Claim::Slower if is_rate => Claim::Faster,
        Claim::Faster if is_rate => Claim::Slower,
        claim => claim,
    };
    let range = Interval {
        low: end(over.iter().min(), under.iter().max())?,
        high: end(over.iter().max(), under.iter().min())?,
    };
    Some(Change { runs: new_costs.len(), median: new_median, ratio, interval, range, noise, claim })
}

/// The ratio to the first report that all of several settings may have in a later one, if any of them changed at all.
pub(super) fn together(settings: &[ComparedSetting], later: usize) -> Option<f64> {
    let changes: Vec<&Change> = settings.iter().filter_map(|setting| setting.changes[later].as_ref()).collect();
    let moved = changes.iter().filter(|change| matches!(change.claim, Claim::Slower | Claim::Faster)).count();
    if changes.len() < FEWEST_TOGETHER || moved * 2 <= changes.len() {
        return None;
    }
    let ratio = median_of(&changes.iter().map(|change| change.ratio).collect::<Vec<_>>())?;
    let is_with_them = |change: &&Change| change.interval.is_some_and(|interval| interval.holds(ratio));
    changes.iter().all(is_with_them).then_some(ratio)
}
