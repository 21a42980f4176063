//! Single words of the command line → values, or why not.

use std::num::NonZeroUsize;
use std::time::Duration;

use haul::plan::{PoolChoice, Range};
use haul::size::{self, BufferSize, SizeError, parse_bytes};

/// One item of a list of buffer sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SizeList(pub(crate) Vec<BufferSize>);

/// A number of workers, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerCount(pub(crate) NonZeroUsize);

/// A number of workers; `None` is `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkerWord(pub(crate) Option<NonZeroUsize>);

/// One item of a list of worker counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerList(pub(crate) Vec<NonZeroUsize>);

/// `auto`, `on`, `off` or a number of buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PoolWord(pub(crate) PoolChoice);

/// How long to wait for a buffer; `None` is without limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitWord(pub(crate) Option<Duration>);

/// A number of files and the bytes of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) files: NonZeroUsize,
    pub(crate) bytes: u64,
}

/// As many as a directory of ours is meant to hold.
const MOST_FILES: usize = 1_000_000;
/// More threads than any machine we know has cores, and few enough to start.
const MOST_WORKERS: usize = 4096;
/// As deep as the queue of an `NVMe` disk usually is.
const MOST_IN_FLIGHT: usize = 1024;
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

/// `auto` stays that: what it comes to depends on who runs the tasks.
pub(crate) fn parse_worker_word(text: &str) -> Result<WorkerWord, String> {
    if text == "auto" { Ok(WorkerWord(None)) } else { parse_workers(text).map(|count| WorkerWord(Some(count.0))) }
}

/// A number of workers, `auto`, or `A..B`: A, B, and 1, 2, 5, 10, 20, 50 and so on between them, as the table of workers has
/// them. Not doublings, as of buffers: people count workers in round numbers.
pub(crate) fn parse_worker_list(text: &str) -> Result<WorkerList, String> {
    let Some((from, to)) = text.split_once("..") else {
        return parse_workers(text).map(|count| WorkerList(vec![count.0]));
    };
    let (from, to) = (parse_workers(from)?.0, parse_workers(to.trim_start_matches('='))?.0);
    if from > to {
        return Err(format!("{text} is empty: write the smaller number first"));
    }
    let round = (0..4).flat_map(|zeros| [1, 2, 5].map(|digit| digit * 10_usize.pow(zeros)));
    let between = round.filter_map(NonZeroUsize::new).filter(|count| (from..to).contains(count) && *count != from);
    Ok(WorkerList(std::iter::once(from).chain(between).chain((from < to).then_some(to)).collect()))
}

pub(crate) fn parse_pool(text: &str) -> Result<PoolWord, &'static str> {
    text.parse().map(PoolWord)
}

/// Buffers for a burst.
pub(crate) fn parse_overflow(text: &str) -> Result<usize, &'static str> {
    text.parse().map_err(|_| "write a number of buffers: 0, 4")
}

/// `500ms`, `30s`, `unlimited`.
pub(crate) fn parse_wait(text: &str) -> Result<WaitWord, &'static str> {
    if text == "unlimited" {
        return Ok(WaitWord(None));
    }
    let time = parse_duration(text).map_err(|_| "write unlimited or a time such as 500ms, 30s or 5m");
    time.map(|time| WaitWord(Some(time)))
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

/// `256M`, or `100x10M` for several files.
pub(crate) fn parse_amount(text: &str) -> Result<Amount, String> {
    let (files, bytes) = match text.split_once('x') {
        Some((files, bytes)) => (files.parse().ok(), bytes),
        None => (Some(NonZeroUsize::MIN), text),
    };
    let files = files.filter(|files| files.get() <= MOST_FILES);
    let files = files.ok_or("write a size, or a number of files up to a million and their size: 100x10M")?;
    let bytes = parse_bytes(bytes).map_err(|error| error.to_string())?;
    Ok(Amount { files, bytes })
}

