//! Reports of the two formats before this one, as far as comparing takes them: that of a sweep and that of a disk.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::lab::machine::Machine;
use crate::lab::metric::Metric;
use crate::lab::plan::{CacheState, Generated, SweepJob};
use crate::lab::report::{Control, Data, Ended, Rank, Report, Row, Sample, Subject};
use crate::lab::setting::{Axis, Setting};
use crate::lab::subject::disk::plan::{Access, BackendName, Load};
use crate::plan::{EngineName, PoolChoice, SchedulerName};

/// The format of sweeps that is read here.
pub(super) const SWEEP: u32 = 2;
/// The format of disks that is read here.
pub(super) const DISK: u32 = 1;

pub(super) fn sweep(bytes: &[u8]) -> serde_json::Result<Report> {
    let report = parse::<SweepSetting>(bytes)?;
    Ok(Report { subject: Subject::Sweep, rank: Rank::Wall, ..report })
}

pub(super) fn disk(bytes: &[u8]) -> serde_json::Result<Report> {
    let report = parse::<DiskSetting>(bytes)?;
    Ok(Report { subject: Subject::Disk, rank: Rank::Operation, ..report })
}

fn parse<S: DeserializeOwned + Into<Setting>>(bytes: &[u8]) -> serde_json::Result<Report> {
    let old: OldReport<S> = serde_json::from_slice(bytes)?;
    let data = Data {
        path: Some(old.path).filter(|path| !path.as_os_str().is_empty()),
        is_read_only: old.is_existing,
        generated: old.generated,
        bytes: old.bytes,
        files: old.source_files,
        entropy_bits: old.entropy_bits,
        codec: old.codec,
        block_bytes: old.block_bytes,
        ..Data::default()
    };
    let row = |row: OldRow<S>| Row { name: row.name, samples: samples(row.samples), ..Row::new(row.setting.into()) };
    let control = |control: OldControl| Control { row: control.row, samples: samples(control.samples) };
    Ok(Report {
        format: Report::FORMAT,
        version: old.version,
        command: old.command,
        machine: old.machine,
        data: vec![data],
        within: old.within,
        rounds: old.rounds,
        ended: old.ended,
        failure: old.failure,
        seed: old.seed,
        controls: old.controls.into_iter().map(control).collect(),
        rows: old.rows.into_iter().map(row).collect(),
        ..Report::default()
    })
}

/// What both have. What only one of them has is missing in the other.
#[derive(Deserialize)]
struct OldReport<S> {
    version: String,
    command: String,
    machine: Machine,
    /// Empty of generated data.
    #[serde(alias = "source", alias = "place")]
    path: PathBuf,
    #[serde(default)]
    is_existing: bool,
    generated: Option<Generated>,
    #[serde(alias = "source_bytes", alias = "file_bytes")]
    bytes: u64,
    #[serde(default)]
    source_files: u64,
    entropy_bits: Option<f64>,
    codec: Option<String>,
    block_bytes: Option<u64>,
    within: f64,
    rounds: usize,
    ended: Ended,
    failure: Option<String>,
    seed: u64,
    controls: Vec<OldControl>,
    rows: Vec<OldRow<S>>,
}

#[derive(Deserialize)]
struct OldRow<S> {
    setting: S,
    name: Option<String>,
    samples: Vec<OldSample>,
}

#[derive(Deserialize)]
struct OldControl {
    row: usize,
    samples: Vec<OldSample>,
}

/// A run of either. That of a disk counts operations, and its summary no files.
#[derive(Deserialize)]
struct OldSample {
    wall_ns: u64,
    sync_ns: Option<u64>,
    invalid: Option<String>,
    summary: OldSummary,
    operations: Option<u64>,
    read_bytes: Option<u64>,
    written_bytes: Option<u64>,
}

#[derive(Deserialize)]
struct OldSummary {
    files: u64,
    source_bytes: u64,
    target_bytes: u64,
}

fn samples(old: Vec<OldSample>) -> Vec<Sample> {
    old.into_iter().map(Sample::from).collect()
}

impl From<OldSample> for Sample {
    fn from(old: OldSample) -> Self {
        let of_job = |count| old.operations.is_none().then_some(count);
        let mut sample = Self { wall_ns: old.wall_ns, invalid: old.invalid, ..Self::default() };
        for (metric, count) in [
            (Metric::Sync, old.sync_ns),
            (Metric::Files, of_job(old.summary.files)),
            (Metric::SourceBytes, of_job(old.summary.source_bytes)),
            (Metric::TargetBytes, of_job(old.summary.target_bytes)),
            (Metric::Operations, old.operations),
            (Metric::ReadBytes, old.read_bytes),
            (Metric::WrittenBytes, old.written_bytes),
        ] {
            if let Some(count) = count {
                sample.metrics.count(metric, count);
            }
        }
        sample
    }
}

#[derive(Deserialize)]
struct SweepSetting {
    job: SweepJob,
    cache: CacheState,
    buffer_bytes: u64,
    /// Whether nobody named that buffer: it is what the job chose for a large file.
    #[serde(default)]
    chooses_buffer: bool,
    workers: usize,
    scheduler: SchedulerName,
    /// Of jobs that have none, too.
    engine: EngineName,
    pool: PoolChoice,
    batch: bool,
    level: Option<u32>,
}

impl From<SweepSetting> for Setting {
    fn from(old: SweepSetting) -> Self {
        let mut setting = Self::default()
            .with(Axis::Job, old.job.name())
            .with(Axis::Cache, old.cache.name())
            .with(Axis::Scheduler, old.scheduler.name())
            .with(Axis::Workers, old.workers)
            .with(Axis::Pool, old.pool)
            .with(Axis::Batch, old.batch)
            .with(Axis::Buffer, old.buffer_bytes);
        if old.chooses_buffer {
            setting = setting.with(Axis::Buffer, "auto");
        }
        if old.job == SweepJob::Copy {
            setting = setting.with(Axis::Engine, old.engine.name());
        }
        match old.level {
            Some(level) => setting.with(Axis::Level, level),
            None => setting,
        }
    }
}

#[derive(Deserialize)]
struct DiskSetting {
    load: Load,
    access: Option<Access>,
    block_bytes: Option<u64>,
    depth: usize,
    flight: BackendName,
}

impl From<DiskSetting> for Setting {
    fn from(old: DiskSetting) -> Self {
        let mut setting = Self::default()
            .with(Axis::Load, old.load.name())
            .with(Axis::Depth, old.depth)
            .with(Axis::Backend, old.flight.name());
        if let Some(access) = old.access {
            setting = setting.with(Axis::Access, access.name());
        }
        match old.block_bytes {
            Some(block) => setting.with(Axis::Block, block),
            None => setting,
        }
    }
}
