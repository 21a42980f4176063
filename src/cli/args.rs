//! The command line as typed, but for the options of single commands, which stand with these. The comments are the help.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use haul::plan::SchedulerName;
use haul::size::BufferSize;

use super::compare::CompareArgs;
use super::copy::args::CopyArgs;
use super::disk::DiskArgs;
use super::environment;
use super::gzip::{GunzipArgs, GzipArgs};
use super::sweep::SweepArgs;
use super::tune::TuneArgs;
use super::words::{PoolWord, WorkerCount, parse_pool, parse_workers};

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
pub(crate) fn parse_path() -> impl TypedValueParser<Value = PathBuf> {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressChoice {
    Auto,
    Always,
    Never,
}

/// For each option that was typed, by the name of its field, the places of its uses: a list has one for each value.
/// It must stand before all other fields, which take what they hold out of the matches.
#[derive(Debug)]
pub(crate) struct Places(HashMap<String, Vec<usize>>);

impl Places {
    /// All places of an option, as many as it has values, in their order.
    pub(crate) fn all(&self, option: &str) -> &[usize] {
        self.0.get(option).map_or(&[], Vec::as_slice)
    }

    /// Where an option stood last; `None`, which comes before all places, if it was not typed.
    pub(crate) fn last(&self, option: &str) -> Option<usize> {
        self.all(option).last().copied()
    }
}

impl clap::Args for Places {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

impl clap::FromArgMatches for Places {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let options = matches.ids().map(clap::Id::as_str);
        // A default has a place too, after all others.
        let typed = options.filter(|option| matches.value_source(option) == Some(ValueSource::CommandLine));
        let places =
            typed.map(|option| (option.to_owned(), matches.indices_of(option).into_iter().flatten().collect()));
        Ok(Self(places.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
