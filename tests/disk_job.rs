//! Whole measurements of a disk, tiny ones. One test in a program of its own: the kernel's counters, with which every run
//! is compared, belong to the process, so nothing else may read or write meanwhile.

#![allow(clippy::disallowed_methods, reason = "a test makes and reads its own files")]

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use haul::calls::{Call, Kind};
use haul::error::Cause;
use haul::job::Context;
use haul::lab::figures::Figures;
use haul::lab::metric::Metric;
use haul::lab::plan::Effort;
use haul::lab::report::{Ended, Rank, Report, Row, Sample, Subject};
use haul::lab::rounds::{Step, Watcher};
use haul::lab::setting::Axis;
use haul::lab::subject::disk;
use haul::lab::subject::disk::plan::{Access, BackendName, DiskPlan, DiskTarget, Load, Preset};
use haul::lab::timeline::points;
use haul::size::BufferSize;
use haul::sys::Stop;

const FILE_BYTES: u64 = 16 << 20;

#[test]
fn disks_are_measured_and_nothing_is_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    everything_is_measured(directory.path());
    what_exists_is_only_read(directory.path());
    threads_keep_operations_in_flight_where_that_is_asked_for(directory.path());
    a_preset_runs_its_lines(directory.path());
    what_is_sustained_is_run_once_in_windows_of_a_second(directory.path());
    holes_do_not_pass_for_a_disk(directory.path());
    a_request_to_stop_ends_it(directory.path());
    a_run_that_lasts_is_stopped_too(directory.path());
    targets_that_cannot_be_measured_say_why(directory.path());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    memory_has_no_direct_access();
}

fn everything_is_measured(directory: &Path) {
    let mut told = Told { directory: Some(directory.to_owned()), ..Told::default() };
    let report = disk::run(&plan(directory), &Context::silent(), &mut told).unwrap();
    assert!(matches!(report.ended, Ended::Rounds | Ended::Budget));
    assert!((1..=2).contains(&report.rounds) && report.failure.is_none());
    assert_eq!((report.subject, report.rank, report.data.len()), (Subject::Disk, Rank::Operation, 1));
    let data = &report.data[0];
    assert_eq!((data.path.as_deref(), data.bytes, data.is_read_only), (Some(directory), FILE_BYTES, false));
    assert_eq!(data.entropy_bits, Some(8.0));
    assert!(report.took_ns > report.warm_up_ns && report.between_ns > 0 && report.run_ns.is_some(), "{report:?}");
    let mut loads: Vec<Load> = report.rows.iter().map(load).collect();
    assert!(loads.is_sorted(), "{loads:?}");
    loads.dedup();
    assert_eq!(loads, Load::ALL);
    assert_eq!(told.data_files, 0, "the file has no name while it is measured");
    assert!(told.looks > 0 && told.scratch_directories == 1);
    for row in &report.rows {
        assert_eq!(row.samples.len(), report.rounds, "{:?}", row.setting);
        assert!(row.warm_up.wall_ns > 0);
        row.samples.iter().for_each(|sample| adds_up(row, sample));
        let all = [row.read_latency, row.write_latency].into_iter().flatten().map(|latency| latency.operations);
        let operations = row.valid().map(|sample| sample.metrics.whole(Metric::Operations));
        assert_eq!(all.sum::<u64>(), operations.sum::<u64>(), "latencies of {:?}", row.setting);
        assert!(Figures::of(row).get(Metric::OperationsPerSecond).is_some());
    }
    for control in &report.controls {
        assert_eq!(control.samples.len(), report.rounds);
    }
    sequential_reads_take_a_call_each(&report);
}

fn load(row: &Row) -> Load {
    row.setting.named(Axis::Load).unwrap()
}

fn backends(report: &Report) -> Vec<BackendName> {
    report.rows.iter().filter_map(|row| row.setting.named(Axis::Backend)).collect()
}

