//! How well a median is known from a few values, and how far apart two sets of them are.
//!
//! All of it rests on ranks, since times of runs have no known distribution: they are skewed, and some are spikes.

use serde::Serialize;

use super::ranks;
use crate::lab::stats;

/// The odds with which an interval holds the truth, unless it says otherwise.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// The fewest values whose median has an interval at [`CONFIDENCE`]: all of five lie on one side of it once in sixteen
/// times, which is too often.
pub const FEWEST: usize = 6;

/// As many values carry more statements than there are settings to make them of.
const AMPLE: usize = 64;

/// From where to where a figure may well be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The least it may be.
    pub low: f64,
    /// The most it may be.
    pub high: f64,
}

impl Interval {
    /// Whether it may be `value`.
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// From its low to its high end.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// How far it may be from `value`, on either side.
    pub fn reach(&self, value: f64) -> f64 {
        (self.high - value).abs().max((self.low - value).abs())
    }

    /// The least interval that holds both.
    #[must_use]
    pub fn and(&self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Of the median of what `values` were drawn from, at `confidence`; `None` of too few.
    pub(crate) fn of_median(values: &[f64], confidence: f64) -> Option<Self> {
        let k = ranks::of_median(values.len(), confidence)?;
        Some(Self::between(values.to_vec(), k))
    }

    /// From the k-th least to the k-th greatest.
    fn between(mut values: Vec<f64>, k: usize) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self { low: values[k - 1], high: values[values.len() - k] }
    }
}

/// How many times the one is the other: 1.1 is a tenth more.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedRatio {
    /// The median of the ratios within the rounds.
    pub ratio: f64,
    /// Where it may well be; `None` of too few rounds.
    pub interval: Option<Interval>,
    /// Rounds in which both were measured.
    pub rounds: usize,
}

impl PairedRatio {
    /// Of two lists whose n-th entries are of the same round, at 95 %; `None` without rounds. What the lists do not have
    /// both is left out.
    ///
    /// Taken round by round, because what disturbs a round disturbs both of them.
    pub fn of(one: &[u64], other: &[u64]) -> Option<Self> {
        Self::at(one, other, CONFIDENCE)
    }

    /// The same at another confidence, where one of several statements is made.
    pub fn at(one: &[u64], other: &[u64], confidence: f64) -> Option<Self> {
        let ratios: Vec<f64> = one.iter().zip(other).map(|(one, other)| quotient(*one, *other)).collect();
        let ratio = stats::median_of(&ratios)?;
        Some(Self { ratio, interval: Interval::of_median(&ratios, confidence), rounds: ratios.len() })
    }
}

/// How many times the one is the other, of lists that have nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ratio {
    /// The median of the ratios of every entry of the one to every entry of the other (Hodges and Lehmann). It is nearly
    /// that of the medians, and steadier.
    pub ratio: f64,
    /// Where it may well be; `None` of too few entries.
    pub interval: Option<Interval>,
}

impl Ratio {
    /// Of two lists, at `confidence`; `None` if one of them is empty.
    ///
    /// By ranks and not by resampling: of six values each, the 95 % of a bootstrap are 90, and it cannot promise more,
    /// which takes several comparisons at once.
    pub(crate) fn of(one: &[u64], other: &[u64], confidence: f64) -> Option<Self> {
        let ratios: Vec<f64> = one.iter().flat_map(|one| other.iter().map(|other| quotient(*one, *other))).collect();
        let ratio = stats::median_of(&ratios)?;
        let enough = one.len().min(other.len()) >= FEWEST;
        let k = ranks::of_ratios(one.len(), other.len(), confidence).filter(|_| enough);
        Some(Self { ratio, interval: k.map(|k| Interval::between(ratios, k)) })
    }

    /// The fewest entries of both lists that have an interval at `confidence`.
    pub(crate) fn fewest(confidence: f64) -> usize {
        (FEWEST..AMPLE).find(|n| ranks::of_ratios(*n, *n, confidence).is_some()).unwrap_or(AMPLE)
    }
}

/// A time of 0 is one that the clock was too coarse for.
fn quotient(one: u64, other: u64) -> f64 {
    one.max(1) as f64 / other.max(1) as f64
}

/// The confidence of each of `count` statements, of which all shall hold at [`CONFIDENCE`] (Bonferroni).
pub(crate) fn confidence_of_each(count: usize) -> f64 {
    1.0 - (1.0 - CONFIDENCE) / count.max(1) as f64
}

