//! Results of a sweep in words, cells and charts.
//!
//! - [`digest`] derives what all formats show; [`block`] parts rows that cannot be compared;
//! - [`sheets`] and [`prose`] hold cells and lines ([`columns`] and [`engines`] explain them); `charts` draws ([`rates`]);
//! - [`csv`] and [`json`] are for programs.

mod block;
mod charts;
mod columns;
mod csv;
mod digest;
mod engines;
#[cfg(test)]
pub(super) mod fixture;
mod json;
mod prose;
mod rates;
mod sheets;

use std::io::{self, Write};

use haul::outcome::SweepReport;

pub(crate) use self::digest::Digest;
use super::contents::{Contents, Finding, Origin};
use super::numbers::count;
use super::sheet::Sheet;

impl Contents for Digest<'_> {
    fn origin(&self) -> Origin<'_> {
        let SweepReport { machine, version, command, .. } = self.report;
        Origin { machine, version, command, event: "the sweep", subject: "targets" }
    }

    fn title(&self) -> String {
        title(self.report)
    }

    fn caption(&self) -> [String; 2] {
        prose::caption(self.report)
    }

    fn sheets(&self) -> Vec<Sheet> {
        sheets::sheets(self)
    }

    fn everything(&self) -> Vec<Sheet> {
        if self.report.table.is_some() { sheets::everything(self) } else { vec![] }
    }

    fn latencies(&self, all: bool) -> Option<Sheet> {
        sheets::latencies(self, all)
    }

    fn findings(&self) -> Vec<Finding> {
        let is_decided = |place: usize| self.verdicts.get(place).map(|verdict| verdict.chosen.is_some());
        let finding = |(place, text)| Finding { text, is_decided: is_decided(place) };
        prose::verdicts(self).into_iter().enumerate().map(finding).collect()
    }

    fn notes(&self, sheets: &[Sheet]) -> Vec<String> {
        prose::notes(self, sheets)
    }

    fn charts(&self) -> String {
        charts::charts(self)
    }

    fn how(&self) -> String {
        how(self.report)
    }

    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        csv::write(self, out)
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write(self, out)
    }
}

/// What was swept over what, in short.
fn title(report: &SweepReport) -> String {
    let jobs: Vec<&str> = report.rows.iter().map(|row| row.setting.job.name()).collect();
    let mut jobs: Vec<&str> = jobs.chunk_by(|one, other| one == other).map(|same| same[0]).collect();
    jobs.dedup();
    let what = jobs.join(" and ");
    match report.table {
        Some(table) => format!("haul sweep: {} ({what})", table.name()),
        None => format!("haul sweep: {what}"),
    }
}

/// How it was measured, in two sentences.
fn how(report: &SweepReport) -> String {
    let control = match report.controls.len() {
        0 => "",
        1 => ", one of them twice, as a check on noise",
        _ => ", one of each group of alternatives twice, as a check on noise",
    };
    let settings = count(report.rows.len() as u64, "setting");
    let each = if report.rows.len() == 1 { "was" } else { "were each" };
    format!(
        "{settings} {each} run once to warm up, and then once in each of {}, in an order shuffled anew every time{control}. \
         Times are of the job alone, from its first system call to its last; what comes before and after a run, such as \
         removing the last target, is not in them.",
        count(report.rounds as u64, "round"),
    )
}

#[cfg(test)]
mod tests;
