//! The report as people read it at a terminal: a caption, tables with one rule and bars if there is room, and the answer
//! last, where the eye is when a command ends. What explains it all comes before, and only where it is asked for.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};
use textwrap::{WordSeparator, WordSplitter};

use super::numbers::count;
use super::page::{Column, Page, Table};
use super::{LEAST_WIDTH, Layout};

/// Blanks between two columns: one of padding, and one that the style puts where a line would be.
const GAP: usize = 2;
/// The shortest and the longest bar worth drawing.
const BAR: std::ops::RangeInclusive<usize> = 8..=24;
/// Warnings that a screen has room for.
const WARNINGS: usize = 2;
/// Who has the columns that a screen has no room for.
const ELSEWHERE: &str = " (in HTML, CSV and JSON)";

/// Writes a page. Without `explain` it leaves out what only explains: notes, the machine, all figures where the tables show
/// some, and most warnings.
pub(in crate::lab) fn write(page: &Page, layout: Layout, out: &mut dyn Write) -> io::Result<()> {
    let mut text = Text { out, width: layout.width.max(LEAST_WIDTH), shown: vec![], not_shown: vec![] };
    if layout.quiet {
        return text.answer(page);
    }
    text.lines(&page.caption)?;
    let latencies = if layout.explain { &page.latencies[..] } else { page.latencies.get(..1).unwrap_or_default() };
    for table in page.tables.iter().chain(latencies) {
        text.table(table)?;
    }
    if layout.explain {
        page.titled_all_figures().iter().try_for_each(|table| text.table(table))?;
        writeln!(text.out)?;
        text.lines(&page.notes)?;
        let machine: Vec<String> = page.machine.iter().map(|(what, known)| format!("{what}: {known}")).collect();
        text.lines(&machine)?;
        if !page.command.is_empty() {
            text.lines(&[format!("command: {}", page.command)])?;
        }
    }
    writeln!(text.out)?;
    text.not_shown(layout.explain)?;
    text.warnings(page, layout.explain)?;
    text.answer(page)
}

/// What is being written.
struct Text<'a> {
    out: &'a mut dyn Write,
    /// Columns of the terminal.
    width: usize,
    /// Headings of the columns that are in some table.
    shown: Vec<String>,
    /// Headings of the columns that had no room.
    not_shown: Vec<String>,
}

impl Text<'_> {
    fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| wrap(self.out, line, self.width))
    }

    /// Writes a table and an empty line before it, without the columns for which there is no room.
    fn table(&mut self, table: &Table) -> io::Result<()> {
        writeln!(self.out)?;
        if let Some(title) = &table.title {
            wrap(self.out, &format!("{title}:"), self.width)?;
        }
        let mut table = table.clone();
        mark(&mut table);
        self.not_shown.extend(fit(&mut table.columns, self.width));
        self.shown.extend(table.columns.iter().map(Column::heading_in_one_line));
        // What is padded to the right of a last column is nobody's.
        lay_out(&table, self.width).trim_fmt().lines().try_for_each(|line| writeln!(self.out, "{}", line.trim_end()))
    }

    /// What came of it. What decides stands last, and lines to copy after it.
    fn answer(&mut self, page: &Page) -> io::Result<()> {
        let (decides, beside): (Vec<_>, Vec<_>) = page
            .findings
            .iter()
            .map(|finding| (finding.is_decided, finding.text.clone()))
            .partition(|it| it.0.is_some());
        let texts: Vec<String> = beside.into_iter().chain(decides).map(|(_, text)| text).collect();
        self.lines(&texts)?;
        if !page.lines_to_copy.is_empty() {
            writeln!(self.out)?;
        }
        page.lines_to_copy.iter().try_for_each(|line| writeln!(self.out, "{line}"))
    }

    /// In one line, if not all names are asked for.
    fn not_shown(&mut self, all: bool) -> io::Result<()> {
        let mut names: Vec<&str> = vec![];
        for name in self.not_shown.iter().filter(|name| !self.shown.contains(name)) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let line = |count: usize| {
            let more = if count < names.len() { format!(" and {} more", names.len() - count) } else { String::new() };
            format!("not shown, too wide: {}{more}{ELSEWHERE}", names[..count].join(", "))
        };
        let fits = |count: &usize| line(*count).chars().count() <= self.width;
        let count = if all { names.len() } else { (1..=names.len()).rev().find(fits).unwrap_or(1) };
        if names.is_empty() { Ok(()) } else { wrap(self.out, &line(count), self.width) }
    }

    fn warnings(&mut self, page: &Page, all: bool) -> io::Result<()> {
        let shown = if all { page.warnings.len() } else { page.warnings.len().min(WARNINGS) };
        let mut lines: Vec<String> =
            page.warnings[..shown].iter().map(|warning| format!("warning: {warning}")).collect();
        let more = (page.warnings.len() - shown) as u64;
        lines.extend((more > 0).then(|| format!("and {}: --explain", count(more, "more warning"))));
        self.lines(&lines)
    }
}

/// Puts an arrow before the lines that the verdict recommends.
fn mark(table: &mut Table) {
    let Some(first) = table.columns.first_mut().filter(|_| !table.chosen.is_empty()) else { return };
    for (line, cell) in first.cells.iter_mut().enumerate() {
        let is_chosen = table.chosen.contains(&line);
        let blank = if first.is_text { "  " } else { "" };
        cell.insert_str(0, if is_chosen { "→ " } else { blank });
    }
}

