//! What every report says, whatever it is of.

use std::io::{self, Write};

use haul::outcome::Machine;

use super::sheet::Sheet;

/// What a report says. Table, Markdown and HTML lay out the same; CSV and JSON are each kind's own.
pub(crate) trait Contents {
    /// Where it was made, and how.
    fn origin(&self) -> Origin<'_>;
    /// What was measured, in short.
    fn title(&self) -> String;
    /// What was measured, on what, and what did not vary.
    fn caption(&self) -> [String; 2];
    /// The tables, which answer the question that was asked.
    fn sheets(&self) -> Vec<Sheet>;
    /// All figures, where the tables show only some.
    fn everything(&self) -> Vec<Sheet> {
        vec![]
    }
    /// How long single calls took, if that was asked for; with `all` also those of calls that move no bytes.
    fn latencies(&self, _all: bool) -> Option<Sheet> {
        None
    }
    /// What came of it, in words.
    fn findings(&self) -> Vec<Finding>;
    /// What a reader must know so as not to misread the figures in these sheets.
    fn notes(&self, sheets: &[Sheet]) -> Vec<String>;
    /// HTML with the charts.
    fn charts(&self) -> String;
    /// How it was measured, in a few sentences.
    fn how(&self) -> String;
    /// One line a setting, raw numbers.
    fn csv(&self, out: &mut dyn Write) -> io::Result<()>;
    /// Everything, every single run included.
    fn json(&self, out: &mut dyn Write) -> io::Result<()>;
}

/// Where a report was made, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(super) machine: &'a Machine,
    /// Of haul.
    pub(super) version: &'a str,
    pub(super) command: &'a str,
    /// What was going on: "the sweep".
    pub(super) event: &'static str,
    /// What lies on the machine's file system: "targets".
    pub(super) subject: &'static str,
}

/// A sentence or two of what came of a measurement.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(super) text: String,
    /// Whether it recommends something; `None` of what is no recommendation at all.
    pub(super) is_decided: Option<bool>,
}
