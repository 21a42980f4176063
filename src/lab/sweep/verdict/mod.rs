//! The setting to use: the smallest that is surely nearly as fast as the best.
//!
//! Surely: with bounds that hold for all settings at once, in which the best is chosen again each time the rounds are
//! drawn again ([`crate::measure::resample`]). Where the runs do not carry that, it says so, and what would.
//!
//! - this file: the verdict on each group of alternatives; `say`: in words;
//! - `groups`: what the alternatives are, and their names; [`noise`](mod@noise): below what nothing is claimed;
//! - [`remarks`](mod@remarks): what else the rows say, of the pool and of batching.

pub(super) mod groups;
pub mod noise;
pub mod remarks;
mod say;
pub(in crate::lab) mod words;

use std::fmt;

use serde::Serialize;

pub use self::groups::valid;
use self::groups::{Group, Named, middle, paired, walls};
pub(crate) use self::noise::noise_of;
pub use self::noise::{Noise, noises, ratio, speedup};
pub use self::remarks::remarks;
use crate::measure::interval::{Interval, fewest_for};
use crate::measure::resample::{Slowdown, slowdowns};
use crate::outcome::SweepReport;

/// Medians this near to each other look the same in a report of three digits.
const UNSEEN: f64 = 0.003;

/// Which of several settings to use, and what that rests on. Prints as a sentence or two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What tells these settings from the others of the report: "Level 9". `None` if there are no others.
    pub group: Option<String>,
    /// Place of the recommended setting among the report's rows; `None` where the runs do not carry a recommendation.
    pub chosen: Option<usize>,
    /// Place of the setting with the least median.
    pub best: usize,
    /// Places of the settings that are as fast as the best to within what was asked (or the noise, if that is more), and
    /// not surely slower by more than the noise; itself among them, smallest first.
    pub indistinguishable: Vec<usize>,
    /// Places of those that may be as fast and may be slower by more than that; smallest first.
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
    /// Its place among the report's rows.
    pub row: usize,
    /// By how much.
    #[serde(flatten)]
    pub slowdown: Slowdown,
}

impl Verdict {
    /// The verdicts on a sweep: one for each group of settings that are alternatives to each other: of the same job,
    /// the same state of the cache, the same level. None where there is nothing to compare; see [`remarks`](fn@remarks)
    /// for rows that are left out.
    pub fn all_of(report: &SweepReport) -> Vec<Self> {
        let groups = Group::all_of(report);
        let comparable = |group: &&Group| {
            group.rows.len() > 1 && group.rows.iter().all(|place| !report.rows[*place].samples.is_empty())
        };
        let verdicts = groups.iter().filter(comparable).map(|group| {
            let mut verdict = Question::new(report, group, noise::of_group(report, group, &groups)).answer();
            verdict.group = group.title(&groups);
            if let Some(title) = &verdict.group {
                verdict.text.insert_str(0, &format!("{title}: "));
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
    report: &'a SweepReport,
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
    fn new(report: &'a SweepReport, group: &'a Group, noise: Option<Noise>) -> Self {
        let samples = |place: usize| &report.rows[place].samples[..];
        let walls: Vec<_> = group.rows.iter().map(|place| walls(samples(*place))).collect();
        let slowdowns = group.rows.iter().zip(slowdowns(&walls, report.seed));
        let best = group.fastest(report);
        let others = group.rows.iter().filter(|place| **place != best);
        let shared = others.map(|place| paired(samples(*place), samples(best)).0.len());
        Self {
            report,
            named: Named::new(report, group),
            best,
            rounds: shared.max().unwrap_or(0).min(walls.iter().map(Vec::len).min().unwrap_or(0)),
            enough: fewest_for(group.rows.len() - 1),
            slowdowns: slowdowns.map(|(row, slowdown)| RowSlowdown { row: *row, slowdown }).collect(),
            noise,
        }
    }

    fn answer(self) -> Verdict {
        let (indistinguishable, undecided) = self.near();
        let chosen = self.smallest_within().filter(|_| self.floor() <= self.report.within);
        let alone = indistinguishable.len() == 1 && undecided.is_empty();
        let (chosen, text) = match chosen {
            _ if self.rounds < self.enough => (None, self.say_first_impression()),
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
        let wall = |place: usize| middle(&self.report.rows[place].samples).map(|wall| wall.max(1) as f64);
        let medians = wall(found.row).zip(wall(self.best)).map(|(one, best)| one / best - 1.0);
        let least = found.slowdown.bounds.map(|bounds| bounds.low);
        found.row == self.best
            || least.is_none_or(|least| least <= self.floor())
            || medians.is_some_and(|apart| apart <= self.floor().max(UNSEEN))
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
