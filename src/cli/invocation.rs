//! The invocation: what is to be done, and how to talk about it.

use std::path::PathBuf;

use haul::lab::expect::Expectation;
use haul::lab::plan::SweepPlan;
use haul::lab::recommend::plan::TunePlan;
use haul::lab::subject::disk::plan::DiskPlan;
use haul::lab::subject::job::run_spec::RunSpec;
use haul::plan::{CopyPlan, GunzipPlan, GzipPlan};

use super::compare::CompareArgs;
use super::listing::Columns;
use super::options::{Generated, ProgressChoice, WorkerJob};
use super::progress::Verbosity;
use super::report_options::Delivery;

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
    Sweep { plan: SweepPlan, delivery: Delivery },
    Disk { plan: DiskPlan, expected: Vec<Expectation>, delivery: Delivery },
    RunSpec { spec: RunSpec, idle: bool },
    Worker(WorkerJob),
    Compare(CompareArgs),
    Tune { plan: TunePlan, delivery: Delivery },
    Generate { what: Generated, directory: Option<PathBuf> },
}

impl Invocation {
    /// A job that says nothing beside its results: what measures draws its own line, between runs.
    pub(super) const fn quiet(job: Job) -> Self {
        let verbosity = Verbosity { quiet: false, verbose: false };
        Self { job, verbosity, progress: ProgressChoice::Never, json: false, taken: None }
    }
}
