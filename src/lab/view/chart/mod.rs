//! The charts of a report, by one rule for whatever was measured.
//!
//! - this file: what charts there are; [`section`](self::section): which rows share a chart and what is drawn of them;
//! - `curve`, `bars`, `timeline`: how charts look; `legend`: what their signs mean; `scale`: where values lie; [`svg`]:
//!   shapes as text.

mod bars;
mod curve;
mod legend;
mod scale;
mod section;
pub(super) mod svg;
#[cfg(test)]
mod tests;
mod timeline;

use std::fmt::Write as _;

use self::curve::{Curve, Point, Value};
use self::legend::{Sign, legend};
use self::section::{Section, sections};
use self::svg::{escape, figure};
use self::timeline::{Lane, Moment, Timeline};
use super::numbers::{count, percent, signed};
use crate::lab::report::Report;
use crate::lab::setting::Axis;
use crate::lab::subject::disk::warnings::is_sustained;
use crate::lab::verdict::Verdict;

/// Fewest rounds that show whether the machine changed from one to the next.
const ROUNDS: usize = 3;
/// Windows of a run that samples a rate; longer ones show how it goes on.
const SAMPLED: usize = 10;

/// All charts of a report. It takes a moment, and must not be done while a run is measured.
pub(in crate::lab) fn charts(report: &Report) -> String {
    let verdicts = Verdict::all_of(report);
    let mut out = String::new();
    let sections = sections(report, &verdicts);
    for section in &sections {
        if let Some(heading) = &section.heading {
            let _ = writeln!(out, "<h2>{}</h2>", escape(heading));
        }
        if section.values.is_empty() {
            out.push_str("<p>No run moved bytes and showed what it should, so there are no rates to draw.</p>\n");
            continue;
        }
        out.push_str(&match section.along() {
            Some(axis) => curves(section, axis),
            None => bars(section),
        });
        out.push_str(&windows(section));
    }
    out + &drift(report, &sections)
}

/// Rates over the values of an axis, a chart for each series.
fn curves(section: &Section<'_>, along: Axis) -> String {
    let series = section.series(along);
    let points: Vec<Vec<Point>> = series.iter().map(|rows| section.points(along, rows)).collect();
    let top = points.iter().flatten().map(|point| point.y.top()).fold(0.0, f64::max);
    let has_intervals = points.iter().flatten().any(|point| point.y.has_interval);
    let several = series.len() > 1;
    let drawn = series.iter().zip(points).enumerate().filter(|(_, (_, points))| !points.is_empty());
    let drawn = drawn.map(|(part, (rows, points))| {
        let name = format!("{}-{part}", section.name);
        section.curve(along, (name, section.series_name(along, rows[0], several)), rows, points, top)
    });
    let curves: Vec<Curve> = drawn.collect();
    let what = if along == Axis::Workers { "speed-up" } else { "rate" };
    let mut signs = vec![
        (Sign::Line, format!("median {what}")),
        (Sign::Interval, interval_name(has_intervals)),
        (Sign::Run, "single runs".to_owned()),
        (Sign::Band, format!("within {} of the best", percent(section.report.within))),
    ];
    signs.push(match along {
        Axis::Workers => {
            let up_to = count(section.cores() as u64, "core");
            let ideal = format!("ideal: as many times faster as there are more workers, up to {up_to}");
            (Sign::Ideal, ideal)
        }
        Axis::Buffer => (Sign::Calls, "system calls per MiB, axis on the right".to_owned()),
        _ => (Sign::Calls, "latency that 99 of 100 operations keep, axis on the right".to_owned()),
    });
    if curves.iter().any(|curve| !curve.marks.is_empty()) {
        let mark = match along {
            Axis::Workers => "knee: the fewest workers that come so near",
            Axis::Depth => "→ the fewest in flight that come so near",
            _ => "→ recommended",
        };
        signs.push((Sign::Mark, mark.to_owned()));
    }
    curve::figures(&curves, &legend(&signs))
}

/// Rates as bars, in one chart.
fn bars(section: &Section<'_>) -> String {
    let chart = section.bars();
    let has_intervals = chart.rows.iter().any(|bar| bar.value.has_interval);
    let mut signs = vec![
        (Sign::Bar, "median rate".to_owned()),
        (Sign::Whisker, interval_name(has_intervals)),
        (Sign::RunOnBar, "single runs".to_owned()),
    ];
    if chart.band.is_some() {
        signs.push((Sign::Band, format!("within {} of the best", percent(section.report.within))));
    }
    figure(&chart.title, &legend(&signs), |size| chart.draw(size))
}

fn interval_name(has_intervals: bool) -> String {
    if has_intervals { "95% interval of the median" } else { "from the slowest run to the fastest" }.to_owned()
}

