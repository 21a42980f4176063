//! `haul tune`: its options, the plan that they make, and the way to its report.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use haul::error::Result;
use haul::job::Context;
use haul::lab::plan::SweepJob;
use haul::lab::recommend;
use haul::lab::recommend::plan::TunePlan;
use haul::lab::report::Report;
use haul::size::parse_bytes;

use super::environment;
use super::invocation::{Invocation, Job};
use super::options::UsageError;
use super::progress::Terminal;
use super::quote::{command_line, words_as_typed};
use super::report_options::{Delivery, ReportOptions};
use super::sweep::SweepArgs;
use super::watching::Watching;
use super::words::{parse_duration, parse_workers};

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
    /// Time for all of it, such as 90s, 5m. One round of everything is run in any case
    #[arg(long, value_name = "TIME", default_value = "3m", value_parser = parse_duration)]
    pub(crate) budget: Duration,
    /// What is to be faster
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', default_value = "copy,gzip")]
    pub(crate) jobs: Vec<TunedJob>,
    /// Size of the large file, from 64K on; default: what the budget has time for. There is to be room for five
    /// of them, with one job for three
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) size: Option<u64>,
    /// Seed of the data and of the order of runs; the report names it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) report: ReportOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TunedJob {
    Copy,
    Gzip,
}

/// Time for a tuning where nobody says how long.
const BUDGET: Duration = Duration::from_secs(180);
/// What several workers and a page are still of any use for.
const LEAST_BYTES: u64 = 64 * 1024;

pub(super) fn build_tune(args: TuneArgs) -> Result<Invocation, UsageError> {
    let jobs = [(TunedJob::Copy, SweepJob::Copy), (TunedJob::Gzip, SweepJob::Gzip)];
    let jobs = jobs.into_iter().filter(|(word, _)| args.jobs.contains(word)).map(|(_, job)| job).collect();
    let TuneArgs { directory, budget, size, seed, report, .. } = args;
    build(Tuning { directory, source: None, jobs, budget, size, seed }, report)
}

/// `haul sweep --recommend [JOB] [SOURCE]`.
pub(super) fn recommend(args: SweepArgs) -> Result<Invocation, UsageError> {
    let mut words = args.words.as_slice();
    let mut jobs = vec![SweepJob::Copy, SweepJob::Gzip];
    if let [first, rest @ ..] = words
        && let Ok(job) = SweepJob::from_str(&first.to_string_lossy(), false)
    {
        if job == SweepJob::Gunzip {
            return Err(UsageError::new("options are recommended for copy and gzip: leave out gunzip"));
        }
        (jobs, words) = (vec![job], rest);
    }
    let source = match words {
        [] => None,
        [source] if args.generate.is_none() => Some(source.clone()),
        [_] => return Err(UsageError::new("SOURCE and --generate contradict each other: leave one out")),
        _ => return Err(UsageError::new("write haul sweep --recommend [copy|gzip] [SOURCE]")),
    };
    let beside = source.as_ref().and_then(|source| Some(std::path::absolute(source).ok()?.parent()?.to_owned()));
    let directory = args.to.or(beside).unwrap_or_else(|| ".".into());
    if args.generate.is_some_and(|amount| amount.files.get() > 1) {
        return Err(UsageError::new(
            "--recommend makes its own small files: give --generate the size of the large one",
        ));
    }
    let size = args.generate.map(|amount| amount.bytes);
    let budget = args.budget.unwrap_or(BUDGET);
    build(Tuning { directory, source, jobs, budget, size, seed: args.seed }, args.report)
}

/// What both ways to say it come to.
struct Tuning {
    directory: PathBuf,
    source: Option<PathBuf>,
    jobs: Vec<SweepJob>,
    budget: Duration,
    size: Option<u64>,
    seed: u64,
}

fn build(asked: Tuning, report: ReportOptions) -> Result<Invocation, UsageError> {
    if asked.size.is_some_and(|bytes| bytes < LEAST_BYTES) {
        return Err(UsageError::new("a large file has at least 64K: raise --size, or leave it out"));
    }
    let plan = TunePlan {
        directory: asked.directory,
        source: asked.source,
        jobs: asked.jobs,
        budget: asked.budget,
        large_bytes: asked.size,
        cores: parse_workers("auto").map_or(1, |count| count.0.get()),
        seed: asked.seed,
        anonymous: report.anonymous,
        command: command_line(words_as_typed()),
    };
    let delivery = report.delivery()?;
    Ok(Invocation::quiet(Job::Tune { plan, delivery }))
}

/// Finds options and writes what came of it.
pub(crate) fn run(plan: &TunePlan, delivery: &Delivery, terminal: &Terminal, context: &Context) -> Result<Report> {
    for variable in environment::VARIABLES.iter().filter(|variable| variable.is_set()) {
        terminal.say(&format!("{} is set; what is found is compared with haul's own defaults", variable.name));
    }
    let mut watching = Watching::new(delivery, None, context)?;
    let report = recommend::run(plan, context, &mut watching);
    watching.finish(report)
}
