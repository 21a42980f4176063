//! What the control group grants of the processors, of memory and of a disk (`cgroups(7)`): the least of its own limit and those
//! above it.

use super::line;
use super::mounts::Mount;
use crate::lab::probe::proc;
use crate::size::binary;

/// Cores' worth of time; `None` where there is no limit, or none that can be seen: a container does not see those that
/// were set above it.
pub(super) fn quota(mountinfo: &str, cgroup: &str) -> Option<f64> {
    let limits = directories(mountinfo, cgroup, "cpu").into_iter().flatten().filter_map(|directory| {
        let file = |name| proc::read(format!("{directory}/{name}"));
        // Version 2 has one file, version 1 two.
        file("cpu.max")
            .and_then(|text| limit(&text))
            .or_else(|| limit(&format!("{} {}", file("cpu.cfs_quota_us")?.trim(), file("cpu.cfs_period_us")?.trim())))
    });
    limits.min_by(f64::total_cmp)
}

/// "150000 100000": so many µs in each period of so many. "max" and -1 are no limit.
fn limit(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

/// Bytes of memory that the group may still take; `None` without a limit. Its page cache counts as free: the kernel takes
/// that back first.
pub(super) fn memory_left(mountinfo: &str, cgroup: &str) -> Option<u64> {
    let left = |directory: String| {
        let file = |name| proc::read(format!("{directory}/{name}"));
        let number = |name| file(name)?.trim().parse::<u64>().ok();
        // Version 1 has other names, and a huge number instead of "max".
        let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
        let used = number("memory.current").or_else(|| number("memory.usage_in_bytes"))?;
        Some(limit.saturating_sub(used.saturating_sub(page_cache(&file("memory.stat")?))))
    };
    directories(mountinfo, cgroup, "memory").into_iter().flatten().filter_map(left).min()
}

/// The line "file 12345" of version 2, "cache 12345" of version 1.
fn page_cache(stat: &str) -> u64 {
    let value = |key: &str| stat.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok());
    value("file").or_else(|| value("cache")).unwrap_or(0)
}

/// What can be limited of a disk: its key in `io.max`, its file of version 1, what it is, and whether it is bytes.
const LIMITS: [(&str, &str, &str, bool); 4] = [
    ("rbps", "blkio.throttle.read_bps_device", "reads", true),
    ("wbps", "blkio.throttle.write_bps_device", "writes", true),
    ("riops", "blkio.throttle.read_iops_device", "reads", false),
    ("wiops", "blkio.throttle.write_iops_device", "writes", false),
];

/// A limit of each kind, a second.
type IoLimits = [Option<u64>; 4];

/// What is granted of the disk of this name: "reads 100.0 MiB/s, writes 200 a second". Of version 1 the own group's limits
/// alone count, which knows no others unless it is told to (`sane_behavior`; block/blk-throttle.c).
pub(super) fn io_limits(mountinfo: &str, cgroup: &str, disk: &str) -> Option<String> {
    let device = line(format!("/sys/class/block/{disk}/dev"))?;
    let mut limits = IoLimits::default();
    for groups in directories(mountinfo, cgroup, "blkio") {
        for group in &groups {
            lower(&mut limits, io_max(&proc::read(format!("{group}/io.max")).unwrap_or_default(), &device));
        }
        let Some(own) = groups.last() else { continue };
        lower(&mut limits, LIMITS.map(|(_, file, ..)| throttle(&proc::read(format!("{own}/{file}"))?, &device)));
    }
    in_words(limits)
}

fn lower(limits: &mut IoLimits, others: IoLimits) {
    for (limit, other) in limits.iter_mut().zip(others) {
        *limit = [*limit, other].into_iter().flatten().min();
    }
}

/// A line is "8:16 rbps=2097152 wbps=max riops=max wiops=120".
fn io_max(text: &str, device: &str) -> IoLimits {
    let line = text.lines().find_map(|line| line.strip_prefix(device)?.strip_prefix(' ')).unwrap_or_default();
    LIMITS.map(|(key, ..)| line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok()))
}

/// A line is "8:16 2097152".
fn throttle(text: &str, device: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(device)?.strip_prefix(' ')?.parse().ok())
}

