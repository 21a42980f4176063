//! The report as a page: one file with everything in it, no script, nothing to be fetched. It suits light and dark,
//! narrow and wide windows, and paper.
//!
//! - this file: the page and its tables;
//! - `charts`: which charts there are; `curve` and `bars`: how they look; `legend`: what their signs mean;
//! - `rates`: what they show; `scale`: where it lies; `svg`: shapes as text.

mod bars;
mod charts;
mod curve;
mod legend;
mod rates;
mod scale;
mod svg;

use std::fmt::Write as _;
use std::io::{self, Write};

use haul::outcome::SweepReport;

use self::svg::escape;
use super::digest::Digest;
use super::numbers::count;
use super::sheet::{self, Sheet};
use super::{machine, prose};

const STYLE: &str = include_str!("style.css");

pub(super) fn write(digest: &Digest<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(digest).as_bytes())
}

fn page(digest: &Digest<'_>) -> String {
    let report = digest.report;
    let title = escape(&title(report));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n"
    );
    for line in prose::caption(report) {
        paragraph(&mut page, &line);
    }
    page.push_str("</header>\n");
    verdicts(&mut page, digest);
    charts::write(digest, &mut page);
    let sheets = tables(&mut page, digest);
    page.push_str("<h2>Remarks</h2>\n<ul class=\"notes\">\n");
    for line in prose::notes(digest, &sheets) {
        let _ = writeln!(page, "<li>{}</li>", escape(&line));
    }
    page.push_str("</ul>\n<h2>Machine</h2>\n<dl>\n");
    for (subject, line) in machine::lines(&report.machine, &report.version) {
        let _ = writeln!(page, "<dt>{subject}</dt><dd>{}</dd>", escape(&line));
    }
    page.push_str("</dl>\n<h2>Command</h2>\n");
    let _ = writeln!(page, "<pre>{}</pre>", escape(&report.command));
    let _ = writeln!(page, "<p class=\"aside\">{}</p>", how(report));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// A frame for each verdict, which says in a word and in a colour whether it recommends something.
fn verdicts(page: &mut String, digest: &Digest<'_>) {
    for (place, line) in prose::verdicts(digest).iter().enumerate() {
        let (class, state) = match digest.verdicts.get(place).map(|verdict| verdict.chosen.is_some()) {
            Some(true) => ("verdict good", "<strong>Recommended:</strong> "),
            Some(false) => ("verdict open", "<strong>Undecided:</strong> "),
            None => ("verdict", ""),
        };
        let _ = writeln!(page, "<div class=\"{class}\"><p>{state}{}</p></div>", escape(line));
    }
}

/// What was swept over what, in short.
fn title(report: &SweepReport) -> String {
    let jobs: Vec<&str> = report.rows.iter().map(|row| row.setting.job.name()).collect();
    let mut jobs: Vec<&str> = jobs.chunk_by(|one, other| one == other).map(|same| same[0]).collect();
    jobs.dedup();
    let what = jobs.join(" and ");
    match report.table {
        Some(table) => format!("haul sweep: {} ({what})", table.name()),
        None => format!("haul sweep: {what}"),
    }
}

/// How it was measured, in two sentences.
fn how(report: &SweepReport) -> String {
    let control = match report.controls.len() {
        0 => "",
        1 => ", one of them twice, as a check on noise",
        _ => ", one of each group of alternatives twice, as a check on noise",
    };
    let settings = count(report.rows.len() as u64, "setting");
    let each = if report.rows.len() == 1 { "was" } else { "were each" };
    format!(
        "{settings} {each} run once to warm up, and then once in each of {}, in an order shuffled anew every time{control}. \
         Times are of the job alone, from its first system call to its last; what comes before and after a run, such as \
         removing the last target, is not in them.",
        count(report.rounds as u64, "round"),
    )
}

