//! Files with holes: only their data is copied, and the holes stay holes.

use std::ops::Range;

use rustix::io::Errno;

use super::{EngineError, Ladder, Pair};
use crate::sys::{Extent, Sys};

/// Copies the data in `range`, leaving the target's holes alone; the target has its length already. Returns the bytes
/// dealt with, holes included; fewer than asked means that the source ended.
pub fn copy_data(
    sys: &mut Sys,
    ladder: Ladder,
    pair: Pair<'_>,
    range: Range<u64>,
    step: Option<usize>,
    buffer: &mut [u8],
) -> Result<u64, EngineError> {
    let mut offset = range.start;
    while offset < range.end {
        let extent = match sys.next_extent(pair.source, offset) {
            Ok(extent) => extent,
            // A file system that does not tell: all is data.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Some(Extent { start: offset, end: range.end }),
            Err(errno) => return Err(EngineError::reading(errno)),
        };
        let Some(extent) = extent.filter(|extent| extent.start < range.end) else { break };
        let data = extent.start.max(offset)..extent.end.min(range.end);
        let wanted = data.end.saturating_sub(data.start);
        let copied = ladder.copy_range(sys, pair, data.clone(), step, buffer)?;
        if copied < wanted || wanted == 0 {
            return Ok(data.start + copied - range.start);
        }
        offset = data.end;
    }
    Ok(range.end - range.start)
}
