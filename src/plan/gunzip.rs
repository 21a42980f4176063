//! gunzip's plan.

use std::ops;

use serde::Serialize;

use super::FilesPlan;

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

/// Some of the bytes that come out of a file. Those after its end are none.
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

/// `haul gunzip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GunzipPlan {
    /// Which files, and what becomes of them.
    pub files: FilesPlan,
    /// How they are read.
    pub route: RouteName,
    /// The most bytes that one of them may become.
    pub max_output: Option<u64>,
    /// What of each goes to standard output; `None` is all of it, to where [`FilesPlan::output`] says.
    pub range: Option<Range>,
    /// Keep an index beside each file, by which a range of it is found; where a range is wanted, only if there is none
    /// that fits.
    pub index: bool,
    /// What follows the last member and is not padding is warned about only, instead of a failure.
    pub ignore_trailing: bool,
}

impl GunzipPlan {
    /// `files`, each by the route that suits it.
    pub const fn new(files: FilesPlan) -> Self {
        Self { files, route: RouteName::Auto, max_output: None, range: None, index: false, ignore_trailing: false }
    }
}
