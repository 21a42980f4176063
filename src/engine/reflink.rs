//! `ioctl_ficlone(2)`: the target shares all blocks of the source until one of them is written to. No byte moves, and a
//! file of any size takes a call.

use std::ops::Range;

use rustix::io::Errno;

use super::{Engine, EngineError, Pair, Progress, Side};
use crate::plan::EngineName;
use crate::sys::Sys;

/// Errnos that mean "not here" and not "this copy failed": GNU cp's list (`copy.c`, `is_CLONENOTSUP`), and EAGAIN, by
/// which ZFS says that blocks of the source still wait to be written (zfs(4), `zfs_bclone_wait_dirty`).
///
/// All else is a failure, as in GNU cp since 9.2: a file system that clones and says EIO, ENOMEM, ENOSPC or EDQUOT is in
/// trouble, and what it would let us read then need not be what the file holds.
pub(super) const UNSUPPORTED: [Errno; 10] = [
    Errno::XDEV,
    Errno::OPNOTSUPP,
    Errno::NOTTY,
    Errno::INVAL,
    Errno::NOSYS,
    Errno::PERM,
    Errno::ACCESS,
    Errno::BADF,
    Errno::TXTBSY,
    Errno::AGAIN,
];

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Reflink;

impl Engine for Reflink {
    fn name(&self) -> EngineName {
        EngineName::Reflink
    }

    /// Nothing moves by steps; this is the buffer for sources whose size is not known, which are read to their end.
    fn default_step(&self) -> usize {
        1 << 20
    }

    fn needs_buffer(&self) -> bool {
        false
    }

    fn takes_whole_files(&self) -> bool {
        true
    }

    fn copy_range(
        &self,
        sys: &mut Sys,
        pair: Pair<'_>,
        range: Range<u64>,
        _step: usize,
        _buffer: &mut [u8],
    ) -> Result<Progress, EngineError> {
        let failed = |errno| EngineError { operation: "clone", side: Side::Target, errno };
        match sys.ficlone(pair.source, pair.target) {
            Ok(()) => {}
            Err(errno) if UNSUPPORTED.contains(&errno) => return Ok(Progress::not_here(0, errno)),
            Err(errno) => return Err(failed(errno)),
        }
        // ZFS 2.2 cloned up to the first block that still waited to be written, and said that all was well
        // (openzfs/zfs#15728). What it cloned is right, and is written over.
        let cloned = sys.fstat(pair.target).map_err(failed)?.size;
        Ok(if cloned < range.end { Progress::not_here(0, Errno::AGAIN) } else { Progress::done(range.end) })
    }
}
