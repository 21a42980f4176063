//! What gzip and gunzip share on the command line.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use haul::plan::{Range, RouteName};
use haul::size::parse_bytes;

use super::{Common, parse_path};
use crate::cli::words::parse_range;

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
