//! `haul tune`, from its plan to its report.

use std::path::Path;

use haul::error::Result;
use haul::job::Context;
use haul::lab::rounds::Step;
use haul::lab::tune::judge::Advice;
use haul::lab::tune::{self, Phase, Spectator};
use haul::outcome::TuneReport;
use haul::plan::{TuneCase, TunePlan};

use super::args::ProgressChoice;
use super::environment;
use super::output::{ReportFile, output_error};
use super::progress::Terminal;
use super::report::{Format, Output, tune as page};
use super::streams::print;
use super::watching::Line;

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
    // A file that cannot be written is no reason to keep the report from standard output.
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
}
