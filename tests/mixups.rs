//! Files that are not what they seem: one file under two names, sizes that lie, groups that directories hand on, calls
//! that wait for somebody. Nothing may be lost, mixed up or left hanging.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::time::Duration;

use common::{Sandbox, WAYS, is_root, make_fifo, many, noise, prose, set_mode, set_mtime, skip, snapshot, ways};
use rustix::process::Signal;

#[test]
fn a_link_is_not_copied_onto_the_file_it_leads_to() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "data");
    sandbox.link("link", "file");
    sandbox.haul("copy link file").run().code(1).says(&["link", "same file"]);
    assert_eq!(sandbox.read("file"), b"data");
    // The same in a merge.
    sandbox.write("there/x", "data");
    sandbox.make_directory("tree");
    sandbox.link("tree/x", "../there/x");
    sandbox.haul("copy tree/. there").run().code(1).says(&["same file"]);
    assert_eq!(sandbox.read("there/x"), b"data");
    sandbox.assert_no_leftovers("after refusals");
}

#[test]
fn two_sources_are_not_mixed_in_one_file_with_two_names() {
    let sandbox = Sandbox::new();
    let (a, b) = (vec![b'a'; 6_000_000], vec![b'b'; 6_000_000]);
    sandbox.write("from/a", &a);
    sandbox.write("from/b", &b);
    sandbox.write("to/a", "old");
    std::fs::hard_link(sandbox.path("to/a"), sandbox.path("to/b")).unwrap();
    // Each name gets a file of its own, as with cp -a.
    sandbox.haul("copy from/a from/b to --workers 2").run().ok().silent();
    assert!(sandbox.read("to/a") == a && sandbox.read("to/b") == b);
    // In place both would be written to one file.
    sandbox.remove("to");
    sandbox.write("to/a", "old");
    std::fs::hard_link(sandbox.path("to/a"), sandbox.path("to/b")).unwrap();
    let words = "copy --no-preserve=links from/a from/b to --workers 2";
    sandbox.haul(words).run().code(1).says(&["another source"]);
    let found = sandbox.read("to/a");
    assert!(found == a || found == b, "neither of the two");
    assert_eq!(std::fs::metadata(sandbox.path("to/a")).unwrap().nlink(), 2, "written in place");
}

#[test]
fn one_target_is_not_made_of_two_archives() {
    for words in ["gunzip -qf a.gz a-gz", "gunzip -qf a.gz a-gz --workers 1 --scheduler serial"] {
        let sandbox = Sandbox::new();
        for (name, text) in [("a.gz", "one"), ("a-gz", "two")] {
            let packed = sandbox.haul("gzip").input(text).run().ok().out;
            sandbox.write(name, packed);
        }
        sandbox.write("a", "old");
        sandbox.haul(words).run().code(1).says_in_one_line(&["target of another file"]);
        let kept = ["a.gz", "a-gz"].iter().filter(|name| sandbox.exists(name)).count();
        assert_eq!(kept, 1, "{words}: one is done, and the other is still there");
        let expected: &[u8] = if sandbox.exists("a.gz") { b"two" } else { b"one" };
        assert_eq!(sandbox.read("a"), expected, "{words}");
    }
}

#[test]
fn files_whose_size_lies_are_read_to_their_end() {
    let sandbox = Sandbox::new();
    // Sizes 0 and 4096; contents that stay the same while the test runs.
    for lying in ["/proc/version", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/notes"] {
        let Ok(expected) = std::fs::read(lying) else {
            skip(&format!("{lying} cannot be read here"));
            continue;
        };
        sandbox.haul(format!("copy {lying} copied")).run().ok();
        assert_eq!(sandbox.read("copied"), expected, "{lying}");
        let packed = sandbox.haul(format!("gzip -c {lying}")).run().ok().out;
        assert_eq!(sandbox.haul("gunzip").input(packed).run().ok().out, expected, "{lying}");
        sandbox.remove("copied");
    }
}

