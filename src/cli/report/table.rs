//! The report as people read it at a terminal: a caption, a table with one rule and bars if there is room, the verdict.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::digest::Digest;
use super::sheet::{self, Column, Sheet};
use super::{machine, prose};

/// Columns of a terminal that we count on. Not asked of the terminal: a report must not change with where it is read.
const WIDTH: usize = 120;
/// Blanks between two columns: one of padding, and one that the style puts where a line would be.
const GAP: usize = 2;
/// The shortest and the longest bar worth drawing.
const BAR: std::ops::RangeInclusive<usize> = 8..=24;

pub(super) fn write(digest: &Digest<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = digest.report;
    for line in prose::caption(report) {
        write_wrapped(out, &line)?;
    }
    let mut left_out = vec![];
    for sheet in sheet::sheets(digest) {
        writeln!(out)?;
        write_sheet(out, sheet, &mut left_out)?;
    }
    writeln!(out)?;
    for line in prose::verdicts(digest) {
        write_wrapped(out, &line)?;
    }
    if let Some(latencies) = sheet::latencies(digest, false) {
        writeln!(out)?;
        write_sheet(out, latencies, &mut left_out)?;
    }
    writeln!(out)?;
    for line in prose::notes(digest) {
        write_wrapped(out, &line)?;
    }
    for (subject, text) in machine::lines(&report.machine, &report.version) {
        write_wrapped(out, &format!("{subject}: {text}"))?;
    }
    if !left_out.is_empty() {
        write_wrapped(out, &format!("left out, being too wide: {}; CSV and JSON have them", left_out.join(", ")))?;
    }
    Ok(())
}

fn write_sheet(out: &mut dyn Write, mut sheet: Sheet, left_out: &mut Vec<String>) -> io::Result<()> {
    if let Some(title) = sheet.title.take() {
        write_wrapped(out, &format!("{title}:"))?;
    }
    for name in fit(&mut sheet.columns) {
        if !left_out.contains(&name) {
            left_out.push(name);
        }
    }
    // What is padded to the right of a last column is nobody's.
    for line in table(sheet).trim_fmt().lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Leaves out columns until the rest fits, and names them.
fn fit(columns: &mut Vec<Column>) -> Vec<String> {
    let mut left_out = vec![];
    while total_width(columns) > WIDTH {
        let expendable = columns.iter().enumerate().filter(|(_, column)| column.rank > 0);
        let Some((place, _)) = expendable.max_by_key(|(_, column)| column.rank) else { break };
        left_out.push(columns.remove(place).heading_in_one_line());
    }
    left_out
}

fn table(sheet: Sheet) -> Table {
    let lines = sheet.lines();
    let mut columns = sheet.columns;
    let room = WIDTH.saturating_sub(total_width(&columns) + GAP);
    let has_bars = room >= *BAR.start() && !sheet.bars.is_empty();
    if has_bars {
        let longest = room.min(*BAR.end());
        let cells = sheet.bars.iter().map(|part| bar(*part, longest)).collect();
        columns.push(Column { heading: "speed".to_owned(), cells, rank: 0 });
    }
    let mut table = Table::new();
    table
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|column| column.heading.clone()).collect::<Vec<_>>());
    for line in 0..lines {
        table.add_row(columns.iter().map(|column| column.cells[line].clone()).collect::<Vec<_>>());
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

/// A bar for a part of `longest` columns, in eighths of a column.
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
