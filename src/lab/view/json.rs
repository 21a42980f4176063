//! The report for programs: all that was measured, each run included, and what was derived from it.

use std::io::{self, Write};

use serde::Serialize;

use super::derived::Derived;
use super::page::Page;
use crate::lab::bottleneck::Bottleneck;
use crate::lab::figures::Figures;
use crate::lab::recommend::{self, advice::Advice};
use crate::lab::reconcile::Reconciliation;
use crate::lab::report::{Report, Subject};
use crate::lab::verdict::{Noise, Verdict};

/// A report and what follows from it. Who reads a report back needs none of the derived fields.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// What the runs of each row come to, one entry a row, in the order of the rows: `runs`, `runs_invalid`,
    /// `runs_reconciled`, and for each metric that is known of every run its `median`, `low` and `high` (where the median
    /// lies at 95 %; null of fewer than six runs), `min`, `max` and `mad` (the median absolute deviation).
    figures: &'a [Figures],
    /// One for each group of settings that are alternatives to each other.
    verdicts: &'a [Verdict],
    /// How far apart two runs of the same setting are, one entry for each that was run twice a round.
    noises: &'a [Noise],
    /// What each row waits for, one entry a row; null where it has no runs, and of a disk.
    bottlenecks: &'a [Option<Bottleneck>],
    /// How our counts of system calls compare with the kernel's; null of a disk.
    reconciliation: Option<Reconciliation>,
    /// Which options are worth having; null unless it is a tuning.
    advice: Option<Advice>,
    /// What came of it, in words: verdicts and what else can be said.
    findings: Vec<&'a str>,
    /// What makes the figures doubtful, in words, the gravest first.
    warnings: &'a [String],
}

/// Writes a report, and a line end after it.
pub(super) fn write(derived: &Derived<'_>, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        report: derived.report,
        figures: &derived.figures,
        verdicts: &derived.verdicts,
        noises: &derived.noises,
        bottlenecks: &derived.bottlenecks,
        reconciliation: (derived.report.subject != Subject::Disk).then(|| Reconciliation::of(derived.report)),
        advice: (derived.report.subject == Subject::Tune).then(|| recommend::advice(derived.report)),
        findings: page.findings.iter().map(|finding| finding.text.as_str()).collect(),
        warnings: &page.warnings,
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
