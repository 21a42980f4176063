//! What the page of a disk says: a table for each kind of load, and the best of each in a sentence.

use super::columns::{Builder, legend};
use super::derived::Derived;
use super::machine;
use super::notes::{noises, not_measured, rounds, untimed};
use super::numbers::{bytes, count, duration, percent, three_digits};
use super::page::{Finding, Page, Table};
use crate::error::Quoted;
use crate::lab::figures::Figures;
use crate::lab::machine::Disk;
use crate::lab::metric::Metric;
use crate::lab::report::{Data, Report, Row};
use crate::lab::setting::{Axis, Setting};
use crate::lab::subject::disk::plan::{Access, Load};
use crate::lab::subject::disk::warnings;
use crate::lab::subject::disk::warnings::{is_scanty, is_sustained};
use crate::lab::timeline;

/// What a disk's report says.
pub(super) fn page(derived: &Derived<'_>) -> Page {
    let report = derived.report;
    let tables: Vec<Table> = Group::ALL.into_iter().filter_map(|group| group.table(derived)).collect();
    Page {
        title: "haul disk: ".to_owned() + &path_and_disk(report),
        caption: caption(report),
        warnings: [not_measured(report), warnings(report)].concat(),
        notes: notes(derived, &tables),
        machine: machine::lines(report),
        command: report.command.clone(),
        findings: findings(derived).into_iter().map(|text| Finding { text, is_decided: None }).collect(),
        tables,
        ..Page::default()
    }
}

/// Loads that are compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Sequential,
    Random,
    Sync,
    Files,
}

impl Group {
    /// All of them, in the order of reports.
    const ALL: [Self; 4] = [Self::Sequential, Self::Random, Self::Sync, Self::Files];

    const fn of(load: Load) -> Self {
        match load {
            Load::Read | Load::Write => Self::Sequential,
            Load::RandomRead | Load::RandomWrite | Load::Mixed => Self::Random,
            Load::Sync => Self::Sync,
            Load::Create | Load::Stat | Load::Remove => Self::Files,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Sequential => "sequential: blocks one after the other",
            Self::Random => "random: blocks anywhere",
            Self::Sync => "durable: a block written, and fdatasync, one after the other",
            Self::Files => "empty files in one directory",
        }
    }

    /// A line for each row of the group; `None` if there are none.
    fn table(self, derived: &Derived<'_>) -> Option<Table> {
        let report = derived.report;
        let is_of = |row: &usize| load(&report.rows[*row].setting).is_some_and(|load| Self::of(load) == self);
        let rows: Vec<usize> = (0..report.rows.len()).filter(is_of).collect();
        if rows.is_empty() {
            return None;
        }
        let mut table = Builder::new(derived, rows);
        self.labels(&mut table);
        table.runs_invalid();
        if self == Self::Sequential {
            table.metric(Metric::MbPerSecond, 3);
            table.metric(Metric::MibPerSecond, 0);
            table.spread(Metric::MibPerSecond, 8);
            table.metric(Metric::OperationsPerSecond, 45);
            table.bars(Metric::MibPerSecond);
        } else {
            table.metric(Metric::OperationsPerSecond, 0);
            table.spread(Metric::OperationsPerSecond, 8);
        }
        if self == Self::Random {
            // Who measures by a preset compares with a program that shows this of random blocks, too.
            if table.rows.iter().any(|row| report.rows[*row].name.is_some()) {
                table.metric(Metric::MbPerSecond, 3);
            }
            table.metric(Metric::MibPerSecond, 45);
        }
        // A file made and a file looked at are not to be compared.
        if matches!(self, Self::Random | Self::Sync) {
            table.bars(Metric::OperationsPerSecond);
        }
        for (metrics, rank) in [
            ([Metric::ReadP50, Metric::WriteP50], 5),
            ([Metric::ReadP99, Metric::WriteP99], 25),
            ([Metric::ReadP999, Metric::WriteP999], 35),
            ([Metric::ReadMax, Metric::WriteMax], 36),
        ] {
            for metric in metrics {
                table.metric(metric, rank);
            }
        }
        table.metric(Metric::CpuPercent, 30);
        table.metric(Metric::CallsPerOperation, 40);
        if !is_sustained(report) {
            table.words("steady", 15, |row| {
                let settled = |is_steady| if is_steady { "yes" } else { "no" };
                let steadiness = report.rows[row].warm_up.steadiness;
                steadiness.map_or("too short", |steadiness| settled(steadiness.is_steady)).to_owned()
            });
        }
        Some(table.finish(Some(self.title().to_owned())))
    }

