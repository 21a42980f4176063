//! The invocation: what is to be done, and how to talk about it.

use std::path::PathBuf;

use haul::lab::sweep::run_spec::RunSpec;
use haul::plan::{CopyPlan, DiskPlan, GunzipPlan, GzipPlan, SweepPlan, TunePlan};

use super::compare::CompareArgs;
use super::listing::Columns;
use super::options::{Generated, ProgressChoice};
use super::progress::Verbosity;
use super::report::Output;

/// What to do and how to talk about it.
pub(crate) struct Invocation {
    pub(crate) job: Job,
    pub(crate) verbosity: Verbosity,
    pub(crate) progress: ProgressChoice,
    pub(crate) json: bool,
    /// What the environment adds to the words that were typed, to be told with -v.
    pub(crate) taken: Option<String>,
}

/// What to do.
pub(crate) enum Job {
    Copy(CopyPlan),
    Gzip(GzipPlan),
    Gunzip(GunzipPlan),
    List(GunzipPlan, Columns),
    Sweep { plan: SweepPlan, outputs: Vec<Output> },
    Disk { plan: DiskPlan, outputs: Vec<Output> },
    RunSpec { spec: RunSpec, idle: bool },
    Compare(CompareArgs),
    Tune { plan: TunePlan, outputs: Vec<Output> },
    Generate { what: Generated, directory: Option<PathBuf> },
}

impl Invocation {
    pub(super) const fn quiet(job: Job, progress: ProgressChoice) -> Self {
        Self { job, verbosity: Verbosity { quiet: false, verbose: false }, progress, json: false, taken: None }
    }
}
