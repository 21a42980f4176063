//! Where operations go: every block whole, within the file, each once a lap, the same for the same seed.

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;

use proptest::prelude::*;

use super::*;
use crate::plan::Flight;
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
        let places: BTreeSet<u64> = all.iter().map(|one| one.offset / bytes as u64).collect();
        prop_assert_eq!(places, (0..blocks).collect::<BTreeSet<_>>());
    }

    #[test]
    fn blocks_that_are_not_anywhere_follow_each_other(blocks in 2_u64..1000, first in 0_u64..1000, step in 0_u64..3000) {
        let pattern = Pattern::new(Load::Read, PAGE, blocks * PAGE as u64, first % blocks, 1);
        let place = |number| pattern.operation(number).offset / PAGE as u64;
        prop_assert_eq!(place(0), first % blocks);
        prop_assert_eq!(place(step + 1), (place(step) + 1) % blocks);
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
    for (place, one) in orders.iter().enumerate() {
        assert!(orders[..place].iter().all(|other| one != other), "{place}");
    }
}

#[test]
fn anywhere_is_everywhere_from_the_start() {
    let (blocks, some) = (65_536_u64, 4096);
    let pattern = Pattern::new(Load::RandomRead, PAGE, blocks * PAGE as u64, 0, 3);
    let places: Vec<u64> = operations(&pattern, some).iter().map(|one| one.offset / PAGE as u64).collect();
    let mut sixteenths = [0_u64; 16];
    for place in &places {
        sixteenths[(place * 16 / blocks) as usize] += 1;
    }
    // 256 are expected of each; five standard deviations are 78.
    assert!(sixteenths.iter().all(|count| (178..334).contains(count)), "{sixteenths:?}");
    // Nor does one lie beside the one before, which a disk would read ahead.
    let near = places.windows(2).filter(|two| two[0].abs_diff(two[1]) < 8).count();
    assert!(near < 10, "{near} of {some}");
}

#[test]
fn a_mix_reads_seven_of_ten() {
    let pattern = Pattern::new(Load::Mixed, PAGE, 50_000 * PAGE as u64, 0, 5);
    let reads = operations(&pattern, 10_000).iter().filter(|one| !one.writes).count();
    assert!((6800..7200).contains(&reads), "{reads}");
}

/// Has a part done all that it says, each operation a microsecond after the one before.
fn play(part: &mut Part<'_>, start: Instant) -> Vec<Operation> {
    let mut now = start;
    let mut done = vec![];
    while let Some(operation) = part.next(now) {
        let ended = now + Duration::from_micros(1);
        part.done(&operation, now, ended);
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
        let course = Course::new(pattern, most, Duration::from_micros(micros));
        let mut part = course.part(0);
        let done = play(&mut part, start);
        let tally = part.tally;
        assert_eq!((done.len() as u64, tally.operations), (expected, expected));
        assert_eq!(tally.read_bytes + tally.written_bytes, expected * PAGE as u64);
        assert_eq!(tally.windows.iter().sum::<u64>(), expected);
        if expected == 100 {
            // One ends at each microsecond from the first on, the last with the run.
            assert_eq!(tally.windows, [9, 10, 10, 10, 10, 10, 10, 10, 10, 11]);
        }
    }
}

#[test]
fn parts_of_a_run_share_its_operations_and_its_time() {
    let start = Instant::now();
    let course = Course::new(Pattern::new(Load::Read, PAGE, 64 * PAGE as u64, 0, 5), 10, Duration::from_secs(1));
    let (mut one, mut other) = (course.part(0), course.part(1));
    assert!(one.next(start).is_some() && other.next(start + Duration::from_secs(1)).is_none(), "it began with the one");
    let mut done: Vec<u64> = play(&mut one, start).iter().map(|operation| operation.offset / PAGE as u64).collect();
    done.extend(play(&mut other, start).iter().map(|operation| operation.offset / PAGE as u64));
    assert_eq!(done, (1..10).collect::<Vec<_>>());
    let mut both = Tally::default();
    both += &one.tally;
    both += &other.tally;
    assert_eq!(both.operations, 9);
}

#[test]
fn no_two_pages_that_are_written_are_the_same_and_none_is_drawn_meanwhile() {
    let course = Course::new(Pattern::new(Load::Write, 2 * PAGE, 8 * PAGE as u64, 0, 5), 8, Duration::from_secs(1));
    let mut pages = BTreeSet::new();
    for mut part in [course.part(0), course.part(1)] {
        for _ in 0..4 {
            let mut block = vec![0; 2 * PAGE];
            let operation = part.next(Instant::now()).unwrap();
            part.fill(&operation, &mut block);
            for page in block.chunks_exact(PAGE) {
                assert!(page[8..].iter().all(|byte| *byte == 0));
                pages.insert(page.to_vec());
            }
        }
    }
    assert_eq!(pages.len(), 16);
}

#[test]
fn what_is_written_one_after_another_does_not_compress() {
    const WINDOW: usize = 128 << 10;
    let mut sys = Sys::new(Stop::new());
    for (flight, depth) in [(Flight::Calls, 1), (Flight::IoUring, 3), (Flight::Threads, 3)] {
        for pages in [1, 4, 64] {
            let mut flights = match Flights::new(&mut sys, flight, depth, pages * PAGE) {
                Ok(flights) => flights,
                Err(errno) => return eprintln!("skipped: {flight:?}: {errno}"),
            };
            let file = tempfile::tempfile().unwrap();
            let blocks = 2 * WINDOW as u64 / (pages * PAGE) as u64;
            let pattern = Pattern::new(Load::Write, pages * PAGE, 2 * WINDOW as u64, 0, 5);
            let course = Course::new(pattern, blocks, Duration::from_secs(3600));
            course.prepare(&mut flights);
            let mut parts: Vec<Part<'_>> = (0..flights.scripts()).map(|number| course.part(number)).collect();
            flights.run(&sys, file.as_fd(), &mut parts).unwrap();
            let mut content = vec![0; 2 * WINDOW];
            file.read_exact_at(&mut content, 0).unwrap();
            for window in content.chunks_exact(WINDOW) {
                let all: Vec<&[u8]> = window.chunks_exact(PAGE).collect();
                for (place, page) in all.iter().enumerate() {
                    // Of 1024 bytes four are the same by chance.
                    let same = |other: &[u8]| page[8..1032].iter().zip(&other[8..]).filter(|(a, b)| a == b).count();
                    let is_copy = |other: &&[u8]| same(other) > 50;
                    assert!(!all[..place].iter().any(is_copy), "page {place} of {pages} at a time, {flight:?}");
                }
            }
        }
    }
}
