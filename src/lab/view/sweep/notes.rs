//! What a reader of a sweep must know so as not to misread its figures: how it was measured, what proves it, what columns
//! mean.

use super::super::columns::legend;
use super::super::derived::Derived;
use super::super::notes::{noises, untimed};
use super::super::numbers::{count, duration, percent, three_digits};
use super::super::page::Table;
use super::tables::Word;
use crate::calls::Call;
use crate::lab::metric::Metric;
use crate::lab::plan::{CacheState, SweepJob, TableName};
use crate::lab::reconcile::Reconciliation;
use crate::lab::report::{Observed, Report, Row, Sample};
use crate::lab::setting::Axis;
use crate::plan::EngineName;

/// All notes; `tables` are those whose columns are explained.
pub(super) fn notes(derived: &Derived<'_>, tables: &[Table]) -> Vec<String> {
    let report = derived.report;
    let mut notes = vec![how(report)];
    notes.extend(fixed(report));
    let bits = report.data.first().and_then(|data| data.entropy_bits);
    notes.extend(bits.map(|bits| format!("data: {bits:.2} bits of entropy a byte")));
    notes.extend(observed(report));
    notes.push(Reconciliation::of(report).to_string());
    notes.extend(cold(report));
    notes.extend(noises(derived));
    notes.extend(bottlenecks(derived, tables));
    notes.extend(report.remarks.iter().cloned());
    notes.extend(engines(report));
    notes.extend(skipped(report));
    notes.extend(legend(tables, &own_columns(report, tables)));
    notes.extend(untimed(
        report,
        [(report.preparation_ns, "getting the source ready"), (report.between_ns, "cleaning up between runs")],
    ));
    notes.extend(cost(report));
    notes
}

/// How it was measured, in two sentences.
fn how(report: &Report) -> String {
    let control = match report.controls.len() {
        0 => "",
        1 => ", one of them twice, as a check on noise",
        _ => ", one of each group of alternatives twice, as a check on noise",
    };
    let settings = count(report.rows.len() as u64, "setting");
    let each = if report.rows.len() == 1 { "was" } else { "were each" };
    format!(
        "{settings} {each} run once to warm up, and then once in each of {}, in an order shuffled again every time{control}; \
         seed {}. Times are of the job alone, from its first system call to its last; what comes before and after a run, \
         such as removing the last target, is not in them.",
        count(report.rounds as u64, "round"),
        report.seed
    )
}

/// What is the same for all runs.
fn fixed(report: &Report) -> Option<String> {
    let setting = &report.rows.first()?.setting;
    let (_, fixed) = report.axes();
    let told: Vec<String> =
        fixed.into_iter().map(|axis| format!("{} {}", axis.heading(), setting.text(axis))).collect();
    (!told.is_empty()).then(|| format!("the same in all runs: {}", told.join(", ")))
}

/// What the job left alone: a run is not over all of the source then.
fn skipped(report: &Report) -> Option<String> {
    let samples = report.rows.iter().flat_map(|row| &row.samples);
    let skipped = samples.map(|sample| sample.metrics.whole(Metric::SkippedFiles)).max()?;
    (skipped > 0).then(|| format!("{} passed over in each run", count(skipped, "file")))
}

/// What a cold run is, and what proves it.
fn cold(report: &Report) -> Option<String> {
    let is_cold = |row: &&Row| row.setting.named(Axis::Cache) == Some(CacheState::Cold);
    let samples: Vec<&Sample> = report.rows.iter().filter(is_cold).flat_map(|row| &row.samples).collect();
    let runs = samples.len();
    let looked = samples.iter().filter(|sample| sample.metrics.get(Metric::CachedBefore).is_some()).count();
    let valid = samples.iter().filter(|sample| sample.is_valid()).count();
    let sum = |metric| samples.iter().map(|sample| sample.metrics.whole(metric)).sum::<u64>();
    let part = sum(Metric::DiskRead) as f64 / sum(Metric::SourceBytes).max(1) as f64;
    let cachestat = match looked {
        0 => "cachestat could not look whether it was, on this kernel or file system".to_owned(),
        all if all == runs => "cachestat looked whether it was".to_owned(),
        some => {
            format!("cachestat looked whether it was before {some} of {runs} runs, and could not before the others")
        }
    };
    (runs > 0).then(|| {
        format!(
            "cold: content was evicted before each run; {cachestat}. The runs read {part:.2} of their bytes from the disk, \
             and {valid} of {runs} are valid. Names and inodes stay in memory"
        )
    })
}

