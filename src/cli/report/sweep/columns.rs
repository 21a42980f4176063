//! What the columns of the tables mean that are shown: nobody is told of others.

use haul::measure::interval::FEWEST;
use haul::outcome::SweepReport;
use haul::plan::TableName;

use super::super::numbers::{count, percent};
use super::super::sheet::Sheet;
use super::sheets::Word;

/// A note for each column that does not speak for itself.
pub(super) fn notes(report: &SweepReport, sheets: &[Sheet]) -> Vec<String> {
    let is_shown = |start: &str| sheets.iter().any(|sheet| sheet.columns_named(start).next().is_some());
    let kernel = is_shown("kernel").then(|| {
        "kernel ✓: it counted the reads and writes that we counted; +1w: one write more than we did".to_owned()
    });
    let runs = is_shown("runs that count")
        .then(|| "runs that count: the rest did not show what they should, and are in no figure".to_owned());
    let files = is_shown("file p50").then(|| {
        "file p50, p99: half of the files, and 99 of 100, took no longer; of one more run, in which files are timed"
            .to_owned()
    });
    let peak = is_shown("peak memory")
        .then(|| "peak memory: of the warm-up, which goes from small buffers to large ones".to_owned());
    let all = [kernel, runs, Some(times(&is_shown)), verdict(report, sheets)];
    all.into_iter().flatten().chain(table(report, &is_shown)).chain(files).chain(peak).collect()
}

/// What is in a time, and how well it is known.
fn times(is_shown: &dyn Fn(&str) -> bool) -> String {
    let sync = if is_shown("with sync") {
        "; with sync, what fdatasync takes afterwards (of a directory syncfs) is added"
    } else {
        ", writing back to the disk is not waited for"
    };
    let spread = if is_shown("95%") {
        format!(". 95%: from where to where the true median lies in 95 of 100 cases, of {FEWEST} runs or more")
    } else if is_shown("±%") {
        ". ±%: half of the runs lie this near to the median".to_owned()
    } else {
        String::new()
    };
    format!("times: of the job alone{sync}{spread}")
}

/// The words of the table of buffers, those that are in it.
fn verdict(report: &SweepReport, sheets: &[Sheet]) -> Option<String> {
    if report.table != Some(TableName::Buffers) {
        return None;
    }
    let cells = || sheets.iter().flat_map(|sheet| sheet.columns_named("verdict")).flat_map(|column| &column.cells);
    let within = percent(report.within);
    let meaning = |word: &Word| {
        let text = word.text();
        cells().any(|cell| cell == text).then(|| match word {
            Word::Best => format!("{text} is the smallest buffer surely within {within} of the fastest"),
            Word::WastesMemory => format!("{text} is as fast and larger"),
            Word::MayBeBest => format!("{text} cannot be told from the fastest"),
            Word::Fair => format!("{text} takes at most half again as long as the fastest"),
            Word::Slow => format!("{text} takes longer than that"),
        })
    };
    let said: Vec<String> = Word::ALL.iter().filter_map(meaning).collect();
    (!said.is_empty()).then(|| format!("verdict: {}", said.join(", ")))
}

/// What else stands in a ready-made table.
fn table(report: &SweepReport, is_shown: &dyn Fn(&str) -> bool) -> Option<String> {
    Some(match report.table? {
        TableName::Buffers => return None,
        TableName::Workers => {
            let knee = format!(
                "; knee: the fewest workers whose median is within {} of the best, where the verdict can tell",
                percent(report.within)
            );
            format!(
                "speed-up: over the fewest workers, round by round; efficiency: speed-up for each of the {} that can \
                 work at once{}",
                count(report.machine.cores as u64, "core"),
                if is_shown("knee") { &knee } else { "" }
            )
        }
        TableName::Models => {
            let speedup = if is_shown("speed-up") { "; speed-up: over one thread" } else { "" };
            format!("×: how many times the least in its column{speedup}")
        }
        TableName::Pool => "buffers: fresh/reused; speed-up by the pool: time without it by time with it".to_owned(),
        TableName::Ladder => {
            "gain: in speed, round by round, that over the step before with its 95% interval".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::sweep::digest::Digest;
    use crate::cli::report::sweep::{fixture, sheets};

    fn said(report: &SweepReport, left_out: &[&str]) -> String {
        let digest = Digest::of(report);
        let mut sheets = sheets::sheets(&digest);
        for sheet in &mut sheets {
            sheet.columns.retain(|column| !left_out.iter().any(|name| column.heading_in_one_line().starts_with(name)));
        }
        notes(report, &sheets).join("\n")
    }

    #[test]
    fn a_column_is_explained_where_it_is_shown() {
        let [buffers, workers, _, models, ladder] = fixture::tables().try_into().unwrap();
        for (report, heading, text) in [
            (&buffers, "95%", "true median"),
            (&buffers, "with sync", "fdatasync"),
            (&buffers, "kernel", "✓"),
            (&buffers, "peak", "peak memory"),
            (&buffers, "verdict", "wastes memory is"),
            (&workers, "knee", "knee: "),
            (&models, "speed-up", "over one thread"),
            (&ladder, "file p50", "one more run"),
        ] {
            let (with, without) = (said(report, &[]), said(report, &[heading]));
            assert!(with.contains(text) && !without.contains(text), "{heading}: {with}\nwithout it: {without}");
        }
        assert!(!said(&ladder, &[]).contains("95%: "), "a ladder has no such column");
        assert!(!said(&buffers, &[]).contains("may be best"), "a word that no row has");
    }
}
