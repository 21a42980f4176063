//! Copies that did not come to their end, and the runs that continue them.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;
#[path = "common/detail.rs"]
mod detail;

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use common::{
    NOBODY, Run, Running, Sandbox, WAYS, assert_same, is_root, mark_as_ours, noise, set_mode, set_mtime, skip, snapshot,
};
use detail::{assert_equal, details, set_xattr};
use rustix::process::Signal;

/// To stop is a matter of one system call, and of a machine that has other things to do.
const SOON: Duration = Duration::from_secs(20);

/// Copying takes long with it, byte by byte.
const SLOW: &str = "--buffer 1 --engine read_write";

/// A tree of small files, and one that takes minutes byte by byte.
fn furnish(sandbox: &Sandbox) {
    for number in 0..24 {
        let path = sandbox.write(format!("tree/{}/{number}", number % 4), noise(number, 300));
        set_mtime(&path, 1_000_000_000 + number as i64, 1 + number as i64);
    }
    set_mode(sandbox.path("tree/1/1"), 0o400);
    set_xattr(sandbox.path("tree/1/5"), "user.of", b"a file");
    std::fs::hard_link(sandbox.path("tree/2/2"), sandbox.path("tree/0/twin")).expect("link");
    std::fs::hard_link(sandbox.path("tree/2/2"), sandbox.path("tree/3/twin")).expect("link");
    sandbox.link("tree/3/link", "19");
    sandbox.write("tree/big/slow", noise(99, 20_000_000));
    set_mode(sandbox.path("tree/2"), 0o555);
    set_mtime(sandbox.path("tree"), 1_000_000_000, 7);
}

/// Starts `words` and waits until it is at the slow file, and with two workers has done all else.
fn begin(sandbox: &Sandbox, words: &str, slow: &str) -> Running {
    let mut running = sandbox.haul(words).without_rights().spawn();
    common::wait_until("the slow file", || {
        running.ended() || std::fs::metadata(sandbox.path(slow)).is_ok_and(|slow| slow.len() > 100)
    });
    assert!(!running.ended(), "{words} ended before it could be interrupted: {}", running.finish(SOON).err);
    running
}

/// The files in a part that are as their sources are, with their inodes; but for the one with several names, which may
/// be made anew to be one file with all of them.
fn done(sandbox: &Sandbox, part: &str) -> Vec<(String, u64)> {
    let time = |path: std::path::PathBuf| std::fs::symlink_metadata(path).map(|file| (file.mtime(), file.mtime_nsec()));
    let names = (0..24).filter(|number| *number != 2).map(|number| format!("{}/{number}", number % 4));
    names
        .filter_map(|name| {
            let made = sandbox.path(part).join(&name);
            let source = time(sandbox.path("tree").join(&name)).ok()?;
            let inode = std::fs::symlink_metadata(&made).ok()?.ino();
            (time(made).ok()? == source).then_some((name, inode))
        })
        .collect()
}

fn assert_kept(sandbox: &Sandbox, target: &str, kept: &[(String, u64)], what: &str) {
    for (name, inode) in kept {
        let now = std::fs::metadata(sandbox.path(target).join(name)).expect("a file").ino();
        assert_eq!(now, *inode, "{what}: {name} was made again");
    }
}

fn says_how_to_continue(run: &Run, part: &str, command: &str) {
    let line = format!("haul: kept '{part}' with what was copied so far; continue with: {command}\n");
    assert!(run.err.contains(&line), "no {line:?} in {:?}", run.err);
}

/// Everything that `furnish` makes, as somebody without rights may have it.
fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    sandbox.give_away();
    // `chown` has taken nothing from the modes, but has touched no time either.
    sandbox
}

#[test]
fn an_interrupted_tree_is_continued() {
    let signals = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
    for (way, (signal, code)) in [WAYS[0], WAYS[2], WAYS[4]].into_iter().zip(signals) {
        let sandbox = furnished();
        let running = begin(&sandbox, &format!("copy {SLOW} {way} tree target --json"), "target.haul-part/big/slow");
        running.signal(signal);
        let run = running.finish(SOON).code(code);
        let command = format!("haul copy --resume {SLOW} {way} tree target --json");
        says_how_to_continue(&run, "target.haul-part", &command);
        assert_eq!(run.json()["unfinished"], serde_json::json!(["target.haul-part"]), "{way}");
        assert!(!sandbox.exists("target"), "{way}");
        let kept = done(&sandbox, "target.haul-part");
        let run = sandbox.haul(format!("copy --resume {way} tree target --json")).without_rights().run().ok().silent();
        assert_equal(sandbox.path("tree"), sandbox.path("target"), way);
        assert_kept(&sandbox, "target", &kept, way);
        // The names of a hard link that are there already are linked, not passed over.
        let skipped = run.json()["skipped"].as_u64().expect("a number");
        assert!(skipped + 3 >= kept.len() as u64, "{way}: {skipped} of {} were passed over", kept.len());
        assert_eq!(run.json()["unfinished"], serde_json::json!([]), "{way}");
        sandbox.assert_no_leftovers(way);
    }
}

