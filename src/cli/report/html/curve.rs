//! A chart of a line over a logarithmic axis: speed over buffer sizes, speed-up over workers.

use std::fmt::Write as _;

use super::scale::{Scale, count, round_ticks, tick};
use super::svg::{Anchor, Drawing, Size, escape};

/// A figure with what it rests on.
#[derive(Debug, Clone)]
pub(in super::super) struct Value {
    pub(in super::super) middle: f64,
    /// Its 95 % interval, or, where there is none, its range.
    pub(in super::super) between: (f64, f64),
    /// Every single run.
    pub(in super::super) runs: Vec<f64>,
}

impl Value {
    /// The highest value that has to find room.
    pub(in super::super) fn top(&self) -> f64 {
        self.runs.iter().copied().fold(self.middle.max(self.between.1), f64::max)
    }
}

/// One setting on a chart.
pub(in super::super) struct Point {
    pub(in super::super) x: f64,
    /// What the axis calls it.
    pub(in super::super) label: String,
    pub(in super::super) y: f64,
    /// Its interval, or, where there is none, its range.
    pub(in super::super) between: (f64, f64),
    /// Every single run.
    pub(in super::super) runs: Vec<f64>,
    /// What the axis on the right measures.
    pub(in super::super) right: Option<f64>,
}

impl Point {
    pub(in super::super) fn new(x: f64, label: String, value: Value, right: Option<f64>) -> Self {
        Self { x, label, y: value.middle, between: value.between, runs: value.runs, right }
    }
}

/// A chart to be drawn.
pub(in super::super) struct Curve {
    /// Unique on the page.
    pub(in super::super) name: String,
    pub(in super::super) title: String,
    pub(in super::super) description: String,
    pub(in super::super) x_title: &'static str,
    pub(in super::super) y_title: String,
    pub(in super::super) right_title: &'static str,
    /// By their places on the x axis, ascending; at least one.
    pub(in super::super) points: Vec<Point>,
    /// The highest value that has to find room.
    pub(in super::super) top: f64,
    /// Values that are as good as the best.
    pub(in super::super) band: (f64, f64),
    /// Up to where y = x is drawn, over the first point; flat beyond, where there are no more cores.
    pub(in super::super) ideal: Option<f64>,
    /// Positions on the x axis to be named.
    pub(in super::super) marks: Vec<(f64, String)>,
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
    pub(in super::super) fn draw(&self, size: Size) -> String {
        let mut drawing = Drawing::new(&self.name, size, HEIGHT, &self.title, &self.description);
        let plot = Plot { left: 48.0, right: size.width() - 48.0, top: 46.0, bottom: HEIGHT - 52.0 };
        let ticks = round_ticks(self.top * HEADROOM, 5);
        let y = Scale::linear(ticks.last().copied().unwrap_or(1.0), (plot.bottom, plot.top));
        let (least, most) = (self.points[0].x, self.points[self.points.len() - 1].x);
        let x = Scale::logarithmic(least, most, 0.04, (plot.left, plot.right));
        let (low, high) = (y.place(self.band.0), y.place(self.band.1));
        drawing.rect("band", (plot.left, high), (plot.right - plot.left, low - high));
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
            let place = y.place(*value);
            drawing.line("grid", (plot.left, place), (plot.right, place));
            drawing.text("tick", Anchor::End, (plot.left - 6.0, place + 4.0), &tick(*value));
        }
        let mut last = f64::NEG_INFINITY;
        let end = self.points.last().map_or(0.0, |point| x.place(point.x));
        for point in &self.points {
            let place = x.place(point.x);
            drawing.line("axis", (place, plot.bottom), (place, plot.bottom + 4.0));
            // The ends of an axis matter most: nothing may take the room of the last one.
            if place - last >= LABEL && (place >= end || end - place >= LABEL) {
                drawing.text("tick", Anchor::Middle, (place, plot.bottom + 18.0), &point.label);
                last = place;
            }
        }
        drawing.line("axis", (plot.left, plot.bottom), (plot.right, plot.bottom));
        drawing.text("title", Anchor::Start, (4.0, 16.0), &self.y_title);
        let middle = f64::midpoint(plot.left, plot.right);
        drawing.text("title", Anchor::Middle, (middle, HEIGHT - 12.0), self.x_title);
    }

    fn marks(&self, drawing: &mut Drawing, plot: &Plot, x: Scale) {
        for (value, text) in &self.marks {
            let place = x.place(*value);
            drawing.line("mark", (place, plot.top), (place, plot.bottom));
            // Above the chart, where no line can cross it, and away from its sides.
            let half = text.chars().count() as f64 * 4.2;
            let middle = place.clamp(plot.left.max(half), plot.right - half.min(40.0));
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
            let place = scale.place(value);
            drawing.line("axis", (plot.right, place), (plot.right + 4.0, place));
            drawing.text("tick calls", Anchor::Start, (plot.right + 7.0, place + 4.0), &count(value));
        }
        let end = plot.right + 44.0;
        drawing.text("title calls", Anchor::End, (end, 16.0), self.right_title);
        let places: Vec<(f64, f64)> =
            known.iter().map(|(value, calls)| (x.place(*value), scale.place(*calls))).collect();
        drawing.polyline("calls-line", &places);
        for (x, y) in places {
            drawing.rect("calls-mark", (x - 3.5, y - 3.5), (7.0, 7.0));
        }
    }

    /// The line with its interval, and every run.
    fn line(&self, drawing: &mut Drawing, x: Scale, y: Scale) {
        let place = |point: &Point, value: f64| (x.place(point.x), y.place(value));
        let upper = self.points.iter().map(|point| place(point, point.between.1));
        let lower = self.points.iter().rev().map(|point| place(point, point.between.0));
        drawing.polygon("interval", &upper.chain(lower).collect::<Vec<_>>());
        for point in &self.points {
            for run in &point.runs {
                drawing.circle("run", place(point, *run), 2.5);
            }
        }
        let middle: Vec<(f64, f64)> = self.points.iter().map(|point| place(point, point.y)).collect();
        drawing.polyline("speed-line", &middle);
        for (point, middle) in self.points.iter().zip(middle) {
            drawing.line("whisker", place(point, point.between.0), place(point, point.between.1));
            drawing.circle("speed-mark", middle, 4.5);
        }
    }
}

