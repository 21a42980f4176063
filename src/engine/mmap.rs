//! `pwrite` out of a map of the source: saves the copy into our buffer, pays with page faults and map calls.
//!
//! Only the kernel touches the map. A source that is truncated meanwhile makes `pwrite` end with EFAULT: that is the
//! end of the source. EFAULT inside the file is a page that could not be read, and so a failed read.

use std::ops::Range;

use rustix::io::Errno;

use super::{Engine, EngineError, Pair, Progress};
use crate::plan::EngineName;
use crate::sys::Sys;

/// Errnos by which a file says that it cannot be mapped (mmap(2)).
const UNSUPPORTED: [Errno; 4] = [Errno::NODEV, Errno::ACCESS, Errno::INVAL, Errno::OPNOTSUPP];

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Mmap;

impl Engine for Mmap {
    fn name(&self) -> EngineName {
        EngineName::Mmap
    }

    fn default_step(&self) -> usize {
        1 << 20
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
        let len = (range.end - range.start) as usize;
        if len == 0 {
            return Ok(Progress::done(0));
        }
        let map = match sys.mmap(pair.source, range.start, len) {
            Ok(map) => map,
            Err(errno) if UNSUPPORTED.contains(&errno) => {
                return Ok(Progress::not_here(0, errno));
            }
            Err(errno) => return Err(EngineError::reading(errno)),
        };
        let mut done = 0;
        while done < len {
            sys.check_stop().map_err(EngineError::reading)?;
            let wanted = (len - done).min(step);
            match sys.pwrite_from(pair.target, &map, done, wanted, range.start + done as u64) {
                Ok(0) => break,
                // The kernel could not read the map there.
                Err(Errno::FAULT) => {
                    let now = sys.fstat(pair.source).map_err(EngineError::reading)?;
                    if now.size < range.end {
                        break;
                    }
                    return Err(EngineError::reading(Errno::IO));
                }
                Err(errno) => return Err(EngineError::writing(errno)),
                Ok(count) => done += count,
            }
        }
        sys.munmap(map).map_err(EngineError::reading)?;
        Ok(Progress::done(done as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use super::*;
    use crate::sys::Stop;
    use crate::sys::faults::{Fault, FaultPlan};

    #[test]
    fn a_page_that_cannot_be_read_is_not_the_end_of_the_source() {
        let (source, target) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        source.set_len(3_000_000).unwrap();
        let (source, target): (OwnedFd, OwnedFd) = (source.into(), target.into());
        // Call 1 maps; 2 to 4 write.
        for at in 2..=4 {
            let plan = Arc::new(FaultPlan::new(at, Fault::Fail(Errno::FAULT), false));
            let mut sys = Sys::new(Stop::new()).with_faults(plan);
            let pair = Pair { source: &source, target: &target };
            let copied = Mmap.copy_range(&mut sys, pair, 0..3_000_000, 1 << 20, &mut []);
            assert_eq!(copied, Err(EngineError::reading(Errno::IO)), "call {at}");
            // Past the end it is the end.
            let copied = Mmap.copy_range(&mut sys, pair, 0..3_100_000, 1 << 20, &mut []);
            assert!(copied.is_ok_and(|progress| progress.copied < 3_100_000), "call {at}");
        }
    }
}
