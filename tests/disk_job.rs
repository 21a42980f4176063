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
use haul::lab::disk;
use haul::lab::disk::figures::DiskFigures;
use haul::lab::rounds::{Step, Watcher};
use haul::outcome::{DiskReport, DiskRow, DiskSample, Ended};
use haul::plan::{Access, DiskPlace, DiskPlan, Effort, Flight, Load};
use haul::size::BufferSize;
use haul::sys::Stop;

const FILE_BYTES: u64 = 16 << 20;

#[test]
fn disks_are_measured_and_nothing_is_left_behind() {
    let place = tempfile::tempdir().unwrap();
    everything_is_measured(place.path());
    what_exists_is_only_read(place.path());
    threads_keep_operations_in_flight_where_that_is_asked_for(place.path());
    holes_do_not_pass_for_a_disk(place.path());
    a_wish_to_stop_ends_it(place.path());
    a_run_that_lasts_is_stopped_too(place.path());
    places_that_cannot_be_measured_say_why(place.path());
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    memory_has_no_direct_access();
}

fn everything_is_measured(place: &Path) {
    let mut told = Told { place: Some(place.to_owned()), ..Told::default() };
    let report = disk::run(&plan(place), &Context::silent(), &mut told).unwrap();
    assert!(matches!(report.ended, Ended::Rounds | Ended::Budget));
    assert!((1..=2).contains(&report.rounds) && report.failure.is_none());
    assert_eq!((report.file_bytes, report.is_existing), (FILE_BYTES, false));
    assert!(
        report
            .rows
            .iter()
            .map(|row| row.setting.load)
            .eq(Load::ALL.into_iter().flat_map(|load| std::iter::repeat_n(load, rows_of(&report, load))))
    );
    for load in Load::ALL {
        assert!(rows_of(&report, load) > 0, "{load:?}");
    }
    assert_eq!(told.data_files, 0, "the file has no name while it is measured");
    assert!(told.looks > 0 && told.scratch_directories == 1);
    for row in &report.rows {
        assert_eq!(row.samples.len(), report.rounds, "{:?}", row.setting);
        assert!(row.warm_up.wall_ns > 0);
        row.samples.iter().for_each(|sample| adds_up(row, sample));
        assert!(DiskFigures::of(row).operations_per_second.is_some());
    }
    for control in &report.controls {
        assert_eq!(control.samples.len(), report.rounds);
    }
    sequential_reads_take_a_call_each(&report);
}

fn rows_of(report: &DiskReport, load: Load) -> usize {
    report.rows.iter().filter(|row| row.setting.load == load).count()
}

/// What holds for every run.
fn adds_up(row: &DiskRow, sample: &DiskSample) {
    let (setting, about) = (row.setting, format!("{:?}: {sample:?}", row.setting));
    let block = setting.block.map_or(0, |block| block.bytes() as u64);
    assert!(sample.operations > 0 && sample.run.wall_ns > 0, "{about}");
    assert_eq!(sample.bytes(), sample.operations * block, "{about}");
    assert_eq!(sample.windows.iter().sum::<u64>(), sample.operations, "{about}");
    let timed = [sample.read_latency, sample.write_latency].into_iter().flatten().map(|latency| latency.operations);
    assert_eq!(timed.sum::<u64>(), sample.operations, "{about}");
    let differs = |unexplained: Option<i64>| unexplained.is_some_and(|calls| calls != 0);
    assert!(!differs(sample.run.unexplained_reads) && !differs(sample.run.unexplained_writes), "{about}");
    let calls = &sample.run.summary.syscalls;
    let of = |call: Call| calls.of(call).calls;
    let flushes = u64::from(
        setting.access == Some(Access::Buffered)
            && matches!(setting.load, Load::Write | Load::RandomWrite | Load::Mixed),
    );
    match (setting.load, setting.flight) {
        (Load::Create, _) => {
            assert_eq!((of(Call::Openat), of(Call::Close)), (sample.operations, sample.operations), "{about}");
        }
        (Load::Stat, _) => assert_eq!((of(Call::Statx), calls.total()), (sample.operations, sample.operations)),
        (Load::Remove, _) => assert_eq!((of(Call::Unlinkat), calls.total()), (sample.operations, sample.operations)),
        (_, Flight::IoUring) => assert_eq!(calls.calls(Kind::Read) + calls.calls(Kind::Write), 0, "{about}"),
        (load, _) => {
            assert_eq!(of(Call::Pread) + of(Call::Pwrite), sample.operations, "{about}");
            let syncs = if load == Load::Sync { sample.operations } else { flushes };
            assert_eq!(of(Call::Fdatasync), syncs, "{about}");
        }
    }
}

