//! The plan of a copy: its options, and what in them contradicts what.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::{Clash, Clashes, EngineName, LONGEST_SUFFIX, NameList, Patterns, Resources, SchedulerName};

/// What the name of a tree ends in that is not finished. A dash and a number may follow.
pub(crate) const UNFINISHED_SUFFIX: &str = ".haul-part";

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

/// What becomes of what is not a directory.
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

/// What becomes of targets that exist already and are not directories.
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

impl Default for Keep {
    fn default() -> Self {
        Self::ALL
    }
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
    pub(crate) fn keeps_owner(self) -> bool {
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

/// What a copy is to do. All but sources and target has a default: nothing is left out, existing files are replaced.
///
/// ```
/// use haul::CopyOptions;
/// use haul::plan::{Patterns, Update};
///
/// let mut options = CopyOptions::new(vec!["src".into()], "backup".into());
/// options.exclude = Patterns::new(vec!["*.o".to_owned()])?;
/// options.existing.update = Update::Older;
/// assert!(options.plan().is_ok());
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopyOptions {
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
    /// What becomes of what is not a directory.
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

impl CopyOptions {
    /// `sources` to `target`, with everything else as it is where nobody asks for anything.
    pub fn new(sources: Vec<PathBuf>, target: PathBuf) -> Self {
        Self { sources, target, ..Self::default() }
    }

    /// The plan, or all that makes no sense in these options.
    pub fn plan(self) -> Result<CopyPlan, Clashes> {
        let mut clashes = self.clashes_of_targets();
        clashes.extend(self.clashes_of_contents());
        clashes.extend(self.engine.check(self.resources.buffer).err());
        clashes.extend(self.clash_of_ring());
        clashes.extend(self.resources.check().err());
        Clashes::check(clashes).map(|()| CopyPlan(self))
    }

    /// In an event loop a call that copies by itself would hold up all other files.
    fn clash_of_ring(&self) -> Option<Clash> {
        let is_ring = self.resources.scheduler == SchedulerName::Uring;
        let is_call = matches!(self.engine, EngineName::CopyFileRange | EngineName::Mmap | EngineName::Reflink);
        (is_ring && is_call && !self.engine_is_preference).then_some(Clash::RingAndEngine(self.engine))
    }

    /// What is wrong with where sources go, and with what is there already.
    fn clashes_of_targets(&self) -> Vec<Clash> {
        let Existing { update, ask, remove, in_place, backup, suffix, .. } = &self.existing;
        let exact = self.placing == Placing::Exact;
        let backs_up = *backup != Backup::None;
        let list_is_stdin = self.list.as_ref().is_some_and(|list| list.path == Path::new("-"));
        let is_no_suffix = suffix.is_empty() || suffix.len() > LONGEST_SUFFIX || suffix.contains('/');
        Clashes::among([
            (self.sources.is_empty() && self.list.is_none(), Clash::NoSource),
            (is_no_suffix, Clash::BackupSuffix(suffix.clone())),
            (is_unfinished_tree(suffix.as_bytes()), Clash::UnfinishedSuffix(suffix.clone())),
            (exact && (self.sources.len() > 1 || self.list.is_some()), Clash::ExactTargetOfSeveral),
            (exact && self.parents, Clash::ExactTargetOfPaths),
            (backs_up && matches!(update, Update::None | Update::NoneFail), Clash::BackupOfNothing),
            (*in_place && (*remove || backs_up), Clash::InPlaceAndReplaced),
            (*in_place && self.method != Method::Copy, Clash::InPlaceWithoutContents),
            (*ask && list_is_stdin, Clash::AnswersBesideList),
        ])
    }

    /// What is wrong with what is copied, and how.
    fn clashes_of_contents(&self) -> Vec<Clash> {
        use EngineName::{Auto, CopyFileRange, ReadWrite, Reflink};
        let has_contents = self.method == Method::Copy;
        let shares = self.reflink == When::Always;
        Clashes::among([
            (self.resume && !self.keep.times, Clash::ResumeWithoutTimes),
            (self.verify && !has_contents, Clash::VerifyWithoutContents),
            (self.copy_contents && !has_contents, Clash::SpecialWithoutContents),
            (shares && self.method == Method::AttributesOnly, Clash::ReflinkOfAttributes),
            (shares && self.sparse != When::Auto, Clash::ReflinkAndSparse),
            (shares && !matches!(self.engine, Auto | Reflink), Clash::ReflinkAndEngine),
            (self.reflink == When::Never && matches!(self.engine, Reflink | CopyFileRange), Clash::NoReflinkAndEngine),
            (self.sparse == When::Always && !matches!(self.engine, Auto | ReadWrite), Clash::SparseAndEngine),
        ])
    }
}

/// Options of a copy in which nothing contradicts anything: see [`CopyOptions::plan`]. They can be read, but not
/// changed.
///
/// ```
/// let plan = haul::CopyOptions::new(vec!["a".into()], "b".into()).plan()?;
/// assert_eq!(plan.sources.len(), 1);
/// # Ok::<(), haul::Clashes>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyPlan(CopyOptions);

impl Deref for CopyPlan {
    type Target = CopyOptions;

    fn deref(&self) -> &CopyOptions {
        &self.0
    }
}

/// Whether a name is one that a tree under way has, or had.
pub(crate) fn is_unfinished_tree(name: &[u8]) -> bool {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let numbered = (digits > 0).then(|| name[..name.len() - digits].strip_suffix(b"-")).flatten();
    numbered.unwrap_or(name).ends_with(UNFINISHED_SUFFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PoolChoice;

    type Change = fn(&mut CopyOptions);

    fn clashes(change: Change) -> Vec<Clash> {
        let mut options = CopyOptions::new(vec!["a".into()], "b".into());
        change(&mut options);
        options.plan().map_or_else(|clashes| clashes.all().to_vec(), |_| vec![])
    }

    #[test]
    fn what_contradicts_itself_makes_no_plan() {
        let table: [(Change, &[Clash]); 19] = [
            (|_| (), &[]),
            (|all| all.sources.clear(), &[Clash::NoSource]),
            (|all| (all.placing, all.sources) = (Placing::Exact, vec!["a".into(); 2]), &[Clash::ExactTargetOfSeveral]),
            (|all| (all.placing, all.parents) = (Placing::Exact, true), &[Clash::ExactTargetOfPaths]),
            (
                |all| (all.existing.update, all.existing.backup) = (Update::NoneFail, Backup::Simple),
                &[Clash::BackupOfNothing],
            ),
            (|all| (all.existing.in_place, all.existing.remove) = (true, true), &[Clash::InPlaceAndReplaced]),
            (
                |all| {
                    all.existing.ask = true;
                    all.list = Some(NameList { path: "-".into(), null: false });
                },
                &[Clash::AnswersBesideList],
            ),
            (|all| (all.resume, all.keep.times) = (true, false), &[Clash::ResumeWithoutTimes]),
            (|all| (all.reflink, all.sparse) = (When::Always, When::Never), &[Clash::ReflinkAndSparse]),
            (|all| (all.reflink, all.engine) = (When::Always, EngineName::Mmap), &[Clash::ReflinkAndEngine]),
            (|all| (all.reflink, all.engine) = (When::Never, EngineName::Reflink), &[Clash::NoReflinkAndEngine]),
            (|all| (all.sparse, all.engine) = (When::Always, EngineName::CopyFileRange), &[Clash::SparseAndEngine]),
            (
                |all| (all.resources.scheduler, all.engine) = (SchedulerName::Uring, EngineName::Mmap),
                &[Clash::RingAndEngine(EngineName::Mmap)],
            ),
            (|all| (all.resources.scheduler, all.engine) = (SchedulerName::Uring, EngineName::Direct), &[]),
            (|all| (all.resources.pool, all.resources.pool_overflow) = (PoolChoice::Off, 1), &[Clash::NoPool]),
            (|all| all.existing.suffix.clear(), &[Clash::BackupSuffix(String::new())]),
            (|all| all.method = Method::AttributesOnly, &[]),
            // All of them, in the order in which they were looked for.
            (
                |all| {
                    all.method = Method::AttributesOnly;
                    (all.verify, all.copy_contents, all.existing.in_place) = (true, true, true);
                    all.reflink = When::Always;
                },
                &[
                    Clash::InPlaceWithoutContents,
                    Clash::VerifyWithoutContents,
                    Clash::SpecialWithoutContents,
                    Clash::ReflinkOfAttributes,
                ],
            ),
            (
                |all| {
                    all.existing.suffix = ".haul-part-2".to_owned();
                    all.engine = EngineName::Direct;
                    all.resources.buffer = Some("5000".parse().unwrap());
                },
                &[Clash::UnfinishedSuffix(".haul-part-2".to_owned()), Clash::PartialPages("5000".parse().unwrap())],
            ),
        ];
        for (number, (change, expected)) in table.into_iter().enumerate() {
            assert_eq!(clashes(change), expected, "row {number}");
        }
    }

    #[test]
    fn several_clashes_are_told_in_one_line() {
        let options = CopyOptions { parents: true, placing: Placing::Exact, ..CopyOptions::default() };
        let said = options.plan().unwrap_err().to_string();
        assert!(said.starts_with("there is nothing to copy; the paths of sources"), "{said}");
    }
}
