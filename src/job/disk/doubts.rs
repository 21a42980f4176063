//! What of a measurement may mislead, in words for people: nothing without evidence.

use super::figures::{DiskFigures, valid};
use super::settings::label;
use crate::job::storage::Storage;
use crate::measure::interval::FEWEST;
use crate::measure::machine::{compression, is_virtual_machine, unrest};
use crate::outcome::{DiskReport, DiskRow, Machine};
use crate::plan::Load;
use crate::size::binary;

/// The largest caches that disks and cards have of their own, as of 2026: larger ones are an array's.
const DISK_CACHE: u64 = 4 << 30;
/// No disk makes a block durable sooner: flash takes about ten times as long to program, and the fastest of other kinds
/// (3D `XPoint`) about half, without the way there and back.
const SOONEST_DURABLE_NS: u64 = 20_000;
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
        doubts.push(format!(
            "a file of {} may fit into a cache of the disk's own, and those of arrays are larger; --size makes a larger one",
            binary(report.file_bytes)
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

fn durability(report: &DiskReport) -> Option<String> {
    let disk = report.machine.disk.as_ref()?;
    let row = report.rows.iter().find(|row| row.setting.load == Load::Sync)?;
    let took = row.write_latency?.p50_ns;
    if took >= SOONEST_DURABLE_NS || is_memory(&report.machine) {
        return None;
    }
    let queue = disk.queue.iter().find(|(name, _)| name == "write_cache").map_or("unknown", |(_, value)| value);
    Some(format!(
        "fdatasync took {:.0} µs, in which no disk makes anything durable: a cache says so (write cache of {}: {queue})",
        took as f64 / 1000.0,
        disk.name
    ))
}

/// Settings none of whose runs show what they should.
fn spoilt(report: &DiskReport) -> Option<String> {
    let is_spoilt = |row: &&DiskRow| !row.samples.is_empty() && valid(&row.samples).next().is_none();
    let spoilt: Vec<&DiskRow> = report.rows.iter().filter(is_spoilt).collect();
    let why = spoilt.first()?.samples.last()?.run.invalid.as_ref()?;
    Some(format!("no run shows what it should of {}: {why}", named(&spoilt)))
}

/// What did not settle.
fn unsteady(report: &DiskReport) -> Vec<String> {
    let mut doubts = vec![];
    if (1..FEWEST).contains(&report.rounds) {
        doubts.push(format!("figures of {} have no intervals; a longer --budget has more", rounds(report.rounds)));
    }
    let drifts = |row: &&DiskRow| DiskFigures::of(row).steadiness.is_some_and(|found| !found.is_steady);
    let began = |row: &&DiskRow| row.warm_up.steadiness.is_none_or(|found| !found.is_steady) && !drifts(row);
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

fn is_memory(machine: &Machine) -> bool {
    Storage::named(&machine.file_system).is_memory
}

/// Whether the kernel counts what comes from there; "none" is a device, without any file system.
fn counts_reads(machine: &Machine) -> bool {
    machine.file_system == "none" || Storage::named(&machine.file_system).counts_reads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::disk::testing::{report, row, setting};
    use crate::outcome::{Disk, Latency, Steadiness};
    use crate::plan::Access;

    const QUIET: [u64; 6] = [1000, 1004, 997, 1002, 1010, 999];

    /// One that nothing is to be said of.
    fn quiet() -> DiskReport {
        let mut rows =
            [Load::Read, Load::RandomWrite, Load::Sync].map(|load| row(setting(load, Access::Direct), &QUIET));
        for row in &mut rows {
            row.warm_up.steadiness = Some(Steadiness { is_steady: true, ..Steadiness::default() });
            row.write_latency = Some(Latency { p50_ns: SOONEST_DURABLE_NS, ..Latency::default() });
        }
        let queue = vec![("write_cache".to_owned(), "write back".to_owned())];
        let machine = Machine {
            cores: 4,
            file_system: "ext4".to_owned(),
            mount_options: Some("rw,relatime".to_owned()),
            disk: Some(Disk { name: "sda".to_owned(), queue }),
            ..Machine::default()
        };
        DiskReport { machine, ..report(rows.to_vec()) }
    }

    /// What is said of a report that differs in one thing.
    fn said(change: impl FnOnce(&mut DiskReport)) -> Vec<String> {
        let mut report = quiet();
        change(&mut report);
        doubts(&report)
    }

    #[test]
    fn nothing_is_said_without_evidence() {
        assert_eq!(said(|_| ()), Vec::<String>::new());
        assert_eq!(said(|report| report.machine.virtualization = Some("Docker".to_owned())), Vec::<String>::new());
        assert_eq!(said(|report| report.machine.file_system = "none".to_owned()), Vec::<String>::new());
        let of_files = |report: &mut DiskReport| {
            report.rows.iter_mut().for_each(|row| row.setting.load = Load::Create);
            (report.file_bytes, report.machine.file_system) = (0, "nfs".to_owned());
        };
        assert_eq!(said(of_files), Vec::<String>::new(), "no block is moved");
    }

    #[test]
    fn each_piece_of_evidence_has_its_sentence() {
        type Change = fn(&mut DiskReport);
        let table: [(Change, &str); 12] = [
            (|report| report.machine.load = Some(9.0), "others were at work: load 9.0 on 4 cores"),
            (|report| report.machine.virtualization = Some("KVM".to_owned()), "direct ends at the virtual disk"),
            (|report| report.machine.file_system = "tmpfs".to_owned(), "tmpfs is memory: no disk is measured"),
            (|report| report.machine.file_system = "nfs".to_owned(), "on nfs nobody counts"),
            (|report| report.machine.file_system = "btrfs".to_owned(), "btrfs writes elsewhere what is overwritten"),
            (
                |report| report.machine.mount_options = Some("compress=zstd:3".to_owned()),
                "(compress=zstd:3): blocks that are written differ",
            ),
            (|report| report.file_bytes = 3 << 30, "a file of 3.0 GiB may fit into a cache"),
            (|report| report.no_io_uring = Some("forbidden".to_owned()), "threads kept several operations in flight"),
            (
                |report| report.rows[2].write_latency = Some(Latency { p50_ns: 12_300, ..Latency::default() }),
                "fdatasync took 12 µs, in which no disk makes anything durable: a cache says so (write cache of sda: write back)",
            ),
            (|report| report.rounds = 5, "figures of 5 rounds have no intervals"),
            (
                |report| report.rows[0].warm_up.steadiness = None,
                "steady state not reached before the first round: read 4K direct",
            ),
            (
                |report| report.rows[1] = row(setting(Load::RandomWrite, Access::Direct), &[100, 150, 200, 250, 300]),
                "steady state not reached over the rounds: random-write 4K direct",
            ),
        ];
        for (change, words) in table {
            let said = said(change);
            assert!(said.len() == 1 && said[0].contains(words), "{words}: {said:?}");
        }
    }

    #[test]
    fn settings_without_a_run_that_counts_are_named_but_not_all_of_them() {
        let spoil = |report: &mut DiskReport| {
            report.rows.extend(quiet().rows);
            for sample in report.rows.iter_mut().flat_map(|row| &mut row.samples) {
                sample.run.invalid = Some("the file has holes".to_owned());
            }
        };
        let expected = "no run shows what it should of read 4K direct; random-write 4K direct; sync 4K direct and 3 more: the file \
                        has holes";
        assert_eq!(said(spoil), [expected]);
    }
}
