//! Running an invocation, and saying how it went.

use super::args::Args;
use super::closing_report::{closing_line, pool_line, unfinished_lines};
use super::exit::Exit;
use super::invocation::{Invocation, Job};
use super::listing::{Listing, Row};
use super::options::Generated;
use super::output::{output_error, print};
use super::progress::Terminal;
use super::quote::words_as_typed;
use super::{ask, signals, text, worker};
use clap::CommandFactory;
use haul::error::{Error, Result};
use haul::job::Context;
use haul::lab::report::{Ended, Report};
use haul::pool::workers::process::WorkerProgram;
use haul::summary::Summary;
use haul::{copy, gzip};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Runs an invocation; whatever goes wrong has been said when this returns.
pub(crate) fn run(invocation: &Invocation) -> Exit {
    if let Job::Worker(job) = &invocation.job {
        return worker::run(*job, invocation);
    }
    let (terminal, context) = set_up(invocation);
    let mut listing = None;
    let started = Instant::now();
    let (name, result) = match &invocation.job {
        Job::Copy(plan) => ("copy", copy::run(plan, &context)),
        Job::Gzip(plan) => ("gzip", gzip::gzip(plan, &context)),
        Job::Gunzip(plan) => ("gunzip", gzip::gunzip(plan, &context)),
        Job::List(plan, columns) => {
            let listing = listing.insert(Listing::new(*columns, invocation.json, &terminal));
            ("list", gzip::list(plan, listing.rows(), &context))
        }
        Job::Sweep { plan, delivery } => {
            return measured(&terminal, super::sweep::run(plan, delivery, &context), &context);
        }
        Job::Disk { plan, expected, delivery } => {
            return super::disk::run(plan, expected, delivery, &terminal, &context);
        }
        Job::Tune { plan, delivery } => {
            return measured(&terminal, super::tune::run(plan, delivery, &terminal, &context), &context);
        }
        Job::RunSpec { spec, idle } => {
            return finish(&terminal, super::sweep::run_spec(spec, *idle, &context), &context);
        }
        Job::Worker(_) => unreachable!("it was run before"),
        Job::Compare(args) => {
            return match super::compare::run(args, &terminal, &context) {
                Ok(exit) => exit,
                Err(error) => finish(&terminal, Err(error), &context),
            };
        }
        Job::Generate { what, directory } => {
            return finish(&terminal, generate(*what, directory.as_deref()), &context);
        }
    };
    let wall_ns = started.elapsed().as_nanos() as u64;
    #[cfg(feature = "faults")]
    faults::report(context.faults.as_deref());
    terminal.finish();
    let summary = match result {
        Ok(summary) => summary,
        Err(error) if error.is_interruption() => {
            terminal.say("interrupted; nothing was begun");
            return Exit::Signal(context.stop.signal());
        }
        Err(error) => return finish(&terminal, Err(error), &context),
    };
    say_what_came_of_it(invocation, &summary, wall_ns, &terminal);
    let listed = listing.map_or(Ok(None), |listing| listing.close(&summary));
    let printed =
        listed.and_then(|rows| if invocation.json { print_json(name, &summary, rows, wall_ns) } else { Ok(()) });
    if printed.is_err() {
        return finish(&terminal, printed, &context);
    }
    if repeats_errors(invocation, &summary) {
        terminal.repeat_errors(&summary);
    }
    Exit::of(&summary, &context.stop)
}

/// What a job talks to and what may stop it.
fn set_up(invocation: &Invocation) -> (Arc<Terminal>, Context) {
    let terminal = Terminal::new(invocation.progress, invocation.verbosity);
    let mut context = context(terminal.clone());
    if matches!(&invocation.job, Job::Copy(plan) if plan.existing.ask) {
        context.ask = Some(ask::person(&terminal, &context));
    }
    signals::listen(&context, &terminal);
    signals::outlive_size_limit();
    if let Some(taken) = invocation.taken.as_ref().filter(|_| invocation.verbosity.verbose) {
        terminal.say(taken);
    }
    (terminal, context)
}

/// Says how a job ended, and what is left to do.
fn say_what_came_of_it(invocation: &Invocation, summary: &Summary, wall_ns: u64, terminal: &Terminal) {
    if summary.interrupted {
        let gone = summary.unfinished.is_empty();
        let rest = if gone { "was not finished was taken away" } else { "can be continued is kept" };
        terminal.say(&format!("interrupted; what {rest}"));
    }
    if let Job::Copy(plan) = &invocation.job {
        for line in unfinished_lines(summary, words_as_typed(), plan.resume) {
            terminal.say(&line);
        }
    }
    if invocation.verbosity.verbose {
        if let Some(line) = pool_line(&summary.pool) {
            terminal.say(&line);
        }
        terminal.say(&closing_line(summary, wall_ns));
    }
}

