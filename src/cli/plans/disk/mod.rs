//! disk.

use std::time::Duration;

use haul::lab::disk::settings::wanted;
use haul::plan::{Access, DiskAxis, DiskPlace, DiskPlan, Effort, Flight, Load};
use haul::size::BufferSize;
use haul::sys::PAGE;

use super::outputs::outputs;
use super::{Invocation, Job, UsageError, distinct, or};
use crate::cli::args::{DiskArgs, FlightWord};
use crate::cli::quote::{command_line, words_as_typed};
use crate::cli::report::Format;

/// What is measured where nobody says how long.
const BUDGET: Duration = Duration::from_secs(60);
/// The same with --quick.
const QUICK: Duration = Duration::from_secs(10);
/// The part of the free space that a scratch file may take: it stays clear of what fills a disk up, and of the share that
/// solid state wants free to write well.
const SHARE: f64 = 0.25;
/// The most memory for blocks in flight.
const MOST_MEMORY: u64 = 1 << 30;

pub(super) fn build_disk(args: DiskArgs) -> Result<Invocation, UsageError> {
    let place = place(&args)?;
    let loads = loads(&args, &place)?;
    let axes = (!args.axis.is_empty()).then(|| distinct(args.axis.iter().copied()));
    let blocks = distinct(args.blocks.iter().flat_map(|list| list.0.iter().copied()));
    let depths = distinct(args.depths.iter().copied());
    check_use(&args, &loads, axes.as_deref(), [blocks.len(), depths.len()])?;
    if let Some(odd) = blocks.iter().find(|block| !block.bytes().is_multiple_of(PAGE)) {
        return Err(UsageError::new(format!("blocks are whole pages: {odd} is no multiple of 4K")));
    }
    let (blocks, depths) =
        (or(blocks, default_blocks(args.quick && axes.is_none())), or(depths, default_depths(args.quick)));
    let format = if args.json { Some(Format::Json) } else { args.format };
    let outputs = outputs(args.output, format)?;
    let budget = if args.quick { QUICK } else { BUDGET };
    let plan = DiskPlan {
        place,
        loads,
        accesses: or(distinct(args.access), vec![Access::Buffered, Access::Direct]),
        axes,
        blocks,
        depths,
        flight: args.flight.into(),
        file_bytes: args.size,
        share: args.share.unwrap_or(SHARE),
        effort: Effort {
            rounds: args.rounds,
            budget: args.budget.or(args.rounds.is_none().then_some(budget)),
            within: args.within,
        },
        seed: args.seed,
        command: command_line(words_as_typed()),
    };
    check_memory(&plan)?;
    Ok(Invocation::quiet(Job::Disk { plan, outputs }, args.progress))
}

fn place(args: &DiskArgs) -> Result<DiskPlace, UsageError> {
    match (&args.directory, &args.read_only) {
        (Some(_), Some(_)) => {
            Err(UsageError::new("a DIR to write in and --read-only contradict each other: leave one out"))
        }
        (None, Some(_)) if args.share.is_some() => Err(UsageError::new("--read-only takes no room: leave out --share")),
        (None, Some(existing)) => Ok(DiskPlace::Existing(existing.clone())),
        (directory, None) => Ok(DiskPlace::Directory(directory.clone().unwrap_or_else(|| ".".into()))),
    }
}

/// In the order of reports, whatever the order in which they were named.
fn loads(args: &DiskArgs, place: &DiskPlace) -> Result<Vec<Load>, UsageError> {
    let only_reads = matches!(place, DiskPlace::Existing(_));
    let named: &[Load] = &args.loads;
    if let Some(load) = named.iter().find(|load| only_reads && !load.only_reads()) {
        let name = load.name();
        let why = format!("--read-only leaves all as it is, and {name} does not: name read and random-read, or a DIR");
        return Err(UsageError::new(why));
    }
    let is_wanted = |load: &Load| match named {
        [] => (!only_reads || load.only_reads()) && !(args.quick && *load == Load::Mixed),
        named => named.contains(load),
    };
    Ok(Load::ALL.into_iter().filter(is_wanted).collect())
}

