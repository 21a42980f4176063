//! Who this process is, asked once: decides which ownership and mode changes are needed at all.

use super::Attributes;
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
    /// Those of its owner that the user's mask takes away, and the kernel does not: see [`Identity::current`].
    pub owner_umask: u32,
}

/// Who a file made in a certain directory will belong to, as far as that can be told beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creator {
    /// Its owner.
    pub uid: u32,
    /// Its group, if that is certain: a set-group-id directory, or a file system mounted with `grpid`, hands on the
    /// directory's.
    pub gid: Option<u32>,
    /// Permission bits that the kernel takes away.
    pub umask: u32,
    /// Those of its owner that are to be taken away in the end, where a file has the mode of any new one.
    pub owner_umask: u32,
    /// The directory has a default ACL, which takes the mask's place.
    pub inherits_acl: bool,
}

impl Creator {
    /// Whether a new file will have the owner and group of `wanted` by itself.
    pub fn makes(&self, wanted: &Attributes) -> bool {
        (self.uid, self.gid) == (wanted.uid, Some(wanted.gid))
    }
}

impl Identity {
    /// Who files made in `directory` will belong to.
    pub fn creating_in(&self, directory: &Attributes) -> Creator {
        let gid = (directory.gid == self.gid).then_some(self.gid);
        Creator { gid, ..self.unknown_creator() }
    }

    /// Who a file that we did not make belongs to: nobody can tell.
    pub fn unknown_creator(&self) -> Creator {
        Creator { uid: self.uid, gid: None, umask: self.umask, owner_umask: self.owner_umask, inherits_acl: false }
    }

    /// The identity of this process.
    ///
    /// A mask that takes away the owner's own rights would lock us out of directories that we have just made; those
    /// bits of it are cleared for this process. Targets get the modes of their sources, or lose those bits at the end.
    pub fn current() -> Self {
        let all = creation_mask();
        let (owners, others) = (all & Mode::RWXU, all & (Mode::RWXG | Mode::RWXO));
        if !owners.is_empty() {
            umask(others);
        }
        let (umask, owner_umask) = (others.as_raw_mode(), owners.as_raw_mode());
        Self { uid: geteuid().as_raw(), gid: getegid().as_raw(), umask, owner_umask }
    }
}

/// The file mode creation mask of this process: as /proc shows it (Linux 4.7 and later), else by setting it for an instant,
/// in which other threads must not make files.
#[allow(clippy::disallowed_methods, reason = "asked once a process, before there are counts")]
fn creation_mask() -> Mode {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let shown = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    if let Some(mask) = shown.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()) {
        return Mode::from_raw_mode(mask);
    }
    let mask = umask(Mode::from_raw_mode(0o077));
    umask(mask);
    mask
}
