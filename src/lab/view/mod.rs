//! Reports as text, one format a file. Everything here writes to what it is given and to nothing else.
//!
//! - [`page`]: what a report says, whatever it is of; [`sweep`] and [`disk`] derive it, from what all formats derive
//!   ([`derived`]); [`columns`] puts tables together, [`notes`] and [`machine`] hold lines that all reports have,
//!   [`numbers`] rounds;
//! - [`table`]: a page for people at a terminal; [`markdown`]: for issues and READMEs;
//! - [`csv`] (one line a row, raw units) and [`json`] (everything, every single run included): for programs.
//!
//! A figure is called the same everywhere: by the heading of its metric in tables, by its key in CSV and JSON.

pub(in crate::lab) mod chart;
mod columns;
mod comparison;
mod csv;
mod derived;
mod disk;
pub(in crate::lab) mod html;
mod json;
pub(in crate::lab) mod machine;
pub(in crate::lab) mod markdown;
mod notes;
pub(in crate::lab) mod numbers;
pub(in crate::lab) mod page;
mod sweep;
pub(in crate::lab) mod table;

#[cfg(test)]
pub(in crate::lab) mod fixture;
#[cfg(test)]
pub(in crate::lab) mod snapshot;
#[cfg(test)]
mod tests;

use std::io;

use self::derived::Derived;
use self::page::Page;
use super::compare::Comparison;
use super::recommend;
use super::report::{Report, Subject};

/// Columns of a table where nobody says how many there are.
pub const WIDTH: usize = 120;
/// No table is squeezed into less: the lines of a narrower terminal are broken.
pub const LEAST_WIDTH: usize = 80;

/// How a report is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
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
    /// The rate over time: a line for each window of each run
    #[value(skip)]
    Timeline,
}

impl Format {
    /// The format that a file's extension names.
    pub fn of_extension(extension: &str) -> Option<Self> {
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

/// What of a table depends on where it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Columns of a table; taken for [`LEAST_WIDTH`] where it is less.
    pub width: usize,
    /// Whether a table says what columns mean, how it was measured and on what machine. All other formats do.
    pub explain: bool,
    /// Whether a table is the answer alone.
    pub quiet: bool,
}

/// A report in a format, with a line end after it. It takes a moment, and must not be done while a run is measured.
pub fn render(report: &Report, format: Format, layout: Layout) -> io::Result<Vec<u8>> {
    let derived = Derived::of(report);
    let page = derive(&derived);
    let mut out = vec![];
    match format {
        Format::Table => table::write(&page, layout, &mut out),
        Format::Csv => csv::write(&derived, &mut out),
        Format::Json => json::write(&derived, &page, &mut out),
        Format::Markdown => markdown::write(&page, &mut out),
        Format::Html => html::write(report, &page, &mut out),
        Format::Timeline => csv::write_timeline(report, &mut out),
    }?;
    Ok(out)
}

/// A comparison in a format for people: as a table, for GitHub, or as a page.
pub fn render_comparison(
    comparison: &Comparison,
    fail_above: Option<f64>,
    format: Format,
    layout: Layout,
) -> io::Result<Vec<u8>> {
    let page = comparison.page(fail_above);
    let mut out = vec![];
    match format {
        Format::Markdown => markdown::write(&page, &mut out),
        Format::Html => html::write_page(&page, &comparison::chart(comparison), &mut out),
        Format::Json => comparison.json(fail_above, &mut out),
        Format::Table | Format::Csv | Format::Timeline => table::write(&page, layout, &mut out),
    }?;
    Ok(out)
}

/// What a report says.
#[cfg(test)]
fn page(report: &Report) -> Page {
    derive(&Derived::of(report))
}

fn derive(derived: &Derived<'_>) -> Page {
    match derived.report.subject {
        Subject::Sweep => sweep::page(derived),
        Subject::Tune => recommend::page(derived.report),
        Subject::Disk => disk::page(derived),
    }
}
