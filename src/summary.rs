//! What came of a job, or of one worker's share of it: plain results that add up with `+=`.

use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::calls::SyscallCounts;
use crate::error::Remedy;

/// What a job, or one worker's share of it, did.
///
/// ```
/// use haul::Summary;
///
/// let mut both = Summary { files: 2, ..Summary::default() };
/// both += &Summary { files: 1, failures: 1, ..Summary::default() };
/// assert_eq!((both.files, both.is_clean()), (3, false));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Workers: threads, processes, or operations in flight. Fewer than were asked for where no more could be started, or
    /// there was no memory for more.
    pub workers: u64,
    /// Worker processes that were started, those in the place of others that ended among them.
    pub processes: u64,
    /// Regular files done.
    pub files: u64,
    /// Directories made or walked.
    pub directories: u64,
    /// Symbolic links, FIFOs, sockets and devices made.
    pub others: u64,
    /// Further names given to files that have several (hard links).
    pub links: u64,
    /// Entries passed over on purpose (a suffix that is already there, say).
    pub skipped: u64,
    /// Bytes of source that were dealt with.
    pub source_bytes: u64,
    /// Bytes of target that were made.
    pub target_bytes: u64,
    /// Compressed files with something after their last member that is neither padding nor a member. Each is a failure
    /// unless it was to be ignored.
    pub trailing_files: u64,
    /// How many bytes that was.
    pub trailing_bytes: u64,
    /// Things that failed; each was reported as an event.
    pub failures: u64,
    /// The job ended early, since every further write would have failed (a full disk): what else there was to do was
    /// not tried.
    pub stopped_early: bool,
    /// What a person should know although nothing failed: the first of them, up to [`Summary::MOST_WARNINGS`].
    pub warnings: Vec<Warning>,
    /// How many there were in all.
    pub warning_count: u64,
    /// Somebody asked to stop, and the job did.
    pub interrupted: bool,
    /// The reader of standard output went away.
    pub broken_pipe: bool,
    /// Trees that were not finished and stay under their temporary names, to be continued.
    #[serde(serialize_with = "as_text")]
    pub unfinished: Vec<PathBuf>,
    /// System calls made.
    pub syscalls: SyscallCounts,
    /// What the buffer pool did.
    pub pool: PoolStats,
}

impl Summary {
    /// Warnings that are kept; a tree of millions of files may have one for each.
    pub(crate) const MOST_WARNINGS: usize = 1000;

    /// Takes note of a warning.
    pub fn warn(&mut self, warning: Warning) {
        self.warning_count += 1;
        if self.warnings.len() < Self::MOST_WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// Whether all was done.
    pub const fn is_clean(&self) -> bool {
        self.failures == 0 && !self.interrupted && !self.broken_pipe
    }
}

/// Something that a person should know; nothing failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about. In JSON, what is not UTF-8 in it is replaced.
    #[serde(serialize_with = "path_as_text")]
    pub path: PathBuf,
    /// What to know.
    pub text: String,
    /// What would help.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
}

fn path_as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Paths as JSON can hold them: what is not UTF-8 in them is replaced.
fn as_text<S: serde::Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

impl AddAssign<&Self> for Summary {
    fn add_assign(&mut self, other: &Self) {
        self.workers += other.workers;
        self.processes += other.processes;
        self.files += other.files;
        self.directories += other.directories;
        self.others += other.others;
        self.links += other.links;
        self.skipped += other.skipped;
        self.source_bytes += other.source_bytes;
        self.target_bytes += other.target_bytes;
        self.trailing_files += other.trailing_files;
        self.trailing_bytes += other.trailing_bytes;
        self.failures += other.failures;
        self.stopped_early |= other.stopped_early;
        self.warning_count += other.warning_count;
        let room = Self::MOST_WARNINGS.saturating_sub(self.warnings.len());
        self.warnings.extend(other.warnings.iter().take(room).cloned());
        self.interrupted |= other.interrupted;
        self.broken_pipe |= other.broken_pipe;
        self.unfinished.extend_from_slice(&other.unfinished);
        self.syscalls += &other.syscalls;
        self.pool += other.pool;
    }
}

/// What a compressed file was found to hold, once all of it was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it would be decompressed to; `None` for standard input, unless its header's name was asked for.
    pub name: Option<PathBuf>,
    /// Bytes of the file: all of them, also what is after its last member.
    pub compressed_bytes: u64,
    /// Bytes of the first member's header; 0 if that was too long to be looked at.
    pub header_bytes: u64,
    /// Bytes that came out of all members.
    pub uncompressed_bytes: u64,
    /// Members.
    pub members: u64,
    /// CRC-32 of the last member.
    pub crc32: u32,
    /// When the file was changed, or what its header says of that if its name and time were asked for: seconds since
    /// 1970. `None` for a pipe.
    pub mtime: Option<i64>,
}

/// What a buffer pool did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolStats {
    /// Buffers handed out.
    pub acquired: u64,
    /// Of these, ones that had been used before.
    pub reused: u64,
    /// Of these, ones allocated for the purpose.
    pub fresh: u64,
    /// Of the fresh ones, those beyond the pool's size, given up after use.
    pub overflowed: u64,
    /// Times somebody had to wait for a buffer.
    pub waited: u64,
    /// Of these, times it gave up, since none came back for too long.
    pub gave_up: u64,
}

impl AddAssign for PoolStats {
    fn add_assign(&mut self, other: Self) {
        self.acquired += other.acquired;
        self.reused += other.reused;
        self.fresh += other.fresh;
        self.overflowed += other.overflowed;
        self.waited += other.waited;
        self.gave_up += other.gave_up;
    }
}
