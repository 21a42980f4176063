//! One measured run of a job.

use serde::{Deserialize, Serialize};

use super::Summary;

/// One measured run of a job. What a machine does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Time from start to end, ns.
    pub wall_ns: u64,
    /// Time that `fdatasync` (of a tree: `syncfs`) took afterwards, ns; `None` where it was not asked for.
    pub sync_ns: Option<u64>,
    /// CPU time in user mode, all threads, ns.
    pub user_ns: u64,
    /// CPU time in the kernel, all threads, ns.
    pub system_ns: u64,
    /// Most memory resident at any moment of the run, bytes; `None` where the kernel does not let us reset the mark.
    pub peak_bytes: Option<u64>,
    /// Page faults served without the disk.
    pub minor_faults: u64,
    /// Page faults that waited for the disk.
    pub major_faults: u64,
    /// Times a thread gave up its core to wait for something.
    pub voluntary_switches: u64,
    /// Times a thread's core was taken away for another's sake.
    pub involuntary_switches: u64,
    /// What the kernel's `syscr` grew by beyond (or, negative, below) what we counted.
    pub unexplained_reads: Option<i64>,
    /// The same for `syscw`.
    pub unexplained_writes: Option<i64>,
    /// Bytes that storage was asked for on behalf of this process (`read_bytes` of `proc_pid_io(5)`).
    pub disk_read_bytes: Option<u64>,
    /// Bytes of pages that this process dirtied, or wrote past the page cache (`write_bytes`). 0 on tmpfs.
    pub disk_write_bytes: Option<u64>,
    /// Part of the source's pages that was in the page cache before the run, by `cachestat`: 0 to 1.
    pub cached_before: Option<f64>,
    /// Time that tasks of this machine, ours among them, stood still for want of something.
    pub pressure: Option<Pressure>,
    /// Why this run does not show what it should (a cold run that was warm); its figures count for nothing.
    pub invalid: Option<String>,
    /// What the job itself reported.
    pub summary: Summary,
}

/// Pressure stall information: what the `total` fields of `/proc/pressure/*` grew by during a run, ns. Of the whole
/// machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pressure {
    /// Some task waited for a core.
    pub cpu_some_ns: u64,
    /// Some task waited for storage.
    pub io_some_ns: u64,
    /// All tasks that were not idle waited for storage.
    pub io_full_ns: u64,
    /// Some task waited for memory.
    pub memory_some_ns: u64,
}
