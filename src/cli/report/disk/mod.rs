//! Results of a disk's measurement in words, cells and charts.
//!
//! - [`digest`] derives what all formats show; [`sheets`] and [`prose`] hold cells and lines; `charts` draws;
//! - [`csv`] and [`json`] are for programs.

mod charts;
mod csv;
mod digest;
#[cfg(test)]
pub(super) mod fixture;
mod json;
mod prose;
mod sheets;

use std::io::{self, Write};

use haul::outcome::DiskReport;

pub(crate) use self::digest::DiskDigest;
use super::contents::{Contents, Finding, Origin};
use super::sheet::Sheet;

impl Contents for DiskDigest<'_> {
    fn origin(&self) -> Origin<'_> {
        let DiskReport { machine, version, command, is_existing, .. } = self.report;
        let subject = if *is_existing { "what was read" } else { "scratch file" };
        Origin { machine, version, command, event: "the measurement", subject }
    }

    fn title(&self) -> String {
        "haul disk: ".to_owned() + &prose::place(self.report)
    }

    fn caption(&self) -> [String; 2] {
        prose::caption(self.report)
    }

    fn sheets(&self) -> Vec<Sheet> {
        sheets::sheets(self)
    }

    fn findings(&self) -> Vec<Finding> {
        prose::findings(self).into_iter().map(|text| Finding { text, is_decided: None }).collect()
    }

    fn notes(&self, sheets: &[Sheet]) -> Vec<String> {
        prose::notes(self, sheets)
    }

    fn charts(&self) -> String {
        charts::charts(self)
    }

    fn how(&self) -> String {
        prose::how(self.report)
    }

    fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        csv::write(self, out)
    }

    fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write(self, out)
    }
}

#[cfg(test)]
mod tests;
