//! Where operations go: every block whole, within the file, each once a lap, the same for the same seed.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;

use proptest::prelude::*;

use super::*;
use crate::lab::data::entropy::Histogram;
use crate::lab::subject::disk::plan::BackendName;
use crate::sys::{Stop, Sys};

const BLOCK_LOADS: [Load; 6] = [Load::Read, Load::Write, Load::RandomRead, Load::RandomWrite, Load::Mixed, Load::Sync];

fn operations(pattern: &Pattern, count: u64) -> Vec<Operation> {
    (0..count).map(|number| pattern.operation(number)).collect()
}

proptest! {
    #[test]
    fn every_block_is_whole_and_comes_once_a_lap(
        load in prop::sample::select(BLOCK_LOADS.to_vec()), pages in 1_usize..9, blocks in 1_u64..700, rest in 0_u64..4096,
        first: u64, seed: u64, lap in 0_u64..4,
    ) {
        let bytes = pages * PAGE;
        let pattern = Pattern::new(load, bytes, blocks * bytes as u64 + rest, first % blocks, seed);
        prop_assert_eq!(pattern.blocks(), blocks);
        let all: Vec<Operation> = (0..blocks).map(|step| pattern.operation(lap * blocks + step)).collect();
        prop_assert!(all.iter().all(|one| one.bytes == bytes && one.offset % bytes as u64 == 0));
        prop_assert!(all.iter().all(|one| one.is_durable == (load == Load::Sync)));
        prop_assert!(load == Load::Mixed || all.iter().all(|one| one.writes != load.only_reads()));
        let met: BTreeSet<u64> = all.iter().map(|one| one.offset / bytes as u64).collect();
        prop_assert_eq!(met, (0..blocks).collect::<BTreeSet<_>>());
    }

    #[test]
    fn blocks_that_are_not_anywhere_follow_each_other(blocks in 2_u64..1000, first in 0_u64..1000, step in 0_u64..3000) {
        let pattern = Pattern::new(Load::Read, PAGE, blocks * PAGE as u64, first % blocks, 1);
        let block = |number| pattern.operation(number).offset / PAGE as u64;
        prop_assert_eq!(block(0), first % blocks);
        prop_assert_eq!(block(step + 1), (block(step) + 1) % blocks);
    }

    #[test]
    fn what_a_number_means_depends_on_the_seed_alone(seed: u64, number in 0_u64..100_000) {
        let of = |seed| Pattern::new(Load::Mixed, PAGE, 9_973 * PAGE as u64, 0, seed).operation(number);
        prop_assert_eq!(of(seed), of(seed));
    }
}

#[test]
fn another_seed_and_another_lap_are_another_order() {
    let order = |seed, lap: u64| -> Vec<u64> {
        let pattern = Pattern::new(Load::RandomRead, PAGE, 1000 * PAGE as u64, 0, seed);
        (0..1000).map(|step| pattern.operation(lap * 1000 + step).offset).collect()
    };
    let orders = [order(1, 0), order(2, 0), order(1, 1), order(u64::MAX, 0)];
    for (index, one) in orders.iter().enumerate() {
        assert!(orders[..index].iter().all(|other| one != other), "{index}");
    }
}

#[test]
fn anywhere_is_everywhere_from_the_start() {
    let (blocks, some) = (65_536_u64, 4096);
    let pattern = Pattern::new(Load::RandomRead, PAGE, blocks * PAGE as u64, 0, 3);
    let met: Vec<u64> = operations(&pattern, some).iter().map(|one| one.offset / PAGE as u64).collect();
    let mut sixteenths = [0_u64; 16];
    for block in &met {
        sixteenths[(block * 16 / blocks) as usize] += 1;
    }
    // 256 are expected of each; five standard deviations are 78.
    assert!(sixteenths.iter().all(|count| (178..334).contains(count)), "{sixteenths:?}");
    // Nor does one lie beside the one before, which a disk would read ahead.
    let near = met.windows(2).filter(|two| two[0].abs_diff(two[1]) < 8).count();
    assert!(near < 10, "{near} of {some}");
}

