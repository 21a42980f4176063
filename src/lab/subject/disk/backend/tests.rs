//! Every way does what the workload says, once, and stops when something goes wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::testing::{BLOCK, List, deal, faulty, file, mark, read, run, sys, ways, write};
use super::*;
use crate::calls::Call;
use crate::sys::Stop;
use crate::sys::faults::Fault;

fn counted(operations: impl IntoIterator<Item = Operation>) -> BTreeMap<(u64, bool, bool), usize> {
    let mut counts = BTreeMap::new();
    for operation in operations {
        *counts.entry((operation.offset, operation.writes, operation.is_durable)).or_default() += 1;
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn every_operation_is_done_once(
        operations in prop::collection::vec((0_usize..40, any::<bool>(), 0_u8..20), 0..120), depth in 1_usize..40,
    ) {
        let operations: Vec<Operation> = operations
            .into_iter()
            .map(|(block, writes, durable)| Operation { writes, is_durable: durable == 0, ..read(block) })
            .collect();
        let of = |wanted: fn(&Operation) -> bool| operations.iter().filter(|one| wanted(one)).count() as u64;
        for way in ways(&[depth]) {
            let file = file(40);
            let (counts, workloads) = run(&sys(), way, &file, &operations);
            let counts = counts.unwrap();
            let done = workloads.iter().flat_map(|workload| workload.done.iter().copied());
            prop_assert_eq!(counted(done), counted(operations.iter().copied()), "{:?}", way);
            let mut content = vec![0; 40 * BLOCK];
            file.read_exact_at(&mut content, 0).unwrap();
            for (index, block) in content.chunks(BLOCK).enumerate() {
                let written = operations.iter().any(|one| one.writes && one.offset == (index * BLOCK) as u64);
                let expected = if written { mark((index * BLOCK) as u64) } else { 1 };
                prop_assert!(block.iter().all(|byte| *byte == expected), "block {} {:?}", index, way);
            }
            if way.0 == BackendName::IoUring {
                prop_assert_eq!(counts.total(), counts.of(Call::IoUringEnter).calls);
                // One to submit each, and one to wait for it.
                prop_assert!(counts.total() <= 2 * (operations.len() as u64 + of(Operation::wants_sync)));
            } else {
                prop_assert_eq!(counts.of(Call::Pread).calls, of(|one| !one.writes));
                prop_assert_eq!(counts.of(Call::Pwrite).calls, of(|one| one.writes));
                prop_assert_eq!(counts.of(Call::Fdatasync).calls, of(Operation::wants_sync));
            }
        }
    }
}

#[test]
fn the_depth_is_reached_and_not_exceeded() {
    let file = file(96);
    let operations: Vec<Operation> = (0..96).map(read).collect();
    // Nobody else starts 48 threads: their names are looked for.
    for (way, depth) in ways(&[1, 3, 48]) {
        let mut backend = Backend::new(&mut sys(), way, depth, BLOCK).unwrap();
        let mut workloads = deal(&backend, &operations);
        let there = Arc::new(AtomicUsize::new(0));
        let all = workloads.len();
        for workload in &mut workloads {
            workload.meets = Some((Arc::clone(&there), all));
        }
        // The second run finds everything as the first did.
        for _ in 0..2 {
            let counts = backend.run(&sys(), file.as_fd(), &mut workloads).unwrap();
            let most: Vec<usize> = workloads.iter().map(|workload| workload.most_in_flight).collect();
            assert_eq!(most.iter().sum::<usize>(), depth, "{way:?}");
            let mut threads: Vec<_> = workloads.iter().filter_map(|workload| workload.thread.clone()).collect();
            if way == BackendName::Threads {
                threads.sort_by(|one, other| one.1.cmp(&other.1));
                threads.dedup_by_key(|thread| thread.0);
                assert_eq!(threads.len(), depth);
                assert!(
                    threads.iter().all(|(_, name)| name.as_ref().is_some_and(|name| name.starts_with("haul-load-")))
                );
            }
            if (way, depth) == (BackendName::IoUring, 48) {
                assert!(counts.of(Call::IoUringEnter).calls < 96, "one call begins several: {counts:?}");
            }
            for workload in &mut workloads {
                workload.begun = 0;
                workload.done.clear();
            }
        }
    }
}

#[test]
fn the_end_of_the_file_is_an_error_that_says_where() {
    let file = file(3);
    file.write_all_at(&[1; 100], 3 * BLOCK as u64).unwrap();
    for way in ways(&[1, 3, 32]) {
        for (block, moved) in [(3, 100), (4, 0)] {
            let (ended, workloads) = run(&sys(), way, &file, &[read(0), read(1), read(block)]);
            let expected = Error { tried: "read", operation: Some(read(block)), cause: Cause::Short(moved) };
            assert_eq!(ended, Err(expected), "{way:?}");
            assert!(workloads.iter().all(|workload| !workload.done.contains(&read(block))));
            let text = expected.on("some file").to_string();
            let offset = block * BLOCK;
            let words = format!("only {moved} of 4096 bytes at offset {offset}: it has become shorter");
            assert_eq!(text, format!("cannot read 'some file': {words}"));
        }
    }
}

#[test]
fn whatever_the_kernel_refuses_is_told_with_its_operation() {
    let open = |path: &str| File::options().read(true).write(true).open(path).unwrap();
    let durable = Operation { is_durable: true, ..write(0) };
    for way in ways(&[1, 3]) {
        for (path, operation, tried, errno) in
            [("/dev/full", write(1), "write", Errno::NOSPC), ("/dev/null", durable, "sync", Errno::INVAL)]
        {
            let (ended, workloads) = run(&sys(), way, &open(path), &[operation]);
            let expected = Error { tried, operation: Some(operation), cause: Cause::System(errno) };
            assert_eq!(ended, Err(expected), "{way:?} {path}");
            assert!(workloads.iter().all(|workload| workload.done.is_empty()));
            assert_eq!(expected.on(path).errno(), Some(errno));
        }
    }
}

#[test]
fn each_call_may_fail_and_none_is_lost() {
    let file = file(16);
    let operations: Vec<Operation> = (0..8).map(read).chain((8..16).map(write)).collect();
    for way in ways(&[1, 3, 32]) {
        let all = run(&sys(), way, &file, &operations).0.unwrap().total();
        for at in 1..=all {
            let (ended, workloads) = run(&faulty(at, Fault::Fail(Errno::IO)), way, &file, &operations);
            // A ring that waits once more or less than before may not meet it.
            let Err(error) = ended else {
                assert_eq!(way.0, BackendName::IoUring);
                continue;
            };
            assert_eq!(error.cause, Cause::System(Errno::IO), "call {at} {way:?}");
            assert_eq!(error.operation.is_some(), way.0 != BackendName::IoUring);
            assert!(workloads.iter().map(|workload| workload.done.len()).sum::<usize>() < operations.len());
            let (ended, workloads) = run(&faulty(at, Fault::Interrupt), way, &file, &operations);
            let counts = ended.unwrap();
            assert_eq!(
                counted(workloads.into_iter().flat_map(|workload| workload.done)),
                counted(operations.iter().copied())
            );
            if way.0 != BackendName::IoUring {
                assert_eq!(counts.total(), all + 1);
                let short = run(&faulty(at, Fault::Short), way, &file, &operations).0;
                assert_eq!(short.unwrap_err().cause, Cause::Short(BLOCK / 2));
            }
        }
    }
}

#[test]
fn a_request_to_stop_ends_it_wherever_it_is() {
    let file = file(16);
    for way in ways(&[1, 3, 32]) {
        for after in [1, 5, 40] {
            let stop = Stop::new();
            let mut backend = Backend::new(&mut sys(), way.0, way.1, BLOCK).unwrap();
            let mut workloads = deal(&backend, &[write(1), read(2)].repeat(32));
            for workload in &mut workloads {
                workload.repeats = true;
            }
            workloads[0].stops = Some((after, stop.clone()));
            let ended = backend.run(&Sys::new(stop), file.as_fd(), &mut workloads);
            let error = ended.unwrap_err();
            assert!(error.on("x").is_interruption(), "{error:?}");
            let in_flight: usize = workloads.iter().map(|workload| workload.begun - workload.done.len()).sum();
            assert!(in_flight <= way.1, "{in_flight} {way:?}");
        }
    }
}

#[test]
fn a_thread_that_fails_ends_the_others() {
    let file = file(16);
    let mut backend = Backend::new(&mut sys(), BackendName::Threads, 4, BLOCK).unwrap();
    let mut workloads: Vec<List> = (0..4).map(|_| List { repeats: true, ..List::of(&[read(1), write(2)]) }).collect();
    workloads[2] = List::of(&[read(1), read(16)]);
    let error = backend.run(&sys(), file.as_fd(), &mut workloads).unwrap_err();
    assert_eq!(error.operation, Some(read(16)));
    for workload in &mut workloads {
        workload.repeats = false;
    }
    workloads[2] = List::default();
    backend.run(&sys(), file.as_fd(), &mut workloads).unwrap();
}

#[test]
fn what_cannot_be_is_refused() {
    for (backend, depth) in [(BackendName::Calls, 0), (BackendName::Calls, 2), (BackendName::Threads, 0)] {
        assert_eq!(Backend::new(&mut sys(), backend, depth, BLOCK).unwrap_err(), Errno::INVAL);
    }
    for (at, errno) in [(1, Errno::PERM), (1, Errno::NOSYS)] {
        let mut sys = faulty(at, Fault::Fail(errno));
        assert_eq!(Backend::new(&mut sys, BackendName::IoUring, 4, BLOCK).unwrap_err(), errno);
        assert_eq!(sys.counts().of(Call::IoUringSetup).failed, 1);
    }
}
