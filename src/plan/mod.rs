//! Plans: what to do, as plain data. Options become a plan when nothing in them contradicts anything ([`Clash`]). Plans
//! hold names of engines, not engines, and know nothing of a command line.

mod clash;
mod copy;
mod gzip;
mod patterns;

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::size::BufferSize;

pub use clash::{Clash, Clashes};
pub use copy::{
    Backup, CopyOptions, CopyPlan, Durable, Existing, Follow, Keep, Method, Placing, PreserveLevel, Update, When,
};
pub(crate) use copy::{UNFINISHED_SUFFIX, is_unfinished_tree};
#[doc(hidden)]
pub use gzip::{
    CodecName, DEFAULT_LEVEL, FileOptions, GunzipOptions, GunzipPlan, GzipOptions, GzipPlan, HIGHEST_LEVEL, NameList,
    Output, Range, RouteName,
};
pub use patterns::Patterns;

/// Operations that the scheduler `uring` keeps in flight where nobody says how many: as many files as a disk's queue usually
/// takes requests.
pub const DEFAULT_IN_FLIGHT: usize = 64;

/// The longest suffix, bytes: the name that it is put to must still fit.
pub const LONGEST_SUFFIX: usize = 30;

/// How bytes move from one file to another.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default, clap::ValueEnum, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum EngineName {
    /// The best that works here.
    #[default]
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

    /// Whether it can move so much at a time: past the page cache only whole pages move. What was asked for is used or
    /// refused, never rounded.
    pub fn check(self, buffer: Option<BufferSize>) -> Result<(), Clash> {
        match buffer.filter(|buffer| self == Self::Direct && !buffer.is_whole_pages()) {
            Some(odd) => Err(Clash::PartialPages(odd)),
            None => Ok(()),
        }
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
    /// Processes: a crash, or a kill for want of memory, costs one file. Each has an address space and limits of its own;
    /// for small files the exchange with it costs as much as a copy.
    Processes,
    /// One thread that keeps many operations in flight in an `io_uring`, for files that have to come from a disk (copy only).
    Uring,
}

impl SchedulerName {
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
    /// Workers: threads, or operations in flight (`uring`). `None` is as many as can run at once, or
    /// [`DEFAULT_IN_FLIGHT`].
    pub workers: Option<NonZeroUsize>,
    /// Who runs tasks.
    pub scheduler: SchedulerName,
    /// How many buffers are kept.
    pub pool: PoolChoice,
    /// How many more may exist for a burst, and are given up after use.
    pub pool_overflow: usize,
    /// How long to wait for a buffer while none comes back; then the file fails. `None` waits without limit.
    pub pool_wait: Option<Duration>,
    /// Whether the entries of a directory are handed out by the buffer. Each by itself otherwise, which only a sweep
    /// asks for, to show what it costs.
    pub batch: bool,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            buffer: None,
            workers: None,
            scheduler: SchedulerName::Channel,
            pool: PoolChoice::Auto,
            pool_overflow: 0,
            pool_wait: None,
            batch: true,
        }
    }
}

impl Resources {
    /// `workers` threads, everything else at its default.
    pub fn with_workers(workers: NonZeroUsize) -> Self {
        Self { workers: Some(workers), ..Self::default() }
    }

    /// Whether a pool that is off was given what only a pool has.
    pub fn check(&self) -> Result<(), Clash> {
        let has_words = self.pool_overflow > 0 || self.pool_wait.is_some();
        if self.pool == PoolChoice::Off && has_words { Err(Clash::NoPool) } else { Ok(()) }
    }

    /// Workers that really run: the serial scheduler has one, whatever was asked for.
    pub fn threads(&self) -> usize {
        match (self.scheduler, self.workers) {
            (SchedulerName::Serial, _) => 1,
            (_, Some(workers)) => workers.get(),
            (SchedulerName::Uring, None) => DEFAULT_IN_FLIGHT,
            // Affinity and cgroup quota, v1 and v2: std looks at all of them. Not the number of processors.
            (_, None) => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }
}
