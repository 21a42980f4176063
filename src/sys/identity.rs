//! Who this process is, asked once: decides which ownership and mode changes are needed at all.

use rustix::fs::Mode;
use rustix::process::{getegid, geteuid, umask};

/// Effective user and group, and the file mode creation mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Effective user id: the owner of what we create.
    pub uid: u32,
    /// Effective group id: the group of what we create, outside directories that hand on theirs.
    pub gid: u32,
    /// Permission bits that the kernel takes away from what we create.
    pub umask: u32,
}

impl Identity {
    /// The identity of this process. Call it before threads start: the mask can only be read by setting it.
    ///
    /// A mask that takes away the owner's own rights would lock us out of directories that we have just made; those
    /// bits of it are cleared for this process. Targets get the modes of their sources, so nothing else changes.
    pub fn current() -> Self {
        let mask = umask(Mode::from_raw_mode(0o077)).intersection(Mode::from_raw_mode(0o077));
        umask(mask);
        Self { uid: geteuid().as_raw(), gid: getegid().as_raw(), umask: mask.as_raw_mode() }
    }
}
