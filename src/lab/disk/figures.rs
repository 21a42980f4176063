//! A setting's runs boiled down to the figures that a report shows.

use serde::Serialize;

use crate::measure::interval::{CONFIDENCE, Interval};
use crate::measure::stats::median_of;
use crate::measure::steady::steadiness;
use crate::outcome::{DiskRow, DiskSample, Latency, Steadiness};

const MIB: f64 = 1_048_576.0;

/// The middle of a figure over the runs, and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Middle {
    /// The median.
    pub median: f64,
    /// Where the true median lies at 95 %; `None` of fewer than six runs.
    pub interval: Option<Interval>,
    /// The median absolute deviation: half of the runs lie this near to the median.
    pub deviation: f64,
}

impl Middle {
    /// Of some values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let median = median_of(values)?;
        let away: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        Some(Self {
            median,
            interval: Interval::of_median(values, CONFIDENCE),
            deviation: median_of(&away).unwrap_or_default(),
        })
    }
}

/// The fewest operations of which one in a hundred can be told.
const FEWEST_FOR_P99: u64 = 100;
/// The same of one in a thousand.
const FEWEST_FOR_P999: u64 = 1000;

/// How long the operations of a setting took, ns, as far as there were enough of them to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ShownLatency {
    /// The median of the runs' medians: fast runs have more operations, and weigh no more for it.
    pub p50_ns: u64,
    /// 99 of a hundred of all operations took no longer; `None` of fewer.
    pub p99_ns: Option<u64>,
    /// 999 of a thousand of all operations took no longer; `None` of fewer.
    pub p999_ns: Option<u64>,
    /// The longest of all operations.
    pub max_ns: u64,
}

impl ShownLatency {
    /// Of runs, and of all their operations together; `None` where there were none.
    fn of(runs: &[f64], all: Option<Latency>) -> Option<Self> {
        let (p50, all) = (median_of(runs)?, all?);
        Some(Self {
            p50_ns: p50.round() as u64,
            p99_ns: (all.operations >= FEWEST_FOR_P99).then_some(all.p99_ns),
            p999_ns: (all.operations >= FEWEST_FOR_P999).then_some(all.p999_ns),
            max_ns: all.max_ns,
        })
    }
}

/// What the runs of one setting come to. What is not known of every run, or makes no sense, is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DiskFigures {
    /// Runs.
    pub runs: usize,
    /// Runs that did not show what they should. No other figure is of them, unless all runs are such: then rates and costs
    /// are theirs, for programs that want them; tables, headlines and bars leave such a setting out, and it has no
    /// latencies.
    pub runs_invalid: usize,
    /// Time from one operation's end to the next one's, ns: of several in flight that is less than each takes.
    pub ns_per_operation: Option<Middle>,
    /// Operations a second.
    pub operations_per_second: Option<Middle>,
    /// MiB a second, read and written together; `None` of loads of files.
    pub mib_per_second: Option<Middle>,
    /// How long reads took; of loads of files, the operations.
    pub read_latency: Option<ShownLatency>,
    /// How long writes took.
    pub write_latency: Option<ShownLatency>,
    /// CPU time as percent of the time: 100 is one core.
    pub cpu_percent: Option<f64>,
    /// CPU time of an operation, ns, in user mode and in the kernel, as far as it is this process's.
    pub cpu_ns_per_operation: Option<f64>,
    /// System calls of an operation.
    pub calls_per_operation: Option<f64>,
    /// Whether the rates of the rounds settled; `None` of fewer than five.
    pub steadiness: Option<Steadiness>,
}

impl DiskFigures {
    /// The figures of a row; nothing if it has no samples.
    pub fn of(row: &DiskRow) -> Self {
        let runs = counted(row);
        let list = |field: fn(&DiskSample) -> Option<f64>| -> Vec<f64> {
            runs.iter().filter_map(|sample| field(sample)).collect()
        };
        let middle = |field: fn(&DiskSample) -> Option<f64>| Middle::of(&list(field));
        let rates = list(rate);
        Self {
            runs: row.samples.len(),
            runs_invalid: row.samples.len() - valid(&row.samples).count(),
            ns_per_operation: middle(|sample| per_operation(sample, sample.run.wall_ns as f64)),
            operations_per_second: Middle::of(&rates),
            mib_per_second: middle(|sample| {
                let bytes = sample.bytes();
                (bytes > 0 && sample.run.wall_ns > 0).then(|| bytes as f64 / MIB * 1e9 / sample.run.wall_ns as f64)
            }),
            read_latency: ShownLatency::of(&list(|sample| median_ns(sample.read_latency)), row.read_latency),
            write_latency: ShownLatency::of(&list(|sample| median_ns(sample.write_latency)), row.write_latency),
            cpu_percent: median_of(&list(|sample| {
                (sample.run.wall_ns > 0).then(|| cpu_ns(sample) / sample.run.wall_ns as f64 * 100.0)
            })),
            cpu_ns_per_operation: median_of(&list(|sample| per_operation(sample, cpu_ns(sample)))),
            calls_per_operation: median_of(&list(|sample| {
                per_operation(sample, sample.run.summary.syscalls.total() as f64)
            })),
            steadiness: steadiness(&rates),
        }
    }
}

/// What reports compare: whole ps, which still tell apart operations of a few ns.
pub(crate) fn picoseconds_per_operation(sample: &DiskSample) -> u64 {
    let picoseconds = u128::from(sample.run.wall_ns) * 1000 / u128::from(sample.operations.max(1));
    u64::try_from(picoseconds).unwrap_or(u64::MAX)
}

