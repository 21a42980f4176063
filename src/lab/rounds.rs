//! Rounds: in each of them everything is run once, in an order that is shuffled again, so that a busy minute of the machine
//! does not fall on one setting; until there are enough of them. What a run is, a [`Series`] knows.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::measure::random::Random;
use crate::outcome::Ended;
use crate::plan::Effort;

/// Where a measurement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What it does: "warming up", "round".
    pub what: &'static str,
    /// Runs of this kind that are done.
    pub done: usize,
    /// Runs of this kind that it takes, or, of rounds, that one takes.
    pub total: usize,
    /// The longest that the rounds still take, where that is known.
    pub left: Option<Duration>,
}

impl Step {
    /// Something that has no parts to be counted: "removing targets".
    pub const fn whole(what: &'static str) -> Self {
        Self { what, done: 0, total: 0, left: None }
    }
}

/// Who watches a measurement that fills a report `R`. It is told between runs, and nobody else watches: while a run lasts
/// nothing may draw, or the drawing would be measured with it.
pub trait Watcher<R> {
    /// A run is about to begin.
    fn step(&mut self, step: Step);
    /// This is what was measured so far: after warming up, and after each round.
    fn measured(&mut self, report: &R);
    /// An error as the report shows it.
    fn words(&self, error: &Error) -> String {
        error.to_string()
    }
}

/// What is run in rounds, and keeps what comes of it.
pub(super) trait Series {
    /// Runs in a round: one of every setting, and one more of each control's.
    fn runs(&self) -> usize;
    /// Run number `place` of a round is about to begin.
    fn announce(&mut self, step: Step);
    /// Makes it, and keeps what was measured.
    fn run(&mut self, place: usize) -> Result<()>;
    /// A round is over; so many are done now.
    fn round_is_over(&mut self, rounds: usize);
    /// Whether another round would tell anybody more than they asked.
    fn is_narrow(&self) -> bool;
}

/// Runs rounds until there are enough of them, or the time since `started` is used up; at least one.
pub(super) fn run(series: &mut dyn Series, effort: Effort, seed: u64, started: Instant) -> Result<Ended> {
    let mut random = Random::new(seed);
    let first = Instant::now();
    let mut rounds = 0;
    loop {
        let round = first.elapsed() / u32::try_from(rounds.max(1)).unwrap_or(u32::MAX);
        let left = left(effort, rounds, round, started.elapsed());
        let total = series.runs();
        for (done, place) in random.order(total).into_iter().enumerate() {
            series.announce(Step { what: "round", done: rounds * total + done, total, left });
            series.run(place)?;
        }
        rounds += 1;
        series.round_is_over(rounds);
        let round = first.elapsed() / u32::try_from(rounds).unwrap_or(u32::MAX);
        if let Some(why) = enough(series, effort, rounds, started.elapsed() + round) {
            return Ok(why);
        }
    }
}

/// Why to run no further round, which would end so long after the start.
fn enough(series: &dyn Series, effort: Effort, rounds: usize, end: Duration) -> Option<Ended> {
    if effort.rounds.is_some_and(|most| rounds >= most.get()) {
        Some(Ended::Rounds)
    } else if effort.rounds.is_none() && series.is_narrow() {
        Some(Ended::Narrow)
    } else if effort.budget.is_some_and(|budget| end > budget) {
        Some(Ended::Budget)
    } else {
        None
    }
}

/// The longest that the rounds still take.
fn left(effort: Effort, rounds: usize, round: Duration, since: Duration) -> Option<Duration> {
    let by_rounds = effort.rounds.filter(|_| rounds > 0).map(|most| {
        let more = most.get().saturating_sub(rounds);
        round * u32::try_from(more).unwrap_or(u32::MAX)
    });
    let by_budget = effort.budget.map(|budget| budget.saturating_sub(since));
    by_rounds.into_iter().chain(by_budget).min()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    #[test]
    fn what_is_left_is_the_shorter_of_rounds_and_budget() {
        let second = Duration::from_secs(1);
        let effort = Effort { budget: Some(second * 60), rounds: NonZeroUsize::new(10), within: 0.05 };
        assert_eq!(left(effort, 0, second, second), Some(second * 59), "nothing is known of rounds yet");
        assert_eq!(left(effort, 4, second, second * 4), Some(second * 6));
        assert_eq!(left(effort, 4, second * 60, second * 58), Some(second * 2));
        assert_eq!(left(Effort { rounds: None, budget: None, within: 0.05 }, 1, second, second), None);
    }
}
