//! The report for issues and READMEs: GitHub tables with the same columns as the terminal's, and everything that explains
//! them.

use std::io::{self, Write};

use super::page::{Column, Page, Table};

/// Writes a page, all of it.
pub(in crate::lab) fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let caption: Vec<String> = page.caption.iter().map(|line| text(line)).collect();
    writeln!(out, "{}\n", caption.join("  \n"))?;
    page.tables.iter().try_for_each(|table| write_table(out, table))?;
    for finding in &page.findings {
        writeln!(out, "**{}**\n", text(&finding.text))?;
    }
    if !page.lines_to_copy.is_empty() {
        writeln!(out, "```sh\n{}\n```\n", page.lines_to_copy.join("\n"))?;
    }
    page.latencies.iter().chain(&page.titled_all_figures()).try_for_each(|table| write_table(out, table))?;
    for warning in &page.warnings {
        writeln!(out, "- **warning:** {}", text(warning))?;
    }
    for line in &page.notes {
        writeln!(out, "- {}", text(line))?;
    }
    for (subject, line) in &page.machine {
        writeln!(out, "- {subject}: {}", text(line))?;
    }
    if !page.command.is_empty() {
        writeln!(out, "- command: {}", code(&page.command))?;
    }
    Ok(())
}

fn write_table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    if let Some(title) = &table.title {
        writeln!(out, "{}:\n", text(title))?;
    }
    let mark = |line: usize, column: usize| if column == 0 && table.chosen.contains(&line) { "→ " } else { "" };
    let side = |column: &Column| if column.is_text { ":---" } else { "---:" }.to_owned();
    write_row(out, table.columns.iter().map(Column::heading_in_one_line))?;
    write_row(out, table.columns.iter().map(side))?;
    for line in 0..table.lines() {
        let cells = table.columns.iter().enumerate();
        write_row(out, cells.map(|(index, column)| format!("{}{}", mark(line, index), column.cells[line])))?;
    }
    writeln!(out)
}
fn write_row(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for cell in cells {
        write!(out, "| {} ", text(&cell).replace('|', r"\|"))?;
    }
    writeln!(out, "|")
}

/// Plain text that Markdown would read as something else: `~` strikes out, `*` and `_` stress, `<` is HTML.
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        // A backslash means itself, unless it stands before what it could take the meaning from, or at the end.
        let is_free = c == '\\' && characters.peek().is_some_and(|next| !next.is_ascii_punctuation());
        if matches!(c, '~' | '*' | '<' | '`' | '\\') && !is_free {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A span of code, between more backticks than it holds in a row.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let blank = if longest > 0 { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_do_not_turn_into_markup() {
        assert_eq!(text(r"a~b*c<i>`\"), r"a\~b\*c\<i>\`\\");
        assert_eq!(text(r"'a\nb\\c'"), r"'a\nb\\\c'", "a line feed is escaped once, a backslash before another twice");
        assert_eq!(code("haul sweep a"), "`haul sweep a`");
        assert_eq!(code("haul sweep 'a`b``c'"), "``` haul sweep 'a`b``c' ```");
    }
}
