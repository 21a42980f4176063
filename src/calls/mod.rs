//! The system calls haul makes, what each adds to the kernel's own counters, and counts of them that add up.
//!
//! This module only counts. `sys/` makes the calls; `measure/` compares these counts with `/proc/self/io`.
//!
//! - `call`: the table of calls; this file: counts of them; `latencies`: how long they took, for who asks.

mod call;
mod latencies;

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::time::Duration;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

pub use self::call::{Call, Ending, Kind};
pub use self::latencies::{CallLatency, nanoseconds};

use self::latencies::Latencies;

/// What one kind of call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// How often it was made, retries included.
    pub calls: u64,
    /// Bytes it moved.
    pub bytes: u64,
    /// Calls that moved something, yet less than asked.
    pub short: u64,
    /// Calls that a signal interrupted (EINTR) before anything moved.
    pub interrupted: u64,
    /// Calls that failed otherwise.
    pub failed: u64,
}

impl CallCounts {
    fn record(&mut self, wanted: usize, ending: Ending) {
        self.calls += 1;
        match ending {
            Ending::Moved(bytes) => {
                self.bytes += bytes;
                self.short += u64::from(bytes > 0 && bytes < wanted as u64);
            }
            Ending::Failed(Errno::INTR) => self.interrupted += 1,
            Ending::Failed(_) => self.failed += 1,
        }
    }
}

impl AddAssign<&Self> for CallCounts {
    fn add_assign(&mut self, other: &Self) {
        self.calls += other.calls;
        self.bytes += other.bytes;
        self.short += other.short;
        self.interrupted += other.interrupted;
        self.failed += other.failed;
    }
}

/// Counts of every call of one worker, or of a whole job once the workers' counts were added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyscallCounts {
    by_call: [CallCounts; Call::ALL.len()],
    /// Operations of an `io_uring` that stand for calls. They are none: the kernel's counters do not see them.
    by_operation: [CallCounts; Call::ALL.len()],
    /// What the kernel's `syscr` should have grown by.
    pub kernel_reads: u64,
    /// What the kernel's `syscw` should have grown by.
    pub kernel_writes: u64,
    /// How long calls took; `None` where that is not asked for, which spares reading the clock.
    latencies: Option<Box<Latencies>>,
}

impl SyscallCounts {
    /// Counts at zero, of calls that are timed too.
    pub fn timed() -> Self {
        Self { latencies: Some(Box::default()), ..Self::default() }
    }

    /// Whether calls are to be timed.
    pub(crate) const fn are_timed(&self) -> bool {
        self.latencies.is_some()
    }

    /// Notes how long one call took, if calls are timed.
    pub fn time(&mut self, call: Call, took: Duration) {
        if let Some(latencies) = &mut self.latencies {
            latencies.record(call, took);
        }
    }

    /// How long the calls took that were timed, in the order of [`Call::ALL`]; nothing is known after writing and
    /// reading.
    pub fn latencies(&self) -> Vec<CallLatency> {
        self.latencies.as_ref().map_or_else(Vec::new, |latencies| latencies.all())
    }

    /// Counts one call that asked to move `wanted` bytes (0 where it moves none) and ended so.
    pub fn record(&mut self, call: Call, wanted: usize, ending: Ending) {
        let (reads, writes) = call.kernel_effect(ending);
        self.kernel_reads += reads;
        self.kernel_writes += writes;
        self.record_unseen(call, wanted, ending);
    }

    /// Counts a call that the kernel never saw, since a fault plan answered it.
    pub(crate) fn record_unseen(&mut self, call: Call, wanted: usize, ending: Ending) {
        self.by_call[call as usize].record(wanted, ending);
    }

    /// Counts an operation of an `io_uring` that stands for a call.
    pub(crate) fn record_operation(&mut self, call: Call, wanted: usize, ending: Ending) {
        self.by_operation[call as usize].record(wanted, ending);
    }

    /// What one kind of call did.
    pub const fn of(&self, call: Call) -> CallCounts {
        self.by_call[call as usize]
    }

    /// What the operations of an `io_uring` did that stand for one kind of call.
    pub const fn operations_of(&self, call: Call) -> CallCounts {
        self.by_operation[call as usize]
    }

    /// How many operations of an `io_uring` there were in all.
    pub fn operations(&self) -> u64 {
        self.by_operation.iter().map(|counts| counts.calls).sum()
    }

    /// How many calls of a kind were made.
    pub fn calls(&self, kind: Kind) -> u64 {
        Call::ALL.iter().filter(|call| call.kind() == kind).map(|call| self.of(*call).calls).sum()
    }

