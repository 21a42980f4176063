//! How much of the processors the control group grants (`cgroups(7)`): the least of its own limit and those above it.

use super::mounts::Mount;
use crate::measure::proc;

/// Cores' worth of time; `None` where there is no limit, or none that can be seen: a container does not see those that
/// were set above it.
pub(super) fn quota(mountinfo: &str, cgroup: &str) -> Option<f64> {
    let limits = directories(mountinfo, cgroup).into_iter().filter_map(|directory| {
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

/// The directories of our control group and of those above it, of both versions.
fn directories(mountinfo: &str, cgroup: &str) -> Vec<String> {
    let mut directories = vec![];
    for mount in Mount::all(mountinfo) {
        let path = match mount.kind.as_str() {
            "cgroup2" => path(cgroup, str::is_empty),
            "cgroup" if mount.options.split(',').any(|option| option == "cpu") => {
                path(cgroup, |controllers| controllers.split(',').any(|controller| controller == "cpu"))
            }
            _ => None,
        };
        let Some(path) = path else { continue };
        // A container may see its own group as the root of the mount, yet read its path on the host.
        let below = path.strip_prefix(&mount.root).unwrap_or_default();
        let below = if below.contains("..") { "" } else { below };
        let mut directory = mount.point.trim_end_matches('/').to_owned();
        directories.push(directory.clone());
        for name in below.split('/').filter(|name| !name.is_empty()) {
            directory = format!("{directory}/{name}");
            directories.push(directory.clone());
        }
    }
    directories
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
            assert_eq!(directories(mounts, cgroup), expected, "{cgroup}");
        }
        assert_eq!(quota(v2, "0::/no such group of ours\n").filter(|cores| *cores <= 0.0), None);
    }
}
