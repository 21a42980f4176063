//! `haul tune`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use haul::size::parse_bytes;

use super::ProgressChoice;
use crate::cli::words::parse_duration;

const EXAMPLES: &str = "Examples:
  haul tune
  haul tune /mnt/backup --budget 10m
  haul tune /mnt/backup --jobs copy --size 1G -o tune.json -o tune.txt";

/// Find the flags that make copy and gzip faster on a file system, and the lines that set them
///
/// Data is made in DIR and copied (a large file that is in memory, one that is not, many small files) and compressed:
/// first with haul's own defaults and other flags one at a time, then what looked faster against the defaults again, in
/// rounds of its own. A flag is worth having only if it is surely faster there, by 3% or more at the median and by more than
/// two runs of the same setting are apart, in one case of its command, and not surely slower in any other. Without --size
/// at most a quarter of the free space is used, and nothing stays there. The lines go into a shell's profile: see
/// Environment in haul --help.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::doc_markdown, reason = "the help is plain text")]
pub(crate) struct TuneArgs {
    /// A directory on the file system in question
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) directory: PathBuf,
    /// Time for all of it, such as 90s, 5m. To explore a case of copy takes about 20 runs whatever the budget
    #[arg(long, value_name = "TIME", default_value = "3m", value_parser = parse_duration)]
    pub(crate) budget: Duration,
    /// What is to be faster
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', default_value = "copy,gzip")]
    pub(crate) jobs: Vec<TunedJob>,
    /// Size of the large file, from 64K on; default: what the budget has time for. There is to be room for three
    /// of them, with --jobs copy for two
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) size: Option<u64>,
    /// Seed of the data and of the order of runs; the report names it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Everything, with every single run, as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the report here instead of standard output, in the format that the name ends in (.txt .json). May be given
    /// several times; - is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// A progress line on standard error, between runs; auto: if that is a terminal
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto)]
    pub(crate) progress: ProgressChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TunedJob {
    Copy,
    Gzip,
}
