//! What a run asks of the file: which block comes next, what is written to it, and what became of it.
//!
//! Every operation has a number, and that alone says what it is: so it does not matter which thread takes it, and the
//! same seed asks for the same blocks on every machine. Blocks that are anywhere come in an order in which each comes once
//! before any comes again, so that no cache answers for the disk sooner than it must (fio's default too).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::load::{Flights, Operation, Script};
use crate::measure::generate::Generator;
use crate::measure::latency::Times;
use crate::measure::random::Random;
use crate::plan::Load;
use crate::sys::PAGE;

/// Parts of a run whose operations are counted by themselves.
pub(super) const WINDOWS: usize = 10;
/// Reads among a hundred operations of [`Load::Mixed`]: a common mix, fio's examples and databases' own.
const MIXED_READS: usize = 70;
/// Rounds that mix the places: four are enough to look random (Luby and Rackoff).
const MIXES: u64 = 4;

/// Which blocks are asked for, by their number in the run.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    load: Load,
    block_bytes: usize,
    /// Whole blocks of the file.
    blocks: u64,
    /// The block that comes first, of those one after the other.
    first: u64,
    seed: u64,
}

impl Pattern {
    /// Whole blocks of a file of so many bytes, at least one. Blocks one after the other begin with number `first`.
    pub(super) const fn new(load: Load, block_bytes: usize, file_bytes: u64, first: u64, seed: u64) -> Self {
        Self { load, block_bytes, blocks: file_bytes / block_bytes as u64, first, seed }
    }

    /// Whole blocks of the file.
    pub(super) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Operation number `number`.
    pub(super) fn operation(&self, number: u64) -> Operation {
        let (lap, step) = (number / self.blocks, number % self.blocks);
        let block = if self.load.is_random() {
            anywhere(step, self.blocks, mixed(self.seed, lap))
        } else {
            (self.first + step) % self.blocks
        };
        Operation {
            writes: match self.load {
                Load::Mixed => Random::new(mixed(self.seed, number)).below(100) >= MIXED_READS,
                load => !load.only_reads(),
            },
            is_durable: self.load == Load::Sync,
            offset: block * self.block_bytes as u64,
            bytes: self.block_bytes,
        }
    }
}

/// Where the `step`-th of `count` things lies in an order that depends on the seed: a permutation, made of additions to
/// one half of a number that depend on the other half (a Feistel network over mixed radices).
fn anywhere(step: u64, count: u64, seed: u64) -> u64 {
    let width = count.isqrt() + 1;
    let height = count.div_ceil(width);
    let mut place = step;
    loop {
        let (mut high, mut low) = (place / width, place % width);
        for mix in 0..MIXES {
            let salt = seed.wrapping_mul(MIXES).wrapping_add(mix);
            if mix % 2 == 0 {
                high = (high + Random::new(mixed(salt, low)).below(height as usize) as u64) % height;
            } else {
                low = (low + Random::new(mixed(salt, high)).below(width as usize) as u64) % width;
            }
        }
        place = high * width + low;
        // The network permutes a few more places than there are; following it from those leads back.
        if place < count {
            return place;
        }
    }
}

/// A number that two others decide.
pub(super) const fn mixed(one: u64, other: u64) -> u64 {
    Random::new(one).next() ^ other.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What the threads of one run share.
#[derive(Debug)]
pub(super) struct Course {
    pattern: Pattern,
    /// Operations at most.
    most: u64,
    /// How long new ones are begun.
    time: Duration,
    begun: OnceLock<Instant>,
    taken: AtomicU64,
}

impl Course {
    /// A run that begins operations for so long, and `most` of them at most.
    pub(super) const fn new(pattern: Pattern, most: u64, time: Duration) -> Self {
        Self { pattern, most, time, begun: OnceLock::new(), taken: AtomicU64::new(0) }
    }

    /// When its first operation was asked for.
    pub(super) fn begun(&self) -> Option<Instant> {
        self.begun.get().copied()
    }

    /// Has what is to be written ready before the clock starts: random bytes, which nothing can compress. To draw them
    /// for each block would take as long as a fast disk takes to write it.
    pub(super) fn prepare(&self, flights: &mut Flights) {
        if !self.pattern.load.only_reads() {
            let mut generator = Generator::new(8.0, self.pattern.seed);
            flights.prepare(|memory| generator.fill(memory));
        }
    }

    /// What thread number `number` does.
    pub(super) fn part(&self, number: usize) -> Part<'_> {
        let stamps = Random::new(mixed(self.pattern.seed, number as u64));
        Part { course: self, begun: None, stamps, tally: Tally::default() }
    }
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) operations: u64,
    pub(super) read_bytes: u64,
    pub(super) written_bytes: u64,
    /// How long reads took.
    pub(super) reads: Times,
    /// How long writes took.
    pub(super) writes: Times,
    /// Operations that ended in each part of the run's time; those that ended later are in the last.
    pub(super) windows: [u64; WINDOWS],
    /// When the last one ended.
    pub(super) ended: Option<Instant>,
}

impl std::ops::AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.operations += other.operations;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
        self.reads += &other.reads;
        self.writes += &other.writes;
        self.windows.iter_mut().zip(other.windows).for_each(|(mine, theirs)| *mine += theirs);
        self.ended = self.ended.max(other.ended);
    }
}

/// The part of which so much has passed of the whole.
pub(super) const fn window(passed: Duration, whole: Duration) -> usize {
    let place = passed.as_nanos() * WINDOWS as u128 / if whole.is_zero() { 1 } else { whole.as_nanos() };
    if place < WINDOWS as u128 { place as usize } else { WINDOWS - 1 }
}

/// One thread's part in a run.
#[derive(Debug)]
pub(super) struct Part<'a> {
    course: &'a Course,
    /// When the run began; the threads agree on that once.
    begun: Option<Instant>,
    /// A number for each page that it writes.
    stamps: Random,
    pub(super) tally: Tally,
}

impl Script for Part<'_> {
    fn next(&mut self, now: Instant) -> Option<Operation> {
        let begun = *self.begun.get_or_insert_with(|| *self.course.begun.get_or_init(|| now));
        if now.saturating_duration_since(begun) >= self.course.time {
            return None;
        }
        let number = self.course.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.course.most).then(|| self.course.pattern.operation(number))
    }

    /// Each page of what was made ready gets a number of its own, so that no disk finds two that are the same.
    fn fill(&mut self, _operation: &Operation, block: &mut [u8]) {
        for page in block.chunks_exact_mut(PAGE) {
            page[..8].copy_from_slice(&self.stamps.next().to_le_bytes());
        }
    }

    fn done(&mut self, operation: &Operation, began: Instant, ended: Instant) {
        let took = ended.saturating_duration_since(began);
        let tally = &mut self.tally;
        tally.operations += 1;
        if operation.writes {
            tally.written_bytes += operation.bytes as u64;
            tally.writes.record(took);
        } else {
            tally.read_bytes += operation.bytes as u64;
            tally.reads.record(took);
        }
        let passed = self.begun.map_or(Duration::ZERO, |begun| ended.saturating_duration_since(begun));
        tally.windows[window(passed, self.course.time)] += 1;
        tally.ended = Some(ended);
    }
}

#[cfg(test)]
mod tests;
