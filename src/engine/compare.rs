//! Whether a target holds what its source holds, read back from both.

use std::num::NonZeroU64;
use std::os::fd::OwnedFd;

use rustix::fs::Advice;
use rustix::io::Errno;

use super::{EngineError, Pair};
use crate::sys::{Extent, Sys};

/// Sees to it that the target is read from the disk and not from the page cache, where that can be done: its content is
/// written, and its clean pages are given up. Where memory is the disk (tmpfs), it changes nothing.
///
/// Both files are then read through the page cache, also if they were copied past it.
pub(crate) fn let_go_of_cache(sys: &mut Sys, pair: Pair<'_>) -> Result<(), EngineError> {
    sys.set_direct(pair.source, false).map_err(EngineError::reading)?;
    sys.set_direct(pair.target, false).map_err(EngineError::writing)?;
    sys.fdatasync(pair.target).map_err(|errno| EngineError { operation: "sync", ..EngineError::writing(errno) })?;
    // Advice: who does not take it reads from memory, and compares all the same.
    let to_the_end: Option<NonZeroU64> = None;
    let _ = sys.fadvise(pair.target, 0, to_the_end, Advice::DontNeed);
    Ok(())
}

/// What is to be compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// Bytes of the source.
    pub len: u64,
    /// It has holes: where both sides have one, nothing is read.
    pub has_holes: bool,
    /// Its size is not to be believed: whether it ends there is seen by reading.
    pub reads_on: bool,
}

/// Where the target first differs from its source, or `None`; that one of them has fewer bytes, or the target more, is a
/// difference too. The target has to be open for reading as well. Each call reads at most as many bytes as the shorter
/// buffer has.
pub fn compare(
    sys: &mut Sys,
    pair: Pair<'_>,
    Compared { len, has_holes, reads_on }: Compared,
    from_source: &mut [u8],
    from_target: &mut [u8],
) -> Result<Option<u64>, EngineError> {
    let step = from_source.len().min(from_target.len());
    let mut data = [Extent { start: 0, end: if has_holes { 0 } else { len } }; 2];
    let mut offset = 0;
    while offset < len {
        sys.check_stop().map_err(EngineError::reading)?;
        let end = if has_holes { find_data(sys, pair, &mut data, &mut offset, len)? } else { len };
        let wanted = (end - offset).min(step as u64) as usize;
        let source = sys.pread_full(pair.source, &mut from_source[..wanted], offset, wanted.max(1));
        let target = sys.pread_full(pair.target, &mut from_target[..wanted], offset, wanted.max(1));
        let source = &from_source[..source.map_err(EngineError::reading)?];
        let target = &from_target[..target.map_err(read_back)?];
        if source != target {
            let alike = source.iter().zip(target).take_while(|(one, other)| one == other).count();
            return Ok(Some(offset + alike as u64));
        }
        offset += wanted as u64;
    }
    if reads_on && sys.pread(pair.source, &mut [0], len).map_err(EngineError::reading)? > 0 {
        return Ok(Some(len));
    }
    let size = sys.fstat(pair.target).map_err(read_back)?.size;
    Ok((size != len).then_some(len.min(size)))
}

fn read_back(errno: Errno) -> EngineError {
    EngineError { operation: "read back", ..EngineError::writing(errno) }
}

/// Moves `offset` over what is a hole on both sides; returns where the data there ends on one of them. `data` are the
/// runs of data that were found last, of the source and of the target.
fn find_data(
    sys: &mut Sys,
    pair: Pair<'_>,
    data: &mut [Extent; 2],
    offset: &mut u64,
    len: u64,
) -> Result<u64, EngineError> {
    let from = *offset;
    let mut look = |file, run: &mut Extent| {
        if run.end > from { Ok(()) } else { run_at(sys, file, from, len).map(|found| *run = found) }
    };
    look(pair.source, &mut data[0]).map_err(EngineError::reading)?;
    look(pair.target, &mut data[1]).map_err(read_back)?;
    *offset = from.max(data[0].start.min(data[1].start)).min(len);
    let ends = data.iter().filter(|run| run.start <= *offset).map(|run| run.end);
    Ok(ends.max().unwrap_or(len).min(len))
}

