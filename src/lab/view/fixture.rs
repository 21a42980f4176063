//! Reports made by hand, for the tests of every format.

mod disk;

pub(in crate::lab) use self::disk::{minute, only_read};

use crate::calls::{Call, CallLatency, Ending, SyscallCounts};
use crate::lab::machine::{Disk, Machine};
use crate::lab::metric::Metric;
use crate::lab::plan::{Generated, TableName};
use crate::lab::report::{
    CallLatencies, Control, Cost, Data, Ended, Latency, Observed, ObservedCall, Rank, Report, Row, Sample, Steadiness,
    Subject, WarmUp,
};
use crate::lab::setting::{Axis, Setting, Value};
use crate::lab::testing;

const MIB: u64 = 1 << 20;

/// 64 MiB copied with four buffer sizes, three rounds. One run makes one read more than the others.
pub(in crate::lab) fn copy() -> Report {
    let rows = [(4, [40_200, 41_000, 40_900]), (64, [15_300, 15_100, 15_250]), (256, [14_700, 15_900, 14_800])];
    let mut rows: Vec<Row> = rows.map(|(kib, walls_us)| row(setting(kib), 64 * MIB, &walls_us, 0)).into();
    rows.push(row(setting(1024), 64 * MIB, &[14_600, 14_750, 14_500], 1));
    sweep("copy", 64 * MIB, rows)
}

/// 64 MiB compressed by one and two workers at two levels.
pub(in crate::lab) fn gzip() -> Report {
    let mut rows = vec![];
    for (level, workers, wall_us) in [(1_u32, 1_usize, 700_000), (1, 2, 380_000), (9, 1, 4_100_000), (9, 2, 2_100_000)]
    {
        for kib in [64, 1024] {
            let setting = setting(kib).with(Axis::Job, "gzip").with(Axis::Workers, workers).with(Axis::Level, level);
            let setting = setting.without(Axis::Engine);
            let mut row = row(setting, 64 * MIB, &[wall_us + kib, wall_us + 900, wall_us - 2_000], 0);
            for sample in &mut row.samples {
                sample.metrics.count(Metric::TargetBytes, if level == 1 { 25 * MIB } else { 21 * MIB });
            }
            row.warm_up.metrics = [].into_iter().collect();
            rows.push(row);
        }
    }
    let mut report = sweep("gzip", 64 * MIB, rows);
    report.preparation_ns = 51_000_000;
    report.data[0].block_bytes = Some(128 * 1024);
    report
}

/// The widest figures that a default sweep gets to: a large file in small pieces.
pub(in crate::lab) fn huge() -> Report {
    let rows =
        [(4, [9_999_000; 3]), (4096, [2_222_000; 3])].map(|(kib, walls)| row(setting(kib), 1024 * MIB, &walls, 1));
    sweep("copy", 1024 * MIB, rows.into())
}

/// The five ready-made tables, with everything in them that a machine may tell.
pub(in crate::lab) fn tables() -> Vec<Report> {
    vec![buffers(), workers(), pool(), models(), ladder()]
}

/// Twelve rounds that differ by a little, µs: enough for a verdict on as many settings.
fn rounds(wall_us: u64) -> [u64; 12] {
    let mut permille = [0, 9, 4, 13, 2, 7, 11, 5, 3, 8, 6, 10];
    permille.rotate_left((wall_us / 100 % 12) as usize);
    permille.map(|permille| wall_us + wall_us * permille / 1000)
}

fn buffers() -> Report {
    let walls = [320_000, 170_000, 95_000, 60_000, 41_000, 30_000, 23_000, 18_000, 15_200, 14_800, 14_700, 14_600];
    let rows = walls.into_iter().enumerate().map(|(doubling, wall)| {
        let setting = setting(4).with(Axis::Buffer, 512_u64 << doubling).with(Axis::Workers, 1_usize);
        let mut row = row(setting, 64 * MIB, &rounds(wall), 0);
        row.call_latencies = Some(call_latencies(wall));
        let call = ObservedCall { call: "pread64".to_owned(), ours: 1024, theirs: 1024 };
        row.observed = Some(Observed { tool: "strace".to_owned(), calls: vec![call] });
        row
    });
    named(TableName::Buffers, sweep("copy", 64 * MIB, rows.collect()))
}

