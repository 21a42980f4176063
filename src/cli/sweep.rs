//! `haul sweep`, from its plan to its report.

use haul::error::Result;
use haul::job::Context;
use haul::lab::sweep;
use haul::outcome::SweepReport;
use haul::plan::{SweepData, SweepPlan};

use super::args::ProgressChoice;
use super::report::Output;
use super::watching::Watching;

/// Runs a sweep and writes its reports.
pub(crate) fn run(
    plan: &SweepPlan,
    outputs: &[Output],
    progress: ProgressChoice,
    context: &Context,
) -> Result<SweepReport> {
    let swept = match &plan.data {
        SweepData::Source(path) => Some(path.as_path()),
        SweepData::Generated(_) => None,
    };
    let mut watching = Watching::new(outputs, progress, swept, context)?;
    let report = sweep::run(plan, context, &mut watching);
    watching.finish(report, outputs)
}
