//! haul's own counts of its system calls against those of strace. What an `io_uring` does instead of calls, and what worker
//! processes call beside them, is counted elsewhere (`uring.rs`, `worker_processes.rs`).

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Sandbox, can_trace, noise, prose};
use serde_json::Value;

/// The calls that move bytes, which must agree to the last one.
const MOVING: [&str; 5] = ["read", "pread64", "write", "pwrite64", "copy_file_range"];

/// Runs haul under strace, looking only at calls on files in the sandbox: what strace saw, what haul says it did.
fn traced(sandbox: &Sandbox, words: &str) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let log = Sandbox::new();
    let mut command = common::run::command("strace");
    command
        .args(["-f", "-y", "-s", "0", "-e", &format!("trace={}", MOVING.join(",")), "-o"])
        .arg(log.path("log"))
        .current_dir(sandbox.path(""));
    let output = command.arg(common::run::binary()).args(words.split(' ')).arg("--json").output().expect("run strace");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "strace haul {words}: {said}");
    let json: Value = serde_json::from_slice(&output.stdout).expect("haul's JSON");
    let root = std::fs::canonicalize(sandbox.path("")).expect("a path");
    let root = format!("<{}/", root.display());
    let mut theirs = BTreeMap::new();
    // `12 read(3</sandbox/source>, ""..., 10) = 10`; what was interrupted by another thread's call ends on a line of its
    // own, without the path.
    for line in String::from_utf8(log.read("log")).expect("strace's log").lines().filter(|line| line.contains(&root)) {
        let call = line.split(' ').find_map(|word| word.split_once('(')).expect("a call").0;
        *theirs.entry(call.to_owned()).or_default() += 1;
    }
    (theirs, moving(ours(&json["syscalls"])))
}

/// Counts by name out of haul's JSON.
fn ours(syscalls: &Value) -> BTreeMap<String, u64> {
    let calls = syscalls.as_object().unwrap_or_else(|| panic!("no counts in {syscalls}"));
    calls.iter().map(|(name, counts)| (name.clone(), counts["calls"].as_u64().expect("a count"))).collect()
}

fn moving(mut counts: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    counts.retain(|name, _| MOVING.contains(&name.as_str()));
    counts
}

#[test]
fn copies_are_counted_as_strace_counts_them() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    // Not a multiple of any buffer, so that there is a short read at the end.
    sandbox.write("source", noise(1, 3_000_001));
    for engine in ["auto", "read_write", "copy_file_range", "mmap", "direct"] {
        for buffer in ["4K", "64K", "1M", "16M"] {
            for workers in [1, 2] {
                let words = format!("copy source target --engine {engine} --buffer {buffer} --workers {workers}");
                let (theirs, ours) = traced(&sandbox, &words);
                assert!(!ours.is_empty(), "{words}: no call moved anything");
                assert_eq!(ours, theirs, "haul against strace: {words}");
                sandbox.remove("target");
            }
        }
    }
}

#[test]
fn gzip_and_gunzip_are_counted_as_strace_counts_them() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("source", prose(1, 1_500_001));
    for buffer in ["4K", "128K", "1M"] {
        for workers in [1, 2] {
            for job in ["gzip source", "gunzip source.gz"] {
                let words = format!("{job} --buffer {buffer} --workers {workers}");
                let (theirs, ours) = traced(&sandbox, &words);
                assert!(!ours.is_empty(), "{words}: no call moved anything");
                assert_eq!(ours, theirs, "haul against strace: {words}");
            }
        }
    }
}

#[test]
fn a_sweep_shows_the_counts_of_one_such_copy_under_strace() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 5_000_001));
    let sizes = [(4096, "4K"), (65_536, "64K"), (1 << 20, "1M")];
    for engine in ["read_write", "copy_file_range"] {
        let buffers = sizes.map(|(_, name)| name).join(",");
        let words =
            format!("sweep copy source --buffers {buffers} --engine {engine} --workers 1 --rounds 2 --format json");
        let report = sandbox.haul(&words).run().ok().json();
        let rows = common::run::sweep_rows(&report);
        assert_eq!(rows.len(), sizes.len(), "{words}: {report:#}");
        for (bytes, name) in sizes {
            let copy = format!("copy source target --engine {engine} --buffer {name} --workers 1");
            let (theirs, _) = traced(&sandbox, &copy);
            sandbox.remove("target");
            let row =
                rows.iter().find(|row| row["setting"]["buffer_bytes"].as_u64() == Some(bytes)).expect("a row a buffer");
            let samples = row["samples"].as_array().expect("samples");
            assert_eq!(samples.len(), 2);
            for sample in samples {
                let ours = moving(ours(&sample["calls"]));
                assert_eq!(ours, theirs, "sweep against strace: {engine}, {name}");
            }
        }
    }
}