/// What holds for every run.
fn adds_up(row: &Row, sample: &Sample) {
    let (setting, about) = (&row.setting, format!("{:?}: {sample:?}", row.setting));
    let whole = |metric| sample.metrics.whole(metric);
    let operations = whole(Metric::Operations);
    assert!(operations > 0 && sample.wall_ns > 0, "{about}");
    let bytes = whole(Metric::ReadBytes) + whole(Metric::WrittenBytes);
    assert_eq!(bytes, operations * setting.number(Axis::Block).unwrap_or(0), "{about}");
    assert_eq!(sample.windows.iter().sum::<u64>(), operations, "{about}");
    assert!((1..=10).contains(&sample.windows.len()) && sample.window_ns > 0, "{about}");
    let timed = [sample.read_latency, sample.write_latency].into_iter().flatten().map(|latency| latency.operations);
    assert_eq!(timed.sum::<u64>(), operations, "{about}");
    assert!(sample.unexplained().is_none_or(|both| both == (0, 0)), "{about}");
    let of = |call: Call| sample.calls.of(call).calls;
    let (load, total) = (load(row), sample.calls.total());
    let flushes = setting.named(Axis::Access) == Some(Access::Buffered)
        && matches!(load, Load::Write | Load::RandomWrite | Load::Mixed);
    match (load, setting.named(Axis::Backend)) {
        (Load::Create, _) => assert_eq!((of(Call::Openat), of(Call::Close)), (operations, operations), "{about}"),
        (Load::Stat, _) => assert_eq!((of(Call::Statx), total), (operations, operations)),
        (Load::Remove, _) => assert_eq!((of(Call::Unlinkat), total), (operations, operations)),
        (_, Some(BackendName::IoUring)) => {
            assert_eq!(sample.calls.calls(Kind::Read) + sample.calls.calls(Kind::Write), 0, "{about}");
        }
        (load, _) => {
            assert_eq!(of(Call::Pread) + of(Call::Pwrite), operations, "{about}");
            let syncs = if load == Load::Sync { operations } else { u64::from(flushes) };
            assert_eq!(of(Call::Fdatasync), syncs, "{about}");
        }
    }
}

fn sequential_reads_take_a_call_each(report: &Report) {
    let reads = report.rows.iter().filter(|row| load(row) == Load::Read);
    for sample in reads.flat_map(|row| &row.samples) {
        let operations = sample.metrics.whole(Metric::Operations);
        assert_eq!((sample.calls.of(Call::Pread).calls, sample.calls.total()), (operations, operations));
    }
}

fn what_exists_is_only_read(directory: &Path) {
    let file = directory.join("file");
    let content: Vec<u8> = (0..1_u32 << 20).flat_map(u32::to_le_bytes).collect();
    fs::write(&file, &content).unwrap();
    // Read-only for everybody, and so opened.
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let before = fs::metadata(&file).unwrap();
    let existing = DiskPlan {
        target: DiskTarget::Existing(file.clone()),
        loads: vec![Load::Read, Load::RandomRead],
        file_bytes: None,
        ..plan(directory)
    };
    let report = disk::run(&existing, &Context::silent(), &mut Told::default()).unwrap();
    let data = &report.data[0];
    assert_eq!((data.is_read_only, data.bytes, data.entropy_bits), (true, content.len() as u64, None));
    assert_eq!(report.preparation_ns, 0);
    report.rows.iter().for_each(|row| row.samples.iter().for_each(|sample| adds_up(row, sample)));
    let after = fs::metadata(&file).unwrap();
    let times = |about: &fs::Metadata| (about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
    assert_eq!(times(&before), times(&after));
    assert_eq!((before.atime(), before.atime_nsec()), (after.atime(), after.atime_nsec()));
    assert!(fs::read(&file).unwrap() == content);
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1, "nothing is made");
    let blocks = vec![BufferSize::from_kib(8 << 10)];
    let error =
        disk::run(&DiskPlan { blocks, ..existing.clone() }, &Context::silent(), &mut Told::default()).unwrap_err();
    assert!(error.to_string().contains("a block of 8.0 MiB is larger than the file of 4.0 MiB"), "{error}");
    // Neither is a block that nobody named looked for in a file that has none.
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(512 << 10).unwrap();
    let usual = DiskPlan { axes: Some(vec![]), blocks: vec![], ..existing };
    let error = disk::run(&usual, &Context::silent(), &mut Told::default()).unwrap_err();
    assert!(error.to_string().contains("a block of 1.0 MiB is larger than the file of 512.0 KiB"), "{error}");
    fs::remove_file(&file).unwrap();
}

