//! `pread` and `pwrite` past the page cache (`O_DIRECT`): for streams too large to be worth remembering, and to see what
//! the disk itself does.
//!
//! Offsets, lengths and buffers are whole pages, which suits disks with sectors of up to 4096 bytes; others say EINVAL. So
//! a step that is not a multiple of a page is refused, rather than rounded to something that nobody asked for; and a last
//! piece that is not a whole page goes through the page cache.
//!
//! The flag belongs to the open file, which all workers at that file share, and it stays set: nobody can know who is
//! the last. A worker that takes it off for the last piece may thereby send a few writes of the others through the page
//! cache, which is slower and just as right. Where the engine gives up, it takes the flag off.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::{Errno, Result as SysResult};

use super::{Engine, EngineError, Pair, Progress};
use crate::plan::EngineName;
use crate::sys::{PAGE, Sys};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Direct;

impl Engine for Direct {
    fn name(&self) -> EngineName {
        EngineName::Direct
    }

    /// 1 MiB: nobody reads ahead or gathers writes here, so a call has to be large enough to keep a disk busy.
    fn default_step(&self) -> usize {
        1 << 20
    }

    fn needs_buffer(&self) -> bool {
        true
    }

    fn copy_range(
        &self,
        sys: &mut Sys,
        pair: Pair<'_>,
        range: Range<u64>,
        step: usize,
        buffer: &mut [u8],
    ) -> Result<Progress, EngineError> {
        let mut offset = range.start;
        let ending = match begin(sys, pair, step) {
            Ok(()) => copy_pages(sys, pair, &mut offset, range.end, &mut buffer[..step]),
            Err(error) => Err(error),
        };
        let copied = offset.min(range.end) - range.start;
        match ending {
            Ok(()) if offset >= range.end => return Ok(Progress::done(copied)),
            // No direct access in this file system, or only in larger pieces.
            Err(EngineError { errno: Errno::INVAL, .. }) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        // Whoever goes on from here, and be it to look whether the source really ended, knows nothing of pages.
        for file in [pair.source, pair.target] {
            let _ = sys.set_direct(file, false);
        }
        Ok(ending.map_or_else(|error| Progress::not_here(copied, error.errno), |()| Progress::done(copied)))
    }
}

fn begin(sys: &mut Sys, pair: Pair<'_>, step: usize) -> Result<(), EngineError> {
    if step == 0 || !step.is_multiple_of(PAGE) {
        return Err(EngineError::reading(Errno::INVAL));
    }
    let _flag = hold_flag();
    sys.set_direct(pair.source, true).map_err(EngineError::reading)?;
    sys.set_direct(pair.target, true).map_err(EngineError::writing)
}

/// Copies from `offset` on, and moves it along, until `end` or the end of the source. Data after a hole, and what is
/// left after a short read, need not start on a page: the part of the page before it is copied with it, once more.
fn copy_pages(sys: &mut Sys, pair: Pair<'_>, offset: &mut u64, end: u64, buffer: &mut [u8]) -> Result<(), EngineError> {
    while *offset < end {
        sys.check_stop().map_err(EngineError::reading)?;
        let start = *offset - *offset % PAGE as u64;
        let wanted = (end - start).next_multiple_of(PAGE as u64).min(buffer.len() as u64) as usize;
        let count = sys.pread(pair.source, &mut buffer[..wanted], start).map_err(EngineError::reading)?;
        let bytes = &buffer[..count.min((end - start) as usize)];
        let read_up_to = start + bytes.len() as u64;
        if read_up_to <= *offset {
            break;
        }
        let (pages, rest) = bytes.split_at(bytes.len() - bytes.len() % PAGE);
        if !pages.is_empty() {
            sys.pwrite_full(pair.target, pages, start, pages.len()).map_err(EngineError::writing)?;
            *offset = start + pages.len() as u64;
        }
        // Between whole pages and the end of what was wanted; or there is no more.
        if !rest.is_empty() && (read_up_to == end || pages.is_empty()) {
            let at = start + pages.len() as u64;
            write_through_cache(sys, pair.target, rest, at).map_err(EngineError::writing)?;
            *offset = read_up_to;
        }
    }
    Ok(())
}

/// Writes what is not a whole page.
fn write_through_cache(sys: &mut Sys, target: &OwnedFd, bytes: &[u8], offset: u64) -> SysResult<()> {
    let _flag = hold_flag();
    sys.without_pause(|sys| {
        sys.set_direct(target, false)?;
        sys.pwrite_full(target, bytes, offset, bytes.len())?;
        sys.set_direct(target, true)
    })
}

/// Held while the flag is set, and while it has to stay off: a worker that begins a range must not set it between
/// another's taking it off and writing. One lock for all files, since it is held for a few calls a range, and a file
/// has no place for one that all its ranges know.
fn hold_flag() -> MutexGuard<'static, ()> {
    static FLAG: Mutex<()> = Mutex::new(());
    FLAG.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::read_write::ReadWrite;
    use super::super::testing::{Files, TROUBLE, buffer, directories, faulty, noise, sys};
    use super::super::{Ladder, Side};
    use super::*;
    use crate::sys::faults::Fault;

