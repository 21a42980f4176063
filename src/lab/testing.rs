//! Samples and reports made by hand, for the tests of the laboratory.

use std::path::PathBuf;

use super::metric::Metric;
use super::report::{Data, Ended, Report, Row, Sample, WarmUp};
use super::setting::{Axis, Setting};
use crate::calls::{Call, Ending};

/// A run over 1 MiB that took `wall_ms` and made `calls` reads, all of them known to the kernel.
pub(in crate::lab) fn sample(wall_ms: u64, calls: u64) -> Sample {
    let mut sample = Sample { wall_ns: wall_ms * 1_000_000, ..Sample::default() };
    for _ in 0..calls {
        sample.calls.record(Call::Pread, 1, Ending::Moved(1));
    }
    for (metric, count) in [
        (Metric::Files, 1),
        (Metric::SourceBytes, 1 << 20),
        (Metric::TargetBytes, 1 << 19),
        (Metric::UnexplainedReads, 0),
        (Metric::UnexplainedWrites, 0),
    ] {
        sample.metrics.count(metric, count);
    }
    sample
}

/// A copy with this buffer, and everything else as usual.
pub(in crate::lab) fn setting(buffer_kib: u64) -> Setting {
    Setting::default()
        .with(Axis::Job, "copy")
        .with(Axis::Cache, "warm")
        .with(Axis::Engine, "read_write")
        .with(Axis::Scheduler, "channel")
        .with(Axis::Workers, 1_usize)
        .with(Axis::Pool, true)
        .with(Axis::Batch, true)
        .with(Axis::Buffer, buffer_kib * 1024)
}

/// A row whose runs took `walls_ms` each; every run makes as many reads as its buffer needs for 1 MiB.
pub(in crate::lab) fn row(setting: Setting, walls_ms: &[u64]) -> Row {
    let calls = (1 << 20) / setting.number(Axis::Buffer).unwrap_or(1 << 20);
    Row {
        warm_up: WarmUp { wall_ns: 9_999_000_000, ..WarmUp::default() },
        samples: walls_ms.iter().map(|wall| sample(*wall, calls)).collect(),
        ..Row::new(setting)
    }
}

/// A report of these rows.
pub(in crate::lab) fn report(rows: Vec<Row>) -> Report {
    let data = Data { path: Some(PathBuf::from("source")), bytes: 1 << 20, files: 1, ..Data::default() };
    Report {
        format: Report::FORMAT,
        version: "0.0.0".to_owned(),
        command: "haul sweep copy source".to_owned(),
        data: vec![data],
        within: 0.05,
        ended: Ended::Rounds,
        rounds: rows.first().map_or(0, |row| row.samples.len()),
        seed: 1,
        rows,
        ..Report::default()
    }
}
