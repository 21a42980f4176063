//! The plans of gzip and gunzip: which files, what becomes of them, and what in their options contradicts what.

use std::ops::{self, Deref, RangeInclusive};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Clash, Clashes, LONGEST_SUFFIX, Patterns, Resources, SchedulerName};
use crate::size::BufferSize;

/// The highest level. zlib and ISA-L end earlier.
pub const HIGHEST_LEVEL: u32 = 12;
/// The level when none is asked for.
pub const DEFAULT_LEVEL: u32 = 6;

/// Who compresses.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default, clap::ValueEnum, strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum CodecName {
    /// The best for the level and the block.
    #[default]
    Auto,
    /// Intel's ISA-L: the fastest; level 1 only, and not in every build.
    Isal,
    /// Whole blocks; levels 0 to 12.
    Libdeflate,
    /// zlib-rs, with what precedes a block as dictionary: for small blocks; levels 1 to 9.
    Zlib,
}

impl CodecName {
    /// Every codec; `Auto` chooses among them.
    pub const ALL: [Self; 3] = [Self::Isal, Self::Libdeflate, Self::Zlib];

    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its levels.
    pub const fn levels(self) -> RangeInclusive<u32> {
        match self {
            Self::Isal => 1..=1,
            Self::Zlib => 1..=9,
            Self::Libdeflate | Self::Auto => 0..=HIGHEST_LEVEL,
        }
    }

    /// The same in words: "levels 1 to 9".
    pub(super) fn levels_in_words(self) -> String {
        let levels = self.levels();
        let (first, last) = (levels.start(), levels.end());
        if first == last { format!("level {first}") } else { format!("levels {first} to {last}") }
    }

    /// Whether it is there, and has this level.
    pub fn check(self, level: u32) -> Result<(), Clash> {
        if !self.levels().contains(&level) {
            return Err(Clash::Level { codec: self, level });
        }
        if self == Self::Isal && !cfg!(feature = "isal") { Err(Clash::NotBuilt(self)) } else { Ok(()) }
    }
}

/// Where a job's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// A file beside each source, or below [`FileOptions::output_dir`].
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
///
/// ```
/// use haul::FileOptions;
/// use haul::plan::Output;
///
/// let files = FileOptions { recursive: true, keep: true, ..FileOptions::new(vec!["logs".into()]) };
/// assert_eq!((files.output, &*files.suffix), (Output::BesideSource, ".gz"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// Files and directories; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// More of them, after these.
    pub list: Option<NameList>,
    /// Where the result goes.
    pub output: Output,
    /// An existing directory below which targets are made, instead of beside their sources. Sources are kept.
    pub output_dir: Option<PathBuf>,
    /// Keep the source. A plan keeps all whose targets are not beside them.
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

impl FileOptions {
    /// `inputs`, with everything else as it is where nobody asks for anything.
    pub fn new(inputs: Vec<PathBuf>) -> Self {
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
            resources: Resources::default(),
        }
    }

    /// Whether files are done one after the other, in the order of the arguments.
    pub(crate) fn is_in_order(&self) -> bool {
        matches!(self.output, Output::Stdout | Output::Listing)
    }

    /// Whether any data goes to standard output: all of it, or what comes in on standard input, among files.
    pub fn writes_to_stdout(&self) -> bool {
        self.output == Output::Stdout || (self.output == Output::BesideSource && self.reads_stdin())
    }

    /// Whether standard input is among the inputs.
    fn reads_stdin(&self) -> bool {
        self.inputs.iter().any(|input| input.as_os_str() == "-")
    }

    /// What is wrong with them.
    fn clashes(&self) -> Vec<Clash> {
        let list_is_stdin = self.list.as_ref().is_some_and(|list| list.path.as_os_str() == "-");
        let is_no_suffix = self.suffix.is_empty() || self.suffix.len() > LONGEST_SUFFIX || self.suffix.contains('/');
        let makes_files = self.makes_files();
        let clashes = Clashes::among([
            (is_no_suffix, Clash::Suffix),
            (self.reads_stdin() && list_is_stdin, Clash::DataBesideList),
            (self.update && !makes_files, Clash::UpdateWithoutFiles),
            (self.output_dir.is_some() && !makes_files, Clash::DirectoryWithoutFiles),
            (self.resources.scheduler == SchedulerName::Uring, Clash::RingForCodec),
        ]);
        clashes.into_iter().chain(self.resources.check().err()).collect()
    }

    /// Whether each input becomes a file.
    fn makes_files(&self) -> bool {
        self.output == Output::BesideSource && !self.reads_stdin()
    }

    /// A source goes only where a file beside it takes its place.
    fn keep_sources(&mut self) {
        self.keep |= self.output != Output::BesideSource || self.output_dir.is_some();
    }
}

