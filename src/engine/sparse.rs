//! Zeros become holes where there were none. (Holes that are there already are not even read: see [`super::pieces`].)

use std::ops::Range;

use rustix::io::Errno;

use super::ladder::{Copied, Route};
use super::{EngineError, Pair};
use crate::plan::EngineName;
use crate::sys::{PAGE, Sys};

/// Copies `range` by reading and writing, but for pages of zeros. Nothing but holes may be in that range of the target,
/// whose length is for the caller to set: what is not written at its end does not make it longer. Fewer bytes than asked
/// for means that the source ended.
///
/// Ranges that start on a page, and steps of whole pages, find every page of zeros; others find fewer, and are as right.
pub(crate) fn copy_making_holes(
    sys: &mut Sys,
    pair: Pair<'_>,
    range: Range<u64>,
    step: usize,
    buffer: &mut [u8],
) -> Result<Copied, EngineError> {
    let mut offset = range.start;
    while offset < range.end {
        sys.check_stop().map_err(EngineError::reading)?;
        let wanted = (range.end - offset).min(step as u64) as usize;
        let count = sys.pread(pair.source, &mut buffer[..wanted], offset).map_err(EngineError::reading)?;
        if count == 0 {
            break;
        }
        write_what_is_not_zero(sys, pair, &buffer[..count], offset).map_err(EngineError::writing)?;
        offset += count as u64;
    }
    Ok(Copied { bytes: offset - range.start, route: Route::straight(EngineName::ReadWrite) })
}

/// Writes the pages of `bytes`, which are for `offset`, that are not all zero; neighbours in one call.
fn write_what_is_not_zero(sys: &mut Sys, pair: Pair<'_>, bytes: &[u8], offset: u64) -> Result<(), Errno> {
    let end_of_page = |at: usize| {
        let to_next = PAGE - ((offset + at as u64) % PAGE as u64) as usize;
        bytes.len().min(at + to_next)
    };
    // What was found to be more than zeros, and is not written yet.
    let mut pending = 0..0;
    let mut at = 0;
    while at < bytes.len() {
        let end = end_of_page(at);
        if is_zero(&bytes[at..end]) {
            write(sys, pair, bytes, &pending, offset)?;
            pending = end..end;
        } else {
            pending.end = end;
        }
        at = end;
    }
    write(sys, pair, bytes, &pending, offset)
}

fn write(sys: &mut Sys, pair: Pair<'_>, bytes: &[u8], part: &Range<usize>, offset: u64) -> Result<(), Errno> {
    sys.pwrite_full(pair.target, &bytes[part.clone()], offset + part.start as u64, part.len().max(1))
}

/// Whether all bytes are zero: the first is, and each is what the one before it is. That comparison is the C library's,
/// many bytes at a time.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|first| *first == 0 && bytes[1..] == bytes[..bytes.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, TROUBLE, buffer, directories, faulty, noise, sys};
    use super::*;
    use crate::sys::faults::Fault;

    const P: usize = PAGE;

    /// Pages of zeros and of noise, as the string says, and a piece of a page at the end.
    fn pages(pattern: &str, rest: usize) -> Vec<u8> {
        let page = |kind: char| if kind == '0' { vec![0; P] } else { noise(P) };
        let mut bytes: Vec<u8> = pattern.chars().flat_map(page).collect();
        bytes.extend(vec![0; rest]);
        bytes
    }

    fn make_holes(sys: &mut Sys, files: &Files, range: Range<u64>, step: usize) -> Result<Copied, EngineError> {
        copy_making_holes(sys, files.pair(), range, step, &mut buffer(step))
    }

    #[test]
    fn pages_of_zeros_become_holes_and_nothing_else_does() {
        for directory in directories() {
            for pattern in ["", "0", "1", "01", "10", "0110", "1001", "0000", "1111", "1011010001"] {
                for rest in [0, 1, P - 1] {
                    for step in [P, 3 * P, 1 << 20] {
                        let content = pages(pattern, rest);
                        let (files, len) = (Files::with(&directory, &content), content.len() as u64);
                        let mut sys = sys();
                        sys.ftruncate(files.pair().target, len).unwrap();
                        let copied = make_holes(&mut sys, &files, 0..len, step).unwrap();
                        let why = format!("{pattern} and {rest}, {step} a call, {}", directory.display());
                        assert_eq!(copied.bytes, len, "{why}");
                        let data = sys.counts().of(crate::calls::Call::Pwrite).bytes as usize;
                        assert_eq!(data, pattern.matches('1').count() * P, "{why}");
                        files.assert_same(&why);
                    }
                }
            }
        }
    }

    #[test]
    fn pages_are_the_files_and_not_the_buffers() {
        let files = Files::with(&std::env::temp_dir(), &pages("1011", 0));
        let mut sys = sys();
        assert_eq!(make_holes(&mut sys, &files, 1000..4 * P as u64, 1 << 20).unwrap().bytes, 4 * P as u64 - 1000);
        assert_eq!(sys.counts().of(crate::calls::Call::Pwrite).bytes, 3 * P as u64 - 1000);
    }

    #[test]
    fn whatever_the_ranges_and_steps_the_bytes_are_the_same() {
        let content = [pages("0110", 0), noise(100), vec![0; 3 * P], noise(1), vec![0; 5000]].concat();
        let len = content.len() as u64;
        for directory in directories() {
            for (range, step) in [(P, 1000), (P, P), (4 * P, 3 * P), (1000, 7), (5000, P), (1 << 20, P + 1)] {
                let files = Files::with(&directory, &content);
                sys().ftruncate(files.pair().target, len).unwrap();
                std::thread::scope(|scope| {
                    for worker in 0..2 {
                        let files = &files;
                        scope.spawn(move || {
                            for start in (0..len).step_by(range).skip(worker).step_by(2) {
                                let range = start..(start + range as u64).min(len);
                                let wanted = range.end - range.start;
                                assert_eq!(make_holes(&mut sys(), files, range, step).unwrap().bytes, wanted);
                            }
                        });
                    }
                });
                files.assert_same(&format!("ranges of {range}, {step} a call"));
            }
        }
    }

    #[test]
    fn faults_lose_nothing_and_an_early_end_shows() {
        let content = pages("101101", 0);
        let len = content.len() as u64;
        for at in 1..=12 {
            let files = Files::with(&std::env::temp_dir(), &content);
            sys().ftruncate(files.pair().target, len).unwrap();
            assert_eq!(make_holes(&mut faulty(at, Fault::Short), &files, 0..len, 2 * P).unwrap().bytes, len);
            files.assert_same(&format!("call {at} short"));
            for errno in TROUBLE {
                let failed = make_holes(&mut faulty(at, Fault::Fail(errno)), &files, 0..len, 2 * P);
                assert_eq!(failed.map_err(|error| error.errno).err().unwrap_or(errno), errno);
            }
        }
        let files = Files::with(&std::env::temp_dir(), &noise(100));
        assert_eq!(make_holes(&mut faulty(1, Fault::Nothing), &files, 0..100, P).unwrap().bytes, 0);
    }

    #[test]
    fn zeros_are_told_from_the_rest() {
        for len in 1..200 {
            let mut bytes = vec![0; len];
            assert!(is_zero(&bytes) && is_zero(&bytes[..len - 1]));
            for index in 0..len {
                bytes[index] = 1;
                assert!(!is_zero(&bytes), "{index} of {len}");
                bytes[index] = 0;
            }
        }
    }
}
