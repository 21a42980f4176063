//! `haul disk`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use haul::plan::{Access, DiskAxis, Load};

use super::ProgressChoice;
use crate::cli::report::Format;
use crate::cli::words::{SizeList, parse_amount_of_bytes, parse_depth, parse_duration, parse_part, parse_sizes};

const EXAMPLES: &str = "Examples:
  haul disk                                       the disk below the current directory, in a minute
  haul disk /mnt/nvme --quick                     a first impression in ten seconds
  haul disk /mnt/nvme -o disk.html -o disk.json   a page with charts, and what haul compare reads
  haul disk --loads random-read --depths 1,2,4,8,16,32,64 --budget 2m
  haul disk --loads read --axis blocks,depths --blocks 64K..4M --depths 1,4 --access direct
  haul disk --read-only /dev/nvme0n1              a whole device; nothing on it changes";

/// Benchmark a disk: rates, latencies, IOPS, fsync and small files, in about a minute
///
/// A scratch directory is made in DIR, with a file in it of as many bytes as the time allows (at most --share of what is
/// free, and 16 GiB); the file bears no name, so that its room is free again however haul ends. Nothing of yours is read,
/// written or removed, and the scratch directory is removed at the end. Settings are measured in shuffled rounds, after
/// each was warmed up until its rate was steady; the report says how well each figure is known, what was not steady, and
/// what makes it doubtful. What is read comes from the disk, and every run proves it; what is written is incompressible:
/// buffered, it is durable when the clock stops (fdatasync is in the time); direct, it may then still be in the disk's
/// write cache; that files were made or removed is in the file system's memory alone. Ctrl-C ends it with a report of what
/// was measured.
#[derive(Debug, ClapArgs)]
#[command(override_usage = "haul disk [OPTIONS] [DIR]\n       haul disk [OPTIONS] --read-only FILE|DEVICE",
          after_help = EXAMPLES)]
pub(crate) struct DiskArgs {
    /// A directory on the disk; default: the current one
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Only read, from a file or block device that exists, instead of writing in DIR
    #[arg(long, value_name = "FILE|DEVICE")]
    pub(crate) read_only: Option<PathBuf>,
    /// Time for all of it, such as 90s, 5m; default, without --rounds: 60s. One round is run in any case
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) budget: Option<Duration>,
    /// Fewer settings (blocks of 1M in order, depths of 1 and 16, no mixed load), and a budget of 10s, where nothing else is
    /// named; that may be too few rounds for intervals, which take six
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measured runs of each setting; default: as many as --budget has room for, until intervals are narrow
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<NonZeroUsize>,
    /// What to ask of the disk; default: all of it, with --read-only what reads
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) loads: Vec<Load>,
    /// What varies; default: blocks of read and write, depths of the random loads
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) axis: Vec<DiskAxis>,
    /// Block sizes, multiples of 4K: a list, or a range of doublings such as 4K..1M; default: 4K,128K,1M. Where they do
    /// not vary: 1M in order, 4K anywhere
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_sizes, allow_hyphen_values = true)]
    pub(crate) blocks: Vec<SizeList>,
    /// Operations in flight, 1 to 1024; default: 1,4,16,32. Where they do not vary: 1
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = parse_depth, allow_hyphen_values = true)]
    pub(crate) depths: Vec<usize>,
    /// Which way bytes go; default: both in order, direct anywhere
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    pub(crate) access: Vec<Access>,
    /// How several operations are kept in flight
    #[arg(long, value_enum, default_value_t = FlightWord::Auto)]
    pub(crate) flight: FlightWord,
    /// Bytes of the scratch file, or of FILE that are read; default: what the budget has time for
    #[arg(long, value_name = "SIZE", value_parser = parse_amount_of_bytes, allow_hyphen_values = true)]
    pub(crate) size: Option<u64>,
    /// The most of the free space that the scratch file may take, and files of the free inodes; default: 25%
    #[arg(long, value_name = "PERCENT", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) share: Option<f64>,
    /// How well a rate must be known to be known well enough, and how large a difference is none
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) within: f64,
    /// Seed of the data, of places and of the shuffle; the report names it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// How the report is written; default: as the name of its file says, else as a table
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Write the report here instead of standard output, in the format that the name ends in (.txt .csv .json .md
    /// .html). May be given several times; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// A progress line on standard error, between runs; auto: if that is a terminal
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto)]
    pub(crate) progress: ProgressChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum FlightWord {
    /// By the kernel where it can be had, else by threads
    Auto,
    /// By the kernel: one thread and a ring that both share
    IoUring,
    /// By a thread for each
    Threads,
}
