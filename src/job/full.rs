//! File systems that take no more data, and owners whose quota on one is used up: work ends there, not everywhere.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

/// A device: major and minor.
pub(crate) type Device = (u32, u32);

/// Where data is written: the device of a file system, and who the data belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Volume {
    pub(crate) device: Device,
    pub(crate) owner: u32,
}

/// Those of one job, which its workers share.
#[derive(Debug, Default)]
pub(crate) struct Full {
    /// Asked for each file: nearly always there is none.
    any: AtomicBool,
    /// Devices, with an owner where only that one's quota is used up.
    places: Mutex<HashSet<(Device, Option<u32>)>>,
}

impl Full {
    /// Notes what an errno says of a volume; says whether it speaks of one.
    pub(crate) fn note(&self, volume: Volume, errno: Errno) -> bool {
        let owner = match errno {
            Errno::NOSPC | Errno::ROFS => None,
            Errno::DQUOT => Some(volume.owner),
            _ => return false,
        };
        self.places.lock().unwrap_or_else(PoisonError::into_inner).insert((volume.device, owner));
        self.any.store(true, Ordering::Relaxed);
        true
    }

    /// Whether a volume takes no more.
    pub(crate) fn has(&self, volume: Volume) -> bool {
        self.any.load(Ordering::Relaxed) && {
            let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            [None, Some(volume.owner)].into_iter().any(|owner| places.contains(&(volume.device, owner)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_full_for_all_and_a_quota_for_its_owner() {
        let volume = |minor, owner| Volume { device: (8, minor), owner };
        let full = Full::default();
        assert!(!full.has(volume(1, 7)));
        assert!(full.note(volume(1, 7), Errno::NOSPC) && full.note(volume(2, 7), Errno::DQUOT));
        assert!(full.note(volume(3, 7), Errno::ROFS) && !full.note(volume(4, 7), Errno::IO));
        for (minor, owner, expected) in
            [(1, 7, true), (1, 8, true), (2, 7, true), (2, 8, false), (3, 8, true), (4, 7, false), (5, 7, false)]
        {
            assert_eq!(full.has(volume(minor, owner)), expected, "{minor} {owner}");
        }
    }
}
