//! Warming up, by rule and not by number: a setting runs for short windows until their rates have settled, or until its
//! time is over, which is longer where there are too few windows to tell; the report says which. It also shows how much
//! there is for a run to do where time alone cannot say: what is written through the page cache would be seconds' worth
//! before the first block reaches the disk.
//!
//! What is to be sustained is not warmed up: it would use up what the disk begins with. One short window shows that it can
//! be had at all.

use std::time::{Duration, Instant};

use super::bench::DiskBench;
use super::budget::{MOST_PARTS, SHORTEST_RUN, WARM_UP_WINDOWS};
use super::files;
use crate::calls::nanoseconds;
use crate::error::Result;
use crate::lab::metric::Metric;
use crate::lab::report::{Sample, Steadiness, WarmUp};
use crate::lab::stats::steady::steadiness;
use crate::lab::subject::disk::plan::{Access, Load};

/// What a first window writes through the page cache.
const FIRST_BYTES: u64 = 4 << 20;
/// How many times more a window may do than the one before.
const GROWTH: u64 = 4;

/// How many operations a run makes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Amount {
    /// So many: as many blocks as there are, if a block that is read twice would come from memory.
    Fixed(u64),
    /// As many as the time is enough for, found by trying; so many in the next window, and this many at most.
    Sought { next: u64, least: u64, most: u64 },
}

impl Amount {
    fn of(bench: &DiskBench<'_>, row: usize) -> Self {
        let setting = bench.setting(row);
        let Some((blocks, block_bytes)) = bench.blocks(row) else {
            let (least, most) = (files::FEWEST as u64, bench.most_files as u64);
            return match bench.file_count {
                Some(count) => Self::Fixed((count as u64 / u64::from(WARM_UP_WINDOWS)).max(least)),
                // It goes on with the same files for as long as it has time.
                None if setting.load == Load::Stat => Self::Fixed(most.min(files::USUAL as u64)),
                None => Self::Sought { next: least, least, most },
            };
        };
        if blocks == u64::MAX {
            Self::Fixed(blocks)
        } else if setting.flushes() {
            let first = (FIRST_BYTES / block_bytes).clamp(1, blocks);
            Self::Sought { next: first, least: 1, most: blocks }
        } else if setting.access == Some(Access::Buffered) && setting.load.only_reads() {
            Self::Fixed(blocks)
        } else {
            Self::Fixed(u64::MAX)
        }
    }

    const fn next(self) -> u64 {
        match self {
            Self::Fixed(amount) | Self::Sought { next: amount, .. } => amount,
        }
    }

    /// How long a window is, of a warm-up that is to take `part` before runs of such a `time`.
    fn window(self, part: Duration, time: Duration) -> Duration {
        match self {
            Self::Sought { .. } => time,
            Self::Fixed(_) => (part / WINDOWS_IN_PART).clamp(time / WARM_UP_WINDOWS, time),
        }
    }

    /// The same for runs of another length, at so many operations a second.
    fn at(self, rate: f64, time: Duration) -> Self {
        match self {
            Self::Fixed(_) => self,
            Self::Sought { least, most, .. } => {
                Self::Sought { next: ((rate * time.as_secs_f64()) as u64).clamp(least, most), least, most }
            }
        }
    }

    /// The same without leaping: what a first window shows may be its start alone.
    fn no_more_than(self, limit: u64) -> Self {
        match self {
            Self::Sought { next, least, most } => Self::Sought { next: next.min(limit), least, most },
            Self::Fixed(_) => self,
        }
    }
}

/// The windows that a setting has time for at most: one more than the rule takes.
const WINDOWS_IN_PART: u32 = WARM_UP_WINDOWS + 1;

