//! What reports derive from a disk's measurement, derived once.

use haul::lab::disk::doubts::{doubts, is_scanty};
use haul::lab::disk::figures::{DiskFigures, Middle};
use haul::lab::disk::noise::{DiskNoise, noises};
use haul::outcome::DiskReport;
use haul::plan::Load;

/// A report and what follows from it.
pub(crate) struct DiskDigest<'a> {
    pub(super) report: &'a DiskReport,
    /// One a row, in their order.
    pub(super) figures: Vec<DiskFigures>,
    /// What may be misleading, in words.
    pub(super) doubts: Vec<String>,
    /// Of each setting that was run twice a round.
    pub(super) noises: Vec<DiskNoise>,
}

/// Loads that are compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Sequential,
    Random,
    Sync,
    Files,
}

impl Group {
    /// All of them, in the order of reports.
    pub(super) const ALL: [Self; 4] = [Self::Sequential, Self::Random, Self::Sync, Self::Files];

    pub(super) const fn of(load: Load) -> Self {
        match load {
            Load::Read | Load::Write => Self::Sequential,
            Load::RandomRead | Load::RandomWrite | Load::Mixed => Self::Random,
            Load::Sync => Self::Sync,
            Load::Create | Load::Stat | Load::Remove => Self::Files,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential: blocks one behind the other",
            Self::Random => "random: blocks anywhere",
            Self::Sync => "durable: a block written, and fdatasync, one behind the other",
            Self::Files => "empty files in one directory",
        }
    }
}

impl<'a> DiskDigest<'a> {
    /// Derives everything: it takes a moment, and must not be done while a run is measured.
    pub(crate) fn of(report: &'a DiskReport) -> Self {
        Self {
            report,
            figures: report.rows.iter().map(DiskFigures::of).collect(),
            doubts: doubts(report),
            noises: noises(report),
        }
    }

    /// Positions of the rows of a group.
    pub(super) fn places(&self, group: Group) -> Vec<usize> {
        (0..self.report.rows.len()).filter(|place| Group::of(self.report.rows[*place].setting.load) == group).collect()
    }

    /// Whether a row has a run that shows what it should: else its figures are of something else, and say nothing.
    pub(super) fn is_known(&self, place: usize) -> bool {
        self.figures[place].runs > self.figures[place].runs_invalid
    }

    /// Whether its figures are also of enough operations to be told without the table.
    pub(super) fn is_telling(&self, place: usize) -> bool {
        self.is_known(place) && !is_scanty(&self.report.rows[place])
    }

    /// Of these rows, the place of that with the highest figure; `None` where nothing is known.
    pub(super) fn best(&self, places: &[usize], figure: fn(&DiskFigures) -> Option<Middle>) -> Option<usize> {
        let known = places
            .iter()
            .filter(|place| self.is_known(**place))
            .filter_map(|place| Some((*place, figure(&self.figures[*place])?.median)));
        known.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(place, _)| place)
    }

    /// Of these rows, the place of that with the fewest operations in flight whose rate comes within the report's
    /// `within` of the best.
    pub(super) fn shallowest(&self, places: &[usize]) -> Option<usize> {
        let rate = |place: usize| self.figures[place].operations_per_second.map(|rate| rate.median);
        let best = rate(self.best(places, |figures| figures.operations_per_second)?)?;
        let is_near = |place: &usize| {
            self.is_known(*place) && rate(*place).is_some_and(|rate| rate >= best / (1.0 + self.report.within))
        };
        places.iter().copied().filter(is_near).min_by_key(|place| self.report.rows[*place].setting.depth)
    }
}
