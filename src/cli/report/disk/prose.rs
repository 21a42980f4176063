//! The lines above and below the tables: what was measured, what came of it, what it rests on.

use haul::error::Quoted;
use haul::lab::disk::doubts::is_memory;
use haul::lab::disk::figures::DiskFigures;
use haul::measure::interval::Interval;
use haul::outcome::{DiskReport, DiskSetting};
use haul::plan::{Access, Flight, Load};

use super::super::numbers::{bytes, count, duration, percent, three_digits};
use super::super::phrases;
use super::super::sheet::Sheet;
use super::digest::{DiskDigest, Group};
use super::sheets;

/// The disk where it is known, and what the user named.
pub(super) fn place(report: &DiskReport) -> String {
    let place = Quoted(&report.place);
    match &report.machine.disk {
        Some(disk) => format!("{place} on {}", disk.name),
        None => place.to_string(),
    }
}

/// What was measured, and how.
pub(super) fn caption(report: &DiskReport) -> [String; 2] {
    let place = Quoted(&report.place);
    let what = if report.is_existing {
        format!("{place}, only read: {} of it", bytes(report.file_bytes))
    } else {
        let disk = report.machine.disk.as_ref().map_or_else(String::new, |disk| format!(", disk {}", disk.name));
        let size =
            if report.file_bytes > 0 { format!(": a file of {}", bytes(report.file_bytes)) } else { String::new() };
        format!("{place} ({}{disk}){size}", report.machine.file_system)
    };
    let rounds = count(report.rounds as u64, "round");
    let ended = phrases::ended(report.ended, report.failure.as_deref());
    let run = duration(report.run_ns);
    [what, format!("{rounds} in shuffled order, runs of {run}, after warming up; seed {}{ended}", report.seed)]
}

/// The result in a sentence for each kind of load.
pub(super) fn findings(digest: &DiskDigest<'_>) -> Vec<String> {
    let found: Vec<String> =
        [sequential(digest), random(digest), durable(digest), files(digest)].into_iter().flatten().collect();
    if !found.is_empty() {
        return found;
    }
    let why = match digest.report.rounds {
        0 => "No round is done",
        _ if (0..digest.report.rows.len()).any(|place| digest.is_known(place)) => "Runs are too short to show a rate",
        _ => "No run shows what it should",
    };
    vec![format!("{why}, so there is nothing to tell.")]
}

/// "Sequential: reads best at 812 MiB/s (1M direct; 801–820); writes best at 455 MiB/s (1M direct; 451–460)."
fn sequential(digest: &DiskDigest<'_>) -> Option<String> {
    let best = |load, verb| {
        let place = digest.best(&of(digest, load), |figures| figures.mib_per_second)?;
        let rate = digest.figures[place].mib_per_second?;
        let between = |interval: Interval| format!("; {}–{}", three_digits(interval.low), three_digits(interval.high));
        let between = rate.interval.map_or_else(String::new, between);
        Some(format!("{verb} {} MiB/s ({}{between})", three_digits(rate.median), beside_load(digest, place)))
    };
    said("Sequential", [best(Load::Read, "reads best at"), best(Load::Write, "writes best at")])
}

/// "Random: reads 9120 IOPS one at a time, 98100 IOPS with 16 in flight (4K); writes 11300 IOPS (4K)."
fn random(digest: &DiskDigest<'_>) -> Option<String> {
    let all = [(Load::RandomRead, "reads"), (Load::RandomWrite, "writes"), (Load::Mixed, "7 reads to 3 writes")];
    said("Random", all.map(|(load, verb)| Some(format!("{verb} {}", depths(digest, &of(digest, load))?))))
}

/// What several in flight come to, of blocks of the size that has the most: of other sizes a depth says nothing to it.
fn depths(digest: &DiskDigest<'_>, places: &[usize]) -> Option<String> {
    let setting = |place: usize| digest.report.rows[place].setting;
    let iops =
        |place: usize| Some(format!("{} IOPS", three_digits(digest.figures[place].operations_per_second?.median)));
    let block = setting(digest.best(places, |figures| figures.operations_per_second)?).block;
    let alike: Vec<usize> = places.iter().copied().filter(|place| setting(*place).block == block).collect();
    let enough = digest.shallowest(&alike)?;
    let one = alike.iter().copied().find(|place| setting(*place).depth == 1);
    let has_several = alike.iter().any(|place| setting(*place).depth > 1);
    let said = match (one, setting(enough).depth) {
        (Some(one), 1) if has_several => format!("{} one at a time, more in flight are no faster", iops(one)?),
        (_, 1) => iops(enough)?,
        (Some(one), depth) => format!("{} one at a time, {} with {depth} in flight", iops(one)?, iops(enough)?),
        (None, depth) => format!("{} with {depth} in flight", iops(enough)?),
    };
    Some(format!("{said} ({})", block?))
}

fn durable(digest: &DiskDigest<'_>) -> Option<String> {
    let place = of(digest, Load::Sync).into_iter().next()?;
    let figures = &digest.figures[place];
    let (latency, rate) = (figures.write_latency?, figures.operations_per_second?.median);
    let block = digest.report.rows[place].setting.block.map_or_else(String::new, |block| format!(" {block}"));
    let rarely = latency.p99_ns.map_or_else(String::new, |p99| format!(", 1 in 100 longer than {}", duration(p99)));
    // What most of them take says little of how many there are: some take a hundred times as long.
    let usual = duration(latency.p50_ns);
    Some(format!(
        "Durable: {} a second of writing{block} and fdatasync; half take {usual} or less{rarely}.",
        three_digits(rate)
    ))
}

