//! What follows from a report, derived once for all formats.

use crate::lab::bottleneck::{self, Bottleneck};
use crate::lab::figures::Figures;
use crate::lab::report::{Report, Subject};
use crate::lab::verdict::{Noise, Verdict, noises};

/// A report and what follows from it.
pub(in crate::lab) struct Derived<'a> {
    pub(in crate::lab) report: &'a Report,
    /// One a row, in their order.
    pub(in crate::lab) figures: Vec<Figures>,
    /// One for each group of alternatives; none of a disk.
    pub(in crate::lab) verdicts: Vec<Verdict>,
    /// Of each group of alternatives that has a setting that was run twice a round.
    pub(in crate::lab) noises: Vec<Noise>,
    /// One a row, in their order: what it waits for. None of a disk, which is what is measured.
    pub(in crate::lab) bottlenecks: Vec<Option<Bottleneck>>,
}

impl<'a> Derived<'a> {
    /// Derives everything: it takes a moment, and must not be done while a run is measured.
    pub(in crate::lab) fn of(report: &'a Report) -> Self {
        let bottleneck = |row| if report.subject == Subject::Disk { None } else { bottleneck::of(report, row) };
        Self {
            report,
            figures: report.rows.iter().map(Figures::of).collect(),
            verdicts: Verdict::all_of(report),
            noises: noises(report),
            bottlenecks: report.rows.iter().map(bottleneck).collect(),
        }
    }

    /// Whether a verdict recommends a row.
    pub(in crate::lab) fn is_chosen(&self, row: usize) -> bool {
        self.verdicts.iter().any(|verdict| verdict.chosen == Some(row))
    }

    /// The verdict on the alternatives that a row is among.
    pub(in crate::lab) fn verdict_on(&self, row: usize) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.slowdowns.iter().any(|found| found.row == row))
    }

    /// Whether the figures of a row may be shown: those of a disk none of whose runs shows what it should are a cache's,
    /// and nobody is to take them for the disk's.
    pub(in crate::lab) fn is_shown(&self, row: usize) -> bool {
        self.report.subject != Subject::Disk || self.figures[row].is_known()
    }
}
