//! The lines above and below a table: what was run, what to make of it, what it rests on.

use haul::error::Quoted;
use haul::job::sweep::axes;
use haul::job::sweep::bottleneck;
use haul::job::sweep::reconcile::Reconciliation;
use haul::measure::machine::warnings;
use haul::outcome::{Ended, Observed, SweepReport, SweepRow};
use haul::plan::{CacheState, EngineName, TableName};
use haul::size::BufferSize;

use super::digest::Digest;
use super::numbers::{bytes, count, duration, percent, three_digits};

/// What was run, on what, and what did not vary.
pub(super) fn caption(report: &SweepReport) -> [String; 2] {
    [source(report), how(report)]
}

fn source(report: &SweepReport) -> String {
    let entropy = report.entropy_bits.map_or_else(String::new, |bits| format!(", {bits:.2} bits of entropy a byte"));
    let size = format!("{} in {}{entropy}", bytes(report.source_bytes), count(report.source_files, "file"));
    match report.generated {
        Some(_) => format!("generated data: {size}"),
        None => format!("{}: {size}", Quoted(&report.source)),
    }
}

fn how(report: &SweepReport) -> String {
    let (_, fixed) = axes::split(&report.rows);
    let mut how: Vec<String> = match report.rows.first() {
        // How entries of a directory are handed out is news only where it is not as usual.
        Some(row) => fixed
            .iter()
            .filter(|axis| **axis != axes::Axis::Batch || !row.setting.batch)
            .map(|axis| fixed_phrase(*axis, row))
            .collect(),
        None => vec![],
    };
    let buffer = report.rows.first().map(|row| row.setting.buffer);
    if let Some(buffer) = buffer.filter(|first| report.rows.iter().all(|row| row.setting.buffer == *first)) {
        how.push(format!("buffer {buffer}"));
    }
    if let Some(block) = report.block_bytes.and_then(|bytes| BufferSize::new(bytes).ok()) {
        how.push(format!("block {block}"));
    }
    let rounds = count(report.rounds as u64, "round");
    format!("{}; 1 warm-up and {rounds} in shuffled order, seed {}{}", how.join(", "), report.seed, ended(report))
}

fn fixed_phrase(axis: axes::Axis, row: &SweepRow) -> String {
    match axis {
        axes::Axis::Engine | axes::Axis::Scheduler => format!("{} {}", axis.name(), axis.value(&row.setting)),
        _ => axis.phrase(&row.setting),
    }
}

/// Why there are no more rounds, where nobody asked for just so many.
fn ended(report: &SweepReport) -> &'static str {
    match report.ended {
        Ended::Rounds => "",
        Ended::NotYet => "; not done yet",
        Ended::Narrow => "; stopped: intervals were narrow enough",
        Ended::Budget => "; stopped: time was up",
        Ended::Interrupted => "; interrupted",
        Ended::Failed => "; failed",
    }
}

/// The verdict, or why there is none, and what else can be said.
pub(super) fn verdicts(digest: &Digest<'_>) -> Vec<String> {
    let Digest { report, verdicts, remarks, .. } = digest;
    let mut lines: Vec<String> = verdicts.iter().map(|verdict| verdict.text.clone()).collect();
    if lines.is_empty() {
        let levels = report.rows.iter().any(|row| row.setting.level != report.rows[0].setting.level);
        let text = match report.rows.len() {
            _ if report.rounds == 0 => "No round is done, so there is nothing to compare.",
            0 | 1 => "One setting was run, so there is nothing to compare.",
            _ if levels => "Levels trade time for size, so there is no verdict between them: compare MiB/s with ratio.",
            _ => "No two settings are alternatives to each other, so there is no verdict.",
        };
        lines.push(text.to_owned());
    }
    lines.extend(remarks.iter().cloned());
    lines
}

