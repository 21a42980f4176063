//! What to record of the machine, so that a figure can be judged later and elsewhere.
//!
//! - `description`: the types that reports hold; `anonymous`: what of them a report may leave out;
//! - this file: all of it together; `processors`, `control_group`, `mounts`, `block_device`, `disk`, `virtualization`,
//!   `file_systems`: one part each, as pure functions over what /proc and /sys say;
//! - `warnings`: what of it makes figures doubtful;
//! - `timestamp`: when.
//!
//! Nothing here fails: what a machine or a container does not tell stays `None`.

mod anonymous;
mod block_device;
mod control_group;
mod description;
mod disk;
mod file_systems;
mod mounts;
mod processors;
mod timestamp;
mod virtualization;
mod warnings;

use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use self::block_device::BlockDevice;
use self::mounts::Mount;
use crate::lab::probe::proc;
use crate::sys::{FileKind, Sys};

pub use self::description::{Disk, Machine};
pub(crate) use self::file_systems::file_system_name;
pub use self::timestamp::now_utc;
pub(crate) use self::virtualization::is_virtual_machine;
pub use self::warnings::{compression, unrest, warnings};

/// This machine, and what lies below `directory`, where targets are written; or below a file or device that is read.
pub(crate) fn this_machine(sys: &mut Sys, directory: impl AsFd) -> Machine {
    let directory = directory.as_fd();
    let about = sys.fstat(directory).ok();
    // A device itself has no file system, whatever that of /dev is.
    let is_device = about.is_some_and(|about| about.kind == FileKind::BlockDevice);
    let file_system = sys.fstatfs(directory).ok().filter(|_| !is_device);
    let device = about.map(|about| if is_device { about.rdev } else { about.dev });
    let mounts = proc::read("/proc/self/mountinfo").unwrap_or_default();
    // The mount itself, also where the same device is mounted in several places; btrfs gives each subvolume a device
    // number that no line of mountinfo bears.
    let mount = proc::read(format!("/proc/self/fdinfo/{}", directory.as_raw_fd()))
        .and_then(|text| Mount::by_id(&mounts, proc::number(&text, "mnt_id")?))
        .or_else(|| Mount::by_device(&mounts, device?))
        .filter(|_| !is_device);
    let cpuinfo = proc::read("/proc/cpuinfo").unwrap_or_default();
    let meminfo = proc::read("/proc/meminfo").unwrap_or_default();
    let cgroup = proc::read("/proc/self/cgroup").unwrap_or_default();
    let block_device = device.and_then(|device| BlockDevice::find(Path::new("/"), device, mount.as_ref()));
    let disk = block_device.as_ref().and_then(disk::describe);
    let kib = |key| proc::number(&meminfo, key).map(|kib| kib * 1024);
    let mut machine = Machine {
        identity: None,
        host: line("/proc/sys/kernel/hostname"),
        kernel: line("/proc/sys/kernel/osrelease"),
        architecture: std::env::consts::ARCH.to_owned(),
        cpu: processors::model(&cpuinfo),
        virtualization: virtualization::of_this_machine(&cpuinfo),
        governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        online: line("/sys/devices/system/cpu/online").and_then(|list| processors::count(&list)),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        quota: control_group::quota(&mounts, &cgroup),
        load: line("/proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
        pressure_percent: pressure_percent(),
        memory_bytes: kib("MemTotal"),
        available_bytes: kib("MemAvailable"),
        dirty_ratios: ratio("dirty_ratio").zip(ratio("dirty_background_ratio")).map(<[u64; 2]>::from),
        huge_pages: line("/sys/kernel/mm/transparent_hugepage/enabled").map(|words| chosen(&words).to_owned()),
        file_system: file_system.map_or_else(
            || if is_device { "none" } else { "unknown" }.to_owned(),
            |file_system| file_system_name(file_system.magic),
        ),
        file_system_uuid: block_device.as_ref().filter(|_| !is_device).and_then(file_systems::uuid),
        mount_options: mount.as_ref().map(|mount| mount.options.clone()),
        free_bytes: file_system.map(|file_system| file_system.available_bytes),
        io_limits: disk.as_ref().and_then(|disk| control_group::io_limits(&mounts, &cgroup, &disk.name)),
        disk,
    };
    machine.identify();
    machine
}

/// Bytes of memory that can be had without swapping, within the limits of the control group; `None` where nobody tells.
pub(in crate::lab) fn available_memory() -> Option<u64> {
    let text = |path: &str| proc::read(path).unwrap_or_default();
    let machine = proc::number(&text("/proc/meminfo"), "MemAvailable").map(|kib| kib * 1024);
    let group = control_group::memory_left(&text("/proc/self/mountinfo"), &text("/proc/self/cgroup"));
    machine.into_iter().chain(group).min()
}

/// What a file of one line says; `None` where it is empty or not there.
fn line(path: impl AsRef<Path>) -> Option<String> {
    proc::read(path.as_ref()).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn ratio(name: &str) -> Option<u64> {
    line(format!("/proc/sys/vm/{name}"))?.parse().ok()
}

/// The word in brackets, by which the kernel marks what is chosen: `always [madvise] never` → "madvise". All of it
/// where nothing is marked.
fn chosen(words: &str) -> &str {
    words.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or(words, |(word, _)| word)
}

/// For how much of the last ten seconds some task waited for a core, storage, memory.
fn pressure_percent() -> Option<[f64; 3]> {
    let percent = |name| average(&proc::read(format!("/proc/pressure/{name}"))?);
    Some([percent("cpu")?, percent("io")?, percent("memory")?])
}

/// `avg10` of the line "some avg10=0.12 avg60=…".
fn average(text: &str) -> Option<f64> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    some.split(' ').find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stop;

    #[test]
    fn a_machine_prints_on_one_line() {
        let mut machine = Machine {
            kernel: Some("6.18.44".into()),
            architecture: "x86_64".into(),
            cpu: Some("AMD EPYC".into()),
            cores: 2,
            memory_bytes: Some(24 << 30),
            file_system: "ext4".into(),
            ..Machine::default()
        };
        assert_eq!(machine.to_string(), "Linux 6.18.44, 2 × AMD EPYC, 24.0 GiB, ext4");
        (machine.kernel, machine.cpu, machine.memory_bytes) = (None, None, None);
        assert_eq!(machine.to_string(), "Linux of unknown release, 2 × x86_64, ext4");
    }

    #[test]
    fn the_word_in_brackets_is_chosen() {
        for (words, word) in [("always [madvise] never", "madvise"), ("[none] mq-deadline", "none"), ("none", "none")] {
            assert_eq!(chosen(words), word);
        }
    }

    #[test]
    fn pressure_is_that_of_some_tasks() {
        let text = "some avg10=74.82 avg60=22.78 avg300=5.72 total=8836051848\nfull avg10=1.00 avg60=0.00 total=0\n";
        assert_eq!(average(text), Some(74.82));
        assert_eq!(
            (average(""), average("full avg10=1.00 total=0\n"), average("some avg60=1.00\n")),
            (None, None, None)
        );
    }

    #[test]
    fn this_one_is_described() {
        let place = tempfile::tempdir().unwrap();
        let mut sys = Sys::new(Stop::new());
        let path = std::ffi::CString::new(place.path().to_str().unwrap()).unwrap();
        let directory = sys.open_directory(rustix::fs::CWD, &path).unwrap();
        let machine = this_machine(&mut sys, &directory);
        assert!(machine.cores >= 1 && machine.memory_bytes.is_none_or(|bytes| bytes > 1 << 20), "{machine}");
        assert!(machine.online.is_none_or(|online| online >= 1), "{machine:?}");
        assert!(available_memory() <= machine.memory_bytes, "{machine:?}");
        assert!(machine.available_bytes <= machine.memory_bytes, "{machine:?}");
        assert!(machine.quota.is_none_or(|cores| cores > 0.0), "{machine:?}");
        assert!(machine.disk.as_ref().is_none_or(|disk| !disk.name.is_empty()), "{machine:?}");
        assert!(machine.disk.as_ref().is_none_or(|disk| disk.size_bytes.is_some()), "{machine:?}");
        assert!(machine.host.is_none() || machine.identity.as_ref().is_some_and(|it| it.len() == 16), "{machine:?}");
        assert_eq!(machine.to_string().lines().count(), 1);
    }
}
