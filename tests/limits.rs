//! Little to work with, and much to do: few descriptors, few threads, small stacks, many entries, deep trees; and how much memory that
//! takes.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;
#[path = "common/detail.rs"]
mod detail;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use common::{NOBODY, Sandbox, WAYS, have, is_root, many, set_mode, ways};
use detail::assert_equal;

/// Runs a line of sh, in which `$HAUL` is the binary.
fn sh(sandbox: &Sandbox, line: &str) -> Output {
    let mut command = common::run::command("sh");
    command.args(["-c", line]).current_dir(sandbox.path("")).env("HAUL", common::run::binary());
    command.stdin(Stdio::null()).output().expect("run sh")
}

#[track_caller]
fn assert_silent(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{what}: {}: {said}", output.status);
}

/// Wide, with hard links across its directories.
fn furnish_wide(sandbox: &Sandbox) {
    for number in 0..8 {
        sandbox.make_directory(format!("wide/{number}"));
    }
    for number in 0..400 {
        let path = sandbox.write(format!("wide/{}/{}/{number}", number % 8, number % 40), "contents");
        if number % 5 == 0 {
            std::fs::hard_link(path, sandbox.path(format!("wide/{}/twin {number}", (number + 3) % 8))).expect("link");
        }
    }
}

/// `levels` directories, one in the other, with a file at the bottom.
fn furnish_deep(sandbox: &Sandbox, levels: usize) {
    let path: PathBuf = ["deep"].into_iter().chain((1..levels).map(|_| "d")).collect();
    sandbox.write(path.join("file"), "contents");
}

#[test]
fn few_descriptors_make_it_slower_and_not_wrong() {
    let sandbox = Sandbox::new();
    furnish_wide(&sandbox);
    furnish_deep(&sandbox, many(200, 1_000));
    for limit in [16, 24, 40, 64] {
        for scheduler in ["channel", "rayon"] {
            for tree in ["wide", "deep"] {
                let words = format!("copy {tree} target --workers 16 --scheduler {scheduler}");
                let what = format!("ulimit -n {limit}; haul {words}");
                assert_silent(&sh(&sandbox, &format!("ulimit -n {limit}; exec \"$HAUL\" {words}")), &what);
                assert_equal(sandbox.path(tree), sandbox.path("target"), &what);
                sandbox.remove("target");
            }
        }
    }
}

/// With fewer than it needs, what could not be copied is named, and what has its final name is whole.
#[test]
fn too_few_descriptors_are_an_error_like_others() {
    let sandbox = Sandbox::new();
    furnish_wide(&sandbox);
    for limit in 4..16 {
        let words = "copy wide target --workers 16 --scheduler channel";
        let output = sh(&sandbox, &format!("ulimit -n {limit}; exec \"$HAUL\" {words}"));
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => assert_equal(sandbox.path("wide"), sandbox.path("target"), &format!("{limit} descriptors")),
            // The loader, too, needs one to open libraries.
            Some(1 | 127) => assert!(said.contains("oo many open files"), "{limit}: {said}"),
            _ => panic!("{limit}: {}: {said}", output.status),
        }
        for (name, made) in detail::details(sandbox.path("target")) {
            assert!(made.kind != "file" || made.bytes == b"contents", "{limit}: {} is not whole", name.display());
        }
        sandbox.remove("target");
        // What cannot be opened for want of descriptors cannot be removed either.
        sandbox.remove("target.haul-part");
    }
}

#[test]
fn few_threads_make_it_slower_and_not_wrong() {
    if !have("prlimit") {
        return;
    }
    let sandbox = Sandbox::new();
    furnish_wide(&sandbox);
    std::fs::copy(common::run::binary(), sandbox.path("haul")).expect("copy the binary");
    set_mode(sandbox.path("haul"), 0o755);
    sandbox.give_away();
    // That user's other processes count, too: 1 leaves no thread but the first.
    for limit in [1, 3] {
        for scheduler in ["serial", "channel", "rayon"] {
            let words = format!("copy wide target --workers 16 --scheduler {scheduler}");
            let mut command = common::run::command("prlimit");
            command.arg(format!("--nproc={limit}")).arg("./haul").args(words.split(' '));
            command.current_dir(sandbox.path("")).stdin(Stdio::null());
            if is_root() {
                command.uid(NOBODY).gid(NOBODY);
            }
            let output = command.output().expect("run prlimit");
            let what = format!("--nproc={limit}: haul {words}");
            assert_silent(&output, &what);
            assert_equal(sandbox.path("wide"), sandbox.path("target"), &what);
            sandbox.remove("target");
        }
    }
}

#[test]
fn a_directory_of_many_entries() {
    let sandbox = Sandbox::new();
    let count = many(10_000, 100_000);
    sandbox.make_directory("many");
    for number in 0..count {
        std::fs::File::create(sandbox.path(format!("many/{number}"))).expect("create");
    }
    let run = sandbox.haul("copy many target --json").run().ok().silent();
    assert_eq!(run.json()["files"], count);
    assert_eq!(sandbox.list("target"), sandbox.list("many"));
}

#[test]
fn a_deep_tree() {
    let sandbox = Sandbox::new();
    furnish_deep(&sandbox, many(500, 1_000));
    for way in ways() {
        sandbox.haul(format!("copy deep target {way}")).run().ok().silent();
        // Into what is there already, and where something is half done.
        sandbox.haul(format!("copy -T deep target {way}")).run().ok().silent();
        sandbox.haul(format!("copy -T --resume deep target {way}")).run().ok().silent();
        assert_equal(sandbox.path("deep"), sandbox.path("target"), way);
        std::fs::rename(sandbox.path("target"), sandbox.path("target.haul-part")).expect("rename");
        common::mark_as_ours(sandbox.path("target.haul-part"));
        sandbox.haul(format!("copy --resume deep target {way}")).run().ok().silent();
        assert_equal(sandbox.path("deep"), sandbox.path("target"), way);
        sandbox.remove("target");
    }
}

