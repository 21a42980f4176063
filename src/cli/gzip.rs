//! `haul gzip` and `haul gunzip`: their options, and the plans that these make.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use haul::error::Error;
use haul::plan::{
    Clash, Clashes, CodecName, FileOptions, GunzipOptions, GzipOptions, NameList, Output, Patterns, Range, RouteName,
};
use haul::size::{BufferSize, parse_bytes};
use haul::sys::{FileKind, Stop, Sys};
use haul::tree::path::c_path;
use rustix::fs::CWD;
use rustix::io::Errno;

use super::environment;
use super::invocation::{Invocation, Job};
use super::level::Level;
use super::listing::Columns;
use super::options::{Common, parse_path};
use super::options::{UsageError, resources};
use super::progress::Verbosity;
use super::words::{parse_block, parse_range};

/// Compress files and trees with all cores; one ordinary gzip member out
///
/// Each FILE becomes FILE.gz beside it. The bytes are the same for any number of workers, from a file or a pipe.
///
/// A source is removed only when it was read to its end, is still what it was (size, times, inode), and its .gz has
/// its final name; otherwise it stays and is reported.
#[derive(Debug, ClapArgs)]
#[command(after_help = environment::HELP)]
pub(crate) struct GzipArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    #[command(flatten)]
    pub(crate) level: Level,
    /// Decompress, as gunzip does
    #[arg(short, long, visible_alias = "uncompress")]
    pub(crate) decompress: bool,
    /// Inflate each block again and compare, before it is written
    #[arg(long)]
    pub(crate) verify: bool,
    /// Leave files as they are whose .gz would not be smaller, unless there is an older .gz to replace
    #[arg(long)]
    pub(crate) keep_smaller: bool,
    /// Who compresses; auto: the best for the level and the block
    #[arg(long, value_enum, default_value_t = CodecName::Auto)]
    pub(crate) codec: CodecName,
    /// Bytes one worker compresses as a piece, 32K to 1G; default: 1M, from level 7 on 2M
    #[arg(long, value_name = "SIZE", value_parser = parse_block)]
    pub(crate) block: Option<BufferSize>,
    // Last, since its heading goes for all after it.
    #[command(flatten)]
    pub(crate) unpack: UnpackArgs,
}

/// Decompress any gzip file; never exit 0 on damage
///
/// Each FILE.gz becomes FILE beside it. All members are read; CRC and length are always checked. Zeros after the last
/// member are padding. Anything else there is a failure: what came before is written, and the source is kept.
#[derive(Debug, ClapArgs)]
#[command(after_help = environment::HELP)]
pub(crate) struct GunzipArgs {
    #[command(flatten)]
    pub(crate) files: FileArgs,
    /// What it does anyway; gunzip takes it
    #[arg(short, long, alias = "uncompress", hide = true)]
    _decompress: bool,
    #[command(flatten)]
    pub(crate) unpack: UnpackArgs,
}

impl GzipArgs {
    /// Whether it does what gunzip does.
    pub(crate) const fn unpacks(&self) -> bool {
        self.decompress || self.files.test || self.files.list
    }
}

