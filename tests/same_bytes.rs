//! The same bytes, always: whatever a compressor did before, wherever it and the block lie in memory, and whichever of
//! how many workers compress a block.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::time::Instant;

use common::{noise, prose};
use haul::codec::compressor::Compressor;
use haul::codec::level::Choice;
use haul::gzip::gzip;
use haul::job::Context;
use haul::plan::{CodecName, FileOptions, GzipOptions, PoolChoice, Resources, SchedulerName};
use haul::size::BufferSize;

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }
}

/// Text of so few words that almost every place has a match somewhere: where it is found then shows.
fn few_words(dice: &mut Dice, length: usize) -> Vec<u8> {
    let words = 2 + dice.roll(40);
    let mut text = Vec::with_capacity(length + 8);
    while text.len() < length {
        text.extend_from_slice(format!("{:x} ", dice.roll(words) * 40_503 % 9_973).as_bytes());
    }
    text.truncate(length);
    text
}

/// Data of every nature.
fn data(dice: &mut Dice, length: usize) -> Vec<u8> {
    let seed = dice.0;
    match dice.roll(8) {
        0 => noise(seed, length),
        1 => vec![0; length],
        2 => vec![0xff; length],
        3 => prose(seed, length),
        4 => [vec![0; length / 2], few_words(dice, length - length / 2)].concat(),
        5 => noise(seed, 1 + dice.roll(40)).into_iter().cycle().take(length).collect(),
        _ => few_words(dice, length),
    }
}

/// Every codec at every level that it has.
fn choices() -> Vec<Choice> {
    let all = CodecName::ALL.into_iter().flat_map(|codec| (0..=12).map(move |level| (codec, level)));
    all.filter_map(|(codec, level)| Choice::new(codec, level, None).ok()).collect()
}

fn compress(compressor: &mut Compressor, dictionary: &[u8], block: &[u8], last: bool) -> Vec<u8> {
    let mut out = vec![0xaa; compressor.bound(block.len())];
    let len = compressor.compress(dictionary, block, last, &mut out).expect("compress");
    out.truncate(len);
    out
}

#[test]
fn what_was_compressed_before_and_where_it_lies_leaves_no_trace() {
    const LENGTHS: [usize; 16] = [1, 2, 3, 4, 8, 15, 16, 17, 18, 33, 300, 700, 3_000, 9_000, 40_000, 70_000];
    let mut tried = 0;
    for choice in choices() {
        // From level 10 on, some MB a compressor, and slow.
        let rounds = if choice.codec_level >= 10 && choice.name == CodecName::Libdeflate { 12 } else { 60 };
        let mut dice = Dice(choice.codec_level.into());
        let mut used = Compressor::new(choice, false).expect("memory");
        // They stay, so that each new one lies elsewhere.
        let mut others: Vec<Compressor> = Vec::new();
        for round in 0..rounds {
            let (length, before) = (*dice.pick(&LENGTHS), *dice.pick(&LENGTHS));
            let (block, last) = (data(&mut dice, length), dice.roll(2) == 0);
            let dictionary_bytes = used.dictionary_bytes().min(*dice.pick(&[0, 1, 100, 32_768]));
            let dictionary = data(&mut dice, dictionary_bytes);
            compress(&mut used, b"", &data(&mut dice, before), dice.roll(2) == 0);
            let after = compress(&mut used, &dictionary, &block, last);
            let what = format!("{choice:?}, round {round}: {length} bytes after {before}, last: {last}");
            // Among other bytes, at another place in memory.
            let (front, back) = (noise(round, 1 + dice.roll(70)), noise(round + 1, 300));
            let around = [&front[..], &block, &back].concat();
            let moved = &around[front.len()..front.len() + length];
            if others.len() < 30 && rounds > 12 {
                others.push(Compressor::new(choice, false).expect("memory"));
            }
            for other in others.iter_mut().rev().take(4).chain([&mut Compressor::new(choice, false).expect("memory")]) {
                assert!(compress(other, &dictionary, moved, last) == after, "{what}: another compressor");
                tried += 1;
            }
            assert!(compress(&mut used, &dictionary, moved, last) == after, "{what}: once more");
        }
    }
    let _ = writeln!(std::io::stderr(), "same bytes: {tried} blocks");
}

