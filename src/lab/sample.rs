//! What a report says of one run, and what one costs.

use serde::{Deserialize, Serialize};

use super::metric::{Metric, Metrics};
use crate::calls::SyscallCounts;
use crate::summary::Summary;

/// How long operations took, from asking for one to having it, ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// How many.
    pub operations: u64,
    /// The mean.
    pub mean_ns: u64,
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// 99 of a hundred took no longer.
    pub p99_ns: u64,
    /// 999 of a thousand took no longer.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// One measured run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// When it began, ns after the first round did.
    pub at_ns: u64,
    /// Time from start to end, ns. Of a disk that of all operations, and of writing back what was written through the
    /// page cache.
    pub wall_ns: u64,
    /// Why this run does not show what it should (a cold run that was warm); its figures count for nothing.
    pub invalid: Option<String>,
    /// What else was measured; see the table of metrics.
    pub metrics: Metrics,
    /// System calls, by the names that strace has for them.
    pub calls: SyscallCounts,
    /// How long reads took on a disk. Loads of files read and write nothing: how long making a file took, looking at it or
    /// removing it, is here too.
    pub read_latency: Option<Latency>,
    /// How long writes took on a disk; of sync with making them durable.
    pub write_latency: Option<Latency>,
    /// Operations on a disk that ended in each window of the run, in their order. A run that ended before its time, having
    /// nothing more to do, has fewer windows, and a shorter last one.
    pub windows: Vec<u64>,
    /// How long a window is, ns; the last one also holds what ended later.
    pub window_ns: u64,
}

impl Sample {
    /// Adds what a job reported of its run.
    pub(crate) fn add(&mut self, summary: &Summary) {
        for (metric, count) in [
            (Metric::Files, summary.files),
            (Metric::SkippedFiles, summary.skipped),
            (Metric::SourceBytes, summary.source_bytes),
            (Metric::TargetBytes, summary.target_bytes),
            (Metric::PoolAcquired, summary.pool.acquired),
            (Metric::PoolFresh, summary.pool.fresh),
            (Metric::PoolReused, summary.pool.reused),
            (Metric::PoolOverflowed, summary.pool.overflowed),
            (Metric::PoolWaited, summary.pool.waited),
            (Metric::PoolGaveUp, summary.pool.gave_up),
        ] {
            self.metrics.count(metric, count);
        }
    }

    /// Whether it shows what it should.
    pub const fn is_valid(&self) -> bool {
        self.invalid.is_none()
    }

    /// What the kernel's counts of reads and writes differ by from ours; `None` where it does not show its own.
    pub fn unexplained(&self) -> Option<(i64, i64)> {
        let of = |metric| self.metrics.get(metric).map(|count| count as i64);
        of(Metric::UnexplainedReads).zip(of(Metric::UnexplainedWrites))
    }
}

/// Whether a rate settled: the rule is in `stats::steady`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Steadiness {
    /// Whether it did.
    pub is_steady: bool,
    /// How much the fitted line rises or falls over the windows looked at, as a part of their mean: -0.05 falls by 5 %.
    pub slope: f64,
    /// From the least window to the greatest, as a part of their mean.
    pub range: f64,
}

/// What was run before a setting was measured. Its time counts for nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WarmUp {
    /// How long, ns.
    pub wall_ns: u64,
    /// What is told of this run alone: of a sweep, memory and allocations.
    pub metrics: Metrics,
    /// Of a disk, whether the rate settled; `None` where too few windows were had to tell.
    pub steadiness: Option<Steadiness>,
}

/// By what settings are ranked and compared: less is better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// The time of a run, ns
    #[default]
    Wall,
    /// The time until what a run wrote is on the disk, ns
    Durable,
    /// The time of an operation on a disk, ps: a second by their rate
    #[value(skip)]
    Operation,
}

impl Rank {
    /// What a run costs; `None` of one that does not show what it should, and where it is not known. Never 0.
    pub fn cost(self, sample: &Sample) -> Option<u64> {
        if sample.invalid.is_some() {
            return None;
        }
        let cost = match self {
            Self::Wall => Some(sample.wall_ns),
            Self::Durable => sample.metrics.get(Metric::Sync).map(|sync| sample.wall_ns + sync as u64),
            Self::Operation => {
                let operations = sample.metrics.whole(Metric::Operations);
                // Whole ps still tell apart operations of a few ns.
                let each = u128::from(sample.wall_ns) * 1000 / u128::from(operations.max(1));
                (operations > 0).then(|| u64::try_from(each).unwrap_or(u64::MAX))
            }
        };
        cost.map(|cost| cost.max(1))
    }

    /// The metric that tables show of it.
    pub const fn metric(self) -> Metric {
        match self {
            Self::Wall => Metric::Wall,
            Self::Durable => Metric::Durable,
            Self::Operation => Metric::OperationsPerSecond,
        }
    }
}
