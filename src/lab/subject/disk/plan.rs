//! `haul disk`: what to ask of a disk, how, and how long. The first sentences about choices are what `--help` says of them.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lab::plan::Effort;
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
    /// Read blocks one after the other
    Read,
    /// Write blocks one after the other
    Write,
    /// Read blocks anywhere in the file
    RandomRead,
    /// Write blocks anywhere in the file
    RandomWrite,
    /// Read and write blocks anywhere in the file: 70 % are read
    Mixed,
    /// Write blocks one after the other, each durable before the next (fdatasync)
    Sync,
    /// Make empty files
    Create,
    /// Ask empty files for their attributes
    Stat,
    /// Remove empty files
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

    /// Whether blocks are anywhere.
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
    /// Through the page cache, which holds nothing of the file before a run
    Buffered,
    /// Past the page cache, by direct I/O
    Direct,
}

impl Access {
    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// How operations are kept in flight.
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
#[strum(serialize_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum BackendName {
    /// One thread, one system call after another: a depth of 1
    Calls,
    /// One thread and a ring that the kernel shares
    IoUring,
    /// A thread for each operation in flight
    Threads,
}

impl BackendName {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// How users want several operations kept in flight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum BackendChoice {
    /// A ring that the kernel shares where it can be had, else threads
    #[default]
    Auto,
    /// One thread and a ring that the kernel shares
    IoUring,
    /// A thread for each operation in flight
    Threads,
}

impl From<BackendChoice> for Option<BackendName> {
    fn from(choice: BackendChoice) -> Self {
        match choice {
            BackendChoice::Auto => None,
            BackendChoice::IoUring => Some(BackendName::IoUring),
            BackendChoice::Threads => Some(BackendName::Threads),
        }
    }
}

/// What varies over settings of the same load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DiskAxis {
    /// The block size
    Blocks,
    /// The number of operations in flight
    Depths,
}

/// Settings that another program is known for, so that its users find their figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// The four lines of CrystalDiskMark's default profile, each read and written, in a file of 1 GiB
    Cdm,
}

impl Preset {
    /// Its lines, in the order of the program that they are of.
    pub const fn lines(self) -> &'static [PresetLine] {
        match self {
            Self::Cdm => &CRYSTAL_DISK_MARK,
        }
    }

    /// Bytes of the scratch file, unless somebody says otherwise.
    pub const fn file_bytes(self) -> u64 {
        match self {
            Self::Cdm => 1 << 30,
        }
    }
}

/// The lines of CrystalDiskMark 8 with its profile "Default" and its settings "Default", in their order.
const CRYSTAL_DISK_MARK: [PresetLine; 4] = [
    PresetLine { name: "SEQ1M Q8T1", is_random: false, block: BufferSize::from_kib(1024), depth: 8 },
    PresetLine { name: "SEQ1M Q1T1", is_random: false, block: BufferSize::from_kib(1024), depth: 1 },
    PresetLine { name: "RND4K Q32T1", is_random: true, block: BufferSize::from_kib(4), depth: 32 },
    PresetLine { name: "RND4K Q1T1", is_random: true, block: BufferSize::from_kib(4), depth: 1 },
];

/// A line of a preset: a load that reads and one that writes, past the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresetLine {
    /// What the program calls it.
    pub name: &'static str,
    /// Whether blocks are anywhere.
    pub is_random: bool,
    /// Bytes of an operation.
    pub block: BufferSize,
    /// Operations in flight.
    pub depth: usize,
}

impl PresetLine {
    /// What it reads by, and what it writes by.
    pub const fn loads(&self) -> [Load; 2] {
        if self.is_random { [Load::RandomRead, Load::RandomWrite] } else { [Load::Read, Load::Write] }
    }
}

/// What is measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskTarget {
    /// A scratch directory in here, of our own.
    Directory(PathBuf),
    /// A file or block device that exists, and is only read.
    Existing(PathBuf),
}

impl DiskTarget {
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
    pub target: DiskTarget,
    /// What is asked of it, each once; of an existing file only what reads.
    pub loads: Vec<Load>,
    /// Run the lines of this preset, as far as their loads are among those above, and nothing else: accesses, axes, blocks
    /// and depths below say nothing then.
    pub preset: Option<Preset>,
    /// Ways to take, each once; sync and files have one anyway.
    pub accesses: Vec<Access>,
    /// What varies; `None` is what [`settings`](super::settings) has by default.
    pub axes: Option<Vec<DiskAxis>>,
    /// Block sizes, each once: whole pages. Where they do not vary a load has its own usual one, or the only one here.
    pub blocks: Vec<BufferSize>,
    /// Operations in flight, each once. Where they do not vary it is 1, or the only one here.
    pub depths: Vec<usize>,
    /// How more than one operation is kept in flight; `None` is `io_uring` where it can be had, else threads.
    pub backend: Option<BackendName>,
    /// Bytes of the scratch file, or of what is read of an existing one; `None` is what the preset says or the budget has
    /// time for.
    pub file_bytes: Option<u64>,
    /// The part of the free space that the scratch file may take, and of the free inodes that files may take: 0.25.
    pub share: f64,
    /// Shannon entropy in bits a byte, 0 to 8, of the scratch file and of what is written to it: 8 cannot be compressed.
    /// What is written has 8 random bytes in each page of 4096 whatever this says, so that no two pages are the same: they
    /// add 0.04 bits a byte to what has none.
    pub entropy: f64,
    /// Run each setting once, for this long, without warming up: how long does the disk keep its rate? What reads through
    /// the page cache ends with the file, what creates and removes files with the files; everything else begins again at
    /// the start.
    pub sustain: Option<Duration>,
    /// How much to measure; the budget includes making the file.
    pub effort: Effort,
    /// Seed of the data, of the order of blocks and of the shuffle.
    pub seed: u64,
    /// Whether the report leaves out what tells this machine from others: see [`Machine::anonymous`].
    ///
    /// [`Machine::anonymous`]: crate::lab::machine::Machine::anonymous
    pub anonymous: bool,
    /// The command line that asked for this, quoted for a shell; the report repeats it.
    pub command: String,
}