fn sequential_reads_take_a_call_each(report: &DiskReport) {
    let reads = report.rows.iter().filter(|row| row.setting.load == Load::Read);
    for sample in reads.flat_map(|row| &row.samples) {
        let calls = &sample.run.summary.syscalls;
        assert_eq!((calls.of(Call::Pread).calls, calls.total()), (sample.operations, sample.operations));
    }
}

fn what_exists_is_only_read(place: &Path) {
    let file = place.join("file");
    let content: Vec<u8> = (0..1_u32 << 20).flat_map(u32::to_le_bytes).collect();
    fs::write(&file, &content).unwrap();
    // Read-only for everybody, and so opened.
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let before = fs::metadata(&file).unwrap();
    let existing = DiskPlan {
        place: DiskPlace::Existing(file.clone()),
        loads: vec![Load::Read, Load::RandomRead],
        file_bytes: None,
        ..plan(place)
    };
    let report = disk::run(&existing, &Context::silent(), &mut Told::default()).unwrap();
    assert_eq!((report.is_existing, report.file_bytes, report.preparation_ns), (true, content.len() as u64, 0));
    report.rows.iter().for_each(|row| row.samples.iter().for_each(|sample| adds_up(row, sample)));
    let after = fs::metadata(&file).unwrap();
    let times = |about: &fs::Metadata| (about.mtime(), about.mtime_nsec(), about.ctime(), about.ctime_nsec());
    assert_eq!(times(&before), times(&after));
    assert_eq!((before.atime(), before.atime_nsec()), (after.atime(), after.atime_nsec()));
    assert!(fs::read(&file).unwrap() == content);
    assert_eq!(fs::read_dir(place).unwrap().count(), 1, "nothing is made");
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

fn threads_keep_operations_in_flight_where_that_is_asked_for(place: &Path) {
    let plan = DiskPlan { loads: vec![Load::Mixed], flight: Some(Flight::Threads), ..plan(place) };
    let report = disk::run(&plan, &Context::silent(), &mut Told::default()).unwrap();
    let flights: Vec<Flight> = report.rows.iter().map(|row| row.setting.flight).collect();
    assert_eq!((flights, report.no_io_uring), (vec![Flight::Calls, Flight::Threads], None));
    for (row, sample) in report.rows.iter().flat_map(|row| row.samples.iter().map(move |sample| (row, sample))) {
        adds_up(row, sample);
        assert!(sample.read_bytes > sample.written_bytes && sample.written_bytes > 0, "{sample:?}");
    }
}

fn holes_do_not_pass_for_a_disk(place: &Path) {
    let file = place.join("sparse");
    fs::File::create(&file).unwrap().set_len(FILE_BYTES).unwrap();
    let plan = DiskPlan { place: DiskPlace::Existing(file.clone()), loads: vec![Load::Read], ..plan(place) };
    let report = disk::run(&plan, &Context::silent(), &mut Told::default()).unwrap();
    fs::remove_file(&file).unwrap();
    if !matches!(report.machine.file_system.as_str(), "ext4" | "xfs") {
        eprintln!("skipped: it is not known what {} counts", report.machine.file_system);
        return;
    }
    for row in &report.rows {
        assert!(row.samples.iter().all(|sample| sample.run.invalid.as_ref().is_some_and(|why| why.contains("holes"))));
        assert_eq!((row.read_latency, DiskFigures::of(row).runs_invalid), (None, row.samples.len()));
    }
    assert_eq!(report.repeated, 2 * (report.rounds * (report.rows.len() + report.controls.len())));
    assert!(
        disk::doubts::doubts(&report).iter().any(|doubt| doubt.starts_with("no run shows what it should of read 64K"))
    );
}

fn a_run_that_lasts_is_stopped_too(place: &Path) {
    let effort = Effort { rounds: None, budget: Some(Duration::from_secs(3600)), within: 0.05 };
    let plan = DiskPlan { loads: vec![Load::Read, Load::Write], effort, ..plan(place) };
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
    assert_eq!(fs::read_dir(place).unwrap().count(), 0);
}

fn a_wish_to_stop_ends_it(place: &Path) {
    let plan = DiskPlan { loads: vec![Load::Read, Load::Create], accesses: vec![Access::Buffered], ..plan(place) };
    // Before anything was measured it is a failure, afterwards the end: steps are the file, two warm-ups, then runs.
    for (step, is_failure) in [(0, true), (3, true), (4, false)] {
        let context = Context::silent();
        let mut told = Told { stops_at: Some(step), stop: Some(context.stop.clone()), ..Told::default() };
        match disk::run(&plan, &context, &mut told) {
            Err(error) if is_failure => assert_eq!(error.cause, Cause::Interrupted),
            Ok(report) if !is_failure => assert_eq!((report.ended, report.failure), (Ended::Interrupted, None)),
            other => panic!("stopped at step {step}: {:?}", other.map(|report| report.ended)),
        }
        assert_eq!(fs::read_dir(place).unwrap().count(), 0, "stopped at step {step}");
    }
}

fn places_that_cannot_be_measured_say_why(place: &Path) {
    let fifo = place.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .unwrap();
    let plan = plan(place);
    let existing = |path: &Path| DiskPlan { place: DiskPlace::Existing(path.to_owned()), ..plan.clone() };
    for (plan, words) in [
        (existing(&fifo), "it is neither a file nor a block device"),
        (existing(Path::new("/dev/tty")), ""),
        (existing(place), "it is a directory"),
        (existing(&place.join("none")), "cannot open"),
        (DiskPlan { place: DiskPlace::Directory(place.join("none")), ..plan.clone() }, "cannot open"),
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
    assert!(report.rows.iter().all(|row| row.setting.access == Some(Access::Buffered)));
    assert!(report.left_out.iter().any(|said| said.contains("keeps files in memory")), "{:?}", report.left_out);
    assert!(report.rows.iter().flat_map(|row| &row.samples).all(|sample| sample.run.invalid.is_none()));
    assert_eq!(fs::read_dir(memory.path()).unwrap().count(), 0);
}

/// Counts what it is told, looks into the place, and asks to stop.
#[derive(Default)]
struct Told {
    steps: usize,
    stops_at: Option<usize>,
    stop: Option<Stop>,
    place: Option<PathBuf>,
    looks: usize,
    scratch_directories: usize,
    data_files: usize,
}

impl Watcher<DiskReport> for Told {
    fn step(&mut self, _step: Step) {
        if self.stops_at == Some(self.steps) {
            self.stop.as_ref().unwrap().request(2);
        }
        self.steps += 1;
    }

    fn measured(&mut self, _report: &DiskReport) {
        let Some(place) = &self.place else { return };
        self.looks += 1;
        let scratch: Vec<PathBuf> = place.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        self.scratch_directories = scratch.len();
        let files = scratch.iter().flat_map(|scratch| scratch.read_dir().unwrap());
        self.data_files = files.filter(|entry| !entry.as_ref().unwrap().path().is_dir()).count();
    }
}

/// Everything, with runs as short as can be.
fn plan(place: &Path) -> DiskPlan {
    DiskPlan {
        place: DiskPlace::Directory(place.to_owned()),
        loads: Load::ALL.to_vec(),
        accesses: vec![Access::Buffered, Access::Direct],
        axes: None,
        blocks: vec![BufferSize::from_kib(64)],
        depths: vec![1, 8],
        flight: None,
        file_bytes: Some(FILE_BYTES),
        share: 0.25,
        effort: Effort { rounds: NonZeroUsize::new(2), budget: Some(Duration::from_millis(10)), within: 0.05 },
        seed: 7,
        command: String::new(),
    }
}
