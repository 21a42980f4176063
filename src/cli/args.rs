//! The command line: what was typed, what the environment adds to it, and the invocation that comes of both. Every usage
//! error is found here, or in the file of its command, before anything is touched. The comments are the help.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use haul::error::Escaped;
use haul::lab::subject::job::run_spec::RunSpec;

use super::compare::CompareArgs;
use super::copy::args::CopyArgs;
use super::disk::DiskArgs;
use super::environment::{self, Variable};
use super::exit::Exit;
use super::gzip::{GunzipArgs, GzipArgs};
use super::invocation::{Invocation, Job};
use super::level::spell_out;
use super::options::{Generated, UsageError, WorkerJob};
use super::output::{output_error, print, tell};
use super::sweep::SweepArgs;
use super::tune::TuneArgs;
use super::{compare, copy, disk, gzip, sweep, tune};

/// Copies and gzips files and directories as fast as the hardware allows, loses nothing, and shows why.
///
/// Exit codes: 0 all done; 1 something failed (the rest was still done); 2 the command line makes no sense;
/// after a signal, once it has tidied up, haul dies of it (a shell shows 130, 143 or 129), with no half file under a final
/// name (but haul copy writes a TARGET in place that is a device, a link or has other hard links).
#[derive(Debug, Parser)]
#[command(name = "haul", version, long_version = VERSION.as_str(), max_term_width = 100, args_override_self = true, after_help = environment::HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Copy(CopyArgs),
    Gzip(GzipArgs),
    Gunzip(GunzipArgs),
    Sweep(SweepArgs),
    Disk(DiskArgs),
    Compare(CompareArgs),
    Tune(TuneArgs),
    /// Run a job once with one setting and print the system calls it made: for sweep --verify-counts
    #[command(hide = true)]
    RunSpec {
        /// Print what is printed when nothing was done
        #[arg(long)]
        idle: bool,
        /// The setting, as JSON
        spec: String,
        input: PathBuf,
        target: PathBuf,
    },
    /// Do what a worker of a job asks for on standard input, a socket: for --scheduler processes
    #[command(hide = true)]
    Worker {
        job: WorkerJob,
    },
    /// Write shell completions to standard output, or manual pages into a directory
    #[command(hide = true)]
    Generate {
        what: Generated,
        /// For man: an existing directory
        directory: Option<PathBuf>,
    },
}

/// What `--version` says; `-V` says the number alone.
static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{}\ncodecs: {}", env!("CARGO_PKG_VERSION"), haul::codec::level::built_in()));

/// Makes an invocation of what was typed and of the variable for that command. Help and the version are errors here, as with
/// clap.
pub(crate) fn read(typed: impl IntoIterator<Item = OsString>) -> Result<Invocation, UsageError> {
    let typed = spell_out(Args::command, typed);
    let matches = Args::command().try_get_matches_from(&typed).map_err(|error| without_controls(error, &typed))?;
    let args = Args::from_arg_matches(&matches)?;
    let Some((command, words)) = matches.subcommand() else { return build(args) };
    let invocation = match variable(&args.command) {
        Some(variable) => with_options(variable, words, args, &typed),
        None => build(args),
    };
    invocation.map_err(|why| why.about(Args::command(), command))
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
            Ok(Invocation::quiet(Job::RunSpec { spec: RunSpec { input, target, ..spec }, idle }))
        }
        Command::Worker { job } => Ok(Invocation::quiet(Job::Worker(job))),
        Command::Compare(args) => compare::build_compare(args),
        Command::Tune(args) => tune::build_tune(args),
        Command::Generate { what, directory } => {
            if (what == Generated::Man) != directory.is_some() {
                return Err(UsageError::new("generate man takes a directory; bash, zsh and fish take none"));
            }
            Ok(Invocation::quiet(Job::Generate { what, directory }))
        }
    }
}

/// Says it, and how the program ends: help and the version, which also come this way, go to standard output.
pub(crate) fn tell_usage(error: &UsageError) -> Exit {
    if error.0.use_stderr() {
        // A standard error that is closed is nothing that we could report.
        let _ = error.0.print();
        return Exit::Usage;
    }
    // clap knows colours, and std's standard output takes each write to a closed descriptor for done.
    let printed = if std::io::stdout().is_terminal() {
        error.0.print().map_err(|error| output_error(Path::new("standard output"), &error))
    } else {
        print(error.0.to_string().as_bytes())
    };
    printed.map_or_else(|error| Exit::of_failure(&error, |line| tell(&format!("haul: {line}\n"))), |()| Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_told_with_the_usage_of_its_command() {
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            let said = UsageError::new("it makes no sense").about(Args::command(), name).0.to_string();
            assert!(said.starts_with("error: it makes no sense\n"), "{said}");
            assert!(said.contains(&format!("\nUsage: haul {name} ")), "{said}");
        }
    }
}