#[test]
fn a_mix_reads_seven_of_ten() {
    let pattern = Pattern::new(Load::Mixed, PAGE, 50_000 * PAGE as u64, 0, 5);
    let reads = operations(&pattern, 10_000).iter().filter(|one| !one.writes).count();
    assert!((6800..7200).contains(&reads), "{reads}");
}

/// Ten windows, whatever the time.
fn ten(time: Duration) -> Windows {
    Windows::of(time, false)
}

/// A run of at most so many operations.
fn run(pattern: Pattern, most: u64, time: Duration) -> Run {
    Run::new(pattern, most, time, ten(time))
}

/// Has a cursor done all that it says, each operation a microsecond after the one before.
fn play(cursor: &mut Cursor<'_>, start: Instant) -> Vec<Operation> {
    let mut now = start;
    let mut done = vec![];
    while let Some(operation) = cursor.next(now) {
        let ended = now + Duration::from_micros(1);
        cursor.done(&operation, now, ended);
        done.push(operation);
        now = ended;
    }
    done
}

#[test]
fn a_run_ends_by_its_time_or_by_its_number_and_is_counted() {
    let start = Instant::now();
    for (most, micros, expected) in [(u64::MAX, 100, 100), (30, 100, 30), (0, 100, 0)] {
        let pattern = Pattern::new(Load::Mixed, PAGE, 64 * PAGE as u64, 0, 5);
        let run = run(pattern, most, Duration::from_micros(micros));
        let mut cursor = run.cursor(0);
        let done = play(&mut cursor, start);
        let statistics = cursor.statistics;
        let (windows, each) = statistics.windows();
        assert_eq!((done.len() as u64, statistics.operations), (expected, expected));
        assert_eq!(statistics.read_bytes + statistics.written_bytes, expected * PAGE as u64);
        assert_eq!(windows.iter().sum::<u64>(), expected);
        assert_eq!(each, Duration::from_micros(10));
        // One ends at each microsecond from the first on, the last with the run; windows after the last have none.
        match expected {
            100 => assert_eq!(windows, [9, 10, 10, 10, 10, 10, 10, 10, 10, 11]),
            30 => assert_eq!(windows, [9, 10, 10, 1]),
            _ => assert_eq!(windows, [0; 0]),
        }
    }
}

#[test]
fn cursors_of_a_run_share_its_operations_and_its_time() {
    let start = Instant::now();
    let run = run(Pattern::new(Load::Read, PAGE, 64 * PAGE as u64, 0, 5), 10, Duration::from_secs(1));
    let (mut one, mut other) = (run.cursor(0), run.cursor(1));
    assert!(one.next(start).is_some() && other.next(start + Duration::from_secs(1)).is_none(), "it began with the one");
    let mut done: Vec<u64> = play(&mut one, start).iter().map(|operation| operation.offset / PAGE as u64).collect();
    done.extend(play(&mut other, start).iter().map(|operation| operation.offset / PAGE as u64));
    assert_eq!(done, (1..10).collect::<Vec<_>>());
    let mut both = Statistics::new(ten(Duration::from_secs(1)));
    both += &one.statistics;
    both += &other.statistics;
    assert_eq!(both.operations, 9);
}

#[test]
fn no_two_pages_that_are_written_are_the_same_and_none_is_drawn_meanwhile() {
    let run = run(Pattern::new(Load::Write, 2 * PAGE, 8 * PAGE as u64, 0, 5), 8, Duration::from_secs(1));
    let mut pages = BTreeSet::new();
    for mut cursor in [run.cursor(0), run.cursor(1)] {
        for _ in 0..4 {
            let mut block = vec![0; 2 * PAGE];
            let operation = cursor.next(Instant::now()).unwrap();
            cursor.fill(&operation, &mut block);
            for page in block.chunks_exact(PAGE) {
                assert!(page[8..].iter().all(|byte| *byte == 0));
                pages.insert(page.to_vec());
            }
        }
    }
    assert_eq!(pages.len(), 16);
}

