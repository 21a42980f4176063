//! A setting's runs boiled down to the figures that a report shows.

use serde::Serialize;

use crate::calls::Kind;
use crate::measure::stats::{deviation, median, median_place, minimum};
use crate::outcome::{Sample, Summary, SweepRow};
use crate::plan::SweepJob;

const MIB: f64 = 1_048_576.0;

/// What the runs of one setting come to. Counts are those of one run, the one with the median time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Middle of the times, ns.
    pub wall_ns_median: u64,
    /// Least of the times, ns.
    pub wall_ns_min: u64,
    /// Median absolute deviation of the times, ns: half of the runs lie this near to the median.
    pub wall_ns_mad: u64,
    /// Middle of the CPU times in user mode, ns.
    pub user_ns_median: u64,
    /// Middle of the CPU times in the kernel, ns.
    pub system_ns_median: u64,
    /// Uncompressed MiB per second at the median time; `None` for an empty source.
    pub mib_per_second: Option<f64>,
    /// Most memory resident at any moment of the warm-up run, bytes; `None` where the kernel does not tell.
    pub peak_bytes: Option<u64>,
    /// Middle of the page faults served without the disk.
    pub minor_faults_median: u64,
    /// Middle of the page faults that waited for the disk.
    pub major_faults_median: u64,
    /// Calls that moved bytes into the process.
    pub reads: u64,
    /// Calls that moved bytes out of it.
    pub writes: u64,
    /// All other calls.
    pub other_calls: u64,
    /// Whether runs differed in these three.
    pub calls_vary: bool,
    /// Calls of all kinds per uncompressed MiB; `None` for an empty source.
    pub calls_per_mib: Option<f64>,
    /// Buffers that were allocated.
    pub pool_fresh: u64,
    /// Times a buffer was used again.
    pub pool_reused: u64,
    /// Bytes read of the source.
    pub source_bytes: u64,
    /// Bytes written to the target.
    pub target_bytes: u64,
    /// gzip only: how many times smaller the target is.
    pub ratio: Option<f64>,
}

impl Figures {
    /// The figures of a row; all zero if it has no samples.
    pub fn of(row: &SweepRow) -> Self {
        let job = row.setting.job;
        let list = |field: fn(&Sample) -> u64| row.samples.iter().map(field).collect::<Vec<_>>();
        let middle = |field: fn(&Sample) -> u64| median(&list(field)).unwrap_or(0);
        let walls = list(|sample| sample.wall_ns);
        let Some(place) = median_place(&walls) else { return Self::default() };
        let summary = &row.samples[place].summary;
        let (reads, writes, other_calls) = calls(summary);
        let wall_ns_median = middle(|sample| sample.wall_ns);
        let mib = plain_bytes(job, summary) as f64 / MIB;
        let per = |amount: f64, whole: f64| (mib > 0.0 && whole > 0.0).then(|| amount / whole);
        Self {
            wall_ns_median,
            wall_ns_min: minimum(&walls).unwrap_or(0),
            wall_ns_mad: deviation(&walls).unwrap_or(0),
            user_ns_median: middle(|sample| sample.user_ns),
            system_ns_median: middle(|sample| sample.system_ns),
            mib_per_second: per(mib, wall_ns_median as f64 / 1e9),
            peak_bytes: row.warm_up.peak_bytes,
            minor_faults_median: middle(|sample| sample.minor_faults),
            major_faults_median: middle(|sample| sample.major_faults),
            reads,
            writes,
            other_calls,
            calls_vary: row.samples.iter().any(|sample| calls(&sample.summary) != (reads, writes, other_calls)),
            calls_per_mib: per((reads + writes + other_calls) as f64, mib),
            pool_fresh: summary.pool.fresh,
            pool_reused: summary.pool.reused,
            source_bytes: summary.source_bytes,
            target_bytes: summary.target_bytes,
            ratio: per(summary.source_bytes as f64, summary.target_bytes as f64).filter(|_| job == SweepJob::Gzip),
        }
    }

    /// All calls of one run.
    pub const fn calls(&self) -> u64 {
        self.reads + self.writes + self.other_calls
    }

    /// The deviation of the times as a part of their median: 0.02 is ±2 %.
    pub fn relative_noise(&self) -> f64 {
        if self.wall_ns_median == 0 { 0.0 } else { self.wall_ns_mad as f64 / self.wall_ns_median as f64 }
    }
}

fn calls(summary: &Summary) -> (u64, u64, u64) {
    let of = |kind| summary.syscalls.calls(kind);
    (of(Kind::Read), of(Kind::Write), of(Kind::Other))
}

/// Rates count uncompressed bytes, as people do who compare gzips: what a level saves must not look like slowness.
const fn plain_bytes(job: SweepJob, summary: &Summary) -> u64 {
    match job {
        SweepJob::Copy | SweepJob::Gzip => summary.source_bytes,
        SweepJob::Gunzip => summary.target_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sweep::testing::{row, sample, setting};

    #[test]
    fn runs_boil_down_to_medians_and_one_runs_calls() {
        let mut row = row(setting(64), &[30, 10, 20]);
        row.samples[0].peak_bytes = Some(7);
        row.warm_up.peak_bytes = Some(9);
        let figures = Figures::of(&row);
        assert_eq!(
            (figures.wall_ns_median, figures.wall_ns_min, figures.wall_ns_mad),
            (20_000_000, 10_000_000, 10_000_000)
        );
        assert_eq!((figures.reads, figures.writes, figures.other_calls, figures.calls_vary), (16, 0, 0, false));
        assert_eq!((figures.mib_per_second, figures.calls_per_mib), (Some(50.0), Some(16.0)));
        assert_eq!((figures.peak_bytes, figures.ratio), (Some(9), None));
        assert!((figures.relative_noise() - 0.5).abs() < 1e-9);
        row.samples[1] = sample(10, 17);
        let figures = Figures::of(&row);
        assert_eq!((figures.reads, figures.calls_vary), (16, true), "the median run's calls");
    }

    fn of(job: SweepJob, row: &SweepRow) -> Figures {
        let mut row = row.clone();
        row.setting.job = job;
        Figures::of(&row)
    }

    #[test]
    fn rates_count_uncompressed_bytes() {
        let row = row(setting(64), &[1000]);
        assert_eq!(of(SweepJob::Gzip, &row).mib_per_second, Some(1.0));
        assert_eq!(of(SweepJob::Gunzip, &row).mib_per_second, Some(0.5));
        assert_eq!(of(SweepJob::Gzip, &row).ratio, Some(2.0));
    }

    #[test]
    fn nothing_divides_by_nothing() {
        let mut row = row(setting(64), &[0]);
        row.samples[0].summary = Summary::default();
        let figures = of(SweepJob::Gzip, &row);
        assert_eq!((figures.mib_per_second, figures.calls_per_mib, figures.ratio), (None, None, None));
        assert_eq!(Figures::of(&SweepRow { samples: vec![], ..row }), Figures::default());
    }
}
