//! Words → plans. Every usage error is found here, before anything is touched.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use haul::codec::level::Choice;
use haul::error::Error;
use haul::plan::{
    CodecName, CopyPlan, EngineName, FilesPlan, GunzipPlan, GzipPlan, NameList, Output, Patterns, Resources,
    SchedulerName, SweepJob, SweepPlan,
};
use haul::sys::{FileKind, Stop, Sys};
use haul::tree::path::c_path;
use rustix::fs::CWD;
use rustix::io::Errno;

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
        Command::Gunzip(args) => {
            let null = args.files.null;
            lower_gunzip(args.files, null)
        }
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
    // With a list of files, -0 says how that is written.
    let null = args.files.null || (args.level.zero && args.files.files_from.is_some());
    let unpacks = args.decompress || args.files.test;
    if args.keep_smaller && (unpacks || output(&args.files) == Output::Stdout || reads_stdin(&args.files)) {
        return Err(UsageError::new(
            "--keep-smaller compares files with their .gz; -c, -d, -t and standard input have none",
        ));
    }
    if args.keep_smaller && args.files.output_dir.is_some() {
        return Err(UsageError::new("with --keep-smaller, files would be missing in the directory of --output-dir"));
    }
    if unpacks {
        return lower_gunzip(args.files, null);
    }
    let level = if args.files.files_from.is_some() { args.level.level_but_zero() } else { args.level.level() };
    let (codec, block, verify, keep_smaller) = (args.codec.into(), args.block, args.verify, args.keep_smaller);
    Choice::new(codec, level, block).map_err(UsageError::new)?;
    lower_files(args.files, null, true, |files| {
        Work::Gzip(GzipPlan { files, level, codec, block, verify, keep_smaller })
    })
}

fn lower_gunzip(args: FileArgs, null: bool) -> Result<Order, UsageError> {
    lower_files(args, null, false, |files| Work::Gunzip(GunzipPlan::new(files)))
}

fn lower_files(
    mut args: FileArgs,
    null: bool,
    name_by_default: bool,
    work: impl FnOnce(FilesPlan) -> Work,
) -> Result<Order, UsageError> {
    if args.suffix.is_empty() || args.suffix.len() > 30 || args.suffix.contains('/') {
        return Err(UsageError::new("a suffix has 1 to 30 bytes and no '/'"));
    }
    if args.inputs.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(UsageError::new("a path is empty"));
    }
    if args.files_from.is_none() && null {
        return Err(UsageError::new("--null is about the names in --files-from, which is not there"));
    }
    if args.files_from.is_none() && args.inputs.is_empty() {
        args.inputs.push(PathBuf::from("-"));
    }
    let output = output(&args);
    refuse_clashes(&args, output)?;
    let plan = FilesPlan {
        list: args.files_from.map(|path| NameList { path, null }),
        output,
        keep: args.keep || output != Output::BesideSource || args.output_dir.is_some(),
        output_dir: args.output_dir,
        force: args.force,
        update: args.update,
        sync: args.sync,
        recursive: args.recursive,
        one_file_system: args.one_file_system,
        exclude: Patterns::new(args.exclude).map_err(|why| UsageError::new(format!("--exclude: {why}")))?,
        suffix: args.suffix,
        name: if name_by_default { !args.no_name } else { args.name },
        ..FilesPlan::new(args.inputs, resources(&args.common))
    };
    Ok(Order {
        work: work(plan),
        verbosity: Verbosity { quiet: args.quiet, verbose: args.verbose },
        progress: args.common.progress,
        json: args.common.json,
    })
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn reads_stdin(args: &FileArgs) -> bool {
    args.inputs.iter().any(|path| is_stdin(path))
}

fn output(args: &FileArgs) -> Output {
    if args.test {
        Output::Nowhere
    } else if args.stdout || (args.files_from.is_none() && args.inputs.iter().all(|path| is_stdin(path))) {
        Output::Stdout
    } else {
        Output::BesideSource
    }
}

/// Options that contradict each other.
fn refuse_clashes(args: &FileArgs, output: Output) -> Result<(), UsageError> {
    let refused = |why: &str| Err(UsageError::new(why));
    // Among files, standard input goes to standard output all the same.
    let to_stdout = output == Output::Stdout || (output == Output::BesideSource && reads_stdin(args));
    if args.common.json && to_stdout {
        return refused("--json and the data would share standard output; write to files, or leave one out");
    }
    if reads_stdin(args) && args.files_from.as_deref().is_some_and(is_stdin) {
        return refused("standard input cannot be both data and the list of --files-from");
    }
    if args.update && (output != Output::BesideSource || to_stdout) {
        return refused("--update compares with files; -c, -t and standard input make none");
    }
    let Some(directory) = &args.output_dir else { return Ok(()) };
    if output != Output::BesideSource || to_stdout {
        return refused("--output-dir takes files; -c, -t and standard input make none");
    }
    let found = Sys::new(Stop::new()).stat_through(CWD, &c_path(directory));
    let why = match found {
        Ok(found) if found.kind == FileKind::Directory => return Ok(()),
        Ok(_) => Errno::NOTDIR,
        Err(errno) => errno,
    };
    Err(UsageError::new(Error::system("write into", directory, why)))
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
