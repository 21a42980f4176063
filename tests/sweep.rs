//! `haul sweep` from outside: a row for every setting, in every format, and nothing touched or left behind.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::BTreeSet;

use common::run::sweep_rows;
use common::{Sandbox, assert_same, noise, prose, snapshot};

/// A sandbox with something to sweep over, for each job.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("copy-source", noise(1, 700_001));
    sandbox.write("gzip-source", prose(2, 300_001));
    sandbox.write("gunzip-source.gz", sandbox.haul("gzip").input(prose(3, 300_001)).run().ok().out);
    sandbox
}

const JOBS: [&str; 3] = ["copy copy-source", "gzip gzip-source", "gunzip gunzip-source.gz"];

#[test]
fn every_setting_gets_a_row_with_every_round() {
    let sandbox = sandbox();
    let before = snapshot(sandbox.path(""));
    for (words, rows) in [
        ("copy copy-source --buffers 4K,64K,1M --workers 1,2", 6),
        ("copy copy-source --buffers 4K..32K --engine read_write,copy_file_range,mmap", 12),
        ("copy copy-source --buffers 64K --pool on,off --scheduler serial,channel,rayon", 6),
        ("gzip gzip-source --buffers 4K,128K --level 1,6,9 --workers 1,2", 12),
        ("gunzip gunzip-source.gz --buffers 512B..2K --workers 2", 3),
    ] {
        let report = sandbox.haul(format!("sweep {words} --rounds 3 --format json")).run().ok().json();
        let found = sweep_rows(&report);
        assert_eq!(found.len(), rows, "sweep {words}");
        let settings: BTreeSet<String> = found.iter().map(|row| row["setting"].to_string()).collect();
        assert_eq!(settings.len(), rows, "sweep {words}: a setting came twice");
        for row in &found {
            let samples = row["samples"].as_array().expect("samples");
            assert_eq!(samples.len(), 3, "sweep {words}");
            for sample in samples {
                assert!(sample["wall_ns"].as_u64() > Some(0), "sweep {words}: {sample:#}");
                assert_eq!(sample["metrics"]["files"].as_u64(), Some(1), "sweep {words}");
                let bytes = sample["metrics"]["source_bytes"].as_u64().expect("bytes");
                assert!(bytes > 0, "sweep {words}");
                for field in ["unexplained_reads", "unexplained_writes"] {
                    // The kernel's own counts, where it shows them, leave nothing unexplained.
                    let unexplained = &sample["metrics"][field];
                    assert!(
                        unexplained.is_null() || unexplained.as_i64() == Some(0),
                        "sweep {words}: {field} {unexplained}"
                    );
                }
            }
        }
    }
    let plain = common::tree::without_directory_times;
    assert_same(&plain(before), &plain(snapshot(sandbox.path(""))), "what sweeps were run on");
}

#[test]
fn counts_are_the_same_in_every_round_and_smaller_for_larger_buffers() {
    let sandbox = sandbox();
    let words = "sweep copy copy-source --buffers 1K,16K,256K --engine read_write --workers 1 --rounds 3 --format json";
    let report = sandbox.haul(words).run().ok().json();
    let mut rows = sweep_rows(&report);
    rows.sort_by_key(|row| row["setting"]["buffer_bytes"].as_u64());
    let writes = |sample: &serde_json::Value| {
        let calls = |name: &str| sample["calls"][name]["calls"].as_u64().unwrap_or(0);
        calls("write") + calls("pwrite64")
    };
    let mut last = u64::MAX;
    for row in &rows {
        let counts: BTreeSet<u64> = row["samples"].as_array().unwrap().iter().map(writes).collect();
        assert_eq!(counts.len(), 1, "{counts:?}");
        let count = *counts.first().unwrap();
        assert!(count > 0 && count < last, "{count} after {last}");
        last = count;
    }
}

#[test]
fn the_table_shows_every_buffer_a_verdict_and_the_kernels_agreement() {
    let sandbox = sandbox();
    for job in JOBS {
        let run = sandbox.haul(format!("sweep {job} --buffers 4K,64K,1M --rounds 2 --explain")).run().ok();
        let table = String::from_utf8(run.out.clone()).unwrap();
        for buffer in ["4K", "64K", "1M"] {
            assert!(table.lines().any(|line| line.contains(buffer)), "{job}: no {buffer} in\n{table}");
        }
        let lower = table.to_lowercase();
        for word in ["buffer", "reads", "writes", "other", "mib/s", "wall", "user", "system", "peak", "faults", "fresh"]
        {
            assert!(lower.contains(word), "{job}: no {word:?} in\n{table}");
        }
        assert!(lower.contains("5 %") || lower.contains("5%"), "{job}: no verdict in\n{table}");
        assert!(lower.contains("/proc/self/io") || lower.contains("kernel"), "{job}: no reconciliation in\n{table}");
        let has_ratio = lower.split_whitespace().any(|word| word == "ratio");
        assert_eq!(has_ratio, job.starts_with("gzip"), "{job}\n{table}");
    }
}

