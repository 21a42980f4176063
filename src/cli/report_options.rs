//! Options of every command that measures: where its report goes, and how much of it is shown.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use haul::lab::view::Format;

use super::options::{ProgressChoice, UsageError};
use super::output::outputs;

/// Where reports go.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReportOptions {
    /// How the report is written; default: as the name of its file says, else as a table
    #[arg(long, value_enum, help_heading = "Report")]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Report")]
    json: bool,
    /// Write the report here instead of standard output, in the format that the name ends in (.txt .csv .json .md
    /// .html). May be given several times; - is standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Report")]
    output: Vec<PathBuf>,
    /// Write the rate over time here, as CSV: a line for each part of each run
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    timeline: Option<PathBuf>,
    /// Show with a table what files always have: what columns mean, how it was measured, the machine, all warnings
    #[arg(long, help_heading = "Report")]
    explain: bool,
    /// Print the answer alone, without tables
    #[arg(short, long, help_heading = "Report", conflicts_with = "explain")]
    quiet: bool,
    /// Leave out the host's name, the serial number of the disk and the UUID of the file system; a hash of them stays, by
    /// which haul compare still knows them
    #[arg(long, help_heading = "Report")]
    pub(crate) anonymous: bool,
    /// A progress line on standard error, between runs; auto: if that is a terminal
    #[arg(long, value_enum, default_value_t = ProgressChoice::Auto, help_heading = "Report")]
    progress: ProgressChoice,
}

/// One report to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// Where; `None` is standard output.
    pub(crate) path: Option<PathBuf>,
}

/// What becomes of a report.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) outputs: Vec<Output>,
    /// On standard output a table has all that files have.
    pub(crate) explain: bool,
    /// On standard output a table is the answer alone.
    pub(crate) quiet: bool,
    pub(crate) progress: ProgressChoice,
}

impl ReportOptions {
    /// What they come to; or why they make no sense.
    pub(super) fn delivery(self) -> Result<Delivery, UsageError> {
        let format = if self.json { Some(Format::Json) } else { self.format };
        let mut outputs = outputs(self.output, format)?;
        outputs.extend(self.timeline.map(|path| Output { format: Format::Timeline, path: Some(path) }));
        let progress = if self.quiet { ProgressChoice::Never } else { self.progress };
        Ok(Delivery { outputs, explain: self.explain, quiet: self.quiet, progress })
    }
}
