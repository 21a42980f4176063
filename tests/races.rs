//! Files that change, and links that are swapped in, while haul copies.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{Sandbox, WAYS, assert_same, noise, set_mtime, snapshot};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// How long each race is run: with `HAUL_THOROUGH` set, as `make soak` does, longer.
fn patience() -> Duration {
    Duration::from_secs(if common::is_thorough() { 30 } else { 1 })
}

/// Swaps each pair of names as fast as can be while `run` runs again and again; says how often each did.
fn while_swapping(pairs: &[(PathBuf, PathBuf)], mut run: impl FnMut(u64)) -> (u64, u64) {
    let (over, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut runs = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for (one, other) in pairs {
                    // What is being replaced or removed is not there for the moment.
                    let swapped = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok();
                    swaps.fetch_add(u64::from(swapped), Ordering::Relaxed);
                }
            }
        });
        // The thread must end, or a failure would hang.
        let guard = Over(&over);
        let start = Instant::now();
        while start.elapsed() < patience() {
            run(runs);
            runs += 1;
        }
        drop(guard);
    });
    (runs, swaps.into_inner())
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether names can be exchanged here.
fn can_swap(sandbox: &Sandbox) -> bool {
    let pair = [sandbox.write("can", ""), sandbox.write("swap", "")];
    let works = renameat_with(CWD, &pair[0], CWD, &pair[1], RenameFlags::EXCHANGE).is_ok();
    if !works {
        common::skip("this file system cannot exchange names");
    }
    sandbox.remove("can");
    sandbox.remove("swap");
    works
}

#[test]
fn a_link_swapped_into_the_source_is_never_followed() {
    let sandbox = Sandbox::new();
    if !can_swap(&sandbox) {
        return;
    }
    for number in 0..10 {
        sandbox.write(format!("source/directory/sub/{number}"), "public");
        sandbox.write(format!("secret/sub/{number}"), "SECRET");
    }
    sandbox.write("source/file", "public");
    sandbox.write("secret/file", "SECRET");
    sandbox.make_directory("aside");
    let secret = sandbox.path("secret");
    let text = |name: &str| secret.join(name).display().to_string();
    sandbox.link("aside/directory", &text(""));
    sandbox.link("aside/file", &text("file"));
    sandbox.link("aside/sub", &text("sub"));
    let pair =
        |name: &str, aside: &str| (sandbox.path(format!("source/{name}")), sandbox.path(format!("aside/{aside}")));
    let pairs = [pair("file", "file"), pair("directory", "directory")];
    let (mut links, mut files) = (0, 0);
    let (runs, swaps) = while_swapping(&pairs, |turn| {
        let way = WAYS[turn as usize % WAYS.len()];
        let run = sandbox.haul(format!("copy source target {way}")).run();
        assert!(matches!(run.status().code(), Some(0 | 1)), "{way}: {} {}", run.status(), run.err);
        // Nothing is made where the source could not be opened at all.
        let made = if sandbox.exists("target") { snapshot(sandbox.path("target")) } else { common::Snapshot::new() };
        for (name, node) in &made {
            assert!(node.bytes != b"SECRET", "{way}: {} holds the secret", name.display());
        }
        match made.get(Path::new("file")).map(|node| node.kind) {
            Some("link") => links += 1,
            Some("file") => files += 1,
            _ => {}
        }
        sandbox.remove("target");
        sandbox.assert_no_leftovers(way);
    });
    assert!(runs >= 3 && links > 0 && files > 0, "{runs} runs, {swaps} swaps, {links} links and {files} files copied");
}

/// Runs copies into a directory in which names are swapped with links that lead outside; nothing outside may change.
fn swap_in_the_target(words: &[&str], swapped: &[(&str, &str)], furnish: impl Fn(&Sandbox)) {
    let sandbox = Sandbox::new();
    if !can_swap(&sandbox) {
        return;
    }
    for number in 0..10 {
        sandbox.write(format!("source/directory/sub/{number}"), noise(number, 2_000));
    }
    sandbox.write("source/file", "new");
    sandbox.write("outside/directory/sub/0", "precious");
    sandbox.write("outside/directory/mine", "precious");
    sandbox.write("outside/file", "precious");
    sandbox.make_directory("aside");
    furnish(&sandbox);
    for (name, outside) in swapped {
        sandbox.link(&format!("aside/{}", name.replace('/', "-")), &sandbox.path(outside).display().to_string());
    }
    let pairs: Vec<_> = swapped
        .iter()
        .map(|(name, _)| (sandbox.path(name), sandbox.path(format!("aside/{}", name.replace('/', "-")))))
        .collect();
    let before = [snapshot(sandbox.path("outside")), snapshot(sandbox.path("source"))];
    let (mut done, mut failed) = (0, 0);
    let (runs, swaps) = while_swapping(&pairs, |turn| {
        let way = WAYS[turn as usize / words.len() % WAYS.len()];
        let words = words[turn as usize % words.len()];
        let run = sandbox.haul(format!("{words} {way}")).run();
        assert!(matches!(run.status().code(), Some(0 | 1)), "{words} {way}: {} {}", run.status(), run.err);
        if run.succeeded() {
            done += 1;
        } else {
            failed += 1;
        }
        assert_same(&before[0], &snapshot(sandbox.path("outside")), &format!("{words} {way}: outside"));
        assert_same(&before[1], &snapshot(sandbox.path("source")), &format!("{words} {way}: the source"));
    });
    assert!(runs >= 3 && swaps > 50, "{runs} runs, {swaps} swaps, {done} were done, {failed} failed");
}