#[test]
fn a_set_gid_directory_lends_nobody_its_group() {
    if !is_root() {
        return skip("only root can give files away");
    }
    let sandbox = Sandbox::new();
    sandbox.write("file", "data");
    set_mode(sandbox.path("file"), 0o2750);
    sandbox.make_directory("shared");
    chown(sandbox.path("shared"), None, Some(12_345)).unwrap();
    set_mode(sandbox.path("shared"), 0o2775);
    sandbox.make_directory("tree/deep");
    sandbox.write("tree/deep/file", "data");
    set_mode(sandbox.path("tree/deep/file"), 0o640);
    sandbox.haul("copy file tree shared").run().ok();
    sandbox.haul("gzip -k shared/tree/deep/file").run().ok();
    let who = |name: &str| {
        let found = std::fs::metadata(sandbox.path(name)).unwrap();
        (found.uid(), found.gid(), found.mode() & 0o7777)
    };
    for (source, target) in [
        ("file", "shared/file"),
        ("tree", "shared/tree"),
        ("tree/deep", "shared/tree/deep"),
        ("tree/deep/file", "shared/tree/deep/file"),
        ("tree/deep/file", "shared/tree/deep/file.gz"),
    ] {
        assert_eq!(who(target), who(source), "{target}");
    }
}

#[test]
fn a_dot_at_the_end_means_what_is_in_the_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "data");
    set_mtime(sandbox.path("tree"), 1_000_000_000, 5);
    sandbox.make_directory("there");
    sandbox.haul("copy tree/. there").run().ok();
    assert_eq!(sandbox.read("there/file"), b"data");
    assert_eq!(std::fs::metadata(sandbox.path("there")).unwrap().mtime_nsec(), 5, "as cp -a does");
    sandbox.link("link", "tree");
    sandbox.haul("copy link/ new").run().ok();
    assert_eq!(sandbox.read("new/file"), b"data");
    sandbox.haul("copy link there").run().ok();
    assert_eq!(std::fs::read_link(sandbox.path("there/link")).unwrap(), Path::new("tree"));
    sandbox.assert_no_leftovers("after copies");
}

#[test]
fn a_directory_that_cannot_be_read_leaves_no_empty_one() {
    let sandbox = Sandbox::new();
    sandbox.make_directory("closed");
    set_mode(sandbox.path("closed"), 0);
    sandbox.give_away();
    sandbox.haul("copy closed new").without_rights().run().code(1).says_in_one_line(&["closed", "Permission denied"]);
    assert!(!sandbox.exists("new"));
    sandbox.assert_no_leftovers("after the failure");
    set_mode(sandbox.path("closed"), 0o700);
}

#[test]
fn a_walk_does_not_take_unfinished_targets_for_files() {
    let sandbox = Sandbox::new();
    // More than one call lists, so that targets are made while the walk goes on.
    for number in 0..2_000 {
        sandbox.write(format!("tree/file-number-{number}"), prose(number, 50));
    }
    let somebodys = format!("tree/{}", common::temporary_name(7));
    sandbox.write(&somebodys, "half");
    for _ in 0..many(1, 3) {
        sandbox.haul("gzip -r tree --workers 4").run().ok().silent();
        assert_eq!(sandbox.read(&somebodys), b"half");
        sandbox.haul("gunzip -r tree --workers 4").run().ok().silent();
    }
    assert_eq!(sandbox.list("tree").len(), 2_001);
}

#[test]
fn what_comes_after_a_missing_file_still_goes_to_standard_output() {
    let sandbox = Sandbox::new();
    sandbox.write("a", "one ");
    sandbox.write("b", "two");
    let packed = sandbox.haul("gzip -qc a missing b").run().code(1).says_in_one_line(&["missing"]).out;
    let text = sandbox.haul("gunzip").input(packed).run().ok().out;
    assert_eq!(text, b"one two");
}

#[test]
fn a_small_pool_does_not_hang_when_a_file_shrinks() {
    let sandbox = Sandbox::new();
    for round in 0..5 {
        let log = sandbox.write("log", noise(round, 9_000_000));
        let running = sandbox.haul("gzip -1 -k -f --pool 2 --workers 8 --block 32K log").spawn();
        std::thread::sleep(Duration::from_millis(3 * round));
        std::fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(100_000).unwrap();
        // Too late to matter, or reported; never a wait without end.
        let run = running.finish(Duration::from_secs(30));
        assert!(run.succeeded() || run.words().contains("log"), "{}", run.words());
        sandbox.assert_no_leftovers("after a file that shrinks");
    }
}

