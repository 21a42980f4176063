//! Comparisons of reports made by hand, in every format.

use haul::outcome::SweepReport;

use super::*;
use crate::cli::report::snapshot::check;
use crate::cli::report::sweep::fixture;

/// A sweep of seven rounds, and the same with one setting slower and one faster.
fn two() -> [SweepReport; 2] {
    let mut old = fixture::copy();
    for row in &mut old.rows {
        let first = row.samples[0].clone();
        row.samples = [1000, 1004, 996, 1002, 998, 1003, 1000]
            .map(|thousandths| {
                let mut sample = first.clone();
                sample.wall_ns = sample.wall_ns * thousandths / 1000;
                sample
            })
            .to_vec();
    }
    old.rounds = 7;
    let mut new = old.clone();
    for (row, percent) in [(0, 110), (2, 70)] {
        new.rows[row].samples.iter_mut().for_each(|sample| sample.wall_ns = sample.wall_ns * percent / 100);
    }
    new.rows[3].samples.truncate(2);
    new.machine.kernel = Some("6.19.1".to_owned());
    new.version = "0.2.0".to_owned();
    new.source_bytes *= 2;
    [old, new]
}

fn text(format: ComparisonFormat) -> String {
    let args = CompareArgs { old: "old.json".into(), new: "new.json".into(), fail_above: Some(0.05), format };
    let [old, new] = two();
    let [old, new] = [Side::from(&old), Side::from(&new)];
    let comparison = Comparison::of(&old, &new, Some(0.05));
    let exceeding = comparison.exceeding(0.05);
    let page = Page { args: &args, old: &old, new: &new, comparison: &comparison, exceeding: Some(&exceeding) };
    let mut out = vec![];
    write(&page, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_comparison_for_people() {
    let found = text(ComparisonFormat::Table);
    check("compare.txt", &found, include_str!("../snapshots/compare.txt"));
    assert!(found.lines().all(|line| line.chars().count() <= 120 && line.trim_end() == line), "{found}");
}

#[test]
fn a_comparison_for_github() {
    check("compare.md", &text(ComparisonFormat::Markdown), include_str!("../snapshots/compare.md"));
}

#[test]
fn a_comparison_for_programs() {
    let value: serde_json::Value = serde_json::from_str(&text(ComparisonFormat::Json)).unwrap();
    assert_eq!((&value["format"], &value["new"]["version"]), (&1.into(), &"0.2.0".into()));
    let claims: Vec<&str> =
        value["changes"].as_array().unwrap().iter().map(|change| change["claim"].as_str().unwrap()).collect();
    assert_eq!(claims, ["slower", "same", "faster", "unknown"]);
    assert_eq!(value["changes"][0]["setting"]["buffer_bytes"], 4096);
    assert_eq!(value["differences"][1]["of"], "machine");
    assert_eq!(value["exceeding"].as_array().unwrap().len(), 2, "{value:#}");
}

#[test]
fn what_is_not_finished_is_warned_of_and_a_row_has_one_unit() {
    let args = CompareArgs { old: "a".into(), new: "b".into(), fail_above: None, format: ComparisonFormat::Table };
    let [mut old, mut new] = two();
    (old.ended, new.ended) = (Ended::NotYet, Ended::Interrupted);
    let [old, new] = [Side::from(&old), Side::from(&new)];
    let comparison = Comparison::of(&old, &new, None);
    let page = Page { args: &args, old: &old, new: &new, comparison: &comparison, exceeding: None };
    let warnings = page.warnings();
    assert_eq!(
        warnings[..2],
        ["the sweep of the old report is not finished", "the sweep of the new report was interrupted"]
    );
    let mut change = comparison.changes[0].clone();
    change.middles = Middles::Times { old_ns_median: 9_999_999, new_ns_median: 12_345_678 };
    assert_eq!(cells(&change)[1..3], ["10.0 ms", "12.3 ms"]);
}

#[test]
fn figures_are_short() {
    assert_eq!([signed(1.0), signed(0.99999), signed(1.102), signed(0.5)], ["+0.0%", "+0.0%", "+10.2%", "-50.0%"]);
}

#[test]
fn disks_for_people() {
    let old = crate::cli::report::disk::fixture::minute();
    let mut new = old.clone();
    for (row, percent) in [(5, 125), (12, 125), (16, 80)] {
        for sample in &mut new.rows[row].samples {
            sample.run.wall_ns = sample.run.wall_ns * percent / 100;
        }
    }
    new.rows[24].samples.truncate(3);
    new.file_bytes *= 2;
    new.machine.disk.as_mut().unwrap().queue[0].1 = "mq-deadline".to_owned();
    new.ended = Ended::Interrupted;
    let [old, new] = [Side::from(&old), Side::from(&new)];
    let comparison = Comparison::of(&old, &new, Some(0.05));
    let exceeding = comparison.exceeding(0.05);
    let args = |format| CompareArgs { old: "old.json".into(), new: "new.json".into(), fail_above: Some(0.05), format };
    let written = |format| {
        let args = args(format);
        let page = Page { args: &args, old: &old, new: &new, comparison: &comparison, exceeding: Some(&exceeding) };
        let mut out = vec![];
        write(&page, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    check("compare-disk.txt", &written(ComparisonFormat::Table), include_str!("../snapshots/compare-disk.txt"));
    let value: serde_json::Value = serde_json::from_str(&written(ComparisonFormat::Json)).unwrap();
    assert_eq!((&value["format"], &value["kind"]), (&1.into(), &"disk".into()));
    assert_eq!(
        (&value["changes"][5]["claim"], &value["changes"][5]["setting"]["load"]),
        (&"slower".into(), &"read".into())
    );
    assert!(value["changes"][5]["new_operations_per_second"].as_f64().unwrap() > 1000.0, "{value:#}");
}
