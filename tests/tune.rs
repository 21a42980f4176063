//! `haul tune` from its command line to its report. What it decides is tested where that is decided.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::time::Duration;

use common::{Sandbox, assert_same, set_mode, snapshot, wait_until};
use haul::lab::plan::SweepJob;
use haul::lab::recommend;
use haul::lab::recommend::plan::Options;
use rustix::process::Signal;
use serde_json::Value;

/// What is measured is of no interest here, so there is little time for it.
const SHORT: &str = "--budget 200ms --size 256K";

#[test]
fn it_reports_every_case_and_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let disk = sandbox.make_directory("disk");
    let run = sandbox.haul(format!("tune disk {SHORT} -o found.json -o found.txt")).run().ok().silent();
    assert!(run.out.is_empty(), "the report is in its files");
    assert_eq!(disk.read_dir().unwrap().count(), 0);
    let report: Value = serde_json::from_slice(&sandbox.read("found.json")).unwrap();
    assert_eq!((&report["subject"], &report["format"]), (&"tune".into(), &4.into()));
    assert_eq!(report["command"], format!("haul tune disk {SHORT} -o found.json -o found.txt"));
    let data = report["data"].as_array().unwrap();
    assert!(data.iter().all(|data| data["target"] == "disk"), "{data:#?}");
    let cases: Vec<&str> = data.iter().filter_map(|data| data["case"].as_str()).collect();
    assert_eq!(cases, ["copy, warm", "copy, cold", "copy, small files", "gzip"]);
    for case in cases {
        let explored = report["tuning"]["explored"].as_array().unwrap();
        let mut rows = explored.iter().filter(|row| row["setting"]["case"] == case).peekable();
        let is_left_out =
            || report["left_out"].as_array().unwrap().iter().any(|why| why.as_str().unwrap().starts_with(case));
        assert!(rows.peek().is_some() || is_left_out(), "{case}");
        assert!(rows.all(|row| !row["samples"].as_array().unwrap().is_empty()), "{case}");
    }
    let text = String::from_utf8(sandbox.read("found.txt")).unwrap();
    assert!(text.starts_with("tune of 'disk': ") && text.contains("copy, small files"), "{text}");
    let options = report["advice"]["options"].as_object().expect("a value for each variable");
    assert_eq!(text.matches("\nexport HAUL_").count(), options.len(), "{text}");
}

#[test]
fn what_is_recommended_for_a_file_is_measured_on_it() {
    let sandbox = Sandbox::new();
    sandbox.write("place/own", common::noise(1, 300_000));
    let report = sandbox.haul("sweep --recommend place/own --json --budget 200ms").run().ok().json();
    let cases: Vec<_> = report["data"].as_array().expect("data").iter().map(|data| &data["case"]).collect();
    assert_eq!(cases, ["copy, warm", "gzip"]);
    assert!(report["data"][0]["path"].as_str().is_some_and(|path| path.ends_with("place/own")), "{}", report["data"]);
    assert_eq!(sandbox.list("place").len(), 1);
    assert_eq!(sandbox.read("place/own"), common::noise(1, 300_000));
    for words in
        ["own --generate 1M", "own --codec zlib", "own --within 1%", "--generate 2x1M", "--generate 1M --entropy 4"]
    {
        sandbox.haul(format!("sweep --recommend {words}")).run().code(2);
    }
    sandbox.haul("sweep --recommend missing --json").run().code(1).says(&["missing"]);
}

#[test]
fn one_job_of_the_current_directory_goes_to_standard_output() {
    for words in [
        "tune --jobs gzip --json --budget 200ms --size 256K",
        "sweep --recommend gzip --json --budget 200ms --generate 256K",
    ] {
        let sandbox = Sandbox::new();
        let tune = sandbox.haul(words).env("HAUL_COPY_OPTIONS", "");
        let run = tune.env("HAUL_GZIP_OPTIONS", "--workers 3").run().ok();
        assert_eq!(run.err, "haul: HAUL_GZIP_OPTIONS is set; what is found is compared with haul's own defaults\n");
        let report = run.json();
        assert_eq!(report["data"].as_array().map(Vec::len), Some(1));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let defaults = &report["tuning"]["explored"][0];
        assert_eq!(defaults["name"], "gzip: defaults");
        assert_eq!(defaults["setting"]["workers"], cores, "not those of the variable");
        assert_eq!(defaults["setting"]["buffer_bytes"], "auto");
        assert!(sandbox.list("").is_empty());
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_made() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "text");
    let before = snapshot(sandbox.path(""));
    for (words, code, said) in [
        ("tune --budget never", 2, "'never'"),
        ("tune --jobs sweep", 2, "'sweep'"),
        ("tune --size 1K", 2, "at least 64K"),
        ("tune --size many", 2, "'many'"),
        ("tune -o found.poem", 2, "names no format"),
        ("tune a b", 2, "'b'"),
        ("tune missing", 1, "cannot open 'missing': No such file or directory"),
        ("tune file", 1, "cannot open 'file': Not a directory"),
        ("tune --size 1000000G", 1, "cannot tune for '.': that uses 4.8 PiB and needs 4.8 PiB of free space"),
        ("tune -o missing/found.txt", 1, "missing/found.txt"),
    ] {
        sandbox.haul(words).run().code(code).says(&[said]);
        assert_same(&before, &snapshot(sandbox.path("")), words);
    }
}

#[test]
fn the_variables_take_whatever_can_be_recommended() {
    for job in [SweepJob::Copy, SweepJob::Gzip] {
        let all = recommend::alternatives(job, 2);
        let together = all.iter().fold(Options::default(), |all, options| all.and(*options));
        for options in all.into_iter().chain([together]) {
            let sandbox = Sandbox::new();
            sandbox.write("file", "text");
            let words = if job == SweepJob::Copy { "copy file copied" } else { "gzip file" };
            let variable = format!("HAUL_{}_OPTIONS", job.name().to_uppercase());
            sandbox.haul(words).env(&variable, options.to_string()).run().ok().silent();
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let sandbox = Sandbox::new();
    set_mode(sandbox.make_directory("disk"), 0o555);
    sandbox.give_away();
    let run = sandbox.haul("tune disk").without_rights().run().code(1);
    run.says_in_one_line(&["cannot tune for 'disk': Permission denied; name a DIR that can be written to"]);
}

#[test]
fn ctrl_c_takes_its_data_with_it() {
    let sandbox = Sandbox::new();
    let running = sandbox.haul("tune --budget 100s --size 64K --progress never").spawn();
    wait_until("its data", || !sandbox.list("").is_empty());
    running.signal(Signal::INT);
    let run = running.finish(Duration::from_secs(20)).code(130);
    let said = ["interrupted; nothing was measured yet", "interrupted; the report shows what was measured until then"];
    assert!(said.iter().any(|said| run.err.contains(said)), "{}", run.err);
    assert!(!String::from_utf8_lossy(&run.out).contains("export"), "nothing is recommended");
    assert!(sandbox.list("").is_empty());
}
