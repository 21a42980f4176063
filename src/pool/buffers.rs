//! A pool of reusable buffers, with the vocabulary of connection pools.
//!
//! *Size* is how many are kept, *overflow* how many more may exist for a burst, *wait* how long to wait for one. Unless it
//! is told otherwise, a job uses overflow 0 and waits without limit: a slow reader is not an error, and the number of
//! buffers is the backpressure that bounds its memory. Buffers are allocated when first needed and come back when their
//! guard is dropped. Where there is no memory for as many as there may be, there are fewer.
//!
//! A limit on waiting is about a pool that stands still. Which of several workers gets a buffer that came back is not in
//! their order (the one that is running already is mostly the quickest), so a single one may wait long in a pool that
//! works well: while buffers come back, nobody gives up.

use std::array;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Remedy;
use crate::plan::{PoolChoice, Resources};
use crate::summary::PoolStats;
use crate::sys::AlignedBuffer;

/// Why there was no buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PoolError {
    /// All were in use, and none came back for as long as the pool was told to wait.
    #[error("no buffer came free within {0:?}")]
    TimedOut(Duration),
    /// More were asked for at once than may ever exist.
    #[error("{asked} buffers were asked for at once, and the pool has {limit}")]
    TooMany {
        /// Buffers asked for.
        asked: usize,
        /// Buffers that may exist.
        limit: usize,
    },
    /// There is no memory for them, and nobody holds any that could come back.
    #[error("there is no memory for {asked} of {}; make them smaller, or raise the limit (ulimit -v)", bytesize::ByteSize(*bytes as u64))]
    NoMemory {
        /// Buffers asked for at once.
        asked: usize,
        /// Bytes of each.
        bytes: usize,
    },
}

impl PoolError {
    /// What would help, if that is known.
    pub(crate) const fn remedy(self) -> Option<Remedy> {
        match self {
            Self::TimedOut(_) => Some(Remedy::MoreBuffers),
            Self::TooMany { .. } | Self::NoMemory { .. } => None,
        }
    }
}

/// A pool of buffers; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct BufferPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: PoolOptions,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    free: Vec<AlignedBuffer>,
    /// Buffers that somebody holds.
    lent: usize,
    /// Buffers that may exist, since there was no memory for more.
    most: Option<usize>,
    /// Threads that wait for one. Waking is a system call even when nobody waits.
    waiting: usize,
    /// Buffers that came back so far.
    returned: u64,
    stats: PoolStats,
}

impl BufferPool {
    /// An empty pool.
    pub(crate) fn new(options: PoolOptions) -> Self {
        Self(Arc::new(Shared { options, state: Mutex::default(), returned: Condvar::new() }))
    }

    /// Takes `N` buffers in one go, waiting for them if need be. Taking them together is what keeps two workers from
    /// each holding one and waiting for the other's.
    ///
    /// Where there is no memory for more buffers, those that exist must do: then it waits for them, too.
    pub(crate) fn acquire<const N: usize>(&self) -> Result<[PooledBuffer; N], PoolError> {
        loop {
            if let Some(buffers) = self.take(self.wait_for_room(N)?)? {
                return Ok(buffers);
            }
        }
    }

    /// The same without waiting: `None` if there are not so many.
    pub(crate) fn try_acquire<const N: usize>(&self) -> Option<[PooledBuffer; N]> {
        let state = self.0.lock();
        let has_room = state.limit(&self.0.options).is_none_or(|limit| state.lent + N <= limit);
        if has_room { self.take(state).ok().flatten() } else { None }
    }

