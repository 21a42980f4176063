//! Whole sweeps over small sources. One test in a program of its own: the kernel's counters, with which every run is
//! compared, belong to the process, so nothing else may read or write meanwhile.

#![allow(clippy::disallowed_methods, reason = "a test makes and reads its own files")]

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use haul::error::{Cause, Remedy};
use haul::gzip::gzip;
use haul::job::Context;
use haul::lab::figures::Figures;
use haul::lab::metric::Metric;
use haul::lab::plan::{DataPlan, Effort, ExtraRuns, Generated, SweepData, SweepJob, SweepPlan, Variant};
use haul::lab::reconcile::Reconciliation;
use haul::lab::report::{Ended, Rank, Report};
use haul::lab::rounds::{Step, Watcher};
use haul::lab::setting::Axis;
use haul::lab::subject::job::axes::Axes;
use haul::lab::subject::job::tables;
use haul::lab::sweep;
use haul::plan::{CodecName, EngineName, FileOptions, GzipOptions, PoolChoice, Resources, SchedulerName};
use haul::size::BufferSize;
use haul::sys::Stop;

const FILE_BYTES: usize = 300_000;

#[test]
fn sweeps_measure_the_jobs_and_leave_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, text()).unwrap();
    let tree = make_tree(directory.path());
    let before = listing(directory.path());

    copies_of_a_file(&file);
    for job in [SweepJob::Copy, SweepJob::Gzip] {
        a_tree(job, &tree);
    }
    gzip_of_a_file(&file);
    several_data_sets(&file, directory.path());
    extra_runs(&tree);
    a_request_to_stop_ends_it(&file);
    a_job_that_fails_ends_it_with_its_reason(directory.path());
    scratch_goes_where_it_is_told(&file, &tree);
    what_was_measured_survives_a_failure(directory.path());
    assert_eq!(listing(directory.path()), before, "the user's files are only read, and no scratch is left");

    decompressing(&file);
}

fn copies_of_a_file(file: &Path) {
    let axes = Axes {
        engines: vec![EngineName::ReadWrite, EngineName::CopyFileRange, EngineName::Mmap],
        pools: vec![PoolChoice::Auto, PoolChoice::Off],
        schedulers: vec![SchedulerName::Serial, SchedulerName::Channel, SchedulerName::Rayon],
        ..axes(SweepJob::Copy)
    };
    let report = run(&plan(&axes, file));
    let data = &report.data[0];
    assert_eq!((data.bytes, data.files, data.is_read_only), (FILE_BYTES as u64, 1, true));
    assert_eq!((data.path.as_deref(), data.codec.as_deref(), report.data.len()), (Some(file), None, 1));
    assert_eq!((report.rank, report.format, report.rows.len()), (Rank::Wall, Report::FORMAT, 2 * 3 * 2 * 3));
    let by_read_write = |engine: Option<&str>| engine == Some("read_write");
    for row in report.rows.iter().filter(|row| by_read_write(row.setting.word(Axis::Engine))) {
        let reads = Figures::of(row).median(Metric::Reads).unwrap() as usize;
        let least = FILE_BYTES.div_ceil(row.setting.number(Axis::Buffer).unwrap() as usize);
        assert!((least..least + 4).contains(&reads), "{reads} reads with {:?}", row.setting);
    }
    for row in &report.rows {
        assert!(row.warm_up.wall_ns > 0 && row.samples.iter().all(|sample| sample.metrics.get(Metric::Sync).is_some()));
    }
}

fn a_tree(job: SweepJob, tree: &Path) {
    let report = run(&plan(&axes(job), tree));
    // gzip passes over links, and over what has its suffix already.
    let files = if job == SweepJob::Copy { 3 } else { 2 };
    assert_eq!(report.data[0].files, 3, "{job:?}");
    for sample in report.rows.iter().flat_map(|row| &row.samples) {
        assert_eq!(sample.metrics.whole(Metric::Files), files, "{job:?}");
    }
}

fn gzip_of_a_file(file: &Path) {
    let report = run(&plan(&Axes { levels: vec![1, 9], ..axes(SweepJob::Gzip) }, file));
    assert!(report.preparation_ns > 0 && report.between_ns > 0 && report.took_ns > report.between_ns);
    assert_eq!((report.rows.len(), report.data[0].block_bytes), (4, Some(64 * 1024)));
    let target = |row: usize| report.rows[row].samples[0].metrics.whole(Metric::TargetBytes);
    assert!(target(2) < target(0) && target(0) < FILE_BYTES as u64, "level 9 makes less than level 1");
}

