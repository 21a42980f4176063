//! The counting allocator, installed. It counts for the whole process, so this is a program without the usual harness,
//! whose own thread allocates while a test runs.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Barrier;

use haul::copy;
use haul::job::Context;
use haul::plan::{CopyOptions, Resources, SchedulerName};
use haul::sys::{Allocations, CountingAllocator, counting_allocations};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const KIB: usize = 1024;

fn main() {
    known_patterns();
    what_was_there_before_is_not_counted();
    threads_add_up();
    it_counts_for_one_at_a_time_and_ends_with_a_panic();
    names_outside_the_tree_take_little_memory();
}

fn block(bytes: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(bytes))
}

#[track_caller]
fn assert_asked(work: impl FnOnce(), count: u64, bytes: usize, peak: usize) {
    let ((), seen) = counting_allocations(work);
    let expected = Allocations { count, bytes: bytes as u64, peak_bytes: peak as u64 };
    assert_eq!(seen, Some(expected));
}

fn known_patterns() {
    assert_asked(|| {}, 0, 0, 0);
    assert_asked(|| drop(block(KIB)), 1, KIB, KIB);
    // One after the other, and both at once.
    assert_asked(|| (0..10).for_each(|_| drop(block(KIB))), 10, 10 * KIB, KIB);
    assert_asked(|| drop((block(KIB), block(3 * KIB))), 2, 4 * KIB, 4 * KIB);
    assert_asked(|| drop(black_box(vec![0_u8; KIB])), 1, KIB, KIB);
    let grow_and_shrink = || {
        let mut bytes = block(KIB);
        bytes.reserve_exact(4 * KIB);
        bytes.shrink_to(2 * KIB);
        black_box(&mut bytes).reserve_exact(3 * KIB);
    };
    assert_asked(grow_and_shrink, 3, 5 * KIB, 4 * KIB);
}

fn what_was_there_before_is_not_counted() {
    let old = block(64 * KIB);
    let replace = || {
        drop(old);
        drop(block(32 * KIB));
    };
    assert_asked(replace, 1, 32 * KIB, 0);
    assert_asked(|| drop(block(KIB)), 1, KIB, KIB);
}

fn threads_add_up() {
    const THREADS: usize = 8;
    const EACH: usize = 10_000;
    let work = || {
        let held = block(KIB);
        for _ in 1..EACH {
            drop(block(KIB));
        }
        drop(held);
    };
    // Beginning and ending, threads need memory themselves, now more and now less: none does either while we count.
    let gate = Barrier::new(THREADS + 1);
    let pass = || {
        gate.wait();
    };
    let seen = std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                pass();
                pass();
                work();
                pass();
                pass();
            });
        }
        pass();
        let ((), seen) = counting_allocations(|| {
            pass();
            pass();
        });
        pass();
        seen.expect("it is installed")
    });
    assert_eq!(seen.count, (THREADS * EACH) as u64);
    assert_eq!(seen.bytes, (THREADS * EACH * KIB) as u64);
    // At least one thread held two at a time, and never did one hold three.
    let (least, most) = (2 * KIB as u64, (2 * THREADS * KIB) as u64);
    assert!((least..=most).contains(&seen.peak_bytes), "{} not in {least}..={most}", seen.peak_bytes);
}

fn it_counts_for_one_at_a_time_and_ends_with_a_panic() {
    let ((inner, ()), outer) = counting_allocations(|| {
        let (block, inner) = counting_allocations(|| block(KIB));
        drop(block);
        (inner, ())
    });
    assert_eq!(inner, None);
    assert_eq!(outer.map(|seen| seen.bytes), Some(KIB as u64));
    let caught = std::panic::catch_unwind(|| counting_allocations(|| std::panic::resume_unwind(Box::new(()))));
    assert!(caught.is_err());
    assert_asked(|| drop(block(KIB)), 1, KIB, KIB);
}

/// Files with names outside the tree are remembered to the end, since those might still be met.
fn names_outside_the_tree_take_little_memory() {
    // So many names of 13 bytes almost fill memory that doubles as it grows.
    const FILES: usize = 2_500;
    let scratch = tempfile::tempdir().expect("a directory");
    let path = |name: &str| scratch.path().join(name);
    for directory in ["alone", "linked", "outside"] {
        rustix::fs::mkdir(path(directory), rustix::fs::Mode::RWXU).expect("make a directory");
    }
    for number in 0..FILES {
        std::fs::File::create_new(path(&format!("alone/name-{number:07}"))).expect("create");
        std::fs::File::create_new(path(&format!("linked/name-{number:07}"))).expect("create");
        std::fs::hard_link(path(&format!("linked/name-{number:07}")), path(&format!("outside/{number}")))
            .expect("link");
    }
    let peak = |tree: &str| {
        let one = Resources::with_workers(NonZeroUsize::MIN);
        // Both take the way that needs a buffer.
        let buffer = Some("4K".parse().expect("a size"));
        let resources = Resources { scheduler: SchedulerName::Serial, buffer, ..one };
        let options = CopyOptions::new(vec![path(tree)], path(&format!("{tree}-copied")));
        let plan = CopyOptions { resources, ..options }.plan().expect("a plan");
        let (copied, asked) = counting_allocations(|| copy::run(&plan, &Context::silent()));
        assert!(copied.expect("it begins").is_clean());
        asked.expect("nobody else counts").peak_bytes
    };
    let [alone, linked] = ["alone", "linked"].map(peak);
    let each = (linked - alone) / FILES as u64;
    assert!((20..=100).contains(&each), "{each} bytes a name");
}
