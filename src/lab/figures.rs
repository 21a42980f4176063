//! The runs of a setting summed up: the median of each metric, and how well it is known.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::metric::{Metric, Number, Unit};
use super::report::{Latency, Row};
use super::stats::interval::{CONFIDENCE, Interval};
use super::stats::median_of;

/// The fewest operations of which one in a hundred can be told.
const FEWEST_FOR_P99: u64 = 100;
/// The same of one in a thousand.
const FEWEST_FOR_P999: u64 = 1000;

/// One metric over all runs that count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle.
    pub median: f64,
    /// Where the true median lies at 95 %; `None` of fewer than six runs, of which least and greatest say what there is
    /// to say.
    pub interval: Option<Interval>,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The median absolute deviation: half of the runs lie this near to the median.
    pub mad: f64,
}

impl Spread {
    /// Of some values; `None` of none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let median = median_of(values)?;
        let away: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        Some(Self {
            median,
            interval: Interval::of_median(values, CONFIDENCE),
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mad: median_of(&away).unwrap_or_default(),
        })
    }

    /// Of what is known of all runs together.
    const fn single(value: f64) -> Self {
        Self { median: value, interval: None, min: value, max: value, mad: 0.0 }
    }

    /// Whether runs differ in it.
    pub fn varies(&self) -> bool {
        self.min < self.max
    }

    /// Its interval or, of too few runs, from the least to the greatest.
    pub fn ends(&self) -> (f64, f64) {
        self.interval.map_or((self.min, self.max), |interval| (interval.low, interval.high))
    }
}

/// What the runs of one setting come to. What is not known of every run that counts is left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Runs.
    pub runs: usize,
    /// Runs that did not show what they should. No figure is of them, unless all runs are such.
    pub runs_invalid: usize,
    /// Runs in which the kernel counted what we did; `None` where it showed nothing for any.
    pub runs_reconciled: Option<usize>,
    spreads: BTreeMap<Metric, Spread>,
}

impl Figures {
    /// The figures of a row; none if it has no samples.
    pub fn of(row: &Row) -> Self {
        let runs = row.counted();
        let unexplained: Vec<_> = row.samples.iter().filter_map(super::report::Sample::unexplained).collect();
        let mut spreads = BTreeMap::new();
        for metric in Metric::ALL {
            let values: Option<Vec<f64>> = runs.iter().map(|sample| row.value(sample, *metric)).collect();
            spreads.extend(values.and_then(|values| Spread::of(&values)).map(|spread| (*metric, spread)));
        }
        if !runs.is_empty() {
            let of_warm_up = row.warm_up.metrics.iter().map(|(metric, value)| (metric, Spread::single(value)));
            spreads.extend(of_warm_up);
            spreads.extend(latency(row.read_latency, READ));
            spreads.extend(latency(row.write_latency, WRITE));
            if let Some(files) = row.file_latency {
                spreads.insert(Metric::FileP50, Spread::single(files.p50_ns as f64));
                spreads.insert(Metric::FileP99, Spread::single(files.p99_ns as f64));
            }
        }
        Self {
            runs: row.samples.len(),
            runs_invalid: row.samples.len() - row.valid().count(),
            runs_reconciled: (!unexplained.is_empty())
                .then(|| unexplained.iter().filter(|both| **both == (0, 0)).count()),
            spreads,
        }
    }

    /// A metric over all runs that count.
    pub fn get(&self, metric: Metric) -> Option<Spread> {
        self.spreads.get(&metric).copied()
    }

    /// The median of a metric.
    pub fn median(&self, metric: Metric) -> Option<f64> {
        self.get(metric).map(|spread| spread.median)
    }

    /// Whether some run shows what it should: else figures are of something else.
    pub const fn is_known(&self) -> bool {
        self.runs > self.runs_invalid
    }
}

const READ: [Metric; 4] = [Metric::ReadMean, Metric::ReadP99, Metric::ReadP999, Metric::ReadMax];
const WRITE: [Metric; 4] = [Metric::WriteMean, Metric::WriteP99, Metric::WriteP999, Metric::WriteMax];

