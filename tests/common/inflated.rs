//! What must hold of every gzip file, whole or damaged, on every route: what a plain reader says of it. Used by the
//! tests and by a fuzz target, which bring the files.

#![allow(dead_code, reason = "whoever includes this uses another part of it")]
#![allow(clippy::disallowed_methods, reason = "the tests look at files from outside, so their calls need no counting")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::{Decompress, FlushDecompress, Status};
use haul::codec::libdeflate::{Inflated, Inflater, NotInflated};
use haul::gzip::gunzip;
use haul::job::Context;
use haul::plan::{FileOptions, GunzipOptions, GunzipPlan, Output, Resources, RouteName};
use haul::size::BufferSize;

/// The four routes, and the choice among them.
pub(crate) const ROUTES: [RouteName; 5] =
    [RouteName::Small, RouteName::Pieces, RouteName::Pipeline, RouteName::Stream, RouteName::Auto];

/// What a plain reader says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    /// What comes out before the end, or before the damage.
    pub(crate) out: Vec<u8>,
    /// There is no damage.
    pub(crate) clean: bool,
    /// Something follows the last member that is neither padding nor a member: a failure, and the bytes stay.
    pub(crate) trailing: bool,
    /// The last member is one of BGZF's, and not the block that its files end with: a failure of a test.
    pub(crate) lacks_end: bool,
    /// Where zlib sees damage and libdeflate, which takes symbols that mean nothing and codes with gaps, does not: what
    /// it makes of the file. Length and CRC of every member are right.
    pub(crate) lenient: Option<Vec<u8>>,
}

impl Reading {
    /// Reads a file with zlib-rs, one byte after the other, by rules that are written down here once more.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (out, end) = read(bytes, by_zlib);
        let lenient =
            if end.is_none() { Some(read(bytes, by_libdeflate)).filter(|(_, end)| end.is_some()) } else { None };
        let (clean, found) = (end.is_some(), end.or(lenient.as_ref().and_then(|(_, end)| *end)).unwrap_or_default());
        let End { trailing, lacks_end } = found;
        Self { out, clean, trailing, lacks_end, lenient: lenient.map(|(out, _)| out) }
    }
}

/// How a file ends behind members that are whole.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    trailing: bool,
    lacks_end: bool,
}

/// Reads members, each inflated by `inflate`: what came out, and how the file ends, if without damage.
fn read(bytes: &[u8], mut inflate: impl FnMut(&[u8], &mut Vec<u8>) -> Option<usize>) -> (Vec<u8>, Option<End>) {
    let (mut out, mut rest) = (Vec::new(), bytes);
    loop {
        let Some(header) = header_bytes(rest) else { return (out, None) };
        let start = out.len();
        let Some(read) = inflate(&rest[header..], &mut out) else { return (out, None) };
        let is_bgzf = rest[3] & 4 != 0 && rest[10..].starts_with(b"\x06\0BC\x02\0");
        let lacks_end = is_bgzf && (rest[16..18] != [27, 0] || out.len() > start);
        rest = &rest[header + read..];
        let member = &out[start..];
        let expected = [crc32fast::hash(member).to_le_bytes(), (member.len() as u32).to_le_bytes()].concat();
        if !rest.starts_with(&expected) {
            return (out, None);
        }
        rest = &rest[8..];
        if !rest.starts_with(&[0x1f, 0x8b]) {
            let trailing = rest.iter().any(|byte| *byte != 0);
            return (out, Some(End { trailing, lacks_end }));
        }
    }
}

/// Bytes of the header at the start of `bytes`, if it is a good one (RFC 1952, section 2.3).
pub(crate) fn header_bytes(bytes: &[u8]) -> Option<usize> {
    let [0x1f, 0x8b, 8, flags, ..] = *bytes else { return None };
    let mut at = 10;
    if flags & 0xe0 != 0 {
        return None;
    }
    if flags & 4 != 0 {
        let length = bytes.get(at..at + 2)?;
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        let crc = crc32fast::hash(bytes.get(..at)?) as u16;
        if *bytes.get(at..at + 2)? != crc.to_le_bytes() {
            return None;
        }
        at += 2;
    }
    (at <= bytes.len()).then_some(at)
}

/// Inflates the stream at the start of `input`, as far as it goes: its bytes, if it ends.
pub(crate) fn by_zlib(input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut inflate = Decompress::new(false);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(&input[read as usize..], &mut buffer, FlushDecompress::None);
        let now = (inflate.total_in(), inflate.total_out());
        out.extend_from_slice(&buffer[..(now.1 - written) as usize]);
        match status {
            Ok(Status::StreamEnd) => return Some(now.0 as usize),
            Ok(Status::Ok | Status::BufError) if now != (read, written) => {}
            _ => return None,
        }
    }
}

fn by_libdeflate(input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut inflater = Inflater::new().expect("memory");
    let mut buffer = vec![0; 1 << 16];
    loop {
        match inflater.inflate(input, &mut buffer) {
            Ok(Inflated { read, written }) => {
                out.extend_from_slice(&buffer[..written]);
                return Some(read);
            }
            Err(NotInflated::OutOfRoom) => buffer = vec![0; buffer.len() * 8],
            Err(NotInflated::NoStream) => return None,
        }
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) route: RouteName,
    pub(crate) workers: usize,
    /// Bytes of a read.
    pub(crate) buffer: Option<u64>,
    pub(crate) max_output: Option<u64>,
}

