//! Whether our counts of system calls are the kernel's, over all runs of a sweep.

use std::fmt;

use serde::Serialize;

use super::report::{Report, Sample};

/// How our counts compare with `/proc/self/io`, run by run. Prints as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// Measured runs.
    pub runs: usize,
    /// Runs for which the kernel showed its counts.
    pub checked: usize,
    /// Settings some of whose runs differ.
    pub differences: Vec<Difference>,
}

/// Runs of one setting in which the kernel counted something else than we did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What the setting is called in its report.
    pub label: String,
    /// How many of its runs differ.
    pub runs: usize,
    /// Reads that the kernel counted beyond ours (or, negative, missed) in the run that differs most.
    pub reads: i64,
    /// The same for writes, perhaps of another run.
    pub writes: i64,
}

impl Reconciliation {
    /// Compares all runs of a sweep.
    pub fn of(report: &Report) -> Self {
        let mut all = Self { runs: 0, checked: 0, differences: vec![] };
        for (index, row) in report.rows.iter().enumerate() {
            let seen: Vec<(i64, i64)> = row.samples.iter().filter_map(Sample::unexplained).collect();
            all.runs += row.samples.len();
            all.checked += seen.len();
            let differing: Vec<_> = seen.into_iter().filter(|both| *both != (0, 0)).collect();
            if !differing.is_empty() {
                all.differences.push(Difference {
                    label: report.label(index),
                    runs: differing.len(),
                    reads: farthest(differing.iter().map(|(reads, _)| *reads)),
                    writes: farthest(differing.iter().map(|(_, writes)| *writes)),
                });
            }
        }
        all
    }

    /// Whether the kernel showed its counts for every run, and they were ours.
    pub const fn agrees(&self) -> bool {
        self.checked == self.runs && self.differences.is_empty()
    }
}

fn farthest(differences: impl Iterator<Item = i64>) -> i64 {
    differences.max_by_key(|difference| difference.unsigned_abs()).unwrap_or(0)
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("system calls: ")?;
        if self.checked == 0 {
            return f.write_str("the kernel does not show /proc/self/io here, so the counts are ours alone");
        }
        if self.differences.is_empty() {
            write!(f, "all {} runs agree with the kernel's /proc/self/io", self.checked)?;
        } else {
            let differing: usize = self.differences.iter().map(|difference| difference.runs).sum();
            let verb = if differing == 1 { "differs" } else { "differ" };
            write!(f, "{differing} of {} runs {verb} from the kernel's /proc/self/io:", self.checked)?;
            for (number, difference) in self.differences.iter().enumerate() {
                write!(f, "{} {difference}", if number == 0 { "" } else { ";" })?;
            }
        }
        if self.checked < self.runs { write!(f, " (it showed none for {})", self.runs - self.checked) } else { Ok(()) }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |difference: i64, noun: &str| (difference != 0).then(|| format!("{difference:+} {noun}"));
        let parts: Vec<String> = part(self.reads, "reads").into_iter().chain(part(self.writes, "writes")).collect();
        let runs = if self.runs == 1 { "1 run".to_owned() } else { format!("{} runs", self.runs) };
        write!(f, "{}: {} in {runs}", self.label, parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::metric::{Metric, Metrics};
    use crate::lab::testing::{report, row, setting};

    #[test]
    fn the_line_says_which_runs_differ_and_by_how_much() {
        let mut report = report(vec![row(setting(4), &[1, 2]), row(setting(64), &[1, 2])]);
        let line = |report: &Report| Reconciliation::of(report).to_string();
        assert_eq!(line(&report), "system calls: all 4 runs agree with the kernel's /proc/self/io");
        assert!(Reconciliation::of(&report).agrees());
        report.rows[1].samples[0].metrics.set(Metric::UnexplainedReads, 3);
        report.rows[1].samples[1].metrics.set(Metric::UnexplainedWrites, -1);
        report.rows[0].samples[1].metrics.set(Metric::UnexplainedWrites, 2);
        assert_eq!(
            line(&report),
            "system calls: 3 of 4 runs differ from the kernel's /proc/self/io: 4K: +2 writes in 1 run; 64K: +3 reads, -1 writes in 2 runs"
        );
        report.rows[0].samples[1].metrics = Metrics::default();
        assert!(line(&report).ends_with(" in 2 runs (it showed none for 1)"), "{}", line(&report));
        for row in &mut report.rows {
            row.samples.iter_mut().for_each(|sample| sample.metrics = Metrics::default());
        }
        assert!(line(&report).contains("does not show /proc/self/io here"));
    }
}
