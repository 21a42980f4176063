//! Reports made by hand, for the tests of every format.

use haul::calls::{Call, Ending};
use haul::outcome::{Cost, Ended, Machine, PoolStats, Sample, Setting, Summary, SweepReport, SweepRow};
use haul::plan::{CacheState, EngineName, PoolChoice, SchedulerName, SweepJob};
use haul::size::BufferSize;

const MIB: u64 = 1 << 20;

/// 64 MiB copied with four buffer sizes, three rounds. One run makes one read more than the others.
pub(super) fn copy() -> SweepReport {
    let rows = [(4, [40_200, 41_000, 40_900]), (64, [15_300, 15_100, 15_250]), (256, [14_700, 15_900, 14_800])];
    let mut rows: Vec<SweepRow> = rows.map(|(kib, walls_us)| row(setting(kib), 64 * MIB, &walls_us, 0)).into();
    rows.push(row(setting(1024), 64 * MIB, &[14_600, 14_750, 14_500], 1));
    report(SweepJob::Copy, 64 * MIB, rows)
}

/// 64 MiB compressed by one and two workers at two levels.
pub(super) fn gzip() -> SweepReport {
    let mut rows = vec![];
    for (level, workers, wall_us) in [(1, 1, 700_000), (1, 2, 380_000), (9, 1, 4_100_000), (9, 2, 2_100_000)] {
        for kib in [64, 1024] {
            let setting = Setting { job: SweepJob::Gzip, workers, level: Some(level), ..setting(kib) };
            let mut row = row(setting, 64 * MIB, &[wall_us + kib, wall_us + 900, wall_us - 2_000], 0);
            for sample in &mut row.samples {
                sample.summary.target_bytes = if level == 1 { 25 * MIB } else { 21 * MIB };
            }
            row.warm_up.peak_bytes = None;
            rows.push(row);
        }
    }
    SweepReport { block_bytes: Some(128 * 1024), preparation_ns: 51_000_000, ..report(SweepJob::Gzip, 64 * MIB, rows) }
}

/// The widest figures that a default sweep gets to: a large file in small pieces.
pub(super) fn huge() -> SweepReport {
    let rows =
        [(4, [9_999_000; 3]), (4096, [2_222_000; 3])].map(|(kib, walls)| row(setting(kib), 1024 * MIB, &walls, 1));
    report(SweepJob::Copy, 1024 * MIB, rows.into())
}

fn setting(buffer_kib: u64) -> Setting {
    Setting {
        job: SweepJob::Copy,
        cache: CacheState::Warm,
        buffer: BufferSize::from_kib(buffer_kib),
        workers: 2,
        scheduler: SchedulerName::Channel,
        engine: EngineName::ReadWrite,
        pool: PoolChoice::Auto,
        batch: true,
        level: None,
    }
}

/// A row of runs that took so many µs; the last one makes `more` reads that nobody expected.
fn row(setting: Setting, source_bytes: u64, walls_us: &[u64], more: u64) -> SweepRow {
    let mut samples: Vec<Sample> = walls_us.iter().map(|wall| sample(setting, source_bytes, *wall)).collect();
    if let Some(last) = samples.last_mut() {
        (0..more).for_each(|_| last.summary.syscalls.record(Call::Pread, 1, Ending::Moved(1)));
        last.unexplained_writes = Some(more as i64);
    }
    SweepRow {
        setting,
        name: None,
        warm_up: sample(setting, source_bytes, walls_us[0] * 2),
        allocations: None,
        samples,
        latency: None,
        observed: None,
        file_times: None,
    }
}

fn sample(setting: Setting, source_bytes: u64, wall_us: u64) -> Sample {
    let step = setting.buffer.bytes();
    let calls = source_bytes / step as u64;
    let mut summary = Summary { files: 1, source_bytes, target_bytes: source_bytes, ..Summary::default() };
    for _ in 0..calls {
        summary.syscalls.record(Call::Pread, step, Ending::Moved(step as u64));
        summary.syscalls.record(Call::Pwrite, step, Ending::Moved(step as u64));
    }
    for call in [Call::Openat, Call::Openat, Call::Statx, Call::Close, Call::Close, Call::Renameat2] {
        summary.syscalls.record(call, 0, Ending::Moved(0));
    }
    summary.pool = PoolStats { acquired: calls, reused: calls - 6, fresh: 6, ..PoolStats::default() };
    Sample {
        wall_ns: wall_us * 1_000,
        user_ns: wall_us * 100,
        system_ns: wall_us * 850,
        peak_bytes: Some(5 * MIB + 6 * step as u64),
        minor_faults: 150 + step as u64 * 6 / 4096,
        major_faults: 0,
        unexplained_reads: Some(0),
        unexplained_writes: Some(0),
        summary,
        ..Sample::default()
    }
}

fn report(job: SweepJob, source_bytes: u64, rows: Vec<SweepRow>) -> SweepReport {
    SweepReport {
        format: SweepReport::FORMAT,
        version: "0.1.0".to_owned(),
        command: format!("haul sweep {} --seed 42 data/silesia.tar", job.name()),
        table: None,
        cost: Cost { empty_run_ns: 90, count_call_ns: 1.2, time_call_ns: 45.0 },
        generated: None,
        entropy_bits: Some(7.31),
        within: 0.05,
        ended: Ended::Rounds,
        tidying_ns: 1_500_000_000,
        repeated: 0,
        unobserved: None,
        control: None,
        machine: Machine {
            kernel: Some("6.18.44".to_owned()),
            architecture: "x86_64".to_owned(),
            cpu: Some("AMD EPYC".to_owned()),
            cores: 2,
            memory_bytes: Some(24 << 30),
            file_system: "ext4".to_owned(),
            ..Machine::default()
        },
        source: "data/silesia.tar".into(),
        source_bytes,
        source_files: 1,
        block_bytes: None,
        rounds: 3,
        seed: 42,
        preparation_ns: 0,
        rows,
    }
}
