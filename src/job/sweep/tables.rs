//! Ready-made sweeps, each of which answers one question.

use super::settings::Axes;
use crate::outcome::Setting;
use crate::plan::{Arm, CacheState, EngineName, PoolChoice, SchedulerName, SweepJob, TableName};
use crate::size::BufferSize;

/// The worker counts of the table that finds their knee.
const WORKERS: [usize; 8] = [1, 2, 4, 8, 16, 32, 50, 100];
/// What a copy moves at a time where the buffer is not the question.
const GOOD_BUFFER: BufferSize = BufferSize::from_kib(256);
/// What a ladder starts with: small enough for calls to be what a copy waits for.
const TINY_BUFFER: BufferSize = BufferSize::from_kib(1);

/// The settings of a table. `cores` is how many threads can run at once; `cold` whether a cache can be emptied here.
pub fn arms(table: TableName, job: Option<SweepJob>, cores: usize, cold: bool) -> Vec<Arm> {
    let _ = cold;
    match table {
        TableName::Buffers => buffers(job.unwrap_or(SweepJob::Copy)).arms(),
        TableName::Workers => waiting_and_computing(job, |axes| axes.workers = WORKERS.to_vec()),
        TableName::Pool => pool(job.unwrap_or(SweepJob::Copy), cores).arms(),
        TableName::Models => waiting_and_computing(job, |axes| {
            axes.schedulers = vec![SchedulerName::Serial, SchedulerName::Channel, SchedulerName::Rayon];
            axes.workers = vec![cores];
        }),
        TableName::Ladder => ladder(job.unwrap_or(SweepJob::Copy), cores),
    }
}

/// One value of each.
pub fn base(job: SweepJob) -> Axes {
    Axes {
        jobs: vec![job],
        caches: vec![CacheState::Warm],
        engines: vec![EngineName::ReadWrite],
        levels: vec![6],
        schedulers: vec![SchedulerName::Channel],
        workers: vec![1],
        pools: vec![PoolChoice::Auto],
        batches: vec![true],
        buffers: vec![GOOD_BUFFER],
    }
}

/// From half a kibibyte to four mebibytes, in doublings.
fn buffers(job: SweepJob) -> Axes {
    let doublings = (0..14).filter_map(|doubling| BufferSize::new(512 << doubling).ok());
    Axes { buffers: doublings.collect(), ..base(job) }
}

fn pool(job: SweepJob, cores: usize) -> Axes {
    Axes {
        pools: vec![PoolChoice::Auto, PoolChoice::Off],
        buffers: [4, 64, 256, 1024, 4096].map(BufferSize::from_kib).to_vec(),
        workers: vec![cores],
        ..base(job)
    }
}

/// A job that waits for the disk, a copy of what is not in memory, and one that computes, gzip; or the one that was
/// asked for.
fn waiting_and_computing(job: Option<SweepJob>, vary: impl Fn(&mut Axes)) -> Vec<Arm> {
    let mut waiting = Axes { caches: vec![CacheState::Cold], ..base(SweepJob::Copy) };
    let mut computing = base(job.filter(|job| *job != SweepJob::Copy).unwrap_or(SweepJob::Gzip));
    vary(&mut waiting);
    vary(&mut computing);
    match job {
        None => waiting.arms().into_iter().chain(computing.arms()).collect(),
        Some(SweepJob::Copy) => waiting.arms(),
        Some(_) => computing.arms(),
    }
}

/// From one thread with tiny buffers, allocated each time, to the way haul works, one step at a time.
fn ladder(job: SweepJob, cores: usize) -> Vec<Arm> {
    let level = (job == SweepJob::Gzip).then_some(6);
    let start = Setting {
        job,
        cache: CacheState::Warm,
        buffer: TINY_BUFFER,
        workers: 1,
        scheduler: SchedulerName::Serial,
        engine: EngineName::ReadWrite,
        pool: PoolChoice::Off,
        batch: false,
        level,
    };
    let buffer = Setting { buffer: GOOD_BUFFER, ..start };
    let pool = Setting { pool: PoolChoice::Auto, ..buffer };
    let workers = Setting { workers: cores, scheduler: SchedulerName::Channel, ..pool };
    let batch = Setting { batch: true, ..workers };
    [("start", start), ("buffer", buffer), ("pool", pool), ("workers", workers), ("batching", batch)]
        .map(|(name, setting)| Arm { setting, name: Some(name.to_owned()) })
        .to_vec()
}
