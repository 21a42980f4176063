//! Figures of a disk → sheets of text, one for each kind of load.

use haul::lab::disk::figures::{DiskFigures, Middle, ShownLatency, counted};
use haul::outcome::{DiskRow, DiskSample, Steadiness};
use haul::plan::{Flight, Load};

use super::super::numbers::{count, duration, nothing, three_digits};
use super::super::sheet::{Column, Sheet};
use super::digest::{DiskDigest, Group};

/// The sheets of a report: one for each group of loads that was asked for.
pub(super) fn sheets(digest: &DiskDigest<'_>) -> Vec<Sheet> {
    Group::ALL.into_iter().filter_map(|group| Builder::new(digest, group).map(Builder::sheet)).collect()
}

/// One of the figures of latencies, ns.
type Time = fn(ShownLatency) -> Option<u64>;

/// Puts a sheet together.
struct Builder<'a> {
    group: Group,
    lines: Vec<Line<'a>>,
    columns: Vec<Column>,
}

/// What a line of cells is made of.
struct Line<'a> {
    row: &'a DiskRow,
    figures: &'a DiskFigures,
    /// The latencies that it shows.
    latency: Option<ShownLatency>,
    of: &'static str,
    /// Whether it only adds the writes to the reads of the line above.
    is_second: bool,
}

impl<'a> Builder<'a> {
    fn new(digest: &'a DiskDigest<'a>, group: Group) -> Option<Self> {
        let lines: Vec<Line<'a>> = digest
            .places(group)
            .into_iter()
            .flat_map(|place| lines(&digest.report.rows[place], &digest.figures[place]))
            .collect();
        (!lines.is_empty()).then(|| Self { group, lines, columns: vec![] })
    }

    fn sheet(mut self) -> Sheet {
        self.labels();
        self.runs_that_count();
        self.rates();
        self.latencies();
        self.add(30, "CPU %", |line| line.figures.cpu_percent.map_or_else(nothing, |part| format!("{part:.0}")));
        self.add(40, "calls/\nop", |line| line.figures.calls_per_operation.map_or_else(nothing, three_digits));
        self.add(6, "steady", |line| steady(line.row));
        let bars = self.bars();
        Sheet { title: Some(self.group.name().to_owned()), columns: self.columns, bars }
    }

    /// A column of what is known before anything was measured.
    fn set(&mut self, heading: &str, cell: impl Fn(&Line<'_>) -> String) {
        let cell = |line: &Line<'_>| if line.is_second { String::new() } else { cell(line) };
        let cells = self.lines.iter().map(cell).collect();
        self.columns.push(Column { heading: heading.to_owned(), cells, rank: 0 });
    }

    /// A column of what was measured of a row.
    fn add(&mut self, rank: u8, heading: &str, cell: impl Fn(&Line<'_>) -> String) {
        let cell = |line: &Line<'_>| match line {
            Line { is_second: true, .. } => String::new(),
            Line { figures, .. } if figures.runs == figures.runs_invalid => nothing(),
            line => cell(line),
        };
        let cells = self.lines.iter().map(cell).collect();
        self.columns.push(Column { heading: heading.to_owned(), cells, rank });
    }

    fn labels(&mut self) {
        self.set("load", |line| line.row.setting.load.name().to_owned());
        let has = |is: fn(&DiskRow) -> bool| self.lines.iter().any(|line| is(line.row));
        let (has_blocks, has_depths) = (has(|row| row.setting.block.is_some()), has(|row| row.setting.depth > 1));
        let has_several = has(|row| row.setting.flight != Flight::Calls);
        if has_blocks && self.group != Group::Sync {
            self.set("access", |line| line.row.setting.access.map_or_else(nothing, |access| access.name().to_owned()));
        }
        if has_blocks {
            self.set("block", |line| line.row.setting.block.map_or_else(nothing, |block| block.to_string()));
        }
        if has_depths {
            self.set("depth", |line| line.row.setting.depth.to_string());
        }
        if has_several {
            self.add(20, "via", |line| line.row.setting.flight.name().to_owned());
        }
    }

    /// How many of the runs count, where some do not show what they should.
    fn runs_that_count(&mut self) {
        if self.lines.iter().any(|line| line.figures.runs_invalid > 0) {
            self.set("runs that\ncount", |line| {
                format!("{} of {}", line.figures.runs - line.figures.runs_invalid, line.figures.runs)
            });
        }
    }

    /// The rate that people ask for, how well it is known, and the other one.
    fn rates(&mut self) {
        let mib = |line: &Line<'_>| rate(line.figures.mib_per_second);
        let operations = |line: &Line<'_>| rate(line.figures.operations_per_second);
        match self.group {
            Group::Sequential => {
                self.add(0, "MiB/s", mib);
                self.spread();
                self.add(45, "op/s", operations);
            }
            Group::Random => {
                self.add(0, "IOPS", operations);
                self.spread();
                self.add(45, "MiB/s", mib);
            }
            Group::Sync | Group::Files => {
                self.add(0, "per\nsecond", operations);
                self.spread();
            }
        }
    }

    /// The interval of the rate, or, of too few runs for one, from the least to the most.
    fn spread(&mut self) {
        let group = self.group;
        let known = |line: &Line<'_>| line.figures.operations_per_second.and_then(|rate| rate.interval);
        let has_intervals = self.lines.iter().any(|line| known(line).is_some());
        self.add(8, if has_intervals { "95%" } else { "range" }, |line| {
            let rate = match group {
                Group::Sequential => line.figures.mib_per_second,
                _ => line.figures.operations_per_second,
            };
            let interval = rate.and_then(|rate| rate.interval).map(|interval| (interval.low, interval.high));
            let ends = if has_intervals { interval } else { range(line.row, group) };
            ends.map_or_else(nothing, |(low, high)| format!("{}–{}", three_digits(low), three_digits(high)))
        });
    }

    fn latencies(&mut self) {
        if self.lines.iter().any(|line| line.is_second) {
            let cells = self.lines.iter().map(|line| line.of.to_owned()).collect();
            self.columns.push(Column { heading: "latency\nof".to_owned(), cells, rank: 0 });
        }
        let columns: [(u8, &str, Time); 4] = [
            (0, "p50", |latency| Some(latency.p50_ns)),
            (0, "p99", |latency| latency.p99_ns),
            (35, "p99.9", |latency| latency.p999_ns),
            (25, "max", |latency| Some(latency.max_ns)),
        ];
        for (rank, heading, time) in columns {
            let cell = |line: &Line<'_>| {
                let latency = line.latency.filter(|_| line.figures.runs > line.figures.runs_invalid);
                latency.and_then(time).map_or_else(nothing, duration)
            };
            let cells = self.lines.iter().map(cell).collect();
            self.columns.push(Column { heading: heading.to_owned(), cells, rank });
        }
    }

