//! One run of a job, measured: it becomes a [`Sample`].
//!
//! Looking at /proc happens before the clock starts and after it stops, and reading the clock is the innermost thing
//! on both sides. Child processes that were waited for are in all counts. What it cannot tell apart are other threads of this
//! process: whoever measures sees to it that nobody else works, so that nothing draws during a run.

pub mod cost;
pub mod file_times;
pub mod latency;
mod pressure;
pub(crate) mod proc;
pub(in crate::lab) mod processes;

use std::time::Instant;

use self::pressure::PressureWatch;
use self::proc::ProcFile;
use crate::calls::{SyscallCounts, nanoseconds};
use crate::lab::metric::{Metric, Metrics};
use crate::lab::report::Sample;
use crate::sys::{Usage, usage};

/// A measurement that has begun.
#[derive(Debug)]
pub struct Probe {
    io: Option<IoWatch>,
    pressure: Option<PressureWatch>,
    /// Whether the high-water mark of resident memory could be reset.
    resets_peak: bool,
    usage: Usage,
    start: Instant,
}

/// The kernel's own counts of this process's reads and writes, of all threads, ended ones too, and of child processes that
/// were waited for (`proc_pid_io(5)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct IoCounts {
    reads: u64,
    writes: u64,
    disk_read_bytes: u64,
    disk_write_bytes: u64,
}

impl IoCounts {
    /// What these have grown by since `earlier`.
    const fn since(self, earlier: Self) -> Self {
        Self {
            reads: self.reads.saturating_sub(earlier.reads),
            writes: self.writes.saturating_sub(earlier.writes),
            disk_read_bytes: self.disk_read_bytes.saturating_sub(earlier.disk_read_bytes),
            disk_write_bytes: self.disk_write_bytes.saturating_sub(earlier.disk_write_bytes),
        }
    }
}

/// /proc/self/io, before the run.
#[derive(Debug)]
struct IoWatch {
    file: ProcFile,
    before: IoCounts,
    /// What one look at the file adds to the counts it shows.
    look: IoCounts,
}

impl Probe {
    /// Begins: everything from here to [`Probe::finish`] is measured.
    pub fn start() -> Self {
        // Sets VmHWM to what is resident now (proc_pid_clear_refs(5), since Linux 4.0). It is a write, so it comes
        // before the first look at the counts.
        let resets_peak = proc::poke(c"/proc/self/clear_refs", b"5");
        // Its looks are reads too, so they lie outside of those that compare counts, here and at the end.
        let pressure = PressureWatch::start();
        let io = IoWatch::start();
        let usage = usage();
        Self { io, pressure, resets_peak, usage, start: Instant::now() }
    }

    /// Ends: what the run cost, in which these calls were made.
    pub fn finish(self, calls: SyscallCounts) -> Sample {
        let wall_ns = nanoseconds(self.start.elapsed());
        let after = usage();
        let io = self.io.and_then(IoWatch::finish);
        let pressure = self.pressure.and_then(PressureWatch::finish);
        let mut metrics = Metrics::default();
        for (metric, count) in [
            (Metric::User, after.user_ns.saturating_sub(self.usage.user_ns)),
            (Metric::System, after.system_ns.saturating_sub(self.usage.system_ns)),
            (Metric::MinorFaults, after.minor_faults - self.usage.minor_faults),
            (Metric::MajorFaults, after.major_faults - self.usage.major_faults),
            (Metric::VoluntarySwitches, after.voluntary_switches - self.usage.voluntary_switches),
            (Metric::InvoluntarySwitches, after.involuntary_switches - self.usage.involuntary_switches),
        ] {
            metrics.count(metric, count);
        }
        if let Some(peak) = self.resets_peak.then(peak_bytes).flatten() {
            metrics.count(Metric::Peak, peak);
        }
        if let Some(io) = io {
            metrics.set(Metric::UnexplainedReads, io.reads as f64 - calls.kernel_reads as f64);
            metrics.set(Metric::UnexplainedWrites, io.writes as f64 - calls.kernel_writes as f64);
            metrics.count(Metric::DiskRead, io.disk_read_bytes);
            metrics.count(Metric::DiskWrite, io.disk_write_bytes);
        }
        for (metric, stalled) in pressure.into_iter().flatten() {
            metrics.count(metric, stalled);
        }
        Sample { wall_ns, metrics, calls, ..Sample::default() }
    }
}

/// Makes glibc read what it reads once in the life of a process, so that no run shows a read that nobody made.
///
/// It looks into `/proc/sys/vm/overcommit_memory` when the heap of a thread other than the first shrinks for the first
/// time (`check_may_shrink_heap` in its malloc), which would fall into some run of a sweep. So a thread here lets a heap
/// grow past what glibc keeps (128 KiB), in pieces below what it maps singly (also 128 KiB), and shrink again.
pub(crate) fn settle_allocator() {
    const PIECE_BYTES: usize = 100 * 1024;
    std::thread::scope(|scope| {
        let grow_and_shrink = || {
            let pieces: Vec<Vec<u8>> = (0..16).map(|_| Vec::with_capacity(PIECE_BYTES)).collect();
            drop(std::hint::black_box(pieces));
        };
        // Where it cannot be started (RLIMIT_NPROC), others can hardly be.
        let _ = std::thread::Builder::new().spawn_scoped(scope, grow_and_shrink);
    });
}

impl IoWatch {
    fn start() -> Option<Self> {
        let file = ProcFile::open(c"/proc/self/io")?;
        // A look counts as a read, after it was answered. Two in a row show what one adds, whatever the kernel.
        let first = look(&file)?;
        let before = look(&file)?;
        Some(Self { file, before, look: before.since(first) })
    }

    /// What was counted since the start, without the looks.
    fn finish(self) -> Option<IoCounts> {
        Some(look(&self.file)?.since(self.before).since(self.look))
    }
}

fn look(file: &ProcFile) -> Option<IoCounts> {
    file.look(|text| {
        Some(IoCounts {
            reads: proc::number(text, "syscr")?,
            writes: proc::number(text, "syscw")?,
            disk_read_bytes: proc::number(text, "read_bytes")?,
            disk_write_bytes: proc::number(text, "write_bytes")?,
        })
    })
}

/// Most memory that was resident since the mark was reset, in bytes. Not `ru_maxrss`, which cannot be reset.
fn peak_bytes() -> Option<u64> {
    proc::look(c"/proc/self/status", |text| proc::number(text, "VmHWM")).map(|kib| kib * 1024)
}
