//! The invocation: what was typed, what the environment adds to it, and what is to be done. Every usage error is found
//! here, or in the file of its command, before anything is touched.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use haul::error::Escaped;
use haul::lab::sweep::run_spec::RunSpec;
use haul::plan::{Clash, Clashes, CopyPlan, DiskPlan, GunzipPlan, GzipPlan, Resources, SweepPlan, TunePlan};

use super::args::{Args, Command, Common, Generated, ProgressChoice};
use super::compare::CompareArgs;
use super::environment::{self, Variable};
use super::exit::Exit;
use super::level::spell_out;
use super::listing::Columns;
use super::output::{output_error, print, tell};
use super::progress::Verbosity;
use super::report::Output;
use super::{copy, disk, gzip, sweep, text, tune};

/// What to do and how to talk about it.
pub(crate) struct Invocation {
    pub(crate) job: Job,
    pub(crate) verbosity: Verbosity,
    pub(crate) progress: ProgressChoice,
    pub(crate) json: bool,
    /// What the environment adds to the words that were typed, to be told with -v.
    pub(crate) taken: Option<String>,
}

/// What to do.
pub(crate) enum Job {
    Copy(CopyPlan),
    Gzip(GzipPlan),
    Gunzip(GunzipPlan),
    List(GunzipPlan, Columns),
    Sweep { plan: SweepPlan, outputs: Vec<Output> },
    Disk { plan: DiskPlan, outputs: Vec<Output> },
    RunSpec { spec: RunSpec, idle: bool },
    Compare(CompareArgs),
    Tune { plan: TunePlan, outputs: Vec<Output> },
    Generate { what: Generated, directory: Option<PathBuf> },
}

/// A command line that makes no sense.
pub(crate) struct UsageError(pub(super) clap::Error);

impl From<clap::Error> for UsageError {
    fn from(error: clap::Error) -> Self {
        Self(error)
    }
}

impl From<Clash> for UsageError {
    fn from(clash: Clash) -> Self {
        Self::new(text::clash(&clash))
    }
}

impl From<Clashes> for UsageError {
    /// The first: as with other programs, one is told at a time.
    fn from(clashes: Clashes) -> Self {
        Self::new(clashes.all().first().map_or_else(|| clashes.to_string(), text::clash))
    }
}

impl UsageError {
    pub(super) fn new(why: impl std::fmt::Display) -> Self {
        let why = why.to_string();
        Self(clap::Error::raw(clap::error::ErrorKind::ValueValidation, Escaped(why.as_ref())))
    }

    /// The same with the usage of this command below it.
    pub(super) fn about(self, command: &str) -> Self {
        let mut all = Args::command();
        // Only then does a command know what its parent is called.
        all.build();
        Self(match all.find_subcommand_mut(command) {
            Some(command) => self.0.format(command),
            None => self.0,
        })
    }

    /// Why, on one line, without what a whole message has around it.
    pub(super) fn reason(&self) -> String {
        let text = self.0.to_string();
        let line = text.lines().next().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line).to_owned()
    }

    /// Says it, and how the program ends: help and the version, which also come this way, go to standard output.
    pub(crate) fn tell(&self) -> Exit {
        if self.0.use_stderr() {
            // A standard error that is closed is nothing that we could report.
            let _ = self.0.print();
            return Exit::Usage;
        }
        // clap knows colours, and std's standard output takes each write to a closed descriptor for done.
        let printed = if std::io::stdout().is_terminal() {
            self.0.print().map_err(|error| output_error(Path::new("standard output"), &error))
        } else {
            print(self.0.to_string().as_bytes())
        };
        printed.map_or_else(|error| Exit::of_failure(&error, |line| tell(&format!("haul: {line}\n"))), |()| Exit::Done)
    }
}

/// Checks a command line and makes an invocation of it.
pub(crate) fn build(args: Args) -> Result<Invocation, UsageError> {
    match args.command {
        Command::Copy(args) => copy::build_copy(args),
        Command::Gzip(args) => gzip::build_gzip(args),
        Command::Gunzip(args) => {
            let null = args.files.null;
            gzip::build_gunzip(args.files, &args.unpack, null)
        }
        Command::Sweep(args) => sweep::build_sweep(args),
        Command::Disk(args) => disk::build_disk(args),
        Command::RunSpec { idle, spec, input, target } => {
            let spec: RunSpec = serde_json::from_str(&spec).map_err(UsageError::new)?;
            Ok(Invocation::quiet(Job::RunSpec { spec: RunSpec { input, target, ..spec }, idle }, ProgressChoice::Never))
        }
        Command::Compare(args) => {
            if args.old == args.new {
                return Err(UsageError::new(format!(
                    "OLD and NEW are both '{}': name two reports",
                    args.old.display()
                )));
            }
            Ok(Invocation::quiet(Job::Compare(args), ProgressChoice::Never))
        }
        Command::Tune(args) => tune::build_tune(args),
        Command::Generate { what, directory } => {
            if (what == Generated::Man) != directory.is_some() {
                return Err(UsageError::new("generate man takes a directory; bash, zsh and fish take none"));
            }
            Ok(Invocation::quiet(Job::Generate { what, directory }, ProgressChoice::Never))
        }
    }
}

impl Invocation {
    pub(super) const fn quiet(job: Job, progress: ProgressChoice) -> Self {
        Self { job, verbosity: Verbosity { quiet: false, verbose: false }, progress, json: false, taken: None }
    }
}

pub(crate) fn or<T>(named: Vec<T>, default: Vec<T>) -> Vec<T> {
    if named.is_empty() { default } else { named }
}

/// The values in their order, each once: measuring one twice would only look like a second setting.
pub(crate) fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    values.into_iter().fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

pub(crate) fn resources(common: &Common) -> Resources {
    Resources {
        buffer: common.buffer,
        workers: Some(common.workers.0),
        scheduler: common.scheduler,
        pool: common.pool.0,
        batch: true,
    }
}

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
    parse(alone, false).map_err(|why| UsageError::new(format!("{name}: {}", why.reason())))?;
    let mut all = typed.to_vec();
    // After the command: what follows may be names only.
    all.splice(2..2, options.iter().map(OsString::from));
    // Whoever set a variable did not choose its engine for this file: where that cannot copy, another engine does.
    let engine_is_preference =
        matches!(args.command, Command::Copy(_)) && matches.value_source("engine") != Some(ValueSource::CommandLine);
    Ok(match parse(all, engine_is_preference) {
        Ok(invocation) => Invocation { taken: Some(format!("{name}: {}", options.join(" "))), ..invocation },
        // A variable is not a reason to refuse what was typed, which may be wrong by itself, though.
        Err(why) => Invocation { taken: Some(format!("{name} is left out: {}", why.reason())), ..build(args)? },
    })
}

fn parse(
    words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    engine_is_preference: bool,
) -> Result<Invocation, UsageError> {
    let mut args = <Args as clap::Parser>::try_parse_from(words)?;
    if let Command::Copy(copy) = &mut args.command {
        copy.moving.engine_is_preference = engine_is_preference;
    }
    build(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_told_with_the_usage_of_its_command() {
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            let said = UsageError::new("it makes no sense").about(name).0.to_string();
            assert!(said.starts_with("error: it makes no sense\n"), "{said}");
            assert!(said.contains(&format!("\nUsage: haul {name} ")), "{said}");
        }
    }
}
