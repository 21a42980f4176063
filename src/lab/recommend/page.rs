//! What a tuning found, as a page: how each option compares with the defaults, and the lines to copy.

use super::advice::{Advice, Choice, Finding, LEAST_GAIN, Outcome, advice};
use super::cases::with_options;
use super::plan::{Case, Options};
use crate::error::Quoted;
use crate::lab::figures::Figures;
use crate::lab::machine::unrest;
use crate::lab::metric::Metric;
use crate::lab::report::{Ended, Report, Row, Tuning};
use crate::lab::stats::interval::FEWEST;
use crate::lab::verdict::Claim;
use crate::lab::view::machine;
use crate::lab::view::numbers::{bytes, count, duration, nothing, percent, signed};
use crate::lab::view::page::{Column, Finding as Sentence, Page, Table};

/// Headings, in what order columns go where there is not enough room, and whether they hold words.
const COLUMNS: [(&str, u8, bool); 7] = [
    ("case", 0, true),
    ("options", 0, true),
    ("defaults", 20, false),
    ("with them", 10, false),
    ("change", 1, false),
    ("at 95%", 5, false),
    ("found", 0, true),
];

/// The page of a tuning.
pub(in crate::lab) fn page(report: &Report) -> Page {
    let (none, advice) = (Tuning::default(), advice(report));
    let tuning = report.tuning.as_ref().unwrap_or(&none);
    let tuned = Tuned { report, tuning, advice: &advice };
    let path = report.data.iter().find_map(|data| data.path.as_deref().or(data.target.as_deref()));
    let path = path.map(|path| Quoted(path).to_string()).unwrap_or_default();
    Page {
        title: format!("haul tune: {path}"),
        caption: tuned.caption(&path),
        tables: vec![tuned.table()],
        warnings: tuned.warnings(),
        notes: tuned.notes(),
        machine: machine::lines(report),
        command: report.command.clone(),
        findings: tuned.findings(),
        lines_to_copy: advice.options.iter().map(|(name, options)| format!("export {name}='{options}'")).collect(),
        ..Page::default()
    }
}

struct Tuned<'a> {
    report: &'a Report,
    tuning: &'a Tuning,
    advice: &'a Advice,
}

