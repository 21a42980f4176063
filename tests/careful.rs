//! Odd combinations in which a copy could destroy something, or pass for whole, and must not.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::fs::{hard_link, metadata, symlink_metadata};
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use common::attributes::{attributes, set_acl};
use common::{Sandbox, mark_as_ours, noise, set_mode, set_mtime, snapshot, ways};
use rustix::process::Signal;

/// Writes a file that was last changed at a certain second.
fn dated(sandbox: &Sandbox, name: &str, text: &str, seconds: i64) {
    set_mtime(sandbox.write(name, text), seconds, 42);
}

fn inode(sandbox: &Sandbox, name: &str) -> u64 {
    symlink_metadata(sandbox.path(name)).unwrap().ino()
}

#[test]
fn a_tree_that_was_interrupted_never_gets_its_name() {
    let sandbox = Sandbox::new();
    for number in 0..360 {
        sandbox.write(format!("tree/{}/{}", number / 9, number % 9), noise(number, 3_000));
    }
    let whole = snapshot(sandbox.path("tree")).len();
    for attempt in 0..60 {
        let running = sandbox.haul("copy --workers 8 tree target").spawn();
        std::thread::sleep(Duration::from_micros(4_000 + 400 * attempt));
        running.signal(Signal::INT);
        let run = running.finish(Duration::from_secs(30));
        if sandbox.exists("target") {
            assert_eq!(snapshot(sandbox.path("target")).len(), whole, "{} {}", run.status(), run.err);
            sandbox.remove("target");
        }
        if sandbox.exists("target.haul-part") {
            assert!(run.err.contains("kept 'target.haul-part'"), "{}", run.err);
            sandbox.remove("target.haul-part");
        }
    }
}

#[test]
fn what_is_passed_over_is_no_copy_to_link_to() {
    for option in ["-n", "-u", "--update=none"] {
        let sandbox = Sandbox::new();
        dated(&sandbox, "tree/a", "the source", 1_000_000_000);
        hard_link(sandbox.path("tree/a"), sandbox.path("tree/b")).unwrap();
        // One name is taken by something else, whichever of the two is met first.
        for taken in ["a", "b"] {
            let other = if taken == "a" { "b" } else { "a" };
            dated(&sandbox, &format!("target/{taken}"), "something else", 1_500_000_000);
            sandbox.haul(format!("copy --resume {option} -T tree target")).run().ok();
            assert_eq!(sandbox.read(format!("target/{taken}")), b"something else", "{option} {taken}");
            assert_eq!(sandbox.read(format!("target/{other}")), b"the source", "{option} {taken}");
            sandbox.remove("target");
        }
    }
}

#[test]
fn a_source_may_be_called_as_another_one_is_meanwhile() {
    let sandbox = Sandbox::new();
    sandbox.write("x", noise(1, 300_000));
    sandbox.write("x.haul-part", "part");
    sandbox.make_directory("target");
    for words in ["copy x x.haul-part target", "copy x.haul-part x target", "copy -n x x.haul-part target"] {
        for way in ways() {
            sandbox.haul(format!("{words} {way}")).run().ok();
            assert!(sandbox.read("target/x") == noise(1, 300_000), "{words} {way}");
            assert_eq!(sandbox.read("target/x.haul-part"), b"part", "{words} {way}");
            sandbox.remove("target");
            sandbox.make_directory("target");
        }
    }
    // In a directory that is there already nobody could tell the two apart.
    sandbox.write("tree/y.haul-part", "part");
    sandbox.haul("copy tree/. target").run().code(1).says(&["tree/./y.haul-part", "unfinished copy"]);
    sandbox.haul("copy tree target").run().ok().silent();
    assert_eq!(sandbox.read("target/tree/y.haul-part"), b"part");
}

