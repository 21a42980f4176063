//! Several names of one file stay one file: beside targets that are there already, where symbolic links are followed, and
//! where one source lies in another.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::fs::hard_link;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::cp::have_gnu_cp;
use common::{Sandbox, make_fifo, set_mtime, ways};

/// Names below a directory, in groups of those that are one file, each with its contents.
fn groups(directory: &Path) -> Vec<(Vec<PathBuf>, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(above) = waiting.pop() {
        for entry in std::fs::read_dir(above).expect("list").flatten() {
            let metadata = entry.metadata().expect("it is there");
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else {
                let bytes = if metadata.is_file() { std::fs::read(entry.path()).expect("read") } else { Vec::new() };
                let name = entry.path().strip_prefix(directory).expect("below it").to_owned();
                found.push((metadata.ino(), name, bytes));
            }
        }
    }
    found.sort();
    let mut groups: Vec<(u64, Vec<PathBuf>, Vec<u8>)> = Vec::new();
    for (inode, name, bytes) in found {
        match groups.last_mut() {
            Some(group) if group.0 == inode => group.1.push(name),
            _ => groups.push((inode, vec![name], bytes)),
        }
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(_, names, bytes)| (names, bytes)).collect();
    groups.sort();
    groups
}

/// What cp makes of a sandbox that `furnish` fills, in its directory `d`.
fn by_cp(furnish: &dyn Fn(&Sandbox), words: &str) -> Vec<(Vec<PathBuf>, Vec<u8>)> {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    let mut command = Command::new("cp");
    let status = command.args(words.split(' ')).current_dir(sandbox.path("")).status().expect("run cp");
    assert!(status.success(), "cp {words}");
    groups(&sandbox.path("d"))
}

#[track_caller]
fn assert_as_cp(furnish: &dyn Fn(&Sandbox), words: &str, what: &str) {
    let wanted = by_cp(furnish, words);
    for way in ways() {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        sandbox.haul(format!("copy {words} {way}")).run().ok();
        assert_eq!(groups(&sandbox.path("d")), wanted, "{what}: {words} {way}");
        sandbox.assert_no_leftovers(words);
    }
}

const SECONDS: i64 = 1_000_000_000;

/// `s/a`, `s/b` and `s/c` are one file; the targets that are named are there already, each with its contents and so many
/// seconds newer.
fn three_names(sandbox: &Sandbox, there: &[(&str, &str, i64)]) {
    set_mtime(sandbox.write("s/a", "contents"), SECONDS, 5);
    for name in ["s/b", "s/c"] {
        hard_link(sandbox.path("s/a"), sandbox.path(name)).expect("link");
    }
    sandbox.make_directory("d");
    for (name, contents, newer) in there {
        set_mtime(sandbox.write(Path::new("d").join(name), contents), SECONDS + newer, 5);
    }
}

#[test]
fn a_target_that_is_up_to_date_stays_one_file_with_the_others() {
    if !have_gnu_cp() {
        return;
    }
    let (same, newer, older) = ("contents", 100, -100);
    for there in [
        &[][..],
        &[("a", same, 0)],
        &[("b", same, 0)],
        &[("c", same, 0)],
        &[("a", same, newer)],
        &[("c", same, newer)],
        &[("b", "old", older)],
        &[("a", same, 0), ("b", same, 0)],
        &[("a", same, 0), ("b", "old", older)],
        &[("a", same, newer), ("b", same, 0), ("c", "old", older)],
        &[("a", same, 0), ("b", same, newer), ("c", same, newer)],
    ] {
        for words in ["-a -u s/. d", "-a -n s/. d", "-a s/. d", "-a -u s/a s/b s/c d"] {
            assert_as_cp(&|sandbox| three_names(sandbox, there), words, &format!("{there:?}"));
        }
    }
}

/// Where cp replaces a newer file with a link to an older one, or makes other names of the older one of it.
#[test]
fn a_newer_target_that_holds_something_else_is_left_alone() {
    for way in ways() {
        for taken in ["a", "b", "c"] {
            let sandbox = Sandbox::new();
            three_names(&sandbox, &[(taken, "changed!", 100)]);
            sandbox.haul(format!("copy -au s/. d {way}")).run().ok();
            let (mut others, mut changed) = (Vec::new(), Vec::new());
            for (names, bytes) in groups(&sandbox.path("d")) {
                if bytes == b"changed!" { changed.push(names) } else { others.push(names) }
            }
            assert_eq!(changed, [[PathBuf::from(taken)]], "{taken} {way}");
            assert_eq!((others.len(), others[0].len()), (1, 2), "{taken} {way}");
        }
    }
}

