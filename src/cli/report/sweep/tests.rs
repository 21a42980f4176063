//! Reports of sweeps made by hand, in every format.

use haul::outcome::SweepReport;

use super::*;
use crate::cli::report::snapshot::check;
use crate::cli::report::{Format, LEAST_WIDTH, WIDTH, render};

fn text(report: &SweepReport, format: Format) -> String {
    String::from_utf8(render(&Digest::of(report), format, WIDTH).unwrap()).unwrap()
}

#[test]
fn a_copy_in_every_format() {
    let report = fixture::copy();
    let check = |name, format, expected| check(name, &text(&report, format), expected);
    check("copy.txt", Format::Table, include_str!("../snapshots/copy.txt"));
    check("copy.md", Format::Markdown, include_str!("../snapshots/copy.md"));
    check("copy.csv", Format::Csv, include_str!("../snapshots/copy.csv"));
    check("copy.json", Format::Json, include_str!("../snapshots/copy.json"));
}

#[test]
fn a_gzip_that_varies_workers_and_levels() {
    let report = fixture::gzip();
    check("gzip.txt", &text(&report, Format::Table), include_str!("../snapshots/gzip.txt"));
    check("gzip.md", &text(&report, Format::Markdown), include_str!("../snapshots/gzip.md"));
}

#[test]
fn each_ready_made_table_has_columns_of_its_own() {
    let all = |format| fixture::tables().iter().map(|report| text(report, format)).collect::<Vec<_>>().join("\n\n");
    check("tables.txt", &all(Format::Table), include_str!("../snapshots/tables.txt"));
    check("tables.md", &all(Format::Markdown), include_str!("../snapshots/tables.md"));
}

#[test]
fn a_table_fits_its_columns() {
    for report in [fixture::copy(), fixture::gzip(), fixture::huge()].into_iter().chain(fixture::tables()) {
        for width in [LEAST_WIDTH, 100, WIDTH, 200] {
            let text = render(&Digest::of(&report), Format::Table, width).unwrap();
            for line in std::str::from_utf8(&text).unwrap().lines() {
                assert!(line.chars().count() <= width && line.trim_end() == line, "{width}: {line:?}");
            }
        }
    }
}

#[test]
fn a_report_of_little_or_nothing_is_one_too() {
    let mut reports: Vec<SweepReport> = vec![fixture::copy(), fixture::gzip()];
    reports.extend(fixture::tables());
    for whole in reports {
        let nothing = SweepReport { rows: vec![], controls: vec![], rounds: 0, ..whole.clone() };
        let mut unmeasured = SweepReport { rounds: 0, ..whole.clone() };
        for row in &mut unmeasured.rows {
            row.samples.clear();
        }
        let mut begun = unmeasured.clone();
        begun.rows[0].samples = whole.rows[0].samples[..1].to_vec();
        let mut empty = whole.clone();
        for sample in empty.rows.iter_mut().flat_map(|row| &mut row.samples) {
            (sample.wall_ns, sample.summary) = (0, haul::outcome::Summary::default());
        }
        for report in [nothing, unmeasured, begun, empty] {
            for format in [Format::Table, Format::Csv, Format::Json, Format::Markdown, Format::Html] {
                let written = text(&report, format);
                assert!(written.ends_with('\n') && !written.contains("NaN") && !written.contains("inf\""), "{written}");
            }
        }
    }
}

#[test]
fn json_reads_back() {
    for report in [fixture::copy(), fixture::gzip()].into_iter().chain(fixture::tables()) {
        let written = text(&report, Format::Json);
        let back: SweepReport = serde_json::from_str(&written).unwrap();
        assert!(text(&back, Format::Json) == written, "every field comes back");
    }
    let value: serde_json::Value = serde_json::from_str(&text(&fixture::gzip(), Format::Json)).unwrap();
    assert_eq!(value["format"], SweepReport::FORMAT);
    assert_eq!(value["rows"].as_array().unwrap().len(), value["figures"].as_array().unwrap().len());
    assert_eq!(value["figures"][0]["buffer_bytes"], 65536);
    assert_eq!(value["rows"][0]["samples"][0]["summary"]["syscalls"]["pread64"]["calls"], 1024);
}

fn page_of(report: &SweepReport) -> String {
    text(report, Format::Html)
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
