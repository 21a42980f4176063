//! Little memory (`ulimit -v`, `ulimit -d`): fewer workers, fewer buffers or one clear error; no panic, no abort, and nothing
//! is lost.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::process::{Output, Stdio};

use common::{Sandbox, prose};

/// Bytes of the file: several blocks at every level.
const FILE_BYTES: usize = 3 << 20;

/// Runs haul in a shell that set a limit, such as `-v 60000`, in KiB.
fn limited(sandbox: &Sandbox, limit: &str, words: &str) -> Output {
    let line = format!("ulimit {limit}; exec \"$HAUL\" {words}");
    let mut command = common::run::command("sh");
    command.args(["-c", &line]).current_dir(sandbox.path("")).env("HAUL", common::run::binary());
    command.stdin(Stdio::null()).output().expect("run sh")
}

/// Address space that the program itself takes, in MiB: a test build is larger than a release.
fn base_mebibytes(sandbox: &Sandbox) -> usize {
    let starts = |mebibytes: &usize| limited(sandbox, &format!("-v {}", mebibytes << 10), "--version").status.success();
    (8..200).step_by(4).find(starts).expect("it starts with 200 MiB")
}

#[test]
fn whatever_the_limit_a_job_is_done_or_says_why_not() {
    let sandbox = Sandbox::new();
    let plain = prose(1, FILE_BYTES);
    sandbox.write("plain/a", &plain);
    sandbox.haul("gzip -k plain/a").run().ok();
    sandbox.haul("gzip --codec zlib -k plain/a -S .z --block 64K").run().ok();
    let base = base_mebibytes(&sandbox);
    // What a job reads, what it makes of it, and its words.
    for (source, target, words) in [
        ("plain/a", "a.gz", "gzip a -p 64"),
        ("plain/a", "a.gz", "gzip a -p 1"),
        ("plain/a", "a.gz", "gzip a -p 64 --scheduler rayon --verify"),
        ("plain/a", "a.gz", "gzip a -p 8 --level 11 --pool off"),
        ("plain/a", "a.gz", "gzip a -p 8 --pool 1 --pool-overflow 1000"),
        ("plain/a", "a.gz", "gzip a -p 4 --block 64M"),
        ("plain/a", "a.gz", "gzip a -p 4 --codec zlib --buffer 1G"),
        ("plain/a.gz", "a", "gunzip a.gz -p 64"),
        ("plain/a.gz", "a", "gunzip a.gz -p 64 --scheduler rayon --pool off"),
        ("plain/a.z", "a", "gunzip a.z -S .z -p 4"),
        ("plain/a", "b", "copy a b --workers 64"),
        ("plain/a", "b", "copy a b --engine read_write --buffer 1G"),
        ("plain/a", "b", "copy a b --engine read_write --buffer 16M --verify"),
    ] {
        let name = source.strip_prefix("plain/").expect("a name");
        let mut done = 0;
        for limit in ["-v", "-d"].iter().flat_map(|kind| [0, 1, 2, 3, 5, 30, 400].map(|more| (kind, more))) {
            let (kind, more) = limit;
            let mebibytes = if *kind == "-v" { base + more } else { 2 + more };
            let what = format!("ulimit {kind} {}; haul {words}", mebibytes << 10);
            std::fs::copy(sandbox.path(source), sandbox.path(name)).expect("copy");
            let output = limited(&sandbox, &format!("{kind} {}", mebibytes << 10), words);
            let said = String::from_utf8_lossy(&output.stderr);
            match output.status.code() {
                Some(0) => {
                    done += 1;
                    assert!(said.is_empty(), "{what}: {said}");
                    let made = match target {
                        "a.gz" => sandbox.tool("gzip", &["-dc", target]),
                        _ => sandbox.read(target),
                    };
                    assert!(made == plain, "{what}: other bytes");
                }
                Some(1) => {
                    assert!(
                        said.starts_with("haul: ") && said.contains("memory") && said.lines().count() == 1,
                        "{what}: {said}"
                    );
                    assert!(sandbox.read(name) == sandbox.read(source), "{what}: the source");
                    assert!(!sandbox.exists(target), "{what}: a target");
                }
                _ => panic!("{what}: {}: {said}", output.status),
            }
            sandbox.assert_no_leftovers(&what);
            sandbox.remove(name);
            sandbox.remove(target);
        }
        // The largest limits leave room for all but the largest buffers.
        assert!(done > 1 || words.ends_with("1G"), "haul {words}: done under {done} limits only");
    }
}

#[test]
fn there_are_as_many_workers_as_there_is_memory_for() {
    let sandbox = Sandbox::new();
    sandbox.write("a", prose(2, FILE_BYTES));
    let limit = format!("-v {}", (base_mebibytes(&sandbox) + 60) << 10);
    for scheduler in ["channel", "rayon"] {
        let output = limited(&sandbox, &limit, &format!("gzip -kfv a -p 64 --scheduler {scheduler}"));
        let said = String::from_utf8_lossy(&output.stderr);
        let workers = said.split(" by ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        assert!(workers.is_some_and(|workers: u32| (4..20).contains(&workers)), "{scheduler}: {said}");
    }
    // A measurement must not pretend.
    let output = limited(&sandbox, &limit, "sweep gzip a --workers 64 --rounds 2 --buffers 1M");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("of 64 workers could be started"), "{said}");
}
