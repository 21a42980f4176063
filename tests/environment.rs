//! `HAUL_OPTIONS`: what it changes, what wins over it, and what it is not allowed.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use common::{Haul, Sandbox, assert_same, noise, prose, snapshot};
use serde_json::Value;

/// A run with the variable set.
fn with(sandbox: &Sandbox, options: &str, words: &str) -> Haul {
    sandbox.haul(words).env("HAUL_OPTIONS", options)
}

/// How many calls of a kind a copy made, by its summary.
#[track_caller]
fn calls(sandbox: &Sandbox, options: &str, words: &str, call: &str) -> u64 {
    let json = with(sandbox, options, &format!("copy source target --json {words}")).run().ok().silent().json();
    sandbox.remove("target");
    json["syscalls"][call]["calls"].as_u64().unwrap_or(0)
}

#[test]
fn it_changes_how_a_copy_runs_and_what_is_typed_wins() {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 1 << 20));
    for (options, words, reads) in [
        ("--buffer 4K", "--engine read_write", 256),
        ("copy --buffer 4K --engine read_write", "", 256),
        ("copy --buffer 4K --engine read_write", "--buffer 64K", 16),
        ("copy --buffer=4K; --engine=read_write", "--buffer=64K", 16),
        // Another command's, and nothing at all.
        ("gzip --buffer 4K", "--engine read_write", 4),
        ("", "--engine read_write", 4),
        (" ; ", "--engine read_write", 4),
    ] {
        assert_eq!(calls(&sandbox, options, words, "pread64"), reads, "{options:?} and {words:?}");
    }
    let maps = |options, words| calls(&sandbox, options, words, "mmap");
    assert_eq!((maps("--engine mmap", ""), maps("--engine mmap", "--engine read_write")), (1, 0));
}

#[test]
fn gzip_and_gunzip_take_theirs_and_the_bytes_stay_the_same() {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 300_000));
    let reads = |options: &str, words: &str| {
        let json = with(&sandbox, options, words).run().ok().silent().json();
        ["read", "pread64"].iter().filter_map(|call| json["syscalls"][call]["calls"].as_u64()).sum::<u64>()
    };
    let plain = sandbox.haul("gzip -c text").run().ok().out;
    let other = with(&sandbox, "gzip --workers 3 --buffer 4K; --engine mmap", "gzip -c text").run().ok().out;
    assert!(plain == other, "options for how change no byte");
    assert!(reads("gzip --buffer 4K", "gzip -k --json text") > 70);
    assert!(reads("gzip --buffer 4K", "gunzip -k -f --json text.gz") < 20, "that is gzip's alone");
    assert!(reads("--buffer 4K", "gunzip -k -f --json text.gz") > 20);
    // gzip -d is gunzip, whoever does it.
    assert!(reads("gzip --buffer 4K", "gzip -d -k -f --json text.gz") < 20, "gunzip's work");
    assert!(reads("gunzip --buffer 4K", "gzip -d -k -f --json text.gz") > 20);
}

#[test]
fn verbose_tells_what_was_taken() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "text");
    for (options, words, said) in [
        ("copy --buffer 1M --engine mmap; gzip -p 4", "", "haul: HAUL_OPTIONS: --buffer 1M --engine mmap\n"),
        (
            "--buffer 1M --engine mmap",
            "--buffer 4K",
            "haul: HAUL_OPTIONS: --engine mmap; not --buffer 1M: typed otherwise\n",
        ),
        ("--buffer 1M", "--buffer=4K", "haul: HAUL_OPTIONS: not --buffer 1M: typed otherwise\n"),
        ("--engine mmap", "--sparse always", "haul: HAUL_OPTIONS: not --engine mmap: --sparse=always looks for zeros"),
        // Only what clashes is left out.
        (
            "--buffer 4K --engine mmap --pool off",
            "--sparse always",
            "haul: HAUL_OPTIONS: --buffer 4K --pool off; not --engine mmap: --sparse=always looks for zeros",
        ),
        (
            "--workers 3 --engine direct",
            "--buffer 1000",
            "haul: HAUL_OPTIONS: --workers 3; not --engine direct: the engine direct moves whole pages",
        ),
    ] {
        let run = with(&sandbox, options, &format!("copy -v source target {words}")).run().ok();
        assert!(run.err.contains(said), "{options:?} and {words:?}: {}", run.err);
        sandbox.remove("target");
        with(&sandbox, options, &format!("copy source target {words}")).run().ok().silent();
        sandbox.remove("target");
    }
    let run = with(&sandbox, "gzip -p 4", "copy -v source target").run().ok();
    assert!(!run.err.contains("HAUL_OPTIONS"), "{}", run.err);
    with(&sandbox, "gzip -p 4", "gzip -vk source").run().ok().says(&["haul: HAUL_OPTIONS: --workers 4\n"]);
}

