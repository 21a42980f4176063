//! Names: a temporary name is nobody else's target, what gets a final name is what was written, and two processes at
//! work in one tree lose nothing.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use common::{Sandbox, WAYS, can_trace, have, is_root, noise, prose, set_mode, skip, temporary_name, ways};
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(60);

fn packed(sandbox: &Sandbox, bytes: impl Into<Vec<u8>>) -> Vec<u8> {
    sandbox.haul("gzip -n1").input(bytes).run().ok().out
}

/// Names that look like what other versions and programs call their unfinished files, and like ours.
const HOSTILE: [&str; 7] = ["B.haul-part", "B.part", ".B.tmp", "B.haul-part-1", ".haul-tmp-B", "B~", ".haul-tmp-0"];

#[test]
fn no_source_becomes_what_another_one_is_being_written_to() {
    let big = noise(3, 6_000_000);
    for words in ["gunzip -f", "gunzip -rf", "gunzip -rfN", "gunzip --update -f", "gunzip -f --output-dir out"] {
        for way in [WAYS[0], WAYS[2], WAYS[4]] {
            let sandbox = Sandbox::new();
            sandbox.make_directory("out");
            let mut names = vec!["in/B.gz".to_owned()];
            sandbox.write("in/B.gz", packed(&sandbox, big.clone()));
            for name in HOSTILE {
                sandbox.write(format!("in/{name}.gz"), packed(&sandbox, name));
                names.push(format!("in/{name}.gz"));
            }
            let inputs = if words.contains("-r") { "in".to_owned() } else { names.join(" ") };
            sandbox.haul(format!("{words} {inputs} {way}")).run().ok().silent();
            let made = if words.contains("out") { "out" } else { "in" };
            assert!(sandbox.read(format!("{made}/B")) == big, "{words} {way}");
            for name in HOSTILE {
                assert_eq!(sandbox.read(format!("{made}/{name}")), name.as_bytes(), "{words} {way}");
            }
        }
    }
}

#[test]
fn no_job_makes_a_target_of_a_temporary_files_name() {
    let sandbox = Sandbox::new();
    let name = temporary_name(0x0123_4567_89ab_cdef);
    sandbox.write("x", "x");
    sandbox.write(format!("named/{name}"), "named");
    sandbox.write(format!("{name}.gz"), packed(&sandbox, "packed"));
    sandbox.make_directory("d");
    // A header can hold any name.
    std::fs::rename(sandbox.path("x"), sandbox.path(&name)).expect("rename");
    sandbox.tool("gzip", &["-Nk", "-S", ".stored", &name]);
    std::fs::rename(sandbox.path(format!("{name}.stored")), sandbox.path("d/stored.gz")).expect("rename");
    std::fs::rename(sandbox.path(&name), sandbox.path("x")).expect("rename");
    for words in [
        format!("copy x {name}"),
        format!("copy x d/{name}"),
        format!("copy named/{name} d"),
        format!("copy -l x d/{name}"),
        format!("copy -s {}/x d/{name}", sandbox.path("").display()),
        format!("gunzip {name}.gz"),
        format!("gunzip -f --output-dir d {name}.gz"),
        format!("gunzip --update {name}.gz"),
        "gunzip -N d/stored.gz".to_owned(),
        "gunzip -fN d/stored.gz".to_owned(),
    ] {
        let before = common::snapshot(sandbox.path(""));
        let run = sandbox.haul(&words).run().code(1);
        run.says_in_one_line(&[&name, "name would be that of a temporary file"]);
        let plain = common::tree::without_directory_times;
        common::assert_same(&plain(before), &plain(common::snapshot(sandbox.path(""))), &words);
    }
}

#[test]
fn walks_pass_temporary_files_over_and_a_copy_says_so() {
    for way in ways() {
        let sandbox = Sandbox::new();
        let name = temporary_name(7);
        sandbox.write("tree/sub/file", "file");
        sandbox.write(format!("tree/sub/{name}"), "unfinished");
        let says = [&*name, "passed over: its name is that of a temporary file"];
        sandbox.haul(format!("copy tree new {way}")).run().ok().says_in_one_line(&says);
        sandbox.make_directory("merged/tree");
        sandbox.haul(format!("copy tree merged {way}")).run().ok().says_in_one_line(&says);
        assert_eq!((sandbox.list("new/sub").len(), sandbox.list("merged/tree/sub").len()), (1, 1), "{way}");
        let json = sandbox.haul(format!("gzip -r tree {way} --json")).run().ok().silent().json();
        assert_eq!((json["files"].as_u64(), json["skipped"].as_u64()), (Some(1), Some(1)), "{way}");
        // It is younger than a day: somebody may be at work on it.
        assert_eq!(sandbox.read(format!("tree/sub/{name}")), b"unfinished", "{way}");
    }
}

