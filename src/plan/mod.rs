//! What to do, as plain data that was checked when it was made. Plans hold names of engines, not engines.

mod copy;
mod disk;
mod files;
mod gunzip;
mod patterns;
mod sweep;
mod tune;

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::size::BufferSize;

pub use copy::{Backup, CopyPlan, Durable, Existing, Follow, Keep, Method, Placing, PreserveLevel, Update, When};
pub use disk::{Access, DiskAxis, DiskPlace, DiskPlan, Flight, Load};
pub use files::{FilesPlan, NameList, Output};
pub use gunzip::{GunzipPlan, Range, RouteName};
pub use patterns::Patterns;
pub use sweep::{Arm, CacheState, Effort, Generated, Passes, SweepData, SweepJob, SweepPlan, TableName};
pub use tune::{Flags, TuneCase, TunePlan};

/// How bytes move from one file to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EngineName {
    /// The best that works here.
    Auto,
    /// Reads into a buffer and writes out of it.
    ReadWrite,
    /// The kernel copies, or shares the blocks; no byte enters the process.
    CopyFileRange,
    /// Writes out of a map of the source.
    Mmap,
    /// The target shares all blocks of the source, where the file system can.
    Reflink,
    /// Reads and writes past the page cache; buffers are whole pages.
    Direct,
}

impl EngineName {
    /// Every engine that moves bytes; `Auto` chooses among them.
    pub const ALL: [Self; 5] = [Self::ReadWrite, Self::CopyFileRange, Self::Mmap, Self::Reflink, Self::Direct];

    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Who runs tasks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default, clap::ValueEnum, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum SchedulerName {
    /// One thread, one task after another.
    Serial,
    /// Threads fed by a bounded channel.
    #[default]
    Channel,
    /// The work-stealing pool of rayon.
    Rayon,
}

impl SchedulerName {
    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Who compresses.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default, clap::ValueEnum, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum CodecName {
    /// The best for the level and the block.
    #[default]
    Auto,
    /// Intel's ISA-L: the fastest; level 1 only, and not in every build.
    Isal,
    /// Whole blocks; levels 0 to 12.
    Libdeflate,
    /// zlib-rs, with what precedes a block as dictionary: for small blocks; levels 1 to 9.
    Zlib,
}

impl CodecName {
    /// Every codec; `Auto` chooses among them.
    pub const ALL: [Self; 3] = [Self::Isal, Self::Libdeflate, Self::Zlib];

    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// How many buffers a job keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PoolChoice {
    /// As many as the workers need, plus slack for blocks that wait their turn.
    #[default]
    Auto,
    /// This many; more than the workers need buys nothing but slack.
    Buffers(NonZeroUsize),
    /// None: every buffer is allocated when it is needed, and the number of live ones is not bounded by the pool.
    Off,
}

impl fmt::Display for PoolChoice {
    /// As users type it: `on`, `off` or a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("on"),
            Self::Buffers(count) => fmt::Display::fmt(count, f),
            Self::Off => f.pad("off"),
        }
    }
}

impl FromStr for PoolChoice {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" | "on" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::Buffers).map_err(|_| "write auto, off or a number of buffers from 1 on"),
        }
    }
}

impl Serialize for PoolChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PoolChoice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a job may use. Every job takes the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// The most bytes one read or write moves; `None` lets the engine choose its default.
    pub buffer: Option<BufferSize>,
    /// Threads that work.
    pub workers: NonZeroUsize,
    /// Who runs tasks.
    pub scheduler: SchedulerName,
    /// How many buffers are kept.
    pub pool: PoolChoice,
    /// Whether the entries of a directory are handed out by the buffer. Each by itself otherwise, which only a sweep
    /// asks for, to show what it costs.
    pub batch: bool,
}

impl Resources {
    /// `workers` threads on the channel scheduler, everything else at its default.
    pub const fn with_workers(workers: NonZeroUsize) -> Self {
        Self { buffer: None, workers, scheduler: SchedulerName::Channel, pool: PoolChoice::Auto, batch: true }
    }

    /// Threads that really run: the serial scheduler has one, whatever was asked for.
    pub fn threads(&self) -> usize {
        if self.scheduler == SchedulerName::Serial { 1 } else { self.workers.get() }
    }
}

/// `haul gzip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GzipPlan {
    /// Which files, and what becomes of them.
    pub files: FilesPlan,
    /// 0 (stored), 1 (fast) to 12 (small).
    pub level: u32,
    /// Who compresses.
    pub codec: CodecName,
    /// Bytes compressed as one piece, by one worker; `None` is what suits the level.
    pub block: Option<BufferSize>,
    /// Inflate each block again and compare, before it is written.
    pub verify: bool,
    /// Make no target that would not be smaller than its source.
    pub keep_smaller: bool,
}
