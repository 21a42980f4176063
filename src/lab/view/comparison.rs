//! What a comparison says: of two reports all figures of each change, of more a column of changes for each later report.

use super::chart;
use super::numbers::{Scale, count, percent, signed, three_digits};
use super::page::{Column, Finding, Page, Table};
use crate::error::Quoted;
use crate::lab::compare::differences::Part;
use crate::lab::compare::{Change, Compared, ComparedSetting, Comparison};
use crate::lab::report::{MIB, Rank};
use crate::lab::setting::Axis;
use crate::lab::stats::interval::Interval;
use crate::lab::subject::disk::plan::Load;
use crate::lab::verdict::Claim;

impl Comparison {
    /// The same for people; `fail_above` is the limit that was set.
    pub(in crate::lab) fn page(&self, fail_above: Option<f64>) -> Page {
        let table = if self.is_trend() { self.trend_table() } else { self.table() };
        let warnings_of_reports = self.reports.iter().enumerate().flat_map(|(index, report)| {
            let named = move |warning: &String| format!("in {}: {warning}", self.name(index));
            report.warnings.iter().map(named)
        });
        Page {
            title: format!(
                "haul compare: {} reports of haul {}",
                self.reports.len(),
                self.reports[self.baseline].subject.name()
            ),
            caption: self.caption(),
            tables: if self.settings.is_empty() { vec![] } else { vec![table] },
            // What the reports warn of holds for what they say together, too.
            warnings: self.warnings().into_iter().chain(warnings_of_reports).collect(),
            notes: self.notes(),
            findings: self.findings(fail_above),
            ..Page::default()
        }
    }

    /// Whether there are so many reports that changes have one column each.
    fn is_trend(&self) -> bool {
        self.reports.len() > 2
    }

    /// "new"; "report 3".
    fn heading(&self, report: usize) -> String {
        match (self.is_trend(), report) {
            (true, report) => self.name(report),
            (false, 0) => "old".to_owned(),
            (false, _) => "new".to_owned(),
        }
    }

    /// "report 3 to report 1".
    fn last_to_first(&self) -> String {
        format!("{} to {}", self.heading(self.reports.len() - 1), self.heading(self.baseline))
    }

    /// Which reports these are, and how much time lies between them.
    fn caption(&self) -> Vec<String> {
        let first = seconds(&self.reports[self.baseline].started);
        let line = |(index, report): (usize, &Compared)| {
            let started = seconds(&report.started);
            let date = started.map(|_| format!("{} {} UTC", &report.started[..10], &report.started[11..16]));
            let other = first.zip(started).filter(|(first, this)| first != this);
            let since = other.map(|(first, this)| since(first, this));
            let known = [date, since, Some(count(report.rounds as u64, "round"))];
            let known = known.into_iter().flatten().collect::<Vec<_>>().join(", ");
            format!("{}: {}, {known}", self.heading(index), Quoted(report.name.as_ref()))
        };
        self.reports.iter().enumerate().map(line).collect()
    }

    /// Two reports: every figure of a change. What goes first where there is no room is what follows from the others.
    fn table(&self) -> Table {
        let lines: Vec<[String; 6]> = self
            .settings
            .iter()
            .filter_map(|setting| Some(self.cells(setting, setting.changes.first()?.as_ref()?)))
            .collect();
        let columns = [("setting", 0), ("old", 2), ("new", 1), ("change", 0), ("at 95%", 3), ("verdict", 0)];
        let column = |(index, (heading, rank)): (usize, (&str, u8))| Column {
            heading: heading.to_owned(),
            cells: lines.iter().map(|line| line[index].clone()).collect(),
            rank,
            is_text: matches!(heading, "setting" | "verdict"),
        };
        Table { columns: columns.into_iter().enumerate().map(column).collect(), ..Table::default() }
    }

    fn cells(&self, setting: &ComparedSetting, change: &Change) -> [String; 6] {
        let ends = |ends: Interval| format!("{} to {}", signed(ends.low), signed(ends.high));
        let interval = change.interval.map_or_else(|| format!("({})", ends(change.range)), ends);
        let [old, new] = self.medians(setting, [setting.median.1, change.median.1]);
        let claim = if change.claim == Claim::TooFewRuns { "too few runs" } else { change.claim.text() };
        [setting.label.clone(), old, new, signed(change.ratio), interval, claim.to_owned()]
    }

