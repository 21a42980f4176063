//! Single words of the command line → values, or why not.

use std::num::NonZeroUsize;

use haul::plan::{PoolChoice, Range};
use haul::size::{self, BufferSize, SizeError, parse_bytes};

/// One item of a list of buffer sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SizeList(pub(crate) Vec<BufferSize>);

/// A number of workers, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerCount(pub(crate) NonZeroUsize);

/// `auto`, `on`, `off` or a number of buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolWord(pub(crate) PoolChoice);

/// More threads than any machine we know has cores, and few enough to start.
const MOST_WORKERS: usize = 4096;
/// deflate's window: with smaller blocks most of each read would be the dictionary again.
const SMALLEST_BLOCK: usize = 32 * 1024;

pub(crate) fn parse_sizes(text: &str) -> Result<SizeList, SizeError> {
    size::parse_range(text).map(SizeList)
}

pub(crate) fn parse_workers(text: &str) -> Result<WorkerCount, String> {
    if text == "auto" {
        // Affinity and cgroup quota, v1 and v2: std looks at all of them. Not the number of processors.
        return Ok(WorkerCount(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)));
    }
    match text.parse::<NonZeroUsize>() {
        Ok(count) if count.get() <= MOST_WORKERS => Ok(WorkerCount(count)),
        _ => Err(format!("write auto or a number from 1 to {MOST_WORKERS}")),
    }
}

pub(crate) fn parse_pool(text: &str) -> Result<PoolWord, String> {
    Ok(PoolWord(match text {
        "auto" | "on" => PoolChoice::Auto,
        "off" => PoolChoice::Off,
        _ => PoolChoice::Buffers(text.parse().map_err(|_| "write auto, off or a number of buffers from 1 on")?),
    }))
}

pub(crate) fn parse_block(text: &str) -> Result<BufferSize, String> {
    let block: BufferSize = text.parse().map_err(|error: SizeError| error.to_string())?;
    if block.bytes() < SMALLEST_BLOCK {
        return Err("a block has at least 32K: below that it would be mostly the dictionary before it".to_owned());
    }
    Ok(block)
}

/// `OFFSET:LENGTH`, or `OFFSET:`.
pub(crate) fn parse_range(text: &str) -> Result<Range, String> {
    let (offset, length) = text.split_once(':').ok_or("write OFFSET:LENGTH, or OFFSET: for all from there on")?;
    let bytes = |text| parse_bytes(text).map_err(|error| error.to_string());
    let length = if length.is_empty() { None } else { Some(bytes(length)?) };
    Ok(Range { offset: bytes(offset)?, length })
}
