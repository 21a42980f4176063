//! How long operations took: a histogram of times, and what a report says of it.

use std::ops::AddAssign;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::calls::nanoseconds;
use crate::lab::report::Latency;

/// What quantiles are true to, in decimal digits.
const DIGITS: u8 = 3;

/// Times, in ns. They take a few KiB, more with the longest of them, and never more with their number.
#[derive(Debug, Clone, PartialEq)]
pub struct Times(Histogram<u64>);

/// A histogram of whole numbers equals itself.
impl Eq for Times {}

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("three digits are possible"))
    }
}

impl Times {
    /// Notes one.
    pub fn record(&mut self, took: Duration) {
        // It grows as far as ns go, so that nothing is refused.
        let _ = self.0.record(nanoseconds(took));
    }

    /// What they come to; `None` of none.
    pub fn latency(&self) -> Option<Latency> {
        let at = |quantile| self.0.value_at_quantile(quantile);
        (!self.0.is_empty()).then(|| Latency {
            operations: self.0.len(),
            mean_ns: self.0.mean().round() as u64,
            p50_ns: at(0.5),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: self.0.max(),
        })
    }
}

impl AddAssign<&Self> for Times {
    fn add_assign(&mut self, other: &Self) {
        self.0 += &other.0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(seen: u64, expected: u64) -> bool {
        seen.abs_diff(expected) * 1000 <= expected
    }

    fn times(values: &[u64]) -> Times {
        let mut times = Times::default();
        for value in values {
            times.record(Duration::from_nanos(*value));
        }
        times
    }

    /// The least value that this part of all do not exceed.
    fn quantile(sorted: &[u64], part: f64) -> u64 {
        let place = (part * sorted.len() as f64).ceil() as usize;
        sorted[place.clamp(1, sorted.len()) - 1]
    }

    #[test]
    fn the_longest_and_the_shortest_have_room() {
        assert_eq!(Times::default().latency(), None);
        let mut times = times(&[0]);
        times.record(Duration::from_secs(86_400));
        let latency = times.latency().unwrap();
        assert_eq!((latency.operations, latency.p50_ns), (2, 0));
        assert!(near(latency.max_ns, 86_400_000_000_000) && near(latency.mean_ns, 43_200_000_000_000), "{latency:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn figures_are_those_of_all_values_whoever_noted_them(
            mut values in prop::collection::vec(0_u64..10_000_000_000, 1..3000), cut in 0_usize..3000,
        ) {
            let (one, other) = values.split_at(cut.min(values.len()));
            let mut all = times(one);
            all += &times(other);
            let latency = all.latency().unwrap();
            prop_assert_eq!(Some(latency), times(&values).latency());
            values.sort_unstable();
            prop_assert_eq!(latency.operations, values.len() as u64);
            let parts = [(latency.p50_ns, 0.5), (latency.p99_ns, 0.99), (latency.p999_ns, 0.999), (latency.max_ns, 1.0)];
            for (seen, part) in parts {
                prop_assert!(near(seen, quantile(&values, part)), "{} ns at {}", seen, part);
            }
            let mean = values.iter().sum::<u64>() / values.len() as u64;
            prop_assert!(near(latency.mean_ns, mean) || latency.mean_ns.abs_diff(mean) <= 1);
        }
    }
}
