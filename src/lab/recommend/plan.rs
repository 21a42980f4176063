//! What a tuning is asked for, and what it tries: options of a job, in the cases in which they may help.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::lab::plan::{CacheState, SweepJob};
use crate::plan::EngineName;
use crate::size::BufferSize;

/// What options are tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Case {
    /// Copy a large file that is in memory.
    #[serde(rename = "copy, warm")]
    CopyWarm,
    /// Copy a large file that is not.
    #[serde(rename = "copy, cold")]
    CopyCold,
    /// Copy many small files that are in memory.
    #[serde(rename = "copy, small files")]
    CopySmall,
    /// Compress a large file that is in memory.
    #[serde(rename = "gzip")]
    Gzip,
}

impl Case {
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

    /// What people and the axis `case` call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CopyWarm => "copy, warm",
            Self::CopyCold => "copy, cold",
            Self::CopySmall => "copy, small files",
            Self::Gzip => "gzip",
        }
    }

    /// The case of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|case| case.name() == name)
    }
}

/// Options of a job that differ from haul's own defaults. Those that say nothing leave the default as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// How bytes move.
    pub engine: Option<EngineName>,
    /// The most bytes one read or write moves.
    pub buffer: Option<BufferSize>,
    /// Threads that work.
    pub workers: Option<usize>,
}

impl Options {
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

impl fmt::Display for Options {
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

impl Serialize for Options {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `haul tune [DIR]`, and `haul sweep --recommend [SOURCE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunePlan {
    /// Where targets are written, and data is made unless there is a source; all of it is removed.
    pub directory: PathBuf,
    /// The user's own file or directory, which is only read: then it is what each job is run on, from memory, and no data is
    /// made.
    pub source: Option<PathBuf>,
    /// What is to be faster: copy, gzip or both.
    pub jobs: Vec<SweepJob>,
    /// Time for all of it.
    pub budget: Duration,
    /// Bytes of the large file that is made; `None` is what budget and free space allow.
    pub large_bytes: Option<u64>,
    /// Threads that can run at once: what workers are by default.
    pub cores: usize,
    /// Seed of the data and of the order of runs.
    pub seed: u64,
    /// Whether the report leaves out what tells whose machine it is.
    pub anonymous: bool,
    /// The command line that asked for this, quoted for a shell; the report repeats it.
    pub command: String,
}

impl TunePlan {
    /// The cases of its jobs, in the order of reports.
    pub(super) fn cases(&self) -> Vec<Case> {
        let is_asked_for = |case: &Case| {
            let is_of_source = self.source.is_none() || matches!(case, Case::CopyWarm | Case::Gzip);
            is_of_source && self.jobs.contains(&case.job())
        };
        Case::ALL.into_iter().filter(is_asked_for).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_what_people_type() {
        let direct = Options { engine: Some(EngineName::Direct), ..Options::default() };
        let large = Options { buffer: Some(BufferSize::from_kib(1024)), ..Options::default() };
        let two = Options { workers: Some(2), ..Options::default() };
        for (options, text, count) in [
            (Options::default(), "defaults", 0),
            (direct, "--engine direct", 1),
            (two.and(direct).and(large), "--engine direct --buffer 1M --workers 2", 3),
            (direct.and(Options { engine: Some(EngineName::Mmap), ..two }), "--engine direct --workers 2", 2),
        ] {
            assert_eq!((options.to_string().as_str(), options.count()), (text, count));
        }
    }
}
