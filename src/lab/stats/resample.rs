//! How much slower each setting is than the best of them, when nobody knows which one that is.
//!
//! Multiple comparison with the best (Hsu), by resampling. Whoever picks the setting with the least median and compares
//! the others with it is fooled twice: the winner was lucky, and of many comparisons some come out wrong. So whole rounds
//! are drawn again, in each drawing the best is chosen again, and the bounds are made to hold for all settings at once.
//!
//! Few rounds drawn again and again look more alike than new ones would be: in simulated sweeps of seven rounds over
//! twelve settings all of the bounds held in 70 % of cases, not 95. So they are widened to what ranks say of each
//! setting beside the best one found, which costs hardly a verdict; and of rounds that are too few for what ranks say of
//! that many settings at once there are none.

use serde::Serialize;

use super::interval::{Interval, confidence_of_each, fewest_for};
use super::median_of;
use super::random::Random;

/// Drawings. With so many the bounds differ little from one seed to another.
const REPLICATES: usize = 2000;
/// Drawings in which some setting may lie outside its bounds: 5 %.
const OUTSIDE: usize = REPLICATES / 20;

/// How much slower than the best a setting is: 0.05 is 5 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slowdown {
    /// As measured: the median over the rounds. Of the setting with the least median 0; of others it can be below that.
    pub estimate: f64,
    /// Where it may well be. All settings are within their bounds at the same time at 95 %. `None` of too few rounds.
    pub bounds: Option<Interval>,
}

/// The slowdown of every setting, given its times in ns, round by round; `None` is a run that counts for nothing. Rounds
/// that one of the lists has not reached count for none.
pub fn slowdowns(walls: &[Vec<Option<u64>>], seed: u64) -> Vec<Slowdown> {
    let rounds = walls.iter().map(Vec::len).min().unwrap_or(0);
    if rounds == 0 {
        return vec![];
    }
    let mut table = Table::new(walls, rounds);
    let mut once = Drawing { counts: vec![1; rounds] };
    let estimates = table.slowdowns(&once);
    if rounds < fewest_for(walls.len() - 1) {
        return estimates.into_iter().map(|estimate| Slowdown { estimate, bounds: None }).collect();
    }
    let by_ranks = table.bounds_by_ranks(&once);
    let mut random = Random::new(seed);
    let mut replicates = vec![Vec::with_capacity(REPLICATES); walls.len()];
    for _ in 0..REPLICATES {
        once.draw(&mut random);
        for (setting, slowdown) in table.slowdowns(&once).into_iter().enumerate() {
            replicates[setting].push(slowdown);
        }
    }
    let both = envelope(&replicates).into_iter().zip(by_ranks);
    let bounds = both.map(|(bounds, ranks)| ranks.map(|ranks| bounds.and(ranks)));
    estimates.into_iter().zip(bounds).map(|(estimate, bounds)| Slowdown { estimate, bounds }).collect()
}

/// How often each round was drawn.
struct Drawing {
    counts: Vec<u32>,
}

impl Drawing {
    fn draw(&mut self, random: &mut Random) {
        self.counts.fill(0);
        let rounds = self.counts.len();
        for _ in 0..rounds {
            self.counts[random.below(rounds)] += 1;
        }
    }
}

/// One figure a round, if there is one, with the rounds in the order of their figures: the median of any drawing is one
/// walk away.
struct Column {
    figures: Vec<Option<f64>>,
    /// Only rounds that have a figure.
    order: Vec<(usize, f64)>,
    /// Of a drawing without any figure: what all rounds together say.
    middle: f64,
}

impl Column {
    /// `otherwise` is its median if there is no figure at all.
    fn new(figures: Vec<Option<f64>>, otherwise: f64) -> Self {
        let known = figures.iter().enumerate().filter_map(|(round, figure)| Some((round, (*figure)?)));
        let mut order: Vec<(usize, f64)> = known.collect();
        order.sort_by(|one, other| one.1.total_cmp(&other.1));
        let middle = median_of(&order.iter().map(|(_, figure)| *figure).collect::<Vec<_>>()).unwrap_or(otherwise);
        Self { figures, order, middle }
    }

