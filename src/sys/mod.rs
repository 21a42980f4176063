//! Every system call haul makes on files, as a safe wrapper that counts.
//!
//! Each worker owns a [`Sys`]: no atomics, no statics; counts add up when workers join. A wrapper retries after EINTR,
//! unless somebody asked to stop: so EINTR that leaves this module means "stop". Helpers that end in `_full` also go on
//! after short transfers. Errors are bare errnos: only the caller knows the operation and the path.

mod allocations;
mod attributes;
mod clock;
mod directory;
mod event_loop;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod file;
mod filesystem;
mod inherited;
mod map;
mod memory;
mod newer_calls;
mod page_cache;
#[cfg(feature = "isal")]
mod placed;
mod process;
mod random;
mod ring;
mod signals;
mod socket;
mod xattr;

pub use allocations::{Allocations, CountingAllocator, counting_allocations, keep_reserve};
pub(crate) use attributes::FileId;
pub use attributes::{Attributes, FileKind, Moment};
pub(crate) use clock::file_time;
pub use clock::{LocalTime, local_time};
pub(crate) use directory::DirectoryBuffer;
pub use directory::{Entries, Entry, discard};
pub(crate) use event_loop::EventLoop;
pub(crate) use file::Extent;
pub use filesystem::FileSystem;
pub(crate) use inherited::standard_input;
pub use inherited::{ignores_broken_pipes, keep_closed_streams_closed, standard_output, standard_socket};
pub use map::Map;
pub use memory::Blocks;
pub(crate) use memory::{AlignedBuffer, PAGE};
pub use page_cache::cached_pages;
pub(crate) use page_cache::page_bytes;
#[cfg(feature = "isal")]
pub(crate) use placed::PlacedMemory;
pub(crate) use process::{Creator, most_descriptors};
pub use process::{Identity, Usage, end_with_parent, usage, within_limits};
pub use ring::{Request, Ring};
pub use signals::{Stop, die_of, is_ignored};
pub use xattr::{XattrBuffer, XattrNames};

/// The longest name in a directory, bytes (limits.h).
pub(crate) const NAME_MAX: usize = 255;

use std::collections::HashMap;
use std::time::Instant;

use rustix::io::{Errno, Result};

use crate::calls::{Call, Ending, SentCounts, SyscallCounts};

/// One worker's access to the kernel: its system calls are made through this, and counted.
#[derive(Debug)]
pub struct Sys {
    counts: SyscallCounts,
    stop: Stop,
    random: random::RandomNumbers,
    /// Devices, and whether sizes of files on them are true, as far as somebody asked.
    true_sizes: HashMap<(u32, u32), bool>,
    /// See [`Sys::change_nothing`].
    changes_nothing: bool,
    /// See [`Sys::read_by_ring`].
    reads_by_ring: bool,
    #[cfg(any(test, feature = "faults"))]
    faults: Option<std::sync::Arc<faults::FaultPlan>>,
}

impl Sys {
    /// Access with all counts at zero, which ends its retries when `stop` says so.
    pub fn new(stop: Stop) -> Self {
        Self {
            counts: SyscallCounts::default(),
            stop,
            random: random::RandomNumbers::default(),
            true_sizes: HashMap::new(),
            changes_nothing: false,
            reads_by_ring: true,
            #[cfg(any(test, feature = "faults"))]
            faults: None,
        }
    }

    /// The same, with its calls timed too.
    #[must_use]
    pub(crate) fn timing_calls(self) -> Self {
        Self { counts: SyscallCounts::timed(), ..self }
    }

    /// From now on, every call that would change a file, a name or an attribute fails with EPERM.
    pub const fn change_nothing(&mut self) {
        self.changes_nothing = true;
    }