impl Tuned<'_> {
    fn caption(&self, path: &str) -> Vec<String> {
        let Self { report, tuning, .. } = self;
        let (explored, confirmed) = match (tuning.explored.is_empty(), self.advice.choices.is_empty()) {
            (true, _) => (report.rounds, 0),
            (false, true) => (tuning.explored_rounds, 0),
            (false, false) => (tuning.explored_rounds, report.rounds),
        };
        vec![
            format!(
                "tune of {path}: haul's own defaults and other options, in {} of {}",
                duration(report.took_ns),
                duration(tuning.budget_ns)
            ),
            format!(
                "explored in {}, confirmed in {}; seed {}",
                count(explored as u64, "round"),
                count(confirmed as u64, "round"),
                report.seed
            ),
        ]
    }

    fn table(&self) -> Table {
        let mut lines: Vec<[String; 7]> = vec![];
        let mut chosen = vec![];
        for case in self.cases() {
            let findings: Vec<&Finding> = self.advice.findings.iter().filter(|finding| finding.case == case).collect();
            if findings.is_empty() {
                lines.push(self.unconfirmed(case));
            }
            for (index, finding) in findings.into_iter().enumerate() {
                let is_chosen = |choice: &Choice| {
                    let same = (choice.job, choice.options) == (case.job(), finding.options);
                    same && choice.outcome == Outcome::Recommended
                };
                if self.advice.choices.iter().any(is_chosen) {
                    chosen.push(lines.len());
                }
                lines.push(cells(if index == 0 { case.name() } else { "" }, finding));
            }
        }
        let columns = COLUMNS.iter().enumerate().map(|(index, (heading, rank, is_text))| Column {
            heading: (*heading).to_owned(),
            cells: lines.iter().map(|line| line[index].clone()).collect(),
            rank: *rank,
            is_text: *is_text,
        });
        Table { columns: columns.collect(), chosen, ..Table::default() }
    }

    /// The cases that data was made for, in their order.
    fn cases(&self) -> Vec<Case> {
        self.report.data.iter().filter_map(|data| Case::named(data.case.as_deref()?)).collect()
    }

    /// The row of the defaults, as it was explored.
    fn explored(&self, case: Case) -> Option<&Row> {
        let defaults = with_options(Options::default(), case, self.tuning.cores);
        self.tuning.explored.iter().chain(&self.report.rows).find(|row| row.setting == defaults)
    }

    /// The line of a case that nothing was confirmed of, and why.
    fn unconfirmed(&self, case: Case) -> [String; 7] {
        let explored = self.explored(case);
        let wall = explored.and_then(|row| Figures::of(row).median(Metric::Wall));
        let has_candidates = self.advice.choices.iter().any(|choice| choice.job == case.job());
        let why = match explored {
            None if self.is_left_out(case) => "left out",
            None => "not measured",
            Some(_) if has_candidates || self.had_no_time(case) || !self.is_finished() => "not confirmed",
            Some(_) => "nothing looked faster",
        };
        let time = wall.map_or_else(nothing, |wall| duration(wall as u64));
        [case.name().to_owned(), nothing(), time, nothing(), nothing(), nothing(), why.to_owned()]
    }

    /// Whether an option of its job looked faster that there was no time to confirm.
    fn had_no_time(&self, case: Case) -> bool {
        let job = format!("{} ", case.job().name());
        self.tuning.not_confirmed.iter().any(|options| options.starts_with(&job))
    }

    fn is_left_out(&self, case: Case) -> bool {
        self.report.left_out.iter().any(|line| line.starts_with(&format!("{}: ", case.name())))
    }

    const fn is_finished(&self) -> bool {
        matches!(self.report.ended, Ended::Rounds | Ended::Converged | Ended::Budget)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.report.failure.iter().map(|why| format!("it failed: {why}")).collect();
        warnings.extend(self.report.left_out.iter().map(|case| format!("left out: {case}")));
        let others = unrest(&self.report.machine);
        let beyond = |one: &Finding| one.options.workers.is_some_and(|workers| workers > self.tuning.cores);
        if !others.is_empty() && self.advice.findings.iter().any(beyond) {
            let why = "more workers than cores also take time from other programs, which is not a gain of the disk's";
            warnings.push(why.to_owned());
        }
        warnings.extend(others);
        warnings
    }

    fn notes(&self) -> Vec<String> {
        let data = self.report.data.iter().map(|data| {
            let files = if data.files > 1 { format!(" in {} files", data.files) } else { String::new() };
            format!("{}: {}{files}", data.case.as_deref().unwrap_or_default(), bytes(data.bytes))
        });
        let mut notes = vec![format!("data: {}", data.collect::<Vec<_>>().join("; "))];
        if !self.advice.findings.is_empty() {
            notes.push(format!(
                "An option is worth having if it is surely faster, by {} or more at the median and by more than the noise \
                 (two runs of the same setting, here {}), in one case of its command, and not surely slower in any other; \
                 {} at once, at 95% together. change: the median within rounds, which is not that of the two columns.",
                percent(LEAST_GAIN),
                self.noise(),
                count(self.advice.statements as u64, "comparison"),
            ));
        }
        notes
    }

    /// The answer, and what is mixed, cannot be told or was not confirmed.
    fn findings(&self) -> Vec<Sentence> {
        let choices = &self.advice.choices;
        let beside = choices.iter().filter_map(|choice| self.mixed(choice).or_else(|| self.elsewhere(choice)));
        let beside = beside.chain(self.unfinished()).chain(self.not_confirmed()).chain(self.outdone());
        let beside = beside.map(|text| Sentence { text, is_decided: None });
        std::iter::once(self.answer()).chain(beside).collect()
    }

    fn answer(&self) -> Sentence {
        let recommended = self.recommended().ok_or_else(|| self.why_nothing());
        let (is_decided, text) = match recommended {
            Ok(text) => (true, text),
            Err(Some(why)) => (false, why),
            Err(None) => (true, "Use the defaults: no option was surely faster.".to_owned()),
        };
        Sentence { text, is_decided: Some(is_decided) }
    }

    fn recommended(&self) -> Option<String> {
        let good = self.named(Outcome::Recommended, " and ")?;
        let lines = if self.advice.options.len() == 1 { "line below sets it" } else { "lines below set them" };
        Some(format!("Use {good}. The {lines} in a shell's profile."))
    }

    /// Why it is not known whether the defaults are as good.
    fn why_nothing(&self) -> Option<String> {
        let Advice { choices, unseen, .. } = self.advice;
        let is_unfinished = choices.iter().any(|choice| choice.outcome == Outcome::Unfinished);
        let had_no_time = !self.tuning.not_confirmed.is_empty();
        let why = if !self.is_finished() {
            "It was not finished, so nothing is recommended."
        } else if is_unfinished {
            "Nothing is recommended: there were too few rounds to confirm what looked faster."
        } else if had_no_time && choices.is_empty() {
            "Nothing is recommended: there was no time to confirm what looked faster; raise --budget."
        } else if had_no_time {
            "Nothing was surely faster of what there was time to confirm; raise --budget."
        } else if let Some(unseen) = unseen {
            return Some(format!(
                "Nothing was surely faster; gains below {} would not have been seen.",
                percent(*unseen)
            ));
        } else if self.tuning.explored_rounds < FEWEST {
            return Some(format!("Nothing was surely faster, in fewer than {FEWEST} rounds; raise --budget."));
        } else {
            return None;
        };
        Some(why.to_owned())
    }

    /// More time helps where it was not cut short.
    fn budget_advice(&self) -> &'static str {
        if self.is_finished() { "; raise --budget" } else { "" }
    }

    /// How bad what is recommended may be where it does not help.
    fn elsewhere(&self, choice: &Choice) -> Option<String> {
        let worst = self.advice.worst(choice).filter(|_| choice.outcome == Outcome::Recommended)?;
        Some(format!("{}: at most {} slower in the other cases.", words(choice), percent(worst)))
    }

    /// What helps in one case and hurts in another.
    fn mixed(&self, choice: &Choice) -> Option<String> {
        let own = self.advice.findings.iter();
        let own = own.filter(|one| (one.case.job(), one.options) == (choice.job, choice.options));
        let cases = |claim| {
            let cases = own.clone().filter(|one| one.claim == claim).map(|one| one.case.name());
            cases.collect::<Vec<_>>().join("; ")
        };
        (choice.outcome == Outcome::Mixed).then(|| {
            format!(
                "{}: faster in one case ({}) and slower in another ({}): not for every day; type it where it helps.",
                words(choice),
                cases(Claim::Faster),
                cases(Claim::Slower)
            )
        })
    }

    /// What cannot be told, and what it would take.
    fn unfinished(&self) -> Option<String> {
        let names = self.named(Outcome::Unfinished, ", ")?;
        let findings = self.advice.findings.iter().filter(|one| one.claim == Claim::TooFewRuns);
        let rounds = findings.map(|one| one.ratio.map_or(0, |ratio| ratio.rounds)).min().unwrap_or(0);
        Some(format!(
            "Cannot tell of {names}: {} where {} are needed, in each case of the command{}.",
            count(rounds as u64, "round"),
            self.advice.rounds_needed,
            self.budget_advice()
        ))
    }

    fn not_confirmed(&self) -> Option<String> {
        let all = &self.tuning.not_confirmed;
        (!all.is_empty()).then(|| format!("No time to confirm: {}{}.", all.join(", "), self.budget_advice()))
    }

    fn outdone(&self) -> Option<String> {
        Some(format!("No better than what is recommended: {}.", self.named(Outcome::Outdone, ", ")?))
    }

    fn named(&self, outcome: Outcome, between: &str) -> Option<String> {
        let own = self.advice.choices.iter().filter(|choice| choice.outcome == outcome);
        let names: Vec<String> = own.map(words).collect();
        (!names.is_empty()).then(|| names.join(between))
    }

    /// From the least to the greatest.
    fn noise(&self) -> String {
        let all = self.advice.findings.iter().filter_map(|finding| finding.noise);
        let (least, most) = all.fold((f64::INFINITY, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)));
        if least > most {
            return "unknown".to_owned();
        }
        let (least, most) = (percent(least), percent(most));
        if least == most { least } else { format!("{least} to {most}") }
    }
}

fn cells(case: &str, finding: &Finding) -> [String; 7] {
    let interval = finding.ratio.and_then(|ratio| ratio.interval);
    [
        case.to_owned(),
        finding.options.to_string(),
        duration(finding.defaults_ns),
        duration(finding.options_ns),
        finding.ratio.map_or_else(nothing, |ratio| signed(ratio.ratio)),
        interval.map_or_else(nothing, |interval| format!("{} to {}", signed(interval.low), signed(interval.high))),
        finding.claim.text().to_owned(),
    ]
}

/// As people type it after `haul`.
fn words(choice: &Choice) -> String {
    format!("{} {}", choice.job.name(), choice.options)
}

#[cfg(test)]
mod tests;