/// The rate in each window of each run, if runs have windows; open where runs last, and are not only samples of what is going
/// on.
fn windows(section: &Section<'_>) -> String {
    let lanes = section.lanes();
    if lanes.is_empty() {
        return String::new();
    }
    let chart = Timeline {
        name: format!("{}-time", section.name),
        title: "rate in the windows of each run".to_owned(),
        description: "The rate of each setting in each window of its runs, over the time since the first run."
            .to_owned(),
        lanes,
    };
    let signs = [
        (Sign::Rate, "rate, each lane from 0 to its most".to_owned()),
        (Sign::Interval, "from the least window to the most, where there is no room for each".to_owned()),
        (Sign::Drift, "from the mean of one run to that of the next".to_owned()),
    ];
    let last = chart.lanes.iter().flat_map(|lane| &lane.runs).map(Vec::len).max().unwrap_or(0);
    details("Rates over time", last > SAMPLED || is_sustained(section.report), &chart, &signs)
}

fn details(summary: &str, is_open: bool, chart: &Timeline, signs: &[(Sign, String)]) -> String {
    let open = if is_open { " open=\"\"" } else { "" };
    let drawn = figure(&chart.title, &legend(signs), |size| chart.draw(size));
    format!("<details{open}>\n<summary>{summary}</summary>\n{drawn}</details>\n")
}

/// How fast each run was beside the median of its setting, over time: whether the machine changed meanwhile. Where runs have
/// windows, those show it.
fn drift(report: &Report, sections: &[Section<'_>]) -> String {
    let has_windows = report.rows.iter().flat_map(|row| &row.samples).any(|sample| !sample.windows.is_empty());
    let mut runs: Vec<Vec<Moment>> = sections.iter().flat_map(Section::beside_medians).collect();
    if report.rounds < ROUNDS || has_windows || runs.is_empty() {
        return String::new();
    }
    runs.sort_by(|one, other| one[0].at.total_cmp(&other[0].at));
    let rates = || runs.iter().flatten().map(|moment| moment.rate);
    let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    let title = "speed of each run over time, as a part of its setting's median".to_owned();
    let text = format!("{} to {}", percent(least), percent(most));
    let chart = Timeline {
        name: "chart-drift".to_owned(),
        description: format!("The {title}: {text}."),
        title,
        lanes: vec![Lane { label: "all settings".to_owned(), text, runs, fall: None }],
    };
    let signs = [(Sign::Run, "single runs".to_owned()), (Sign::Drift, "from one run to the next".to_owned())];
    details("Speeds over time: whether the machine changed meanwhile", false, &chart, &signs)
}

/// A setting over several reports: what it is called, and for each report the median of its ratio to the first one, the least
/// it may be and the most; `None` where a report does not have the setting.
type Ratios = (String, Vec<Option<(f64, f64, f64)>>);

/// The ratios of settings to the first of several reports, a small chart for each setting.
pub(in crate::lab) fn trend(labels: &[String], series: &[Ratios]) -> String {
    let known = || series.iter().flat_map(|(_, ratios)| ratios.iter().flatten());
    let low = known().map(|(_, low, _)| *low).fold(1.0, f64::min);
    let top = known().map(|(.., high)| *high).fold(1.0, f64::max);
    let point = |(index, ratio): (usize, &Option<(f64, f64, f64)>)| {
        let (middle, low, high) = (*ratio)?;
        let y = Value { middle, between: (low, high), has_interval: true, runs: vec![] };
        // Powers of two lie evenly on the axis, which is logarithmic.
        Some(Point { x: 2_f64.powi(index as i32), label: (index + 1).to_string(), y, right: None })
    };
    let curve = |(number, (title, ratios)): (usize, &Ratios)| {
        let points: Vec<Point> = ratios.iter().enumerate().filter_map(point).collect();
        let last = points.last()?;
        let change = signed(last.y.middle);
        Some(Curve {
            name: format!("trend-{number}"),
            title: title.clone(),
            description: format!("The ratio to the first report, over the reports; {change} in number {}.", last.label),
            x_title: "number of the report",
            y_title: "ratio to the first report".to_owned(),
            right_title: "",
            points,
            ends: (low, top),
            band: None,
            ideal: None,
            marks: vec![],
        })
    };
    let curves: Vec<Curve> = series.iter().enumerate().filter_map(curve).collect();
    if curves.is_empty() {
        return String::new();
    }
    let numbered: Vec<String> = (1..).zip(labels).map(|(number, label)| format!("{number}: {label}")).collect();
    let signs = [(Sign::Line, "median ratio".to_owned()), (Sign::Interval, "its interval".to_owned())];
    format!("<p>{}</p>\n{}", escape(&numbered.join("; ")), curve::figures(&curves, &legend(&signs)))
}
