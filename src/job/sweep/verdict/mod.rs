//! The setting to use: the smallest that is surely nearly as fast as the best.
//!
//! Surely: with bounds that hold for all settings at once, in which the best is chosen anew each time the rounds are
//! drawn again ([`crate::measure::resample`]). Where the runs do not carry that, it says so, and what would.
//!
//! - this file: the verdict on each group of alternatives, in words;
//! - `groups`: what the alternatives are, and their names; [`noise`](mod@noise): below what nothing is claimed;
//! - [`remarks`](mod@remarks): what else the rows say, of the pool and of batching.

pub(super) mod groups;
pub mod noise;
pub mod remarks;

use std::fmt;

use serde::Serialize;

use self::groups::{Group, Named, size, walls};
pub use self::noise::{Noise, noise, speedup};
pub use self::remarks::remarks;
use super::figures::Figures;
use crate::measure::interval::FEWEST;
use crate::measure::resample::{Slowdown, slowdowns};
use crate::outcome::SweepReport;

/// Rounds that nobody is told to run: whoever needs more needs a quieter machine.
const MOST_ROUNDS: f64 = 500.0;

/// Which of several settings to use, and what that rests on. Prints as a sentence or two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What tells these settings from the others of the report: "Level 9". `None` if there are no others.
    pub group: Option<String>,
    /// Place of the recommended setting among the report's rows; `None` where the runs do not carry a recommendation.
    pub chosen: Option<usize>,
    /// Place of the setting with the least median.
    pub best: usize,
    /// Places of the settings that cannot be told from the best, itself among them; smallest first.
    pub indistinguishable: Vec<usize>,
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
        let noise = noise(report);
        let comparable = |group: &&Group| {
            group.rows.len() > 1 && group.rows.iter().all(|place| !report.rows[*place].samples.is_empty())
        };
        let verdicts = groups.iter().filter(comparable).map(|group| {
            let mut verdict = Question::new(report, group, noise).answer();
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
    rounds: usize,
    /// Smallest first.
    slowdowns: Vec<RowSlowdown>,
    noise: Option<Noise>,
}

impl<'a> Question<'a> {
    fn new(report: &'a SweepReport, group: &'a Group, noise: Option<Noise>) -> Self {
        let all: Vec<Vec<u64>> = group.rows.iter().map(|place| walls(&report.rows[*place].samples)).collect();
        let walls: Vec<&[u64]> = all.iter().map(Vec::as_slice).collect();
        let slowdowns = group.rows.iter().zip(slowdowns(&walls, report.seed));
        Self {
            report,
            named: Named::new(report, group),
            best: group.fastest(report),
            rounds: walls.iter().map(|walls| walls.len()).min().unwrap_or(0),
            slowdowns: slowdowns.map(|(row, slowdown)| RowSlowdown { row: *row, slowdown }).collect(),
            noise,
        }
    }

    fn answer(self) -> Verdict {
        let chosen = self.smallest_within().filter(|_| self.floor() <= self.report.within);
        let indistinguishable = self.indistinguishable();
        let text = match chosen {
            Some(chosen) => self.say_choice(chosen, &indistinguishable),
            None if self.rounds < FEWEST => self.say_first_impression(),
            None => self.say_that_nobody_can_tell(&indistinguishable),
        };
        let (best, noise) = (self.best, self.noise);
        let chosen = chosen.map(|chosen| chosen.row);
        Verdict { group: None, chosen, best, indistinguishable, slowdowns: self.slowdowns, noise, text }
    }

    /// Differences below this are those that two runs of the same setting show.
    fn floor(&self) -> f64 {
        self.noise.map_or(0.0, |noise| noise.gap)
    }

    fn smallest_within(&self) -> Option<RowSlowdown> {
        let is_within = |slowdown: &Slowdown| slowdown.bounds.is_some_and(|bounds| bounds.high <= self.report.within);
        self.slowdowns.iter().copied().find(|found| is_within(&found.slowdown))
    }

    /// Those whose difference from the best may be none, or less than the noise. Of too few rounds nothing is told.
    fn indistinguishable(&self) -> Vec<usize> {
        let may_be_best = |found: &&RowSlowdown| {
            found.row == self.best || found.slowdown.bounds.is_none_or(|bounds| bounds.low <= self.floor())
        };
        self.slowdowns.iter().filter(may_be_best).map(|found| found.row).collect()
    }

    fn say_choice(&self, chosen: RowSlowdown, indistinguishable: &[usize]) -> String {
        let name = self.named.name(chosen.row);
        let said = if chosen.row == self.best {
            let least = size(&self.report.rows[chosen.row].setting);
            let has_smaller = self.slowdowns.iter().any(|found| size(&self.report.rows[found.row].setting) < least);
            let within = percent(self.report.within);
            let rest = if has_smaller {
                format!(", and nothing smaller is surely within {within} of it")
            } else {
                String::new()
            };
            format!("Use {name}: the fastest{rest}.")
        } else {
            // A bound below the noise would claim more than two runs of the same setting show.
            let at_most = chosen.slowdown.bounds.map_or(0.0, |bounds| bounds.high).max(self.floor());
            format!(
                "Use {name}: at most {} slower than the best ({}) at 95%, with {}.",
                percent(at_most),
                self.named.name(self.best),
                self.calls(chosen.row),
            )
        };
        said + &self.say_equals(indistinguishable)
    }

    /// Which settings are as fast as the best, if any.
    fn say_equals(&self, indistinguishable: &[usize]) -> String {
        if indistinguishable.len() < 2 {
            return String::new();
        }
        let list = self.named.list(indistinguishable);
        match self.floor() {
            floor if floor >= 0.0005 => format!(" As fast as each other, within noise {}: {list}.", percent(floor)),
            _ => format!(" As fast as each other: {list}."),
        }
    }

    fn say_first_impression(&self) -> String {
        let rounds = if self.rounds == 1 { "one round".to_owned() } else { format!("{} rounds", self.rounds) };
        format!(
            "First impression: {} is the fastest by its median of {rounds}. {FEWEST} rounds make a verdict at 95%: \
             --rounds {FEWEST}.",
            self.named.name(self.best),
        )
    }

    fn say_that_nobody_can_tell(&self, indistinguishable: &[usize]) -> String {
        let within = self.report.within;
        let surest = self.slowdowns.iter().filter_map(|found| Some((found.row, found.slowdown.bounds?.high)));
        let surest = surest.min_by(|one, other| one.1.total_cmp(&other.1));
        let (why, off) = match surest {
            Some((row, most)) if self.floor() <= within => {
                let why = format!("even {} may be {} slower than the best", self.named.name(row), percent(most));
                (why, most)
            }
            _ => (format!("the same setting run twice differs by {}", percent(self.floor())), self.floor()),
        };
        // The width of an interval goes with the root of the rounds.
        let rounds = (self.rounds as f64 * (off / within).powi(2)).ceil();
        let more = if rounds <= MOST_ROUNDS {
            format!("About {rounds} rounds would (--rounds {rounds})")
        } else {
            "More rounds would".to_owned()
        };
        format!(
            "Cannot tell what is within {} of the best: noise {}; {why}. {more}, or a quieter machine. {} is the fastest \
             by its median, and the best may be any of: {}.",
            percent(within),
            percent(self.spread()),
            self.named.name(self.best),
            self.named.list(indistinguishable),
        )
    }

    /// How far from each other two runs of the same setting may well be.
    fn spread(&self) -> f64 {
        let reach = |noise: Noise| noise.interval.map_or(noise.gap, |interval| interval.reach(1.0));
        self.noise.map_or(0.0, reach)
    }

    fn calls(&self, chosen: usize) -> String {
        let calls = |place: usize| Figures::of(&self.report.rows[place]).calls();
        match (calls(chosen), calls(self.best)) {
            (chosen, best) if chosen == best => format!("the same {chosen} calls"),
            (chosen, best) => format!("{chosen} calls instead of {best}"),
        }
    }
}

/// "3.9%"; "5%" of a whole number.
pub(super) fn percent(part: f64) -> String {
    let percent = format!("{:.1}", part * 100.0);
    format!("{}%", percent.strip_suffix(".0").unwrap_or(&percent))
}

#[cfg(test)]
mod tests;
