//! The lines above and below a table: what was run, what to make of it, what it rests on.

use bytesize::ByteSize;
use haul::error::Quoted;
use haul::job::sweep::axes;
use haul::job::sweep::figures::Figures;
use haul::job::sweep::reconcile::Reconciliation;
use haul::job::sweep::verdict::Verdict;
use haul::outcome::SweepReport;
use haul::plan::EngineName;
use haul::size::BufferSize;

/// What was run, on what, and what did not vary.
pub(super) fn caption(report: &SweepReport) -> [String; 2] {
    let count = |number: u64, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let size = ByteSize::b(report.source_bytes).display().iec();
    let what = format!("{}: {size} in {}", Quoted(&report.source), count(report.source_files, "file"));
    let (_, fixed) = axes::split(&report.rows);
    let mut how: Vec<String> = match report.rows.first() {
        Some(row) => fixed.iter().map(|axis| fixed_phrase(*axis, row)).collect(),
        None => vec![],
    };
    if let Some(block) = report.block_bytes.and_then(|bytes| BufferSize::new(bytes).ok()) {
        how.push(format!("block {block}"));
    }
    let rounds = count(report.rounds as u64, "round");
    let how = format!("{}; 1 warm-up and {rounds} in shuffled order, seed {}", how.join(", "), report.seed);
    [what, how]
}

fn fixed_phrase(axis: axes::Axis, row: &haul::outcome::SweepRow) -> String {
    match axis {
        axes::Axis::Engine | axes::Axis::Scheduler => format!("{} {}", axis.name(), axis.value(&row.setting)),
        _ => axis.phrase(&row.setting),
    }
}

/// The verdict, or why there is none.
pub(super) fn verdicts(report: &SweepReport) -> Vec<String> {
    let verdicts = Verdict::all_of(report);
    if !verdicts.is_empty() {
        return verdicts.into_iter().map(|verdict| verdict.text).collect();
    }
    let text = match report.rows.len() {
        0 | 1 => "One setting was run, so there is nothing to compare.",
        _ => "Levels trade time for size, so there is no verdict between them: compare MiB/s with ratio.",
    };
    vec![text.to_owned()]
}

/// What a reader must know so as not to misread the figures.
pub(super) fn notes(report: &SweepReport, figures: &[Figures]) -> Vec<String> {
    let mut notes = vec![Reconciliation::of(report).to_string()];
    if figures.iter().any(|figures| figures.calls_vary) {
        notes.push("~ runs differ in their calls; those of the run with the median time are shown".to_owned());
    }
    let is_mapped = |engine| engine == EngineName::Mmap;
    if report.rows.iter().any(|row| is_mapped(row.setting.engine)) {
        notes.push("mmap reads by page faults, which are no calls".to_owned());
    }
    notes.push(
        "times: of the job alone; the source was read before, and writing back to the disk is not waited for"
            .to_owned(),
    );
    if figures.iter().any(|figures| figures.peak_bytes.is_some()) {
        notes.push("peak memory: of the warm-up, which goes from small buffers to large ones".to_owned());
    }
    if report.preparation_ns > 0 {
        let seconds = report.preparation_ns as f64 / 1e9;
        notes.push(format!("before the first run: {seconds:.2} s for a private copy of the source, not timed"));
    }
    notes.push(format!("machine: {}; haul {}", report.machine, report.version));
    notes
}
