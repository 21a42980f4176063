//! A setting's runs boiled down to the figures that a report shows.

use serde::Serialize;

use super::verdict::valid;
use crate::calls::Kind;
use crate::measure::interval::{CONFIDENCE, Interval};
use crate::measure::stats::{deviation, median, median_of, median_place, minimum};
use crate::outcome::{Sample, Summary, SweepRow};
use crate::plan::SweepJob;

const MIB: f64 = 1_048_576.0;

/// What the runs of one setting come to. Counts are those of one run, the one with the median time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Runs that did not show what they should. No other figure is of them, unless all of them are such.
    pub runs_invalid: usize,
    /// Middle of the times, ns.
    pub wall_ns_median: u64,
    /// Least of the times, ns.
    pub wall_ns_min: u64,
    /// Greatest of the times, ns.
    pub wall_ns_max: u64,
    /// Median absolute deviation of the times, ns: half of the runs lie this near to the median.
    pub wall_ns_mad: u64,
    /// From where to where the true median lies at 95 %, ns; `None` of fewer than six runs, of which least and greatest
    /// say what there is to say.
    pub wall_ns_interval: Option<(u64, u64)>,
    /// Middle of the times with what `fdatasync` took after each run, ns; `None` unless it was timed in every one.
    pub wall_with_sync_ns_median: Option<u64>,
    /// Middle of the CPU times in user mode, ns.
    pub user_ns_median: u64,
    /// Middle of the CPU times in the kernel, ns.
    pub system_ns_median: u64,
    /// Middle of the CPU times as percent of the time from start to end: 100 is one core. `None` without any time.
    pub cpu_percent: Option<f64>,
    /// Uncompressed MiB per second at the median time; `None` for an empty source.
    pub mib_per_second: Option<f64>,
    /// Most memory resident at any moment of the warm-up run, bytes; `None` where the kernel does not tell.
    pub peak_bytes: Option<u64>,
    /// Middle of the page faults served without the disk.
    pub minor_faults_median: u64,
    /// Middle of the page faults that waited for the disk.
    pub major_faults_median: u64,
    /// Middle of the times a thread gave up its core to wait for something.
    pub voluntary_switches_median: u64,
    /// Middle of the times a thread's core was taken away.
    pub involuntary_switches_median: u64,
    /// Middle of the bytes that storage was asked for; `None` where the kernel does not tell.
    pub disk_read_bytes_median: Option<u64>,
    /// Times the allocator was asked for memory in the warm-up run; `None` where that is not counted.
    pub allocations: Option<u64>,
    /// Bytes it was asked for then.
    pub allocated_bytes: Option<u64>,
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
    /// Buffers that were allocated beyond the pool's size.
    pub pool_overflowed: u64,
    /// Times somebody had to wait for a buffer.
    pub pool_waited: u64,
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
        let runs = counted(row);
        let list = |field: fn(&Sample) -> u64| runs.iter().copied().map(field).collect::<Vec<_>>();
        let middle = |field: fn(&Sample) -> u64| median(&list(field)).unwrap_or(0);
        // Of what not every run tells there is no middle.
        let known = |field: fn(&Sample) -> Option<u64>| {
            runs.iter().copied().map(field).collect::<Option<Vec<_>>>().and_then(|values| median(&values))
        };
        let walls = list(|sample| sample.wall_ns);
        let Some(place) = median_place(&walls) else { return Self::default() };
        let summary = &runs[place].summary;
        let (reads, writes, other_calls) = calls(summary);
        let wall_ns_median = middle(|sample| sample.wall_ns);
        let mib = plain_bytes(job, summary) as f64 / MIB;
        let per = |amount: f64, whole: f64| (mib > 0.0 && whole > 0.0).then(|| amount / whole);
        Self {
            runs_invalid: row.samples.len() - valid(&row.samples).count(),
            wall_ns_median,
            wall_ns_min: minimum(&walls).unwrap_or(0),
            wall_ns_max: walls.iter().copied().max().unwrap_or(0),
            wall_ns_mad: deviation(&walls).unwrap_or(0),
            wall_ns_interval: interval(&walls),
            wall_with_sync_ns_median: known(|sample| Some(sample.wall_ns.saturating_add(sample.sync_ns?))),
            user_ns_median: middle(|sample| sample.user_ns),
            system_ns_median: middle(|sample| sample.system_ns),
            cpu_percent: cpu_percent(&runs),
            mib_per_second: per(mib, wall_ns_median as f64 / 1e9),
            peak_bytes: row.warm_up.peak_bytes,
            minor_faults_median: middle(|sample| sample.minor_faults),
            major_faults_median: middle(|sample| sample.major_faults),
            voluntary_switches_median: middle(|sample| sample.voluntary_switches),
            involuntary_switches_median: middle(|sample| sample.involuntary_switches),
            disk_read_bytes_median: known(|sample| sample.disk_read_bytes),
            allocations: row.allocations.map(|asked| asked.count),
            allocated_bytes: row.allocations.map(|asked| asked.bytes),
            reads,
            writes,
            other_calls,
            calls_vary: runs.iter().any(|sample| calls(&sample.summary) != (reads, writes, other_calls)),
            calls_per_mib: per((reads + writes + other_calls) as f64, mib),
            pool_fresh: summary.pool.fresh,
            pool_reused: summary.pool.reused,
            pool_overflowed: summary.pool.overflowed,
            pool_waited: summary.pool.waited,
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

/// The runs whose figures count: those that showed what they should, or all of them if none did (reports mark these).
fn counted(row: &SweepRow) -> Vec<&Sample> {
    let counted: Vec<&Sample> = valid(&row.samples).collect();
    if counted.is_empty() { row.samples.iter().collect() } else { counted }
}

/// Whole nanoseconds: 2^53 of them are a hundred days.
fn interval(walls: &[u64]) -> Option<(u64, u64)> {
    let walls: Vec<f64> = walls.iter().map(|wall| *wall as f64).collect();
    Interval::of_median(&walls, CONFIDENCE).map(|interval| (interval.low as u64, interval.high as u64))
}

fn cpu_percent(samples: &[&Sample]) -> Option<f64> {
    let timed = samples.iter().filter(|sample| sample.wall_ns > 0);
    let busy = timed.map(|sample| (sample.user_ns + sample.system_ns) as f64 / sample.wall_ns as f64 * 100.0);
    median_of(&busy.collect::<Vec<_>>())
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
    use crate::lab::sweep::testing::{row, sample, setting};

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

    #[test]
    fn runs_that_show_something_else_count_for_nothing() {
        let rest = row(setting(64), &[30, 10, 20, 60, 50, 40]);
        let mut all = row(setting(64), &[30, 10, 20, 9000, 60, 50, 40]);
        all.samples[3] = Sample { invalid: Some("it was warm".to_owned()), user_ns: 9, ..sample(9000, 17) };
        assert_eq!(Figures::of(&all), Figures { runs_invalid: 1, ..Figures::of(&rest) });
        all.samples.iter_mut().for_each(|sample| sample.invalid = Some("it was warm".to_owned()));
        let figures = Figures::of(&all);
        assert_eq!((figures.runs_invalid, figures.wall_ns_max), (7, 9_000_000_000), "there are no others");
    }

    #[test]
    fn an_interval_takes_six_runs() {
        assert_eq!(Figures::of(&row(setting(64), &[30, 10, 20, 60, 50])).wall_ns_interval, None);
        let figures = Figures::of(&row(setting(64), &[30, 10, 20, 60, 50, 40]));
        assert_eq!(figures.wall_ns_interval, Some((10_000_000, 60_000_000)));
        assert_eq!(figures.wall_ns_max, 60_000_000);
    }

    #[test]
    fn what_one_run_does_not_tell_has_no_middle() {
        let mut row = row(setting(64), &[30, 10, 20]);
        for (sample, (sync_ms, cpu_ms)) in row.samples.iter_mut().zip([(5, 15), (100, 20), (1, 10)]) {
            sample.sync_ns = Some(sync_ms * 1_000_000);
            (sample.user_ns, sample.system_ns) = (cpu_ms * 900_000, cpu_ms * 100_000);
            sample.disk_read_bytes = Some(sync_ms);
            (sample.voluntary_switches, sample.involuntary_switches) = (sync_ms, cpu_ms);
        }
        row.samples[2].summary.pool.waited = 7;
        row.allocations = Some(crate::outcome::Allocations { count: 3, bytes: 4, peak_bytes: 5 });
        let figures = Figures::of(&row);
        assert_eq!(figures.wall_with_sync_ns_median, Some(35_000_000), "of the sums, not the sum of medians");
        assert_eq!(figures.cpu_percent, Some(50.0));
        assert_eq!((figures.disk_read_bytes_median, figures.pool_waited), (Some(5), 7));
        assert_eq!((figures.voluntary_switches_median, figures.involuntary_switches_median), (5, 15));
        assert_eq!((figures.allocations, figures.allocated_bytes), (Some(3), Some(4)));
        row.samples[1].sync_ns = None;
        row.samples[1].disk_read_bytes = None;
        let figures = Figures::of(&row);
        assert_eq!((figures.wall_with_sync_ns_median, figures.disk_read_bytes_median), (None, None));
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
