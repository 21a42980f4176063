//! What gzip and gunzip share: which files, and what becomes of them.

use std::path::PathBuf;

use serde::Serialize;

use super::Resources;

/// Where a job's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// A file beside each source.
    BesideSource,
    /// All of it, in the order of the arguments, to standard output.
    Stdout,
    /// Nowhere: the input is only tested.
    Nowhere,
}

/// What gzip and gunzip share: which files, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesPlan {
    /// Files and directories; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// Where the result goes.
    pub output: Output,
    /// Keep the source.
    pub keep: bool,
    /// Replace targets that exist, follow symbolic links, take files with several links, use a terminal.
    pub force: bool,
    /// Go into directories.
    pub recursive: bool,
    /// The suffix of compressed files, with its dot: ".gz".
    pub suffix: String,
    /// gzip: store name and time in the header. gunzip: restore them from it.
    pub name: bool,
    /// What the job may use.
    pub resources: Resources,
}

impl FilesPlan {
    /// `inputs`, with everything else as it is where nobody asks for anything.
    pub fn new(inputs: Vec<PathBuf>, resources: Resources) -> Self {
        Self {
            inputs,
            output: Output::BesideSource,
            keep: false,
            force: false,
            recursive: false,
            suffix: ".gz".to_owned(),
            name: false,
            resources,
        }
    }
}
