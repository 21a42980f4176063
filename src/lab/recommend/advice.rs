//! Which options are worth having: what the confirming rounds carry, and nothing that they do not.
//!
//! Options are given to a command, not to a case. So of copy only those are worth having that are surely faster in one of its
//! cases and surely slower in no other, and that were held against the defaults in all of them. All statements of a tuning
//! hold at 95 % together: each interval is as wide as that takes (Bonferroni).

use std::collections::BTreeMap;

use serde::Serialize;

use super::candidates::row_of;
use super::cases::case_and_options;
use super::plan::{Case, Options};
use crate::lab::figures::Figures;
use crate::lab::metric::Metric;
use crate::lab::plan::SweepJob;
use crate::lab::report::{Ended, Report};
use crate::lab::setting::Axis;
use crate::lab::stats::interval::{PairedRatio, confidence_of_each, fewest_for};
use crate::lab::verdict::{Claim, noise_of, ratio};

/// The least gain that is worth an option: 3 %.
pub const LEAST_GAIN: f64 = 0.03;

/// A candidate beside the defaults in one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Where.
    pub case: Case,
    /// Which options.
    pub options: Options,
    /// Median time of the defaults, ns.
    pub defaults_ns: u64,
    /// Median time with the options, ns.
    pub options_ns: u64,
    /// How many times as long it takes with the options; `None` of no round in which both count.
    pub ratio: Option<PairedRatio>,
    /// How far apart two runs of the same setting were there: 0.01 is 1 %.
    pub noise: Option<f64>,
    /// What may be said of it.
    pub claim: Claim,
}

impl Finding {
    /// The gain below which it would not have been called faster: its interval would have reached 1 yet, or the noise.
    fn unseen(&self) -> Option<f64> {
        let ratio = self.ratio?;
        // Times vary by factors: options that take half of the time have an interval half as wide.
        Some((1.0 - ratio.ratio / ratio.interval?.high).max(self.noise?).max(LEAST_GAIN))
    }
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// To be used.
    Recommended,
    /// Another one is better, or as good and simpler.
    Outdone,
    /// Faster in one case and slower in another.
    Mixed,
    /// Surely faster in no case.
    NotFaster,
    /// It was not held against the defaults in all cases of its job, or not often enough.
    Unfinished,
}

/// A candidate and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Of which job.
    pub job: SweepJob,
    /// Which options.
    pub options: Options,
    /// What becomes of them.
    pub outcome: Outcome,
}

/// What a tuning comes to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Advice {
    /// Statements that are made at once.
    pub statements: usize,
    /// Rounds that so many statements take.
    pub rounds_needed: usize,
    /// Every candidate in every case.
    pub findings: Vec<Finding>,
    /// Every candidate.
    pub choices: Vec<Choice>,
    /// A gain below this would not have been seen in some case: 0.1 is 10 %; `None` where every difference is known.
    pub unseen: Option<f64>,
    /// The options to use, by the variable that takes them, such as `HAUL_COPY_OPTIONS`; none if the defaults are as good.
    pub options: BTreeMap<String, String>,
}

/// What a report of a tuning carries.
pub fn advice(report: &Report) -> Advice {
    let judge = Judge::new(report);
    let findings = judge.findings();
    let mut choices: Vec<Choice> = vec![];
    for (case, options) in &judge.tried {
        let (job, options) = (case.job(), *options);
        if options.count() > 0 && choices.iter().all(|choice| (choice.job, choice.options) != (job, options)) {
            choices.push(Choice { job, options, outcome: judge.outcome(job, options, &findings) });
        }
    }
    for job in [SweepJob::Copy, SweepJob::Gzip] {
        choose_one(&mut choices, job, &findings);
    }
    let unseen = findings.iter().filter(|finding| finding.claim == Claim::CannotTell).filter_map(Finding::unseen);
    let unseen = unseen.max_by(f64::total_cmp);
    let (statements, rounds_needed) = (judge.statements, fewest_for(judge.statements));
    Advice { statements, rounds_needed, unseen, options: by_variable(&choices), findings, choices }
}

impl Advice {
    /// How much longer options may take at most in a case where they are not faster: 0.02 is 2 %.
    pub fn worst(&self, choice: &Choice) -> Option<f64> {
        let others = of(&self.findings, choice.job, choice.options).filter(|one| one.claim != Claim::Faster);
        let most = others.filter_map(|one| Some(one.ratio?.interval?.high - 1.0)).max_by(f64::total_cmp);
        most.map(|most| most.max(0.0))
    }
}

struct Judge<'a> {
    report: &'a Report,
    cores: usize,
    /// The cases that can be run here.
    cases: Vec<Case>,
    /// The case and options of each row that was to be confirmed.
    tried: Vec<(Case, Options)>,
    statements: usize,
}

impl<'a> Judge<'a> {
    fn new(report: &'a Report) -> Self {
        let cores = report.tuning.as_ref().map_or(1, |tuning| tuning.cores);
        let cases = explored_cases(report);
        // Of what is still being explored nothing is claimed.
        let rows = if cases.is_empty() { &[] } else { &report.rows[..] };
        let tried: Vec<_> = rows.iter().filter_map(|row| case_and_options(&row.setting, cores)).collect();
        let statements = tried.iter().filter(|(_, options)| options.count() > 0).count();
        Self { report, cores, cases, tried, statements }
    }

