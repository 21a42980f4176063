//! Plans, samples and reports made by hand, for the tests of this directory and of `lab::compare`.

use std::path::PathBuf;

use super::settings::Axes;
use super::tables;
use crate::calls::{Call, Ending};
use crate::outcome::{Ended, Sample, Setting, Summary, SweepReport, SweepRow};
use crate::plan::{CacheState, EngineName, PoolChoice, SchedulerName, SweepJob};
use crate::size::BufferSize;

/// Values to combine that come to two settings.
pub(super) fn axes(job: SweepJob) -> Axes {
    Axes { buffers: [4, 64].map(BufferSize::from_kib).to_vec(), ..tables::base(job) }
}

/// A run over 1 MiB that took `wall_ms` and made `calls` reads, all of them known to the kernel.
pub(in crate::lab) fn sample(wall_ms: u64, calls: u64) -> Sample {
    let mut summary = Summary { files: 1, source_bytes: 1 << 20, target_bytes: 1 << 19, ..Summary::default() };
    for _ in 0..calls {
        summary.syscalls.record(Call::Pread, 1, Ending::Moved(1));
    }
    Sample {
        wall_ns: wall_ms * 1_000_000,
        unexplained_reads: Some(0),
        unexplained_writes: Some(0),
        summary,
        ..Sample::default()
    }
}

/// The setting of `plan`'s defaults with another buffer.
pub(in crate::lab) fn setting(buffer_kib: u64) -> Setting {
    Setting {
        job: SweepJob::Copy,
        cache: CacheState::Warm,
        buffer: BufferSize::from_kib(buffer_kib),
        chooses_buffer: false,
        workers: 1,
        scheduler: SchedulerName::Channel,
        engine: EngineName::ReadWrite,
        pool: PoolChoice::Auto,
        batch: true,
        level: None,
    }
}

/// A row whose runs took `walls_ms` each; every run makes as many reads as its buffer needs for 1 MiB.
pub(in crate::lab) fn row(setting: Setting, walls_ms: &[u64]) -> SweepRow {
    let calls = (1 << 20) / setting.buffer.bytes() as u64;
    SweepRow {
        warm_up: sample(9999, calls),
        samples: walls_ms.iter().map(|wall| sample(*wall, calls)).collect(),
        ..SweepRow::new(setting)
    }
}

/// A report of these rows.
pub(in crate::lab) fn report(rows: Vec<SweepRow>) -> SweepReport {
    SweepReport {
        format: SweepReport::FORMAT,
        version: "0.0.0".to_owned(),
        command: "haul sweep copy source".to_owned(),
        source: PathBuf::from("source"),
        within: 0.05,
        ended: Ended::Rounds,
        source_bytes: 1 << 20,
        source_files: 1,
        rounds: rows.first().map_or(0, |row| row.samples.len()),
        seed: 1,
        rows,
        ..SweepReport::default()
    }
}
