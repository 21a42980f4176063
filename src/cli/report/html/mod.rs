//! The report as a page: one file with everything in it, no script, nothing to be fetched. It suits light and dark,
//! narrow and wide windows, and paper.
//!
//! - this file: the page and its tables;
//! - [`curve`] and [`bars`]: how charts look; [`legend`]: what their signs mean; `scale`: where values lie; [`svg`]:
//!   shapes as text. Which charts there are, each kind of report knows.

pub(super) mod bars;
pub(super) mod curve;
pub(super) mod legend;
mod scale;
pub(super) mod svg;

use std::fmt::Write as _;
use std::io::{self, Write};

use self::svg::escape;
use super::contents::Contents;
use super::machine;
use super::sheet::Sheet;

const STYLE: &str = include_str!("style.css");

pub(super) fn write(contents: &dyn Contents, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(contents).as_bytes())
}

fn page(contents: &dyn Contents) -> String {
    let title = escape(&contents.title());
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n"
    );
    for line in contents.caption() {
        paragraph(&mut page, &line);
    }
    page.push_str("</header>\n");
    findings(&mut page, contents);
    page.push_str(&contents.charts());
    let sheets = tables(&mut page, contents);
    page.push_str("<h2>Remarks</h2>\n<ul class=\"notes\">\n");
    for line in contents.notes(&sheets) {
        let _ = writeln!(page, "<li>{}</li>", escape(&line));
    }
    page.push_str("</ul>\n<h2>Machine</h2>\n<dl>\n");
    let origin = contents.origin();
    for (subject, line) in machine::lines(&origin) {
        let _ = writeln!(page, "<dt>{subject}</dt><dd>{}</dd>", escape(&line));
    }
    page.push_str("</dl>\n<h2>Command</h2>\n");
    let _ = writeln!(page, "<pre>{}</pre>", escape(origin.command));
    let _ = writeln!(page, "<p class=\"aside\">{}</p>", escape(&contents.how()));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// A frame for each finding, which says in a word and in a colour whether it recommends something.
fn findings(page: &mut String, contents: &dyn Contents) {
    for finding in contents.findings() {
        let (class, state) = match finding.is_decided {
            Some(true) => ("verdict good", "<strong>Recommended:</strong> "),
            Some(false) => ("verdict open", "<strong>Undecided:</strong> "),
            None => ("verdict", ""),
        };
        let _ = writeln!(page, "<div class=\"{class}\"><p>{state}{}</p></div>", escape(&finding.text));
    }
}

/// The table that answers the question, all figures, and how long single calls took; the sheets that need words.
fn tables(page: &mut String, contents: &dyn Contents) -> Vec<Sheet> {
    page.push_str("<h2>Figures</h2>\n<p class=\"hint\">What is wider than the window scrolls sideways.</p>\n");
    let mut sheets = contents.sheets();
    for sheet in &sheets {
        table(page, sheet, "Figures");
    }
    let everything = contents.everything();
    if !everything.is_empty() {
        page.push_str("<h2>All figures</h2>\n");
        for sheet in &everything {
            table(page, sheet, "All figures");
        }
        sheets.extend(everything);
    }
    let [moving, all] = [false, true].map(|all| contents.latencies(all));
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
