//! `haul compare` from outside: what became slower is caught, what did not is left alone, and what is not a report is refused.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use common::{Sandbox, noise};
use serde_json::{Value, json};

/// What a quiet machine does to the times of eight rounds, in thousandths; and to those of another eight.
const ROUNDS: [[u64; 8]; 2] =
    [[1000, 1004, 997, 1002, 1010, 999, 1001, 996], [1003, 995, 1000, 1006, 998, 1001, 1002, 994]];

/// A sandbox with a report of a real sweep: its format and all that is in it are the program's own.
fn sandbox() -> (Sandbox, Value) {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 100_000));
    let report =
        sandbox.haul("sweep copy source --buffers 4K,64K --workers 1 --rounds 8 --format json").run().ok().json();
    (sandbox, report)
}

/// The same report with times of our own: the machine that tests run on is not a quiet one. The settings take so many
/// percent of 10 ms.
fn timed(report: &Value, rounds: [u64; 8], percents: [u64; 2]) -> Value {
    let mut report = report.clone();
    let time = |samples: &mut Value, percent: u64| {
        for (sample, thousandths) in samples.as_array_mut().expect("samples").iter_mut().zip(rounds) {
            sample["wall_ns"] = json!(thousandths * 100 * percent);
        }
    };
    for (row, percent) in report["rows"].as_array_mut().expect("rows").iter_mut().zip(percents) {
        time(&mut row["samples"], percent);
    }
    for control in report["controls"].as_array_mut().expect("controls") {
        let row = control["row"].as_u64().expect("a row") as usize;
        time(&mut control["samples"], percents[row]);
    }
    report
}

/// What a comparison says of each setting in the last report.
fn claims(document: &Value) -> Vec<Value> {
    let settings = document["settings"].as_array().expect("settings").iter();
    settings
        .map(|setting| setting["changes"].as_array().expect("changes").last().expect("one")["claim"].clone())
        .collect()
}

/// Writes `old.json` and `new.json`.
fn write_pair(sandbox: &Sandbox, old: &Value, new: &Value) {
    sandbox.write("old.json", old.to_string());
    sandbox.write("new.json", new.to_string());
}

#[test]
fn a_slowdown_of_a_tenth_is_caught_and_two_of_the_same_are_not() {
    let (sandbox, report) = sandbox();
    let old = timed(&report, ROUNDS[0], [100, 100]);
    write_pair(&sandbox, &old, &timed(&report, ROUNDS[1], [100, 110]));
    let run = sandbox.haul("compare old.json new.json").run().ok().silent();
    let table = String::from_utf8(run.out).unwrap();
    let line = |buffer: &str| table.lines().find(|line| line.starts_with(buffer)).expect("a line a setting");
    assert!(line("64K").ends_with("slower") && line("4K").ends_with("same"), "{table}");
    let run = sandbox.haul("compare old.json new.json --fail-above 5%").run().code(1);
    run.says_in_one_line(&["64K is more than 5% slower: ", " at least, at 95%"]);
    sandbox.haul("compare old.json new.json --fail-above 15%").run().ok().silent();
    sandbox.haul("compare new.json old.json --fail-above 5%").run().ok().silent();

    write_pair(&sandbox, &old, &timed(&report, ROUNDS[1], [100, 100]));
    let run = sandbox.haul("compare old.json new.json --fail-above 1% --format json").run().ok().silent();
    assert_eq!(claims(&run.json()), ["same", "same"]);
}

#[test]
fn every_format_is_what_it_says_and_one_report_may_come_in_by_a_pipe() {
    let (sandbox, report) = sandbox();
    let (old, new) = (timed(&report, ROUNDS[0], [100, 100]), timed(&report, ROUNDS[1], [90, 110]));
    write_pair(&sandbox, &old, &new);
    let table = sandbox.haul("compare old.json new.json").run().ok().out;
    let piped = sandbox.haul("compare old.json -").input(new.to_string()).run().ok().out;
    assert_eq!(
        String::from_utf8(piped).unwrap().replace("new: '-'", "new: 'new.json'"),
        String::from_utf8(table).unwrap()
    );
    let markdown =
        String::from_utf8(sandbox.haul("compare old.json new.json --format markdown").run().ok().out).unwrap();
    let bars: Vec<usize> =
        markdown.lines().filter(|line| line.starts_with('|')).map(|line| line.matches('|').count()).collect();
    assert_eq!(bars, [7; 4], "{markdown}");
    let document = sandbox.haul("compare old.json new.json --format json").run().ok().json();
    assert_eq!(document["settings"].as_array().map(Vec::len), Some(2));
    let ratio = document["settings"][0]["changes"][0]["ratio"].as_f64();
    assert!(ratio.is_some_and(|ratio| (0.88..0.92).contains(&ratio)), "{document:#}");
    sandbox.haul("compare - -").run().code(2);
    sandbox.haul("compare old.json").run().code(2);
    sandbox.haul("compare old.json new.json --fail-above 5x").run().code(2);
}

