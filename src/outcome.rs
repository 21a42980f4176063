//! What came of a job: plain results that add up with `+=`.

use std::fmt;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use serde::Serialize;

use crate::calls::SyscallCounts;
use crate::plan::{EngineName, PoolChoice, SchedulerName, SweepJob};
use crate::size::BufferSize;

/// What a job, or one worker's share of it, did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
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
    /// Things that failed; each was reported as an event.
    pub failures: u64,
    /// The job ended early, since every further write would have failed (a full disk): what else there was to do was
    /// not tried.
    pub stopped_early: bool,
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
    /// Whether all was done.
    pub const fn is_clean(&self) -> bool {
        self.failures == 0 && !self.interrupted && !self.broken_pipe
    }
}

/// Paths as JSON can hold them: what is not UTF-8 in them is replaced.
fn as_text<S: serde::Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

impl AddAssign<&Self> for Summary {
    fn add_assign(&mut self, other: &Self) {
        self.files += other.files;
        self.directories += other.directories;
        self.others += other.others;
        self.links += other.links;
        self.skipped += other.skipped;
        self.source_bytes += other.source_bytes;
        self.target_bytes += other.target_bytes;
        self.failures += other.failures;
        self.stopped_early |= other.stopped_early;
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
    /// Bytes of the file: all of them, also what is behind its last member.
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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
}

impl AddAssign for PoolStats {
    fn add_assign(&mut self, other: Self) {
        self.acquired += other.acquired;
        self.reused += other.reused;
        self.fresh += other.fresh;
        self.overflowed += other.overflowed;
        self.waited += other.waited;
    }
}

/// One measured run of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Time from start to end, ns.
    pub wall_ns: u64,
    /// CPU time in user mode, all threads, ns.
    pub user_ns: u64,
    /// CPU time in the kernel, all threads, ns.
    pub system_ns: u64,
    /// Most memory resident at any moment of the run, bytes; `None` where the kernel does not let us reset the mark.
    pub peak_bytes: Option<u64>,
    /// Page faults served without the disk.
    pub minor_faults: u64,
    /// Page faults that waited for the disk.
    pub major_faults: u64,
    /// What the kernel's `syscr` grew by beyond (or, negative, below) what we counted; `None` where it does not say.
    pub unexplained_reads: Option<i64>,
    /// The same for `syscw`.
    pub unexplained_writes: Option<i64>,
    /// What the job itself reported.
    pub summary: Summary,
}

/// One setting of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The most bytes one read or write moves.
    #[serde(rename = "buffer_bytes", serialize_with = "bytes")]
    pub buffer: BufferSize,
    /// Threads that worked.
    pub workers: usize,
    /// Who ran the tasks.
    pub scheduler: SchedulerName,
    /// How bytes moved.
    pub engine: EngineName,
    /// How buffers were had.
    pub pool: PoolChoice,
    /// Compression level; `None` for jobs that have none.
    pub level: Option<u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn bytes<S: serde::Serializer>(buffer: &BufferSize, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(buffer.bytes() as u64)
}

/// One setting of a sweep and all its runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepRow {
    /// What was set.
    pub setting: Setting,
    /// The run that warmed up. Its time counts for nothing, its memory does: see `job::sweep`.
    pub warm_up: Sample,
    /// What was measured, in the order of the rounds.
    pub samples: Vec<Sample>,
}

/// Where measurements were made: what a reader needs to know before comparing them with others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Release of the running kernel: "6.18.44".
    pub kernel: Option<String>,
    /// Architecture this program was built for: "`x86_64`".
    pub architecture: String,
    /// Model of the first processor; `None` where the kernel does not tell.
    pub cpu: Option<String>,
    /// Threads that can run at once here, limits of affinity and of the control group respected.
    pub cores: usize,
    /// Memory of the machine in bytes.
    pub memory_bytes: Option<u64>,
    /// File system that the targets were written to: "ext4", or its number in hexadecimal.
    pub file_system: String,
}

impl fmt::Display for Machine {
    /// On one line: "Linux 6.18.44, 2 × AMD EPYC, 23.5 GiB, ext4".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linux {}, ", self.kernel.as_deref().unwrap_or("of unknown release"))?;
        write!(f, "{} × {}, ", self.cores, self.cpu.as_deref().unwrap_or(&self.architecture))?;
        if let Some(bytes) = self.memory_bytes {
            write!(f, "{}, ", ByteSize::b(bytes).display().iec())?;
        }
        f.write_str(&self.file_system)
    }
}

/// What a sweep measured, raw. `job::sweep` derives medians and a verdict from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Version of this layout, [`SweepReport::FORMAT`]: grows when a field changes its meaning or goes away.
    pub format: u32,
    /// Version of haul.
    pub version: String,
    /// The command line that asked for it, quoted for a shell.
    pub command: String,
    /// The job that was run.
    pub job: SweepJob,
    /// Where.
    pub machine: Machine,
    /// What it was run on, as the user named it.
    #[serde(serialize_with = "text_of_path")]
    pub source: PathBuf,
    /// Bytes of source that one run deals with.
    pub source_bytes: u64,
    /// Files that one run deals with.
    pub source_files: u64,
    /// gzip's block in bytes; `None` for other jobs, and where it differs between levels.
    pub block_bytes: Option<u64>,
    /// Measured runs of each setting.
    pub rounds: usize,
    /// Seed of the order in which settings were run.
    pub seed: u64,
    /// Time spent on a private copy of the source before the first run, ns; 0 for jobs that need none.
    pub preparation_ns: u64,
    /// One row a setting, in the order in which users named them.
    pub rows: Vec<SweepRow>,
}

impl SweepReport {
    /// The version of the layout that this program writes.
    pub const FORMAT: u32 = 1;
}

/// JSON is text: bytes of a path that are not UTF-8 become U+FFFD.
fn text_of_path<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}
