//! What is said of reports made by hand.

use super::*;
use crate::lab::disk::testing::{report, row, setting};
use crate::outcome::{Disk, Latency, Steadiness};
use crate::plan::Access;

const QUIET: [u64; 6] = [1000, 1004, 997, 1002, 1010, 999];

/// One that nothing is to be said of.
fn quiet() -> DiskReport {
    let mut rows = [Load::Read, Load::RandomWrite, Load::Sync].map(|load| row(setting(load, Access::Direct), &QUIET));
    for row in &mut rows {
        row.warm_up.steadiness = Some(Steadiness { is_steady: true, ..Steadiness::default() });
        row.write_latency = Some(Latency { p50_ns: SOONEST_DURABLE_NS, ..Latency::default() });
    }
    let queue = vec![("write_cache".to_owned(), "write through".to_owned())];
    let machine = Machine {
        cores: 4,
        file_system: "ext4".to_owned(),
        mount_options: Some("rw,relatime".to_owned()),
        disk: Some(Disk { name: "sda".to_owned(), queue }),
        ..Machine::default()
    };
    DiskReport { machine, ..report(rows.to_vec()) }
}

fn disk(report: &mut DiskReport) -> &mut Disk {
    report.machine.disk.as_mut().expect("a disk")
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
    let table: [(Change, &str); 16] = [
        (|report| report.machine.load = Some(9.0), "others were at work: load 9.0 on 4 cores"),
        (|report| report.machine.virtualization = Some("KVM".to_owned()), "direct ends at the virtual disk"),
        (|report| report.machine.file_system = "tmpfs".to_owned(), "tmpfs is memory: no disk is measured"),
        (|report| report.machine.file_system = "nfs".to_owned(), "on nfs nobody counts"),
        (|report| report.machine.file_system = "btrfs".to_owned(), "btrfs writes elsewhere what is overwritten"),
        (
            |report| report.machine.mount_options = Some("compress=zstd:3".to_owned()),
            "(compress=zstd:3): blocks that are written differ",
        ),
        (|report| report.file_bytes = 3 << 30, "those of arrays are larger; --size makes a larger one"),
        (
            |report| (report.file_bytes, report.is_existing) = (3 << 30, true),
            "a file of 3.0 GiB may fit into a cache of the disk's own, and those of arrays are larger",
        ),
        (|report| disk(report).name = "loop7".to_owned(), "loop7 is a file's"),
        (
            |report| disk(report).queue[0].1 = "write back".to_owned(),
            "sda has a write cache: what was written past the page cache (direct) may still be there",
        ),
        (
            |report| report.rows[0].samples.iter_mut().for_each(|sample| sample.operations = 19),
            "so few operations a run (under 20) that rates and latencies may be far off: read 4K direct; a longer --budget",
        ),
        (|report| report.no_io_uring = Some("forbidden".to_owned()), "threads kept several operations in flight"),
        (
            |report| report.rows[2].write_latency = Some(Latency { p50_ns: 12_300, ..Latency::default() }),
            "fdatasync took 12 µs, in which no disk makes anything durable: a cache says so (write cache of sda: write through)",
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
        assert!(!said[0].contains("--size") || words.contains("--size"), "{said:?}");
    }
}

#[test]
fn settings_without_a_run_that_counts_are_named_but_not_all_of_them() {
    let spoil = |report: &mut DiskReport| {
        report.rows.extend(quiet().rows);
        report.rows[0].warm_up.steadiness = None;
        for sample in report.rows.iter_mut().flat_map(|row| &mut row.samples) {
            sample.run.invalid = Some("the file has holes".to_owned());
        }
    };
    let expected = "no run shows what it should of read 4K direct; random-write 4K direct; sync 4K direct and 3 more: the file \
                    has holes";
    assert_eq!(said(spoil), [expected]);
}