#[test]
fn what_is_not_allowed_is_a_usage_error_and_nothing_happens() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "text");
    let before = snapshot(sandbox.path(""));
    for (options, said) in [
        ("--force", "'--force' is not allowed"),
        ("copy --remove-destination", "'--remove-destination' is not allowed for copy"),
        ("gzip -k", "'-k' is not allowed for gzip"),
        ("gzip --codec zlib", "'--codec' is not allowed for gzip"),
        ("copy source", "'source' is not allowed for copy"),
        ("--", "'--' is not allowed"),
        ("--buffer '1M'", "has a quote in it"),
        ("sweep --workers 1", "not with 'sweep'"),
        ("--buffer 0", "HAUL_OPTIONS: invalid value '0' for '--buffer <SIZE>'"),
        ("--workers many", "HAUL_OPTIONS: invalid value 'many' for '--workers <N|auto>'"),
        ("copy --buffer", "a value is missing behind '--buffer'"),
        ("copy --engine direct --buffer 1000", "HAUL_OPTIONS: the engine direct moves whole pages"),
    ] {
        let run = with(&sandbox, options, "copy source target").run().code(2);
        run.says(&["HAUL_OPTIONS", said]);
        assert_same(&before, &snapshot(sandbox.path("")), options);
    }
    let bytes = std::os::unix::ffi::OsStrExt::from_bytes(&b"\xff"[..]);
    let bytes: &std::ffi::OsStr = bytes;
    sandbox.haul("copy source target").env("HAUL_OPTIONS", bytes).run().code(2).says(&["HAUL_OPTIONS is not UTF-8"]);
    // What is wrong with what was typed is said without the variable, and help comes in any case.
    let run = with(&sandbox, "--buffer 1M", "copy --frobnicate").run().code(2);
    assert!(!run.err.contains("HAUL_OPTIONS"), "{}", run.err);
    for words in ["--help", "copy --help", "gzip --help", "gunzip --help"] {
        let help = with(&sandbox, "--nonsense", words).run().ok().out;
        assert!(String::from_utf8_lossy(&help).contains("HAUL_OPTIONS"), "{words}");
    }
}

#[test]
fn measurements_take_nothing_from_it() {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 100_000));
    for options in ["--buffer 4K --workers 1", "--nonsense"] {
        let words = "sweep copy source --buffers 64K,128K --engine read_write --rounds 1 --format json";
        let report: Value = with(&sandbox, options, words).run().ok().json();
        assert_eq!(report["rows"][0]["setting"]["buffer_bytes"], 64 << 10, "{options}");
    }
}

#[test]
fn an_engine_that_cannot_leaves_the_file_to_another() {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 200_000));
    let typed = sandbox.haul("copy source target --engine reflink").run();
    let shares = typed.succeeded();
    sandbox.remove("target");
    let run = with(&sandbox, "copy --engine reflink", "copy -v source target").run().ok();
    let said = if shares { "reflink" } else { "not by reflink" };
    run.says(&[said]);
    assert_eq!(sandbox.read("target"), noise(1, 200_000));
    // What is typed stays as strict as it is.
    sandbox.remove("target");
    let run = with(&sandbox, "copy --engine reflink", "copy --reflink=always source target").run();
    assert_eq!(run.succeeded(), shares, "{}", run.err);
    // Not one of a regular file's engines.
    with(&sandbox, "copy --engine direct", "copy /proc/self/status status").run().ok().silent();
    assert!(!sandbox.read("status").is_empty());
}