    /// What tells rows apart: their names, and what their loads have.
    fn labels(self, table: &mut Builder<'_>) {
        let report = table.derived.report;
        let rows = table.rows.clone();
        let has = |is: &dyn Fn(&Setting) -> bool| rows.iter().any(|row| is(&report.rows[*row].setting));
        table.names();
        table.axis(Axis::Load, 0);
        if self != Self::Sync && has(&|setting| setting.get(Axis::Access).is_some()) {
            table.axis(Axis::Access, 0);
        }
        if has(&|setting| setting.get(Axis::Block).is_some()) {
            table.axis(Axis::Block, 0);
        }
        if has(&|setting| setting.number(Axis::Depth).is_some_and(|depth| depth > 1)) {
            table.axis(Axis::Depth, 0);
        }
        if has(&|setting| setting.word(Axis::Backend).is_some_and(|backend| backend != "calls")) {
            table.axis(Axis::Backend, 20);
        }
    }
}

fn load(setting: &Setting) -> Option<Load> {
    setting.named(Axis::Load)
}

/// What it was measured on: of a scratch file the directory.
fn data(report: &Report) -> Data {
    report.data.first().cloned().unwrap_or_default()
}

/// What the user named, and the disk where it is known.
fn path_and_disk(report: &Report) -> String {
    let path = data(report).path.unwrap_or_default();
    match &report.machine.disk {
        Some(disk) => format!("{} on {}", Quoted(&path), disk.name),
        None => Quoted(&path).to_string(),
    }
}

/// What was measured, and how.
fn caption(report: &Report) -> Vec<String> {
    let data = data(report);
    let path = data.path.unwrap_or_default();
    let what = if data.is_read_only {
        format!("{}, only read: {} of it", Quoted(&path), bytes(data.bytes))
    } else {
        let model = |disk: &Disk| disk.model.as_ref().map_or_else(String::new, |model| format!(", {model}"));
        let disk = report.machine.disk.as_ref();
        let disk = disk.map_or_else(String::new, |disk| format!(", disk {}{}", disk.name, model(disk)));
        let size = if data.bytes > 0 { format!(": a file of {}", bytes(data.bytes)) } else { String::new() };
        format!("{} ({}{disk}){size}", Quoted(&path), report.machine.file_system)
    };
    let runs = report.run_ns.map_or_else(String::new, |run| format!("runs of {}, ", duration(run)));
    vec![what, format!("{runs}{}", rounds(report))]
}

/// The result in a sentence for each kind of load.
fn findings(derived: &Derived<'_>) -> Vec<String> {
    let found: Vec<String> =
        [sequential(derived), random(derived), durable(derived), files(derived)].into_iter().flatten().collect();
    let found = [falls(derived.report), found].concat();
    if !found.is_empty() {
        return found;
    }
    let why = match derived.report.rounds {
        0 => "No round is done",
        _ if derived.figures.iter().any(Figures::is_known) => "Runs are too short to show a rate",
        _ => "No run shows what it should",
    };
    vec![format!("{why}, so there is nothing to tell.")]
}

/// "write 1M direct: the rate fell from 2400 to 610 MiB/s after 42.0 s."
fn falls(report: &Report) -> Vec<String> {
    let sentence = |row: &Row| {
        let fall = timeline::fall(&timeline::points(row))?;
        let (setting, unit) = (row.setting.label(&[]), fall.metric.heading());
        let [from, to] = [fall.from, fall.to].map(three_digits);
        Some(format!("{setting}: the rate fell from {from} to {to} {unit} after {}.", duration(fall.after_ns)))
    };
    report.rows.iter().filter_map(sentence).collect()
}

/// "Sequential: reads best at 812 MiB/s, 851 MB/s (1M direct; 801–820 MiB/s); writes best at …"
fn sequential(derived: &Derived<'_>) -> Option<String> {
    let best = |load, verb| {
        let row = best(derived, &of(derived, load), Metric::MibPerSecond)?;
        let rate = derived.figures[row].get(Metric::MibPerSecond)?;
        let decimal = derived.figures[row].median(Metric::MbPerSecond)?;
        let between = rate.interval.map_or_else(String::new, |interval| {
            format!("; {}–{} MiB/s", three_digits(interval.low), three_digits(interval.high))
        });
        let [rate, decimal] = [rate.median, decimal].map(three_digits);
        Some(format!(
            "{verb} {rate} MiB/s, {decimal} MB/s ({}{between})",
            beside_load(&derived.report.rows[row].setting)
        ))
    };
    said("Sequential", [best(Load::Read, "reads best at"), best(Load::Write, "writes best at")])
}

