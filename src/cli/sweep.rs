//! `haul sweep`, from its plan to its report.

use std::io::IsTerminal;
use std::path::Path;

use haul::error::{Error, Result};
use haul::job::{Context, sweep};
use haul::plan::SweepPlan;
use haul::sys::Sys;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::fs::{CWD, OFlags};

use super::args::ProgressChoice;
use super::output::output_error;
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
    let file = output.map(|path| open_report(&mut context.sys(), path)).transpose()?;
    let line = progress_line(progress);
    let swept = sweep::run(plan, context, &mut |done, total| {
        line.set_length(total as u64);
        // Drawn here, between runs, and by no thread that would draw during one.
        line.set_position(done as u64);
    });
    line.finish_and_clear();
    let report = swept?;
    let written = match file {
        Some(file) => report::write(&report, format, &mut std::fs::File::from(file)),
        None => report::write(&report, format, &mut std::io::stdout().lock()),
    };
    written.map_err(|error| output_error(output.unwrap_or(Path::new("standard output")), &error))
}

fn open_report(sys: &mut Sys, path: &Path) -> Result<std::os::fd::OwnedFd> {
    let failed = |errno| Error::system("create", path, errno);
    let c_path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes());
    let c_path = c_path.map_err(|_| failed(rustix::io::Errno::INVAL))?;
    sys.openat(CWD, &c_path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, 0o666).map_err(failed)
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
