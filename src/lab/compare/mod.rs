//! `haul compare`: two or more reports beside each other, setting by setting; each later one is compared with the first.
//!
//! The runs of two reports have nothing to do with each other, so that costs are compared as two lists and not round by
//! round. What is said of all settings and reports holds for all of them together, at 95 %; and nothing is said that is less
//! than two runs of the same setting differ by within either report.
//!
//! - this file: a comparison and whether it keeps a limit; `change`: what became of a setting;
//! - [`differences`](mod@differences): what else is not the same; `read`: a report out of a file; `old`: of formats before
//!   this one.

mod change;
pub mod differences;
mod old;
mod read;

use std::io::{self, Write};

use serde::Serialize;

pub use self::change::{Change, ComparedSetting};
use self::change::{change, matching_rows, together};
use self::differences::{Difference, differences, plain};
pub use self::read::read;
use super::machine::unrest;
use super::report::{Ended, Rank, Report, Subject};
use super::stats::interval::{Ratio, confidence_of_each};
use super::verdict::Claim;
use super::verdict::text::percent;
use crate::error::{Error, Quoted, Result};

/// What became of the settings of one report in later ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of this layout, [`Comparison::FORMAT`]: grows when a field changes its meaning or goes away.
    pub format: u32,
    /// By what settings are compared. Times are compared as they are, and operations on a disk by their rate.
    pub rank: Rank,
    /// The key of the metric that medians are of.
    pub metric: &'static str,
    /// The reports as they were named: at least two.
    pub reports: Vec<Compared>,
    /// Index of the report that the others are compared with.
    pub baseline: usize,
    /// One entry a setting that the baseline and another report have, in the order of the last report.
    pub settings: Vec<ComparedSetting>,
    /// The noise of what is compared, the most of all settings and reports: 0.012 is 1.2 %. `None` if none of them says.
    pub noise: Option<f64>,
    /// Below that a difference is as good as none: 0.05.
    pub limit: f64,
    /// The fewest runs of each setting in both reports that carry one of so many statements.
    pub fewest_runs: usize,
}

/// One of the reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// As the user named it: "old.json", "-".
    pub name: String,
    /// What measured.
    pub subject: Subject,
    /// Version of haul.
    pub version: String,
    /// The command line that asked for it.
    pub command: String,
    /// When it began, in UTC: "2026-12-01T11:56:37Z"; empty where it does not say.
    pub started: String,
    /// Whole rounds.
    pub rounds: usize,
    /// Why there are no more.
    pub ended: Ended,
    /// Labels of settings that are compared with nothing: of the baseline those that no other report has, of others those
    /// that the baseline does not have.
    pub unmatched: Vec<String>,
    /// What is not the same around it and the baseline.
    pub differences: Vec<Difference>,
    /// The ratio to the baseline of all settings, where they moved together and beyond the noise: then it is rather the
    /// machine that changed, or all of haul, than a setting. `None` where they did not.
    pub together: Option<f64>,
    /// What makes its own figures doubtful.
    pub warnings: Vec<String>,
}

