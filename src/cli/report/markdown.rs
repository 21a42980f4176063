//! The report for issues and READMEs: a GitHub table with the same columns as the terminal's.

use std::io::{self, Write};

use haul::outcome::SweepReport;

use super::{cells, prose};

pub(super) fn write(report: &SweepReport, out: &mut dyn Write) -> io::Result<()> {
    let figures = cells::figures(report);
    let columns = cells::columns(report, &figures);
    let [what, how] = prose::caption(report);
    writeln!(out, "{what}  \n{how}\n")?;
    let headings = columns.iter().map(|column| column.heading.replace("/\n", "/").replace('\n', " "));
    write_row(out, headings)?;
    write_row(out, columns.iter().map(|_| "---:".to_owned()))?;
    for row in 0..figures.len() {
        write_row(out, columns.iter().map(|column| column.cells[row].clone()))?;
    }
    writeln!(out)?;
    for line in prose::verdicts(report) {
        writeln!(out, "**{line}**\n")?;
    }
    for line in prose::notes(report, &figures) {
        writeln!(out, "- {}", line.replace('~', r"\~"))?;
    }
    if !report.command.is_empty() {
        writeln!(out, "- command: `{}`", report.command)?;
    }
    Ok(())
}

fn write_row(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for cell in cells {
        write!(out, "| {} ", cell.replace('~', r"\~"))?;
    }
    writeln!(out, "|")
}