#[test]
fn one_signal_ends_what_waits_for_somebody() {
    let sandbox = Sandbox::new();
    sandbox.write("file", noise(1, 3_000_000));
    make_fifo(sandbox.path("fifo"));
    for words in ["gzip -c fifo", "copy file fifo", "gzip -c file"] {
        // The last one waits for a reader that does not read.
        let mut running = sandbox.haul(words).spawn();
        std::thread::sleep(Duration::from_millis(200));
        assert!(!running.ended(), "{words}: it should wait");
        running.signal(Signal::TERM);
        let started = std::time::Instant::now();
        while !running.ended() {
            assert!(started.elapsed() < Duration::from_secs(20), "{words}: still there");
            std::thread::sleep(Duration::from_millis(10));
        }
        running.finish(Duration::from_secs(5)).code(143);
    }
}

#[test]
fn a_deep_tree_that_is_cut_short_is_continued() {
    let sandbox = Sandbox::new();
    let mut deep = sandbox.make_directory("tree");
    for _ in 0..900 {
        deep.push("d");
    }
    std::fs::create_dir_all(&deep).unwrap();
    let haul = common::run::binary();
    for _ in 0..3 {
        let command = format!("ulimit -n 64; exec timeout --foreground -s INT 0.02 '{}' copy tree new", haul.display());
        let run = common::run::command("sh").args(["-c", &command]).current_dir(sandbox.path("")).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        if sandbox.exists("new.haul-part") {
            assert!(said.contains("kept 'new.haul-part'") && said.contains("haul copy --resume tree new"), "{said}");
            sandbox.haul("copy --resume tree new").run().ok();
        } else if !sandbox.exists("new") {
            // It was ended before it began.
            continue;
        }
        assert_eq!(common::snapshot(sandbox.path("new")).len(), 901, "{said}");
        sandbox.remove("new");
        sandbox.assert_no_leftovers("a copy that was continued");
    }
}

#[test]
fn a_report_is_not_written_over_what_is_swept() {
    let sandbox = Sandbox::new();
    sandbox.write("log", prose(1, 100_000));
    sandbox.write("tree/log", prose(1, 1_000));
    for (source, report) in [("log", "log"), ("log", "./log"), ("tree", "tree/log"), ("tree", "tree/new")] {
        let words = format!("sweep copy {source} --buffers 4K --rounds 1 -o {report}");
        sandbox.haul(&words).run().code(1).says_in_one_line(&["being measured"]);
    }
    assert_eq!(sandbox.read("log"), prose(1, 100_000));
    assert_eq!(sandbox.read("tree/log"), prose(1, 1_000));
    // An older report stays until the new one is whole.
    sandbox.write("report", "old");
    sandbox.haul("sweep copy missing -o report").run().code(1);
    assert_eq!(sandbox.read("report"), b"old");
    sandbox.haul("sweep copy log --buffers 4K --rounds 1 --format json -o report").run().ok().silent();
    assert!(sandbox.read("report").starts_with(b"{"));
    sandbox.assert_no_leftovers("after reports");
}

/// A .gz of `text` whose header says that it was called `name`.
fn packed_as(sandbox: &Sandbox, name: &str, text: &[u8]) -> Vec<u8> {
    sandbox.write("x", text);
    sandbox.haul("gzip x").run().ok();
    let packed = sandbox.read("x.gz");
    sandbox.remove("x.gz");
    [&packed[..10], name.as_bytes(), b"\0", &packed[10 + b"x\0".len()..]].concat()
}

#[test]
fn a_source_is_not_replaced_by_what_is_in_it() {
    for words in [
        "gunzip -kNf a.gz",
        "gunzip -Nf a.gz",
        "gunzip -kN --update a.gz",
        "gunzip -N --update --output-dir . a.gz",
        "gunzip -Nf --output-dir sub/.. ./a.gz",
        "gunzip -Nrf .",
    ] {
        let sandbox = Sandbox::new();
        let packed = packed_as(&sandbox, "a.gz", b"data");
        sandbox.write("a.gz", &packed);
        sandbox.make_directory("sub");
        set_mtime(sandbox.path("a.gz"), 1_000_000_000, 0);
        sandbox.haul(words).run().code(1).says_in_one_line(&["a.gz", "it is the source itself"]);
        assert!(sandbox.read("a.gz") == packed, "{words}");
        assert_eq!(sandbox.list("").len(), 2, "{words}");
    }
}

