//! The report for programs: all that was measured, each run included, and what was derived from it.

use std::io::{self, Write};

use haul::job::sweep::figures::Figures;
use haul::job::sweep::reconcile::Reconciliation;
use haul::job::sweep::verdict::Verdict;
use haul::outcome::{Setting, SweepReport};
use serde::Serialize;

use super::cells;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a SweepReport,
    /// One entry a row, in the order of the rows.
    figures: Vec<Line<'a>>,
    verdicts: Vec<Verdict>,
    reconciliation: Reconciliation,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    setting: &'a Setting,
    #[serde(flatten)]
    figures: Figures,
}

pub(super) fn write(report: &SweepReport, out: &mut dyn Write) -> io::Result<()> {
    let line = |(row, figures): (usize, Figures)| Line { setting: &report.rows[row].setting, figures };
    let document = Document {
        report,
        figures: cells::figures(report).into_iter().enumerate().map(line).collect(),
        verdicts: Verdict::all_of(report),
        reconciliation: Reconciliation::of(report),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
