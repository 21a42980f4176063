//! What of a measurement may mislead, in words for people: nothing without evidence.

use crate::outcome::DiskReport;

/// One sentence for each reason to doubt the figures.
pub fn doubts(report: &DiskReport) -> Vec<String> {
    crate::measure::machine::warnings(&report.machine, 0)
}