#[test]
fn a_source_is_not_replaced_through_a_link() {
    let text = prose(1, 5_000);
    // The words, a link and what it holds (nothing: a second name), and the file that both ends are.
    for (words, link, held, file) in [
        ("gzip -kf a", "a", "a.gz", "a.gz"),
        ("gzip -f a", "a", "a.gz", "a.gz"),
        ("gzip -kf --update a", "a", "a.gz", "a.gz"),
        ("gzip -f a", "a", "", "a.gz"),
        ("gunzip -kf b.gz", "b.gz", "b", "b"),
        ("gunzip -f b.gz", "b.gz", "b", "b"),
        ("gunzip -f --output-dir o s/c.gz", "s/c.gz", "../o/c", "o/c"),
    ] {
        let sandbox = Sandbox::new();
        let packed = sandbox.haul("gzip").input(&*text).run().ok().out;
        sandbox.make_directory("s");
        sandbox.make_directory("o");
        sandbox.write(file, &packed);
        if held.is_empty() {
            std::fs::hard_link(sandbox.path(file), sandbox.path(link)).unwrap();
        } else {
            sandbox.link(link, held);
        }
        sandbox.haul(words).run().code(1).says_in_one_line(&[file, "it is the source itself"]);
        assert!(sandbox.read(file) == packed && sandbox.exists(link), "{words}");
        sandbox.assert_no_leftovers(words);
    }
    // A link that only leads from the target to the source is replaced, as ever.
    let sandbox = Sandbox::new();
    sandbox.write("a", &text);
    sandbox.link("a.gz", "a");
    sandbox.haul("gzip -kf a").run().ok().silent();
    assert!(sandbox.read("a") == text && sandbox.haul("gunzip -c a.gz").run().ok().out == text);
}

#[test]
fn a_fifo_is_refused_at_once_where_only_files_are_taken() {
    let sandbox = Sandbox::new();
    make_fifo(sandbox.path("fifo"));
    make_fifo(sandbox.path("fifo.gz"));
    sandbox.link("link", "fifo");
    sandbox.make_directory("out");
    for words in ["gzip -f fifo", "gunzip -f fifo.gz", "gzip -kf link", "gzip -f --output-dir out fifo"] {
        let run = sandbox.haul(words).spawn().finish(Duration::from_secs(10));
        run.code(1).says_in_one_line(&["it is a FIFO; -c reads it"]);
    }
    // To standard output it is read, and waited for.
    for words in ["gzip -c fifo", "gzip -cf link"] {
        let running = sandbox.haul(words).spawn();
        std::thread::sleep(Duration::from_millis(100));
        std::fs::write(sandbox.path("fifo"), "data").unwrap();
        let packed = running.finish(Duration::from_secs(10)).ok().silent().out;
        assert_eq!(sandbox.haul("gunzip").input(packed).run().ok().out, b"data", "{words}");
    }
}

#[test]
fn a_walk_does_not_take_what_the_job_has_just_made() {
    let packed = |sandbox: &Sandbox, bytes: &[u8]| sandbox.haul("gzip").input(bytes).run().ok().out;
    for way in WAYS.iter().filter(|way| way.ends_with('1')) {
        let sandbox = Sandbox::new();
        let once = packed(&sandbox, b"data");
        let twice = packed(&sandbox, &once);
        sandbox.write("tree/a.gz.gz", &twice);
        sandbox.write("tree/b-z.gz", &twice);
        // The second walk is sure to meet what the first has made.
        for words in ["gunzip -r tree tree", "gunzip -rc tree"] {
            let out = sandbox.haul(format!("{words} {way}")).run().ok().silent().out;
            assert!(sandbox.read("tree/a.gz") == once && sandbox.read("tree/b-z") == once, "{words} {way}");
            assert_eq!(sandbox.list("tree").len(), 2, "{words} {way}");
            // What is made of them in the end is for the next run.
            assert_eq!(out.len(), if words.contains("-rc") { 8 } else { 0 });
        }
        // What was there already is a source, though a target too, in whatever order they are met.
        for number in 0..8 {
            sandbox.write(format!("both/{number}.gz"), &once);
            set_mtime(sandbox.write(format!("both/{number}.gz.gz"), &twice), 1_000_000_000, 0);
        }
        sandbox.haul(format!("gunzip -rk --update both {way}")).run().ok().silent();
        let done = (0..8).filter(|number| sandbox.exists(format!("both/{number}"))).count();
        assert_eq!((done, sandbox.list("both").len()), (8, 24), "{way}");
    }
}

