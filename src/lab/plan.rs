//! What a sweep is asked for: which settings to run, on what, and how long.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::sample::Rank;
use super::setting::Setting;
use crate::plan::CodecName;
use crate::size::BufferSize;

/// The job that a sweep runs over and over.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum SweepJob {
    /// Copy the source.
    Copy,
    /// Compress the source.
    Gzip,
    /// Decompress the source.
    Gunzip,
}

impl SweepJob {
    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// What of the source is in memory when a run begins.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Default,
    clap::ValueEnum,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum CacheState {
    /// All of it: it was read before.
    #[default]
    Warm,
    /// None of its content: evicted before each run, and the run proves it.
    Cold,
    /// It does not matter: past the page cache (copy).
    Direct,
}

impl CacheState {
    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A ready-made sweep that answers one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum TableName {
    /// One file copied with buffers from 512 bytes to 4 MiB.
    Buffers,
    /// 1 to 100 workers: threads, processes and operations in flight, for a copy from the disk and for gzip; without
    /// SOURCE on 16 files of 4 MiB.
    Workers,
    /// A pool of buffers or none, at several buffer sizes; a small pool, with an overflow, and with a limit to waiting.
    Pool,
    /// One thread, threads fed by a channel, rayon, processes and `io_uring`, for copies and for gzip; without SOURCE on 4000
    /// files of 8 KiB and 8 of 4 MiB.
    Models,
    /// From the slowest way to the fastest, one step at a time; without SOURCE on 100 files of 10 MB (1 GB).
    Ladder,
}

impl TableName {
    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Files made for a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// How many; one is a file, more are a directory of them.
    pub files: NonZeroUsize,
    /// Bytes of each.
    pub bytes: u64,
    /// Shannon entropy of their bytes, each by itself, in bits a byte: 0 (all the same) to 8 (incompressible).
    #[serde(rename = "entropy_bits", alias = "entropy")]
    pub entropy: f64,
}

/// What a sweep runs on.
#[derive(Debug, Clone, PartialEq)]
pub enum SweepData {
    /// A file or directory of the user's; never written to.
    Source(PathBuf),
    /// Files in the scratch directory, made before the first run.
    Generated(Generated),
}

/// A data set of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct DataPlan {
    /// The value of the axis `case` of the settings that are run on it; `None` where there is one data set only.
    pub case: Option<String>,
    /// What it is.
    pub data: SweepData,
}

/// How much to measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Measured runs of each setting; `None` is as many as there is time and need for.
    pub rounds: Option<NonZeroUsize>,
    /// Time for all runs; at least one round is run whatever it takes. `None` sets no limit.
    pub budget: Option<Duration>,
    /// A setting this much slower than the best is as good, as a part: 0.05. Without a number of rounds, enough is
    /// measured when intervals are narrower than this.
    pub within: f64,
}

/// What to learn in runs beside the timed ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtraRuns {
    /// Time each system call, in one more run of each setting.
    pub latency: bool,
    /// Compare counts with those of strace or perf, in one more run of each setting.
    pub verify_counts: bool,
    /// Time each file, in one more run of each setting.
    pub file_times: bool,
}

/// One setting to run, and what a table calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// What to set.
    pub setting: Setting,
    /// Its name: "pool". `None` where what varies is name enough.
    pub name: Option<String>,
}

/// `haul sweep`: settings that are run over and over.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepPlan {
    /// The table that was asked for.
    pub table: Option<TableName>,
    /// What it runs on, at least one.
    pub data: Vec<DataPlan>,
    /// A directory for the targets; `None` is the source's own directory, or the current one for generated data.
    pub to: Option<PathBuf>,
    /// By what settings are ranked; `None` is the time until targets are durable where they are written to another device
    /// than the source is on, else the time of the job alone.
    pub rank: Option<Rank>,
    /// The settings, at least one, each different.
    pub variants: Vec<Variant>,
    /// What rows are compared with: the row that is like them, but for these values. `None` is what suits the table.
    pub baseline: Option<Setting>,
    /// What the table has no settings for, and why.
    pub left_out: Vec<String>,
    /// gzip's codec.
    pub codec: CodecName,
    /// gzip's block; `None` is what suits the level.
    pub block: Option<BufferSize>,
    /// How much to measure.
    pub effort: Effort,
    /// Time `fdatasync` after each run.
    pub sync: bool,
    /// What else to learn.
    pub extra_runs: ExtraRuns,
    /// Seed of the shuffle and of generated data.
    pub seed: u64,
    /// Whether the report leaves out what tells whose machine it is: host, serial number of the disk, UUID.
    pub anonymous: bool,
    /// The command line that asked for this, quoted for a shell; the report repeats it.
    pub command: String,
}
