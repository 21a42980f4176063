//! Words → plans. Every usage error is found here, before anything is touched.

use std::path::PathBuf;

use clap::CommandFactory;
use haul::codec::level::Choice;
use haul::plan::{
    CodecName, CopyPlan, EngineName, FilesPlan, GunzipPlan, GzipPlan, Output, Resources, SchedulerName, SweepJob,
    SweepPlan,
};

use super::args::{
    Args, Codec, Command, Common, CopyArgs, Engine, FileArgs, Generated, GzipArgs, Job, ProgressChoice, Scheduler,
    SweepArgs,
};
use super::progress::Verbosity;
use super::quote::command_line;
use super::report::Format;

/// What to do and how to talk about it.
pub(crate) struct Order {
    pub(crate) work: Work,
    pub(crate) verbosity: Verbosity,
    pub(crate) progress: ProgressChoice,
    pub(crate) json: bool,
}

/// What to do.
pub(crate) enum Work {
    Copy(CopyPlan),
    Gzip(GzipPlan),
    Gunzip(GunzipPlan),
    Sweep { plan: SweepPlan, format: Format, output: Option<PathBuf> },
    Generate { what: Generated, directory: Option<PathBuf> },
}

/// A command line that makes no sense.
pub(crate) struct UsageError(clap::Error);

impl UsageError {
    fn new(why: impl std::fmt::Display) -> Self {
        Self(Args::command().error(clap::error::ErrorKind::ValueValidation, why))
    }

    pub(crate) fn print(&self) {
        // A standard error that is closed is nothing that we could report.
        let _ = self.0.print();
    }
}

/// Checks a command line and makes an order of it.
pub(crate) fn lower(args: Args) -> Result<Order, UsageError> {
    match args.command {
        Command::Copy(args) => lower_copy(args),
        Command::Gzip(args) => lower_gzip(args),
        Command::Gunzip(args) => lower_gunzip(args.files),
        Command::Sweep(args) => lower_sweep(args),
        Command::Generate { what, directory } => {
            if (what == Generated::Man) != directory.is_some() {
                return Err(UsageError::new("generate man takes a directory; bash, zsh and fish take none"));
            }
            Ok(Order::quiet(Work::Generate { what, directory }, ProgressChoice::Never))
        }
    }
}

impl Order {
    const fn quiet(work: Work, progress: ProgressChoice) -> Self {
        Self { work, verbosity: Verbosity { quiet: false, verbose: false }, progress, json: false }
    }
}

fn lower_copy(mut args: CopyArgs) -> Result<Order, UsageError> {
    let target = args.paths.pop().ok_or_else(|| UsageError::new("a target is missing"))?;
    if args.paths.iter().chain([&target]).any(|path| path.as_os_str().is_empty()) {
        return Err(UsageError::new("a path is empty"));
    }
    let resources = resources(&args.common);
    let plan = CopyPlan { sources: args.paths, target, engine: args.engine.into(), resources };
    Ok(Order {
        work: Work::Copy(plan),
        verbosity: Verbosity { quiet: false, verbose: args.verbose },
        progress: args.common.progress,
        json: args.common.json,
    })
}

fn lower_gzip(args: GzipArgs) -> Result<Order, UsageError> {
    if args.decompress || args.files.test {
        return lower_gunzip(args.files);
    }
    let (level, codec, block, verify) = (args.level.level(), args.codec.into(), args.block, args.verify);
    Choice::new(codec, level, block).map_err(UsageError::new)?;
    lower_files(args.files, true, |files| Work::Gzip(GzipPlan { files, level, codec, block, verify }))
}

fn lower_gunzip(args: FileArgs) -> Result<Order, UsageError> {
    lower_files(args, false, |files| Work::Gunzip(GunzipPlan { files }))
}

