//! One run of a job, measured: it becomes a [`Sample`].
//!
//! Looking at /proc happens before the clock starts and after it stops, and reading the clock is the innermost thing
//! on both sides. What it cannot tell apart are other threads of this process: whoever measures sees to it that nobody
//! else works, so that nothing draws during a run.

use std::time::Instant;

use super::pressure::PressureWatch;
use super::proc::{self, ProcFile};
use crate::outcome::{Sample, Summary, nanoseconds};
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

/// The kernel's own counts of this process's reads and writes, of all threads, ended ones too (`proc_pid_io(5)`).
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

    /// Ends: what the run cost, and what the job itself says of it.
    pub fn finish(self, summary: Summary) -> Sample {
        let wall_ns = nanoseconds(self.start.elapsed());
        let after = usage();
        let io = self.io.and_then(IoWatch::finish);
        let pressure = self.pressure.and_then(PressureWatch::finish);
        let beyond = |seen: u64, counted: u64| seen as i64 - counted as i64;
        Sample {
            wall_ns,
            user_ns: after.user_ns.saturating_sub(self.usage.user_ns),
            system_ns: after.system_ns.saturating_sub(self.usage.system_ns),
            peak_bytes: self.resets_peak.then(peak_bytes).flatten(),
            minor_faults: after.minor_faults - self.usage.minor_faults,
            major_faults: after.major_faults - self.usage.major_faults,
            voluntary_switches: after.voluntary_switches - self.usage.voluntary_switches,
            involuntary_switches: after.involuntary_switches - self.usage.involuntary_switches,
            unexplained_reads: io.map(|io| beyond(io.reads, summary.syscalls.kernel_reads)),
            unexplained_writes: io.map(|io| beyond(io.writes, summary.syscalls.kernel_writes)),
            disk_read_bytes: io.map(|io| io.disk_read_bytes),
            disk_write_bytes: io.map(|io| io.disk_write_bytes),
            pressure,
            summary,
            ..Sample::default()
        }
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
