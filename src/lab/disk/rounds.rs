//! The runs of a measurement: every setting warmed up, then rounds, in each of which every setting is run once and one of
//! each load and access that has several twice.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::bench::Bench;
use super::budget;
use super::figures::{picoseconds_per_operation, valid};
use super::settings::label;
use super::warm_up::warm_up;
use crate::error::{Error, Result};
use crate::lab::rounds::{self, Series, Step, Watcher};
use crate::measure::interval::{CONFIDENCE, Interval};
use crate::measure::stats::median_of;
use crate::outcome::{Control, DiskReport, DiskRow, DiskSample, nanoseconds};
use crate::plan::{Access, Effort, Load};

/// Times a run is made that does not show what it should, before it is kept and marked.
const TRIES: usize = 3;
/// The fewest rounds: an interval takes six, and two of them may show nothing.
const FEWEST: usize = 8;

/// Runs on their way into the report.
pub(super) struct Rounds<'a, 'b> {
    pub(super) report: &'a mut DiskReport,
    pub(super) bench: &'a mut Bench<'b>,
    pub(super) watcher: &'a mut dyn Watcher<DiskReport>,
}

impl Rounds<'_, '_> {
    /// Warms every setting up, in the order of the report. One that cannot be had here is left out, if there are others.
    pub(super) fn warm_up(&mut self, effort: Effort) -> Result<()> {
        let started = Instant::now();
        let total = self.report.rows.len();
        let part = budget::warming_up(effort, total);
        self.bench.time = budget::expected_run(effort, total + controls(&self.report.rows).len());
        let (mut row, mut done) = (0, 0);
        while row < self.report.rows.len() {
            self.watcher.step(Step { what: "warming up", done, total, left: None });
            done += 1;
            match warm_up(self.bench, row, part) {
                Ok(found) => {
                    self.report.rows[row].warm_up = found;
                    row += 1;
                }
                Err(error)
                    if is_impossible(&error, self.report.rows[row].setting.load) && self.report.rows.len() > 1 =>
                {
                    let gone = self.report.rows.remove(row);
                    self.bench.remove(row);
                    self.report.left_out.push(format!("{}: {error}", label(&gone.setting)));
                }
                Err(error) => return Err(error),
            }
        }
        self.report.warm_up_ns = nanoseconds(started.elapsed());
        Ok(())
    }

    /// Runs rounds until there are enough of them, or the time since `started` is used up.
    pub(super) fn run(&mut self, effort: Effort, started: Instant) -> Result<()> {
        let between = self.bench.begin_rounds(Duration::from_nanos(self.report.warm_up_ns));
        self.report.controls = controls(&self.report.rows);
        self.bench.time = budget::run(effort, started.elapsed(), self.runs(), between);
        self.report.run_ns = nanoseconds(self.bench.time);
        let seed = self.report.seed;
        self.report.ended = rounds::run(self, effort, seed, started)?;
        Ok(())
    }

    /// Runs a setting until the run shows what it should; the last try counts, marked. `keeps`: whether its times are to
    /// be those of its row.
    fn run_valid(&mut self, row: usize, keeps: bool) -> Result<DiskSample> {
        let mut tries = 1;
        loop {
            let (sample, tally) = self.bench.run(row)?;
            let is_valid = sample.run.invalid.is_none();
            if is_valid && keeps {
                self.bench.keep(row, &tally);
            }
            if is_valid || tries == TRIES {
                return Ok(sample);
            }
            tries += 1;
            self.report.repeated += 1;
        }
    }
}

/// Of each load and access with several settings the one in the middle, in the order of their blocks and depths: noise
/// differs from load to load, and through the page cache from past it; and small blocks, one at a time, have the least.
fn controls(rows: &[DiskRow]) -> Vec<Control<DiskSample>> {
    let of = |(load, access): (Load, Option<Access>)| -> Vec<usize> {
        let is_of = |place: &usize| (rows[*place].setting.load, rows[*place].setting.access) == (load, access);
        let mut places: Vec<usize> = (0..rows.len()).filter(is_of).collect();
        places.sort_by_key(|place| (rows[*place].setting.block, rows[*place].setting.depth));
        places
    };
    let accesses = [Some(Access::Direct), Some(Access::Buffered), None];
    let groups = Load::ALL.into_iter().flat_map(|load| accesses.map(|access| (load, access)));
    let several = groups.map(of).filter(|places| places.len() > 1);
    several.map(|places| Control { row: places[places.len() / 2], samples: vec![] }).collect()
}

/// Nothing but its place in the order tells a control's second run from its first.
impl Series for Rounds<'_, '_> {
    fn runs(&self) -> usize {
        self.report.rows.len() + self.report.controls.len()
    }

    fn announce(&mut self, step: Step) {
        self.watcher.step(step);
    }

