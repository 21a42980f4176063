//! What a measurement of a disk found, raw. `lab::disk` derives rates and words from it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::sweep::text_of_path;
use super::{Control, Cost, Ended, Machine, Sample};
use crate::plan::{Access, Flight, Load};
use crate::size::BufferSize;

/// One setting of a disk's measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSetting {
    /// What was asked of the disk.
    pub load: Load,
    /// Which way bytes went; `None` of loads of files, which move none.
    pub access: Option<Access>,
    /// Bytes of one operation; `None` of loads of files.
    #[serde(rename = "block_bytes")]
    pub block: Option<BufferSize>,
    /// Operations in flight.
    pub depth: usize,
    /// How they were kept there.
    pub flight: Flight,
}

/// How long operations took, from asking for one to having it, ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Latency {
    /// How many.
    pub operations: u64,
    /// The mean.
    pub mean_ns: u64,
    /// Half of them took no longer.
    pub p50_ns: u64,
    /// 99 of a hundred took no longer.
    pub p99_ns: u64,
    /// 999 of a thousand took no longer.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// One measured run of a load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskSample {
    /// What it cost, and why it does not count where it does not show what it should. Its time is that of all operations,
    /// and of writing back what was written through the page cache.
    #[serde(flatten)]
    pub run: Sample,
    /// Operations that were done.
    pub operations: u64,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// How long reads took. Loads of files read and write nothing: how long making a file took, looking at it or removing
    /// it ([`Load::Create`], [`Load::Stat`], [`Load::Remove`]), is here too.
    pub read_latency: Option<Latency>,
    /// How long writes took; of [`Load::Sync`] with making them durable. `None` of loads of files.
    pub write_latency: Option<Latency>,
    /// Operations that were done in each of equally long parts of the run, in their order.
    pub windows: Vec<u64>,
}

impl DiskSample {
    /// Bytes that moved, either way.
    pub const fn bytes(&self) -> u64 {
        self.read_bytes + self.written_bytes
    }
}

/// Whether something settled: the rule is in `measure::steady`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Steadiness {
    /// Whether it did.
    pub is_steady: bool,
    /// How much the fitted line rises or falls over the windows looked at, as a part of their mean: -0.05 falls by 5 %.
    pub slope: f64,
    /// From the least window to the greatest, as a part of their mean.
    pub range: f64,
}

/// What was run before a setting was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskWarmUp {
    /// How long, ns.
    pub wall_ns: u64,
    /// Whether it settled; `None` where too few windows were had to tell.
    pub steadiness: Option<Steadiness>,
}

/// One setting and all its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiskRow {
    /// What was set.
    pub setting: DiskSetting,
    /// What was run before.
    pub warm_up: DiskWarmUp,
    /// What was measured, in the order of the rounds.
    pub samples: Vec<DiskSample>,
    /// How long reads took in all runs that show what they should, or, as in a run, making, looking at and removing
    /// files; those of controls are not among them.
    pub read_latency: Option<Latency>,
    /// How long writes took in the same runs.
    pub write_latency: Option<Latency>,
}

impl DiskRow {
    /// A setting before its first run.
    pub fn new(setting: DiskSetting) -> Self {
        let warm_up = DiskWarmUp::default();
        Self { setting, warm_up, samples: vec![], read_latency: None, write_latency: None }
    }
}

/// What kind of report a file holds; that of a sweep says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskKind {
    /// A disk's.
    #[default]
    Disk,
}

/// What a measurement of a disk found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DiskReport {
    /// Version of this layout, [`DiskReport::FORMAT`]: grows when a field changes its meaning or goes away.
    pub format: u32,
    /// What this is.
    pub kind: DiskKind,
    /// Version of haul.
    pub version: String,
    /// The command line that asked for it, quoted for a shell.
    pub command: String,
    /// Where.
    pub machine: Machine,
    /// What measuring costs there.
    pub cost: Cost,
    /// The directory, or the file or device that was only read, as the user named it.
    #[serde(serialize_with = "text_of_path")]
    pub place: PathBuf,
    /// Whether it was a file or device that existed, and was only read.
    pub is_existing: bool,
    /// Bytes of the file that operations were spread over.
    pub file_bytes: u64,
    /// How long each run was to last, ns.
    pub run_ns: u64,
    /// Why more than one operation was kept in flight by threads, where nobody asked for those.
    pub no_io_uring: Option<String>,
    /// A change this small is as good as none: 0.05.
    pub within: f64,
    /// Whole rounds.
    pub rounds: usize,
    /// Why there are no more.
    pub ended: Ended,
    /// What failed, if something did.
    pub failure: Option<String>,
    /// Settings that cannot be had here, and why: "random-read 4K direct: …".
    pub left_out: Vec<String>,
    /// Seed of the data, of places and of the order of runs.
    pub seed: u64,
    /// Time spent on making the file, ns; 0 of one that existed.
    pub preparation_ns: u64,
    /// Time spent on warming up, ns.
    pub warm_up_ns: u64,
    /// Time spent between runs on evicting, writing back, making and removing files, ns.
    pub tidying_ns: u64,
    /// Runs that did not show what they should, and were repeated.
    pub repeated: usize,
    /// Settings that were run twice a round: one of each load and access that has several.
    pub controls: Vec<Control<DiskSample>>,
    /// One row a setting.
    pub rows: Vec<DiskRow>,
}

impl DiskReport {
    /// The version of the layout that this program writes.
    pub const FORMAT: u32 = 1;
}