fn in_words(limits: IoLimits) -> Option<String> {
    let words: Vec<String> = LIMITS
        .iter()
        .zip(limits)
        .filter_map(|((_, _, what, is_bytes), limit)| {
            let limit = limit?;
            Some(if *is_bytes { format!("{what} {}/s", binary(limit)) } else { format!("{what} {limit} a second") })
        })
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The directories of our control group and of those above it, ours last, in each hierarchy that has the controller:
/// version 2 has all of them in one.
fn directories(mountinfo: &str, cgroup: &str, controller: &str) -> Vec<Vec<String>> {
    let mut hierarchies = vec![];
    for mount in Mount::all(mountinfo) {
        let path = match mount.kind.as_str() {
            "cgroup2" => path(cgroup, str::is_empty),
            "cgroup" if mount.options.split(',').any(|option| option == controller) => {
                path(cgroup, |controllers| controllers.split(',').any(|name| name == controller))
            }
            _ => None,
        };
        let Some(path) = path else { continue };
        // A container may see its own group as the root of the mount, yet read its path on the host.
        let below = path.strip_prefix(&mount.root).unwrap_or_default();
        let below = if below.contains("..") { "" } else { below };
        let mut directory = mount.point.trim_end_matches('/').to_owned();
        let mut directories = vec![directory.clone()];
        for name in below.split('/').filter(|name| !name.is_empty()) {
            directory = format!("{directory}/{name}");
            directories.push(directory.clone());
        }
        hierarchies.push(directories);
    }
    hierarchies
}

/// The path of our group in the hierarchy whose controllers fit; a line is "4:cpu,cpuacct:/user.slice".
fn path(cgroup: &str, fits: impl Fn(&str) -> bool) -> Option<&str> {
    cgroup.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        fits(controllers).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_cache_is_named_differently_by_either_version() {
        assert_eq!(page_cache("anon 7\nfile_mapped 3\nfile 12\n"), 12);
        assert_eq!(page_cache("cache 9\nrss 3\n"), 9);
        assert_eq!(page_cache("anon 7\n"), 0);
    }

    #[test]
    fn limits_are_cores() {
        for (text, cores) in [
            ("max 100000\n", None),
            ("150000 100000\n", Some(1.5)),
            ("50000 100000", Some(0.5)),
            ("-1 100000", None),
            ("100000", None),
            ("", None),
            ("100 0", None),
        ] {
            assert_eq!(limit(text), cores, "{text:?}");
        }
    }

    #[test]
    fn limits_of_a_disk_are_read_in_both_versions() {
        const MIB: u64 = 1 << 20;
        let text = "8:16 rbps=2097152 wbps=max riops=max wiops=120\n254:0 rbps=max wbps=1048576 riops=7 wiops=max\n";
        for (device, expected) in [
            ("8:16", [Some(2 * MIB), None, None, Some(120)]),
            ("254:0", [None, Some(MIB), Some(7), None]),
            ("8:1", [None; 4]),
            ("54:0", [None; 4]),
        ] {
            assert_eq!(io_max(text, device), expected, "{device}");
        }
        assert_eq!(io_max("8:16\n", "8:16"), [None; 4]);
        let text = "8:16 2097152\n254:0 1048576\nTotal x\n";
        for (device, expected) in [("8:16", Some(2 * MIB)), ("254:0", Some(MIB)), ("8:1", None), ("Total", None)] {
            assert_eq!(throttle(text, device), expected, "{device}");
        }
    }

    #[test]
    fn the_lowest_limit_of_each_kind_is_told() {
        let mut limits = [Some(9), None, Some(5), None];
        lower(&mut limits, [Some(100 << 20), Some(1536), None, None]);
        assert_eq!(limits, [Some(9), Some(1536), Some(5), None]);
        assert_eq!(in_words(limits).unwrap(), "reads 9 B/s, writes 1.5 KiB/s, reads 5 a second");
        assert_eq!(in_words([None, None, None, Some(120)]).unwrap(), "writes 120 a second");
        assert_eq!(in_words([None; 4]), None);
    }

    #[test]
    fn groups_are_found_where_they_are_mounted() {
        let v2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        let v1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
                  33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";
        let docker_v1 = "32 31 0:29 /docker/ab12 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
        let both = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
                    32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        for (mounts, cgroup, expected) in [
            (v2, "0::/user.slice/a.scope\n", &["", "/user.slice", "/user.slice/a.scope"][..]),
            (v2, "0::/\n", &[""]),
            (v2, "0::/../../other\n", &[""]),
            (v1, "5:cpuset:/x\n4:cpu,cpuacct:/jobs\n", &["/cpu,cpuacct", "/cpu,cpuacct/jobs"]),
            (docker_v1, "4:cpu:/docker/ab12\n", &["/cpu"]),
            (docker_v1, "4:cpu:/docker/ab12/inner\n", &["/cpu", "/cpu/inner"]),
            (both, "1:cpu:/\n0::/\n", &["/unified", "/cpu"]),
            (v1, "0::/\n", &[]),
            ("", "0::/\n", &[]),
        ] {
            let expected: Vec<String> = expected.iter().map(|below| format!("/sys/fs/cgroup{below}")).collect();
            assert_eq!(directories(mounts, cgroup, "cpu").concat(), expected, "{cgroup}");
        }
        assert_eq!(quota(v2, "0::/no such group of ours\n").filter(|cores| *cores <= 0.0), None);
    }
}
