//! Reports of disks made by hand, in every format.

use haul::outcome::DiskReport;

use super::*;
use crate::cli::report::snapshot::check;
use crate::cli::report::{Format, LEAST_WIDTH, WIDTH, render};

fn text(report: &DiskReport, format: Format) -> String {
    String::from_utf8(render(&DiskDigest::of(report), format, WIDTH).unwrap()).unwrap()
}

#[test]
fn a_minute_in_every_format() {
    let report = fixture::minute();
    let check = |name, format, expected| check(name, &text(&report, format), expected);
    check("disk.txt", Format::Table, include_str!("../snapshots/disk.txt"));
    check("disk.md", Format::Markdown, include_str!("../snapshots/disk.md"));
    check("disk.csv", Format::Csv, include_str!("../snapshots/disk.csv"));
}

#[test]
fn what_is_only_read_and_was_interrupted() {
    check("disk-read.txt", &text(&fixture::only_read(), Format::Table), include_str!("../snapshots/disk-read.txt"));
}

#[test]
fn a_table_fits_its_columns() {
    for report in [fixture::minute(), fixture::only_read()] {
        for width in [LEAST_WIDTH, 100, WIDTH, 200] {
            let text = render(&DiskDigest::of(&report), Format::Table, width).unwrap();
            for line in std::str::from_utf8(&text).unwrap().lines() {
                assert!(line.chars().count() <= width && line.trim_end() == line, "{width}: {line:?}");
            }
        }
    }
}

#[test]
fn a_report_of_little_or_nothing_is_one_too() {
    for whole in [fixture::minute(), fixture::only_read()] {
        let nothing = DiskReport { rows: vec![], controls: vec![], rounds: 0, ..whole.clone() };
        let mut unmeasured = DiskReport { rounds: 0, ..whole.clone() };
        for row in &mut unmeasured.rows {
            row.samples.clear();
            (row.read_latency, row.write_latency) = (None, None);
        }
        let mut begun = unmeasured.clone();
        begun.rows[0].samples = whole.rows[0].samples[..1].to_vec();
        let mut empty = whole.clone();
        for sample in empty.rows.iter_mut().flat_map(|row| &mut row.samples) {
            (sample.run.wall_ns, sample.operations, sample.read_bytes, sample.written_bytes) = (0, 0, 0, 0);
        }
        for report in [nothing, unmeasured, begun, empty] {
            for format in [Format::Table, Format::Csv, Format::Json, Format::Markdown, Format::Html] {
                let written = text(&report, format);
                assert!(written.ends_with('\n') && !written.contains("NaN") && !written.contains("inf"), "{written}");
            }
        }
    }
}

#[test]
fn json_reads_back_and_says_what_it_is() {
    for report in [fixture::minute(), fixture::only_read()] {
        let written = text(&report, Format::Json);
        let back: DiskReport = serde_json::from_str(&written).unwrap();
        assert!(text(&back, Format::Json) == written, "every field comes back");
        let value: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!((&value["format"], &value["kind"]), (&DiskReport::FORMAT.into(), &"disk".into()));
        assert_eq!(value["rows"].as_array().unwrap().len(), value["figures"].as_array().unwrap().len());
        assert_eq!(value["figures"][0]["load"], "read");
        assert!(value["figures"][0]["operations_per_second"]["median"].as_f64().unwrap() > 1.0, "{value:#}");
    }
}

#[test]
fn a_page_has_a_chart_for_each_line_and_bars_where_there_is_none() {
    let page = text(&fixture::minute(), Format::Html);
    let titles = |page: &str| page.matches("<figcaption>").count();
    assert_eq!(titles(&page), 7, "reads and writes, buffered and direct; three loads anywhere");
    assert!(page.contains(">1000 IOPS</text>") && page.contains(">p99 latency, µs (log)</text>"), "{page}");
    assert!(page.contains("→ 16"), "the fewest in flight that come near the best");
    let page = text(&fixture::only_read(), Format::Html);
    assert!(titles(&page) == 0 && page.contains("class=\"bar\"") && page.contains(">read 64K</text>"), "{page}");
}

#[test]
fn what_no_run_shows_is_not_told() {
    let mut report = fixture::only_read();
    for sample in &mut report.rows[1].samples {
        sample.run.invalid = Some("cached".to_owned());
    }
    let found = text(&report, Format::Table);
    assert!(found.contains("Sequential: reads at most 800 MiB/s (64K direct)."), "{found}");
    let line = found.lines().find(|line| line.contains("0 of 2")).expect("a line");
    assert!(!line.contains("1902") && line.contains(" - "), "{line}");
    assert!(!text(&report, Format::Html).contains("1902 MiB/s"), "no bar either");
    for sample in report.rows.iter_mut().flat_map(|row| &mut row.samples) {
        sample.run.invalid = Some("cached".to_owned());
    }
    assert!(text(&report, Format::Table).contains("No run shows what it should, so there is nothing to tell."));
}