#[test]
fn a_link_swapped_for_a_directory_of_the_target_is_never_followed() {
    swap_in_the_target(
        &["copy -T source target", "copy -T --resume source target", "copy -T -b source target"],
        &[("target/directory", "outside/directory")],
        |sandbox| drop(sandbox.write("target/directory/sub/0", "older")),
    );
    swap_in_the_target(
        &["copy -T source target", "copy -T --remove-destination source target"],
        &[("target/directory/sub", "outside/directory/sub")],
        |sandbox| drop(sandbox.write("target/directory/sub/0", "older")),
    );
}

#[test]
fn a_link_swapped_for_a_file_of_the_target_is_never_followed() {
    swap_in_the_target(
        &["copy -T source target", "copy -T -f source target", "copy -T --attributes-only source target"],
        &[("target/file", "outside/file"), ("target/directory/sub/0", "outside/directory/mine")],
        |sandbox| {
            sandbox.write("target/file", "older");
            sandbox.write("target/directory/sub/0", "older");
        },
    );
}

/// What is continued is also cleared of what its source has not: that must never happen at a link's end.
#[test]
fn a_link_swapped_for_a_part_is_never_followed() {
    let sandbox = Sandbox::new();
    if !can_swap(&sandbox) {
        return;
    }
    for number in 0..10 {
        sandbox.write(format!("source/directory/sub/{number}"), noise(number, 2_000));
        sandbox.write(format!("outside/directory/sub/{number}"), "precious");
    }
    sandbox.write("outside/mine", "precious");
    sandbox.make_directory("aside");
    let (part, aside) = (sandbox.path("target.haul-part"), sandbox.path("aside/part"));
    let (inner, inner_aside) = (part.join("directory"), sandbox.path("aside/directory"));
    let before = snapshot(sandbox.path("outside"));
    let mut continued = 0;
    let pairs = [(part.clone(), aside.clone()), (inner, inner_aside.clone())];
    let (runs, swaps) = while_swapping(&pairs, |turn| {
        // All is made aside and moved where it belongs, if that is free: to write through a name that is being swapped
        // would be the test's own mistake.
        // A swap that was begun before the part got its final name may still put something into it.
        let target = sandbox.path("target");
        common::wait_until("the target to be gone", || {
            let _ = std::fs::remove_dir_all(&target).or_else(|_| std::fs::remove_file(&target));
            !sandbox.exists("target")
        });
        sandbox.write("fresh/directory/stale/file", "stale");
        sandbox.write("fresh/stale", "stale");
        common::mark_as_ours(sandbox.path("fresh"));
        let _ = std::fs::rename(sandbox.path("fresh"), &part);
        for (text, link) in [("../outside", &aside), ("../outside/directory", &inner_aside)] {
            sandbox.remove("fresh link");
            sandbox.link("fresh link", text);
            let _ = std::fs::rename(sandbox.path("fresh link"), link);
        }
        let way = WAYS[turn as usize % WAYS.len()];
        let run = sandbox.haul(format!("copy -T --resume -v source target {way}")).run();
        assert!(matches!(run.status().code(), Some(0 | 1)), "{way}: {} {}", run.status(), run.err);
        continued += u64::from(run.err.contains("continued where an earlier copy ended"));
        assert_same(&before, &snapshot(sandbox.path("outside")), &format!("{way}: outside: {}", run.err));
    });
    assert!(runs >= 3 && swaps > 50 && continued >= 1, "{runs} runs, {swaps} swaps, {continued} continued");
}

/// What happens to a source that is copied byte by byte, when some of it was read.
struct Change {
    what: &'static str,
    make: fn(&Path),
    /// Whether a new target may be this (the second), its source having been the first.
    is_allowed: fn(&[u8], &[u8]) -> bool,
    code: i32,
}

const CHANGES: [Change; 5] = [
    Change {
        what: "it grows",
        make: |path| {
            std::fs::File::options()
                .append(true)
                .open(path)
                .and_then(|mut file| file.write_all(b"more"))
                .expect("append");
        },
        is_allowed: |before, now| now.len() == before.len() + 4 && now.starts_with(before),
        code: 1,
    },
    Change {
        what: "it shrinks",
        make: |path| {
            std::fs::File::options().write(true).open(path).and_then(|file| file.set_len(90_000)).expect("cut");
        },
        is_allowed: |before, now| now == &before[..90_000],
        code: 1,
    },
    Change {
        what: "it is emptied",
        make: |path| std::fs::File::options().write(true).open(path).and_then(|file| file.set_len(0)).expect("empty"),
        is_allowed: |before, now| before.starts_with(now),
        code: 1,
    },
    Change {
        what: "it is written again, as long as before",
        make: |path| {
            use std::os::unix::fs::FileExt as _;
            let file = std::fs::File::options().write(true).open(path).expect("open");
            file.write_all_at(&noise(77, 100_000), 0).expect("write");
        },
        is_allowed: |before, now| now.len() == before.len(),
        code: 1,
    },
    // Whoever has it open still has all of it.
    Change {
        what: "it vanishes",
        make: |path| std::fs::remove_file(path).expect("remove"),
        is_allowed: |before, now| now == before,
        code: 0,
    },
];