/// What each row waits for, and what says so, where a table shows it.
fn bottlenecks(derived: &Derived<'_>, tables: &[Table]) -> Vec<String> {
    let is_shown = tables.iter().flat_map(|table| &table.columns).any(|column| column.heading == "bottleneck");
    let found = derived.bottlenecks.iter().enumerate().filter(|_| is_shown);
    let line = |(row, found): (usize, &Option<_>)| {
        let crate::lab::bottleneck::Bottleneck { word, evidence } = found.as_ref()?;
        Some(format!("bottleneck of {}: {word}: {evidence}", derived.report.label(row)))
    };
    found.filter_map(line).collect()
}

/// What measuring costs.
fn cost(report: &Report) -> Option<String> {
    let cost = report.cost;
    let is_known = cost.empty_run_ns > 0 || cost.count_call_ns > 0.0;
    let timed = report.rows.iter().any(|row| row.call_latencies.is_some());
    let timing = format!(
        ". Timing a call takes {} ns more; only the runs that show how long single calls took do that",
        three_digits(cost.time_call_ns)
    );
    is_known.then(|| {
        format!(
            "measuring: the times hold {} a run and {} ns a call that measuring itself takes{}",
            duration(cost.empty_run_ns),
            three_digits(cost.count_call_ns),
            if timed { &timing } else { "" }
        )
    })
}

/// How our counts compare with those of a tool that watched from outside.
fn observed(report: &Report) -> Option<String> {
    let watched: Vec<(usize, &Observed)> =
        report.rows.iter().enumerate().filter_map(|(row, watched)| Some((row, watched.observed.as_ref()?))).collect();
    let (_, first) = watched.first()?;
    let calls: u64 = watched.iter().flat_map(|(_, seen)| &seen.calls).map(|call| call.ours).sum();
    let mut differing = vec![];
    for (row, seen) in &watched {
        for call in seen.calls.iter().filter(|call| call.ours != call.theirs) {
            let (label, tool) = (report.label(*row), &seen.tool);
            differing.push(format!("{label}: {} {} by us, {} by {tool}", call.ours, call.call, call.theirs));
        }
    }
    let runs = count(watched.len() as u64, "watched run");
    Some(if differing.is_empty() {
        format!("{}: the same for all {calls} calls of {runs}", first.tool)
    } else {
        format!("{}: differs in {runs}: {}", first.tool, differing.join("; "))
    })
}

/// A note for each engine that is not what its name or its neighbours suggest.
fn engines(report: &Report) -> Vec<String> {
    let is_copy = |row: &&Row| row.setting.named(Axis::Job) == Some(SweepJob::Copy);
    let by = |row: &Row| row.setting.named::<EngineName>(Axis::Engine);
    let rows = || report.rows.iter().filter(is_copy);
    let mut notes = auto(report);
    if rows().any(|row| by(row) == Some(EngineName::Mmap)) {
        notes.push(
            "mmap reads by page faults, which are no calls, and which the kernel does not count as reads".to_owned(),
        );
    }
    let is_warm = |row: &Row| row.setting.named(Axis::Cache) == Some(CacheState::Warm);
    if rows().any(|row| by(row) == Some(EngineName::Direct) && is_warm(row)) {
        notes.push("direct goes past the page cache: 'warm cache' does not hold for its rows".to_owned());
    }
    notes
}

/// What auto was: "auto copied by `read_write`".
fn auto(report: &Report) -> Vec<String> {
    let is_auto = |row: &Row| row.setting.named(Axis::Engine) == Some(EngineName::Auto);
    let rows = report.rows.iter().enumerate().filter(|(_, row)| is_auto(row));
    let rows: Vec<(usize, Vec<&str>)> =
        rows.map(|(index, row)| (index, engines_of(row))).filter(|(_, used)| !used.is_empty()).collect();
    let Some((_, first)) = rows.first() else { return vec![] };
    if rows.iter().all(|(_, used)| used == first) {
        return vec![format!("auto copied by {}", first.join(" and "))];
    }
    rows.iter().map(|(row, used)| format!("{}: auto copied by {}", report.label(*row), used.join(" and "))).collect()
}