/// "Random: reads 9120 op/s one at a time, 98100 op/s with 16 in flight (4K); writes 11300 op/s (4K)."
fn random(derived: &Derived<'_>) -> Option<String> {
    let all = [(Load::RandomRead, "reads"), (Load::RandomWrite, "writes"), (Load::Mixed, "7 reads to 3 writes")];
    said("Random", all.map(|(load, verb)| Some(format!("{verb} {}", depths(derived, &of(derived, load))?))))
}

/// What several in flight come to, of blocks of the size that has the most: of other sizes a depth says nothing to it.
fn depths(derived: &Derived<'_>, rows: &[usize]) -> Option<String> {
    let setting = |row: usize| &derived.report.rows[row].setting;
    let depth = |row: usize| setting(row).number(Axis::Depth).unwrap_or(1);
    let rate = |row: usize| Some(format!("{} op/s", three_digits(operations(derived, row)?)));
    let block = setting(best(derived, rows, Metric::OperationsPerSecond)?).get(Axis::Block);
    let alike: Vec<usize> = rows.iter().copied().filter(|row| setting(*row).get(Axis::Block) == block).collect();
    let enough = shallowest(derived, &alike)?;
    let one = alike.iter().copied().find(|row| depth(*row) == 1);
    let has_several = alike.iter().any(|row| depth(*row) > 1);
    let said = match (one, depth(enough)) {
        (Some(one), 1) if has_several => format!("{} one at a time, more in flight are no faster", rate(one)?),
        (_, 1) => rate(enough)?,
        (Some(one), depth) => format!("{} one at a time, {} with {depth} in flight", rate(one)?, rate(enough)?),
        (None, depth) => format!("{} with {depth} in flight", rate(enough)?),
    };
    Some(format!("{said} ({})", setting(enough).text(Axis::Block)))
}

fn durable(derived: &Derived<'_>) -> Option<String> {
    let row = of(derived, Load::Sync).into_iter().next()?;
    let figures = &derived.figures[row];
    let rate = operations(derived, row)?;
    let block = derived.report.rows[row].setting.text(Axis::Block);
    let rarely = figures.median(Metric::WriteP99).map(|p99| format!(", 1 in 100 longer than {}", duration(p99 as u64)));
    // What most of them take says little of how many there are: some take a hundred times as long.
    let usual = duration(figures.median(Metric::WriteP50)? as u64);
    Some(format!(
        "Durable: {} a second of writing {block} and fdatasync; half take {usual} or less{}.",
        three_digits(rate),
        rarely.unwrap_or_default()
    ))
}

fn files(derived: &Derived<'_>) -> Option<String> {
    let rate = |load, verb| {
        let rate = operations(derived, of(derived, load).into_iter().next()?)?;
        Some(format!("{verb} {} a second", three_digits(rate)))
    };
    said("Empty files", [rate(Load::Create, "makes"), rate(Load::Stat, "looks at"), rate(Load::Remove, "removes")])
}

fn said<const N: usize>(subject: &str, parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{subject}: {}.", parts.join("; ")))
}

/// The rows of a load of which something can be told without the table: they show what they should, in runs of enough
/// operations.
fn of(derived: &Derived<'_>, of: Load) -> Vec<usize> {
    let is_told = |row: &usize| derived.figures[*row].is_known() && !is_scanty(&derived.report.rows[*row]);
    let rows = derived.report.rows.iter().enumerate().filter(|(_, row)| load(&row.setting) == Some(of));
    rows.map(|(row, _)| row).filter(is_told).collect()
}

fn operations(derived: &Derived<'_>, row: usize) -> Option<f64> {
    derived.figures[row].median(Metric::OperationsPerSecond)
}

/// Of these rows, that with the highest figure; `None` where nothing is known.
fn best(derived: &Derived<'_>, rows: &[usize], metric: Metric) -> Option<usize> {
    let known = rows.iter().filter_map(|row| Some((*row, derived.figures[*row].median(metric)?)));
    known.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(row, _)| row)
}

/// Of these rows, that with the fewest operations in flight whose rate comes within the report's `within` of the best.
fn shallowest(derived: &Derived<'_>, rows: &[usize]) -> Option<usize> {
    let most = operations(derived, best(derived, rows, Metric::OperationsPerSecond)?)?;
    let least = most / (1.0 + derived.report.within);
    let near = rows.iter().copied().filter(|row| operations(derived, *row).is_some_and(|rate| rate >= least));
    near.min_by_key(|row| derived.report.rows[*row].setting.number(Axis::Depth))
}

