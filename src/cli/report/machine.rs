//! The machine in short lines: what a reader needs before comparing figures with others.

use haul::outcome::{Disk, Machine};

use super::contents::Origin;
use super::numbers::{bytes, percent, three_digits};

/// A subject and what is known of it, a line each. What is not known is left out, except where people would ask.
pub(super) fn lines(origin: &Origin<'_>) -> Vec<(&'static str, String)> {
    let machine = origin.machine;
    let mut lines = vec![("machine", system(machine, origin.version)), ("processors", processors(machine))];
    lines.extend(load(origin).map(|text| ("load", text)));
    lines.extend(memory(machine).map(|text| ("memory", text)));
    lines.push(("file system", file_system(origin)));
    lines.extend(machine.disk.as_ref().map(|disk| ("disk", queue(disk))));
    lines.extend(machine.io_limits.clone().map(|limits| ("disk limits", limits)));
    lines
}

/// The same in two lines, for a terminal: what changes figures most.
pub(super) fn short(origin: &Origin<'_>) -> [String; 2] {
    let Origin { machine, version, event, subject, .. } = origin;
    let kernel = machine.kernel.as_deref().unwrap_or("of unknown release");
    let cpu = machine.cpu.as_deref().unwrap_or(&machine.architecture);
    let here = join([
        Some(format!("haul {version}, Linux {kernel}")),
        machine.virtualization.as_ref().map(|name| format!("in {name}")),
        Some(format!("{} × {cpu}", machine.cores)),
        machine.load.map(|load| format!("load {load:.2} before {event}")),
    ]);
    let disk = machine.disk.as_ref().map_or_else(String::new, |disk| format!(", disk {}", disk.name));
    [format!("machine: {here}"), format!("{subject} on {}{disk}", machine.file_system)]
}

fn system(machine: &Machine, version: &str) -> String {
    let kernel = machine.kernel.as_deref().unwrap_or("of unknown release");
    let inside = machine.virtualization.as_ref().map(|name| format!("in {name}"));
    join([Some(format!("Linux {kernel}, {}", machine.architecture)), inside, Some(format!("haul {version}"))])
}

fn processors(machine: &Machine) -> String {
    let online = machine.online.filter(|online| *online != machine.cores);
    join([
        Some(format!("{} × {}", machine.cores, machine.cpu.as_deref().unwrap_or(&machine.architecture))),
        online.map(|online| format!("of {online} online")),
        machine.quota.map(|quota| format!("quota of {} cores", three_digits(quota))),
        Some(format!("governor {}", machine.governor.as_deref().unwrap_or("unknown"))),
    ])
}

fn load(origin: &Origin<'_>) -> Option<String> {
    let Origin { machine, event, .. } = origin;
    let stalled = machine.pressure_percent.map(|[cpu, disk, memory]| {
        format!("stalled in the last 10 s: {cpu}% for a core, {disk}% for storage, {memory}% for memory")
    });
    let load = machine.load.map(|load| format!("{load:.2} runnable tasks before {event}"));
    (load.is_some() || stalled.is_some()).then(|| join([load, stalled]))
}

fn memory(machine: &Machine) -> Option<String> {
    let ratios = machine.dirty_ratios.map(|[most, background]| {
        format!(
            "dirty at most {}, written back from {}",
            percent(most as f64 / 100.0),
            percent(background as f64 / 100.0)
        )
    });
    let text = join([
        machine.memory_bytes.map(bytes),
        machine.available_bytes.map(|free| format!("{} available", bytes(free))),
        ratios,
        machine.huge_pages.as_ref().map(|pages| format!("huge pages {pages}")),
    ]);
    (!text.is_empty()).then_some(text)
}

fn file_system(origin: &Origin<'_>) -> String {
    let Origin { machine, subject, .. } = origin;
    join([
        Some(format!("{subject} on {}", machine.file_system)),
        machine.mount_options.clone(),
        machine.free_bytes.map(|free| format!("{} free", bytes(free))),
    ])
}

fn queue(disk: &Disk) -> String {
    join(
        std::iter::once(disk.name.clone())
            .chain(disk.queue.iter().map(|(name, value)| format!("{name} {value}")))
            .map(Some),
    )
}

fn join(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out_or_said_to_be_unknown() {
        let bare =
            Machine { architecture: "x86_64".into(), cores: 2, file_system: "tmpfs".into(), ..Machine::default() };
        let origin = Origin { machine: &bare, version: "1.0", command: "", event: "the sweep", subject: "targets" };
        let lines = lines(&origin);
        let text: Vec<String> = lines.into_iter().map(|(subject, text)| format!("{subject}: {text}")).collect();
        assert_eq!(
            text,
            [
                "machine: Linux of unknown release, x86_64, haul 1.0",
                "processors: 2 × x86_64, governor unknown",
                "file system: targets on tmpfs"
            ]
        );
    }
}
