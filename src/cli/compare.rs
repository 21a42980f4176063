//! `haul compare`: its options, and the way from files to an exit code.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use haul::error::Result;
use haul::job::Context;
use haul::lab::compare::{self, read};
use haul::lab::view::{self, Format, Layout};

use super::exit::Exit;
use super::invocation::{Invocation, Job};
use super::options::UsageError;
use super::output::{output_error, print};
use super::progress::Terminal;
use super::watching::width;
use super::words::parse_part;

/// Compare reports of haul sweep, disk or tune: what became slower or faster, and what is noise
///
/// OLD and NEW are reports in JSON that haul sweep, haul disk or haul tune wrote, best of the same
/// command on the same machine: what differs around them (machine, disk, data, version) is said.
/// Settings that are in both are compared, each by the ratio of its new median to the old one, with an
/// interval that holds for all of them at once at 95%: of a sweep times, so that +10% is slower, of a
/// disk rates, so that -10% is. A setting is called slower or faster only if its interval leaves out
/// "the same" and the difference is larger than what two runs of the same setting showed in either
/// report; the same only if all of its interval lies within the limit, or else the 5% of the new
/// report; otherwise it is said that nobody can tell. That takes six rounds in both, and one more of
/// two dozen settings and up. Of three reports and more each is compared with the first: a trend.
///
///   haul sweep copy disk.img --rounds 20 -o old.json
///   haul sweep copy disk.img --rounds 20 -o new.json
///   haul compare old.json new.json --fail-above 5%
///
///   haul disk /mnt --budget 2m -o may.json
///   haul disk /mnt --budget 2m -o june.json
///   haul disk /mnt --budget 2m -o july.json
///   haul compare may.json june.json july.json
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompareArgs {
    /// The report to start from; - is standard input
    #[arg(value_name = "OLD")]
    pub(crate) first: PathBuf,
    /// The reports to compare with it; - is standard input
    #[arg(value_name = "NEW", required = true)]
    pub(crate) others: Vec<PathBuf>,
    /// Exit 1 if a setting is surely slower by more than this in the last report, or if that cannot be told: too few
    /// rounds, too much noise, no setting in both reports. What is surely below it passes whatever the noise
    #[arg(long, value_name = "PERCENT", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) fail_above: Option<f64>,
    /// How the comparison on standard output is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ComparisonFormat,
    /// Show with a table all warnings and what its columns mean
    #[arg(long)]
    pub(crate) explain: bool,
}

/// How a comparison is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComparisonFormat {
    /// A table for people
    #[default]
    Table,
    /// Everything, for programs
    Json,
    /// A table for GitHub
    Markdown,
    /// A page
    Html,
}

impl CompareArgs {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

pub(super) fn build_compare(args: CompareArgs) -> Result<Invocation, UsageError> {
    let paths: Vec<&PathBuf> = args.paths().collect();
    if let Some((_, twice)) = paths.iter().enumerate().find(|(index, path)| paths[..*index].contains(path)) {
        return Err(UsageError::new(format!("'{}' is named twice: name each report once", twice.display())));
    }
    Ok(Invocation::quiet(Job::Compare(args)))
}

/// Compares reports, writes what came of it, and says whether it passes.
pub(crate) fn run(args: &CompareArgs, terminal: &Terminal, context: &Context) -> Result<Exit> {
    let mut sys = context.sys();
    let named = |path: &PathBuf| Ok((path.display().to_string(), read(&mut sys, path)?));
    let reports = args.paths().map(named).collect::<Result<Vec<_>>>()?;
    let comparison = compare::compare(&reports, args.fail_above)?;
    let failures = args.fail_above.map_or_else(Vec::new, |limit| comparison.exceeding(limit));
    let layout = Layout { width: width(), explain: args.explain, quiet: false };
    let text = view::render_comparison(&comparison, args.fail_above, args.format.into(), layout);
    print(&text.map_err(|error| output_error(Path::new("standard output"), &error))?)?;
    // A table on a terminal says all of this already.
    if args.format != ComparisonFormat::Table || !std::io::stdout().is_terminal() {
        for warning in comparison.warnings() {
            terminal.say(&format!("warning: {warning}"));
        }
        for why in &failures {
            terminal.say(why);
        }
    }
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Failed })
}

impl From<ComparisonFormat> for Format {
    fn from(format: ComparisonFormat) -> Self {
        match format {
            ComparisonFormat::Table => Self::Table,
            ComparisonFormat::Json => Self::Json,
            ComparisonFormat::Markdown => Self::Markdown,
            ComparisonFormat::Html => Self::Html,
        }
    }
}
