//! The block device below a file system, as /sys describes it.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor, stat};

use super::mounts::Mount;
use super::{chosen, line};
use crate::outcome::Disk;

/// Settings of a queue that explain figures.
const SETTINGS: [&str; 8] = [
    "rotational",
    "scheduler",
    "read_ahead_kb",
    "max_sectors_kb",
    "optimal_io_size",
    "logical_block_size",
    "physical_block_size",
    "write_cache",
];

/// The disk that holds the file system with this device number; of one made of others (LVM, RAID), the topmost.
pub(super) fn below(device: (u32, u32), mount: Option<&Mount>) -> Option<Disk> {
    by_number(Path::new("/sys/dev/block"), device).or_else(|| {
        // btrfs has device numbers that stand for no device: then the mount names one. Not what only looks like a path,
        // such as a remote host's.
        let source = mount?.source.as_str();
        let name = source.strip_prefix("/dev/")?;
        // In a container the device may be missing where the kernel says that it is.
        let number = stat(source).ok().map(|device| (major(device.st_rdev), minor(device.st_rdev)));
        number
            .and_then(|number| by_number(Path::new("/sys/dev/block"), number))
            .or_else(|| described(&Path::new("/sys/class/block").join(name)))
    })
}

/// The disk with this number, or the one that this partition is of; `numbers` is a directory such as /sys/dev/block.
fn by_number(numbers: &Path, (major, minor): (u32, u32)) -> Option<Disk> {
    described(&numbers.join(format!("{major}:{minor}")))
}

/// Follows the link to a device's directory: `…/block/sda/sda1`.
fn described(link: &Path) -> Option<Disk> {
    let mut directory: PathBuf = link.canonicalize().ok()?;
    if directory.join("partition").exists() {
        directory.pop();
    }
    let name = String::from_utf8_lossy(directory.file_name()?.as_bytes()).into_owned();
    let queue = SETTINGS
        .iter()
        .filter_map(|setting| {
            let value = line(directory.join("queue").join(setting).to_str()?)?;
            Some(((*setting).to_owned(), chosen(&value).to_owned()))
        })
        .collect();
    Some(Disk { name, queue })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A /sys with a disk of two partitions.
    #[allow(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn made(root: &Path) -> PathBuf {
        let (disk, numbers) = (root.join("devices/pci/block/sda"), root.join("dev/block"));
        std::fs::create_dir_all(disk.join("sda2")).unwrap();
        std::fs::create_dir_all(disk.join("queue")).unwrap();
        std::fs::create_dir_all(&numbers).unwrap();
        std::fs::write(disk.join("sda2/partition"), "2\n").unwrap();
        std::fs::write(disk.join("queue/scheduler"), "none [mq-deadline] kyber\n").unwrap();
        std::fs::write(disk.join("queue/rotational"), "1\n").unwrap();
        std::fs::write(disk.join("queue/nr_requests"), "256\n").unwrap();
        std::os::unix::fs::symlink("../../devices/pci/block/sda", numbers.join("8:0")).unwrap();
        std::os::unix::fs::symlink("../../devices/pci/block/sda/sda2", numbers.join("8:2")).unwrap();
        std::os::unix::fs::symlink("../../devices/pci/block/gone", numbers.join("8:16")).unwrap();
        numbers
    }

    #[test]
    fn a_partition_is_described_by_its_disk() {
        let root = tempfile::tempdir().unwrap();
        let numbers = made(root.path());
        let queue = [("rotational", "1"), ("scheduler", "mq-deadline")];
        let queue = queue.map(|(setting, value)| (setting.to_owned(), value.to_owned())).to_vec();
        let disk = Some(Disk { name: "sda".to_owned(), queue });
        assert_eq!(by_number(&numbers, (8, 0)), disk);
        assert_eq!(by_number(&numbers, (8, 2)), disk);
        assert_eq!((by_number(&numbers, (8, 16)), by_number(&numbers, (9, 0))), (None, None));
    }

    #[test]
    fn what_is_mounted_from_no_device_has_no_disk() {
        for source in ["tmpfs", "overlay", "server:/dev/x", "/dev/no such device", "//server/share"] {
            let mountinfo = format!("1 0 0:99 / / rw - x {} rw\n", source.replace(' ', "\\040"));
            assert_eq!(below((0, 0), Mount::by_id(&mountinfo, 1).as_ref()), None, "{source}");
        }
        assert_eq!(below((0, 0), None), None);
    }
}
