//! The report for programs: all that was measured, each run included, and what was derived from it.

use std::io::{self, Write};

use haul::lab::sweep::bottleneck::{self, Bottleneck};
use haul::lab::sweep::figures::Figures;
use haul::lab::sweep::reconcile::Reconciliation;
use haul::lab::sweep::verdict::{Noise, Verdict};
use haul::outcome::{Setting, SweepReport, SweepRow};
use serde::Serialize;

use super::digest::Digest;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a SweepReport,
    /// One entry a row, in the order of the rows.
    figures: Vec<Line<'a>>,
    verdicts: &'a [Verdict],
    remarks: &'a [String],
    noises: &'a [Noise],
    reconciliation: Reconciliation,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    setting: Setting,
    #[serde(flatten)]
    figures: &'a Figures,
    bottleneck: Option<Bottleneck>,
}

pub(super) fn write(digest: &Digest<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = digest.report;
    let line = |(row, figures): (&'_ SweepRow, _)| Line {
        setting: row.setting,
        figures,
        bottleneck: bottleneck::of(report, row),
    };
    let document = Document {
        report,
        figures: report.rows.iter().zip(&digest.figures).map(line).collect(),
        verdicts: &digest.verdicts,
        remarks: &digest.remarks,
        noises: &digest.noises,
        reconciliation: Reconciliation::of(report),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
