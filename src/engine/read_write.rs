//! `pread` into a buffer, `pwrite` out of it: works everywhere, and is what buffer sizes are about.

use std::ops::Range;
use std::os::fd::AsFd;

use super::{Copied, Engine, EngineError, Pair, Progress, Route};
use crate::plan::EngineName;
use crate::sys::Sys;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct ReadWrite;

impl Engine for ReadWrite {
    fn name(&self) -> EngineName {
        EngineName::ReadWrite
    }

    /// 256 KiB, where coreutils' measurements on eleven machines flatten (`ioblksize.h`); the README shows ours.
    fn default_step(&self) -> usize {
        256 * 1024
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
        while offset < range.end {
            sys.check_stop().map_err(EngineError::reading)?;
            let wanted = (range.end - offset).min(step as u64) as usize;
            let count = sys.pread(pair.source, &mut buffer[..wanted], offset).map_err(EngineError::reading)?;
            if count == 0 {
                break;
            }
            sys.pwrite_full(pair.target, &buffer[..count], offset, step).map_err(EngineError::writing)?;
            offset += count as u64;
        }
        Ok(Progress::done(offset - range.start))
    }
}

/// Copies from one position to another until the source ends: for sources whose size says nothing (`/proc`) and
/// targets without offsets (devices).
pub(crate) fn copy_stream(
    sys: &mut Sys,
    source: impl AsFd,
    target: impl AsFd,
    buffer: &mut [u8],
) -> Result<Copied, EngineError> {
    let mut copied = 0;
    loop {
        sys.check_stop().map_err(EngineError::reading)?;
        let count = sys.read(source.as_fd(), buffer).map_err(EngineError::reading)?;
        if count == 0 {
            return Ok(Copied { bytes: copied, route: Route::straight(EngineName::ReadWrite) });
        }
        sys.write_full(target.as_fd(), &buffer[..count], buffer.len()).map_err(EngineError::writing)?;
        copied += count as u64;
    }
}
