//! How a rate went over time: points of all runs of a setting, and whether it fell.
//!
//! The fall that is looked for is a cliff: a cache that is full, a disk that became hot, a budget of a cloud that is used
//! up. Noise, a few slow windows and a rate that changes little by little are not one.

use super::metric::Metric;
use super::report::{MIB, Row, Sample};
use super::stats::median_of;

/// The least fall, as a part of the rate before: less is seen in the figures soon enough.
const LEAST_FALL: f64 = 0.2;
/// The fewest points before a fall and after it.
const FEWEST: usize = 3;
/// How many times as much as the spread of either part (the median absolute deviation) a fall is. A line that falls evenly
/// has parts whose medians are four times as far apart, whatever its slope.
const SPREADS: f64 = 5.0;
/// The same is more by this over the points of the smaller part, since a few points may lie near to each other by luck.
/// With both, of steady rates with noise of any size less than 1 in 100 is called a fall; the tests count them.
const FEW_POINTS: f64 = 9.0;
/// One point in so many of either part may lie on the other side of the middle.
const STRAYS: usize = 5;

/// What was done in a part of the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When it begins, ns after the first round did.
    pub at_ns: u64,
    /// How long it is, ns.
    pub window_ns: u64,
    /// Operations on a disk that ended in it; 0 of jobs.
    pub operations: u64,
    /// MiB a second, of the bytes that rates count; `None` of what moves none.
    pub rate_mib: Option<f64>,
    /// Operations on a disk a second; `None` of jobs.
    pub rate_ops: Option<f64>,
}

/// A rate that fell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fall {
    /// Of what the rate is: [`Metric::MibPerSecond`], or [`Metric::OperationsPerSecond`] of what moves no bytes.
    pub metric: Metric,
    /// The rate before: the median of the points.
    pub from: f64,
    /// The rate after.
    pub to: f64,
    /// When, ns after the first point.
    pub after_ns: u64,
}

/// The points of a row in the order of time: one a window of each run that counts or, of runs without windows, one a run.
pub fn points(row: &Row) -> Vec<Point> {
    runs(row).into_iter().flatten().collect()
}

/// The same, run by run.
pub fn runs(row: &Row) -> Vec<Vec<Point>> {
    let mut samples = row.counted();
    samples.sort_by_key(|sample| sample.at_ns);
    samples.into_iter().map(|sample| of_run(row, sample)).collect()
}

fn of_run(row: &Row, sample: &Sample) -> Vec<Point> {
    let operations = sample.metrics.whole(Metric::Operations);
    if sample.windows.is_empty() {
        let rate = |metric| row.value(sample, metric);
        return vec![Point {
            at_ns: sample.at_ns,
            window_ns: sample.wall_ns,
            operations,
            rate_mib: rate(Metric::MibPerSecond),
            rate_ops: rate(Metric::OperationsPerSecond),
        }];
    }
    let bytes = sample.metrics.whole(Metric::ReadBytes) + sample.metrics.whole(Metric::WrittenBytes);
    let mib_each = bytes as f64 / MIB / operations.max(1) as f64;
    let point = |start_ns: u64, window_ns: u64, operations: u64| {
        let rate_ops = operations as f64 * 1e9 / window_ns.max(1) as f64;
        Point {
            at_ns: sample.at_ns + start_ns,
            window_ns,
            operations,
            rate_mib: (bytes > 0).then_some(rate_ops * mib_each),
            rate_ops: Some(rate_ops),
        }
    };
    let starts = (0..).map(|index: u64| index * sample.window_ns);
    let mut windows: Vec<(u64, u64, u64)> =
        starts.zip(&sample.windows).map(|(start, count)| (start, sample.window_ns, *count)).collect();
    // A run that had nothing more to do ended within its last window. What is left of that may be too short for a rate.
    if let Some((start, length, _)) = windows.last_mut() {
        *length = sample.wall_ns.saturating_sub(*start).min(*length);
    }
    if let [.., before, last] = &mut windows[..]
        && last.1 * 2 < before.1
    {
        (before.1, before.2) = (before.1 + last.1, before.2 + last.2);
        windows.pop();
    }
    windows.into_iter().map(|(start, length, count)| point(start, length, count)).collect()
}

/// Whether the rate fell from one level to another, and when; of several falls the one that divides the points best.
pub fn fall(points: &[Point]) -> Option<Fall> {
    let all = |rate: fn(&Point) -> Option<f64>| points.iter().map(rate).collect::<Option<Vec<f64>>>();
    let of_bytes = all(|point| point.rate_mib).map(|rates| (Metric::MibPerSecond, rates));
    let (metric, rates) =
        of_bytes.or_else(|| all(|point| point.rate_ops).map(|rates| (Metric::OperationsPerSecond, rates)))?;
    let split = best_split(&rates)?;
    let (before, after) = rates.split_at(split);
    let (from, to) = (median_of(before)?, median_of(after)?);
    let is_fall = from - to >= LEAST_FALL * from && from > to && is_abrupt(before, after, from, to);
    is_fall.then(|| Fall { metric, from, to, after_ns: points[split].at_ns - points[0].at_ns })
}

/// Where to cut so that all rates lie as near as can be to the medians of their parts.
fn best_split(rates: &[f64]) -> Option<usize> {
    let before = deviations(rates.iter());
    let mut after = deviations(rates.iter().rev());
    after.reverse();
    let last = rates.len().checked_sub(FEWEST)?;
    let away = |split: &usize| before[*split] + after[*split];
    (FEWEST..=last).min_by(|one, other| away(one).total_cmp(&away(other)))
}

/// How far the first of the rates lie from their median, all together: of none, of one, and so on to all.
fn deviations<'a>(rates: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let (mut sorted, mut sums): (Vec<f64>, Vec<f64>) = (vec![], vec![0.0]);
    for rate in rates {
        sorted.insert(sorted.partition_point(|other| other < rate), *rate);
        let half = sorted.len() / 2;
        let (low, high) = (&sorted[..half], &sorted[sorted.len() - half..]);
        sums.push(high.iter().sum::<f64>() - low.iter().sum::<f64>());
    }
    sums
}

/// Whether the two levels are apart by more than either is spread out, and hardly any rate lies on the side of the other.
fn is_abrupt(before: &[f64], after: &[f64], from: f64, to: f64) -> bool {
    let spread = |part: &[f64], middle: f64| {
        median_of(&part.iter().map(|rate| (rate - middle).abs()).collect::<Vec<_>>()).unwrap_or_default()
    };
    let smaller = before.len().min(after.len()) as f64;
    let least = (SPREADS + FEW_POINTS / smaller) * spread(before, from).max(spread(after, to));
    let middle = from.midpoint(to);
    let few = |part: &[f64], strays: usize| strays * STRAYS <= part.len();
    from - to > least
        && few(before, before.iter().filter(|rate| **rate < middle).count())
        && few(after, after.iter().filter(|rate| **rate > middle).count())
}

#[cfg(test)]
mod tests;
