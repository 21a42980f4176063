//! The words of `haul sweep`: which settings they come to, what is refused, and how much is measured.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::BTreeSet;

use common::run::sweep_rows;
use common::{Sandbox, noise, prose};
use serde_json::Value;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("file", noise(1, 300_001));
    sandbox
}

/// The report of a sweep in one round.
fn swept(sandbox: &Sandbox, words: &str) -> Value {
    sandbox.haul(format!("sweep {words} --rounds 1 --no-sync --format json")).run().ok().json()
}

/// The different values of a field of the settings.
fn values(report: &Value, field: &str) -> BTreeSet<String> {
    sweep_rows(report).iter().map(|row| row["setting"][field].to_string()).collect()
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn every_table_is_one_command() {
    let sandbox = sandbox();
    for (words, rows, field, expected) in [
        ("--table buffers file", 14, "job", &["\"copy\""][..]),
        ("gzip file --table buffers", 14, "job", &["\"gzip\""]),
        ("--table workers file --workers 1,3 --cache warm", 2 * 3 + 2 * 2, "job", &["\"copy\"", "\"gzip\""]),
        ("--table workers copy file --cache warm", 21, "workers", &["1", "2", "5", "10", "20", "50", "100"]),
        ("--table workers copy file --workers 1..7", 12, "scheduler", &["\"channel\"", "\"processes\"", "\"uring\""]),
        ("--table pool file", 15, "pool", &["\"on\"", "\"off\"", "4"]),
        ("--table pool file", 15, "pool_overflow", &["null", "4"]),
        ("gzip --table pool file --pool 2,3 --pool-wait 1m", 14, "pool_wait_ns", &["60000000000"]),
        ("--table models gzip file", 4, "scheduler", &["\"channel\"", "\"processes\"", "\"rayon\"", "\"serial\""]),
        ("--table models file --cache warm", 5 + 4, "job", &["\"copy\"", "\"gzip\""]),
        ("--table models --generate 3x10K --cache warm --scheduler uring,serial", 3, "case", &["null"]),
        ("gzip file --scheduler serial,rayon --workers 1..5 --buffers 64K", 4, "workers", &["1", "2", "5"]),
        ("--table ladder --generate 20x5K", 5, "batch", &["\"on\"", "\"off\""]),
        ("gzip --table ladder --generate 3x10K --level 1", 5, "level", &["1"]),
    ] {
        let report = swept(&sandbox, words);
        assert_eq!((sweep_rows(&report).len(), values(&report, field)), (rows, set(expected)), "{words}");
        sandbox.assert_no_leftovers(words);
    }
}

#[test]
fn a_pool_is_varied_by_its_words_and_shows_all_that_it_did() {
    let sandbox = sandbox();
    sandbox.write("large", noise(9, 10 << 20));
    let words = "gzip large --level 1 --workers 4 --pool 2,off --pool-overflow 0,2 --pool-wait unlimited,10m";
    let report = swept(&sandbox, &format!("{words} --buffers 256K"));
    let rows = sweep_rows(&report);
    let settings = rows.iter().map(|row| {
        let of = |axis: &str| row["setting"].get(axis).map_or_else(|| "-".to_owned(), Value::to_string);
        ["pool", "pool_overflow", "pool_wait_ns"].map(of).join(" ")
    });
    let expected = ["2 - -", "2 - 600000000000", "2 2 -", "2 2 600000000000", "\"off\" - -"];
    assert_eq!(settings.collect::<Vec<_>>(), expected);
    for row in &rows {
        let of = |metric: &str| row["samples"][0]["metrics"][metric].as_u64().expect(metric);
        let [acquired, reused, fresh] = ["pool_acquired", "pool_reused", "pool_fresh"].map(of);
        assert!(acquired > 0 && acquired == reused + fresh && of("pool_gave_up") == 0, "{row:#}");
        let has = |axis: &str| row["setting"].get(axis).is_some();
        assert!(row["setting"]["pool"] == 2 || (of("pool_waited"), reused) == (0, 0), "{row:#}");
        assert!(has("pool_overflow") || of("pool_overflowed") == 0, "{row:#}");
    }
}

#[test]
fn the_models_have_small_files_and_large_ones_of_their_own() {
    let sandbox = sandbox();
    let report = swept(&sandbox, "--table models --cache warm --workers 2 --level 1");
    let of = |field: &str| values(&report, field);
    assert_eq!(of("case"), set(&["\"large files\"", "\"small files\""]));
    assert_eq!((sweep_rows(&report).len(), of("job")), (5 + 5 + 4, set(&["\"copy\"", "\"gzip\""])));
    let files: Vec<_> = report["data"].as_array().expect("data").iter().map(|data| data["files"].as_u64()).collect();
    assert_eq!(files, [Some(4000), Some(8)]);
    assert_eq!(report["left_out"][0], "gzip with uring: it can only copy");
    for row in sweep_rows(&report) {
        let figures = &row["warm_up"]["metrics"];
        let [one, all] = ["peak_bytes", "peak_pss_bytes"].map(|metric| figures[metric].as_u64());
        let is_alone = row["setting"]["scheduler"] != "processes";
        // One process shares its libraries at least; several are more than one.
        assert!(one.is_none() || all.is_none() || !is_alone || all <= one, "{row:#}");
    }
    let alone = swept(&sandbox, "--table models gzip --cache warm --workers 2 --level 1");
    assert_eq!(alone["data"].as_array().map(Vec::len), Some(1), "no data that nothing runs on");
    sandbox.assert_no_leftovers("models");
}

#[test]
fn rows_are_compared_with_the_baseline_that_was_named() {
    let sandbox = sandbox();
    let words = "sweep copy file --workers 1,3 --scheduler channel,rayon --buffers 64K --rounds 6 --no-sync";
    for (word, baseline) in [("rayon", r#"{"scheduler":"rayon"}"#), ("3", r#"{"workers":3}"#)] {
        sandbox.haul(format!("{words} --baseline {word} -o report.json -o report.txt")).run().ok();
        let report: Value = serde_json::from_slice(&sandbox.read("report.json")).expect("JSON");
        assert_eq!(report["baseline"].to_string(), baseline);
        let text = String::from_utf8(sandbox.read("report.txt")).expect("UTF-8");
        let than = if word == "3" { "3 workers" } else { word };
        assert!(text.contains(&format!("how many times faster than {than}, round by round")), "{text}");
        // A row beside itself.
        let is_its_own = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().skip_while(|word| *word != "rayon").collect();
            words.get(1) == Some(&"3") && words.contains(&"1.00×")
        };
        assert!(text.lines().any(is_its_own), "{text}");
    }
}

#[test]
fn a_ladder_names_its_steps_and_times_its_files() {
    let sandbox = sandbox();
    let report = swept(&sandbox, "--table ladder --generate 12x20K --workers 2");
    let names: Vec<String> = sweep_rows(&report).iter().map(|row| row["name"].to_string()).collect();
    assert_eq!(names.join(" "), r#""start" "buffer" "pool" "workers" "batching""#);
    for row in sweep_rows(&report) {
        let times = &row["file_latency"];
        assert_eq!(times["operations"], 12, "{row:#}");
        assert!(times["p50_ns"].as_u64() > Some(0) && times["p50_ns"].as_u64() <= times["p99_ns"].as_u64());
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_write() {
    let sandbox = sandbox();
    for (words, said) in [
        ("", "write haul sweep JOB SOURCE"),
        ("copy", "haul sweep copy --generate 256M"),
        ("cp file", "'cp' is not a job"),
        ("file", "'file' is not a job"),
        ("copy file --generate 1M", "contradict each other"),
        ("copy file --entropy 3", "--generate"),
        ("copy --generate 1M --entropy 9", "from 0"),
        ("copy --generate 1Q", "is not a size"),
        ("copy file --budget 5x", "90s, 5m or 1h"),
        ("copy file --within 0%", "percentage"),
        ("copy file --rounds 0", "--rounds"),
        ("gzip file --engine mmap", "leave out --engine"),
        ("gzip file --cache direct", "leave out --cache direct"),
        ("copy file --level 6", "leave out --level"),
        ("gunzip file --level 6", "leave out --level"),
        ("copy file --cache direct --buffers 1K", "not a multiple of 4K"),
        ("--table ladder file --buffers 4K,64K", "name one value with --buffers"),
        ("--table buffers", "Name a SOURCE"),
        ("--table nothing file", "possible values"),
        ("--table models gzip file --scheduler uring", "uring can only copy, not gzip: leave out --scheduler uring"),
        ("--table workers file --workers 5..2", "5..2 is empty: write the smaller number first"),
        ("copy file --baseline mmap --workers 1,2", "no setting has the value --baseline mmap: workers 1, 2"),
        ("copy file --baseline 64K --buffers 4K", "there is one setting only"),
        ("gunzip --generate 1M", "not in gzip format"),
        ("copy file --codec zlib", "leave out --codec and --block"),
        ("gunzip file --block 64K", "leave out --codec and --block"),
        ("copy file --cache direct --engine mmap", "--engine auto,direct"),
        ("copy file --budget 0", "90s, 5m or 1h"),
        ("copy file --pool-wait 0", "write unlimited or a time such as 500ms"),
        ("copy file --pool-overflow 1,x", "write a number of buffers"),
        ("copy file --pool off --pool-overflow 0,4", "leave out --pool-overflow and --pool-wait"),
        ("--table pool file --pool off --pool-wait 30s", "leave out --pool-overflow and --pool-wait"),
        ("--table ladder file --pool-wait 1s,2s", "name one value with --pool-wait"),
        ("--table ladder file --pool-overflow 1,2", "name one value with --pool-overflow"),
        ("--recommend --pool-overflow 1", "--pool-overflow"),
        ("copy file --within 500%", "up to 100"),
        ("copy file -o a.csv -o a.csv", "named twice"),
        ("copy file -o a.xyz", "the ending .xyz names no format"),
    ] {
        sandbox.haul(format!("sweep {words}")).run().code(2).says(&[said]);
    }
    sandbox.assert_no_leftovers("usage errors");
}

#[test]
fn what_cannot_be_had_here_is_left_out_and_named() {
    let sandbox = sandbox();
    let report = swept(&sandbox, "copy file --buffers 64K --engine read_write,mmap,reflink");
    let left_out = report["left_out"].as_array().expect("a list");
    // Some file systems share blocks.
    assert_eq!(sweep_rows(&report).len() + left_out.len(), 3);
    for line in left_out {
        assert!(line.as_str().is_some_and(|line| line.starts_with("reflink: cannot clone")), "{line}");
    }
    // A sweep of nothing else, and one of nothing at all, are failures.
    if !left_out.is_empty() {
        sandbox.haul("sweep copy file --buffers 64K --engine reflink").run().code(1).says(&["cannot clone"]);
    }
    sandbox.write("tree/plain", "no gzip file");
    sandbox.haul("sweep gunzip tree").run().code(1).says(&["there is nothing in it for gunzip"]);
    sandbox.assert_no_leftovers("settings that cannot be had");
}

#[test]
fn buffers_vary_where_nothing_else_does() {
    let sandbox = sandbox();
    for (words, rows) in [
        ("copy file", 10),
        ("copy file --workers 2", 10),
        ("copy file --workers 1,2", 2),
        ("gzip file --level 1,6 --workers 1,2", 4),
        ("copy file --cache direct", 9),
        ("copy file --engine read_write,direct", 2),
        ("copy --table buffers file --cache direct", 11),
    ] {
        assert_eq!(sweep_rows(&swept(&sandbox, words)).len(), rows, "{words}");
    }
}

#[test]
fn data_is_made_where_it_is_asked_for() {
    let sandbox = sandbox();
    sandbox.make_directory("scratch");
    for (words, files, bytes, entropy) in [
        ("--generate 200K", 1, 204_800, 8.0),
        ("--generate 5x10K --entropy 2.5", 5, 51_200, 2.5),
        ("--generate 1M --entropy 0", 1, 1 << 20, 0.0),
        ("--generate 0B", 1, 0, 0.0),
    ] {
        let report = swept(&sandbox, &format!("copy {words} --buffers 64K --scratch scratch --seed 5"));
        let data = &report["data"][0];
        assert_eq!((data["files"].as_u64(), data["bytes"].as_u64()), (Some(files), Some(bytes)));
        let found = data["entropy_bits"].as_f64().unwrap_or(0.0);
        assert!((found - entropy).abs() < 0.1, "{words}: {found}");
        assert_eq!(report["seed"], 5);
        assert!(sandbox.list("scratch").is_empty(), "{words}");
    }
}

#[test]
fn a_budget_ends_a_sweep_and_a_number_of_rounds_is_exact() {
    let sandbox = sandbox();
    let words = "sweep copy file --buffers 64K,1M --format json";
    let report = sandbox.haul(format!("{words} --budget 1ms")).run().ok().json();
    assert_eq!((report["rounds"].as_u64(), report["ended"].as_str()), (Some(1), Some("budget")));
    let report = sandbox.haul(format!("{words} --rounds 7")).run().ok().json();
    assert_eq!((report["rounds"].as_u64(), report["ended"].as_str()), (Some(7), Some("rounds")));
    assert_eq!(report["controls"][0]["samples"].as_array().map(Vec::len), Some(7));
    for row in sweep_rows(&report) {
        assert_eq!(row["samples"].as_array().map(Vec::len), Some(7));
    }
}

#[test]
fn calls_are_timed_where_that_is_asked_for() {
    let sandbox = sandbox();
    let report = swept(&sandbox, "copy file --buffers 4K --engine read_write --workers 1 --latency");
    let rows = sweep_rows(&report);
    let calls = rows[0]["call_latencies"]["calls"].as_array().expect("calls");
    let reads = calls.iter().find(|call| call["call"] == "pread64").expect("reads");
    let made = rows[0]["samples"][0]["calls"]["pread64"]["calls"].as_u64();
    assert_eq!(reads["calls"].as_u64(), made);
    let at = |name: &str| reads[name].as_u64().expect(name);
    assert!(at("p50_ns") <= at("p90_ns") && at("p90_ns") <= at("p99_ns") && at("p99_ns") <= at("max_ns"));
    let report = swept(&sandbox, "copy file --buffers 4K");
    assert!(sweep_rows(&report)[0]["call_latencies"].is_null());
}

#[test]
fn reports_go_to_several_files_each_in_the_format_of_its_name() {
    let sandbox = sandbox();
    let words = "sweep copy file --buffers 4K,64K --rounds 1 -o a.json -o a.csv -o a.md -o a.txt -o a.html -o -";
    let out = sandbox.haul(words).run().ok().out;
    let read = |name: &str| String::from_utf8(sandbox.read(name)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&read("a.json")).unwrap()["format"], 4);
    assert!(read("a.csv").starts_with("case,job,cache,engine,"));
    assert!(read("a.md").contains("| ---: |") && read("a.html").starts_with("<!DOCTYPE html>"));
    assert_eq!(String::from_utf8(out).unwrap().lines().next(), read("a.txt").lines().next());
}

#[test]
fn gzip_and_copy_of_prose_have_an_entropy_between() {
    let sandbox = sandbox();
    sandbox.write("prose", prose(1, 200_000));
    let bits = swept(&sandbox, "gzip prose --buffers 64K")["data"][0]["entropy_bits"].as_f64().expect("an entropy");
    assert!((1.0..7.0).contains(&bits), "{bits}");
}
