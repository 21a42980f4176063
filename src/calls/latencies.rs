//! How long calls took: a histogram for each that was made.

use std::ops::AddAssign;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::Call;

/// How long one kind of call took, ns; of all calls, also failed ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallLatency {
    /// The call, as strace names it.
    pub call: String,
    /// How many were timed.
    pub calls: u64,
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// Nine of ten took no longer.
    pub p90_ns: u64,
    /// 99 of a hundred took no longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// A time as results hold it, ns: up to 584 years of them.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What p50 and the like are true to, in decimal digits.
const DIGITS: u8 = 3;

/// Times of single calls, in ns. A histogram begins with a few KiB and grows with the times that it holds: what never
/// takes long needs no room for minutes, in each of a hundred workers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Latencies {
    by_call: Vec<Option<Histogram<u64>>>,
}

/// Histograms of whole numbers: each equals itself.
impl Eq for Latencies {}

impl Latencies {
    /// Notes that one call took so long.
    pub(super) fn record(&mut self, call: Call, took: Duration) {
        // It grows as far as ns go, so that nothing is refused.
        let _ = self.of_mut(call).record(nanoseconds(took));
    }

    fn of_mut(&mut self, call: Call) -> &mut Histogram<u64> {
        if self.by_call.is_empty() {
            self.by_call.resize(Call::ALL.len(), None);
        }
        self.by_call[call as usize].get_or_insert_with(|| Histogram::new(DIGITS).expect("three digits are possible"))
    }

    /// The calls that were timed, in the order of [`Call::ALL`].
    pub(super) fn all(&self) -> Vec<CallLatency> {
        let timed = Call::ALL.iter().zip(&self.by_call).filter_map(|(call, times)| Some((call, times.as_ref()?)));
        let described = timed.map(|(call, times)| CallLatency {
            call: call.name().to_owned(),
            calls: times.len(),
            p50_ns: times.value_at_quantile(0.5),
            p90_ns: times.value_at_quantile(0.9),
            p99_ns: times.value_at_quantile(0.99),
            max_ns: times.max(),
        });
        described.collect()
    }
}

impl AddAssign<&Self> for Latencies {
    fn add_assign(&mut self, other: &Self) {
        for (call, times) in Call::ALL.iter().zip(&other.by_call) {
            if let Some(times) = times {
                *self.of_mut(*call) += times;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(seen: u64, expected: u64) -> bool {
        seen.abs_diff(expected) * 1000 <= expected
    }

    #[test]
    fn quantiles_are_those_of_all_workers_from_nanoseconds_to_hours() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        for micros in 1..=1000 {
            let half = if micros % 2 == 0 { &mut one } else { &mut other };
            half.record(Call::Pread, Duration::from_micros(micros));
        }
        other.record(Call::Fsync, Duration::from_secs(7200));
        other.record(Call::Close, Duration::ZERO);
        one += &other;
        let all = one.all();
        let names: Vec<&str> = all.iter().map(|latency| latency.call.as_str()).collect();
        assert_eq!(names, ["pread64", "close", "fsync"]);
        let CallLatency { calls, p50_ns, p90_ns, p99_ns, max_ns, .. } = all[0];
        assert_eq!(calls, 1000);
        for (seen, expected) in [(p50_ns, 500), (p90_ns, 900), (p99_ns, 990), (max_ns, 1000)] {
            assert!(near(seen, expected * 1000), "{seen} ns for {expected} µs");
        }
        assert_eq!((all[1].calls, all[1].p50_ns), (1, 0));
        assert!(near(all[2].max_ns, 7_200_000_000_000), "{all:?}");
    }
}
