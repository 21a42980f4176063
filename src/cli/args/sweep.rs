//! `haul sweep`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use haul::plan::{CacheState, CodecName, EngineName, SchedulerName, TableName};
use haul::size::BufferSize;

use super::ProgressChoice;
use crate::cli::report::Format;
use crate::cli::words::{
    Amount, PoolWord, SizeList, WorkerCount, parse_amount, parse_block, parse_duration, parse_entropy, parse_part,
    parse_pool, parse_sizes, parse_workers,
};

const EXAMPLES: &str = "Examples:
  haul sweep copy disk.img
  haul sweep gzip logs --workers 1,2,4 --level 1,6 -o report.html -o report.json
  haul sweep copy --generate 1G --cache cold,direct --latency
  haul sweep --table workers disk.img --budget 5m";

/// Run a job across buffer sizes, workers, engines, pools: calls, times, memory and a verdict
///
/// Every setting is run once to warm up, and then once in each of several shuffled rounds; one setting is run twice, to
/// show how far apart two runs of the same thing are. Every run's system calls are compared with the kernel's own count
/// (/proc/self/io), and the report says whether they agree. Targets go to a scratch directory, which is removed at the
/// end. SOURCE is only read. Ctrl-C ends it with a report of what was measured.
#[derive(Debug, ClapArgs)]
#[command(override_usage = "haul sweep [OPTIONS] JOB SOURCE\n       haul sweep [OPTIONS] JOB --generate SIZE\n       \
                            haul sweep [OPTIONS] --table NAME [JOB] SOURCE", after_help = EXAMPLES)]
pub(crate) struct SweepArgs {
    /// The job to run (copy, gzip or gunzip), and the file or directory to run it on. With --table the job may be left
    /// out, with --generate the SOURCE
    #[arg(value_names = ["JOB", "SOURCE"], num_args = 0..=2)]
    pub(crate) words: Vec<PathBuf>,
    /// A ready-made sweep that answers one question
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) table: Option<TableName>,
    /// Buffer sizes: a list, or a range of doublings such as 4K..1M; default: 1K to 4M, or 256K
    /// where something else varies
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_sizes, allow_hyphen_values = true)]
    pub(crate) buffers: Vec<SizeList>,
    /// Worker counts; default: auto
    #[arg(short = 'p', long, value_name = "LIST", value_delimiter = ',', value_parser = parse_workers, allow_hyphen_values = true)]
    pub(crate) workers: Vec<WorkerCount>,
    /// What of the source is in memory before each run; default: warm
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) cache: Vec<CacheState>,
    /// Engines (copy); default: auto
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) engine: Vec<EngineName>,
    /// Schedulers; default: channel
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) scheduler: Vec<SchedulerName>,
    /// Pools: on, off or numbers of buffers; default: on
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_pool)]
    pub(crate) pool: Vec<PoolWord>,
    /// Entries of a directory handed out by the buffer (on) or each by itself (off); default: on
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) batch: Vec<Switch>,
    /// Levels (gzip); default: 6
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(..=12))]
    pub(crate) level: Vec<u32>,
    /// gzip's codec
    #[arg(long, value_enum, default_value_t = CodecName::Auto)]
    pub(crate) codec: CodecName,
    /// gzip's block; default: what suits the level
    #[arg(long, value_name = "SIZE", value_parser = parse_block)]
    pub(crate) block: Option<BufferSize>,
    /// Make data to run on: 256M, or 100x10M for a directory of 100 files
    #[arg(long, value_name = "SIZE", value_parser = parse_amount)]
    pub(crate) generate: Option<Amount>,
    /// Entropy of that data in bits a byte, 0 to 8
    #[arg(long, value_name = "BITS", default_value = "8", value_parser = parse_entropy, requires = "generate", allow_hyphen_values = true)]
    pub(crate) entropy: f64,
    /// Measured runs of each setting; default: as many as --budget has room for, until intervals are narrow
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<NonZeroUsize>,
    /// Time for warming up and rounds, such as 90s, 5m; default, without --rounds: 60s. One round is run in any case, and
    /// preparing, --latency and --verify-counts come on top
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) budget: Option<Duration>,
    /// How much slower than the best a setting may be to be as good
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) within: f64,
    /// Do not time fdatasync after each run
    #[arg(long)]
    pub(crate) no_sync: bool,
    /// Time every system call, in one more run of each setting: p50, p90, p99, maximum
    #[arg(long)]
    pub(crate) latency: bool,
    /// Compare counts with those of strace or perf, in one more run of each setting
    #[arg(long)]
    pub(crate) verify_counts: bool,
    /// Seed of the shuffle and of generated data; the report names it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How the report is written; default: as the name of its file says, else as a table
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Write the report here instead of standard output, in the format that the name ends in (.txt .csv .json .md
    /// .html). May be given several times; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// Where the scratch directory is made; default: beside SOURCE
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// A progress line on standard error, between runs; auto: if that is a terminal
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto)]
    pub(crate) progress: ProgressChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}
