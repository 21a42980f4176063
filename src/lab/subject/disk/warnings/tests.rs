//! What is said of reports made by hand.

use super::*;
use crate::lab::machine::Disk;
use crate::lab::report::{Ended, Latency, Rank, Sample, Steadiness, Subject, WarmUp};
use crate::lab::subject::disk::tests::setting;

const QUIET: [u64; 6] = [1000, 1004, 997, 1002, 1010, 999];

/// A row whose runs of 1000 operations took so many ms each.
fn row(load: Load, access: Access, walls_ms: &[u64]) -> Row {
    let samples = walls_ms.iter().map(|wall| {
        let mut sample = Sample { wall_ns: wall * 1_000_000, ..Sample::default() };
        sample.metrics.count(Metric::Operations, 1000);
        sample
    });
    Row {
        samples: samples.collect(),
        warm_up: WarmUp {
            steadiness: Some(Steadiness { is_steady: true, ..Steadiness::default() }),
            ..WarmUp::default()
        },
        write_latency: Some(Latency { p50_ns: SOONEST_DURABLE_NS, ..Latency::default() }),
        ..setting(load, access).row()
    }
}

/// One that nothing is to be said of.
fn quiet() -> Report {
    let queue = vec![("write_cache".to_owned(), "write through".to_owned())];
    let machine = Machine {
        cores: 4,
        file_system: "ext4".to_owned(),
        mount_options: Some("rw,relatime".to_owned()),
        disk: Some(Disk { name: "sda".to_owned(), queue, ..Disk::default() }),
        ..Machine::default()
    };
    Report {
        subject: Subject::Disk,
        rank: Rank::Operation,
        machine,
        data: vec![Data { bytes: 64 << 30, entropy_bits: Some(8.0), ..Data::default() }],
        ended: Ended::Rounds,
        rounds: QUIET.len(),
        rows: [Load::Read, Load::RandomWrite, Load::Sync].map(|load| row(load, Access::Direct, &QUIET)).to_vec(),
        ..Report::default()
    }
}

fn disk(report: &mut Report) -> &mut Disk {
    report.machine.disk.as_mut().expect("a disk")
}

/// What is said of a report that differs in one thing.
fn said(change: impl FnOnce(&mut Report)) -> Vec<String> {
    let mut report = quiet();
    change(&mut report);
    warnings(&report)
}

#[test]
fn nothing_is_said_without_evidence() {
    assert_eq!(said(|_| ()), Vec::<String>::new());
    assert_eq!(said(|report| report.machine.virtualization = Some("Docker".to_owned())), Vec::<String>::new());
    assert_eq!(said(|report| report.machine.file_system = "none".to_owned()), Vec::<String>::new());
    let of_files = |report: &mut Report| {
        report.rows.iter_mut().for_each(|row| row.setting = row.setting.clone().with(Axis::Load, "create"));
        report.data[0].bytes = 0;
        report.machine.file_system = "nfs".to_owned();
    };
    assert_eq!(said(of_files), Vec::<String>::new(), "no block is moved");
    let sustained = |report: &mut Report| {
        report.rounds = 1;
        for row in &mut report.rows {
            row.samples.truncate(1);
            row.samples[0].window_ns = 1_000_000_000;
            row.warm_up = WarmUp::default();
        }
    };
    assert_eq!(said(sustained), Vec::<String>::new(), "a run that was to be sustained is one, and not warmed up");
}

#[test]
fn each_piece_of_evidence_has_its_sentence() {
    type Change = fn(&mut Report);
    let table: [(Change, &str); 17] = [
        (|report| report.machine.load = Some(9.0), "others were at work: load 9.0 on 4 cores"),
        (|report| report.machine.virtualization = Some("KVM".to_owned()), "direct ends at the virtual disk"),
        (|report| report.machine.file_system = "tmpfs".to_owned(), "tmpfs is memory: no disk is measured"),
        (|report| report.machine.file_system = "nfs".to_owned(), "on nfs nobody counts"),
        (|report| report.machine.file_system = "btrfs".to_owned(), "btrfs writes elsewhere what is overwritten"),
        (
            |report| report.machine.mount_options = Some("compress=zstd:3".to_owned()),
            "(compress=zstd:3): blocks that are written differ",
        ),
        (
            |report| {
                report.machine.mount_options = Some("compress=zstd:3".to_owned());
                report.data[0].entropy_bits = Some(4.5);
            },
            "(compress=zstd:3): what has 4.5 bits a byte takes fewer bytes of the disk",
        ),
        (|report| report.data[0].bytes = 3 << 30, "those of arrays are larger; --size makes a larger one"),
        (
            |report| (report.data[0].bytes, report.data[0].is_read_only) = (3 << 30, true),
            "a file of 3.0 GiB may fit into a cache of the disk's own, and those of arrays are larger",
        ),
        (|report| disk(report).name = "loop7".to_owned(), "loop7 is a file's"),
        (
            |report| disk(report).queue[0].1 = "write back".to_owned(),
            "sda has a write cache: what was written past the page cache (direct) may still be there",
        ),
        (
            |report| {
                report.rows[0].samples.iter_mut().for_each(|sample| sample.metrics.count(Metric::Operations, 19));
            },
            "so few operations a run (under 20) that rates and latencies may be far off: read 4K direct; a longer --budget",
        ),
        (
            |report| report.rows[2].write_latency = Some(Latency { p50_ns: 12_300, ..Latency::default() }),
            "fdatasync took 12 µs, in which no disk makes anything durable: a cache says so (write cache of sda: write through)",
        ),
        (|report| report.rounds = 5, "figures of 5 rounds have no intervals"),
        (|report| report.rounds = 1, "figures of 1 round have no intervals"),
        (
            |report| report.rows[0].warm_up.steadiness = None,
            "steady state not reached before the first round: read 4K direct",
        ),
        (
            |report| report.rows[1] = row(Load::RandomWrite, Access::Direct, &[100, 150, 200, 250, 300]),
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
fn the_gravest_comes_first() {
    let all = said(|report| {
        report.rounds = 5;
        report.data[0].bytes = 1 << 30;
        report.machine.load = Some(9.0);
        report.machine.file_system = "btrfs".to_owned();
        report.machine.virtualization = Some("KVM".to_owned());
        report.rows[0].samples.iter_mut().for_each(|sample| sample.invalid = Some("the file has holes".to_owned()));
    });
    let order =
        ["no run shows", "a virtual machine", "a file of 1.0 GiB", "others were", "btrfs writes", "figures of 5"];
    assert_eq!(all.len(), order.len(), "{all:?}");
    for (said, start) in all.iter().zip(order) {
        assert!(said.starts_with(start), "{all:?}");
    }
}

#[test]
fn settings_without_a_run_that_counts_are_named_but_not_all_of_them() {
    let spoil = |report: &mut Report| {
        report.rows.extend(quiet().rows);
        report.rows[0].warm_up.steadiness = None;
        for sample in report.rows.iter_mut().flat_map(|row| &mut row.samples) {
            sample.invalid = Some("the file has holes".to_owned());
        }
    };
    let expected = "no run shows what it should of read 4K direct; random-write 4K direct; sync 4K direct and 3 more: the file \
                    has holes";
    assert_eq!(said(spoil), [expected]);
}
