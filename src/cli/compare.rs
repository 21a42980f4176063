//! `haul compare`, from two files to an exit code.

use std::io::IsTerminal;
use std::path::Path;

use haul::error::{Error, Result};
use haul::job::Context;
use haul::lab::compare::side::Kind;
use haul::lab::compare::{Comparison, read};

use super::args::{CompareArgs, ComparisonFormat};
use super::exit::Exit;
use super::output::output_error;
use super::progress::Terminal;
use super::report::comparison::{self, Page};
use super::streams::print;

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
