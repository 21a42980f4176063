//! Which charts a report has, and what stands on them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use haul::lab::sweep::axes::Axis;
use haul::outcome::{Sample, Setting};
use haul::plan::{SweepJob, TableName};

use super::super::html::bars::{Bar, Bars};
use super::super::html::curve::{self, Curve, Point, Value};
use super::super::html::legend::{Sign, legend};
use super::super::html::svg::{Size, escape};
use super::super::numbers::{count, percent, three_digits, times};
use super::block::{Block, blocks};
use super::digest::Digest;
use super::rates::Rates;

/// Fewest sizes or counts that make a line.
const LINE: usize = 3;

/// All charts of a report, a section for each block.
pub(super) fn charts(digest: &Digest<'_>) -> String {
    let mut out = String::new();
    for (number, block) in blocks(digest).iter().enumerate() {
        if let Some(heading) = &block.heading {
            let _ = writeln!(out, "<h2>{}</h2>", escape(heading));
        }
        let Some(rates) = Rates::of(block) else {
            out.push_str("<p>No bytes were moved yet, so there are no speeds to draw.</p>\n");
            continue;
        };
        let buffers = values(block, |setting| setting.buffer.bytes());
        let workers = values(block, |setting| setting.workers);
        let table = digest.report.table;
        let chart = Chart { block, number, rates };
        out.push_str(&match table {
            Some(TableName::Pool | TableName::Models | TableName::Ladder) => chart.bars(),
            Some(TableName::Workers) if workers > 1 => chart.workers(),
            _ if buffers >= LINE => chart.buffers(),
            _ if workers >= LINE => chart.workers(),
            _ => chart.bars(),
        });
    }
    out
}

fn values(block: &Block<'_>, value: fn(&Setting) -> usize) -> usize {
    block.rows.iter().map(|row| value(&row.setting)).collect::<BTreeSet<_>>().len()
}

struct Chart<'a> {
    block: &'a Block<'a>,
    number: usize,
    rates: Rates,
}

