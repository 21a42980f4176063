//! The tables of a sweep: one for each job and state of the cache, with the columns that answer the question that was asked.

use std::collections::BTreeMap;

use super::super::columns::Builder;
use super::super::derived::Derived;
use super::super::numbers::{duration, nothing, times, whole_percent};
use super::super::page::{Column, Table};
use crate::calls::CallLatency;
use crate::lab::metric::Metric;
use crate::lab::plan::TableName;
use crate::lab::report::Row;
use crate::lab::setting::{Axis, Setting};
use crate::lab::stats::median_of;
use crate::lab::verdict::{baseline_of, speedup, summary::knees};

/// Calls that move bytes, as strace names them.
const MOVING: [&str; 6] = ["read", "pread64", "write", "pwrite64", "copy_file_range", "ioctl(FICLONE)"];

/// The axes of the pool.
const POOL: [Axis; 3] = [Axis::Pool, Axis::PoolOverflow, Axis::PoolWait];
/// What a pool did, and how soon it is left out where there is no room: what follows from the others first.
const OF_THE_POOL: [(Metric, u8); 6] = [
    (Metric::PoolAcquired, 5),
    (Metric::PoolReused, 4),
    (Metric::PoolFresh, 2),
    (Metric::PoolOverflowed, 2),
    (Metric::PoolWaited, 2),
    (Metric::PoolGaveUp, 3),
];

/// The tables that answer the question.
pub(super) fn tables(derived: &Derived<'_>) -> Vec<Table> {
    let columns = match derived.report.table {
        Some(TableName::Buffers) => buffers,
        Some(TableName::Workers) => workers,
        Some(TableName::Models) => models,
        Some(TableName::Pool) => pool,
        Some(TableName::Ladder) => ladder,
        None => general,
    };
    let mut tables = each_block(derived, columns);
    if derived.report.table == Some(TableName::Models) && !tables.is_empty() {
        tables.push(means(derived));
    }
    tables
}

/// All figures, whatever the question.
pub(super) fn all_figures(derived: &Derived<'_>) -> Vec<Table> {
    each_block(derived, general)
}

/// A table for each block: neighbouring rows of one job, one data set and one state of the cache, which can be compared.
fn each_block(derived: &Derived<'_>, columns: fn(&mut Builder<'_>)) -> Vec<Table> {
    let report = derived.report;
    let key = |row: &Row| [Axis::Case, Axis::Job, Axis::Cache].map(|axis| row.setting.get(axis).cloned());
    let (varying_at_all, _) = report.axes();
    let mut first = 0;
    let mut tables = vec![];
    for block in report.rows.chunk_by(|one, other| key(one) == key(other)) {
        let mut builder = Builder::new(derived, (first..first + block.len()).collect());
        first += block.len();
        let varying = builder.varying();
        let told = varying_at_all.iter().filter(|axis| !varying.contains(axis));
        let title: Vec<String> = told.filter_map(|axis| block[0].setting.phrase(*axis)).collect();
        columns(&mut builder);
        builder.bars(report.rank.metric());
        tables.push(builder.finish((block.len() < report.rows.len()).then(|| title.join(", "))));
    }
    tables
}

/// What settings are ranked by, how well it is known, and the other time that there is.
fn costs(table: &mut Builder<'_>) {
    let ranked = table.derived.report.rank.metric();
    table.metric(ranked, 0);
    table.spread(ranked, 5);
    table.metric(if ranked == Metric::Wall { Metric::Durable } else { Metric::Wall }, 30);
}

/// Every figure of any sweep.
fn general(table: &mut Builder<'_>) {
    table.labels();
    table.runs_invalid();
    table.metric(Metric::Reads, 8);
    table.metric(Metric::Writes, 8);
    table.metric(Metric::OtherCalls, 25);
    table.metric(Metric::CallsPerMib, 7);
    table.runs_reconciled(20);
    if may_be_seen(table, Metric::UncountedCalls) {
        table.metric(Metric::UncountedCalls, 20);
    }
    costs(table);
    table.metric(Metric::MibPerSecond, 0);
    if table.derived.report.baseline.is_some() {
        speedups(table, &|_| None);
    }
    table.metric(Metric::User, 40);
    table.metric(Metric::System, 40);
    // Ready-made tables show what all processes need where that is the question.
    let compares_schedulers = table.derived.report.table.is_none() && table.varying().contains(&Axis::Scheduler);
    table.metric(memory(compares_schedulers && may_be_seen(table, Metric::PeakPss)), 10);
    table.metric(Metric::MinorFaults, 80);
    if may_be_seen(table, Metric::MajorFaults) {
        table.metric(Metric::MajorFaults, 80);
    }
    // The table of pools has them already, and a page has no room for them twice.
    if table.derived.report.table != Some(TableName::Pool) {
        let varies = |axes: &[Axis]| table.varying().iter().any(|axis| axes.contains(axis));
        let (varies_pool, varies_words) = (varies(&POOL), varies(&POOL[1..]));
        let rank = match (varies_words, varies_pool) {
            (true, _) => 6,
            (false, true) => 15,
            (false, false) => 90,
        };
        buffers_of_the_pool(table, rank);
        if varies_pool {
            allocations(table, 16);
        }
    }
    table.metric(Metric::FileP50, 60);
    table.metric(Metric::FileP99, 60);
    table.metric(Metric::Ratio, 0);
}