/// What gzip and gunzip share.
#[derive(Debug, ClapArgs)]
pub(crate) struct FileArgs {
    /// Files and directories; - or none is standard input, to standard output
    #[arg(value_name = "FILE|DIR", value_parser = parse_path())]
    pub(crate) inputs: Vec<PathBuf>,
    /// Write to standard output, in the order of the arguments; keep the sources
    #[arg(short = 'c', long, visible_alias = "to-stdout")]
    pub(crate) stdout: bool,
    /// Keep the sources
    #[arg(short, long)]
    pub(crate) keep: bool,
    /// Make targets below DIR, which must exist, and keep the sources: a/b.log becomes DIR/b.log.gz; with -r, logs
    /// becomes DIR/logs, and what is in logs/. goes to DIR itself
    #[arg(long, value_name = "DIR", value_parser = parse_path())]
    pub(crate) output_dir: Option<PathBuf>,
    /// Replace targets; follow symbolic links; take files with several names; use a terminal for compressed data;
    /// decompressing to standard output, pass through what is not in gzip format
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Make only targets that are missing or older than their source; the sources of the others stay
    #[arg(long)]
    pub(crate) update: bool,
    /// Write target and its name to the disk before the source is removed
    #[arg(long, visible_alias = "synchronous")]
    pub(crate) sync: bool,
    /// Go into directories
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Go into no directory on another file system than the one named
    #[arg(short = 'x', long)]
    pub(crate) one_file_system: bool,
    /// Pass over what matches, as in a .gitignore: by path below the directory named; FILE and DIR themselves by
    /// patterns without a slash. May be repeated
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    pub(crate) exclude: Vec<String>,
    /// Take more files and directories from FILE, one name a line, as it is; - is standard input
    #[arg(long, value_name = "FILE", value_parser = parse_path())]
    pub(crate) files_from: Option<PathBuf>,
    /// Names in --files-from end with a NUL byte, not with a line
    #[arg(long)]
    pub(crate) null: bool,
    /// Test the integrity of compressed files; write nothing
    #[arg(short, long)]
    pub(crate) test: bool,
    /// List sizes, ratio and name of compressed files, of which all is read and checked; with -v also CRC and time, with
    /// -N the stored name and time, with -q neither headline nor totals
    #[arg(short, long)]
    pub(crate) list: bool,
    /// The suffix of compressed files; .gz, .tgz, .taz, .z, -gz, -z and _z are known to gunzip besides
    #[arg(short = 'S', long, value_name = ".SUF", default_value = ".gz")]
    pub(crate) suffix: String,
    /// gzip: do not store name and time. gunzip: do not restore them (its default)
    #[arg(short = 'n', long, overrides_with = "name")]
    pub(crate) no_name: bool,
    /// gzip: store name and time (its default). gunzip: restore them
    #[arg(short = 'N', long, overrides_with = "no_name")]
    pub(crate) name: bool,
    /// Show what became of each file, and a summary
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Leave out warnings, the progress bar and the list of errors at the end; errors stay
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What is about decompressing alone.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Decompressing")]
pub(crate) struct UnpackArgs {
    /// Fail a file out of which more than SIZE comes, and leave nothing of it (with -c, SIZE bytes go out): against bombs
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) max_output: Option<u64>,
    /// How a file is read; auto: what suits its first bytes, and -v says which. The bytes are the same
    #[arg(long, value_enum, default_value_t = RouteName::Auto)]
    pub(crate) route: RouteName,
    /// Write only these bytes of what comes out, to standard output, and keep the sources: 1G:64K, or 1G: for all from
    /// there on; after the end there are none. Read is what is needed: see --index. Damage elsewhere is not looked for
    #[arg(long, value_name = "OFFSET:LENGTH", value_parser = parse_range, allow_hyphen_values = true)]
    pub(crate) range: Option<Range>,
    /// Test each FILE and keep an index of it, FILE.haul-index, which --range then reads by; with --range, make it where
    /// none fits
    #[arg(long)]
    pub(crate) index: bool,
    /// Warn about what follows the last member and is not padding (a signature, say), instead of failing. What was read
    /// is the same, and the sources that have it are kept
    #[arg(long)]
    pub(crate) ignore_trailing: bool,
}

impl UnpackArgs {
    /// Whether nothing was asked for.
    pub(crate) fn is_default(&self) -> bool {
        let is_plain = self.max_output.is_none() && self.route == RouteName::Auto;
        is_plain && self.range.is_none() && !self.index && !self.ignore_trailing
    }
}

