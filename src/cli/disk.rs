//! `haul disk`, from its plan to its report.

use haul::error::Result;
use haul::job::Context;
use haul::lab::disk;
use haul::outcome::DiskReport;
use haul::plan::{DiskPlace, DiskPlan};

use super::args::ProgressChoice;
use super::report::Output;
use super::watching::Watching;

/// Measures a disk and writes its reports.
pub(crate) fn run(
    plan: &DiskPlan,
    outputs: &[Output],
    progress: ProgressChoice,
    context: &Context,
) -> Result<DiskReport> {
    let only_read = match &plan.place {
        DiskPlace::Existing(path) => Some(path.as_path()),
        // A report may well lie in the directory: what is measured there is a scratch directory of ours.
        DiskPlace::Directory(_) => None,
    };
    let mut watching = Watching::new(outputs, progress, only_read, context)?;
    let report = disk::run(plan, context, &mut watching);
    watching.finish(report, outputs)
}
