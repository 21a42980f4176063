//! What is not the same around two measurements, and makes a comparison of their times mean less than it seems.

use std::borrow::Cow;

use serde::Serialize;

use crate::lab::machine::{Disk, Machine};
use crate::lab::report::{Data, Rank, Report};
use crate::lab::setting::Axis;
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
    pub what: Cow<'static, str>,
    /// What the first report says.
    pub old: String,
    /// What the later one says.
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
    /// The same, where reports are anonymous and have only a hash of host, disk and file system.
    Identity,
    /// What else ran there.
    OtherPrograms,
    /// What it was run on.
    Data,
    /// What was asked for, beyond how long to measure and where to write: settings have their own rows, but data may be
    /// made or cut by it.
    Command,
}

/// What differs between two reports, beside their times.
pub(super) fn differences(old: &Report, new: &Report) -> Vec<Difference> {
    let (was, is) = (&old.machine, &new.machine);
    let version = differ(Part::Program, "version", [old, new].map(|report| plain(&report.version)));
    let machine = MACHINE.iter().map(|(what, text)| differ(Part::Machine, *what, [was, is].map(text)));
    let device = DEVICE.iter().map(|(what, text)| both_known(Part::Machine, what, [was, is].map(text)));
    let memory = far(was.memory_bytes, is.memory_bytes, MEMORY)
        .then(|| Difference::of_sizes(Part::Machine, "memory", was.memory_bytes, is.memory_bytes));
    let backend = (old.rank == Rank::Operation)
        .then(|| differ(Part::Data, "in flight by", [old, new].map(|report| plain(backend(report)))));
    let command = differ(Part::Command, "command", [old, new].map(|report| essence(&report.command)));
    [version]
        .into_iter()
        .chain(machine)
        .chain([disk(was, is), mount_options(was, is)])
        .chain(device)
        .chain([identity(was, is), memory, queue(was, is)])
        .chain(other_programs(was, is))
        .chain(old.data.iter().flat_map(|data| of_data(data, new)))
        .chain([backend.flatten(), command])
        .flatten()
        .collect()
}

impl Difference {
    fn of_sizes(of: Part, what: impl Into<Cow<'static, str>>, old: Option<u64>, new: Option<u64>) -> Self {
        let [old, new] = [old, new].map(|bytes| known(bytes.map(size)));
        Self { of, what: what.into(), old, new }
    }
}

fn differ(of: Part, what: impl Into<Cow<'static, str>>, [old, new]: [String; 2]) -> Option<Difference> {
    (old != new).then(|| Difference { of, what: what.into(), old, new })
}

/// What only one of them knows does not count as a difference: a report of an older haul has no host.
fn both_known(of: Part, what: &'static str, [old, new]: [Option<String>; 2]) -> Option<Difference> {
    differ(of, what, [old?, new?])
}

/// Whether disks are the same. Another boot may give one another name, but its serial number stays.
fn is_same(old: &Disk, new: &Disk) -> bool {
    let serials = old.serial.as_ref().zip(new.serial.as_ref());
    serials.map_or(old.name == new.name, |(old, new)| old == new)
}

/// How the names of disks differ that are not the same.
fn disk(old: &Machine, new: &Machine) -> Option<Difference> {
    let disks = old.disk.as_ref().zip(new.disk.as_ref());
    let name = |machine: &Machine| known(machine.disk.as_ref().map(|disk| plain(&disk.name)));
    if disks.is_some_and(|(old, new)| is_same(old, new)) {
        return None;
    }
    differ(Part::Machine, "disk", [old, new].map(name))
}

/// How mount options differ. The value of one that an anonymous report leaves out may be any.
fn mount_options(old: &Machine, new: &Machine) -> Option<Difference> {
    let options = [old, new].map(|machine| machine.mount_options.as_deref());
    if let [Some(old), Some(new)] = options {
        let left_out = |one: &str, other: &str| {
            let name = one.strip_suffix(LEFT_OUT);
            name.is_some_and(|name| other.starts_with(name))
        };
        let is_same = |(old, new): (&str, &str)| old == new || left_out(old, new) || left_out(new, old);
        let count = |options: &str| options.split(',').count();
        if count(old) == count(new) && old.split(',').zip(new.split(',')).all(is_same) {
            return None;
        }
    }
    differ(Part::Machine, "mount options", options.map(|options| known(options.map(plain))))
}