/// How many times faster each row is than `base`, or than the baseline that somebody named.
fn speedups(table: &mut Builder<'_>, base: &dyn Fn(usize) -> Option<usize>) {
    let report = table.derived.report;
    table.speedup("speed-up", 0, |row| if report.baseline.is_some() { baseline_of(report, row) } else { base(row) });
}

/// The same for each core that can work: of threads, processes or operations in flight as many as there are cores at the most.
fn efficiency(table: &mut Builder<'_>, rank: u8, base: &dyn Fn(usize) -> Option<usize>) {
    let report = table.derived.report;
    let cores = report.machine.cores.max(1) as u64;
    let at_work = |row: usize| report.rows[row].setting.number(Axis::Workers).unwrap_or(1).min(cores) as f64;
    let base = |row: usize| if report.baseline.is_some() { baseline_of(report, row) } else { base(row) };
    table.measured("effi-\nciency", rank, |row| {
        let known = base(row).and_then(|base| Some((base, speedup(report, row, base)?)));
        known.map_or_else(nothing, |(base, known)| whole_percent(known.ratio * at_work(base) / at_work(row)))
    });
}

/// What all processes of a run needed, where that is known; else what one did.
const fn memory(is_known_of_all: bool) -> Metric {
    if is_known_of_all { Metric::PeakPss } else { Metric::Peak }
}

/// What the pool did.
fn buffers_of_the_pool(table: &mut Builder<'_>, rank: u8) {
    table.metric(Metric::PoolFresh, rank);
    table.metric(Metric::PoolReused, rank);
    for metric in [Metric::PoolOverflowed, Metric::PoolWaited, Metric::PoolGaveUp] {
        if may_be_seen(table, metric) {
            table.metric(metric, rank);
        }
    }
}

/// What the allocator did.
fn allocations(table: &mut Builder<'_>, rank: u8) {
    table.metric(Metric::Allocations, rank);
    table.metric(Metric::AllocatedBytes, rank);
}

/// Whether some row has a count other than 0; else the column says nothing.
fn may_be_seen(table: &Builder<'_>, metric: Metric) -> bool {
    table.rows.iter().filter_map(|row| table.get(*row, metric)).any(|spread| spread.max > 0.0)
}

/// What a buffer size is good for: the verdict on it in a word or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The setting to use.
    Best,
    /// As fast as the one to use, and larger.
    WastesMemory,
    /// Not told from the fastest.
    MayBeBest,
    Fair,
    /// More than half again as long as the fastest.
    Slow,
}

impl Word {
    pub(super) const ALL: [Self; 5] = [Self::Best, Self::WastesMemory, Self::MayBeBest, Self::Fair, Self::Slow];

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::WastesMemory => "wastes memory",
            Self::MayBeBest => "may be best",
            Self::Fair => "fair",
            Self::Slow => "slow",
        }
    }

    /// The word for a row, which says what the verdict says; `None` of too few rounds for a verdict.
    fn of(derived: &Derived<'_>, row: usize) -> Option<Self> {
        let report = derived.report;
        let verdict = derived.verdict_on(row)?;
        verdict.slowdowns.iter().find(|found| found.row == row)?.slowdown.bounds?;
        let cost = |row: usize| derived.figures[row].median(report.rank.metric()).map(|cost| cost.max(1.0));
        let factor = cost(row)? / cost(verdict.best)?;
        let is_equal = verdict.indistinguishable.contains(&row);
        let may_be_best = is_equal || verdict.undecided.contains(&row);
        let buffer = |row: usize| report.rows[row].setting.number(Axis::Buffer);
        let is_larger = |chosen: usize| buffer(row) > buffer(chosen);
        Some(match verdict.chosen {
            Some(chosen) if chosen == row => Self::Best,
            Some(chosen) if is_larger(chosen) && (is_equal || !may_be_best && factor <= 1.0 + report.within) => {
                Self::WastesMemory
            }
            _ if may_be_best => Self::MayBeBest,
            _ if factor <= 1.5 => Self::Fair,
            _ => Self::Slow,
        })
    }
}