#[test]
fn what_was_done_is_not_done_again_and_a_part_can_be_continued_twice() {
    let sandbox = furnished();
    let mut kept = Vec::new();
    for words in ["copy", "copy --resume", "copy --resume"] {
        let running = begin(&sandbox, &format!("{words} {SLOW} --workers 2 tree target"), "target.haul-part/big/slow");
        // One worker has the slow file; the other one does all else.
        common::wait_until("all other files", || done(&sandbox, "target.haul-part").len() == 23);
        running.signal(Signal::INT);
        let run = running.finish(SOON).code(130);
        says_how_to_continue(&run, "target.haul-part", &format!("haul copy --resume {SLOW} --workers 2 tree target"));
        assert_kept(&sandbox, "target.haul-part", &kept, words);
        kept = done(&sandbox, "target.haul-part");
        assert_eq!(kept.len(), 23, "{words}");
    }
    sandbox.haul("copy --resume tree target").without_rights().run().ok().silent();
    assert_equal(sandbox.path("tree"), sandbox.path("target"), "at the third attempt");
    assert_kept(&sandbox, "target", &kept, "at the third attempt");
}

#[test]
fn what_changed_between_the_runs_is_as_in_the_source() {
    for way in [WAYS[0], WAYS[2], WAYS[4]] {
        let sandbox = furnished();
        begin(&sandbox, &format!("copy {SLOW} {way} tree target"), "target.haul-part/big/slow").signal(Signal::KILL);
        // It is dropped, which waits for its end.
        sandbox.write("tree/0/0", "another length");
        // The same length, another time; and the same time in another nanosecond.
        set_mtime(sandbox.write("tree/1/9", noise(500, 300)), 1_500_000_000, 0);
        set_mtime(sandbox.write("tree/1/13", noise(501, 300)), 1_000_000_013, 0);
        for gone in ["tree/3/3", "tree/0/twin", "tree/3/link", "tree/big/slow"] {
            sandbox.remove(gone);
        }
        sandbox.remove("tree/1/17");
        sandbox.write("tree/1/17/inside/deep", "a directory now");
        sandbox.remove("tree/3/7");
        sandbox.link("tree/3/7", "11");
        sandbox.remove("tree/0/4");
        common::make_fifo(sandbox.path("tree/0/4"));
        set_mode(sandbox.path("tree/2"), 0o755);
        sandbox.remove("tree/2");
        sandbox.write("tree/2", "a file now");
        sandbox.write("tree/new/file", "new");
        sandbox.give_away();
        sandbox.haul(format!("copy --resume {way} tree target")).without_rights().run().ok().silent();
        assert_equal(sandbox.path("tree"), sandbox.path("target"), way);
        sandbox.assert_no_leftovers(way);
    }
}

#[test]
fn a_killed_copy_is_continued_whatever_was_half_done() {
    let sandbox = furnished();
    let mut found = 0;
    for pause in [0, 2, 4, 8, 16, 32] {
        for way in [WAYS[0], WAYS[2]] {
            let mut running = sandbox.haul(format!("copy {SLOW} {way} tree target")).without_rights().spawn();
            common::wait_until("the part", || running.ended() || sandbox.exists("target.haul-part"));
            std::thread::sleep(Duration::from_millis(pause));
            running.signal(Signal::KILL);
            assert_eq!(Running::ended_by(&running.finish(SOON)), Some(9));
            found += u32::from(!done(&sandbox, "target.haul-part").is_empty());
            let kept = done(&sandbox, "target.haul-part");
            sandbox.haul(format!("copy --resume {way} tree target")).without_rights().run().ok().silent();
            assert_equal(sandbox.path("tree"), sandbox.path("target"), way);
            assert_kept(&sandbox, "target", &kept, way);
            sandbox.assert_no_leftovers(way);
            sandbox.remove("target");
        }
    }
    assert!(found > 2, "something was done in {found} of 12");
}

