//! The report as a page: one file with everything in it, no script, nothing to be fetched. It suits light and dark, narrow
//! and wide windows, and paper. What charts there are, [`chart`](super::chart) knows.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::chart::charts;
use super::chart::svg::escape;
use super::page::{Page, Table};
use crate::lab::report::Report;

const STYLE: &str = include_str!("html/style.css");

/// A report with its charts.
pub(in crate::lab) fn write(report: &Report, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    write_page(page, &charts(report), out)
}

/// A page with these charts, as HTML; empty where it has none.
pub(in crate::lab) fn write_page(page: &Page, charts: &str, out: &mut dyn Write) -> io::Result<()> {
    let title = escape(&page.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n"
    );
    for line in &page.caption {
        paragraph(&mut html, line);
    }
    html.push_str("</header>\n");
    answer(&mut html, page);
    html.push_str(charts);
    tables(&mut html, page);
    origin(&mut html, page);
    html.push_str("</main>\n</body>\n</html>\n");
    out.write_all(html.as_bytes())
}

/// A frame for each finding, which says in a word and in a colour whether it recommends something; and what makes them
/// doubtful.
fn answer(html: &mut String, page: &Page) {
    for finding in &page.findings {
        let (class, state) = match finding.is_decided {
            Some(true) => ("verdict good", "<strong>Recommended:</strong> "),
            Some(false) => ("verdict open", "<strong>Undecided:</strong> "),
            None => ("verdict", ""),
        };
        let _ = writeln!(html, "<div class=\"{class}\"><p>{state}{}</p></div>", escape(&finding.text));
    }
    if !page.lines_to_copy.is_empty() {
        let _ = writeln!(html, "<pre>{}</pre>", escape(&page.lines_to_copy.join("\n")));
    }
    if !page.warnings.is_empty() {
        html.push_str("<div class=\"warnings\">\n<h2>Warnings</h2>\n");
        list(html, &page.warnings);
        html.push_str("</div>\n");
    }
}

/// The tables that answer the question, all figures, and how long single calls took.
fn tables(html: &mut String, page: &Page) {
    for (heading, tables) in [("Figures", &page.tables), ("All figures", &page.all_figures)] {
        if tables.is_empty() {
            continue;
        }
        let _ = writeln!(html, "<h2>{heading}</h2>");
        if heading == "Figures" {
            html.push_str("<p class=\"hint\">What is wider than the window scrolls sideways.</p>\n");
        }
        for table in tables {
            write_table(html, table, table.title.as_deref(), heading);
        }
    }
    if let Some((moving, others)) = page.latencies.split_first() {
        html.push_str("<h2>Latency</h2>\n");
        write_table(html, moving, moving.title.as_deref(), "Latency");
        for table in others {
            let title = table.title.as_deref().unwrap_or("All calls");
            let _ = writeln!(html, "<details>\n<summary>{}</summary>", escape(title));
            write_table(html, table, None, title);
            html.push_str("</details>\n");
        }
    }
}

