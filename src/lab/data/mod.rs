//! The data of a sweep: made where the user has none, and how random it is.

pub mod entropy;
pub mod generate;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::CWD;
use rustix::io::Errno;

use self::entropy::Histogram;
use self::generate::Generator;
use crate::error::{Error, Result};
use crate::lab::plan::Generated;
use crate::lab::stats::random::Random;
use crate::sys::Sys;
use crate::tree::each_file;
use crate::tree::path::c_path;

/// Bytes written at a time: as fast as can be, and a request to stop is noticed soon enough.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes that the entropy of a source is measured over, at most: a tenth of a second.
const SAMPLE_BYTES: u64 = 64 << 20;
/// Bytes read at a time while measuring it: small enough that a sample of a large file is spread over all of it.
const SAMPLE_PIECE_BYTES: usize = 64 << 10;

/// Makes `name` in `directory`: a file or, of several, a directory of files 000, 001, …, each with other content. The
/// same seed makes the same bytes. `path` is what people know the place by.
pub fn make(
    sys: &mut Sys,
    directory: &OwnedFd,
    name: &CStr,
    path: &Path,
    generated: &Generated,
    seed: u64,
) -> Result<()> {
    let mut maker = Maker {
        generator: Generator::new(generated.entropy, 0),
        seeds: Random::new(seed),
        piece: vec![0; PIECE_BYTES],
        bytes: generated.bytes,
    };
    let files = generated.files.get();
    let made = if files == 1 { maker.file(sys, directory, name) } else { maker.directory(sys, directory, name, files) };
    made.map_err(|errno| Error::system("make test data in", path, errno))
}

/// Makes one file after another.
struct Maker {
    generator: Generator,
    /// A seed for each file.
    seeds: Random,
    piece: Vec<u8>,
    /// Size of each file.
    bytes: u64,
}

impl Maker {
    fn directory(&mut self, sys: &mut Sys, parent: &OwnedFd, name: &CStr, files: usize) -> rustix::io::Result<()> {
        sys.mkdirat(parent, name, 0o700)?;
        let directory = sys.open_directory(parent, name)?;
        let digits = (files - 1).to_string().len().max(3);
        for number in 0..files {
            let name = CString::new(format!("{number:0digits$}")).map_err(|_| Errno::INVAL)?;
            self.file(sys, &directory, &name)?;
        }
        sys.close(directory)
    }

    fn file(&mut self, sys: &mut Sys, directory: impl AsFd, name: &CStr) -> rustix::io::Result<()> {
        self.generator.reseed(self.seeds.next());
        let file = sys.create(directory, name, 0o600)?;
        let mut left = self.bytes;
        while left > 0 {
            sys.check_stop()?;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
            let piece = &mut self.piece[..count];
            self.generator.fill(piece);
            sys.write_full(&file, piece, count)?;
            left -= count as u64;
        }
        sys.close(file)
    }
}

/// What there is to sweep over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Described {
    /// Regular files.
    pub files: u64,
    /// Their sizes.
    pub bytes: u64,
    /// Bytes that they take without their holes.
    pub stored_bytes: u64,
    /// Shannon entropy of their content in bits a byte: of all of it, or of 64 MiB at most that are spread evenly over it.
    pub entropy_bits: f64,
}

/// Looks at a file or at all files of a tree.
pub(crate) fn describe(sys: &mut Sys, path: &Path) -> Result<Described> {
    describe_by(sys, &c_path(path), SAMPLE_BYTES).map_err(|errno| Error::system("read", path, errno))
}

