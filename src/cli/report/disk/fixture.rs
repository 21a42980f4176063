//! Reports made by hand, for the tests of every format.

use haul::calls::{Call, Ending};
use haul::outcome::{
    Control, Disk, DiskReport, DiskRow, DiskSample, DiskSetting, DiskWarmUp, Ended, Latency, Machine, Sample,
    Steadiness, Summary,
};
use haul::plan::{Access, Flight, Load};
use haul::size::BufferSize;

const RUN_NS: u64 = 400_000_000;

/// All loads as they are by default, eight rounds.
pub(in super::super) fn minute() -> DiskReport {
    let mut rows = vec![];
    for (load, access, mib) in [
        (Load::Read, Access::Buffered, [310, 905, 911]),
        (Load::Read, Access::Direct, [62, 640, 1904]),
        (Load::Write, Access::Buffered, [288, 402, 411]),
        (Load::Write, Access::Direct, [44, 390, 415]),
    ] {
        for (kib, mib) in [4, 128, 1024].into_iter().zip(mib) {
            rows.push(row(setting(load, access, kib, 1), mib * 1024 / kib));
        }
    }
    for (load, rates) in [
        (Load::RandomRead, [9_120, 34_800, 98_300, 99_900]),
        (Load::RandomWrite, [11_300, 29_600, 41_200, 41_000]),
        (Load::Mixed, [9_700, 31_000, 66_000, 66_400]),
    ] {
        for (depth, rate) in [1, 4, 16, 32].into_iter().zip(rates) {
            rows.push(row(setting(load, Access::Direct, 4, depth), rate));
        }
    }
    rows.push(row(setting(Load::Sync, Access::Buffered, 4, 1), 840));
    for (load, rate) in [(Load::Create, 61_000), (Load::Stat, 890_000), (Load::Remove, 74_000)] {
        let setting = DiskSetting { load, access: None, block: None, depth: 1, flight: Flight::Calls };
        rows.push(row(setting, rate));
    }
    rows[14].warm_up.steadiness = Some(Steadiness { is_steady: false, slope: -0.093, range: 0.31 });
    let mut again = rows[1].samples.clone();
    for sample in &mut again {
        sample.run.wall_ns += sample.run.wall_ns / 300;
    }
    DiskReport { controls: vec![Control { row: 1, samples: again }], ..report(rows) }
}

/// A file that exists, read with two block sizes in two rounds; one run was served by a cache.
pub(super) fn only_read() -> DiskReport {
    let sizes = [(Access::Direct, 64, 800), (Access::Direct, 1024, 1900)];
    let mut rows: Vec<DiskRow> = sizes
        .map(|(access, kib, mib)| row(setting(Load::Read, access, kib, 1), mib * 1024 / kib))
        .into_iter()
        .chain([row(setting(Load::RandomRead, Access::Direct, 4, 8), 50_000)])
        .collect();
    for row in &mut rows {
        row.samples.truncate(2);
        row.setting.flight = if row.setting.depth > 1 { Flight::Threads } else { Flight::Calls };
        row.warm_up.steadiness = None;
    }
    rows[0].samples[1].run.invalid = Some("only 3.0 MiB of 320.0 MiB came from the disk".to_owned());
    DiskReport {
        place: "/dev/sdb".into(),
        is_existing: true,
        no_io_uring: Some("it is forbidden here".to_owned()),
        left_out: vec!["read buffered: no such thing".to_owned()],
        ended: Ended::Interrupted,
        repeated: 1,
        preparation_ns: 0,
        machine: Machine { file_system: "devtmpfs".to_owned(), disk: None, ..machine() },
        ..report(rows)
    }
}

fn setting(load: Load, access: Access, kib: u64, depth: usize) -> DiskSetting {
    let flight = if depth > 1 { Flight::IoUring } else { Flight::Calls };
    DiskSetting { load, access: Some(access), block: Some(BufferSize::from_kib(kib)), depth, flight }
}

