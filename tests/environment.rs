//! The variables with options: what they change, what wins over them, and what they are not allowed.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use common::{Haul, Sandbox, assert_same, noise, prose, snapshot};
use serde_json::Value;

const COPY: &str = "HAUL_COPY_OPTIONS";
const GZIP: &str = "HAUL_GZIP_OPTIONS";
const GUNZIP: &str = "HAUL_GUNZIP_OPTIONS";

/// A copy with options in its variable.
fn copy(sandbox: &Sandbox, options: &str, words: &str) -> Haul {
    sandbox.haul(format!("copy {words}")).env(COPY, options)
}

/// How many calls of a kind a copy made, by its summary.
#[track_caller]
fn calls(sandbox: &Sandbox, options: &str, words: &str, call: &str) -> u64 {
    let json = copy(sandbox, options, &format!("source target --json {words}")).run().ok().silent().json();
    sandbox.remove("target");
    json["syscalls"][call]["calls"].as_u64().unwrap_or(0)
}

#[test]
fn it_changes_how_a_copy_runs_and_what_is_typed_wins() {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 1 << 20));
    for (options, words, reads) in [
        ("--buffer 4K", "--engine read_write", 256),
        ("--buffer 4K --engine read_write", "", 256),
        ("--buffer 4K --engine read_write", "--buffer 64K", 16),
        ("--buffer=4K --engine=mmap", "--buffer=64K --engine read_write", 16),
        ("--buffer 64K --buffer 4K", "--engine read_write", 256),
        ("", "--engine read_write", 4),
        (" \t", "--engine read_write", 4),
    ] {
        assert_eq!(calls(&sandbox, options, words, "pread64"), reads, "{options:?} and {words:?}");
    }
    let maps = |options, words| calls(&sandbox, options, words, "mmap");
    assert_eq!((maps("--engine mmap", ""), maps("--engine mmap", "--engine read_write")), (1, 0));
    // Without the variable, too, the last one wins.
    assert_eq!(calls(&sandbox, "", "--engine read_write --buffer 1M --buffer 4K", "pread64"), 256);
}

#[test]
fn gzip_and_gunzip_take_theirs_and_the_bytes_stay_the_same() {
    let sandbox = Sandbox::new();
    sandbox.write("text", prose(1, 300_000));
    let reads = |variable: &str, words: &str| {
        let json = sandbox.haul(words).env(variable, "--buffer 4K").run().ok().silent().json();
        ["read", "pread64"].iter().filter_map(|call| json["syscalls"][call]["calls"].as_u64()).sum::<u64>()
    };
    let plain = sandbox.haul("gzip -c text").run().ok().out;
    let other = sandbox.haul("gzip -c text").env(GZIP, "-p3 --buffer 4K").run().ok().out;
    assert!(plain == other, "options for how change no byte");
    assert!(reads(GZIP, "gzip -k --json text") > 70);
    assert!(reads(COPY, "gzip -k -f --json text") < 20, "that is copy's alone");
    // -d makes gunzip's work of it, and so do -t and -l.
    for words in ["gunzip -k -f", "gzip -d -k -f", "gzip -t", "gzip -l"] {
        let words = format!("{words} --json text.gz");
        assert!(reads(GUNZIP, &words) > 20, "{words}");
        assert!(reads(GZIP, &words) < 20, "{words}: that is gzip's alone");
    }
}

#[test]
fn verbose_tells_what_was_taken() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "text");
    for (options, words, said) in [
        ("--buffer 1M  --engine=mmap", "", "haul: HAUL_COPY_OPTIONS: --buffer 1M --engine=mmap\n"),
        ("--buffer 1M", "--buffer=4K", "haul: HAUL_COPY_OPTIONS: --buffer 1M\n"),
        (
            "--workers=2 --pool off\n--progress never --scheduler rayon",
            "",
            "haul: HAUL_COPY_OPTIONS: --workers=2 --pool off --progress never --scheduler rayon\n",
        ),
        // What contradicts typed words is left out as a whole.
        (
            "--buffer 4K --engine mmap",
            "--sparse always",
            "haul: HAUL_COPY_OPTIONS is left out: --sparse=always looks for zeros",
        ),
        (
            "--pool 4 --pool-overflow=2 --pool-wait 30s",
            "",
            "haul: HAUL_COPY_OPTIONS: --pool 4 --pool-overflow=2 --pool-wait 30s\n",
        ),
        ("--pool-wait 30s", "--pool off", "haul: HAUL_COPY_OPTIONS is left out: with --pool off nothing overflows"),
        (
            "--engine direct",
            "--buffer 1000",
            "haul: HAUL_COPY_OPTIONS is left out: the engine direct moves whole pages",
        ),
    ] {
        let run = copy(&sandbox, options, &format!("-v source target {words}")).run().ok();
        assert!(run.err.contains(said), "{options:?} and {words:?}: {}", run.err);
        sandbox.remove("target");
        copy(&sandbox, options, &format!("source target {words}")).run().ok().silent();
        sandbox.remove("target");
    }
    let run = copy(&sandbox, "", "-v source target").env(GZIP, "-p 4").run().ok();
    assert!(!run.err.contains("OPTIONS"), "{}", run.err);
    for options in ["-p 4", "-p4", "-p=4", "--workers 4 --pool off --progress never --scheduler serial"] {
        let said = format!("haul: HAUL_GZIP_OPTIONS: {options}\n");
        sandbox.haul("gzip -vkf source").env(GZIP, options).run().ok().says(&[&said]);
    }
}

