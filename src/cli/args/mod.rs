//! The command line as typed. The comments here are the help.

mod compare;
mod copy;
mod disk;
mod files;
mod places;
mod sweep;
mod tune;

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use haul::plan::{CodecName, SchedulerName};
use haul::size::BufferSize;

use super::environment;
use super::level::Level;
use super::words::{PoolWord, WorkerCount, parse_block, parse_pool, parse_workers};

pub(crate) use compare::{CompareArgs, ComparisonFormat};
pub(crate) use copy::{Attribute, BackupWord, CopyArgs};
pub(crate) use disk::{DiskArgs, FlightWord};
pub(crate) use files::{FileArgs, UnpackArgs};
pub(crate) use sweep::{SweepArgs, Switch};
pub(crate) use tune::{TuneArgs, TunedJob};

/// Copies and gzips files and directories as fast as the hardware allows, loses nothing, and shows why.
///
/// Exit codes: 0 all done; 1 something failed (the rest was still done); 2 the command line makes no sense;
/// after a signal, once it has tidied up, haul dies of it (a shell shows 130, 143 or 129), with no half file under a final
/// name (but haul copy writes a TARGET in place that is a device, a link or has other hard links).
#[derive(Debug, Parser)]
#[command(name = "haul", version, long_version = VERSION.as_str(), max_term_width = 100, args_override_self = true, after_help = environment::HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Copy(CopyArgs),
    Gzip(GzipArgs),
    Gunzip(GunzipArgs),
    Sweep(SweepArgs),
    Disk(DiskArgs),
    Compare(CompareArgs),
    Tune(TuneArgs),
    /// Run a job once with one setting and print the system calls it made: for sweep --verify-counts
    #[command(hide = true)]
    RunSpec {
        /// Print what is printed when nothing was done
        #[arg(long)]
        idle: bool,
        /// The setting, as JSON
        spec: String,
        input: PathBuf,
        target: PathBuf,
    },
    /// Write shell completions to standard output, or manual pages into a directory
    #[command(hide = true)]
    Generate {
        what: Generated,
        /// For man: an existing directory
        directory: Option<PathBuf>,
    },
}

/// A path as it was typed. An empty one names no file, which the job says of that one alone; clap's own parser of paths
/// refuses the whole command line.
fn parse_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// What `--version` says; `-V` says the number alone.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{}\ncodecs: {}", env!("CARGO_PKG_VERSION"), haul::codec::level::built_in()));

/// What `haul generate` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Generated {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// What every job takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// The most bytes one read or write moves, 1B to 1G: 512B, 64K (binary), 64kB (decimal)
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(crate) buffer: Option<BufferSize>,
    /// Threads that work; auto: what affinity and the cgroup's quota allow
    #[arg(short = 'p', long, value_name = "N|auto", default_value = "auto", value_parser = parse_workers, allow_hyphen_values = true)]
    pub(crate) workers: WorkerCount,
    /// Who runs the tasks
    #[arg(long, value_enum, default_value_t = SchedulerName::Channel)]
    pub(crate) scheduler: SchedulerName,
    /// Buffers that are kept and used again; off: allocate each time
    #[arg(long, value_name = "N|auto|off", default_value = "auto", value_parser = parse_pool)]
    pub(crate) pool: PoolWord,
    /// A progress bar on standard error; auto: if that is a terminal
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto)]
    pub(crate) progress: ProgressChoice,
    /// Print a summary with all counts as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Compress files and trees with all cores; one ordinary gzip member out
///
/// Each FILE becomes FILE.gz beside it. The bytes are the same for any number of workers, from a file or a pipe.
///
/// A source is removed only when it was read to its end, is still what it was (size, times, inode), and its .gz has
/// its final name; otherwise it stays and is reported.
#[derive(Debug, ClapArgs)]
#[command(after_help = environment::HELP)]
pub(crate) struct GzipArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) level: Level,
    /// Decompress, as gunzip does
    #[arg(short, long, visible_alias = "uncompress")]
    pub(crate) decompress: bool,
    /// Inflate each block again and compare, before it is written
    #[arg(long)]
    pub(crate) verify: bool,
    /// Leave files as they are whose .gz would not be smaller, unless there is an older .gz to replace
    #[arg(long)]
    pub(crate) keep_smaller: bool,
    /// Who compresses; auto: the best for the level and the block
    #[arg(long, value_enum, default_value_t = CodecName::Auto)]
    pub(crate) codec: CodecName,
    /// Bytes one worker compresses as a piece, 32K to 1G; default: 1M, from level 7 on 2M
    #[arg(long, value_name = "SIZE", value_parser = parse_block)]
    pub(crate) block: Option<BufferSize>,
    // Last, since its heading goes for all after it.
    #[command(flatten)]
    pub(crate) unpack: UnpackArgs,
}

/// Decompress any gzip file; never exit 0 on damage
///
/// Each FILE.gz becomes FILE beside it. All members are read; CRC and length are always checked. Zeros after the last
/// member are padding. Anything else there is a failure: what came before is written, and the source is kept.
#[derive(Debug, ClapArgs)]
#[command(after_help = environment::HELP)]
pub(crate) struct GunzipArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// What it does anyway; gunzip takes it
    #[arg(short, long, alias = "uncompress", hide = true)]
    _decompress: bool,
    #[command(flatten)]
    pub(crate) unpack: UnpackArgs,
}

impl GzipArgs {
    /// Whether it does what gunzip does.
    pub(crate) const fn unpacks(&self) -> bool {
        self.decompress || self.files.test || self.files.list
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressChoice {
    Auto,
    Always,
    Never,
}
