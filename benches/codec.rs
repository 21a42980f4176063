//! The codecs alone: one thread, in memory, in the blocks that gzip uses. What it costs to join them, and the checksum.
//!
//! `cargo bench --bench codec -- FILE...` prints a table of all levels, over all the files.
//! `cargo bench --bench codec -- --seconds LEVEL CODEC FILE` prints the seconds of the codec alone and nothing else.

#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a program that prints figures of files"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use crc32fast::Hasher;
use haul::codec::join::{MARK_ROOM, Marker};
use haul::codec::level::{Choice, HIGHEST};
use haul::plan::CodecName;

fn main() {
    // cargo adds a word of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => println!("name files to compress"),
        ["--seconds", level, codec, file] => {
            let codec = CodecName::ALL.into_iter().find(|name| name.name() == codec).unwrap_or_default();
            let choice = Choice::new(codec, level.parse().expect("a level"), None).expect("a codec");
            println!("{:.4}", measure(choice, &read(file)).codec.as_secs_f64());
        }
        ref files => table(files),
    }
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("cannot read {file}: {error}"))
}

fn table(files: &[&str]) {
    println!("level  codec            block   ratio     bytes   MB/s  joining %  CRC %");
    for level in 0..=HIGHEST {
        for codec in CodecName::ALL {
            let Ok(choice) = Choice::new(codec, level, None) else { continue };
            let mut total = Figures::default();
            for file in files {
                total.add(&measure(choice, &read(file)));
            }
            let percent = |part: Duration| 100.0 * part.as_secs_f64() / total.codec.as_secs_f64();
            println!(
                "{level:5}  {:10} {:4}  {:4} KiB  {:6.3}  {:8}  {:5.0}  {:9.1}  {:5.1}",
                codec.name(),
                choice.codec_level,
                choice.block_bytes >> 10,
                total.read as f64 / total.written as f64,
                total.written,
                total.read as f64 / 1e6 / total.codec.as_secs_f64(),
                percent(total.joining),
                percent(total.checksum)
            );
        }
    }
}

/// Bytes and times of blocks.
#[derive(Default)]
struct Figures {
    read: usize,
    written: usize,
    codec: Duration,
    joining: Duration,
    checksum: Duration,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.written += other.written;
        self.codec += other.codec;
        self.joining += other.joining;
        self.checksum += other.checksum;
    }
}

fn measure(choice: Choice, data: &[u8]) -> Figures {
    let mut codec = choice.codec().expect("memory");
    let mut marker = Marker::default();
    let mut out = vec![0; codec.bound(choice.block_bytes) + MARK_ROOM];
    let mut figures = Figures { read: data.len(), ..Figures::default() };
    for (number, block) in data.chunks(choice.block_bytes).enumerate() {
        let start = number * choice.block_bytes;
        let dictionary = &data[start - start.min(codec.dictionary_bytes())..start];
        let begun = Instant::now();
        let compressed = codec.compress(dictionary, block, false, &mut out).expect("it compresses");
        figures.codec += begun.elapsed();
        let begun = Instant::now();
        figures.written += marker.mark(&mut out, compressed).expect("it joins");
        figures.joining += begun.elapsed();
        let begun = Instant::now();
        let mut crc = Hasher::new();
        crc.update(block);
        black_box(crc.finalize());
        figures.checksum += begun.elapsed();
    }
    figures
}