/// Warms a setting up in windows, until it settled or `part` is over, beyond which it goes on to as many as the rule takes
/// ([`MOST_PARTS`]). They are as long as there is time for, and no longer than the runs that are measured: short ones show
/// the machine's unrest rather than the disk's. They are just as long where an amount is sought that fits a run: what
/// comes once a run, such as writing back, would be too much of a shorter one.
pub(super) fn warm_up(bench: &mut DiskBench<'_>, row: usize, part: Duration) -> Result<WarmUp> {
    let began = Instant::now();
    let mut amount = Amount::of(bench, row);
    let window = amount.window(part, bench.time);
    let mut rates = vec![];
    let steadiness = loop {
        let (sample, _) = bench.once(row, window, amount.next(), amount.next() as usize)?;
        let rate = rate(&sample);
        rates.push(rate);
        amount = amount.at(rate, window).no_more_than(amount.next().saturating_mul(GROWTH));
        let found = steadiness(&rates);
        if is_over(found, rates.len(), began.elapsed(), part) {
            break found;
        }
    };
    // The last window is the largest, so that what it began with shows the least.
    let amount = amount.at(rates.last().copied().unwrap_or(0.0), bench.time);
    bench.limit(row, amount.next());
    Ok(WarmUp { wall_ns: nanoseconds(began.elapsed()), steadiness, ..WarmUp::default() })
}

/// Runs what is to be sustained for a moment. Its run ends by time: what it wrote it writes over; only where there is
/// nothing more to do, since a block that is read twice would come from memory, or files are used up, it ends sooner.
pub(super) fn try_out(bench: &mut DiskBench<'_>, row: usize) -> Result<WarmUp> {
    let began = Instant::now();
    let amount = Amount::of(bench, row);
    bench.once(row, SHORTEST_RUN, amount.next(), amount.next() as usize)?;
    let limit = match amount {
        Amount::Fixed(amount) => amount,
        Amount::Sought { most, .. } if bench.setting(row).load.is_of_files() => most,
        Amount::Sought { .. } => u64::MAX,
    };
    bench.limit(row, limit);
    Ok(WarmUp { wall_ns: nanoseconds(began.elapsed()), ..WarmUp::default() })
}

/// Whether there is to be no further window after so many, which took so long.
fn is_over(found: Option<Steadiness>, windows: usize, spent: Duration, part: Duration) -> bool {
    match found {
        Some(found) => found.is_steady || spent >= part,
        None => {
            spent >= part && spent * WARM_UP_WINDOWS > part * MOST_PARTS * u32::try_from(windows).unwrap_or(u32::MAX)
        }
    }
}

/// Operations a second.
fn rate(sample: &Sample) -> f64 {
    sample.metrics.whole(Metric::Operations) as f64 * 1e9 / sample.wall_ns.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_when_it_settled_or_is_over_and_goes_on_for_windows_that_tell() {
        let found = |is_steady| Some(Steadiness { is_steady, ..Steadiness::default() });
        for (found, windows, ms, expected) in [
            (None, 1, 50, false),
            (None, 4, 99, false),
            (found(true), 5, 50, true),
            (found(false), 5, 99, false),
            (found(false), 5, 100, true),
            // The fifth is expected to end at 125 ms, at 300, and later.
            (None, 4, 100, false),
            (None, 2, 120, false),
            (None, 2, 121, true),
            (None, 1, 60, false),
            (None, 1, 100, true),
        ] {
            let (spent, part) = (Duration::from_millis(ms), Duration::from_millis(100));
            assert_eq!(is_over(found, windows, spent, part), expected, "{windows} windows in {ms} ms");
        }
    }

    #[test]
    fn windows_are_as_long_as_a_run_where_an_amount_is_sought_for_it() {
        let ms = Duration::from_millis;
        for (part, time, fixed) in [(600, 200, 100), (60, 200, 40), (6000, 200, 200)] {
            assert_eq!(Amount::Fixed(1).window(ms(part), ms(time)), ms(fixed));
            assert_eq!(Amount::Sought { next: 1, least: 1, most: 9 }.window(ms(part), ms(time)), ms(time));
        }
    }

    #[test]
    fn an_amount_that_is_sought_follows_the_rate_without_leaping() {
        let sought = |next| Amount::Sought { next, least: 10, most: 1000 };
        let ms = Duration::from_millis;
        for (amount, rate, time, limit, expected) in [
            (sought(100), 5000.0, ms(50), 400, 250),
            (sought(100), 5000.0, ms(50), 200, 200),
            (sought(100), 5000.0, ms(500), 5000, 1000),
            (sought(100), 5.0, ms(500), 5000, 10),
            (sought(100), 0.0, ms(500), 5000, 10),
            (Amount::Fixed(7), 5000.0, ms(50), 3, 7),
            (Amount::Fixed(u64::MAX), 5000.0, ms(50), 3, u64::MAX),
        ] {
            assert_eq!(amount.at(rate, time).no_more_than(limit).next(), expected, "{amount:?} at {rate}");
        }
    }
}
