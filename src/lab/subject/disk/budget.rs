//! What a budget is spent on: how large the file is, how long it is warmed up, how long a run lasts.
//!
//! A budget covers everything: making the file, warming up, the rounds and what is done between their runs.

use std::time::Duration;

use crate::error::Remedy;
use crate::lab::plan::Effort;
use crate::size::binary;

/// The part of a budget that making the file may take.
const MAKING: f64 = 0.15;
/// The part of it that warming up is to take; see [`MOST_PARTS`].
const WARMING_UP: f64 = 0.2;
/// The rounds that there shall be time for: medians of six have an interval, and two may show nothing.
const ROUNDS: usize = 8;
/// What making and warming up go by where only a number of rounds is given: the budget of a command without options.
const USUAL_BUDGET: Duration = Duration::from_secs(60);
/// A run without a budget.
const USUAL_RUN: Duration = Duration::from_secs(1);
/// The shortest run: below, starting and ending it shows.
pub(super) const SHORTEST_RUN: Duration = Duration::from_millis(50);
/// The longest run: rather more rounds than longer ones.
const LONGEST_RUN: Duration = Duration::from_secs(3);
/// Windows that warming up is to have: as many tell whether something settled.
pub(super) const WARM_UP_WINDOWS: u32 = 5;
/// For these it may take so many times its part. Where even that is too little, as where making files ready takes long
/// or a disk is very slow, there are fewer, and nobody knows whether it settled.
pub(super) const MOST_PARTS: u32 = 3;

/// Sizes of files are whole ones of these.
const MIB: u64 = 1 << 20;
/// The file that a measurement begins with.
const USUAL_FILE: u64 = 64 * MIB;
/// The largest file that nobody asked for.
const LARGEST_FILE: u64 = 16 << 30;
/// The smallest file that nobody asked for: smaller ones fit into any disk's cache. It is made however long that takes.
const SMALLEST_FILE: u64 = 16 * MIB;

/// How large a file is made. Sizes that nobody asked for are powers of two, where the disk is not too slow for the usual
/// one: so two measurements of a disk are likely to be of the same size, whatever it has free and however fast it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileSize {
    /// So much is made however long it takes.
    pub(super) least: u64,
    /// And so much at most.
    pub(super) most: u64,
}

impl FileSize {
    /// The size that was asked for, or one that suits `free` bytes of which the file may take a part; or why there is
    /// none.
    pub(super) fn of(asked: Option<u64>, free: u64, share: f64) -> Result<Self, (String, Remedy)> {
        let may = (free as f64 * share) as u64;
        let part = format!("{:.0} % of the {} that are free", share * 100.0, binary(free));
        match asked {
            Some(bytes) if bytes > may => {
                Err((format!("a file of {} is more than {part}", binary(bytes)), Remedy::SizeOrShare))
            }
            Some(bytes) => Ok(Self { least: bytes, most: bytes }),
            None if may < SMALLEST_FILE => {
                Err((format!("{part} are too little for a file of {}", binary(SMALLEST_FILE)), Remedy::SpaceOrShare))
            }
            None => Ok(Self { least: SMALLEST_FILE, most: 1 << may.min(LARGEST_FILE).ilog2() }),
        }
    }

    /// The size to make next, when so much is there and took so long; `None`: it is large enough, or there is not the
    /// time for twice as much.
    pub(super) fn next(self, bytes: u64, took: Duration, time: Duration) -> Option<u64> {
        if bytes == 0 {
            return Some(USUAL_FILE.max(self.least).min(self.most));
        }
        let next = bytes.saturating_mul(2).min(self.most);
        (next > bytes && took.mul_f64(next as f64 / bytes as f64) <= time).then_some(next)
    }

    /// Whether the file is not made any larger: it is as large as it must be, whole MiB, and time is up.
    pub(super) fn is_enough(self, bytes: u64, took: Duration, time: Duration) -> bool {
        bytes >= self.least && bytes.is_multiple_of(MIB) && took > time
    }
}

/// How long making the file may take, if its size is free.
pub(super) fn making(effort: Effort) -> Duration {
    effort.budget.unwrap_or(USUAL_BUDGET).mul_f64(MAKING)
}

/// How long each of so many settings may warm up.
pub(super) fn warming_up(effort: Effort, settings: usize) -> Duration {
    effort.budget.unwrap_or(USUAL_BUDGET).mul_f64(WARMING_UP / settings.max(1) as f64)
}

/// How long a run lasts, when so much was `spent` of the budget, a round has so many `runs`, and `between` two of them so
/// much time passes that nobody measures.
pub(super) fn run(effort: Effort, spent: Duration, runs: usize, between: Duration) -> Duration {
    let Some(budget) = effort.budget else { return USUAL_RUN };
    let rounds = effort.rounds.map_or(ROUNDS, std::num::NonZeroUsize::get);
    let all = u32::try_from(rounds.saturating_mul(runs).max(1)).unwrap_or(u32::MAX);
    (budget.saturating_sub(spent) / all).saturating_sub(between).clamp(SHORTEST_RUN, LONGEST_RUN)
}