impl Default for FileOptions {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// What gzip is to do.
///
/// ```
/// use haul::{Clash, FileOptions, GzipOptions};
///
/// let files = FileOptions::new(vec!["log".into()]);
/// let options = GzipOptions { files, level: 12, ..GzipOptions::default() };
/// assert!(options.clone().plan().is_ok());
/// let clashes = GzipOptions { level: 13, ..options }.plan().unwrap_err();
/// assert!(matches!(clashes.all(), [Clash::Level { level: 13, .. }]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GzipOptions {
    /// Which files, and what becomes of them.
    pub files: FileOptions,
    /// 0 (stored), 1 (fast) to 12 (small).
    pub level: u32,
    /// Who compresses.
    pub codec: CodecName,
    /// Bytes compressed as one piece, by one worker; `None` is what suits the level.
    pub block: Option<BufferSize>,
    /// Inflate each block again and compare, before it is written.
    pub verify: bool,
    /// Make no target that would not be smaller than its source.
    pub keep_smaller: bool,
}

impl GzipOptions {
    /// The plan, or all that makes no sense in these options.
    pub fn plan(mut self) -> Result<GzipPlan, Clashes> {
        let mut clashes = Clashes::among([
            (self.keep_smaller && !self.files.makes_files(), Clash::KeepSmallerWithoutFiles),
            (self.keep_smaller && self.files.output_dir.is_some(), Clash::KeepSmallerElsewhere),
            (matches!(self.files.output, Output::Nowhere | Output::Listing), Clash::CompressedNowhere),
        ]);
        clashes.extend(self.codec.check(self.level).err());
        clashes.extend(self.files.clashes());
        self.files.keep_sources();
        Clashes::check(clashes).map(|()| GzipPlan(self))
    }
}

impl Default for GzipOptions {
    fn default() -> Self {
        Self {
            files: FileOptions::default(),
            level: DEFAULT_LEVEL,
            codec: CodecName::Auto,
            block: None,
            verify: false,
            keep_smaller: false,
        }
    }
}

/// Options of gzip in which nothing contradicts anything: see [`GzipOptions::plan`]. They can be read, but not
/// changed.
///
/// ```
/// let plan = haul::GzipOptions::default().plan()?;
/// assert_eq!(plan.level, 6);
/// # Ok::<(), haul::Clashes>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GzipPlan(GzipOptions);

impl Deref for GzipPlan {
    type Target = GzipOptions;

    fn deref(&self) -> &GzipOptions {
        &self.0
    }
}

/// How a compressed file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Default, clap::ValueEnum, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum RouteName {
    /// What suits the first bytes of the file.
    #[default]
    Auto,
    /// One read, one inflate, one write.
    Small,
    /// All workers, where the file has pieces that can be read on their own: haul's, those of pigz -i, BGZF, many members.
    Pieces,
    /// One worker inflates, others check and write.
    Pipeline,
    /// One worker, one buffer after the other.
    Stream,
}

impl RouteName {
    /// Every route; `Auto` chooses among them.
    pub const ALL: [Self; 4] = [Self::Small, Self::Pieces, Self::Pipeline, Self::Stream];

    /// The name users type.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Some of the bytes that come out of a file. Those after its end do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Bytes before them.
    pub offset: u64,
    /// How many; `None` is all that follow.
    pub length: Option<u64>,
}