    /// How many calls were made in all.
    pub fn total(&self) -> u64 {
        self.by_call.iter().map(|counts| counts.calls).sum()
    }

    /// The calls that were made, with their counts, in the order of [`Call::ALL`].
    pub fn made(&self) -> impl Iterator<Item = (Call, CallCounts)> + '_ {
        Call::ALL.iter().map(|call| (*call, self.of(*call))).filter(|(_, counts)| counts.calls > 0)
    }
}

impl Default for SyscallCounts {
    fn default() -> Self {
        let none = [CallCounts::default(); Call::ALL.len()];
        Self { by_call: none, by_operation: none, kernel_reads: 0, kernel_writes: 0, latencies: None }
    }
}

impl AddAssign<&Self> for SyscallCounts {
    fn add_assign(&mut self, other: &Self) {
        let mine = self.by_call.iter_mut().chain(&mut self.by_operation);
        for (mine, theirs) in mine.zip(other.by_call.iter().chain(&other.by_operation)) {
            *mine += theirs;
        }
        self.kernel_reads += other.kernel_reads;
        self.kernel_writes += other.kernel_writes;
        if let Some(latencies) = &other.latencies {
            **self.latencies.get_or_insert_default() += latencies.as_ref();
        }
    }
}

/// Counts as they go from one process to another, the kernel's among them; how long calls took stays behind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SentCounts {
    /// By the number of the call.
    calls: Vec<(u8, CallCounts)>,
    kernel_reads: u64,
    kernel_writes: u64,
}

impl From<&SyscallCounts> for SentCounts {
    fn from(counts: &SyscallCounts) -> Self {
        let calls = counts.made().map(|(call, counts)| (call as u8, counts)).collect();
        Self { calls, kernel_reads: counts.kernel_reads, kernel_writes: counts.kernel_writes }
    }
}

impl AddAssign<&SentCounts> for SyscallCounts {
    fn add_assign(&mut self, other: &SentCounts) {
        for (call, counts) in &other.calls {
            if let Some(mine) = self.by_call.get_mut(usize::from(*call)) {
                *mine += counts;
            }
        }
        self.kernel_reads += other.kernel_reads;
        self.kernel_writes += other.kernel_writes;
    }
}

impl<'de> Deserialize<'de> for SyscallCounts {
    /// What the kernel counted of them was not written down, and is not there after reading.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let by_name = BTreeMap::<String, CallCounts>::deserialize(deserializer)?;
        let mut counts = Self::default();
        for call in Call::ALL {
            let named = |name: &str| by_name.get(name).copied().unwrap_or_default();
            counts.by_call[call as usize] = named(call.name());
            counts.by_operation[call as usize] = named(&call.operation_name());
        }
        Ok(counts)
    }
}

impl Serialize for SyscallCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let operations = Call::ALL.iter().map(|call| (call.operation_name(), self.operations_of(*call)));
        let operations = operations.filter(|(_, counts)| counts.calls > 0);
        let calls = self.made().map(|(call, counts)| (call.name().to_owned(), counts));
        serializer.collect_map(calls.chain(operations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_calls_is_in_order_and_whole() {
        for (place, call) in Call::ALL.iter().enumerate() {
            assert_eq!(*call as usize, place, "{}", call.name());
        }
        assert_eq!(Call::Recvmsg as usize + 1, Call::ALL.len());
    }

    #[test]
    fn short_and_failed_calls_are_told_apart() {
        let mut counts = SyscallCounts::default();
        for ending in [
            Ending::Moved(10),
            Ending::Moved(4),
            Ending::Moved(0),
            Ending::Failed(Errno::INTR),
            Ending::Failed(Errno::BADF),
        ] {
            counts.record(Call::Read, 10, ending);
        }
        assert_eq!(counts.of(Call::Read), CallCounts { calls: 5, bytes: 14, short: 1, interrupted: 1, failed: 1 });
        assert_eq!((counts.kernel_reads, counts.kernel_writes), (4, 0));
        counts.record(Call::CopyFileRange, 10, Ending::Moved(10));
        counts.record(Call::CopyFileRange, 10, Ending::Moved(0));
        counts.record(Call::CopyFileRange, 10, Ending::Failed(Errno::XDEV));
        assert_eq!((counts.kernel_reads, counts.kernel_writes), (5, 1));
        let mut twice = counts.clone();
        twice += &counts;
        assert_eq!(twice.total(), 16);
        assert_eq!(twice.calls(Kind::Read), 10);
        assert_eq!(twice.calls(Kind::Other), 6);
    }
}