    fn median(&self, drawing: &Drawing) -> f64 {
        let drawn: usize = self.order.iter().map(|(round, _)| drawing.counts[*round] as usize).sum();
        let (lower, upper) = (drawn.saturating_sub(1) / 2, drawn / 2);
        let (mut seen, mut below) = (0, None);
        for (round, figure) in &self.order {
            seen += drawing.counts[*round] as usize;
            if seen > lower && below.is_none() {
                below = Some(*figure);
            }
            if seen > upper {
                return below.unwrap_or(*figure).midpoint(*figure);
            }
        }
        self.middle
    }
}

/// Times, and ratios of times to those of another setting once that was the best.
struct Table {
    walls: Vec<Column>,
    /// By the best setting.
    ratios: Vec<Option<Vec<Column>>>,
}

impl Table {
    fn new(walls: &[Vec<Option<u64>>], rounds: usize) -> Self {
        let figure = |wall: &Option<u64>| wall.map(|wall| wall.max(1) as f64);
        let column =
            |walls: &Vec<Option<u64>>| Column::new(walls[..rounds].iter().map(figure).collect(), f64::INFINITY);
        Self { walls: walls.iter().map(column).collect(), ratios: walls.iter().map(|_| None).collect() }
    }

    /// The slowdown of every setting against the one with the least median in this drawing.
    fn slowdowns(&mut self, drawing: &Drawing) -> Vec<f64> {
        self.ratios_to_best(drawing).iter().map(|column| column.median(drawing) - 1.0).collect()
    }

    /// What the ranks of their ratios say of all settings at once; nothing of a setting with too few for that.
    fn bounds_by_ranks(&mut self, all: &Drawing) -> Vec<Option<Interval>> {
        let columns = self.ratios_to_best(all);
        let confidence = confidence_of_each(columns.len() - 1);
        let bounds = columns.iter().map(|column| {
            let slowdowns: Vec<f64> = column.order.iter().map(|(_, ratio)| ratio - 1.0).collect();
            Interval::of_median(&slowdowns, confidence)
        });
        bounds.collect()
    }

    fn ratios_to_best(&mut self, drawing: &Drawing) -> &[Column] {
        let medians: Vec<f64> = self.walls.iter().map(|column| column.median(drawing)).collect();
        let best = (0..medians.len()).min_by(|one, other| medians[*one].total_cmp(&medians[*other])).unwrap_or(0);
        let walls = &self.walls;
        self.ratios[best].get_or_insert_with(|| {
            let best = &walls[best];
            let to_best = |column: &Column| {
                let both = column.figures.iter().zip(&best.figures);
                let ratios = both.map(|(one, best)| Some((*one)? / (*best)?));
                Column::new(ratios.collect(), column.middle / best.middle)
            };
            walls.iter().map(to_best).collect()
        })
    }
}

