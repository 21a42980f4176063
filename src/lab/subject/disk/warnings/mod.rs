//! What of a measurement may mislead, in words for people: nothing without evidence.

use crate::lab::cache::Storage;
use crate::lab::machine::{Machine, compression, is_virtual_machine, unrest};
use crate::lab::metric::Metric;
use crate::lab::report::{Data, Report, Row};
use crate::lab::setting::Axis;
use crate::lab::stats::interval::FEWEST;
use crate::lab::stats::median_of;
use crate::lab::stats::steady::steadiness;
use crate::lab::subject::disk::pattern::SUSTAINED_WINDOW;
use crate::lab::subject::disk::plan::{Access, Load};
use crate::size::binary;

/// The largest caches that disks and cards have of their own, as of 2026: larger ones are an array's.
const DISK_CACHE: u64 = 4 << 30;
/// No disk makes a block durable sooner: flash takes about ten times as long to program, and the fastest of other kinds
/// (3D `XPoint`) about half, without the way there and back.
const SOONEST_DURABLE_NS: u64 = 20_000;
/// The fewest operations of a run that tell a rate: of fewer, one that begins a little earlier or later is more than 5 %.
const FEWEST_OPERATIONS: u64 = 20;
/// Below this many bits a byte of what is written a file system that compresses makes it smaller.
const INCOMPRESSIBLE: f64 = 7.9;
/// Settings that a sentence names.
const NAMED: usize = 3;

/// One sentence for each reason to doubt the figures, the gravest first: what is not the disk's; what may be a cache's, or
/// be lost; what others did meanwhile; what the file system makes of it; what is not known well.
pub fn warnings(report: &Report) -> Vec<String> {
    let data = report.data.first().cloned().unwrap_or_default();
    let mut warnings = vec![];
    warnings.extend(invalid(report));
    if is_memory(&report.machine) {
        warnings.push(format!("{} is memory: no disk is measured", report.machine.file_system));
    } else {
        warnings.extend(caches(report, &data));
        warnings.extend(durability(report));
    }
    warnings.extend(unrest(&report.machine));
    if !is_memory(&report.machine) {
        warnings.extend(file_system(report, &data));
    }
    warnings.extend(scanty(report));
    warnings.extend(unsteady(report));
    warnings
}

/// Settings none of whose runs show what they should.
fn invalid(report: &Report) -> Option<String> {
    let invalid: Vec<&Row> = report.rows.iter().filter(|row| row.is_invalid()).collect();
    let why = invalid.first()?.samples.last()?.invalid.as_ref()?;
    Some(format!("no run shows what it should of {}: {why}", named(&invalid)))
}

/// Who may answer for the disk.
fn caches(report: &Report, data: &Data) -> Vec<String> {
    let mut warnings = vec![];
    if !moves_blocks(report) {
        return warnings;
    }
    if let Some(disk) = report.machine.disk.as_ref().filter(|disk| disk.name.starts_with("loop")) {
        warnings.push(format!(
            "{} is a file's: what comes from there may come from the page cache of that file",
            disk.name
        ));
    }
    if !counts_reads(&report.machine) {
        let name = &report.machine.file_system;
        warnings
            .push(format!("on {name} nobody counts what comes from a disk: that a cache answered cannot be ruled out"));
    }
    if report.machine.virtualization.as_deref().is_some_and(is_virtual_machine) {
        warnings.push(
            "a virtual machine: direct ends at the virtual disk, below which a host of unknown memory may cache and merge"
                .to_owned(),
        );
    }
    if data.bytes < DISK_CACHE {
        let advice = if data.is_read_only { "" } else { "; --size makes a larger one" };
        warnings.push(format!(
            "a file of {} may fit into a cache of the disk's own, and those of arrays are larger{advice}",
            binary(data.bytes)
        ));
    }
    warnings
}

/// What was written, and may be lost.
fn durability(report: &Report) -> Vec<String> {
    let Some(disk) = &report.machine.disk else { return vec![] };
    let (name, mut warnings) = (disk.name.as_str(), vec![]);
    let queue = disk.queue.iter().find(|(name, _)| name == "write_cache").map_or("unknown", |(_, value)| value);
    let sync = report.rows.iter().find(|row| load(row) == Some(Load::Sync)).and_then(|row| row.write_latency);
    if let Some(took) = sync.map(|latency| latency.p50_ns).filter(|took| *took < SOONEST_DURABLE_NS) {
        warnings.push(format!(
            "fdatasync took {:.0} µs, in which no disk makes anything durable: a cache says so (write cache of {name}: {queue})",
            took as f64 / 1000.0
        ));
    }
    let writes_past_the_cache = |row: &Row| {
        let writes = matches!(load(row), Some(Load::Write | Load::RandomWrite | Load::Mixed));
        writes && row.setting.named(Axis::Access) == Some(Access::Direct) && !row.samples.is_empty()
    };
    if queue == "write back" && report.rows.iter().any(writes_past_the_cache) {
        warnings.push(format!(
            "{name} has a write cache: what was written past the page cache (direct) may still be there when the clock stops"
        ));
    }
    warnings
}