impl Range {
    /// The same from the first to one past the last.
    pub const fn bytes(self) -> ops::Range<u64> {
        let end = match self.length {
            Some(length) => self.offset.saturating_add(length),
            None => u64::MAX,
        };
        self.offset..end
    }
}

/// What gunzip is to do.
///
/// ```
/// use haul::plan::{Output, Range};
/// use haul::{FileOptions, GunzipOptions};
///
/// // The second kilobyte of what comes out, to standard output.
/// let files = FileOptions { output: Output::Stdout, ..FileOptions::new(vec!["log.gz".into()]) };
/// let range = Some(Range { offset: 1024, length: Some(1024) });
/// let plan = GunzipOptions { files, range, ..GunzipOptions::default() }.plan()?;
/// # assert!(plan.files.keep);
/// # Ok::<(), haul::Clashes>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GunzipOptions {
    /// Which files, and what becomes of them.
    pub files: FileOptions,
    /// How they are read.
    pub route: RouteName,
    /// The most bytes that one of them may become.
    pub max_output: Option<u64>,
    /// What of each goes to standard output; `None` is all of it, to where [`FileOptions::output`] says.
    pub range: Option<Range>,
    /// Keep an index beside each file, by which a range of it is found; where a range is wanted, only if there is none
    /// that fits.
    pub index: bool,
    /// What follows the last member and is not padding is warned about only, instead of a failure.
    pub ignore_trailing: bool,
}

impl GunzipOptions {
    /// The plan, or all that makes no sense in these options.
    pub fn plan(mut self) -> Result<GunzipPlan, Clashes> {
        let mut clashes = self.clashes_of_ranges();
        clashes.extend(self.files.clashes());
        self.files.keep_sources();
        Clashes::check(clashes).map(|()| GunzipPlan(self))
    }

    /// A range goes to standard output; an index alone comes of a test.
    fn clashes_of_ranges(&self) -> Vec<Clash> {
        let Self { files, range, index, .. } = self;
        if range.is_none() && !index {
            return Vec::new();
        }
        let is_other = match files.output {
            Output::Stdout => false,
            Output::Nowhere => range.is_some(),
            Output::BesideSource | Output::Listing => true,
        };
        Clashes::among([
            (is_other || files.update || files.output_dir.is_some(), Clash::RangeAndOther),
            (*index && files.reads_stdin(), Clash::IndexOfStdin),
            (range.is_none() && files.output == Output::Stdout, Clash::IndexAndData),
            (range.is_some() && self.max_output.is_some(), Clash::LimitOfRange),
        ])
    }
}

/// Options of gunzip in which nothing contradicts anything: see [`GunzipOptions::plan`]. They can be read, but not
/// changed.
///
/// ```
/// let plan = haul::GunzipOptions::default().plan()?;
/// assert!(!plan.ignore_trailing);
/// # Ok::<(), haul::Clashes>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GunzipPlan(GunzipOptions);

impl Deref for GunzipPlan {
    type Target = GunzipOptions;

