//! Figures of a setting that reports show beside those of [`Figures`](haul::job::sweep::figures::Figures).

use haul::calls::Call;
use haul::measure::stats::{median, median_place};
use haul::outcome::{Sample, SweepRow};

/// Fewest runs of which an interval of the median can be given.
const FEWEST: usize = 6;

/// What the runs of one setting come to, further figures.
#[derive(Debug, Clone, Default)]
pub(super) struct Extra {
    /// 95 % interval of the median time, ns.
    pub(super) wall_ns_interval: Option<(u64, u64)>,
    pub(super) wall_with_sync_ns_median: Option<u64>,
    pub(super) cpu_percent: f64,
    pub(super) voluntary_switches_median: u64,
    pub(super) involuntary_switches_median: u64,
    pub(super) disk_read_bytes_median: Option<u64>,
    pub(super) pool_overflowed: u64,
    pub(super) pool_waited: u64,
    /// Calls that move bytes and that the kernel's counters do not show.
    pub(super) unseen: u64,
}

impl Extra {
    pub(super) fn of(row: &SweepRow) -> Self {
        let list = |field: &dyn Fn(&Sample) -> u64| row.samples.iter().map(field).collect::<Vec<_>>();
        let known = |field: &dyn Fn(&Sample) -> Option<u64>| {
            row.samples.iter().map(field).collect::<Option<Vec<_>>>().and_then(|values| median(&values))
        };
        let walls = list(&|sample| sample.wall_ns);
        let Some(place) = median_place(&walls) else { return Self::default() };
        let summary = &row.samples[place].summary;
        let middle = |values: &[u64]| median(values).unwrap_or(0);
        let cpu = list(&|sample| (sample.user_ns + sample.system_ns) * 1000 / sample.wall_ns.max(1));
        Self {
            wall_ns_interval: interval(&walls),
            wall_with_sync_ns_median: known(&|sample| sample.sync_ns.map(|sync| sync + sample.wall_ns)),
            cpu_percent: middle(&cpu) as f64 / 10.0,
            voluntary_switches_median: middle(&list(&|sample| sample.voluntary_switches)),
            involuntary_switches_median: middle(&list(&|sample| sample.involuntary_switches)),
            disk_read_bytes_median: known(&|sample| sample.disk_read_bytes),
            pool_overflowed: summary.pool.overflowed,
            pool_waited: summary.pool.waited,
            unseen: summary.syscalls.of(Call::Ficlone).calls,
        }
    }
}

/// The 95 % interval of the median that order statistics give.
fn interval(values: &[u64]) -> Option<(u64, u64)> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = rank(sorted.len())?;
    Some((sorted[rank - 1], sorted[sorted.len() - rank]))
}

/// The largest k for which the k-th least and the k-th largest hold the median between them in 95 of 100 cases.
fn rank(number: usize) -> Option<usize> {
    if number < FEWEST {
        return None;
    }
    let (mut chance, mut below, mut rank) = (0.5_f64.powi(number as i32), 0.0, 0);
    while below + chance <= 0.025 {
        below += chance;
        rank += 1;
        chance *= (number - rank + 1) as f64 / rank as f64;
    }
    Some(rank)
}

/// How many times faster one setting is than another: the middle of the ratios of each round, and their interval.
#[derive(Debug, Clone)]
pub(super) struct Speedup {
    pub(super) ratio: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// The ratio of each round.
    pub(super) rounds: Vec<f64>,
}

impl Speedup {
    pub(super) fn of(base: &SweepRow, row: &SweepRow) -> Option<Self> {
        let pairs = base.samples.iter().zip(&row.samples);
        let ratios: Vec<u64> =
            pairs.map(|(base, run)| base.wall_ns.saturating_mul(1_000_000) / run.wall_ns.max(1)).collect();
        let unit = |ratio: u64| ratio as f64 / 1e6;
        Some(Self {
            ratio: unit(median(&ratios)?),
            interval: interval(&ratios).map(|(low, high)| (unit(low), unit(high))),
            rounds: ratios.iter().map(|ratio| unit(*ratio)).collect(),
        })
    }
}
