//! Sweeps that never happened: times drawn from known distributions, to see how often statistics tell the truth.

use super::interval::{CONFIDENCE, Interval, Ratio, fewest_for};
use super::random::Random;
use super::resample::slowdowns;

/// A number from 0 to below 1.
fn uniform(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number from a bell around 0, of deviation 1 (twelve uniform ones have a variance of 1).
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0
}

/// What multiplies a time: skewed to the right, and once in twelve times a spike of up to double.
fn noise(random: &mut Random, spread: f64) -> f64 {
    let spike = if uniform(random) < 1.0 / 12.0 { 1.0 + uniform(random) } else { 1.0 };
    (spread * normal(random)).exp() * spike
}

/// Times in ns of settings whose true times are `truth` in ms, with noise that a whole round shares.
fn sweep(random: &mut Random, truth: &[f64], rounds: usize, spread: f64) -> Vec<Vec<Option<u64>>> {
    let shared: Vec<f64> = (0..rounds).map(|_| noise(random, 2.0 * spread)).collect();
    let wall =
        |shared: &f64, truth: f64, random: &mut Random| Some((truth * 1e6 * shared * noise(random, spread)) as u64);
    truth.iter().map(|truth| shared.iter().map(|shared| wall(shared, *truth, random)).collect()).collect()
}

#[test]
fn the_interval_of_a_median_holds_it() {
    let mut random = Random::new(1);
    // Of the noise without its spikes the median is 1; with them the place is where half of it lies below.
    let mut many: Vec<f64> = (0..40_001).map(|_| noise(&mut random, 0.1)).collect();
    many.sort_unstable_by(f64::total_cmp);
    let truth = many[20_000];
    for n in [6, 9, 15, 30] {
        let sets = 2000;
        let held = (0..sets).filter(|_| {
            let values: Vec<f64> = (0..n).map(|_| noise(&mut random, 0.1)).collect();
            Interval::of_median(&values, CONFIDENCE).unwrap().holds(truth)
        });
        let held = held.count() as f64 / f64::from(sets);
        assert!((0.94..0.995).contains(&held), "{n} values: {held}");
    }
}

#[test]
fn two_lists_of_the_same_have_a_ratio_that_may_be_1() {
    let mut random = Random::new(2);
    for (n, confidence) in [(6, 0.95), (9, 0.95), (20, 0.95), (6, 0.99)] {
        let sets = 600;
        let held = (0..sets).filter(|_| {
            let mut list = || (0..n).map(|_| (1e7 * noise(&mut random, 0.05)) as u64).collect::<Vec<u64>>();
            let (one, other) = (list(), list());
            Ratio::of(&one, &other, confidence).unwrap().interval.unwrap().holds(1.0)
        });
        let held = held.count() as f64 / f64::from(sets);
        assert!((confidence - 0.015..confidence + 0.03).contains(&held), "{n} values at {confidence}: {held}");
    }
}

/// What came of many simulated sweeps.
#[derive(Debug, Default)]
struct Tally {
    sweeps: usize,
    /// Sweeps in which some setting was surely within 5 % of the best, and those in which the first such one was not.
    chosen: usize,
    wrong: usize,
    /// Sweeps in which no setting was further from the best than its upper bound.
    held: usize,
    /// Sweeps in which more than half of the settings may be the best.
    undecided: usize,
}

fn tally(truth: &[f64], rounds: usize, spread: f64, sweeps: u64) -> Tally {
    let mut random = Random::new(3);
    let mut tally = Tally::default();
    let best = truth.iter().copied().fold(f64::INFINITY, f64::min);
    for seed in 0..sweeps {
        let walls = sweep(&mut random, truth, rounds, spread);
        let bounds: Vec<Interval> = slowdowns(&walls, seed).iter().filter_map(|found| found.bounds).collect();
        assert_eq!(bounds.len(), truth.len(), "bounds for all in {rounds} rounds");
        tally.sweeps += 1;
        if let Some(chosen) = bounds.iter().position(|bounds| bounds.high <= 0.05) {
            tally.chosen += 1;
            tally.wrong += usize::from(truth[chosen] / best > 1.05);
        }
        let holds = |(bounds, truth): (&Interval, &f64)| truth / best - 1.0 <= bounds.high;
        tally.held += usize::from(bounds.iter().zip(truth).all(holds));
        tally.undecided += usize::from(bounds.iter().filter(|bounds| bounds.low <= 0.0).count() * 2 > truth.len());
    }
    tally
}

#[test]
fn what_is_chosen_is_within_what_was_asked() {
    let cases: [(&[f64], usize, f64); 4] = [
        // Just beyond what was asked, which is where it is easiest to be wrong.
        (&[10.51, 10.0], 7, 0.02),
        (&[20.0, 10.6, 10.0, 10.1, 10.0], 10, 0.01),
        (&[10.55, 10.6, 10.55, 10.6, 10.0], 8, 0.02),
        (&[10.6, 10.55, 10.0, 10.3], 15, 0.02),
    ];
    for (truth, rounds, spread) in cases {
        let tally = tally(truth, rounds, spread, 50);
        assert!(tally.wrong * 20 <= tally.sweeps, "{truth:?} in {rounds} rounds: {tally:?}");
        assert!(tally.held * 20 >= tally.sweeps * 19, "{truth:?} in {rounds} rounds: {tally:?}");
        assert!(tally.chosen * 2 > tally.sweeps, "{truth:?} in {rounds} rounds: {tally:?}");
    }
}

/// As few rounds as there may be for so many settings: where bounds are the easiest to miss.
#[test]
fn bounds_of_many_settings_hold_together() {
    let truth = [10.6, 10.0, 10.1, 10.2, 10.3, 10.0, 10.4, 10.5, 10.0, 10.2, 10.7, 10.1, 10.3, 10.05];
    let tally = tally(&truth, fewest_for(truth.len() - 1), 0.02, 200);
    assert!(tally.held * 100 >= tally.sweeps * 95, "{tally:?}");
    assert!(tally.wrong * 100 <= tally.sweeps * 5, "{tally:?}");
}

#[test]
fn what_is_the_same_cannot_be_told_apart() {
    let tally = tally(&[10.0; 6], 12, 0.03, 20);
    assert!(tally.undecided * 20 >= tally.sweeps * 19, "{tally:?}");
}
