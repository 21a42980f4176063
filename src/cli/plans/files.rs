//! gzip and gunzip.

use std::path::{Path, PathBuf};

use haul::codec::level::Choice;
use haul::error::Error;
use haul::plan::{FilesPlan, GunzipPlan, GzipPlan, NameList, Output, Patterns};
use haul::sys::{FileKind, Stop, Sys};
use haul::tree::path::c_path;
use rustix::fs::CWD;
use rustix::io::Errno;

use super::{Invocation, Job, UsageError, resources};
use crate::cli::args::{FileArgs, GzipArgs, UnpackArgs};
use crate::cli::listing::Columns;
use crate::cli::progress::Verbosity;

pub(super) fn build_gzip(args: GzipArgs) -> Result<Invocation, UsageError> {
    // With a list of files, -0 says how that is written.
    let null = args.files.null || (args.level.zero && args.files.files_from.is_some());
    let unpacks = args.unpacks();
    if args.keep_smaller && (unpacks || output(&args.files) == Output::Stdout || reads_stdin(&args.files)) {
        return Err(UsageError::new(
            "--keep-smaller compares files with their .gz; -c, -d, -l, -t and standard input have none",
        ));
    }
    if args.keep_smaller && args.files.output_dir.is_some() {
        return Err(UsageError::new("with --keep-smaller, files would be missing in the directory of --output-dir"));
    }
    if unpacks {
        return build_gunzip(args.files, &args.unpack, null);
    }
    if !args.unpack.is_default() {
        return Err(UsageError::new(
            "--route, --max-output, --range, --index and --ignore-trailing are about decompressing: add -d",
        ));
    }
    let level = if args.files.files_from.is_some() { args.level.level_but_zero() } else { args.level.level() };
    let (codec, block, verify, keep_smaller) = (args.codec, args.block, args.verify, args.keep_smaller);
    Choice::new(codec, level, block).map_err(UsageError::new)?;
    build_files(args.files, null, true, |files| {
        Job::Gzip(GzipPlan { files, level, codec, block, verify, keep_smaller })
    })
}

pub(super) fn build_gunzip(mut args: FileArgs, unpack: &UnpackArgs, null: bool) -> Result<Invocation, UsageError> {
    let UnpackArgs { max_output, range, index, ignore_trailing, .. } = *unpack;
    if range.is_some() || index {
        refuse_beside_ranges(&args, unpack)?;
        args.stdout = range.is_some();
        args.test = range.is_none();
    }
    let route = unpack.route;
    let plan = |files| GunzipPlan { files, route, max_output, range, index, ignore_trailing };
    if !args.list {
        return build_files(args, null, false, |files| Job::Gunzip(plan(files)));
    }
    let columns = Columns { wide: args.verbose, bare: args.quiet, totals: args.inputs.len() > 1 };
    let mut invocation = build_files(args, null, false, |files| Job::List(plan(files), columns))?;
    // Here -v is about columns: whoever reads them has no use for notes between them.
    invocation.verbosity.verbose = false;
    Ok(invocation)
}

/// What makes no sense with --range and --index.
fn refuse_beside_ranges(args: &FileArgs, unpack: &UnpackArgs) -> Result<(), UsageError> {
    let refused = |why: &str| Err(UsageError::new(why));
    if args.test || args.list || args.update || args.output_dir.is_some() {
        return refused(
            "--range and --index list nothing, make no files to update or to put elsewhere, and --index tests anyway",
        );
    }
    if unpack.index && (reads_stdin(args) || (args.inputs.is_empty() && args.files_from.is_none())) {
        return refused("--index is kept beside a file; standard input has no place");
    }
    if args.stdout && unpack.range.is_none() {
        return refused("--index alone writes no data; --range 0: does");
    }
    if unpack.max_output.is_some() && unpack.range.is_some() {
        return refused("--max-output is about whole files; what --range writes is as long as it says");
    }
    Ok(())
}

fn build_files(
    mut args: FileArgs,
    null: bool,
    name_by_default: bool,
    job: impl FnOnce(FilesPlan) -> Job,
) -> Result<Invocation, UsageError> {
    if args.suffix.is_empty() || args.suffix.len() > 30 || args.suffix.contains('/') {
        return Err(UsageError::new("a suffix has 1 to 30 bytes and no '/'"));
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
    Ok(Invocation {
        job: job(plan),
        verbosity: Verbosity { quiet: args.quiet, verbose: args.verbose },
        progress: args.common.progress,
        json: args.common.json,
        taken: None,
    })
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn reads_stdin(args: &FileArgs) -> bool {
    args.inputs.iter().any(|path| is_stdin(path))
}

fn output(args: &FileArgs) -> Output {
    if args.list {
        Output::Listing
    } else if args.test {
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
        return refused("--update compares with files; -c, -l, -t and standard input make none");
    }
    let Some(directory) = &args.output_dir else { return Ok(()) };
    if output != Output::BesideSource || to_stdout {
        return refused("--output-dir takes files; -c, -l, -t and standard input make none");
    }
    let found = Sys::new(Stop::new()).stat_through(CWD, &c_path(directory));
    let why = match found {
        Ok(found) if found.kind == FileKind::Directory => return Ok(()),
        Ok(_) => Errno::NOTDIR,
        Err(errno) => errno,
    };
    Err(UsageError::new(Error::system("write into", directory, why)))
}