    /// Takes buffers for which there is room. `None` where there is no memory for those that are missing, and others hold
    /// some that will come back.
    fn take<'a, const N: usize>(
        &'a self,
        mut state: MutexGuard<'a, State>,
    ) -> Result<Option<[PooledBuffer; N]>, PoolError> {
        let mut taken: [Option<AlignedBuffer>; N] = array::from_fn(|_| state.free.pop());
        state.lent += N;
        let fresh = taken.iter().filter(|buffer| buffer.is_none()).count();
        let beyond = self.0.options.size.map_or(0, |size| state.lent.saturating_sub(size.get()).min(fresh));
        if fresh > 0 {
            drop(state);
            // Allocated outside the lock: the kernel may have to find pages first.
            let missing = taken.iter_mut().filter(|buffer| buffer.is_none());
            let bytes = self.0.options.buffer_bytes;
            let made = missing.map(|place| AlignedBuffer::new(bytes).map(|buffer| *place = Some(buffer)));
            let made = made.collect::<rustix::io::Result<()>>();
            state = self.0.lock();
            if made.is_err() {
                return self.put_back(state, taken);
            }
        }
        state.stats.acquired += N as u64;
        state.stats.fresh += fresh as u64;
        state.stats.reused += (N - fresh) as u64;
        state.stats.overflowed += beyond as u64;
        Ok(Some(taken.map(|buffer| PooledBuffer { buffer, pool: Arc::clone(&self.0) })))
    }

    /// Gives up taking buffers: from now on no more are made than exist. An error if even so nobody has enough.
    fn put_back<T, const N: usize>(
        &self,
        mut state: MutexGuard<'_, State>,
        taken: [Option<AlignedBuffer>; N],
    ) -> Result<Option<T>, PoolError> {
        state.free.extend(taken.into_iter().flatten());
        state.lent -= N;
        let (lent, free) = (state.lent, state.free.len());
        state.most = Some((lent + free).max(N));
        drop(state);
        // Somebody may wait for those that were put back.
        self.0.returned.notify_all();
        if lent > 0 || free >= N {
            return Ok(None);
        }
        Err(PoolError::NoMemory { asked: N, bytes: self.0.options.buffer_bytes })
    }

    /// Bytes of each buffer.
    pub(crate) fn buffer_bytes(&self) -> usize {
        self.0.options.buffer_bytes
    }

    /// What the pool has done so far.
    pub(crate) fn stats(&self) -> PoolStats {
        self.0.lock().stats
    }

    fn wait_for_room(&self, wanted: usize) -> Result<MutexGuard<'_, State>, PoolError> {
        let options = &self.0.options;
        let mut state = self.0.lock();
        if let Some(limit) = options.limit().filter(|limit| wanted > *limit) {
            return Err(PoolError::TooMany { asked: wanted, limit });
        }
        // Who finds all of them free tries: fewer were wanted, perhaps, when there was no memory for more.
        let no_room =
            |state: &mut State| state.lent > 0 && state.limit(options).is_some_and(|limit| state.lent + wanted > limit);
        if !no_room(&mut state) {
            return Ok(state);
        }
        state.stats.waited += 1;
        state.waiting += 1;
        let Some(longest) = options.wait else {
            state = self.0.returned.wait_while(state, no_room).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            return Ok(state);
        };
        let mut before = None;
        // Each buffer that comes back, and that another worker was quicker to take, starts the time again.
        while no_room(&mut state) && before != Some(state.returned) {
            let returned = state.returned;
            before = Some(returned);
            let still = |state: &mut State| no_room(state) && state.returned == returned;
            let woken = self.0.returned.wait_timeout_while(state, longest, still);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting -= 1;
        if no_room(&mut state) {
            state.stats.gave_up += 1;
            return Err(PoolError::TimedOut(longest));
        }
        Ok(state)
    }
}

impl State {
    /// The most buffers that may exist at a time.
    fn limit(&self, options: &PoolOptions) -> Option<usize> {
        options.limit().into_iter().chain(self.most).min()
    }
}

impl Shared {
    /// No code that can panic runs under this lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer that goes back to its pool when dropped. Its content is whatever the last user left.
#[derive(Debug)]
pub(crate) struct PooledBuffer {
    /// `None` only while being dropped.
    buffer: Option<AlignedBuffer>,
    pool: Arc<Shared>,
}

impl std::ops::Deref for PooledBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.as_deref().unwrap_or_default()
    }
}

impl std::ops::DerefMut for PooledBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.buffer.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent -= 1;
        state.returned += 1;
        let kept = state.free.len() + state.lent;
        if self.pool.options.size.is_some_and(|size| kept < size.get()) {
            state.free.extend(self.buffer.take());
        }
        let somebody_waits = state.waiting > 0;
        drop(state);
        if somebody_waits {
            // They may wait for different numbers of buffers: wake all and let each look.
            self.pool.returned.notify_all();
        }
    }
}

/// How a pool behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// Bytes of each buffer.
    pub buffer_bytes: usize,
    /// Buffers kept; `None` keeps none and bounds nothing: each is allocated and freed.
    pub size: Option<NonZeroUsize>,
    /// Buffers beyond `size` that may exist at a time; each is freed after use.
    pub overflow: usize,
    /// How long to wait while none comes back; `None` waits without limit.
    pub wait: Option<Duration>,
}

