//! Points of runs made by hand; falls that were planted, and others that are none.

use proptest::prelude::*;

use super::*;
use crate::lab::setting::{Axis, Setting};
use crate::lab::stats::random::Random;
use crate::lab::testing;

/// One window a second with these rates.
fn series(rates: &[f64]) -> Vec<Point> {
    let point = |(at, rate): (u64, &f64)| Point {
        at_ns: at * 1_000_000_000,
        window_ns: 1_000_000_000,
        operations: *rate as u64,
        rate_mib: Some(*rate),
        rate_ops: Some(*rate),
    };
    (0..).zip(rates).map(point).collect()
}

/// The second after which the rate fell.
fn found(rates: &[f64]) -> Option<u64> {
    fall(&series(rates)).map(|fall| fall.after_ns / 1_000_000_000)
}

fn uniform(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// From a bell around 0, of deviation 1.
fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0
}

/// What multiplies a rate of 1, in four kinds: even, skewed, with slow windows now and then, or anywhere in a range.
fn noise(random: &mut Random, kind: usize, spread: f64) -> f64 {
    match kind {
        0 => (1.0 + spread * normal(random)).max(0.0),
        1 => (spread * normal(random)).exp(),
        2 => {
            let spike = if uniform(random) < 1.0 / 12.0 { 1.0 + uniform(random) } else { 1.0 };
            (spread * normal(random)).exp() / spike
        }
        _ => 1.0 + spread * (uniform(random) - 0.5),
    }
}

#[test]
fn steady_rates_are_hardly_ever_called_a_fall() {
    let mut random = Random::new(1);
    for kind in 0..4 {
        for spread in [0.02, 0.1, 0.2, 0.3, 0.5] {
            let (mut alarms, mut all) = (0, 0);
            for length in [6, 7, 8, 9, 10, 12, 16, 20, 30, 60, 100] {
                for _ in 0..300 {
                    let rates: Vec<f64> = (0..length).map(|_| 500.0 * noise(&mut random, kind, spread)).collect();
                    alarms += usize::from(found(&rates).is_some());
                    all += 1;
                }
            }
            assert!(alarms * 100 < all, "kind {kind}, noise {spread}: {alarms} of {all}");
        }
    }
}

#[test]
fn a_cliff_is_found_where_it_is() {
    let mut random = Random::new(2);
    for (spread, least) in [(0.0, 100), (0.02, 99), (0.05, 85)] {
        for length in [6, 8, 12, 20, 60, 300] {
            let mut hits = 0;
            for _ in 0..100 {
                let cliff = FEWEST + random.below(length - 2 * FEWEST + 1);
                let level = |at: usize| if at < cliff { 500.0 } else { 300.0 };
                let rates: Vec<f64> = (0..length).map(|at| level(at) * noise(&mut random, 0, spread)).collect();
                if let Some(at) = found(&rates) {
                    hits += 1;
                    assert!(at.abs_diff(cliff as u64) <= 1, "at {at}, not at {cliff} of {length}: {rates:?}");
                }
            }
            assert!(hits >= least, "noise {spread}, {length} points: {hits} of 100");
        }
    }
}

#[test]
fn a_fall_says_from_what_to_what_and_when() {
    let mut points = series(&[10.0, 10.2, 9.8, 10.0, 4.0, 4.1, 3.9]);
    let fallen = Fall { metric: Metric::MibPerSecond, from: 10.0, to: 4.0, after_ns: 4_000_000_000 };
    assert_eq!(fall(&points), Some(fallen));
    for point in &mut points {
        (point.rate_mib, point.at_ns) = (None, point.at_ns + 7);
    }
    assert_eq!(fall(&points), Some(Fall { metric: Metric::OperationsPerSecond, ..fallen }));
    for point in &mut points {
        point.rate_ops = None;
    }
    assert_eq!(fall(&points), None);
    // What stands still has fallen to nothing, and what never moved has not.
    assert_eq!((found(&[5.0, 5.0, 5.0, 0.0, 0.0, 0.0]), found(&[0.0; 8])), (Some(3), None));
}