#[test]
fn windows_follow_from_the_length_of_a_run() {
    let of = |ms, is_sustained| {
        let windows = Windows::of(Duration::from_millis(ms), is_sustained);
        (windows.count, windows.each.as_millis())
    };
    assert_eq!([of(250, false), of(3000, false)], [(10, 25), (10, 300)]);
    assert_eq!([of(300_000, true), of(2500, true), of(400, true)], [(300, 1000), (3, 1000), (1, 1000)]);
    assert_eq!([of(3_600_000, true), of(7_200_000, true)], [(3600, 1000), (3600, 2000)]);
    let windows = Windows::of(Duration::from_secs(3), true);
    let index = |ms| windows.index(Duration::from_millis(ms));
    assert_eq!([index(0), index(999), index(1000), index(2999), index(9000)], [0, 0, 1, 2, 2]);
    assert_eq!(ten(Duration::ZERO).index(Duration::from_nanos(1)), 9);
}

/// What a run of so many blocks leaves in a file; `None` where there is no such backend here.
fn written(backend: BackendName, depth: usize, block: usize, bytes: usize, entropy_bits: f64) -> Option<Vec<u8>> {
    let mut sys = Sys::new(Stop::new());
    let mut backend = match Backend::new(&mut sys, backend, depth, block) {
        Ok(backend) => backend,
        Err(errno) => {
            eprintln!("skipped: {backend:?}: {errno}");
            return None;
        }
    };
    let file = tempfile::tempfile().unwrap();
    let run =
        run(Pattern::new(Load::Write, block, bytes as u64, 0, 5), (bytes / block) as u64, Duration::from_secs(3600));
    run.prepare(&mut backend, entropy_bits);
    let mut cursors: Vec<Cursor<'_>> = (0..backend.workloads()).map(|number| run.cursor(number)).collect();
    backend.run(&sys, file.as_fd(), &mut cursors).unwrap();
    let mut content = vec![0; bytes];
    file.read_exact_at(&mut content, 0).unwrap();
    Some(content)
}

#[test]
fn what_is_written_has_the_entropy_that_was_asked_for() {
    for (entropy_bits, most) in [(0.0, 0.04), (1.0, 1.05), (4.0, 4.05), (8.0, 8.0)] {
        let content = written(BackendName::Calls, 1, 16 * PAGE, 64 * 16 * PAGE, entropy_bits).unwrap();
        let mut histogram = Histogram::default();
        histogram.add(&content);
        let found = histogram.entropy_bits();
        assert!((entropy_bits - 0.01..=most).contains(&found), "{entropy_bits}: {found}");
    }
}

#[test]
fn what_is_written_one_after_another_does_not_compress() {
    const REACH: usize = 128 << 10;
    for (backend, depth) in [(BackendName::Calls, 1), (BackendName::IoUring, 3), (BackendName::Threads, 3)] {
        for pages in [1, 4, 64] {
            let Some(content) = written(backend, depth, pages * PAGE, 2 * REACH, 8.0) else { continue };
            for reach in content.chunks_exact(REACH) {
                let all: Vec<&[u8]> = reach.chunks_exact(PAGE).collect();
                for (index, page) in all.iter().enumerate() {
                    // Of 1024 bytes four are the same by chance.
                    let same = |other: &[u8]| page[8..1032].iter().zip(&other[8..]).filter(|(a, b)| a == b).count();
                    let is_copy = |other: &&[u8]| same(other) > 50;
                    assert!(!all[..index].iter().any(is_copy), "page {index} of {pages} at a time, {backend:?}");
                }
            }
        }
    }
}