    fn findings(&self) -> Vec<Finding> {
        self.tried.iter().filter_map(|(case, options)| self.finding(*case, *options)).collect()
    }

    fn finding(&self, case: Case, options: Options) -> Option<Finding> {
        let has_runs = |row: &usize| !self.report.rows[*row].samples.is_empty();
        let row = |options| row_of(self.report, options, case, self.cores).filter(has_runs);
        let (base, row) = (row(Options::default())?, row(options).filter(|_| options.count() > 0)?);
        let ratio = ratio(self.report, row, base, confidence_of_each(self.statements));
        let noise = noise_of(self.report, row).map(|noise| noise.floor);
        let median = |row: usize| Figures::of(&self.report.rows[row]).median(Metric::Wall).unwrap_or(0.0) as u64;
        let claim = if is_finished(self.report) { claim(ratio, noise) } else { Claim::TooFewRuns };
        Some(Finding { case, options, defaults_ns: median(base), options_ns: median(row), ratio, noise, claim })
    }

    /// What becomes of a candidate by itself.
    fn outcome(&self, job: SweepJob, options: Options, findings: &[Finding]) -> Outcome {
        let own = || of(findings, job, options);
        let any = |claim| own().any(|finding| finding.claim == claim);
        let cases = self.cases.iter().filter(|case| case.job() == job).count();
        if own().count() < cases || any(Claim::TooFewRuns) {
            Outcome::Unfinished
        } else if !any(Claim::Faster) {
            Outcome::NotFaster
        } else if any(Claim::Slower) {
            Outcome::Mixed
        } else {
            Outcome::Recommended
        }
    }
}

/// The cases of which something was explored: those that can be run here.
pub(super) fn explored_cases(report: &Report) -> Vec<Case> {
    let explored = report.tuning.iter().flat_map(|tuning| &tuning.explored);
    let cases: Vec<&str> = explored.filter_map(|row| row.setting.word(Axis::Case)).collect();
    Case::ALL.into_iter().filter(|case| cases.contains(&case.name())).collect()
}

/// Whether a tuning ended as it should: what was cut short proves nothing.
const fn is_finished(report: &Report) -> bool {
    matches!(report.ended, Ended::Rounds | Ended::Converged | Ended::Budget)
}

/// What a ratio says where two runs of the same setting are so far apart: the same as anywhere, but that a gain that is worth
/// no option is none.
fn claim(ratio: Option<PairedRatio>, noise: Option<f64>) -> Claim {
    let (Some(PairedRatio { ratio, interval: Some(interval), .. }), Some(noise)) = (ratio, noise) else {
        return Claim::TooFewRuns;
    };
    let limit = noise.max(LEAST_GAIN);
    match Claim::of(ratio, Some(interval), noise, limit) {
        Claim::Faster if 1.0 - ratio < LEAST_GAIN && interval.reach(1.0) <= limit => Claim::Same,
        Claim::Faster if 1.0 - ratio < LEAST_GAIN => Claim::CannotTell,
        claim => claim,
    }
}

fn of(findings: &[Finding], job: SweepJob, options: Options) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(move |finding| finding.case.job() == job && finding.options == options)
}

/// Leaves one of those that are worth having: of those that are about as fast as the fastest, the one with the fewest
/// options.
fn choose_one(choices: &mut [Choice], job: SweepJob, findings: &[Finding]) {
    // The mean over the cases, as of factors.
    let score = |options| {
        let ratios: Vec<f64> =
            of(findings, job, options).filter_map(|finding| finding.ratio).map(|ratio| ratio.ratio.ln()).collect();
        (ratios.iter().sum::<f64>() / ratios.len().max(1) as f64).exp()
    };
    let is_good = |choice: &Choice| choice.job == job && choice.outcome == Outcome::Recommended;
    let good: Vec<(Options, f64)> =
        choices.iter().filter(|choice| is_good(choice)).map(|choice| (choice.options, score(choice.options))).collect();
    let best = good.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
    let about = good.iter().filter(|(_, score)| *score <= best * (1.0 + LEAST_GAIN));
    let chosen = about.min_by(|(one, one_score), (other, other_score)| {
        one.count().cmp(&other.count()).then(one_score.total_cmp(other_score))
    });
    for choice in choices.iter_mut().filter(|choice| is_good(choice)) {
        if chosen.is_none_or(|(options, _)| *options != choice.options) {
            choice.outcome = Outcome::Outdone;
        }
    }
}

fn by_variable(choices: &[Choice]) -> BTreeMap<String, String> {
    let recommended = choices.iter().filter(|choice| choice.outcome == Outcome::Recommended);
    let variable = |job: SweepJob| format!("HAUL_{}_OPTIONS", job.name().to_uppercase());
    recommended.map(|choice| (variable(choice.job), choice.options.to_string())).collect()
}

#[cfg(test)]
mod tests;
