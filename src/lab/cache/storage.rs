//! What is known of file systems: which witnesses of what came from the disk can be believed where.

use std::path::Path;

use rustix::fs::{CWD, OFlags};

use crate::error::{Error, Result};
use crate::lab::machine::file_system_name;
use crate::sys::Sys;
use crate::tree::path::c_path;

/// What is known of a file system. The default is: nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Storage {
    /// Files live in memory only, and nothing can be evicted.
    pub(in crate::lab) is_memory: bool,
    /// cachestat sees the pages that reads come from.
    pub(in crate::lab) shows_cache: bool,
    /// `read_bytes` counts what was read. Not over a network, nor where a file system has a cache of its own.
    pub(in crate::lab) counts_reads: bool,
    /// A file may be smaller on the disk than its size.
    pub(in crate::lab) compresses: bool,
    /// `copy_file_range` may share blocks, and then reads nothing.
    pub(in crate::lab) shares: bool,
}

impl Storage {
    /// What is known of the file system that holds `path`.
    pub fn of(sys: &mut Sys, path: &Path) -> Result<Self> {
        magic(sys, path).map(Self::known).map_err(|errno| Error::system("open", path, errno))
    }

    /// What is known of a block device that is read itself, and no file on it.
    pub(in crate::lab) const fn of_device() -> Self {
        Self { is_memory: false, shows_cache: true, counts_reads: true, compresses: false, shares: false }
    }

    /// What is known of file systems with this number (statfs(2)).
    pub(in crate::lab) fn known(magic: u64) -> Self {
        Self::named(&file_system_name(magic))
    }

    /// What is known of file systems of this name.
    pub(in crate::lab) fn named(name: &str) -> Self {
        let plain = Self { shows_cache: true, counts_reads: true, ..Self::default() };
        match name {
            "tmpfs" | "ramfs" => Self { is_memory: true, shows_cache: true, ..Self::default() },
            "ext4" | "jfs" | "vfat" | "exfat" | "iso9660" | "reiserfs" => plain,
            "f2fs" | "ntfs3" | "squashfs" => Self { compresses: true, ..plain },
            "xfs" => Self { shares: true, ..plain },
            "btrfs" | "bcachefs" => Self { compresses: true, shares: true, ..plain },
            // Reads come from pages of the file below, and cachestat says of the one above that it has none.
            "overlay" => Self { shows_cache: false, shares: true, ..plain },
            _ => Self { shows_cache: true, ..Self::default() },
        }
    }
}

fn magic(sys: &mut Sys, path: &Path) -> rustix::io::Result<u64> {
    // O_PATH: a file that we may not read is for the job to complain about.
    let file = sys.openat(CWD, &c_path(path), OFlags::PATH | OFlags::NOFOLLOW, 0)?;
    let magic = sys.fstatfs(&file)?.magic;
    sys.close(file)?;
    Ok(magic)
}
