//! The columns of any sweep: every figure there is.

use haul::calls::Call;
use haul::lab::sweep::axes::Axis;
use haul::lab::sweep::figures::Figures;
use haul::outcome::SweepRow;
use haul::plan::SweepJob;

use super::{Block, Builder};
use crate::cli::report::numbers::{bytes, nothing, three_digits};
use crate::cli::report::sheet::Sheet;

/// All columns of a block.
pub(super) fn everything(block: &Block<'_>) -> Sheet {
    let mut sheet = Builder::new(block);
    sheet.labels(&[]);
    sheet.runs_that_count();
    sheet.add(2, "reads", |line| count(line.figures, line.figures.reads));
    sheet.add(2, "writes", |line| count(line.figures, line.figures.writes));
    sheet.add(25, "other", |line| count(line.figures, line.figures.other_calls));
    sheet.add(3, "calls/\nMiB", |line| line.figures.calls_per_mib.map_or_else(nothing, three_digits));
    sheet.kernel();
    sheet.times();
    let unit = sheet.unit;
    sheet.add(70, &format!("min\n{}", unit.name), |line| unit.cell(line.figures.wall_ns_min));
    sheet.with_sync();
    sheet.rate();
    sheet.add(40, &format!("user\n{}", unit.name), |line| unit.cell(line.figures.user_ns_median));
    sheet.add(40, &format!("sys\n{}", unit.name), |line| unit.cell(line.figures.system_ns_median));
    sheet.peak(10);
    sheet.add(80, "page\nfaults", |line| {
        (line.figures.minor_faults_median + line.figures.major_faults_median).to_string()
    });
    pool(block, &mut sheet);
    sheet.file_times([60, 60]);
    if block.rows.iter().any(|row| row.setting.job == SweepJob::Gzip) {
        sheet.add(0, "ratio", |line| line.figures.ratio.map_or_else(nothing, |ratio| format!("{ratio:.3}")));
    }
    sheet.finish()
}

/// What the pool and the allocator did: more of it where the pool varies.
fn pool(block: &Block<'_>, sheet: &mut Builder<'_>) {
    if !block.varying.contains(&Axis::Pool) {
        sheet.add(90, "buffers\nfresh/reused", |line| {
            format!("{}/{}", line.figures.pool_fresh, line.figures.pool_reused)
        });
        return;
    }
    sheet.add(15, "buffers fresh/\nreused/over/waited", |line| {
        let figures = line.figures;
        format!("{}/{}/{}/{}", figures.pool_fresh, figures.pool_reused, figures.pool_overflowed, figures.pool_waited)
    });
    if block.figures.iter().any(|figures| figures.allocations.is_some()) {
        sheet
            .add(16, "alloca-\ntions", |line| line.figures.allocations.map_or_else(nothing, |count| count.to_string()));
        sheet.add(16, "bytes\nasked", |line| line.figures.allocated_bytes.map_or_else(nothing, bytes));
    }
}

/// Calls of a run that move bytes and that the kernel's counters do not show.
pub(super) fn unseen(row: &SweepRow) -> u64 {
    row.samples.first().map_or(0, |sample| sample.summary.syscalls.of(Call::Ficlone).calls)
}

/// "✓" where the kernel counted what we did in every run; else by how much it differs in the run that differs most.
pub(super) fn kernel(row: &SweepRow) -> String {
    let seen = row.samples.iter().map(|sample| sample.unexplained_reads.zip(sample.unexplained_writes));
    let Some(seen) = seen.collect::<Option<Vec<_>>>() else { return nothing() };
    let farthest = seen.into_iter().max_by_key(|(reads, writes)| reads.unsigned_abs() + writes.unsigned_abs());
    let part = |number: i64, kind: char| if number == 0 { String::new() } else { format!("{number:+}{kind}") };
    match farthest {
        None => nothing(),
        Some((0, 0)) => "✓".to_owned(),
        Some((reads, writes)) => part(reads, 'r') + &part(writes, 'w'),
    }
}

pub(super) fn count(row: &Figures, calls: u64) -> String {
    if row.calls_vary { format!("~{calls}") } else { calls.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::sweep::fixture;

    #[test]
    fn a_run_that_the_kernel_counts_otherwise_shows_by_how_much() {
        let mut row = fixture::copy().rows.remove(0);
        for (reads, writes, cell) in [
            (Some(0), Some(0), "✓"),
            (Some(1), Some(0), "+1r"),
            (Some(0), Some(-2), "-2w"),
            (Some(3), Some(-2), "+3r-2w"),
            (None, Some(0), "-"),
        ] {
            (row.samples[1].unexplained_reads, row.samples[1].unexplained_writes) = (reads, writes);
            assert_eq!(kernel(&row), cell);
        }
        row.samples.clear();
        assert_eq!(kernel(&row), "-");
    }
}