/// What a setting is called where its load is told already.
fn beside_load(setting: &Setting) -> String {
    let label = setting.label(&[]);
    label.strip_prefix(&setting.text(Axis::Load)).unwrap_or(&label).trim_start().to_owned()
}

/// What a reader must know so as not to misread the figures in these tables.
fn notes(derived: &Derived<'_>, tables: &[Table]) -> Vec<String> {
    let report = derived.report;
    let mut notes = vec![how(report)];
    notes.extend(report.remarks.iter().cloned());
    notes.extend(noises(derived));
    notes.push(clock(report));
    notes.extend(durability(report));
    notes.extend(legend(tables, &own_columns(report)));
    notes.push(format!("figures: medians of {}", count(report.rounds as u64, "round")));
    notes.extend(untimed(
        report,
        [
            (report.preparation_ns, "making the file"),
            (report.warm_up_ns, "warming up"),
            (report.between_ns, "emptying caches, writing back, making and removing files"),
        ],
    ));
    notes
}

/// How it was measured, in a few sentences.
fn how(report: &Report) -> String {
    let settings = count(report.rows.len() as u64, "setting");
    let control =
        if report.controls.is_empty() { "" } else { ", one of each load and access twice, as a check on noise" };
    let within = percent(report.within);
    // Of a file that others use: what passes the cache by leaves them theirs.
    let through = if data(report).is_read_only { "Before each run through the page cache" } else { "Before each run" };
    let run = if is_sustained(report) {
        format!("{settings} run once each, without warming up: what happens while a cache fills up is in the rates")
    } else {
        format!(
            "{settings} warmed up, each until its rate settled or its time was over, and then run once in each of {}, in an \
             order shuffled again every time{control}",
            count(report.rounds as u64, "round")
        )
    };
    let repeated = if is_sustained(report) { "counts for nothing" } else { "is repeated" };
    format!(
        "{run}; seed {}. {through} no page of the file is in memory; what was read and written is compared with what the \
         kernel says came from the disk and went there, and a run that does not show what it should {repeated}. Rates that \
         are no more than {within} apart count as the same.",
        report.seed
    )
}

/// What is in the times.
fn clock(report: &Report) -> String {
    let threads = report.rows.iter().any(|row| row.setting.word(Axis::Backend) == Some("threads"));
    let by = if threads { "; each operation in flight is a thread's" } else { "" };
    format!("times: of the operations alone{by}")
}

/// What of what was written is durable when the clock stops; in memory nothing is.
fn durability(report: &Report) -> Vec<String> {
    if matches!(report.machine.file_system.as_str(), "tmpfs" | "ramfs") {
        return vec![];
    }
    let has = |is: &dyn Fn(&Setting) -> bool| report.rows.iter().any(|row| is(&row.setting));
    let writes = |setting: &Setting, access: Access| {
        let loads = [Load::Write, Load::RandomWrite, Load::Mixed];
        load(setting).is_some_and(|load| loads.contains(&load)) && setting.named(Axis::Access) == Some(access)
    };
    let buffered = "written buffered: durable when the clock stops, fdatasync is in the rate; latencies are of the write \
                    calls alone";
    let direct = "written direct: past the page cache when the clock stops, but maybe in the disk's write cache";
    let files = "files made and removed: not durable, the file system's journal is in memory";
    [
        (has(&|setting| writes(setting, Access::Buffered)), buffered),
        (has(&|setting| writes(setting, Access::Direct)), direct),
        (has(&|setting| matches!(load(setting), Some(Load::Create | Load::Remove))), files),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, text)| text.to_owned())
    .collect()
}

/// What the columns mean that are no metrics, or more than that, by heading.
fn own_columns(report: &Report) -> Vec<(&'static str, String)> {
    let took = duration(report.warm_up_ns);
    let has_files =
        report.rows.iter().any(|row| load(&row.setting).is_some_and(|load| Group::of(load) == Group::Files));
    let mut columns = vec![
        (
            "steady",
            format!(
                "whether the rate had settled before the first round. yes: the last five windows of the warm-up ({took} for \
                 all) lay within a fifth of their mean, with a trend of a tenth of it at most; no: they did not; too short: \
                 there were too few windows to tell"
            ),
        ),
        ("depth", "operations in flight".to_owned()),
        ("backend", "how operations were kept in flight".to_owned()),
    ];
    if has_files {
        let more = "of files, half of the times one was made, looked at or removed, which took no longer";
        let of_metric = Metric::ReadP50.meaning().trim_end_matches('.');
        columns.push(("read p50", format!("{of_metric}; {more}")));
    }
    columns
}

#[cfg(test)]
mod tests;
