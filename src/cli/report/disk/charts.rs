//! Which charts a report has: rates over block sizes and over operations in flight, with the 99th percentile of
//! latencies on the right. What makes no line is drawn as bars.

use std::fmt::Write as _;

use haul::lab::disk::figures::{Middle, counted};
use haul::lab::disk::settings::label;
use haul::outcome::{DiskSample, DiskSetting};
use haul::plan::Flight;

use super::super::html::bars::{Bar, Bars};
use super::super::html::curve::{self, Curve, Point, Value};
use super::super::html::legend::{Sign, legend};
use super::super::html::svg::{Size, escape};
use super::super::numbers::percent;
use super::digest::{DiskDigest, Group};
use super::prose;

/// Fewest sizes or depths that make a line.
const LINE: usize = 3;
const MIB: f64 = 1_048_576.0;
/// IOPS from which on ticks count thousands: longer labels have no room.
const MANY: f64 = 20_000.0;

/// All charts of a report, a section for each group of loads that has one. How long it takes to make a block durable, and
/// how many files are made in a second, are figures of their own, and stand in the table.
pub(super) fn charts(digest: &DiskDigest<'_>) -> String {
    let mut out = String::new();
    for group in [Group::Sequential, Group::Random] {
        let places = digest.places(group);
        if places.is_empty() {
            continue;
        }
        let _ = writeln!(out, "<h2>{}</h2>", escape(&capital(group.name())));
        match Chart::new(digest, group, places) {
            Some(chart) => out.push_str(&chart.draw()),
            None => out.push_str("<p>No run shows what it should yet, so there are no rates to draw.</p>\n"),
        }
    }
    out
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What lies along the x axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Along {
    Blocks,
    Depths,
}

struct Chart<'a> {
    digest: &'a DiskDigest<'a>,
    group: Group,
    /// Positions of rows that something is known of.
    places: Vec<usize>,
    /// What rates are divided by to be drawn.
    unit: f64,
}

impl<'a> Chart<'a> {
    fn new(digest: &'a DiskDigest<'a>, group: Group, mut places: Vec<usize>) -> Option<Self> {
        places.retain(|place| digest.is_known(*place) && digest.figures[*place].operations_per_second.is_some());
        let mut chart = Self { digest, group, places, unit: 1.0 };
        if group == Group::Random && chart.top() >= MANY {
            chart.unit = 1000.0;
        }
        (!chart.places.is_empty()).then_some(chart)
    }

    fn draw(&self) -> String {
        let distinct = |along| {
            let mut values: Vec<u64> = self.places.iter().map(|place| value(&self.setting(*place), along)).collect();
            values.sort_unstable();
            values.dedup();
            values.len()
        };
        let along = match self.group {
            Group::Random => [Along::Depths, Along::Blocks],
            _ => [Along::Blocks, Along::Depths],
        };
        match along.into_iter().find(|along| distinct(*along) >= LINE) {
            Some(along) => self.curves(along),
            None => self.bars(),
        }
    }

    fn setting(&self, place: usize) -> DiskSetting {
        self.digest.report.rows[place].setting
    }

    /// Rates over blocks or depths, a chart for each series.
    fn curves(&self, along: Along) -> String {
        let top = self.top();
        let curves: Vec<Curve> =
            self.series(along).iter().enumerate().map(|(part, places)| self.curve(along, part, places, top)).collect();
        let mut signs = vec![
            (Sign::Line, "median rate".to_owned()),
            (Sign::Interval, self.interval_name()),
            (Sign::Run, "single runs".to_owned()),
            (Sign::Band, format!("within {} of the best of its chart", percent(self.digest.report.within))),
            (Sign::Calls, "latency that 99 of 100 operations keep, axis on the right".to_owned()),
        ];
        if curves.iter().any(|curve| !curve.marks.is_empty()) {
            signs.push((Sign::Mark, "→ the fewest in flight that come so near".to_owned()));
        }
        curve::figures(&curves, &legend(&signs))
    }

    fn curve(&self, along: Along, part: usize, places: &[usize], top: f64) -> Curve {
        let points: Vec<Point> = places.iter().map(|place| self.point(along, *place)).collect();
        let best = points.iter().map(|point| point.y).fold(0.0, f64::max);
        let title = self.series_name(along, places[0]);
        let (x_title, what) = match along {
            Along::Blocks => ("block size, bytes (log₂)", "block sizes"),
            Along::Depths => ("operations in flight (log₂)", "operations in flight"),
        };
        let fastest = self.digest.best(places, |figures| figures.operations_per_second);
        let highest = fastest.and_then(|place| prose::rate(&self.digest.figures[place], self.group));
        let description = format!(
            "Rate over {what} from {} to {}; the highest is {}.",
            points[0].label,
            points[points.len() - 1].label,
            highest.unwrap_or_default()
        );
        let enough = self.digest.shallowest(places).filter(|_| along == Along::Depths);
        let mark = |place: usize| {
            let depth = self.setting(place).depth;
            (depth as f64, format!("→ {depth}"))
        };
        Curve {
            name: format!("chart-{:?}-{part}", self.group).to_lowercase(),
            title,
            description,
            x_title,
            y_title: self.rate_name().to_owned(),
            right_title: "p99 latency, µs (log)",
            top,
            band: (best / (1.0 + self.digest.report.within), best),
            ideal: None,
            marks: enough.map(mark).into_iter().collect(),
            points,
        }
    }