fn threads_keep_operations_in_flight_where_that_is_asked_for(directory: &Path) {
    let plan = DiskPlan { loads: vec![Load::Mixed], backend: Some(BackendName::Threads), ..plan(directory) };
    let report = disk::run(&plan, &Context::silent(), &mut Told::default()).unwrap();
    assert_eq!(backends(&report), [BackendName::Calls, BackendName::Threads]);
    assert_eq!(report.remarks, Vec::<String>::new(), "threads were asked for");
    for (row, sample) in report.rows.iter().flat_map(|row| row.samples.iter().map(move |sample| (row, sample))) {
        adds_up(row, sample);
        let [read, written] = [Metric::ReadBytes, Metric::WrittenBytes].map(|metric| sample.metrics.whole(metric));
        assert!(read > written && written > 0, "{sample:?}");
    }
}

fn a_preset_runs_its_lines(directory: &Path) {
    let plan = DiskPlan { preset: Some(Preset::Cdm), entropy: 4.0, ..plan(directory) };
    let report = match disk::run(&plan, &Context::silent(), &mut Told::default()) {
        Err(error) if error.to_string().contains("direct: ") => return eprintln!("skipped: {error}"),
        result => result.unwrap(),
    };
    let names: Vec<&str> = report.rows.iter().filter_map(|row| row.name.as_deref()).collect();
    let lines: Vec<&str> = Preset::Cdm.lines().iter().flat_map(|line| [line.name; 2]).collect();
    assert_eq!(names, lines);
    assert_eq!((report.data[0].entropy_bits, report.controls.len()), (Some(4.0), 4));
    for row in &report.rows {
        row.samples.iter().for_each(|sample| adds_up(row, sample));
    }
}

/// What goes through the page cache ends with the file or when it is written back, and all else with the time.
fn what_is_sustained_is_run_once_in_windows_of_a_second(directory: &Path) {
    let sustain = Some(Duration::from_millis(1300));
    let loads = vec![Load::RandomWrite, Load::Read, Load::Create];
    let plan = DiskPlan { loads, depths: vec![8], sustain, ..plan(directory) };
    let report = disk::run(&plan, &Context::silent(), &mut Told::default()).unwrap();
    assert_eq!((report.rounds, report.ended, report.controls.len()), (1, Ended::Rounds, 0));
    assert_eq!(report.run_ns, Some(1_300_000_000));
    for row in &report.rows {
        assert_eq!((row.samples.len(), row.warm_up.steadiness), (1, None));
        let sample = &row.samples[0];
        adds_up(row, sample);
        assert_eq!(sample.window_ns, 1_000_000_000);
        let by_time = load(row) == Load::RandomWrite || row.setting.named(Axis::Access) == Some(Access::Direct);
        if by_time {
            assert_eq!((sample.windows.len(), sample.wall_ns >= 1_300_000_000), (2, true), "{:?}", row.setting);
        }
        assert!(!points(row).is_empty());
    }
}

fn holes_do_not_pass_for_a_disk(directory: &Path) {
    let file = directory.join("sparse");
    fs::File::create(&file).unwrap().set_len(FILE_BYTES).unwrap();
    let plan = DiskPlan { target: DiskTarget::Existing(file.clone()), loads: vec![Load::Read], ..plan(directory) };
    let report = disk::run(&plan, &Context::silent(), &mut Told::default()).unwrap();
    fs::remove_file(&file).unwrap();
    if !matches!(report.machine.file_system.as_str(), "ext4" | "xfs") {
        eprintln!("skipped: it is not known what {} counts", report.machine.file_system);
        return;
    }
    for row in &report.rows {
        assert!(row.samples.iter().all(|sample| sample.invalid.as_ref().is_some_and(|why| why.contains("holes"))));
        assert_eq!((row.read_latency, Figures::of(row).runs_invalid), (None, row.samples.len()));
    }
    assert_eq!(report.repeated, 2 * (report.rounds * (report.rows.len() + report.controls.len())));
    assert!(disk::warnings(&report)[0].starts_with("no run shows what it should of read 64K"));
}

fn a_run_that_lasts_is_stopped_too(directory: &Path) {
    let effort = Effort { rounds: None, budget: Some(Duration::from_secs(3600)), within: 0.05 };
    let plan = DiskPlan { loads: vec![Load::Read, Load::Write], effort, ..plan(directory) };
    let context = Context::silent();
    let stop = context.stop.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            stop.request(15);
        });
        match disk::run(&plan, &context, &mut Told::default()) {
            Ok(report) => assert_eq!(report.ended, Ended::Interrupted),
            Err(error) => assert_eq!(error.cause, Cause::Interrupted),
        }
    });
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
}

