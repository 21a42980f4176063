//! The report as people read it at a terminal: a caption, a table with one rule and bars if there is room, the verdict.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use haul::job::sweep::figures::Figures;
use haul::outcome::SweepReport;

use super::cells::{self, Column};
use super::prose;

/// Columns of a terminal that we count on. Not asked of the terminal: a report must not change with where it is read.
const WIDTH: usize = 120;
/// Blanks between two columns: one of padding, and one that the style puts where a line would be.
const GAP: usize = 2;
/// Columns that a table can best do without, by how their headings start.
const EXPENDABLE: [&str; 3] = ["buffers", "page", "min"];
/// The shortest and the longest bar worth drawing.
const BAR: std::ops::RangeInclusive<usize> = 8..=24;

pub(super) fn write(report: &SweepReport, out: &mut dyn Write) -> io::Result<()> {
    let figures = cells::figures(report);
    for line in prose::caption(report) {
        writeln!(out, "{line}")?;
    }
    let (columns, left_out) = fit(cells::columns(report, &figures));
    writeln!(out, "\n{}\n", table(columns, &figures).trim_fmt())?;
    for line in prose::verdicts(report) {
        write_wrapped(out, &line)?;
    }
    writeln!(out)?;
    for line in prose::notes(report, &figures) {
        write_wrapped(out, &line)?;
    }
    if !left_out.is_empty() {
        write_wrapped(out, &format!("left out, being too wide: {}; CSV and JSON have them", left_out.join(", ")))?;
    }
    Ok(())
}

/// Leaves out columns until the rest fits: the columns that stay, and the names of those that do not.
fn fit(mut columns: Vec<Column>) -> (Vec<Column>, Vec<String>) {
    let mut left_out = vec![];
    for name in EXPENDABLE {
        let Some(place) = columns.iter().position(|column| column.heading.starts_with(name)) else { continue };
        if total_width(&columns) > WIDTH {
            left_out.push(columns.remove(place).heading.replace('\n', " "));
        }
    }
    (columns, left_out)
}

fn table(mut columns: Vec<Column>, figures: &[Figures]) -> Table {
    let room = WIDTH.saturating_sub(total_width(&columns) + GAP);
    let has_bars = room >= *BAR.start() && figures.len() > 1;
    if has_bars {
        columns.push(Column { heading: "speed".to_owned(), cells: bars(figures, room.min(*BAR.end())) });
    }
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|column| column.heading.clone()).collect::<Vec<_>>());
    for row in 0..figures.len() {
        table.add_row(columns.iter().map(|column| column.cells[row].clone()).collect::<Vec<_>>());
    }
    let last = columns.len() - 1;
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(place != last)));
        let is_bar = has_bars && place == last;
        column.set_cell_alignment(if is_bar { CellAlignment::Left } else { CellAlignment::Right });
    }
    table
}

fn total_width(columns: &[Column]) -> usize {
    columns.iter().map(width).sum::<usize>() + columns.len().saturating_sub(1) * GAP
}

fn width(column: &Column) -> usize {
    let widths = column.cells.iter().map(|cell| cell.chars().count());
    widths.chain(column.heading.lines().map(|line| line.chars().count())).max().unwrap_or(0)
}

/// A bar for each rate, `longest` columns for the highest, in eighths of a column.
fn bars(figures: &[Figures], longest: usize) -> Vec<String> {
    let rate = |row: &Figures| row.mib_per_second.unwrap_or(0.0);
    let highest = figures.iter().map(rate).fold(0.0, f64::max);
    figures.iter().map(|row| bar(if highest > 0.0 { rate(row) / highest } else { 0.0 }, longest)).collect()
}

fn bar(part: f64, longest: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part * longest as f64 * 8.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// Writes a line that may be longer than the table is wide: cut between words, what follows set in.
pub(super) fn write_wrapped(out: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            write!(out, "\n  {word}")?;
            column = 2 + length;
        } else {
            write!(out, "{}{word}", if column > 0 { " " } else { "" })?;
            column += length + usize::from(column > 0);
        }
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_in_eighths() {
        for (part, text) in [(0.0, ""), (1.0, "████"), (0.5, "██"), (0.53, "██▏"), (0.03, "▏")] {
            assert_eq!(bar(part, 4), text, "{part}");
        }
    }

    #[test]
    fn long_lines_are_cut_between_words() {
        let mut out = vec![];
        write_wrapped(&mut out, &format!("{} b c", "a".repeat(116))).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{} b c\n", "a".repeat(116)));
        let mut out = vec![];
        write_wrapped(&mut out, &format!("{} bcd", "a".repeat(117))).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{}\n  bcd\n", "a".repeat(117)));
    }
}
