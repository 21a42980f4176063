//! `haul sweep`, from its plan to its report.

use std::io::IsTerminal;
use std::path::Path;

use haul::error::Result;
use haul::job::{Context, sweep};
use haul::plan::SweepPlan;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::ProgressChoice;
use super::output::{ReportFile, output_error};
use super::report::{self, Format};

/// Runs a sweep and writes its report.
pub(crate) fn run(
    plan: &SweepPlan,
    format: Format,
    output: Option<&Path>,
    progress: ProgressChoice,
    context: &Context,
) -> Result<()> {
    // Before the first run, not after the last: a sweep is too long to end in "permission denied".
    let mut sys = context.sys();
    let target = output.map(|path| ReportFile::create(&mut sys, context, path, &plan.source)).transpose()?;
    let line = progress_line(progress);
    let swept = sweep::run(plan, context, &mut |done, total| {
        line.set_length(total as u64);
        // Drawn here, between runs, and by no thread that would draw during one.
        line.set_position(done as u64);
    });
    line.finish_and_clear();
    let report = swept?;
    match target {
        Some(target) => target.write(&mut sys, &report, format),
        None => report::write(&report, format, &mut std::io::stdout().lock())
            .map_err(|error| output_error(Path::new("standard output"), &error)),
    }
}

fn progress_line(progress: ProgressChoice) -> ProgressBar {
    let wanted = match progress {
        ProgressChoice::Always => true,
        ProgressChoice::Never => false,
        ProgressChoice::Auto => std::io::stderr().is_terminal(),
    };
    let target = if wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:24} run {pos} of {len}, {eta} left");
    ProgressBar::with_draw_target(None, target).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
