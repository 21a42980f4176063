//! Reports of disks made by hand, in every format.

use haul::outcome::{DiskReport, DiskRow, DiskSample, DiskSetting};
use haul::plan::Load;
use haul::size::BufferSize;

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
fn of_memory_nothing_is_called_durable() {
    let mut report = fixture::minute();
    assert_eq!(text(&report, Format::Table).matches("durable when the clock stops").count(), 1);
    report.machine.file_system = "tmpfs".to_owned();
    assert!(!text(&report, Format::Table).contains("durable when the clock stops"));
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

/// The report of a minute without those rows of it that are the best of their loads.
fn without_the_best(change: fn(&mut DiskSample)) -> DiskReport {
    let mut report = fixture::minute();
    let is_best = |setting: DiskSetting| match setting.load {
        Load::Read | Load::Write => setting.block == Some(BufferSize::from_kib(1024)),
        Load::RandomRead | Load::RandomWrite | Load::Mixed => setting.depth >= 16,
        Load::Sync | Load::Create | Load::Stat | Load::Remove => true,
    };
    let best = report.rows.iter_mut().filter(|row| is_best(row.setting));
    best.flat_map(|row| &mut row.samples).for_each(change);
    report
}

#[test]
fn the_best_is_not_told_where_it_shows_something_else_or_too_little() {
    let expected = [
        "Sequential: reads best at 905 MiB/s (128K buffered; 899–915); writes best at 402 MiB/s (128K buffered; 399–406).",
        "Random: reads 9120 IOPS one at a time, 34800 IOPS with 4 in flight (4K); writes 11300 IOPS one at a time, 29600 IOPS \
         with 4 in flight (4K); 7 reads to 3 writes 9700 IOPS one at a time, 31000 IOPS with 4 in flight (4K).",
    ];
    let spoilt = without_the_best(|sample| sample.run.invalid = Some("cached".to_owned()));
    assert_eq!(prose::findings(&DiskDigest::of(&spoilt)), expected);
    let found = text(&spoilt, Format::Table);
    for line in found.lines().filter(|line| line.contains("0 of 8")) {
        let cells = line.split_once("0 of 8").map_or("", |(_, cells)| cells);
        assert!(
            cells.split_whitespace().all(|cell| ["-", "reads", "writes"].contains(&cell)),
            "no figure, no bar: {line}"
        );
    }
    let few = without_the_best(|sample| sample.operations = 19);
    assert_eq!(prose::findings(&DiskDigest::of(&few)), expected);
    assert!(text(&few, Format::Table).contains("mind: so few operations a run (under 20)"));
    let mut none = few;
    none.rows.iter_mut().flat_map(|row| &mut row.samples).for_each(|sample| sample.operations = 19);
    assert!(text(&none, Format::Table).contains("Runs are too short to show a rate, so there is nothing to tell."));
}

#[test]
fn operations_in_flight_are_compared_where_blocks_are_of_one_size() {
    let told = |keeps: fn(DiskSetting) -> bool| {
        let mut report = fixture::minute();
        let mut larger: Vec<DiskRow> = report.rows.clone();
        larger.retain(|row| row.setting.load == Load::RandomRead && row.setting.depth > 1);
        for row in &mut larger {
            row.setting.block = Some(BufferSize::from_kib(64));
            row.samples.iter_mut().for_each(|sample| sample.run.wall_ns *= 40);
        }
        report.rows.extend(larger);
        report.rows.retain(|row| row.setting.load == Load::RandomRead && keeps(row.setting));
        report.controls.clear();
        prose::findings(&DiskDigest::of(&report)).concat()
    };
    for (keeps, expected) in [
        ((|_| true) as fn(DiskSetting) -> bool, "9120 IOPS one at a time, 98300 IOPS with 16 in flight (4K)"),
        (|setting| setting.depth == 1 || setting.block != Some(BufferSize::from_kib(4)), "9120 IOPS (4K)"),
        (|setting| setting.depth == 1, "9120 IOPS (4K)"),
        (|setting| setting.depth == 4, "34800 IOPS with 4 in flight (4K)"),
    ] {
        assert_eq!(told(keeps), format!("Random: reads {expected}."));
    }
}

#[test]
fn what_no_run_shows_is_not_told() {
    let mut report = fixture::only_read();
    for sample in &mut report.rows[1].samples {
        sample.run.invalid = Some("cached".to_owned());
    }
    let found = text(&report, Format::Table);
    assert!(found.contains("Sequential: reads best at 800 MiB/s (64K direct)."), "{found}");
    let line = found.lines().find(|line| line.contains("0 of 2")).expect("a line");
    assert!(!line.contains("1902") && line.contains(" - "), "{line}");
    assert!(!text(&report, Format::Html).contains("1902 MiB/s"), "no bar either");
    for sample in report.rows.iter_mut().flat_map(|row| &mut row.samples) {
        sample.run.invalid = Some("cached".to_owned());
    }
    assert!(text(&report, Format::Table).contains("No run shows what it should, so there is nothing to tell."));
}