    /// Values that stand side by side have one unit.
    fn medians<const N: usize>(&self, setting: &ComparedSetting, values: [f64; N]) -> [String; N] {
        if self.rank != Rank::Operation {
            let scale = Scale::of(self.rank.metric().unit(), values.into_iter());
            return values.map(|value| scale.cell(value));
        }
        let moves_in_order = matches!(setting.setting.named(Axis::Load), Some(Load::Read | Load::Write));
        let block = setting.setting.number(Axis::Block).filter(|_| moves_in_order);
        values.map(|operations| match block {
            Some(bytes) => format!("{} MiB/s", three_digits(operations * bytes as f64 / MIB)),
            None => format!("{}/s", three_digits(operations)),
        })
    }

    /// More reports: the first median, and the change to each later one. Where there is no room the last one stays.
    fn trend_table(&self) -> Table {
        let text = |heading: &str, rank, cells| Column { heading: heading.to_owned(), cells, rank, is_text: true };
        let labels = self.settings.iter().map(|setting| setting.label.clone()).collect();
        let medians = self.settings.iter().map(|setting| self.medians(setting, [setting.median.1]).concat()).collect();
        let first = Column { is_text: false, ..text(&self.heading(0), 1, medians) };
        let later = (1..self.reports.len()).map(|report| {
            let changes: Vec<_> = self.settings.iter().map(|setting| setting.changes[report - 1].as_ref()).collect();
            let figures: Vec<String> = changes.iter().map(|change| change.map_or_else(String::new, figure)).collect();
            let width = figures.iter().map(String::len).max().unwrap_or(0);
            let cells = changes.iter().zip(figures).map(|(change, figure)| match change {
                Some(change) => format!("{figure:>width$} {}", sign(change.claim)),
                None => format!("{:>width$}", "-"),
            });
            // The last one has 0, those before it ever more.
            let rank = match self.reports.len() - 1 - report {
                0 => 0,
                distance => u8::try_from(distance + 1).unwrap_or(u8::MAX),
            };
            text(&self.heading(report), rank, cells.collect())
        });
        Table { columns: [text("setting", 0, labels), first].into_iter().chain(later).collect(), ..Table::default() }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![];
        let has = |claim| self.settings.iter().flat_map(ComparedSetting::known).any(|change| change.claim == claim);
        if self.is_trend() && !self.settings.is_empty() {
            let unclear = if has(Claim::CannotTell) || has(Claim::TooFewRuns) { "; ?: cannot tell" } else { "" };
            let few = if has(Claim::TooFewRuns) { "; (in brackets): too few runs" } else { "" };
            let first = self.heading(self.baseline);
            notes.push(format!("{first}: medians; the other columns are changes from them{unclear}{few}"));
        } else if has(Claim::TooFewRuns) {
            notes.push("(in brackets): from the least ratio to the greatest; so few runs carry no interval".to_owned());
        }
        for (index, report) in self.reports.iter().enumerate() {
            if !report.unmatched.is_empty() {
                notes.push(format!("only in {}: {}", self.name(index), report.unmatched.join("; ")));
            }
        }
        for (part, what) in [(Part::Program, "not the same haul"), (Part::Command, "not the same")] {
            notes.extend((0..self.reports.len()).filter_map(|index| self.told(index, part, what)));
        }
        notes
    }

    /// What came of it: what moved together or one way, what to do, whether the limit is kept, and last how many settings
    /// changed.
    fn findings(&self, fail_above: Option<f64>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = vec![];
        let mut find = |is_decided, text| findings.push(Finding { text, is_decided });
        for (index, report) in self.reports.iter().enumerate() {
            if let Some(ratio) = report.together {
                let of = if self.is_trend() { format!("{}: ", self.name(index)) } else { String::new() };
                let text = "rather the machine, or all of haul, than a setting. Measure again, in turns, to see which";
                find(None, format!("{of}all settings moved together, by {}: {text}", signed(ratio)));
            }
        }
        for text in self.trends() {
            find(Some(true), text);
        }
        let cannot_tell = |change: &Change| matches!(change.claim, Claim::CannotTell | Claim::TooFewRuns);
        if self.settings.iter().flat_map(ComparedSetting::known).any(cannot_tell) {
            let (limit, fewest) = (percent(self.limit), self.fewest_runs);
            let again = if self.is_trend() { "measure" } else { "measure both" };
            find(
                Some(false),
                format!(
                    "cannot tell: to know these within {limit}, {again} again with more --rounds ({fewest} at least) or a \
                     longer --budget, or on a quieter machine"
                ),
            );
        }
        if let Some(limit) = fail_above {
            let exceeding = self.exceeding(limit);
            let of = if self.is_trend() { format!(", {}", self.last_to_first()) } else { String::new() };
            if exceeding.is_empty() {
                find(Some(true), format!("passed{of}: nothing is surely more than {} slower", percent(limit)));
            }
            for why in exceeding {
                find(Some(true), format!("FAILED{of}: {why}"));
            }
        }
        find(None, self.counts());
        findings
    }