/// Small blocks of few words, which show best where ISA-L looks for a match.
#[test]
fn level_1_is_the_same_at_any_address() {
    for codec in [CodecName::Isal, CodecName::Libdeflate] {
        let Ok(choice) = Choice::new(codec, 1, None) else { continue };
        let mut compressors: Vec<Compressor> =
            (0..60).map(|_| Compressor::new(choice, false).expect("memory")).collect();
        let mut dice = Dice(1);
        for round in 0..150 {
            let length = 100 + dice.roll(4_000);
            let block = few_words(&mut dice, length);
            let first = compress(&mut compressors[0], b"", &block, false);
            for (number, other) in compressors.iter_mut().enumerate() {
                let same = compress(other, b"", &block, false) == first;
                assert!(same, "{codec:?}, round {round}, {length} bytes: compressor {number}");
            }
        }
    }
}

/// A run of the job.
#[derive(Debug, Clone, Copy)]
struct Setting {
    codec: CodecName,
    level: u32,
    block: Option<u64>,
    workers: usize,
    scheduler: SchedulerName,
    buffer: Option<u64>,
    pool: PoolChoice,
}

impl Setting {
    /// What its member has to be: that of a single fresh worker.
    const fn plainest(self) -> Self {
        Self { workers: 1, scheduler: SchedulerName::Serial, buffer: None, pool: PoolChoice::Auto, ..self }
    }

    fn run(self, source: &std::path::Path) -> Vec<u8> {
        let size = |bytes| BufferSize::new(bytes).expect("a size");
        let mut resources = Resources::with_workers(NonZeroUsize::new(self.workers).expect("a worker"));
        (resources.scheduler, resources.pool) = (self.scheduler, self.pool);
        resources.buffer = self.buffer.map(size);
        let files = FileOptions { keep: true, force: true, resources, ..FileOptions::new(vec![source.to_owned()]) };
        let (level, codec, block) = (self.level, self.codec, self.block.map(size));
        let plan = GzipOptions { files, level, codec, block, ..GzipOptions::default() }.plan().expect("a plan");
        let summary = gzip(&plan, &Context::silent()).expect("a run");
        assert!(summary.is_clean(), "{self:?}: {summary:?}");
        std::fs::read(source.with_extension("gz")).expect("read")
    }
}

/// Runs the job in many settings over files of many natures; each has to make what a single fresh worker does.
fn same_bytes(runs: usize) {
    let blocks = [None, Some(32 << 10), Some(64 << 10), Some(100_000), Some(1 << 20)];
    let schedulers = [SchedulerName::Serial, SchedulerName::Channel, SchedulerName::Rayon];
    let pools = [PoolChoice::Auto, PoolChoice::Off];
    let settings = choices();
    let directory = tempfile::tempdir_in(if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" });
    let directory = directory.expect("a directory");
    let mut dice = Dice(runs as u64);
    let (started, mut done, mut files) = (Instant::now(), 0, 0);
    while done < runs {
        let source = directory.path().join(format!("{files}"));
        files += 1;
        let length = *dice.pick(&[1, 17, 500, 3_000, 20_000, 70_000, 140_000, 300_000]);
        std::fs::write(&source, data(&mut dice, length)).expect("write");
        // Levels from 10 on are slow: seldom, and half of all runs are at level 1.
        let choice = if dice.roll(2) == 0 { dice.pick(&settings[..2]) } else { dice.pick(&settings) };
        let is_slow = choice.name == CodecName::Libdeflate && choice.codec_level >= 8;
        if is_slow && dice.roll(20) > 0 {
            continue;
        }
        let (codec, level) = (choice.name, choice.codec_level);
        let plain = Setting {
            codec,
            level,
            block: *dice.pick(&blocks),
            workers: 1,
            scheduler: SchedulerName::Serial,
            buffer: None,
            pool: PoolChoice::Auto,
        };
        let expected = plain.plainest().run(&source);
        for _ in 0..if is_slow { 3 } else { 12 } {
            let setting = Setting {
                workers: 1 + dice.roll(4),
                scheduler: *dice.pick(&schedulers),
                buffer: *dice.pick(&[None, None, Some(5_000), Some(64 << 10)]),
                pool: *dice.pick(&pools),
                ..plain
            };
            assert!(setting.run(&source) == expected, "run {done}: {length} bytes, {setting:?}");
            done += 1;
        }
        std::fs::remove_file(source.with_extension("gz")).and_then(|()| std::fs::remove_file(&source)).expect("remove");
    }
    let seconds = started.elapsed().as_secs_f64();
    let _ = writeln!(std::io::stderr(), "same bytes: {done} runs over {files} files in {seconds:.0} s");
}

#[test]
fn every_worker_makes_the_same() {
    same_bytes(300);
}

#[test]
#[ignore = "a minute or more: for make soak"]
fn every_worker_makes_the_same_for_long() {
    same_bytes(20_000);
}
