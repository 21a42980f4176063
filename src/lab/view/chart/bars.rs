//! A chart of bars, one a setting: for settings that have no order on an axis.

use super::curve::Value;
use super::scale::{Scale, round_ticks, tick};
use super::svg::{Anchor, Drawing, Size};

/// One setting on a chart.
pub(super) struct Bar {
    pub(super) label: String,
    /// Its value in words.
    pub(super) text: String,
    pub(super) value: Value,
    /// Whether the verdict recommends it.
    pub(super) chosen: bool,
}

/// A chart to be drawn.
pub(super) struct Bars {
    /// Unique on the page.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) x_title: String,
    pub(super) rows: Vec<Bar>,
    /// The highest value that has to find room.
    pub(super) top: f64,
    /// Values that are as good as the best, if the bars are rivals.
    pub(super) band: Option<(f64, f64)>,
}

/// Height of a bar with its label above it, and of the bar itself.
const ROW: f64 = 44.0;
const THICK: f64 = 16.0;
const TOP: f64 = 8.0;
const LEFT: f64 = 8.0;
/// What a letter takes at most, on average, in the size of labels.
pub(super) const LETTER: f64 = 7.3;

impl Bars {
    pub(super) fn draw(&self, size: Size) -> String {
        let bottom = TOP + ROW * self.rows.len() as f64;
        let mut drawing = Drawing::new(&self.name, size, bottom + 44.0, &self.title, &self.description);
        let right = size.width() - 22.0;
        let ticks = round_ticks((0.0, self.top * 1.02), if size == Size::Wide { 8 } else { 4 });
        let x = Scale::over(&ticks, (LEFT, right));
        if let Some((low, high)) = self.band {
            let (low, high) = (x.position(low), x.position(high));
            drawing.rect("band", (low, TOP), (high - low, bottom - TOP));
        }
        for value in &ticks {
            let position = x.position(*value);
            drawing.line("grid", (position, TOP), (position, bottom));
            drawing.text("tick", Anchor::Middle, (position, bottom + 16.0), &tick(*value));
        }
        drawing.text("title", Anchor::Middle, (f64::midpoint(LEFT, right), bottom + 36.0), &self.x_title);
        for (index, bar) in self.rows.iter().enumerate() {
            bar.draw(&mut drawing, x, TOP + ROW * index as f64, right);
        }
        drawing.finish()
    }
}

impl Bar {
    fn draw(&self, drawing: &mut Drawing, x: Scale, top: f64, right: f64) {
        let mark = if self.chosen { "→ " } else { "" };
        let letters = (((right - LEFT) / LETTER) as usize).saturating_sub(self.text.chars().count() + 2);
        let label = shorten(&format!("{mark}{}", self.label), letters);
        let class = if self.chosen { "label chosen" } else { "label" };
        drawing.text(class, Anchor::Start, (LEFT, top + 15.0), &label);
        drawing.text("label", Anchor::End, (right, top + 15.0), &self.text);
        let upper = top + 21.0;
        let width = x.position(self.value.middle) - LEFT;
        drawing.rect(if self.chosen { "bar chosen-bar" } else { "bar" }, (LEFT, upper), (width, THICK));
        for (number, run) in self.value.runs.iter().enumerate() {
            // Spread over the bar's thickness, in the order of rounds, so that runs do not hide each other.
            let part = (number as f64 + 0.5) / self.value.runs.len() as f64;
            drawing.circle("run on-bar", (x.position(*run), upper + 2.0 + part * (THICK - 4.0)), 2.2);
        }
        let middle = upper + THICK / 2.0;
        let (low, high) = (x.position(self.value.between.0), x.position(self.value.between.1));
        drawing.line("whisker on-bar", (low, middle), (high, middle));
        for end in [low, high] {
            drawing.line("whisker on-bar", (end, middle - 5.0), (end, middle + 5.0));
        }
    }
}

pub(super) fn shorten(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}
