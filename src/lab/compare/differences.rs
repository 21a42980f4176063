//! What is not the same around two measurements, and makes a comparison of their times mean less than it seems.

use serde::Serialize;

use super::side::Side;
use crate::outcome::{Disk, Machine};
use crate::size::binary;

/// Bits a byte by which two measurements of entropy may differ and be of the same data.
const ENTROPY: f64 = 0.01;
/// The part by which the memory of one machine differs from one boot to another, and more.
const MEMORY: f64 = 0.01;
/// The part by which the files of two disks differ that are told to. One that is as large as there was time for is never as
/// large twice, and a little more of it changes no rate.
const FILE: f64 = 0.3;
/// Runnable tasks, and percent of the time in which some task waited for a core, by which one moment is busier than
/// another. Less than that passes by.
const BUSIER: [f64; 2] = [1.0, 10.0];

/// Something that is not the same in two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it belongs to.
    pub of: Part,
    /// What it is: "kernel".
    pub what: &'static str,
    /// What the old report says.
    pub old: String,
    /// What the new one says.
    pub new: String,
}

/// What a difference belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// haul itself: that may be the very question.
    Program,
    /// Where it was run.
    Machine,
    /// What else ran there.
    Company,
    /// What it was run on.
    Data,
    /// What was asked for, beyond how long to measure and where to write: settings have their own rows, but data may be
    /// made or cut by it.
    Command,
}

/// What differs between two reports, beside their times.
pub(super) fn differences(old: &Side, new: &Side) -> Vec<Difference> {
    let differ = |of, what, [old, new]: [String; 2]| (old != new).then_some(Difference { of, what, old, new });
    let version = differ(Part::Program, "version", [&old.version, &new.version].map(|version| plain(version)));
    let machine =
        MACHINE.iter().map(|(what, text)| differ(Part::Machine, what, [old, new].map(|it| text(&it.machine))));
    let memory = far(old.machine.memory_bytes, new.machine.memory_bytes, MEMORY).then(|| {
        let [old, new] = [old, new].map(|it| known(it.machine.memory_bytes.map(size)));
        Difference { of: Part::Machine, what: "memory", old, new }
    });
    let data = old.data.iter().zip(&new.data);
    let data = data.map(|((what, old), (_, new))| differ(Part::Data, what, [old.clone(), new.clone()]));
    let file = far(old.file_bytes, new.file_bytes, FILE).then(|| {
        let [old, new] = [old, new].map(|it| known(it.file_bytes.map(size)));
        Difference { of: Part::Data, what: "file size", old, new }
    });
    let bits = |report: &Side| report.entropy_bits.unwrap_or(-1.0);
    let entropy = ((bits(old) - bits(new)).abs() > ENTROPY).then(|| {
        let [old, new] = [old, new].map(|it| known(it.entropy_bits.map(|bits| format!("{bits:.2} bits a byte"))));
        Difference { of: Part::Data, what: "entropy", old, new }
    });
    let company = company(&old.machine, &new.machine);
    let command = differ(Part::Command, "command", [&old.command, &new.command].map(|command| essence(command)));
    [version]
        .into_iter()
        .chain(machine)
        .chain([memory, queue(&old.machine, &new.machine)])
        .chain(company)
        .chain(data)
        .chain([file, entropy, command])
        .flatten()
        .collect()
}

/// How the settings of a disk's queue differ; another disk is a difference by itself.
fn queue(old: &Machine, new: &Machine) -> Option<Difference> {
    let (one, other) = old.disk.as_ref().zip(new.disk.as_ref()).filter(|(old, new)| old.name == new.name)?;
    let differing = |disk: &Disk, other: &Disk| {
        let own = disk.queue.iter().filter(|setting| !other.queue.contains(setting));
        own.map(|(name, value)| format!("{} {}", plain(name), plain(value))).collect::<Vec<_>>().join(", ")
    };
    let [old, new] = [differing(one, other), differing(other, one)];
    let known = |text: String| if text.is_empty() { known(None) } else { text };
    (old != new).then(|| Difference { of: Part::Machine, what: "queue", old: known(old), new: known(new) })
}

/// Whether the machine was busier in one of them: that slows all of its settings.
fn company(old: &Machine, new: &Machine) -> [Option<Difference>; 2] {
    let [tasks, percent] = BUSIER;
    let waited = |machine: &Machine| machine.pressure_percent.map(|[cores, ..]| cores);
    let differ = |what, old: Option<f64>, new: Option<f64>, enough, unit: &str| {
        let (old, new) = old.zip(new).filter(|(old, new)| (old - new).abs() > enough)?;
        let [old, new] = [old, new].map(|figure| format!("{figure:.1}{unit}"));
        Some(Difference { of: Part::Company, what, old, new })
    };
    [differ("load", old.load, new.load, tasks, ""), differ("wait for a core", waited(old), waited(new), percent, "%")]
}

/// Options that say how long to measure and where to write; two reports that differ in these only are of the same.
const ASIDE: [&str; 7] = ["--rounds", "--budget", "--within", "--output", "-o", "--format", "--progress"];

