//! The machine in short lines: what a reader needs before comparing figures with others.

use super::numbers::{bytes, percent, three_digits};
use crate::lab::machine::{Disk, Machine};
use crate::lab::report::{Report, Subject};

/// A subject and what is known of it, a line each. What is not known is left out, except where people would ask.
pub(in crate::lab) fn lines(report: &Report) -> Vec<(&'static str, String)> {
    let machine = &report.machine;
    let mut lines = vec![];
    lines.extend((!report.started.is_empty()).then(|| ("started", report.started.clone())));
    lines.push(("host", host(machine)));
    lines.extend([("machine", system(machine, &report.version)), ("processors", processors(machine))]);
    lines.extend(load(report).map(|text| ("load", text)));
    lines.extend(memory(machine).map(|text| ("memory", text)));
    lines.push(("file system", file_system(report)));
    if let Some(disk) = &machine.disk {
        lines.push(("disk", identity(disk)));
        lines.extend((!disk.queue.is_empty()).then(|| ("disk queue", queue(disk))));
    }
    lines.extend(machine.io_limits.clone().map(|limits| ("disk limits", limits)));
    lines
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

fn load(report: &Report) -> Option<String> {
    let event = if report.subject == Subject::Disk { "the measurement" } else { "the sweep" };
    let stalled = report.machine.pressure_percent.map(|[cpu, disk, memory]| {
        format!("stalled in the last 10 s: {cpu}% for a core, {disk}% for storage, {memory}% for memory")
    });
    let load = report.machine.load.map(|load| format!("{load:.2} runnable tasks before {event}"));
    (load.is_some() || stalled.is_some()).then(|| join([load, stalled]))
}

fn memory(machine: &Machine) -> Option<String> {
    let ratios = machine.dirty_ratios.map(|[most, background]| {
        let [most, background] = [most, background].map(|ratio| percent(ratio as f64 / 100.0));
        format!("dirty at most {most}, written back from {background}")
    });
    let text = join([
        machine.memory_bytes.map(bytes),
        machine.available_bytes.map(|free| format!("{} available", bytes(free))),
        ratios,
        machine.huge_pages.as_ref().map(|pages| format!("huge pages {pages}")),
    ]);
    (!text.is_empty()).then_some(text)
}

fn file_system(report: &Report) -> String {
    let machine = &report.machine;
    let what = match report.subject {
        Subject::Disk if report.data.iter().any(|data| data.is_read_only) => "what was read",
        Subject::Disk => "scratch file",
        Subject::Sweep | Subject::Tune => "targets",
    };
    join([
        Some(format!("{what} on {}", machine.file_system)),
        machine.disk.as_ref().map(|_| format!("UUID {}", or_unknown(machine.file_system_uuid.as_ref()))),
        machine.mount_options.clone(),
        machine.free_bytes.map(|free| format!("{} free", bytes(free))),
    ])
}

/// Which machine it is, also where its name is kept back.
fn host(machine: &Machine) -> String {
    join([Some(or_unknown(machine.host.as_ref())), machine.identity.as_ref().map(|hash| format!("identity {hash}"))])
}

/// Which disk it is. People who compare two of them ask for all of it.
fn identity(disk: &Disk) -> String {
    join([
        Some(disk.name.clone()),
        disk.partition.as_ref().map(|partition| format!("partition {partition}")),
        Some(format!("model {}", or_unknown(disk.model.as_ref()))),
        Some(format!("serial {}", or_unknown(disk.serial.as_ref()))),
        Some(format!("firmware {}", or_unknown(disk.firmware.as_ref()))),
        disk.size_bytes.map(bytes),
    ])
}

fn queue(disk: &Disk) -> String {
    join(disk.queue.iter().map(|(name, value)| Some(format!("{name} {value}"))))
}

fn or_unknown(text: Option<&String>) -> String {
    text.map_or_else(|| "unknown".to_owned(), Clone::clone)
}

fn join(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_left_out_or_said_to_be_unknown() {
        let machine =
            Machine { architecture: "x86_64".into(), cores: 2, file_system: "tmpfs".into(), ..Machine::default() };
        let mut report = Report { machine, version: "1.0".to_owned(), ..Report::default() };
        let text = |report: &Report| -> Vec<String> {
            lines(report).into_iter().map(|(subject, text)| format!("{subject}: {text}")).collect()
        };
        assert_eq!(
            text(&report),
            [
                "host: unknown",
                "machine: Linux of unknown release, x86_64, haul 1.0",
                "processors: 2 × x86_64, governor unknown",
                "file system: targets on tmpfs"
            ]
        );
        report.machine.disk = Some(Disk { name: "sda".to_owned(), model: Some("ST1".to_owned()), ..Disk::default() });
        assert_eq!(
            text(&report)[3..],
            ["file system: targets on tmpfs, UUID unknown", "disk: sda, model ST1, serial unknown, firmware unknown"]
        );
    }
}