#[test]
fn names_of_one_file_are_one_file_again_whichever_were_done() {
    let names = ["a", "b", "c"];
    for way in [WAYS[0], WAYS[2]] {
        for done in 0..8 {
            let sandbox = Sandbox::new();
            let source = sandbox.write("tree/a", "one file");
            set_mtime(&source, 1_000_000_000, 1);
            sandbox.make_directory("tree/sub");
            std::fs::hard_link(&source, sandbox.path("tree/b")).expect("link");
            std::fs::hard_link(&source, sandbox.path("tree/c")).expect("link");
            sandbox.make_directory("joined");
            for (_, name) in names.iter().enumerate().filter(|(number, _)| done >> number & 1 == 1) {
                // Each a file of its own.
                for part in ["target.haul-part", "joined"] {
                    set_mtime(sandbox.write(format!("{part}/{name}"), "one file"), 1_000_000_000, 1);
                }
            }
            mark_as_ours(sandbox.make_directory("target.haul-part"));
            let what = format!("{way}, done: {done:03b}");
            sandbox.haul(format!("copy --resume {way} tree target")).run().ok().silent();
            assert_equal(sandbox.path("tree"), sandbox.path("target"), &what);
            sandbox.haul(format!("copy --resume -T {way} tree joined")).run().ok().silent();
            assert_equal(sandbox.path("tree"), sandbox.path("joined"), &what);
        }
    }
}

#[test]
fn without_resume_an_older_part_is_told_of_and_left_alone() {
    let sandbox = furnished();
    begin(&sandbox, &format!("copy {SLOW} tree target"), "target.haul-part/big/slow").signal(Signal::KILL);
    let part = snapshot(sandbox.path("target.haul-part"));
    let run = sandbox.haul("copy tree target").without_rights().run().ok();
    run.says_in_one_line(&["'target'", "'.haul-part' is still there", "--resume"]);
    assert_equal(sandbox.path("tree"), sandbox.path("target"), "beside an older part");
    assert_same(&part, &snapshot(sandbox.path("target.haul-part")), "the older part");
    sandbox.remove("target");
    // Cut short beside it, the second one goes: one at most stays, and it is the first.
    let running = begin(&sandbox, &format!("copy {SLOW} tree target"), "target.haul-part-1/big/slow");
    running.signal(Signal::INT);
    let run = running.finish(SOON).code(130);
    assert!(!run.err.contains("kept"), "{}", run.err);
    assert_same(&part, &snapshot(sandbox.path("target.haul-part")), "the older part");
    assert!(!sandbox.exists("target.haul-part-1") && !sandbox.exists("target"));
    sandbox.haul("copy --resume tree target").without_rights().run().ok().silent();
    assert_equal(sandbox.path("tree"), sandbox.path("target"), "the older part, continued");
    sandbox.assert_no_leftovers("all is done");
}

/// What is there, and how it comes there, where it can.
type Stranger = (&'static str, &'static str, fn(&Sandbox) -> bool);

#[test]
fn a_part_that_is_not_ours_is_left_alone() {
    let strangers: [Stranger; 7] = [
        ("a directory that anybody may write to", "its mode is 1777", |sandbox| {
            sandbox.write("target.haul-part/precious", "everybody's");
            set_mode(sandbox.path("target.haul-part"), 0o1777);
            true
        }),
        ("one whose group may read it", "its mode is 1750", |sandbox| {
            sandbox.write("target.haul-part/precious", "our own");
            set_mode(sandbox.path("target.haul-part"), 0o1750);
            true
        }),
        ("a directory that nobody marked", "its mode is 755", |sandbox| {
            sandbox.write("target.haul-part/precious", "our own");
            true
        }),
        ("a link", "not a directory", |sandbox| {
            sandbox.link("target.haul-part", "outside");
            true
        }),
        ("a file", "not a directory", |sandbox| {
            sandbox.write("target.haul-part", "somebody's");
            true
        }),
        ("a link that leads nowhere", "not a directory", |sandbox| {
            sandbox.link("target.haul-part", "nowhere");
            true
        }),
        ("another user's directory", "it belongs to another user", |sandbox| {
            sandbox.write("target.haul-part/precious", "somebody's");
            let path = sandbox.path("target.haul-part");
            is_root() && std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).is_ok()
        }),
    ];
    for (what, why, make) in strangers {
        for words in ["copy --resume tree target", "copy tree target"] {
            let sandbox = Sandbox::new();
            sandbox.write("tree/sub/file", "contents");
            sandbox.write("outside/precious", "somebody's");
            if !make(&sandbox) {
                skip("giving a directory to somebody else needs root");
                continue;
            }
            let before = snapshot(sandbox.path(""));
            let run = sandbox.haul(words).run();
            if words.contains("--resume") {
                run.code(1).says_in_one_line(&["cannot continue 'target.haul-part'", why]);
                assert!(!sandbox.exists("target"), "{what}");
            } else {
                run.ok().silent();
                assert_equal(sandbox.path("tree"), sandbox.path("target"), what);
                sandbox.remove("target");
            }
            let plain = common::tree::without_directory_times;
            assert_same(&plain(before), &plain(snapshot(sandbox.path(""))), what);
        }
    }
}

