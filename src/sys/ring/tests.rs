//! Slots hold what they should, and what is in flight ends before they go.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::sys::faults::{Fault, FaultPlan};
use crate::sys::{PAGE, Stop};

/// `None` where there is no `io_uring`, which is said.
fn ring(depth: usize) -> Option<Ring> {
    Ring::new(&mut sys(), depth, PAGE).inspect_err(|errno| eprintln!("skipped: io_uring: {errno}")).ok()
}

fn sys() -> Sys {
    Sys::new(Stop::new())
}

/// Pages of a byte each, its number.
fn numbered(pages: u8) -> File {
    let file = tempfile::tempfile().unwrap();
    for page in 0..pages {
        file.write_all_at(&[page; PAGE], u64::from(page) * PAGE as u64).unwrap();
    }
    file
}

fn page(number: usize) -> Request {
    Request::Read { offset: (number * PAGE) as u64, bytes: PAGE }
}

#[test]
fn each_slot_gets_what_it_asked_for_and_gives_what_it_holds() {
    let Some(mut ring) = ring(5) else { return };
    let file = numbered(10);
    for slot in 0..5 {
        ring.queue(slot, page(2 * slot));
    }
    ring.enter(&mut sys(), file.as_fd(), 5).unwrap();
    let mut over: Vec<_> = std::iter::from_fn(|| ring.next_over()).collect();
    over.sort_unstable_by_key(|(slot, _)| *slot);
    assert_eq!(over, (0..5).map(|slot| (slot, Ok(PAGE))).collect::<Vec<_>>());
    for slot in 0..5 {
        assert!(ring.blocks(slot).block().iter().all(|byte| usize::from(*byte) == 2 * slot));
        ring.queue(slot, Request::Write { offset: (2 * slot + 1) as u64 * PAGE as u64, bytes: PAGE / 2 });
    }
    ring.enter(&mut sys(), file.as_fd(), 5).unwrap();
    ring.settle();
    let mut content = vec![0; 10 * PAGE];
    file.read_exact_at(&mut content, 0).unwrap();
    for (number, half) in content.chunks(PAGE / 2).enumerate() {
        let expected = if number % 4 == 2 { number / 2 - 1 } else { number / 2 };
        assert!(half.iter().all(|byte| usize::from(*byte) == expected), "half page {number}");
    }
}

#[test]
fn nobody_touches_what_the_kernel_is_at() {
    let Some(mut ring) = ring(2) else { return };
    ring.queue(0, page(0));
    assert!(catch_unwind(AssertUnwindSafe(|| ring.blocks(0).block()[0])).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| ring.queue(0, page(1)))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| ring.queue(1, Request::Write { offset: 0, bytes: PAGE + 1 }))).is_err());
    ring.blocks(1).block().fill(0);
    // What is dropped waits for what is in flight.
    ring.enter(&mut sys(), numbered(1).as_fd(), 0).unwrap();
}

#[test]
fn what_the_kernel_did_not_take_it_never_gets() {
    for fault in [Errno::AGAIN, Errno::BUSY, Errno::NOMEM] {
        let Some(mut ring) = ring(2) else { return };
        let file = numbered(0);
        ring.queue(1, Request::Write { offset: 0, bytes: PAGE });
        let mut faulty = sys().with_faults(Arc::new(FaultPlan::new(1, Fault::Fail(fault), false)));
        assert_eq!(ring.enter(&mut faulty, file.as_fd(), 1), Err(fault));
        assert!(ring.is_spent());
        assert_eq!(ring.enter(&mut sys(), file.as_fd(), 1), Err(Errno::CANCELED));
        drop(ring);
        assert_eq!(file.metadata().unwrap().len(), 0);
    }
}

#[test]
fn a_wish_to_stop_ends_the_wait() {
    let Some(mut ring) = ring(1) else { return };
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let stop = Stop::new();
    let mut waiting = Sys::new(stop.clone());
    ring.queue(0, page(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            stop.request(15);
        });
        // A call that submitted something says so, and not that a signal came.
        let ended = ring.enter(&mut waiting, reader.as_fd(), 1);
        let ended = ended.and_then(|()| ring.enter(&mut waiting, reader.as_fd(), 1));
        assert_eq!(ended, Err(Errno::INTR));
    });
    assert_eq!(ring.in_flight(), 1);
    rustix::io::write(&writer, b"so that it can be dropped").unwrap();
}
