//! copy's plan.

use std::path::PathBuf;

use super::{EngineName, NameList, Patterns, Resources};

/// How the target is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placing {
    /// An existing directory takes the sources by their names; else it is the new name of the one source.
    #[default]
    Auto,
    /// It is a directory, and takes the sources (`-t`).
    Into,
    /// It is the name of the one source, also where a directory has it (`-T`).
    Exact,
}

/// Which symbolic links are followed in the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follow {
    /// None: links are copied as links (`-P`).
    #[default]
    Never,
    /// Those that the user named (`-H`).
    Named,
    /// All (`-L`).
    Always,
}

/// What becomes of what is no directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// It is copied.
    #[default]
    Copy,
    /// The target becomes another name of the source (`-l`).
    HardLink,
    /// The target becomes a symbolic link to the source (`-s`).
    Symlink,
    /// Only its attributes are copied; a target that exists keeps its content (`--attributes-only`).
    AttributesOnly,
}

/// Which targets that exist already are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Update {
    /// All of them; the default.
    #[default]
    All,
    /// None; what would replace them is passed over.
    None,
    /// None; each is an error.
    NoneFail,
    /// Those older than their source; the others are passed over.
    Older,
}

/// What becomes of a file that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backup {
    /// It goes.
    #[default]
    None,
    /// `NAME~`.
    Simple,
    /// `NAME.~1~`, `NAME.~2~` and so on.
    Numbered,
    /// Numbered where there are numbered ones already, else simple.
    Existing,
}

/// What becomes of targets that exist already and are no directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Existing {
    /// Which are replaced.
    pub update: Update,
    /// A person is asked about each that would be (`-i`).
    pub ask: bool,
    /// One that cannot be opened for writing in place is replaced (`-f`).
    pub force: bool,
    /// None is written in place: what was there goes, be it a link or a device (`--remove-destination`).
    pub remove: bool,
    /// Every regular file is written in place, and keeps its identity (`--inplace`).
    pub in_place: bool,
    /// What becomes of what is replaced.
    pub backup: Backup,
    /// What simple backups end in.
    pub suffix: String,
    /// A symbolic link to a directory is taken for that directory (`--keep-directory-symlink`).
    pub keep_directory_symlink: bool,
}

impl Default for Existing {
    fn default() -> Self {
        Self {
            update: Update::All,
            ask: false,
            force: false,
            remove: false,
            in_place: false,
            backup: Backup::None,
            suffix: "~".to_owned(),
            keep_directory_symlink: false,
        }
    }
}

/// Whether something is preserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreserveLevel {
    /// Not at all.
    No,
    /// Where the file system and the user's rights allow it.
    IfPossible,
    /// Without it the copy has failed.
    Required,
}

/// What a copy keeps beside the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Permission bits and ACLs.
    pub mode: bool,
    /// Owner and group.
    pub owner: PreserveLevel,
    /// Times of access and of content, to the nanosecond.
    pub times: bool,
    /// Several names of one file stay that.
    pub links: bool,
    /// Extended attributes, but for ACLs and `security.selinux`.
    pub xattrs: PreserveLevel,
    /// `security.selinux`.
    pub context: PreserveLevel,
}

impl Keep {
    /// Everything.
    pub const ALL: Self = Self {
        mode: true,
        owner: PreserveLevel::IfPossible,
        times: true,
        links: true,
        xattrs: PreserveLevel::IfPossible,
        context: PreserveLevel::IfPossible,
    };

    /// Whether the owner is.
    pub fn keeps_owner(&self) -> bool {
        self.owner != PreserveLevel::No
    }
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum When {
    /// Where it can be done.
    #[default]
    Auto,
    /// Everywhere, or it is a failure.
    Always,
    /// Nowhere.
    Never,
}

/// When targets are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Durable {
    /// When the kernel writes them.
    #[default]
    None,
    /// Each before it gets its final name.
    File,
    /// All, once, at the end.
    End,
}

/// `haul copy SOURCE... TARGET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyPlan {
    /// What to copy.
    pub sources: Vec<PathBuf>,
    /// More of it, after these.
    pub list: Option<NameList>,
    /// Where to.
    pub target: PathBuf,
    /// How that is meant.
    pub placing: Placing,
    /// A source's whole path is made below the target (`--parents`).
    pub parents: bool,
    /// Which symbolic links are followed.
    pub follow: Follow,
    /// Stay on the file system of the directory that was named.
    pub one_file_system: bool,
    /// What to pass over.
    pub exclude: Patterns,
    /// What becomes of what is no directory.
    pub method: Method,
    /// FIFOs and devices are read as files are, instead of being created (`--copy-contents`).
    pub copy_contents: bool,
    /// What becomes of what is there already.
    pub existing: Existing,
    /// What is kept beside the bytes.
    pub keep: Keep,
    /// How bytes move.
    pub engine: EngineName,
    /// What the engine cannot copy, another may; otherwise it is that engine or a failure.
    pub engine_is_preference: bool,
    /// Whether targets share blocks with their sources. With `Never`, no engine that could is used.
    pub reflink: When,
    /// Whether zeros become holes: with `Auto`, where the source has holes.
    pub sparse: When,
    /// Targets are read back and compared with their sources before they get their final names.
    pub verify: bool,
    /// When targets are made durable.
    pub durable: Durable,
    /// An earlier copy that did not come to its end is continued.
    pub resume: bool,
    /// Seconds by which times may differ and pass for the same; below 0 no nanosecond. Without it, what the target's file
    /// system cannot tell apart is the same.
    pub modify_window: Option<i64>,
    /// Nothing is done; what would be is told.
    pub dry_run: bool,
    /// What the job may use.
    pub resources: Resources,
}

impl CopyPlan {
    /// `sources` to `target`, with everything else as it is where nobody asks for anything.
    pub fn new(sources: Vec<PathBuf>, target: PathBuf, resources: Resources) -> Self {
        Self {
            sources,
            list: None,
            target,
            placing: Placing::Auto,
            parents: false,
            follow: Follow::Never,
            one_file_system: false,
            exclude: Patterns::default(),
            method: Method::Copy,
            copy_contents: false,
            existing: Existing::default(),
            keep: Keep::ALL,
            engine: EngineName::Auto,
            engine_is_preference: false,
            reflink: When::Auto,
            sparse: When::Auto,
            verify: false,
            durable: Durable::None,
            resume: false,
            modify_window: None,
            dry_run: false,
            resources,
        }
    }
}