impl Chart<'_> {
    /// Speed and calls over buffer sizes, a chart for each series.
    fn buffers(&self) -> String {
        let first = self.block.rows[0].setting.buffer;
        let series = self.block.series(|setting| Setting { buffer: first, ..setting });
        let several = series.len() > 1;
        let curves = series.iter().enumerate().filter_map(|(part, places)| {
            let mut points: Vec<Point> = places.iter().filter_map(|place| self.buffer_point(*place)).collect();
            points.sort_by(|one, other| one.x.total_cmp(&other.x));
            let level = self.block.rows[places[0]].setting.level;
            let rivals = (0..self.block.rows.len()).filter(|place| self.block.rows[*place].setting.level == level);
            let what = if several { self.series_name(places[0], None) } else { "speed by buffer size".to_owned() };
            let fastest = points.iter().max_by(|one, other| one.y.total_cmp(&other.y))?;
            let description = format!(
                "Speed over buffer sizes from {} to {}; the highest is {} MiB/s at {}.",
                points[0].label,
                points[points.len() - 1].label,
                three_digits(fastest.y),
                fastest.label
            );
            let chosen = places.iter().filter(|place| self.block.is_chosen(**place));
            let mark = |place: &usize| {
                let buffer = self.block.rows[*place].setting.buffer;
                (buffer.bytes() as f64, format!("→ {buffer}"))
            };
            Some(Curve {
                name: format!("chart-{}-{part}", self.number),
                title: what,
                description,
                x_title: "buffer size, bytes (log₂)",
                y_title: "MiB/s".to_owned(),
                right_title: "calls per MiB (log)",
                top: self.rates.top(),
                band: self.rates.band(rivals, self.block.digest.report.within),
                ideal: None,
                marks: chosen.map(mark).collect(),
                points,
            })
        });
        let within = percent(self.block.digest.report.within);
        let mut signs = vec![
            (Sign::Line, "median speed".to_owned()),
            (Sign::Interval, self.interval_name()),
            (Sign::Run, "single runs".to_owned()),
            (Sign::Band, format!("within {within} of the best")),
            (Sign::Calls, "system calls per MiB, axis on the right".to_owned()),
        ];
        if (0..self.block.rows.len()).any(|place| self.block.is_chosen(place)) {
            signs.push((Sign::Mark, "→ recommended".to_owned()));
        }
        curve::figures(&curves.collect::<Vec<_>>(), &legend(&signs))
    }

    fn buffer_point(&self, place: usize) -> Option<Point> {
        let value = self.rates.values[place].clone()?;
        let buffer = self.block.rows[place].setting.buffer;
        let calls = self.block.figures[place].calls_per_mib;
        Some(Point::new(buffer.bytes() as f64, buffer.to_string(), value, calls))
    }

    /// Speed-up over workers, a chart for each series.
    fn workers(&self) -> String {
        let series = self.block.series(|setting| Setting { workers: 1, ..setting });
        let several = series.len() > 1;
        let all: Vec<Vec<Point>> = series.iter().map(|places| self.worker_points(places)).collect();
        let top_of = |point: &Point| point.runs.iter().copied().fold(point.between.1, f64::max);
        let top = all.iter().flatten().map(top_of).fold(1.0, f64::max);
        let within = self.block.digest.report.within;
        let cores = self.block.digest.report.machine.cores.max(1);
        let curves = all.into_iter().zip(&series).enumerate().filter_map(|(part, (points, places))| {
            let best = points.iter().map(|point| point.y).fold(0.0, f64::max);
            let name = || self.series_name(places[0], Some(Axis::Workers));
            let title = if several { name() } else { "speed-up by workers".to_owned() };
            let (fewest, most) = (points.first()?.x, points.last()?.x);
            let over = format!("speed-up over {}", count(fewest as u64, "worker"));
            let description = format!("The {over}; the highest is {}.", times(best));
            let ideal = (cores as f64 / fewest).max(1.0);
            let knee = self.block.knee(places).map(|place| self.block.rows[place].setting.workers);
            Some(Curve {
                name: format!("chart-{}-{part}", self.number),
                title,
                description,
                x_title: "workers (log₂)",
                y_title: over,
                right_title: "",
                top: top.max(ideal.min(most / fewest)),
                band: (best / (1.0 + within), best),
                ideal: Some(ideal),
                marks: knee.map(|workers| (workers as f64, format!("knee: {workers}"))).into_iter().collect(),
                points,
            })
        });
        let mut signs = vec![
            (Sign::Line, "median speed-up".to_owned()),
            (Sign::Interval, self.interval_name()),
            (Sign::Run, "single rounds".to_owned()),
            (Sign::Band, format!("within {} of the best", percent(within))),
            (
                Sign::Ideal,
                format!("ideal: as many times faster as there are more workers, up to {}", count(cores as u64, "core")),
            ),
        ];
        let curves: Vec<Curve> = curves.collect();
        if curves.iter().any(|curve| !curve.marks.is_empty()) {
            signs.push((Sign::Mark, "knee".to_owned()));
        }
        curve::figures(&curves, &legend(&signs))
    }

    fn worker_points(&self, places: &[usize]) -> Vec<Point> {
        let Some(base) = self.block.fewest_workers(places) else { return vec![] };
        let mut points: Vec<Point> = places.iter().filter_map(|place| self.worker_point(base, *place)).collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        points
    }

    fn worker_point(&self, base: usize, place: usize) -> Option<Point> {
        let speedup = self.block.speedup(base, place)?;
        let [before, after] = [base, place].map(|place| &self.block.rows[place]);
        let valid = |sample: &Sample| sample.invalid.is_none();
        let pairs = before.samples.iter().zip(&after.samples).filter(|(before, after)| valid(before) && valid(after));
        let runs: Vec<f64> = pairs.map(|(before, after)| before.wall_ns as f64 / after.wall_ns.max(1) as f64).collect();
        let range = || runs.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), one| (low.min(*one), high.max(*one)));
        let between = speedup.interval.map_or_else(range, |interval| (interval.low, interval.high));
        let workers = after.setting.workers;
        Some(Point::new(workers as f64, workers.to_string(), Value { middle: speedup.ratio, between, runs }, None))
    }

    /// Speeds as bars, in one chart.
    fn bars(&self) -> String {
        let bar = |place: usize| {
            let value = self.rates.values[place].clone()?;
            Some(Bar {
                label: self.block.label(place),
                text: format!("{} MiB/s", three_digits(value.middle)),
                value: value.middle,
                between: value.between,
                runs: value.runs,
                chosen: self.block.is_chosen(place),
            })
        };
        let bars: Vec<Bar> = (0..self.block.rows.len()).filter_map(bar).collect();
        let within = self.block.digest.report.within;
        // A level is chosen for what it saves, too.
        let are_rivals = bars.len() > 1 && !self.block.varying.contains(&Axis::Level);
        let fastest = bars.iter().max_by(|one, other| one.value.total_cmp(&other.value));
        let description =
            fastest.map_or_else(String::new, |bar| format!("The fastest is {}: {}.", bar.label, bar.text));
        // Whoever compresses has two sizes of the same data.
        let is_copy = self.block.rows.iter().all(|row| row.setting.job == SweepJob::Copy);
        let x_title = if is_copy { "MiB/s" } else { "MiB/s of uncompressed data" };
        let chart = Bars {
            name: format!("chart-{}", self.number),
            title: "speed of each setting".to_owned(),
            description,
            x_title: x_title.to_owned(),
            top: self.rates.top(),
            band: are_rivals.then(|| self.rates.band(0..self.block.rows.len(), within)),
            rows: bars,
        };
        let mut signs = vec![
            (Sign::Bar, "median speed".to_owned()),
            (Sign::Whisker, self.interval_name()),
            (Sign::RunOnBar, "single runs".to_owned()),
        ];
        if are_rivals {
            signs.push((Sign::Band, format!("within {} of the best", percent(within))));
        }
        let drawn: String = Size::BOTH.into_iter().map(|size| chart.draw(size)).collect();
        format!("<figure>\n{drawn}{}</figure>\n", legend(&signs))
    }

    /// What tells a series from the others, without what varies along the x axis.
    fn series_name(&self, place: usize, along: Option<Axis>) -> String {
        let setting = &self.block.rows[place].setting;
        let buffer = (along.is_some() && self.block.buffers_vary()).then(|| format!("buffer {}", setting.buffer));
        let axes = self.block.varying.iter().filter(|axis| Some(**axis) != along).map(|axis| axis.phrase(setting));
        buffer.into_iter().chain(axes).collect::<Vec<_>>().join(", ")
    }

    fn interval_name(&self) -> String {
        let known = self.block.figures.iter().any(|figures| figures.wall_ns_interval.is_some());
        if known { "95% interval of the median" } else { "from the slowest run to the fastest" }.to_owned()
    }
}
