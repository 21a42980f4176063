//! Figures of a sweep → sheets of text.
//!
//! - this file: how columns are put together;
//! - `general`: the columns of any sweep; `tables`: those of sweeps that answer one question; `pairs`: pools side by
//!   side; `steps`: a ladder; `calls`: how long single calls took.

mod calls;
mod general;
mod pairs;
mod steps;
mod tables;

use haul::lab::sweep::axes::Axis;
use haul::lab::sweep::figures::Figures;
use haul::measure::interval::PairedRatio;
use haul::outcome::{FileTimes, SweepRow};
use haul::plan::TableName;

pub(super) use calls::latencies;
pub(super) use tables::Word;

use super::block::{Block, blocks};
use super::digest::Digest;
use crate::cli::report::numbers::{TimeUnit, bytes, duration, nothing, percent, three_digits};
use crate::cli::report::sheet::{Column, Sheet};

/// The sheets of a report: one for each block, with the columns that answer the question it was asked.
pub(super) fn sheets(digest: &Digest<'_>) -> Vec<Sheet> {
    let of = |block: &Block<'_>| match digest.report.table {
        Some(TableName::Buffers) => tables::buffers(block),
        Some(TableName::Workers) => tables::workers(block),
        Some(TableName::Models) => tables::models(block),
        Some(TableName::Pool) => pairs::pool(block).unwrap_or_else(|| general::everything(block)),
        Some(TableName::Ladder) => steps::ladder(block),
        None => general::everything(block),
    };
    blocks(digest).iter().map(of).collect()
}

/// All figures of a report, whatever the question.
pub(super) fn everything(digest: &Digest<'_>) -> Vec<Sheet> {
    blocks(digest).iter().map(general::everything).collect()
}

/// Puts a sheet together, a line for each row of a block.
struct Builder<'a> {
    block: &'a Block<'a>,
    columns: Vec<Column>,
    unit: TimeUnit,
}

/// What a cell is made of.
struct Line<'a> {
    place: usize,
    figures: &'a Figures,
}

impl<'a> Builder<'a> {
    fn new(block: &'a Block<'a>) -> Self {
        let longest = block.figures.iter().map(|figures| figures.wall_ns_median).max().unwrap_or(0);
        Self { block, columns: vec![], unit: TimeUnit::of(longest) }
    }

    /// A column of what was set: it is known before anything was measured.
    fn set(&mut self, heading: &str, cell: impl Fn(usize) -> String) {
        let cells = (0..self.block.rows.len()).map(cell).collect();
        self.columns.push(Column { heading: heading.to_owned(), cells, rank: 0 });
    }

