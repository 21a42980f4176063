//! Which flags are worth having: what the confirming sweeps carry, and nothing that they do not.
//!
//! Flags are given to a command, not to a case. So of copy only those are worth having that are surely faster in one of its
//! cases and surely slower in no other, and that were held against the defaults in all of them. All statements of a tuning hold at
//! 95 % together: each interval is as wide as that takes (Bonferroni).

use std::collections::BTreeMap;

use serde::Serialize;

use super::candidates::row_of;
use crate::lab::sweep::figures::Figures;
use crate::lab::sweep::verdict::{noise_of, ratio};
use crate::measure::interval::{PairedRatio, confidence_of_each, fewest_for};
use crate::outcome::{Candidate, Ended, SweepReport, TuneReport, TunedCase};
use crate::plan::{Flags, SweepJob, TuneCase};

/// The least gain that is worth a flag: 3 %.
pub const LEAST_GAIN: f64 = 0.03;

/// What a candidate is beside the defaults in one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Surely faster, by more than the noise and the least gain.
    Faster,
    /// Surely slower, by more than the noise.
    Slower,
    /// Surely no further apart than the least gain, or than the noise.
    Alike,
    /// Enough rounds, and none of these can be told: the interval is too wide.
    Unclear,
    /// Too few rounds, or too few that showed what they should.
    Unknown,
}

/// A candidate beside the defaults in one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Where.
    pub case: TuneCase,
    /// Who.
    pub flags: Flags,
    /// Median time of the defaults, ns.
    pub defaults_ns: u64,
    /// Median time with the flags, ns.
    pub flags_ns: u64,
    /// How many times as long it takes with the flags; `None` of no round in which both count.
    pub ratio: Option<PairedRatio>,
    /// How far apart two runs of the same setting were there: 0.01 is 1 %.
    pub noise: Option<f64>,
    /// What that comes to.
    pub verdict: Verdict,
}

impl Finding {
    /// The gain below which it would not have been called faster: its interval would have reached 1 yet, or the noise.
    fn unseen(&self) -> Option<f64> {
        let ratio = self.ratio?;
        // Times vary by factors: flags that take half of the time have an interval half as wide.
        Some((1.0 - ratio.ratio / ratio.interval?.high).max(self.noise?).max(LEAST_GAIN))
    }
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
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
    /// Whose flags.
    pub job: SweepJob,
    /// Which.
    pub flags: Flags,
    /// What becomes of them.
    pub fate: Fate,
}

/// What a tuning comes to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Advice {
    /// Statements that are made at once.
    pub statements: usize,
    /// Rounds that so many statements take.
    pub rounds_needed: usize,
    /// Every candidate in every case that was confirmed.
    pub findings: Vec<Finding>,
    /// Every candidate.
    pub choices: Vec<Choice>,
    /// A gain below this would not have been seen in some case: 0.1 is 10 %; `None` where every difference is known.
    pub unseen: Option<f64>,
    /// The flags to use, by the variable that takes them, such as `HAUL_COPY_OPTIONS`; none if the defaults are as good.
    pub options: BTreeMap<String, String>,
}

impl Advice {
    /// What a report carries.
    pub fn of(report: &TuneReport) -> Self {
        let open = |job| report.cases.iter().filter(move |case| case.case.job() == job && case.left_out.is_none());
        let statements = statements(report);
        let judge = Judge { report, confidence: confidence_of_each(statements) };
        let pairs =
            report.candidates.iter().flat_map(|candidate| open(candidate.job).map(move |case| (candidate, case)));
        let findings: Vec<Finding> = pairs.filter_map(|(candidate, case)| judge.finding(candidate, case)).collect();
        let fate = |candidate: &Candidate| fate(candidate, &findings, open(candidate.job).count());
        let mut choices: Vec<Choice> = report
            .candidates
            .iter()
            .map(|candidate| Choice { job: candidate.job, flags: candidate.flags, fate: fate(candidate) })
            .collect();
        for job in [SweepJob::Copy, SweepJob::Gzip] {
            choose_one(&mut choices, job, &findings);
        }
        let rounds_needed = fewest_for(statements);
        let unseen = findings.iter().filter(|finding| finding.verdict == Verdict::Unclear).filter_map(Finding::unseen);
        let unseen = unseen.max_by(f64::total_cmp);
        Self { statements, rounds_needed, unseen, options: options(&choices), findings, choices }
    }

    /// How much longer flags may take at most in a case where they are not faster: 0.02 is 2 %.
    pub fn worst(&self, choice: &Choice) -> Option<f64> {
        let others = of(&self.findings, choice.job, choice.flags).filter(|one| one.verdict != Verdict::Faster);
        let most = others.filter_map(|one| Some(one.ratio?.interval?.high - 1.0)).max_by(f64::total_cmp);
        most.map(|most| most.max(0.0))
    }
}