    /// How long the bar of each line is. What a disk does in order is compared by bytes, anywhere by operations; a file
    /// made and a file looked at are not to be compared.
    fn bars(&self) -> Vec<f64> {
        let rate = |line: &Line<'_>| match self.group {
            _ if line.is_second || line.figures.runs == line.figures.runs_invalid => None,
            Group::Sequential => line.figures.mib_per_second,
            _ => line.figures.operations_per_second,
        };
        let rates: Vec<f64> = self.lines.iter().map(|line| rate(line).map_or(0.0, |rate| rate.median)).collect();
        let highest = rates.iter().copied().fold(0.0, f64::max);
        let are_compared = rates.len() > 1 && highest > 0.0 && self.group != Group::Files;
        if are_compared { rates.into_iter().map(|rate| rate / highest).collect() } else { vec![] }
    }
}

/// One line a row; of one that reads and writes, two.
fn lines<'a>(row: &'a DiskRow, figures: &'a DiskFigures) -> Vec<Line<'a>> {
    let line = |latency, of, is_second| Line { row, figures, latency, of, is_second };
    match row.setting.load {
        Load::Mixed => vec![line(figures.read_latency, "reads", false), line(figures.write_latency, "writes", true)],
        Load::Write | Load::RandomWrite | Load::Sync => vec![line(figures.write_latency, "writes", false)],
        _ => vec![line(figures.read_latency, "reads", false)],
    }
}

fn rate(rate: Option<Middle>) -> String {
    rate.map_or_else(nothing, |rate| three_digits(rate.median))
}

/// From the least rate to the highest; one run has no range.
fn range(row: &DiskRow, group: Group) -> Option<(f64, f64)> {
    let amount = |sample: &&DiskSample| match group {
        Group::Sequential => sample.bytes() as f64 / 1_048_576.0,
        _ => sample.operations as f64,
    };
    let timed = counted(row).into_iter().filter(|sample| sample.run.wall_ns > 0);
    let rates: Vec<f64> = timed.map(|sample| amount(&sample) * 1e9 / sample.run.wall_ns as f64).collect();
    let (low, high) = (rates.iter().copied().reduce(f64::min)?, rates.iter().copied().reduce(f64::max)?);
    (rates.len() > 1).then_some((low, high))
}

/// Whether the rate settled before it was measured.
fn steady(row: &DiskRow) -> String {
    let settled = |found: Steadiness| if found.is_steady { "✓" } else { "no" }.to_owned();
    row.warm_up.steadiness.map_or_else(nothing, settled)
}

/// Explains the columns that do not speak for themselves, where they are shown.
pub(super) fn explained(digest: &DiskDigest<'_>, sheets: &[Sheet]) -> Vec<String> {
    let is_shown = |start: &str| sheets.iter().any(|sheet| sheet.columns_named(start).next().is_some());
    let warm_up_ns = digest.report.warm_up_ns;
    let has_steadiness = is_shown("steady") && digest.report.rows.iter().any(|row| row.warm_up.steadiness.is_some());
    let explain = |start: &str, text: &str| is_shown(start).then(|| text.to_owned());
    [
        explain("runs that count", "runs that count: the rest did not show what they should, and are in no figure"),
        explain("95%", "95%: from where to where the true median of the runs' rates lies in 95 of 100 cases"),
        explain("range", "range: from the slowest run to the fastest; fewer than six runs carry no interval"),
        explain(
            "p50",
            "p50: median of the runs' medians; p99, p99.9, max: 99 of 100, 999 of 1000, all operations took no longer; none \
             of fewer than 100, 1000",
        ),
        explain("CPU %", "CPU %: of one core, of haul and of the kernel on its behalf"),
        explain("via", "via: how operations were kept in flight"),
        has_steadiness.then(|| {
            format!(
                "steady ✓: the last five windows of its warm-up ({} for all) lay within a fifth of their mean, with a \
                 trend of a tenth of it at most",
                duration(warm_up_ns)
            )
        }),
        Some(format!("figures: medians of {}", count(digest.report.rounds as u64, "round"))),
    ]
    .into_iter()
    .flatten()
    .collect()
}
