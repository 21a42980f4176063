//! Reports made by hand, in every format.

use super::*;
use crate::calls::SyscallCounts;
use crate::lab::metric::Metric;
use crate::lab::report::{Ended, Rank, Row};
use crate::lab::setting::Axis;
use crate::lab::verdict::Verdict;
use crate::lab::view::snapshot::check;

const FILE: Layout = Layout { width: WIDTH, explain: true, quiet: false };
const SCREEN: Layout = Layout { width: 80, explain: false, quiet: false };

fn written(report: &Report, format: Format, layout: Layout) -> String {
    String::from_utf8(render(report, format, layout).unwrap()).unwrap()
}

fn screen(report: &Report) -> String {
    written(report, Format::Table, SCREEN)
}

fn all() -> Vec<Report> {
    let sweeps = [fixture::copy(), fixture::gzip(), fixture::huge()].into_iter().chain(fixture::tables());
    sweeps.chain([fixture::minute(), fixture::only_read()]).collect()
}

#[test]
fn a_copy_in_every_format() {
    let report = fixture::copy();
    let check = |name, format, expected| check(name, &written(&report, format, FILE), expected);
    check("copy.txt", Format::Table, include_str!("snapshots/copy.txt"));
    check("copy.md", Format::Markdown, include_str!("snapshots/copy.md"));
    check("copy.csv", Format::Csv, include_str!("snapshots/copy.csv"));
    check("copy.json", Format::Json, include_str!("snapshots/copy.json"));
}

#[test]
fn a_gzip_that_varies_workers_and_levels() {
    let report = fixture::gzip();
    check("gzip.txt", &written(&report, Format::Table, FILE), include_str!("snapshots/gzip.txt"));
}

#[test]
fn each_ready_made_table_has_columns_of_its_own() {
    let tables = fixture::tables();
    let written = |layout| tables.iter().map(|report| written(report, Format::Table, layout)).collect::<Vec<_>>();
    check("tables.txt", &written(FILE).join("\n\n"), include_str!("snapshots/tables.txt"));
    check("tables-80.txt", &written(SCREEN).join("\n\n"), include_str!("snapshots/tables-80.txt"));
}

#[test]
fn a_disk_in_every_format() {
    let report = fixture::minute();
    let check = |name, format, layout, expected| check(name, &written(&report, format, layout), expected);
    check("disk.txt", Format::Table, FILE, include_str!("snapshots/disk.txt"));
    check("disk-80.txt", Format::Table, SCREEN, include_str!("snapshots/disk-80.txt"));
    check("disk.md", Format::Markdown, FILE, include_str!("snapshots/disk.md"));
    check("disk.csv", Format::Csv, FILE, include_str!("snapshots/disk.csv"));
}

#[test]
fn what_is_only_read_and_was_interrupted() {
    let text = written(&fixture::only_read(), Format::Table, FILE);
    check("disk-read.txt", &text, include_str!("snapshots/disk-read.txt"));
}

/// A terminal of 80 columns and 24 lines shows an answer and what it rests on, and the prompt below.
#[test]
fn a_sweep_fits_a_small_screen() {
    let mut three = fixture::copy();
    three.rows.remove(0);
    check("copy-80.txt", &screen(&three), include_str!("snapshots/copy-80.txt"));
    let lines = |report: &Report| screen(report).lines().count();
    assert!(lines(&three) < 22, "{}", screen(&three));
    let mut fourteen = fixture::tables().remove(0);
    let more = [2048_u64, 4096].map(|kib| {
        let last = fourteen.rows.last().unwrap();
        Row { setting: last.setting.clone().with(Axis::Buffer, kib << 10), ..last.clone() }
    });
    fourteen.rows.extend(more);
    fourteen.rows.iter_mut().for_each(|row| row.call_latencies = None);
    fourteen.machine.virtualization = None;
    assert!(lines(&fourteen) < 24, "{}", screen(&fourteen));
}

#[test]
fn a_table_fits_its_columns() {
    for page in all().iter().map(page) {
        for width in [LEAST_WIDTH, 100, WIDTH, 200] {
            for explain in [false, true] {
                let mut out = vec![];
                table::write(&page, Layout { width, explain, quiet: false }, &mut out).unwrap();
                for line in std::str::from_utf8(&out).unwrap().lines() {
                    assert!(line.chars().count() <= width && line.trim_end() == line, "{width}: {line:?}");
                }
            }
        }
    }
}

