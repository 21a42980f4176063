//! The middle, the least and the spread of a few measured numbers.
//!
//! Medians, not means: one run that a neighbour disturbed moves a mean and leaves a median alone.

pub mod interval;
pub mod random;
mod ranks;
pub mod resample;
#[cfg(test)]
mod simulation;
pub mod steady;

/// The middle of `values`, in any order; of an even number, the mean of the two in the middle, rounded down. `None` of
/// nothing.
pub fn median(values: &[u64]) -> Option<u64> {
    let sorted = sorted(values);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(sorted[sorted.len() / 2 - 1].midpoint(upper)) }
}

/// The middle of `values`, in any order; of an even number, the mean of the two in the middle. `None` of nothing.
pub fn median_of(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(sorted[sorted.len() / 2 - 1].midpoint(upper)) }
}

/// The median absolute deviation: half of `values` lie at most this far from their median. 0 of a single value, which
/// means "unknown" and not "none".
pub fn deviation(values: &[u64]) -> Option<u64> {
    let middle = median(values)?;
    median(&values.iter().map(|value| value.abs_diff(middle)).collect::<Vec<_>>())
}

fn sorted(values: &[u64]) -> Vec<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_of_known_lists() {
        for (values, middle, spread) in [
            (&[][..], None, None),
            (&[7], Some(7), Some(0)),
            (&[1, 2], Some(1), Some(0)),
            (&[10, 20], Some(15), Some(5)),
            (&[30, 10, 20], Some(20), Some(10)),
            (&[4, 1, 3, 2], Some(2), Some(1)),
            (&[100, 100, 100, 9_000_000], Some(100), Some(0)),
            (&[u64::MAX, u64::MAX], Some(u64::MAX), Some(0)),
        ] {
            assert_eq!(median(values), middle, "median of {values:?}");
            assert_eq!(deviation(values), spread, "deviation of {values:?}");
        }
    }

    #[test]
    fn ratios_have_a_middle_too() {
        for (values, middle) in
            [(&[][..], None), (&[1.5], Some(1.5)), (&[1.0, 0.5], Some(0.75)), (&[3.0, -1.0, 2.0], Some(2.0))]
        {
            assert_eq!(median_of(values), middle, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn a_median_has_as_many_below_as_above(values in prop::collection::vec(any::<u64>(), 1..40)) {
            let middle = median(&values).unwrap();
            prop_assert!(values.iter().filter(|value| **value < middle).count() * 2 <= values.len());
            prop_assert!(values.iter().filter(|value| **value > middle).count() * 2 <= values.len());
        }

        #[test]
        fn order_does_not_matter_and_a_shift_moves_the_median_only(
            values in prop::collection::vec(0_u64..1 << 40, 1..40), shift in 0_u64..1 << 40,
        ) {
            let mut shifted: Vec<u64> = values.iter().map(|value| value + shift).collect();
            shifted.reverse();
            prop_assert_eq!(median(&shifted).unwrap(), median(&values).unwrap() + shift);
            prop_assert_eq!(deviation(&shifted), deviation(&values));
        }
    }
}
