//! The invocation: what was typed, and what the environment adds to it.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use haul::error::Escaped;
use haul::plan::EngineName;

use super::args::{Args, Command};
use super::environment::{self, Variable};
use super::level::spell_out;
use super::plans::{Invocation, Job, UsageError, build};

/// Makes an invocation of what was typed and of the variable for that command. Help and the version are errors here, as with
/// clap.
pub(crate) fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Invocation, UsageError> {
    let typed = spell_out(typed);
    let matches = Args::command().try_get_matches_from(&typed).map_err(|error| without_controls(error, &typed))?;
    let args = Args::from_arg_matches(&matches)?;
    let Some((command, words)) = matches.subcommand() else { return build(args) };
    let invocation = match variable(&args.command) {
        Some(variable) => with_options(variable, words, args, &typed),
        None => build(args),
    };
    invocation.map_err(|why| why.about(command))
}

/// clap repeats words in its messages as they are, and what is in one must not steer a terminal: so it is asked what is
/// wrong with the same words as everywhere else they are shown.
fn without_controls(error: clap::Error, typed: &[OsString]) -> UsageError {
    let shown: Vec<_> = typed.iter().map(|word| OsString::from(Escaped(word).to_string())).collect();
    match Args::command().try_get_matches_from(&shown) {
        Err(error) => error.into(),
        Ok(_) => UsageError::new(UsageError::from(error).reason()),
    }
}

/// The variable that a command takes options from: gzip is gunzip where it unpacks. A measurement takes none.
fn variable(command: &Command) -> Option<&'static Variable> {
    match command {
        Command::Copy(_) => Some(&environment::COPY),
        Command::Gzip(args) if !args.unpacks() => Some(&environment::GZIP),
        Command::Gzip(_) | Command::Gunzip(_) => Some(&environment::GUNZIP),
        _ => None,
    }
}

/// The invocation with the options of a variable before what was typed; without them where they contradict what was typed.
fn with_options(
    variable: &Variable,
    matches: &ArgMatches,
    args: Args,
    typed: &[OsString],
) -> Result<Invocation, UsageError> {
    let name = variable.name;
    let options = variable.words().map_err(UsageError::new)?;
    if options.is_empty() {
        return build(args);
    }
    // A variable that is wrong by itself is refused, whatever was typed. copy needs two names.
    let alone = ["haul", variable.command, "SOURCE", "TARGET"].into_iter().chain(options.iter().map(String::as_str));
    parse(alone).map_err(|why| UsageError::new(format!("{name}: {}", why.reason())))?;
    let mut all = typed.to_vec();
    // After the command: what follows may be names only.
    all.splice(2..2, options.iter().map(OsString::from));
    let mut invocation = match parse(all) {
        Ok(invocation) => Invocation { taken: Some(format!("{name}: {}", options.join(" "))), ..invocation },
        // A variable is not a reason to refuse what was typed, which may be wrong by itself, though.
        Err(why) => Invocation { taken: Some(format!("{name} is left out: {}", why.reason())), ..build(args)? },
    };
    // Whoever set a variable did not choose its engine for this file: where that cannot copy, another engine does.
    if let Job::Copy(plan) = &mut invocation.job
        && matches.value_source("engine") != Some(ValueSource::CommandLine)
    {
        plan.engine_is_preference = plan.engine != EngineName::Auto;
    }
    Ok(invocation)
}

fn parse(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Invocation, UsageError> {
    <Args as clap::Parser>::try_parse_from(words).map_err(UsageError::from).and_then(build)
}
