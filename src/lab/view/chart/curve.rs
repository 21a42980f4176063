//! A chart of a line over a logarithmic axis: speed over buffer sizes, speed-up over workers.

use std::fmt::Write as _;

use super::scale::{Scale, count, round_ticks, tick};
use super::svg::{Anchor, Drawing, Size, escape, figure};
use crate::lab::figures::Spread;

/// A figure with what it rests on.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) middle: f64,
    /// Its 95 % interval, or, where there is none, its range.
    pub(super) between: (f64, f64),
    /// Whether that is its interval.
    pub(super) has_interval: bool,
    /// Every single run.
    pub(super) runs: Vec<f64>,
}

impl Value {
    /// Of what single runs came to; `None` of none.
    pub(super) fn of(runs: Vec<f64>) -> Option<Self> {
        let spread = Spread::of(&runs)?;
        let (between, has_interval) = (spread.ends(), spread.interval.is_some());
        Some(Self { middle: spread.median, between, has_interval, runs })
    }

    /// The same in another unit.
    pub(super) fn divide(&mut self, unit: f64) {
        for value in [&mut self.middle, &mut self.between.0, &mut self.between.1].into_iter().chain(&mut self.runs) {
            *value /= unit;
        }
    }

    /// The highest value that has to find room.
    pub(super) fn top(&self) -> f64 {
        self.runs.iter().copied().fold(self.middle.max(self.between.1), f64::max)
    }
}

/// One setting on a chart.
pub(super) struct Point {
    pub(super) x: f64,
    /// What the axis calls it.
    pub(super) label: String,
    pub(super) y: Value,
    /// What the axis on the right measures.
    pub(super) right: Option<f64>,
}

/// A chart to be drawn.
pub(super) struct Curve {
    /// Unique on the page.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) x_title: &'static str,
    pub(super) y_title: String,
    pub(super) right_title: &'static str,
    /// By their positions on the x axis, ascending; at least one.
    pub(super) points: Vec<Point>,
    /// The lowest value on the y axis and the highest, which have to find room.
    pub(super) ends: (f64, f64),
    /// Values that are as good as the best, if that is to be told.
    pub(super) band: Option<(f64, f64)>,
    /// Up to where y = x is drawn, over the first point; flat beyond, where there are no more cores.
    pub(super) ideal: Option<f64>,
    /// Positions on the x axis to be named.
    pub(super) marks: Vec<(f64, String)>,
}

/// The sides of the surface that is drawn on.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

const HEIGHT: f64 = 400.0;
/// Part of the height that stays free above the highest value.
const HEADROOM: f64 = 1.04;
/// Least distance of two labels below the x axis.
const LABEL: f64 = 38.0;

impl Curve {
    pub(super) fn draw(&self, size: Size) -> String {
        let mut drawing = Drawing::new(&self.name, size, HEIGHT, &self.title, &self.description);
        let plot = Plot { left: 48.0, right: size.width() - 48.0, top: 46.0, bottom: HEIGHT - 52.0 };
        let (low, top) = self.ends;
        let ticks = round_ticks((low, top * HEADROOM), 5);
        let y = Scale::over(&ticks, (plot.bottom, plot.top));
        let (least, most) = (self.points[0].x, self.points[self.points.len() - 1].x);
        let x = Scale::logarithmic(least, most, 0.04, (plot.left, plot.right));
        if let Some((low, high)) = self.band {
            let (low, high) = (y.position(low), y.position(high));
            drawing.rect("band", (plot.left, high), (plot.right - plot.left, low - high));
        }
        self.axes(&mut drawing, &plot, (x, y), &ticks);
        self.marks(&mut drawing, &plot, x);
        if let Some(limit) = self.ideal {
            drawing.polyline("ideal", &ideal(&self.points, limit, x, y));
        }
        self.right(&mut drawing, &plot, x);
        self.line(&mut drawing, x, y);
        drawing.finish()
    }

    fn axes(&self, drawing: &mut Drawing, plot: &Plot, (x, y): (Scale, Scale), ticks: &[f64]) {
        for value in ticks {
            let position = y.position(*value);
            drawing.line("grid", (plot.left, position), (plot.right, position));
            drawing.text("tick", Anchor::End, (plot.left - 6.0, position + 4.0), &tick(*value));
        }
        let mut last = f64::NEG_INFINITY;
        let end = self.points.last().map_or(0.0, |point| x.position(point.x));
        for point in &self.points {
            let position = x.position(point.x);
            drawing.line("axis", (position, plot.bottom), (position, plot.bottom + 4.0));
            // The ends of an axis matter most: nothing may take the room of the last one.
            if position - last >= LABEL && (position >= end || end - position >= LABEL) {
                drawing.text("tick", Anchor::Middle, (position, plot.bottom + 18.0), &point.label);
                last = position;
            }
        }
        drawing.line("axis", (plot.left, plot.bottom), (plot.right, plot.bottom));
        drawing.text("title", Anchor::Start, (4.0, 16.0), &self.y_title);
        let middle = f64::midpoint(plot.left, plot.right);
        drawing.text("title", Anchor::Middle, (middle, HEIGHT - 12.0), self.x_title);
    }

