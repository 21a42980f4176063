//! `haul disk`: what to ask of a disk, how, and how long.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Effort;
use crate::size::BufferSize;

/// What a disk is asked to do.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum Load {
    /// Blocks one after the other.
    Read,
    /// The same, written.
    Write,
    /// Blocks anywhere.
    RandomRead,
    /// The same, written.
    RandomWrite,
    /// Blocks anywhere: 70% are read, 30% are written.
    Mixed,
    /// A block written and made durable (fdatasync), one after the other.
    Sync,
    /// Empty files are made.
    Create,
    /// They are asked for their attributes.
    Stat,
    /// They are removed.
    Remove,
}

impl Load {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Read,
        Self::Write,
        Self::RandomRead,
        Self::RandomWrite,
        Self::Mixed,
        Self::Sync,
        Self::Create,
        Self::Stat,
        Self::Remove,
    ];

    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether blocks are anywhere, so that it makes sense to keep several in flight.
    pub const fn is_random(self) -> bool {
        matches!(self, Self::RandomRead | Self::RandomWrite | Self::Mixed)
    }

    /// Whether it is about files and not about what is in them: it has neither blocks nor a depth.
    pub(crate) const fn is_of_files(self) -> bool {
        matches!(self, Self::Create | Self::Stat | Self::Remove)
    }

    /// Whether it leaves alone what it works on.
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::RandomRead)
    }
}

/// Which way bytes go.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum Access {
    /// Through the page cache, which holds nothing of the file before a run.
    Buffered,
    /// Past it, by direct I/O.
    Direct,
}

impl Access {
    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// How operations are kept in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flight {
    /// One thread, one system call after another: a depth of 1.
    Calls,
    /// One thread and a ring that the kernel shares.
    IoUring,
    /// A thread for each.
    Threads,
}

impl Flight {
    /// The name users type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::IoUring => "io_uring",
            Self::Threads => "threads",
        }
    }
}

/// What varies over settings of the same load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DiskAxis {
    /// The block size.
    Blocks,
    /// The number of operations in flight.
    Depths,
}

/// What is measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskPlace {
    /// A scratch directory in here, of our own.
    Directory(PathBuf),
    /// A file or block device that exists, and is only read.
    Existing(PathBuf),
}

impl DiskPlace {
    /// What the user named.
    pub const fn path(&self) -> &PathBuf {
        match self {
            Self::Directory(path) | Self::Existing(path) => path,
        }
    }
}

/// `haul disk`: loads, what varies over them, and how long.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskPlan {
    /// What is measured on.
    pub place: DiskPlace,
    /// What is asked of it, each once; of an existing file only what reads.
    pub loads: Vec<Load>,
    /// Ways to take, each once; sync and files have one anyway.
    pub accesses: Vec<Access>,
    /// What varies; `None` is block sizes of what is read and written in order, depths of what is anywhere.
    pub axes: Option<Vec<DiskAxis>>,
    /// Block sizes, each once: whole pages. Where they do not vary a load has its own usual one, or the only one here.
    pub blocks: Vec<BufferSize>,
    /// Operations in flight, each once. Where they do not vary it is 1, or the only one here.
    pub depths: Vec<usize>,
    /// How more than one operation is kept in flight; `None` is `io_uring` where it can be had, else threads.
    pub flight: Option<Flight>,
    /// Bytes of the scratch file, or of what is read of an existing one; `None` is what the budget has time for.
    pub file_bytes: Option<u64>,
    /// The part of the free space that the scratch file may take, and of the free inodes that files may take: 0.25.
    pub share: f64,
    /// How much to measure; the budget includes making the file.
    pub effort: Effort,
    /// Seed of the data, of places and of the shuffle.
    pub seed: u64,
    /// The command line that asked for this, quoted for a shell; the report repeats it.
    pub command: String,
}
