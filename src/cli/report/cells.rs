//! Figures → columns of text, the same ones for table and Markdown.

use bytesize::ByteSize;
use haul::job::sweep::axes::{self, Axis};
use haul::job::sweep::figures::Figures;
use haul::job::sweep::verdict::Verdict;
use haul::outcome::{SweepReport, SweepRow};
use haul::plan::SweepJob;

/// A column: its heading (a line break where it may be cut in two) and a cell for each row.
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) cells: Vec<String>,
}

/// The figures of every row, in order.
pub(super) fn figures(report: &SweepReport) -> Vec<Figures> {
    report.rows.iter().map(Figures::of).collect()
}

/// All columns of a report. The recommended rows are marked with an arrow.
pub(super) fn columns(report: &SweepReport, figures: &[Figures]) -> Vec<Column> {
    let (varying, _) = axes::split(&report.rows);
    let chosen: Vec<usize> = Verdict::all_of(report).iter().filter_map(|verdict| verdict.chosen).collect();
    let mark = |place: usize| if chosen.contains(&place) { "→ " } else { "" };
    let buffers = report.rows.iter().enumerate().map(|(place, row)| format!("{}{}", mark(place), row.setting.buffer));
    let mut columns = vec![Column { heading: "buffer".to_owned(), cells: buffers.collect() }];
    columns.extend(varying.iter().map(|axis| axis_column(*axis, &report.rows)));
    let mut add = |heading: &str, cell: &dyn Fn(&Figures) -> String| {
        columns.push(Column { heading: heading.to_owned(), cells: figures.iter().map(cell).collect() });
    };
    add("reads", &|row| count(row, row.reads));
    add("writes", &|row| count(row, row.writes));
    add("other", &|row| count(row, row.other_calls));
    add("calls/\nMiB", &|row| row.calls_per_mib.map_or_else(nothing, three_digits));
    let unit = TimeUnit::of(figures);
    add(&format!("median\n{}", unit.name), &|row| unit.cell(row.wall_ns_median));
    add("±%", &|row| format!("{:.1}", row.relative_noise() * 100.0));
    add(&format!("min\n{}", unit.name), &|row| unit.cell(row.wall_ns_min));
    add("MiB/s", &|row| row.mib_per_second.map_or_else(nothing, three_digits));
    add(&format!("user\n{}", unit.name), &|row| unit.cell(row.user_ns_median));
    add(&format!("sys\n{}", unit.name), &|row| unit.cell(row.system_ns_median));
    if figures.iter().any(|row| row.peak_bytes.is_some()) {
        add("peak\nmemory", &|row| {
            row.peak_bytes.map_or_else(nothing, |bytes| ByteSize::b(bytes).display().iec().to_string())
        });
    }
    add("page\nfaults", &|row| (row.minor_faults_median + row.major_faults_median).to_string());
    add("buffers\nfresh/reused", &|row| format!("{}/{}", row.pool_fresh, row.pool_reused));
    if report.rows.iter().any(|row| row.setting.job == SweepJob::Gzip) {
        add("ratio", &|row| row.ratio.map_or_else(nothing, |ratio| format!("{ratio:.3}")));
    }
    columns
}

fn axis_column(axis: Axis, rows: &[SweepRow]) -> Column {
    Column { heading: axis.name().to_owned(), cells: rows.iter().map(|row| axis.value(&row.setting)).collect() }
}

fn count(row: &Figures, calls: u64) -> String {
    if row.calls_vary { format!("~{calls}") } else { calls.to_string() }
}

/// What the machine did not tell.
fn nothing() -> String {
    "-".to_owned()
}

fn three_digits(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// One unit for all times of a report: figures that are to be compared must not change their unit between rows.
struct TimeUnit {
    name: &'static str,
    nanoseconds: f64,
    decimals: usize,
}

impl TimeUnit {
    fn of(figures: &[Figures]) -> Self {
        let longest = figures.iter().map(|row| row.wall_ns_median).max().unwrap_or(0);
        match longest {
            10_000_000_000.. => Self { name: "s", nanoseconds: 1e9, decimals: 2 },
            10_000_000.. => Self { name: "ms", nanoseconds: 1e6, decimals: 1 },
            _ => Self { name: "µs", nanoseconds: 1e3, decimals: 0 },
        }
    }

    fn cell(&self, nanoseconds: u64) -> String {
        format!("{:.*}", self.decimals, nanoseconds as f64 / self.nanoseconds)
    }
}
