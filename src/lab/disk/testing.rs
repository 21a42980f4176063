//! Plans, samples and reports made by hand, for the tests of this directory.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::outcome::{DiskReport, DiskRow, DiskSample, DiskSetting, Ended, Sample};
use crate::plan::{Access, DiskPlace, DiskPlan, Effort, Flight, Load};
use crate::size::BufferSize;

/// Everything, two blocks, two depths.
pub(super) fn plan() -> DiskPlan {
    DiskPlan {
        place: DiskPlace::Directory(PathBuf::from("/x")),
        loads: Load::ALL.to_vec(),
        accesses: vec![Access::Direct, Access::Buffered],
        axes: None,
        blocks: [4, 128].map(BufferSize::from_kib).to_vec(),
        depths: vec![1, 16],
        flight: None,
        file_bytes: Some(16 << 20),
        share: 0.25,
        effort: Effort { rounds: NonZeroUsize::new(2), budget: None, within: 0.05 },
        seed: 7,
        command: String::new(),
    }
}

/// Blocks of 4 KiB, one after another.
pub(super) fn setting(load: Load, access: Access) -> DiskSetting {
    let block = Some(BufferSize::from_kib(4));
    DiskSetting { load, access: Some(access), block, depth: 1, flight: Flight::Calls }
}

/// A run of 1000 operations on blocks of 4 KiB that read, each of which took so many microseconds, all from the disk.
pub(super) fn sample(microseconds: u64) -> DiskSample {
    let run = Sample { wall_ns: microseconds * 1_000_000, disk_read_bytes: Some(1000 * 4096), ..Sample::default() };
    DiskSample { run, operations: 1000, read_bytes: 1000 * 4096, ..DiskSample::default() }
}

/// A row whose operations took so many microseconds in its runs.
pub(super) fn row(setting: DiskSetting, microseconds: &[u64]) -> DiskRow {
    DiskRow { samples: microseconds.iter().map(|each| sample(*each)).collect(), ..DiskRow::new(setting) }
}

/// A report of these rows.
pub(super) fn report(rows: Vec<DiskRow>) -> DiskReport {
    DiskReport {
        format: DiskReport::FORMAT,
        place: PathBuf::from("/x"),
        file_bytes: 64 << 30,
        within: 0.05,
        ended: Ended::Rounds,
        rounds: rows.first().map_or(0, |row| row.samples.len()),
        rows,
        ..DiskReport::default()
    }
}