#[test]
fn the_answer_is_the_last_line_of_a_screen() {
    for report in all() {
        let (page, mut text) = (page(&report), vec![]);
        table::write(&page, SCREEN, &mut text).unwrap();
        let decides = page.findings.iter().rfind(|finding| finding.is_decided.is_some());
        let last = &decides.or(page.findings.last()).unwrap().text;
        let text = String::from_utf8(text).unwrap().replace("\n  ", " ");
        assert_eq!(text.lines().last().unwrap(), last);
        assert!(page.caption.len() <= 2 && page.caption.iter().all(|line| line.chars().count() <= 80), "{page:?}");
    }
}

#[test]
fn a_report_of_little_or_nothing_is_one_too() {
    for whole in all() {
        let nothing = Report { rows: vec![], controls: vec![], rounds: 0, ..whole.clone() };
        let mut unmeasured = Report { rounds: 0, ..whole.clone() };
        for row in &mut unmeasured.rows {
            row.samples.clear();
            (row.read_latency, row.write_latency) = (None, None);
        }
        let mut begun = unmeasured.clone();
        begun.rows[0].samples = whole.rows[0].samples[..1].to_vec();
        let mut empty = whole.clone();
        for sample in empty.rows.iter_mut().flat_map(|row| &mut row.samples) {
            (sample.wall_ns, sample.metrics, sample.calls) = (0, [].into_iter().collect(), SyscallCounts::default());
        }
        for report in [nothing, unmeasured, begun, empty] {
            let derived = Derived::of(&report);
            let page = derive(&derived);
            let mut written = vec![];
            table::write(&page, FILE, &mut written).unwrap();
            csv::write(&derived, &mut written).unwrap();
            json::write(&derived, &page, &mut written).unwrap();
            markdown::write(&page, &mut written).unwrap();
            let written = String::from_utf8(written).unwrap();
            assert!(written.ends_with('\n') && !written.contains("NaN") && !written.contains("inf"), "{written}");
        }
    }
}

#[test]
fn json_reads_back_and_says_what_it_is() {
    for report in all() {
        let text = written(&report, Format::Json, FILE);
        let back: Report = serde_json::from_str(&text).unwrap();
        assert!(
            serde_json::to_string(&back).unwrap() == serde_json::to_string(&report).unwrap(),
            "every field comes back"
        );
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["format"], &value["subject"]), (&Report::FORMAT.into(), &report.subject.name().into()));
        for list in ["figures", "bottlenecks"] {
            assert_eq!(value[list].as_array().unwrap().len(), report.rows.len(), "{list}");
        }
        assert_eq!(value["findings"][0], page(&report).findings[0].text);
        assert!(value["figures"][0]["wall_ns"]["median"].as_u64().unwrap() > 1, "{value:#}");
    }
}

#[test]
fn csv_has_every_axis_and_every_metric_that_is_known() {
    for report in all() {
        let text = written(&report, Format::Csv, FILE);
        let mut lines = ::csv::Reader::from_reader(text.as_bytes());
        let headings = lines.headers().unwrap().clone();
        let cell = |line: &::csv::StringRecord, heading: &str| {
            let index = headings.iter().position(|other| other == heading);
            line[index.unwrap_or_else(|| panic!("no column {heading}"))].to_owned()
        };
        for (line, row) in lines.records().map(Result::unwrap).zip(&report.rows) {
            for (axis, value) in row.setting.iter() {
                assert_eq!(cell(&line, axis.key()), value.to_string());
            }
            let figures = crate::lab::figures::Figures::of(row);
            for metric in Metric::ALL.iter().filter(|metric| figures.get(**metric).is_some()) {
                assert!(!cell(&line, metric.key()).is_empty(), "{metric:?}");
            }
            assert_eq!((cell(&line, "seed"), cell(&line, "kernel")), ("42".to_owned(), "6.18.44".to_owned()));
        }
        let nothing = written(&Report { rows: vec![], ..report }, Format::Csv, FILE);
        assert_eq!(nothing.lines().next(), text.lines().next(), "the same columns, whatever is known");
    }
}

#[test]
fn few_runs_have_a_range_and_never_95_percent() {
    let headings = |report: &Report| -> Vec<String> {
        let tables = page(report).tables;
        tables.iter().flat_map(|table| &table.columns).map(|column| column.heading.clone()).collect()
    };
    let has = |report: &Report, heading: &str| headings(report).iter().any(|other| other.contains(heading));
    let mut report = fixture::tables().remove(1);
    assert!(has(&report, "95%") && !has(&report, "range"));
    report.rows[1].samples.truncate(5);
    assert_eq!(headings(&report).iter().filter(|heading| *heading == "95%").count(), 1, "in the table of gzip");
    assert!(has(&report, "range"));
    report.rows.iter_mut().for_each(|row| row.samples.truncate(3));
    assert!(!has(&report, "95%"), "{:?}", headings(&report));
    report.rows.iter_mut().for_each(|row| row.samples.truncate(1));
    assert!(!has(&report, "range"), "one run has none");
}