/// Whether hashes tell machine or disk apart: where nothing that they are made of is known of both.
fn identity(old: &Machine, new: &Machine) -> Option<Difference> {
    let parts: [fn(&Machine) -> Option<&String>; 3] = [
        |machine| machine.host.as_ref(),
        |machine| machine.disk.as_ref()?.serial.as_ref(),
        |machine| machine.file_system_uuid.as_ref(),
    ];
    let is_told = parts.iter().any(|part| part(old).is_some() && part(new).is_some());
    let hashes = [old, new].map(|machine| machine.identity.as_deref().filter(|_| !is_told).map(plain));
    both_known(Part::Identity, "hash", hashes)
}

/// How the settings of a disk's queue differ; another disk is a difference by itself.
fn queue(old: &Machine, new: &Machine) -> Option<Difference> {
    let (one, other) = old.disk.as_ref().zip(new.disk.as_ref()).filter(|(old, new)| is_same(old, new))?;
    let differing = |disk: &Disk, other: &Disk| {
        let own = disk.queue.iter().filter(|setting| !other.queue.contains(setting));
        let own = own.map(|(name, value)| format!("{} {}", plain(name), plain(value))).collect::<Vec<_>>().join(", ");
        known(Some(own).filter(|own| !own.is_empty()))
    };
    differ(Part::Machine, "queue", [differing(one, other), differing(other, one)])
}

/// Whether the machine was busier in one of them: that slows all of its settings.
fn other_programs(old: &Machine, new: &Machine) -> [Option<Difference>; 2] {
    let [tasks, percent] = BUSIER;
    let waited = |machine: &Machine| machine.pressure_percent.map(|[cores, ..]| cores);
    let busier = |what, old: Option<f64>, new: Option<f64>, enough, unit: &str| {
        let (old, new) = old.zip(new).filter(|(old, new)| (old - new).abs() > enough)?;
        differ(Part::OtherPrograms, what, [old, new].map(|figure| format!("{figure:.1}{unit}")))
    };
    [busier("load", old.load, new.load, tasks, ""), busier("wait for a core", waited(old), waited(new), percent, "%")]
}

/// How the data of a report differs from the same in another; what only one of them has has no rows to compare.
fn of_data(old: &Data, report: &Report) -> Vec<Option<Difference>> {
    let Some(new) = report.data.iter().find(|new| new.case == old.case) else { return vec![] };
    let what = |what: &'static str| match &old.case {
        None => Cow::Borrowed(what),
        Some(case) => Cow::Owned(format!("{what} of {}", plain(case))),
    };
    let told = |list: &[Text<Data>]| -> Vec<Option<Difference>> {
        list.iter().map(|(name, text)| differ(Part::Data, what(name), [old, new].map(text))).collect()
    };
    if report.rank == Rank::Operation {
        let is_far = far(Some(old.bytes), Some(new.bytes), FILE);
        let file =
            is_far.then(|| Difference::of_sizes(Part::Data, what("file size"), Some(old.bytes), Some(new.bytes)));
        return [told(&DISK), vec![file]].concat();
    }
    let bits = |data: &Data| data.entropy_bits.unwrap_or(-1.0);
    let entropy = || [old, new].map(|data| known(data.entropy_bits.map(|bits| format!("{bits:.2} bits a byte"))));
    let is_other = (bits(old) - bits(new)).abs() > ENTROPY;
    let entropy = is_other.then(|| differ(Part::Data, what("entropy"), entropy())).flatten();
    [told(&JOB), vec![entropy]].concat()
}