/// Calls, times and a word.
fn buffers(table: &mut Builder<'_>) {
    let derived = table.derived;
    table.labels();
    table.runs_invalid();
    table.metric(Metric::Calls, 0);
    table.metric(Metric::CallsPerMib, 3);
    table.runs_reconciled(20);
    costs(table);
    table.metric(Metric::Peak, 10);
    table.metric(Metric::MibPerSecond, 0);
    if table.rows.iter().any(|row| Word::of(derived, *row).is_some()) {
        table.words("verdict", 0, |row| Word::of(derived, row).map_or_else(nothing, |word| word.text().to_owned()));
    }
}

/// Time, memory, what more workers buy, and what they wait for.
fn workers(table: &mut Builder<'_>) {
    let derived = table.derived;
    let series = table.series(&[Axis::Workers]);
    let workers = |row: usize| derived.report.rows[row].setting.number(Axis::Workers).unwrap_or(1);
    let base = |row: usize| {
        let alike = series.iter().find(|rows| rows.contains(&row))?;
        alike.iter().copied().min_by_key(|row| workers(*row))
    };
    let knees: Vec<usize> = knees(derived.report).into_iter().filter_map(|knee| knee.row).collect();
    let knows_all = may_be_seen(table, Metric::PeakPss);
    table.labels();
    table.runs_invalid();
    costs(table);
    table.metric(Metric::MibPerSecond, 0);
    table.metric(memory(knows_all), 10);
    speedups(table, &base);
    efficiency(table, 15, &base);
    table.metric(Metric::CpuPercent, 3);
    if !knees.is_empty() {
        table.measured("knee", 0, |row| if knees.contains(&row) { "←" } else { "" }.to_owned());
    }
    table.bottleneck(0);
}