/// Compares the settings that the first report and a later one have; reports are named as users name them. A difference within
/// `limit` (what the last report calls as good, if none is given) is as good as none. Fails where they cannot be compared.
pub fn compare(reports: &[(String, Report)], limit: Option<f64>) -> Result<Comparison> {
    let refused = |name: &str, why: String| Error::refused("compare", name, why);
    let [(first, baseline), later @ ..] = reports else { return Err(refused("", "there is no report".to_owned())) };
    let Some((_, last)) = later.last() else {
        return Err(refused(first, "there is no other report to compare it with".to_owned()));
    };
    for (name, report) in later {
        check(baseline, report, first).map_err(|why| refused(name, why))?;
    }
    let matches = matching_rows(baseline, later);
    let statements = matches.iter().flat_map(|(_, rows)| rows).flatten().count();
    let confidence = confidence_of_each(statements);
    let limit = limit.unwrap_or(last.within);
    let settings = matches.iter().filter_map(|(row, rows)| {
        let changes = rows
            .iter()
            .zip(later)
            .map(|(other, (_, report))| change((baseline, *row), (report, (*other)?), confidence, limit));
        ComparedSetting::of((baseline, *row), later, rows, changes.collect())
    });
    let settings: Vec<ComparedSetting> = settings.collect();
    let compared = reports.iter().enumerate().map(|(index, (name, report))| Compared {
        name: name.clone(),
        subject: report.subject,
        version: report.version.clone(),
        command: report.command.clone(),
        started: report.started.clone(),
        rounds: report.rounds,
        ended: report.ended,
        unmatched: unmatched(report, |row| match index.checked_sub(1) {
            None => matches.iter().any(|(first, _)| *first == row),
            Some(later) => matches.iter().any(|(_, rows)| rows[later] == Some(row)),
        }),
        differences: if index == 0 { vec![] } else { differences(baseline, report) },
        together: index.checked_sub(1).and_then(|later| together(&settings, later)),
        warnings: unrest(&report.machine),
    });
    Ok(Comparison {
        format: Comparison::FORMAT,
        rank: baseline.rank,
        metric: baseline.rank.metric().key(),
        reports: compared.collect(),
        baseline: 0,
        noise: settings.iter().flat_map(ComparedSetting::known).filter_map(|change| change.noise).reduce(f64::max),
        limit,
        fewest_runs: Ratio::fewest(confidence),
        settings,
    })
}

/// Why a report cannot be compared with the first one, if that is so.
fn check(baseline: &Report, report: &Report, first: &str) -> std::result::Result<(), String> {
    let first = Quoted(first.as_ref());
    let is_disk = |report: &Report| report.subject == Subject::Disk;
    if is_disk(baseline) != is_disk(report) {
        let [was, is] = [baseline, report].map(|report| report.subject.name());
        return Err(format!("it is of haul {is}, and {first} is of haul {was}: name reports of the same"));
    }
    if baseline.rank != report.rank {
        let [was, is] = [baseline.rank, report.rank].map(|rank| match rank {
            Rank::Wall => "the time of a run",
            Rank::Durable => "the time until what a run wrote is on the disk",
            Rank::Operation => "the time of an operation",
        });
        return Err(format!("it ranks settings by {is}, and {first} by {was}: measure both by the same"));
    }
    Ok(())
}

fn unmatched(report: &Report, is_matched: impl Fn(usize) -> bool) -> Vec<String> {
    let rows = (0..report.rows.len()).filter(|row| !is_matched(*row));
    rows.map(|row| plain(&report.label(row))).collect()
}

impl Comparison {
    /// The version of the layout that this program writes.
    pub const FORMAT: u32 = 2;

    /// What a report is called: "the new report", "report 3".
    pub fn name(&self, report: usize) -> String {
        match (self.reports.len(), report) {
            (2, 0) => "the old report".to_owned(),
            (2, _) => "the new report".to_owned(),
            (_, report) => format!("report {}", report + 1),
        }
    }

    /// The changes from the first report to the last, with their settings.
    pub(in crate::lab) fn last_changes(&self) -> impl Iterator<Item = (&ComparedSetting, &Change)> {
        self.settings.iter().filter_map(|setting| Some((setting, setting.changes.last()?.as_ref()?)))
    }

    /// Why the last report does not keep a limit beside the first, setting by setting: nothing if it does. What is surely
    /// below it keeps it, whatever the noise. What may be above it, and is known to within no more than the limit, keeps it
    /// too: it is not surely slower. What is known less well than that does not: whoever sets a limit wants to know.
    pub fn exceeding(&self, limit: f64) -> Vec<String> {
        if self.last_changes().next().is_none() {
            let both = if self.reports.len() == 2 { "both reports" } else { "the first and the last report" };
            return vec![format!("no setting is in {both}, so nothing can be told")];
        }
        self.last_changes().filter_map(|(setting, change)| self.exceeds(setting, change, limit)).collect()
    }

