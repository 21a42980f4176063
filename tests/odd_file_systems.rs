//! File systems that keep times coarsely, or take names that differ in case only for one: `tests/common/odd_fs.py`, where
//! FUSE can be mounted, and ext4 with small inodes, where loop devices can.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;
#[path = "common/fuse.rs"]
mod fuse;

use std::path::Path;
use std::process::Command;

use common::{Sandbox, WAYS, have, is_root, set_mtime, skip};
use fuse::OddFs;

/// ext4 whose inodes have no room for parts of a second, mounted in a sandbox; unmounted when dropped.
struct SmallInodes<'a>(&'a Sandbox);

impl<'a> SmallInodes<'a> {
    fn mount(sandbox: &'a Sandbox) -> Option<Self> {
        if !is_root() || !have("mkfs.ext4") {
            skip("needs root and mkfs.ext4");
            return None;
        }
        let image = sandbox.write("image", "");
        sandbox.make_directory("mount");
        std::fs::File::options().write(true).open(image).and_then(|file| file.set_len(16 << 20)).expect("an image");
        sandbox.tool("mkfs.ext4", &["-q", "-F", "-I", "128", "image"]);
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-o", "loop", "image", "mount"]).current_dir(sandbox.path("")).output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            skip("no loop device can be mounted here");
            return None;
        }
        Some(Self(sandbox))
    }
}

impl Drop for SmallInodes<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path("mount")).status();
    }
}

/// Files with all sorts of times, below `s`.
fn furnish(sandbox: &Sandbox) {
    for (name, seconds, nanoseconds) in [
        ("s/odd", 1_700_000_001, 999_999_999),
        ("s/even", 1_700_000_000, 1),
        ("s/whole", 1_700_000_003, 0),
        ("s/sub/ms", 1_700_000_005, 123_000_000),
        ("s/sub/old", 1_000_000_001, 123_456_789),
    ] {
        sandbox.write(name, format!("contents of {name}"));
        set_mtime(sandbox.path(name), seconds, nanoseconds);
    }
}

/// Files copied by a command that names both sides.
#[track_caller]
fn copied(sandbox: &Sandbox, words: &str) -> u64 {
    let json = sandbox.haul(format!("{words} --json")).run().ok().silent().json();
    json["files"].as_u64().expect("a number")
}