/// What the models take of the machine, all processes of a run together. A table of its own: beside times there is no room.
fn means(derived: &Derived<'_>) -> Table {
    let mut table = Builder::new(derived, (0..derived.report.rows.len()).collect());
    let knows_all = may_be_seen(&table, Metric::PeakPss);
    // An axis that only some jobs have, with one value, tells nothing: an engine, a level.
    let differs = |axis: &Axis| {
        let mut values = table.rows.iter().filter_map(|row| derived.report.rows[*row].setting.get(*axis));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let telling: Vec<Axis> = table.varying().into_iter().filter(differs).collect();
    for axis in telling {
        table.axis(axis, 0);
    }
    table.runs_invalid();
    table.metric(memory(knows_all), 0);
    table.metric(Metric::Cpu, 0);
    table.metric(Metric::VoluntarySwitches, 3);
    table.metric(Metric::InvoluntarySwitches, 4);
    table.metric(Metric::CallsPerFile, 5);
    table.finish(Some("what each takes, all processes together".to_owned()))
}

/// Time, what several at once buy, and what each waits for.
fn models(table: &mut Builder<'_>) {
    let report = table.derived.report;
    let ranked = report.rank.metric();
    let known = |row: &usize| Some((*row, table.get(*row, ranked)?.median.max(1.0)));
    let costs_of: BTreeMap<usize, f64> = table.rows.iter().filter_map(known).collect();
    let slowest = costs_of.iter().max_by(|one, other| one.1.total_cmp(other.1)).map(|(row, _)| *row);
    let least = costs_of.values().copied().fold(f64::INFINITY, f64::min);
    let is_serial = |row: &usize| report.rows[*row].setting.word(Axis::Scheduler) == Some("serial");
    let is_alone = |row: &usize| report.rows[*row].setting.number(Axis::Workers) == Some(1);
    let first = |is: &dyn Fn(&usize) -> bool| table.rows.iter().copied().find(|row| is(row));
    let serial = first(&is_serial).or_else(|| first(&is_alone)).or(slowest);
    let varying = table.varying();
    table.labels();
    table.runs_invalid();
    costs(table);
    table.measured("beside\nthe best", 7, |row| costs_of.get(&row).map_or_else(nothing, |cost| times(cost / least)));
    table.metric(Metric::MibPerSecond, 35);
    if report.baseline.is_some() || varying.contains(&Axis::Scheduler) || varying.contains(&Axis::Workers) {
        speedups(table, &|_| serial);
        efficiency(table, 8, &|_| serial);
    }
    table.bottleneck(0);
}

/// With the pools and without one, one below the other, and all that each did.
fn pool(table: &mut Builder<'_>) {
    let report = table.derived.report;
    let series = table.series(&POOL);
    let is_off = |row: usize| report.rows[row].setting.word(Axis::Pool) == Some("off");
    let without = |row: usize| {
        let alike = series.iter().find(|rows| rows.contains(&row))?;
        alike.iter().copied().find(|other| is_off(*other)).filter(|_| !is_off(row))
    };
    table.rows = series.concat();
    table.labels();
    table.runs_invalid();
    table.metric(Metric::MinorFaults, 20);
    costs(table);
    table.metric(Metric::MibPerSecond, 25);
    table.speedup("speed-up by\nthe pool", 0, without);
    for (metric, rank) in OF_THE_POOL {
        table.metric(metric, rank);
    }
    allocations(table, 11);
}

/// A line for each step: what it changed, and what came of it.
fn ladder(table: &mut Builder<'_>) {
    let report = table.derived.report;
    let first = table.rows.first().copied().unwrap_or(0);
    let before = |row: usize| (row > first).then(|| row - 1);
    table.words("step", 0, |row| report.label(row));
    table.words("what changed", 0, |row| match before(row) {
        Some(before) => changed(&report.rows[before].setting, &report.rows[row].setting),
        None => report.rows[row].setting.phrase(Axis::Buffer).unwrap_or_default(),
    });
    table.runs_invalid();
    costs(table);
    table.metric(Metric::MibPerSecond, 0);
    table.metric(Metric::FileP50, 40);
    table.metric(Metric::FileP99, 45);
    table.metric(Metric::CpuPercent, 6);
    table.metric(Metric::Peak, 50);
    table.speedup("gain over the\nstep before", 0, before);
    // Without its interval: there is no room for two, and the steps' own show where noise is.
    table.measured("gain over\nthe start", 4, |row| {
        let gain = (row > first).then(|| speedup(report, row, first)).flatten();
        gain.map_or_else(nothing, |gain| times(gain.ratio))
    });
    table.bottleneck(0);
}

/// What one step does differently from the one before: "buffer 256K", "channel, 2 workers".
fn changed(before: &Setting, after: &Setting) -> String {
    let mut axes: Vec<Axis> =
        after.iter().map(|(axis, _)| axis).filter(|axis| before.get(*axis) != after.get(*axis)).collect();
    axes.sort_by_key(|axis| *axis != Axis::Buffer);
    let phrases: Vec<String> = axes.into_iter().filter_map(|axis| after.phrase(axis)).collect();
    if phrases.is_empty() { "nothing".to_owned() } else { phrases.join(", ") }
}

/// How long single calls took, in two tables: those that move bytes, and the others.
pub(super) fn latencies(derived: &Derived<'_>) -> Vec<Table> {
    let report = derived.report;
    let slower = report.rows.iter().zip(&derived.figures).filter_map(|(row, figures)| {
        let median = figures.median(Metric::Wall).filter(|median| *median > 0.0)?;
        Some(row.call_latencies.as_ref()?.wall_ns as f64 / median)
    });
    let cost = median_of(&slower.collect::<Vec<_>>()).map_or_else(String::new, |middle| {
        format!("; timing them made that run take {} as long (the median of all settings)", times(middle))
    });
    let table = |moving: bool, title: String| {
        let timed =
            report.rows.iter().enumerate().filter_map(|(row, timed)| Some((row, timed.call_latencies.as_ref()?)));
        let lines: Vec<[String; 7]> = timed
            .flat_map(|(row, timed)| timed.calls.iter().map(move |call| (row, call)))
            .filter(|(_, call)| MOVING.contains(&call.call.as_str()) == moving)
            .map(|(row, call)| latency(report.label(row), call))
            .collect();
        let headings = ["setting", "call", "calls", "p50", "p90", "p99", "max"];
        let columns = headings.into_iter().enumerate().map(|(index, heading)| Column {
            heading: heading.to_owned(),
            cells: lines.iter().map(|line| line[index].clone()).collect(),
            rank: 0,
            is_text: index < 2,
        });
        (!lines.is_empty()).then(|| Table { title: Some(title), columns: columns.collect(), ..Table::default() })
    };
    let moving = format!("how long single calls took, in one more run of each setting{cost}");
    [table(true, moving), table(false, "the calls that move no bytes".to_owned())].into_iter().flatten().collect()
}

fn latency(setting: String, call: &CallLatency) -> [String; 7] {
    let [p50, p90, p99, max] = [call.p50_ns, call.p90_ns, call.p99_ns, call.max_ns].map(duration);
    [setting, call.call.clone(), call.calls.to_string(), p50, p90, p99, max]
}