/// A copy that waits for the disk and a gzip that computes, by more and more workers.
fn workers() -> Report {
    let walls = [(1_usize, 90_000, 700_000), (2, 60_000, 371_000), (4, 52_000, 369_000), (8, 51_000, 372_000)];
    let cold = walls.map(|(workers, copy, _)| {
        let setting = setting(256).with(Axis::Workers, workers).with(Axis::Cache, "cold");
        let mut row = row(setting, 64 * MIB, &rounds(copy), 0);
        for sample in &mut row.samples {
            sample.metrics.count(Metric::User, 0);
            sample.metrics.count(Metric::DiskRead, 64 * MIB);
            sample.metrics.count(Metric::IoStall, copy * 700);
        }
        row
    });
    let gzip = walls.map(|(workers, _, gzip)| {
        let setting = setting(256).with(Axis::Workers, workers).with(Axis::Job, "gzip").with(Axis::Level, 6_u32);
        let mut row = row(setting.without(Axis::Engine), 64 * MIB, &rounds(gzip), 0);
        let cores = workers.min(2) as u64;
        row.samples.iter_mut().for_each(|sample| sample.metrics.count(Metric::User, gzip * 100 * (10 * cores - 9)));
        row
    });
    named(TableName::Workers, sweep("copy", 64 * MIB, cold.into_iter().chain(gzip).collect()))
}

fn pool() -> Report {
    let mut rows = vec![];
    for pool in [true, false] {
        for (kib, wall) in [(4, 41_000), (64, 15_000), (4096, 14_000)] {
            let more = if pool { 0 } else { kib };
            let mut row = row(setting(kib).with(Axis::Pool, pool), 64 * MIB, &rounds(wall + more * 2), 0);
            row.warm_up.metrics.count(Metric::Allocations, 90 + more * 4);
            row.warm_up.metrics.count(Metric::AllocatedBytes, MIB + more * 65_536);
            rows.push(row);
        }
    }
    rows.extend(pool_words());
    named(TableName::Pool, sweep("copy", 64 * MIB, rows))
}

/// A gzip by eight workers: without a pool, with a large one and a small one, and that with its other words.
fn pool_words() -> [Row; 5] {
    let gzip = setting(256).without(Axis::Engine).with(Axis::Job, "gzip").with(Axis::Level, 6_u32);
    let of = |pool: Value| gzip.clone().with(Axis::Workers, 8_usize).with(Axis::Pool, pool);
    let small = of(4_usize.into());
    [
        (of(false.into()), 380_000, [0, 144, 0, 0]),
        (of(true.into()), 374_000, [118, 26, 0, 0]),
        (small.clone(), 391_000, [140, 4, 0, 61]),
        (small.clone().with(Axis::PoolOverflow, 4_usize), 377_000, [20, 124, 120, 33]),
        (small.with(Axis::PoolWait, 30_000_000_000_u64), 391_000, [140, 4, 0, 61]),
    ]
    .map(|(setting, wall, [reused, fresh, overflowed, waited])| {
        let mut row = row(setting, 64 * MIB, &rounds(wall), 0);
        for sample in &mut row.samples {
            for (metric, count) in [
                (Metric::PoolAcquired, 144),
                (Metric::PoolReused, reused),
                (Metric::PoolFresh, fresh),
                (Metric::PoolOverflowed, overflowed),
                (Metric::PoolWaited, waited),
                (Metric::PoolGaveUp, 0),
            ] {
                sample.metrics.count(metric, count);
            }
        }
        row
    })
}