#[test]
fn special_files_and_symbolic_links_stay_one_too() {
    for (words, way) in [("-a", "--workers 1"), ("-a -u", "--workers 1"), ("-a -u", "--workers 2")] {
        let sandbox = Sandbox::new();
        sandbox.make_directory("s");
        sandbox.make_directory("d");
        make_fifo(sandbox.path("s/pipe"));
        sandbox.link("s/link", "nowhere");
        for name in ["pipe", "link"] {
            set_mtime(sandbox.path("s").join(name), SECONDS, 0);
            hard_link(sandbox.path("s").join(name), sandbox.path(format!("s/{name}-2"))).expect("link");
        }
        let copy = || sandbox.haul(format!("copy {words} s/. d {way}")).run().ok();
        copy();
        for gone in ["link", "link-2", "nothing"] {
            sandbox.remove(Path::new("d").join(gone));
            copy();
            assert_eq!(groups(&sandbox.path("d")), groups(&sandbox.path("s")), "{words} {way}, without {gone}");
        }
    }
}

/// Files with one name and with two, and symbolic links to them.
fn links_to_files(sandbox: &Sandbox) {
    for (name, contents) in [("s/file", "one"), ("s/two", "two"), ("outside", "out")] {
        sandbox.write(name, contents);
    }
    sandbox.make_directory("s/sub");
    sandbox.make_directory("d");
    hard_link(sandbox.path("s/two"), sandbox.path("s/two-2")).expect("link");
    make_fifo(sandbox.path("s/pipe"));
    for (name, text) in [
        ("s/a", "file"),
        ("s/z", "file"),
        ("s/sub/up", "../file"),
        ("s/to-two", "two"),
        ("s/out", "../outside"),
        ("s/sub/out", "../../outside"),
        ("s/to-pipe", "pipe"),
        ("named", "s/file"),
        ("s/to-sub", "sub"),
    ] {
        sandbox.link(name, text);
    }
}

#[test]
fn a_file_and_a_symbolic_link_that_is_followed_are_one() {
    if !have_gnu_cp() {
        return;
    }
    for words in [
        "-aL s/. d",
        "-aL s d",
        "-rL --preserve=links s/. d",
        "-aL s/file s/z s/sub d",
        "-aL named outside s d",
        "-aH s/file s/a s/z d",
        "-aH s/z s/file s/sub d",
        "-aH s/to-two s/two s/two-2 s/z s/file d",
        "-aH named s d",
        "-aH s named d",
        "-aH s/out outside d",
        "-aH s/pipe s/to-pipe d",
        "-aP s/file s/z d",
        "-rL --no-preserve=links s/. d",
        "-aH --no-preserve=links s/z s/file d",
    ] {
        assert_as_cp(&links_to_files, words, "followed");
    }
}

#[test]
fn sources_that_lie_in_each_other_have_names_met_twice() {
    if !have_gnu_cp() {
        return;
    }
    for words in ["-a s/two s d", "-a s s/two s/two-2 d", "-a s/two-2 s/two s d"] {
        let furnish = |sandbox: &Sandbox| {
            links_to_files(sandbox);
            hard_link(sandbox.path("s/two"), sandbox.path("s/sub/two-3")).expect("link");
        };
        assert_as_cp(&furnish, words, "twice");
    }
}

/// Names are forgotten and their bytes used again: groups end in another order than they began.
#[test]
fn many_groups_at_once_are_kept_apart() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.make_directory("outside");
        for group in 0..600 {
            let name = format!("{group:0>width$}", width = 1 + group % 40);
            let first = sandbox.write(format!("tree/{}/{name}-first", group % 3), group.to_string());
            let second = sandbox.path(format!("tree/{}/{name}-second", (group + 1) % 3));
            std::fs::create_dir_all(second.parent().expect("a parent")).expect("make directories");
            hard_link(&first, second).expect("link");
            if group % 5 == 0 {
                hard_link(&first, sandbox.path(format!("outside/{group}"))).expect("link");
            }
        }
        sandbox.haul(format!("copy tree copied {way}")).run().ok().silent();
        assert_eq!(groups(&sandbox.path("copied")), groups(&sandbox.path("tree")), "{way}");
    }
}