fn lower_files(
    mut args: FileArgs,
    name_by_default: bool,
    work: impl FnOnce(FilesPlan) -> Work,
) -> Result<Order, UsageError> {
    if args.suffix.is_empty() || args.suffix.len() > 30 || args.suffix.contains('/') {
        return Err(UsageError::new("a suffix has 1 to 30 bytes and no '/'"));
    }
    if args.inputs.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(UsageError::new("a path is empty"));
    }
    if args.inputs.is_empty() {
        args.inputs.push(PathBuf::from("-"));
    }
    let only_stdin = args.inputs.iter().all(|path| path.as_os_str() == "-");
    let output = if args.test {
        Output::Nowhere
    } else if args.stdout || only_stdin {
        Output::Stdout
    } else {
        Output::BesideSource
    };
    if args.common.json && output == Output::Stdout {
        return Err(UsageError::new(
            "--json and the data would share standard output; write to files, or leave one out",
        ));
    }
    let plan = FilesPlan {
        inputs: args.inputs,
        output,
        keep: args.keep || output != Output::BesideSource,
        force: args.force,
        recursive: args.recursive,
        suffix: args.suffix,
        name: if name_by_default { !args.no_name } else { args.name },
        resources: resources(&args.common),
    };
    Ok(Order {
        work: work(plan),
        verbosity: Verbosity { quiet: args.quiet, verbose: args.verbose },
        progress: args.common.progress,
        json: args.common.json,
    })
}

fn lower_sweep(args: SweepArgs) -> Result<Order, UsageError> {
    let plan = SweepPlan {
        job: match args.job {
            Job::Copy => SweepJob::Copy,
            Job::Gzip => SweepJob::Gzip,
            Job::Gunzip => SweepJob::Gunzip,
        },
        source: args.source,
        scratch: args.scratch,
        buffers: distinct(args.buffers.into_iter().flat_map(|list| list.0)),
        workers: distinct(args.workers.into_iter().map(|count| count.0)),
        schedulers: distinct(args.scheduler.into_iter().map(SchedulerName::from)),
        engines: distinct(args.engine.into_iter().map(EngineName::from)),
        pools: distinct(args.pool.into_iter().map(|pool| pool.0)),
        levels: distinct(args.level),
        codec: args.codec.into(),
        block: args.block,
        rounds: args.rounds,
        seed: args.seed,
        command: command_line(words_as_typed()),
    };
    for level in &plan.levels {
        Choice::new(plan.codec, *level, plan.block).map_err(UsageError::new)?;
    }
    Ok(Order::quiet(Work::Sweep { plan, format: args.format, output: args.output }, args.progress))
}

/// The command line, with the program by its name: where it lies says nothing about a run.
fn words_as_typed() -> impl Iterator<Item = std::ffi::OsString> {
    std::iter::once("haul".into()).chain(std::env::args_os().skip(1))
}

/// The values in their order, each once: measuring one twice would only look like a second setting.
fn distinct<T: PartialEq>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    values.into_iter().fold(Vec::new(), |mut seen, value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
        seen
    })
}

fn resources(common: &Common) -> Resources {
    Resources {
        buffer: common.buffer,
        workers: common.workers.0,
        scheduler: common.scheduler.into(),
        pool: common.pool.0,
    }
}

impl From<Engine> for EngineName {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Auto => Self::Auto,
            Engine::ReadWrite => Self::ReadWrite,
            Engine::CopyFileRange => Self::CopyFileRange,
            Engine::Mmap => Self::Mmap,
        }
    }
}

impl From<Codec> for CodecName {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::Auto => Self::Auto,
            Codec::Isal => Self::Isal,
            Codec::Libdeflate => Self::Libdeflate,
            Codec::Zlib => Self::Zlib,
        }
    }
}

impl From<Scheduler> for SchedulerName {
    fn from(scheduler: Scheduler) -> Self {
        match scheduler {
            Scheduler::Serial => Self::Serial,
            Scheduler::Channel => Self::Channel,
            Scheduler::Rayon => Self::Rayon,
        }
    }
}
