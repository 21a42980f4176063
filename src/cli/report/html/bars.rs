//! A chart of bars, one a setting: for settings that have no order on an axis.

use super::scale::{Scale, round_ticks, tick};
use super::svg::{Anchor, Drawing, Size};

/// One setting on a chart.
pub(in super::super) struct Bar {
    pub(in super::super) label: String,
    /// Its value in words.
    pub(in super::super) text: String,
    pub(in super::super) value: f64,
    /// Its interval, or, where there is none, its range.
    pub(in super::super) between: (f64, f64),
    /// Every single run.
    pub(in super::super) runs: Vec<f64>,
    /// Whether the verdict recommends it.
    pub(in super::super) chosen: bool,
}

/// A chart to be drawn.
pub(in super::super) struct Bars {
    /// Unique on the page.
    pub(in super::super) name: String,
    pub(in super::super) title: String,
    pub(in super::super) description: String,
    pub(in super::super) x_title: String,
    pub(in super::super) rows: Vec<Bar>,
    /// The highest value that has to find room.
    pub(in super::super) top: f64,
    /// Values that are as good as the best, if the bars are rivals.
    pub(in super::super) band: Option<(f64, f64)>,
}

/// Height of a bar with its label above it, and of the bar itself.
const ROW: f64 = 44.0;
const THICK: f64 = 16.0;
const TOP: f64 = 8.0;
const LEFT: f64 = 8.0;
/// What a letter takes at most, on average, in the size of labels.
const LETTER: f64 = 7.3;

impl Bars {
    pub(in super::super) fn draw(&self, size: Size) -> String {
        let bottom = TOP + ROW * self.rows.len() as f64;
        let mut drawing = Drawing::new(&self.name, size, bottom + 44.0, &self.title, &self.description);
        let right = size.width() - 22.0;
        let ticks = round_ticks(self.top * 1.02, if size == Size::Wide { 8 } else { 4 });
        let x = Scale::linear(ticks.last().copied().unwrap_or(1.0), (LEFT, right));
        if let Some((low, high)) = self.band {
            let (low, high) = (x.place(low), x.place(high));
            drawing.rect("band", (low, TOP), (high - low, bottom - TOP));
        }
        for value in &ticks {
            let place = x.place(*value);
            drawing.line("grid", (place, TOP), (place, bottom));
            drawing.text("tick", Anchor::Middle, (place, bottom + 16.0), &tick(*value));
        }
        drawing.text("title", Anchor::Middle, (f64::midpoint(LEFT, right), bottom + 36.0), &self.x_title);
        for (place, bar) in self.rows.iter().enumerate() {
            bar.draw(&mut drawing, x, TOP + ROW * place as f64, right);
        }
        drawing.finish()
    }
}

impl Bar {
    fn draw(&self, drawing: &mut Drawing, x: Scale, top: f64, right: f64) {
        let mark = if self.chosen { "→ " } else { "" };
        let letters = ((right - LEFT) / LETTER) as usize - self.text.chars().count() - 2;
        let label = shorten(&format!("{mark}{}", self.label), letters);
        let class = if self.chosen { "label chosen" } else { "label" };
        drawing.text(class, Anchor::Start, (LEFT, top + 15.0), &label);
        drawing.text("label", Anchor::End, (right, top + 15.0), &self.text);
        let upper = top + 21.0;
        let width = x.place(self.value) - LEFT;
        drawing.rect(if self.chosen { "bar chosen-bar" } else { "bar" }, (LEFT, upper), (width, THICK));
        for (number, run) in self.runs.iter().enumerate() {
            // Spread over the bar's thickness, in the order of rounds, so that runs do not hide each other.
            let part = (number as f64 + 0.5) / self.runs.len() as f64;
            drawing.circle("run on-bar", (x.place(*run), upper + 2.0 + part * (THICK - 4.0)), 2.2);
        }
        let middle = upper + THICK / 2.0;
        let (low, high) = (x.place(self.between.0), x.place(self.between.1));
        drawing.line("whisker on-bar", (low, middle), (high, middle));
        for end in [low, high] {
            drawing.line("whisker on-bar", (end, middle - 5.0), (end, middle + 5.0));
        }
    }
}

fn shorten(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}
