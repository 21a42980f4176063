//! What of a measurement may mislead, in words for people: nothing without evidence.

use super::figures::{DiskFigures, counted, valid};
use super::settings::label;
use crate::lab::storage::Storage;
use crate::measure::interval::FEWEST;
use crate::measure::machine::{compression, is_virtual_machine, unrest};
use crate::measure::stats::median;
use crate::outcome::{DiskReport, DiskRow, Machine};
use crate::plan::{Access, Load};
use crate::size::binary;

/// The largest caches that disks and cards have of their own, as of 2026: larger ones are an array's.
const DISK_CACHE: u64 = 4 << 30;
/// No disk makes a block durable sooner: flash takes about ten times as long to program, and the fastest of other kinds
/// (3D `XPoint`) about half, without the way there and back.
const SOONEST_DURABLE_NS: u64 = 20_000;
/// The fewest operations of a run that tell a rate: of fewer, one that begins a little earlier or later is more than 5 %.
const FEWEST_OPERATIONS: u64 = 20;
/// Settings that a sentence names.
const NAMED: usize = 3;

/// One sentence for each reason to doubt the figures.
pub fn doubts(report: &DiskReport) -> Vec<String> {
    let mut doubts = unrest(&report.machine);
    doubts.extend(storage(report));
    doubts.extend(caches(report));
    doubts.extend(durability(report));
    if let Some(why) = &report.no_io_uring {
        doubts.push(format!("threads kept several operations in flight, which costs more than io_uring would: {why}"));
    }
    doubts.extend(spoilt(report));
    doubts.extend(scanty(report));
    doubts.extend(unsteady(report));
    doubts
}

/// What the file system does to what is asked of the disk.
fn storage(report: &DiskReport) -> Vec<String> {
    let (machine, mut doubts) = (&report.machine, vec![]);
    let name = machine.file_system.as_str();
    if is_memory(machine) {
        return vec![format!("{name} is memory: no disk is measured")];
    }
    if let Some(option) = compression(machine) {
        doubts.push(if report.is_existing {
            format!("the file system compresses ({option}): the disk may hold fewer bytes than were read")
        } else {
            format!(
                "the file system compresses ({option}): blocks that are written differ by a number in each page, and small \
                 ones may be made smaller"
            )
        });
    }
    let overwrites = |load| matches!(load, Load::Write | Load::RandomWrite | Load::Mixed | Load::Sync);
    if matches!(name, "btrfs" | "zfs" | "bcachefs") && report.rows.iter().any(|row| overwrites(row.setting.load)) {
        doubts.push(format!("{name} writes elsewhere what is overwritten: writes are its own as much as the disk's"));
    }
    if moves_blocks(report) && !counts_reads(machine) {
        doubts
            .push(format!("on {name} nobody counts what comes from a disk: that a cache answered cannot be ruled out"));
    }
    doubts
}

/// Who may answer for the disk.
fn caches(report: &DiskReport) -> Vec<String> {
    let mut doubts = vec![];
    if is_memory(&report.machine) || !moves_blocks(report) {
        return doubts;
    }
    if report.file_bytes < DISK_CACHE {
        let advice = if report.is_existing { "" } else { "; --size makes a larger one" };
        doubts.push(format!(
            "a file of {} may fit into a cache of the disk's own, and those of arrays are larger{advice}",
            binary(report.file_bytes)
        ));
    }
    if let Some(disk) = report.machine.disk.as_ref().filter(|disk| disk.name.starts_with("loop")) {
        doubts.push(format!(
            "{} is a file's: what comes from there may come from the page cache of that file",
            disk.name
        ));
    }
    if report.machine.virtualization.as_deref().is_some_and(is_virtual_machine) {
        doubts.push(
            "a virtual machine: direct ends at the virtual disk, behind which a host of unknown memory may cache and merge"
                .to_owned(),
        );
    }
    doubts
}