fn describe_by(sys: &mut Sys, name: &CStr, most_bytes: u64) -> rustix::io::Result<Described> {
    let (mut files, mut bytes, mut stored_bytes) = (0, 0, 0);
    each_file(sys, CWD, name, &mut |_, _, attributes| {
        files += 1;
        bytes += attributes.size;
        stored_bytes += attributes.size.min(attributes.blocks * 512);
        Ok(())
    })?;
    // Of so many pieces one is looked at. Files lie one after the other, so that of many small ones some are passed over.
    let one_of = bytes.div_ceil(most_bytes).max(1);
    let mut histogram = Histogram::default();
    let mut piece = vec![0; SAMPLE_PIECE_BYTES];
    let (mut begin, mut next) = (0_u64, 0_u64);
    each_file(sys, CWD, name, &mut |sys, file, attributes| {
        let end = begin + attributes.size;
        while next < end {
            sys.check_stop()?;
            match sys.pread(file, &mut piece, next - begin)? {
                // Somebody made it shorter.
                0 => next = end,
                count => {
                    histogram.add(&piece[..count]);
                    next += count as u64 * one_of;
                }
            }
        }
        begin = end;
        Ok(())
    })?;
    Ok(Described { files, bytes, stored_bytes, entropy_bits: histogram.entropy_bits() })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::sys::Stop;
    use crate::sys::faults::{Fault, FaultPlan};
    use crate::tree::remove_tree;

    fn open(path: &Path) -> OwnedFd {
        rustix::fs::open(path, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap()
    }

    fn generated(files: usize, bytes: u64, entropy: f64) -> Generated {
        Generated { files: NonZeroUsize::new(files).unwrap(), bytes, entropy }
    }

    fn made(place: &Path, name: &CStr, data: &Generated, seed: u64) -> Result<()> {
        make(&mut Sys::new(Stop::new()), &open(place), name, place, data, seed)
    }

    #[allow(clippy::disallowed_methods, reason = "a test looks at its own files")]
    fn read(place: &Path, name: &str) -> Vec<u8> {
        std::fs::read(place.join(name)).unwrap()
    }

    #[test]
    fn a_file_has_the_size_and_the_entropy_that_were_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let mut sys = Sys::new(Stop::new());
        for (name, entropy) in [(c"a", 0.0), (c"b", 0.5), (c"c", 2.5), (c"d", 7.9), (c"e", 8.0)] {
            made(place.path(), name, &generated(1, (2 << 20) + 17, entropy), 1).unwrap();
            let path = place.path().join(name.to_str().unwrap());
            assert_eq!(path.metadata().unwrap().len(), (2 << 20) + 17);
            let measured = describe(&mut sys, &path).unwrap().entropy_bits;
            assert!((measured - entropy).abs() < 0.01, "{entropy}: {measured}");
        }
        assert!(describe(&mut sys, &place.path().join("none")).is_err());
    }

    #[test]
    fn files_differ_and_the_seed_decides() {
        let place = tempfile::tempdir().unwrap();
        for (name, seed) in [(c"one", 1), (c"same", 1), (c"other", 2)] {
            made(place.path(), name, &generated(3, 5000, 6.0), seed).unwrap();
        }
        assert_eq!(place.path().join("one").read_dir().unwrap().count(), 3);
        for name in ["000", "001", "002"] {
            let of = |directory: &str| read(place.path(), &format!("{directory}/{name}"));
            assert!(of("one").len() == 5000 && of("one") == of("same") && of("one") != of("other"), "{name}");
        }
        assert_ne!(read(place.path(), "one/000"), read(place.path(), "one/001"));
    }

    #[test]
    fn names_sort_as_numbers_do() {
        let place = tempfile::tempdir().unwrap();
        made(place.path(), c"many", &generated(1001, 0, 8.0), 1).unwrap();
        assert!(place.path().join("many/0000").exists() && place.path().join("many/1000").exists());
    }

    #[test]
    fn a_wish_to_stop_is_heard_and_an_old_file_is_safe() {
        let place = tempfile::tempdir().unwrap();
        let stop = Stop::new();
        stop.request(2);
        let data = generated(2, 1 << 30, 8.0);
        let error = make(&mut Sys::new(stop), &open(place.path()), c"a", place.path(), &data, 1).unwrap_err();
        assert!(error.is_interruption(), "{error}");
        // A name that is there is not written over.
        assert_eq!(made(place.path(), c"a", &data, 1).unwrap_err().errno(), Some(Errno::EXIST));
    }

    #[test]
    fn every_call_that_fails_is_an_error_and_so_is_a_full_disk() {
        let place = tempfile::tempdir().unwrap();
        let directory = open(place.path());
        let with_fault = |number: u64, fault| {
            let plan = std::sync::Arc::new(FaultPlan::new(number, fault, false));
            let mut sys = Sys::new(Stop::new()).with_faults(std::sync::Arc::clone(&plan));
            let result = make(&mut sys, &directory, c"tree", Path::new("here"), &generated(2, 3 << 20, 8.0), 1);
            remove_tree(&mut Sys::new(Stop::new()), &directory, c"tree").unwrap();
            (result, plan.seen())
        };
        let (result, calls) = with_fault(u64::MAX, Fault::Full);
        // A directory made, opened and closed, and two files in three pieces each.
        assert_eq!((result, calls), (Ok(()), 3 + 2 * 5));
        for number in 1..=calls {
            let error = with_fault(number, Fault::Fail(Errno::IO)).0.map_err(|error| error.to_string());
            assert_eq!(error, Err("cannot make test data in 'here': Input/output error".to_owned()), "call {number}");
        }
        let full = with_fault(4, Fault::Full).0.and(with_fault(5, Fault::Full).0);
        assert_eq!(full.unwrap_err().to_string(), "cannot make test data in 'here': No space left on device");
    }

    #[test]
    fn a_sample_is_spread_over_all_files() {
        let place = tempfile::tempdir().unwrap();
        let tree = place.path().join("tree");
        made(place.path(), c"tree", &generated(4, 1 << 20, 0.0), 1).unwrap();
        let name = c_path(&tree);
        let entropy = |sys: &mut Sys, most_bytes| describe_by(sys, &name, most_bytes).map(|found| found.entropy_bits);
        let mut sys = Sys::new(Stop::new());
        assert!(entropy(&mut sys, u64::MAX).unwrap().abs() < f64::EPSILON);
        made(&tree, c"random", &generated(1, 4 << 20, 8.0), 1).unwrap();
        // Half of all bytes are random, so a quarter of the values in a sample of an eighth are too: 1 + 8 / 2 bits, about.
        let (whole, part) = (entropy(&mut sys, u64::MAX).unwrap(), entropy(&mut sys, 1 << 20).unwrap());
        assert!((4.5..5.5).contains(&whole) && (whole - part).abs() < 0.1, "{whole} {part}");
        let before = sys.counts().of(crate::calls::Call::Pread).bytes;
        entropy(&mut sys, 1 << 20).unwrap();
        let read = sys.counts().of(crate::calls::Call::Pread).bytes - before;
        assert!(((3 << 18)..=(1 << 20)).contains(&read), "{read} bytes");
    }
}