/// The first thread has only as much stack as its limit says, and there is all of the command line, and jobs of one thread.
#[test]
fn a_small_stack_is_enough() {
    let sandbox = Sandbox::new();
    furnish_deep(&sandbox, many(200, 1_000));
    let bottom: PathBuf = ["target"].into_iter().chain((1..many(200, 1_000)).map(|_| "d")).collect();
    for kibibytes in [64, 200] {
        for way in [WAYS[0], WAYS[2], WAYS[4]] {
            let run = |words: &str| {
                let line = format!("ulimit -s {kibibytes}; exec \"$HAUL\" {words} {way}");
                assert_silent(&sh(&sandbox, &line), &line);
            };
            run("copy deep target");
            assert_equal(sandbox.path("deep"), sandbox.path("target"), way);
            run("gzip -r target");
            assert!(sandbox.exists(bottom.join("file.gz")), "{kibibytes} KiB, {way}");
            run("gunzip -r target");
            assert_eq!(sandbox.read(bottom.join("file")), b"contents", "{kibibytes} KiB, {way}");
            sandbox.remove("target");
        }
    }
}

/// The most memory that a run had resident, in bytes, and the most descriptors that were seen open.
fn peaks(sandbox: &Sandbox, words: &str) -> (u64, usize) {
    let mut command = common::run::command(common::run::binary());
    command.args(words.split(' ')).current_dir(sandbox.path("")).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().expect("run haul");
    let (status, descriptors) =
        (PathBuf::from(format!("/proc/{}/status", child.id())), PathBuf::from(format!("/proc/{}/fd", child.id())));
    let (mut peak, mut open) = (0, 0);
    let code = loop {
        // The mark only rises, so the last look counts, just before the end.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak = peak.max(line.unwrap_or(0) * 1024);
        // Before it has threads it may still hold those of this process, which exec is about to close.
        let threads = text.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse::<u32>().ok());
        if threads.is_some_and(|threads| threads > 1) {
            open = open.max(std::fs::read_dir(&descriptors).map_or(0, Iterator::count));
        }
        if let Some(code) = child.try_wait().expect("wait") {
            break code;
        }
    };
    assert!(code.success(), "haul {words}: {code}");
    (peak, open)
}

/// Memory that any run may take, for its code, its threads and their buffers: 13 to 16 MiB with two workers in a debug build,
/// whose code is large.
const BASE_BYTES: u64 = 16 << 20;

/// What a run takes for many entries at once, and that few descriptors are open all the while.
#[track_caller]
fn assert_little(sandbox: &Sandbox, words: &str, entries: usize, each: u64) {
    let (peak, open) = peaks(sandbox, words);
    if std::env::var_os("HAUL_FIGURES").is_some() {
        common::skip(&format!("{words}: {peak} bytes and {open} descriptors for {entries} entries"));
    }
    let bound = BASE_BYTES + entries as u64 * each;
    assert!(peak > 1 << 20 && peak <= bound, "{words}: {peak} bytes for {entries} entries, not {bound}");
    assert!(open > 3 && open <= 24 + 2 * 18, "{words}: {open} descriptors");
}

#[test]
fn hard_links_in_groups_take_little_memory() {
    let sandbox = Sandbox::new();
    let count = many(10_000, 100_000);
    for group in 0..count / 10 {
        let first = sandbox.write(format!("tree/{}/{group}", group % 7), "contents");
        for name in 1..10 {
            std::fs::hard_link(&first, sandbox.path(format!("tree/{}/{group}-{name}", group % 7))).expect("link");
        }
    }
    assert_little(&sandbox, "copy tree target --workers 2", count, 100);
    sandbox.remove("target");
    // One large group.
    sandbox.remove("tree");
    let first = sandbox.write("tree/first", "contents");
    let made = (1..count).take_while(|name| std::fs::hard_link(&first, sandbox.path(format!("tree/{name}"))).is_ok());
    let made = made.count() + 1;
    assert_little(&sandbox, "copy tree target --workers 2", made, 100);
}

/// What README.md promises of gunzip: four buffers of 2.1 MiB a worker and, of each file in work, 1.1 MiB read ahead.
#[test]
fn gunzip_keeps_to_its_memory_by_every_route() {
    let sandbox = Sandbox::new();
    for number in 0..3 {
        sandbox.write(format!("{number}"), common::noise(number, many(12, 60) << 20));
    }
    sandbox.haul("gzip -9k 0 1 2").run().ok();
    let bound = BASE_BYTES + 2 * ((4 * 2112 + 1088) << 10);
    for words in [
        "-c 0.gz --route pieces",
        "-c 0.gz --route pipeline",
        "-c 0.gz --route stream",
        "-kf 0.gz 1.gz 2.gz",
        "-kf 0.gz --index",
    ] {
        let (peak, _) = peaks(&sandbox, &format!("gunzip --workers 2 {words}"));
        assert!(peak <= bound, "gunzip {words}: {peak} bytes, not {bound}");
    }
}

#[test]
fn many_directories_take_little_memory() {
    let sandbox = Sandbox::new();
    let count = many(5_000, 100_000);
    sandbox.make_directory("tree");
    for number in 0..count {
        std::fs::create_dir(sandbox.path(format!("tree/{number}"))).expect("mkdir");
    }
    assert_little(&sandbox, "copy tree target --workers 2", count, 100);
    assert_eq!(sandbox.list("target").len(), count);
}
