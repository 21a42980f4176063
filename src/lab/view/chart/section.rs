//! Which rows of a report share a chart, and what is drawn of them.

use std::collections::{BTreeMap, BTreeSet};

use super::bars::{Bar, Bars};
use super::curve::{Curve, Point, Value};
use super::timeline::{Lane, Moment};
use crate::lab::figures::Figures;
use crate::lab::metric::Metric;
use crate::lab::plan::{SweepJob, TableName};
use crate::lab::report::{Rank, Report, Row, Sample};
use crate::lab::setting::{Axis, Setting, split};
use crate::lab::subject::disk::plan::Load;
use crate::lab::timeline;
use crate::lab::verdict::Verdict;
use crate::lab::verdict::groups::{middle, paired};
use crate::lab::verdict::summary::knees;
use crate::lab::view::numbers::{count, duration, percent, three_digits, times};

/// Fewest sizes or counts that make a line.
const LINE: usize = 3;
/// Operations a second from which on ticks count thousands: longer labels have no room.
const MANY: f64 = 20_000.0;

/// What rows do: those that do the same have the same unit, and lie on the same scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Job,
    Sequential,
    Random,
    Durable,
    Files,
}

impl Kind {
    fn of(setting: &Setting) -> Self {
        match setting.named(Axis::Load) {
            None => Self::Job,
            Some(Load::Read | Load::Write) => Self::Sequential,
            Some(Load::RandomRead | Load::RandomWrite | Load::Mixed) => Self::Random,
            Some(Load::Sync) => Self::Durable,
            Some(Load::Create | Load::Stat | Load::Remove) => Self::Files,
        }
    }

    /// `None` where what is fixed among the rows says it.
    const fn heading(self) -> Option<&'static str> {
        match self {
            Self::Job => None,
            Self::Sequential => Some("Sequential: blocks one after the other"),
            Self::Random => Some("Random: blocks anywhere"),
            Self::Durable => Some("Durable: a block written and fdatasync, one after the other"),
            Self::Files => Some("Empty files in one directory"),
        }
    }

    /// What may lie along the x axis; the first that has enough values does.
    const fn axes(self) -> [Axis; 2] {
        match self {
            Self::Job => [Axis::Buffer, Axis::Workers],
            Self::Random => [Axis::Depth, Axis::Block],
            Self::Sequential | Self::Durable | Self::Files => [Axis::Block, Axis::Depth],
        }
    }

    const fn metric(self) -> Metric {
        match self {
            Self::Job | Self::Sequential => Metric::MibPerSecond,
            Self::Random | Self::Durable | Self::Files => Metric::OperationsPerSecond,
        }
    }
}

/// Rows that are drawn together.
pub(super) struct Section<'a> {
    pub(super) report: &'a Report,
    verdicts: &'a [Verdict],
    /// Unique on the page.
    pub(super) name: String,
    /// What tells it from the other sections; `None` if it is the only one.
    pub(super) heading: Option<String>,
    kind: Kind,
    /// What varies among its rows.
    varying: Vec<Axis>,
    /// What is drawn of the rows that have a run that shows what it should, by their indexes in the report.
    pub(super) values: BTreeMap<usize, Value>,
    /// What rates are divided by to be drawn.
    unit: f64,
}

/// The sections of a report, in its order: settings that answer the same question, whatever their levels are, or loads of a
/// kind.
pub(super) fn sections<'a>(report: &'a Report, verdicts: &'a [Verdict]) -> Vec<Section<'a>> {
    let key = |row: usize| {
        let setting = &report.rows[row].setting;
        let question = [Axis::Level, Axis::Load, Axis::Access].into_iter().fold(setting.question(), Setting::without);
        (Kind::of(setting), question)
    };
    let (varying_at_all, _) = report.axes();
    let groups = grouped(0..report.rows.len(), key);
    let several = groups.len() > 1;
    let section = |(number, rows): (usize, Vec<usize>)| {
        let (kind, _) = key(rows[0]);
        let (varying, fixed) = split(rows.iter().map(|row| &report.rows[*row].setting));
        let told = fixed.into_iter().filter(|axis| varying_at_all.contains(axis));
        let told: Vec<String> = told.filter_map(|axis| report.rows[rows[0]].setting.phrase(axis)).collect();
        let heading = kind.heading().map(str::to_owned).or_else(|| several.then(|| told.join(", ")));
        let value = |row: usize| Some((row, Value::of(runs(report, kind, &report.rows[row])?)?));
        let mut values: BTreeMap<usize, Value> = rows.into_iter().filter_map(value).collect();
        let top = values.values().map(Value::top).fold(0.0, f64::max);
        let unit = if kind.metric() == Metric::OperationsPerSecond && top >= MANY { 1000.0 } else { 1.0 };
        for value in values.values_mut() {
            value.divide(unit);
        }
        let name = format!("chart-{number}");
        Section { report, verdicts, name, heading, kind, varying, values, unit }
    };
    groups.into_iter().enumerate().map(section).collect()
}