    fn run(&mut self, place: usize) -> Result<()> {
        if let Some(control) = place.checked_sub(self.report.rows.len()) {
            let sample = self.run_valid(self.report.controls[control].row, false)?;
            self.report.controls[control].samples.push(sample);
        } else {
            let sample = self.run_valid(place, true)?;
            let row = &mut self.report.rows[place];
            row.samples.push(sample);
            (row.read_latency, row.write_latency) = self.bench.latencies(place);
        }
        Ok(())
    }

    fn round_is_over(&mut self, rounds: usize) {
        self.report.rounds = rounds;
        self.watcher.measured(self.report);
    }

    fn is_narrow(&self) -> bool {
        is_narrow(self.report)
    }
}

/// Whether another round would tell nobody more than they asked: the median time of an operation is known to within
/// `report.within` of itself for every setting that shows what it should.
fn is_narrow(report: &DiskReport) -> bool {
    let is_known = |row: &DiskRow| {
        let times: Vec<f64> = valid(&row.samples).map(|sample| picoseconds_per_operation(sample) as f64).collect();
        let known = Interval::of_median(&times, CONFIDENCE).zip(median_of(&times));
        known.is_some_and(|(interval, middle)| interval.width() <= report.within * middle)
    };
    let mut shown = report.rows.iter().filter(|row| valid(&row.samples).next().is_some()).peekable();
    report.rounds >= FEWEST && shown.peek().is_some() && shown.all(is_known)
}

/// Whether a failure says that a setting cannot be had here, which is no reason to run no other: so many operations that
/// there is no memory for them, something that the file system has no call for, or files that it has no inodes for. Where
/// there is no room for blocks none can be written.
fn is_impossible(error: &Error, load: Load) -> bool {
    match error.errno() {
        Some(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::NOMEM | Errno::AGAIN) => true,
        Some(Errno::NOSPC | Errno::DQUOT) => load.is_of_files(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::disk::testing::{report, row, setting};
    use crate::outcome::DiskSetting;
    use crate::size::BufferSize;

    const QUIET: [u64; 8] = [1000, 1004, 997, 1002, 1010, 999, 1001, 996];
    const LOUD: [u64; 8] = [1000, 1300, 900, 1100, 980, 1500, 1010, 950];

    fn of(runs: &[&[u64]]) -> DiskReport {
        report(runs.iter().map(|runs| row(setting(Load::Read, Access::Direct), runs)).collect())
    }

    #[test]
    fn enough_is_measured_when_every_row_is_known_well() {
        assert!(is_narrow(&of(&[&QUIET, &QUIET])));
        assert!(!is_narrow(&of(&[&QUIET, &LOUD])));
        assert!(!is_narrow(&of(&[&QUIET[..7], &QUIET[..7]])), "eight rounds are the least");
        let mut strict = of(&[&QUIET]);
        strict.within = 0.01;
        assert!(!is_narrow(&strict));
    }

    #[test]
    fn a_row_that_shows_something_else_does_not_keep_it_going_and_all_of_them_do() {
        let mut report = of(&[&QUIET, &LOUD]);
        let spoil = |row: &mut DiskRow| {
            row.samples.iter_mut().for_each(|sample| sample.run.invalid = Some("it was warm".to_owned()));
        };
        spoil(&mut report.rows[1]);
        assert!(is_narrow(&report));
        spoil(&mut report.rows[0]);
        assert!(!is_narrow(&report));
    }

    #[test]
    fn a_lack_of_inodes_is_no_reason_to_measure_nothing_else() {
        let error = |errno| Error::system("create a file in", "/x", errno);
        for (errno, load, expected) in [
            (Errno::NOSPC, Load::Create, true),
            (Errno::DQUOT, Load::Remove, true),
            (Errno::NOSPC, Load::Write, false),
            (Errno::NOMEM, Load::RandomRead, true),
            (Errno::IO, Load::Create, false),
        ] {
            assert_eq!(is_impossible(&error(errno), load), expected, "{errno} {load:?}");
        }
    }

    #[test]
    fn the_middle_setting_of_each_load_and_access_with_several_is_run_twice() {
        let settings = [
            (Load::Read, Access::Buffered, 4, 1),
            (Load::Read, Access::Direct, 4, 1),
            (Load::Read, Access::Direct, 1024, 1),
            (Load::Read, Access::Direct, 128, 1),
            (Load::Sync, Access::Buffered, 4, 1),
            (Load::Mixed, Access::Direct, 4, 16),
            (Load::Mixed, Access::Direct, 4, 4),
            (Load::Mixed, Access::Direct, 4, 1),
            (Load::Mixed, Access::Buffered, 4, 1),
            (Load::Mixed, Access::Buffered, 4, 4),
        ];
        let rows = settings.map(|(load, access, kib, depth)| {
            let block = Some(BufferSize::from_kib(kib));
            row(DiskSetting { block, depth, ..setting(load, access) }, &[])
        });
        let places: Vec<usize> = controls(&rows).iter().map(|control| control.row).collect();
        assert_eq!(places, [3, 6, 9]);
    }
}
