//! What is told of disks.

use super::*;
use crate::lab::report::{Row, Sample};
use crate::lab::view::fixture;
use crate::lab::view::page as page_of;

fn told(report: &Report) -> Vec<String> {
    page_of(report).findings.into_iter().map(|finding| finding.text).collect()
}

/// The report of a minute whose best rows were changed.
fn without_the_best(change: fn(&mut Sample)) -> Report {
    let mut report = fixture::minute();
    let is_best = |row: &&mut Row| match load(&row.setting) {
        Some(Load::Read | Load::Write) => row.setting.number(Axis::Block) == Some(1 << 20),
        Some(Load::RandomRead | Load::RandomWrite | Load::Mixed) => {
            row.setting.number(Axis::Depth).is_some_and(|depth| depth >= 16)
        }
        _ => true,
    };
    report.rows.iter_mut().filter(is_best).flat_map(|row| &mut row.samples).for_each(change);
    report
}

#[test]
fn the_best_is_not_told_where_it_shows_something_else_or_too_little() {
    let expected = [
        "Sequential: reads best at 905 MiB/s, 949 MB/s (128K buffered; 899–915 MiB/s); writes best at 402 MiB/s, 421 MB/s \
         (128K buffered; 399–406 MiB/s).",
        "Random: reads 9120 op/s one at a time, 34800 op/s with 4 in flight (4K); writes 11300 op/s one at a time, 29600 \
         op/s with 4 in flight (4K); 7 reads to 3 writes 9700 op/s one at a time, 31000 op/s with 4 in flight (4K).",
    ];
    let spoilt = without_the_best(|sample| sample.invalid = Some("cached".to_owned()));
    assert_eq!(told(&spoilt), expected);
    let few = without_the_best(|sample| sample.metrics.count(Metric::Operations, 19));
    assert_eq!(told(&few), expected);
    let mut none = few;
    let all = none.rows.iter_mut().flat_map(|row| &mut row.samples);
    all.for_each(|sample| sample.metrics.count(Metric::Operations, 19));
    assert_eq!(told(&none), ["Runs are too short to show a rate, so there is nothing to tell."]);
}

#[test]
fn operations_in_flight_are_compared_where_blocks_are_of_one_size() {
    let told = |keeps: fn(&Setting) -> bool| {
        let mut report = fixture::minute();
        let depth = |row: &Row| row.setting.number(Axis::Depth);
        let mut larger: Vec<Row> = report.rows.clone();
        larger.retain(|row| load(&row.setting) == Some(Load::RandomRead) && depth(row) > Some(1));
        for row in &mut larger {
            row.setting = row.setting.clone().with(Axis::Block, 65536_u64);
            row.samples.iter_mut().for_each(|sample| sample.wall_ns *= 40);
        }
        report.rows.extend(larger);
        report.rows.retain(|row| load(&row.setting) == Some(Load::RandomRead) && keeps(&row.setting));
        report.controls.clear();
        told(&report).concat()
    };
    for (keeps, expected) in [
        ((|_| true) as fn(&Setting) -> bool, "9120 op/s one at a time, 98300 op/s with 16 in flight (4K)"),
        (
            |setting| setting.number(Axis::Depth) == Some(1) || setting.number(Axis::Block) != Some(4096),
            "9120 op/s (4K)",
        ),
        (|setting| setting.number(Axis::Depth) == Some(1), "9120 op/s (4K)"),
        (|setting| setting.number(Axis::Depth) == Some(4), "34800 op/s with 4 in flight (4K)"),
    ] {
        assert_eq!(told(keeps), format!("Random: reads {expected}."));
    }
}

#[test]
fn what_no_run_shows_is_not_told() {
    let mut report = fixture::only_read();
    let spoil = |row: &mut Row| row.samples.iter_mut().for_each(|it| it.invalid = Some("cached".to_owned()));
    spoil(&mut report.rows[1]);
    let found = page_of(&report);
    assert_eq!(found.findings[0].text, "Sequential: reads best at 800 MiB/s, 839 MB/s (64K direct).");
    let cells: Vec<&str> = found.tables[0].columns.iter().map(|column| column.cells[1].as_str()).collect();
    assert!(cells.contains(&"2 of 2") && cells.iter().filter(|cell| **cell == "-").count() > 5, "{cells:?}");
    assert!(found.tables[0].bars[1] == 0.0, "no bar either: {:?}", found.tables[0].bars);
    report.rows.iter_mut().for_each(spoil);
    assert_eq!(told(&report), ["No run shows what it should, so there is nothing to tell."]);
}

#[test]
fn of_memory_nothing_is_called_durable() {
    let mut report = fixture::minute();
    let says = |report: &Report| page_of(report).notes.concat().matches("durable when the clock stops").count();
    assert_eq!(says(&report), 1);
    report.machine.file_system = "tmpfs".to_owned();
    assert_eq!(says(&report), 0);
}

#[test]
fn rows_with_names_begin_with_them() {
    let mut report = fixture::only_read();
    report.rows[1].name = Some("SEQ1M Q1".to_owned());
    let tables = page_of(&report).tables;
    assert_eq!(
        (tables[0].columns[0].heading.as_str(), &tables[0].columns[0].cells[..]),
        ("name", &["-".to_owned(), "SEQ1M Q1".to_owned()][..])
    );
    assert_eq!(tables[1].columns[0].heading, "load");
}