    const STEP: usize = 1 << 20;

    /// Old kernels have no direct access to memory.
    fn direct_directories() -> Vec<std::path::PathBuf> {
        let can = |directory: &Path| sys().set_direct(Files::with(directory, b"x").pair().target, true).is_ok();
        directories().into_iter().filter(|directory| can(directory)).collect()
    }

    fn copy(sys: &mut Sys, files: &Files, range: Range<u64>, step: usize) -> Result<Progress, EngineError> {
        Direct.copy_range(sys, files.pair(), range, step, &mut buffer(step))
    }

    #[test]
    fn every_length_arrives_whole() {
        for directory in direct_directories() {
            for around in [0, PAGE, 2 * PAGE, STEP, 2 * STEP + PAGE] {
                for len in around.saturating_sub(1)..=around + 1 {
                    for step in [PAGE, 3 * PAGE, STEP] {
                        let files = Files::with(&directory, &noise(len));
                        let why = format!("{len} bytes, {step} a call, {}", directory.display());
                        let mut sys = sys();
                        assert_eq!(
                            copy(&mut sys, &files, 0..len as u64, step),
                            Ok(Progress::done(len as u64)),
                            "{why}"
                        );
                        assert_eq!(sys.is_direct(files.pair().target), Ok(true), "{why}");
                        files.assert_same(&why);
                    }
                }
            }
        }
    }

    #[test]
    fn a_source_that_ended_early_is_left_readable() {
        for directory in direct_directories() {
            for len in [0, 100, PAGE, PAGE + 100, 3 * PAGE] {
                let files = Files::with(&directory, &noise(len));
                let mut sys = sys();
                assert_eq!(copy(&mut sys, &files, 0..20_000, PAGE), Ok(Progress::done(len as u64)), "{len}");
                assert_eq!(sys.is_direct(files.pair().source), Ok(false));
                assert_eq!(sys.pread(files.pair().source, &mut [0; 1], len as u64), Ok(0));
                files.assert_same("an early end");
            }
        }
    }

    #[test]
    fn data_between_holes_need_not_lie_on_pages() {
        for directory in direct_directories() {
            let data = [5_000..5_100, 100_000..1_100_000, 2_000_000..2_000_001];
            let files = Files::sparse(&directory, 2_500_001, data.clone());
            for range in data {
                let wanted = range.end - range.start;
                assert_eq!(copy(&mut sys(), &files, range, STEP), Ok(Progress::done(wanted)));
            }
            assert!(sys().fstat(files.pair().target).unwrap().has_holes(), "{}", directory.display());
            files.assert_same("with holes");
            // Ranges that start and end anywhere, as on a file system with smaller blocks.
            let files = Files::with(&directory, &noise(50_000));
            for range in [40_000..50_000, 5_000..40_000, 0..5_000] {
                let wanted = range.end - range.start;
                assert_eq!(copy(&mut sys(), &files, range, 2 * PAGE), Ok(Progress::done(wanted)));
            }
            files.assert_same("odd ranges");
        }
    }