/// Statements that are made at once: every candidate in every case that can be had.
pub(super) fn statements(report: &TuneReport) -> usize {
    let cases = report.cases.iter().filter(|case| case.left_out.is_none());
    let of = |case: &TunedCase| report.candidates.iter().filter(|one| one.job == case.case.job()).count();
    cases.map(of).sum()
}

struct Judge<'a> {
    report: &'a TuneReport,
    confidence: f64,
}

impl Judge<'_> {
    fn finding(&self, candidate: &Candidate, case: &TunedCase) -> Option<Finding> {
        let confirmed = case.confirmed.as_ref()?;
        let row = |flags| row_of(confirmed, flags, case, self.report.cores);
        let (base, row) = (row(Flags::default())?, row(candidate.flags)?);
        let ratio = ratio(confirmed, row, base, self.confidence);
        let noise = noise_of(confirmed, row).map(|noise| noise.floor);
        let median = |place: usize| Figures::of(&confirmed.rows[place]).wall_ns_median;
        let verdict = if is_finished(confirmed) { verdict(ratio, noise) } else { Verdict::Unknown };
        Some(Finding {
            case: case.case,
            flags: candidate.flags,
            defaults_ns: median(base),
            flags_ns: median(row),
            ratio,
            noise,
            verdict,
        })
    }
}

/// Whether a sweep ended as it should: what was cut short proves nothing.
const fn is_finished(report: &SweepReport) -> bool {
    matches!(report.ended, Ended::Rounds | Ended::Narrow | Ended::Budget)
}

/// What a ratio says where two runs of the same setting are so far apart.
fn verdict(ratio: Option<PairedRatio>, noise: Option<f64>) -> Verdict {
    let (Some(PairedRatio { ratio, interval: Some(interval), .. }), Some(noise)) = (ratio, noise) else {
        return Verdict::Unknown;
    };
    let gain = 1.0 - ratio;
    if interval.high < 1.0 && gain >= LEAST_GAIN && gain > noise {
        Verdict::Faster
    } else if interval.low > 1.0 && -gain > noise {
        Verdict::Slower
    } else if interval.reach(1.0) <= noise.max(LEAST_GAIN) {
        Verdict::Alike
    } else {
        Verdict::Unclear
    }
}

/// What becomes of a candidate by itself, of whose job there are so many cases.
fn fate(candidate: &Candidate, findings: &[Finding], cases: usize) -> Fate {
    let own = || of(findings, candidate.job, candidate.flags);
    let any = |verdict| own().any(|finding| finding.verdict == verdict);
    if own().count() < cases || any(Verdict::Unknown) {
        Fate::Unfinished
    } else if !any(Verdict::Faster) {
        Fate::NotFaster
    } else if any(Verdict::Slower) {
        Fate::Mixed
    } else {
        Fate::Recommended
    }
}

fn of(findings: &[Finding], job: SweepJob, flags: Flags) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(move |finding| finding.case.job() == job && finding.flags == flags)
}

/// Leaves one of those that are worth having: of those that are about as fast as the fastest, the one with the fewest
/// flags.
fn choose_one(choices: &mut [Choice], job: SweepJob, findings: &[Finding]) {
    // The mean over the cases, as of factors.
    let score = |flags| {
        let ratios: Vec<f64> =
            of(findings, job, flags).filter_map(|finding| finding.ratio).map(|ratio| ratio.ratio.ln()).collect();
        (ratios.iter().sum::<f64>() / ratios.len().max(1) as f64).exp()
    };
    let is_good = |choice: &Choice| choice.job == job && choice.fate == Fate::Recommended;
    let good: Vec<(Flags, f64)> =
        choices.iter().filter(|choice| is_good(choice)).map(|choice| (choice.flags, score(choice.flags))).collect();
    let best = good.iter().map(|(_, score)| *score).fold(f64::INFINITY, f64::min);
    let about = good.iter().filter(|(_, score)| *score <= best * (1.0 + LEAST_GAIN));
    let chosen = about.min_by(|(one, one_score), (other, other_score)| {
        one.count().cmp(&other.count()).then(one_score.total_cmp(other_score))
    });
    for choice in choices.iter_mut().filter(|choice| is_good(choice)) {
        if chosen.is_none_or(|(flags, _)| *flags != choice.flags) {
            choice.fate = Fate::Outdone;
        }
    }
}

fn options(choices: &[Choice]) -> BTreeMap<String, String> {
    let recommended = choices.iter().filter(|choice| choice.fate == Fate::Recommended);
    let variable = |job: SweepJob| format!("HAUL_{}_OPTIONS", job.name().to_uppercase());
    recommended.map(|choice| (variable(choice.job), choice.flags.to_string())).collect()
}

#[cfg(test)]
mod tests;