/// What the file system does to what is asked of the disk.
fn file_system(report: &Report, data: &Data) -> Vec<String> {
    let (name, mut warnings) = (report.machine.file_system.as_str(), vec![]);
    if let Some(option) = compression(&report.machine) {
        let what = match data.entropy_bits {
            _ if data.is_read_only => "the disk may hold fewer bytes than were read".to_owned(),
            Some(bits) if bits < INCOMPRESSIBLE => {
                format!("what has {bits} bits a byte takes fewer bytes of the disk than were read and written")
            }
            _ => {
                "blocks that are written differ by a number in each page, and small ones may be made smaller".to_owned()
            }
        };
        warnings.push(format!("the file system compresses ({option}): {what}"));
    }
    let overwrites = |row: &Row| matches!(load(row), Some(Load::Write | Load::RandomWrite | Load::Mixed | Load::Sync));
    if matches!(name, "btrfs" | "zfs" | "bcachefs") && report.rows.iter().any(overwrites) {
        warnings.push(format!("{name} writes elsewhere what is overwritten: writes are its own as much as the disk's"));
    }
    warnings
}

/// Settings of runs that are too short for them.
fn scanty(report: &Report) -> Option<String> {
    let scanty: Vec<&Row> = report.rows.iter().filter(|row| is_scanty(row) && !row.is_invalid()).collect();
    (!scanty.is_empty()).then(|| {
        format!(
            "so few operations a run (under {FEWEST_OPERATIONS}) that rates and latencies may be far off: {}; a longer --budget \
             or a larger file has more",
            named(&scanty)
        )
    })
}

/// What did not settle. What was sustained is not expected to.
fn unsteady(report: &Report) -> Vec<String> {
    let mut warnings = vec![];
    if is_sustained(report) {
        return warnings;
    }
    // What shows something else has no rates that could settle.
    let shown = || report.rows.iter().filter(|row| !row.is_invalid());
    let drifts = |row: &&Row| steadiness(&rates(row)).is_some_and(|found| !found.is_steady);
    let began = |row: &&Row| row.warm_up.steadiness.is_none_or(|found| !found.is_steady) && !drifts(row);
    for (when, rows) in [
        ("over the rounds", shown().filter(drifts).collect::<Vec<_>>()),
        ("before the first round", shown().filter(began).collect()),
    ] {
        if !rows.is_empty() {
            warnings.push(format!("steady state not reached {when}: {}", named(&rows)));
        }
    }
    if (1..FEWEST).contains(&report.rounds) {
        let rounds = if report.rounds == 1 { "1 round".to_owned() } else { format!("{} rounds", report.rounds) };
        warnings.push(format!("figures of {rounds} have no intervals; a longer --budget has more"));
    }
    warnings
}

/// Whether the runs that count, half of them at least, are of too few operations to tell a rate.
pub fn is_scanty(row: &Row) -> bool {
    let operations: Vec<f64> =
        row.counted().into_iter().filter_map(|sample| sample.metrics.get(Metric::Operations)).collect();
    median_of(&operations).is_some_and(|operations| operations < FEWEST_OPERATIONS as f64)
}

/// Whether the file system keeps files in memory alone.
pub fn is_memory(machine: &Machine) -> bool {
    Storage::named(&machine.file_system).is_memory
}

/// Whether runs show how long a rate lasts.
pub fn is_sustained(report: &Report) -> bool {
    let mut samples = report.rows.iter().flat_map(|row| &row.samples);
    samples.any(|sample| u128::from(sample.window_ns) >= SUSTAINED_WINDOW.as_nanos())
}

/// Operations a second of the runs that count.
fn rates(row: &Row) -> Vec<f64> {
    let counted = row.counted().into_iter();
    counted.filter_map(|sample| row.value(sample, Metric::OperationsPerSecond)).collect()
}

fn load(row: &Row) -> Option<Load> {
    row.setting.named(Axis::Load)
}

fn moves_blocks(report: &Report) -> bool {
    report.rows.iter().any(|row| load(row).is_some_and(|load| !load.is_of_files()))
}

/// Whether the kernel counts what comes from there; "none" is a device, without any file system.
fn counts_reads(machine: &Machine) -> bool {
    machine.file_system == "none" || Storage::named(&machine.file_system).counts_reads
}

/// "read 4K direct, sync 4K buffered and 3 more": by what they are, since a preset calls two settings the same.
fn named(rows: &[&Row]) -> String {
    let names: Vec<String> = rows.iter().take(NAMED).map(|row| row.setting.label(&[])).collect();
    let more = rows.len().saturating_sub(NAMED);
    if more > 0 { format!("{} and {more} more", names.join("; ")) } else { names.join("; ") }
}

#[cfg(test)]
mod tests;
