//! Two sweeps beside each other → text: for people and for GitHub; [`json`]: for programs.

mod json;

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use haul::error::Quoted;
use haul::job::compare::differences::{Difference, Part};
use haul::job::compare::{Change, Claim, Comparison};
use haul::outcome::{Ended, SweepReport};

use super::numbers::{TimeUnit, count, percent};
use super::table::write_wrapped;
use crate::cli::args::{CompareArgs, ComparisonFormat};

/// What there is to write.
pub(crate) struct Page<'a> {
    pub(crate) args: &'a CompareArgs,
    pub(crate) old: &'a SweepReport,
    pub(crate) new: &'a SweepReport,
    pub(crate) comparison: &'a Comparison,
    /// Why the limit is not kept; `None` if none was set.
    pub(crate) exceeding: Option<&'a [String]>,
}

const HEADINGS: [&str; 6] = ["setting", "old", "new", "change", "at 95%", "verdict"];

/// Writes a comparison, and a line end behind it.
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
        let unfinished = |side, report: &SweepReport| {
            let how = match report.ended {
                Ended::NotYet => "is not finished",
                Ended::Interrupted => "was interrupted",
                Ended::Failed => "failed before its end",
                Ended::Rounds | Ended::Narrow | Ended::Budget => return None,
            };
            Some(format!("the sweep of the {side} report {how}"))
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
                "cannot tell: to know these within {limit}, sweep both again with more --rounds ({fewest} at least), or on a \
                 quieter machine"
            ));
        }
        if let Some(ratio) = self.comparison.together {
            lines.push(format!(
                "all settings moved together, by {}: rather the machine, or all of haul, than a setting. Sweep both again, in \
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
    // Old and new stand side by side: one unit for both.
    let unit = TimeUnit::of(change.old_ns_median.max(change.new_ns_median));
    let time = |nanoseconds| format!("{} {}", unit.cell(nanoseconds), unit.name);
    [
        change.label.clone(),
        time(change.old_ns_median),
        time(change.new_ns_median),
        signed(change.ratio),
        interval,
        word(change.claim).to_owned(),
    ]
}

/// How much longer something takes, of a ratio: "+10.2%".
fn signed(ratio: f64) -> String {
    let text = format!("{:+.1}%", (ratio - 1.0) * 100.0);
    if text == "-0.0%" { "+0.0%".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use haul::outcome::SweepReport;

    use super::*;
    use crate::cli::report::sweep::fixture;

    /// A sweep of seven rounds, and the same with one setting slower and one faster.
    fn two() -> [SweepReport; 2] {
        let mut old = fixture::copy();
        for row in &mut old.rows {
            let first = row.samples[0].clone();
            row.samples = [1000, 1004, 996, 1002, 998, 1003, 1000]
                .map(|thousandths| {
                    let mut sample = first.clone();
                    sample.wall_ns = sample.wall_ns * thousandths / 1000;
                    sample
                })
                .to_vec();
        }
        old.rounds = 7;
        let mut new = old.clone();
        for (row, percent) in [(0, 110), (2, 70)] {
            new.rows[row].samples.iter_mut().for_each(|sample| sample.wall_ns = sample.wall_ns * percent / 100);
        }
        new.rows[3].samples.truncate(2);
        new.machine.kernel = Some("6.19.1".to_owned());
        new.version = "0.2.0".to_owned();
        new.source_bytes *= 2;
        [old, new]
    }

    fn text(format: ComparisonFormat) -> String {
        let args = CompareArgs { old: "old.json".into(), new: "new.json".into(), fail_above: Some(0.05), format };
        let [old, new] = two();
        let comparison = Comparison::of(&old, &new, Some(0.05));
        let exceeding = comparison.exceeding(0.05);
        let page = Page { args: &args, old: &old, new: &new, comparison: &comparison, exceeding: Some(&exceeding) };
        let mut out = vec![];
        write(&page, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_comparison_for_people() {
        let found = text(ComparisonFormat::Table);
        assert!(found == include_str!("../snapshots/compare.txt"), "found:\n{found}");
        assert!(found.lines().all(|line| line.chars().count() <= 120 && line.trim_end() == line), "{found}");
    }

    #[test]
    fn a_comparison_for_github() {
        let found = text(ComparisonFormat::Markdown);
        assert!(found == include_str!("../snapshots/compare.md"), "found:\n{found}");
    }

    #[test]
    fn a_comparison_for_programs() {
        let value: serde_json::Value = serde_json::from_str(&text(ComparisonFormat::Json)).unwrap();
        assert_eq!((&value["format"], &value["new"]["version"]), (&1.into(), &"0.2.0".into()));
        let claims: Vec<&str> =
            value["changes"].as_array().unwrap().iter().map(|change| change["claim"].as_str().unwrap()).collect();
        assert_eq!(claims, ["slower", "same", "faster", "unknown"]);
        assert_eq!(value["changes"][0]["setting"]["buffer_bytes"], 4096);
        assert_eq!(value["differences"][1]["of"], "machine");
        assert_eq!(value["exceeding"].as_array().unwrap().len(), 2, "{value:#}");
    }

    #[test]
    fn what_is_not_finished_is_warned_of_and_a_row_has_one_unit() {
        let args = CompareArgs { old: "a".into(), new: "b".into(), fail_above: None, format: ComparisonFormat::Table };
        let [mut old, mut new] = two();
        (old.ended, new.ended) = (Ended::NotYet, Ended::Interrupted);
        let comparison = Comparison::of(&old, &new, None);
        let page = Page { args: &args, old: &old, new: &new, comparison: &comparison, exceeding: None };
        let warnings = page.warnings();
        assert_eq!(
            warnings[..2],
            ["the sweep of the old report is not finished", "the sweep of the new report was interrupted"]
        );
        let mut change = comparison.changes[0].clone();
        (change.old_ns_median, change.new_ns_median) = (9_999_999, 12_345_678);
        assert_eq!(cells(&change)[1..3], ["10.0 ms", "12.3 ms"]);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!([signed(1.0), signed(0.99999), signed(1.102), signed(0.5)], ["+0.0%", "+0.0%", "+10.2%", "-50.0%"]);
    }
}
