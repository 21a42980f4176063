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

/// The errnos of FICLONE that speak of the file system and not of this file: an XFS made without reflink, an NFS server
/// that knows no CLONE. (What is refused for another reason costs one call a file.)
const SPEAKS_FOR_ALL: [Errno; 3] = [Errno::OPNOTSUPP, Errno::NOTTY, Errno::NOSYS];

/// The file system that a target lies in, as far as engines care. Clones share what it said.
#[derive(Debug, Clone)]
pub struct Volume {
    dev: (u32, u32),
    offloads: bool,
    /// The errno by which it said that it clones no file; 0 as long as it did not.
    clones_nothing: Arc<AtomicI32>,
}

impl Volume {
    /// Asks the file system of an open file or directory.
    pub fn of(sys: &mut Sys, file: impl AsFd) -> Result<Self, Errno> {
        let dev = sys.fstat(file.as_fd())?.dev;
        let offloads = OFFLOADING.contains(&sys.fstatfs(file)?.magic);
        Ok(Self::new(dev, offloads))
    }

    fn new(dev: (u32, u32), offloads: bool) -> Self {
        Self { dev, offloads, clones_nothing: Arc::default() }
    }

    /// Whether it is worth asking it to copy this file itself.
    pub(super) fn may_offload(&self, source: &Attributes) -> bool {
        self.offloads && source.dev == self.dev
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
        Self::new(source.dev, true)
    }
}