fn a_request_to_stop_ends_it(directory: &Path) {
    let plan = DiskPlan { loads: vec![Load::Read, Load::Create], accesses: vec![Access::Buffered], ..plan(directory) };
    // Before anything was measured it is a failure, afterwards the end: steps are the file, two warm-ups, then runs, of
    // which the first may be the control's.
    for (step, is_failure) in [(0, true), (3, true), (5, false)] {
        let context = Context::silent();
        let mut told = Told { stops_at: Some(step), stop: Some(context.stop.clone()), ..Told::default() };
        match disk::run(&plan, &context, &mut told) {
            Err(error) if is_failure => assert_eq!(error.cause, Cause::Interrupted),
            Ok(report) if !is_failure => assert_eq!((report.ended, report.failure), (Ended::Interrupted, None)),
            other => panic!("stopped at step {step}: {:?}", other.map(|report| report.ended)),
        }
        assert_eq!(fs::read_dir(directory).unwrap().count(), 0, "stopped at step {step}");
    }
}

fn targets_that_cannot_be_measured_say_why(directory: &Path) {
    let fifo = directory.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    let plan = plan(directory);
    let existing = |path: &Path| DiskPlan { target: DiskTarget::Existing(path.to_owned()), ..plan.clone() };
    for (plan, words) in [
        (existing(&fifo), "it is neither a file nor a block device"),
        (existing(Path::new("/dev/tty")), ""),
        (existing(directory), "it is a directory"),
        (existing(&directory.join("none")), "cannot open"),
        (DiskPlan { target: DiskTarget::Directory(directory.join("none")), ..plan.clone() }, "cannot open"),
        (DiskPlan { file_bytes: Some(u64::MAX / 2), ..plan.clone() }, "that are free"),
        (DiskPlan { blocks: vec![BufferSize::from_kib(32 << 10)], ..plan.clone() }, "larger than the file"),
    ] {
        let error = disk::run(&plan, &Context::silent(), &mut Told::default()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    fs::remove_file(&fifo).unwrap();
}

fn memory_has_no_direct_access() {
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: there is no /dev/shm");
        return;
    };
    let plan = DiskPlan { loads: vec![Load::Read, Load::RandomWrite], ..plan(memory.path()) };
    let report = disk::run(&plan, &Context::silent(), &mut Told::default()).unwrap();
    if report.machine.file_system != "tmpfs" {
        eprintln!("skipped: /dev/shm is not a tmpfs");
        return;
    }
    assert!(report.rows.iter().all(|row| row.setting.named(Axis::Access) == Some(Access::Buffered)));
    assert!(report.left_out.iter().any(|said| said.contains("keeps files in memory")), "{:?}", report.left_out);
    assert!(report.rows.iter().flat_map(|row| &row.samples).all(Sample::is_valid));
    assert_eq!(fs::read_dir(memory.path()).unwrap().count(), 0);
}

/// Counts what it is told, looks into the directory, and asks to stop.
#[derive(Default)]
struct Told {
    steps: usize,
    stops_at: Option<usize>,
    stop: Option<Stop>,
    directory: Option<PathBuf>,
    looks: usize,
    scratch_directories: usize,
    data_files: usize,
}

impl Watcher for Told {
    fn step(&mut self, _step: Step) {
        if self.stops_at == Some(self.steps) {
            self.stop.as_ref().unwrap().request(2);
        }
        self.steps += 1;
    }

    fn measured(&mut self, _report: &Report) {
        let Some(directory) = &self.directory else { return };
        self.looks += 1;
        let scratch: Vec<PathBuf> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        self.scratch_directories = scratch.len();
        let files = scratch.iter().flat_map(|scratch| scratch.read_dir().unwrap());
        self.data_files = files.filter(|entry| !entry.as_ref().unwrap().path().is_dir()).count();
    }
}

/// Everything, with runs as short as can be.
fn plan(directory: &Path) -> DiskPlan {
    DiskPlan {
        target: DiskTarget::Directory(directory.to_owned()),
        loads: Load::ALL.to_vec(),
        preset: None,
        accesses: vec![Access::Buffered, Access::Direct],
        axes: None,
        blocks: vec![BufferSize::from_kib(64)],
        depths: vec![1, 8],
        backend: None,
        file_bytes: Some(FILE_BYTES),
        share: 0.25,
        entropy: 8.0,
        sustain: None,
        effort: Effort { rounds: NonZeroUsize::new(2), budget: Some(Duration::from_millis(10)), within: 0.05 },
        seed: 7,
        anonymous: false,
        command: String::new(),
    }
}