/// The engines whose calls moved something in the runs of a row.
fn engines_of(row: &Row) -> Vec<&'static str> {
    let worked = |call: Call| {
        row.samples.iter().map(|sample| sample.calls.of(call)).any(|counts| match call {
            // What shares blocks moves no bytes.
            Call::Ficlone => counts.calls > counts.failed + counts.interrupted,
            _ => counts.bytes > 0,
        })
    };
    let all = [
        (Call::Ficlone, EngineName::Reflink),
        (Call::CopyFileRange, EngineName::CopyFileRange),
        (Call::Pwrite, EngineName::ReadWrite),
    ];
    all.into_iter().filter(|(call, _)| worked(*call)).map(|(_, engine)| engine.name()).collect()
}

/// What the columns mean that are no metrics, by heading.
fn own_columns(report: &Report, tables: &[Table]) -> Vec<(&'static str, String)> {
    let within = percent(report.within);
    let base = match (&report.baseline, report.table) {
        (Some(baseline), _) => baseline.iter().map(|(axis, value)| axis.phrase(value)).collect::<Vec<_>>().join(", "),
        (None, Some(TableName::Models)) => "one thread".to_owned(),
        (None, _) => "the fewest workers".to_owned(),
    };
    let speedup = format!("how many times faster than {base}, round by round, with its 95% interval");
    let pool = "time without it by time with it, round by round, with its 95% interval";
    let gain = "in speed, round by round, with its 95% interval";
    let bottleneck = "what a run waits for. CPU: CPU-bound, a faster core or more of them would help; disk: I/O-bound; memory: \
                      there is too little; locks: threads wait for each other; one worker: the others have nothing to do; \
                      other programs: they had the cores; unclear: no figure says. The figures that say so are above";
    let mut columns = vec![
        ("speed-up (95%)", speedup.clone()),
        ("speed-up", speedup.replace(", with its 95% interval", "")),
        (
            "efficiency",
            format!(
                "speed-up for each worker, or operation in flight, that can be at work at once on {}",
                count(report.machine.cores as u64, "core")
            ),
        ),
        ("knee", format!("the fewest workers of this scheduler that are surely within {within} of its best")),
        ("beside the best", "how many times the least median of the table".to_owned()),
        ("speed-up by the pool (95%)", pool.to_owned()),
        ("speed-up by the pool", pool.replace(", with its 95% interval", "")),
        ("gain over the step before (95%)", gain.to_owned()),
        ("gain over the step before", gain.replace(", with its 95% interval", "")),
        ("bottleneck", bottleneck.to_owned()),
    ];
    columns.extend(words(tables, &within).map(|text| ("verdict", text)));
    columns
}

