//! Calls that become operations, and what happens where they cannot, or nobody ends them.

use std::cell::RefCell;
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::CWD;

use super::*;
use crate::sys::faults::FaultPlan;
use crate::sys::{FileKind, Stop};

/// A loop, or nothing where there is no ring.
fn event_loop(sys: &mut Sys, in_flight: usize) -> Option<EventLoop> {
    EventLoop::new(sys, in_flight).inspect_err(|errno| eprintln!("skipped: no io_uring here: {errno}")).ok()
}

/// Runs numbered tasks by `work` on so many workers, each with a `Sys` of its own; returns those.
fn run(sys: &mut Sys, workers: usize, tasks: usize, work: impl Fn(&mut Sys, usize)) -> Option<Vec<Sys>> {
    let mut event_loop = event_loop(sys, workers)?;
    let workers = (0..workers).map(|_| sys.sibling()).collect();
    let mut numbers = 0..tasks;
    Some(event_loop.run(sys, workers, || numbers.next(), work))
}

/// What a worker does with a file of its own; says what it read back.
fn write_and_read(sys: &mut Sys, scratch: &std::path::Path, number: usize) -> Result<Vec<u8>> {
    let path = CString::new(scratch.join(number.to_string()).as_os_str().as_bytes()).unwrap();
    let bytes = vec![number as u8; 10_000 + number];
    let file = sys.create(CWD, &path, 0o600)?;
    sys.write_full(&file, &bytes[..100], 33)?;
    sys.pwrite_full(&file, &bytes[100..], 100, 4096)?;
    sys.fdatasync(&file)?;
    let attributes = sys.stat_at(CWD, &path)?;
    assert_eq!((attributes.kind, attributes.size), (FileKind::RegularFile, bytes.len() as u64));
    let mut read = vec![0; bytes.len() + 1];
    let count = sys.pread_full(&file, &mut read, 0, 1000)?;
    read.truncate(count);
    sys.close(file)?;
    assert_eq!(read, bytes);
    Ok(read)
}

#[test]
fn calls_become_operations_and_do_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let mut sys = Sys::new(Stop::new());
    let done = RefCell::new(Vec::new());
    let workers = run(&mut sys, 5, 40, |sys, number| {
        write_and_read(sys, scratch.path(), number).unwrap();
        done.borrow_mut().push(number);
    });
    let Some(workers) = workers else { return };
    let mut done = done.into_inner();
    done.sort_unstable();
    assert_eq!(done, (0..40).collect::<Vec<_>>());
    let mut counts = sys.counts().clone();
    for worker in &workers {
        counts += worker.counts();
    }
    let calls: Vec<_> = counts.made().map(|(call, _)| call).collect();
    assert_eq!(calls, [Call::IoUringSetup, Call::IoUringRegister, Call::IoUringEnter], "nothing was called between");
    for (call, expected) in [(Call::Openat, 40), (Call::Statx, 40), (Call::Close, 40), (Call::Fdatasync, 40)] {
        assert_eq!(counts.operations_of(call).calls, expected, "{}", call.name());
    }
    assert_eq!(counts.operations_of(Call::Write).bytes, 40 * 100);
    assert_eq!((counts.kernel_reads, counts.kernel_writes), (0, 0));
    assert!(counts.of(Call::IoUringEnter).calls < counts.operations(), "several at a time");
}

#[test]
fn outside_of_a_loop_nothing_is_an_operation() {
    let scratch = tempfile::tempdir().unwrap();
    let mut sys = Sys::new(Stop::new());
    run(&mut sys, 1, 1, |_, _| ());
    let before = sys.counts().operations();
    write_and_read(&mut sys, scratch.path(), 3).unwrap();
    assert_eq!(sys.counts().operations(), before);
}

#[test]
fn a_kernel_that_takes_nothing_more_costs_no_operation() {
    for at in 3..40 {
        let scratch = tempfile::tempdir().unwrap();
        // Of the loop's own calls this one fails: setting up and asking what there is come first.
        let plan = Arc::new(format!("{at}:ENOSPC").parse::<FaultPlan>().unwrap());
        let mut sys = Sys::new(Stop::new()).with_faults(plan);
        let Some(mut event_loop) = event_loop(&mut sys, 4) else { return };
        let workers = (0..4).map(|_| Sys::new(Stop::new())).collect();
        let mut numbers = 0..12;
        let workers = event_loop.run(
            &mut sys,
            workers,
            || numbers.next(),
            |sys: &mut Sys, number| {
                write_and_read(sys, scratch.path(), number).unwrap();
            },
        );
        let calls: u64 = workers.iter().map(|worker| worker.counts().of(Call::Openat).calls).sum();
        let operations: u64 = workers.iter().map(|worker| worker.counts().operations_of(Call::Openat).calls).sum();
        assert_eq!(calls + operations, 12, "failed at {at}");
    }
}

#[test]
fn a_request_to_stop_ends_what_waits_for_ever() {
    let (reader, _held) = rustix::pipe::pipe().unwrap();
    let stop = Stop::new();
    let mut sys = Sys::new(stop.clone());
    let results = RefCell::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            stop.request(15);
        });
        run(&mut sys, 3, 3, |sys, _| {
            let result = sys.read(&reader, &mut [0; 10]);
            results.borrow_mut().push(result);
        });
    });
    assert!(results.into_inner().iter().all(|result| *result == Err(Errno::INTR)));
}

#[test]
fn what_waits_for_another_holds_up_nobody() {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let mut sys = Sys::new(Stop::new());
    let said = RefCell::new(Vec::new());
    run(&mut sys, 2, 2, |sys, number| {
        if number == 0 {
            assert_eq!(sys.read(&reader, &mut [0; 10]), Ok(3));
        } else {
            sys.write_full(&writer, b"abc", 3).unwrap();
        }
        said.borrow_mut().push(number);
    });
    assert!(matches!(said.into_inner()[..], [1, 0] | []));
}

#[test]
fn a_panic_lets_the_others_end() {
    let scratch = tempfile::tempdir().unwrap();
    let mut sys = Sys::new(Stop::new());
    let done = Cell::new(0);
    let result = catch_unwind(AssertUnwindSafe(|| {
        run(&mut sys, 4, 100, |sys, number| {
            write_and_read(sys, scratch.path(), number).unwrap();
            assert_ne!(number, 5, "on purpose");
            done.set(done.get() + 1);
        })
    }));
    assert!(matches!(result, Ok(None)) || (result.is_err() && (4..100).contains(&done.get())));
}
