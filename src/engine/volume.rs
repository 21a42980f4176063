//! What engines want to know of the file system that a target lies in, and what it told them meanwhile.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::Errno;

use crate::sys::{Attributes, Sys};

/// File systems (statfs(2), `linux/magic.h`) that share blocks or copy on the server.
const OFFLOADING: [u64; 9] = [
    0x9123_683E, // btrfs
    0x5846_5342, // XFS
    0xCA45_1A4E, // bcachefs
    0x2FC1_2FC1, // ZFS
    0x6969,      // NFS
    0xFF53_4D42, // CIFS
    0xFE53_4D42, // SMB2
    0x7461_636F, // OCFS2
    0x0BD0_0BD0, // Lustre
];

/// Local file systems that give files their times by this machine's clock, tell the true size of each, and neither share
/// blocks nor let somebody else copy.
const PLAIN: [u64; 3] = [
    0xEF53,      // ext2, ext3, ext4
    0x0102_1994, // tmpfs
    0xF2F5_2010, // F2FS
];

/// The errnos of FICLONE that speak of the file system and not of this file: an XFS made without reflink, an NFS server
/// that knows no CLONE. (What is refused for another reason costs one call a file.)
const SPEAKS_FOR_ALL: [Errno; 3] = [Errno::OPNOTSUPP, Errno::NOTTY, Errno::NOSYS];

/// The file system that a target lies in, as far as engines care. Clones share what it said.
#[derive(Debug, Clone)]
pub struct Volume {
    dev: (u32, u32),
    offloads: bool,
    is_plain: bool,
    /// The errno by which it said that it clones no file; 0 as long as it did not.
    clones_nothing: Arc<AtomicI32>,
}

impl Volume {
    /// Asks the file system of an open file or directory.
    pub fn of(sys: &mut Sys, file: impl AsFd) -> Result<Self, Errno> {
        let dev = sys.fstat(file.as_fd())?.dev;
        let magic = sys.fstatfs(file)?.magic;
        let (offloads, is_plain) = (OFFLOADING.contains(&magic), PLAIN.contains(&magic));
        Ok(Self { dev, offloads, is_plain, clones_nothing: Arc::default() })
    }

    /// Whether it is a local file system that does nothing special, and the device `dev`: then sizes are true, and a
    /// file that changed from a moment on has a later time of change.
    pub(crate) fn is_plain_home_of(&self, dev: (u32, u32)) -> bool {
        self.is_plain && self.dev == dev
    }

    /// The device it is on (major, minor).
    pub const fn dev(&self) -> (u32, u32) {
        self.dev
    }

    /// Whether a source lies in it.
    pub(super) fn holds(&self, source: &Attributes) -> bool {
        source.dev == self.dev
    }

    /// Whether it is worth asking it to share this file's blocks, or to let its server copy.
    pub(super) fn may_offload(&self, source: &Attributes) -> bool {
        self.offloads && self.holds(source)
    }

    /// Why it would refuse to clone any file, if that is known.
    pub(super) fn clone_refusal(&self) -> Option<Errno> {
        let raw = self.clones_nothing.load(Ordering::Relaxed);
        (raw != 0).then(|| Errno::from_raw_os_error(raw))
    }

    /// Keeps in mind that it refused to clone, if that goes for all files: asking again costs a call a file. Should one
    /// file only have been meant, little is lost: `copy_file_range` comes next, and shares blocks too.
    pub(super) fn refused_clone(&self, errno: Errno) {
        if SPEAKS_FOR_ALL.contains(&errno) {
            self.clones_nothing.store(errno.raw_os_error(), Ordering::Relaxed);
        }
    }

    /// A file system that offloads, with everything in it that is in `source`'s.
    #[cfg(test)]
    pub(super) fn offloading(source: &Attributes) -> Self {
        Self { dev: source.dev, offloads: true, is_plain: false, clones_nothing: Arc::default() }
    }
}