#[test]
fn a_backup_destroys_neither_its_source_nor_what_was_copied_just_now() {
    let sandbox = Sandbox::new();
    sandbox.write("f~", "new");
    sandbox.write("f", "old");
    let absolute = sandbox.path("f~");
    for words in ["copy --backup=simple f~ f".to_owned(), format!("copy -s --backup=simple {} f", absolute.display())] {
        // A relative target lies here, so the link could be made.
        sandbox.haul(&words).run().code(1).says(&["cannot back up", "would replace the source"]);
        assert_eq!((sandbox.read("f~"), sandbox.read("f")), (b"new".to_vec(), b"old".to_vec()), "{words}");
    }
    for way in ways() {
        for name in ["f", "f~"] {
            sandbox.write(format!("source/{name}"), format!("source's {name}"));
            sandbox.write(format!("target/{name}"), format!("target's {name}"));
        }
        let run = sandbox.haul(format!("copy --backup=simple -T source target {way}")).run();
        let kept: Vec<_> =
            sandbox.list("target").iter().map(|name| sandbox.read(sandbox.path("target").join(name))).collect();
        for text in ["source's f~", "target's f"] {
            assert!(kept.iter().any(|bytes| bytes == text.as_bytes()), "{way}: {text} is nowhere: {}", run.err);
        }
        assert!(run.succeeded() || run.err.contains("--backup=numbered would not"), "{way}: {}", run.err);
        sandbox.remove("target");
    }
    // A backup that is the file already.
    sandbox.write("d/s", "old");
    hard_link(sandbox.path("d/s"), sandbox.path("d/s~")).unwrap();
    sandbox.haul("copy --backup=simple -T f d/s").run().ok().silent();
    assert_eq!((sandbox.read("d/s"), sandbox.read("d/s~")), (b"old".to_vec(), b"old".to_vec()));
    sandbox.assert_no_leftovers("backups");
}

#[test]
fn attributes_only_replaces_nothing() {
    let sandbox = Sandbox::new();
    set_mode(sandbox.write("source/x", "source"), 0o640);
    hard_link(sandbox.path("source/x"), sandbox.path("source/y")).unwrap();
    sandbox.link("source/l", "x");
    sandbox.write("target/l", "precious");
    for name in ["x", "y"] {
        sandbox.write(format!("target/{name}"), name);
    }
    sandbox.haul("copy --attributes-only -T source target").run().code(1).says(&["'source/l'", "only attributes"]);
    assert_eq!(sandbox.read("target/l"), b"precious");
    for name in ["x", "y"] {
        assert_eq!(sandbox.read(format!("target/{name}")), name.as_bytes());
        assert_eq!(metadata(sandbox.path("target").join(name)).unwrap().mode() & 0o777, 0o640);
    }
    // Through a link that was named, as with cp; but a FIFO is not a link.
    sandbox.link("link", "target/l");
    sandbox.haul("copy --attributes-only source/x link").run().ok();
    assert_eq!(sandbox.read("target/l"), b"precious");
    assert_eq!(metadata(sandbox.path("target/l")).unwrap().mode() & 0o777, 0o640);
    common::make_fifo(sandbox.path("fifo"));
    sandbox.haul("copy --attributes-only source/x fifo").run().code(1).says(&["a FIFO", "only attributes"]);
}

#[test]
fn what_is_done_is_brought_up_to_date_and_verified_where_that_is_wished() {
    let sandbox = Sandbox::new();
    for name in ["same", "other"] {
        dated(&sandbox, &format!("tree/{name}"), "contents", 1_000_000_000);
        dated(&sandbox, &format!("target/{name}"), "contents", 1_000_000_000);
    }
    dated(&sandbox, "target/other", "CONTENTS", 1_000_000_000);
    set_mode(sandbox.path("tree/same"), 0o600);
    let before = inode(&sandbox, "target/same");
    sandbox.haul("copy --resume -T tree target").run().ok().silent();
    assert_eq!(metadata(sandbox.path("target/same")).unwrap().mode() & 0o777, 0o600, "its mode changed meanwhile");
    assert_eq!(sandbox.read("target/other"), b"CONTENTS", "size and time are the same");
    sandbox.haul("copy --resume --verify -T tree target").run().ok().silent();
    assert_eq!(sandbox.read("target/other"), b"contents");
    assert_eq!(inode(&sandbox, "target/same"), before, "copied again");
    sandbox.haul("copy --resume --no-preserve=timestamps tree target").run().code(2);
}

#[test]
fn a_file_that_is_half_written_in_place_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("large", noise(1, 3_000_000));
    sandbox.write("f", "old");
    hard_link(sandbox.path("f"), sandbox.path("g")).unwrap();
    let running = sandbox.haul("copy --engine read_write --buffer 1 large f").spawn();
    common::wait_until("the first bytes", || metadata(sandbox.path("g")).unwrap().len() > 1_000);
    running.signal(Signal::TERM);
    let run = running.finish(Duration::from_secs(30)).code(143);
    assert!(metadata(sandbox.path("g")).unwrap().len() < 3_000_000, "{}", run.err);
    run.says(&["'f'", "not whole", "copy it again"]);
}

