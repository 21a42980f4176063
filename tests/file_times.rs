//! Each file that a job is done with has a time, whichever way it went and whoever finished it.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the test looks at files from outside")]

mod common;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use common::{Sandbox, prose};
use haul::copy;
use haul::gzip::{gunzip, gzip};
use haul::job::Context;
use haul::lab::probe::file_times::FileClock;
use haul::lab::report::Latency;
use haul::plan::{CopyOptions, EngineName, FileOptions, GunzipOptions, GzipOptions, Resources};
use haul::summary::Summary;

/// Files of no, one and many ranges and blocks.
const SIZES: [usize; 6] = [0, 1, 5000, 300_000, 2_500_000, 9_000_001];

/// Runs a job; as many files have times as are done, and none took longer than all.
#[track_caller]
fn assert_times(files: usize, job: impl FnOnce(&Context) -> haul::error::Result<Summary>) {
    let clock = Arc::new(FileClock::default());
    let started = Instant::now();
    let summary = job(&Context::new(clock.clone())).expect("it begins");
    let all = started.elapsed().as_nanos() as u64;
    assert!(summary.is_clean(), "{summary:?}");
    let Latency { operations: timed, p50_ns, p99_ns, max_ns, .. } = clock.times().expect("files were done");
    assert_eq!((timed, summary.files), (files as u64, files as u64));
    assert!(0 < p50_ns && p50_ns <= p99_ns && p99_ns <= max_ns, "{p50_ns} {p99_ns} {max_ns}");
    // Three digits are kept.
    assert!(max_ns <= all + all / 1000, "{max_ns} of {all}");
}

#[test]
fn every_file_of_copy_gzip_and_gunzip_has_a_time() {
    let sandbox = Sandbox::new();
    for (number, size) in SIZES.into_iter().enumerate() {
        sandbox.write(format!("tree/{number}"), prose(number as u64, size));
    }
    let tree = sandbox.path("tree");
    for workers in [1, 3] {
        let resources = Resources::with_workers(NonZeroUsize::new(workers).expect("some"));
        for engine in [EngineName::Auto, EngineName::ReadWrite] {
            let options = CopyOptions::new(vec![tree.clone()], sandbox.path("target"));
            let plan = CopyOptions { engine, resources, ..options }.plan().expect("a plan");
            assert_times(SIZES.len(), |context| copy::run(&plan, context));
            sandbox.remove("target");
        }
        let files = FileOptions { keep: true, recursive: true, resources, ..FileOptions::new(vec![tree.clone()]) };
        let plan = GzipOptions { files: files.clone(), level: 1, ..GzipOptions::default() }.plan().expect("a plan");
        assert_times(SIZES.len(), |context| gzip(&plan, context));
        (0..SIZES.len()).for_each(|number| sandbox.remove(format!("tree/{number}")));
        let plan = GunzipOptions { files, ..GunzipOptions::default() }.plan().expect("a plan");
        assert_times(SIZES.len(), |context| gunzip(&plan, context));
        (0..SIZES.len()).for_each(|number| sandbox.remove(format!("tree/{number}.gz")));
    }
}
