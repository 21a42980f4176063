//! The report as people read it at a terminal: a caption, a table with one rule and bars if there is room, the verdict.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use textwrap::{WordSeparator, WordSplitter};

use super::contents::Contents;
use super::sheet::{Column, Sheet};
use super::{WIDTH, machine};

/// Blanks between two columns: one of padding, and one that the style puts where a line would be.
const GAP: usize = 2;
/// The shortest and the longest bar worth drawing.
const BAR: std::ops::RangeInclusive<usize> = 8..=24;

pub(super) fn write(contents: &dyn Contents, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out, width, left_out: vec![] };
    page.lines(&contents.caption())?;
    let mut sheets = contents.sheets();
    for sheet in &mut sheets {
        page.sheet(sheet)?;
    }
    writeln!(page.out)?;
    page.lines(&contents.findings().into_iter().map(|finding| finding.text).collect::<Vec<_>>())?;
    if let Some(mut latencies) = contents.latencies(false) {
        page.sheet(&mut latencies)?;
    }
    writeln!(page.out)?;
    page.lines(&contents.notes(&sheets))?;
    page.lines(&machine::short(&contents.origin()))?;
    if page.left_out.is_empty() {
        return Ok(());
    }
    let names = page.left_out.join(", ");
    page.lines(&[format!("left out, being too wide: {names}; HTML, CSV and JSON have them")])
}

/// What is being written.
struct Page<'a> {
    out: &'a mut dyn Write,
    /// Columns of the terminal.
    width: usize,
    /// Headings of the columns that had no room.
    left_out: Vec<String>,
}

impl Page<'_> {
    fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| wrap(self.out, line, self.width))
    }

    /// Writes a sheet and an empty line before it; takes the columns away for which there is no room.
    fn sheet(&mut self, sheet: &mut Sheet) -> io::Result<()> {
        writeln!(self.out)?;
        if let Some(title) = &sheet.title {
            wrap(self.out, &format!("{title}:"), self.width)?;
        }
        for name in fit(&mut sheet.columns, self.width) {
            if !self.left_out.contains(&name) {
                self.left_out.push(name);
            }
        }
        // What is padded to the right of a last column is nobody's.
        table(sheet, self.width).trim_fmt().lines().try_for_each(|line| writeln!(self.out, "{}", line.trim_end()))
    }
}

/// Leaves out columns until the rest fits, and names them.
fn fit(columns: &mut Vec<Column>, width: usize) -> Vec<String> {
    let mut left_out = vec![];
    while total_width(columns) > width {
        let expendable = columns.iter().enumerate().filter(|(_, column)| column.rank > 0);
        let Some((place, _)) = expendable.max_by_key(|(_, column)| column.rank) else { break };
        // The second half of a heading over two columns does not stand alone, nor does the first.
        let is_second = |column: Option<&Column>| column.is_some_and(|column| column.heading.starts_with('\n'));
        let first = place - usize::from(is_second(columns.get(place)));
        left_out.push(columns.remove(first).heading_in_one_line());
        if is_second(columns.get(first)) {
            columns.remove(first);
        }
    }
    left_out
}

fn table(sheet: &Sheet, width: usize) -> Table {
    let lines = sheet.lines();
    let mut columns: Vec<&Column> = sheet.columns.iter().collect();
    let room = width.saturating_sub(total_width(&sheet.columns) + GAP);
    let has_bars = room >= *BAR.start() && !sheet.bars.is_empty();
    let longest = room.min(*BAR.end());
    let cells = sheet.bars.iter().map(|part| bar(*part, longest)).collect();
    let bars = Column { heading: "speed".to_owned(), cells, rank: 0 };
    if has_bars {
        columns.push(&bars);
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
    wrap(out, text, WIDTH)
}

fn wrap(out: &mut dyn Write, text: &str, width: usize) -> io::Result<()> {
    let options = textwrap::Options::new(width)
        .subsequent_indent("  ")
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    writeln!(out, "{}", textwrap::fill(text, options))
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
