//! A block device as /sys and udev know it: where the directory is that describes it, and what it is made of. Nothing is
//! read from the device itself, nor is it opened: that is for root alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor, stat};

use super::line;
use super::mounts::Mount;
use crate::lab::probe::proc;

/// One block device: a disk, a partition, or a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockDevice<'a> {
    /// The directory that /sys, /dev and /run are in: "/", but in tests another.
    pub(super) root: &'a Path,
    /// Its directory in /sys/devices: `…/block/sda/sda1`.
    pub(super) directory: PathBuf,
}

impl<'a> BlockDevice<'a> {
    /// The one that holds the file system with this device number, as stat(2) tells it.
    pub(super) fn find(root: &'a Path, device: (u32, u32), mount: Option<&Mount>) -> Option<Self> {
        Self::by_number(root, device).or_else(|| {
            // btrfs has device numbers that stand for no device: then the mount names one. Not what only looks like a path,
            // such as a remote host's.
            let name = mount?.source.strip_prefix("/dev/")?;
            // In a container the device may be missing where the kernel says that it is.
            number(&root.join("dev").join(name))
                .and_then(|number| Self::by_number(root, number))
                .or_else(|| Self::follow(root, &root.join("sys/class/block").join(name)))
        })
    }

    fn by_number(root: &'a Path, (major, minor): (u32, u32)) -> Option<Self> {
        Self::follow(root, &root.join(format!("sys/dev/block/{major}:{minor}")))
    }

    /// The device whose directory is at the end of a link.
    fn follow(root: &'a Path, link: &Path) -> Option<Self> {
        Some(Self { root, directory: link.canonicalize().ok()? })
    }

    /// Its name: "sda1".
    pub(super) fn name(&self) -> Option<String> {
        Some(self.directory.file_name()?.to_string_lossy().into_owned())
    }

    pub(super) fn is_partition(&self) -> bool {
        self.directory.join("partition").exists()
    }

    /// The disk that this is a partition of; itself where it is not one.
    pub(super) fn whole(mut self) -> Self {
        if self.is_partition() {
            self.directory.pop();
        }
        self
    }

    /// The disk below a volume (LVM, RAID, an encrypted one); itself where it is a disk, and where it lies on several.
    pub(super) fn single_disk(self) -> Self {
        let mut disks = BTreeSet::new();
        self.clone().add_disks(&mut disks);
        if disks.len() == 1 { disks.pop_first().unwrap_or(self) } else { self }
    }

    /// Adds what does not lie on anything else. The kernel lets no volume lie on itself, so this ends.
    fn add_disks(self, disks: &mut BTreeSet<Self>) {
        let slaves = proc::entries(&self.directory.join("slaves"));
        for slave in slaves.iter().filter_map(|link| Self::follow(self.root, link)) {
            slave.whole().add_disks(disks);
        }
        if slaves.is_empty() {
            disks.insert(self);
        }
    }

    /// Its number: "8:1".
    pub(super) fn number(&self) -> Option<String> {
        line(self.directory.join("dev"))
    }

    /// A property that udev found, such as `ID_MODEL`; every user may read its database. Its lines of properties begin
    /// with "E:" (systemd, src/libsystemd/sd-device/sd-device.c).
    pub(super) fn udev(&self, key: &str) -> Option<String> {
        let text = proc::read(self.root.join(format!("run/udev/data/b{}", self.number()?)))?;
        let mut properties = text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
        properties.find(|(name, _)| *name == key).and_then(|(_, value)| cleaned(value))
    }

    /// The text of one of its files in /sys.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        cleaned(&proc::read(self.directory.join(name))?)
    }
}

/// Number of the device that a path leads to.
pub(super) fn number(path: &Path) -> Option<(u32, u32)> {
    stat(path).ok().map(|about| (major(about.st_rdev), minor(about.st_rdev)))
}

