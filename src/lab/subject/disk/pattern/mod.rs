//! What a run asks of the file: which block comes next, what is written to it, and what became of it.
//!
//! Every operation has a number, and that alone says what it is: so it does not matter which thread takes it, and the
//! same seed asks for the same blocks on every machine. Blocks that are anywhere come in an order in which each comes once
//! before any comes again, so that no cache answers for the disk sooner than it must (fio's default too).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::lab::data::generate::Generator;
use crate::lab::probe::latency::Times;
use crate::lab::stats::random::Random;
use crate::lab::subject::disk::backend::{Backend, Operation, Workload};
use crate::lab::subject::disk::plan::Load;
use crate::sys::PAGE;

/// Windows of a run.
const WINDOWS: usize = 10;
/// How long a window of a run is that shows how long a rate lasts, and how many it has at most, which is an hour.
pub(super) const SUSTAINED_WINDOW: Duration = Duration::from_secs(1);
const MOST_WINDOWS: u64 = 3600;
/// Reads among a hundred operations of [`Load::Mixed`]: a common mix, fio's examples and databases' own.
const MIXED_READS: usize = 70;
/// Rounds that mix the blocks: four are enough to look random (Luby and Rackoff).
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

/// Where the `step`-th of `count` blocks lies in an order that depends on the seed: a permutation, made of additions to
/// one half of a number that depend on the other half (a Feistel network over mixed radices).
fn anywhere(step: u64, count: u64, seed: u64) -> u64 {
    let width = count.isqrt() + 1;
    let height = count.div_ceil(width);
    let mut block = step;
    loop {
        let (mut high, mut low) = (block / width, block % width);
        for mix in 0..MIXES {
            let salt = seed.wrapping_mul(MIXES).wrapping_add(mix);
            if mix % 2 == 0 {
                high = (high + Random::new(mixed(salt, low)).below(height as usize) as u64) % height;
            } else {
                low = (low + Random::new(mixed(salt, high)).below(width as usize) as u64) % width;
            }
        }
        block = high * width + low;
        // The network permutes a few more numbers than there are blocks; following it from those leads back.
        if block < count {
            return block;
        }
    }
}

/// A number that two others decide.
pub(super) const fn mixed(one: u64, other: u64) -> u64 {
    Random::new(one).next() ^ other.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The parts of a run's time whose operations are counted by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    count: usize,
    /// How long one is; what ends after the last is counted in it.
    pub(super) each: Duration,
}

impl Windows {
    /// Those of a run of such a length: ten; of one that shows how long a rate lasts, one a second, or longer ones where
    /// that would be too many.
    pub(super) fn of(time: Duration, is_sustained: bool) -> Self {
        if !is_sustained {
            return Self { count: WINDOWS, each: time / WINDOWS as u32 };
        }
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let count = seconds.clamp(1, MOST_WINDOWS) as u32;
        Self { count: count as usize, each: SUSTAINED_WINDOW.max(time / count) }
    }

    /// The window in which something ends so long after the start.
    fn index(self, passed: Duration) -> usize {
        let index = passed.as_nanos().checked_div(self.each.as_nanos()).unwrap_or(u128::MAX);
        if index < self.count as u128 { index as usize } else { self.count - 1 }
    }
}

/// A run: what its threads share.
#[derive(Debug)]
pub(super) struct Run {
    pattern: Pattern,
    /// Operations at most.
    most: u64,
    /// How long new ones are begun.
    time: Duration,
    windows: Windows,
    begun: OnceLock<Instant>,
    taken: AtomicU64,
}

impl Run {
    /// A run that begins operations for so long, and `most` of them at most.
    pub(super) const fn new(pattern: Pattern, most: u64, time: Duration, windows: Windows) -> Self {
        Self { pattern, most, time, windows, begun: OnceLock::new(), taken: AtomicU64::new(0) }
    }

    /// When its first operation was asked for.
    pub(super) fn begun(&self) -> Option<Instant> {
        self.begun.get().copied()
    }