    /// "slower in every report: 64K (+12.0% in all)".
    fn trends(&self) -> Vec<String> {
        let sentence = |claim: Claim| {
            let moved = self.last_changes().filter(|(setting, _)| setting.trend == Some(claim));
            let moved = moved.map(|(setting, change)| format!("{} ({} in all)", setting.label, signed(change.ratio)));
            let moved: Vec<String> = moved.collect();
            (!moved.is_empty()).then(|| format!("{} in every report: {}", claim.text(), moved.join(", ")))
        };
        [Claim::Slower, Claim::Faster].into_iter().filter_map(sentence).collect()
    }

    /// "2 slower, 4 same; noise 0.7% (two runs of the same setting)".
    fn counts(&self) -> String {
        let of = |claim| self.last_changes().filter(|(_, change)| change.claim == claim).count();
        let claims = [Claim::Slower, Claim::Faster, Claim::Same, Claim::CannotTell, Claim::TooFewRuns];
        let counts = claims.map(|claim| (of(claim), claim.text())).into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, text)| format!("{count} {text}")).collect();
        let counts = match counts[..] {
            [] if self.is_trend() => "no setting is in the first and the last report".to_owned(),
            [] => "no setting is in both reports".to_owned(),
            _ if self.is_trend() => format!("{}: {}", self.last_to_first(), counts.join(", ")),
            _ => counts.join(", "),
        };
        let noise = self.noise.map(|noise| format!("; noise {} (two runs of the same setting)", percent(noise)));
        counts + &noise.unwrap_or_default()
    }
}

/// "+3.1%"; in brackets where there are too few runs to say anything.
fn figure(change: &Change) -> String {
    let figure = signed(change.ratio);
    if change.claim == Claim::TooFewRuns { format!("({figure})") } else { figure }
}

/// A claim where there is little room.
const fn sign(claim: Claim) -> &'static str {
    match claim {
        Claim::Slower | Claim::Faster | Claim::Same => claim.text(),
        Claim::CannotTell | Claim::TooFewRuns => "?",
    }
}

/// Seconds from 1970 to "2026-12-01T11:56:37Z"; `None` of any other text.
fn seconds(time: &str) -> Option<i64> {
    let shape = |(index, byte): (usize, u8)| match index {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        19 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    if time.len() != 20 || !time.bytes().enumerate().all(shape) {
        return None;
    }
    let field = |from: usize, to: usize| time[from..to].parse::<i64>().ok();
    let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
    // Years begin in March, so that the day that some have more is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    Some(((days * 24 + field(11, 13)?) * 60 + field(14, 16)?) * 60 + field(17, 19)?)
}

/// "28 days later", in the largest unit of which there are two.
fn since(first: i64, this: i64) -> String {
    let (seconds, direction) = (first.abs_diff(this), if this < first { "earlier" } else { "later" });
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds >= 2 * size).unwrap_or((1, "second"));
    format!("{} {direction}", count((seconds + size / 2) / size, unit))
}

/// How settings went over the reports, drawn; nothing of two.
pub(super) fn chart(comparison: &Comparison) -> String {
    if !comparison.is_trend() {
        return String::new();
    }
    let names: Vec<String> = comparison.reports.iter().map(|report| report.name.clone()).collect();
    let ratios = |setting: &ComparedSetting| {
        let change = |change: &Option<Change>| {
            let change = change.as_ref()?;
            let ends = change.interval.unwrap_or(change.range);
            Some((change.ratio, ends.low, ends.high))
        };
        (
            setting.label.clone(),
            std::iter::once(Some((1.0, 1.0, 1.0))).chain(setting.changes.iter().map(change)).collect(),
        )
    };
    chart::trend(&names, &comparison.settings.iter().map(ratios).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
