//! What of a machine makes its figures doubtful, in words for people.

use super::Machine;
use super::virtualization::is_virtual_machine;

/// Percent of the time that tasks may wait for a core or storage before somebody else is taken to be at work.
const BUSY_PERCENT: f64 = 10.0;

/// Evidence, before the first run, that figures may mislead; `source_bytes` is what one run deals with, and `has_cold` says
/// whether some run begins with a cold source.
pub fn warnings(machine: &Machine, source_bytes: u64, has_cold: bool) -> Vec<String> {
    let mut warnings = unrest(machine);
    if has_cold && machine.virtualization.as_deref().is_some_and(is_virtual_machine) {
        warnings.push("a virtual machine: its host may cache what is cold here; read 'cold' as guest-cold".to_owned());
    }
    warnings.extend(storage(machine));
    if let Some(available) = machine.available_bytes
        && available < source_bytes.saturating_mul(2)
    {
        warnings.push("less memory is available than source and target need: what is warm may not stay so".to_owned());
    }
    warnings
}

/// Evidence that figures of any kind may mislead: others are at work, or cores and disk are not what they seem.
pub fn unrest(machine: &Machine) -> Vec<String> {
    let mut warnings = busy(machine);
    if let (Some(quota), Some(online)) = (machine.quota, machine.online)
        && quota < online as f64
    {
        warnings.push(format!("the control group grants {quota} of {online} cores: threads beyond that are paused"));
    }
    if let Some(limits) = &machine.io_limits {
        warnings.push(format!(
            "the control group limits the disk ({limits}): figures show that, and not what the disk can do"
        ));
    }
    if let Some(governor) = machine.governor.as_deref().filter(|governor| *governor != "performance") {
        warnings.push(format!("the frequency governor is {governor}: the first runs may be slower than later ones"));
    }
    warnings
}

fn busy(machine: &Machine) -> Vec<String> {
    let mut warnings = vec![];
    if let Some(load) = machine.load
        && load > machine.cores as f64 / 2.0
    {
        let cores = if machine.cores == 1 { "core" } else { "cores" };
        warnings.push(format!("others were at work: load {load:.1} on {} {cores}", machine.cores));
    }
    if let Some([cpu, io, _]) = machine.pressure_percent {
        for (what, percent) in [("a core", cpu), ("storage", io)] {
            if percent > BUSY_PERCENT {
                warnings.push(format!("others were at work: tasks waited for {what} in {percent:.0} % of the time"));
            }
        }
    }
    warnings
}

fn storage(machine: &Machine) -> Option<String> {
    if matches!(machine.file_system.as_str(), "tmpfs" | "ramfs") {
        return Some(format!("{} is memory: no disk is measured", machine.file_system));
    }
    let option = compression(machine)?;
    Some(format!("the file system compresses ({option}): data of low entropy moves fewer bytes than it has"))
}

/// The mount option by which the file system compresses: "compress=zstd:3", "compress-force", bcachefs's and f2fs's
/// "compression=lz4".
pub fn compression(machine: &Machine) -> Option<&str> {
    let options = machine.mount_options.as_deref()?;
    options.split(',').find(|option| option.starts_with("compress") && !option.ends_with("=no"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that nothing is to be said of.
    fn quiet() -> Machine {
        Machine {
            governor: Some("performance".into()),
            online: Some(4),
            cores: 4,
            load: Some(2.0),
            pressure_percent: Some([10.0, 3.0, 99.0]),
            available_bytes: Some(2 << 30),
            file_system: "ext4".into(),
            mount_options: Some("rw,relatime".into()),
            ..Machine::default()
        }
    }

    #[test]
    fn nothing_is_said_without_evidence() {
        for machine in [quiet(), Machine { cores: 1, ..Machine::default() }] {
            assert_eq!(warnings(&machine, 1 << 30, true), Vec::<String>::new());
        }
    }

    #[test]
    fn each_piece_of_evidence_has_its_sentence() {
        for (machine, words) in [
            (Machine { load: Some(2.1), ..quiet() }, "load 2.1 on 4 cores"),
            (Machine { load: Some(0.6), cores: 1, ..quiet() }, "load 0.6 on 1 core"),
            (Machine { pressure_percent: Some([10.1, 0.0, 0.0]), ..quiet() }, "waited for a core in 10 %"),
            (Machine { pressure_percent: Some([0.0, 33.0, 0.0]), ..quiet() }, "waited for storage in 33 %"),
            (Machine { quota: Some(1.5), ..quiet() }, "grants 1.5 of 4 cores"),
            (Machine { io_limits: Some("reads 1.0 MiB/s".into()), ..quiet() }, "limits the disk (reads 1.0 MiB/s)"),
            (Machine { governor: Some("powersave".into()), ..quiet() }, "governor is powersave"),
            (Machine { virtualization: Some("KVM, Docker".into()), ..quiet() }, "guest-cold"),
            (Machine { file_system: "tmpfs".into(), ..quiet() }, "tmpfs is memory"),
            (Machine { mount_options: Some("rw,compress-force=zstd:3".into()), ..quiet() }, "(compress-force=zstd:3)"),
            (Machine { available_bytes: Some((2 << 30) - 1), ..quiet() }, "less memory"),
        ] {
            let said = warnings(&machine, 1 << 30, true);
            assert!(said.len() == 1 && said[0].contains(words), "{words}: {said:?}");
        }
        let virtual_machine = Machine { virtualization: Some("KVM".into()), ..quiet() };
        assert_eq!(warnings(&virtual_machine, 1 << 30, false), Vec::<String>::new(), "nothing is called cold");
        for machine in [
            Machine { quota: Some(4.0), ..quiet() },
            Machine { virtualization: Some("Docker".into()), ..quiet() },
            Machine { mount_options: Some("rw,compress=no".into()), ..quiet() },
        ] {
            assert_eq!(warnings(&machine, 1 << 30, true), Vec::<String>::new());
        }
    }
}
