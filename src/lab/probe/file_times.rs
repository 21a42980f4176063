//! How long single files took: a sink that listens for nothing else.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::latency::Times;
use crate::event::{Event, EventSink};
use crate::lab::report::Latency;

/// Collects the times of files.
#[derive(Debug, Default)]
pub struct FileClock {
    times: Mutex<Times>,
}

impl FileClock {
    /// What was collected so far; `None` if no file was done.
    pub fn times(&self) -> Option<Latency> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).latency()
    }

    fn note(&self, took: Duration) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).record(took);
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
        assert_eq!(times.operations, 1000);
        for (seen, micros) in [(times.p50_ns, 500), (times.p99_ns, 990), (times.max_ns, 1000)] {
            assert!(seen.abs_diff(micros * 1000) <= micros, "{seen} ns for {micros} µs");
        }
    }
}