#[test]
fn no_acl_of_a_default_gets_into_a_tree_that_is_continued_or_made_on_the_way() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/d/one", "1");
    sandbox.write("tree/d/sub/two", "2");
    if !set_acl(sandbox.path("tree/d"), "default", "u::rwx u:1234:rwx g::r-x m::rwx o::---") {
        return;
    }
    sandbox.tool("cp", &["-a", "tree", "target.haul-part"]);
    sandbox.remove("target.haul-part/d/sub");
    mark_as_ours(sandbox.path("target.haul-part"));
    sandbox.haul("copy --resume tree target").run().ok().silent();
    for name in ["", "d", "d/one", "d/sub", "d/sub/two"] {
        let of = |root: &str| attributes(&sandbox.path(root).join(name));
        assert!(of("tree") == of("target"), "{name}");
    }
    sandbox.make_directory("there");
    set_acl(sandbox.path("there"), "default", "u::rwx u:1234:rwx g::r-x m::rwx o::---");
    sandbox.haul("copy --parents tree/d/sub/two there").run().ok().silent();
    assert!(attributes(&sandbox.path("there/tree")) == attributes(&sandbox.path("tree")), "made on the way");
    // Without the mode, what is made is as everything there.
    sandbox.haul("copy --no-preserve=mode -T tree/d/sub there/new").run().ok();
    sandbox.make_directory("there/like");
    sandbox.write("there/like/two", "2");
    let of = |name: &str| attributes(&sandbox.path("there").join(name)).into_keys().collect::<Vec<_>>();
    assert_eq!(of("new/two"), of("like/two"));
}

#[test]
fn the_time_of_access_is_the_one_before_the_copy() {
    let sandbox = Sandbox::new();
    for number in 0..20 {
        let path = sandbox.write(format!("tree/{number}"), "contents");
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let old = std::time::UNIX_EPOCH + Duration::new(1_000_000_000 + number, 7);
        file.set_times(std::fs::FileTimes::new().set_accessed(old).set_modified(old)).unwrap();
    }
    sandbox.haul("copy tree target").run().ok();
    for number in 0..20 {
        let copied = metadata(sandbox.path(format!("target/{number}"))).unwrap();
        assert_eq!((copied.atime(), copied.atime_nsec()), (1_000_000_000 + number, 7));
    }
}

/// What a replaced link says of itself is nobody's wish: mode 777, and the owner whoever put it there.
#[test]
fn only_a_regular_file_hands_on_its_mode_and_owner() {
    let look = |sandbox: &Sandbox, name: &str| {
        let it = symlink_metadata(sandbox.path(name)).unwrap();
        (it.is_file(), it.mode() & 0o7777, it.uid())
    };
    let (me, other) = (rustix::process::geteuid().as_raw(), if common::is_root() { common::NOBODY } else { 0 });
    let give = |path: std::path::PathBuf| {
        if common::is_root() {
            std::os::unix::fs::lchown(path, Some(other), Some(other)).unwrap();
        }
    };
    let owner = if common::is_root() { other } else { me };
    for (options, from_file, from_other) in [
        ("--no-preserve=all", (true, 0o600, owner), (true, 0o640, me)),
        ("--no-preserve=mode", (true, 0o600, me), (true, 0o640, me)),
        ("--no-preserve=ownership", (true, 0o640, owner), (true, 0o640, me)),
        ("--no-preserve=all --remove-destination", (true, 0o640, me), (true, 0o640, me)),
        ("--no-preserve=mode --remove-destination", (true, 0o640, me), (true, 0o640, me)),
        ("--no-preserve=ownership --remove-destination", (true, 0o640, me), (true, 0o640, me)),
    ] {
        for way in ways() {
            let sandbox = Sandbox::new();
            for name in ["source/file", "source/link", "source/fifo"] {
                set_mode(sandbox.write(name, "contents"), 0o640);
            }
            let elsewhere = sandbox.write("elsewhere", "nobody writes here");
            set_mode(sandbox.write("target/file", "older"), 0o600);
            give(sandbox.path("target/file"));
            sandbox.link("target/link", elsewhere.to_str().unwrap());
            give(sandbox.path("target/link"));
            common::make_fifo(sandbox.path("target/fifo"));
            set_mode(sandbox.path("target/fifo"), 0o666);
            give(sandbox.path("target/fifo"));
            sandbox.haul(format!("copy {options} {way} -T source target")).run().ok();
            for (name, wanted) in [("file", from_file), ("link", from_other), ("fifo", from_other)] {
                assert_eq!(look(&sandbox, &format!("target/{name}")), wanted, "{name}: {options} {way}");
            }
            // By its name, and into a directory.
            sandbox.remove("target/link");
            sandbox.link("target/link", elsewhere.to_str().unwrap());
            give(sandbox.path("target/link"));
            sandbox.haul(format!("copy {options} {way} source/link target")).run().ok();
            assert_eq!(look(&sandbox, "target/link"), from_other, "{options} {way}");
            assert_eq!(sandbox.read("elsewhere"), b"nobody writes here");
        }
    }
}
