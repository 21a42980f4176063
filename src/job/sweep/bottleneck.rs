//! What a setting waits for, named from evidence: CPU time, pressure, bytes read, page faults, context switches.

use serde::Serialize;

use crate::calls::Kind;
use crate::measure::stats::median;
use crate::outcome::{Machine, Pressure, Sample, SweepReport, SweepRow};

/// Part of the time of its cores that a job uses which could not be faster without more CPU.
const BUSY: f64 = 0.85;
/// Part of a run's time that tasks must have stood still for want of something to call that what holds it back.
const STALLED: f64 = 0.1;
const MIB: f64 = 1_048_576.0;

/// What holds a setting back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bottleneck {
    /// In a word: "CPU", "disk", "memory", "locks".
    pub word: &'static str,
    /// The figures that say so.
    pub evidence: String,
}

/// The bottleneck of a row; `None` if it has no runs.
pub fn of(report: &SweepReport, row: &SweepRow) -> Option<Bottleneck> {
    let evidence = Evidence::of(report, row)?;
    let (word, evidence) = evidence.name();
    Some(Bottleneck { word, evidence })
}

/// Medians over the runs of a row; parts are of the time from start to end.
struct Evidence {
    /// Cores that its threads could use.
    cores: usize,
    machine_cores: usize,
    /// CPU time as a part of what those cores had.
    busy: f64,
    /// Part of the CPU time that was spent in the kernel.
    kernel: f64,
    calls_per_mib: f64,
    disk_read_mib: f64,
    /// Part of the source that came from the disk.
    disk_read: f64,
    stalled: Stalled,
    major_faults: u64,
    waits: u64,
}

/// Parts of the time in which some task of the machine waited; 0 where the kernel does not tell.
struct Stalled {
    cpu: f64,
    io: f64,
    memory: f64,
}

impl Evidence {
    fn of(report: &SweepReport, row: &SweepRow) -> Option<Self> {
        let middle = |field: &dyn Fn(&Sample) -> u64| median(&row.samples.iter().map(field).collect::<Vec<_>>());
        let wall = middle(&|sample| sample.wall_ns)?.max(1) as f64;
        let cpu = middle(&|sample| sample.user_ns + sample.system_ns)? as f64;
        let kernel = middle(&|sample| sample.system_ns)? as f64;
        let calls = middle(&|sample| calls(sample))? as f64;
        let read = middle(&|sample| sample.disk_read_bytes.unwrap_or(0))? as f64;
        let pressure = |field: fn(&Pressure) -> u64| {
            middle(&|sample| sample.pressure.as_ref().map_or(0, field)).unwrap_or(0) as f64 / wall
        };
        let machine_cores = machine_cores(&report.machine);
        let cores = row.setting.workers.clamp(1, machine_cores);
        let mib = (report.source_bytes as f64 / MIB).max(f64::MIN_POSITIVE);
        Some(Self {
            cores,
            machine_cores,
            busy: cpu / (wall * cores as f64),
            kernel: if cpu > 0.0 { kernel / cpu } else { 0.0 },
            calls_per_mib: if report.source_bytes == 0 { 0.0 } else { calls / mib },
            disk_read_mib: read / MIB,
            disk_read: if report.source_bytes == 0 { 0.0 } else { read / report.source_bytes as f64 },
            stalled: Stalled {
                cpu: pressure(|pressure| pressure.cpu_some_ns),
                io: pressure(|pressure| pressure.io_some_ns),
                memory: pressure(|pressure| pressure.memory_some_ns),
            },
            major_faults: middle(&|sample| sample.major_faults)?,
            waits: middle(&|sample| sample.voluntary_switches)?,
        })
    }