#[test]
fn a_source_that_changes_while_it_is_copied_is_told() {
    let before = noise(1, 100_000);
    for Change { what, make, is_allowed, code } in CHANGES {
        for engine in ["read_write", "copy_file_range"] {
            for (target, older) in [("new", None), ("old", Some(b"older".to_vec())), ("tree", None)] {
                let sandbox = Sandbox::new();
                let source = sandbox.write("source/file", &before);
                set_mtime(&source, 1_234_567_890, 123_456_789);
                if let Some(older) = &older {
                    set_mtime(sandbox.write(target, older), 1_000_000_000, 1);
                }
                let (from, made) = match target {
                    "tree" => ("source", "tree/file"),
                    other => ("source/file", other),
                };
                let words = format!("copy {from} {target} --buffer 1 --engine {engine} --scheduler serial");
                let mut running = sandbox.haul(&words).spawn();
                let part = || match target {
                    "tree" => Some(sandbox.path("tree.haul-part/file")),
                    _ => common::temporary_file(sandbox.path("")),
                };
                let size = || part().and_then(|part| part.metadata().ok()).map_or(0, |part| part.len());
                common::wait_until("some of it", || running.ended() || size() > 100);
                assert!(!running.ended(), "{words} was too quick");
                make(&source);
                let run = running.finish(Duration::from_secs(30)).code(code);
                let words = format!("{what}: {words}: {}", run.err);
                if code == 1 {
                    run.says_in_one_line(&["cannot rely on the copy of 'source/file'", "changed while it was copied"]);
                }
                sandbox.assert_no_leftovers(&words);
                if let (Some(older), 1) = (older, code) {
                    assert_eq!(sandbox.read(made), older, "{words}");
                    continue;
                }
                assert!(is_allowed(&before, &sandbox.read(made)), "{words}: {} bytes", sandbox.read(made).len());
                let time = snapshot(sandbox.path(made))[Path::new("")].mtime;
                assert_eq!(time, (1_234_567_890, 123_456_789), "{words}: the time of what was read");
            }
        }
    }
}

#[test]
fn a_source_that_grows_faster_than_it_is_read_ends() {
    let sandbox = Sandbox::new();
    // So large that the quickest engine is still at work when the next line comes.
    let source = sandbox.write("log", noise(1, 8_000_000));
    for engine in ["read_write", "copy_file_range", "mmap", "auto"] {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _guard = Over(&over);
            let mut log = std::fs::File::options().append(true).open(&source).expect("open");
            log.set_len(8_000_000).expect("cut");
            scope.spawn({
                let over = &over;
                move || {
                    let line = noise(2, 100_000);
                    // Some 100 MB/s; read in pieces of 64 bytes it is a tenth of that.
                    for _ in 0..2_000 {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        log.write_all(&line).expect("append");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            });
            // An operation of a ring takes longer than a call.
            let is_slow = common::scheduler_under_test().as_deref() == Some("uring");
            let buffer = if engine == "mmap" || is_slow { "4K" } else { "64" };
            let words = format!("copy log copy --buffer {buffer} --engine {engine}");
            let run = sandbox.haul(&words).spawn().finish(Duration::from_secs(40)).code(1);
            run.says_in_one_line(&["'log'", "changed while it was copied"]);
        });
        let (log, copy) = (sandbox.read("log"), sandbox.read("copy"));
        assert!(copy.len() > 8_000_000 && log.starts_with(&copy), "{engine}: {} of {} bytes", copy.len(), log.len());
        sandbox.remove("copy");
    }
}

#[test]
fn an_entry_that_vanishes_is_named_and_the_rest_is_copied() {
    let sandbox = Sandbox::new();
    for number in 0..200 {
        sandbox.write(format!("tree/{number:03}"), "contents");
    }
    // Byte by byte, so that there is time between the listing and what comes last.
    let mut running = sandbox.haul("copy tree target --buffer 1 --scheduler serial").spawn();
    common::wait_until("the first files", || {
        running.ended() || (sandbox.exists("target.haul-part") && sandbox.list("target.haul-part").len() > 3)
    });
    for number in 0..200 {
        sandbox.remove(format!("tree/{number:03}"));
    }
    let run = running.finish(Duration::from_secs(30));
    let made = sandbox.list("target").len();
    let missing = run.err.lines().filter(|line| line.starts_with("haul: cannot open 'tree/")).count();
    assert_eq!((made + missing, run.status().code()), (200, Some(i32::from(missing > 0))), "{}", run.err);
    sandbox.assert_no_leftovers("what vanished");
}
