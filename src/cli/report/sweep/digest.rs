//! What reports derive from a sweep, derived once: figures and verdicts of all rows.

use haul::lab::sweep::figures::Figures;
use haul::lab::sweep::verdict::{Noise, Verdict, noises, remarks};
use haul::outcome::SweepReport;

/// A report and what follows from it.
pub(crate) struct Digest<'a> {
    pub(super) report: &'a SweepReport,
    /// One a row, in their order.
    pub(super) figures: Vec<Figures>,
    pub(super) verdicts: Vec<Verdict>,
    /// Sentences beside the verdicts.
    pub(super) remarks: Vec<String>,
    /// Of each group of alternatives that has one.
    pub(super) noises: Vec<Noise>,
}

impl<'a> Digest<'a> {
    /// Derives everything: it takes a moment, and must not be done while a run is measured.
    pub(crate) fn of(report: &'a SweepReport) -> Self {
        Self {
            report,
            figures: report.rows.iter().map(Figures::of).collect(),
            verdicts: Verdict::all_of(report),
            remarks: remarks(report),
            noises: noises(report),
        }
    }

    /// Whether a verdict recommends a row.
    pub(super) fn is_chosen(&self, row: usize) -> bool {
        self.verdicts.iter().any(|verdict| verdict.chosen == Some(row))
    }

    /// The verdict on the alternatives that a row is among.
    pub(super) fn verdict_on(&self, row: usize) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.slowdowns.iter().any(|found| found.row == row))
    }
}
