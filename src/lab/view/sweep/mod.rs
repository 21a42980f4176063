//! What the page of a sweep says.
//!
//! - this file: caption, verdicts and warnings; [`tables`]: its tables; [`notes`]: what a reader must know of them.

mod notes;
mod tables;

use super::derived::Derived;
use super::machine;
use super::notes::{not_measured, rounds};
use super::numbers::{bytes, count};
use super::page::{Finding, Page};
use crate::error::Quoted;
use crate::lab::machine::warnings;
use crate::lab::plan::{CacheState, TableName};
use crate::lab::report::{Data, Report};
use crate::lab::setting::Axis;
use crate::lab::verdict::groups::and;
use crate::lab::verdict::remarks;
use crate::lab::verdict::summary::{everywhere, knees};
use crate::size::BufferSize;

/// What a sweep's report says.
pub(super) fn page(derived: &Derived<'_>) -> Page {
    let report = derived.report;
    let tables = tables::tables(derived);
    let all_figures = if report.table.is_some() { tables::all_figures(derived) } else { vec![] };
    let explained = [&tables[..], &all_figures[..]].concat();
    let source_bytes = report.data.iter().map(|data| data.bytes).max().unwrap_or(0);
    let has_cold = report.rows.iter().any(|row| row.setting.named(Axis::Cache) == Some(CacheState::Cold));
    Page {
        title: title(report),
        caption: caption(report),
        latencies: tables::latencies(derived),
        warnings: [not_measured(report), warnings(&report.machine, source_bytes, has_cold)].concat(),
        notes: notes::notes(derived, &explained),
        machine: machine::lines(report),
        command: report.command.clone(),
        findings: findings(derived),
        lines_to_copy: vec![],
        tables,
        all_figures,
    }
}

/// What was swept over what, in short.
fn title(report: &Report) -> String {
    let mut jobs: Vec<&str> = report.rows.iter().filter_map(|row| row.setting.word(Axis::Job)).collect();
    jobs.dedup();
    let what = jobs.join(" and ");
    match report.table {
        Some(table) => format!("haul sweep: {} ({what})", table.name()),
        None => format!("haul sweep: {what}"),
    }
}

/// What was run on what, and what did not vary: two lines of a screen, as long as names are short.
fn caption(report: &Report) -> Vec<String> {
    let (_, fixed) = report.axes();
    // That there is a pool, and that directories are handed out in batches, is news only where it is otherwise.
    let is_usual = |axis: &Axis| {
        let is_on = report.rows.first().is_some_and(|row| row.setting.word(*axis) == Some("on"));
        matches!(axis, Axis::Pool | Axis::Batch) && is_on
    };
    let (what, how): (Vec<Axis>, Vec<Axis>) =
        fixed.into_iter().filter(|axis| !is_usual(axis)).partition(|axis| matches!(axis, Axis::Job | Axis::Cache));
    let phrases = |axes: Vec<Axis>| -> Vec<String> {
        let first = report.rows.first();
        axes.into_iter().filter_map(|axis| first?.setting.phrase(axis)).collect()
    };
    let what = phrases(what).join(", ");
    let what = if what.is_empty() { what } else { format!("{what}: ") };
    let data = report.data.first();
    let mut how = phrases(how);
    how.extend(data.and_then(|data| Some(format!("codec {}", data.codec.as_ref()?))));
    let block = data.and_then(|data| BufferSize::new(data.block_bytes?).ok());
    how.extend(block.map(|block| format!("block {block}")));
    let how = if how.is_empty() { String::new() } else { format!("{}; ", how.join(", ")) };
    vec![format!("{what}{}", source(report)), how + &rounds(report)]
}

/// What it ran on.
fn source(report: &Report) -> String {
    let Some(data) = report.data.first() else { return "no data".to_owned() };
    let size = |data: &Data| format!("{} in {}", bytes(data.bytes), count(data.files, "file"));
    if report.data.len() > 1 {
        let sizes: Vec<String> = report.data.iter().map(size).collect();
        return format!("generated data, {}", and(&sizes));
    }
    let size = size(data);
    match &data.path {
        Some(path) => format!("{}, {size}", Quoted(path)),
        None => format!("generated data, {size}"),
    }
}

/// The verdicts, or why there are none, and what else can be said.
fn findings(derived: &Derived<'_>) -> Vec<Finding> {
    let Derived { report, verdicts, .. } = derived;
    let said = |text: String| Finding { text, is_decided: None };
    let overall = everywhere(report, verdicts);
    let verdicts = verdicts
        .iter()
        .map(|verdict| Finding { is_decided: Some(verdict.chosen.is_some()), ..said(verdict.text.clone()) });
    let mut findings: Vec<Finding> = verdicts.collect();
    if findings.is_empty() {
        let has_levels = report.axes().0.contains(&Axis::Level);
        let why = match report.rows.len() {
            _ if report.rounds == 0 => "No round is done, so there is nothing to compare.",
            0 | 1 => "One setting was run, so there is nothing to compare.",
            _ if has_levels => {
                "Levels trade time for size, so there is no verdict between them: compare MiB/s with ratio."
            }
            _ => "No two settings are alternatives to each other, so there is no verdict.",
        };
        findings.push(said(why.to_owned()));
    }
    let knees = if report.table == Some(TableName::Workers) { knees(report) } else { vec![] };
    findings.extend(knees.into_iter().filter_map(|knee| knee.text).map(said));
    findings.extend(remarks(report).into_iter().map(said));
    findings.extend(overall.map(|text| Finding { is_decided: Some(true), text }));
    findings
}
