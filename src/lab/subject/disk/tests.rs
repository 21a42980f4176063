//! Whole measurements whose calls fail: what was made is gone, and what was measured is reported. And the plan and the
//! setting that the other tests of this directory begin with.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::plan::{Access, Load};
use super::*;
use crate::lab::metric::Metric;
use crate::size::BufferSize;
use crate::sys::cached_pages;
use crate::sys::faults::{Fault, FaultPlan};

/// Everything, two blocks, two depths.
pub(super) fn plan() -> DiskPlan {
    DiskPlan {
        target: DiskTarget::Directory(PathBuf::from("/x")),
        loads: Load::ALL.to_vec(),
        preset: None,
        accesses: vec![Access::Direct, Access::Buffered],
        axes: None,
        blocks: [4, 128].map(BufferSize::from_kib).to_vec(),
        depths: vec![1, 16],
        backend: None,
        file_bytes: Some(16 << 20),
        share: 0.25,
        entropy: 8.0,
        sustain: None,
        effort: Effort { rounds: NonZeroUsize::new(2), budget: None, within: 0.05 },
        seed: 7,
        anonymous: false,
        command: String::new(),
    }
}

/// Blocks of 4 KiB, one after another.
pub(super) fn setting(load: Load, access: Access) -> DiskSetting {
    let block = Some(BufferSize::from_kib(4));
    DiskSetting { name: None, load, access: Some(access), block, depth: 1, backend: BackendName::Calls }
}

/// Forgets all that it is told.
struct Nobody;

impl Watcher for Nobody {
    fn step(&mut self, _step: Step) {}

    fn measured(&mut self, _report: &Report) {}
}

/// What takes as little time as can be.
fn short() -> DiskPlan {
    DiskPlan {
        file_bytes: Some(1 << 20),
        depths: vec![1],
        effort: Effort { rounds: NonZeroUsize::new(1), budget: Some(Duration::from_millis(1)), within: 0.05 },
        ..plan()
    }
}

/// A measurement as short as can be, under a fault plan.
fn run_with(scratch: &Path, loads: &[Load], faults: FaultPlan) -> (Result<Report>, u64) {
    let faults = Arc::new(faults);
    let context = Context { faults: Some(Arc::clone(&faults)), ..Context::silent() };
    let disk = DiskPlan {
        target: DiskTarget::Directory(scratch.to_owned()),
        loads: loads.to_vec(),
        accesses: vec![Access::Buffered],
        ..short()
    };
    (super::run(&disk, &context, &mut Nobody), faults.seen())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "makes a file that others use, in a test")]
fn a_file_that_others_use_stays_in_memory_while_it_is_read_past_the_cache() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![7; 1 << 20]).unwrap();
    file.as_file().sync_all().unwrap();
    let cached = || cached_pages(std::fs::File::open(file.path()).unwrap());
    let before = cached();
    let disk = |access| DiskPlan {
        target: DiskTarget::Existing(file.path().to_owned()),
        loads: vec![Load::RandomRead],
        accesses: vec![access],
        file_bytes: None,
        ..short()
    };
    let direct = super::run(&disk(Access::Direct), &Context::silent(), &mut Nobody);
    if direct.is_err() || before.is_none_or(|pages| pages == 0) {
        return eprintln!("skipped: nothing passes the page cache by here, or nobody says what is in it: {direct:?}");
    }
    assert_eq!(cached(), before);
    let buffered = super::run(&disk(Access::Buffered), &Context::silent(), &mut Nobody).unwrap();
    assert!(
        buffered.rows[0]
            .samples
            .iter()
            .all(|sample| sample.metrics.get(Metric::CachedBefore).is_none_or(|part| part < 0.02))
    );
}

/// In memory, where that can be: whether calls fail does not depend on a disk, and it is quicker.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn is_empty(scratch: &Path) -> bool {
    scratch.read_dir().unwrap().next().is_none()
}

#[test]
fn a_disk_that_is_full_is_an_error_that_says_so() {
    let scratch = scratch();
    for number in 1..30 {
        let (result, _) =
            run_with(scratch.path(), &[Load::Write, Load::Create], FaultPlan::new(number, Fault::Full, true));
        let error = result.unwrap_err();
        assert!(error.to_string().contains("No space left on device"), "from call {number} on: {error}");
        assert!(is_empty(scratch.path()), "from call {number} on");
    }
}

#[test]
fn a_call_that_fails_before_anything_was_measured_is_an_error_and_leaves_nothing() {
    let scratch = scratch();
    for number in 1..40 {
        let plan = FaultPlan::new(number, Fault::Fail(Errno::IO), false);
        let (result, _) = run_with(scratch.path(), &[Load::Sync], plan);
        // Looking around and spreading directories may fail without harm.
        if let Err(error) = result {
            assert!(
                error.errno() == Some(Errno::IO) || error.to_string().contains("Input/output"),
                "{number}: {error}"
            );
        }
        assert!(is_empty(scratch.path()), "call {number}");
    }
}

#[test]
fn what_was_measured_survives_a_failure() {
    let scratch = scratch();
    let loads = [Load::Sync];
    let (result, calls) = run_with(scratch.path(), &loads, FaultPlan::new(u64::MAX, Fault::Full, false));
    assert_eq!(result.unwrap().failure, None);
    // Those in the warm-up are a fifth, more or less: time decides.
    for number in [calls / 2, calls * 3 / 4] {
        let (result, _) = run_with(scratch.path(), &loads, FaultPlan::new(number, Fault::Fail(Errno::IO), true));
        match result {
            Ok(report) => {
                assert!(report.rows.iter().all(|row| !row.samples.is_empty()));
                assert!((report.ended == Ended::Failed) == report.failure.is_some());
            }
            Err(error) => assert_eq!(error.errno(), Some(Errno::IO)),
        }
        assert!(is_empty(scratch.path()));
    }
}