#[test]
fn an_unfinished_copy_is_nobodys_to_change() {
    let sandbox = Sandbox::new();
    for top in ["tree", "tree/data.haul-part"] {
        sandbox.write(format!("{top}/file"), "file");
    }
    sandbox.haul("gzip -r tree").run().ok().silent();
    assert!(sandbox.exists("tree/file.gz") && sandbox.exists("tree/data.haul-part/file"));
    sandbox.haul("gzip -rk tree/data.haul-part").run().ok().silent();
    assert!(sandbox.exists("tree/data.haul-part/file.gz"), "named, it is a directory like others");
}

#[test]
fn where_others_may_write_what_is_named_is_what_was_written() {
    if !can_trace() {
        return;
    }
    for (mode, is_checked) in [(0o755, false), (0o700, false), (0o775, true), (0o757, true), (0o1777, true)] {
        for words in
            ["copy file d/new", "copy file d/old", "copy fifo d/fifo", "gzip -k d/file", "gunzip -k d/packed.gz"]
        {
            let sandbox = Sandbox::new();
            for name in ["file", "d/old", "d/file"] {
                sandbox.write(name, "file");
            }
            common::make_fifo(sandbox.path("fifo"));
            sandbox.write("d/packed.gz", packed(&sandbox, "packed"));
            set_mode(sandbox.path("d"), mode);
            let mut command = common::run::command("strace");
            command.args(["-f", "-o", "log", "-e", "trace=statx,renameat2"]).arg(common::run::binary());
            let output = command.args(words.split(' ')).current_dir(sandbox.path("")).output().expect("run strace");
            assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
            let log = String::from_utf8(sandbox.read("log")).expect("a log");
            let by_temporary_name: Vec<&str> = log.lines().filter(|line| line.contains("\".haul-tmp-")).collect();
            let (last, before) = by_temporary_name.split_last().expect("it was renamed");
            assert!(last.contains("renameat2("), "{words}: {log}");
            assert_eq!(
                before.last().is_some_and(|line| line.contains("statx(")),
                is_checked,
                "{mode:o} {words}: {log}"
            );
        }
    }
}

#[test]
fn signals_that_end_a_process_leave_nothing_behind() {
    for (signal, number) in [
        (Signal::QUIT, 3),
        (Signal::USR1, 10),
        (Signal::USR2, 12),
        (Signal::ALARM, 14),
        (Signal::XCPU, 24),
        (Signal::VTALARM, 26),
        (Signal::PROF, 27),
        (Signal::IO, 29),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("big", noise(1, 30_000_000));
        let words = "copy big target --buffer 1";
        let mut running = sandbox.haul(words).spawn();
        common::wait_until("a temporary file", || {
            running.ended() || common::temporary_file(sandbox.path("")).is_some()
        });
        running.signal(signal);
        running.finish(SOON).code(128 + number);
        assert_eq!(sandbox.list("").len(), 1, "signal {number}");
    }
}

/// What one of two processes does, and the words it does it by.
type Pair = (&'static str, &'static str);

/// Runs two jobs at a time over one tree; whatever either says, no content may be lost: of each file there is, under its
/// name or its compressed one, all of it.
fn lose_nothing((one, other): Pair, rounds: u64) {
    let contents: BTreeMap<String, Vec<u8>> = (0..60)
        .map(|number| (format!("{}/f{number}", number % 3), prose(number, 2_000 + number as usize * 50)))
        .collect();
    for round in 0..rounds {
        let sandbox = Sandbox::new();
        for (number, (name, bytes)) in contents.iter().enumerate() {
            // Some are there compressed, some as they are, some as both: of those one is to be replaced by -f.
            let kind = (number as u64 + round) % 4;
            let path = format!("tree/{name}");
            if kind != 1 {
                sandbox.write(&path, bytes);
            }
            if kind != 0 {
                sandbox.write(format!("{path}.gz"), packed_by_library(bytes));
            }
        }
        sandbox.tool("cp", &["-a", "tree", "again"]);
        let running = [one, other].map(|words| sandbox.haul(words).spawn());
        let runs = running.map(|running| running.finish(SOON));
        for run in &runs {
            assert!(matches!(run.status().code(), Some(0 | 1)), "{one} / {other}: {} {}", run.status(), run.err);
        }
        let mut lost = Vec::new();
        for (name, bytes) in &contents {
            let plain = std::fs::read(sandbox.path(format!("tree/{name}"))).ok();
            let unpacked = std::fs::read(sandbox.path(format!("tree/{name}.gz"))).ok().map(|packed| inflate(&packed));
            let copied = std::fs::read(sandbox.path(format!("again/{name}"))).ok();
            // A copy writes into the tree too, out of what is kept beside it.
            let is_there = [plain, unpacked].into_iter().flatten().any(|found| found == *bytes);
            if !is_there && !(copied.as_ref() == Some(bytes) && (one.contains("copy") || other.contains("copy"))) {
                lost.push(name.as_str());
            }
        }
        let said: Vec<&str> = runs.iter().map(|run| &*run.err).collect();
        assert!(lost.is_empty(), "{one} / {other}, round {round}: lost {lost:?}: {said:?}");
        sandbox.assert_no_leftovers(&format!("{one} / {other}"));
    }
}

fn packed_by_library(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut out = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut out).expect("it is whole");
    out
}