/// A copy that every scheduler can run, and a gzip that all but one can; two data sets.
fn models() -> Report {
    let models = [
        ("serial", 1_usize, 31_000, 700_000),
        ("channel", 2, 16_000, 352_000),
        ("rayon", 2, 16_900, 356_000),
        ("processes", 2, 19_500, 364_000),
        ("uring", 2, 15_100, 0),
    ];
    let of = |case: &'static str, scheduler: &'static str, workers, wall| {
        let setting = setting(256).with(Axis::Scheduler, scheduler).with(Axis::Workers, workers);
        let mut row = row(setting.with(Axis::Case, case), 64 * MIB, &rounds(wall), 0);
        let processes = if scheduler == "processes" { workers as u64 } else { 0 };
        row.warm_up.metrics.count(Metric::PeakPss, 5 * MIB + (2 * processes + workers as u64) * MIB);
        row
    };
    let copies = models.map(|(scheduler, workers, copy, _)| of("small files", scheduler, workers, copy));
    let gzips = models[..4].iter().map(|(scheduler, workers, _, gzip)| {
        let mut row = of("large files", scheduler, *workers, *gzip);
        row.setting = row.setting.without(Axis::Engine).with(Axis::Job, "gzip").with(Axis::Level, 6_u32);
        row
    });
    let mut report = named(TableName::Models, sweep("copy", 64 * MIB, copies.into_iter().chain(gzips).collect()));
    let data = |case: &str, files: usize| Data {
        case: Some(case.to_owned()),
        path: None,
        files: files as u64,
        generated: Some(Generated { files: files.try_into().unwrap(), bytes: 64 * MIB / files as u64, entropy: 7.31 }),
        ..report.data[0].clone()
    };
    report.data = vec![data("small files", 2048), data("large files", 8)];
    report.left_out = vec!["gzip with uring: it can only copy".to_owned()];
    report
}

fn ladder() -> Report {
    let start = setting(1).with(Axis::Workers, 1_usize).with(Axis::Scheduler, "serial");
    let start = start.with(Axis::Pool, false).with(Axis::Batch, false);
    let buffer = start.clone().with(Axis::Buffer, 256 * 1024_u64);
    let pool = buffer.clone().with(Axis::Pool, true);
    let workers = pool.clone().with(Axis::Workers, 2_usize).with(Axis::Scheduler, "channel");
    let batching = workers.clone().with(Axis::Batch, true);
    let steps = [
        ("start", start, 900_000),
        ("buffer", buffer, 210_000),
        ("pool", pool, 208_000),
        ("workers", workers, 121_000),
        ("batching", batching, 120_500),
    ];
    let rows = steps.map(|(name, setting, wall)| {
        let files = Latency { operations: 100, p50_ns: wall * 9, p99_ns: wall * 12, ..Latency::default() };
        Row { name: Some(name.to_owned()), file_latency: Some(files), ..row(setting, 640 * MIB, &rounds(wall), 0) }
    });
    let mut report = named(TableName::Ladder, sweep("copy", 640 * MIB, rows.into()));
    report.ended = Ended::Budget;
    report.data[0].path = None;
    report.data[0].files = 64;
    report.data[0].generated = Some(Generated { files: 64.try_into().unwrap(), bytes: 10 * MIB, entropy: 8.0 });
    report
}

fn named(table: TableName, report: Report) -> Report {
    let disk =
        Disk { name: "vda".to_owned(), queue: vec![("rotational".to_owned(), "1".to_owned())], ..Disk::default() };
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
    Report { table: Some(table), machine, command, controls: vec![Control { row, samples }], ..report }
}

fn call_latencies(wall_us: u64) -> CallLatencies {
    let call = |call: &str| CallLatency {
        call: call.to_owned(),
        calls: 1024,
        p50_ns: wall_us / 80,
        p90_ns: wall_us / 60,
        p99_ns: wall_us / 10,
        max_ns: wall_us * 3,
    };
    CallLatencies { wall_ns: wall_us * 1050, calls: ["pread64", "pwrite64", "statx"].map(call).into() }
}

fn setting(buffer_kib: u64) -> Setting {
    testing::setting(buffer_kib).with(Axis::Workers, 2_usize)
}

