//! Reasons why options make no plan: choices that contradict each other, choices without what they need, values that
//! nothing can be done with. They name no options of a command line.

use super::{CodecName, EngineName};
use crate::size::BufferSize;

/// One reason why options make no plan.
///
/// ```
/// use haul::{Clash, CopyOptions};
///
/// let clashes = CopyOptions { parents: true, ..CopyOptions::default() }.plan().unwrap_err();
/// assert_eq!(clashes.all(), [Clash::NoSource]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// A copy has neither a source nor a list of them.
    #[error("there is nothing to copy")]
    NoSource,
    /// The exact name of a target, for several sources.
    #[error("the exact name of a target is for one source")]
    ExactTargetOfSeveral,
    /// The exact name of a target, and the paths of sources below it.
    #[error("the paths of sources are made below a directory, which an exact name is not")]
    ExactTargetOfPaths,
    /// Backups where nothing is replaced.
    #[error("where nothing is replaced there is nothing to back up")]
    BackupOfNothing,
    /// Files that are written in place, and removed or backed up before.
    #[error("what is written in place is neither removed nor backed up before")]
    InPlaceAndReplaced,
    /// Writing in place by a method that writes no contents.
    #[error("what is written in place gets contents, and the method copies none")]
    InPlaceWithoutContents,
    /// Questions to a person, and a list of sources, that both need standard input.
    #[error("answers and the list of sources would both come from standard input")]
    AnswersBesideList,
    /// Continuing a copy that keeps no times.
    #[error("what an earlier copy did is known by its times, which are not kept")]
    ResumeWithoutTimes,
    /// Comparing contents that are not copied.
    #[error("contents are compared, and the method copies none")]
    VerifyWithoutContents,
    /// Reading special files whose contents are not copied.
    #[error("special files are read, and the method copies no contents")]
    SpecialWithoutContents,
    /// Sharing the blocks of files of which only attributes are copied.
    #[error("blocks are shared, and the method copies only attributes")]
    ReflinkOfAttributes,
    /// Sharing blocks, and making or filling holes.
    #[error("shared blocks keep their holes as they are")]
    ReflinkAndSparse,
    /// Sharing blocks by an engine that moves bytes.
    #[error("blocks are shared, and the engine moves bytes")]
    ReflinkAndEngine,
    /// An engine that shares blocks, where none may be shared.
    #[error("no blocks may be shared, and the engine shares them")]
    NoReflinkAndEngine,
    /// Looking for zeros by an engine that sees no bytes.
    #[error("zeros become holes, and the engine sees none")]
    SparseAndEngine,
    /// A suffix that no backup can have.
    #[error("'{0}' is not a suffix for backups")]
    BackupSuffix(String),
    /// A suffix by which a backup would look like a tree that is not finished.
    #[error("'{0}' is how unfinished files are named")]
    UnfinishedSuffix(String),
    /// A buffer that the engine direct cannot move.
    #[error("the engine direct moves whole pages: {0} is not a multiple of 4K")]
    PartialPages(BufferSize),
    /// An engine that an `io_uring` has no operations for.
    #[error("an io_uring reads and writes, and the engine {} does neither", .0.name())]
    RingAndEngine(EngineName),
    /// An `io_uring` for what is bound by the processor.
    #[error(
        "compressing and decompressing wait for the processor, not for files: an io_uring has nothing to gain there"
    )]
    RingForCodec,
    /// An overflow of a pool, or a limit on waiting for it, where there is none.
    #[error("without a pool nothing overflows, and nobody waits")]
    NoPool,
    /// A comparison of sizes where no target has a size.
    #[error("sources can be kept for their size only where each has a file beside it")]
    KeepSmallerWithoutFiles,
    /// Sources that are left as they are, and so are missing in another directory.
    #[error("sources that are kept for their size would be missing in the other directory")]
    KeepSmallerElsewhere,
    /// A level that the codec does not have.
    #[error("{} has {}, not {level}", codec.name(), codec.levels_in_words())]
    Level {
        /// The codec that was chosen.
        codec: CodecName,
        /// The level that was asked for.
        level: u32,
    },
    /// A codec that this build does not have.
    #[error("this haul was built without {}", .0.name())]
    NotBuilt(CodecName),
    /// A suffix that no compressed file can have.
    #[error("a suffix has 1 to 30 bytes and no '/'")]
    Suffix,
    /// Standard input as data and as the list of files.
    #[error("standard input cannot be both data and the list of files")]
    DataBesideList,
    /// A comparison with files where none are made.
    #[error("targets can be compared with their sources only where files are made")]
    UpdateWithoutFiles,
    /// A directory for files where none are made.
    #[error("a directory for targets takes files, and none are made")]
    DirectoryWithoutFiles,
    /// Compressing, and only testing or listing, which is for what is compressed already.
    #[error("what is tested or listed is compressed already")]
    CompressedNowhere,
    /// A range or an index, and something else to do than to write the range to standard output, or to test.
    #[error("a range goes to standard output, an index comes of a test; neither makes other files or lists any")]
    RangeAndOther,
    /// An index of standard input.
    #[error("an index is kept beside a file, and standard input has no place")]
    IndexOfStdin,
    /// An index, and all the data.
    #[error("an index alone writes no data; a range of all of it does")]
    IndexAndData,
    /// A limit on whole files, of which a range is written.
    #[error("a limit is about whole files, and a range is as long as it says")]
    LimitOfRange,
}

/// All reasons why options make no plan; at least one.
///
/// ```
/// use haul::CopyOptions;
/// use haul::plan::When;
///
/// let options = CopyOptions { reflink: When::Always, sparse: When::Always, ..CopyOptions::default() };
/// let clashes = options.plan().unwrap_err();
/// assert_eq!(clashes.all().len(), 2);
/// assert_eq!(clashes.to_string(), "there is nothing to copy; shared blocks keep their holes as they are");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Clashes(Vec<Clash>);

impl Clashes {
    /// The reasons of a table that hold.
    pub(super) fn among<const N: usize>(table: [(bool, Clash); N]) -> Vec<Clash> {
        table.into_iter().filter(|(holds, _)| *holds).map(|(_, clash)| clash).collect()
    }

    /// An error, if there are any.
    pub(super) fn check(all: Vec<Clash>) -> Result<(), Self> {
        if all.is_empty() { Ok(()) } else { Err(Self(all)) }
    }

    /// All of them, the plainest first.
    pub fn all(&self) -> &[Clash] {
        &self.0
    }
}