    #[test]
    fn workers_at_one_file_do_not_disturb_each_other() {
        for directory in direct_directories() {
            for round in 0..20 {
                let len = 64 * PAGE as u64 + 17;
                let files = Files::with(&directory, &noise(len as usize));
                std::thread::scope(|scope| {
                    for worker in 0..4 {
                        let files = &files;
                        scope.spawn(move || {
                            let mut sys = sys();
                            // The last range, with its rest of a page, is among the first to be taken, and again.
                            for start in [64, worker, 64, worker + 4, 64].map(|page| page * PAGE as u64) {
                                let end = (start + PAGE as u64).min(len);
                                assert_eq!(copy(&mut sys, files, start..end, PAGE), Ok(Progress::done(end - start)));
                            }
                        });
                    }
                });
                for start in 8..64 {
                    let start = start * PAGE as u64;
                    copy(&mut sys(), &files, start..start + PAGE as u64, PAGE).unwrap();
                }
                files.assert_same(&format!("round {round}"));
            }
        }
    }

    #[test]
    fn where_it_cannot_work_the_next_engine_does() {
        let ladder = Ladder::of(&[&Direct, &ReadWrite]);
        for directory in direct_directories() {
            // Calls 1 to 4 set the flags; then come reads and writes, and what the rest of a page takes.
            for at in 1..=11 {
                let files = Files::with(&directory, &noise(3 * PAGE + 5));
                let (all, buffer) = (0..3 * PAGE as u64 + 5, &mut buffer(PAGE));
                let mut sys = faulty(at, Fault::Fail(Errno::INVAL));
                let copied = ladder.copy_range(&mut sys, files.pair(), all.clone(), Some(PAGE), buffer).unwrap();
                assert_eq!((copied.bytes, copied.route.by), (all.end, EngineName::ReadWrite), "call {at}");
                files.assert_same(&format!("EINVAL at call {at}"));
                let mut sys = faulty(at, Fault::Fail(Errno::INVAL));
                let only = Ladder::of(&[&Direct]).copy_range(&mut sys, files.pair(), all, Some(PAGE), buffer);
                assert_eq!(only.unwrap_err().errno, Errno::INVAL, "call {at}");
                assert_eq!(sys.is_direct(files.pair().source), Ok(false), "call {at}");
                assert_eq!(sys.is_direct(files.pair().target), Ok(false), "call {at}");
            }
        }
    }

    #[test]
    fn trouble_and_short_calls() {
        for directory in direct_directories() {
            for at in 5..=12 {
                let files = Files::with(&directory, &noise(3 * PAGE + 5));
                for errno in TROUBLE {
                    let error = copy(&mut faulty(at, Fault::Fail(errno)), &files, 0..3 * PAGE as u64 + 5, PAGE);
                    assert_eq!(error.unwrap_err().errno, errno, "call {at}");
                }
                // A disk with sectors of 4096 bytes does not take half a page; there the next engine goes on.
                let ladder = Ladder::of(&[&Direct, &ReadWrite]);
                let (mut sys, all) = (faulty(at, Fault::Short), 0..3 * PAGE as u64 + 5);
                let copied = ladder.copy_range(&mut sys, files.pair(), all, Some(PAGE), &mut buffer(PAGE)).unwrap();
                assert_eq!(copied.bytes, 3 * PAGE as u64 + 5, "call {at} short");
                files.assert_same(&format!("call {at} short"));
            }
        }
    }

    #[test]
    fn a_step_that_is_no_whole_page_is_refused() {
        let files = Files::noise(10);
        for step in [0, 1, 512, PAGE + 512] {
            assert_eq!(copy(&mut sys(), &files, 0..10, step), Ok(Progress::not_here(0, Errno::INVAL)));
            let error =
                Ladder::of(&[&Direct]).copy_range(&mut sys(), files.pair(), 0..10, Some(step), &mut buffer(step));
            assert_eq!(error.map_err(|error| (error.side, error.errno)), Err((Side::Target, Errno::INVAL)));
        }
    }
}