/// The words of the table of buffers, those that are in it.
fn words(tables: &[Table], within: &str) -> Option<String> {
    let columns = || tables.iter().flat_map(|table| &table.columns);
    let has =
        |text: &str| columns().any(|column| column.heading == "verdict" && column.cells.iter().any(|it| it == text));
    let meaning = |word: &Word| {
        let text = word.text();
        has(text).then(|| match word {
            Word::Best => format!("{text} is the smallest buffer surely within {within} of the fastest"),
            Word::WastesMemory => format!("{text} is as fast and larger"),
            Word::MayBeBest => format!("{text} cannot be told from the fastest"),
            Word::Fair => format!("{text} takes at most half again as long as the fastest"),
            Word::Slow => format!("{text} takes longer than that"),
        })
    };
    let said: Vec<String> = Word::ALL.iter().filter_map(meaning).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{Ending, SyscallCounts};
    use crate::lab::view::{fixture, page};

    fn said(report: &Report) -> Vec<String> {
        page(report).notes
    }

    #[test]
    fn auto_is_named_by_what_it_did() {
        let mut report = fixture::copy();
        assert!(engines(&report).is_empty());
        let with = |row: &mut Row, engine: &'static str| row.setting = row.setting.clone().with(Axis::Engine, engine);
        report.rows.iter_mut().for_each(|row| with(row, "auto"));
        assert_eq!(engines(&report), ["auto copied by read_write"]);
        for sample in &mut report.rows[0].samples {
            sample.calls = SyscallCounts::default();
            sample.calls.record(Call::Ficlone, 0, Ending::Failed(rustix::io::Errno::OPNOTSUPP));
            sample.calls.record(Call::CopyFileRange, 9, Ending::Moved(9));
        }
        // What was tried and moved nothing did not copy.
        report.rows[1].samples[0].calls.record(Call::CopyFileRange, 9, Ending::Moved(0));
        assert_eq!(engines(&report)[..2], ["4K: auto copied by copy_file_range", "64K: auto copied by read_write"]);
        let mut report = fixture::copy();
        with(&mut report.rows[1], "direct");
        assert_eq!(engines(&report), ["direct goes past the page cache: 'warm cache' does not hold for its rows"]);
        let direct = |row: &mut Row| row.setting = row.setting.clone().with(Axis::Cache, "direct");
        report.rows.iter_mut().for_each(direct);
        assert!(engines(&report).is_empty());
    }

    #[test]
    fn what_was_not_measured_and_what_measuring_costs_is_told() {
        let mut report = fixture::tables().remove(0);
        report.left_out.push("64K with reflink: not supported".to_owned());
        report.remarks.push("no other tool could check the counts: strace is not installed".to_owned());
        report.rows[0].samples[0].metrics.count(Metric::SkippedFiles, 3);
        let notes = said(&report);
        for note in [
            "no other tool could check the counts: strace is not installed",
            "3 files passed over in each run",
            "measuring: the times hold 90 ns a run and 1.20 ns a call that measuring itself takes. Timing a call takes \
             45.0 ns more; only the runs that show how long single calls took do that",
        ] {
            assert!(notes.iter().any(|other| other == note), "{note}: {notes:?}");
        }
        assert_eq!(page(&report).warnings[0], "not measured: 64K with reflink: not supported");
    }

    #[test]
    fn who_could_not_look_is_not_said_to_have_seen_nothing() {
        let mut report = fixture::tables().remove(1);
        let cold = |report: &Report| said(report).into_iter().find(|note| note.starts_with("cold: ")).unwrap();
        assert!(cold(&report).contains("cachestat could not look"), "{}", cold(&report));
        report.rows[0].samples[0].metrics.set(Metric::CachedBefore, 0.0);
        assert!(cold(&report).contains("before 1 of 48 runs, and could not before the others"), "{}", cold(&report));
        let all = report.rows.iter_mut().flat_map(|row| &mut row.samples);
        all.for_each(|sample| sample.metrics.set(Metric::CachedBefore, 0.0));
        assert!(cold(&report).contains("; cachestat looked whether it was. The runs"), "{}", cold(&report));
    }

    #[test]
    fn a_tool_that_counts_otherwise_is_told_with_the_setting() {
        let mut report = fixture::tables().remove(0);
        assert_eq!(observed(&report).unwrap(), "strace: the same for all 12288 calls of 12 watched runs");
        report.rows[1].observed.as_mut().unwrap().calls[0].theirs += 1;
        assert_eq!(
            observed(&report).unwrap(),
            "strace: differs in 12 watched runs: 1K: 1024 pread64 by us, 1025 by strace"
        );
    }

    #[test]
    fn a_column_is_explained_where_it_is_shown() {
        let [buffers, workers, pool, models, ladder] = fixture::tables().try_into().unwrap();
        let mut differing = buffers.clone();
        differing.rows[0].samples[0].metrics.set(Metric::UnexplainedReads, 1.0);
        for (report, text) in [
            (&differing, "runs reconciled: "),
            (&buffers, "95%: from where to where"),
            (&buffers, "durable: Time from start until"),
            (&buffers, "peak: "),
            (
                &buffers,
                "verdict: best is the smallest buffer surely within 5% of the fastest, wastes memory is as fast",
            ),
            (&workers, "knee: "),
            (&workers, "bottleneck: what a run waits for. CPU: CPU-bound"),
            (&pool, "speed-up by the pool (95%): "),
            (&models, "speed-up (95%): how many times faster than one thread"),
            (&ladder, "file p50: Half of the files took no longer"),
        ] {
            let notes = said(report);
            let lines = notes.iter().filter(|note| note.starts_with(text)).count();
            assert_eq!(lines, 1, "{text}: {notes:#?}");
        }
        assert!(!said(&buffers).concat().contains("may be best"), "a word that no row has");
        assert!(!said(&buffers).concat().contains("runs reconciled"), "a column that says the same of all rows");
        assert!(!said(&ladder).concat().contains("knee"), "a column that it does not have");
    }
}
