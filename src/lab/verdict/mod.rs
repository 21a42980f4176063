//! The setting to use: the smallest that is surely nearly as good as the best.
//!
//! Surely: with bounds that hold for all settings at once, in which the best is chosen again each time the rounds are
//! drawn again ([`crate::lab::stats::resample`]). Where the runs do not carry that, it says so, and what would.
//!
//! - this file: the verdict on each group of alternatives; `sentences`: in words;
//! - [`claim`]: what may be said of one setting beside another;
//! - `groups`: what the alternatives are, and their names; [`noise`](mod@noise): below what nothing is claimed;
//! - [`remarks`](mod@remarks): what else the rows say, of the pool and of batching; [`summary`]: knees, and what models come to.

pub mod claim;
pub(in crate::lab) mod groups;
pub mod noise;
pub mod remarks;
mod sentences;
pub mod summary;
pub(in crate::lab) mod text;

use std::fmt;

use serde::Serialize;

pub use self::claim::Claim;
use self::groups::{Group, Named, middle, paired};
pub use self::noise::{Noise, baseline_of, noise_of, noises, ratio, speedup};
pub use self::remarks::remarks;
use super::report::{Rank, Report};
use super::stats::interval::{Interval, fewest_for};
use super::stats::resample::{Slowdown, slowdowns};

/// Medians this near to each other look the same in a report of three digits.
const UNSEEN: f64 = 0.003;
/// A difference that everybody sees in such a report, however small the noise is.
const SEEN: f64 = 0.01;

/// Which of several settings to use, and what that rests on. Prints as a sentence or two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What tells these settings from the others of the report: "Level 9". `None` if there are no others.
    pub group: Option<String>,
    /// Index of the recommended setting among the report's rows; `None` where the runs do not carry a recommendation.
    pub chosen: Option<usize>,
    /// Index of the setting with the least median.
    pub best: usize,
    /// Indexes of the settings that are as fast as the best to within what was asked (or the noise, if that is more), and
    /// not surely slower by more than the noise; itself among them, smallest first.
    pub indistinguishable: Vec<usize>,
    /// Indexes of those that may be as fast and may be slower by more than that; smallest first.
    pub undecided: Vec<usize>,
    /// How much slower than the best each setting is, smallest first.
    pub slowdowns: Vec<RowSlowdown>,
    /// How far apart two runs of the same setting are.
    pub noise: Option<Noise>,
    /// The verdict in words.
    pub text: String,
}

/// How much slower than the best a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RowSlowdown {
    /// Its index among the report's rows.
    pub row: usize,
    /// By how much.
    #[serde(flatten)]
    pub slowdown: Slowdown,
}

impl Verdict {
    /// The verdicts on a sweep: one for each group of settings that are alternatives to each other: of the same job,
    /// the same state of the cache, the same level. None where there is nothing to compare; see [`remarks`](fn@remarks)
    /// for rows that are left out.
    pub fn all_of(report: &Report) -> Vec<Self> {
        // What a disk does is told as it is: its settings answer questions of their own.
        if report.rank == Rank::Operation {
            return vec![];
        }
        let groups = Group::all_of(report);
        let comparable =
            |group: &&Group| group.rows.len() > 1 && group.rows.iter().all(|row| !report.rows[*row].samples.is_empty());
        let verdicts = groups.iter().filter(comparable).map(|group| {
            let mut verdict = Question::new(report, group, noise::of_group(report, group, &groups)).answer();
            verdict.group = group.title(&groups);
            if let Some(title) = &verdict.group {
                verdict.text.insert_str(0, &format!("{title}: "));
            }
            if report.rank == Rank::Durable {
                verdict.text.push_str(" Times are those until what was written is on the disk.");
            }
            verdict
        });
        verdicts.collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

struct Question<'a> {
    report: &'a Report,
    named: Named<'a>,
    best: usize,
    /// In which as many settings as can be are compared with the best.
    rounds: usize,
    /// Rounds that a verdict on so many settings takes.
    enough: usize,
    /// Smallest first.
    slowdowns: Vec<RowSlowdown>,
    noise: Option<Noise>,
}

impl<'a> Question<'a> {
    fn new(report: &'a Report, group: &'a Group, noise: Option<Noise>) -> Self {
        let samples = |row: usize| &report.rows[row].samples[..];
        let costs: Vec<_> = group.rows.iter().map(|row| report.costs(samples(*row))).collect();
        let slowdowns = group.rows.iter().zip(slowdowns(&costs, report.seed));
        let best = group.fastest(report);
        let others = group.rows.iter().filter(|row| **row != best);
        let shared = others.map(|row| paired(report, samples(*row), samples(best)).0.len());
        Self {
            report,
            named: Named::new(report, group),
            best,
            rounds: shared.max().unwrap_or(0).min(costs.iter().map(Vec::len).min().unwrap_or(0)),
            enough: fewest_for(group.rows.len() - 1),
            slowdowns: slowdowns.map(|(row, slowdown)| RowSlowdown { row: *row, slowdown }).collect(),
            noise,
        }
    }