impl PoolOptions {
    /// A job's pool. `needed` is what [`PoolChoice::Auto`] stands for; `at_once` is what one worker takes in one go, and so
    /// the fewest that there may be, with those for a burst.
    pub fn for_job(resources: &Resources, buffer_bytes: usize, needed: usize, at_once: usize) -> Self {
        let (overflow, wait) = (resources.pool_overflow, resources.pool_wait);
        let size = match resources.pool {
            PoolChoice::Auto => NonZeroUsize::new(needed.max(at_once)),
            PoolChoice::Buffers(count) => NonZeroUsize::new(count.get().max(at_once.saturating_sub(overflow))),
            PoolChoice::Off => return Self { buffer_bytes, size: None, overflow: 0, wait: None },
        };
        Self { buffer_bytes, size, overflow, wait }
    }

    /// The same with at most so many buffers, from 1 on. Those for a burst are done without first.
    #[must_use]
    pub fn at_most(self, buffers: usize) -> Self {
        let Some(size) = self.size.and_then(|size| NonZeroUsize::new(size.get().min(buffers))) else { return self };
        Self { size: Some(size), overflow: self.overflow.min(buffers - size.get()), ..self }
    }

    /// The most buffers that may exist at a time.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.size.map(|size| size.get().saturating_add(self.overflow))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Instant;

    use super::*;

    fn options(size: usize, overflow: usize, wait: Option<Duration>) -> PoolOptions {
        PoolOptions { buffer_bytes: 512, size: NonZeroUsize::new(size), overflow, wait }
    }

    fn resources(pool: PoolChoice, pool_overflow: usize) -> Resources {
        Resources { pool, pool_overflow, ..Resources::default() }
    }

    #[test]
    fn buffers_come_back_and_are_used_again() {
        let pool = BufferPool::new(options(2, 0, None));
        for _ in 0..5 {
            let [mut one, two] = pool.acquire().unwrap();
            assert_eq!((one.len(), two.len()), (512, 512));
            one[0] = 1;
        }
        assert_eq!(pool.stats(), PoolStats { acquired: 10, reused: 8, fresh: 2, ..PoolStats::default() });
    }

    #[test]
    fn overflow_is_for_bursts_and_is_given_up() {
        let pool = BufferPool::new(options(1, 2, Some(Duration::ZERO)));
        let burst: [PooledBuffer; 3] = pool.acquire().unwrap();
        assert_eq!(pool.acquire::<1>().unwrap_err(), PoolError::TimedOut(Duration::ZERO));
        drop(burst);
        let again: [PooledBuffer; 2] = pool.acquire().unwrap();
        drop(again);
        let stats = pool.stats();
        assert_eq!((stats.fresh, stats.reused, stats.overflowed, stats.waited), (4, 1, 3, 1));
    }

    #[test]
    fn less_memory_takes_the_overflow_first() {
        let most = |options: PoolOptions| (options.size.map(NonZeroUsize::get), options.overflow);
        for (buffers, size, overflow) in [(9, 4, 3), (7, 4, 3), (6, 4, 2), (4, 4, 0), (1, 1, 0)] {
            assert_eq!(most(options(4, 3, None).at_most(buffers)), (Some(size), overflow), "{buffers}");
        }
        let off = PoolOptions { size: None, ..options(1, 0, None) };
        assert_eq!(most(off.at_most(3)), (None, 0));
        assert_eq!(options(usize::MAX, usize::MAX, None).limit(), Some(usize::MAX));
    }

    #[test]
    fn who_gives_up_has_waited_while_nothing_came_back() {
        let longest = Duration::from_millis(40);
        let pool = BufferPool::new(options(1, 0, Some(longest)));
        let held: [PooledBuffer; 1] = pool.acquire().unwrap();
        let started = Instant::now();
        assert_eq!(pool.acquire::<1>().unwrap_err(), PoolError::TimedOut(longest));
        assert!(started.elapsed() >= longest);
        assert_eq!(pool.stats(), PoolStats { acquired: 1, fresh: 1, waited: 1, gave_up: 1, ..PoolStats::default() });
        // It took nothing with it: the next one gets what comes back.
        drop(held);
        assert!(pool.acquire::<1>().is_ok());
        let stats = pool.stats();
        assert_eq!((stats.acquired, stats.reused, stats.gave_up), (2, 1, 1));
    }

