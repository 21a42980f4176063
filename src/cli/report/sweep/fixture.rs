//! Reports made by hand, for the tests of every format.

use haul::calls::{Call, Ending};
use haul::outcome::{
    Allocations, CallLatency, Control, Cost, Disk, Ended, FileTimes, LatencyPass, Machine, Observed, ObservedCall,
    PoolStats, Sample, Setting, Summary, SweepReport, SweepRow,
};
use haul::plan::{CacheState, EngineName, Generated, PoolChoice, SchedulerName, SweepJob, TableName};
use haul::size::BufferSize;

const MIB: u64 = 1 << 20;

/// 64 MiB copied with four buffer sizes, three rounds. One run makes one read more than the others.
pub(in super::super) fn copy() -> SweepReport {
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

/// The five ready-made tables, with everything in them that a machine may tell.
pub(super) fn tables() -> Vec<SweepReport> {
    vec![buffers(), workers(), pool(), models(), ladder()]
}

/// Twelve rounds that differ by a little, µs: enough for a verdict on as many settings.
fn rounds(wall_us: u64) -> [u64; 12] {
    let mut permille = [0, 9, 4, 13, 2, 7, 11, 5, 3, 8, 6, 10];
    permille.rotate_left((wall_us / 100 % 12) as usize);
    permille.map(|permille| wall_us + wall_us * permille / 1000)
}

fn buffers() -> SweepReport {
    let walls = [320_000, 170_000, 95_000, 60_000, 41_000, 30_000, 23_000, 18_000, 15_200, 14_800, 14_700, 14_600];
    let sizes = (0..).map(|doubling| BufferSize::new(512 << doubling).unwrap());
    let rows = walls.into_iter().zip(sizes).map(|(wall, buffer)| {
        let setting = Setting { buffer, workers: 1, ..setting(4) };
        let mut row = row(setting, 64 * MIB, &rounds(wall), 0);
        row.latency = Some(latency(wall));
        let call = ObservedCall { call: "pread64".to_owned(), ours: 1024, theirs: 1024 };
        row.observed = Some(Observed { tool: "strace".to_owned(), calls: vec![call] });
        row
    });
    named(TableName::Buffers, report(SweepJob::Copy, 64 * MIB, rows.collect()))
}

/// A copy that waits for the disk and a gzip that computes, by more and more workers.
fn workers() -> SweepReport {
    let mut rows = vec![];
    for (workers, copy, gzip) in
        [(1, 90_000, 700_000), (2, 60_000, 371_000), (4, 52_000, 369_000), (8, 51_000, 372_000)]
    {
        let cold = Setting { workers, cache: CacheState::Cold, ..setting(256) };
        rows.push((cold, copy));
        rows.push((Setting { workers, job: SweepJob::Gzip, level: Some(6), ..setting(256) }, gzip));
    }
    rows.sort_by_key(|(setting, _)| setting.job);
    let rows = rows.into_iter().map(|(setting, wall)| row(setting, 64 * MIB, &rounds(wall), 0));
    named(TableName::Workers, report(SweepJob::Copy, 64 * MIB, rows.collect()))
}

fn pool() -> SweepReport {
    let mut rows = vec![];
    for pool in [PoolChoice::Auto, PoolChoice::Off] {
        for (kib, wall) in [(4, 41_000), (64, 15_000), (4096, 14_000)] {
            let more = if pool == PoolChoice::Off { kib } else { 0 };
            let mut row = row(Setting { pool, ..setting(kib) }, 64 * MIB, &rounds(wall + more * 2), 0);
            row.allocations = Some(Allocations { count: 90 + more * 4, bytes: MIB + more * 65_536, peak_bytes: MIB });
            rows.push(row);
        }
    }
    named(TableName::Pool, report(SweepJob::Copy, 64 * MIB, rows))
}

fn models() -> SweepReport {
    let models =
        [(SchedulerName::Serial, 1, 31_000), (SchedulerName::Channel, 2, 16_000), (SchedulerName::Rayon, 2, 16_900)];
    let rows = models.map(|(scheduler, workers, wall)| {
        row(Setting { scheduler, workers, ..setting(256) }, 64 * MIB, &rounds(wall), 0)
    });
    named(TableName::Models, report(SweepJob::Copy, 64 * MIB, rows.into()))
}

fn ladder() -> SweepReport {
    let start =
        Setting { workers: 1, scheduler: SchedulerName::Serial, pool: PoolChoice::Off, batch: false, ..setting(1) };
    let buffer = Setting { buffer: BufferSize::from_kib(256), ..start };
    let pool = Setting { pool: PoolChoice::Auto, ..buffer };
    let workers = Setting { workers: 2, scheduler: SchedulerName::Channel, ..pool };
    let batching = Setting { batch: true, ..workers };
    let steps = [
        ("start", start, 900_000),
        ("buffer", buffer, 210_000),
        ("pool", pool, 208_000),
        ("workers", workers, 121_000),
        ("batching", batching, 120_500),
    ];
    let rows = steps.map(|(name, setting, wall)| {
        let file_times = FileTimes { files: 100, p50_ns: wall * 9, p99_ns: wall * 12, max_ns: wall * 20 };
        let row = row(setting, 640 * MIB, &rounds(wall), 0);
        SweepRow { name: Some(name.to_owned()), file_times: Some(file_times), ..row }
    });
    let files = Generated { files: 64.try_into().unwrap(), bytes: 10 * MIB, entropy: 8.0 };
    let report =
        SweepReport { generated: Some(files), source: "".into(), ..report(SweepJob::Copy, 640 * MIB, rows.into()) };
    named(TableName::Ladder, SweepReport { source_files: 64, ended: Ended::Budget, ..report })
}

fn named(table: TableName, report: SweepReport) -> SweepReport {
    let disk = Disk { name: "vda".to_owned(), queue: vec![("rotational".to_owned(), "1".to_owned())] };
    let machine = Machine {
        virtualization: Some("KVM".to_owned()),
        online: Some(4),
        load: Some(0.3),
        pressure_percent: Some([1.5, 0.0, 0.0]),
        available_bytes: Some(20 << 30),
        dirty_ratios: Some([20, 10]),
        huge_pages: Some("madvise".to_owned()),
        mount_options: Some("rw,relatime".to_owned()),
        free_bytes: Some(90 << 30),
        disk: Some(disk),
        ..report.machine.clone()
    };
    let command = format!("haul sweep --table {} data/silesia.tar", table.name());
    let row = report.rows.len() / 2;
    let mut samples = report.rows[row].samples.clone();
    for sample in &mut samples {
        sample.wall_ns += sample.wall_ns / 500;
    }
    SweepReport { table: Some(table), machine, command, controls: vec![Control { row, samples }], ..report }
}

fn latency(wall_us: u64) -> LatencyPass {
    let call = |call: &str| CallLatency {
        call: call.to_owned(),
        calls: 1024,
        p50_ns: wall_us / 80,
        p90_ns: wall_us / 60,
        p99_ns: wall_us / 10,
        max_ns: wall_us * 3,
    };
    LatencyPass { wall_ns: wall_us * 1050, calls: ["pread64", "pwrite64", "statx"].map(call).into() }
}

fn setting(buffer_kib: u64) -> Setting {
    Setting {
        job: SweepJob::Copy,
        cache: CacheState::Warm,
        buffer: BufferSize::from_kib(buffer_kib),
        chooses_buffer: false,
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
    SweepRow { warm_up: sample(setting, source_bytes, walls_us[0] * 2), samples, ..SweepRow::new(setting) }
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
        sync_ns: (setting.cache == CacheState::Cold || setting.workers == 1).then_some(wall_us * 400),
        voluntary_switches: 12 * setting.workers as u64,
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
        cost: Cost { empty_run_ns: 90, count_call_ns: 1.2, time_call_ns: 45.0 },
        entropy_bits: Some(7.31),
        within: 0.05,
        ended: Ended::Rounds,
        tidying_ns: 1_500_000_000,
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
        rounds: rows.iter().map(|row| row.samples.len()).min().unwrap_or(0),
        seed: 42,
        rows,
        ..SweepReport::default()
    }
}
