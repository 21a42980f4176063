//! How tables are put together from axes and metrics, a column at a time, for any report.
//!
//! A column that is a metric or an axis is called as CSV and JSON call it; [`legend`] says what each column means.

use super::derived::Derived;
use super::numbers::{Scale, nothing, three_digits, times};
use super::page::{Column, Table};
use crate::lab::figures::Spread;
use crate::lab::metric::{Metric, Unit};
use crate::lab::report::Row;
use crate::lab::setting::{Axis, split};
use crate::lab::stats::interval::{FEWEST, PairedRatio};
use crate::lab::verdict::speedup;

/// Puts a table together, a line for each of some rows.
pub(super) struct Builder<'a> {
    pub(super) derived: &'a Derived<'a>,
    /// Indexes of the rows, one a line.
    pub(super) rows: Vec<usize>,
    columns: Vec<Column>,
    bars: Vec<f64>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(derived: &'a Derived<'a>, rows: Vec<usize>) -> Self {
        Self { derived, rows, columns: vec![], bars: vec![] }
    }

    pub(super) fn row(&self, row: usize) -> &'a Row {
        &self.derived.report.rows[row]
    }

    /// A column of words, also of rows that were not run yet.
    pub(super) fn words(&mut self, heading: &str, rank: u8, cell: impl Fn(usize) -> String) {
        let cells = self.rows.iter().map(|row| cell(*row)).collect();
        self.columns.push(Column { heading: heading.to_owned(), cells, rank, is_text: true });
    }

    /// A column of what was measured.
    pub(super) fn measured(&mut self, heading: &str, rank: u8, cell: impl Fn(usize) -> String) {
        let is_known = |row: usize| self.derived.is_shown(row) && !self.row(row).samples.is_empty();
        let cell = |row: &usize| if is_known(*row) { cell(*row) } else { nothing() };
        let cells = self.rows.iter().map(cell).collect();
        self.columns.push(Column { heading: heading.to_owned(), cells, rank, is_text: false });
    }

    /// What was set on an axis.
    pub(super) fn axis(&mut self, axis: Axis, rank: u8) {
        let cells = self.rows.iter().map(|row| self.row(*row).setting.text(axis)).collect();
        let is_text = !matches!(
            axis,
            Axis::Level
                | Axis::Workers
                | Axis::PoolOverflow
                | Axis::PoolWait
                | Axis::Buffer
                | Axis::Block
                | Axis::Depth
        );
        self.columns.push(Column { heading: axis.heading().replace(' ', "\n"), cells, rank, is_text });
    }

    /// What rows call themselves, where they do.
    pub(super) fn names(&mut self) {
        let derived = self.derived;
        if self.rows.iter().any(|row| self.row(*row).name.is_some()) {
            self.words("name", 0, |row| derived.report.rows[row].name.clone().unwrap_or_else(nothing));
        }
    }

    /// What tells rows apart: their names and what varies among them, the buffer first; the buffer if nothing does.
    pub(super) fn labels(&mut self) {
        self.names();
        let mut axes = self.varying();
        if axes.is_empty() && self.columns.is_empty() {
            axes.push(Axis::Buffer);
        }
        axes.sort_by_key(|axis| *axis != Axis::Buffer);
        for axis in axes {
            self.axis(axis, 0);
        }
    }

    /// The axes that vary among the rows.
    pub(super) fn varying(&self) -> Vec<Axis> {
        split(self.rows.iter().map(|row| &self.row(*row).setting)).0
    }

    /// A metric over the runs of a row, if it may be shown.
    pub(super) fn get(&self, row: usize, metric: Metric) -> Option<Spread> {
        self.derived.figures[row].get(metric).filter(|_| self.derived.is_shown(row))
    }

    /// The medians of a metric, if it is known of some row. Counts of calls that differ between runs are marked.
    pub(super) fn metric(&mut self, metric: Metric, rank: u8) {
        let counts_calls = matches!(metric, Metric::Reads | Metric::Writes | Metric::OtherCalls | Metric::Calls);
        let (derived, Some(scale)) = (self.derived, self.scale(metric)) else { return };
        self.measured(metric.heading(), rank, |row| {
            let mark = |spread: Spread| if counts_calls && spread.varies() { "~" } else { "" };
            let cell = |spread: Spread| format!("{}{}", mark(spread), scale.cell(spread.median));
            derived.figures[row].get(metric).map_or_else(nothing, cell)
        });
    }

    /// How well the medians of a metric are known: where they lie at 95 %, if all rows have enough runs for that; else from
    /// the least run to the greatest.
    pub(super) fn spread(&mut self, metric: Metric, rank: u8) {
        let (derived, Some(scale)) = (self.derived, self.scale(metric)) else { return };
        let known: Vec<Spread> = self.rows.iter().filter_map(|row| self.get(*row, metric)).collect();
        let have_intervals = known.iter().all(|spread| spread.interval.is_some());
        if !have_intervals && !known.iter().any(Spread::varies) {
            return;
        }
        self.measured(if have_intervals { "95%" } else { "range" }, rank, |row| {
            let between = |(low, high)| scale.between(low, high);
            let spread = derived.figures[row].get(metric);
            // One run has no range.
            let spread = spread.filter(|_| have_intervals || derived.report.rows[row].counted().len() > 1);
            let ends = |spread: Spread| if have_intervals { spread.ends() } else { (spread.min, spread.max) };
            spread.map(ends).map_or_else(nothing, between)
        });
    }

    /// How its values are written; `None` if there are none.
    fn scale(&self, metric: Metric) -> Option<Scale> {
        let medians: Vec<f64> = self.rows.iter().filter_map(|row| Some(self.get(*row, metric)?.median)).collect();
        (!medians.is_empty()).then(|| Scale::of(metric.unit(), medians.into_iter()))
    }

    /// How many runs do not show what they should, where there are such.
    pub(super) fn runs_invalid(&mut self) {
        let derived = self.derived;
        if self.rows.iter().any(|row| derived.figures[*row].runs_invalid > 0) {
            self.words("runs\ninvalid", 0, |row| {
                let figures = &derived.figures[row];
                format!("{} of {}", figures.runs_invalid, figures.runs)
            });
        }
    }

    /// In how many runs the kernel counted what we did, where that is not all of them.
    pub(super) fn runs_reconciled(&mut self, rank: u8) {
        let derived = self.derived;
        let differs =
            |row: &usize| derived.figures[*row].runs_reconciled.is_some_and(|runs| runs < derived.figures[*row].runs);
        if self.rows.iter().any(differs) {
            self.measured("runs\nreconciled", rank, |row| {
                let figures = &derived.figures[row];
                figures.runs_reconciled.map_or_else(nothing, |runs| format!("{runs} of {}", figures.runs))
            });
        }
    }

    /// What each row waits for.
    pub(super) fn bottleneck(&mut self, rank: u8) {
        let derived = self.derived;
        self.words("bottleneck", rank, |row| {
            derived.bottlenecks[row].as_ref().map_or_else(nothing, |found| found.word.to_owned())
        });
    }

    /// How many times faster each row is than another one: with its interval, where there are enough runs.
    pub(super) fn speedup(&mut self, heading: &str, rank: u8, base: impl Fn(usize) -> Option<usize>) {
        let derived = self.derived;
        let known = |row: usize| speedup(derived.report, row, base(row)?);
        let has_intervals = self.rows.iter().filter_map(|row| known(*row)).any(|known| known.interval.is_some());
        let heading = if has_intervals { format!("{heading} (95%)") } else { heading.to_owned() };
        self.measured(&heading, rank, |row| ratio(known(row)));
    }

    /// A bar for each line: as long as its part of the most, or, of times, as the least is of it.
    pub(super) fn bars(&mut self, metric: Metric) {
        let known = |row: &usize| self.get(*row, metric).map_or(0.0, |spread| spread.median);
        let values: Vec<f64> = self.rows.iter().map(known).collect();
        let positive = || values.iter().copied().filter(|value| *value > 0.0);
        let (least, most) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
        let part = |value: f64| match metric.unit() {
            _ if value <= 0.0 => 0.0,
            Unit::Nanoseconds => least / value,
            _ => value / most,
        };
        if most > 0.0 && values.len() > 1 {
            self.bars = values.iter().copied().map(part).collect();
        }
    }

    /// Rows that differ on these axes only, in the order in which they begin.
    pub(super) fn series(&self, axes: &[Axis]) -> Vec<Vec<usize>> {
        let mut found: Vec<(_, Vec<usize>)> = vec![];
        for row in &self.rows {
            let key = axes.iter().fold(self.row(*row).setting.clone(), |setting, axis| setting.without(*axis));
            match found.iter_mut().find(|(other, _)| *other == key) {
                Some((_, rows)) => rows.push(*row),
                None => found.push((key, vec![*row])),
            }
        }
        found.into_iter().map(|(_, rows)| rows).collect()
    }

    pub(super) fn finish(self, title: Option<String>) -> Table {
        let is_chosen = |line: &usize| self.derived.is_chosen(self.rows[*line]);
        let chosen = (0..self.rows.len()).filter(is_chosen).collect();
        Table { title, columns: self.columns, bars: self.bars, chosen }
    }
}