#[test]
fn a_rise_a_ramp_and_single_windows_are_no_cliff() {
    for rates in [
        &[4.0, 4.0, 4.0, 10.0, 10.0, 10.0][..],
        &[10.0, 10.0, 10.0, 1.0, 10.0, 10.0, 10.0],
        &[10.0, 10.0, 10.0, 10.0, 10.0, 1.0, 1.0],
        &[10.0, 10.0, 4.0, 4.0, 4.0],
        &[10.0, 10.0, 10.0, 8.1, 8.1, 8.1],
        &[10.0, 9.0, 8.0, 7.0, 6.0, 5.0],
        &[],
    ] {
        assert_eq!(found(rates), None, "{rates:?}");
    }
    let mut random = Random::new(3);
    for (spread, most) in [(0.0, 0), (0.02, 3)] {
        for length in [6, 8, 12, 20, 60, 300] {
            let mut alarms = 0;
            for _ in 0..300 {
                let end = 0.1 + 0.8 * uniform(&mut random);
                let level = |at: usize| 500.0 * (1.0 - (1.0 - end) * at as f64 / (length - 1) as f64);
                let rates: Vec<f64> = (0..length).map(|at| level(at) * noise(&mut random, 0, spread)).collect();
                alarms += usize::from(found(&rates).is_some());
            }
            assert!(alarms <= most, "noise {spread}, {length} points: {alarms} of 300");
        }
    }
}

proptest! {
    #[test]
    fn the_unit_does_not_matter(
        rates in prop::collection::vec(1.0..1e4, 0..40), cliff in 0_usize..40, exponent in -8_i32..20,
    ) {
        let rates: Vec<f64> = rates.iter().enumerate().map(|(at, rate)| if at < cliff { rate * 16.0 } else { *rate }).collect();
        let scaled: Vec<f64> = rates.iter().map(|rate| rate * 2_f64.powi(exponent)).collect();
        prop_assert_eq!(found(&rates), found(&scaled));
    }

    #[test]
    fn a_fall_is_one_and_has_points_on_both_sides(rates in prop::collection::vec(0.0..1e4, 0..40)) {
        let points = series(&rates);
        if let Some(fall) = fall(&points) {
            let at = (fall.after_ns / 1_000_000_000) as usize;
            prop_assert!(fall.to <= fall.from * (1.0 - LEAST_FALL) && (FEWEST..=rates.len() - FEWEST).contains(&at));
        }
    }
}

/// A run that began at `at_ns`, in windows of a second, each of which had so many operations of 1 MiB.
fn run(at_ns: u64, wall_ns: u64, windows: &[u64]) -> Sample {
    let mut sample =
        Sample { at_ns, wall_ns, windows: windows.to_vec(), window_ns: 1_000_000_000, ..Sample::default() };
    let operations = windows.iter().sum::<u64>();
    sample.metrics.count(Metric::Operations, operations);
    sample.metrics.count(Metric::ReadBytes, operations << 20);
    sample.metrics.count(Metric::WrittenBytes, 0);
    sample
}

#[test]
fn windows_of_all_runs_are_points_in_the_order_of_time() {
    let second = 1_000_000_000;
    let invalid = Sample { invalid: Some("it was warm".to_owned()), ..run(9 * second, second, &[7]) };
    let samples = vec![run(5 * second, 2 * second, &[30, 40]), invalid, run(0, 2 * second + 1, &[10, 20])];
    let row = Row { samples, ..Row::new(Setting::default().with(Axis::Load, "read")) };
    let points = points(&row);
    let seen: Vec<_> = points.iter().map(|point| (point.at_ns / second, point.operations, point.rate_mib)).collect();
    assert_eq!(seen, [(0, 10, Some(10.0)), (1, 20, Some(20.0)), (5, 30, Some(30.0)), (6, 40, Some(40.0))]);
    assert!(points.iter().all(|point| point.window_ns == second && point.rate_ops == point.rate_mib));
}

#[test]
fn a_run_that_ends_within_a_window_has_a_shorter_one_or_none() {
    let second = 1_000_000_000;
    let of = |wall_ns, windows: &[u64]| {
        let row = Row { samples: vec![run(0, wall_ns, windows)], ..Row::new(Setting::default()) };
        points(&row).iter().map(|point| (point.window_ns * 10 / second, point.rate_ops.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(of(second * 16 / 10, &[10, 6]), [(10, 10.0), (6, 10.0)]);
    assert_eq!(of(second * 14 / 10, &[10, 4]), [(14, 10.0)]);
    assert_eq!(of(second / 10, &[1]), [(1, 10.0)]);
    // A stall has its windows, and writing back afterwards is not a part of the last.
    assert_eq!(of(second * 9, &[10, 0, 5]), [(10, 10.0), (10, 0.0), (10, 5.0)]);
}

#[test]
fn runs_of_jobs_are_a_point_each() {
    let mut row = testing::row(testing::setting(64), &[500, 250]);
    row.samples[1].at_ns = 600_000_000;
    let points = points(&row);
    let seen: Vec<_> = points.iter().map(|point| (point.at_ns, point.window_ns, point.rate_mib)).collect();
    assert_eq!(seen, [(0, 500_000_000, Some(2.0)), (600_000_000, 250_000_000, Some(4.0))]);
    assert!(points.iter().all(|point| point.rate_ops.is_none() && point.operations == 0));
}
