//! What was learned of a setting in runs that were not timed.

use serde::{Deserialize, Serialize};

use crate::calls::CallLatency;

/// What the allocator was asked for during one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allocations {
    /// Times memory was asked for, growing what was there included.
    pub count: u64,
    /// Bytes asked for, in all.
    pub bytes: u64,
    /// Most bytes in use at any moment, beyond what was in use before the run.
    pub peak_bytes: u64,
}

/// How long each system call took, in a run of its own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyPass {
    /// Time of that run, ns: beside the median of the others it shows what timing every call costs.
    pub wall_ns: u64,
    /// One entry a call that was made.
    pub calls: Vec<CallLatency>,
}

/// Our counts beside those of a tool that watched a run from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observed {
    /// The tool: "strace" or "perf".
    pub tool: String,
    /// Every call that either of us counted, where both can tell it apart.
    pub calls: Vec<ObservedCall>,
}

/// One kind of call in both counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedCall {
    /// The call, as strace names it.
    pub call: String,
    /// How often we say we made it.
    pub ours: u64,
    /// How often the tool saw it made.
    pub theirs: u64,
}

impl Observed {
    /// Whether both counts are the same.
    pub fn agrees(&self) -> bool {
        self.calls.iter().all(|call| call.ours == call.theirs)
    }
}

/// How long single files took, from the moment they were opened to the moment they were done, in a run of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileTimes {
    /// Files.
    pub files: u64,
    /// Half of them took no longer, ns.
    pub p50_ns: u64,
    /// 99 of a hundred took no longer, ns.
    pub p99_ns: u64,
    /// The longest, ns.
    pub max_ns: u64,
}