/// The same before anything was spent: what warming up goes by.
pub(super) fn expected_run(effort: Effort, runs: usize) -> Duration {
    let spent = effort.budget.unwrap_or(USUAL_BUDGET).mul_f64(MAKING + WARMING_UP);
    run(effort, spent, runs, Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn effort(seconds: Option<u64>, rounds: Option<usize>) -> Effort {
        Effort {
            budget: seconds.map(Duration::from_secs),
            rounds: rounds.map(|rounds| NonZeroUsize::new(rounds).unwrap()),
            within: 0.05,
        }
    }

    #[test]
    fn a_file_has_the_size_that_was_asked_for_or_grows_within_its_share() {
        for (asked, free, share, expected) in [
            (None, 1000 * GIB, 0.25, Ok((16 * MIB, 16 * GIB))),
            (None, 40 * GIB + 5, 0.25, Ok((16 * MIB, 8 * GIB))),
            (None, 38 * GIB, 0.25, Ok((16 * MIB, 8 * GIB))),
            (None, 200 * MIB, 0.25, Ok((16 * MIB, 32 * MIB))),
            (None, 64 * MIB + 3, 0.25, Ok((16 * MIB, 16 * MIB))),
            (None, 63 * MIB, 0.25, Err("25 % of the 63.0 MiB that are free are too little for a file of 16.0 MiB")),
            (Some(10 * GIB), 40 * GIB, 0.25, Ok((10 * GIB, 10 * GIB))),
            (Some(MIB), 40 * GIB, 0.25, Ok((MIB, MIB))),
            (Some(11 * GIB), 40 * GIB, 0.25, Err("a file of 11.0 GiB is more than 25 % of the 40.0 GiB that are free")),
            (Some(11 * GIB), 40 * GIB, 0.5, Ok((11 * GIB, 11 * GIB))),
        ] {
            match (FileSize::of(asked, free, share), expected) {
                (Ok(size), Ok(expected)) => assert_eq!((size.least, size.most), expected, "{asked:?} of {free}"),
                (Err((why, _)), Err(words)) => assert_eq!(why, words),
                (found, expected) => panic!("{found:?} is not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_file_is_doubled_while_that_is_expected_to_end_in_time() {
        let (free, asked) = (FileSize { least: 16 * MIB, most: GIB }, FileSize { least: 5 * MIB, most: 5 * MIB });
        let large_block = FileSize { least: 100 * MIB, most: 150 * MIB };
        for (size, bytes, took, expected) in [
            (free, 0, 0, Some(64 * MIB)),
            (free, 0, 99, Some(64 * MIB)),
            (free, 64 * MIB, 4, Some(128 * MIB)),
            (free, 64 * MIB, 5, Some(128 * MIB)),
            (free, 64 * MIB, 6, None),
            (free, GIB, 0, None),
            (asked, 0, 99, Some(5 * MIB)),
            (asked, 5 * MIB, 0, None),
            (large_block, 0, 0, Some(100 * MIB)),
            (large_block, 100 * MIB, 6, Some(150 * MIB)),
            (large_block, 100 * MIB, 7, None),
        ] {
            let (took, time) = (Duration::from_secs(took), Duration::from_secs(10));
            assert_eq!(size.next(bytes, took, time), expected, "{size:?} {bytes} {took:?}");
        }
    }

    #[test]
    fn a_disk_too_slow_for_the_usual_file_has_one_as_large_as_there_is_time_for() {
        let (free, asked) = (FileSize { least: 16 * MIB, most: GIB }, FileSize { least: 50 * MIB, most: 50 * MIB });
        for (size, bytes, took, expected) in [
            (free, 15 * MIB, 99, false),
            (free, 16 * MIB, 10, false),
            (free, 16 * MIB, 11, true),
            (free, 16 * MIB + 4096, 11, false),
            (free, 63 * MIB, 11, true),
            (asked, 49 * MIB, 99, false),
        ] {
            let (took, time) = (Duration::from_secs(took), Duration::from_secs(10));
            assert_eq!(size.is_enough(bytes, took, time), expected, "{size:?} {bytes} {took:?}");
        }
    }

    #[test]
    fn runs_get_what_is_left_of_the_budget() {
        let ms = Duration::from_millis;
        for (effort, spent, runs, between, expected) in [
            (effort(Some(60), None), ms(20_000), 20, ms(0), ms(250)),
            (effort(Some(60), None), ms(20_000), 20, ms(100), ms(150)),
            (effort(Some(60), None), ms(20_000), 20, ms(400), ms(50)),
            (effort(Some(60), Some(4)), ms(20_000), 20, ms(0), ms(500)),
            (effort(Some(60), None), ms(90_000), 20, ms(0), ms(50)),
            (effort(Some(3600), None), ms(20_000), 3, ms(0), ms(3000)),
            (effort(None, Some(4)), ms(20_000), 20, ms(100), ms(1000)),
        ] {
            assert_eq!(run(effort, spent, runs, between), expected, "{effort:?}");
        }
        assert_eq!(expected_run(effort(Some(60), None), 20), Duration::from_micros(243_750));
        assert_eq!(making(effort(Some(60), None)), Duration::from_secs(9));
        assert_eq!(warming_up(effort(Some(60), None), 24), ms(500));
        assert_eq!(warming_up(effort(None, Some(4)), 24), ms(500));
    }
}