    /// One who wants both buffers of a pool waits for as long as another takes one of them again and again, which is longer
    /// than it may wait while none comes back; and gives up after that.
    #[test]
    fn nobody_gives_up_while_buffers_come_back() {
        let longest = Duration::from_millis(400);
        let pool = BufferPool::new(options(2, 0, Some(longest)));
        let [_kept, mut other] = pool.acquire::<2>().unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| pool.acquire::<2>().map(drop));
            while pool.0.lock().waiting == 0 {
                std::thread::yield_now();
            }
            let (started, mut last, mut was_held_up) = (Instant::now(), Instant::now(), false);
            while started.elapsed() < 2 * longest {
                drop(other);
                was_held_up |= last.elapsed() > longest / 2;
                last = Instant::now();
                [other] = pool.try_acquire().unwrap();
                std::thread::sleep(longest / 40);
            }
            assert!(was_held_up || pool.stats().gave_up == 0, "buffers came back all the while");
            assert_eq!(waits.join().unwrap(), Err(PoolError::TimedOut(longest)));
        });
        assert_eq!(pool.stats().gave_up, 1);
    }

    #[test]
    fn who_does_not_wait_gets_what_there_is() {
        let pool = BufferPool::new(options(2, 0, None));
        let one: [PooledBuffer; 1] = pool.try_acquire().unwrap();
        assert!(pool.try_acquire::<2>().is_none());
        let other: [PooledBuffer; 1] = pool.try_acquire().unwrap();
        assert!(pool.try_acquire::<1>().is_none());
        drop((one, other));
        assert!(pool.try_acquire::<2>().is_some());
        assert_eq!(pool.stats().waited, 0);
    }

    #[test]
    fn off_allocates_each_time_and_bounds_nothing() {
        let pool = BufferPool::new(PoolOptions::for_job(&resources(PoolChoice::Off, 0), 64, 8, 2));
        let many: Vec<[PooledBuffer; 2]> = (0..50).map(|_| pool.acquire().unwrap()).collect();
        drop(many);
        drop(pool.acquire::<1>().unwrap());
        let stats = pool.stats();
        assert_eq!((stats.acquired, stats.fresh, stats.reused, stats.waited), (101, 101, 0, 0));
    }

    #[test]
    fn a_pool_never_holds_less_than_one_worker_takes() {
        let one = PoolChoice::Buffers(NonZeroUsize::MIN);
        for (choice, overflow, size) in [(one, 0, 2), (one, 1, 1), (one, 5, 1), (PoolChoice::Auto, 1, 8)] {
            let options = PoolOptions::for_job(&resources(choice, overflow), 1, 8, 2);
            assert_eq!((options.size.map(NonZeroUsize::get), options.overflow), (Some(size), overflow));
            assert!(BufferPool::new(options).acquire::<2>().is_ok(), "{choice} and {overflow} more");
        }
        let pool = BufferPool::new(options(1, 0, None));
        assert_eq!(pool.acquire::<2>().unwrap_err(), PoolError::TooMany { asked: 2, limit: 1 });
    }

    #[test]
    fn a_lack_of_memory_is_an_error_and_takes_nothing() {
        let buffer_bytes = isize::MAX as usize;
        for size in [None, NonZeroUsize::new(4)] {
            let pool = BufferPool::new(PoolOptions { buffer_bytes, size, overflow: 0, wait: None });
            for _ in 0..2 {
                assert_eq!(pool.acquire::<2>().unwrap_err(), PoolError::NoMemory { asked: 2, bytes: buffer_bytes });
                assert!(pool.try_acquire::<1>().is_none());
            }
            assert_eq!(pool.stats().acquired, 0);
        }
    }

    #[test]
    fn two_buffers_serve_many_workers_even_when_one_sleeps() {
        let pool = BufferPool::new(options(2, 0, None));
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let pool = pool.clone();
                scope.spawn(move || {
                    for round in 0..50 {
                        let [mut input, output] = pool.acquire().unwrap();
                        input[0] = output[0];
                        if worker == 0 && round % 10 == 0 {
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    }
                });
            }
        });
        let stats = pool.stats();
        assert_eq!((stats.acquired, stats.fresh), (400, 2));
    }

    proptest::proptest! {
        /// Whatever is taken and given back: never more live buffers than allowed, and the statistics add up.
        #[test]
        fn statistics_add_up(size in 1_usize..5, overflow in 0_usize..4, takes in proptest::collection::vec(0_usize..8, 1..60)) {
            let pool = BufferPool::new(options(size, overflow, Some(Duration::ZERO)));
            let mut held = Vec::new();
            for take in takes {
                if take < 5 {
                    let before = held.len();
                    if let Ok([buffer]) = pool.acquire::<1>() {
                        held.push(buffer);
                    } else {
                        proptest::prop_assert_eq!(before, size + overflow);
                    }
                } else if !held.is_empty() {
                    held.swap_remove(take % held.len());
                }
                proptest::prop_assert!(held.len() <= size + overflow);
            }
            let stats = pool.stats();
            proptest::prop_assert_eq!(stats.acquired, stats.fresh + stats.reused);
            proptest::prop_assert!(stats.overflowed <= stats.fresh && (overflow > 0 || stats.overflowed == 0));
            proptest::prop_assert_eq!(stats.waited, stats.gave_up);
        }
    }
}
