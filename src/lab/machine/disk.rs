//! The disk below a file system: which one it is, and how its queue is set.

use super::block_device::{BlockDevice, cleaned};
use super::{Disk, chosen, line};
use crate::lab::probe::proc;

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

/// Bytes that a sector has in `size`, whatever the disk's blocks have (`SECTOR_SIZE` in `include/linux/blk_types.h`).
const SECTOR_BYTES: u64 = 512;

/// The vendor that the kernel gives to all disks that speak ATA (SAT-5, INQUIRY), in place of their maker.
const ATA: &str = "ATA";

/// The disk that this device is or is a partition of; of one made of others (LVM, RAID), the topmost.
pub(super) fn describe(device: &BlockDevice<'_>) -> Option<Disk> {
    let disk = device.clone().whole();
    let queue = SETTINGS
        .iter()
        .filter_map(|setting| {
            let value = line(disk.directory.join("queue").join(setting))?;
            Some(((*setting).to_owned(), chosen(&value).to_owned()))
        })
        .collect();
    let sectors = line(disk.directory.join("size")).and_then(|text| text.parse::<u64>().ok());
    let (name, hardware) = (disk.name()?, disk.single_disk());
    Some(Disk {
        name,
        partition: device.is_partition().then(|| device.name()).flatten(),
        model: model(&hardware),
        serial: serial(&hardware),
        firmware: firmware(&hardware),
        size_bytes: sectors.and_then(|sectors| sectors.checked_mul(SECTOR_BYTES)),
        queue,
    })
}

/// `NVMe` and SCSI have a file "model", an MMC "name" (`Documentation/driver-api/mmc/mmc-dev-attrs.rst`). The vendor stands
/// before it, unless the model begins with it. Virtio has a vendor, but no model.
fn model(disk: &BlockDevice<'_>) -> Option<String> {
    let vendor = disk.text("device/vendor").filter(|vendor| vendor != ATA);
    let model = disk.text("device/model").map(|model| match vendor {
        Some(vendor) if !model.starts_with(&vendor) => format!("{vendor} {model}"),
        _ => model,
    });
    // udev writes underscores in place of blanks.
    let of_udev = disk.udev("ID_MODEL").map(|model| model.replace('_', " "));
    longer(disk, model.or_else(|| mmc(disk, "device/name")), of_udev)
}

fn firmware(disk: &BlockDevice<'_>) -> Option<String> {
    let revision = disk.text("device/firmware_rev").or_else(|| disk.text("device/rev"));
    longer(disk, revision.or_else(|| mmc(disk, "device/fwrev")), disk.udev("ID_REVISION"))
}

/// `NVMe`, MMC and SCSI have `device/serial`, SCSI since 2026 only, and before the page that holds it; virtio has
/// `serial` without "device".
fn serial(disk: &BlockDevice<'_>) -> Option<String> {
    disk.text("device/serial")
        .or_else(|| unit_serial_number(&proc::bytes(disk.directory.join("device/vpd_pg80"))?))
        .or_else(|| disk.text("serial"))
        .or_else(|| disk.udev("ID_SERIAL_SHORT"))
}

/// A file that means this of an MMC only: what has the name "name" elsewhere is something else, such as an image of Ceph.
fn mmc(disk: &BlockDevice<'_>, file: &str) -> Option<String> {
    disk.name().filter(|name| name.starts_with("mmcblk")).and_then(|_| disk.text(file))
}

/// What the kernel says before what udev says. But of a disk that speaks ATA the kernel cuts the model after 16 bytes, the
/// firmware after 4, as SCSI's INQUIRY does, where udev asked the disk itself.
fn longer(disk: &BlockDevice<'_>, kernel: Option<String>, udev: Option<String>) -> Option<String> {
    if disk.text("device/vendor").as_deref() == Some(ATA) { udev.or(kernel) } else { kernel.or(udev) }
}

