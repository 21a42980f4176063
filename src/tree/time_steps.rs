//! How finely a file system keeps times, found by looking at what it makes of one.
//!
//! A copy can have only a time that its file system keeps: on ext4 with inodes of 128 bytes whole seconds, on vfat every
//! second one, on ntfs-3g multiples of 100 ns. By the nanosecond it is older than its source for ever, and would be copied
//! again each time.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Result;

use super::temporary_file::{Site, TemporaryFile};
use crate::sys::{Attributes, Moment, Sys};

/// Nanoseconds of a second.
const SECOND: u128 = 1_000_000_000;
/// The coarsest steps known, vfat's: times that are further apart differ everywhere.
const COARSEST: u128 = 2 * SECOND;
/// What a time may be a multiple of that is kept in coarser steps, ns.
const KNOWN: [u128; 6] = [COARSEST, SECOND, 10_000_000, 1_000_000, 1_000, 100];
/// A time that no step but the finest holds.
const ODD: Moment = Moment { seconds: 1_000_000_001, nanoseconds: 999_999_999 };

/// Compares times of sources with those of targets. Shared by the workers of a job.
#[derive(Debug, Default)]
pub(crate) struct TimeSteps {
    /// See [`crate::plan::CopyOptions::modify_window`].
    window: Option<i64>,
    /// By device, ns.
    known: Mutex<HashMap<(u32, u32), u128>>,
}

impl TimeSteps {
    /// Nothing is known yet; with a `window`, nothing has to be.
    pub(crate) fn new(window: Option<i64>) -> Self {
        Self { window, known: Mutex::default() }
    }

    /// How the time of content of a target stands to the time `wanted` that it was meant to have. Where that is in doubt, a
    /// file is made at `site`, where the target is, and removed again: once for each file system. Without a site, or where
    /// none can be made, the target's own time tells.
    pub(crate) fn compare(
        &self,
        sys: &mut Sys,
        site: Option<Site<'_>>,
        target: &Attributes,
        wanted: Moment,
    ) -> Ordering {
        let found = target.mtime;
        let is_equal = match self.window {
            _ if found == wanted => true,
            Some(seconds) if seconds >= 0 => found.seconds.abs_diff(wanted.seconds) <= seconds.unsigned_abs(),
            Some(_) => false,
            None => {
                let distance = nanoseconds(found).abs_diff(nanoseconds(wanted));
                distance < COARSEST && distance < self.steps(sys, site, target)
            }
        };
        if is_equal { Ordering::Equal } else { found.cmp(&wanted) }
    }

