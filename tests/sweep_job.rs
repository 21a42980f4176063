//! Whole sweeps over small sources. One test in a program of its own: the kernel's counters, with which every run is
//! compared, belong to the process, so nothing else may read or write meanwhile.

#![allow(clippy::disallowed_methods, reason = "a test makes and reads its own files")]

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use haul::error::Cause;
use haul::job::{Context, gzip, sweep};
use haul::outcome::SweepReport;
use haul::plan::{
    CodecName, EngineName, FilesPlan, GzipPlan, PoolChoice, Resources, SchedulerName, SweepJob, SweepPlan,
};
use haul::size::BufferSize;

const FILE_BYTES: usize = 300_000;

#[test]
fn sweeps_measure_the_jobs_and_leave_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, text()).unwrap();
    let tree = make_tree(place.path());
    let before = listing(place.path());

    copies_of_a_file(&file);
    for job in [SweepJob::Copy, SweepJob::Gzip] {
        a_tree(job, &tree);
    }
    gzip_of_a_file(&file);
    a_wish_to_stop_ends_it(&file);
    a_job_that_fails_ends_it_with_its_reason(place.path());
    scratch_goes_where_it_is_told(&file, &tree);
    assert_eq!(listing(place.path()), before, "the user's files are only read, and no scratch is left");

    decompressing(&file);
}

fn copies_of_a_file(file: &Path) {
    let mut plan = plan(SweepJob::Copy, file);
    plan.engines = vec![EngineName::ReadWrite, EngineName::CopyFileRange, EngineName::Mmap];
    plan.pools = vec![PoolChoice::Auto, PoolChoice::Off];
    plan.schedulers = vec![SchedulerName::Serial, SchedulerName::Channel, SchedulerName::Rayon];
    let report = run(&plan);
    assert_eq!((report.source_bytes, report.source_files), (FILE_BYTES as u64, 1));
    assert_eq!(report.rows.len(), 2 * 3 * 2 * 3);
    for row in report.rows.iter().filter(|row| row.setting.engine == EngineName::ReadWrite) {
        let reads = sweep::figures::Figures::of(report.job, row).reads;
        let least = FILE_BYTES.div_ceil(row.setting.buffer.bytes()) as u64;
        assert!((least..least + 4).contains(&reads), "{reads} reads with {:?}", row.setting);
    }
}

fn a_tree(job: SweepJob, tree: &Path) {
    let report = run(&plan(job, tree));
    // gzip passes over links, and over what has its suffix already.
    let files = if job == SweepJob::Copy { 3 } else { 2 };
    assert_eq!(report.source_files, files, "{job:?}");
    for sample in report.rows.iter().flat_map(|row| &row.samples) {
        assert_eq!((sample.summary.files, sample.summary.failures), (files, 0), "{job:?}");
    }
}

fn gzip_of_a_file(file: &Path) {
    let mut plan = plan(SweepJob::Gzip, file);
    plan.levels = vec![1, 9];
    let report = run(&plan);
    assert!(report.preparation_ns > 0);
    assert_eq!(report.rows.len(), 4);
    let target = |row: usize| report.rows[row].samples[0].summary.target_bytes;
    assert!(target(2) < target(0) && target(0) < FILE_BYTES as u64, "level 9 makes less than level 1");
}

fn decompressing(file: &Path) {
    let resources = Resources::with_workers(NonZeroUsize::MIN);
    let files = FilesPlan { keep: true, name: true, ..FilesPlan::new(vec![file.to_owned()], resources) };
    let compress =
        GzipPlan { files, level: 6, codec: CodecName::Auto, block: None, verify: false, keep_smaller: false };
    gzip::run(&compress, &Context::silent()).unwrap();
    let report = run(&plan(SweepJob::Gunzip, &file.with_extension("gz")));
    assert_eq!(report.rows[0].samples[0].summary.target_bytes, FILE_BYTES as u64);
}

fn a_wish_to_stop_ends_it(file: &Path) {
    let context = Context::silent();
    let stop = context.stop.clone();
    let result = sweep::run(&plan(SweepJob::Copy, file), &context, &mut |done, _| {
        if done == 3 {
            stop.request(2);
        }
    });
    assert_eq!(result.unwrap_err().cause, Cause::Interrupted);
}

fn a_job_that_fails_ends_it_with_its_reason(place: &Path) {
    let missing = place.join("missing");
    let error = sweep::run(&plan(SweepJob::Copy, &missing), &Context::silent(), &mut |_, _| {}).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot open '{}': No such file or directory", missing.display()));
}

fn scratch_goes_where_it_is_told(file: &Path, tree: &Path) {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut plan = plan(SweepJob::Copy, file);
    plan.scratch = Some(elsewhere.path().to_owned());
    let mut seen = 0;
    sweep::run(&plan, &Context::silent(), &mut |_, _| seen = seen.max(listing(elsewhere.path()).len())).unwrap();
    assert!(seen > 0 && listing(elsewhere.path()).is_empty());
    tree.clone_into(&mut plan.source);
    plan.scratch = Some(tree.join("deep"));
    let error = sweep::run(&plan, &Context::silent(), &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.ends_with("choose a place outside with --scratch DIR"), "{error}");
}

/// Runs a sweep, and checks what holds for every one.
fn run(plan: &SweepPlan) -> SweepReport {
    let mut told = vec![];
    let report = sweep::run(plan, &Context::silent(), &mut |done, total| told.push((done, total))).unwrap();
    let runs = report.rows.len() * plan.rounds.get();
    assert_eq!(told.last(), Some(&(runs + report.rows.len(), runs + report.rows.len())));
    assert!(report.rows.iter().all(|row| row.samples.len() == plan.rounds.get()));
    let reconciliation = sweep::reconcile::Reconciliation::of(&report);
    assert!(reconciliation.agrees() || reconciliation.checked == 0, "{:?}: {reconciliation}", plan.job);
    report
}

fn plan(job: SweepJob, source: &Path) -> SweepPlan {
    SweepPlan {
        job,
        source: source.to_owned(),
        scratch: None,
        buffers: vec![BufferSize::from_kib(4), BufferSize::from_kib(64)],
        workers: vec![NonZeroUsize::new(2).unwrap()],
        schedulers: vec![SchedulerName::Channel],
        engines: vec![EngineName::ReadWrite],
        pools: vec![PoolChoice::Auto],
        levels: vec![6],
        codec: CodecName::Auto,
        block: Some(BufferSize::from_kib(64)),
        rounds: NonZeroUsize::new(2).unwrap(),
        seed: 7,
        command: String::new(),
    }
}

/// Three files, one of them compressed already, a symbolic link and an empty directory.
fn make_tree(place: &Path) -> PathBuf {
    let tree = place.join("tree");
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

/// Every path below `place` with size and time of its content.
fn listing(place: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut list = vec![];
    for entry in place.read_dir().unwrap() {
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