#[test]
fn resume_without_a_part_is_an_ordinary_copy() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    let run = sandbox.haul("copy --resume tree target --json").run().ok().silent();
    assert_equal(sandbox.path("tree"), sandbox.path("target"), "nothing to continue");
    assert_eq!(run.json()["skipped"], 0);
    sandbox.haul("copy --resume tree/0/0 file").run().ok().silent();
    assert_eq!(sandbox.read("file"), sandbox.read("tree/0/0"));
}

#[test]
fn a_second_signal_keeps_the_part_for_resume() {
    let sandbox = furnished();
    let running = begin(&sandbox, &format!("copy {SLOW} --workers 2 tree target"), "target.haul-part/big/slow");
    running.signal(Signal::INT);
    running.signal(Signal::INT);
    running.finish(SOON).code(130);
    assert!(!sandbox.exists("target"));
    sandbox.haul("copy --resume tree target").without_rights().run().ok().silent();
    assert_equal(sandbox.path("tree"), sandbox.path("target"), "after two signals");
    sandbox.assert_no_leftovers("after two signals");
}

#[test]
fn a_tree_that_joins_another_is_continued() {
    for way in [WAYS[0], WAYS[2]] {
        let sandbox = furnished();
        sandbox.write("target/1/mine", "mine");
        sandbox.write("target/1/1", "older");
        sandbox.give_away();
        // What is new is a tree under a temporary name; the rest is done file by file.
        let running = begin(&sandbox, &format!("copy -T {SLOW} {way} tree target"), "target/big.haul-part/slow");
        running.signal(Signal::TERM);
        let run = running.finish(SOON).code(143);
        for name in
            sandbox.list("target").iter().filter_map(|name| name.to_str()).filter(|name| name.contains(".haul-part"))
        {
            says_how_to_continue(
                &run,
                &format!("target/{name}"),
                &format!("haul copy --resume -T {SLOW} {way} tree target"),
            );
        }
        let kept = done(&sandbox, "target");
        let run =
            sandbox.haul(format!("copy --resume -T {way} tree target --json")).without_rights().run().ok().silent();
        assert!(run.json()["skipped"].as_u64().expect("a number") + 3 >= kept.len() as u64, "{way}");
        assert_kept(&sandbox, "target", &kept, way);
        assert_eq!(sandbox.read("target/1/mine"), b"mine");
        sandbox.remove("target/1/mine");
        let mut expected = details(sandbox.path("tree"));
        let mut made = details(sandbox.path("target"));
        // Somebody's file was taken out of it just now.
        for all in [&mut expected, &mut made] {
            all.get_mut(std::path::Path::new("1")).expect("a directory").mtime = (0, 0);
        }
        let found = detail::differences(&expected, &made);
        assert!(found.is_empty(), "{way}: {found:?}");
        sandbox.assert_no_leftovers(way);
    }
}

#[test]
fn a_tree_below_a_directory_that_hands_on_its_group_is_continued() {
    let sandbox = furnished();
    sandbox.make_directory("shared");
    if is_root() {
        std::os::unix::fs::chown(sandbox.path("shared"), Some(NOBODY), Some(NOBODY)).expect("chown");
    }
    // What is made in it is set-group-id as well, and so is the unfinished tree.
    set_mode(sandbox.path("shared"), 0o2775);
    let words = "copy -T tree shared/target";
    begin(&sandbox, &format!("{words} {SLOW}"), "shared/target.haul-part/big/slow").signal(Signal::KILL);
    sandbox.haul("copy --resume -T tree shared/target").without_rights().run().ok();
    assert_equal(sandbox.path("tree"), sandbox.path("shared/target"), "continued");
}