/// What kept more than one operation in flight.
fn backend(report: &Report) -> &str {
    let mut backends = report.rows.iter().filter_map(|row| row.setting.word(Axis::Backend));
    backends.find(|backend| *backend != "calls").unwrap_or("calls")
}

/// Options that say how long to measure, where to write and what to expect; two reports that differ in these only are of the
/// same.
const ASIDE: [&str; 8] = ["--rounds", "--budget", "--within", "--output", "-o", "--format", "--progress", "--expect"];
/// The same without a value.
const FLAGS_ASIDE: [&str; 2] = ["--json", "--anonymous"];

/// A command line without what does not change what is measured, nor how haul was called.
fn essence(command: &str) -> String {
    let mut words = plain(command).split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>().into_iter();
    let mut kept = vec![];
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if FLAGS_ASIDE.contains(&name) {
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

/// What stands in an anonymous report in place of a value.
const LEFT_OUT: &str = "…";

type Text<T> = (&'static str, fn(&T) -> String);
type Known<T> = (&'static str, fn(&T) -> Option<String>);

const MACHINE: [Text<Machine>; 9] = [
    ("kernel", |machine| known(machine.kernel.as_deref().map(plain))),
    ("architecture", |machine| plain(&machine.architecture)),
    ("processor", |machine| known(machine.cpu.as_deref().map(plain))),
    ("cores", |machine| machine.cores.to_string()),
    ("quota", |machine| known(machine.quota.map(|cores| format!("{cores} cores")))),
    ("governor", |machine| known(machine.governor.as_deref().map(plain))),
    ("virtualization", |machine| known(machine.virtualization.as_deref().map(plain))),
    ("file system", |machine| plain(&machine.file_system)),
    ("disk limits", |machine| machine.io_limits.as_deref().map_or_else(|| "none".to_owned(), plain)),
];

/// Which machine and disk it is, as far as both reports say.
const DEVICE: [Known<Machine>; 7] = [
    ("host", |machine| machine.host.as_deref().map(plain)),
    ("file system UUID", |machine| machine.file_system_uuid.as_deref().map(plain)),
    ("disk model", |machine| machine.disk.as_ref()?.model.as_deref().map(plain)),
    ("disk serial", |machine| machine.disk.as_ref()?.serial.as_deref().map(plain)),
    ("disk firmware", |machine| machine.disk.as_ref()?.firmware.as_deref().map(plain)),
    ("disk size", |machine| machine.disk.as_ref()?.size_bytes.map(size)),
    ("partition", |machine| {
        // "p2" of "nvme0n1p2": the rest is the name of the disk.
        let disk = machine.disk.as_ref()?;
        let partition = disk.partition.as_deref()?;
        Some(plain(partition.strip_prefix(disk.name.as_str()).unwrap_or(partition)))
    }),
];

/// What a job was run on.
const JOB: [Text<Data>; 5] = [
    ("size", |data| size(data.bytes)),
    ("files", |data| data.files.to_string()),
    ("generated data", |data| {
        let made = data.generated.as_ref();
        let text = made.map(|made| format!("{} x {}, {} bits a byte", made.files, size(made.bytes), made.entropy));
        text.unwrap_or_else(|| "none".to_owned())
    }),
    ("block", |data| known(data.block_bytes.map(size))),
    ("codec", |data| known(data.codec.as_deref().map(plain))),
];

/// What a disk was measured with.
const DISK: [Text<Data>; 1] =
    [("file", |data| if data.is_read_only { "one that existed" } else { "its own" }.to_owned())];

fn far(one: Option<u64>, other: Option<u64>, enough: f64) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.abs_diff(other) as f64 > one.max(other) as f64 * enough,
        (one, other) => one != other,
    }
}

/// Sizes to the byte where they are small: a source of one byte more is another.
fn size(bytes: u64) -> String {
    format!("{} ({bytes} bytes)", binary(bytes))
}

fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "unknown".to_owned())
}

/// What somebody's file says, on one line, and without codes that a terminal would obey.
pub(in crate::lab) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests;