fn files(digest: &DiskDigest<'_>) -> Option<String> {
    let rate = |load, verb| {
        let place = of(digest, load).into_iter().next()?;
        let rate = digest.figures[place].operations_per_second?.median;
        Some(format!("{verb} {} a second", three_digits(rate)))
    };
    said("Empty files", [rate(Load::Create, "makes"), rate(Load::Stat, "looks at"), rate(Load::Remove, "removes")])
}

fn said<const N: usize>(subject: &str, parts: [Option<String>; N]) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("{subject}: {}.", parts.join("; ")))
}

/// Positions of the rows of a load that something is to be told of.
fn of(digest: &DiskDigest<'_>, load: Load) -> Vec<usize> {
    let is_of = |place: &usize| digest.report.rows[*place].setting.load == load && digest.is_telling(*place);
    digest.places(Group::of(load)).into_iter().filter(is_of).collect()
}

/// What a setting is called where its load is told already.
fn beside_load(digest: &DiskDigest<'_>, place: usize) -> String {
    let setting = digest.report.rows[place].setting;
    let label = haul::lab::disk::settings::label(&setting);
    label.strip_prefix(setting.load.name()).unwrap_or(&label).trim_start().to_owned()
}

/// What a reader must know so as not to misread the figures in these sheets.
pub(super) fn notes(digest: &DiskDigest<'_>, sheets: &[Sheet]) -> Vec<String> {
    let report = digest.report;
    let mut notes: Vec<String> = digest.doubts.iter().map(|doubt| format!("mind: {doubt}")).collect();
    notes.extend(report.left_out.iter().map(|setting| format!("not measured: {setting}")));
    notes.extend(digest.noises.iter().map(|noise| phrases::noise(noise, noise.interval)));
    notes.extend(untimed(report));
    notes.push(clock(report));
    notes.extend(durability(report));
    notes.extend(sheets::explained(digest, sheets));
    notes
}

/// What was done outside of measured times.
fn untimed(report: &DiskReport) -> Option<String> {
    let parts = [
        (report.preparation_ns, "making the file"),
        (report.warm_up_ns, "warming up"),
        (report.tidying_ns, "emptying caches, writing back, making and removing files"),
    ];
    let told =
        parts.into_iter().filter(|(time, _)| *time > 0).map(|(time, what)| format!("{} for {what}", duration(time)));
    let mut told: Vec<String> = told.collect();
    if report.repeated > 0 {
        told.push(format!("{} that did not show what it should, repeated", count(report.repeated as u64, "run")));
    }
    (!told.is_empty()).then(|| format!("not timed: {}", told.join(", ")))
}

/// What is in the times.
fn clock(report: &DiskReport) -> String {
    let threads = report.rows.iter().any(|row| row.setting.flight == Flight::Threads);
    let by = if threads { "; each operation in flight is a thread's" } else { "" };
    format!("times: of the operations alone{by}")
}

/// What of what was written is durable when the clock stops; in memory nothing is.
fn durability(report: &DiskReport) -> Vec<String> {
    if is_memory(&report.machine) {
        return vec![];
    }
    let has = |is: fn(&DiskSetting) -> bool| report.rows.iter().any(|row| is(&row.setting));
    let buffered = "written buffered: durable when the clock stops, fdatasync is in the rate; latencies are of the write \
                    calls alone";
    let direct = "written direct: past the page cache when the clock stops, but maybe in the disk's write cache";
    let files = "files made and removed: not durable, the file system's journal is in memory";
    [
        (has(|setting| writes(setting) && setting.access == Some(Access::Buffered)), buffered),
        (has(|setting| writes(setting) && setting.access == Some(Access::Direct)), direct),
        (has(|setting| matches!(setting.load, Load::Create | Load::Remove)), files),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, text)| text.to_owned())
    .collect()
}

const fn writes(setting: &DiskSetting) -> bool {
    matches!(setting.load, Load::Write | Load::RandomWrite | Load::Mixed)
}

/// How it was measured, in a few sentences.
pub(super) fn how(report: &DiskReport) -> String {
    let settings = count(report.rows.len() as u64, "setting");
    let control =
        if report.controls.is_empty() { "" } else { ", one of each load and access twice, as a check on noise" };
    let within = percent(report.within);
    // Of a file that others use: what passes the cache by leaves them theirs.
    let through = if report.is_existing { "Before each run through the page cache" } else { "Before each run" };
    format!(
        "{settings} warmed up, each until its rate settled or its time was over, and then run once in each of {}, in an \
         order shuffled anew every time{control}. {through} no page of the file is in memory; what was read and \
         written is compared with what the kernel says came from the disk and went there, and a run that does not show \
         what it should is repeated. Rates that are no more than {within} apart count as the same.",
        count(report.rounds as u64, "round"),
    )
}

/// The rate of a row in words: "812 MiB/s", "9120 IOPS".
pub(super) fn rate(figures: &DiskFigures, group: Group) -> Option<String> {
    Some(match group {
        Group::Sequential => format!("{} MiB/s", three_digits(figures.mib_per_second?.median)),
        Group::Random => format!("{} IOPS", three_digits(figures.operations_per_second?.median)),
        Group::Sync | Group::Files => format!("{} a second", three_digits(figures.operations_per_second?.median)),
    })
}