    fn name(&self) -> (&'static str, String) {
        let cores = match self.cores {
            1 => "its core".to_owned(),
            several => format!("its {several} cores"),
        };
        let busy = format!("{} of {cores} used", percent(self.busy));
        if self.stalled.memory >= STALLED {
            return ("memory", format!("{} of the time tasks waited for memory; {busy}", percent(self.stalled.memory)));
        }
        if self.busy >= BUSY {
            return ("CPU", format!("{busy}, {}{}", self.where_time_goes(), self.idle_cores()));
        }
        let from_disk = self.disk_read >= STALLED || self.major_faults > 0 && self.disk_read_mib >= 1.0;
        if from_disk || self.stalled.io >= STALLED {
            let read = format!("{:.0} MiB read from the disk", self.disk_read_mib);
            return ("disk", format!("{busy}, {read}, storage waited for {} of the time", percent(self.stalled.io)));
        }
        if self.stalled.cpu >= STALLED && self.cores == self.machine_cores {
            let text = format!("{busy}, and {} of the time a task waited for a core", percent(self.stalled.cpu));
            return ("CPU", text);
        }
        ("locks", format!("{busy}, nothing from the disk, {} waits for another thread or a lock", self.waits))
    }

    fn where_time_goes(&self) -> String {
        if self.kernel < 0.5 {
            return format!("{} of that in haul itself", percent(1.0 - self.kernel));
        }
        format!("{} of that in the kernel, {:.0} calls/MiB", percent(self.kernel), self.calls_per_mib)
    }

    fn idle_cores(&self) -> String {
        let idle = self.machine_cores - self.cores;
        if idle == 0 { String::new() } else { format!("; {idle} of {} cores idle", self.machine_cores) }
    }
}

/// Cores that this process can use.
fn machine_cores(machine: &Machine) -> usize {
    machine.cores.max(1)
}

fn calls(sample: &Sample) -> u64 {
    [Kind::Read, Kind::Write, Kind::Other].iter().map(|kind| sample.summary.syscalls.calls(*kind)).sum()
}

fn percent(part: f64) -> String {
    format!("{:.0}%", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::sweep::testing::{report, row, setting};
    use crate::outcome::Setting;

    /// What is said of runs of 100 ms over 1 MiB on two cores.
    fn named(workers: usize, change: impl Fn(&mut Sample)) -> (&'static str, String) {
        let mut row = row(Setting { workers, ..setting(64) }, &[100, 100, 100]);
        row.samples.iter_mut().for_each(change);
        let mut report = report(vec![row]);
        report.machine.cores = 2;
        let bottleneck = of(&report, &report.rows[0]).unwrap();
        (bottleneck.word, bottleneck.evidence)
    }

    fn stalled(sample: &mut Sample, io_ms: u64, memory_ms: u64) {
        let (io_some_ns, memory_some_ns) = (io_ms * 1_000_000, memory_ms * 1_000_000);
        sample.pressure = Some(Pressure { io_some_ns, memory_some_ns, ..Pressure::default() });
    }

    #[test]
    fn evidence_names_the_bottleneck() {
        let told = |(word, evidence): (&'static str, String)| format!("{word}: {evidence}");
        assert_eq!(
            told(named(1, |sample| (sample.user_ns, sample.system_ns) = (5_000_000, 93_000_000))),
            "CPU: 98% of its core used, 95% of that in the kernel, 16 calls/MiB; 1 of 2 cores idle"
        );
        assert_eq!(
            told(named(8, |sample| (sample.user_ns, sample.system_ns) = (180_000_000, 10_000_000))),
            "CPU: 95% of its 2 cores used, 95% of that in haul itself"
        );
        let cold = |sample: &mut Sample| {
            sample.system_ns = 30_000_000;
            sample.disk_read_bytes = Some(1 << 20);
            stalled(sample, 61, 0);
        };
        assert_eq!(
            told(named(1, cold)),
            "disk: 30% of its core used, 1 MiB read from the disk, storage waited for 61% of the time"
        );
        let swapping = |sample: &mut Sample| {
            cold(sample);
            stalled(sample, 61, 14);
        };
        assert_eq!(told(named(1, swapping)), "memory: 14% of the time tasks waited for memory; 30% of its core used");
        let waiting = |sample: &mut Sample| (sample.system_ns, sample.voluntary_switches) = (90_000_000, 1234);
        assert_eq!(
            told(named(2, waiting)),
            "locks: 45% of its 2 cores used, nothing from the disk, 1234 waits for another thread or a lock"
        );
    }

    #[test]
    fn nothing_is_said_of_nothing() {
        let report = report(vec![row(setting(64), &[])]);
        assert_eq!(of(&report, &report.rows[0]), None);
    }
}