impl Way {
    pub(crate) const fn new(route: RouteName, workers: usize) -> Self {
        Self { route, workers, buffer: None, max_output: None }
    }

    /// Every route with each of these numbers of workers.
    pub(crate) fn all(workers: &[usize]) -> Vec<Self> {
        ROUTES.iter().flat_map(|route| workers.iter().map(|workers| Self::new(*route, *workers))).collect()
    }

    fn plan(self, inputs: Vec<PathBuf>, output: Output) -> GunzipPlan {
        let mut resources = Resources::with_workers(NonZeroUsize::new(self.workers).expect("a worker"));
        resources.buffer = self.buffer.map(|bytes| BufferSize::new(bytes).expect("a size"));
        let files = FileOptions { output, keep: true, resources, ..FileOptions::new(inputs) };
        let options =
            GunzipOptions { files, route: self.route, max_output: self.max_output, ..GunzipOptions::default() };
        options.plan().expect("a plan")
    }
}

/// Files to be read, in a directory of their own that goes with them.
pub(crate) struct Bench {
    directory: PathBuf,
    files: Vec<(PathBuf, Reading)>,
}

impl Bench {
    /// Writes these files, and reads each plainly.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = &'a [u8]>) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("haul-bench-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // In memory, where there is such a place: a hundred thousand files cost a disk nothing.
        let places = [PathBuf::from("/dev/shm"), std::env::temp_dir()];
        let made = places.iter().map(|place| place.join(&name)).find(|path| std::fs::create_dir(path).is_ok());
        let mut bench = Self { directory: made.expect("a temporary directory"), files: Vec::new() };
        for (number, bytes) in files.into_iter().enumerate() {
            let target = bench.directory.join(number.to_string());
            std::fs::write(target.with_extension("gz"), bytes).expect("write a file");
            bench.files.push((target, Reading::of(bytes)));
        }
        bench
    }

    pub(crate) fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.files.iter().map(|(_, reading)| reading)
    }

    /// The compressed file of this number.
    pub(crate) fn path(&self, number: usize) -> PathBuf {
        self.files[number].0.with_extension("gz")
    }

    fn sources(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(target, _)| target.with_extension("gz")).collect()
    }

    /// Reads all of them in one way, into files: those that are whole must come out as they are, of the others nothing
    /// may be left. `what` names a file, by its number, for people.
    #[track_caller]
    pub(crate) fn check_files(&self, way: Way, what: impl Fn(usize) -> String) {
        let summary = gunzip(&way.plan(self.sources(), Output::BesideSource), &Context::silent()).expect("a run");
        let mut failures = 0;
        for (number, (target, reading)) in self.files.iter().enumerate() {
            let expected = if reading.clean { Some(&reading.out) } else { reading.lenient.as_ref() };
            match (take(target), expected) {
                (Some(out), Some(expected)) => {
                    assert!(out == *expected, "{}: other bytes, {way:?}", what(number));
                    failures += u64::from(reading.trailing);
                }
                (Some(_), None) => panic!("{}: damage passed, {way:?}", what(number)),
                (None, _) => {
                    assert!(!reading.clean, "{}: refused, {way:?}", what(number));
                    failures += 1;
                }
            }
        }
        assert_eq!(summary.failures, failures, "{}..: failures, {way:?}", what(0));
        let left = std::fs::read_dir(&self.directory).expect("list").count();
        assert_eq!(left, self.files.len(), "{}..: something was left behind, {way:?}", what(0));
    }

    /// Tests all of them in one way: as many must fail as are damaged.
    #[track_caller]
    pub(crate) fn check_tests(&self, way: Way, what: &str) {
        let summary = gunzip(&way.plan(self.sources(), Output::Nowhere), &Context::silent()).expect("a run");
        let lenient = self.readings().filter(|reading| reading.lenient.is_some()).count() as u64;
        let fails = |reading: &&Reading| !reading.clean || reading.trailing || reading.lacks_end;
        let failing = self.readings().filter(fails).count() as u64;
        let expected = failing - lenient..=failing;
        assert!(expected.contains(&summary.failures), "{what}: {} of {failing} fail, {way:?}", summary.failures);
        if lenient == 0 {
            let bytes: usize = self.readings().filter(|reading| reading.clean).map(|reading| reading.out.len()).sum();
            assert_eq!(summary.target_bytes, bytes as u64, "{what}: bytes, {way:?}");
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The bytes of a file that is taken away; `None` if there is none.
fn take(path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    std::fs::remove_file(path).expect("remove a file");
    Some(bytes)
}

/// Reads one file by every route, with one worker and with two.
#[track_caller]
pub(crate) fn check_routes(bytes: &[u8]) {
    let bench = Bench::new([bytes]);
    for way in Way::all(&[1, 2]) {
        bench.check_files(way, |_| format!("{} bytes", bytes.len()));
    }
}
