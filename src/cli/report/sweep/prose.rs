//! The lines above and below a table: what was run, what to make of it, what it rests on.

use haul::error::Quoted;
use haul::lab::sweep::axes;
use haul::lab::sweep::bottleneck;
use haul::lab::sweep::reconcile::Reconciliation;
use haul::lab::sweep::verdict::Noise;
use haul::measure::machine::warnings;
use haul::outcome::{Observed, SweepReport, SweepRow};
use haul::plan::{CacheState, TableName};
use haul::size::BufferSize;

use super::super::numbers::{bytes, count, duration, three_digits};
use super::super::phrases;
use super::super::sheet::Sheet;
use super::digest::Digest;
use super::{columns, engines};

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
    how.extend(report.codec.as_ref().map(|codec| format!("codec {codec}")));
    if let Some(block) = report.block_bytes.and_then(|bytes| BufferSize::new(bytes).ok()) {
        how.push(format!("block {block}"));
    }
    let rounds = count(report.rounds as u64, "round");
    let ended = phrases::ended(report.ended, report.failure.as_deref());
    format!("{}; 1 warm-up and {rounds} in shuffled order, seed {}{ended}", how.join(", "), report.seed)
}

fn fixed_phrase(axis: axes::Axis, row: &SweepRow) -> String {
    match axis {
        axes::Axis::Engine | axes::Axis::Scheduler => format!("{} {}", axis.name(), axis.value(&row.setting)),
        _ => axis.phrase(&row.setting),
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

/// What a reader must know so as not to misread the figures in these sheets.
pub(super) fn notes(digest: &Digest<'_>, sheets: &[Sheet]) -> Vec<String> {
    let report = digest.report;
    let mut notes = vec![Reconciliation::of(report).to_string()];
    notes.extend(observed(report));
    notes.extend(report.unobserved.as_ref().map(|why| format!("no other tool could check the counts: {why}")));
    notes.extend(caches(report));
    notes.extend(noise(digest));
    notes.extend(bottlenecks(report));
    if digest.figures.iter().any(|figures| figures.calls_vary) {
        notes.push("~ runs differ in their calls; those of the run with the median time are shown".to_owned());
    }
    notes.extend(report.left_out.iter().map(|setting| format!("not measured: {setting}")));
    notes.extend(engines::notes(report));
    notes.extend(passed_over(report));
    notes.extend(columns::notes(report, sheets));
    notes.extend(untimed(report));
    notes.extend(cost(report));
    let warnings = warnings(&report.machine, report.source_bytes);
    notes.extend(warnings.into_iter().map(|warning| format!("mind: {warning}")));
    notes
}

/// What the job left alone: a run is not over all of the source then.
fn passed_over(report: &SweepReport) -> Option<String> {
    let skipped = report.rows.iter().flat_map(|row| &row.samples).map(|sample| sample.summary.skipped).max()?;
    (skipped > 0).then(|| format!("{} passed over in each run", count(skipped, "file")))
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

/// How far apart two runs of the same thing are, in each group of alternatives.
fn noise(digest: &Digest<'_>) -> Vec<String> {
    let say = |noise: &Noise| {
        let group = noise.group.as_ref().map_or_else(String::new, |group| format!("{group}: "));
        format!("{group}{}", phrases::noise(noise, noise.interval))
    };
    digest.noises.iter().map(say).collect()
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
    let timing = format!(
        ". Timing a call takes {} ns more; only the runs that show how long single calls took do that",
        three_digits(cost.time_call_ns)
    );
    known.then(|| {
        format!(
            "measuring: the times hold {} a run and {} ns a call that measuring itself takes{}",
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

#[cfg(test)]
mod tests {
    use haul::outcome::Ended;

    use super::*;
    use crate::cli::report::sweep::fixture;
    use crate::cli::report::sweep::sheets::sheets;

    #[test]
    fn the_caption_tells_the_codec_and_what_failed() {
        let mut report = fixture::gzip();
        (report.codec, report.ended) = (Some("libdeflate".to_owned()), Ended::Failed);
        report.failure = Some("cannot open 'a': Permission denied".to_owned());
        let how = how(&report);
        assert!(how.contains(", codec libdeflate, block 128K; "), "{how}");
        assert!(how.ends_with("seed 42; failed: cannot open 'a': Permission denied"), "{how}");
    }

    #[test]
    fn notes_tell_what_was_not_done_and_what_measuring_costs() {
        let mut report = fixture::tables().remove(0);
        report.left_out.push("64K with reflink: not supported".to_owned());
        report.rows[0].samples[0].summary.skipped = 3;
        let digest = Digest::of(&report);
        let notes = notes(&digest, &sheets(&digest));
        for note in [
            "not measured: 64K with reflink: not supported",
            "3 files passed over in each run",
            "measuring: the times hold 90 ns a run and 1.20 ns a call that measuring itself takes. Timing a call takes \
             45.0 ns more; only the runs that show how long single calls took do that",
        ] {
            assert!(notes.iter().any(|other| other == note), "{note}: {notes:?}");
        }
    }
}
