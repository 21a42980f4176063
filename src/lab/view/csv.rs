//! The report for spreadsheets and plots: one line a row, raw numbers, units in the headings.
//!
//! Reports of one subject always have the same columns, in the same order, so that a script can count on them and lists
//! can be put together; what is not known is empty. They are:
//!
//! - the axes that the subject can vary, by their keys: `buffer_bytes`; then `name`;
//! - `runs`, `runs_invalid`, `runs_reconciled`;
//! - every metric that the subject can tell, by its key: the median of the runs that count, `wall_ns`; after those by which
//!   settings are ranked, and after rates, also where the median lies at 95 % (`wall_ns_low`, `wall_ns_high`), the least
//!   and the greatest run (`_min`, `_max`) and the median absolute deviation (`_mad`);
//! - how the row was warmed up: `warm_up_ns`, and of a disk `warm_up_is_steady` and `warm_up_slope`;
//! - the machine and the measurement, the same on every line: `host` to `started`.

use std::io::{self, Write};

use super::derived::Derived;
use crate::lab::figures::Spread;
use crate::lab::metric::{Metric, Number, Unit};
use crate::lab::report::{Report, Subject};
use crate::lab::setting::Axis;
use crate::lab::timeline;

/// The metrics of which more than the median is told.
const IN_FULL: [Metric; 4] = [Metric::Wall, Metric::Durable, Metric::MibPerSecond, Metric::OperationsPerSecond];

/// A heading, and what stands below it in the line of a row.
type Column<'a> = (String, Box<dyn Fn(usize) -> String + 'a>);

/// Writes a report.
pub(super) fn write(derived: &Derived<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut columns = rows(derived);
    for metric in Metric::ALL.iter().filter(|metric| tells(derived.report.subject, **metric)) {
        columns.extend(figures(derived, *metric));
    }
    columns.extend(warm_up(derived.report));
    columns.extend(about(derived.report));
    let mut writer = ::csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|(heading, _)| heading))?;
    for row in 0..derived.report.rows.len() {
        writer.write_record(columns.iter().map(|(_, cell)| cell(row)))?;
    }
    writer.flush()
}

/// Writes the rate over time: a line for each window of each run, in the order of the rows.
pub(super) fn write_timeline(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = ::csv::Writer::from_writer(out);
    let axes: Vec<Axis> = Axis::all().filter(|axis| varies(report.subject, *axis)).collect();
    let keys = axes.iter().map(|axis| axis.key());
    let rates = [Metric::Operations, Metric::OperationsPerSecond, Metric::MibPerSecond].map(Metric::key);
    writer.write_record(keys.chain(["name", "at_ns", "window_ns"]).chain(rates))?;
    for row in &report.rows {
        let setting: Vec<String> = axes.iter().map(|axis| known(row.setting.get(*axis))).collect();
        for point in timeline::points(row) {
            let figures = [
                known(row.name.as_ref()),
                point.at_ns.to_string(),
                point.window_ns.to_string(),
                known(point.rate_ops.map(|_| point.operations)),
                known(point.rate_ops.map(|rate| Number(Unit::Rate, rate))),
                known(point.rate_mib.map(|rate| Number(Unit::Rate, rate))),
            ];
            writer.write_record(setting.iter().chain(&figures))?;
        }
    }
    writer.flush()
}

/// Whether a subject can vary an axis.
const fn varies(subject: Subject, axis: Axis) -> bool {
    match axis {
        Axis::Load | Axis::Access | Axis::Block | Axis::Depth | Axis::Backend => matches!(subject, Subject::Disk),
        Axis::Case
        | Axis::Job
        | Axis::Cache
        | Axis::Engine
        | Axis::Level
        | Axis::Scheduler
        | Axis::Workers
        | Axis::Pool
        | Axis::PoolOverflow
        | Axis::PoolWait
        | Axis::Batch
        | Axis::Buffer => !matches!(subject, Subject::Disk),
    }
}

