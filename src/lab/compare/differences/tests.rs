//! Reports that differ in one thing, or in nothing that matters.

use super::*;
use crate::lab::testing::{report, row, setting};

fn of_the_same() -> Report {
    let mut report = report(vec![row(setting(4), &[1])]);
    report.machine = Machine {
        kernel: Some("6.18".to_owned()),
        load: Some(0.4),
        pressure_percent: Some([0.0; 3]),
        memory_bytes: Some(24 << 30),
        cores: 2,
        disk: Some(Disk {
            name: "vda".to_owned(),
            queue: vec![("rotational".to_owned(), "0".to_owned()), ("scheduler".to_owned(), "none".to_owned())],
            ..Disk::default()
        }),
        ..Machine::default()
    };
    report
}

#[test]
fn what_is_the_same_does_not_differ() {
    let (old, mut new) = (of_the_same(), of_the_same());
    // These are not of the machine, but of a moment.
    (new.machine.free_bytes, new.machine.available_bytes) = (Some(1), Some(2));
    (new.machine.load, new.machine.pressure_percent) = (Some(1.3), Some([9.0, 90.0, 0.0]));
    new.machine.memory_bytes = Some((24 << 30) - 40_000);
    (new.seed, new.rounds, new.preparation_ns) = (7, 9, 5);
    new.data[0].path = Some("elsewhere".into());
    new.command = "/usr/bin/haul sweep --rounds 9 copy -o x.json -oy.json --budget=3s --anonymous source".to_owned();
    assert_eq!(differences(&old, &new), []);
}

type Change = fn(&mut Report);

#[test]
fn every_difference_is_named_with_both_sides() {
    let changes: [(Change, Part, &str, &str); 19] = [
        (|report| report.version = "9".to_owned(), Part::Program, "version", "9"),
        (|report| report.machine.kernel = Some("6\n1".to_owned()), Part::Machine, "kernel", "6\u{fffd}1"),
        (|report| report.machine.kernel = None, Part::Machine, "kernel", "unknown"),
        (|report| report.machine.cpu = Some("EPYC".to_owned()), Part::Machine, "processor", "EPYC"),
        (|report| report.machine.cores = 64, Part::Machine, "cores", "64"),
        (|report| report.machine.memory_bytes = Some(1 << 30), Part::Machine, "memory", "1.0 GiB (1073741824 bytes)"),
        (|report| report.machine.file_system = "xfs".to_owned(), Part::Machine, "file system", "xfs"),
        (|report| report.machine.mount_options = Some("rw".to_owned()), Part::Machine, "mount options", "rw"),
        (|report| report.machine.io_limits = Some("reads 1 B/s".into()), Part::Machine, "disk limits", "reads 1 B/s"),
        (|report| report.machine.disk = None, Part::Machine, "disk", "unknown"),
        (
            |report| report.machine.disk.as_mut().unwrap().queue[1].1 = "bfq".to_owned(),
            Part::Machine,
            "queue",
            "scheduler bfq",
        ),
        (|report| report.machine.load = Some(6.52), Part::OtherPrograms, "load", "6.5"),
        (|report| report.machine.pressure_percent = Some([40.0; 3]), Part::OtherPrograms, "wait for a core", "40.0%"),
        (|report| report.data[0].codec = Some("isal".to_owned()), Part::Data, "codec", "isal"),
        (|report| report.data[0].bytes += 1, Part::Data, "size", "1.0 MiB (1048577 bytes)"),
        (|report| report.data[0].files = 3, Part::Data, "files", "3"),
        (
            |report| report.command.push_str(" --block 1M --rounds 3"),
            Part::Command,
            "command",
            "sweep copy source --block 1M",
        ),
        (|report| report.data[0].entropy_bits = Some(7.5), Part::Data, "entropy", "7.50 bits a byte"),
        (|report| report.machine.disk.as_mut().unwrap().name = "vdb".to_owned(), Part::Machine, "disk", "vdb"),
    ];
    for (change, of, what, text) in changes {
        let (old, mut new) = (of_the_same(), of_the_same());
        change(&mut new);
        let found = differences(&old, &new);
        let [difference] = &found[..] else { panic!("{what}: {found:?}") };
        assert_eq!((difference.of, &*difference.what, difference.new.as_str()), (of, what, text));
        assert_eq!(differences(&new, &old)[0].old, text);
    }
}

#[test]
fn the_data_of_a_case_is_compared_with_that_of_the_same_case() {
    let case = |name: &str, bytes| Data { case: Some(name.to_owned()), bytes, ..Data::default() };
    let of = |data| Report { data, ..of_the_same() };
    let (old, new) =
        (of(vec![case("copy, cold", 1), case("gzip", 2)]), of(vec![case("gzip", 3), case("copy, warm", 9)]));
    let found: Vec<String> = differences(&old, &new).into_iter().map(|found| found.what.into_owned()).collect();
    assert_eq!(found, ["size of gzip"]);
}

