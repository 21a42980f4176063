//! Where the reports of `haul sweep` go: into every file that is named, after every round, and never half.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::time::{Duration, Instant};

use common::{Sandbox, noise};
use rustix::process::Signal;

/// Names of reports, and what each must begin with.
const NAMES: [(&str, &str); 6] = [
    ("r.json", "{"),
    ("r.csv", "case,job,"),
    ("r.md", "copy, warm cache: 'source'"),
    ("r.txt", "copy, warm cache: 'source'"),
    ("r.html", "<!DOCTYPE html>"),
    ("r.htm", "<!DOCTYPE html>"),
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 100_000));
    sandbox
}

fn words(rounds: &str) -> String {
    let outputs: Vec<String> = NAMES.iter().map(|(name, _)| format!("-o {name}")).collect();
    format!("sweep copy source --buffers 4K,64K --rounds {rounds} --no-sync {}", outputs.join(" "))
}

#[test]
fn every_file_gets_the_format_of_its_name_and_standard_output_nothing() {
    let sandbox = sandbox();
    let run = sandbox.haul(words("2")).run().ok();
    assert!(run.out.is_empty(), "{}", String::from_utf8_lossy(&run.out));
    for (name, start) in NAMES {
        let text = String::from_utf8(sandbox.read(name)).expect("UTF-8");
        assert!(text.starts_with(start) && text.ends_with('\n'), "{name}: {}", &text[..text.len().min(99)]);
    }
    sandbox.assert_no_leftovers("reports");
}

#[test]
fn an_older_report_stays_until_a_round_is_done_and_the_last_whole_one_after_an_end_by_force() {
    let sandbox = sandbox();
    for (name, _) in NAMES {
        sandbox.write(name, "older");
    }
    let running = sandbox.haul(words("1000000")).spawn();
    let started = Instant::now();
    loop {
        // Whenever somebody looks, each is the older one or a whole one.
        let json = sandbox.read("r.json");
        if json != b"older" {
            assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok());
            if sandbox.read("r.htm") != b"older" {
                break;
            }
        }
        assert!(started.elapsed() < Duration::from_secs(60), "no report after a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal(Signal::KILL);
    running.finish(Duration::from_secs(10));
    let json: serde_json::Value = serde_json::from_slice(&sandbox.read("r.json")).expect("a whole report");
    assert!(json["rounds"].as_u64() >= Some(1) && json["ended"] == "not_yet", "{}", json["ended"]);
    for (name, start) in NAMES {
        let text = String::from_utf8(sandbox.read(name)).expect("UTF-8");
        assert!(text.starts_with(start) && text.ends_with('\n'), "{name}");
    }
}

#[test]
fn a_link_stays_one_and_a_longer_report_leaves_nothing_behind_a_shorter() {
    let sandbox = sandbox();
    sandbox.write("real.csv", "x".repeat(100_000));
    std::os::unix::fs::symlink("real.csv", sandbox.path("link.csv")).expect("a link");
    sandbox.haul("sweep copy source --buffers 4K --rounds 1 --no-sync -o link.csv").run().ok();
    assert!(sandbox.path("link.csv").is_symlink());
    let text = String::from_utf8(sandbox.read("real.csv")).expect("UTF-8");
    assert!(text.starts_with("case,job,") && text.lines().count() == 2, "{text}");
}

#[test]
fn a_file_that_cannot_be_written_fails_in_the_end_and_the_others_are_written() {
    let sandbox = sandbox();
    let run = sandbox.haul("sweep copy source --buffers 4K --rounds 2 --no-sync -o /dev/full -o r.json").run();
    assert_eq!(run.status().code(), Some(1));
    run.says_in_one_line(&["cannot write '/dev/full': No space left on device"]);
    assert!(serde_json::from_slice::<serde_json::Value>(&sandbox.read("r.json")).is_ok());
    // What cannot even be opened ends the sweep before its first run, and an older report stays.
    sandbox.write("kept.json", "older");
    let run = sandbox.haul("sweep copy source --buffers 4K --rounds 2 -o kept.json -o no/such.json").run();
    assert_eq!(run.status().code(), Some(1));
    assert_eq!(sandbox.read("kept.json"), b"older");
    sandbox.assert_no_leftovers("reports that fail");
}

#[test]
fn a_report_behind_a_link_takes_the_place_of_what_the_link_leads_to() {
    let sandbox = sandbox();
    sandbox.make_directory("far");
    let older = sandbox.write("far/older.json", "older");
    let still_open = std::fs::File::open(older).expect("it opens");
    sandbox.link("near.json", "hop");
    sandbox.link("hop", "far/older.json");
    sandbox.link("new.json", "far/new.json");
    let outputs = "-o near.json -o new.json -o /dev/stdout";
    let run = sandbox.haul(format!("sweep copy source --buffers 4K --rounds 2 --no-sync {outputs}")).run().ok();
    assert!(!run.out.is_empty(), "a pipe by its name in /proc");
    for name in ["near.json", "new.json"] {
        assert!(sandbox.path(name).is_symlink(), "{name}");
    }
    for name in ["far/older.json", "far/new.json"] {
        assert!(serde_json::from_slice::<serde_json::Value>(&sandbox.read(name)).is_ok(), "{name}");
    }
    let kept = std::io::read_to_string(still_open).expect("it reads");
    assert_eq!(kept, "older", "the report was never cut short in its place");
    sandbox.assert_no_leftovers("reports behind links");
}

#[test]
fn a_name_that_is_no_files_is_refused() {
    let sandbox = sandbox();
    sandbox.link("circle.json", "circle.json");
    for (name, why) in [("x/", "Is a directory"), ("circle.json", "Too many levels of symbolic links")] {
        let run = sandbox.haul(format!("sweep copy source --buffers 4K --rounds 2 --format json -o {name}")).run();
        run.code(1).says_in_one_line(&[name, why]);
        assert!(!sandbox.exists("x"));
    }
}

#[test]
fn the_progress_line_names_the_round_and_the_run() {
    let sandbox = sandbox();
    let run = sandbox.haul("sweep copy source --buffers 4K,64K --rounds 2 --no-sync --progress always").run().ok();
    let lines: Vec<&str> = run.err.lines().collect();
    for line in ["warming up 1 of 2", "round 1, run 1 of 3", "removing targets"] {
        assert!(lines.iter().any(|other| other.starts_with(line)), "{line}: {}", run.err);
    }
    assert!(!String::from_utf8_lossy(&run.out).contains("warming up"));
    let run = sandbox.haul("sweep copy source --buffers 4K --rounds 1").run().ok();
    assert!(run.err.is_empty(), "no terminal, no line: {}", run.err);
}
