//! Pressure stall information: how long tasks of this machine stood still for want of something.

use super::proc::ProcFile;
use crate::lab::metric::Metric;

/// Which line of which file is which metric.
const TOTALS: [(usize, &str, Metric); 4] = [
    (0, "some", Metric::CpuStall),
    (1, "some", Metric::IoStall),
    (1, "full", Metric::IoFullStall),
    (2, "some", Metric::MemoryStall),
];

/// The files of /proc/pressure, before a run.
#[derive(Debug)]
pub(super) struct PressureWatch {
    files: [ProcFile; 3],
    before: [u64; 4],
}

impl PressureWatch {
    /// Opens the files, so that a later look is one call each; `None` where the kernel keeps no such account, or does
    /// not show it here.
    pub(super) fn start() -> Option<Self> {
        let open = ProcFile::open;
        let files = [open(c"/proc/pressure/cpu")?, open(c"/proc/pressure/io")?, open(c"/proc/pressure/memory")?];
        let before = look(&files)?;
        Some(Self { files, before })
    }

    /// What has been added since the start, ns.
    pub(super) fn finish(self) -> Option<[(Metric, u64); 4]> {
        let after = look(&self.files)?;
        let since = |index: usize| after[index].saturating_sub(self.before[index]);
        Some(std::array::from_fn(|index| (TOTALS[index].2, since(index))))
    }
}

/// The totals, each file looked at once.
fn look(files: &[ProcFile; 3]) -> Option<[u64; 4]> {
    let mut totals = [0; 4];
    for (number, file) in files.iter().enumerate() {
        file.look(|text| {
            for (index, (_, who, _)) in TOTALS.iter().enumerate().filter(|(_, (of, ..))| *of == number) {
                totals[index] = total(text, who)?;
            }
            Some(())
        })?;
    }
    Some(totals)
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
        let stalls = watch.finish().unwrap().map(|(_, time)| time);
        // The kernel adds up at intervals (2 s), so that a look may show what came before.
        let most = start.elapsed().as_nanos() as u64 + 10_000_000_000;
        assert!(stalls[0] < most && stalls[2] <= stalls[1] + most, "{stalls:?}");
    }
}