const JOBS: [&str; 6] = [
    "gzip -r tree --workers 2",
    "gzip -rf tree --workers 2",
    "gunzip -r tree --workers 2",
    "gunzip -rf tree --workers 2",
    "copy -T again tree --workers 2",
    "copy -T again tree --workers 2 --update",
];

#[test]
fn two_processes_in_one_tree_lose_nothing() {
    let rounds = common::many(1, 20) as u64;
    for (place, one) in JOBS.iter().enumerate() {
        for other in &JOBS[place..] {
            lose_nothing((one, other), rounds);
        }
    }
}

#[test]
fn a_target_that_somebody_has_open_is_replaced_and_the_source_stays() {
    for (words, source, target) in [("gzip -f", "file", "file.gz"), ("gunzip -f", "file.gz", "file")] {
        for open in [true, false] {
            let sandbox = Sandbox::new();
            sandbox.write("file", "contents");
            sandbox.write("file.gz", packed(&sandbox, "contents"));
            let reader = open.then(|| std::fs::File::open(sandbox.path(target)).expect("open"));
            let run = sandbox.haul(format!("{words} {source}")).run().ok();
            if sandbox.exists(source) != open && open {
                return skip("no leases here");
            }
            assert_eq!(sandbox.exists(source), open, "{words}: {}", run.err);
            if open {
                run.says_in_one_line(&[source, "kept", target, "open in another program"]);
            } else {
                run.silent();
            }
            drop(reader);
        }
    }
}

/// Directories that names are only added to: `chattr +a`, which takes root and a file system that knows it.
#[test]
fn in_an_append_only_directory_files_have_their_names_from_the_start() {
    if !is_root() || !have("chattr") {
        return skip("chattr +a needs root");
    }
    let sandbox = Sandbox::new();
    sandbox.write("file", "contents");
    sandbox.write("tree/sub/file", "contents");
    sandbox.write("log/old", "old");
    sandbox.write("log/kept", "contents");
    std::os::unix::fs::symlink("file", sandbox.path("link")).expect("symlink");
    let attribute = |how: &str| {
        Command::new("chattr").arg(how).arg(sandbox.path("log")).output().is_ok_and(|output| output.status.success())
    };
    if !attribute("+a") {
        return skip("this file system has no append-only directories");
    }
    let runs: Vec<_> = ["copy file link tree log", "copy file log/new", "gzip -k log/kept", "copy file log/old"]
        .map(|words| (words, sandbox.haul(words).run()))
        .into();
    attribute("-a");
    for (words, run) in runs {
        assert!(run.succeeded(), "{words}: {}", run.err);
    }
    for name in ["log/file", "log/new", "log/tree/sub/file", "log/old"] {
        assert_eq!(sandbox.read(name), b"contents", "{name}");
    }
    assert!(sandbox.path("log/link").is_symlink() && sandbox.exists("log/kept.gz"));
    sandbox.assert_no_leftovers("append-only");
}

#[test]
fn an_ordinary_users_names_are_safe_in_anybodys_directory() {
    if !is_root() {
        return skip("another user needs root");
    }
    let sandbox = Sandbox::new();
    sandbox.write("file", "contents");
    sandbox.make_directory("shared");
    set_mode(sandbox.path("shared"), 0o1777);
    set_mode(sandbox.path(""), 0o755);
    sandbox.write("shared/roots", "root's own");
    sandbox.haul("copy file shared/mine").without_rights().run().ok().silent();
    // It belongs to somebody else, in a sticky directory: it cannot be replaced, and may not be written.
    let run = sandbox.haul("copy file shared/roots").without_rights().run().code(1);
    run.says_in_one_line(&["cannot open 'shared/roots': Permission denied"]);
    assert_eq!(sandbox.read("shared/roots"), b"root's own");
    assert_eq!(sandbox.list("shared").len(), 2);
}

#[test]
fn a_finished_copy_under_a_temporary_name_is_not_passed_over() {
    let sandbox = Sandbox::new();
    let name = format!("tree/{}", temporary_name(9));
    set_mode(sandbox.write(&name, "finished"), 0o1644);
    sandbox.haul("copy tree new").run().code(1).says_in_one_line(&[&name, "finished copy", "rename it"]);
}

#[test]
fn what_cannot_be_taken_away_again_is_told_and_private() {
    if !is_root() || !have("chattr") {
        return skip("chattr +a needs root");
    }
    let sandbox = Sandbox::new();
    let whole = packed(&sandbox, noise(5, 300_000));
    sandbox.write("cut.gz", &whole[..whole.len() - 100]);
    sandbox.make_directory("log");
    let attribute = |how: &str| {
        Command::new("chattr").arg(how).arg(sandbox.path("log")).output().is_ok_and(|output| output.status.success())
    };
    if !attribute("+a") {
        return skip("this file system has no append-only directories");
    }
    let run = sandbox.haul("gunzip -k --output-dir log cut.gz").run();
    attribute("-a");
    run.code(1).says(&["'log/cut': it is unfinished, and stays"]);
    assert_eq!(std::fs::metadata(sandbox.path("log/cut")).expect("it stays").permissions().mode() & 0o077, 0);
}