/// A machine of which all is known.
fn known_machine() -> Report {
    let mut report = of_the_same();
    let machine = &mut report.machine;
    (machine.host, machine.file_system_uuid) = (Some("host".to_owned()), Some("1A2B-3C4D".to_owned()));
    machine.identity = Some("712213e738c37016".to_owned());
    machine.mount_options = Some("rw,subvol=/home,compress=zstd".to_owned());
    let disk = machine.disk.as_mut().unwrap();
    (disk.model, disk.serial, disk.firmware) = (Some("M".to_owned()), Some("S1".to_owned()), Some("F".to_owned()));
    (disk.partition, disk.size_bytes) = (Some("vda2".to_owned()), Some(1 << 40));
    report
}

/// "host host → other" of each difference.
fn told(old: &Report, new: &Report) -> Vec<String> {
    let found = differences(old, new).into_iter();
    found.map(|found| format!("{} {} → {}", found.what, found.old, found.new)).collect()
}

type DeviceChange = fn(&mut Report, fn(&mut Report, fn(&mut Disk)));

#[test]
fn another_disk_or_host_is_told_where_both_are_known() {
    let disk = |report: &mut Report, change: fn(&mut Disk)| change(report.machine.disk.as_mut().unwrap());
    let changes: [(DeviceChange, &[&str]); 8] = [
        (|report, _| report.machine.host = Some("other".to_owned()), &["host host → other"]),
        (|report, _| report.machine.file_system_uuid = Some("u".to_owned()), &["file system UUID 1A2B-3C4D → u"]),
        (|report, disk| disk(report, |disk| disk.model = Some("N".to_owned())), &["disk model M → N"]),
        (|report, disk| disk(report, |disk| disk.firmware = Some("G".to_owned())), &["disk firmware F → G"]),
        (|report, disk| disk(report, |disk| disk.partition = Some("vda3".to_owned())), &["partition 2 → 3"]),
        (
            |report, disk| disk(report, |disk| disk.size_bytes = Some(1 << 30)),
            &["disk size 1.0 TiB (1099511627776 bytes) → 1.0 GiB (1073741824 bytes)"],
        ),
        (|report, disk| disk(report, |disk| disk.serial = Some("S2".to_owned())), &["disk serial S1 → S2"]),
        // Another boot gave it another name.
        (|report, disk| disk(report, |disk| (disk.name, disk.partition) = ("vdb".into(), Some("vdb2".into()))), &[]),
    ];
    for (change, expected) in changes {
        let (old, mut new) = (known_machine(), known_machine());
        new.machine.identity = Some("another".to_owned());
        change(&mut new, disk);
        assert_eq!(told(&old, &new), expected, "the hash says nothing more");
    }
    assert_eq!(told(&known_machine(), &known_machine()), Vec::<String>::new());
    let mut older = known_machine();
    older.machine.disk = Some(Disk { name: "vda".to_owned(), ..Disk::default() });
    older.machine.disk.as_mut().unwrap().queue = known_machine().machine.disk.unwrap().queue;
    (older.machine.host, older.machine.identity, older.machine.file_system_uuid) = (None, None, None);
    assert_eq!(
        told(&older, &known_machine()),
        Vec::<String>::new(),
        "what only one knows does not count as a difference"
    );
}

#[test]
fn anonymous_reports_are_told_apart_by_their_hash() {
    let anonymous = |hash: &str| {
        let mut report = known_machine();
        report.machine.identity = Some(hash.to_owned());
        report.machine.anonymous();
        report
    };
    assert_eq!(told(&anonymous("a"), &anonymous("a")), Vec::<String>::new());
    assert_eq!(told(&anonymous("a"), &anonymous("b")), ["hash a → b"]);
    assert_eq!(differences(&anonymous("a"), &anonymous("b"))[0].of, Part::Identity);
    // Mount options are left out of only one of these.
    assert_eq!(told(&anonymous("712213e738c37016"), &known_machine()), Vec::<String>::new());
    assert_eq!(told(&known_machine(), &anonymous("b")), ["hash 712213e738c37016 → b"]);
    let mut other = anonymous("a");
    other.machine.mount_options = Some("rw,subvol=…,compress=lzo".to_owned());
    assert_eq!(
        told(&known_machine(), &other)[0],
        "mount options rw,subvol=/home,compress=zstd → rw,subvol=…,compress=lzo"
    );
}