/// Leaves out columns until the rest fits, and names them, the least expendable first. Headings are cut in two only where they must be.
fn fit(columns: &mut Vec<Column>, width: usize) -> Vec<String> {
    let mut left_out = vec![];
    while total_width(columns) > width {
        let expendable = columns.iter().enumerate().filter(|(_, column)| column.rank > 0);
        let Some((index, _)) = expendable.max_by_key(|(_, column)| column.rank) else { break };
        left_out.push(columns.remove(index).heading_in_one_line());
    }
    left_out.reverse();
    let flat = |column: &Column| Column { heading: column.heading_in_one_line(), ..column.clone() };
    let in_one_line: Vec<Column> = columns.iter().map(flat).collect();
    if total_width(&in_one_line) <= width {
        *columns = in_one_line;
    }
    left_out
}

fn lay_out(table: &Table, width: usize) -> comfy_table::Table {
    let lines = table.lines();
    let mut columns: Vec<&Column> = table.columns.iter().collect();
    let room = width.saturating_sub(total_width(&table.columns) + GAP);
    let has_bars = room >= *BAR.start() && !table.bars.is_empty();
    let longest = room.min(*BAR.end());
    let cells = table.bars.iter().map(|part| bar(*part, longest)).collect();
    let bars = Column { heading: "speed".to_owned(), cells, rank: 0, is_text: true };
    if has_bars {
        columns.push(&bars);
    }
    let mut laid_out = comfy_table::Table::new();
    laid_out
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(columns.iter().map(|column| column.heading.clone()).collect::<Vec<_>>());
    for line in 0..lines {
        laid_out.add_row(columns.iter().map(|column| column.cells[line].clone()).collect::<Vec<_>>());
    }
    let last = columns.len().saturating_sub(1);
    for (index, column) in laid_out.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(index != last)));
        column.set_cell_alignment(if columns[index].is_text { CellAlignment::Left } else { CellAlignment::Right });
    }
    laid_out
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

/// Writes a line that may be longer than the terminal is wide: cut between words, what follows set in.
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
    use super::super::page::Finding;
    use super::*;

    fn written(page: &Page, explain: bool) -> String {
        let mut out = vec![];
        write(page, Layout { width: 80, explain, quiet: false }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_answer_is_last_and_what_explains_it_is_asked_for() {
        let column = Column { heading: "a".to_owned(), cells: vec!["1".to_owned()], ..Column::default() };
        let answer = Finding { text: "Use it.".to_owned(), is_decided: Some(true) };
        let mut page = Page {
            caption: vec!["caption".to_owned()],
            tables: vec![Table { columns: vec![column], ..Table::default() }],
            warnings: ["one", "two", "three", "four"].map(str::to_owned).to_vec(),
            notes: vec!["a: what it means".to_owned()],
            machine: vec![("host", "here".to_owned())],
            command: "haul sweep".to_owned(),
            findings: vec![answer],
            ..Page::default()
        };
        let short = "caption\n\na\n─\n1\n\nwarning: one\nwarning: two\nand 2 more warnings: --explain\nUse it.\n";
        assert_eq!(written(&page, false), short);
        let long = "caption\n\na\n─\n1\n\na: what it means\nhost: here\ncommand: haul sweep\n\nwarning: one\nwarning: two\n\
                    warning: three\nwarning: four\nUse it.\n";
        assert_eq!(written(&page, true), long);
        page.warnings.truncate(3);
        page.lines_to_copy = vec!["export A='b'".to_owned()];
        assert!(written(&page, false).ends_with("\nand 1 more warning: --explain\nUse it.\n\nexport A='b'\n"));
    }

    #[test]
    fn columns_without_room_are_named_in_one_line() {
        let column = |number: u8| Column {
            heading: format!("column\nnumber-\n{number}"),
            cells: vec!["x".repeat(18)],
            rank: number,
            is_text: false,
        };
        let page = Page {
            tables: vec![Table { columns: (0..9).map(column).collect(), ..Table::default() }],
            ..Page::default()
        };
        let text = written(&page, false);
        assert!(text.starts_with("\n    column number0      column number1 "), "headings in one line: {text}");
        let last = text.lines().last().unwrap();
        assert_eq!(last, "not shown, too wide: column number4 and 4 more (in HTML, CSV and JSON)");
        let all = written(&page, true).replace("\n  ", " ");
        assert!(all.ends_with("column number6, column number7, column number8 (in HTML, CSV and JSON)\n"), "{all}");
    }

    #[test]
    fn bars_are_drawn_in_eighths() {
        for (part, text) in [(0.0, ""), (1.0, "████"), (0.5, "██"), (0.53, "██▏"), (0.03, "▏")] {
            assert_eq!(bar(part, 4), text, "{part}");
        }
    }

    #[test]
    fn long_lines_are_cut_between_words() {
        for (first, text) in [(116, "{} b c\n"), (117, "{} b\n  c\n"), (130, "{}\n  b c\n")] {
            let (mut out, first) = (vec![], "a".repeat(first));
            wrap(&mut out, &format!("{first} b c"), 120).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text.replace("{}", &first));
        }
    }
}
