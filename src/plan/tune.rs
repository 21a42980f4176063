//! `haul tune`: where to look for flags that make copy and gzip faster, and how long.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CacheState, EngineName, SweepJob};
use crate::size::BufferSize;

/// What flags are tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TuneCase {
    /// Copy a large file that is in memory.
    CopyWarm,
    /// Copy a large file that is not.
    CopyCold,
    /// Copy many small files that are in memory.
    CopySmall,
    /// Compress a large file that is in memory.
    Gzip,
}

impl TuneCase {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::CopyWarm, Self::CopyCold, Self::CopySmall, Self::Gzip];

    /// The job that is run.
    pub const fn job(self) -> SweepJob {
        match self {
            Self::CopyWarm | Self::CopyCold | Self::CopySmall => SweepJob::Copy,
            Self::Gzip => SweepJob::Gzip,
        }
    }

    /// What of the source is in memory before.
    pub const fn cache(self) -> CacheState {
        match self {
            Self::CopyCold => CacheState::Cold,
            Self::CopyWarm | Self::CopySmall | Self::Gzip => CacheState::Warm,
        }
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CopyWarm => "copy, warm",
            Self::CopyCold => "copy, cold",
            Self::CopySmall => "copy, small files",
            Self::Gzip => "gzip",
        }
    }
}

/// Options of a job that differ from haul's own defaults. Those that say nothing leave the default as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// How bytes move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineName>,
    /// The most bytes one read or write moves.
    #[serde(rename = "buffer_bytes", skip_serializing_if = "Option::is_none")]
    pub buffer: Option<BufferSize>,
    /// Threads that work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
}

impl Flags {
    /// How many there are.
    pub fn count(&self) -> usize {
        usize::from(self.engine.is_some()) + usize::from(self.buffer.is_some()) + usize::from(self.workers.is_some())
    }

    /// These, and the others where these say nothing.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self {
            engine: self.engine.or(others.engine),
            buffer: self.buffer.or(others.buffer),
            workers: self.workers.or(others.workers),
        }
    }
}

impl fmt::Display for Flags {
    /// As people type them: "--engine direct --buffer 1M"; of none "defaults".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            self.engine.map(|engine| format!("--engine {}", engine.name())),
            self.buffer.map(|buffer| format!("--buffer {buffer}")),
            self.workers.map(|workers| format!("--workers {workers}")),
        ];
        let words: Vec<String> = words.into_iter().flatten().collect();
        f.pad(if words.is_empty() { "defaults".to_owned() } else { words.join(" ") }.as_str())
    }
}

/// `haul tune [DIR]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunePlan {
    /// Where: data is made there, and removed.
    pub directory: PathBuf,
    /// What is to be faster: copy, gzip or both.
    pub jobs: Vec<SweepJob>,
    /// Time for all of it.
    pub budget: Duration,
    /// Bytes of the large file; `None` is what budget and free space allow.
    pub large_bytes: Option<u64>,
    /// Threads that can run at once: what workers are by default.
    pub cores: usize,
    /// Seed of the data and of the order of runs.
    pub seed: u64,
    /// The command line that asked for this, quoted for a shell; the report repeats it.
    pub command: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_what_people_type() {
        let direct = Flags { engine: Some(EngineName::Direct), ..Flags::default() };
        let large = Flags { buffer: Some(BufferSize::from_kib(1024)), ..Flags::default() };
        let two = Flags { workers: Some(2), ..Flags::default() };
        for (flags, text, count) in [
            (Flags::default(), "defaults", 0),
            (direct, "--engine direct", 1),
            (two.and(direct).and(large), "--engine direct --buffer 1M --workers 2", 3),
            (direct.and(Flags { engine: Some(EngineName::Mmap), ..two }), "--engine direct --workers 2", 2),
        ] {
            assert_eq!((flags.to_string().as_str(), flags.count()), (text, count));
        }
    }
}