#[test]
fn another_machine_and_other_data_are_flagged() {
    let (sandbox, report) = sandbox();
    let old = timed(&report, ROUNDS[0], [100, 100]);
    let mut new = timed(&report, ROUNDS[1], [100, 100]);
    new["machine"]["cores"] = json!(4096);
    new["data"][0]["bytes"] = json!(7);
    new["rows"][0]["setting"]["buffer_bytes"] = json!(8192);
    write_pair(&sandbox, &old, &new);
    let run = sandbox.haul("compare old.json new.json --explain").run().ok();
    let table = String::from_utf8(run.out.clone()).unwrap();
    for what in ["warning: not the same machine: cores ", "warning: not the same data: size "] {
        assert!(table.contains(what), "{table}");
        assert!(run.err.contains(&format!("haul: {what}")), "{}", run.err);
    }
    assert!(table.contains("only in the old report: 4K") && table.contains("only in the new report: 8K"), "{table}");
}

#[test]
fn a_limit_that_cannot_be_told_to_be_kept_is_not() {
    let (sandbox, report) = sandbox();
    let old = timed(&report, ROUNDS[0], [100, 100]);
    let mut new = timed(&report, ROUNDS[1], [100, 100]);
    new["rows"][0]["samples"].as_array_mut().unwrap().truncate(5);
    write_pair(&sandbox, &old, &new);
    sandbox.haul("compare old.json new.json").run().ok().silent();
    let run = sandbox.haul("compare old.json new.json --fail-above 5%").run().code(1);
    run.says_in_one_line(&["cannot tell whether 4K is more than 5% slower", "--rounds 6"]);
    let mut other = old.clone();
    for row in other["rows"].as_array_mut().unwrap() {
        row["setting"]["workers"] = json!(99);
    }
    write_pair(&sandbox, &old, &other);
    sandbox.haul("compare old.json new.json").run().ok();
    let run = sandbox.haul("compare old.json new.json --fail-above 5%").run().code(1);
    run.says_in_one_line(&["no setting is in both reports"]);
}

#[test]
fn what_is_no_report_is_named_with_its_reason() {
    let (sandbox, report) = sandbox();
    sandbox.write("good.json", report.to_string());
    let mut older = report.clone();
    older["format"] = json!(9);
    let mut short = report;
    short.as_object_mut().unwrap().remove("rows");
    let cases = [
        (b"job,buffer_bytes\n".to_vec(), "it is CSV, not JSON"),
        (b"<!DOCTYPE html>\n".to_vec(), "it is HTML, not JSON"),
        (vec![], "it is empty"),
        (b"\xff\xfe".to_vec(), "not a report of haul sweep, haul disk or haul tune"),
        (older.to_string().as_bytes()[..2000].to_vec(), "it is cut off"),
        (older.to_string().into_bytes(), "its format is 9, and this haul reads "),
        (short.to_string().into_bytes(), "not a report of haul sweep, haul disk or haul tune"),
    ];
    for (bytes, why) in cases {
        sandbox.write("bad.json", bytes);
        for words in ["compare bad.json good.json", "compare good.json bad.json"] {
            sandbox.haul(words).run().code(1).says_in_one_line(&["cannot read 'bad.json': ", why]);
        }
    }
    let run = sandbox.haul("compare good.json missing.json").run().code(1);
    run.says_in_one_line(&["cannot read 'missing.json': No such file or directory"]);
    sandbox.make_directory("directory");
    sandbox.haul("compare directory good.json").run().code(1).says_in_one_line(&["'directory': Is a directory"]);
}

