//! Mounts, as /proc/self/mountinfo lists them (`proc_pid_mountinfo(5)`).

/// Options that are paths of the host, several kilobytes of them for a container's layers, and say nothing here.
const PATHS: [&str; 3] = ["lowerdir=", "upperdir=", "workdir="];

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    id: u64,
    device: (u32, u32),
    /// The directory of the file system that is shown there.
    pub(super) root: String,
    /// Where.
    pub(super) point: String,
    /// Options of this mount, then those of its file system that are not among them.
    pub(super) options: String,
    /// The file system, as mount(8) names it.
    pub(super) kind: String,
    /// What is mounted: "/dev/sda2".
    pub(super) source: String,
}

impl Mount {
    /// All that `mountinfo` lists.
    pub(super) fn all(mountinfo: &str) -> impl DoubleEndedIterator<Item = Self> {
        mountinfo.lines().filter_map(Self::parse)
    }

    /// The mount with this number, which /proc/self/fdinfo tells of a descriptor.
    pub(super) fn by_id(mountinfo: &str, id: u64) -> Option<Self> {
        Self::all(mountinfo).find(|mount| mount.id == id)
    }

    /// The latest mount of a device.
    pub(super) fn by_device(mountinfo: &str, device: (u32, u32)) -> Option<Self> {
        Self::all(mountinfo).rfind(|mount| mount.device == device)
    }

    /// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue". The fields before the dash
    /// are six or more.
    fn parse(line: &str) -> Option<Self> {
        let (of_mount, of_file_system) = line.split_once(" - ")?;
        let mut of_mount = of_mount.split(' ');
        let mut of_file_system = of_file_system.split(' ');
        let id = of_mount.next()?.parse().ok()?;
        let (major, minor) = of_mount.nth(1)?.split_once(':')?;
        let device = (major.parse().ok()?, minor.parse().ok()?);
        let (root, point) = (unescaped(of_mount.next()?), unescaped(of_mount.next()?));
        let mount_options = of_mount.next()?;
        let (kind, source) = (of_file_system.next()?.to_owned(), unescaped(of_file_system.next()?));
        let options = options(mount_options, of_file_system.next().unwrap_or_default());
        Some(Self { id, device, root, point, options, kind, source })
    }
}

fn options(of_mount: &str, of_file_system: &str) -> String {
    let mut options: Vec<&str> = of_mount.split(',').collect();
    for option in of_file_system.split(',') {
        // A file system that is read-only in one place may be written in another: what counts is the place.
        if !option.is_empty()
            && option != "rw"
            && !options.contains(&option)
            && !PATHS.iter().any(|path| option.starts_with(path))
        {
            options.push(option);
        }
    }
    unescaped(&options.join(","))
}

/// Blanks, tabs, line feeds, backslashes (and, in options, commas) stand as a backslash and three octal digits.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        match code {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard,resuid=65534
36 27 0:44 /@home /home rw,noatime shared:1 master:7 - btrfs /dev/nvme0n1p2 rw,ssd,compress=zstd:3,subvol=/@home
40 27 254:0 /var/lib /mnt/with\\040blank\\011tab ro,relatime - ext4 /dev/vda rw,discard
50 49 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u,workdir=/w,index=off
60 27 0:70 / /data rw - fuse.sshfs user@host:/a\\134b rw,user_id=0
broken line
70 27 x:y / /bad rw - ext4 /dev/x rw
71 27 8:1 / /short rw - ext4
";

    #[test]
    fn a_line_says_where_what_and_how() {
        for (id, device, root, point, kind, source, options) in [
            (27, (254, 0), "/", "/", "ext4", "/dev/vda", "rw,relatime,discard,resuid=65534"),
            (36, (0, 44), "/@home", "/home", "btrfs", "/dev/nvme0n1p2", "rw,noatime,ssd,compress=zstd:3,subvol=/@home"),
            (40, (254, 0), "/var/lib", "/mnt/with blank\ttab", "ext4", "/dev/vda", "ro,relatime,discard"),
            (50, (0, 60), "/", "/", "overlay", "overlay", "rw,relatime,index=off"),
            (60, (0, 70), "/", "/data", "fuse.sshfs", "user@host:/a\\b", "rw,user_id=0"),
        ] {
            let expected = Mount {
                id,
                device,
                root: root.into(),
                point: point.into(),
                options: options.into(),
                kind: kind.into(),
                source: source.into(),
            };
            assert_eq!(Mount::by_id(MOUNTS, id), Some(expected));
        }
        assert_eq!(Mount::all(MOUNTS).count(), 6, "what is not understood is passed over");
    }

    #[test]
    fn of_a_device_the_latest_mount_counts() {
        assert_eq!(Mount::by_device(MOUNTS, (254, 0)).unwrap().id, 40);
        assert_eq!((Mount::by_device(MOUNTS, (9, 9)), Mount::by_id("", 1)), (None, None));
    }

    #[test]
    fn what_only_looks_like_an_escape_stays() {
        for (text, plain) in [("a\\040b", "a b"), ("\\999", "\\999"), ("end\\04", "end\\04"), ("\\134040", "\\040")] {
            assert_eq!(unescaped(text), plain);
        }
    }
}