    /// The steps of the file system that a target is on, ns.
    fn steps(&self, sys: &mut Sys, site: Option<Site<'_>>, target: &Attributes) -> u128 {
        if let Some(steps) = self.known().get(&target.dev) {
            return *steps;
        }
        let Some(steps) = site.and_then(|site| look(sys, site).ok()) else { return steps_told_by(target.mtime) };
        self.known().insert(target.dev, steps);
        steps
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(u32, u32), u128>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a file the oddest time, and sees what is left of it.
fn look(sys: &mut Sys, site: Site<'_>) -> Result<u128> {
    let (temporary, file) = TemporaryFile::file(sys, site, c"time", 0o600)?;
    let found = sys.futimens(&file, ODD, ODD).and_then(|()| sys.fstat(&file));
    let _ = sys.close(file);
    temporary.abandon(sys);
    Ok(nanoseconds(ODD).abs_diff(nanoseconds(found?.mtime)) + 1)
}

/// The steps that a time would have been kept in: the coarsest that it is a multiple of.
fn steps_told_by(time: Moment) -> u128 {
    let time = nanoseconds(time).unsigned_abs();
    KNOWN.into_iter().find(|steps| time.is_multiple_of(*steps)).unwrap_or(1)
}

fn nanoseconds(time: Moment) -> i128 {
    i128::from(time.seconds) * SECOND as i128 + i128::from(time.nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};
    use std::sync::Arc;

    use rustix::fs::CWD;

    use super::*;
    use crate::sys::{FileKind, Stop};
    use crate::tree::path::{c_path, open_named};
    use crate::tree::{DirectoryRules, TemporaryFileRegistry};

    const fn time(seconds: i64, nanoseconds: u32) -> Moment {
        Moment { seconds, nanoseconds }
    }

    fn file(dev: u32, mtime: Moment) -> Attributes {
        let none = time(0, 0);
        Attributes {
            kind: FileKind::RegularFile,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 0,
            blocks: 0,
            links: 1,
            dev: (0, dev),
            ino: 2,
            rdev: (0, 0),
            atime: none,
            mtime,
            ctime: none,
            is_append_only: false,
        }
    }

    #[test]
    fn times_are_equal_that_differ_by_less_than_a_step() {
        let steps = TimeSteps::default();
        for (dev, step) in [(1, 1), (2, 100), (3, SECOND), (4, COARSEST)] {
            steps.known().insert((0, dev), step);
        }
        let mut sys = Sys::new(Stop::new());
        for (found, wanted, expected) in [
            (time(10, 0), time(10, 0), [Equal; 4]),
            (time(10, 100), time(10, 199), [Less, Equal, Equal, Equal]),
            (time(10, 0), time(10, 999_999_999), [Less, Less, Equal, Equal]),
            (time(10, 0), time(11, 0), [Less, Less, Less, Equal]),
            (time(10, 0), time(11, 999_999_999), [Less, Less, Less, Equal]),
            (time(10, 0), time(12, 0), [Less; 4]),
            (time(11, 0), time(10, 5), [Greater, Greater, Equal, Equal]),
            (time(-10, 0), time(-10, 5), [Less, Equal, Equal, Equal]),
            (time(13, 0), time(10, 5), [Greater; 4]),
        ] {
            let order = [1, 2, 3, 4].map(|dev| steps.compare(&mut sys, None, &file(dev, found), wanted));
            assert_eq!(order, expected, "{found:?} {wanted:?}");
        }
    }

    #[test]
    fn a_window_says_how_far_equal_times_are_apart_in_whole_seconds() {
        let mut sys = Sys::new(Stop::new());
        for (window, found, wanted, expected) in [
            (0, time(10, 1), time(10, 999), Equal),
            (0, time(10, 999_999_999), time(11, 0), Less),
            (1, time(10, 0), time(11, 999_999_999), Equal),
            (1, time(12, 0), time(10, 0), Greater),
            (3600, time(0, 0), time(3600, 5), Equal),
            (-1, time(10, 0), time(10, 1), Less),
            (-1, time(10, 1), time(10, 1), Equal),
            (i64::MAX, time(i64::MIN, 0), time(i64::MAX, 0), Less),
        ] {
            let steps = TimeSteps::new(Some(window));
            assert_eq!(
                steps.compare(&mut sys, None, &file(1, found), wanted),
                expected,
                "{window}: {found:?} {wanted:?}"
            );
        }
    }

    #[test]
    fn where_nothing_can_be_made_the_targets_time_tells() {
        for (time, steps) in [
            (time(10, 0), COARSEST),
            (time(11, 0), SECOND),
            (time(11, 120_000_000), 10_000_000),
            (time(11, 123_000_000), 1_000_000),
            (time(11, 123_456_700), 100),
            (time(11, 123_456_789), 1),
            (time(-11, 0), SECOND),
        ] {
            assert_eq!(steps_told_by(time), steps, "{time:?}");
        }
    }

    #[test]
    fn a_file_system_is_looked_at_and_nothing_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let mut sys = Sys::new(Stop::new());
        let directory = Arc::new(open_named(&mut sys, CWD, &c_path(scratch.path())).unwrap());
        let temporary_files = TemporaryFileRegistry::default();
        let site = Site { directory: &directory, rules: DirectoryRules::default(), temporary_files: &temporary_files };
        // Every file system that a test directory is on keeps nanoseconds, or all of them the same steps.
        let steps = look(&mut sys, site).unwrap();
        assert!(steps == 1 || KNOWN.contains(&steps), "{steps}");
        assert_eq!(scratch.path().read_dir().unwrap().count(), 0);
    }
}
