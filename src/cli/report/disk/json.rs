//! The report for programs: all that was measured, each run included, and what was derived from it.

use std::io::{self, Write};

use haul::lab::disk::figures::DiskFigures;
use haul::lab::disk::noise::DiskNoise;
use haul::outcome::{DiskReport, DiskSetting};
use serde::Serialize;

use super::digest::DiskDigest;
use super::prose;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a DiskReport,
    /// One entry a row, in the order of the rows.
    figures: Vec<Line<'a>>,
    findings: Vec<String>,
    doubts: &'a [String],
    noises: &'a [DiskNoise],
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    setting: DiskSetting,
    #[serde(flatten)]
    figures: &'a DiskFigures,
}

pub(super) fn write(digest: &DiskDigest<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = digest.report.rows.iter().zip(&digest.figures);
    let document = Document {
        report: digest.report,
        figures: rows.map(|(row, figures)| Line { setting: row.setting, figures }).collect(),
        findings: prose::findings(digest),
        doubts: &digest.doubts,
        noises: &digest.noises,
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