/// `256M`: not 0.
pub(crate) fn parse_amount_of_bytes(text: &str) -> Result<u64, String> {
    let bytes = parse_bytes(text).map_err(|error| error.to_string())?;
    if bytes == 0 { Err("write a size above 0, such as 1G".to_owned()) } else { Ok(bytes) }
}

/// How many operations are in flight.
pub(crate) fn parse_depth(text: &str) -> Result<usize, String> {
    let depth = text.parse().ok().filter(|depth| (1..=MOST_IN_FLIGHT).contains(depth));
    depth.ok_or_else(|| format!("write a number from 1 to {MOST_IN_FLIGHT}"))
}

/// Bits a byte.
pub(crate) fn parse_entropy(text: &str) -> Result<f64, &'static str> {
    let bits = text.parse().ok().filter(|bits| (0.0..=8.0).contains(bits));
    bits.ok_or("write a number of bits a byte from 0 (all bytes the same) to 8 (incompressible)")
}

/// `90`, `90s`, `5m`, `1h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let seconds = digits.parse::<f64>().unwrap_or(f64::NAN) * unit;
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero());
    time.ok_or("write a time such as 90s, 5m or 1h")
}

/// A percentage above 0, with or without its sign, as a part: "5%" is 0.05.
pub(crate) fn parse_part(text: &str) -> Result<f64, &'static str> {
    let percent = text.trim_end_matches('%').trim_end().parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent
        .filter(|percent| *percent > 0.0)
        .map(|percent| percent / 100.0)
        .ok_or("write a percentage up to 100, such as 5%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_data() {
        let amount = |text| parse_amount(text).map(|amount| (amount.files.get(), amount.bytes)).ok();
        assert_eq!((amount("256M"), amount("100x10MB")), (Some((1, 256 << 20)), Some((100, 10_000_000))));
        assert_eq!((parse_amount_of_bytes("1G"), parse_amount_of_bytes("0").is_err()), (Ok(1 << 30), true));
        assert_eq!((parse_depth("1"), parse_depth("1024")), (Ok(1), Ok(1024)));
        assert!(["0", "1025", "-1", "x", ""].iter().all(|text| parse_depth(text).is_err()));
        for text in ["", "x", "0x1M", "5x", "x5", "1000001x1", "1x2x3", "-1"] {
            assert_eq!(amount(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_range_of_workers_goes_by_round_numbers() {
        let list = |text| parse_worker_list(text).map(|list| list.0.iter().map(|it| it.get()).collect::<Vec<_>>());
        for (text, counts) in [
            ("7", &[7][..]),
            ("1..100", &[1, 2, 5, 10, 20, 50, 100]),
            ("1..1000", &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
            ("3..=8", &[3, 5, 8]),
            ("4..4", &[4]),
            ("2000..4096", &[2000, 4096]),
        ] {
            assert_eq!(list(text).as_deref(), Ok(counts), "{text}");
        }
        for text in ["", "0..3", "9..1", "1..5000", "1..", "..4", "x"] {
            assert!(list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_and_parts() {
        let seconds = |text| parse_duration(text).map(|time| time.as_secs_f64()).ok();
        assert_eq!((seconds("90"), seconds("1.5m"), seconds("2h")), (Some(90.0), Some(90.0), Some(7200.0)));
        for text in ["", "0", "s", "-1s", "5 parsecs", "inf", "nan"] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
        let wait = |text| parse_wait(text).map(|wait| wait.0).ok();
        assert_eq!((wait("unlimited"), wait("500ms")), (Some(None), Some(Some(Duration::from_millis(500)))));
        assert!(["", "0", "0s", "-1s", "forever", "off"].iter().all(|text| wait(text).is_none()));
        assert_eq!((parse_part("5%"), parse_part("2.5")), (Ok(0.05), Ok(0.025)));
        assert!(["0", "-1%", "%", "x", "nan%", "101"].iter().all(|text| parse_part(text).is_err()));
        assert_eq!(
            (parse_entropy("7.5"), parse_entropy("8.1").is_err(), parse_entropy("nan").is_err()),
            (Ok(7.5), true, true)
        );
    }
}