fn several_data_sets(file: &Path, directory: &Path) {
    let small = Generated { files: NonZeroUsize::new(5).unwrap(), bytes: 1000, entropy: 4.0 };
    let of = |case: &'static str, axes: &Axes| -> Vec<Variant> {
        let variants = axes.variants().into_iter();
        variants.map(|one| Variant { setting: one.setting.with(Axis::Case, case), ..one }).collect()
    };
    let mut plan = plan(&axes(SweepJob::Copy), file);
    plan.variants = [of("small files", &axes(SweepJob::Copy)), of("gzip", &axes(SweepJob::Gzip))].concat();
    plan.data = vec![
        DataPlan { case: Some("small files".to_owned()), data: SweepData::Generated(small) },
        DataPlan { case: Some("gzip".to_owned()), data: SweepData::Source(file.to_owned()) },
    ];
    (plan.to, plan.rank) = (Some(directory.to_owned()), Some(Rank::Durable));
    let report = run(&plan);
    assert_eq!((report.rank, report.controls.len()), (Rank::Durable, 2));
    let data: Vec<_> = report.data.iter().map(|data| (data.case.as_deref(), data.files, data.bytes)).collect();
    assert_eq!(data, [(Some("small files"), 5, 5000), (Some("gzip"), 1, FILE_BYTES as u64)]);
    for row in &report.rows {
        let of = |metric| row.samples[0].metrics.whole(metric);
        let data = report.data_of(&row.setting).unwrap();
        assert_eq!((of(Metric::Files), of(Metric::SourceBytes)), (data.files, data.bytes));
    }
}

fn extra_runs(tree: &Path) {
    let mut plan = plan(&axes(SweepJob::Copy), tree);
    (plan.extra_runs, plan.sync, plan.rank) =
        (ExtraRuns { latency: true, file_times: true, verify_counts: false }, false, Some(Rank::Durable));
    let report = sweep::run(&plan, &Context::silent(), &mut Told::default()).unwrap();
    assert_eq!(report.rank, Rank::Wall, "what is not synced is not ranked by that");
    for row in &report.rows {
        let calls = row.call_latencies.as_ref().unwrap();
        assert!(calls.wall_ns > 0 && !calls.calls.is_empty());
        assert_eq!(row.file_latency.unwrap().operations, 3);
        assert!(row.observed.is_none() && row.samples[0].metrics.get(Metric::Sync).is_none());
    }
}

fn decompressing(file: &Path) {
    let resources = Resources::with_workers(NonZeroUsize::MIN);
    let files = FileOptions { keep: true, name: true, resources, ..FileOptions::new(vec![file.to_owned()]) };
    let compress = GzipOptions { files, ..GzipOptions::default() };
    gzip(&compress.plan().unwrap(), &Context::silent()).unwrap();
    let report = run(&plan(&axes(SweepJob::Gunzip), &file.with_extension("gz")));
    assert_eq!(report.rows[0].samples[0].metrics.whole(Metric::TargetBytes), FILE_BYTES as u64);
}

fn a_request_to_stop_ends_it(file: &Path) {
    let plan = plan(&axes(SweepJob::Copy), file);
    // Before anything was measured it is a failure, afterwards the end.
    for (step, samples) in [(1, None), (4, Some(2)), (6, Some(4))] {
        let context = Context::silent();
        let mut watcher = Told { stops_at: Some(step), stop: Some(context.stop.clone()), ..Told::default() };
        match (sweep::run(&plan, &context, &mut watcher), samples) {
            (Err(error), None) => assert_eq!(error.cause, Cause::Interrupted),
            (Ok(report), Some(samples)) => {
                let control = report.controls.iter().map(|control| control.samples.len()).sum::<usize>();
                let rows: usize = report.rows.iter().map(|row| row.samples.len()).sum();
                assert_eq!((report.ended, rows + control), (Ended::Interrupted, samples), "stopped at step {step}");
            }
            (other, _) => panic!("stopped at step {step}: {other:?}"),
        }
    }
}

fn a_job_that_fails_ends_it_with_its_reason(directory: &Path) {
    let missing = directory.join("missing");
    let plan = plan(&axes(SweepJob::Copy), &missing);
    let error = sweep::run(&plan, &Context::silent(), &mut Told::default()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot open '{}': No such file or directory", missing.display()));
}

fn what_was_measured_survives_a_failure(directory: &Path) {
    let source = directory.join("short-lived");
    for (change, said) in [
        (Box::new(|source: &Path| fs::remove_file(source).unwrap()) as Box<dyn FnOnce(&Path)>, "No such file"),
        (Box::new(|source: &Path| fs::write(source, "shorter").unwrap()), "it changed during the sweep: 7 bytes"),
    ] {
        fs::write(&source, text()).unwrap();
        let path = source.clone();
        let mut told = Told { change: Some(Box::new(move || change(&path))), ..Told::default() };
        let report = sweep::run(&plan(&axes(SweepJob::Copy), &source), &Context::silent(), &mut told).unwrap();
        assert_eq!((report.ended, report.rounds), (Ended::Failed, 1), "{said}");
        assert!(report.failure.as_ref().is_some_and(|failure| failure.contains(said)), "{:?}", report.failure);
    }
    fs::remove_file(&source).unwrap();
}

fn scratch_goes_where_it_is_told(file: &Path, tree: &Path) {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut plan = plan(&axes(SweepJob::Copy), file);
    plan.to = Some(elsewhere.path().to_owned());
    let mut told = Told { scratch: Some(elsewhere.path().to_owned()), ..Told::default() };
    let report = sweep::run(&plan, &Context::silent(), &mut told).unwrap();
    assert_eq!(report.data[0].target.as_deref(), Some(elsewhere.path()));
    assert!(told.scratch_entries > 0 && listing(elsewhere.path()).is_empty());
    if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
        let device = |path: &Path| path.metadata().unwrap().dev();
        let is_on_another_device = device(memory.path()) != device(file);
        plan.to = Some(memory.path().to_owned());
        assert_eq!(run(&plan).rank == Rank::Durable, is_on_another_device);
        plan.rank = Some(Rank::Wall);
        assert_eq!(run(&plan).rank, Rank::Wall);
    }
    plan.data[0].data = SweepData::Source(tree.to_owned());
    plan.to = Some(tree.join("deep"));
    let error = sweep::run(&plan, &Context::silent(), &mut Told::default()).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::ScratchOutside), "{error}");
}

