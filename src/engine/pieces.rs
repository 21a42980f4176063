//! Which bytes of a file are copied next: all of them, or its data only where it has holes. Workers that share a file
//! take from one cursor, so a hole costs one look however large it is, and the end of the file is the end for all.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::EngineError;
use crate::sys::{Extent, Sys};

/// Runs of data that are looked up in one go: a file of many small ones must not cost a lock for each.
const AT_ONCE: usize = 32;

/// The bytes of a file that nobody has taken yet.
#[derive(Debug)]
pub struct Pieces {
    size: u64,
    /// The most bytes of one piece.
    most: u64,
    /// Where a reader found the end of the file, if that is before its size.
    end: AtomicU64,
    cursor: Mutex<Cursor>,
}

#[derive(Debug)]
struct Cursor {
    next: u64,
    /// Where the run of data ends that `next` lies in.
    data_end: u64,
    /// The end of the last piece.
    reached: u64,
}

impl Pieces {
    /// All bytes of a file that says it has `size`, at most `most` a piece.
    pub const fn all(size: u64, most: u64) -> Self {
        Self::new(size, most, size)
    }

    /// The same without its holes.
    pub const fn data(size: u64, most: u64) -> Self {
        Self::new(size, most, 0)
    }

    const fn new(size: u64, most: u64, data_end: u64) -> Self {
        let cursor = Mutex::new(Cursor { next: 0, data_end, reached: 0 });
        Self { size, most, end: AtomicU64::new(size), cursor }
    }

    /// Takes the next pieces: one, or several where runs of data are short; none after the last. Returns how far that
    /// is from where the cursor was, holes included.
    pub fn take(&self, sys: &mut Sys, source: &OwnedFd, taken: &mut Vec<Range<u64>>) -> Result<u64, EngineError> {
        taken.clear();
        let mut cursor = self.cursor();
        let (start, end) = (cursor.next, self.end());
        let mut bytes = 0;
        while cursor.next < end && bytes < self.most && taken.len() < AT_ONCE {
            sys.check_stop().map_err(EngineError::reading)?;
            if cursor.next >= cursor.data_end {
                self.find_data(sys, source, &mut cursor)?;
                continue;
            }
            let piece = cursor.next..cursor.data_end.min(cursor.next.saturating_add(self.most));
            bytes += piece.end - piece.start;
            (cursor.next, cursor.reached) = (piece.end, piece.end);
            taken.push(piece);
        }
        Ok(cursor.next - start)
    }

    /// Moves the cursor to the next run of data.
    fn find_data(&self, sys: &mut Sys, source: &OwnedFd, cursor: &mut Cursor) -> Result<(), EngineError> {
        let here = cursor.next;
        let all = Extent { start: here, end: self.size };
        let run = match sys.next_extent(source, here) {
            Ok(Some(run)) if run.start >= here && run.end > run.start => run,
            // A file system that does not tell, or tells nonsense: all is data.
            Ok(Some(_)) | Err(Errno::INVAL | Errno::OPNOTSUPP) => all,
            Ok(None) => Extent { start: self.size, end: self.size },
            Err(errno) => return Err(EngineError::reading(errno)),
        };
        (cursor.next, cursor.data_end) = (run.start.min(self.size), run.end.min(self.size));
        Ok(())
    }

    /// Somebody read at `offset`, and there was no more: nothing after it is handed out.
    pub(crate) fn end_at(&self, offset: u64) {
        self.end.fetch_min(offset, Ordering::Relaxed);
    }

