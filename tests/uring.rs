//! The event loop: what is in flight is what the kernel took, and where there is no `io_uring` threads copy.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use common::run::sweep_rows;
use common::{Run, Sandbox, assert_same, can_trace, noise, prose, skip, snapshot};
use serde_json::Value;

fn furnish(sandbox: &Sandbox) {
    for number in 0..200 {
        sandbox.write(format!("tree/{}/{number}", number % 7), prose(number, 50 * number as usize));
    }
    sandbox.write("tree/large", noise(1, 9_000_001));
    sandbox.link("tree/link", "large");
}

/// Runs haul under strace with these options, and returns what it printed and strace's log.
fn traced(sandbox: &Sandbox, options: &[&str], words: &str) -> (std::process::Output, String) {
    let log = Sandbox::new();
    let mut command = common::run::command("strace");
    command.args(["-f", "-o"]).arg(log.path("log")).args(options).arg(common::run::binary());
    let output = command.args(words.split(' ')).current_dir(sandbox.path("")).output().expect("run strace");
    (output, String::from_utf8(log.read("log")).expect("strace's log"))
}

/// How often each operation of the ring was done, by haul's own count.
fn operations(json: &Value) -> u64 {
    let calls = json["syscalls"].as_object().expect("calls");
    let of_ring = calls.iter().filter(|(name, _)| name.starts_with("io_uring("));
    of_ring.map(|(_, counts)| counts["calls"].as_u64().expect("a number")).sum()
}

#[test]
fn what_is_counted_is_what_the_kernel_took() {
    if !can_trace() {
        return skip("no strace");
    }
    for in_flight in ["1", "3", "64"] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        let words = format!("copy tree target --scheduler uring --in-flight {in_flight} --json");
        let (output, log) = traced(&sandbox, &["-e", "trace=io_uring_enter"], &words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        if said.contains("there is no io_uring here") {
            return skip("no io_uring");
        }
        let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        // What a call returns is how many operations the kernel took.
        let enters: Vec<u64> = log.lines().filter_map(|line| line.rsplit_once(" = ")?.1.trim().parse().ok()).collect();
        assert_eq!(json["syscalls"]["io_uring_enter"]["calls"].as_u64(), Some(enters.len() as u64), "{in_flight}");
        assert_eq!(operations(&json), enters.iter().sum::<u64>(), "{in_flight} in flight");
        assert!(operations(&json) > 5 * 200, "{json:#}");
        let several = enters.iter().filter(|taken| **taken > 1).count();
        assert_eq!(several > 0, in_flight != "1", "several at a time only where several may be in flight");
        assert_same(&snapshot(sandbox.path("tree")), &snapshot(sandbox.path("target")), &words);
    }
}

#[test]
fn where_there_is_no_ring_threads_copy_and_that_is_said() {
    if !can_trace() {
        return skip("no strace");
    }
    for (errno, text) in [
        ("EPERM", "Operation not permitted"),
        ("ENOSYS", "Function not implemented"),
        ("EACCES", "Permission denied"),
        ("ENOMEM", "Cannot allocate memory"),
    ] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        let inject = format!("inject=io_uring_setup:error={errno}");
        let words = "copy tree target --scheduler uring";
        let (output, _) = traced(&sandbox, &["-e", "trace=io_uring_setup", "-e", &inject], words);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, format!("haul: 'target': there is no io_uring here ({text}); threads copy instead\n"));
        assert!(output.status.success());
        assert_same(&snapshot(sandbox.path("tree")), &snapshot(sandbox.path("target")), errno);
    }
}

fn refused(sandbox: &Sandbox, words: &str) -> Run {
    sandbox.haul(words).run().code(2)
}

#[test]
fn what_a_ring_cannot_do_is_refused_with_a_reason() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "text");
    for words in ["gzip file --scheduler uring", "gunzip file.gz --scheduler uring"] {
        refused(&sandbox, words).says(&["wait for the processor, not for files"]);
    }
    for engine in ["mmap", "copy_file_range", "reflink"] {
        refused(&sandbox, &format!("copy file new --scheduler uring --engine {engine}")).says(&[engine, "--scheduler"]);
    }
    refused(&sandbox, "copy file new --in-flight 3 --scheduler channel").says(&["--scheduler uring"]);
    refused(&sandbox, "copy file new --in-flight 3 --workers 3 --scheduler uring").says(&["leave one out"]);
    refused(&sandbox, "copy file new --in-flight 0 --scheduler uring").says(&["1 to 4096"]);
    assert!(!sandbox.exists("new") && !sandbox.exists("file.gz"));
    sandbox.haul("copy file new --in-flight 3 --scheduler uring").run().ok().silent();
    assert_eq!(sandbox.read("new"), b"text");
}

#[test]
fn fewer_buffers_than_operations_hold_nobody_up() {
    for pool in ["1", "2", "3 --pool-overflow 2", "off"] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        let words = format!("copy tree target --scheduler uring --in-flight 64 --pool {pool} --verify");
        sandbox.haul(&words).run().ok().silent();
        assert_same(&snapshot(sandbox.path("tree")), &snapshot(sandbox.path("target")), &words);
    }
}

/// The kernel tries to open without waiting first, which of a FIFO is another call: it finds no reader, or no bytes.
#[test]
fn a_fifo_is_waited_for_in_both_directions() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "from a file");
    common::make_fifo(sandbox.path("fifo"));
    let wait = || std::thread::sleep(std::time::Duration::from_millis(100));
    let writing = sandbox.haul("copy file fifo --scheduler uring").spawn();
    wait();
    assert_eq!(std::fs::read(sandbox.path("fifo")).unwrap(), b"from a file");
    let patience = std::time::Duration::from_secs(20);
    writing.finish(patience).ok();
    let reading = sandbox.haul("copy --copy-contents fifo got --scheduler uring").spawn();
    wait();
    std::fs::write(sandbox.path("fifo"), "through a FIFO").unwrap();
    reading.finish(patience).ok();
    assert_eq!(sandbox.read("got"), b"through a FIFO");
}

/// Of the ring's reads and writes the kernel counts nothing; those of worker processes it adds to their parent's.
#[test]
fn a_sweep_agrees_with_the_kernel_under_every_scheduler() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    let schedulers = "serial,channel,rayon,processes";
    for words in [
        format!("sweep copy tree --scheduler {schedulers},uring --workers 3 --rounds 2 --buffers 64K"),
        format!("sweep gzip tree --scheduler {schedulers} --workers 3 --rounds 2 --buffers 64K --level 1"),
    ] {
        sandbox.haul(format!("{words} -o report.json")).run().ok();
        let report: Value = serde_json::from_slice(&sandbox.read("report.json")).expect("JSON");
        let rows = sweep_rows(&report);
        assert_eq!(rows.len(), if words.contains("uring") { 5 } else { 4 });
        for row in &rows {
            for sample in row["samples"].as_array().expect("samples") {
                let of = |metric: &str| sample["metrics"].get(metric).and_then(Value::as_f64);
                let unexplained = (of("unexplained_reads"), of("unexplained_writes"));
                let agrees = matches!(unexplained, (None, None)) || unexplained == (Some(0.0), Some(0.0));
                assert!(agrees, "{}: {unexplained:?}", row["setting"]);
            }
        }
    }
}
