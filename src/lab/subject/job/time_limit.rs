//! A limit to how long a run may take: one that has not ended by then is asked to stop.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sys::Stop;

/// Does `work`, and makes a request of `stop` if it has not ended within `limit`. Where no thread can be started that
/// waits for that, it takes as long as it takes.
///
/// The thread is gone when this returns. While `work` lasts it sleeps: it allocates nothing, and makes no call that anybody
/// counts.
pub(super) fn limited<T>(limit: Duration, stop: &Stop, work: impl FnOnce() -> T) -> T {
    let progress = Progress::default();
    std::thread::scope(|scope| {
        let watch = || {
            if progress.outlasts(limit) {
                stop.request(libc::SIGALRM);
            }
        };
        let watching = std::thread::Builder::new().name("haul-limit".to_owned()).spawn_scoped(scope, watch);
        // Also when the work panics: the scope waits for the thread.
        let _end = End(&progress);
        if watching.is_ok() {
            progress.wait_until_watched();
        }
        work()
    })
}

/// How far the work is.
#[derive(Default)]
struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// The thread that waits may still be starting, which allocates.
    #[default]
    Unwatched,
    Watched,
    Ended,
}

impl Progress {
    /// Waits until the work has ended, or for so long; whether it goes on then.
    fn outlasts(&self, limit: Duration) -> bool {
        let state = self.enter(State::Watched);
        let goes_on = |state: &mut State| *state == State::Watched;
        let waited = self.changed.wait_timeout_while(state, limit, goes_on).unwrap_or_else(PoisonError::into_inner);
        waited.1.timed_out()
    }

    fn wait_until_watched(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unwatched = |state: &mut State| *state == State::Unwatched;
        drop(self.changed.wait_while(state, is_unwatched).unwrap_or_else(PoisonError::into_inner));
    }

    fn enter(&self, state: State) -> MutexGuard<'_, State> {
        let mut current = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *current = state;
        self.changed.notify_all();
        current
    }
}

/// Says at the end of the work that it has ended.
struct End<'a>(&'a Progress);

impl Drop for End<'_> {
    fn drop(&mut self) {
        drop(self.0.enter(State::Ended));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn only_what_takes_too_long_is_asked_to_stop() {
        let stop = Stop::new();
        let begun = Instant::now();
        assert_eq!(limited(Duration::from_secs(1000), &stop, || 7), 7);
        assert!(!stop.is_requested() && begun.elapsed() < Duration::from_secs(900));
        limited(Duration::from_millis(5), &stop, || {
            while !stop.is_requested() {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        assert_eq!(stop.signal(), libc::SIGALRM);
    }

    #[test]
    fn a_panic_goes_on_at_once() {
        let begun = Instant::now();
        let work = || limited(Duration::from_secs(1000), &Stop::new(), || panic!("on purpose"));
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(begun.elapsed() < Duration::from_secs(900));
    }
}