/// A row of runs that took so many µs; the last one makes `more` reads that nobody expected.
fn row(setting: Setting, source_bytes: u64, walls_us: &[u64], more: u64) -> Row {
    let calls = calls(&setting, source_bytes);
    let sample = |wall: &u64| Sample { calls: calls.clone(), ..sample(&setting, source_bytes, *wall) };
    let mut samples: Vec<Sample> = walls_us.iter().map(sample).collect();
    if let Some(last) = samples.last_mut() {
        (0..more).for_each(|_| last.calls.record(Call::Pread, 1, Ending::Moved(1)));
        last.metrics.count(Metric::UnexplainedWrites, more);
    }
    let step = setting.number(Axis::Buffer).unwrap_or(1);
    let mut warm_up = WarmUp { wall_ns: walls_us[0] * 2000, ..WarmUp::default() };
    warm_up.metrics.count(Metric::Peak, 5 * MIB + 6 * step);
    Row { warm_up, samples, ..Row::new(setting) }
}

fn calls(setting: &Setting, source_bytes: u64) -> SyscallCounts {
    let step = setting.number(Axis::Buffer).unwrap_or(1);
    let mut calls = SyscallCounts::default();
    for _ in 0..source_bytes / step {
        calls.record(Call::Pread, step as usize, Ending::Moved(step));
        calls.record(Call::Pwrite, step as usize, Ending::Moved(step));
    }
    for call in [Call::Openat, Call::Openat, Call::Statx, Call::Close, Call::Close, Call::Renameat2] {
        calls.record(call, 0, Ending::Moved(0));
    }
    calls
}

fn sample(setting: &Setting, source_bytes: u64, wall_us: u64) -> Sample {
    let step = setting.number(Axis::Buffer).unwrap_or(1);
    let workers = setting.number(Axis::Workers).unwrap_or(1);
    let calls = source_bytes / step;
    let mut sample = Sample { wall_ns: wall_us * 1_000, ..Sample::default() };
    for (metric, count) in [
        (Metric::Files, 1),
        (Metric::SourceBytes, source_bytes),
        (Metric::TargetBytes, source_bytes),
        (Metric::User, wall_us * 100),
        (Metric::System, wall_us * 850),
        (Metric::VoluntarySwitches, 12 * workers),
        (Metric::InvoluntarySwitches, 3),
        (Metric::MinorFaults, 150 + step * 6 / 4096),
        (Metric::MajorFaults, 0),
        (Metric::UnexplainedReads, 0),
        (Metric::UnexplainedWrites, 0),
        (Metric::PoolAcquired, calls),
        (Metric::PoolReused, calls - 6),
        (Metric::PoolFresh, 6),
    ] {
        sample.metrics.count(metric, count);
    }
    if setting.word(Axis::Cache) == Some("cold") || workers == 1 {
        sample.metrics.count(Metric::Sync, wall_us * 400);
    }
    sample
}

fn machine() -> Machine {
    Machine {
        host: Some("build7".to_owned()),
        identity: Some("3f2a90c1d47be856".to_owned()),
        kernel: Some("6.18.44".to_owned()),
        architecture: "x86_64".to_owned(),
        cpu: Some("AMD EPYC".to_owned()),
        cores: 2,
        memory_bytes: Some(24 << 30),
        file_system: "ext4".to_owned(),
        ..Machine::default()
    }
}

fn sweep(job: &str, source_bytes: u64, rows: Vec<Row>) -> Report {
    let data = Data {
        path: Some("data/silesia.tar".into()),
        bytes: source_bytes,
        files: 1,
        entropy_bits: Some(7.31),
        ..Data::default()
    };
    Report {
        command: format!("haul sweep {job} --seed 42 data/silesia.tar"),
        cost: Cost { empty_run_ns: 90, count_call_ns: 1.2, time_call_ns: 45.0 },
        ended: Ended::Rounds,
        between_ns: 1_500_000_000,
        data: vec![data],
        ..common(rows)
    }
}

/// What reports of all kinds have.
fn common(rows: Vec<Row>) -> Report {
    Report {
        format: Report::FORMAT,
        version: "0.1.0".to_owned(),
        started: "2026-12-01T11:56:37Z".to_owned(),
        machine: machine(),
        within: 0.05,
        rounds: rows.iter().map(|row| row.samples.len()).min().unwrap_or(0),
        seed: 42,
        rows,
        ..Report::default()
    }
}

const RUN_NS: u64 = 400_000_000;
