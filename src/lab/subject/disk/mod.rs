//! `haul disk`: what a disk can do, measured through a file of our own or by reading one that exists.
//!
//! Every setting is warmed up until its rates settle, or until its time is over; then, in every round, each is run once in
//! an order that is shuffled again. A run begins operations for a fixed time, on blocks that no cache of this machine holds,
//! and is proven by what the kernel says came from the disk. Making the file, emptying caches and writing back happen
//! between runs and are never timed.
//!
//! - [`plan`]: what is asked; [`settings`](mod@settings): which settings that comes to; `budget`: how large the file is and
//!   how long a run lasts.
//! - `location`: the directory, or what exists; `file`: the file that blocks are in; `files`: files that come and go.
//! - `bench`: single runs; `warm_up`: until when a setting is warmed up; `pattern`: which block comes next; [`backend`]: how
//!   several operations are kept in flight; `proof`: whether a run shows what it should.
//! - [`warnings`](mod@warnings): what may mislead, in words.

pub mod backend;
mod bench;
mod budget;
mod file;
mod files;
mod location;
mod pattern;
pub mod plan;
mod proof;
pub mod settings;
#[cfg(test)]
mod tests;
mod warm_up;
pub mod warnings;

use std::num::NonZeroUsize;
use std::time::Instant;

use rustix::io::Errno;

use self::backend::Backend;
use self::bench::DiskBench;
use self::file::DataFile;
use self::location::Location;
use self::plan::{BackendName, DiskPlan, DiskTarget};
use self::settings::{DiskSetting, Obstacles, Settings, wanted};
pub use self::warnings::warnings;
use crate::calls::nanoseconds;
use crate::error::{Cause, Result};
use crate::job::Context;
use crate::lab::machine::{Machine, now_utc};
use crate::lab::plan::Effort;
use crate::lab::probe::cost::cost;
use crate::lab::probe::settle_allocator;
use crate::lab::report::{Data, Ended, Rank, Report, Subject};
use crate::lab::rounds::{Rounds, Step, Watcher};
use crate::lab::verdict::groups::Group;
use crate::sys::{PAGE, Sys};

/// Runs what `plan` says.
///
/// Fails where nothing can be measured, and with the first failure if nothing was measured until then. Otherwise a failure,
/// or a request to stop, ends it with what was measured. What was made is gone whatever happens.
pub fn run(plan: &DiskPlan, context: &Context, watcher: &mut dyn Watcher) -> Result<Report> {
    let started = Instant::now();
    let mut sys = context.sys();
    let mut location = Location::open(&mut sys, context, plan)?;
    let most_files = location.most_files(&mut sys, plan.share);
    let obstacles = Obstacles { files: most_files.as_ref().err().cloned(), ..obstacles(&mut sys, plan, &location) };
    let Settings { run: settings, left_out, no_io_uring } = settings::settings(plan, &obstacles)?;
    let mut machine = location.machine(&mut sys);
    if plan.anonymous {
        machine.anonymous();
    }
    let mut report = Report { left_out, ..empty_report(plan, &settings, machine) };
    report.remarks.extend(
        no_io_uring.map(|why| {
            format!("threads kept several operations in flight, which costs more than io_uring would: {why}")
        }),
    );
    settle_allocator();
    watcher.step(Step::whole("making the file"));
    let making = Instant::now();
    let blocks = settings.iter().filter_map(|setting| setting.block);
    location.fill(&mut sys, plan, blocks.max().map_or(0, |block| block.bytes() as u64))?;
    let data = data(plan, location.file());
    report.preparation_ns = if data.is_read_only { 0 } else { nanoseconds(making.elapsed()) };
    report.data = vec![data];
    let controls = Group::all_of(&report).iter().filter(|group| group.rows.len() > 1).count();
    let mut bench = DiskBench::new(context, &location, plan, &settings, controls, most_files.unwrap_or(0));
    let mut rounds = Rounds { report: &mut report, bench: &mut bench, watcher: &mut *watcher, started, statements: 0 };
    let result = measure(plan, &mut rounds);
    report.between_ns = nanoseconds(bench.between);
    drop(bench);
    if let Err(error) = result {
        if report.rows.iter().all(|row| row.samples.is_empty()) {
            return Err(error);
        }
        report.ended = if error.is_interruption() { Ended::Interrupted } else { Ended::Failed };
        report.failure = (!error.is_interruption()).then(|| watcher.words(&error));
    }
    watcher.step(Step::whole("removing files"));
    if let Err(error) = location.finish() {
        // What was measured is worth more than what is left behind.
        report.failure.get_or_insert(watcher.words(&error));
        report.ended = Ended::Failed;
    }
    report.took_ns = nanoseconds(started.elapsed());
    Ok(report)
}

/// Everything warmed up, then rounds: one alone of what is to be sustained.
fn measure(plan: &DiskPlan, rounds: &mut Rounds<'_>) -> Result<()> {
    rounds.warm_up(plan.effort)?;
    let effort = plan.sustain.map_or(plan.effort, |time| {
        let all = time * u32::try_from(rounds.report.rows.len()).unwrap_or(u32::MAX);
        Effort { rounds: Some(NonZeroUsize::MIN), budget: Some(rounds.started.elapsed() + all), ..plan.effort }
    });
    rounds.run(effort)
}

/// What of the plan cannot be had here.
fn obstacles(sys: &mut Sys, plan: &DiskPlan, location: &Location) -> Obstacles {
    let wants_ring = plan.backend != Some(BackendName::Threads) && wanted(plan).iter().any(|setting| setting.depth > 1);
    let ring = wants_ring.then(|| Backend::new(sys, BackendName::IoUring, 1, PAGE).err()).flatten();
    Obstacles {
        direct: location.file().and_then(DataFile::no_direct),
        io_uring: ring.map(|errno| match errno {
            Errno::NOSYS => "this kernel, or a container's filter, has no such call".to_owned(),
            Errno::PERM | Errno::ACCESS => {
                "it is forbidden here (kernel.io_uring_disabled, or a container's filter)".to_owned()
            }
            errno => Cause::System(errno).to_string(),
        }),
        files: None,
    }
}

/// What was measured on.
fn data(plan: &DiskPlan, file: Option<&DataFile>) -> Data {
    let is_read_only = matches!(plan.target, DiskTarget::Existing(_));
    Data {
        path: Some(plan.target.path().clone()),
        is_read_only,
        bytes: file.map_or(0, DataFile::bytes),
        files: u64::from(file.is_some()),
        entropy_bits: file.filter(|_| !is_read_only).map(|_| plan.entropy),
        ..Data::default()
    }
}

/// The report of a plan before anything was measured.
fn empty_report(plan: &DiskPlan, settings: &[DiskSetting], machine: Machine) -> Report {
    Report {
        format: Report::FORMAT,
        subject: Subject::Disk,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: plan.command.clone(),
        started: now_utc(),
        machine,
        cost: cost(),
        rank: Rank::Operation,
        within: plan.effort.within,
        seed: plan.seed,
        rows: settings.iter().map(DiskSetting::row).collect(),
        ..Report::default()
    }
}