/// What a reader must know so as not to misread the figures.
pub(super) fn notes(digest: &Digest<'_>) -> Vec<String> {
    let report = digest.report;
    let mut notes = vec![Reconciliation::of(report).to_string()];
    notes.extend(observed(report));
    notes.extend(report.unobserved.as_ref().map(|why| format!("no other tool could check the counts: {why}")));
    notes.extend(caches(report));
    notes.extend(noise(digest));
    notes.extend(bottlenecks(report));
    let rows = || report.rows.iter();
    if digest.figures.iter().any(|figures| figures.calls_vary) {
        notes.push("~ runs differ in their calls; those of the run with the median time are shown".to_owned());
    }
    if rows().any(|row| row.setting.engine == EngineName::Mmap) {
        notes.push(
            "mmap reads by page faults, which are no calls, and which the kernel does not count as reads".to_owned(),
        );
    }
    if rows().any(|row| row.setting.engine == EngineName::Reflink) {
        notes.push("unseen: calls that share blocks, which the kernel does not count as reads or writes".to_owned());
    }
    notes.push(times(report));
    notes.extend(table(report));
    if rows().any(|row| row.warm_up.peak_bytes.is_some()) {
        notes.push("peak memory: of the warm-up, which goes from small buffers to large ones".to_owned());
    }
    notes.extend(untimed(report));
    notes.extend(cost(report));
    let warnings = warnings(&report.machine, report.source_bytes);
    notes.extend(warnings.into_iter().map(|warning| format!("mind: {warning}")));
    notes
}

/// What the states of the cache are, and what proves them.
fn caches(report: &SweepReport) -> Option<String> {
    let samples = |state| report.rows.iter().filter(move |row| row.setting.cache == state).flat_map(|row| &row.samples);
    let runs = samples(CacheState::Cold).count();
    let looked = samples(CacheState::Cold).filter(|sample| sample.cached_before.is_some()).count();
    let valid = samples(CacheState::Cold).filter(|sample| sample.invalid.is_none()).count();
    let read: u64 = samples(CacheState::Cold).filter_map(|sample| sample.disk_read_bytes).sum();
    let bytes: u64 = samples(CacheState::Cold).map(|sample| sample.summary.source_bytes).sum();
    (runs > 0).then(|| {
        let part = read as f64 / bytes.max(1) as f64;
        format!(
            "cold: content was evicted before each run, which cachestat saw for {looked} of {runs} runs; they read {part:.2} \
             of their bytes from the disk, and {valid} are valid. Names and inodes stay in memory"
        )
    })
}

/// What is in a time, and how well it is known.
fn times(report: &SweepReport) -> String {
    let samples = || report.rows.iter().flat_map(|row| &row.samples);
    let sync = if samples().any(|sample| sample.sync_ns.is_some()) {
        "with sync, what fdatasync takes afterwards (of a directory syncfs) is added"
    } else {
        "writing back to the disk is not waited for"
    };
    let spread = if report.rounds >= 6 {
        "95% ±%: half the width of the interval that holds the true median in 95 of 100 cases"
    } else {
        "±%: half of the runs lie this near to the median"
    };
    format!("times: of the job alone; {sync}. {spread}")
}

/// What the steps of a ladder wait for, and what says so.
fn bottlenecks(report: &SweepReport) -> Vec<String> {
    let is_ladder = report.table == Some(TableName::Ladder);
    let line = |row: &SweepRow| {
        let found = bottleneck::of(report, row)?;
        let name = row.name.clone().unwrap_or_else(|| row.setting.buffer.to_string());
        Some(format!("bottleneck of {name}: {}: {}", found.word, found.evidence))
    };
    report.rows.iter().filter(|_| is_ladder).filter_map(line).collect()
}