/// Eight runs in which so much was done a second, give or take.
fn row(setting: DiskSetting, rate: u64) -> DiskRow {
    let per_mille = [1000, 1004, 991, 1002, 1007, 996, 1000, 989];
    let [reads, writes] = parts(setting.load);
    let latency = latency(rate, setting.depth as u64);
    let samples = per_mille.map(|part| DiskSample {
        read_latency: (reads > 0).then_some(latency),
        write_latency: (writes > 0).then_some(latency),
        ..sample(setting, rate, part)
    });
    DiskRow {
        warm_up: DiskWarmUp {
            wall_ns: 500_000_000,
            steadiness: Some(Steadiness { is_steady: true, slope: 0.004, range: 0.06 }),
        },
        read_latency: (reads > 0).then_some(latency),
        write_latency: (writes > 0).then(|| Latency { p99_ns: latency.p99_ns * 2, ..latency }),
        samples: samples.to_vec(),
        ..DiskRow::new(setting)
    }
}

/// Of ten operations, those that read and those that write.
const fn parts(load: Load) -> [u64; 2] {
    match load {
        Load::Read | Load::RandomRead | Load::Create | Load::Stat | Load::Remove => [10, 0],
        Load::Write | Load::RandomWrite | Load::Sync => [0, 10],
        Load::Mixed => [7, 3],
    }
}

/// A run of so many operations a second that took so many per mille of the time it should.
fn sample(setting: DiskSetting, rate: u64, per_mille: u64) -> DiskSample {
    let operations = rate * (RUN_NS / 1_000_000) / 1000;
    let bytes = operations * setting.block.map_or(0, |block| block.bytes() as u64);
    let [reads, writes] = parts(setting.load);
    let mut summary = Summary::default();
    let calls = if setting.depth > 1 { operations / setting.depth as u64 } else { operations };
    for _ in 0..calls {
        summary.syscalls.record(Call::Pread, 1, Ending::Moved(1));
    }
    let run = Sample {
        wall_ns: RUN_NS / 1000 * per_mille,
        user_ns: RUN_NS / 50,
        system_ns: RUN_NS / 8,
        unexplained_reads: Some(0),
        unexplained_writes: Some(0),
        summary,
        ..Sample::default()
    };
    let windows = vec![operations / 10; 10];
    let (read_bytes, written_bytes) = (bytes / 10 * reads, bytes / 10 * writes);
    DiskSample { run, operations, read_bytes, written_bytes, windows, ..DiskSample::default() }
}

fn latency(rate: u64, depth: u64) -> Latency {
    let mean_ns = 1_000_000_000 * depth / rate;
    Latency {
        operations: rate * 8 * 400 / 1000,
        mean_ns,
        p50_ns: mean_ns * 9 / 10,
        p99_ns: mean_ns * 3,
        p999_ns: mean_ns * 7,
        max_ns: mean_ns * 40 + 1_000_000,
    }
}

fn machine() -> Machine {
    Machine {
        kernel: Some("6.18.44".to_owned()),
        architecture: "x86_64".to_owned(),
        cpu: Some("AMD EPYC".to_owned()),
        cores: 2,
        memory_bytes: Some(24 << 30),
        file_system: "ext4".to_owned(),
        disk: Some(Disk { name: "nvme0n1".to_owned(), queue: vec![("scheduler".to_owned(), "none".to_owned())] }),
        ..Machine::default()
    }
}

fn report(rows: Vec<DiskRow>) -> DiskReport {
    DiskReport {
        format: DiskReport::FORMAT,
        version: "0.1.0".to_owned(),
        command: "haul disk --seed 42 /mnt".to_owned(),
        machine: machine(),
        place: "/mnt".into(),
        file_bytes: 4 << 30,
        run_ns: RUN_NS,
        within: 0.05,
        ended: Ended::Budget,
        rounds: rows.iter().map(|row| row.samples.len()).min().unwrap_or(0),
        seed: 42,
        preparation_ns: 8_700_000_000,
        warm_up_ns: 11_400_000_000,
        tidying_ns: 3_100_000_000,
        rows,
        ..DiskReport::default()
    }
}