/// What is drawn of each run that shows what it should; `None` where there is nothing to be drawn of some.
fn runs(report: &Report, kind: Kind, row: &Row) -> Option<Vec<f64>> {
    let rate = |sample: &Sample| {
        let rate = row.value(sample, kind.metric())?;
        match report.rank {
            // What settings are ranked by takes longer than the job alone.
            Rank::Durable => Some(rate * sample.wall_ns as f64 / Rank::Durable.cost(sample)? as f64),
            Rank::Wall | Rank::Operation => Some(rate),
        }
    };
    row.valid().map(rate).collect()
}

/// Indexes with the same key, in the order in which they begin.
fn grouped<K: PartialEq>(rows: impl Iterator<Item = usize>, key: impl Fn(usize) -> K) -> Vec<Vec<usize>> {
    let mut found: Vec<(K, Vec<usize>)> = vec![];
    for row in rows {
        let key = key(row);
        match found.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => found.push((key, vec![row])),
        }
    }
    found.into_iter().map(|(_, rows)| rows).collect()
}

impl Section<'_> {
    fn row(&self, row: usize) -> &Row {
        &self.report.rows[row]
    }

    fn number(&self, row: usize, axis: Axis) -> Option<u64> {
        self.row(row).setting.number(axis)
    }

    pub(super) fn cores(&self) -> usize {
        self.report.machine.cores.max(1)
    }

    /// What lies along the x axis: an axis on which every row has a number; `None` where bars are drawn.
    pub(super) fn along(&self) -> Option<Axis> {
        let distinct = |axis| {
            let numbers: Option<BTreeSet<u64>> = self.values.keys().map(|row| self.number(*row, axis)).collect();
            numbers.map_or(0, |numbers| numbers.len())
        };
        match self.report.table {
            Some(TableName::Pool | TableName::Models | TableName::Ladder) => None,
            Some(TableName::Workers) if distinct(Axis::Workers) > 1 => Some(Axis::Workers),
            _ => self.kind.axes().into_iter().find(|axis| distinct(*axis) >= LINE),
        }
    }

    /// Rows that differ in nothing but what lies along the axis (and in how operations are kept in flight), each in the order
    /// of the axis.
    pub(super) fn series(&self, along: Axis) -> Vec<Vec<usize>> {
        let key = |row: usize| self.row(row).setting.clone().without(along).without(Axis::Backend);
        let mut series = grouped(self.values.keys().copied(), key);
        for rows in &mut series {
            rows.sort_by_key(|row| self.number(*row, along));
        }
        series
    }

    /// What tells a series from the others, without what varies along the x axis.
    pub(super) fn series_name(&self, along: Axis, row: usize, several: bool) -> String {
        let setting = self.row(row).setting.clone().without(along);
        match (self.kind, along) {
            (Kind::Job, _) if several => {
                let phrases = self.varying.iter().filter_map(|axis| setting.phrase(*axis));
                phrases.collect::<Vec<_>>().join(", ")
            }
            (Kind::Job, Axis::Workers) => "speed-up by workers".to_owned(),
            (Kind::Job, _) => "speed by buffer size".to_owned(),
            _ => setting.label(&[]),
        }
    }

    /// The points of a series; those of which nothing is known are left out.
    pub(super) fn points(&self, along: Axis, rows: &[usize]) -> Vec<Point> {
        let point = |row: &usize| {
            let setting = &self.row(*row).setting;
            let y = match along {
                Axis::Workers => self.speedup(rows[0], *row)?,
                _ => self.values.get(row)?.clone(),
            };
            Some(Point {
                x: setting.number(along)? as f64,
                label: setting.text(along),
                y,
                right: self.right(along, *row),
            })
        };
        rows.iter().filter_map(point).collect()
    }

    /// How many times faster a row is than another, round by round: [`speedup`](crate::lab::verdict::speedup) with all rounds.
    fn speedup(&self, base: usize, row: usize) -> Option<Value> {
        let (base, row) = paired(self.report, &self.row(base).samples, &self.row(row).samples);
        Value::of(base.iter().zip(&row).map(|(base, row)| *base as f64 / *row as f64).collect())
    }

    /// What the axis on the right measures: how many calls a buffer takes, or how long operations take, µs.
    fn right(&self, along: Axis, row: usize) -> Option<f64> {
        let figures = Figures::of(self.row(row));
        match along {
            Axis::Workers => None,
            Axis::Buffer => figures.median(Metric::CallsPerMib),
            _ => {
                let longest =
                    [Metric::ReadP99, Metric::WriteP99].into_iter().filter_map(|metric| figures.median(metric));
                longest.max_by(f64::total_cmp).map(|nanoseconds| nanoseconds / 1000.0)
            }
        }
    }

    pub(super) fn curve(
        &self,
        along: Axis,
        (name, title): (String, String),
        rows: &[usize],
        points: Vec<Point>,
        top: f64,
    ) -> Curve {
        let (x_title, right_title) = match along {
            Axis::Buffer => ("buffer size, bytes (log₂)", "calls per MiB (log)"),
            Axis::Workers => ("workers (log₂)", ""),
            Axis::Depth => ("operations in flight (log₂)", "p99 latency, µs (log)"),
            _ => ("block size, bytes (log₂)", "p99 latency, µs (log)"),
        };
        let (first, last) = (&points[0], &points[points.len() - 1]);
        let fastest = points.iter().max_by(|one, other| one.y.middle.total_cmp(&other.y.middle)).unwrap_or(first);
        let best = fastest.y.middle;
        let (y_title, highest) = if along == Axis::Workers {
            (format!("speed-up over {}", count(first.x as u64, "worker")), times(best))
        } else {
            (self.unit_name(), self.text(best))
        };
        let description = format!(
            "{y_title}, over {x_title} from {} to {}; the highest is {highest} at {}.",
            first.label, last.label, fastest.label
        );
        let limit = (self.cores() as f64 / first.x).max(1.0);
        let ideal = (along == Axis::Workers).then_some(limit);
        let top = if ideal.is_some() { top.max(limit.min(last.x / first.x)) } else { top };
        // A buffer is chosen among those of all series; more workers or a deeper queue are news beside their own alone.
        let best = if along == Axis::Buffer { self.best_of_rivals(rows[0]) } else { best };
        Curve {
            name,
            title,
            description,
            x_title,
            y_title,
            right_title,
            ends: (0.0, top),
            band: Some(self.band(best)),
            ideal,
            marks: self.marks(along, rows),
            points,
        }
    }

    /// From what is as good as the best to the best.
    fn band(&self, best: f64) -> (f64, f64) {
        (best / (1.0 + self.report.within), best)
    }

    /// The highest middle among the alternatives to a row.
    fn best_of_rivals(&self, row: usize) -> f64 {
        let question = self.row(row).setting.question();
        let rivals = self.values.iter().filter(|(other, _)| self.row(**other).setting.question() == question);
        rivals.map(|(_, value)| value.middle).fold(0.0, f64::max)
    }

    /// What is named on the x axis: the buffer to use, or the fewest workers or operations in flight that are as good as any.
    fn marks(&self, along: Axis, rows: &[usize]) -> Vec<(f64, String)> {
        let marked: Vec<usize> = match along {
            Axis::Buffer => rows.iter().copied().filter(|row| self.is_chosen(*row)).collect(),
            Axis::Workers => {
                knees(self.report).into_iter().filter_map(|knee| knee.row).filter(|row| rows.contains(row)).collect()
            }
            Axis::Depth if self.is_told(rows[0]) => self.fewest(rows).into_iter().collect(),
            _ => vec![],
        };
        let prefix = if along == Axis::Workers { "knee: " } else { "→ " };
        let mark = |row: usize| {
            let setting = &self.row(row).setting;
            Some((setting.number(along)? as f64, format!("{prefix}{}", setting.text(along))))
        };
        marked.into_iter().filter_map(mark).collect()
    }

    /// Of a series, the first whose median cost comes within the report's `within` of the least.
    fn fewest(&self, rows: &[usize]) -> Option<usize> {
        let cost = |row: &usize| middle(self.report, &self.row(*row).samples).map(|cost| cost as f64);
        let least = rows.iter().filter_map(cost).fold(f64::INFINITY, f64::min);
        rows.iter().copied().find(|row| cost(row).is_some_and(|cost| cost <= least * (1.0 + self.report.within)))
    }

    fn is_chosen(&self, row: usize) -> bool {
        self.verdicts.iter().any(|verdict| verdict.chosen == Some(row))
    }

    /// Whether nothing keeps the best from being told: no verdict, or one that chooses.
    fn is_told(&self, row: usize) -> bool {
        let verdict = self.verdicts.iter().find(|verdict| verdict.slowdowns.iter().any(|found| found.row == row));
        verdict.is_none_or(|verdict| verdict.chosen.is_some())
    }

    /// All rows as bars.
    pub(super) fn bars(&self) -> Bars {
        let bar = |(row, value): (&usize, &Value)| Bar {
            label: self.label(*row),
            text: self.text(value.middle),
            value: value.clone(),
            chosen: self.is_chosen(*row),
        };
        let rows: Vec<Bar> = self.values.iter().map(bar).collect();
        let fastest = rows.iter().max_by(|one, other| one.value.middle.total_cmp(&other.value.middle));
        let description =
            fastest.map_or_else(String::new, |bar| format!("The fastest is {}: {}.", bar.label, bar.text));
        // A level is chosen for what it saves, too; and a load is not an alternative to another.
        let questions: Vec<Setting> = self.values.keys().map(|row| self.row(*row).setting.question()).collect();
        let are_rivals = self.kind == Kind::Job && rows.len() > 1 && questions.windows(2).all(|two| two[0] == two[1]);
        let best = self.values.values().map(|value| value.middle).fold(0.0, f64::max);
        // Whoever compresses has two sizes of the same data.
        let compresses = self
            .values
            .keys()
            .any(|row| matches!(self.row(*row).setting.named(Axis::Job), Some(SweepJob::Gzip | SweepJob::Gunzip)));
        let of = if compresses { " of uncompressed data" } else { "" };
        Bars {
            name: self.name.clone(),
            title: "rate of each setting".to_owned(),
            description,
            x_title: self.unit_name() + of,
            top: self.values.values().map(Value::top).fold(0.0, f64::max),
            band: are_rivals.then(|| self.band(best)),
            rows,
        }
    }

    /// What tells a row from the others of the section: there is no room for what all of them have.
    fn label(&self, row: usize) -> String {
        let row = self.row(row);
        let is_shared = |axis: &Axis| self.values.len() > 1 && !self.varying.contains(axis);
        let shared = [Axis::Block, Axis::Access].into_iter().filter(is_shared);
        let setting = shared.fold(row.setting.clone(), Setting::without);
        row.name.clone().unwrap_or_else(|| setting.label(&self.varying))
    }

    /// A rate in the unit of tables.
    fn text(&self, rate: f64) -> String {
        format!("{} {}", three_digits(rate * self.unit), self.kind.metric().heading())
    }

    /// The unit of the chart.
    fn unit_name(&self) -> String {
        let name = self.kind.metric().heading();
        match self.report.rank {
            Rank::Durable => format!("{name} until durable"),
            _ if self.unit > 1.0 => format!("1000 {name}"),
            _ => name.to_owned(),
        }
    }

    /// Each run of each row as a part of its median.
    pub(super) fn beside_medians(&self) -> Vec<Vec<Moment>> {
        let of_row = |(row, value): (&usize, &Value)| {
            let runs = self.row(*row).valid().zip(value.runs.clone());
            let middle = value.middle;
            runs.map(move |(sample, rate)| {
                vec![Moment { at: seconds(sample.at_ns), lasted: seconds(sample.wall_ns), rate: rate / middle }]
            })
            .collect::<Vec<_>>()
        };
        self.values.iter().flat_map(of_row).collect()
    }

    /// What was done in the windows of each run, a lane for each row whose runs have any.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let has_windows = |row: &&usize| self.row(**row).samples.iter().any(|sample| !sample.windows.is_empty());
        self.values.keys().filter(has_windows).filter_map(|row| self.lane(*row)).collect()
    }

    fn lane(&self, row: usize) -> Option<Lane> {
        let moment = |point: &timeline::Point| {
            let rate = if self.kind == Kind::Sequential { point.rate_mib } else { point.rate_ops };
            Some(Moment { at: seconds(point.at_ns), lasted: seconds(point.window_ns), rate: rate? })
        };
        let points = timeline::runs(self.row(row));
        let runs: Option<Vec<Vec<Moment>>> = points.iter().map(|run| run.iter().map(moment).collect()).collect();
        let runs = runs.filter(|runs| !runs.is_empty())?;
        let rates = || runs.iter().flatten().map(|moment| moment.rate);
        let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
        let text = format!("{} to {}", three_digits(least), self.text(most / self.unit));
        let first = points[0].first().map_or(0, |point| point.at_ns);
        let fall = timeline::fall(&points.concat()).map(|fall| {
            let part = percent(fall.to / fall.from);
            (seconds(first + fall.after_ns), format!("falls to {part} after {}", duration(fall.after_ns)))
        });
        Some(Lane { label: self.label(row), text, runs, fall })
    }
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
