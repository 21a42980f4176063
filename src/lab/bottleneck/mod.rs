//! What a setting waits for, named from evidence: CPU time, pressure, bytes read, page faults, context switches.

use serde::Serialize;

use super::figures::Figures;
use super::metric::Metric;
use super::report::{MIB, Report, Row};
use super::setting::Axis;
use super::verdict::text::whole_percent as percent;
use crate::plan::SchedulerName;

/// Part of the time of its cores that a job uses which could not be faster without more CPU.
const BUSY: f64 = 0.85;
/// Part of a run's time that tasks must have stood still for want of something to call that what holds it back.
const STALLED: f64 = 0.1;
/// Waits that explain idle cores by themselves: on average one for each millisecond that a core was idle. Where there
/// are fewer, each would have to be longer than a thread waits for its turn at a queue.
const WAITS_PER_IDLE_MS: f64 = 1.0;
/// CPU time, in cores, that one busy thread comes to when others have nothing to do.
const ONE_WORKER: std::ops::RangeInclusive<f64> = 0.7..=1.3;

/// What holds a setting back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bottleneck {
    /// In a word or two: "CPU", "disk", "memory", "locks", "one worker", "other programs", "unclear".
    pub word: &'static str,
    /// The figures that say so.
    pub evidence: String,
}

/// The bottleneck of a row; `None` if it has no runs.
pub fn of(report: &Report, row: &Row) -> Option<Bottleneck> {
    let evidence = Evidence::of(report, row)?;
    let (word, evidence) = evidence.name();
    Some(Bottleneck { word, evidence })
}

/// Medians over the runs of a row that count; parts are of the time from start to end.
struct Evidence {
    wall_ms: f64,
    workers: usize,
    /// Cores that its threads could use.
    cores: usize,
    machine_cores: usize,
    /// Runnable tasks before the sweep.
    load: Option<f64>,
    /// CPU time as a part of what those cores had.
    busy: f64,
    /// Part of the CPU time that was spent in the kernel.
    kernel: f64,
    calls_per_mib: f64,
    disk_read_bytes: u64,
    disk_write_bytes: u64,
    /// Part of the source that came from the disk.
    disk_read: f64,
    stalled: Stalled,
    major_faults: u64,
    /// Times a thread gave up its core: for another thread, a lock, or storage.
    waits: u64,
    /// Times a thread's core was taken away.
    preempted: u64,
}

/// Parts of the time in which some task of the machine waited; 0 where the kernel does not tell.
struct Stalled {
    cpu: f64,
    io: f64,
    memory: f64,
}

impl Evidence {
    fn of(report: &Report, row: &Row) -> Option<Self> {
        let figures = Figures::of(row);
        let wall = figures.median(Metric::Wall)?.max(1.0);
        let middle = |metric| figures.median(metric).unwrap_or(0.0);
        let whole = |metric| middle(metric) as u64;
        let per = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let kernel = middle(Metric::System);
        let cpu = middle(Metric::User) + kernel;
        let machine_cores = report.machine.cores.max(1);
        // What is in flight in an io_uring is kept there by one thread.
        let is_one_thread = row.setting.named(Axis::Scheduler) == Some(SchedulerName::Uring);
        let workers = row.setting.number(Axis::Workers).filter(|_| !is_one_thread).unwrap_or(1) as usize;
        let cores = workers.clamp(1, machine_cores);
        Some(Self {
            wall_ms: wall / 1e6,
            workers,
            cores,
            machine_cores,
            load: report.machine.load,
            busy: cpu / (wall * cores as f64),
            kernel: per(kernel, cpu),
            calls_per_mib: per(middle(Metric::Calls), middle(Metric::SourceBytes) / MIB),
            disk_read_bytes: whole(Metric::DiskRead),
            disk_write_bytes: whole(Metric::DiskWrite),
            disk_read: per(middle(Metric::DiskRead), middle(Metric::SourceBytes)),
            stalled: Stalled {
                cpu: middle(Metric::CpuStall) / wall,
                io: middle(Metric::IoStall) / wall,
                memory: middle(Metric::MemoryStall) / wall,
            },
            major_faults: whole(Metric::MajorFaults),
            waits: whole(Metric::VoluntarySwitches),
            preempted: whole(Metric::InvoluntarySwitches),
        })
    }

