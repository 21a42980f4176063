//! A chart of what was done over time, a lane for each setting: one axis of time for all of them, so that what disturbed the
//! machine is seen in every lane that it disturbed.

use super::bars::{LETTER, shorten};
use super::scale::{Scale, round_ticks, tick};
use super::svg::{Anchor, Drawing, Size};

/// What was done in a part of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    /// When it began, s after the first run did.
    pub(super) at: f64,
    /// How long it lasted, s.
    pub(super) lasted: f64,
    /// How much was done in a second.
    pub(super) rate: f64,
}

impl Moment {
    fn middle(&self) -> f64 {
        self.at + self.lasted / 2.0
    }
}

/// One setting over time.
pub(super) struct Lane {
    pub(super) label: String,
    /// Its values in words.
    pub(super) text: String,
    /// Its runs in their order, each with at least one moment.
    pub(super) runs: Vec<Vec<Moment>>,
    /// Where its rate fell for good, s, and what to say of it.
    pub(super) fall: Option<(f64, String)>,
}

/// A chart to be drawn.
pub(super) struct Timeline {
    /// Unique on the page.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    /// At least one.
    pub(super) lanes: Vec<Lane>,
}

const LEFT: f64 = 8.0;
/// Height of what stands above a lane, and below it.
const ABOVE: f64 = 20.0;
const BELOW: f64 = 10.0;
/// Height of all lanes together, as long as each has the least and none more than the most.
const TOGETHER: f64 = 360.0;
const LEAST: f64 = 28.0;
const MOST: f64 = 130.0;
/// Moments that lie on as much of the axis of time are drawn as one.
const COLUMN: f64 = 2.0;
/// Fewest columns in which a line of a run is seen; what takes less is a dot.
const LINE: usize = 4;
/// From how many seconds on the axis has minutes.
const LONG: f64 = 600.0;

impl Timeline {
    pub(super) fn draw(&self, size: Size) -> String {
        let height = (TOGETHER / self.lanes.len() as f64).clamp(LEAST, MOST);
        let step = ABOVE + height + BELOW;
        let bottom = step * self.lanes.len() as f64;
        let mut drawing = Drawing::new(&self.name, size, bottom + 40.0, &self.title, &self.description);
        let right = size.width() - 22.0;
        let moments = self.lanes.iter().flat_map(|lane| lane.runs.iter().flatten());
        let end = moments.map(|moment| moment.at + moment.lasted).fold(0.0, f64::max);
        let (unit, title) = if end < LONG { (1.0, "seconds") } else { (60.0, "minutes") };
        let ticks = round_ticks((0.0, end / unit), if size == Size::Wide { 10 } else { 5 });
        let ticks: Vec<f64> = ticks.into_iter().map(|tick| tick * unit).collect();
        let x = Scale::over(&ticks, (LEFT, right));
        for value in &ticks {
            let position = x.position(*value);
            drawing.line("grid", (position, ABOVE), (position, bottom));
            drawing.text("tick", Anchor::Middle, (position, bottom + 14.0), &tick(value / unit));
        }
        let title = format!("{title} since the first run began");
        drawing.text("title", Anchor::Middle, (f64::midpoint(LEFT, right), bottom + 32.0), &title);
        for (index, lane) in self.lanes.iter().enumerate() {
            let top = step * index as f64 + ABOVE;
            lane.draw(&mut drawing, x, (top, top + height), right);
        }
        drawing.finish()
    }
}

impl Lane {
    fn draw(&self, drawing: &mut Drawing, x: Scale, (top, bottom): (f64, f64), right: f64) {
        let most = self.runs.iter().flatten().map(|moment| moment.rate).fold(0.0, f64::max);
        let y = Scale::linear((0.0, most), (bottom, top));
        let letters = (((right - LEFT) / LETTER) as usize).saturating_sub(self.text.chars().count() + 2);
        drawing.text("label", Anchor::Start, (LEFT, top - 5.0), &shorten(&self.label, letters));
        drawing.text("label", Anchor::End, (right, top - 5.0), &self.text);
        drawing.line("grid", (LEFT, top), (right, top));
        drawing.line("axis", (LEFT, bottom), (right, bottom));
        let whole = |run: &Vec<Moment>| Column::of(run, x).position(y);
        drawing.polyline("drift", &self.runs.iter().map(whole).collect::<Vec<_>>());
        for run in &self.runs {
            draw_run(drawing, run, (x, y));
        }
        if let Some((at, text)) = &self.fall {
            let position = x.position(*at);
            drawing.line("mark", (position, top), (position, bottom));
            let half = text.chars().count() as f64 * LETTER / 2.0;
            let middle = position.max(LEFT + half).min(right - half);
            drawing.text("marked", Anchor::Middle, (middle, bottom - 6.0), text);
        }
    }
}

/// A line of the means, and from the least to the most of those moments that have no room of their own.
fn draw_run(drawing: &mut Drawing, run: &[Moment], (x, y): (Scale, Scale)) {
    let column = |moment: &Moment| (x.position(moment.middle()) / COLUMN) as u64;
    let parts = run.chunk_by(|one, next| column(one) == column(next));
    let columns: Vec<Column> = parts.map(|moments| Column::of(moments, x)).collect();
    if columns.len() < LINE {
        let whole = Column::of(run, x);
        drawing.line("whisker", (whole.x, y.position(whole.low)), (whole.x, y.position(whole.high)));
        drawing.circle("run", whole.position(y), 2.5);
        return;
    }
    let upper = columns.iter().map(|column| (column.x, y.position(column.high)));
    let lower = columns.iter().rev().map(|column| (column.x, y.position(column.low)));
    drawing.polygon("interval", &upper.chain(lower).collect::<Vec<_>>());
    drawing.polyline("rate-line", &columns.iter().map(|column| column.position(y)).collect::<Vec<_>>());
}

/// Neighbouring moments as one.
struct Column {
    x: f64,
    mean: f64,
    low: f64,
    high: f64,
}

impl Column {
    fn of(moments: &[Moment], x: Scale) -> Self {
        let rates = || moments.iter().map(|moment| moment.rate);
        let time: f64 = moments.iter().map(|moment| moment.lasted).sum();
        let done: f64 = moments.iter().map(|moment| moment.rate * moment.lasted).sum();
        let (first, last) = (moments[0].at, moments[moments.len() - 1]);
        Self {
            x: x.position(f64::midpoint(first, last.at + last.lasted)),
            mean: if time > 0.0 { done / time } else { moments[0].rate },
            low: rates().fold(f64::INFINITY, f64::min),
            high: rates().fold(0.0, f64::max),
        }
    }

    fn position(&self, y: Scale) -> (f64, f64) {
        (self.x, y.position(self.mean))
    }
}
