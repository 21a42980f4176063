//! `haul sweep`, from its plan to its report.

use std::io::IsTerminal;
use std::path::Path;

use haul::error::Result;
use haul::job::sweep::{Step, Watcher};
use haul::job::{Context, sweep};
use haul::outcome::SweepReport;
use haul::plan::{SweepData, SweepPlan};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::ProgressChoice;
use super::output::{ReportFile, output_error};
use super::report::{self, Output};

/// Runs a sweep and writes its reports.
pub(crate) fn run(plan: &SweepPlan, outputs: &[Output], progress: ProgressChoice, context: &Context) -> Result<()> {
    // Before the first run, not after the last: a sweep is too long to end in "permission denied".
    let mut sys = context.sys();
    let swept = match &plan.data {
        SweepData::Source(path) => path,
        SweepData::Generated(_) => Path::new(""),
    };
    let mut files = vec![];
    for output in outputs {
        if let Some(path) = &output.path {
            files.push((ReportFile::create(&mut sys, context, path, swept)?, output.format));
        }
    }
    let mut line = Line(progress_line(progress));
    let swept = sweep::run(plan, context, &mut line);
    line.0.finish_and_clear();
    let report = swept?;
    for (file, format) in files {
        file.write(&mut sys, &report, format)?;
    }
    for output in outputs.iter().filter(|output| output.path.is_none()) {
        report::write(&report, output.format, &mut std::io::stdout().lock())
            .map_err(|error| output_error(Path::new("standard output"), &error))?;
    }
    Ok(())
}

/// The progress line: drawn between runs, and by no thread that would draw during one.
struct Line(ProgressBar);

impl Watcher for Line {
    fn step(&mut self, step: Step) {
        self.0.set_length(step.total as u64);
        self.0.set_position((step.done % step.total.max(1)) as u64);
    }

    fn measured(&mut self, _report: &SweepReport) {}
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
