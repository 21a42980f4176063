//! tune.

use haul::plan::{SweepJob, TunePlan};

use super::outputs::outputs;
use super::{Invocation, Job, UsageError};
use crate::cli::args::{TuneArgs, TunedJob};
use crate::cli::quote::{command_line, words_as_typed};
use crate::cli::report::Format;
use crate::cli::words::parse_workers;

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