/// The runs that showed what they should.
pub fn valid(samples: &[DiskSample]) -> impl Iterator<Item = &DiskSample> {
    samples.iter().filter(|sample| sample.run.invalid.is_none())
}

/// The runs whose figures count: those that showed what they should, or all of them if none did (reports mark these).
pub fn counted(row: &DiskRow) -> Vec<&DiskSample> {
    let counted: Vec<&DiskSample> = valid(&row.samples).collect();
    if counted.is_empty() { row.samples.iter().collect() } else { counted }
}

fn rate(sample: &DiskSample) -> Option<f64> {
    (sample.run.wall_ns > 0).then(|| sample.operations as f64 * 1e9 / sample.run.wall_ns as f64)
}

fn median_ns(latency: Option<Latency>) -> Option<f64> {
    latency.map(|latency| latency.p50_ns as f64)
}

const fn cpu_ns(sample: &DiskSample) -> f64 {
    (sample.run.user_ns + sample.run.system_ns) as f64
}

fn per_operation(sample: &DiskSample, amount: f64) -> Option<f64> {
    (sample.operations > 0).then(|| amount / sample.operations as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{Call, Ending};
    use crate::lab::disk::testing::{row, setting};
    use crate::outcome::Sample;
    use crate::plan::{Access, Load};

    fn of(microseconds: &[u64]) -> DiskRow {
        row(setting(Load::Read, Access::Direct), microseconds)
    }

    fn median(middle: Option<Middle>) -> f64 {
        middle.unwrap().median
    }

    #[test]
    fn runs_boil_down_to_medians_with_intervals() {
        let figures = DiskFigures::of(&of(&[30, 10, 20, 60, 50, 40]));
        assert_eq!((figures.runs, figures.runs_invalid), (6, 0));
        let time = figures.ns_per_operation.unwrap();
        assert_eq!(
            time,
            Middle {
                median: 35_000.0,
                interval: Some(Interval { low: 10_000.0, high: 60_000.0 }),
                deviation: 15_000.0
            }
        );
        let one = DiskFigures::of(&of(&[100]));
        assert_eq!(median(one.operations_per_second).round() as u64, 10_000);
        assert_eq!((median(one.mib_per_second) * 100.0).round() as u64, 3906);
        assert!(one.ns_per_operation.unwrap().interval.is_none() && one.steadiness.is_none());
    }

    #[test]
    fn what_an_operation_costs() {
        let mut row = of(&[100]);
        let run = &mut row.samples[0].run;
        (run.user_ns, run.system_ns) = (10_000_000, 40_000_000);
        for _ in 0..1500 {
            run.summary.syscalls.record(Call::Pread, 4096, Ending::Moved(4096));
        }
        let figures = DiskFigures::of(&row);
        let shown = (figures.cpu_percent, figures.cpu_ns_per_operation, figures.calls_per_operation);
        assert_eq!(shown, (Some(50.0), Some(50_000.0), Some(1.5)));
        assert_eq!(picoseconds_per_operation(&row.samples[0]), 100_000_000);
    }

    #[test]
    fn runs_that_show_something_else_count_for_nothing_unless_there_are_no_others() {
        let mut row = of(&[10, 900, 20, 30]);
        row.samples[1].run.invalid = Some("it was warm".to_owned());
        let figures = DiskFigures::of(&row);
        assert_eq!((figures.runs_invalid, median(figures.ns_per_operation)), (1, 20_000.0));
        row.samples.iter_mut().for_each(|sample| sample.run.invalid = Some("it was warm".to_owned()));
        assert!((median(DiskFigures::of(&row).ns_per_operation) - 25_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_fast_run_weighs_no_more_and_rare_times_take_many_operations() {
        let latency =
            |operations, p50_ns| Latency { operations, p50_ns, p99_ns: 99, p999_ns: 999, max_ns: 5, mean_ns: 1 };
        let mut row = of(&[10, 20, 30, 40]);
        for (sample, p50_ns) in row.samples.iter_mut().zip([100, 300, 200, 900]) {
            sample.write_latency = Some(latency(1, p50_ns));
        }
        row.samples[3].run.invalid = Some("it was warm".to_owned());
        for (operations, p99_ns, p999_ns) in [
            (3, None, None),
            (99, None, None),
            (100, Some(99), None),
            (999, Some(99), None),
            (1000, Some(99), Some(999)),
        ] {
            row.write_latency = Some(latency(operations, 777));
            let figures = DiskFigures::of(&row);
            let expected = ShownLatency { p50_ns: 200, p99_ns, p999_ns, max_ns: 5 };
            assert_eq!((figures.read_latency, figures.write_latency), (None, Some(expected)));
        }
        row.write_latency = None;
        assert_eq!(DiskFigures::of(&row).write_latency, None);
    }

    #[test]
    fn a_trend_over_the_rounds_is_seen() {
        let is_steady = |runs: &[u64]| DiskFigures::of(&of(runs)).steadiness.unwrap().is_steady;
        assert!(is_steady(&[100, 101, 99, 100, 102]) && !is_steady(&[100, 110, 120, 130, 140]));
    }

    #[test]
    fn nothing_divides_by_nothing() {
        let setting = setting(Load::Read, Access::Direct);
        assert_eq!(DiskFigures::of(&DiskRow::new(setting)), DiskFigures::default());
        let nothing = DiskRow { samples: vec![DiskSample::default()], ..DiskRow::new(setting) };
        assert_eq!(DiskFigures::of(&nothing), DiskFigures { runs: 1, ..DiskFigures::default() });
        let endless = DiskSample { run: Sample { wall_ns: u64::MAX, ..Sample::default() }, ..DiskSample::default() };
        assert_eq!(picoseconds_per_operation(&endless), u64::MAX);
    }
}