/// The fewest rounds of which `count` statements can be made that all hold at [`CONFIDENCE`]: in fewer, all rounds lie on
/// one side of the truth too often for that. 6 for one statement, 10 for thirteen.
pub(crate) fn fewest_for(count: usize) -> usize {
    (FEWEST..AMPLE).find(|n| ranks::of_median(*n, confidence_of_each(count)).is_some()).unwrap_or(AMPLE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_interval_takes_six_values_and_then_grows_narrower_than_the_range() {
        let interval = |n: u32| Interval::of_median(&(1..=n).map(f64::from).collect::<Vec<_>>(), CONFIDENCE);
        assert_eq!(interval(5), None);
        assert_eq!(interval(6), Some(Interval { low: 1.0, high: 6.0 }));
        assert_eq!(interval(15), Some(Interval { low: 4.0, high: 12.0 }));
        let interval = interval(15).unwrap();
        assert!(interval.holds(4.0) && interval.holds(12.0) && !interval.holds(3.9) && !interval.holds(12.1));
        assert!((interval.width() - 8.0).abs() < 1e-9 && (interval.reach(5.0) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn rounds_are_compared_in_pairs() {
        // Every round is twice as slow as the one before, and the one is always a tenth above the other.
        let other: Vec<u64> = (0..8).map(|round| 1000 << round).collect();
        let one: Vec<u64> = other.iter().map(|wall| wall + wall / 10).collect();
        let paired = PairedRatio::of(&one, &other).unwrap();
        assert!((paired.ratio - 1.1).abs() < 1e-9 && paired.rounds == 8, "{paired:?}");
        assert!(paired.interval.unwrap().width() < 1e-9);
        assert_eq!(PairedRatio::of(&one[..7], &other).unwrap().rounds, 7);
        assert_eq!(PairedRatio::of(&one[..5], &other).unwrap().interval, None);
        assert_eq!(PairedRatio::at(&one[..7], &other, 0.999).unwrap().interval, None, "too few for that");
        assert_eq!(PairedRatio::of(&[], &other), None);
        // As lists of their own they tell nothing.
        assert!(Ratio::of(&one, &other, CONFIDENCE).unwrap().interval.unwrap().width() > 1.0);
    }

    #[test]
    fn too_few_values_of_either_list_bound_nothing() {
        let six = [10, 11, 12, 13, 14, 15];
        let ratio = Ratio::of(&six, &six, CONFIDENCE).unwrap();
        assert!((ratio.ratio - 1.0).abs() < 1e-9 && ratio.interval.unwrap().holds(1.0), "{ratio:?}");
        assert_eq!(Ratio::of(&six, &six[..5], CONFIDENCE).unwrap().interval, None);
        assert_eq!(Ratio::of(&six, &[], CONFIDENCE), None);
        assert!(Ratio::of(&[0; 6], &[0; 6], CONFIDENCE).unwrap().ratio.is_finite());
    }

    #[test]
    fn several_statements_share_their_odds() {
        assert!((confidence_of_each(5) - 0.99).abs() < 1e-12 && (confidence_of_each(0) - 0.95).abs() < 1e-12);
        for (count, rounds) in [(0, 6), (1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (7, 9), (13, 10), (100, 12)] {
            assert_eq!(fewest_for(count), rounds, "{count} statements");
            let each = 0.05 / count.max(1) as f64;
            assert!(2.0 * 0.5_f64.powi(rounds as i32) <= each, "{count} statements");
            assert!(rounds == FEWEST || 2.0 * 0.5_f64.powi(rounds as i32 - 1) > each, "{count} statements");
        }
        assert_eq!(Ratio::fewest(CONFIDENCE), 6);
        let strict = confidence_of_each(30);
        assert_eq!(Ratio::fewest(strict), 7);
        assert_eq!(Ratio::of(&[1; 6], &[1; 6], strict).unwrap().interval, None);
    }

    proptest! {
        #[test]
        fn what_is_faster_by_a_factor_has_the_ratio_of_that_factor(
            walls in prop::collection::vec(1_000_u64..100_000, 6..30), factor in 2_u64..9,
        ) {
            let slower: Vec<u64> = walls.iter().map(|wall| wall * factor).collect();
            let paired = PairedRatio::of(&slower, &walls).unwrap();
            prop_assert!((paired.ratio - factor as f64).abs() < 1e-9);
            let ratio = Ratio::of(&slower, &walls, CONFIDENCE).unwrap();
            let interval = ratio.interval.unwrap();
            prop_assert!(interval.holds(factor as f64) && interval.holds(ratio.ratio), "{:?}", ratio);
            let other_way = Ratio::of(&walls, &slower, CONFIDENCE).unwrap().interval.unwrap();
            prop_assert!((other_way.low * interval.high - 1.0).abs() < 1e-9);
        }
    }
}
