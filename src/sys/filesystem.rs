//! What a file system says of itself: which one it is, and how much room it has.

use std::os::fd::AsFd;

use rustix::io::Result;

use super::Sys;
use crate::calls::Call;

/// Local file systems (statfs(2), `linux/magic.h`) whose files end where their sizes say. Others may hold a size that was
/// true once (NFS, CIFS), or one that somebody made up (FUSE, `/sys`).
const WITH_TRUE_SIZES: [u64; 5] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683E, // btrfs
    0x0102_1994, // tmpfs
    0xF2F5_2010, // F2FS
];

/// What fstatfs(2) says of the file system that holds a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSystem {
    /// The number it is known by (`f_type`; statfs(2) lists them).
    pub magic: u64,
    /// Bytes that a user without privileges can still fill.
    pub available_bytes: u64,
    /// Inodes that are free; `None` where none are counted (btrfs makes them as they are needed, and says 0 of 0).
    pub available_files: Option<u64>,
}

impl Sys {
    /// What the file system that holds `file` says of itself.
    pub fn fstatfs(&mut self, file: impl AsFd) -> Result<FileSystem> {
        let raw = self.plain(Call::Fstatfs, || rustix::fs::fstatfs(file.as_fd()))?;
        // The field is signed and 32 or 64 bits wide, as the architecture likes; every known number has 32 bits.
        let magic = raw.f_type as u64 & 0xffff_ffff;
        // Blocks are counted in `f_frsize`; file systems that leave it at 0 mean `f_bsize`.
        let block = if raw.f_frsize > 0 { raw.f_frsize } else { raw.f_bsize };
        let available_bytes = raw.f_bavail.saturating_mul(block as u64);
        let available_files = (raw.f_files > 0).then_some(raw.f_ffree);
        Ok(FileSystem { magic, available_bytes, available_files })
    }

    /// Whether the size of an open file on the device `dev` can be believed. Asks the file system once for each device;
    /// one that does not answer is not believed, and asked again.
    pub(crate) fn has_true_size(&mut self, file: impl AsFd, dev: (u32, u32)) -> bool {
        if let Some(known) = self.true_sizes.get(&dev) {
            return *known;
        }
        let Ok(file_system) = self.fstatfs(file) else { return false };
        let is_true = WITH_TRUE_SIZES.contains(&file_system.magic);
        self.true_sizes.insert(dev, is_true);
        is_true
    }
}
