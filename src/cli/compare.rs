//! `haul compare`: its options, and the way from two files to an exit code.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use haul::error::{Error, Result};
use haul::job::Context;
use haul::lab::compare::side::Kind;
use haul::lab::compare::{Comparison, read};

use super::exit::Exit;
use super::output::{output_error, print};
use super::progress::Terminal;
use super::report::comparison::{self, Page};
use super::words::parse_part;

/// Compare two reports of haul sweep or haul disk: what became slower or faster, and what is noise
///
/// OLD and NEW are reports that haul sweep or haul disk wrote in JSON, both of the same, best of the
/// same command on the same machine: what differs around them (machine, data, version) is said.
/// Settings that are in both are compared, each by the ratio of its new median to the old one, with an
/// interval that holds for all of them at once at 95%: of a sweep times, so that +10% is slower, of a
/// disk rates, so that -10% is. A setting is called slower or faster only if its interval leaves out
/// "the same" and the difference is larger than what two runs of the same setting showed in either
/// report; the same only if all of its interval lies within the limit, or else the 5% of the new
/// report; otherwise it is said that nobody can tell. That takes six rounds in both, and one more of
/// two dozen settings and up.
///
///   haul sweep copy disk.img --rounds 20 -o old.json
///   haul sweep copy disk.img --rounds 20 -o new.json
///   haul compare old.json new.json --fail-above 5%
///
///   haul disk /mnt --budget 2m -o before.json
///   haul disk /mnt --budget 2m -o after.json
///   haul compare before.json after.json
#[derive(Debug, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompareArgs {
    /// The report to start from; - is standard input
    pub(crate) old: PathBuf,
    /// The report to compare with it; - is standard input
    pub(crate) new: PathBuf,
    /// Exit 1 if a setting is surely slower by more than this, or if that cannot be told: too few rounds, too much
    /// noise, no setting in both reports. What is surely below it passes whatever the noise
    #[arg(long, value_name = "PERCENT", value_parser = parse_part, allow_hyphen_values = true)]
    pub(crate) fail_above: Option<f64>,
    /// How the comparison on standard output is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ComparisonFormat,
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
}

/// Compares two reports, writes what came of it, and says whether it passes.
pub(crate) fn run(args: &CompareArgs, terminal: &Terminal, context: &Context) -> Result<Exit> {
    let mut sys = context.sys();
    let (old, new) = (read(&mut sys, &args.old)?, read(&mut sys, &args.new)?);
    if old.kind != new.kind {
        let [first, second] = [old.kind, new.kind].map(Kind::name);
        let why = format!("it is of haul {second}, and OLD is of haul {first}: name two of the same");
        return Err(Error::refused("compare", &args.new, why));
    }
    let comparison = Comparison::of(&old, &new, args.fail_above);
    let exceeding = args.fail_above.map(|limit| comparison.exceeding(limit));
    let page = Page { args, old: &old, new: &new, comparison: &comparison, exceeding: exceeding.as_deref() };
    let mut text = Vec::new();
    comparison::write(&page, &mut text).map_err(|error| output_error(Path::new("standard output"), &error))?;
    print(&text)?;
    // A table on a terminal says all of this already.
    if args.format != ComparisonFormat::Table || !std::io::stdout().is_terminal() {
        for warning in page.warnings() {
            terminal.say(&format!("warning: {warning}"));
        }
        for why in exceeding.iter().flatten() {
            terminal.say(why);
        }
    }
    Ok(if exceeding.is_some_and(|why| !why.is_empty()) { Exit::Failed } else { Exit::Done })
}
