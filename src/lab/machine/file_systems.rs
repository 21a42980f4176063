//! What file systems are called: what their numbers mean, and their UUIDs.

use super::block_device::{BlockDevice, number};
use crate::lab::probe::proc;

/// The name of a file system by its number in statfs(2); the number in hexadecimal where we know no name.
pub(crate) fn file_system_name(magic: u64) -> String {
    NAMES
        .iter()
        .find(|(number, _)| *number == magic)
        .map_or_else(|| format!("{magic:#x}"), |(_, name)| (*name).to_owned())
}

/// The UUID of the file system on this device, as every user may learn it. In the order of how often they are there: the
/// links that udev makes, its database, and of btrfs a directory of the kernel's own, which containers have, too.
pub(super) fn uuid(device: &BlockDevice<'_>) -> Option<String> {
    by_link(device).or_else(|| device.udev("ID_FS_UUID")).or_else(|| of_btrfs(device))
}

/// /dev/disk/by-uuid/UUID leads to the device. Of a btrfs on several devices it leads to one of them, maybe another.
fn by_link(device: &BlockDevice<'_>) -> Option<String> {
    let device_number = device.number()?;
    let is_same = |(major, minor)| format!("{major}:{minor}") == device_number;
    let links = proc::entries(&device.root.join("dev/disk/by-uuid"));
    let link = links.into_iter().find(|link| number(link).is_some_and(is_same))?;
    link.file_name()?.to_str().map(str::to_owned)
}

/// /sys/fs/btrfs/UUID/devices has a link for each device (btrfs(5)). Beside the UUIDs there is a directory "features".
fn of_btrfs(device: &BlockDevice<'_>) -> Option<String> {
    let name = device.name()?;
    let file_systems = proc::entries(&device.root.join("sys/fs/btrfs"));
    let directory = file_systems.into_iter().find(|directory| directory.join("devices").join(&name).exists())?;
    directory.file_name()?.to_str().map(str::to_owned)
}

/// From `linux/magic.h`, and from the sources of those that keep their number to themselves.
const NAMES: [(u64, &str); 25] = [
    (0x0000_4d44, "vfat"),
    (0x0000_6969, "nfs"),
    (0x0000_9660, "iso9660"),
    // ext2 and ext3 have the same number, and the same driver has long served all three.
    (0x0000_ef53, "ext4"),
    (0x0000_f15f, "ecryptfs"),
    (0x00c3_6400, "ceph"),
    (0x0102_1994, "tmpfs"),
    (0x0102_1997, "9p"),
    (0x0bd0_0bd0, "lustre"),
    (0x2011_bab0, "exfat"),
    (0x2fc1_2fc1, "zfs"),
    (0x3153_464a, "jfs"),
    (0x5846_5342, "xfs"),
    (0x4750_4653, "gpfs"),
    (0x5265_4973, "reiserfs"),
    (0x6573_5546, "fuse"),
    (0x7371_7368, "squashfs"),
    (0x794c_7630, "overlay"),
    (0x7366_746e, "ntfs3"),
    (0x8584_58f6, "ramfs"),
    (0x9123_683e, "btrfs"),
    (0xca45_1a4e, "bcachefs"),
    (0xf2f5_2010, "f2fs"),
    (0xfe53_4d42, "smb2"),
    (0xff53_4d42, "cifs"),
];

#[cfg(test)]
mod tests {
    use super::super::block_device::testing::{device, file, link};
    use super::*;

    #[test]
    fn file_systems_have_names() {
        for (magic, name) in [(0xef53, "ext4"), (0x0102_1994, "tmpfs"), (0x9123_683e, "btrfs"), (0x1234, "0x1234")] {
            assert_eq!(file_system_name(magic), name);
        }
    }

    #[test]
    fn a_uuid_is_found_in_the_first_place_that_has_it() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        // The numbers of /dev/null and /dev/zero, which every user may link to, where a test cannot make devices.
        for (name, number) in [("sda1", "1:3"), ("sda2", "8:2"), ("sda3", "8:3"), ("sda4", "8:4")] {
            device(root, &format!("block/sda/{name}"), number);
        }
        link(root, "dev/disk/by-uuid/0000-0000", "/dev/zero");
        link(root, "dev/disk/by-uuid/1A2B-3C4D", "/dev/null");
        link(root, "dev/disk/by-uuid/FFFF-FFFF", "../../gone");
        file(root, "run/udev/data/b1:3", "E:ID_FS_UUID=of-udev\n");
        file(root, "run/udev/data/b8:2", "E:ID_FS_UUID_ENC=encoded\nE:ID_FS_UUID=of-udev\n");
        file(root, "sys/fs/btrfs/features/zstd", "0\n");
        for name in ["sda2", "sda3"] {
            link(root, &format!("sys/fs/btrfs/of-btrfs/devices/{name}"), root.join("sys/class/block").join(name));
        }
        for (number, expected) in
            [((1, 3), Some("1A2B-3C4D")), ((8, 2), Some("of-udev")), ((8, 3), Some("of-btrfs")), ((8, 4), None)]
        {
            let device = BlockDevice::find(root, number, None).unwrap();
            assert_eq!(uuid(&device).as_deref(), expected, "{number:?}");
        }
    }
}
