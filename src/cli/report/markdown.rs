//! The report for issues and READMEs: a GitHub table with the same columns as the terminal's.

use std::io::{self, Write};

use super::contents::Contents;
use super::machine;
use super::sheet::{Column, Sheet};

pub(super) fn write(contents: &dyn Contents, out: &mut dyn Write) -> io::Result<()> {
    let [what, how] = contents.caption();
    writeln!(out, "{}  \n{}\n", text(&what), text(&how))?;
    let sheets = contents.sheets();
    sheets.iter().try_for_each(|sheet| write_sheet(out, sheet))?;
    for finding in contents.findings() {
        writeln!(out, "**{}**\n", text(&finding.text))?;
    }
    if let Some(latencies) = contents.latencies(false) {
        write_sheet(out, &latencies)?;
    }
    for line in contents.notes(&sheets) {
        writeln!(out, "- {}", text(&line))?;
    }
    let origin = contents.origin();
    for (subject, line) in machine::lines(&origin) {
        writeln!(out, "- {subject}: {}", text(&line))?;
    }
    if !origin.command.is_empty() {
        writeln!(out, "- command: {}", code(origin.command))?;
    }
    Ok(())
}

fn write_sheet(out: &mut dyn Write, sheet: &Sheet) -> io::Result<()> {
    if let Some(title) = &sheet.title {
        writeln!(out, "{}:\n", text(title))?;
    }
    write_row(out, sheet.columns.iter().map(Column::heading_in_one_line))?;
    write_row(out, sheet.columns.iter().map(|_| "---:".to_owned()))?;
    for line in 0..sheet.lines() {
        write_row(out, sheet.columns.iter().map(|column| column.cells[line].clone()))?;
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