    fn name(&self) -> (&'static str, String) {
        let busy = self.busy();
        if self.stalled.memory >= STALLED {
            return ("memory", format!("{} of the time tasks waited for memory; {busy}", percent(self.stalled.memory)));
        }
        if self.busy >= BUSY {
            return ("CPU", format!("{busy}, {}{}", self.where_time_goes(), self.idle_cores()));
        }
        if self.waits_for_the_disk() {
            let io = percent(self.stalled.io);
            return ("disk", format!("{busy}, {}, storage waited for {io} of the time", self.storage()));
        }
        if self.waits_for_a_core() {
            return ("other programs", format!("{busy}, {}", self.others()));
        }
        if self.has_waits_enough() {
            return ("locks", format!("{busy}, {}, {}", self.storage(), self.waits()));
        }
        if self.workers > 1 && self.cores > 1 && ONE_WORKER.contains(&(self.busy * self.cores as f64)) {
            let why = "the work is not shared (few files in a batch, or one file in one piece)";
            return ("one worker", format!("one core's worth used by {} workers: {why}", self.workers));
        }
        ("unclear", format!("{busy}, {}, {}, {}", self.storage(), self.waits(), self.others()))
    }

    /// Whether storage holds it back by what this process itself asked of it: the pressure is the whole machine's, and
    /// a neighbour's as well as ours.
    fn waits_for_the_disk(&self) -> bool {
        let reads = self.disk_read >= STALLED || self.major_faults > 0 && self.disk_read_bytes as f64 >= MIB;
        // Who writes is stopped now and then until the disk has caught up, and gives up its core meanwhile.
        let asks = self.disk_read_bytes > 0 || self.disk_write_bytes > 0 || self.major_faults > 0;
        reads || self.stalled.io >= STALLED && self.waits > 0 && asks
    }

    /// Whether others had the cores: ours were taken away, or some task waited for one while we used little. Of more
    /// threads than cores our own wait for each other too, so there it takes a load that was there before.
    fn waits_for_a_core(&self) -> bool {
        let is_crowded = self.load.is_some_and(|load| load >= self.machine_cores as f64);
        if self.workers > self.machine_cores && !is_crowded {
            return false;
        }
        self.stalled.cpu >= STALLED || self.preempted as f64 >= self.idle_ms().max(1.0) * WAITS_PER_IDLE_MS
    }

    fn has_waits_enough(&self) -> bool {
        self.waits as f64 >= self.idle_ms().max(1.0) * WAITS_PER_IDLE_MS
    }

    /// Time that its cores were not used, ms, all cores together.
    fn idle_ms(&self) -> f64 {
        (1.0 - self.busy).max(0.0) * self.wall_ms * self.cores as f64
    }

    fn busy(&self) -> String {
        let cores = if self.cores == 1 { "its core".to_owned() } else { format!("its {} cores", self.cores) };
        format!("{} of {cores} used", percent(self.busy))
    }

    fn storage(&self) -> String {
        let some = |bytes: u64| match bytes as f64 / MIB {
            mib if mib >= 1.0 => format!("{mib:.0} MiB"),
            _ => "less than 1 MiB".to_owned(),
        };
        match (self.disk_read_bytes, self.disk_write_bytes) {
            (0, 0) => "nothing from the disk".to_owned(),
            (0, written) => format!("nothing read from the disk, {} to be written to it", some(written)),
            (read, _) => format!("{} read from the disk", some(read)),
        }
    }

    fn waits(&self) -> String {
        format!("{} waits for another thread, a lock or storage", self.waits)
    }

    fn others(&self) -> String {
        let load = self.load.map_or_else(String::new, |load| format!(", load {load:.1} before the sweep"));
        let (preempted, stalled) = (self.preempted, percent(self.stalled.cpu));
        format!("its core taken away {preempted} times, tasks waited for a core {stalled} of the time{load}")
    }

    fn where_time_goes(&self) -> String {
        if self.kernel < 0.5 {
            return format!("{} of that in haul itself", percent(1.0 - self.kernel));
        }
        format!("{} of that in the kernel, {:.0} calls/MiB", percent(self.kernel), self.calls_per_mib)
    }

    fn idle_cores(&self) -> String {
        let idle = self.machine_cores - self.cores;
        if idle == 0 { String::new() } else { format!("; {idle} of {} cores not asked for", self.machine_cores) }
    }
}

#[cfg(test)]
mod tests;