#[test]
fn reads_and_writes_are_as_many_as_arithmetic_says() {
    if common::scheduler_under_test().is_some() {
        return common::skip("the counts are those of threads");
    }
    let sandbox = Sandbox::new();
    let bytes: u64 = 1_000_000;
    sandbox.write("source", noise(1, bytes as usize));
    for buffer in [1000, 4096, 65_536, 2_000_000_u64] {
        let words = format!("copy source target --engine read_write --buffer {buffer} --workers 1");
        let json = sandbox.haul(format!("{words} --json")).run().ok().json();
        sandbox.remove("target");
        let counts = ours(&json["syscalls"]);
        let sum = |names: [&str; 2]| names.iter().filter_map(|name| counts.get(*name)).sum::<u64>();
        let (reads, writes) = (sum(["read", "pread64"]), sum(["write", "pwrite64"]));
        let needed = bytes.div_ceil(buffer);
        // Ranges that are not a multiple of the buffer may add a shorter piece each; there cannot be many at this size.
        assert!((needed..=needed + 8).contains(&writes), "{writes} writes of at most {buffer} for {bytes}");
        assert!((writes..=writes + 8).contains(&reads), "{reads} reads for {writes} writes of at most {buffer}");
        let moved = |name: &str| json["syscalls"][name]["bytes"].as_u64().unwrap_or(0);
        assert_eq!(moved("read") + moved("pread64"), bytes);
        assert_eq!(moved("write") + moved("pwrite64"), bytes);
    }
}

/// Open, examine, list attributes, create, read, write, times, examine, close twice, rename, remove; gzip looks first
/// whether the target is there.
#[test]
fn a_small_file_costs_gzip_and_gunzip_few_calls() {
    let sandbox = Sandbox::new();
    let total = |job: &str, tree: String| {
        let json = sandbox.haul(format!("{job} -r {tree} --workers 1 --json")).run().ok().json();
        ours(&json["syscalls"]).values().sum::<u64>()
    };
    for files in [10, 110] {
        for number in 0..files {
            sandbox.write(Path::new(&format!("tree-{files}")).join(format!("{number:03}")), "a few bytes");
        }
    }
    for (job, calls) in [("gzip", 13), ("gunzip", 12)] {
        let [few, many] = [10, 110].map(|files| total(job, format!("tree-{files}")));
        // And one call draws the numbers for 32 temporary names.
        assert!(many - few <= 100 * calls + 4, "{job}: {} calls for 100 files", many - few);
    }
}

#[test]
fn a_small_file_costs_few_calls() {
    if common::scheduler_under_test().is_some() {
        return common::skip("the counts are those of threads");
    }
    let sandbox = Sandbox::new();
    let total = |files: u32| {
        let tree = format!("tree-{files}");
        for number in 0..files {
            sandbox.write(Path::new(&tree).join(format!("{number:03}")), "a few bytes");
        }
        let json = sandbox.haul(format!("copy {tree} copy-{files} --workers 1 --json")).run().ok().json();
        ours(&json["syscalls"]).values().sum::<u64>()
    };
    let (few, many) = (total(10), total(110));
    // The design's budget: 10 calls a file. Directories and the start of the job cancel out.
    assert!((many - few).div_ceil(100) <= 10, "{} calls for 100 files", many - few);
}

/// What is passed over is looked at on both sides, and a symbolic link is not followed to find that out.
#[test]
fn what_is_up_to_date_costs_two_calls() {
    if common::scheduler_under_test().is_some() {
        return common::skip("the counts are those of threads");
    }
    let sandbox = Sandbox::new();
    let total = |entries: u32, update: &str| {
        let tree = format!("tree-{entries}");
        let copy = format!("copy {tree}/. copy-{entries} --workers 1 --json");
        sandbox.haul(format!("copy {tree} copy-{entries}")).run().ok();
        let json = sandbox.haul(format!("{copy} {update}")).run().ok().json();
        sandbox.remove(format!("copy-{entries}"));
        ours(&json["syscalls"]).values().sum::<u64>()
    };
    for entries in [10, 110] {
        for number in 0..entries {
            sandbox.write(Path::new(&format!("tree-{entries}")).join("file"), "what the links lead to");
            sandbox.link(&format!("tree-{entries}/{number:03}"), "file");
        }
    }
    for update in ["-u", "--update=none"] {
        let (few, many) = (total(10, update), total(110, update));
        assert!(many - few <= 100 * 2 + 4, "{update}: {} calls for 100 links", many - few);
    }
}
