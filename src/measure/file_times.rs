//! How long single files took: a sink that listens for nothing else.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::event::{Event, EventSink};
use crate::outcome::FileTimes;

/// What quantiles are true to, in decimal digits.
const DIGITS: u8 = 3;

/// Collects the times of files.
#[derive(Debug)]
pub struct FileClock {
    /// In ns; grows with what it holds.
    times: Mutex<Histogram<u64>>,
}

impl Default for FileClock {
    fn default() -> Self {
        Self { times: Mutex::new(Histogram::new(DIGITS).expect("three digits are possible")) }
    }
}

impl FileClock {
    /// What was collected so far; `None` if no file was done.
    pub fn times(&self) -> Option<FileTimes> {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        (!times.is_empty()).then(|| FileTimes {
            files: times.len(),
            p50_ns: times.value_at_quantile(0.5),
            p99_ns: times.value_at_quantile(0.99),
            max_ns: times.max(),
        })
    }

    fn note(&self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        // It grows as far as ns go, so that nothing is refused.
        let _ = self.times.lock().unwrap_or_else(PoisonError::into_inner).record(nanoseconds);
    }
}

impl EventSink for FileClock {
    fn send(&self, event: Event) {
        if let Event::Done { took: Some(took) } = event {
            self.note(took);
        }
    }

    fn wants_times(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_all_files_whoever_was_done_with_them() {
        let clock = FileClock::default();
        assert_eq!(clock.times(), None);
        std::thread::scope(|scope| {
            for first in 1..=4 {
                let clock = &clock;
                scope.spawn(move || {
                    for micros in (first..=1000).step_by(4) {
                        clock.send(Event::Done { took: Some(Duration::from_micros(micros)) });
                    }
                });
            }
        });
        clock.send(Event::Done { took: None });
        clock.send(Event::Moved { bytes: 1 });
        let times = clock.times().unwrap();
        assert_eq!(times.files, 1000);
        for (seen, micros) in [(times.p50_ns, 500), (times.p99_ns, 990), (times.max_ns, 1000)] {
            assert!(seen.abs_diff(micros * 1000) <= micros, "{seen} ns for {micros} µs");
        }
    }
}