/// How far apart two runs of the same thing are.
fn noise(digest: &Digest<'_>) -> Option<String> {
    let noise = digest.noise?;
    let row = digest.report.rows.get(digest.report.controls.first()?.row)?;
    let (varying, _) = axes::split(&digest.report.rows);
    let interval = noise.interval.map_or_else(String::new, |interval| {
        let part = |ratio: f64| format!("{:+.1}%", (ratio - 1.0) * 100.0);
        format!(", between {} and {} at 95%", part(interval.low), part(interval.high))
    });
    let name = row.name.clone().unwrap_or_else(|| axes::label(&row.setting, &varying));
    Some(format!("noise: {name}, run twice in each round, differs from itself by {}{interval}", percent(noise.gap)))
}

/// What the words of a ready-made table mean.
fn table(report: &SweepReport) -> Option<String> {
    let within = percent(report.within);
    Some(match report.table? {
        TableName::Buffers => format!(
            "verdict: best is the smallest buffer surely within {within} of the fastest, wastes memory one as fast and \
             larger, fair at most half again as slow as the fastest, slow beyond"
        ),
        TableName::Workers => format!(
            "speed-up: over the fewest workers, round by round; efficiency: speed-up for each of the {} that can work \
             at once; knee: the fewest workers whose median is within {within} of the best",
            count(report.machine.cores as u64, "core")
        ),
        TableName::Models => "×: how many times the least in its column; speed-up: over one thread".to_owned(),
        TableName::Pool => "buffers: fresh/reused; speed-up by the pool: time without it by time with it".to_owned(),
        TableName::Ladder => {
            "gain: in speed, round by round, that over the step before with its 95% interval; file p50, p99: half of the files, and \
             99 of 100, took no longer"
                .to_owned()
        }
    })
}

/// What was done outside of measured times.
fn untimed(report: &SweepReport) -> Option<String> {
    let parts = [(report.preparation_ns, "getting the source ready"), (report.tidying_ns, "tidying up between runs")];
    let told =
        parts.into_iter().filter(|(time, _)| *time > 0).map(|(time, what)| format!("{} for {what}", duration(time)));
    let mut told: Vec<String> = told.collect();
    if report.repeated > 0 {
        told.push(format!("{} that did not show what it should, repeated", count(report.repeated as u64, "run")));
    }
    (!told.is_empty()).then(|| format!("not timed: {}", told.join(", ")))
}

/// What measuring costs.
fn cost(report: &SweepReport) -> Option<String> {
    let cost = report.cost;
    let known = cost.empty_run_ns > 0 || cost.count_call_ns > 0.0;
    let timed = report.rows.iter().any(|row| row.latency.is_some());
    let timing = format!("; timing a call {} ns, which is not", three_digits(cost.time_call_ns));
    known.then(|| {
        format!(
            "measuring costs {} a run and {} ns a call, which is within the times{}",
            duration(cost.empty_run_ns),
            three_digits(cost.count_call_ns),
            if timed { &timing } else { "" }
        )
    })
}

/// How our counts compare with those of a tool that watched from outside.
fn observed(report: &SweepReport) -> Vec<String> {
    let (varying, _) = axes::split(&report.rows);
    let watched: Vec<(String, &Observed)> = report
        .rows
        .iter()
        .filter_map(|row| Some((axes::label(&row.setting, &varying), row.observed.as_ref()?)))
        .collect();
    let Some((_, first)) = watched.first() else { return vec![] };
    let calls: u64 = watched.iter().flat_map(|(_, seen)| &seen.calls).map(|call| call.ours).sum();
    let differing: Vec<String> = watched
        .iter()
        .flat_map(|(label, seen)| {
            let calls = seen.calls.iter().filter(|call| call.ours != call.theirs);
            calls.map(move |call| {
                format!("{label}: {} {} by us, {} by {}", call.ours, call.call, call.theirs, seen.tool)
            })
        })
        .collect();
    let runs = count(watched.len() as u64, "watched run");
    if differing.is_empty() {
        return vec![format!("{}: the same for all {calls} calls of {runs}", first.tool)];
    }
    vec![format!("{}: differs in {runs}: {}", first.tool, differing.join("; "))]
}
