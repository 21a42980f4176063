//! What a tuning found → text: for people, what was held against what and the lines to paste; for programs, everything.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use haul::error::Quoted;
use haul::lab::sweep::figures::Figures;
use haul::lab::tune::candidates::looked;
use haul::lab::tune::judge::{Advice, Choice, Fate, Finding, LEAST_GAIN, Verdict};
use haul::measure::interval::FEWEST;
use haul::measure::machine::unrest;
use haul::outcome::{Candidate, Ended, SweepReport, TuneReport, TunedCase};
use serde::Serialize;

use super::numbers::{TimeUnit, bytes, count, duration, nothing, percent, signed};
use super::table::write_wrapped;

const HEADINGS: [&str; 7] = ["case", "defaults", "flags", "with them", "change", "at 95%", "found"];

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a TuneReport,
    advice: &'a Advice,
}

/// A report with a line end after it: everything as JSON, or what people want to know.
pub(crate) fn render(report: &TuneReport, advice: &Advice, json: bool) -> io::Result<Vec<u8>> {
    let mut out = vec![];
    if json {
        serde_json::to_writer_pretty(&mut out, &Document { report, advice })?;
        writeln!(out)?;
    } else {
        Page { report, advice }.write(&mut out)?;
    }
    Ok(out)
}

struct Page<'a> {
    report: &'a TuneReport,
    advice: &'a Advice,
}

