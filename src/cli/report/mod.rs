//! Results → text, one format a file. Everything here writes to what it is given and to nothing else.
//!
//! - [`table`]: for people at a terminal, 120 columns wide, or what that has.
//! - [`markdown`]: the same for issues and READMEs.
//! - [`html`]: a page with charts, for a browser or a printer, that needs nothing else.
//!
//! What stands in them, and the formats for programs (CSV: one line a setting, raw units; JSON: everything, every single
//! run included), each kind of report knows for itself: [`sweep`], [`disk`]. [`contents`] says what it has to know, [`sheet`] what a
//! table is; [`machine`] holds the lines about the machine, and [`numbers`] rounds. [`comparison`] writes two reports
//! beside each other, [`tune`] what flags are worth having.

pub(crate) mod comparison;
mod contents;
pub(crate) mod disk;
mod html;
mod machine;
mod markdown;
mod numbers;
mod phrases;
mod sheet;
#[cfg(test)]
mod snapshot;
pub(crate) mod sweep;
mod table;
pub(crate) mod tune;

use std::io;
use std::path::PathBuf;

pub(crate) use contents::Contents;

/// Columns of a table where nobody says how many there are.
pub(crate) const WIDTH: usize = 120;
/// No table is squeezed into less: the lines of a narrower terminal are broken.
pub(crate) const LEAST_WIDTH: usize = 80;

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    #[default]
    Table,
    /// One line per setting, raw numbers
    Csv,
    /// Everything, with every single run
    Json,
    /// A table for GitHub
    Markdown,
    /// A page with charts, in one file
    Html,
}

impl Format {
    /// The format that a file's extension names.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "txt" => Some(Self::Table),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            _ => None,
        }
    }
}

/// One report to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// Where; `None` is standard output.
    pub(crate) path: Option<PathBuf>,
}

/// A report in a format, with a line end after it. A table is `width` columns wide, which is the only thing that the
/// place where it is read changes.
pub(crate) fn render(contents: &dyn Contents, format: Format, width: usize) -> io::Result<Vec<u8>> {
    let mut out = vec![];
    match format {
        Format::Table => table::write(contents, width, &mut out),
        Format::Csv => contents.csv(&mut out),
        Format::Json => contents.json(&mut out),
        Format::Markdown => markdown::write(contents, &mut out),
        Format::Html => html::write(contents, &mut out),
    }?;
    Ok(out)
}
