//! The report for spreadsheets and plots: one line a setting, raw numbers, units in the headings. What is not known is
//! empty.

use std::io::{self, Write};

use haul::lab::disk::figures::{DiskFigures, Middle, ShownLatency};
use haul::measure::interval::Interval;
use haul::outcome::DiskRow;

use super::digest::DiskDigest;

struct Line<'a> {
    row: &'a DiskRow,
    figures: &'a DiskFigures,
}

type Cell = fn(&Line<'_>) -> String;

/// Every column: its heading and what stands in it. New ones go to the end, so that scripts that count columns last.
const COLUMNS: [(&str, Cell); 28] = [
    ("load", |line| line.row.setting.load.name().to_owned()),
    ("access", |line| known(line.row.setting.access.map(haul::plan::Access::name))),
    ("block_bytes", |line| known(line.row.setting.block.map(haul::size::BufferSize::bytes))),
    ("depth", |line| line.row.setting.depth.to_string()),
    ("flight", |line| line.row.setting.flight.name().to_owned()),
    ("runs", |line| line.figures.runs.to_string()),
    ("runs_invalid", |line| line.figures.runs_invalid.to_string()),
    ("operations_per_second_median", |line| middle(line.figures.operations_per_second)),
    ("operations_per_second_low", |line| end(line.figures.operations_per_second, |it| it.low)),
    ("operations_per_second_high", |line| end(line.figures.operations_per_second, |it| it.high)),
    ("mib_per_second_median", |line| middle(line.figures.mib_per_second)),
    ("mib_per_second_low", |line| end(line.figures.mib_per_second, |it| it.low)),
    ("mib_per_second_high", |line| end(line.figures.mib_per_second, |it| it.high)),
    ("cpu_percent", |line| fraction(line.figures.cpu_percent)),
    ("calls_per_operation", |line| fraction(line.figures.calls_per_operation)),
    ("read_ns_mean", |line| known(line.row.read_latency.map(|latency| latency.mean_ns))),
    ("read_ns_p50", |line| time(line.figures.read_latency, |latency| Some(latency.p50_ns))),
    ("read_ns_p99", |line| time(line.figures.read_latency, |latency| latency.p99_ns)),
    ("read_ns_p999", |line| time(line.figures.read_latency, |latency| latency.p999_ns)),
    ("read_ns_max", |line| time(line.figures.read_latency, |latency| Some(latency.max_ns))),
    ("write_ns_mean", |line| known(line.row.write_latency.map(|latency| latency.mean_ns))),
    ("write_ns_p50", |line| time(line.figures.write_latency, |latency| Some(latency.p50_ns))),
    ("write_ns_p99", |line| time(line.figures.write_latency, |latency| latency.p99_ns)),
    ("write_ns_p999", |line| time(line.figures.write_latency, |latency| latency.p999_ns)),
    ("write_ns_max", |line| time(line.figures.write_latency, |latency| Some(latency.max_ns))),
    ("warm_up_ns", |line| line.row.warm_up.wall_ns.to_string()),
    ("warm_up_is_steady", |line| known(line.row.warm_up.steadiness.map(|steadiness| steadiness.is_steady))),
    ("warm_up_slope", |line| fraction(line.row.warm_up.steadiness.map(|steadiness| steadiness.slope))),
];

pub(super) fn write(digest: &DiskDigest<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(COLUMNS.map(|(heading, _)| heading))?;
    for (row, figures) in digest.report.rows.iter().zip(&digest.figures) {
        let line = Line { row, figures };
        writer.write_record(COLUMNS.map(|(_, cell)| cell(&line)))?;
    }
    writer.flush()
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn fraction(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| format!("{number:.3}"))
}

fn middle(middle: Option<Middle>) -> String {
    fraction(middle.map(|middle| middle.median))
}

fn end(middle: Option<Middle>, end: fn(Interval) -> f64) -> String {
    fraction(middle.and_then(|middle| middle.interval).map(end))
}

fn time(latency: Option<ShownLatency>, time: fn(ShownLatency) -> Option<u64>) -> String {
    known(latency.and_then(time))
}
