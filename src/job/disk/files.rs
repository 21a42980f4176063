//! Loads of files: creating, asking for attributes, removing, in one directory of ours.
//!
//! Files are empty, and their names are known beforehand: what is measured is the directory and the inodes, not reading
//! a directory or writing content. Every run deals with as many files, one after another, each with one operation: create
//! is `openat` and `close`, stat is `statx`, remove is `unlinkat`. What a run needs is made ready before, untimed.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Result;

use super::pattern::{Tally, window};
use crate::plan::Load;
use crate::sys::Sys;

/// The files of a run.
pub(super) const FEWEST: usize = 100;
/// More than this fill a directory as no program does.
pub(super) const MOST: usize = 50_000;

/// Files in a directory.
#[derive(Debug, Default)]
pub(super) struct Files {
    names: Vec<CString>,
    /// How many of the names are there, from the first on.
    there: usize,
}

impl Files {
    /// Has so many files there, or none, as the load needs it.
    pub(super) fn make_ready(&mut self, sys: &mut Sys, directory: &OwnedFd, load: Load, count: usize) -> Result<()> {
        for number in self.names.len()..count {
            // The length of common names; CString fails on NUL alone.
            self.names.push(CString::new(format!("file-{number:08}")).unwrap_or_default());
        }
        let needed = if load == Load::Create { 0 } else { count };
        while self.there > needed {
            sys.check_stop()?;
            sys.unlinkat(directory, &self.names[self.there - 1])?;
            self.there -= 1;
        }
        while self.there < needed {
            sys.check_stop()?;
            create(sys, directory, &self.names[self.there])?;
            self.there += 1;
        }
        Ok(())
    }

    /// Does one thing to so many files, in the order of their names. `time` is what the parts of the run are of.
    pub(super) fn run(
        &mut self,
        sys: &mut Sys,
        directory: &OwnedFd,
        load: Load,
        count: usize,
        time: Duration,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        let begun = Instant::now();
        let mut began = begun;
        for name in &self.names[..count] {
            sys.check_stop()?;
            match load {
                Load::Create => create(sys, directory, name)?,
                Load::Remove => sys.unlinkat(directory, name)?,
                _ => drop(sys.stat_at(directory, name)?),
            }
            let ended = Instant::now();
            tally.operations += 1;
            tally.reads.record(ended - began);
            tally.windows[window(ended - begun, time)] += 1;
            began = ended;
        }
        self.there = if load == Load::Remove { 0 } else { count };
        Ok(tally)
    }
}

fn create(sys: &mut Sys, directory: &OwnedFd, name: &CStr) -> Result<()> {
    let file = sys.create(directory, name, 0o600)?;
    sys.close(file)
}
