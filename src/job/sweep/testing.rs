//! Plans, samples and reports made by hand, for the tests of this directory.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::calls::{Call, Ending};
use crate::outcome::{Machine, Sample, Setting, Summary, SweepReport, SweepRow};
use crate::plan::{CodecName, EngineName, PoolChoice, SchedulerName, SweepJob, SweepPlan};
use crate::size::BufferSize;

/// A plan of two settings in one round.
pub(super) fn plan(job: SweepJob) -> SweepPlan {
    SweepPlan {
        job,
        source: PathBuf::from("source"),
        scratch: None,
        buffers: vec![BufferSize::from_kib(4), BufferSize::from_kib(64)],
        workers: vec![NonZeroUsize::MIN],
        schedulers: vec![SchedulerName::Channel],
        engines: vec![EngineName::ReadWrite],
        pools: vec![PoolChoice::Auto],
        levels: vec![6],
        codec: CodecName::Auto,
        block: None,
        rounds: NonZeroUsize::MIN,
        seed: 1,
        command: "haul sweep".to_owned(),
    }
}

/// A run over 1 MiB that took `wall_ms` and made `calls` reads, all of them known to the kernel.
pub(super) fn sample(wall_ms: u64, calls: u64) -> Sample {
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
pub(super) fn setting(buffer_kib: u64) -> Setting {
    Setting {
        buffer: BufferSize::from_kib(buffer_kib),
        workers: 1,
        scheduler: SchedulerName::Channel,
        engine: EngineName::ReadWrite,
        pool: PoolChoice::Auto,
        level: None,
    }
}

/// A row whose runs took `walls_ms` each; every run makes as many reads as its buffer needs for 1 MiB.
pub(super) fn row(setting: Setting, walls_ms: &[u64]) -> SweepRow {
    let calls = (1 << 20) / setting.buffer.bytes() as u64;
    SweepRow {
        setting,
        warm_up: sample(9999, calls),
        samples: walls_ms.iter().map(|wall| sample(*wall, calls)).collect(),
    }
}

/// A report of these rows.
pub(super) fn report(rows: Vec<SweepRow>) -> SweepReport {
    SweepReport {
        format: SweepReport::FORMAT,
        version: "0.0.0".to_owned(),
        command: "haul sweep copy source".to_owned(),
        job: SweepJob::Copy,
        machine: Machine::default(),
        source: PathBuf::from("source"),
        source_bytes: 1 << 20,
        source_files: 1,
        block_bytes: None,
        rounds: rows.first().map_or(0, |row| row.samples.len()),
        seed: 1,
        preparation_ns: 0,
        rows,
    }
}