    fn point(&self, along: Along, place: usize) -> Point {
        let setting = self.setting(place);
        let label = match (along, setting.block) {
            (Along::Blocks, Some(block)) => block.to_string(),
            _ => setting.depth.to_string(),
        };
        let figures = &self.digest.figures[place];
        let latency = figures.read_latency.into_iter().chain(figures.write_latency).filter_map(|it| it.p99_ns).max();
        let right = latency.map(|nanoseconds| nanoseconds as f64 / 1000.0);
        Point::new(value(&setting, along) as f64, label, self.value(place), right)
    }

    /// The rate of a row in the unit of the chart.
    fn value(&self, place: usize) -> Value {
        let figures = &self.digest.figures[place];
        let middle = match self.group {
            Group::Sequential => figures.mib_per_second,
            _ => figures.operations_per_second,
        };
        let amount = |sample: &DiskSample| match self.group {
            Group::Sequential => sample.bytes() as f64 / MIB,
            _ => sample.operations as f64,
        };
        let timed = counted(&self.digest.report.rows[place]).into_iter().filter(|sample| sample.run.wall_ns > 0);
        let runs: Vec<f64> = timed.map(|sample| amount(sample) * 1e9 / sample.run.wall_ns as f64 / self.unit).collect();
        let range = runs.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), run| (low.min(*run), high.max(*run)));
        let known = middle.and_then(|middle: Middle| middle.interval);
        let between = known.map_or(range, |interval| (interval.low / self.unit, interval.high / self.unit));
        Value { middle: middle.map_or(0.0, |middle| middle.median) / self.unit, between, runs }
    }

    fn top(&self) -> f64 {
        self.places.iter().map(|place| self.value(*place).top()).fold(0.0, f64::max)
    }

    /// Positions of rows that differ in nothing but what lies along the axis (and in how operations are kept in flight), each
    /// in the order of the axis.
    fn series(&self, along: Along) -> Vec<Vec<usize>> {
        let key = |setting: DiskSetting| match along {
            Along::Blocks => DiskSetting { block: None, flight: Flight::Calls, ..setting },
            Along::Depths => DiskSetting { depth: 0, flight: Flight::Calls, ..setting },
        };
        let mut found: Vec<(DiskSetting, Vec<usize>)> = vec![];
        for place in self.places.iter().copied() {
            let key = key(self.setting(place));
            match found.iter_mut().find(|(other, _)| *other == key) {
                Some((_, places)) => places.push(place),
                None => found.push((key, vec![place])),
            }
        }
        let mut series: Vec<Vec<usize>> = found.into_iter().map(|(_, places)| places).collect();
        for places in &mut series {
            places.sort_by_key(|place| value(&self.setting(*place), along));
        }
        series
    }

    /// What tells a series from the others.
    fn series_name(&self, along: Along, place: usize) -> String {
        let setting = self.setting(place);
        label(&match along {
            Along::Blocks => DiskSetting { block: None, ..setting },
            Along::Depths => DiskSetting { depth: 1, ..setting },
        })
    }

    /// What tells a bar from the others: there is no room for what all of them have.
    fn bar_name(&self, place: usize) -> String {
        let (own, first) = (self.setting(place), self.setting(self.places[0]));
        let is_shared = |same: fn(&DiskSetting, &DiskSetting) -> bool| {
            self.places.len() > 1 && self.places.iter().all(|place| same(&self.setting(*place), &first))
        };
        label(&DiskSetting {
            block: own.block.filter(|_| !is_shared(|one, other| one.block == other.block)),
            access: own.access.filter(|_| !is_shared(|one, other| one.access == other.access)),
            ..own
        })
    }

    const fn rate_name(&self) -> &'static str {
        match self.group {
            Group::Sequential => "MiB/s",
            _ if self.unit > 1.0 => "1000 IOPS",
            _ => "IOPS",
        }
    }

    fn interval_name(&self) -> String {
        let known = self.places.iter().filter_map(|place| self.digest.figures[*place].operations_per_second);
        let has_intervals = known.into_iter().any(|rate| rate.interval.is_some());
        if has_intervals { "95% interval of the median" } else { "from the slowest run to the fastest" }.to_owned()
    }

    /// Rates as bars, in one chart.
    fn bars(&self) -> String {
        let bar = |place: &usize| {
            let value = self.value(*place);
            Bar {
                label: self.bar_name(*place),
                text: prose::rate(&self.digest.figures[*place], self.group).unwrap_or_default(),
                value: value.middle,
                between: value.between,
                runs: value.runs,
                chosen: false,
            }
        };
        let rows: Vec<Bar> = self.places.iter().map(bar).collect();
        let fastest = rows.iter().max_by(|one, other| one.value.total_cmp(&other.value));
        let description =
            fastest.map_or_else(String::new, |bar| format!("The fastest is {}: {}.", bar.label, bar.text));
        let chart = Bars {
            name: format!("chart-{:?}", self.group).to_lowercase(),
            title: "rate of each setting".to_owned(),
            description,
            x_title: self.rate_name().to_owned(),
            top: self.top(),
            band: None,
            rows,
        };
        let signs = [
            (Sign::Bar, "median rate".to_owned()),
            (Sign::Whisker, self.interval_name()),
            (Sign::RunOnBar, "single runs".to_owned()),
        ];
        let drawn: String = Size::BOTH.into_iter().map(|size| chart.draw(size)).collect();
        format!("<figure>\n{drawn}{}</figure>\n", legend(&signs))
    }
}

fn value(setting: &DiskSetting, along: Along) -> u64 {
    match along {
        Along::Blocks => setting.block.map_or(0, |block| block.bytes() as u64),
        Along::Depths => setting.depth as u64,
    }
}