/// What is up to date stays so, and what is newer by more than a step is seen.
fn check_update(sandbox: &Sandbox, step_seconds: i64) {
    furnish(sandbox);
    for (number, way) in [WAYS[0], WAYS[2]].into_iter().enumerate() {
        let target = format!("mount/d{number}");
        assert_eq!(copied(sandbox, &format!("copy {way} s {target}")), 5);
        for again in ["-u", "-u --sync", "--update=older --verify", "--resume"] {
            assert_eq!(copied(sandbox, &format!("copy {again} {way} s/. {target}")), 0, "{again} {way}");
        }
        let dry = sandbox.haul(format!("copy --dry-run -u s/. {target} --json")).run().ok().json();
        assert_eq!(dry["skipped"], 5, "{way}");
        // By the nanosecond all but the whole second's are older than their sources.
        let exact = copied(sandbox, &format!("copy -u --modify-window=-1 {way} s/. {target}"));
        assert!(exact > 0, "{way}");
        set_mtime(sandbox.path("s/odd"), 1_700_000_001 + step_seconds + 1, 999_999_999);
        assert_eq!(copied(sandbox, &format!("copy -u {way} s/. {target}")), 1, "{way}");
        set_mtime(sandbox.path("s/odd"), 1_700_000_001, 999_999_999);
        let compressed =
            |words: &str| copied(sandbox, &format!("gzip -rk {words} --output-dir mount/z{number} {way} s"));
        sandbox.make_directory(format!("mount/z{number}"));
        assert_eq!((compressed(""), compressed("--update")), (5, 0), "{way}");
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.path("mount/d0")).expect("list").flatten().collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn times_are_compared_as_finely_as_the_target_keeps_them() {
    for (steps, seconds) in [("--steps=100", 0), ("--steps=1000000000", 1), ("--steps=2000000000", 2)] {
        let sandbox = Sandbox::new();
        sandbox.make_directory("backing");
        let Some(_mounted) = OddFs::mount(&sandbox, &[steps]) else { return };
        check_update(&sandbox, seconds);
    }
}

#[test]
fn ext4_with_small_inodes_keeps_whole_seconds() {
    let sandbox = Sandbox::new();
    let Some(_mounted) = SmallInodes::mount(&sandbox) else { return };
    check_update(&sandbox, 1);
}

#[test]
fn a_modify_window_says_what_is_the_same_time() {
    let sandbox = Sandbox::new();
    sandbox.write("s/f", "new");
    sandbox.write("d/f", "old");
    set_mtime(sandbox.path("s/f"), 1_700_000_010, 5);
    for (earlier, window, files) in
        [(0, "0", 0), (1, "0", 1), (1, "1", 0), (3, "2", 1), (3, "3", 0), (3600, "3600", 0), (0, "-1", 1)]
    {
        sandbox.write("d/f", "old");
        set_mtime(sandbox.path("d/f"), 1_700_000_010 - earlier, 0);
        let words = format!("copy -u --modify-window {window} s/f d");
        assert_eq!(copied(&sandbox, &words), files, "{earlier} s earlier: {words}");
    }
    for word in ["x", "1.5", ""] {
        sandbox.haul("copy -u s/f d --modify-window").arg(word).run().code(2);
    }
}

/// Names that differ in case only, for files, links and directories.
fn furnish_twins(sandbox: &Sandbox, root: &str) {
    for name in ["Readme", "README", "readme", "plain", "2026", "sub/x", "SUB/X", "SUB/y", "sub/y", "\u{c4}", "\u{e4}"]
    {
        sandbox.write(format!("{root}/{name}"), format!("contents of {name}"));
    }
    for name in ["link", "LINK"] {
        sandbox.link(&format!("{root}/{name}"), name);
    }
}

/// What a target holds that folds case: for each name the contents.
fn held(directory: &Path) -> Vec<(String, String)> {
    let mut held = Vec::new();
    for entry in std::fs::read_dir(directory).expect("list").flatten() {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if path.is_symlink() {
            held.push((name, std::fs::read_link(path).expect("a link").display().to_string()));
        } else if path.is_dir() {
            held.extend(self::held(&path).into_iter().map(|(below, contents)| (format!("{name}/{below}"), contents)));
        } else {
            held.push((name, std::fs::read_to_string(path).expect("contents")));
        }
    }
    held
}

#[test]
fn names_that_differ_in_case_only_never_take_each_others_place() {
    for way in [WAYS[0], WAYS[2], WAYS[4]] {
        for (before, words) in [
            ("", "copy s mount/d"),
            ("d", "copy s/. mount/d"),
            ("d", "copy -f --remove-destination s/. mount/d"),
            ("d plain", "copy s/. mount/d"),
            ("d plain README link SUB/X", "copy s/. mount/d"),
            ("d readme sub/x", "copy --inplace s/. mount/d"),
        ] {
            let sandbox = Sandbox::new();
            sandbox.make_directory("backing");
            furnish_twins(&sandbox, "s");
            let Some(_mounted) = OddFs::mount(&sandbox, &["--fold"]) else { return };
            let mut names = before.split_whitespace();
            if let Some(directory) = names.next() {
                sandbox.make_directory(format!("mount/{directory}"));
                for name in names {
                    sandbox.write(format!("mount/{directory}/{name}"), "older");
                }
            }
            let words = format!("{words} {way}");
            let run = sandbox.haul(&words).run().code(1);
            let mut held = held(&sandbox.path("mount/d"));
            // Of two directories that are made at a time the second one cannot get its name, and is kept.
            held.retain(|(name, _)| !name.contains(".haul-part"));
            for (name, contents) in &held {
                let own = format!("contents of {name}");
                let spelled_alike = contents.to_lowercase() == own.to_lowercase();
                let is_own = *contents == own || (name.to_lowercase() == "link" && contents.to_lowercase() == "link");
                // What was there before under another case keeps its spelling, and gets the contents of that name.
                assert!(
                    is_own || (spelled_alike && !before.is_empty()),
                    "{words}: {name} holds {contents}\n{}",
                    run.err
                );
            }
            assert_eq!(held.len(), 7, "{words}: {held:?}\n{}", run.err);
            // One line for each that was refused: of Readme two, of sub one directory or its two files.
            assert!(run.err.lines().count() >= 5, "{words}: {}", run.err);
        }
    }
}

#[test]
fn a_name_that_is_spelled_otherwise_in_the_target_is_replaced() {
    let sandbox = Sandbox::new();
    sandbox.make_directory("backing/d/SUB");
    sandbox.write("backing/d/README", "older");
    sandbox.write("backing/d/SUB/x", "older");
    sandbox.write("s/readme", "newer");
    sandbox.write("s/sub/X", "newer");
    let Some(_mounted) = OddFs::mount(&sandbox, &["--fold"]) else { return };
    sandbox.haul("copy s/. mount/d").run().ok().silent();
    assert_eq!((sandbox.read("mount/d/readme"), sandbox.read("mount/d/sub/x")), (b"newer".to_vec(), b"newer".to_vec()));
    // Sources from several directories, or by their names.
    sandbox.write("t/Readme", "another");
    for words in ["copy t/Readme s/readme mount/d", "copy s/readme t/Readme mount/d"] {
        let run = sandbox.haul(words).run().code(1);
        assert_eq!(run.err.lines().count(), 1, "{words}: {}", run.err);
        let first: &[u8] = if words.starts_with("copy t") { b"another" } else { b"newer" };
        assert_eq!(sandbox.read("mount/d/readme"), first, "{words}: {}", run.err);
    }
}