impl Page<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for line in self.caption() {
            write_wrapped(out, &line)?;
        }
        let mut table = Table::new();
        table
            .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header(HEADINGS)
            .add_rows(self.report.cases.iter().flat_map(|case| self.rows(case)));
        for (place, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 1));
            let is_number = matches!(place, 1 | 3 | 4 | 5);
            column.set_cell_alignment(if is_number { CellAlignment::Right } else { CellAlignment::Left });
        }
        writeln!(out)?;
        table.trim_fmt().lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
        writeln!(out)?;
        for line in self.remarks() {
            write_wrapped(out, &line)?;
        }
        writeln!(out)?;
        if self.advice.options.is_empty() {
            return writeln!(out, "{}", self.no_options());
        }
        // Each by itself on its line, and never wrapped: they are to be copied.
        let mut options = self.advice.options.iter();
        options.try_for_each(|(variable, flags)| writeln!(out, "export {variable}='{flags}'"))
    }

    fn caption(&self) -> [String; 3] {
        let report = self.report;
        let machine = report.cases.iter().find_map(|case| case.explored.as_ref()).map(|swept| &swept.machine);
        let machine = machine.map_or_else(String::new, |machine| format!(", {machine}"));
        let data = report.cases.iter().filter_map(|case| {
            let swept = case.explored.as_ref()?;
            let of = if swept.source_files > 1 { format!(" in {} files", swept.source_files) } else { String::new() };
            Some(format!("{}: {}{of}", case.case.name(), bytes(swept.source_bytes)))
        });
        [
            format!(
                "tune of {}: haul's own defaults and other flags, in {} of {}, seed {}",
                Quoted(&report.directory),
                duration(report.took_ns),
                duration(report.budget_ns),
                report.seed
            ),
            format!("data: {}", data.collect::<Vec<_>>().join("; ")),
            format!("machine: haul {}{machine}", report.version),
        ]
    }

    /// The rows of a case: one a candidate, or one that says why there is none.
    fn rows(&self, case: &TunedCase) -> Vec<[String; 7]> {
        let findings: Vec<&Finding> = self.advice.findings.iter().filter(|finding| finding.case == case.case).collect();
        if findings.is_empty() {
            let explored = case.explored.as_ref().and_then(|swept| swept.rows.first()).map(Figures::of);
            let time = explored.filter(|figures| figures.wall_ns_median > 0);
            let time = time.map_or_else(nothing, |figures| duration(figures.wall_ns_median));
            let why = self.why_nothing(case);
            return vec![[name(case), time, nothing(), nothing(), nothing(), nothing(), why]];
        }
        let first = |place: usize| if place == 0 { name(case) } else { String::new() };
        findings.into_iter().enumerate().map(|(place, finding)| cells(first(place), finding)).collect()
    }

    fn why_nothing(&self, case: &TunedCase) -> String {
        let has_candidates = self.report.candidates.iter().any(|one| one.job == case.case.job());
        match &case.left_out {
            Some(_) => "left out".to_owned(),
            None if case.explored.is_none() => "not measured".to_owned(),
            None if has_candidates || self.report.ended != Ended::Budget => "not confirmed".to_owned(),
            // At least one of what looks faster is confirmed.
            None => "no other flag looked faster".to_owned(),
        }
    }

    /// What the table does not say.
    fn remarks(&self) -> Vec<String> {
        let left_out =
            |case: &TunedCase| case.left_out.as_ref().map(|why| format!("{}: left out: {why}.", case.case.name()));
        let mut remarks: Vec<String> = self.report.cases.iter().filter_map(left_out).collect();
        remarks.extend(self.report.failure.as_ref().map(|why| format!("It failed: {why}.")));
        remarks.extend(self.advice.choices.iter().filter_map(|choice| self.mixed(choice)));
        remarks.extend(self.unfinished());
        remarks.extend(self.dropped());
        remarks.extend(self.outdone());
        remarks.extend(self.advice.choices.iter().filter_map(|choice| self.elsewhere(choice)));
        remarks.extend(self.company());
        if !self.advice.findings.is_empty() {
            remarks.push(format!(
                "A flag is worth having if it is surely faster, by {} or more at the median and by more than the noise (two \
                 runs of the same setting, here {}), in one case of its command, and not surely slower in any other; {} at \
                 once, at 95% together. Change: the median within rounds, which is not that of the two columns.",
                percent(LEAST_GAIN),
                self.noise(),
                count(self.advice.statements as u64, "comparison"),
            ));
        }
        let rounds = |swept: &Option<SweepReport>| swept.as_ref().map_or(0, |swept| swept.rounds);
        let of = |case: &TunedCase| {
            format!("{} {} and {}", case.case.name(), rounds(&case.explored), rounds(&case.confirmed))
        };
        let all: Vec<String> = self.report.cases.iter().map(of).collect();
        remarks.push(format!("Rounds that explored and confirmed: {}.", all.join("; ")));
        remarks
    }

    /// What looked faster and was never confirmed.
    fn dropped(&self) -> Option<String> {
        let of = |one: &Candidate| {
            let gain = looked(self.report, one).map_or_else(String::new, |ratio| format!(" {}", percent(1.0 - ratio)));
            format!("{} {} looked{gain} faster", one.job.name(), one.flags)
        };
        let all: Vec<String> = self.report.dropped.iter().map(of).collect();
        (!all.is_empty()).then(|| format!("No time to confirm: {}{}.", all.join(", "), self.budget_advice()))
    }

    /// More time helps where time was up.
    fn budget_advice(&self) -> &'static str {
        if self.report.ended == Ended::Budget { "; raise --budget" } else { "" }
    }

    /// How bad what is recommended may be where it does not help.
    fn elsewhere(&self, choice: &Choice) -> Option<String> {
        let worst = self.advice.worst(choice).filter(|_| choice.fate == Fate::Recommended)?;
        Some(format!("{}: at most {} slower in the other cases.", words(choice), percent(worst)))
    }

    /// Who else was at work when it began.
    fn company(&self) -> Vec<String> {
        let machine = self.report.cases.iter().find_map(|case| case.explored.as_ref()).map(|swept| &swept.machine);
        let mut all: Vec<String> =
            machine.map(unrest).unwrap_or_default().into_iter().map(|warning| format!("mind: {warning}")).collect();
        let beyond = |one: &Finding| one.flags.workers.is_some_and(|workers| workers > self.report.cores);
        if !all.is_empty() && self.advice.findings.iter().any(beyond) {
            all.push(
                "mind: more workers than cores also take time from other programs, which is no gain of the disk's"
                    .into(),
            );
        }
        all
    }

    /// What helps in one case and hurts in another.
    fn mixed(&self, choice: &Choice) -> Option<String> {
        let own = self.advice.findings.iter().filter(|one| one.case.job() == choice.job && one.flags == choice.flags);
        let cases = |verdict| {
            let cases = own.clone().filter(|one| one.verdict == verdict).map(|one| one.case.name());
            cases.collect::<Vec<_>>().join("; ")
        };
        (choice.fate == Fate::Mixed).then(|| {
            format!(
                "{}: faster here ({}) and slower there ({}): not for every day; type it where it helps.",
                words(choice),
                cases(Verdict::Faster),
                cases(Verdict::Slower)
            )
        })
    }

    /// What cannot be told, and what it would take.
    fn unfinished(&self) -> Option<String> {
        let own = |choice: &&Choice| choice.fate == Fate::Unfinished;
        let names: Vec<String> = self.advice.choices.iter().filter(own).map(words).collect();
        let rounds = self.advice.findings.iter().filter(|one| one.verdict == Verdict::Unknown);
        let rounds = rounds.map(|one| one.ratio.map_or(0, |ratio| ratio.rounds)).min().unwrap_or(0);
        (!names.is_empty()).then(|| {
            format!(
                "Cannot be told of {}: {} where {} are needed, in each case of the command{}.",
                names.join(", "),
                count(rounds as u64, "round"),
                self.advice.rounds_needed,
                self.budget_advice()
            )
        })
    }

    fn outdone(&self) -> Option<String> {
        let own = |choice: &&Choice| choice.fate == Fate::Outdone;
        let names: Vec<String> = self.advice.choices.iter().filter(own).map(words).collect();
        (!names.is_empty()).then(|| format!("As good or better than {} is what stands below.", names.join(", ")))
    }

    /// From the least to the greatest.
    fn noise(&self) -> String {
        let all = self.advice.findings.iter().filter_map(|finding| finding.noise);
        let (least, most) = all.fold((f64::INFINITY, 0.0_f64), |(least, most), one| (least.min(one), most.max(one)));
        let (least, most) = (percent(least), percent(most));
        if least == most { least } else { format!("{least} to {most}") }
    }

    /// Why there are no lines to paste.
    fn no_options(&self) -> String {
        let unfinished = self.advice.choices.iter().any(|choice| choice.fate == Fate::Unfinished);
        let explored = self.report.cases.iter().filter_map(|case| case.explored.as_ref());
        if self.report.ended != Ended::Budget {
            "it was not finished, so nothing is recommended".to_owned()
        } else if unfinished {
            "nothing is recommended that could not be told".to_owned()
        } else if !self.report.dropped.is_empty() {
            "nothing was distinguishably faster of what there was time to confirm; raise --budget".to_owned()
        } else if let Some(unseen) = self.advice.unseen {
            format!("nothing was distinguishably faster; gains below {} would not have been seen", percent(unseen))
        } else if explored.map(|swept| swept.rounds).any(|rounds| rounds < FEWEST) {
            format!("nothing was distinguishably faster, in fewer than {FEWEST} rounds of some case; raise --budget")
        } else {
            "the defaults are as good: no flag was distinguishably faster".to_owned()
        }
    }
}

fn name(case: &TunedCase) -> String {
    case.case.name().to_owned()
}

fn cells(name: String, finding: &Finding) -> [String; 7] {
    let unit = TimeUnit::of(finding.defaults_ns.max(finding.flags_ns));
    let time = |nanoseconds| format!("{} {}", unit.cell(nanoseconds), unit.name);
    let interval = finding.ratio.and_then(|ratio| ratio.interval);
    [
        name,
        time(finding.defaults_ns),
        finding.flags.to_string(),
        time(finding.flags_ns),
        finding.ratio.map_or_else(nothing, |ratio| signed(ratio.ratio)),
        interval.map_or_else(nothing, |interval| format!("{} to {}", signed(interval.low), signed(interval.high))),
        word(finding.verdict).to_owned(),
    ]
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Alike => "no difference",
        Verdict::Unclear => "cannot be told",
        Verdict::Unknown => "too few rounds",
    }
}

/// As people type it after `haul`.
fn words(choice: &Choice) -> String {
    format!("{} {}", choice.job.name(), choice.flags)
}

#[cfg(test)]
mod tests;