/// The serial number in SCSI's page 80h of vital product data: device type, page code, two bytes of length (big-endian),
/// then so many bytes of text, blanks before or after it (SPC-5, "Unit Serial Number VPD page").
fn unit_serial_number(page: &[u8]) -> Option<String> {
    let [_, 0x80, high, low, text @ ..] = page else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    cleaned(&String::from_utf8_lossy(&text[..length.min(text.len())]))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::block_device::testing::{device, file, link};
    use super::*;

    /// Disks of all kinds.
    fn made(root: &Path) {
        for (path, number) in [
            ("nvme/nvme0n1", "259:0"),
            ("nvme/nvme0n1/nvme0n1p2", "259:2"),
            ("sata/sda", "8:0"),
            ("sata/sda/sda1", "8:1"),
            ("usb/sdb", "8:16"),
            ("qemu/sdc", "8:32"),
            ("virtio/vda", "254:0"),
            ("mmc/mmcblk0", "179:0"),
            ("mmc/mmcblk0/mmcblk0p1", "179:1"),
            ("rbd/rbd0", "252:0"),
            ("bare/loop0", "7:0"),
            ("cloud/xvda", "202:0"),
            ("virtual/dm-0", "253:0"),
        ] {
            device(root, path, number);
        }
        for (path, text) in [
            ("nvme/nvme0n1/nvme0n1p2/partition", "2\n"),
            ("nvme/nvme0n1/size", "1953525168\n"),
            ("nvme/nvme0n1/nvme0n1p2/size", "2048\n"),
            ("nvme/nvme0n1/device/model", "Samsung SSD 970 EVO 1TB                 \n"),
            ("nvme/nvme0n1/device/serial", "S467NX0K         \n"),
            ("nvme/nvme0n1/device/firmware_rev", "2B2QEXE7\n"),
            ("sata/sda/sda1/partition", "1\n"),
            ("sata/sda/queue/scheduler", "none [mq-deadline] kyber\n"),
            ("sata/sda/queue/rotational", "1\n"),
            ("sata/sda/queue/nr_requests", "256\n"),
            ("sata/sda/device/vendor", "ATA     \n"),
            ("sata/sda/device/model", "Samsung SSD 860 \n"),
            ("sata/sda/device/rev", "1B6Q\n"),
            ("usb/sdb/device/vendor", "SanDisk \n"),
            ("usb/sdb/device/model", "Ultra           \n"),
            ("usb/sdb/device/rev", "1.00\n"),
            ("qemu/sdc/device/vendor", "QEMU    \n"),
            ("qemu/sdc/device/model", "QEMU HARDDISK   \n"),
            ("qemu/sdc/device/serial", "drive-scsi0\n"),
            ("virtio/vda/size", "16\n"),
            ("virtio/vda/serial", "disk-1"),
            ("virtio/vda/device/vendor", "0x1af4\n"),
            ("mmc/mmcblk0/device/name", "SC64G\n"),
            ("mmc/mmcblk0/device/serial", "0x2a1b3c4d\n"),
            ("mmc/mmcblk0/device/fwrev", "0x0\n"),
            ("mmc/mmcblk0/mmcblk0p1/partition", "1\n"),
            ("rbd/rbd0/device/name", "image\n"),
            ("bare/loop0/size", "many\n"),
            ("cloud/xvda/size", "18446744073709551615\n"),
        ] {
            file(root, &format!("sys/devices/{path}"), text);
        }
        file(root, "sys/devices/sata/sda/device/vpd_pg80", b"\x00\x80\x00\x14    S3Z8NB0K123456XY    ");
        link(root, "sys/devices/virtual/dm-0/slaves/nvme0n1p2", root.join("sys/class/block/nvme0n1p2"));
    }

    /// Name, partition, model, serial, firmware, size.
    type Row = (&'static str, [Option<&'static str>; 4], Option<u64>);

    fn check(root: &Path, rows: &[((u32, u32), Row)]) {
        for (number, (name, [partition, model, serial, firmware], size_bytes)) in rows {
            let disk = describe(&BlockDevice::find(root, *number, None).unwrap()).unwrap();
            let expected = Disk {
                name: (*name).to_owned(),
                partition: partition.map(str::to_owned),
                model: model.map(str::to_owned),
                serial: serial.map(str::to_owned),
                firmware: firmware.map(str::to_owned),
                size_bytes: *size_bytes,
                queue: disk.queue.clone(),
            };
            assert_eq!(disk, expected);
        }
    }

    const NVME: [Option<&str>; 3] = [Some("Samsung SSD 970 EVO 1TB"), Some("S467NX0K"), Some("2B2QEXE7")];
    const NVME_BYTES: Option<u64> = Some(1_000_204_886_016);

    #[test]
    fn disks_of_all_kinds_say_which_they_are() {
        let place = tempfile::tempdir().unwrap();
        made(place.path());
        let [model, serial, firmware] = NVME;
        let sata = [Some("Samsung SSD 860"), Some("S3Z8NB0K123456XY"), Some("1B6Q")];
        check(
            place.path(),
            &[
                ((259, 0), ("nvme0n1", [None, model, serial, firmware], NVME_BYTES)),
                ((259, 2), ("nvme0n1", [Some("nvme0n1p2"), model, serial, firmware], NVME_BYTES)),
                ((253, 0), ("dm-0", [None, model, serial, firmware], None)),
                ((8, 1), ("sda", [Some("sda1"), sata[0], sata[1], sata[2]], None)),
                ((8, 16), ("sdb", [None, Some("SanDisk Ultra"), None, Some("1.00")], None)),
                ((8, 32), ("sdc", [None, Some("QEMU HARDDISK"), Some("drive-scsi0"), None], None)),
                ((254, 0), ("vda", [None, None, Some("disk-1"), None], Some(8192))),
                ((179, 1), ("mmcblk0", [Some("mmcblk0p1"), Some("SC64G"), Some("0x2a1b3c4d"), Some("0x0")], None)),
                ((252, 0), ("rbd0", [None; 4], None)),
                ((7, 0), ("loop0", [None; 4], None)),
                ((202, 0), ("xvda", [None; 4], None)),
            ],
        );
    }

    #[test]
    fn udev_knows_more_of_ata_and_otherwise_fills_gaps() {
        let place = tempfile::tempdir().unwrap();
        made(place.path());
        for number in ["8:0", "259:0", "202:0"] {
            let text = "E:ID_MODEL=Samsung_SSD_860_EVO\nE:ID_SERIAL_SHORT=S1\nE:ID_REVISION=RVT01B6Q\n";
            file(place.path(), &format!("run/udev/data/b{number}"), text);
        }
        let [model, serial, firmware] = NVME;
        let udev = (Some("Samsung SSD 860 EVO"), Some("RVT01B6Q"));
        check(
            place.path(),
            &[
                ((8, 1), ("sda", [Some("sda1"), udev.0, Some("S3Z8NB0K123456XY"), udev.1], None)),
                ((259, 0), ("nvme0n1", [None, model, serial, firmware], NVME_BYTES)),
                ((202, 0), ("xvda", [None, udev.0, Some("S1"), udev.1], None)),
            ],
        );
    }

    #[test]
    fn a_partition_has_the_queue_of_its_disk() {
        let place = tempfile::tempdir().unwrap();
        made(place.path());
        let queue = [("rotational", "1"), ("scheduler", "mq-deadline")];
        let queue = queue.map(|(setting, value)| (setting.to_owned(), value.to_owned()));
        for number in [(8, 0), (8, 1)] {
            assert_eq!(describe(&BlockDevice::find(place.path(), number, None).unwrap()).unwrap().queue, queue);
        }
    }

    #[test]
    fn a_page_of_another_kind_or_cut_short_says_what_it_can() {
        for (page, serial) in [
            (&b"\x00\x80\x00\x04 AB "[..], Some("AB")),
            (b"\x00\x80\x00\x02ABCD", Some("AB")),
            (b"\x00\x80\x00\xffAB\0\0", Some("AB")),
            (b"\x00\x80\x00\x02  ", None),
            (b"\x00\x83\x00\x02AB", None),
            (b"\x00\x80\x00", None),
            (b"", None),
        ] {
            assert_eq!(unit_serial_number(page).as_deref(), serial, "{page:?}");
        }
    }
}