#[test]
fn every_format_is_what_it_says() {
    let sandbox = sandbox();
    for job in JOBS {
        let words = format!("sweep {job} --buffers 4K,64K --rounds 2");
        let csv = sandbox.haul(format!("{words} --format csv")).run().ok().out;
        let mut reader = csv::Reader::from_reader(&csv[..]);
        let columns = reader.headers().expect("a header").clone();
        let records: Vec<_> = reader.records().map(|record| record.expect("a record of the same length")).collect();
        assert_eq!(records.len(), 2, "{job}");
        let buffer = columns.iter().position(|name| name.contains("buffer")).expect("a column for the buffer");
        let found: BTreeSet<&str> = records.iter().map(|record| &record[buffer]).collect();
        assert_eq!(found, BTreeSet::from(["4096", "65536"]), "plain bytes, for machines");

        let markdown = String::from_utf8(sandbox.haul(format!("{words} --format markdown")).run().ok().out).unwrap();
        let table: Vec<_> = markdown.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(table.len(), 4, "{job}: a header, a line, two rows:\n{markdown}");
        let bars: BTreeSet<usize> = table.iter().map(|line| line.matches('|').count()).collect();
        assert_eq!(bars.len(), 1, "{job}: as many cells in each row:\n{markdown}");
        assert!(table[1].chars().all(|c| "|-: ".contains(c)), "{job}:\n{markdown}");

        sandbox.haul(format!("{words} --format json")).run().ok().json();
    }
}

#[test]
fn the_report_goes_into_a_file_when_one_is_named() {
    let sandbox = sandbox();
    for format in ["table", "csv", "json", "markdown"] {
        let words = format!("sweep copy copy-source --buffers 64K --rounds 1 --format {format} -o report");
        sandbox.haul(&words).run().ok();
        assert!(!sandbox.read("report").is_empty(), "{format}");
        sandbox.remove("report");
    }
    // It is opened before the first run: nobody waits an hour to learn of a wrong name.
    let run = sandbox.haul("sweep copy copy-source --buffers 64K --rounds 1 -o no/such/report").run();
    assert!(!run.succeeded());
    run.says_in_one_line(&["'no/such/report': No such file or directory"]);
    sandbox.assert_no_leftovers("a report that cannot be written");
}

#[test]
fn scratch_space_lies_where_asked_and_is_gone_in_the_end() {
    let sandbox = sandbox();
    sandbox.make_directory("scratch");
    sandbox.make_directory("sources");
    std::fs::rename(sandbox.path("copy-source"), sandbox.path("sources/file")).unwrap();
    common::set_mode(sandbox.path("sources"), 0o555);
    sandbox.give_away();
    // As somebody who may not write beside the source.
    let words = "sweep copy sources/file --buffers 64K --rounds 1";
    sandbox.haul(format!("{words} --to scratch")).without_rights().run().ok();
    assert!(sandbox.list("scratch").is_empty());
    let run = sandbox.haul(words).without_rights().run();
    assert!(!run.succeeded());
    run.says_in_one_line(&["cannot ", "Permission denied"]);
    sandbox.haul(format!("{words} --to no/such/place")).run().says(&["No such file or directory"]);
    sandbox.assert_no_leftovers("after sweeps");
}

#[test]
fn a_tree_can_be_swept_over_too() {
    let sandbox = sandbox();
    for number in 0..30 {
        sandbox.write(format!("tree/{}/{number}", number % 3), prose(number, 1000));
    }
    let before = snapshot(sandbox.path("tree"));
    for job in ["copy", "gzip"] {
        let words = format!("sweep {job} tree --buffers 4K,64K --rounds 2 --workers 2 --format json");
        let report = sandbox.haul(&words).run().ok().json();
        for row in sweep_rows(&report) {
            for sample in row["samples"].as_array().unwrap() {
                assert_eq!(sample["metrics"]["files"].as_u64(), Some(30), "{words}");
            }
        }
        assert_same(&before, &snapshot(sandbox.path("tree")), &words);
        sandbox.assert_no_leftovers(&words);
    }
}

#[test]
fn a_damaged_source_ends_the_sweep_with_its_name() {
    let sandbox = sandbox();
    let whole = sandbox.read("gunzip-source.gz");
    sandbox.write("cut.gz", &whole[..whole.len() / 2]);
    let run = sandbox.haul("sweep gunzip cut.gz --buffers 4K --rounds 1").run();
    assert!(!run.succeeded(), "a sweep over a job that fails measures nothing");
    run.says(&["cut.gz"]);
    sandbox.assert_no_leftovers("a damaged source");
}
