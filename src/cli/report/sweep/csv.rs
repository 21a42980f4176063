//! The report for spreadsheets and plots: one line a setting, raw numbers, units in the headings. What is not known is
//! empty.

use std::io::{self, Write};

use haul::lab::sweep::figures::Figures;
use haul::outcome::SweepRow;

use super::digest::Digest;

struct Line<'a> {
    row: &'a SweepRow,
    figures: &'a Figures,
}

type Cell = fn(&Line<'_>) -> String;

/// Every column: its heading and what stands in it. New ones go to the end, so that scripts that count columns last.
const COLUMNS: [(&str, Cell); 43] = [
    ("job", |line| line.row.setting.job.name().to_owned()),
    ("buffer_bytes", |line| line.row.setting.buffer.bytes().to_string()),
    ("workers", |line| line.row.setting.workers.to_string()),
    ("scheduler", |line| line.row.setting.scheduler.name().to_owned()),
    ("engine", |line| line.row.setting.engine.name().to_owned()),
    ("pool", |line| line.row.setting.pool.to_string()),
    ("level", |line| known(line.row.setting.level)),
    ("runs", |line| line.row.samples.len().to_string()),
    ("wall_ns_median", |line| line.figures.wall_ns_median.to_string()),
    ("wall_ns_min", |line| line.figures.wall_ns_min.to_string()),
    ("wall_ns_mad", |line| line.figures.wall_ns_mad.to_string()),
    ("user_ns_median", |line| line.figures.user_ns_median.to_string()),
    ("system_ns_median", |line| line.figures.system_ns_median.to_string()),
    ("mib_per_second", |line| fraction(line.figures.mib_per_second)),
    ("reads", |line| line.figures.reads.to_string()),
    ("writes", |line| line.figures.writes.to_string()),
    ("other_calls", |line| line.figures.other_calls.to_string()),
    ("calls_per_mib", |line| fraction(line.figures.calls_per_mib)),
    ("calls_vary", |line| line.figures.calls_vary.to_string()),
    ("runs_reconciled", |line| known(runs_reconciled(line.row))),
    ("peak_bytes", |line| known(line.figures.peak_bytes)),
    ("minor_faults_median", |line| line.figures.minor_faults_median.to_string()),
    ("major_faults_median", |line| line.figures.major_faults_median.to_string()),
    ("pool_fresh", |line| line.figures.pool_fresh.to_string()),
    ("pool_reused", |line| line.figures.pool_reused.to_string()),
    ("source_bytes", |line| line.figures.source_bytes.to_string()),
    ("target_bytes", |line| line.figures.target_bytes.to_string()),
    ("ratio", |line| fraction(line.figures.ratio)),
    ("cache", |line| line.row.setting.cache.name().to_owned()),
    ("batch", |line| if line.row.setting.batch { "on" } else { "off" }.to_owned()),
    ("name", |line| line.row.name.clone().unwrap_or_default()),
    ("wall_ns_low", |line| known(line.figures.wall_ns_interval.map(|(low, _)| low))),
    ("wall_ns_high", |line| known(line.figures.wall_ns_interval.map(|(_, high)| high))),
    ("wall_with_sync_ns_median", |line| known(line.figures.wall_with_sync_ns_median)),
    ("cpu_percent", |line| fraction(line.figures.cpu_percent)),
    ("voluntary_switches_median", |line| line.figures.voluntary_switches_median.to_string()),
    ("involuntary_switches_median", |line| line.figures.involuntary_switches_median.to_string()),
    ("disk_read_bytes_median", |line| known(line.figures.disk_read_bytes_median)),
    ("pool_overflowed", |line| line.figures.pool_overflowed.to_string()),
    ("pool_waited", |line| line.figures.pool_waited.to_string()),
    ("allocations", |line| known(line.figures.allocations)),
    ("allocated_bytes", |line| known(line.figures.allocated_bytes)),
    ("runs_invalid", |line| line.figures.runs_invalid.to_string()),
];

pub(super) fn write(digest: &Digest<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(COLUMNS.map(|(heading, _)| heading))?;
    for (row, figures) in digest.report.rows.iter().zip(&digest.figures) {
        let line = Line { row, figures };
        writer.write_record(COLUMNS.map(|(_, cell)| cell(&line)))?;
    }
    writer.flush()
}

fn known(number: Option<impl ToString>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn fraction(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| format!("{number:.3}"))
}

/// Runs in which the kernel counted what we did; `None` where it showed nothing for any.
fn runs_reconciled(row: &SweepRow) -> Option<usize> {
    let unexplained: Vec<_> =
        row.samples.iter().filter_map(|sample| sample.unexplained_reads.zip(sample.unexplained_writes)).collect();
    (!unexplained.is_empty()).then(|| unexplained.iter().filter(|both| **both == (0, 0)).count())
}