fn write_table(html: &mut String, table: &Table, title: Option<&str>, label: &str) {
    if let Some(title) = title {
        paragraph(html, title);
    }
    let label = escape(label);
    let _ = writeln!(
        html,
        "<div class=\"scroll\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\">\n<table>\n<thead><tr>"
    );
    let class = |is_text: bool| if is_text { " class=\"words\"" } else { "" };
    for column in &table.columns {
        let heading = escape(column.heading.trim()).replace('\n', "<br/>");
        let _ = write!(html, "<th scope=\"col\"{}>{heading}</th>", class(column.is_text));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for line in 0..table.lines() {
        html.push_str(if table.chosen.contains(&line) { "<tr class=\"chosen\">" } else { "<tr>" });
        for (index, column) in table.columns.iter().enumerate() {
            let (class, cell) = (class(column.is_text), escape(&column.cells[line]));
            let _ = match index {
                0 => write!(html, "<th scope=\"row\"{class}>{cell}</th>"),
                _ => write!(html, "<td{class}>{cell}</td>"),
            };
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
}

/// What the figures mean and rest on, and where they come from.
fn origin(html: &mut String, page: &Page) {
    if !page.notes.is_empty() {
        html.push_str("<h2>Remarks</h2>\n");
        list(html, &page.notes);
    }
    if !page.machine.is_empty() {
        html.push_str("<h2>Machine</h2>\n<dl>\n");
        for (subject, line) in &page.machine {
            let _ = writeln!(html, "<dt>{subject}</dt><dd>{}</dd>", escape(line));
        }
        html.push_str("</dl>\n");
    }
    if !page.command.is_empty() {
        let _ = writeln!(html, "<h2>Command</h2>\n<pre>{}</pre>", escape(&page.command));
    }
}

fn list(html: &mut String, lines: &[String]) {
    html.push_str("<ul class=\"notes\">\n");
    for line in lines {
        let _ = writeln!(html, "<li>{}</li>", escape(line));
    }
    html.push_str("</ul>\n");
}

fn paragraph(html: &mut String, text: &str) {
    let _ = writeln!(html, "<p>{}</p>", escape(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::view::page::{Column, Finding};

    fn html(page: &Page) -> String {
        let mut out = vec![];
        write_page(page, "<p>charts</p>\n", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn column(heading: &str, cells: &[&str], is_text: bool) -> Column {
        let cells = cells.iter().map(|cell| (*cell).to_owned()).collect();
        Column { heading: heading.to_owned(), cells, rank: 0, is_text }
    }

    fn page() -> Page {
        let finding = |text: &str, is_decided| Finding { text: text.to_owned(), is_decided };
        let columns = vec![column("buffer", &["4K", "64K"], true), column("calls/\nMiB", &["256", "16"], false)];
        let table = Table { columns, chosen: vec![1], ..Table::default() };
        let latency = |title: &str| Table { title: Some(title.to_owned()), ..table.clone() };
        Page {
            title: "haul sweep: a<b>&\"c".to_owned(),
            caption: vec!["one".to_owned(), "two".to_owned()],
            tables: vec![table.clone()],
            all_figures: vec![table.clone()],
            latencies: vec![latency("calls that move bytes"), latency("all calls")],
            warnings: vec!["busy".to_owned()],
            notes: vec!["a note".to_owned()],
            machine: vec![("CPU", "fast".to_owned())],
            command: "haul sweep 'a<b>'".to_owned(),
            findings: vec![finding("Use 64K.", Some(true)), finding("Cannot tell.", Some(false)), finding("So.", None)],
            lines_to_copy: vec!["haul copy -j 2".to_owned(), "haul gzip -1".to_owned()],
        }
    }

    #[test]
    fn a_page_has_all_parts_in_their_order() {
        let html = html(&page());
        let mut rest = html.as_str();
        for part in [
            "<title>haul sweep: a&lt;b&gt;&amp;&quot;c</title>",
            "<h1>",
            "<p>one</p>\n<p>two</p>",
            "<div class=\"verdict good\"><p><strong>Recommended:</strong> Use 64K.</p></div>",
            "<div class=\"verdict open\"><p><strong>Undecided:</strong> Cannot tell.</p></div>",
            "<div class=\"verdict\"><p>So.</p></div>",
            "<pre>haul copy -j 2\nhaul gzip -1</pre>",
            "Warnings",
            "<li>busy</li>",
            "<p>charts</p>",
            "<h2>Figures</h2>",
            "<th scope=\"col\" class=\"words\">buffer</th><th scope=\"col\">calls/<br/>MiB</th>",
            "<tr><th scope=\"row\" class=\"words\">4K</th><td>256</td></tr>",
            "<tr class=\"chosen\"><th scope=\"row\" class=\"words\">64K</th><td>16</td></tr>",
            "<h2>All figures</h2>",
            "<h2>Latency</h2>\n<p>calls that move bytes</p>",
            "<summary>all calls</summary>",
            "<li>a note</li>",
            "<dt>CPU</dt><dd>fast</dd>",
            "<pre>haul sweep 'a&lt;b&gt;'</pre>",
            "</html>",
        ] {
            let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("no {part} in {rest}"));
            rest = after;
        }
    }

    #[test]
    fn what_there_is_nothing_of_has_no_heading() {
        let html = html(&Page { title: "haul compare".to_owned(), ..Page::default() });
        assert!(!html.contains("<h2>") && !html.contains("<pre>") && !html.contains("<ul"), "{html}");
    }
}
