//! `haul tune`: its options, the plan that they make, and the way to its report.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use haul::error::{Error, Result};
use haul::job::Context;
use haul::lab::rounds::Step;
use haul::lab::tune::judge::Advice;
use haul::lab::tune::{self, Phase, Spectator};
use haul::outcome::TuneReport;
use haul::plan::{SweepJob, TuneCase, TunePlan};
use haul::size::parse_bytes;

use super::environment;
use super::invocation::{Invocation, Job};
use super::options::ProgressChoice;
use super::options::UsageError;
use super::output::{ReportFile, output_error, outputs, print};
use super::progress::Terminal;
use super::quote::{command_line, words_as_typed};
use super::report::{Format, Output, tune as page};
use super::text;
use super::watching::Line;
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

/// What several workers and a page are still of any use for.
const LEAST_BYTES: u64 = 64 * 1024;

pub(super) fn build_tune(args: TuneArgs) -> Result<Invocation, UsageError> {
    if args.size.is_some_and(|bytes| bytes < LEAST_BYTES) {
        return Err(UsageError::new("a large file has at least 64K: raise --size, or leave it out"));
    }
    let outputs = outputs(args.output, args.json.then_some(Format::Json))?;
    if outputs.iter().any(|output| !matches!(output.format, Format::Table | Format::Json)) {
        return Err(UsageError::new("what tune finds is written as .txt or .json"));
    }
    let jobs = [(TunedJob::Copy, SweepJob::Copy), (TunedJob::Gzip, SweepJob::Gzip)];
    let plan = TunePlan {
        directory: args.directory,
        jobs: jobs.into_iter().filter(|(word, _)| args.jobs.contains(word)).map(|(_, job)| job).collect(),
        budget: args.budget,
        large_bytes: args.size,
        cores: parse_workers("auto").map_or(1, |count| count.0.get()),
        seed: args.seed,
        command: command_line(words_as_typed()),
    };
    Ok(Invocation::quiet(Job::Tune { plan, outputs }, args.progress))
}

/// Finds flags and writes what came of it.
pub(crate) fn run(
    plan: &TunePlan,
    outputs: &[Output],
    progress: ProgressChoice,
    terminal: &Terminal,
    context: &Context,
) -> Result<TuneReport> {
    for variable in environment::VARIABLES.iter().filter(|variable| variable.is_set()) {
        terminal.say(&format!("{} is set; what is found is compared with haul's own defaults", variable.name));
    }
    // Before the first run, not after the last: it takes too long to end in "permission denied".
    let mut sys = context.sys();
    let files = outputs.iter().filter_map(|output| Some((output.path.as_ref()?, output.format)));
    let files = files.map(|(path, format)| Ok((ReportFile::create(&mut sys, context, path, None)?, format)));
    let mut files = files.collect::<Result<Vec<_>>>()?;
    if outputs.iter().any(|output| output.path.is_none()) {
        print(b"")?;
    }
    let mut watching = Watching(Line::new(progress));
    let tuned = tune::run(plan, context, &mut watching);
    watching.0.clear();
    let report = tuned?;
    let advice = Advice::of(&report);
    let text = |format| page::render(&report, &advice, format == Format::Json);
    // A file that cannot be written is not a reason to keep the report from standard output.
    let mut result = Ok(());
    for (file, format) in &mut files {
        let written = text(*format).map_err(|error| output_error(Path::new("a report"), &error));
        result = result.and(written.and_then(|text| file.write(&mut sys, &text)));
    }
    for output in outputs.iter().filter(|output| output.path.is_none()) {
        let text = text(output.format).map_err(|error| output_error(Path::new("a report"), &error))?;
        print(&text)?;
    }
    result.map(|()| report)
}

/// What happens between runs.
struct Watching(Line);

impl Spectator for Watching {
    fn begins(&mut self, phase: Phase, case: TuneCase) {
        self.0.begin(format!("{} {}", phase.name(), case.name()));
    }

    fn step(&mut self, step: Step) {
        self.0.show(&step);
    }

    fn words(&self, error: &Error) -> String {
        text::error(error)
    }
}
