//! Results of a sweep → text, one format a file. Everything here writes to what it is given and to nothing else.
//!
//! - [`table`]: for people at a terminal, 120 columns wide, or what that has.
//! - [`markdown`]: the same for issues and READMEs.
//! - [`csv`]: one line a setting, raw units, for spreadsheets and plots.
//! - [`json`]: everything, every single run included.
//! - [`html`]: a page with charts, for a browser or a printer, that needs nothing else.
//!
//! [`digest`] derives what all of them show; [`block`] parts rows that cannot be compared; [`sheet`], [`prose`] and
//! [`machine`] hold the cells and lines that table, Markdown and HTML share ([`columns`] and [`engines`] explain them), and
//! [`numbers`] rounds for them. [`comparison`] writes two
//! sweeps beside each other.

mod block;
mod columns;
pub(crate) mod comparison;
mod csv;
mod digest;
mod engines;
#[cfg(test)]
mod fixture;
mod html;
mod json;
mod machine;
mod markdown;
mod numbers;
mod prose;
mod sheet;
mod table;

use std::io;
use std::path::PathBuf;

pub(crate) use digest::Digest;

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

/// A report in a format, with a line end behind it. A table is `width` columns wide, which is the only thing that the
/// place where it is read changes.
pub(crate) fn render(digest: &Digest<'_>, format: Format, width: usize) -> io::Result<Vec<u8>> {
    let mut out = vec![];
    match format {
        Format::Table => table::write(digest, width, &mut out),
        Format::Csv => csv::write(digest, &mut out),
        Format::Json => json::write(digest, &mut out),
        Format::Markdown => markdown::write(digest, &mut out),
        Format::Html => html::write(digest, &mut out),
    }?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use haul::outcome::SweepReport;

    use super::*;

    fn text(report: &SweepReport, format: Format) -> String {
        String::from_utf8(render(&Digest::of(report), format, WIDTH).unwrap()).unwrap()
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
    fn each_ready_made_table_has_columns_of_its_own() {
        let all = |format| fixture::tables().iter().map(|report| text(report, format)).collect::<Vec<_>>().join("\n\n");
        check("tables.txt", &all(Format::Table), include_str!("snapshots/tables.txt"));
        check("tables.md", &all(Format::Markdown), include_str!("snapshots/tables.md"));
    }

    #[test]
    fn a_table_fits_its_columns() {
        for report in [fixture::copy(), fixture::gzip(), fixture::huge()].into_iter().chain(fixture::tables()) {
            for width in [LEAST_WIDTH, 100, WIDTH, 200] {
                let text = render(&Digest::of(&report), Format::Table, width).unwrap();
                for line in std::str::from_utf8(&text).unwrap().lines() {
                    assert!(line.chars().count() <= width && line.trim_end() == line, "{width}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn a_report_of_little_or_nothing_is_one_too() {
        let mut reports: Vec<SweepReport> = vec![fixture::copy(), fixture::gzip()];
        reports.extend(fixture::tables());
        for whole in reports {
            let nothing = SweepReport { rows: vec![], controls: vec![], rounds: 0, ..whole.clone() };
            let mut unmeasured = SweepReport { rounds: 0, ..whole.clone() };
            for row in &mut unmeasured.rows {
                row.samples.clear();
            }
            let mut begun = unmeasured.clone();
            begun.rows[0].samples = whole.rows[0].samples[..1].to_vec();
            let mut empty = whole.clone();
            for sample in empty.rows.iter_mut().flat_map(|row| &mut row.samples) {
                (sample.wall_ns, sample.summary) = (0, haul::outcome::Summary::default());
            }
            for report in [nothing, unmeasured, begun, empty] {
                for format in [Format::Table, Format::Csv, Format::Json, Format::Markdown, Format::Html] {
                    let written = text(&report, format);
                    assert!(
                        written.ends_with('\n') && !written.contains("NaN") && !written.contains("inf\""),
                        "{written}"
                    );
                }
            }
        }
    }

    #[test]
    fn json_reads_back() {
        for report in [fixture::copy(), fixture::gzip()].into_iter().chain(fixture::tables()) {
            let written = text(&report, Format::Json);
            let back: SweepReport = serde_json::from_str(&written).unwrap();
            assert!(text(&back, Format::Json) == written, "every field comes back");
        }
        let value: serde_json::Value = serde_json::from_str(&text(&fixture::gzip(), Format::Json)).unwrap();
        assert_eq!(value["format"], SweepReport::FORMAT);
        assert_eq!(value["rows"].as_array().unwrap().len(), value["figures"].as_array().unwrap().len());
        assert_eq!(value["figures"][0]["buffer_bytes"], 65536);
        assert_eq!(value["rows"][0]["samples"][0]["summary"]["syscalls"]["pread64"]["calls"], 1024);
    }
}
