//! `copy_file_range(2)`: the kernel copies; XFS, btrfs and others share the blocks instead, NFS and CIFS let the server
//! copy. No byte enters this process.

use std::ops::Range;

use rustix::io::Errno;

use super::{Engine, EngineError, Pair, Progress, Side};
use crate::plan::EngineName;
use crate::sys::Sys;

/// Errnos that mean "not here" and not "this copy failed": GNU cp's list (`copy-file-data.c` of coreutils 9.11).
/// EACCES comes from fuse-overlayfs, ENOENT from CIFS, EFBIG from Linux 6.17, EXDEV from two file systems since 5.19.
pub(super) const UNSUPPORTED: [Errno; 11] = [
    Errno::NOSYS,
    Errno::NOTTY,
    Errno::OPNOTSUPP,
    Errno::INVAL,
    Errno::BADF,
    Errno::XDEV,
    Errno::TXTBSY,
    Errno::PERM,
    Errno::ACCESS,
    Errno::NOENT,
    Errno::FBIG,
];

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct CopyFileRange;

impl Engine for CopyFileRange {
    fn name(&self) -> EngineName {
        EngineName::CopyFileRange
    }

    /// 64 MiB: few enough calls to cost nothing, and a progress bar that still moves.
    fn default_step(&self) -> usize {
        64 << 20
    }

    fn needs_buffer(&self) -> bool {
        false
    }

    fn copy_range(
        &self,
        sys: &mut Sys,
        pair: Pair<'_>,
        range: Range<u64>,
        step: usize,
        _buffer: &mut [u8],
    ) -> Result<Progress, EngineError> {
        let mut offset = range.start;
        while offset < range.end {
            sys.check_stop().map_err(EngineError::reading)?;
            let wanted = (range.end - offset).min(step as u64) as usize;
            let unsupported = match sys.copy_file_range(pair.source, pair.target, offset, wanted) {
                // The end of the source; or a file system that claims success and copies nothing (5.3 to 5.18 across
                // virtual ones). Reading tells the two apart.
                Ok(0) => Errno::OPNOTSUPP,
                Ok(count) => {
                    offset += count as u64;
                    continue;
                }
                Err(errno) if UNSUPPORTED.contains(&errno) => errno,
                Err(errno) => return Err(EngineError { operation: "write", side: Side::Target, errno }),
            };
            return Ok(Progress::not_here(offset - range.start, unsupported));
        }
        Ok(Progress::done(offset - range.start))
    }
}