#[test]
fn a_large_directory_is_unpacked_by_one_suffix() {
    let sandbox = Sandbox::new();
    let packed = sandbox.haul("gzip").input(prose(1, 500)).run().ok().out;
    let packed = sandbox.haul("gzip").input(packed).run().ok().out;
    for way in if common::is_thorough() { &["--workers 1", "--workers 4"][..] } else { &["--workers 4"] } {
        for number in 0..1_500 {
            sandbox.write(format!("tree/a-file-with-a-longer-name-{number}.gz.gz"), &packed);
        }
        sandbox.haul(format!("gunzip -r tree {way}")).run().ok().silent();
        let names = sandbox.list("tree");
        assert_eq!(names.len(), 1_500);
        let wrong = names.iter().filter(|name| !name.to_string_lossy().ends_with(".gz")).count();
        assert_eq!(wrong, 0, "{way}: files lost a second suffix");
        sandbox.remove("tree");
    }
}

#[test]
fn a_dash_with_a_slash_is_not_standard_input() {
    let sandbox = Sandbox::new();
    let said = sandbox.haul("gzip -- -/").input("data").run().code(1).says_in_one_line(&["'-/'", "No such file"]);
    assert!(said.out.is_empty());
    sandbox.haul("gzip --files-from=-/").input("data").run().code(1).says_in_one_line(&["'-/'", "No such file"]);
    sandbox.haul("gzip --files-from -").input("-/\n").run().code(1).says_in_one_line(&["'-/'", "No such file"]);
    sandbox.write("-/file", "data");
    sandbox.haul("gzip -r -- -/").run().ok().silent();
    assert!(sandbox.exists("-/file.gz"));
}

#[test]
fn a_target_inside_its_source_is_left_out_of_the_walk_where_a_pattern_says_so() {
    for way in ways() {
        // What is there before; the words; the exit code; what the target holds.
        for (there, words, code, held) in [
            ("backup/", "--exclude /backup ./. backup", 0, "a sub sub/b"),
            ("", "--exclude /backup ./. backup", 0, "a sub sub/b"),
            ("", "--exclude /backup . backup", 0, "a sub sub/b"),
            ("backup/", "--exclude /backup -T . backup", 0, "a sub sub/b"),
            ("backup/old", "--exclude /backup ./. backup", 0, "a old sub sub/b"),
            ("backup/", "--exclude backup --exclude b ./. backup", 0, "a sub"),
            ("sub/backup/", "--exclude backup ./. sub/backup", 0, "a sub sub/b"),
            ("", "--exclude backup ./. sub/backup", 0, "a sub sub/b"),
            // Another pattern leaves it in, and then it is refused, and the rest is done.
            ("backup/", "--exclude /sub ./. backup", 1, "a"),
            ("", "--exclude /sub ./. backup", 1, "a"),
            // Without any nothing is begun.
            ("backup/", "./. backup", 1, ""),
        ] {
            let sandbox = Sandbox::new();
            sandbox.write("a", "a");
            sandbox.write("sub/b", "b");
            if let Some(directory) = there.strip_suffix('/') {
                sandbox.make_directory(directory);
            } else if !there.is_empty() {
                sandbox.write(there, "old");
            }
            let words = format!("copy {words} {way}");
            let run = sandbox.haul(&words).run().code(code);
            assert_eq!(run.err.lines().count(), code as usize, "{words}: {}", run.err);
            let target = sandbox.path(if words.contains("sub/backup") { "sub/backup" } else { "backup" });
            let names: Vec<_> = snapshot(target).into_keys().map(|name| name.display().to_string()).collect();
            assert_eq!(names.join(" ").trim(), held, "{words}");
            sandbox.assert_no_leftovers(&words);
        }
    }
}