    /// A column of what was measured.
    fn add(&mut self, rank: u8, heading: &str, cell: impl Fn(&Line<'_>) -> String) {
        let block = self.block;
        let cells = block.rows.iter().enumerate().map(|(place, row)| {
            if row.samples.is_empty() {
                return nothing();
            }
            cell(&Line { place, figures: &block.figures[place] })
        });
        self.columns.push(Column { heading: heading.to_owned(), cells: cells.collect(), rank });
    }

    /// What tells rows apart: names, buffers if they vary or nothing else does, and what else varies. The recommended
    /// rows are marked with an arrow.
    fn labels(&mut self, left_out: &[Axis]) {
        let block = self.block;
        let mark = |place: usize| if block.is_chosen(place) { "→ " } else { "" };
        let axes: Vec<Axis> = block.varying.iter().copied().filter(|axis| !left_out.contains(axis)).collect();
        if block.rows.iter().any(|row| row.name.is_some()) {
            self.set("name", |place| block.rows[place].name.clone().unwrap_or_else(nothing));
        }
        let buffer = |place: usize| block.rows[place].setting.buffer;
        if block.buffers_vary() {
            self.set("buffer", |place| buffer(place).to_string());
        }
        for axis in axes {
            self.set(axis.name(), |place| axis.value(&block.rows[place].setting));
        }
        // After what varies, or the arrow would mark what is the same everywhere; the caption has it where all rows do.
        let is_told = block.digest.report.rows.iter().all(|row| row.setting.buffer == buffer(0));
        if self.columns.is_empty() || !block.buffers_vary() && !is_told {
            self.set("buffer", |place| buffer(place).to_string());
        }
        if let Some(first) = self.columns.first_mut() {
            first.cells.iter_mut().enumerate().for_each(|(place, cell)| cell.insert_str(0, mark(place)));
        }
    }

    /// The median time, how well it is known, and what it is with writing back.
    fn times(&mut self) {
        let unit = self.unit;
        self.add(0, &format!("median\n{}", unit.name), |line| unit.cell(line.figures.wall_ns_median));
        if self.block.figures.iter().any(|figures| figures.wall_ns_interval.is_some()) {
            self.add(5, &format!("95%\n{}", unit.name), |line| {
                let between = |(low, high)| format!("{}–{}", unit.cell(low), unit.cell(high));
                line.figures.wall_ns_interval.map_or_else(nothing, between)
            });
        } else {
            let block = self.block;
            // One run has no spread.
            self.add(5, "±%", |line| match valid_runs(&block.rows[line.place]) {
                ..=1 => nothing(),
                _ => format!("{:.1}", line.figures.relative_noise() * 100.0),
            });
        }
    }

    /// How many of the runs count, where some do not show what they should.
    fn runs_that_count(&mut self) {
        let block = self.block;
        if block.rows.iter().any(|row| valid_runs(row) < row.samples.len()) {
            self.add(0, "runs that\ncount", |line| {
                let row = &block.rows[line.place];
                format!("{} of {}", valid_runs(row), row.samples.len())
            });
        }
    }

    /// How long single files took, where there are several.
    fn file_times(&mut self, [half, most]: [u8; 2]) {
        let rows = self.block.rows;
        if rows.iter().filter_map(|row| row.file_times).any(|times| times.files > 1) {
            let cell = |place: usize, time: fn(FileTimes) -> u64| {
                rows[place].file_times.map_or_else(nothing, |times| duration(time(times)))
            };
            self.add(half, "file\np50", |line| cell(line.place, |times| times.p50_ns));
            self.add(most, "file\np99", |line| cell(line.place, |times| times.p99_ns));
        }
    }

    fn with_sync(&mut self) {
        let unit = self.unit;
        if self.block.figures.iter().any(|figures| figures.wall_with_sync_ns_median.is_some()) {
            self.add(30, &format!("with\nsync {}", unit.name), |line| {
                line.figures.wall_with_sync_ns_median.map_or_else(nothing, |time| unit.cell(time))
            });
        }
    }

    fn rate(&mut self) {
        self.add(0, "MiB/s", |line| line.figures.mib_per_second.map_or_else(nothing, three_digits));
    }

    /// Whether the kernel counted what we did.
    fn kernel(&mut self) {
        let block = self.block;
        self.add(20, "kernel", |line| general::kernel(&block.rows[line.place]));
        if block.rows.iter().any(|row| general::unseen(row) > 0) {
            self.add(20, "unseen", |line| general::unseen(&block.rows[line.place]).to_string());
        }
    }

    fn peak(&mut self, rank: u8) {
        if self.block.figures.iter().any(|figures| figures.peak_bytes.is_some()) {
            self.add(rank, "peak\nmemory", |line| line.figures.peak_bytes.map_or_else(nothing, bytes));
        }
    }

    /// A sheet with a bar for each line's rate.
    fn finish(self) -> Sheet {
        let rates: Vec<f64> = self.block.figures.iter().map(|figures| figures.mib_per_second.unwrap_or(0.0)).collect();
        let highest = rates.iter().copied().fold(0.0, f64::max);
        let part = |rate: f64| if highest > 0.0 { rate / highest } else { 0.0 };
        let bars = if rates.len() > 1 { rates.into_iter().map(part).collect() } else { vec![] };
        Sheet { title: self.block.heading.clone(), columns: self.columns, bars }
    }
}

/// Runs that show what they should.
fn valid_runs(row: &SweepRow) -> usize {
    row.samples.iter().filter(|sample| sample.invalid.is_none()).count()
}

/// "1.85× (1.83–1.88)".
fn speedup_cell(speedup: Option<PairedRatio>) -> String {
    let Some(speedup) = speedup else { return nothing() };
    let interval = speedup
        .interval
        .map(|interval| (three_digits(interval.low), three_digits(interval.high)))
        .filter(|(low, high)| low != high)
        .map_or_else(String::new, |(low, high)| format!(" ({low}–{high})"));
    format!("{}×{interval}", three_digits(speedup.ratio))
}

/// CPU time in percent of one core.
fn cpu_cell(percent: Option<f64>) -> String {
    percent.map_or_else(nothing, |percent| format!("{percent:.0}"))
}

/// A part as whole percent: "98%".
fn whole_percent(part: f64) -> String {
    percent((part * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::sweep::fixture;

    fn cells(report: &haul::outcome::SweepReport, heading: &str) -> Vec<String> {
        let digest = Digest::of(report);
        let all = sheets(&digest);
        all.iter().flat_map(|sheet| sheet.columns_named(heading)).flat_map(|column| column.cells.clone()).collect()
    }

    #[test]
    fn a_row_says_how_many_of_its_runs_count_where_not_all_do() {
        for mut report in fixture::tables().into_iter().chain([fixture::copy()]) {
            assert!(cells(&report, "runs that count").is_empty());
            let runs = report.rows[0].samples.len();
            report.rows[0].samples[1].invalid = Some("warm".to_owned());
            let shown = cells(&report, "runs that count");
            assert!(shown.contains(&format!("{} of {runs}", runs - 1)), "{:?}: {shown:?}", report.table);
        }
    }

    #[test]
    fn one_run_has_no_spread_and_one_file_no_percentiles() {
        let mut report = fixture::copy();
        assert!(cells(&report, "±%").iter().all(|cell| cell != "-"));
        report.rows.iter_mut().for_each(|row| row.samples.truncate(1));
        assert_eq!(cells(&report, "±%"), ["-"; 4]);
        let mut report = fixture::tables().remove(4);
        assert_eq!(cells(&report, "file p50").len(), 5);
        report.rows.iter_mut().filter_map(|row| row.file_times.as_mut()).for_each(|times| times.files = 1);
        assert!(cells(&report, "file p50").is_empty());
    }
}
