//! Whether a rate settled: the rule of SNIA's Solid State Storage Performance Test Specification ("steady state").
//!
//! The last five values must lie within a fifth of their mean, and the line that fits them best (least squares) must not
//! rise or fall over them by more than a tenth of it. A value there is that of a minute, after the whole disk was written
//! twice; ours are as long as the caller has time for, and so is what they show.

use crate::lab::report::Steadiness;

/// How many windows are looked at: the last ones.
pub(crate) const WINDOWS: usize = 5;
/// From the least to the greatest at most, as a part of the mean.
const RANGE: f64 = 0.2;
/// Rise or fall of the line at most, as a part of the mean.
const SLOPE: f64 = 0.1;
/// What a sum of five may be off by, so that a range of just a fifth is one, in whatever unit.
const ROUNDING: f64 = 1e-9;

/// What the last windows say; `None` where there are too few of them. What stands still at 0 has not settled: nothing
/// was done.
pub fn steadiness(windows: &[f64]) -> Option<Steadiness> {
    let tail = windows.last_chunk::<WINDOWS>()?;
    let mean = tail.iter().sum::<f64>() / WINDOWS as f64;
    if mean <= 0.0 {
        return Some(Steadiness::default());
    }
    let greatest = tail.iter().copied().fold(f64::MIN, f64::max);
    let least = tail.iter().copied().fold(f64::MAX, f64::min);
    let (range, slope) = ((greatest - least) / mean, rise(tail) / mean);
    let is_steady = range <= RANGE + ROUNDING && slope.abs() <= SLOPE + ROUNDING;
    Some(Steadiness { is_steady, slope, range })
}

/// How much the line of least squares rises from the first value to the last.
fn rise(values: &[f64; WINDOWS]) -> f64 {
    let middle = (WINDOWS - 1) as f64 / 2.0;
    let from_middle = |place: usize| place as f64 - middle;
    let squares: f64 = (0..WINDOWS).map(|place| from_middle(place).powi(2)).sum();
    let products: f64 = values.iter().enumerate().map(|(place, value)| from_middle(place) * value).sum();
    products / squares * (WINDOWS - 1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() <= 1e-9
    }

    #[test]
    fn the_rule_at_its_edges() {
        for (windows, is_steady, slope, range) in [
            ([100.0, 100.0, 100.0, 100.0, 100.0], true, 0.0, 0.0),
            // A line that rises by just a tenth, and one by more.
            ([95.0, 97.5, 100.0, 102.5, 105.0], true, 0.1, 0.1),
            ([94.0, 97.0, 100.0, 103.0, 106.0], false, 0.12, 0.12),
            ([106.0, 103.0, 100.0, 97.0, 94.0], false, -0.12, 0.12),
            // No trend, and a range of just a fifth, and of more.
            ([90.0, 110.0, 100.0, 110.0, 90.0], true, 0.0, 0.2),
            ([89.0, 111.0, 100.0, 111.0, 89.0], false, 0.0, 0.22),
            // The same values in another order: a trend.
            ([90.0, 90.0, 100.0, 110.0, 110.0], false, 0.24, 0.2),
            ([0.0, 0.0, 0.0, 0.0, 0.0], false, 0.0, 0.0),
        ] {
            let seen = steadiness(&windows).unwrap();
            assert_eq!(seen.is_steady, is_steady, "{windows:?}: {seen:?}");
            assert!(close(seen.slope, slope) && close(seen.range, range), "{windows:?}: {seen:?}");
        }
    }

    proptest! {
        #[test]
        fn it_takes_five_and_forgets_what_was_before(windows in prop::collection::vec(1.0..1e6, 0..20)) {
            let seen = steadiness(&windows);
            prop_assert_eq!(seen.is_some(), windows.len() >= WINDOWS);
            let last = windows.len().saturating_sub(WINDOWS);
            prop_assert_eq!(seen, steadiness(&windows[last..]));
        }

        #[test]
        fn what_does_not_change_is_steady(value in 1e-3..1e12, count in WINDOWS..20) {
            prop_assert!(steadiness(&vec![value; count]).unwrap().is_steady);
        }

        #[test]
        fn the_unit_does_not_matter(windows in prop::collection::vec(80.0..120.0, WINDOWS), scale in 1e-6..1e9) {
            let scaled: Vec<f64> = windows.iter().map(|value| value * scale).collect();
            let (one, other) = (steadiness(&windows).unwrap(), steadiness(&scaled).unwrap());
            prop_assert_eq!(one.is_steady, other.is_steady);
            prop_assert!(close(one.slope, other.slope) && close(one.range, other.range));
        }

        #[test]
        fn a_trend_is_not_steady_either_way(start in 1.0..1e6, step in 0.03..1.0) {
            let mut rising: Vec<f64> = (0..WINDOWS).map(|place| start * (1.0 + step * place as f64)).collect();
            let up = steadiness(&rising).unwrap();
            rising.reverse();
            let down = steadiness(&rising).unwrap();
            prop_assert!(!up.is_steady && !down.is_steady);
            prop_assert!(up.slope > 0.0 && close(up.slope, -down.slope) && close(up.range, down.range));
        }

        #[test]
        fn only_a_trend_depends_on_the_order(
            windows in prop::collection::vec(80.0..120.0, WINDOWS), one in 0..WINDOWS, other in 0..WINDOWS,
        ) {
            let mut swapped = windows.clone();
            swapped.swap(one, other);
            let (before, after) = (steadiness(&windows).unwrap(), steadiness(&swapped).unwrap());
            prop_assert!(close(before.range, after.range));
            if close(windows[one], windows[other]) {
                prop_assert!(close(before.slope, after.slope));
            }
        }
    }
}