/// Without the blanks and zero bytes that fields of fixed width are filled with; `None` where nothing remains.
pub(super) fn cleaned(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Trees like /sys, /dev and /run in a directory of a test's own.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
pub(super) mod testing {
    use std::path::Path;

    /// A file with what it holds, and the directories above it.
    pub(in super::super) fn file(root: &Path, path: &str, text: impl AsRef<[u8]>) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A link, and the directories above it.
    pub(in super::super) fn link(root: &Path, path: &str, target: impl AsRef<Path>) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// A block device at `sys/devices/<path>` with its number, known by number and by name.
    pub(in super::super) fn device(root: &Path, path: &str, number: &str) {
        file(root, &format!("sys/devices/{path}/dev"), format!("{number}\n"));
        let directory = root.join("sys/devices").join(path);
        link(root, &format!("sys/dev/block/{number}"), &directory);
        link(root, &format!("sys/class/block/{}", directory.file_name().unwrap().to_str().unwrap()), &directory);
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{device, file, link};
    use super::*;

    fn name(device: Option<BlockDevice<'_>>) -> Option<String> {
        device.and_then(|device| device.name())
    }

    #[test]
    fn a_device_is_found_by_number_or_by_the_mount_s_source() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        device(root, "pci/block/sda", "8:0");
        device(root, "pci/block/sda/sda2", "8:2");
        link(root, "sys/dev/block/8:16", "../../devices/pci/block/gone");
        // Stands for a node of /dev that is not called as the kernel calls the device.
        device(root, "virtual/block/dm-0", "1:3");
        link(root, "dev/mapper/root", "/dev/null");
        for (number, source, expected) in [
            ((8, 0), "/dev/anything", Some("sda")),
            ((8, 2), "/dev/root", Some("sda2")),
            ((8, 16), "tmpfs", None),
            ((9, 0), "/dev/no such device", None),
            ((0, 44), "/dev/sda2", Some("sda2")),
            ((0, 44), "/dev/mapper/root", Some("dm-0")),
            ((0, 99), "overlay", None),
            ((0, 99), "server:/dev/sda", None),
            ((0, 99), "//server/sda", None),
        ] {
            let mountinfo = format!("1 0 0:99 / / rw - x {} rw\n", source.replace(' ', "\\040"));
            let mount = Mount::by_id(&mountinfo, 1);
            let found = name(BlockDevice::find(root, number, mount.as_ref()));
            assert_eq!(found.as_deref(), expected, "{number:?} {source}");
        }
        assert_eq!(BlockDevice::find(root, (0, 44), None), None);
    }

    #[test]
    fn a_volume_has_a_disk_where_it_lies_on_one_only() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        for (path, number) in [("block/sda", "8:0"), ("block/sdb", "8:16"), ("block/sda/sda1", "8:1")] {
            device(root, path, number);
        }
        file(root, "sys/devices/block/sda/sda1/partition", "1\n");
        // Two volumes on an encrypted one on a partition; a mirror of two disks.
        for (minor, slaves) in [(0, &["sda1"][..]), (1, &["dm-0"]), (2, &["dm-0", "dm-1"]), (3, &["sda1", "sdb"])] {
            device(root, &format!("virtual/block/dm-{minor}"), &format!("253:{minor}"));
            for slave in slaves {
                let target = root.join("sys/class/block").join(slave);
                link(root, &format!("sys/devices/virtual/block/dm-{minor}/slaves/{slave}"), target);
            }
        }
        for (number, disk) in
            [((8, 0), "sda"), ((253, 0), "sda"), ((253, 1), "sda"), ((253, 2), "sda"), ((253, 3), "dm-3")]
        {
            let device = BlockDevice::find(root, number, None).unwrap();
            assert_eq!(device.single_disk().name().as_deref(), Some(disk), "{number:?}");
        }
    }

    #[test]
    fn properties_of_udev_are_found_by_their_whole_key() {
        let place = tempfile::tempdir().unwrap();
        device(place.path(), "block/sda", "8:0");
        let text = "S:disk/by-id/x\nI:123\nE:ID_MODEL_ENC=no\nE:ID_MODEL=A=B \nE:ID_REVISION=\nG:systemd\n";
        file(place.path(), "run/udev/data/b8:0", text);
        let sda = BlockDevice::find(place.path(), (8, 0), None).unwrap();
        for (key, value) in [("ID_MODEL", Some("A=B")), ("ID_REVISION", None), ("ID_MOD", None), ("disk/by-id/x", None)]
        {
            assert_eq!(sda.udev(key).as_deref(), value, "{key}");
        }
    }

    #[test]
    fn text_is_cleaned() {
        for (text, clean) in [(" a  b \n", Some("a  b")), ("x\0\0", Some("x")), (" \0 ", None), ("", None)] {
            assert_eq!(cleaned(text).as_deref(), clean);
        }
    }
}