/// Counts what it is told, looks into the scratch directory, and asks to stop.
#[derive(Default)]
struct Told {
    steps: usize,
    reports: usize,
    stops_at: Option<usize>,
    stop: Option<Stop>,
    scratch: Option<PathBuf>,
    scratch_entries: usize,
    /// Done in the second round.
    change: Option<Box<dyn FnOnce()>>,
}

impl Watcher for Told {
    fn step(&mut self, step: Step) {
        if step.total == 0 {
            return;
        }
        if let Some(change) = self.change.take_if(|_| self.steps == 5) {
            change();
        }
        if self.stops_at == Some(self.steps) {
            self.stop.as_ref().unwrap().request(2);
        }
        self.steps += 1;
        self.scratch_entries = self.scratch.iter().map(|scratch| listing(scratch).len()).sum();
    }

    fn measured(&mut self, _report: &Report) {
        self.reports += 1;
    }
}

/// Runs a sweep, and checks what holds for every one.
fn run(plan: &SweepPlan) -> Report {
    let mut told = Told::default();
    let report = sweep::run(plan, &Context::silent(), &mut told).unwrap();
    let (rows, rounds) = (report.rows.len(), plan.effort.rounds.unwrap().get());
    let control = report.controls.iter().map(|control| control.samples.len()).sum::<usize>();
    assert_eq!((told.steps, told.reports), (rows + rounds * rows + control, 1 + rounds));
    assert_eq!((control, report.controls.is_empty()), (rounds * report.controls.len(), rows < 2));
    assert!(report.rows.iter().all(|row| row.samples.len() == rounds));
    let reconciliation = Reconciliation::of(&report);
    assert!(reconciliation.agrees() || reconciliation.checked == 0, "{reconciliation}");
    report
}

fn axes(job: SweepJob) -> Axes {
    let buffers = vec![BufferSize::from_kib(4), BufferSize::from_kib(64)];
    Axes { workers: vec![2], buffers, ..tables::base(job) }
}

fn plan(axes: &Axes, source: &Path) -> SweepPlan {
    SweepPlan {
        table: None,
        data: vec![DataPlan { case: None, data: SweepData::Source(source.to_owned()) }],
        to: None,
        rank: None,
        variants: axes.variants(),
        baseline: None,
        left_out: vec![],
        codec: CodecName::Auto,
        block: Some(BufferSize::from_kib(64)),
        effort: Effort { rounds: NonZeroUsize::new(2), budget: None, within: 0.05 },
        sync: true,
        extra_runs: ExtraRuns::default(),
        seed: 7,
        anonymous: false,
        command: String::new(),
    }
}

/// Three files, one of them compressed already, a symbolic link and an empty directory.
fn make_tree(directory: &Path) -> PathBuf {
    let tree = directory.join("tree");
    fs::create_dir_all(tree.join("deep/empty")).unwrap();
    fs::write(tree.join("one"), text()).unwrap();
    fs::write(tree.join("deep/two"), "two").unwrap();
    fs::write(tree.join("deep/old.gz"), "not looked into").unwrap();
    std::os::unix::fs::symlink("one", tree.join("link")).unwrap();
    tree
}

fn text() -> Vec<u8> {
    (0..)
        .flat_map(|line: u32| format!("line {line} of a text that repeats itself\n").into_bytes())
        .take(FILE_BYTES)
        .collect()
}

/// Every path below `directory` with size and time of its content.
fn listing(directory: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut list = vec![];
    for entry in directory.read_dir().unwrap() {
        let (path, about) = {
            let entry = entry.unwrap();
            (entry.path(), entry.metadata().unwrap())
        };
        if about.is_dir() {
            list.extend(listing(&path));
        }
        list.push((path, about.len(), about.modified().unwrap()));
    }
    list.sort();
    list
}