/// One chart in both sizes; several small ones side by side.
pub(in super::super) fn figures(curves: &[Curve], legend: &str) -> String {
    if let [curve] = curves {
        let drawn: String = Size::BOTH.into_iter().map(|size| curve.draw(size)).collect();
        return format!("<figure>\n{drawn}{legend}</figure>\n");
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
    factors.map(|factor| (x.place(first * factor), y.place(factor.min(limit)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: u32, ideal: Option<f64>) -> Curve {
        let point = |power: u32| {
            let x = f64::from(1 << power);
            Point { x, label: format!("at{power}"), y: 1.0, between: (1.0, 1.0), runs: vec![], right: None }
        };
        Curve {
            name: "c".to_owned(),
            title: String::new(),
            description: String::new(),
            x_title: "",
            y_title: String::new(),
            right_title: "",
            points: (0..points).map(point).collect(),
            top: 2.0,
            band: (0.9, 1.0),
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
        let (x, y) = (Scale::logarithmic(1.0, 8.0, 0.0, (0.0, 300.0)), Scale::linear(4.0, (100.0, 0.0)));
        let line = ideal(&curve(4, None).points, 2.0, x, y);
        let near = |place: (f64, f64), expected: (f64, f64)| {
            (place.0 - expected.0).abs() < 0.1 && (place.1 - expected.1).abs() < 0.1
        };
        assert!(near(line[0], (0.0, 75.0)) && near(line[line.len() - 1], (300.0, 50.0)), "{line:?}");
    }
}
