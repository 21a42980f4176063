//! Pressure stall information: how long tasks of this machine stood still for want of something.

use super::proc::ProcFile;
use crate::outcome::Pressure;

/// The files of /proc/pressure, before a run.
#[derive(Debug)]
pub(super) struct PressureWatch {
    cpu: ProcFile,
    io: ProcFile,
    memory: ProcFile,
    before: Pressure,
}

impl PressureWatch {
    /// Opens the files, so that a later look is one call each; `None` where the kernel keeps no such account, or does
    /// not show it here.
    pub(super) fn start() -> Option<Self> {
        let cpu = ProcFile::open(c"/proc/pressure/cpu")?;
        let io = ProcFile::open(c"/proc/pressure/io")?;
        let memory = ProcFile::open(c"/proc/pressure/memory")?;
        let before = look(&cpu, &io, &memory)?;
        Some(Self { cpu, io, memory, before })
    }

    /// What has been added since the start.
    pub(super) fn finish(self) -> Option<Pressure> {
        let after = look(&self.cpu, &self.io, &self.memory)?;
        let since = |after: u64, before: u64| after.saturating_sub(before);
        Some(Pressure {
            cpu_some_ns: since(after.cpu_some_ns, self.before.cpu_some_ns),
            io_some_ns: since(after.io_some_ns, self.before.io_some_ns),
            io_full_ns: since(after.io_full_ns, self.before.io_full_ns),
            memory_some_ns: since(after.memory_some_ns, self.before.memory_some_ns),
        })
    }
}

fn look(cpu: &ProcFile, io: &ProcFile, memory: &ProcFile) -> Option<Pressure> {
    let (io_some_ns, io_full_ns) = io.look(|text| Some((total(text, "some")?, total(text, "full")?)))?;
    Some(Pressure {
        cpu_some_ns: cpu.look(|text| total(text, "some"))?,
        io_some_ns,
        io_full_ns,
        memory_some_ns: memory.look(|text| total(text, "some"))?,
    })
}

/// The total of a line such as "some avg10=0.00 avg60=0.00 avg300=0.00 total=13802355", which is in µs, in ns.
fn total(text: &str, who: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(who))?;
    let micros: u64 = line.split(' ').find_map(|word| word.strip_prefix("total="))?.parse().ok()?;
    micros.checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_nanoseconds_of_the_line_that_was_asked_for() {
        let text = "some avg10=4.52 avg60=4.38 avg300=2.00 total=891859945\nfull avg10=2.70 avg60=3.66 total=622\n";
        assert_eq!((total(text, "some"), total(text, "full")), (Some(891_859_945_000), Some(622_000)));
        // Before Linux 5.13 the file of the processors had one line.
        assert_eq!((total("some avg10=0.00 total=7\n", "full"), total("", "some")), (None, None));
        assert_eq!((total("some avg10=0.00\n", "some"), total("some total=x\n", "some")), (None, None));
    }

    #[test]
    fn nothing_stood_still_for_longer_than_it_took() {
        let start = std::time::Instant::now();
        let Some(watch) = PressureWatch::start() else {
            eprintln!("skipped: this kernel keeps no account of pressure");
            return;
        };
        let pressure = watch.finish().unwrap();
        // The kernel adds up at intervals (2 s), so that a look may show what came before.
        let most = start.elapsed().as_nanos() as u64 + 10_000_000_000;
        assert!(pressure.cpu_some_ns < most && pressure.io_full_ns <= pressure.io_some_ns + most, "{pressure:?}");
    }
}
