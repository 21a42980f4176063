//! What gzip and gunzip share: which files, and what becomes of them.

use std::path::PathBuf;

use serde::Serialize;

use super::{Patterns, Resources};

/// Where a job's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// A file beside each source, or below [`FilesPlan::output_dir`].
    BesideSource,
    /// All of it, in the order of the arguments, to standard output.
    Stdout,
    /// Nowhere: the input is only tested.
    Nowhere,
    /// Nowhere; but what each file holds is told, in the order of the arguments.
    Listing,
}

/// A file that names further inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameList {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// Names end with a NUL instead of a newline.
    pub null: bool,
}

/// What gzip and gunzip share: which files, and what becomes of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesPlan {
    /// Files and directories; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// More of them, after these.
    pub list: Option<NameList>,
    /// Where the result goes.
    pub output: Output,
    /// An existing directory below which targets are made, instead of beside their sources. Sources are to be kept.
    pub output_dir: Option<PathBuf>,
    /// Keep the source.
    pub keep: bool,
    /// Replace targets that exist, follow symbolic links, take files with several links, use a terminal.
    pub force: bool,
    /// Replace targets that are older than their sources; pass over sources whose targets are not.
    pub update: bool,
    /// A source goes only when its target is durable.
    pub sync: bool,
    /// Go into directories.
    pub recursive: bool,
    /// Stay on the file system of the directory that was named.
    pub one_file_system: bool,
    /// What to pass over.
    pub exclude: Patterns,
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
            list: None,
            output: Output::BesideSource,
            output_dir: None,
            keep: false,
            force: false,
            update: false,
            sync: false,
            recursive: false,
            one_file_system: false,
            exclude: Patterns::default(),
            suffix: ".gz".to_owned(),
            name: false,
            resources,
        }
    }

    /// Whether files are done one after the other, in the order of the arguments.
    pub fn is_in_order(&self) -> bool {
        matches!(self.output, Output::Stdout | Output::Listing)
    }

    /// Whether any data goes to standard output: all of it, or what comes in on standard input, among files.
    pub fn writes_to_stdout(&self) -> bool {
        let among_files = || self.inputs.iter().any(|input| input.as_os_str() == "-");
        self.output == Output::Stdout || (self.output == Output::BesideSource && among_files())
    }
}
