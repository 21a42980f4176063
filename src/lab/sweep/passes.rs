//! What is learned of each setting after the rounds, in runs whose time counts for nothing.

use super::bench::Bench;
use crate::error::Result;
use crate::lab::rounds::{Step, Watcher};
use crate::outcome::SweepReport;
use crate::plan::Passes;

/// Makes the passes that were asked for.
pub(super) fn run(
    passes: Passes,
    report: &mut SweepReport,
    bench: &mut Bench<'_>,
    watcher: &mut dyn Watcher<SweepReport>,
) -> Result<()> {
    let total = report.rows.len();
    let step = |what, done| Step { what, done, total, left: None };
    for (done, row) in report.rows.iter_mut().enumerate().filter(|_| passes.latency) {
        watcher.step(step("timing calls", done));
        row.latency = Some(bench.latency(&row.setting)?);
    }
    for (done, row) in report.rows.iter_mut().enumerate().filter(|_| passes.file_times) {
        watcher.step(step("timing files", done));
        row.file_times = bench.file_times(&row.setting)?;
    }
    for (done, row) in report.rows.iter_mut().enumerate().filter(|_| passes.verify_counts) {
        watcher.step(step("verifying counts", done));
        match bench.observe(&row.setting)? {
            Ok(observed) => row.observed = Some(observed),
            Err(why) => {
                // Where one cannot be watched, none can.
                report.unobserved = Some(why);
                break;
            }
        }
    }
    Ok(())
}