pub(super) fn build_gzip(args: GzipArgs) -> Result<Invocation, UsageError> {
    // With a list of files, -0 says how that is written.
    let null = args.files.null || (args.level.zero && args.files.files_from.is_some());
    if args.unpacks() {
        if args.keep_smaller {
            return Err(Clash::KeepSmallerWithoutFiles.into());
        }
        return build_gunzip(args.files, &args.unpack, null);
    }
    if !args.unpack.is_default() {
        return Err(UsageError::new(
            "--route, --max-output, --range, --index and --ignore-trailing are about decompressing: add -d",
        ));
    }
    let level = if args.files.files_from.is_some() { args.level.level_but_zero() } else { args.level.level() };
    let (codec, block, verify, keep_smaller) = (args.codec, args.block, args.verify, args.keep_smaller);
    let (output, name) = (output(&args.files), !args.files.no_name);
    build_files(args.files, output, null, name, |files| {
        Ok(Job::Gzip(GzipOptions { files, level, codec, block, verify, keep_smaller }.plan()?))
    })
}

pub(super) fn build_gunzip(args: FileArgs, unpack: &UnpackArgs, null: bool) -> Result<Invocation, UsageError> {
    let UnpackArgs { route, max_output, range, index, ignore_trailing } = *unpack;
    let is_of_range = range.is_some() || index;
    if is_of_range && args.test {
        return Err(Clash::RangeAndOther.into());
    }
    let output = match output(&args) {
        Output::BesideSource | Output::Stdout if is_of_range && !args.stdout => {
            if range.is_some() {
                Output::Stdout
            } else {
                Output::Nowhere
            }
        }
        typed => typed,
    };
    let plan = |files| GunzipOptions { files, route, max_output, range, index, ignore_trailing }.plan();
    let name = args.name;
    if !args.list {
        return build_files(args, output, null, name, |files| Ok(Job::Gunzip(plan(files)?)));
    }
    let columns = Columns { wide: args.verbose, bare: args.quiet, totals: args.inputs.len() > 1 };
    let mut invocation = build_files(args, output, null, name, |files| Ok(Job::List(plan(files)?, columns)))?;
    // Here -v is about columns: whoever reads them has no use for notes between them.
    invocation.verbosity.verbose = false;
    Ok(invocation)
}

fn build_files(
    mut args: FileArgs,
    output: Output,
    null: bool,
    name: bool,
    job: impl FnOnce(FileOptions) -> Result<Job, Clashes>,
) -> Result<Invocation, UsageError> {
    if args.files_from.is_none() && null {
        return Err(UsageError::new("--null is about the names in --files-from, which is not there"));
    }
    if args.files_from.is_none() && args.inputs.is_empty() {
        args.inputs.push(PathBuf::from("-"));
    }
    let directory = args.output_dir.clone();
    let files = FileOptions {
        inputs: args.inputs,
        list: args.files_from.map(|path| NameList { path, null }),
        output,
        output_dir: args.output_dir,
        keep: args.keep,
        force: args.force,
        update: args.update,
        sync: args.sync,
        recursive: args.recursive,
        one_file_system: args.one_file_system,
        exclude: Patterns::new(args.exclude).map_err(|why| UsageError::new(format!("--exclude: {why}")))?,
        suffix: args.suffix,
        name,
        resources: resources(&args.common),
    };
    if args.common.json && files.writes_to_stdout() {
        return Err(UsageError::new(
            "--json and the data would share standard output; write to files, or leave one out",
        ));
    }
    let job = job(files)?;
    directory.as_deref().map_or(Ok(()), require_directory)?;
    Ok(Invocation {
        job,
        verbosity: Verbosity { quiet: args.quiet, verbose: args.verbose },
        progress: args.common.progress,
        json: args.common.json,
        taken: None,
    })
}

/// Where output goes, but for ranges and indexes.
fn output(args: &FileArgs) -> Output {
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if args.list {
        Output::Listing
    } else if args.test {
        Output::Nowhere
    } else if args.stdout || (args.files_from.is_none() && args.inputs.iter().all(is_stdin)) {
        Output::Stdout
    } else {
        Output::BesideSource
    }
}

fn require_directory(path: &Path) -> Result<(), UsageError> {
    let why = match Sys::new(Stop::new()).stat_through(CWD, &c_path(path)) {
        Ok(found) if found.kind == FileKind::Directory => return Ok(()),
        Ok(_) => Errno::NOTDIR,
        Err(errno) => errno,
    };
    Err(UsageError::new(Error::system("write into", path, why)))
}
