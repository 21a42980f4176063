//! What reports derive from a sweep, derived once: figures and verdicts of all rows.

use haul::job::sweep::figures::Figures;
use haul::job::sweep::verdict::Verdict;
use haul::outcome::SweepReport;

use super::extra::Extra;

/// A report and what follows from it.
pub(crate) struct Digest<'a> {
    pub(super) report: &'a SweepReport,
    /// One a row, in their order.
    pub(super) figures: Vec<Figures>,
    /// One a row, in their order.
    pub(super) extras: Vec<Extra>,
    pub(super) verdicts: Vec<Verdict>,
}

impl<'a> Digest<'a> {
    /// Derives everything: it takes a moment, and must not be done while a run is measured.
    pub(crate) fn of(report: &'a SweepReport) -> Self {
        Self {
            report,
            figures: report.rows.iter().map(Figures::of).collect(),
            extras: report.rows.iter().map(Extra::of).collect(),
            verdicts: Verdict::all_of(report),
        }
    }

    /// The rows that verdicts recommend.
    pub(super) fn chosen(&self) -> Vec<usize> {
        self.verdicts.iter().map(|verdict| verdict.chosen).collect()
    }
}