/// What was named must be used for something: each option by some load, and of several values each. `named` is how many
/// blocks and depths were.
fn check_use(args: &DiskArgs, loads: &[Load], axes: Option<&[DiskAxis]>, named: [usize; 2]) -> Result<(), UsageError> {
    let in_order = loads.iter().any(|load| matches!(load, Load::Read | Load::Write));
    let anywhere = loads.iter().any(|load| load.is_random());
    let [blocks, depths] = named;
    if !in_order && !anywhere {
        if blocks > 1 {
            return Err(UsageError::new("sync writes blocks of one size: name one with --blocks"));
        }
        let options = [
            ("--axis", !args.axis.is_empty()),
            ("--depths", depths > 0),
            ("--access", !args.access.is_empty()),
            ("--flight", args.flight != FlightWord::Auto),
            ("--blocks", blocks > 0 && !loads.contains(&Load::Sync)),
            ("--size", args.size.is_some() && !loads.contains(&Load::Sync)),
            ("--share", args.share.is_some() && !loads.contains(&Load::Sync)),
        ];
        if let Some((option, _)) = options.iter().find(|(_, is_named)| *is_named) {
            let list = loads.iter().map(|load| load.name()).collect::<Vec<_>>().join(", ");
            return Err(UsageError::new(format!(
                "{option} says nothing to {list}: leave it out, or name more --loads"
            )));
        }
    }
    let varies = |axis, by_itself| axes.map_or(by_itself, |axes| axes.contains(&axis));
    for (name, count, axis, by_itself) in
        [("blocks", blocks, DiskAxis::Blocks, in_order), ("depths", depths, DiskAxis::Depths, anywhere)]
    {
        if count > 1 && !varies(axis, by_itself) {
            let both = axes.is_some_and(|axes| !axes.contains(&axis));
            let wanted = if both { "blocks,depths" } else { name };
            let why = format!("several --{name}, and nothing varies over them: name one, or write --axis {wanted}");
            return Err(UsageError::new(why));
        }
    }
    let is_alone = if depths == 1 { args.depths[0] == 1 } else { !varies(DiskAxis::Depths, anywhere) };
    if args.flight != FlightWord::Auto && is_alone {
        let why = "--flight says nothing to one operation at a time: leave it out, or name --depths above 1";
        return Err(UsageError::new(why));
    }
    Ok(())
}

/// What blocks in flight take of memory. Whether the file holds them is seen when it is known how large it is.
fn check_memory(plan: &DiskPlan) -> Result<(), UsageError> {
    let memory = |block: BufferSize, depth: usize| (block.bytes() as u64).saturating_mul(depth as u64);
    let in_flight = wanted(plan).into_iter().filter_map(|setting| Some((setting.load, setting.block?, setting.depth)));
    let most = in_flight.max_by_key(|(_, block, depth)| memory(*block, *depth));
    if let Some((load, block, depth)) = most.filter(|(_, block, depth)| memory(*block, *depth) > MOST_MEMORY) {
        return Err(UsageError::new(format!(
            "{depth} blocks of {block} in flight take more than 1 GiB of memory: name smaller --blocks or --depths for {}",
            load.name()
        )));
    }
    Ok(())
}

/// Who is in a hurry has each load in its own usual blocks.
fn default_blocks(hurries: bool) -> Vec<BufferSize> {
    if hurries { vec![] } else { [4, 128, 1024].map(BufferSize::from_kib).to_vec() }
}

fn default_depths(quick: bool) -> Vec<usize> {
    if quick { vec![1, 16] } else { vec![1, 4, 16, 32] }
}

impl From<FlightWord> for Option<Flight> {
    fn from(word: FlightWord) -> Self {
        match word {
            FlightWord::Auto => None,
            FlightWord::IoUring => Some(Flight::IoUring),
            FlightWord::Threads => Some(Flight::Threads),
        }
    }
}

#[cfg(test)]
mod tests;