/// Whether errors are said once more. Of copy a single one stands at the end anyway, unless notes are shown too.
fn repeats_errors(invocation: &Invocation, summary: &Summary) -> bool {
    let stands_there = matches!(invocation.job, Job::Copy(_)) && summary.failures < 2 && !invocation.verbosity.verbose;
    !stands_there && !invocation.verbosity.quiet
}

/// The end of a measurement: a report of what was measured until an interruption or a failure is worth having.
pub(super) fn measured(terminal: &Terminal, result: Result<Report>, context: &Context) -> Exit {
    match result {
        Ok(report) if report.ended == Ended::Interrupted => {
            terminal.say("interrupted; the report shows what was measured until then");
            Exit::Signal(context.stop.signal())
        }
        Ok(Report { failure: Some(why), .. }) => {
            terminal.say(&why);
            terminal.say("the report shows what was measured until then");
            Exit::Failed
        }
        other => finish(terminal, other.map(drop), context),
    }
}

/// Says what went wrong, if something did.
fn finish(terminal: &Terminal, result: Result<()>, context: &Context) -> Exit {
    terminal.finish();
    match result {
        Ok(()) => Exit::Done,
        Err(error) if error.is_interruption() => {
            terminal.say("interrupted; nothing was measured yet, so there is no report");
            Exit::Signal(context.stop.signal())
        }
        Err(error) => Exit::of_failure(&error, |line| terminal.say(line)),
    }
}

/// The context of a job; in test builds, with the fault plan that the environment names.
pub(super) fn context(terminal: Arc<Terminal>) -> Context {
    #[allow(unused_mut, reason = "only test builds change it")]
    let mut context = Context::new(terminal);
    context.worker_program = Some(WorkerProgram { path: "/proc/self/exe".into() });
    #[cfg(feature = "faults")]
    {
        context.faults = faults::from_environment();
    }
    context
}

#[derive(serde::Serialize)]
struct JobReport<'a> {
    /// Grows when a field changes its meaning.
    format: u32,
    job: &'a str,
    wall_ns: u64,
    #[serde(flatten)]
    summary: Summary,
    /// A row a file; only of a job that lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    listing: Option<Vec<Row>>,
}

fn print_json(job: &str, summary: &Summary, listing: Option<Vec<Row>>, wall_ns: u64) -> Result<()> {
    let mut summary = summary.clone();
    summary.warnings.iter_mut().for_each(|warning| warning.text = text::warning(warning));
    let text = serde_json::to_vec_pretty(&JobReport { format: 1, job, wall_ns, summary, listing });
    let mut text = text.map_err(|error| Error::refused("write", "standard output", error.to_string()))?;
    text.push(b'\n');
    print(&text)
}

fn generate(what: Generated, directory: Option<&Path>) -> Result<()> {
    let mut command = Args::command();
    let shell = match what {
        Generated::Man => {
            let directory = directory.unwrap_or(Path::new("."));
            command.build();
            return clap_mangen::generate_to(command, directory).map_err(|error| output_error(directory, &error));
        }
        Generated::Bash => clap_complete::Shell::Bash,
        Generated::Zsh => clap_complete::Shell::Zsh,
        Generated::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "haul", &mut script);
    print(&script)
}

#[cfg(feature = "faults")]
mod faults {
    //! Test builds only: the fault plan that the environment asks for. `HAUL_FAULTS` is the plan (see `sys/faults.rs`);
    //! `HAUL_FAULTS_SEEN` a file that gets the number of calls made, so that a test knows how many k there are, and after it
    //! what they were, a letter each.

    use haul::sys::faults::FaultPlan;
    use std::sync::Arc;

    /// The plan, if there is one.
    ///
    /// # Panics
    /// If it makes no sense: a test must not pass because its fault never came.
    pub(crate) fn from_environment() -> Option<Arc<FaultPlan>> {
        let text = std::env::var("HAUL_FAULTS").ok()?;
        Some(Arc::new(text.parse().expect("HAUL_FAULTS")))
    }

    /// Writes down how many calls were made under the plan.
    #[expect(clippy::disallowed_methods, reason = "not part of any job, and not in a release")]
    pub(crate) fn report(plan: Option<&FaultPlan>) {
        if let (Some(plan), Some(path)) = (plan, std::env::var_os("HAUL_FAULTS_SEEN")) {
            let text = format!("{} {}", plan.seen(), plan.kinds());
            std::fs::write(path, text).expect("HAUL_FAULTS_SEEN");
        }
    }
}
