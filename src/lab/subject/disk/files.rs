//! Loads of files: creating, asking for attributes, removing, in one directory of ours.
//!
//! Files are empty, and their names are known beforehand: what is measured is the directory and the inodes, not reading
//! a directory or writing content. Every run deals with as many files, one after another: create is `openat` and `close`,
//! stat is `statx` of what memory knows by then, remove is `unlinkat`. What a run needs is made ready before, untimed.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::{Errno, Result};

use super::pattern::{Statistics, Windows};
use crate::lab::subject::disk::plan::Load;
use crate::sys::Sys;

/// The fewest files of a run.
pub(super) const FEWEST: usize = 100;
/// The files of a run where how long one takes does not say how many there shall be.
pub(super) const USUAL: usize = 1000;
/// The most files of a run: a directory with more is rare.
pub(super) const MOST: usize = 50_000;

/// The most files of a run where so many inodes are free, of which files may take a part; or why there can be none.
pub(super) fn most(free: Option<u64>, share: f64) -> std::result::Result<usize, String> {
    let Some(free) = free else { return Ok(MOST) };
    let may = (free as f64 * share) as usize;
    if may < FEWEST {
        let part = share * 100.0;
        return Err(format!(
            "{part:.0} % of the {free} inodes that are free are too few for {FEWEST} files; allow more with --share, or \
             choose another DIR"
        ));
    }
    Ok(may.min(MOST))
}

/// Files in a directory of ours, which is another one whenever they are made again.
///
/// On ext4 inodes that were freed within the last minutes are passed over one by one when new ones are looked for nearby
/// (`recently_deleted` in fs/ext4/ialloc.c): where files were just removed, creating some becomes slower with every run. So
/// none are made where some were removed, and the directories lie apart ([`Sys::spread_directories`]).
#[derive(Debug, Default)]
pub(super) struct Files {
    names: Vec<CString>,
    /// Where they are.
    directory: Option<OwnedFd>,
    /// How many directories there were.
    directories: u64,
    /// How many of the names are there, from the first on.
    there: usize,
}

impl Files {
    /// Has so many files there, or none, as the load needs it, in a directory within `parent`. Where there is no space for
    /// them none are left: other loads need what there is.
    pub(super) fn make_ready(&mut self, sys: &mut Sys, parent: &OwnedFd, load: Load, count: usize) -> Result<()> {
        let made = self.make(sys, parent, load, count);
        made.inspect_err(|errno| self.free_space(sys, *errno))
    }

    /// Removes all files where there is no space for some.
    fn free_space(&mut self, sys: &mut Sys, errno: Errno) {
        if self.directory.is_some() && matches!(errno, Errno::NOSPC | Errno::DQUOT) {
            // The one that failed may be there: NFS tells of a lack of space when a file is closed.
            self.there = (self.there + 1).min(self.names.len());
            // The failure that led here is the one to report.
            let _ = self.remove_beyond(sys, 0);
        }
    }

    fn make(&mut self, sys: &mut Sys, parent: &OwnedFd, load: Load, count: usize) -> Result<()> {
        for number in self.names.len()..count {
            // The length of common names; CString fails on NUL alone.
            self.names.push(CString::new(format!("file-{number:08}")).unwrap_or_default());
        }
        let needed = if load == Load::Create { 0 } else { count };
        self.remove_beyond(sys, needed)?;
        if self.there == 0 {
            self.change_directory(sys, parent)?;
        }
        let Some(directory) = &self.directory else { return Err(Errno::NOENT) };
        while self.there < needed {
            sys.check_stop()?;
            create(sys, directory, &self.names[self.there])?;
            self.there += 1;
        }
        Ok(())
    }

