//! `haul disk` as people call it: what it prints, where it writes, what it refuses, and that it leaves nothing behind.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use common::{Sandbox, noise, set_mode};
use rustix::process::Signal;
use serde_json::Value;

/// What lies in the sandbox is this and nothing else.
#[track_caller]
fn assert_only(sandbox: &Sandbox, names: &[&str]) {
    let found: Vec<String> = sandbox.list("").iter().map(|name| name.to_string_lossy().into_owned()).collect();
    let mut expected: Vec<&str> = names.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// As quick as it gets: one load, one block size, two rounds.
const QUICK: &str = "disk --rounds 2 --budget 1s --size 16M --loads read --blocks 64K --access direct";

#[test]
fn a_report_is_json_that_says_what_was_measured() {
    let sandbox = Sandbox::new();
    let report = sandbox.haul(format!("{QUICK},buffered --json")).run().ok().silent().json();
    assert_eq!((&report["subject"], &report["format"]), (&"disk".into(), &4.into()));
    let data = &report["data"][0];
    assert_eq!((&data["bytes"], &data["is_read_only"]), (&(16 << 20).into(), &false.into()));
    assert!(report["command"].as_str().is_some_and(|command| command.contains("--blocks 64K")), "{report:#}");
    let rows = report["rows"].as_array().expect("rows");
    assert!(!rows.is_empty() && rows.len() == report["figures"].as_array().map_or(0, Vec::len), "{report:#}");
    for row in rows {
        assert_eq!((&row["setting"]["load"], &row["setting"]["block_bytes"]), (&"read".into(), &65536.into()));
        for sample in row["samples"].as_array().expect("samples") {
            let metrics = &sample["metrics"];
            let [operations, bytes] = ["operations", "read_bytes"].map(|field| metrics[field].as_u64().expect(field));
            assert!(operations > 0 && bytes == operations * 65536, "{sample:#}");
        }
    }
    assert!(report["findings"][0].as_str().is_some_and(|text| text.starts_with("Sequential: reads")), "{report:#}");
    assert_only(&sandbox, &[]);
}

#[test]
fn every_file_gets_the_format_of_its_name() {
    let sandbox = Sandbox::new();
    let names = [("r.json", "{"), ("r.csv", "load,"), ("r.md", "'.'"), ("r.txt", "'.'"), ("r.html", "<!DOCTYPE html>")];
    let outputs: Vec<String> = names.iter().map(|(name, _)| format!("-o {name}")).collect();
    let run = sandbox.haul(format!("{QUICK} {}", outputs.join(" "))).run().ok();
    assert!(run.out.is_empty(), "{}", String::from_utf8_lossy(&run.out));
    for (name, start) in names {
        let text = String::from_utf8(sandbox.read(name)).expect("UTF-8");
        assert!(text.starts_with(start) && text.ends_with('\n'), "{name}: {text}");
    }
    assert_only(&sandbox, &names.map(|(name, _)| name));
}

#[test]
fn what_exists_is_read_and_stays_as_it_was() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("data", noise(1, 2_000_000));
    let state = || {
        let found = path.metadata().expect("metadata");
        (found.mtime_nsec(), found.ctime_nsec(), found.len(), sandbox.read("data"))
    };
    let before = state();
    let words = "disk --read-only data --rounds 1 --budget 1s --loads read,random-read --blocks 64K --depths 1 --json";
    let report = sandbox.haul(words).run().ok().json();
    assert!(report["data"][0]["is_read_only"] == true && state() == before, "{report:#}");
    assert!(report["data"][0]["bytes"].as_u64().is_some_and(|bytes| (1..=2_000_000).contains(&bytes)), "{report:#}");
    let run = sandbox.haul(format!("{words} -o data")).run().code(1);
    run.says_in_one_line(&["cannot write the report to 'data': it is, or lies in, what is being measured"]);
    assert_eq!(state(), before);
    assert_only(&sandbox, &["data"]);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_touched() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "x");
    for words in [
        "--blocks 6000",
        "--depths 0",
        "--loads cold",
        "--read-only file .",
        "--read-only file --loads write",
        "--loads stat --blocks 4K",
        "--axis depths --blocks 4K,8K",
        "--backend calls",
        "--size 0",
        "--json --format csv",
        "one two",
    ] {
        let run = sandbox.haul(format!("disk {words}")).run().code(2);
        assert!(run.out.is_empty() && run.err.contains("error: "), "{words}: {}", run.err);
    }
    assert_only(&sandbox, &["file"]);
}

#[test]
fn a_place_that_is_none_is_named_with_its_reason() {
    let sandbox = Sandbox::new();
    sandbox.write("file", noise(1, 100_000));
    sandbox.make_directory("directory");
    for (words, parts) in [
        ("missing", &["'missing'", "No such file or directory"][..]),
        ("file", &["'file'", "measured with --read-only"]),
        ("--read-only missing", &["'missing'", "No such file or directory"]),
        ("--read-only directory", &["'directory'", "directory"]),
        ("--read-only /dev/null", &["'/dev/null'"]),
    ] {
        let run = sandbox.haul(format!("disk --rounds 1 --size 16M --loads read --blocks 64K {words}")).run().code(1);
        run.says_in_one_line(parts);
    }
    assert_only(&sandbox, &["directory", "file"]);
}

#[test]
fn a_directory_that_nothing_can_be_made_in_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.make_directory("closed");
    set_mode(sandbox.path("closed"), 0o555);
    sandbox.give_away();
    let run = sandbox.haul(format!("{QUICK} closed")).without_rights().run().code(1);
    run.says_in_one_line(&["'closed", "Permission denied"]);
    set_mode(sandbox.path("closed"), 0o755);
}

#[test]
fn a_name_with_a_line_feed_stays_on_its_line() {
    let sandbox = Sandbox::new();
    sandbox.make_directory("a\nb");
    let run = sandbox.haul(QUICK).arg("a\nb").run().ok();
    let text = String::from_utf8(run.out).expect("UTF-8");
    assert!(text.starts_with(r"'a\nb' ("), "{text}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure_to_talk_about() {
    let sandbox = Sandbox::new();
    let mut running = sandbox.haul(QUICK).spawn();
    running.read_and_hang_up(0);
    running.finish(Duration::from_secs(20)).code(141).silent();
    assert_only(&sandbox, &[]);
}

#[test]
fn an_end_by_signal_leaves_nothing_behind_and_a_report_of_what_there_is() {
    let sandbox = Sandbox::new();
    let words = QUICK.replace("--rounds 2 --budget 1s", "--rounds 1000 --budget 60s") + " -o r.json";
    let running = sandbox.haul(words).spawn();
    common::wait_until("a first report", || sandbox.exists("r.json"));
    running.signal(Signal::INT);
    let run = running.finish(Duration::from_secs(20)).code(130);
    assert!(run.err.contains("interrupted; the report shows what was measured until then"), "{}", run.err);
    let report: Value = serde_json::from_slice(&sandbox.read("r.json")).expect("a whole report");
    assert_eq!(report["ended"], "interrupted");
    assert_only(&sandbox, &["r.json"]);
}

#[test]
fn an_end_by_signal_before_there_is_anything_to_report_leaves_nothing() {
    let sandbox = Sandbox::new();
    let running = sandbox.haul("disk --size 64M -o r.json").spawn();
    common::wait_until("a scratch directory", || !sandbox.list("").is_empty());
    running.signal(Signal::TERM);
    let run = running.finish(Duration::from_secs(20)).code(143);
    assert!(run.err.contains("interrupted; nothing was measured yet, so there is no report"), "{}", run.err);
    assert_only(&sandbox, &[]);
}