#[test]
fn a_row_says_how_many_of_its_runs_do_not_count() {
    for mut report in all() {
        let has = |report: &Report, cell: &str| {
            let tables = page(report).tables;
            let columns = tables.iter().flat_map(|table| &table.columns);
            columns
                .filter(|column| column.heading == "runs\ninvalid")
                .any(|column| column.cells.contains(&cell.to_owned()))
        };
        let last = report.rows.len() - 1;
        let runs = report.rows[last].samples.len();
        let cell = format!("1 of {runs}");
        report.rows.iter_mut().flat_map(|row| &mut row.samples).for_each(|sample| sample.invalid = None);
        assert!(!has(&report, &cell));
        report.rows[last].samples[1].invalid = Some("warm".to_owned());
        assert!(has(&report, &cell), "{:?}", report.table);
    }
}

#[test]
fn words_of_buffers_say_what_the_verdict_says() {
    let words = |walls_us: [[u64; 6]; 4]| -> Vec<String> {
        let mut report = fixture::tables().remove(0);
        report.controls.clear();
        report.rows.truncate(4);
        for (row, walls) in report.rows.iter_mut().zip(walls_us) {
            for (sample, wall) in row.samples.iter_mut().zip(walls.into_iter().cycle()) {
                sample.wall_ns = wall * 1000;
            }
        }
        let tables = page(&report).tables;
        tables[0].columns.iter().find(|column| column.heading == "verdict").unwrap().cells.clone()
    };
    let steady = |wall: u64| [wall, wall + 2, wall + 1, wall + 3, wall, wall + 2];
    assert_eq!(words([300, 140, 103, 100].map(|wall| steady(wall * 10))), ["slow", "fair", "best", "wastes memory"]);
    assert_eq!(words([100, 140, 101, 160].map(|wall| steady(wall * 10))), ["best", "fair", "wastes memory", "slow"]);
    // Nothing is best where runs differ more than settings do, and what may be is called neither fair nor slow.
    let wild = [
        [300, 310, 305, 300, 302, 301],
        [100, 170, 80, 180, 95, 100],
        [99, 95, 160, 90, 180, 100],
        [100, 90, 180, 95, 170, 99],
    ];
    assert_eq!(words(wild), ["slow", "may be best", "may be best", "may be best"]);
}

#[test]
fn too_few_rounds_have_no_words_and_no_knee() {
    for (table, heading) in [(0, "verdict"), (1, "knee")] {
        let mut report = fixture::tables().remove(table);
        let has_it = |report: &Report| {
            let tables = page(report).tables;
            let columns = tables.iter().flat_map(|table| &table.columns).filter(|column| column.heading == heading);
            columns.flat_map(|column| &column.cells).any(|cell| !cell.is_empty())
        };
        assert!(has_it(&report), "{heading}");
        report.rounds = 3;
        report.rows.iter_mut().for_each(|row| row.samples.truncate(3));
        report.controls.clear();
        assert!(!has_it(&report), "{heading}");
    }
}

#[test]
fn what_is_ranked_is_shown_and_named() {
    let mut report = fixture::tables().remove(0);
    report.rank = Rank::Durable;
    let headings: Vec<String> = page(&report).tables[0].columns.iter().map(|column| column.heading.clone()).collect();
    let index = |heading: &str| headings.iter().position(|other| other == heading).unwrap();
    assert_eq!(index("durable") + 1, index("95%"), "{headings:?}");
    assert!(screen(&report).contains("the disk"), "{}", screen(&report));
    let [verdict] = &Verdict::all_of(&report)[..] else { panic!("one group") };
    assert!(verdict.text.ends_with(" Times are those until what was written is on the disk."), "{verdict}");
}

#[test]
fn the_caption_tells_the_codec_and_what_failed() {
    let mut report = fixture::gzip();
    (report.data[0].codec, report.ended) = (Some("libdeflate".to_owned()), Ended::Failed);
    report.failure = Some("cannot open 'a': Permission denied".to_owned());
    assert_eq!(
        page(&report).caption,
        [
            "gzip, warm cache: 'data/silesia.tar', 64.0 MiB in 1 file",
            "channel, codec libdeflate, block 128K; 3 rounds; failed: cannot open 'a': Permission denied"
        ]
    );
}
