//! A file that is made: whole and without a name, or an error and nothing.

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::*;
use crate::lab::data::entropy::Histogram;
use crate::sys::Stop;
use crate::sys::faults::{Fault, FaultPlan};

const MIB: u64 = 1 << 20;
/// Little: such a file is made very often.
const BYTES: u64 = 2 * PAGE as u64;

fn open(scratch: &Path) -> OwnedFd {
    rustix::fs::open(scratch, OFlags::RDONLY | OFlags::DIRECTORY, rustix::fs::Mode::empty()).unwrap()
}

/// A file of so many bytes, made under a fault plan.
fn made(scratch: &Path, bytes: u64, plan: &Arc<FaultPlan>) -> Result<DataFile> {
    let mut sys = Sys::new(Stop::new()).with_faults(Arc::clone(plan));
    let mut file = DataFile::create(&mut sys, &open(scratch), scratch)?;
    file.fill(&mut sys, FileSize { least: bytes, most: bytes }, Duration::ZERO, random())?;
    Ok(file)
}

fn random() -> Generator {
    Generator::new(8.0, 1)
}

fn no_fault() -> Arc<FaultPlan> {
    Arc::new(FaultPlan::new(u64::MAX, Fault::Full, false))
}

#[test]
fn a_file_of_ours_has_no_name_and_holds_random_bytes() {
    let scratch = tempfile::tempdir().unwrap();
    let file = made(scratch.path(), MIB + PAGE as u64, &no_fault()).unwrap();
    assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
    let bytes = file.bytes();
    let content = std::fs::File::from(file.buffered);
    let about = content.metadata().unwrap();
    assert_eq!((about.len(), bytes), (MIB + PAGE as u64, MIB + PAGE as u64));
    let mut all = vec![0; bytes as usize];
    content.read_exact_at(&mut all, 0).unwrap();
    let mut histogram = Histogram::default();
    histogram.add(&all);
    assert!(histogram.entropy_bits() > 7.99, "{}", histogram.entropy_bits());
}

#[test]
fn it_grows_while_there_is_time() {
    let scratch = tempfile::tempdir().unwrap();
    let size = |least, most| FileSize { least: least * MIB, most: most * MIB };
    let hour = Duration::from_secs(3600);
    for (size, time, bytes) in [
        (size(1, 3), Duration::ZERO, MIB),
        (size(1, 3), hour, 3 * MIB),
        // From the least over its double to the most.
        (size(65, 66), Duration::ZERO, 65 * MIB),
        (size(65, 66), hour, 66 * MIB),
    ] {
        let mut sys = Sys::new(Stop::new());
        let mut file = DataFile::create(&mut sys, &open(scratch.path()), scratch.path()).unwrap();
        file.fill(&mut sys, size, time, random()).unwrap();
        assert_eq!(file.bytes(), bytes, "{time:?}");
        assert_eq!(sys.fstat(&file.buffered).unwrap().size, bytes);
    }
}

#[test]
fn every_call_that_fails_is_an_error_and_leaves_no_name() {
    let scratch = tempfile::tempdir().unwrap();
    let plan = no_fault();
    made(scratch.path(), BYTES, &plan).unwrap();
    let name = scratch.path().join("data");
    for number in 1..=plan.seen() {
        let result = made(scratch.path(), BYTES, &Arc::new(FaultPlan::new(number, Fault::Fail(Errno::IO), false)));
        let message = format!("cannot make a file in '{}': Input/output error", scratch.path().display());
        assert_eq!(result.map(|file| file.bytes).map_err(|error| error.to_string()), Err(message), "call {number}");
        // In the scratch directory, which goes with all in it.
        let _ = rustix::fs::unlink(&name);
        let full = made(scratch.path(), BYTES, &Arc::new(FaultPlan::new(number, Fault::Full, true)));
        if let Err(error) = full {
            assert_eq!(error.errno(), Some(Errno::NOSPC), "call {number}");
        }
        let _ = rustix::fs::unlink(&name);
    }
}

#[test]
fn without_direct_access_or_space_in_advance_it_is_made_all_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let plan = no_fault();
    let has_direct = made(scratch.path(), BYTES, &plan).unwrap().no_direct().is_none();
    let mut without = 0;
    for number in 1..=plan.seen() {
        for errno in [Errno::INVAL, Errno::OPNOTSUPP] {
            let made = made(scratch.path(), BYTES, &Arc::new(FaultPlan::new(number, Fault::Fail(errno), false)));
            if let Ok(file) = made {
                assert_eq!(file.bytes(), BYTES);
                without += usize::from(file.no_direct().is_some());
            }
            let _ = rustix::fs::unlink(scratch.path().join("data"));
        }
    }
    // Refused when it was opened, and when a page was written.
    assert!(!has_direct || without == 4, "{without}");
}

#[test]
fn a_request_to_stop_is_heard() {
    let scratch = tempfile::tempdir().unwrap();
    let stop = Stop::new();
    let mut sys = Sys::new(stop.clone());
    let mut file = DataFile::create(&mut sys, &open(scratch.path()), scratch.path()).unwrap();
    stop.request(2);
    let error = file.fill(&mut sys, FileSize { least: MIB, most: MIB }, Duration::ZERO, random()).unwrap_err();
    assert!(error.is_interruption(), "{error}");
}
