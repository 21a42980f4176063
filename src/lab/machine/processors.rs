//! Processors: which, and how many are online.

use crate::lab::probe::proc;

/// Keys of /proc/cpuinfo that hold a name for people, which differ from architecture to architecture: x86, ARM boards,
/// POWER, MIPS, RISC-V.
const NAMES: [&str; 5] = ["model name", "Model", "cpu", "cpu model", "uarch"];

/// The model of the first processor.
pub(super) fn model(cpuinfo: &str) -> Option<String> {
    NAMES.iter().find_map(|key| proc::value(cpuinfo, key)).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Whether the first processor says that a hypervisor runs it (x86 only).
pub(super) fn is_virtual(cpuinfo: &str) -> bool {
    proc::value(cpuinfo, "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor"))
}

/// How many a list such as "0-3,8" names.
pub(super) fn count(ranges: &str) -> Option<usize> {
    ranges
        .split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            last.checked_sub(first).map(|more| more + 1)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPYC: &str = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\
                        cpu MHz\t\t: 2596.146\nflags\t\t: fpu vme hypervisor lahf_lm\n\nprocessor\t: 1\n";
    const RYZEN: &str = "processor\t: 0\nmodel name\t: AMD Ryzen 9\nflags\t\t: fpu vme nohypervisor\n";
    const RASPBERRY: &str = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU part\t: 0xd08\n\nModel\t\t: Raspberry Pi 4\n";
    const GRAVITON: &str = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n";
    const POWER: &str = "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 3800.000000MHz\n";

    #[test]
    fn models_are_found_on_every_architecture_that_names_them() {
        for (text, name, virtually) in [
            (EPYC, Some("AMD EPYC"), true),
            (RYZEN, Some("AMD Ryzen 9"), false),
            (RASPBERRY, Some("Raspberry Pi 4"), false),
            (GRAVITON, None, false),
            (POWER, Some("POWER9, altivec supported"), false),
            ("", None, false),
        ] {
            assert_eq!(model(text).as_deref(), name);
            assert_eq!(is_virtual(text), virtually, "{text}");
        }
    }

    #[test]
    fn lists_of_processors_are_counted() {
        for (list, processors) in
            [("0", Some(1)), ("0-1", Some(2)), ("0-3,8,10-11", Some(7)), ("", None), ("3-1", None), ("a", None)]
        {
            assert_eq!(count(list), processors, "{list}");
        }
    }
}