    fn remove_beyond(&mut self, sys: &mut Sys, needed: usize) -> Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        while self.there > needed {
            sys.check_stop()?;
            match sys.unlinkat(directory, &self.names[self.there - 1]) {
                // A run that removes them begins at the other end, and may have failed on the way.
                Ok(()) | Err(Errno::NOENT) => self.there -= 1,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Goes to a new directory, which is empty.
    fn change_directory(&mut self, sys: &mut Sys, parent: &OwnedFd) -> Result<()> {
        let name = |number: u64| CString::new(format!("files-{number}")).map_err(|_| Errno::INVAL);
        if let Some(old) = self.directory.take() {
            sys.close(old)?;
            sys.rmdirat(parent, &name(self.directories)?)?;
        }
        self.directories += 1;
        let new = name(self.directories)?;
        sys.mkdirat(parent, &new, 0o700)?;
        self.directory = Some(sys.open_directory(parent, &new)?);
        Ok(())
    }

    /// Does one thing to so many files, in the order of their names; stat goes on with the first for as long as the run
    /// has `time`, since it changes nothing. Where there is no space for them none are left.
    pub(super) fn run(
        &mut self,
        sys: &mut Sys,
        load: Load,
        count: usize,
        time: Duration,
        windows: Windows,
    ) -> Result<Statistics> {
        let mut statistics = Statistics::new(windows);
        let ran = self.deal_with(sys, load, count, time, &mut statistics);
        self.there = match load {
            Load::Create => statistics.operations as usize,
            Load::Remove if ran.is_ok() => 0,
            _ => count,
        };
        ran.inspect_err(|errno| self.free_space(sys, *errno))?;
        Ok(statistics)
    }

    fn deal_with(
        &self,
        sys: &mut Sys,
        load: Load,
        count: usize,
        time: Duration,
        statistics: &mut Statistics,
    ) -> Result<()> {
        let Some(directory) = &self.directory else { return Err(Errno::NOENT) };
        let start = Instant::now();
        let mut began = start;
        let most = if load == Load::Stat { usize::MAX } else { count };
        for name in self.names[..count].iter().cycle().take(most) {
            if load == Load::Stat && began - start >= time {
                break;
            }
            sys.check_stop()?;
            match load {
                Load::Create => create(sys, directory, name)?,
                Load::Remove => sys.unlinkat(directory, name)?,
                _ => drop(sys.stat_at(directory, name)?),
            }
            let ended = Instant::now();
            statistics.reads.record(ended - began);
            statistics.count(ended, ended - start);
            began = ended;
        }
        Ok(())
    }
}

fn create(sys: &mut Sys, directory: &OwnedFd, name: &CStr) -> Result<()> {
    let file = sys.create(directory, name, 0o600)?;
    sys.close(file)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::calls::Call;
    use crate::job::Context;
    use crate::sys::Stop;
    use crate::sys::faults::{Fault, FaultPlan};

    fn open(path: &std::path::Path) -> OwnedFd {
        rustix::fs::open(path, rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap()
    }

    fn run(files: &mut Files, sys: &mut Sys, load: Load, count: usize, time: Duration) -> Result<Statistics> {
        files.run(sys, load, count, time, Windows::of(time, false))
    }

    #[test]
    fn each_load_finds_what_it_needs_and_deals_with_all_of_it() {
        let scratch = tempfile::tempdir().unwrap();
        let parent = open(scratch.path());
        let mut sys = Sys::new(Stop::new());
        let mut files = Files::default();
        // The only directory there is, and how many files it holds.
        let there = || -> (String, usize) {
            let directories: Vec<_> = scratch.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
            assert_eq!(directories.len(), 1, "{directories:?}");
            (directories[0].display().to_string(), directories[0].read_dir().unwrap().count())
        };
        let mut last = String::new();
        for (load, count, before, after) in [
            (Load::Create, 30, 0, 30),
            (Load::Stat, 30, 30, 30),
            (Load::Create, 20, 0, 20),
            (Load::Remove, 30, 30, 0),
            (Load::Remove, 10, 10, 0),
            (Load::Stat, 5, 5, 5),
            (Load::Remove, 3, 3, 0),
        ] {
            files.make_ready(&mut sys, &parent, load, count).unwrap();
            let (directory, found) = there();
            assert_eq!(found, before, "before {load:?}");
            assert!(load != Load::Create || directory != last, "files are made where none were removed");
            let mut sys = Sys::new(Stop::new());
            let statistics = run(&mut files, &mut sys, load, count, Duration::from_millis(1)).unwrap();
            assert_eq!(there(), (directory.clone(), after), "after {load:?}");
            let expected = if load == Load::Stat { sys.counts().of(Call::Statx).calls } else { count as u64 };
            let counted = statistics.windows().0.iter().sum::<u64>();
            assert_eq!((statistics.operations, counted), (expected, expected), "{load:?}");
            assert_eq!(statistics.reads.latency().unwrap().operations, expected);
            last = directory;
        }
    }

    #[test]
    fn where_there_is_no_space_no_file_is_left_and_others_go_on() {
        for load in [Load::Create, Load::Stat, Load::Remove] {
            // Whatever is first to have no space: a directory, its first file, one of the others; or removing one.
            for number in 1..90 {
                let scratch = tempfile::tempdir().unwrap();
                let parent = open(scratch.path());
                let plan = Arc::new(FaultPlan::new(number, Fault::Fail(Errno::NOSPC), false));
                let context = Context { faults: Some(plan), ..Context::silent() };
                let (mut files, mut sys) = (Files::default(), context.sys());
                let mut go = |sys: &mut Sys, load| {
                    files.make_ready(sys, &parent, load, 10)?;
                    run(&mut files, sys, load, 10, Duration::ZERO).map(|_| files.there)
                };
                if let Err(errno) = go(&mut sys, load) {
                    assert_eq!(errno, Errno::NOSPC);
                    let directories = scratch.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
                    assert!(
                        directories.into_iter().all(|path| path.read_dir().unwrap().count() == 0),
                        "{load:?} {number}"
                    );
                }
                assert_eq!(go(&mut Sys::new(Stop::new()), Load::Create), Ok(10), "{load:?} {number}");
            }
        }
    }

    #[test]
    fn files_take_a_part_of_the_inodes_that_are_free() {
        let few = "25 % of the 399 inodes that are free are too few for 100 files; ";
        for (free, expected) in [
            (None, Ok(MOST)),
            (Some(1 << 40), Ok(MOST)),
            (Some(4000), Ok(1000)),
            (Some(400), Ok(100)),
            (Some(399), Err(few)),
        ] {
            match (most(free, 0.25), expected) {
                (Err(why), Err(words)) => assert!(why.starts_with(words), "{why}"),
                (found, expected) => assert_eq!(found, expected.map_err(str::to_owned), "{free:?}"),
            }
        }
    }

    #[test]
    fn a_request_to_stop_is_heard() {
        let scratch = tempfile::tempdir().unwrap();
        let parent = open(scratch.path());
        let stop = Stop::new();
        let mut sys = Sys::new(stop.clone());
        let mut files = Files::default();
        files.make_ready(&mut sys, &parent, Load::Create, 5).unwrap();
        stop.request(2);
        assert_eq!(run(&mut files, &mut sys, Load::Create, 5, Duration::ZERO).unwrap_err(), Errno::INTR);
        assert_eq!(files.make_ready(&mut sys, &parent, Load::Stat, 5).unwrap_err(), Errno::INTR);
    }
}
