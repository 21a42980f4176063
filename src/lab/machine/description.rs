//! The types that describe where measurements were made: what a reader needs to know before comparing them with others.
//! They are part of the reports. How they are filled is not told here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::size::binary;

/// A machine and its state when a measurement began. What the system does not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Which machine and disk: 16 hexadecimal digits, a hash of `host`, the disk's `serial` and `file_system_uuid`
    /// together, of those that are known: where the host name is the only one, nothing is said of the disk. Reports with
    /// the same one are of the same machine and file system, also when they are anonymous ([`Machine::anonymous`]). It
    /// changes when the host is renamed or the file system is made again, and a container often has a host name of its
    /// own. `None` where none of the three is known.
    pub identity: Option<String>,
    /// The host name (`/proc/sys/kernel/hostname`, the nodename of uname(2)).
    pub host: Option<String>,
    /// Release of the running kernel: "6.18.44".
    pub kernel: Option<String>,
    /// Architecture this program was built for: "`x86_64`".
    pub architecture: String,
    /// Model of the first processor.
    pub cpu: Option<String>,
    /// What the machine runs in: "KVM", "Docker".
    pub virtualization: Option<String>,
    /// The processors' frequency governor: "performance".
    pub governor: Option<String>,
    /// Processors that are online.
    pub online: Option<usize>,
    /// Threads that can run at once here, limits of affinity and of the control group respected.
    pub cores: usize,
    /// Cores' worth of time that the control group grants: 1.5.
    pub quota: Option<f64>,
    /// Runnable tasks over the last minute (`/proc/loadavg`).
    pub load: Option<f64>,
    /// Parts of the last ten seconds, in percent, in which some task waited for a core, storage, memory.
    pub pressure_percent: Option<[f64; 3]>,
    /// Memory of the machine in bytes.
    pub memory_bytes: Option<u64>,
    /// Memory that could be had without swapping, in bytes.
    pub available_bytes: Option<u64>,
    /// `vm.dirty_ratio` and `vm.dirty_background_ratio`, percent of memory; 0 where a number of bytes is set instead.
    pub dirty_ratios: Option<[u64; 2]>,
    /// Transparent huge pages: "madvise".
    pub huge_pages: Option<String>,
    /// File system that the targets were written to: "ext4", or its number in hexadecimal; "none" of a device that was
    /// read itself.
    pub file_system: String,
    /// UUID of that file system as udev writes it, "6a3c1d0e-…" or of vfat "1A2B-3C4D": from `/dev/disk/by-uuid`, udev's
    /// database, or of btrfs `/sys/fs/btrfs`. The device itself is not opened, so it is `None` where none of these is
    /// visible, as in many containers; also without a block device, and of a device that was read itself.
    pub file_system_uuid: Option<String>,
    /// Its mount options (`proc_pid_mountinfo(5)`), without the paths of overlay's layers.
    pub mount_options: Option<String>,
    /// Bytes that were free there.
    pub free_bytes: Option<u64>,
    /// The block device below it; `None` for tmpfs, network file systems and the like.
    pub disk: Option<Disk>,
    /// What the control group grants of it: "reads 100.0 MiB/s, writes 200 a second"; `None` without limits.
    pub io_limits: Option<String>,
}

/// A block device as it describes itself. Not to be trusted blindly: virtual disks say of themselves that they rotate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Its name: "nvme0n1"; of a volume made of others (LVM, RAID, an encrypted one) that of the volume, "dm-0".
    pub name: String,
    /// The partition that the file system is on: "nvme0n1p2". `None` where it covers the whole disk or volume.
    pub partition: Option<String>,
    /// What the maker calls it: "Samsung SSD 970 EVO 1TB". Of a SATA disk the kernel keeps 16 characters, and udev all.
    /// This, `serial` and `firmware` are from `/sys/block/*/device` and from udev's database (`ID_MODEL`,
    /// `ID_SERIAL_SHORT`, `ID_REVISION`). Of a volume they are those of the disk below it; `None` where it lies on several
    /// disks. Virtual disks seldom have any.
    pub model: Option<String>,
    /// Its serial number, as text. Not to be trusted to be unique: some disks in USB cases and some virtual ones share
    /// theirs.
    pub serial: Option<String>,
    /// Revision of its firmware. Of a SATA disk the kernel keeps 4 characters, and udev all.
    pub firmware: Option<String>,
    /// Its size in bytes: of the whole disk or volume, not of the partition (`/sys/block/*/size`, in sectors of 512 bytes
    /// whatever the size of its blocks).
    pub size_bytes: Option<u64>,
    /// Its settings by their names in `/sys/block/*/queue`: rotational, scheduler, `read_ahead_kb`, `max_sectors_kb`,
    /// `optimal_io_size`, `logical_block_size`, `physical_block_size`, `write_cache`.
    pub queue: Vec<(String, String)>,
}

impl fmt::Display for Machine {
    /// On one line: "Linux 6.18.44, 2 × AMD EPYC, 23.5 GiB, ext4".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Linux {}, ", self.kernel.as_deref().unwrap_or("of unknown release"))?;
        write!(f, "{} × {}, ", self.cores, self.cpu.as_deref().unwrap_or(&self.architecture))?;
        if let Some(bytes) = self.memory_bytes {
            write!(f, "{}, ", binary(bytes))?;
        }
        f.write_str(&self.file_system)
    }
}
