//! The command line and what the environment adds to it → an order.

use std::ffi::{OsStr, OsString};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use haul::error::Escaped;
use haul::plan::EngineName;

use super::args::{Args, Command};
use super::environment::{self, Wish};
use super::level::spell_out;
use super::lower::{Order, UsageError, Work, lower};

/// What a name stands for that is not known yet: options are looked at by themselves, and copy wants two names.
const NAMES: [&str; 2] = ["SOURCE", "TARGET"];

/// Makes an order of what was typed, and of `variable`, the value of [`environment::NAME`]. Help and the version are
/// errors here, as with clap.
pub(crate) fn order(typed: impl IntoIterator<Item = OsString>, variable: Option<&OsStr>) -> Result<Order, UsageError> {
    let typed = spell_out(typed);
    let matches = Args::command().try_get_matches_from(&typed).map_err(|error| without_controls(error, &typed))?;
    let args = Args::from_arg_matches(&matches)?;
    let Some((command, words)) = matches.subcommand() else { return lower(args) };
    let variable = variable.filter(|value| !value.is_empty()).zip(taker(&args.command));
    let order = match variable {
        Some((value, taker)) => with(value, taker, words, args, &typed),
        None => lower(args),
    };
    order.map_err(|why| why.about(command))
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

/// Whose options a command takes: gzip is gunzip where it unpacks. A measurement takes none.
fn taker(command: &Command) -> Option<&'static str> {
    match command {
        Command::Copy(_) => Some(environment::COPY),
        Command::Gzip(args) if !args.unpacks() => Some(environment::GZIP),
        Command::Gzip(_) | Command::Gunzip(_) => Some(environment::GUNZIP),
        _ => None,
    }
}

/// The order with what the environment wishes for this command, as far as nothing else was typed.
fn with(
    variable: &OsStr,
    command: &str,
    words: &ArgMatches,
    args: Args,
    typed: &[OsString],
) -> Result<Order, UsageError> {
    let wishes = environment::wishes(variable, command).map_err(UsageError::new)?;
    check(command, &wishes)?;
    let is_typed = |wish: &Wish| words.value_source(wish.option) == Some(ValueSource::CommandLine);
    let (overridden, wishes): (Vec<Wish>, Vec<Wish>) = wishes.into_iter().partition(is_typed);
    let (mut order, used, left_out) = match together(typed, &wishes) {
        Ok(order) => (order, wishes, None),
        // A wish is no reason to refuse what somebody typed; but that may be wrong by itself.
        Err(why) => {
            let without = lower(args)?;
            let (order, used) = with_most(typed, &wishes).unwrap_or((without, vec![]));
            let left_out = wishes.into_iter().filter(|wish| !used.contains(wish)).collect();
            (order, used, Some((left_out, why)))
        }
    };
    prefer_engine(&mut order.work, &used);
    order.taken = taken(&used, &overridden, left_out);
    Ok(order)
}

/// What the typed words and these wishes come to.
fn together(typed: &[OsString], wishes: &[Wish]) -> Result<Order, UsageError> {
    let mut words = typed.to_vec();
    // Right behind the command: what follows may be names only.
    words.splice(2..2, wishes.iter().map(|wish| wish.word().into()));
    parse(&words).and_then(lower)
}

/// Leaves out the fewest wishes that keep the others from what was typed. There are but half a dozen options.
fn with_most(typed: &[OsString], wishes: &[Wish]) -> Option<(Order, Vec<Wish>)> {
    let mut choices: Vec<u32> = (1..1 << wishes.len()).collect();
    choices.sort_by_key(|choice| std::cmp::Reverse(choice.count_ones()));
    choices.into_iter().find_map(|choice| {
        let chosen = wishes.iter().enumerate().filter(|(place, _)| choice & (1 << place) != 0);
        let chosen: Vec<Wish> = chosen.map(|(_, wish)| wish.clone()).collect();
        Some((together(typed, &chosen).ok()?, chosen))
    })
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
fn taken(used: &[Wish], overridden: &[Wish], left_out: Option<(Vec<Wish>, UsageError)>) -> Option<String> {
    let list = |wishes: &[Wish]| wishes.iter().map(Wish::text).collect::<Vec<_>>().join(" ");
    let of = |wishes: &[Wish], said: String| (!wishes.is_empty()).then_some(said);
    let used = of(used, list(used));
    let overridden = of(overridden, format!("not {}: typed otherwise", list(overridden)));
    let left_out = left_out.map(|(wishes, why)| format!("not {}: {}", list(&wishes), why.reason()));
    let said: Vec<String> = used.into_iter().chain(overridden).chain(left_out).collect();
    (!said.is_empty()).then(|| format!("{}: {}", environment::NAME, said.join("; ")))
}
