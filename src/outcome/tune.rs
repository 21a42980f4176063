//! What a tuning measured, raw: two sweeps a case. `lab::tune` derives from it which flags are worth having.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::sweep::text_of_path;
use super::{Ended, SweepReport};
use crate::plan::{Flags, SweepJob, TuneCase};

/// What kind of report a file holds; that of a sweep says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TuneKind {
    /// A tuning's.
    #[default]
    Tune,
}

/// Flags that looked faster while exploring, to be confirmed in every case of their job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Whose flags.
    pub job: SweepJob,
    /// Which.
    pub flags: Flags,
}

/// What was measured of one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TunedCase {
    /// Which.
    pub case: TuneCase,
    /// The defaults, and other flags one at a time. From this, candidates are chosen and nothing is claimed: the best of
    /// many was lucky too.
    pub explored: Option<SweepReport>,
    /// The defaults and the candidates, in rounds of their own.
    pub confirmed: Option<SweepReport>,
    /// Why it cannot be had here.
    pub left_out: Option<String>,
}

impl TunedCase {
    /// A case before its first run.
    pub const fn new(case: TuneCase) -> Self {
        Self { case, explored: None, confirmed: None, left_out: None }
    }
}

/// What a tuning measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TuneReport {
    /// Version of this layout, [`TuneReport::FORMAT`]: grows when a field changes its meaning or goes away.
    pub format: u32,
    /// What this is.
    pub kind: TuneKind,
    /// Version of haul.
    pub version: String,
    /// The command line that asked for it, quoted for a shell.
    pub command: String,
    /// The directory, as the user named it.
    #[serde(serialize_with = "text_of_path")]
    pub directory: PathBuf,
    /// Time that there was for all of it, ns.
    pub budget_ns: u64,
    /// Time that it took, ns.
    pub took_ns: u64,
    /// Threads that work by default.
    pub cores: usize,
    /// Seed of the data and of the order of runs; sweeps that confirm have others.
    pub seed: u64,
    /// Why it ended: that there was time for no more is how it should.
    pub ended: Ended,
    /// What failed, if something did.
    pub failure: Option<String>,
    /// What was to be confirmed.
    pub candidates: Vec<Candidate>,
    /// What looked faster too, and there was no time to confirm.
    #[serde(default)]
    pub dropped: Vec<Candidate>,
    /// One a case.
    pub cases: Vec<TunedCase>,
}

impl TuneReport {
    /// The version of the layout that this program writes.
    pub const FORMAT: u32 = 1;
}