    fn answer(self) -> Verdict {
        let (indistinguishable, undecided) = self.near();
        let chosen = self.smallest_within().filter(|_| self.floor() <= self.report.within);
        let alone = indistinguishable.len() == 1 && undecided.is_empty();
        let candidates: Vec<usize> =
            indistinguishable.iter().chain(&undecided).copied().chain(chosen.map(|chosen| chosen.row)).collect();
        let contradicted = self.contradicted(&candidates);
        let (chosen, text) = match chosen {
            _ if self.rounds < self.enough => (None, self.say_first_impression()),
            _ if contradicted.is_some() => (None, self.say_that_medians_contradict(contradicted)),
            Some(chosen) => (Some(chosen.row), self.say_choice(chosen, &indistinguishable, &undecided)),
            None if alone => (Some(self.best), self.say_the_surely_best()),
            None => (None, self.say_that_nobody_can_tell(&indistinguishable, &undecided)),
        };
        let (best, noise) = (self.best, self.noise);
        Verdict { group: None, chosen, best, indistinguishable, undecided, slowdowns: self.slowdowns, noise, text }
    }

    /// Differences below this are those that two runs of the same setting show.
    fn floor(&self) -> f64 {
        self.noise.as_ref().map_or(0.0, |noise| noise.floor)
    }

    fn smallest_within(&self) -> Option<RowSlowdown> {
        let is_within = |slowdown: &Slowdown| slowdown.bounds.is_some_and(|bounds| bounds.high <= self.report.within);
        self.slowdowns.iter().copied().find(|found| is_within(&found.slowdown))
    }

    /// Those that are as fast as the best, and those that may be. Of too few rounds nothing is told.
    fn near(&self) -> (Vec<usize>, Vec<usize>) {
        let near = self.slowdowns.iter().filter(|found| self.may_be_best(found));
        let (same, undecided): (Vec<_>, Vec<_>) = near.partition(|found| {
            found.row == self.best || found.slowdown.bounds.is_some_and(|bounds| reach(bounds) <= self.tolerance())
        });
        let rows = |found: Vec<&RowSlowdown>| found.iter().map(|found| found.row).collect();
        (rows(same), rows(undecided))
    }

    /// What still counts as the same.
    fn tolerance(&self) -> f64 {
        self.report.within.max(self.floor())
    }

    /// Whether its difference from the best may be none, or less than the noise; or whether its median says that it is.
    fn may_be_best(&self, found: &RowSlowdown) -> bool {
        let medians = self.by_medians(found.row);
        let least = found.slowdown.bounds.map(|bounds| bounds.low);
        found.row == self.best
            || least.is_none_or(|least| least <= self.floor())
            || medians.is_some_and(|apart| apart <= self.floor().max(UNSEEN))
    }

    /// How much slower than the best a setting is by the medians of both, which are what a table shows.
    fn by_medians(&self, row: usize) -> Option<f64> {
        let cost = |row: usize| middle(self.report, &self.report.rows[row].samples).map(|cost| cost.max(1) as f64);
        cost(row).zip(cost(self.best)).map(|(one, best)| one / best - 1.0)
    }

    /// Of these rows, the one of which medians and rounds say the most different things, by more than the noise: how much
    /// slower than the best it is by either. Bounds are of the rounds alone, so that nothing may be claimed then.
    fn contradicted(&self, rows: &[usize]) -> Option<(usize, f64, f64)> {
        let noise = self.noise.as_ref()?;
        let apart = |one: f64, other: f64| ((1.0 + one) / (1.0 + other)).ln().abs();
        let both = rows.iter().filter_map(|row| Some((*row, self.by_medians(*row)?, self.slowdown(*row)?.estimate)));
        let most = both.max_by(|one, other| apart(one.1, one.2).total_cmp(&apart(other.1, other.2)))?;
        (apart(most.1, most.2) > noise.floor.max(SEEN).ln_1p()).then_some(most)
    }

    fn slowdown(&self, row: usize) -> Option<Slowdown> {
        self.slowdowns.iter().find(|found| found.row == row).map(|found| found.slowdown)
    }
}

/// How far from the best something may be, either way.
fn reach(bounds: Interval) -> f64 {
    bounds.reach(0.0)
}

#[cfg(test)]
mod tests;