/// The first run of data at or after `offset`; where a file system does not tell, all is data.
fn run_at(sys: &mut Sys, file: &OwnedFd, offset: u64, len: u64) -> Result<Extent, Errno> {
    match sys.next_extent(file, offset) {
        Ok(Some(run)) if run.end > offset => Ok(run),
        Ok(None) => Ok(Extent { start: len, end: u64::MAX }),
        Ok(Some(_)) | Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Extent { start: offset, end: u64::MAX }),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, buffer, directories, faulty, noise, sys};
    use super::super::{Engine as _, Side, direct::Direct};
    use super::*;
    use crate::sys::faults::Fault;

    const LEN: usize = 10_001;

    fn verdict(sys: &mut Sys, files: &Files, step: usize) -> Result<Option<u64>, EngineError> {
        let_go_of_cache(sys, files.pair())?;
        let compared = Compared { len: LEN as u64, has_holes: false, reads_on: false };
        compare(sys, files.pair(), compared, &mut buffer(step), &mut buffer(step + 1))
    }

    #[test]
    fn the_first_difference_is_found_wherever_it_is() {
        for directory in directories() {
            let files = Files::with(&directory, &noise(LEN));
            for step in [1, 512, 4096, 1 << 20] {
                files.set_target(&noise(LEN));
                assert_eq!(verdict(&mut sys(), &files, step), Ok(None));
                for offset in [0, 1, 511, 512, 4095, 4096, LEN - 1] {
                    let mut other = noise(LEN);
                    other[offset] ^= 1;
                    other[LEN - 1] = 0;
                    files.set_target(&other);
                    assert_eq!(verdict(&mut sys(), &files, step), Ok(Some(offset as u64)), "{step} a call");
                }
                for len in [0, 1, 4096, LEN - 1, LEN + 1, 2 * LEN] {
                    files.set_target(&noise(len));
                    assert_eq!(verdict(&mut sys(), &files, step), Ok(Some(len.min(LEN) as u64)), "{len}, {step}");
                }
            }
        }
    }

    #[test]
    fn two_files_that_ended_early_are_not_taken_for_equal() {
        let files = Files::noise(5000);
        files.set_target(&noise(5000));
        assert_eq!(verdict(&mut sys(), &files, 4096), Ok(Some(5000)));
        let nothing = Compared { len: 0, has_holes: false, reads_on: false };
        assert_eq!(compare(&mut sys(), files.pair(), nothing, &mut buffer(1), &mut buffer(1)), Ok(Some(0)));
    }

    #[test]
    fn what_is_a_hole_on_both_sides_is_not_read() {
        const LEN: u64 = 15 << 40;
        let data = [(1 << 20)..(1 << 20) + 100_000, (7 << 40)..(7 << 40) + 5000];
        for directory in directories() {
            let files = Files::sparse(&directory, LEN, data.clone());
            let compared = Compared { len: LEN, has_holes: true, reads_on: true };
            let verdict = |sys: &mut Sys| compare(sys, files.pair(), compared, &mut buffer(4096), &mut buffer(8192));
            for run in &data {
                assert_eq!(verdict(&mut sys()), Ok(Some(run.start)));
                let bytes = noise((run.end - run.start) as usize);
                sys().pwrite_full(files.pair().target, &bytes, run.start, bytes.len()).unwrap();
            }
            let mut quick = sys();
            assert_eq!(verdict(&mut quick), Ok(None), "{}", directory.display());
            assert!(quick.counts().of(crate::calls::Call::Lseek).calls <= 12);
            // Data where the source has a hole, and zeros there, which are as good.
            sys().pwrite(files.pair().target, &[0], 9 << 40).unwrap();
            assert_eq!(verdict(&mut sys()), Ok(None));
            sys().pwrite(files.pair().target, &[1], 8 << 40).unwrap();
            assert_eq!(verdict(&mut sys()), Ok(Some(8 << 40)));
        }
    }

    #[test]
    fn a_source_that_goes_on_differs_where_its_end_was_thought_to_be() {
        let files = Files::noise(LEN);
        files.set_target(&noise(5000));
        for (reads_on, verdict) in [(false, None), (true, Some(5000))] {
            let compared = Compared { len: 5000, has_holes: false, reads_on };
            assert_eq!(compare(&mut sys(), files.pair(), compared, &mut buffer(512), &mut buffer(512)), Ok(verdict));
        }
    }

    #[test]
    fn what_was_copied_past_the_cache_is_compared_through_it() {
        let files = Files::noise(LEN);
        let copied = Direct.copy_range(&mut sys(), files.pair(), 0..LEN as u64, 4096, &mut buffer(4096));
        if copied.unwrap().unsupported.is_none() {
            assert_eq!(verdict(&mut sys(), &files, 1000), Ok(None));
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_a_failure_and_a_short_read_none() {
        let files = Files::noise(LEN);
        files.set_target(&noise(LEN));
        // Calls 1 and 2 look at flags, 3 syncs, 4 advises; then both are read in turn.
        for at in 1..=12 {
            assert_eq!(verdict(&mut faulty(at, Fault::Short), &files, 4096), Ok(None), "call {at}");
            let (wanted, side) = match at {
                2 => (Some("write"), Side::Target),
                3 => (Some("sync"), Side::Target),
                1 | 5 | 7 | 9 => (Some("read"), Side::Source),
                6 | 8 | 10 | 11 => (Some("read back"), Side::Target),
                _ => (None, Side::Target),
            };
            let failed = verdict(&mut faulty(at, Fault::Fail(Errno::IO)), &files, 4096);
            let wanted = wanted.map(|operation| EngineError { operation, side, errno: Errno::IO });
            assert_eq!(failed.err(), wanted, "call {at}");
        }
    }
}