/// What all operations together say, as far as there are enough of them to tell.
fn latency(all: Option<Latency>, [mean, p99, p999, max]: [Metric; 4]) -> Vec<(Metric, Spread)> {
    let Some(all) = all else { return vec![] };
    let mut known = vec![(mean, all.mean_ns), (max, all.max_ns)];
    known.extend((all.operations >= FEWEST_FOR_P99).then_some((p99, all.p99_ns)));
    known.extend((all.operations >= FEWEST_FOR_P999).then_some((p999, all.p999_ns)));
    known.into_iter().map(|(metric, time)| (metric, Spread::single(time as f64))).collect()
}

impl Serialize for Figures {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("runs", &self.runs)?;
        map.serialize_entry("runs_invalid", &self.runs_invalid)?;
        map.serialize_entry("runs_reconciled", &self.runs_reconciled)?;
        for (metric, spread) in &self.spreads {
            map.serialize_entry(metric.key(), &Entry(metric.unit(), spread))?;
        }
        map.end()
    }
}

/// A spread in the unit of its metric.
struct Entry<'a>(Unit, &'a Spread);

impl Serialize for Entry<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(unit, spread) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("median", &Number(*unit, spread.median))?;
        let ends = spread.interval.map(|interval| (interval.low, interval.high));
        map.serialize_entry("low", &ends.map(|(low, _)| Number(*unit, low)))?;
        map.serialize_entry("high", &ends.map(|(_, high)| Number(*unit, high)))?;
        map.serialize_entry("min", &Number(*unit, spread.min))?;
        map.serialize_entry("max", &Number(*unit, spread.max))?;
        map.serialize_entry("mad", &Number(*unit, spread.mad))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::report::{Sample, WarmUp};
    use crate::lab::setting::{Axis, Setting};

    fn sample(wall_ns: u64) -> Sample {
        let mut sample = Sample { wall_ns, ..Sample::default() };
        sample.metrics.count(Metric::SourceBytes, 1 << 20);
        sample
    }

    #[test]
    fn figures_are_medians_of_the_runs_that_count() {
        let setting = Setting::default().with(Axis::Job, "copy");
        let invalid = Sample { invalid: Some("why".to_owned()), ..sample(9999) };
        let mut row = Row { samples: vec![sample(10), sample(30), sample(20), invalid], ..Row::new(setting) };
        row.warm_up = WarmUp { metrics: [(Metric::Peak, 7.0)].into_iter().collect(), ..WarmUp::default() };
        let figures = Figures::of(&row);
        assert_eq!((figures.runs, figures.runs_invalid, figures.is_known()), (4, 1, true));
        let wall = figures.get(Metric::Wall).unwrap();
        assert_eq!((wall.median, wall.min, wall.max, wall.mad, wall.interval), (20.0, 10.0, 30.0, 10.0, None));
        assert_eq!((figures.median(Metric::Peak), figures.median(Metric::Sync)), (Some(7.0), None));
        row.samples.drain(..3);
        let figures = Figures::of(&row);
        assert_eq!((figures.is_known(), figures.median(Metric::Wall)), (false, Some(9999.0)));
        row.samples.clear();
        assert_eq!(Figures::of(&row), Figures::default());
    }

    #[test]
    fn of_few_operations_no_rare_ones_are_told() {
        let all = Latency { operations: 500, p50_ns: 1, p99_ns: 2, p999_ns: 3, max_ns: 4, mean_ns: 1 };
        let row = Row { samples: vec![sample(1)], read_latency: Some(all), ..Row::default() };
        let figures = Figures::of(&row);
        assert_eq!((figures.median(Metric::ReadP99), figures.median(Metric::ReadP999)), (Some(2.0), None));
        let text = serde_json::to_value(&figures).unwrap();
        assert_eq!(text["read_max_ns"]["median"], 4);
        assert_eq!(text["wall_ns"]["low"], serde_json::Value::Null);
    }
}
