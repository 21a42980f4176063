//! The command line and what the environment adds to it → an order.

use std::ffi::{OsStr, OsString};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use haul::plan::EngineName;

use super::args::Args;
use super::environment::{self, Wish};
use super::level::spell_out;
use super::lower::{Order, UsageError, Work, lower};

/// What a name stands for that is not known yet: options are looked at by themselves, and copy wants two names.
const NAMES: [&str; 2] = ["SOURCE", "TARGET"];

/// Makes an order of what was typed, and of `variable`, the value of [`environment::NAME`]. Ends the program where clap
/// does: with help, with the version, and with what is wrong with the words that were typed.
pub(crate) fn order(typed: impl IntoIterator<Item = OsString>, variable: Option<&OsStr>) -> Result<Order, UsageError> {
    let typed = spell_out(typed);
    let matches = Args::command().get_matches_from(&typed);
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let Some((command, words)) = matches.subcommand() else { return lower(args) };
    let order = match variable.filter(|value| !value.is_empty() && environment::is_for(command)) {
        Some(value) => with(value, command, words, args, typed),
        None => lower(args),
    };
    order.map_err(|why| why.about(command))
}

/// The order with what the environment wishes for this command, as far as nothing else was typed.
fn with(
    variable: &OsStr,
    command: &str,
    words: &ArgMatches,
    args: Args,
    mut typed: Vec<OsString>,
) -> Result<Order, UsageError> {
    let wishes = environment::wishes(variable, command).map_err(UsageError::new)?;
    check(command, &wishes)?;
    let is_typed = |wish: &Wish| words.value_source(wish.option) == Some(ValueSource::CommandLine);
    let (overridden, used): (Vec<Wish>, Vec<Wish>) = wishes.into_iter().partition(is_typed);
    // Right behind the command: what follows may be names only.
    typed.splice(2..2, used.iter().map(|wish| wish.word().into()));
    let (mut order, left_out) = match parse(&typed).and_then(lower) {
        Ok(order) => (order, None),
        // A wish is no reason to refuse what somebody typed.
        Err(why) => (lower(args)?, Some(why)),
    };
    if left_out.is_none() {
        prefer_engine(&mut order.work, &used);
    }
    order.taken = taken(&used, &overridden, left_out.as_ref());
    Ok(order)
}

/// Refuses what makes no sense whatever is typed beside it.
fn check(command: &str, wishes: &[Wish]) -> Result<(), UsageError> {
    let words = wishes.iter().map(Wish::word);
    let words = ["haul", command].map(str::to_owned).into_iter().chain(words).chain(NAMES.map(str::to_owned));
    let words: Vec<OsString> = words.map(OsString::from).collect();
    let checked = parse(&words).and_then(lower);
    checked.map(drop).map_err(|why| UsageError::new(format!("{}: {}", environment::NAME, why.reason())))
}

fn parse(words: &[OsString]) -> Result<Args, UsageError> {
    <Args as clap::Parser>::try_parse_from(words).map_err(UsageError::from)
}

/// Has another engine copy what the one that was wished for cannot: who set a variable some day did not mean this file.
fn prefer_engine(work: &mut Work, used: &[Wish]) {
    if let Work::Copy(plan) = work
        && used.iter().any(|wish| wish.option == "engine")
    {
        plan.engine_is_wish = plan.engine != EngineName::Auto;
    }
}

/// What there is to say of the variable; nothing where it holds nothing for this command.
fn taken(used: &[Wish], overridden: &[Wish], left_out: Option<&UsageError>) -> Option<String> {
    let list = |wishes: &[Wish]| wishes.iter().map(Wish::text).collect::<Vec<_>>().join(" ");
    let (name, words) = (environment::NAME, list(used));
    let also = if overridden.is_empty() { String::new() } else { format!("not {}: typed otherwise", list(overridden)) };
    match (left_out, used, overridden) {
        (_, [], []) => None,
        (_, [], _) => Some(format!("{name}: {also}")),
        (Some(why), ..) => Some(format!("{name}: not {words}: {}", why.reason())),
        (None, _, []) => Some(format!("{name}: {words}")),
        (None, ..) => Some(format!("{name}: {words}; {also}")),
    }
}