/// "1.85× (1.83–1.88)".
fn ratio(known: Option<PairedRatio>) -> String {
    let Some(known) = known else { return nothing() };
    let interval = known
        .interval
        .map(|interval| (three_digits(interval.low), three_digits(interval.high)))
        .filter(|(low, high)| low != high)
        .map_or_else(String::new, |(low, high)| format!(" ({low}–{high})"));
    format!("{}{interval}", times(known.ratio))
}

/// What the columns of these tables mean, those that are in them: of metrics what the table of metrics says, of others what
/// is known here or is in `more`, by heading.
pub(super) fn legend(tables: &[Table], more: &[(&str, String)]) -> Vec<String> {
    let mut headings: Vec<String> = vec![];
    for heading in tables.iter().flat_map(|table| &table.columns).map(Column::heading_in_one_line) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    let of_metric = |heading: &str| {
        let found = Metric::ALL.iter().find(|metric| one_line(**metric) == heading);
        found.map(|metric| metric.meaning().trim_end_matches('.').to_owned())
    };
    let known = |heading: &str| match heading {
        "95%" => Some(format!(
            "from where to where the true median of the column before lies in 95 of 100 cases, of {FEWEST} runs or more"
        )),
        "range" => Some(format!("from the least run to the greatest; fewer than {FEWEST} runs carry no interval")),
        "runs invalid" => {
            Some("runs that do not show what they should: in no figure, unless all runs are such".to_owned())
        }
        "runs reconciled" => Some("runs in which the kernel counted the reads and writes that we counted".to_owned()),
        _ => None,
    };
    let own = |heading: &str| more.iter().find(|(name, _)| *name == heading).map(|(_, text)| text.clone());
    let line = |heading: String| {
        let text = own(&heading).or_else(|| known(&heading)).or_else(|| of_metric(&heading))?;
        Some(format!("{heading}: {text}"))
    };
    let mut lines: Vec<String> = headings.into_iter().filter_map(line).collect();
    let cells = || tables.iter().flat_map(|table| &table.columns).flat_map(|column| &column.cells);
    if cells().any(|cell| cell.starts_with('~')) {
        lines.push("~: runs differ in it".to_owned());
    }
    lines
}

fn one_line(metric: Metric) -> String {
    Column { heading: metric.heading().to_owned(), ..Column::default() }.heading_in_one_line()
}