/// The table that answers the question, all figures, and how long single calls took; the sheets that need words.
fn tables(page: &mut String, digest: &Digest<'_>) -> Vec<Sheet> {
    page.push_str("<h2>Figures</h2>\n<p class=\"hint\">What is wider than the window scrolls sideways.</p>\n");
    let mut sheets = sheet::sheets(digest);
    for sheet in &sheets {
        table(page, sheet, "Figures");
    }
    if digest.report.table.is_some() {
        page.push_str("<h2>All figures</h2>\n");
        let everything = sheet::everything(digest);
        for sheet in &everything {
            table(page, sheet, "All figures");
        }
        sheets.extend(everything);
    }
    let [moving, all] = [false, true].map(|all| sheet::latencies(digest, all));
    if let Some(moving) = moving.as_ref().or(all.as_ref()) {
        page.push_str("<h2>Latency</h2>\n");
        table(page, moving, "Latency");
    }
    if let Some(all) = all {
        page.push_str("<details>\n<summary>All calls</summary>\n");
        table(page, &Sheet { title: None, ..all }, "Latency of all calls");
        page.push_str("</details>\n");
    }
    sheets
}

fn table(page: &mut String, sheet: &Sheet, label: &str) {
    if let Some(title) = &sheet.title {
        paragraph(page, title);
    }
    let _ = writeln!(
        page,
        "<div class=\"scroll\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\">\n<table>\n<thead><tr>"
    );
    for column in &sheet.columns {
        let _ = write!(page, "<th scope=\"col\">{}</th>", escape(column.heading.trim()).replace('\n', "<br/>"));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for line in 0..sheet.lines() {
        let is_chosen = sheet.columns[0].cells[line].starts_with('→');
        page.push_str(if is_chosen { "<tr class=\"chosen\">" } else { "<tr>" });
        for (place, column) in sheet.columns.iter().enumerate() {
            let cell = escape(&column.cells[line]);
            let _ = if place == 0 {
                write!(page, "<th scope=\"row\">{cell}</th>")
            } else {
                write!(page, "<td>{cell}</td>")
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n</div>\n");
}

fn paragraph(page: &mut String, text: &str) {
    let _ = writeln!(page, "<p>{}</p>", escape(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::report::fixture;

    fn page_of(report: &SweepReport) -> String {
        page(&Digest::of(report))
    }

    #[test]
    fn a_frame_says_in_a_word_what_its_colour_says() {
        let mut report = fixture::tables().remove(0);
        let decided = page_of(&report);
        assert!(decided.contains("<div class=\"verdict good\"><p><strong>Recommended:</strong> Use 256K"), "{decided}");
        report.rows.iter_mut().for_each(|row| row.samples.truncate(2));
        report.rounds = 2;
        let open = page_of(&report);
        assert!(open.contains("<div class=\"verdict open\"><p><strong>Undecided:</strong> First impression"), "{open}");
        assert!(!open.contains("verdict good"), "{open}");
        report.rows.truncate(1);
        report.controls.clear();
        assert!(page_of(&report).contains("<div class=\"verdict\"><p>One setting"), "no verdict, no colour");
    }

    #[test]
    fn charts_have_the_units_of_tables_and_leave_out_what_does_not_count() {
        let mut report = fixture::tables().remove(0);
        let page = page_of(&report);
        assert!(page.contains(">MiB/s</text>") && page.contains(">calls per MiB (log)</text>"), "{page}");
        assert!(!page.contains("GiB/s") && !page.contains("per GiB"), "{page}");
        let runs = |page: &str| page.matches("class=\"run\"").count();
        let before = runs(&page);
        report.rows[3].samples[2].invalid = Some("warm".to_owned());
        // Both sizes of the chart show every run.
        assert_eq!(runs(&page_of(&report)), before - 2);
    }

    #[test]
    fn speed_ups_name_their_base_and_only_compressed_data_has_two_sizes() {
        let [_, workers, pool, _, _] = fixture::tables().try_into().unwrap();
        let page = page_of(&workers);
        assert!(page.contains(">speed-up over 1 worker</text>") && !page.contains("worker workers"), "{page}");
        assert!(!page_of(&pool).contains("uncompressed"), "a copy");
    }
}
