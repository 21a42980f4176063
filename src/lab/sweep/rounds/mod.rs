//! The runs of a sweep: everything once to warm up, then rounds, in each of which every setting is run once and one of each
//! group of alternatives twice.

use std::time::Instant;

use rustix::io::Errno;

use super::axes;
use super::bench::Bench;
use super::narrow::is_narrow;
use super::verdict::groups::Group;
use crate::error::{Error, Result};
use crate::lab::rounds::{self, Series, Step, Watcher};
use crate::outcome::{Allocations, Control, Sample, Setting, SweepReport};
use crate::plan::Effort;

/// Times a run is made that does not show what it should, before it is kept and marked.
const TRIES: usize = 3;

/// Something that runs one setting once.
pub(super) trait Runner {
    /// A run that warms up, and what the allocator was asked for.
    fn warm_up(&mut self, setting: &Setting) -> Result<(Sample, Option<Allocations>)>;
    /// A measured run.
    fn run(&mut self, setting: &Setting) -> Result<Sample>;
}

/// Runs of a sweep, on their way into its report.
pub(super) struct Rounds<'a> {
    pub(super) report: &'a mut SweepReport,
    pub(super) runner: &'a mut dyn Runner,
    pub(super) watcher: &'a mut dyn Watcher<SweepReport>,
    /// Rounds that it takes at least before intervals are narrow enough.
    pub(super) fewest: usize,
}

impl Runner for Bench<'_> {
    fn warm_up(&mut self, setting: &Setting) -> Result<(Sample, Option<Allocations>)> {
        Bench::warm_up(self, setting)
    }

    fn run(&mut self, setting: &Setting) -> Result<Sample> {
        Bench::run(self, setting)
    }
}

impl Rounds<'_> {
    /// Runs every setting once, copies before gzips, small buffers before large ones and few workers before many: peak
    /// memory is read here. A setting that cannot be had here is left out, if there are others.
    pub(super) fn warm_up(&mut self) -> Result<()> {
        let mut ascending: Vec<usize> = (0..self.report.rows.len()).collect();
        ascending.sort_by_key(|row| {
            let setting = &self.report.rows[*row].setting;
            (setting.job, setting.level, setting.buffer, setting.workers)
        });
        let total = ascending.len();
        let mut impossible: Vec<(usize, Error)> = vec![];
        for (done, row) in ascending.into_iter().enumerate() {
            self.watcher.step(Step { what: "warming up", done, total, left: None });
            let setting = self.report.rows[row].setting;
            match self.runner.warm_up(&setting) {
                Ok((sample, allocations)) => {
                    let row = &mut self.report.rows[row];
                    (row.warm_up, row.allocations) = (sample, allocations);
                }
                Err(error) if is_impossible(&error) && impossible.len() + 1 < total => impossible.push((row, error)),
                Err(error) => return Err(error),
            }
        }
        self.leave_out(impossible);
        Ok(())
    }

    fn leave_out(&mut self, mut impossible: Vec<(usize, Error)>) {
        let (varying, _) = axes::split(&self.report.rows);
        impossible.sort_by_key(|(row, _)| *row);
        for (row, error) in impossible.into_iter().rev() {
            let row = self.report.rows.remove(row);
            let name = row.name.unwrap_or_else(|| axes::label(&row.setting, &varying));
            self.report.left_out.insert(0, format!("{name}: {error}"));
        }
    }

    /// Runs rounds until there are enough of them, or the time since `started` is used up.
    pub(super) fn run(&mut self, effort: Effort, started: Instant) -> Result<()> {
        // The middle one of each group of alternatives: neither the slowest, whose noise is the least, nor the fastest.
        let groups = Group::all_of(self.report);
        let middles = groups.iter().filter(|group| group.rows.len() > 1).map(|group| group.rows[group.rows.len() / 2]);
        let mut controls: Vec<usize> = middles.collect();
        if controls.is_empty() && self.report.rows.len() > 1 {
            controls.push(self.report.rows.len() / 2);
        }
        self.report.controls = controls.into_iter().map(|row| Control { row, samples: vec![] }).collect();
        let seed = self.report.seed;
        self.report.ended = rounds::run(self, effort, seed, started)?;
        Ok(())
    }

    /// Runs a setting until the run shows what it should; the last try counts, marked.
    fn run_valid(&mut self, row: usize) -> Result<Sample> {
        for _ in 1..TRIES {
            let sample = self.run_once(row)?;
            if sample.invalid.is_none() {
                return Ok(sample);
            }
            self.report.repeated += 1;
        }
        self.run_once(row)
    }

    /// A run of the same work as the one that warmed up: of other data no figure could be compared.
    fn run_once(&mut self, row: usize) -> Result<Sample> {
        let row = &self.report.rows[row];
        let sample = self.runner.run(&row.setting)?;
        let of = |sample: &Sample| (sample.summary.files, sample.summary.source_bytes);
        let (before, now) = (of(&row.warm_up), of(&sample));
        if before == now {
            return Ok(sample);
        }
        let why = format!(
            "it changed during the sweep: {} bytes in {} files, before {} in {}; sweep again when it is at rest",
            now.1, now.0, before.1, before.0
        );
        Err(Error::refused("sweep over", &self.report.source, why))
    }
}

/// Nothing but its place in the order tells a control's second run from its first.
impl Series for Rounds<'_> {
    fn runs(&self) -> usize {
        self.report.rows.len() + self.report.controls.len()
    }

    fn announce(&mut self, step: Step) {
        self.watcher.step(step);
    }

    fn run(&mut self, place: usize) -> Result<()> {
        if let Some(control) = place.checked_sub(self.report.rows.len()) {
            let sample = self.run_valid(self.report.controls[control].row)?;
            self.report.controls[control].samples.push(sample);
        } else {
            let sample = self.run_valid(place)?;
            self.report.rows[place].samples.push(sample);
        }
        Ok(())
    }

    fn round_is_over(&mut self, rounds: usize) {
        self.report.rounds = rounds;
        self.watcher.measured(self.report);
    }

    fn is_narrow(&self) -> bool {
        self.report.rounds >= self.fewest && is_narrow(self.report)
    }
}

/// Whether a failure says that a setting cannot be had here, which is no reason to run no other: an engine that the file
/// system has no call for, or a cache that cannot be emptied.
fn is_impossible(error: &Error) -> bool {
    let no_such_call = matches!(error.errno(), Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::XDEV | Errno::NOSYS));
    no_such_call || error.operation == "empty the cache of"
}

#[cfg(test)]
mod tests;