    fn marks(&self, drawing: &mut Drawing, plot: &Plot, x: Scale) {
        for (value, text) in &self.marks {
            let position = x.position(*value);
            drawing.line("mark", (position, plot.top), (position, plot.bottom));
            // Above the chart, where no line can cross it, and away from its sides.
            let half = text.chars().count() as f64 * 4.2;
            let middle = position.clamp(plot.left.max(half), plot.right - half.min(40.0));
            drawing.text("marked", Anchor::Middle, (middle, plot.top - 8.0), text);
        }
    }

    /// The dashed line with squares and its axis on the right.
    fn right(&self, drawing: &mut Drawing, plot: &Plot, x: Scale) {
        let known: Vec<(f64, f64)> =
            self.points.iter().filter_map(|point| Some((point.x, point.right.filter(|value| *value > 0.0)?))).collect();
        let least = known.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
        let most = known.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        if known.is_empty() {
            return;
        }
        // At least a decade, so that there is a label.
        let least = 10_f64.powf(least.log10().floor());
        let most = (most * 1.01).max(least * 10.0);
        let scale = Scale::logarithmic(least, most, 0.0, (plot.bottom, plot.top));
        for value in scale.decades(7) {
            let position = scale.position(value);
            drawing.line("axis", (plot.right, position), (plot.right + 4.0, position));
            drawing.text("tick calls", Anchor::Start, (plot.right + 7.0, position + 4.0), &count(value));
        }
        let end = plot.right + 44.0;
        drawing.text("title calls", Anchor::End, (end, 16.0), self.right_title);
        let positions: Vec<(f64, f64)> =
            known.iter().map(|(value, calls)| (x.position(*value), scale.position(*calls))).collect();
        drawing.polyline("calls-line", &positions);
        for (x, y) in positions {
            drawing.rect("calls-mark", (x - 3.5, y - 3.5), (7.0, 7.0));
        }
    }

    /// The line with its interval, and every run.
    fn line(&self, drawing: &mut Drawing, x: Scale, y: Scale) {
        let position = |point: &Point, value: f64| (x.position(point.x), y.position(value));
        let upper = self.points.iter().map(|point| position(point, point.y.between.1));
        let lower = self.points.iter().rev().map(|point| position(point, point.y.between.0));
        drawing.polygon("interval", &upper.chain(lower).collect::<Vec<_>>());
        for point in &self.points {
            for run in &point.y.runs {
                drawing.circle("run", position(point, *run), 2.5);
            }
        }
        let middle: Vec<(f64, f64)> = self.points.iter().map(|point| position(point, point.y.middle)).collect();
        drawing.polyline("speed-line", &middle);
        for (point, middle) in self.points.iter().zip(middle) {
            drawing.line("whisker", position(point, point.y.between.0), position(point, point.y.between.1));
            drawing.circle("speed-mark", middle, 4.5);
        }
    }
}

/// One chart in both sizes; several small ones side by side.
pub(super) fn figures(curves: &[Curve], legend: &str) -> String {
    if let [curve] = curves {
        return figure(&curve.title, legend, |size| curve.draw(size));
    }
    let mut out = "<div class=\"charts\">\n".to_owned();
    for curve in curves {
        let (title, drawn) = (escape(&curve.title), curve.draw(Size::Narrow));
        let _ = writeln!(out, "<figure>\n<figcaption>{title}</figcaption>\n{drawn}</figure>");
    }
    out + "</div>\n" + legend
}

/// As many times faster as there are more workers than the fewest, up to `limit`.
fn ideal(points: &[Point], limit: f64, x: Scale, y: Scale) -> Vec<(f64, f64)> {
    let first = points[0].x;
    let times = points[points.len() - 1].x / first;
    let steps = 40;
    let factors = (0..=steps).map(|step| times.powf(f64::from(step) / f64::from(steps)));
    factors.map(|factor| (x.position(first * factor), y.position(factor.min(limit)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: u32, ideal: Option<f64>) -> Curve {
        let point = |power: u32| {
            let x = f64::from(1 << power);
            Point { x, label: format!("at{power}"), y: Value::of(vec![1.0]).unwrap(), right: None }
        };
        Curve {
            name: "c".to_owned(),
            title: String::new(),
            description: String::new(),
            x_title: "",
            y_title: String::new(),
            right_title: "",
            points: (0..points).map(point).collect(),
            ends: (0.0, 2.0),
            band: Some((0.9, 1.0)),
            ideal,
            marks: vec![],
        }
    }

    #[test]
    fn both_ends_of_the_axis_are_labelled() {
        for points in 2..30 {
            let drawn = curve(points, None).draw(Size::Narrow);
            for end in [0, points - 1] {
                assert!(drawn.contains(&format!(">at{end}</text>")), "at{end} of {points}");
            }
        }
    }

    #[test]
    fn the_ideal_reaches_all_workers_and_no_further_up_than_there_are_cores() {
        let (x, y) = (Scale::logarithmic(1.0, 8.0, 0.0, (0.0, 300.0)), Scale::linear((0.0, 4.0), (100.0, 0.0)));
        let line = ideal(&curve(4, None).points, 2.0, x, y);
        let near = |position: (f64, f64), expected: (f64, f64)| {
            (position.0 - expected.0).abs() < 0.1 && (position.1 - expected.1).abs() < 0.1
        };
        assert!(near(line[0], (0.0, 75.0)) && near(line[line.len() - 1], (300.0, 50.0)), "{line:?}");
    }
}