/// A command line without what does not change what is measured, nor how haul was called.
fn essence(command: &str) -> String {
    let mut words = plain(command).split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>().into_iter();
    let mut kept = vec![];
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if word == "--json" {
            continue;
        }
        if ASIDE.contains(&name) {
            // Its value is the next word, unless it came with it.
            if value.is_none() {
                words.next();
            }
        } else if !(word.starts_with("-o") && word.len() > 2) {
            kept.push(word);
        }
    }
    kept.join(" ")
}

type Text<T> = (&'static str, fn(&T) -> String);

const MACHINE: [Text<Machine>; 11] = [
    ("kernel", |machine| known(machine.kernel.as_deref().map(plain))),
    ("architecture", |machine| plain(&machine.architecture)),
    ("processor", |machine| known(machine.cpu.as_deref().map(plain))),
    ("cores", |machine| machine.cores.to_string()),
    ("quota", |machine| known(machine.quota.map(|cores| format!("{cores} cores")))),
    ("governor", |machine| known(machine.governor.as_deref().map(plain))),
    ("virtualization", |machine| known(machine.virtualization.as_deref().map(plain))),
    ("file system", |machine| plain(&machine.file_system)),
    ("mount options", |machine| known(machine.mount_options.as_deref().map(plain))),
    ("disk", |machine| known(machine.disk.as_ref().map(|disk: &Disk| plain(&disk.name)))),
    ("disk limits", |machine| machine.io_limits.as_deref().map_or_else(|| "none".to_owned(), plain)),
];

fn far(one: Option<u64>, other: Option<u64>, enough: f64) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) as f64 > one.max(other) as f64 * enough,
        (one, other) => one != other,
    }
}

/// Sizes to the byte where they are small: a source of one byte more is another.
pub(super) fn size(bytes: u64) -> String {
    format!("{} ({bytes} bytes)", binary(bytes))
}

pub(super) fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "unknown".to_owned())
}

/// What somebody's file says, on one line, and without codes that a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::sweep::testing::{report, row, setting};
    use crate::outcome::SweepReport;

    fn differences(old: &SweepReport, new: &SweepReport) -> Vec<Difference> {
        super::differences(&old.into(), &new.into())
    }

    fn of_the_same() -> SweepReport {
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
        (new.source, new.seed, new.rounds, new.preparation_ns) = ("elsewhere".into(), 7, 9, 5);
        new.command = "/usr/bin/haul sweep --rounds 9 copy -o x.json -oy.json --budget=3s source".to_owned();
        assert_eq!(differences(&old, &new), []);
    }

    type Change = fn(&mut SweepReport);

    #[test]
    fn every_difference_is_named_with_both_sides() {
        let changes: [(Change, Part, &str, &str); 18] = [
            (|report| report.version = "9".to_owned(), Part::Program, "version", "9"),
            (|report| report.machine.kernel = Some("6\n1".to_owned()), Part::Machine, "kernel", "6\u{fffd}1"),
            (|report| report.machine.kernel = None, Part::Machine, "kernel", "unknown"),
            (|report| report.machine.cpu = Some("EPYC".to_owned()), Part::Machine, "processor", "EPYC"),
            (|report| report.machine.cores = 64, Part::Machine, "cores", "64"),
            (
                |report| report.machine.memory_bytes = Some(1 << 30),
                Part::Machine,
                "memory",
                "1.0 GiB (1073741824 bytes)",
            ),
            (|report| report.machine.file_system = "xfs".to_owned(), Part::Machine, "file system", "xfs"),
            (|report| report.machine.mount_options = Some("rw".to_owned()), Part::Machine, "mount options", "rw"),
            (
                |report| report.machine.io_limits = Some("reads 1 B/s".into()),
                Part::Machine,
                "disk limits",
                "reads 1 B/s",
            ),
            (|report| report.machine.disk = None, Part::Machine, "disk", "unknown"),
            (
                |report| report.machine.disk.as_mut().unwrap().queue[1].1 = "bfq".to_owned(),
                Part::Machine,
                "queue",
                "scheduler bfq",
            ),
            (|report| report.machine.load = Some(6.52), Part::Company, "load", "6.5"),
            (|report| report.machine.pressure_percent = Some([40.0; 3]), Part::Company, "wait for a core", "40.0%"),
            (|report| report.codec = Some("isal".to_owned()), Part::Data, "codec", "isal"),
            (|report| report.source_bytes += 1, Part::Data, "size", "1.0 MiB (1048577 bytes)"),
            (|report| report.source_files = 3, Part::Data, "files", "3"),
            (
                |report| report.command.push_str(" --block 1M --rounds 3"),
                Part::Command,
                "command",
                "sweep copy source --block 1M",
            ),
            (|report| report.entropy_bits = Some(7.5), Part::Data, "entropy", "7.50 bits a byte"),
        ];
        for (change, of, what, text) in changes {
            let (old, mut new) = (of_the_same(), of_the_same());
            change(&mut new);
            let found = differences(&old, &new);
            let [difference] = &found[..] else { panic!("{what}: {found:?}") };
            assert_eq!((difference.of, difference.what, difference.new.as_str()), (of, what, text));
            assert_eq!(differences(&new, &old)[0].old, text);
        }
    }
}