    /// Where the file ends, as far as is known: where its size says, or where somebody found that it does.
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Relaxed)
    }

    /// Where the last piece that was taken ends: after it come holes only.
    pub fn reached(&self) -> u64 {
        self.cursor().reached
    }

    fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Files, directories, faulty, sys};
    use super::*;
    use crate::calls::Call;
    use crate::sys::faults::Fault;

    const MIB: u64 = 1 << 20;

    /// All pieces in turn, and how far each batch went.
    fn drain(sys: &mut Sys, files: &Files, pieces: &Pieces) -> (Vec<Range<u64>>, u64) {
        let (mut all, mut passed, mut batch) = (Vec::new(), 0, Vec::new());
        loop {
            passed += pieces.take(sys, files.pair().source, &mut batch).unwrap();
            if batch.is_empty() {
                return (all, passed);
            }
            all.append(&mut batch);
        }
    }

    #[test]
    fn all_bytes_come_once_in_pieces_of_the_size_asked_for() {
        let files = Files::noise(10);
        for size in [0, 1, 9, 10, 11, 1000, u64::MAX] {
            for most in [1_u64, 10, 999, u64::MAX].into_iter().filter(|most| size / most < 2000) {
                let (pieces, passed) = drain(&mut sys(), &files, &Pieces::all(size, most));
                assert_eq!(passed, size);
                assert!(pieces.iter().all(|piece| piece.end - piece.start <= most));
                let ends = pieces.iter().fold(0, |at, piece| if piece.start == at { piece.end } else { u64::MAX - 1 });
                assert_eq!(ends, size, "{most}");
            }
        }
    }

    #[test]
    fn a_hole_costs_one_look_however_large_it_is() {
        for directory in directories() {
            // ext4's files end at 16 TiB.
            let (size, data) = (15 << 40, (7 << 40)..(7 << 40) + 3 * MIB);
            let files = Files::sparse(&directory, size, [data.clone()]);
            let (mut sys, pieces) = (sys(), Pieces::data(size, MIB));
            let (found, passed) = drain(&mut sys, &files, &pieces);
            assert_eq!((found.len(), passed), (3, size), "{}", directory.display());
            assert_eq!((found[0].start, found[2].end), (data.start, data.end));
            assert_eq!((pieces.reached(), pieces.end()), (data.end, size));
            assert!(sys.counts().of(Call::Lseek).calls <= 3, "{}", sys.counts().of(Call::Lseek).calls);
        }
    }

    #[test]
    fn short_runs_of_data_come_together() {
        for directory in directories() {
            let runs = (0..100).map(|number| number * 65_536..number * 65_536 + 4096);
            let files = Files::sparse(&directory, 100 * 65_536, runs.clone());
            let (pieces, mut batch) = (Pieces::data(100 * 65_536, MIB), Vec::new());
            pieces.take(&mut sys(), files.pair().source, &mut batch).unwrap();
            assert_eq!(batch, runs.clone().take(AT_ONCE).collect::<Vec<_>>(), "{}", directory.display());
            let (rest, _) = drain(&mut sys(), &files, &pieces);
            assert_eq!(rest, runs.skip(AT_ONCE).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_end_that_one_finds_is_the_end_for_all() {
        let files = Files::noise(10);
        let pieces = Pieces::all(1 << 50, MIB);
        let mut batch = Vec::new();
        pieces.take(&mut sys(), files.pair().source, &mut batch).unwrap();
        pieces.end_at(10);
        pieces.end_at(MIB);
        assert_eq!(drain(&mut sys(), &files, &pieces), (Vec::new(), 0));
        assert_eq!(pieces.end(), 10);
    }

    #[test]
    fn where_holes_are_not_told_all_is_data_and_trouble_is_trouble() {
        for errno in [Errno::INVAL, Errno::OPNOTSUPP] {
            let files = Files::sparse(&std::env::temp_dir(), MIB, None);
            let (pieces, _) = drain(&mut faulty(1, Fault::Fail(errno)), &files, &Pieces::data(MIB, MIB));
            assert!(pieces.len() == 1 && pieces[0] == (0..MIB), "{pieces:?}");
        }
        let files = Files::sparse(&std::env::temp_dir(), MIB, None);
        let failed =
            Pieces::data(MIB, MIB).take(&mut faulty(1, Fault::Fail(Errno::IO)), files.pair().source, &mut Vec::new());
        assert_eq!(failed, Err(EngineError::reading(Errno::IO)));
    }
}
