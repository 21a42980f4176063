//! A comparison for programs: every change with its figures, what differs around them, and whether a limit is kept.

use std::io::{self, Write};
use std::path::Path;

use haul::lab::compare::Comparison;
use haul::lab::compare::side::{self, Kind};
use serde::Serialize;

use super::Page;

/// Version of this layout: grows when a field changes its meaning or goes away.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    /// That of two sweeps says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    old: Side<'a>,
    new: Side<'a>,
    #[serde(flatten)]
    comparison: &'a Comparison,
    #[serde(flatten)]
    limit: Option<Limit<'a>>,
}

/// One of the two reports.
#[derive(Serialize)]
struct Side<'a> {
    report: String,
    version: &'a str,
    command: &'a str,
    rounds: usize,
}

#[derive(Serialize)]
struct Limit<'a> {
    fail_above: f64,
    /// Why it is not kept; empty if it is.
    exceeding: &'a [String],
}

pub(super) fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let limit = page.exceeding.zip(page.args.fail_above);
    let document = Document {
        format: FORMAT,
        kind: (page.new.kind == Kind::Disk).then(|| page.new.kind.name()),
        old: Side::of(&page.args.old, page.old),
        new: Side::of(&page.args.new, page.new),
        comparison: page.comparison,
        limit: limit.map(|(exceeding, fail_above)| Limit { fail_above, exceeding }),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

impl<'a> Side<'a> {
    fn of(path: &Path, report: &'a side::Side) -> Self {
        let (version, command) = (&report.version, &report.command);
        Self { report: path.display().to_string(), version, command, rounds: report.rounds }
    }
}
