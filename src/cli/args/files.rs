//! What gzip and gunzip share on the command line.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::Common;

/// What gzip and gunzip share.
#[derive(Debug, ClapArgs)]
pub(crate) struct FileArgs {
    /// Files and directories; - or none is standard input, to standard output
    #[arg(value_name = "FILE|DIR")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Write to standard output, in the order of the arguments; keep the sources
    #[arg(short = 'c', long, visible_alias = "to-stdout")]
    pub(crate) stdout: bool,
    /// Keep the sources
    #[arg(short, long)]
    pub(crate) keep: bool,
    /// Replace targets; follow symbolic links; take files with several names; use a terminal for compressed data
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Go into directories
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// Test the integrity of compressed files; write nothing
    #[arg(short, long)]
    pub(crate) test: bool,
    /// The suffix of compressed files
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
    /// Leave out warnings and the progress bar; errors stay
    #[arg(short, long)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}