/// Whether a subject can tell a metric.
const fn tells(subject: Subject, metric: Metric) -> bool {
    match metric {
        Metric::Sync
        | Metric::Durable
        | Metric::PeakPss
        | Metric::CallsPerFile
        | Metric::PoolAcquired
        | Metric::PoolFresh
        | Metric::PoolReused
        | Metric::PoolOverflowed
        | Metric::PoolWaited
        | Metric::PoolGaveUp
        | Metric::Allocations
        | Metric::AllocatedBytes
        | Metric::Files
        | Metric::SkippedFiles
        | Metric::SourceBytes
        | Metric::TargetBytes
        | Metric::Ratio
        | Metric::FileP50
        | Metric::FileP99 => !matches!(subject, Subject::Disk),
        Metric::OperationsPerSecond
        | Metric::CallsPerOperation
        | Metric::Operations
        | Metric::ReadBytes
        | Metric::WrittenBytes
        | Metric::CpuPerOperation
        | Metric::ReadMean
        | Metric::ReadP50
        | Metric::ReadP99
        | Metric::ReadP999
        | Metric::ReadMax
        | Metric::WriteMean
        | Metric::WriteP50
        | Metric::WriteP99
        | Metric::WriteP999
        | Metric::WriteMax => matches!(subject, Subject::Disk),
        _ => true,
    }
}

/// What was set, and how many runs there are.
fn rows<'a>(derived: &'a Derived<'_>) -> Vec<Column<'a>> {
    let report = derived.report;
    let mut columns: Vec<Column<'a>> = vec![];
    for axis in Axis::all().filter(|axis| varies(report.subject, *axis)) {
        let cell = move |row: usize| known(report.rows[row].setting.get(axis));
        columns.push((axis.key().to_owned(), Box::new(cell)));
    }
    columns.push(("name".to_owned(), Box::new(|row| known(report.rows[row].name.as_ref()))));
    let figures = &derived.figures;
    columns.push(("runs".to_owned(), Box::new(|row| figures[row].runs.to_string())));
    columns.push(("runs_invalid".to_owned(), Box::new(|row| figures[row].runs_invalid.to_string())));
    columns.push(("runs_reconciled".to_owned(), Box::new(|row| known(figures[row].runs_reconciled))));
    columns
}

/// The median of a metric, and of some how well it is known.
fn figures<'a>(derived: &'a Derived<'_>, metric: Metric) -> Vec<Column<'a>> {
    let column = |suffix: &str, value: fn(Spread) -> Option<f64>| -> Column<'a> {
        let cell = move |row: usize| {
            let value = derived.figures[row].get(metric).and_then(value);
            known(value.map(|value| Number(metric.unit(), value)))
        };
        (format!("{}{suffix}", metric.key()), Box::new(cell))
    };
    let mut columns = vec![column("", |spread| Some(spread.median))];
    if IN_FULL.contains(&metric) {
        columns.extend([
            column("_low", |spread| Some(spread.interval?.low)),
            column("_high", |spread| Some(spread.interval?.high)),
            column("_min", |spread| Some(spread.min)),
            column("_max", |spread| Some(spread.max)),
            column("_mad", |spread| Some(spread.mad)),
        ]);
    }
    columns
}

/// How rows were warmed up, and of a disk whether their rates had settled then.
fn warm_up(report: &Report) -> Vec<Column<'_>> {
    let mut columns: Vec<Column<'_>> =
        vec![("warm_up_ns".to_owned(), Box::new(|row| report.rows[row].warm_up.wall_ns.to_string()))];
    if report.subject == Subject::Disk {
        let steadiness = |row: usize| report.rows[row].warm_up.steadiness;
        columns
            .push(("warm_up_is_steady".to_owned(), Box::new(move |row| known(steadiness(row).map(|it| it.is_steady)))));
        let slope = move |row| known(steadiness(row).map(|it| Number(Unit::Rate, it.slope)));
        columns.push(("warm_up_slope".to_owned(), Box::new(slope)));
    }
    columns
}

/// Where and when it was measured, and on what.
fn about(report: &Report) -> Vec<Column<'_>> {
    let machine = &report.machine;
    let same = |heading: &str, text: Option<String>| -> Column<'_> {
        let text = text.unwrap_or_default();
        (heading.to_owned(), Box::new(move |_| text.clone()))
    };
    let bytes = |row: usize| known(report.data_of(&report.rows[row].setting).map(|data| data.bytes));
    vec![
        same("host", machine.host.clone()),
        same("identity", machine.identity.clone()),
        same("kernel", machine.kernel.clone()),
        same("cpu", machine.cpu.clone()),
        same("file_system", Some(machine.file_system.clone())),
        same("disk", machine.disk.as_ref().map(|disk| disk.name.clone())),
        same("disk_model", machine.disk.as_ref().and_then(|disk| disk.model.clone())),
        same("disk_serial", machine.disk.as_ref().and_then(|disk| disk.serial.clone())),
        ("data_bytes".to_owned(), Box::new(bytes)),
        same("seed", Some(report.seed.to_string())),
        same("started", Some(report.started.clone())),
    ]
}

fn known(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