    fn exceeds(&self, setting: &ComparedSetting, change: &Change, limit: f64) -> Option<String> {
        let (label, limit_percent) = (&setting.label, percent(limit));
        let Some(interval) = change.interval else {
            let (runs, fewest) = (setting.runs.min(change.runs), self.fewest_runs);
            return Some(format!(
                "cannot tell whether {label} is more than {limit_percent} slower: one report has {runs} runs of it and \
                 {fewest} are needed; measure with --rounds {fewest} or more, or a longer --budget"
            ));
        };
        // Of a time what it takes more, of a rate what it does less.
        let [least, most] = match self.rank {
            Rank::Wall | Rank::Durable => [interval.low - 1.0, interval.high - 1.0],
            Rank::Operation => [1.0 - interval.high, 1.0 - interval.low],
        };
        if change.claim == Claim::Slower && least > limit {
            return Some(format!("{label} is more than {limit_percent} slower: {} at least, at 95%", percent(least)));
        }
        let noise = change.noise.unwrap_or(0.0);
        let is_known = interval.width() / 2.0 <= limit && noise <= limit;
        (most > limit && !is_known).then(|| {
            format!(
                "cannot tell whether {label} is more than {limit_percent} slower: it may be {} slower at 95%, noise {}; \
                 measure with more --rounds or a longer --budget, or on a quieter machine",
                percent(most),
                percent(noise)
            )
        })
    }

    /// What makes the changes mean less than they seem to.
    pub fn warnings(&self) -> Vec<String> {
        let unfinished = self.reports.iter().enumerate().filter_map(|(index, report)| {
            let how = match report.ended {
                Ended::NotYet => "is not finished",
                Ended::Interrupted => "was interrupted",
                Ended::Failed => "failed before its end",
                Ended::Rounds | Ended::Converged | Ended::Budget => return None,
            };
            Some(format!("the measurement of {} {how}", self.name(index)))
        });
        let differing = (0..self.reports.len()).flat_map(|index| {
            use differences::Part;
            let of = [
                (Part::Machine, "not the same machine"),
                (Part::Identity, "not the same machine and disk (by their hash)"),
                (Part::OtherPrograms, "not as busy a machine"),
                (Part::Data, "not the same data"),
            ];
            of.map(|(part, what)| self.told(index, part, what))
        });
        unfinished.chain(differing.flatten()).collect()
    }

    /// What of this part is not the same in a report and the baseline, after `what`; `None` if nothing.
    pub(in crate::lab) fn told(&self, report: usize, part: differences::Part, what: &str) -> Option<String> {
        let of_part = self.reports[report].differences.iter().filter(|difference| difference.of == part);
        let list: Vec<String> = of_part.map(|found| format!("{} {} → {}", found.what, found.old, found.new)).collect();
        let of = if self.reports.len() == 2 { String::new() } else { format!("{}: ", self.name(report)) };
        (!list.is_empty()).then(|| format!("{of}{what}: {}", list.join("; ")))
    }

    /// Writes everything for programs, and a line end after it; with a limit, whether it is kept.
    pub fn json(&self, fail_above: Option<f64>, out: &mut dyn Write) -> io::Result<()> {
        #[derive(Serialize)]
        struct Document<'a> {
            #[serde(flatten)]
            comparison: &'a Comparison,
            #[serde(flatten)]
            limit: Option<Limit>,
        }
        #[derive(Serialize)]
        struct Limit {
            fail_above: f64,
            /// Why it is not kept; empty if it is.
            exceeding: Vec<String>,
        }
        let limit = fail_above.map(|fail_above| Limit { fail_above, exceeding: self.exceeding(fail_above) });
        serde_json::to_writer_pretty(&mut *out, &Document { comparison: self, limit })?;
        writeln!(out)
    }
}

#[cfg(test)]
mod tests;