/// What was written, and may be lost.
fn durability(report: &DiskReport) -> Vec<String> {
    let Some(disk) = report.machine.disk.as_ref().filter(|_| !is_memory(&report.machine)) else { return vec![] };
    let (name, mut doubts) = (disk.name.as_str(), vec![]);
    let queue = disk.queue.iter().find(|(name, _)| name == "write_cache").map_or("unknown", |(_, value)| value);
    let sync = report.rows.iter().find(|row| row.setting.load == Load::Sync).and_then(|row| row.write_latency);
    if let Some(took) = sync.map(|latency| latency.p50_ns).filter(|took| *took < SOONEST_DURABLE_NS) {
        doubts.push(format!(
            "fdatasync took {:.0} µs, in which no disk makes anything durable: a cache says so (write cache of {name}: {queue})",
            took as f64 / 1000.0
        ));
    }
    let writes_past = |row: &DiskRow| {
        let setting = row.setting;
        let writes = matches!(setting.load, Load::Write | Load::RandomWrite | Load::Mixed);
        writes && setting.access == Some(Access::Direct) && !row.samples.is_empty()
    };
    if queue == "write back" && report.rows.iter().any(writes_past) {
        doubts.push(format!(
            "{name} has a write cache: what was written past the page cache (direct) may still be there when the clock stops"
        ));
    }
    doubts
}

/// Whether there are runs, and none shows what it should.
fn is_spoilt(row: &DiskRow) -> bool {
    !row.samples.is_empty() && valid(&row.samples).next().is_none()
}

/// Whether the runs that count, half of them at least, are of too few operations to tell a rate.
pub fn is_scanty(row: &DiskRow) -> bool {
    let operations: Vec<u64> = counted(row).into_iter().map(|sample| sample.operations).collect();
    median(&operations).is_some_and(|operations| operations < FEWEST_OPERATIONS)
}

/// Settings of runs that are too short for them.
fn scanty(report: &DiskReport) -> Option<String> {
    let scanty: Vec<&DiskRow> = report.rows.iter().filter(|row| is_scanty(row) && !is_spoilt(row)).collect();
    (!scanty.is_empty()).then(|| {
        format!(
            "so few operations a run (under {FEWEST_OPERATIONS}) that rates and latencies may be far off: {}; a longer --budget \
             or a larger file has more",
            named(&scanty)
        )
    })
}

/// Settings none of whose runs show what they should.
fn spoilt(report: &DiskReport) -> Option<String> {
    let spoilt: Vec<&DiskRow> = report.rows.iter().filter(|row| is_spoilt(row)).collect();
    let why = spoilt.first()?.samples.last()?.run.invalid.as_ref()?;
    Some(format!("no run shows what it should of {}: {why}", named(&spoilt)))
}

/// What did not settle.
fn unsteady(report: &DiskReport) -> Vec<String> {
    let mut doubts = vec![];
    if (1..FEWEST).contains(&report.rounds) {
        doubts.push(format!("figures of {} have no intervals; a longer --budget has more", rounds(report.rounds)));
    }
    // What shows something else has no rates that could settle.
    let drifts =
        |row: &&DiskRow| !is_spoilt(row) && DiskFigures::of(row).steadiness.is_some_and(|found| !found.is_steady);
    let began =
        |row: &&DiskRow| !is_spoilt(row) && row.warm_up.steadiness.is_none_or(|found| !found.is_steady) && !drifts(row);
    for (when, rows) in [
        ("over the rounds", report.rows.iter().filter(drifts).collect::<Vec<_>>()),
        ("before the first round", report.rows.iter().filter(began).collect()),
    ] {
        if !rows.is_empty() {
            doubts.push(format!("steady state not reached {when}: {}", named(&rows)));
        }
    }
    doubts
}

/// "read 4K direct, sync 4K buffered and 3 more".
fn named(rows: &[&DiskRow]) -> String {
    let names: Vec<String> = rows.iter().take(NAMED).map(|row| label(&row.setting)).collect();
    let more = rows.len().saturating_sub(NAMED);
    if more > 0 { format!("{} and {more} more", names.join("; ")) } else { names.join("; ") }
}

fn rounds(count: usize) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

fn moves_blocks(report: &DiskReport) -> bool {
    report.rows.iter().any(|row| !row.setting.load.is_of_files())
}

/// Whether the file system keeps files in memory alone.
pub fn is_memory(machine: &Machine) -> bool {
    Storage::named(&machine.file_system).is_memory
}

/// Whether the kernel counts what comes from there; "none" is a device, without any file system.
fn counts_reads(machine: &Machine) -> bool {
    machine.file_system == "none" || Storage::named(&machine.file_system).counts_reads
}

#[cfg(test)]
mod tests;