/// The same report of a disk with times of our own: its rows take so many percent of 10 ms for a hundred operations.
fn measured(report: &Value, rounds: [u64; 8], percents: [u64; 2]) -> Value {
    let mut report = report.clone();
    for (row, percent) in report["rows"].as_array_mut().expect("rows").iter_mut().zip(percents) {
        let first = row["samples"][0].clone();
        let sample = |thousandths: u64| {
            let mut sample = first.clone();
            (sample["wall_ns"], sample["invalid"]) = (json!(thousandths * 100 * percent), Value::Null);
            sample["metrics"]["operations"] = json!(100);
            sample["metrics"]["read_bytes"] = json!(409_600);
            sample
        };
        row["samples"] = rounds.into_iter().map(sample).collect();
    }
    report["controls"] = json!([]);
    report
}

#[test]
fn disks_are_compared_by_their_rates_and_with_disks_only() {
    let (sandbox, sweep) = sandbox();
    let words = "disk --loads read --blocks 4K,64K --access direct --size 16M --rounds 1 --budget 1s --json";
    let report = sandbox.haul(words).run().ok().json();
    if report["left_out"] != json!([]) {
        common::skip("nothing passes the page cache by here");
        return;
    }
    let old = measured(&report, ROUNDS[0], [100, 100]);
    write_pair(&sandbox, &old, &measured(&report, ROUNDS[1], [100, 125]));
    let table = String::from_utf8(sandbox.haul("compare old.json new.json").run().ok().silent().out).unwrap();
    let line = |start: &str| table.lines().find(|line| line.starts_with(start)).expect("a line a setting");
    assert!(line("read 64K direct").ends_with("slower") && line("read 64K direct").contains(" -20."), "{table}");
    assert!(line("read 4K direct").ends_with("same") && line("read 4K direct").contains(" MiB/s "), "{table}");
    let run = sandbox.haul("compare old.json new.json --fail-above 10%").run().code(1);
    run.says_in_one_line(&["read 64K direct is more than 10% slower: "]);
    sandbox.haul("compare new.json old.json --fail-above 10%").run().ok().silent();
    let document = sandbox.haul("compare old.json new.json --format json").run().ok().json();
    assert_eq!((&document["rank"], &document["metric"]), (&json!("operation"), &json!("operations_per_second")));
    assert_eq!(document["settings"][0]["setting"]["block_bytes"], json!(4096));
    write_pair(&sandbox, &old, &sweep);
    let run = sandbox.haul("compare old.json new.json").run().code(1);
    run.says_in_one_line(&["cannot compare 'new.json': it is of haul sweep, and 'old.json' is of haul disk"]);
}

#[test]
fn more_than_two_reports_are_a_trend() {
    let (sandbox, report) = sandbox();
    for (name, percents) in [("1.json", [100, 100]), ("2.json", [106, 100]), ("3.json", [112, 100])] {
        sandbox.write(name, timed(&report, ROUNDS[0], percents).to_string());
    }
    let run = sandbox.haul("compare 1.json 2.json 3.json").run().ok().silent();
    let table = String::from_utf8(run.out).unwrap();
    let line = table.lines().find(|line| line.starts_with("4K")).expect("a line a setting");
    assert!(line.contains("+6.0% slower") && line.ends_with("+12.0% slower"), "{table}");
    assert!(table.contains("slower in every report: 4K (+12.0% in all)"), "{table}");
    let run = sandbox.haul("compare 1.json 2.json 3.json --fail-above 8%").run().code(1);
    run.says_in_one_line(&["4K is more than 8% slower: "]);
    sandbox.haul("compare 3.json 2.json 1.json --fail-above 8%").run().ok();
    let document = sandbox.haul("compare 1.json 2.json 3.json --format json").run().ok().json();
    assert_eq!((document["reports"].as_array().map(Vec::len), &document["baseline"]), (Some(3), &json!(0)));
    assert_eq!(claims(&document), ["slower", "same"]);
}

#[test]
fn reports_of_an_older_haul_are_read() {
    let sandbox = Sandbox::new();
    for name in ["sweep-format-3.json", "sweep-format-2.json", "disk-format-1.json"] {
        let report = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
        sandbox.write(name, std::fs::read(&report).unwrap());
        sandbox.write("again", std::fs::read(&report).unwrap());
        let document = sandbox.haul(format!("compare {name} again --format json")).run().ok().json();
        assert_eq!(document["reports"][0]["version"], "0.1.0", "{document:#}");
        let changes = document["settings"].as_array().expect("settings").iter().map(|setting| &setting["changes"][0]);
        let ratios: Vec<_> = changes.map(|change| &change["ratio"]).collect();
        assert!(!ratios.is_empty() && ratios.iter().all(|ratio| **ratio == json!(1.0)), "{document:#}");
    }
}
