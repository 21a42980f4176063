//! What a sweep measured, raw. `lab::sweep` derives medians and verdicts from it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Allocations, FileTimes, LatencyPass, Machine, Observed, Sample};
use crate::plan::{CacheState, EngineName, Generated, PoolChoice, SchedulerName, SweepJob, TableName};
use crate::size::BufferSize;

/// One setting of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// What was run.
    pub job: SweepJob,
    /// What of the source was in memory before.
    pub cache: CacheState,
    /// The most bytes one read or write moves.
    #[serde(rename = "buffer_bytes")]
    pub buffer: BufferSize,
    /// Whether nobody named that buffer: the job chooses, by the file and the engine, and this is what it chooses for a
    /// large file. Only a tuning asks for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chooses_buffer: bool,
    /// Threads that worked.
    pub workers: usize,
    /// Who ran the tasks.
    pub scheduler: SchedulerName,
    /// How bytes moved.
    pub engine: EngineName,
    /// How buffers were had.
    pub pool: PoolChoice,
    /// Whether the entries of a directory were handed out by the buffer; each by itself otherwise.
    pub batch: bool,
    /// Compression level; `None` for jobs that have none.
    pub level: Option<u32>,
}

/// One setting of a sweep and all its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// What was set.
    pub setting: Setting,
    /// What a table calls it: "pool". `None` where what varies is name enough.
    pub name: Option<String>,
    /// The run that warmed up. Its time counts for nothing, its memory does: see `lab::sweep`.
    pub warm_up: Sample,
    /// What the allocator was asked for while warming up; `None` where allocations cannot be counted.
    pub allocations: Option<Allocations>,
    /// What was measured, in the order of the rounds: the n-th sample of every row is of the same round. In an
    /// interrupted sweep some rows have one more.
    pub samples: Vec<Sample>,
    /// How long single calls took, if that was asked for.
    pub latency: Option<LatencyPass>,
    /// Our counts beside another tool's, if that was asked for and could be had.
    pub observed: Option<Observed>,
    /// How long single files took, if the table shows it.
    pub file_times: Option<FileTimes>,
}

impl SweepRow {
    /// A setting before its first run.
    pub fn new(setting: Setting) -> Self {
        Self {
            setting,
            name: None,
            warm_up: Sample::default(),
            allocations: None,
            samples: vec![],
            latency: None,
            observed: None,
            file_times: None,
        }
    }
}

/// One setting that was run twice in each round, to see how far apart two runs of the same thing are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control<S = Sample> {
    /// Place of the row whose setting it is.
    pub row: usize,
    /// Its further runs, one a round.
    pub samples: Vec<S>,
}

/// What the measuring itself costs on this machine, ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// A run of nothing, as it would be measured: is within every time.
    pub empty_run_ns: u64,
    /// Counting one system call: is within every time, once a call.
    pub count_call_ns: f64,
    /// Timing one system call: only in the run that times calls.
    pub time_call_ns: f64,
}

/// Why no more rounds were run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Not at all yet: this is what was measured so far.
    #[default]
    NotYet,
    /// As many as were asked for.
    Rounds,
    /// The intervals were narrow enough.
    Narrow,
    /// Another round would have taken longer than there was time.
    Budget,
    /// Somebody asked to stop.
    Interrupted,
    /// A run failed.
    Failed,
}

/// What a sweep measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SweepReport {
    /// Version of this layout, [`SweepReport::FORMAT`]: grows when a field changes its meaning or goes away.
    pub format: u32,
    /// Version of haul.
    pub version: String,
    /// The command line that asked for it, quoted for a shell.
    pub command: String,
    /// The table that was asked for by its name.
    pub table: Option<TableName>,
    /// Where.
    pub machine: Machine,
    /// What measuring costs there.
    pub cost: Cost,
    /// What it was run on, as the user named it; empty where the data was generated.
    #[serde(serialize_with = "text_of_path")]
    pub source: PathBuf,
    /// What was generated to run it on.
    pub generated: Option<Generated>,
    /// Bytes of source that one run deals with.
    pub source_bytes: u64,
    /// Files that one run deals with.
    pub source_files: u64,
    /// Shannon entropy of the source's bytes, each by itself, in bits a byte: 0 to 8.
    pub entropy_bits: Option<f64>,
    /// gzip's codec; `None` for other jobs, and where it differs between levels.
    pub codec: Option<String>,
    /// gzip's block in bytes; `None` for other jobs, and where it differs between levels.
    pub block_bytes: Option<u64>,
    /// A setting this much slower than the best is as good: 0.05.
    pub within: f64,
    /// Whole rounds.
    pub rounds: usize,
    /// Why there are no more.
    pub ended: Ended,
    /// What failed, if something did.
    pub failure: Option<String>,
    /// Settings that cannot be had here, and why: "64K with reflink: cannot clone …".
    pub left_out: Vec<String>,
    /// Seed of the order in which settings were run, and of generated data.
    pub seed: u64,
    /// Time spent on making or copying the source before the first run, ns; 0 where none was needed.
    pub preparation_ns: u64,
    /// Time spent between runs on removing targets, writing back, emptying caches, ns.
    pub tidying_ns: u64,
    /// Runs that did not show what they should, and were repeated.
    pub repeated: usize,
    /// Why no other tool could check our counts, if that was asked for.
    pub unobserved: Option<String>,
    /// Settings that were run twice a round: one of each group of alternatives.
    pub controls: Vec<Control>,
    /// One row a setting, in the order in which users named them.
    pub rows: Vec<SweepRow>,
}

impl SweepReport {
    /// The version of the layout that this program writes.
    pub const FORMAT: u32 = 2;
}

/// JSON is text: bytes of a path that are not UTF-8 become U+FFFD.
pub(super) fn text_of_path<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