/// Bounds as narrow as they can be while 95 % of the drawings lie within all of them, each setting having as many
/// drawings outside as any other.
fn envelope(replicates: &[Vec<f64>]) -> Vec<Interval> {
    let sorted: Vec<Vec<f64>> = replicates
        .iter()
        .map(|replicates| {
            let mut sorted = replicates.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        })
        .collect();
    // How far from the nearer end of all drawings a drawing lies, in the setting where it lies outermost.
    let depth = |replicate: usize| {
        let ranks = replicates.iter().zip(&sorted).map(|(replicates, sorted)| {
            let value = replicates[replicate];
            let not_above = sorted.partition_point(|other| *other <= value);
            let not_below = sorted.len() - sorted.partition_point(|other| *other < value);
            not_above.min(not_below)
        });
        ranks.min().unwrap_or(1)
    };
    let mut depths: Vec<usize> = (0..REPLICATES).map(depth).collect();
    depths.sort_unstable();
    let rank = depths[OUTSIDE];
    sorted.iter().map(|sorted| Interval { low: sorted[rank - 1], high: sorted[sorted.len() - rank] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_the_median_of_what_was_drawn() {
        let column = Column::new([30.0, 10.0, 20.0, 40.0].map(Some).to_vec(), 0.0);
        for (counts, median) in [
            ([1, 1, 1, 1], 25.0),
            ([0, 4, 0, 0], 10.0),
            ([2, 2, 0, 0], 20.0),
            ([1, 0, 0, 3], 40.0),
            ([0, 1, 2, 1], 20.0),
        ] {
            let found = column.median(&Drawing { counts: counts.to_vec() });
            assert!((found - median).abs() < 1e-9, "{counts:?}: {found}");
        }
        let column = Column::new(vec![None, Some(10.0), None, Some(40.0)], 7.0);
        for (counts, median) in [([1, 1, 1, 1], 25.0), ([3, 1, 0, 0], 10.0), ([2, 0, 2, 0], 25.0)] {
            assert!((column.median(&Drawing { counts: counts.to_vec() }) - median).abs() < 1e-9, "{counts:?}");
        }
    }

    fn all(walls: &[&[u64]]) -> Vec<Vec<Option<u64>>> {
        walls.iter().map(|walls| walls.iter().copied().map(Some).collect()).collect()
    }

    #[test]
    fn the_best_is_not_slower_than_itself_and_others_are_by_what_they_are() {
        let best: Vec<u64> = (0..12).map(|round| 1_000_000 + round * 50_000).collect();
        let slower: Vec<u64> = best.iter().map(|wall| wall + wall / 5).collect();
        let found = slowdowns(&all(&[&slower, &best]), 1);
        assert!((found[0].estimate - 0.2).abs() < 1e-6 && found[1].estimate.abs() < 1e-9, "{found:?}");
        let bounds = found[0].bounds.unwrap();
        assert!(bounds.low > 0.19 && bounds.high < 0.21, "{found:?}");
        assert_eq!(found[1].bounds, Some(Interval { low: 0.0, high: 0.0 }));
        // Whoever is last in the list is not the best by that.
        assert_eq!(slowdowns(&all(&[&best, &slower]), 1)[1], found[0]);
    }

    #[test]
    fn few_rounds_bound_nothing_and_none_tell_nothing() {
        let found = slowdowns(&all(&[&[110; 5], &[100; 6]]), 1);
        assert!(found[0].bounds.is_none() && (found[0].estimate - 0.1).abs() < 1e-9, "{found:?}");
        assert!(slowdowns(&all(&[&[], &[1]]), 1).is_empty() && slowdowns(&[], 1).is_empty());
        assert!(slowdowns(&all(&[&[0; 6], &[0; 6]]), 1).iter().all(|found| found.estimate.abs() < 1e-9));
    }

    #[test]
    fn more_settings_take_more_rounds() {
        let bounded = |settings: usize, rounds: usize| {
            let found = slowdowns(&vec![vec![Some(100); rounds]; settings], 1);
            found.iter().all(|found| found.bounds.is_some())
        };
        for (settings, rounds) in [(1, 6), (2, 6), (3, 7), (14, 10)] {
            assert!(bounded(settings, rounds) && !bounded(settings, rounds - 1), "{settings} settings");
        }
    }

    #[test]
    fn runs_that_count_for_nothing_are_left_out_round_by_round() {
        let best: Vec<Option<u64>> = (0..12).map(|round| Some(1_000_000 + round * 5_000)).collect();
        let mut slower: Vec<Option<u64>> = best.iter().map(|wall| wall.map(|wall| wall + wall / 5)).collect();
        slower[3] = None;
        let mut rare = slower.clone();
        rare[4..].fill(None);
        let found = slowdowns(&[slower, best, rare], 1);
        assert!((found[0].estimate - 0.2).abs() < 1e-6 && (found[2].estimate - 0.2).abs() < 1e-6, "{found:?}");
        assert!(found[0].bounds.is_some_and(|bounds| bounds.low > 0.19 && bounds.high < 0.21), "{found:?}");
        assert_eq!((found[1].bounds.map(|bounds| bounds.high), found[2].bounds), (Some(0.0), None));
    }

    #[test]
    fn bounds_are_the_same_for_the_same_seed() {
        let mut random = Random::new(5);
        let walls = [(); 3].map(|()| (0..40).map(|_| 1_000_000 + random.below(100_000) as u64).collect::<Vec<_>>());
        let of = |seed| slowdowns(&all(&walls.each_ref().map(|walls| &walls[..])), seed);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