#[test]
fn what_is_left_out_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 1 << 20));
    let reads = |options, words| calls(&sandbox, options, words, "pread64");
    assert_eq!(
        (reads("--buffer 4K", "--sparse always"), reads("--buffer 4K --engine mmap", "--sparse always")),
        (256, 4)
    );
}

#[test]
fn what_is_not_allowed_is_a_usage_error_and_nothing_happens() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "text");
    sandbox.write("small.gz", sandbox.haul("gzip -c source").run().ok().out);
    let before = snapshot(sandbox.path(""));
    let (copy_source, gzip, gunzip) = ("copy source target", "gzip source", "gunzip small.gz");
    for (variable, options, words, said) in [
        (COPY, "--force", copy_source, "'--force' is not allowed; allowed are --buffer, --workers, --scheduler"),
        (GZIP, "-k", gzip, "'-k' is not allowed; allowed are --buffer, --workers, -p"),
        (GZIP, "--engine mmap", gzip, "'--engine' is not allowed"),
        (GUNZIP, "--force", gunzip, "'--force' is not allowed"),
        (GUNZIP, "--force", "gzip -d small.gz", "'--force' is not allowed"),
        (COPY, "--buffer 0", copy_source, "invalid value '0' for '--buffer <SIZE>'"),
        (GZIP, "--workers many", gzip, "invalid value 'many' for '--workers <N|auto>'"),
        (COPY, "--workers 1 --buffer", copy_source, "a value is required for '--buffer <SIZE>'"),
        (COPY, "--pool --force", copy_source, "a value is required for '--pool <N|auto|off>'"),
        (COPY, "--engine direct --buffer 1000", copy_source, "the engine direct moves whole pages"),
        // It is wrong whatever is typed.
        (COPY, "--engine direct --buffer 1000", "copy source target --buffer 4K", "the engine direct moves"),
    ] {
        let run = sandbox.haul(words).env(variable, options).run().code(2);
        run.says(&[&format!("error: {variable}"), said, "\nUsage: haul "]);
        assert_same(&before, &snapshot(sandbox.path("")), options);
    }
    let bytes: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(&b"\xff"[..]);
    sandbox.haul(copy_source).env(COPY, bytes).run().code(2).says(&["HAUL_COPY_OPTIONS is not UTF-8"]);
    // What is wrong with what was typed is said without the variable, and help comes in any case.
    for words in ["--frobnicate", "source target --sparse always --engine direct", "source"] {
        let run = copy(&sandbox, "--buffer 1M", words).run().code(2);
        assert!(!run.err.contains("OPTIONS:"), "{}", run.err);
    }
    for words in ["--help", "copy --help", "gzip --help", "gunzip --help"] {
        let help = sandbox.haul(words).env(COPY, "--nonsense").env("HAUL_OPTIONS", "x").run().ok().out;
        assert!(String::from_utf8_lossy(&help).contains(COPY), "{words}");
    }
}

#[test]
fn the_former_variable_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "text");
    let before = snapshot(sandbox.path(""));
    for words in ["copy source target", "gzip source", "gunzip source", "gzip -l source"] {
        let run = sandbox.haul(words).env("HAUL_OPTIONS", "--buffer 1M").run().code(2);
        run.says(&[
            "HAUL_OPTIONS is not read any more; use HAUL_COPY_OPTIONS, HAUL_GZIP_OPTIONS or HAUL_GUNZIP_OPTIONS",
        ]);
        assert_same(&before, &snapshot(sandbox.path("")), words);
    }
    sandbox.haul("copy source target").env("HAUL_OPTIONS", "").run().ok().silent();
}

#[test]
fn measurements_take_nothing_from_it() {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 100_000));
    for (variable, options) in [(COPY, "--buffer 4K --workers 1"), (COPY, "--nonsense"), ("HAUL_OPTIONS", "--nonsense")]
    {
        let words = "sweep copy source --buffers 64K,128K --engine read_write --rounds 1 --format json";
        let report: Value = sandbox.haul(words).env(variable, options).run().ok().json();
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
    let run = copy(&sandbox, "--engine reflink", "-v source target").run().ok();
    let said = if shares { "reflink" } else { "not by reflink" };
    run.says(&[said]);
    assert_eq!(sandbox.read("target"), noise(1, 200_000));
    // What is typed stays as strict as it is.
    for words in ["--reflink=always", "--engine reflink"] {
        sandbox.remove("target");
        let run = copy(&sandbox, "--engine reflink", &format!("{words} source target")).run();
        assert_eq!(run.succeeded(), shares, "{words}: {}", run.err);
    }
    // Not one of a regular file's engines.
    copy(&sandbox, "--engine direct", "/proc/self/status status").run().ok().silent();
    assert!(!sandbox.read("status").is_empty());
}
