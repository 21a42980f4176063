//! Where measurements were made: what a reader needs to know before comparing them with others.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::size::binary;

/// A machine and its state when a sweep began. What it does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
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
    /// Its mount options.
    pub mount_options: Option<String>,
    /// Bytes that were free there.
    pub free_bytes: Option<u64>,
    /// The block device below it; `None` for tmpfs, network file systems and the like.
    pub disk: Option<Disk>,
    /// What the control group grants of it: "reads 100.0 MiB/s, writes 200 a second"; `None` without limits.
    pub io_limits: Option<String>,
}

/// A block device as its queue describes itself. Not to be trusted blindly: virtual disks say of themselves that they
/// rotate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Its name: "nvme0n1".
    pub name: String,
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
