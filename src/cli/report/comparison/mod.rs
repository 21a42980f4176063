//! Two reports beside each other → text: for people and for GitHub; [`json`]: for programs.

mod json;

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use haul::error::Quoted;
use haul::lab::compare::differences::{Difference, Part};
use haul::lab::compare::side::{AnySetting, Kind, Side};
use haul::lab::compare::{Change, Claim, Comparison, Middles};
use haul::measure::machine::unrest;
use haul::outcome::Ended;
use haul::plan::Load;

use super::numbers::{TimeUnit, count, percent, signed, three_digits};
use super::table::write_wrapped;
use crate::cli::compare::{CompareArgs, ComparisonFormat};

/// What there is to write.
pub(crate) struct Page<'a> {
    pub(crate) args: &'a CompareArgs,
    pub(crate) old: &'a Side,
    pub(crate) new: &'a Side,
    pub(crate) comparison: &'a Comparison,
    /// Why the limit is not kept; `None` if none was set.
    pub(crate) exceeding: Option<&'a [String]>,
}

const MIB: f64 = 1_048_576.0;
const HEADINGS: [&str; 6] = ["setting", "old", "new", "change", "at 95%", "verdict"];

/// Writes a comparison, and a line end after it.
pub(crate) fn write(page: &Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    match page.args.format {
        ComparisonFormat::Table => page.write_table(out),
        ComparisonFormat::Markdown => page.write_markdown(out),
        ComparisonFormat::Json => json::write(page, out),
    }
}

impl Page<'_> {
    /// What makes the times mean less than they seem to.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let about = |part, what| {
            let list = self.list(part);
            (!list.is_empty()).then(|| format!("{what}: {list}"))
        };
        let unfinished = |side, report: &Side| {
            let how = match report.ended {
                Ended::NotYet => "is not finished",
                Ended::Interrupted => "was interrupted",
                Ended::Failed => "failed before its end",
                Ended::Rounds | Ended::Narrow | Ended::Budget => return None,
            };
            let what = if report.kind == Kind::Disk { "measurement" } else { "sweep" };
            Some(format!("the {what} of the {side} report {how}"))
        };
        [
            unfinished("old", self.old),
            unfinished("new", self.new),
            about(Part::Machine, "not the same machine"),
            about(Part::Company, "not as busy a machine"),
            about(Part::Data, "not the same data"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn list(&self, part: Part) -> String {
        let of_part = self.comparison.differences.iter().filter(|difference| difference.of == part);
        let said = of_part.map(|Difference { what, old, new, .. }| format!("{what} {old} → {new}"));
        said.collect::<Vec<_>>().join("; ")
    }

    fn write_table(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in self.caption() {
            write_wrapped(out, &line)?;
        }
        if !self.comparison.changes.is_empty() {
            let mut table = Table::new();
            table
                .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
                .set_content_arrangement(ContentArrangement::Disabled)
                .set_header(HEADINGS)
                .add_rows(self.comparison.changes.iter().map(cells));
            for (place, column) in table.column_iter_mut().enumerate() {
                column.set_padding((0, 1));
                let is_text = place == 0 || place == HEADINGS.len() - 1;
                column.set_cell_alignment(if is_text { CellAlignment::Left } else { CellAlignment::Right });
            }
            writeln!(out, "\n{}", table.trim_fmt())?;
        }
        writeln!(out)?;
        self.closing().iter().try_for_each(|line| write_wrapped(out, line))
    }

    fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let [old, new] = self.caption();
        writeln!(out, "{old}  \n{new}\n")?;
        if !self.comparison.changes.is_empty() {
            writeln!(out, "| {} |\n|:---|---:|---:|---:|---:|:---|", HEADINGS.join(" | "))?;
            for change in &self.comparison.changes {
                writeln!(out, "| {} |", cells(change).map(|cell| cell.replace('|', r"\|")).join(" | "))?;
            }
            writeln!(out)?;
        }
        self.closing().iter().try_for_each(|line| writeln!(out, "- {line}"))
    }

    /// Which reports these are.
    fn caption(&self) -> [String; 2] {
        [("old", &self.args.old, self.old), ("new", &self.args.new, self.new)]
            .map(|(side, path, report)| format!("{side}: {}, {}", Quoted(path), count(report.rounds as u64, "round")))
    }

    /// What stands below the table.
    fn closing(&self) -> Vec<String> {
        let mut lines = vec![self.count()];
        let has = |claim| self.comparison.changes.iter().any(|change| change.claim == claim);
        if has(Claim::CannotTell) || has(Claim::Unknown) {
            let limit = percent(self.comparison.limit);
            let fewest = self.comparison.fewest_runs;
            lines.push(format!(
                "cannot tell: to know these within {limit}, measure both again with more --rounds ({fewest} at least) or a longer \
                 --budget, or on a quieter machine"
            ));
        }
        if let Some(ratio) = self.comparison.together {
            lines.push(format!(
                "all settings moved together, by {}: rather the machine, or all of haul, than a setting. Measure both again, in \
                 turns, to see which",
                signed(ratio)
            ));
        }
        if has(Claim::Unknown) {
            lines.push("(in brackets): from the least ratio to the greatest; so few runs carry no interval".to_owned());
        }
        for (list, side) in [(&self.comparison.only_old, "old"), (&self.comparison.only_new, "new")] {
            if !list.is_empty() {
                lines.push(format!("only in the {side} report: {}", list.join("; ")));
            }
        }
        let program = self.list(Part::Program);
        lines.extend((!program.is_empty()).then(|| format!("haul: {program}")));
        let command = self.list(Part::Command);
        lines.extend((!command.is_empty()).then(|| format!("note: not the same {command}")));
        lines.extend(self.warnings().into_iter().map(|warning| format!("warning: {warning}")));
        // What the reports warn of is no less true of what they say together.
        for (side, report) in [("old", self.old), ("new", self.new)] {
            lines
                .extend(unrest(&report.machine).iter().map(|warning| format!("mind: in the {side} report: {warning}")));
        }
        if let Some((exceeding, limit)) = self.exceeding.zip(self.args.fail_above) {
            lines.extend(exceeding.iter().map(|why| format!("FAILED: {why}")));
            lines.extend(
                exceeding.is_empty().then(|| format!("passed: nothing is surely more than {} slower", percent(limit))),
            );
        }
        lines
    }

    /// "2 slower, 4 same; noise 0.7% (two runs of the same setting)".
    fn count(&self) -> String {
        let of = |claim| self.comparison.changes.iter().filter(|change| change.claim == claim).count();
        let claims = [Claim::Slower, Claim::Faster, Claim::Same, Claim::CannotTell, Claim::Unknown];
        let counts = claims.map(|claim| (of(claim), word(claim)));
        let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        let counts = if counts.is_empty() { "no setting is in both reports".to_owned() } else { counts };
        let noise = self.comparison.noise;
        let noise = noise.map(|noise| format!("; noise {} (two runs of the same setting)", percent(noise)));
        counts + &noise.unwrap_or_default()
    }
}

