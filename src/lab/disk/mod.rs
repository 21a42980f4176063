//! `haul disk`: what a disk can do, measured through a file of our own or by reading one that exists.
//!
//! Every setting is warmed up until its rates settle, or until its time is over; then, in every round, each is run once in
//! an order that is shuffled again. A run begins operations for a fixed time, on blocks that no cache of this machine holds,
//! and is proven by what the kernel says came from the disk. Making the file, emptying caches and writing back happen
//! between runs and are never timed.
//!
//! - [`settings`](mod@settings): which settings; `budget`: how large the file is and how long a run lasts.
//! - `place`: the directory, or what exists; `file`: the file that blocks are in; `files`: files that come and go.
//! - `rounds`: warming up, and what a round is made of; `warm_up`: until when; `bench`: single runs; `pattern`: which
//!   block comes next; `proof`: whether a run shows what it should.
//! - [`figures`]: a setting's runs boiled down to what a report shows; [`doubts`](mod@doubts): what may mislead, in words;
//!   [`noise`]: how far apart two runs of the same setting are.

mod bench;
mod budget;
pub mod doubts;
pub mod figures;
mod file;
mod files;
pub mod noise;
mod pattern;
mod place;
mod proof;
mod rounds;
pub mod settings;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod warm_up;

use std::time::Instant;

use rustix::io::Errno;

use self::bench::Bench;
use self::place::Place;
use self::rounds::Rounds;
use self::settings::{Obstacles, Settings};
use super::rounds::{Step, Watcher};
use crate::error::Result;
use crate::job::Context;
use crate::load::Flights;
use crate::measure::cost::cost;
use crate::measure::probe::settle_allocator;
use crate::outcome::{DiskReport, DiskRow, Ended, Machine, nanoseconds};
use crate::plan::{DiskPlace, DiskPlan, Flight};
use crate::sys::{PAGE, Sys};

/// Runs what `plan` says.
///
/// Fails where there is no place or room, and with the first failure if nothing was measured until then. Otherwise a
/// failure, or a wish to stop, ends it with what was measured. What was made is gone whatever happens.
pub fn run(plan: &DiskPlan, context: &Context, watcher: &mut dyn Watcher<DiskReport>) -> Result<DiskReport> {
    let started = Instant::now();
    let mut sys = context.sys();
    let mut place = Place::open(&mut sys, context, plan)?;
    let most_files = place.most_files(&mut sys, plan.share);
    let obstacles = Obstacles { files: most_files.as_ref().err().cloned(), ..obstacles(&mut sys, plan, &place) };
    let settings = settings::settings(plan, &obstacles)?;
    let mut report = empty_report(plan, &settings, place.machine(&mut sys));
    settle_allocator();
    watcher.step(Step::whole("making the file"));
    let making = Instant::now();
    let blocks = settings.run.iter().filter_map(|setting| setting.block);
    place.fill(&mut sys, plan, blocks.max().map_or(0, |block| block.bytes() as u64))?;
    report.preparation_ns = if report.is_existing { 0 } else { nanoseconds(making.elapsed()) };
    report.file_bytes = place.file().map_or(0, file::DataFile::bytes);
    let mut bench = Bench::new(context, &place, &settings.run, plan.seed);
    bench.most_files = most_files.unwrap_or(0);
    let result = measure(plan, &mut report, &mut bench, watcher, started);
    report.tidying_ns = nanoseconds(bench.tidying);
    drop(bench);
    if let Err(error) = result {
        if report.rows.iter().all(|row| row.samples.is_empty()) {
            return Err(error);
        }
        report.ended = if error.is_interruption() { Ended::Interrupted } else { Ended::Failed };
        report.failure = (!error.is_interruption()).then(|| watcher.words(&error));
    }
    watcher.step(Step::whole("removing files"));
    if let Err(error) = place.finish() {
        // What was measured is worth more than what is left behind.
        report.failure.get_or_insert(watcher.words(&error));
        report.ended = Ended::Failed;
    }
    Ok(report)
}

/// Everything warmed up, then rounds.
fn measure(
    plan: &DiskPlan,
    report: &mut DiskReport,
    bench: &mut Bench<'_>,
    watcher: &mut dyn Watcher<DiskReport>,
    started: Instant,
) -> Result<()> {
    let mut rounds = Rounds { report, bench, watcher };
    rounds.warm_up(plan.effort)?;
    rounds.watcher.measured(rounds.report);
    rounds.run(plan.effort, started)
}

/// What of the plan cannot be had here.
fn obstacles(sys: &mut Sys, plan: &DiskPlan, place: &Place) -> Obstacles {
    let wants_ring = plan.flight != Some(Flight::Threads) && plan.depths.iter().any(|depth| *depth > 1);
    let ring = wants_ring.then(|| Flights::new(sys, Flight::IoUring, 1, PAGE).err()).flatten();
    Obstacles {
        direct: place.file().and_then(file::DataFile::no_direct),
        io_uring: ring.map(|errno| match errno {
            Errno::NOSYS => "this kernel, or a container's filter, has no such call".to_owned(),
            Errno::PERM | Errno::ACCESS => {
                "it is forbidden here (kernel.io_uring_disabled, or a container's filter)".to_owned()
            }
            errno => crate::error::Cause::System(errno).to_string(),
        }),
        files: None,
    }
}

/// The report of a plan before anything was measured.
fn empty_report(plan: &DiskPlan, settings: &Settings, machine: Machine) -> DiskReport {
    DiskReport {
        format: DiskReport::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: plan.command.clone(),
        machine,
        cost: cost(),
        place: plan.place.path().clone(),
        is_existing: matches!(plan.place, DiskPlace::Existing(_)),
        no_io_uring: settings.no_io_uring.clone(),
        within: plan.effort.within,
        left_out: settings.left_out.clone(),
        seed: plan.seed,
        rows: settings.run.iter().copied().map(DiskRow::new).collect(),
        ..DiskReport::default()
    }
}