    fn deref(&self) -> &GunzipOptions {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PoolChoice;

    fn found<P>(plan: Result<P, Clashes>) -> Vec<Clash> {
        plan.map_or_else(|clashes| clashes.all().to_vec(), |_| vec![])
    }

    #[test]
    fn what_contradicts_itself_makes_no_plan_of_gzip() {
        type Change = fn(&mut GzipOptions);
        let table: [(Change, &[Clash]); 12] = [
            (|_| (), &[]),
            (|all| all.files.output = Output::Nowhere, &[Clash::CompressedNowhere]),
            (|all| all.files.output = Output::Listing, &[Clash::CompressedNowhere]),
            (|all| all.keep_smaller = true, &[]),
            (|all| (all.keep_smaller, all.files.output) = (true, Output::Stdout), &[Clash::KeepSmallerWithoutFiles]),
            (|all| (all.keep_smaller, all.files.output_dir) = (true, Some("d".into())), &[Clash::KeepSmallerElsewhere]),
            (|all| (all.codec, all.level) = (CodecName::Zlib, 0), &[Clash::Level { codec: CodecName::Zlib, level: 0 }]),
            (
                |all| (all.files.resources.pool, all.files.resources.pool_overflow) = (PoolChoice::Off, 1),
                &[Clash::NoPool],
            ),
            (|all| all.level = 13, &[Clash::Level { codec: CodecName::Auto, level: 13 }]),
            (|all| all.files.suffix = "a/b".to_owned(), &[Clash::Suffix]),
            (
                |all| {
                    all.files.inputs.push("-".into());
                    all.files.list = Some(NameList { path: "-".into(), null: false });
                },
                &[Clash::DataBesideList],
            ),
            // All of them, in the order in which they were looked for.
            (
                |all| {
                    (all.files.inputs, all.files.output_dir) = (vec!["-".into()], Some("d".into()));
                    (all.keep_smaller, all.files.update, all.level) = (true, true, 99);
                },
                &[
                    Clash::KeepSmallerWithoutFiles,
                    Clash::KeepSmallerElsewhere,
                    Clash::Level { codec: CodecName::Auto, level: 99 },
                    Clash::UpdateWithoutFiles,
                    Clash::DirectoryWithoutFiles,
                ],
            ),
        ];
        for (number, (change, expected)) in table.into_iter().enumerate() {
            let mut options = GzipOptions { files: FileOptions::new(vec!["a".into()]), ..GzipOptions::default() };
            change(&mut options);
            assert_eq!(found(options.plan()), expected, "row {number}");
        }
    }

    #[test]
    fn what_contradicts_itself_makes_no_plan_of_gunzip() {
        type Change = fn(&mut GunzipOptions);
        let table: [(Change, Output, &[Clash]); 9] = [
            (|_| (), Output::BesideSource, &[]),
            (|all| all.index = true, Output::Nowhere, &[]),
            (|all| (all.index, all.files.inputs) = (true, vec!["-".into()]), Output::Nowhere, &[Clash::IndexOfStdin]),
            (|all| all.index = true, Output::Stdout, &[Clash::IndexAndData]),
            (|all| all.index = true, Output::Listing, &[Clash::RangeAndOther]),
            (|all| all.range = Some(RANGE), Output::Stdout, &[]),
            (|all| (all.range, all.index) = (Some(RANGE), true), Output::Stdout, &[]),
            (|all| all.range = Some(RANGE), Output::BesideSource, &[Clash::RangeAndOther]),
            (
                |all| (all.range, all.max_output, all.files.update) = (Some(RANGE), Some(1), true),
                Output::Stdout,
                &[Clash::RangeAndOther, Clash::LimitOfRange, Clash::UpdateWithoutFiles],
            ),
        ];
        for (number, (change, output, expected)) in table.into_iter().enumerate() {
            let files = FileOptions { output, ..FileOptions::new(vec!["a".into()]) };
            let mut options = GunzipOptions { files, ..GunzipOptions::default() };
            change(&mut options);
            assert_eq!(found(options.plan()), expected, "row {number}");
        }
    }

    const RANGE: Range = Range { offset: 0, length: None };

    #[test]
    fn a_source_goes_only_where_a_file_beside_it_takes_its_place() {
        for (output, output_dir, keep) in [
            (Output::BesideSource, None, false),
            (Output::BesideSource, Some("d".into()), true),
            (Output::Stdout, None, true),
            (Output::Nowhere, None, true),
        ] {
            let files = FileOptions { output, output_dir, ..FileOptions::new(vec!["a".into()]) };
            let options = GunzipOptions { files: files.clone(), ..GunzipOptions::default() };
            assert_eq!(options.plan().unwrap().files.keep, keep, "gunzip, {output:?}");
            if output != Output::Nowhere {
                let options = GzipOptions { files, ..GzipOptions::default() };
                assert_eq!(options.plan().unwrap().files.keep, keep, "gzip, {output:?}");
            }
        }
    }
}
