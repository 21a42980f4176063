//! Results of a sweep → text, one format a file. Everything here writes to what it is given and to nothing else.
//!
//! - [`table`]: for people at a terminal, 120 columns wide.
//! - [`markdown`]: the same for issues and READMEs.
//! - [`csv`]: one line a setting, raw units, for spreadsheets and plots.
//! - [`json`]: everything, every single run included.
//!
//! [`cells`] and [`prose`] hold what table and Markdown share. [`comparison`] writes two sweeps beside each other.

mod cells;
pub(crate) mod comparison;
mod csv;
#[cfg(test)]
mod fixture;
mod json;
mod markdown;
mod prose;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;

use haul::outcome::SweepReport;

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
}

impl Format {
    /// The format that a file's extension names.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "txt" => Some(Self::Table),
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "md" | "markdown" => Some(Self::Markdown),
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

/// Writes a report, and a line end behind it.
pub(crate) fn write(report: &SweepReport, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::write(report, out),
        Format::Csv => csv::write(report, out),
        Format::Json => json::write(report, out),
        Format::Markdown => markdown::write(report, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(report: &SweepReport, format: Format) -> String {
        let mut out = vec![];
        write(report, format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Compares with a file in `snapshots/`; `HAUL_BLESS=1` writes it anew, to be looked at before it is committed.
    #[track_caller]
    #[allow(clippy::disallowed_methods, reason = "a test writes its own files")]
    fn check(name: &str, found: &str, expected: &str) {
        if std::env::var_os("HAUL_BLESS").is_some() {
            let path = format!("{}/src/cli/report/snapshots/{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, found).unwrap();
        } else {
            assert!(found == expected, "{name} differs; found:\n{found}");
        }
    }

    #[test]
    fn a_copy_in_every_format() {
        let report = fixture::copy();
        let check = |name, format, expected| check(name, &text(&report, format), expected);
        check("copy.txt", Format::Table, include_str!("snapshots/copy.txt"));
        check("copy.md", Format::Markdown, include_str!("snapshots/copy.md"));
        check("copy.csv", Format::Csv, include_str!("snapshots/copy.csv"));
        check("copy.json", Format::Json, include_str!("snapshots/copy.json"));
    }

    #[test]
    fn a_gzip_that_varies_workers_and_levels() {
        let report = fixture::gzip();
        check("gzip.txt", &text(&report, Format::Table), include_str!("snapshots/gzip.txt"));
        check("gzip.md", &text(&report, Format::Markdown), include_str!("snapshots/gzip.md"));
    }

    #[test]
    fn a_table_fits_120_columns() {
        for report in [fixture::copy(), fixture::gzip(), fixture::huge()] {
            for line in text(&report, Format::Table).lines() {
                assert!(line.chars().count() <= 120 && line.trim_end() == line, "{line:?}");
            }
        }
    }

    #[test]
    fn json_reads_back() {
        let value: serde_json::Value = serde_json::from_str(&text(&fixture::gzip(), Format::Json)).unwrap();
        assert_eq!(value["format"], 1);
        assert_eq!(value["rows"].as_array().unwrap().len(), value["figures"].as_array().unwrap().len());
        assert_eq!(value["figures"][0]["buffer_bytes"], 65536);
        assert_eq!(value["rows"][0]["samples"][0]["summary"]["syscalls"]["pread64"]["calls"], 1024);
    }
}
