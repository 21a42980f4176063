//! Blocks back in sequence: workers finish them in any order, they are handed on in the order of their numbers.
//!
//! There is no writer thread. Whoever finishes the next block in sequence hands it on, and every ready one after it;
//! the others leave theirs and go back to work. What waits here holds buffers of a pool, so its size bounds the wait:
//! a worker must take its buffers *before* it takes a number, or finished later blocks could hold the whole pool while
//! the next one starves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Hands items on to a sink in the order of their numbers, from 0 on without gaps.
#[derive(Debug)]
pub struct Ordered<T, S> {
    state: Mutex<State<T>>,
    sink: Mutex<S>,
}

#[derive(Debug)]
struct State<T> {
    next: u64,
    ready: BTreeMap<u64, T>,
    /// Somebody is handing items on right now.
    busy: bool,
    /// A number was given up: its item will never come, and nothing after it can be handed on.
    broken: bool,
}

/// A number that was taken; dropping it without an item (a panic) breaks the sequence instead of blocking it.
#[derive(Debug)]
pub struct Turn<'a, T, S> {
    ordered: &'a Ordered<T, S>,
    number: Option<u64>,
}

impl<T, S> Ordered<T, S> {
    /// An empty sequence before `sink`.
    pub fn new(sink: S) -> Self {
        let state = State { next: 0, ready: BTreeMap::new(), busy: false, broken: false };
        Self { state: Mutex::new(state), sink: Mutex::new(sink) }
    }

    /// Vouches that an item will come for `number`.
    pub const fn turn(&self, number: u64) -> Turn<'_, T, S> {
        Turn { ordered: self, number: Some(number) }
    }

    /// The sink, once nobody submits any more.
    pub(crate) fn into_sink(self) -> S {
        self.sink.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sink, while nothing is being handed on.
    pub fn sink(&self) -> MutexGuard<'_, S> {
        self.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next item if it is ready and nobody else is at it.
    fn take_next(&self) -> Option<T> {
        let mut state = self.lock();
        let next = state.next;
        let item = if state.busy || state.broken { None } else { state.ready.remove(&next) };
        if item.is_some() {
            state.next += 1;
            state.busy = true;
        }
        item
    }
}

/// Says that nobody hands items on any more, also when handing on panicked.
struct Busy<'a, T, S>(&'a Ordered<T, S>);

impl<T, S> Drop for Busy<'_, T, S> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
    }
}

impl<T, S> Turn<'_, T, S> {
    /// Brings the item, and hands on all that can be handed on now.
    pub fn submit(mut self, item: T, mut hand_on: impl FnMut(&mut S, T)) {
        let ordered = self.ordered;
        let Some(number) = self.number.take() else { return };
        {
            let mut state = ordered.lock();
            if !state.broken {
                state.ready.insert(number, item);
            }
        }
        while let Some(item) = ordered.take_next() {
            let busy = Busy(ordered);
            hand_on(&mut ordered.sink(), item);
            drop(busy);
        }
    }
}

impl<T, S> Drop for Turn<'_, T, S> {
    fn drop(&mut self) {
        if self.number.is_some() {
            let mut state = self.ordered.lock();
            state.broken = true;
            // Their buffers must go back to the pool: others wait for them.
            state.ready.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn items_come_out_in_order_whatever_the_order_they_went_in() {
        let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 0, 1, 3]];
        for order in orders {
            let ordered = Ordered::new(Vec::new());
            for number in order {
                ordered.turn(number).submit(number, Vec::push);
            }
            assert_eq!(ordered.into_sink(), [0, 1, 2, 3], "{order:?}");
        }
    }

    #[test]
    fn many_threads_make_one_sequence() {
        let ordered = Ordered::new(Vec::new());
        let next = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if number >= 2_000 {
                            break;
                        }
                        if number.is_multiple_of(7) {
                            std::thread::yield_now();
                        }
                        ordered.turn(number).submit(number, Vec::push);
                    }
                });
            }
        });
        assert_eq!(ordered.into_sink(), (0..2_000).collect::<Vec<u64>>());
    }

    #[test]
    fn a_turn_that_is_given_up_frees_what_waits_behind_it() {
        let ordered = Ordered::new(Vec::new());
        let waiting = std::sync::Arc::new(());
        let lost = ordered.turn(0);
        ordered.turn(1).submit(std::sync::Arc::clone(&waiting), Vec::push);
        assert_eq!(std::sync::Arc::strong_count(&waiting), 2);
        drop(lost);
        assert_eq!(std::sync::Arc::strong_count(&waiting), 1);
        ordered.turn(2).submit(std::sync::Arc::clone(&waiting), Vec::push);
        assert!(ordered.into_sink().is_empty());
    }

    #[test]
    fn a_sink_that_panics_does_not_hold_up_the_others() {
        let ordered = Ordered::new(Vec::new());
        let panicking = AssertUnwindSafe(|| ordered.turn(0).submit(0, |_, _| panic!("on purpose")));
        assert!(catch_unwind(panicking).is_err());
        ordered.turn(1).submit(1, Vec::push);
        assert_eq!(ordered.into_sink(), [1]);
    }
}