const fn word(claim: Claim) -> &'static str {
    match claim {
        Claim::Slower => "slower",
        Claim::Faster => "faster",
        Claim::Same => "same",
        Claim::CannotTell => "cannot tell",
        Claim::Unknown => "cannot tell: too few runs",
    }
}

fn cells(change: &Change) -> [String; 6] {
    let ends = |low: f64, high: f64| format!("{} to {}", signed(low), signed(high));
    let interval = match change.interval {
        Some(interval) => ends(interval.low, interval.high),
        None => format!("({})", ends(change.range.low, change.range.high)),
    };
    let [old, new] = middles(change);
    [change.label.clone(), old, new, signed(change.ratio), interval, word(change.claim).to_owned()]
}

/// Old and new stand side by side: one unit for both.
fn middles(change: &Change) -> [String; 2] {
    match change.middles {
        Middles::Times { old_ns_median: old, new_ns_median: new } => {
            let unit = TimeUnit::of(old.max(new));
            [old, new].map(|nanoseconds| format!("{} {}", unit.cell(nanoseconds), unit.name))
        }
        Middles::Rates { old_operations_per_second, new_operations_per_second, bytes_per_operation } => {
            let moves_in_order = matches!(change.setting,
                AnySetting::Disk(setting) if matches!(setting.load, Load::Read | Load::Write));
            let mib = bytes_per_operation.filter(|_| moves_in_order).map(|bytes| bytes as f64 / MIB);
            [old_operations_per_second, new_operations_per_second].map(|operations| match mib {
                Some(mib) => format!("{} MiB/s", three_digits(operations * mib)),
                None => format!("{}/s", three_digits(operations)),
            })
        }
    }
}

#[cfg(test)]
mod tests;