    /// Makes all calls of `work` at once, also where they would be operations of a ring: it holds a lock that another worker of
    /// the same thread may wait for.
    pub(crate) fn without_pause<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        event_loop::without_pause(|| work(self))
    }

    /// Whether reads may be operations of a ring, where there is one. Of a file whose size cannot be believed they must not be:
    /// past that size an operation ends, and a call goes on (FUSE with `direct_io`, `fuse_direct_IO` in Linux 6.18).
    pub(crate) const fn read_by_ring(&mut self, allowed: bool) {
        self.reads_by_ring = allowed;
    }

    /// Whether it changes nothing: then there is no use in trying.
    pub(crate) const fn changes_nothing(&self) -> bool {
        self.changes_nothing
    }

    /// Access for another worker of the same job: the same stop (and fault plan), counts of its own.
    #[must_use]
    pub(crate) fn sibling(&self) -> Self {
        Self {
            counts: if self.counts.are_timed() { SyscallCounts::timed() } else { SyscallCounts::default() },
            stop: self.stop.clone(),
            random: random::RandomNumbers::default(),
            true_sizes: self.true_sizes.clone(),
            changes_nothing: self.changes_nothing,
            reads_by_ring: true,
            #[cfg(any(test, feature = "faults"))]
            faults: self.faults.clone(),
        }
    }

    /// The calls made so far.
    pub const fn counts(&self) -> &SyscallCounts {
        &self.counts
    }

    /// The calls made so far, which are counted from none on again.
    pub(crate) fn take_counts(&mut self) -> SyscallCounts {
        std::mem::take(&mut self.counts)
    }

    /// Counts calls that another process made for this worker.
    pub(crate) fn add_counts(&mut self, counts: &SentCounts) {
        self.counts += counts;
    }

    /// EINTR if somebody asked to stop, ENOMEM if there is no memory to go on with. Loops call it where they can end
    /// cleanly.
    pub fn check_stop(&self) -> Result<()> {
        if self.stop.is_requested() {
            Err(Errno::INTR)
        } else if allocations::reserve_is_spent() {
            Err(Errno::NOMEM)
        } else {
            Ok(())
        }
    }

    /// Makes a call that moves no bytes.
    fn plain<T, M: Into<Made<T>>>(&mut self, call: Call, mut attempt: impl FnMut() -> M) -> Result<T> {
        self.make(call, 0, |_| attempt(), |_| 0)
    }

    /// Makes a call that moves up to `wanted` bytes and returns how many it moved.
    fn transfer<M: Into<Made<usize>>>(
        &mut self,
        call: Call,
        wanted: usize,
        attempt: impl FnMut(usize) -> M,
    ) -> Result<usize> {
        self.make(call, wanted, attempt, |moved| *moved as u64)
    }

    /// The one place where calls are made, counted, timed, retried and, in tests, made to fail.
    fn make<T, M: Into<Made<T>>>(
        &mut self,
        call: Call,
        wanted: usize,
        mut attempt: impl FnMut(usize) -> M,
        moved: impl Fn(&T) -> u64,
    ) -> Result<T> {
        if self.changes_nothing && call.changes_files() {
            return Err(Errno::PERM);
        }
        loop {
            let result = match self.injected(call, wanted) {
                Ok(wanted_now) => {
                    let begun = self.counts.are_timed().then(Instant::now);
                    let Made { result, by_ring } = self.attempt(|| attempt(wanted_now)).into();
                    if let Some(begun) = begun {
                        self.counts.time(call, begun.elapsed());
                    }
                    let ending =
                        result.as_ref().map_or_else(|errno| Ending::Failed(*errno), |ok| Ending::Moved(moved(ok)));
                    if by_ring {
                        self.counts.record_operation(call, wanted, ending);
                    } else {
                        self.counts.record(call, wanted, ending);
                    }
                    result
                }
                Err(errno) => {
                    self.counts.record_unseen(call, wanted, Ending::Failed(errno));
                    Err(errno)
                }
            };
            match result {
                Err(Errno::INTR) if !self.stop.is_requested() => {}
                other => return other,
            }
        }
    }

    /// What the fault plan makes of the next call: fewer bytes to ask for, or an errno instead of the call.
    #[cfg(any(test, feature = "faults"))]
    fn injected(&self, call: Call, wanted: usize) -> Result<usize> {
        self.faults.as_ref().map_or(Ok(wanted), |plan| plan.next(call, wanted))
    }

    /// Makes one attempt, which the fault plan may slow.
    #[cfg(any(test, feature = "faults"))]
    fn attempt<T>(&self, attempt: impl FnOnce() -> T) -> T {
        match &self.faults {
            Some(plan) => plan.attempt(attempt),
            None => attempt(),
        }
    }

    #[cfg(not(any(test, feature = "faults")))]
    #[allow(clippy::unused_self, reason = "release builds have no fault plan to ask")]
    fn attempt<T>(&self, attempt: impl FnOnce() -> T) -> T {
        attempt()
    }

    #[cfg(not(any(test, feature = "faults")))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "release builds have no fault plan to ask")]
    const fn injected(&self, _call: Call, wanted: usize) -> Result<usize> {
        Ok(wanted)
    }
}

/// What came of an attempt, and whether it was an operation of a ring and not a call.
struct Made<T> {
    result: Result<T>,
    by_ring: bool,
}

impl<T> From<Result<T>> for Made<T> {
    fn from(result: Result<T>) -> Self {
        Self { result, by_ring: false }
    }
}

/// What came of an operation; the call instead, where there was none.
fn or_call<T>(operation: Option<Result<T>>, call: impl FnOnce() -> Result<T>) -> Made<T> {
    operation.map_or_else(|| call().into(), |result| Made { result, by_ring: true })
}
