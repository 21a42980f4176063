//! What measuring itself costs on this machine, measured in a few milliseconds.

use std::hint::black_box;
use std::time::Instant;

use super::Probe;
use crate::calls::{Call, Ending, SyscallCounts};
use crate::lab::report::Cost;

/// Runs of nothing; each looks into `/proc` a few times.
const EMPTY_RUNS: usize = 21;
/// Batches of calls, of which the best counts: whatever else the machine does can only make one slower.
const BATCHES: usize = 10;
/// Calls in a batch: enough that reading the clock at both ends does not show.
const CALLS: u32 = 2000;

/// Measures it.
pub fn cost() -> Cost {
    let mut empty_runs: Vec<u64> =
        (0..EMPTY_RUNS).map(|_| Probe::start().finish(SyscallCounts::default()).wall_ns).collect();
    empty_runs.sort_unstable();
    let mut counts = SyscallCounts::default();
    let count_call_ns = each(|| count(&mut counts));
    let mut timed = SyscallCounts::timed();
    let time_call_ns = each(|| time(&mut timed));
    black_box((counts, timed));
    Cost { empty_run_ns: empty_runs[EMPTY_RUNS / 2], count_call_ns, time_call_ns }
}

/// What `sys` does with every call.
fn count(counts: &mut SyscallCounts) {
    black_box(counts).record(black_box(Call::Pread), black_box(4096), black_box(Ending::Moved(4096)));
}

/// What it does beside that with calls that are timed.
fn time(counts: &mut SyscallCounts) {
    let begun = Instant::now();
    black_box(counts).time(black_box(Call::Pread), begun.elapsed());
}

/// ns that each of many takes.
fn each(mut work: impl FnMut()) -> f64 {
    let batch = |()| {
        let begun = Instant::now();
        (0..CALLS).for_each(|_| work());
        begun.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    std::iter::repeat_n((), BATCHES).map(batch).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_measured_of_each() {
        let cost = cost();
        assert!(cost.empty_run_ns > 0);
        for nanoseconds in [cost.count_call_ns, cost.time_call_ns] {
            assert!(nanoseconds.is_finite() && nanoseconds > 0.0, "{cost:?}");
        }
    }
}