    /// Has what is to be written ready before the clock starts: bytes of such an entropy. To draw them for each block
    /// would take as long as a fast disk takes to write it.
    pub(super) fn prepare(&self, backend: &mut Backend, entropy_bits: f64) {
        if !self.pattern.load.only_reads() {
            let mut generator = Generator::new(entropy_bits, self.pattern.seed);
            backend.prepare(|memory| generator.fill(memory));
        }
    }

    /// What thread number `number` does.
    pub(super) fn cursor(&self, number: usize) -> Cursor<'_> {
        let stamps = Random::new(mixed(self.pattern.seed, number as u64));
        Cursor { run: self, begun: None, stamps, statistics: Statistics::new(self.windows) }
    }
}

/// What was done.
#[derive(Debug)]
pub(super) struct Statistics {
    pub(super) operations: u64,
    pub(super) read_bytes: u64,
    pub(super) written_bytes: u64,
    /// How long reads took.
    pub(super) reads: Times,
    /// How long writes took.
    pub(super) writes: Times,
    /// Operations that ended in each window.
    counts: Vec<u64>,
    windows: Windows,
    /// When the last one ended.
    pub(super) ended: Option<Instant>,
}

impl Statistics {
    /// Nothing was done yet.
    pub(super) fn new(windows: Windows) -> Self {
        Self {
            operations: 0,
            read_bytes: 0,
            written_bytes: 0,
            reads: Times::default(),
            writes: Times::default(),
            counts: vec![0; windows.count],
            windows,
            ended: None,
        }
    }

    /// Notes that an operation ended, so long after the run began.
    pub(super) fn count(&mut self, ended: Instant, passed: Duration) {
        self.operations += 1;
        self.counts[self.windows.index(passed)] += 1;
        self.ended = Some(ended);
    }

    /// The operations of each window that the run came to, and how long one is. One that ends before its time, because it
    /// has nothing more to do, has fewer windows.
    pub(super) fn windows(&self) -> (Vec<u64>, Duration) {
        let count = self.counts.iter().rposition(|operations| *operations > 0).map_or(0, |last| last + 1);
        (self.counts[..count].to_vec(), self.windows.each)
    }
}

impl std::ops::AddAssign<&Self> for Statistics {
    fn add_assign(&mut self, other: &Self) {
        self.operations += other.operations;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
        self.reads += &other.reads;
        self.writes += &other.writes;
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.ended = self.ended.max(other.ended);
    }
}

/// What one thread does of a run.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    run: &'a Run,
    /// When the run began; the threads agree on that once.
    begun: Option<Instant>,
    /// A number for each page that it writes.
    stamps: Random,
    pub(super) statistics: Statistics,
}

impl Workload for Cursor<'_> {
    fn next(&mut self, now: Instant) -> Option<Operation> {
        let begun = *self.begun.get_or_insert_with(|| *self.run.begun.get_or_init(|| now));
        if now.saturating_duration_since(begun) >= self.run.time {
            return None;
        }
        let number = self.run.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.run.most).then(|| self.run.pattern.operation(number))
    }

    /// Each page of what was made ready gets a random number of 8 bytes, whatever the entropy of the rest, so that no disk
    /// finds two pages that are the same. Of 4096 bytes without any entropy they make some of 0.04 bits a byte.
    fn fill(&mut self, _operation: &Operation, block: &mut [u8]) {
        for page in block.chunks_exact_mut(PAGE) {
            page[..8].copy_from_slice(&self.stamps.next().to_le_bytes());
        }
    }

    fn done(&mut self, operation: &Operation, began: Instant, ended: Instant) {
        let took = ended.saturating_duration_since(began);
        let statistics = &mut self.statistics;
        if operation.writes {
            statistics.written_bytes += operation.bytes as u64;
            statistics.writes.record(took);
        } else {
            statistics.read_bytes += operation.bytes as u64;
            statistics.reads.record(took);
        }
        let passed = self.begun.map_or(Duration::ZERO, |begun| ended.saturating_duration_since(begun));
        statistics.count(ended, passed);
    }
}

#[cfg(test)]
mod tests;
