//! Options that several commands take, and a command line that makes no sense. The comments are the help.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args as ClapArgs, ValueEnum};
use haul::error::Escaped;
use haul::plan::{Clash, Clashes, Resources, SchedulerName};
use haul::size::BufferSize;

use super::text;
use super::words::{PoolWord, WaitWord, WorkerWord, parse_overflow, parse_pool, parse_wait, parse_worker_word};

/// What every job takes.
#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// The most bytes one read or write moves, 1B to 1G: 512B, 64K (binary), 64kB (decimal)
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(crate) buffer: Option<BufferSize>,
    /// Threads or processes that work; auto: what affinity and the cgroup's quota allow
    #[arg(short = 'p', long, value_name = "N|auto", default_value = "auto", value_parser = parse_worker_word, allow_hyphen_values = true)]
    pub(crate) workers: WorkerWord,
    /// Who runs the tasks
    #[arg(long, value_enum, default_value_t = SchedulerName::Channel)]
    pub(crate) scheduler: SchedulerName,
    /// Buffers that are kept and used again; off: allocate each time
    #[arg(long, value_name = "N|auto|off", default_value = "auto", value_parser = parse_pool)]
    pub(crate) pool: PoolWord,
    /// How many more buffers may exist for a burst; each is freed after use
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_overflow, allow_hyphen_values = true)]
    pub(crate) pool_overflow: usize,
    /// How long to wait for a buffer while none comes back, such as 500ms, 30s; then the file fails
    #[arg(long, value_name = "TIME|unlimited", default_value = "unlimited", value_parser = parse_wait, allow_hyphen_values = true)]
    pub(crate) pool_wait: WaitWord,
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

/// For each option that was typed, by the name of its field, the positions of its uses: a list has one for each value.
/// It must stand before all other fields, which take what they hold out of the matches.
#[derive(Debug)]
pub(crate) struct Positions(HashMap<String, Vec<usize>>);

impl Positions {
    /// All positions of an option, as many as it has values, in their order.
    pub(crate) fn all(&self, option: &str) -> &[usize] {
        self.0.get(option).map_or(&[], Vec::as_slice)
    }

    /// Where an option stood last; `None`, which comes before all positions, if it was not typed.
    pub(crate) fn last(&self, option: &str) -> Option<usize> {
        self.all(option).last().copied()
    }
}

impl clap::Args for Positions {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        command
    }
}

impl clap::FromArgMatches for Positions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let options = matches.ids().map(clap::Id::as_str);
        // A default has a position too, after all others.
        let typed = options.filter(|option| matches.value_source(option) == Some(ValueSource::CommandLine));
        let positions =
            typed.map(|option| (option.to_owned(), matches.indices_of(option).into_iter().flatten().collect()));
        Ok(Self(positions.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What `haul worker` serves: gzip is gunzip, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorkerJob {
    Copy,
    Gzip,
}

/// What `haul generate` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Generated {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// A path as it was typed. An empty one names no file, which the job says of that one alone; clap's own parser of paths
/// refuses the whole command line.
pub(crate) fn parse_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

pub(crate) fn or<T>(named: Vec<T>, default: Vec<T>) -> Vec<T> {
    if named.is_empty() { default } else { named }
}

/// The values in their order, each once: measuring one twice would only look like a second setting.
pub(crate) fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    values.into_iter().fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

pub(crate) fn resources(common: &Common) -> Resources {
    Resources {
        buffer: common.buffer,
        workers: common.workers.0,
        scheduler: common.scheduler,
        pool: common.pool.0,
        pool_overflow: common.pool_overflow,
        pool_wait: common.pool_wait.0,
        batch: true,
    }
}

/// A command line that makes no sense.
pub(crate) struct UsageError(pub(super) clap::Error);

impl From<clap::Error> for UsageError {
    fn from(error: clap::Error) -> Self {
        Self(error)
    }
}

impl From<Clash> for UsageError {
    fn from(clash: Clash) -> Self {
        Self::new(text::clash(&clash))
    }
}

impl From<Clashes> for UsageError {
    /// The first: as with other programs, one is told at a time.
    fn from(clashes: Clashes) -> Self {
        Self::new(clashes.all().first().map_or_else(|| clashes.to_string(), text::clash))
    }
}

impl UsageError {
    pub(super) fn new(why: impl std::fmt::Display) -> Self {
        let why = why.to_string();
        Self(clap::Error::raw(clap::error::ErrorKind::ValueValidation, Escaped(why.as_ref())))
    }

    /// The same with the usage of this one of `all` commands below it.
    pub(super) fn about(self, mut all: clap::Command, command: &str) -> Self {
        // Only then does a command know what its parent is called.
        all.build();
        Self(match all.find_subcommand_mut(command) {
            Some(command) => self.0.format(command),
            None => self.0,
        })
    }

    /// Why, on one line, without what a whole message has around it.
    pub(super) fn reason(&self) -> String {
        let text = self.0.to_string();
        let line = text.lines().next().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    }
}
