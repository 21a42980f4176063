//! `haul copy` from outside: what arrives, what is left alone, what is refused.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use common::tree::{LATIN1, make_awkward_tree, without_directory_times};
use common::{
    ENGINES, Sandbox, WAYS, assert_same, engines_and_ways, have, is_root, noise, prose, sample, set_mode, set_mtime,
    skip, snapshot, ways,
};

#[test]
fn a_tree_arrives_whole_whatever_the_engine_and_the_workers() {
    let sandbox = Sandbox::new();
    make_awkward_tree(&sandbox, "tree");
    let expected = snapshot(sandbox.path("tree"));
    for way in engines_and_ways() {
        sandbox.haul(format!("copy tree copy {way}")).run().ok().silent();
        assert_same(&expected, &snapshot(sandbox.path("copy")), &way);
        sandbox.remove("copy");
    }
    assert_same(&expected, &snapshot(sandbox.path("tree")), "the source itself");
    sandbox.assert_no_leftovers("after all copies");
}

#[test]
fn an_ordinary_user_can_copy_directories_that_cannot_be_written_to() {
    let sandbox = Sandbox::new();
    make_awkward_tree(&sandbox, "tree");
    // Only root may make one.
    sandbox.remove("tree/device");
    sandbox.give_away();
    let expected = snapshot(sandbox.path("tree"));
    for way in ways() {
        sandbox.haul(format!("copy tree copy {way}")).without_rights().run().ok().silent();
        assert_same(&expected, &snapshot(sandbox.path("copy")), way);
        sandbox.remove("copy");
    }
}

#[test]
fn a_directory_of_large_and_small_files_arrives_whole_whoever_takes_which() {
    let sandbox = Sandbox::new();
    let large = noise(1, (4 << 20) + 17);
    for number in 0..24_u8 {
        // Some two in a row, and one at the end: behind each large one the rest is shared.
        let length = if matches!(number % 6, 1 | 2 | 5) { large.len() } else { 100 };
        sandbox.write(format!("many/{number}"), [&[number], &large[..length]].concat());
    }
    let expected = snapshot(sandbox.path("many"));
    for workers in [2, 5] {
        sandbox.haul(format!("copy many copy --workers {workers}")).run().ok().silent();
        assert_same(&expected, &snapshot(sandbox.path("copy")), &format!("{workers} workers"));
        sandbox.remove("copy");
    }
}

#[test]
fn the_copy_equals_what_cp_makes() {
    if !have("cp") || !have("diff") {
        return;
    }
    let sandbox = Sandbox::new();
    make_awkward_tree(&sandbox, "tree");
    sandbox.tool("cp", &["-a", "tree", "by-cp"]);
    sandbox.haul("copy tree by-haul").run().ok();
    assert_same(&snapshot(sandbox.path("by-cp")), &snapshot(sandbox.path("by-haul")), "against cp -a");
    // diff would wait for the FIFOs, and says that two sockets differ.
    let special = ["fifo", "fifo-too", "socket", "device"].map(|name| format!("--exclude={name}"));
    let mut words = vec!["-r", "--no-dereference", "by-cp", "by-haul"];
    words.extend(special.iter().map(String::as_str));
    sandbox.tool("diff", &words);
}

#[test]
fn files_of_every_length_arrive_through_buffers_of_every_size() {
    let sandbox = Sandbox::new();
    for (length, buffers) in [
        (0, "1 4K"),
        (1, "1 4K"),
        (1000, "1 7 999 1000 1001 4K"),
        (131_071, "512B 5000 128K"),
        (131_072, "4K 128K 1M"),
        (131_073, "4K 128K"),
        // Longer than any range that one worker takes at a time is likely to be, and no multiple of anything.
        (20_000_003, "64K 1M 4M"),
    ] {
        let bytes = noise(length as u64, length);
        sandbox.write("source", &bytes);
        for buffer in buffers.split(' ') {
            for engine in ENGINES {
                for way in [WAYS[0], WAYS[2], WAYS[4]] {
                    let words = format!("copy source target --buffer {buffer} --engine {engine} {way}");
                    sandbox.haul(&words).run().ok().silent();
                    assert!(sandbox.read("target") == bytes, "{words}: {length} bytes came out different");
                    sandbox.remove("target");
                }
            }
        }
    }
    sandbox.assert_no_leftovers("after all copies");
}

#[test]
fn past_the_page_cache_every_length_arrives_whole() {
    let sandbox = Sandbox::new();
    for length in [0, 1, 4095, 4096, 4097, 1_048_576, 20_000_003] {
        let bytes = noise(length as u64, length);
        sandbox.write("source", &bytes);
        for (buffer, way) in
            ["4K", "12K", "1M", "4M"].iter().flat_map(|buffer| ways().iter().map(move |way| (buffer, way)))
        {
            let words = format!("copy source target --engine direct --buffer {buffer} {way}");
            let run = sandbox.haul(&words).run();
            if !run.succeeded() && run.words().contains("Invalid argument") {
                eprintln!("skipped: no direct access in {}", sandbox.path("").display());
                return;
            }
            run.ok().silent();
            assert!(sandbox.read("target") == bytes, "{words}: {length} bytes came out different");
            sandbox.remove("target");
        }
    }
    sandbox.write("source", noise(1, 3_000_001));
    sandbox.haul("copy source target --engine direct -v").run().ok().says(&["3000001 bytes by direct"]);
    make_awkward_tree(&sandbox, "tree");
    for way in ways() {
        sandbox.haul(format!("copy tree copy --engine direct {way}")).run().ok().silent();
        assert_same(&snapshot(sandbox.path("tree")), &snapshot(sandbox.path("copy")), way);
        sandbox.remove("copy");
    }
}

#[test]
fn blocks_are_shared_or_there_is_no_copy() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/small", "small");
    sandbox.write("tree/large", noise(1, 9_000_000));
    let run = sandbox.haul("copy tree copy --engine reflink -v --workers 2").run();
    if run.succeeded() {
        run.says(&["9000000 bytes by reflink"]);
        assert_same(&snapshot(sandbox.path("tree")), &snapshot(sandbox.path("copy")), "cloned");
    } else {
        run.code(1).says(&["cannot clone", "large", "small"]);
        sandbox.remove("copy");
    }
    sandbox.assert_no_leftovers("after cloning");
}

#[test]
fn a_pool_of_any_size_and_none_give_the_same_copy() {
    let sandbox = Sandbox::new();
    let bytes = noise(1, 3_000_001);
    sandbox.write("source", &bytes);
    for pool in ["1", "2", "16", "auto", "off"] {
        for way in ways() {
            let words = format!("copy source target --buffer 64K --engine read_write --pool {pool} {way}");
            sandbox.haul(&words).run().ok();
            assert!(sandbox.read("target") == bytes, "{words}");
            sandbox.remove("target");
        }
    }
}

#[test]
fn holes_are_read_back_as_zeros_and_cost_no_space() {
    let sandbox = Sandbox::new();
    let file = std::fs::File::create(sandbox.path("sparse")).unwrap();
    file.write_all_at(b"here", 5 << 20).unwrap();
    file.set_len(16 << 20).unwrap();
    drop(file);
    let allocated = |name: &str| std::fs::metadata(sandbox.path(name)).unwrap().blocks() * 512;
    let has_holes = allocated("sparse") < 1 << 20;
    for engine in ENGINES {
        let words = format!("copy sparse target --engine {engine} --workers 2");
        sandbox.haul(&words).run().ok();
        assert!(sandbox.read("target") == sandbox.read("sparse"), "{words}");
        if has_holes {
            assert!(allocated("target") < 2 << 20, "{words}: {} bytes allocated", allocated("target"));
        } else {
            skip("this file system keeps no holes");
        }
        sandbox.remove("target");
    }
}

#[test]
fn a_directory_as_target_takes_the_sources_by_their_names() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("one", "1");
        sandbox.write("two/inside", "2");
        sandbox.write("there/already", "3");
        sandbox.link("link", "one");
        sandbox.haul(format!("copy one two link there {way}")).run().ok().silent();
        for name in ["one", "two", "link"] {
            let copy = sandbox.path("there").join(name);
            assert_same(&snapshot(sandbox.path(name)), &snapshot(copy), &format!("{name} {way}"));
        }
        assert_eq!(sandbox.read("there/already"), b"3");
        assert_eq!(sandbox.list("there").len(), 4);
    }
}

#[test]
fn a_trailing_slash_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "1");
    sandbox.make_directory("there");
    sandbox.haul("copy tree/ there/").run().ok();
    assert_eq!(sandbox.read("there/tree/file"), b"1");
    sandbox.haul("copy tree/ fresh/").run().ok();
    assert_eq!(sandbox.read("fresh/file"), b"1");
}

#[test]
fn a_tree_copied_onto_one_of_the_same_name_joins_it() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("tree/changed", "new and longer");
        sandbox.write("tree/sub/added", "added");
        sandbox.write("there/tree/changed", "old");
        sandbox.write("there/tree/sub/kept", "kept");
        sandbox.haul(format!("copy tree there {way}")).run().ok();
        assert_eq!(sandbox.read("there/tree/changed"), b"new and longer", "{way}");
        assert_eq!(sandbox.read("there/tree/sub/added"), b"added", "{way}");
        assert_eq!(sandbox.read("there/tree/sub/kept"), b"kept", "{way}");
        sandbox.assert_no_leftovers(way);
    }
}

#[test]
fn several_sources_need_a_directory_as_target() {
    let sandbox = Sandbox::new();
    sandbox.write("one", "1");
    sandbox.write("two", "2");
    sandbox.write("file", "3");
    for target in ["missing", "file"] {
        let run = sandbox.haul(format!("copy one two {target}")).run();
        assert!(!run.succeeded(), "{}", run.words());
        run.says(&[target]);
    }
    assert!(!sandbox.exists("missing"));
    assert_eq!(sandbox.read("file"), b"3");
}

#[test]
fn two_sources_of_one_name_do_not_overwrite_each_other_in_silence() {
    let sandbox = Sandbox::new();
    sandbox.write("a/same", "from a");
    sandbox.write("b/same", "from b");
    sandbox.make_directory("there");
    let run = sandbox.haul("copy a/same b/same there --workers 2").run();
    // cp says "will not overwrite just-created"; whichever wins, somebody has to hear of it.
    assert!(!run.succeeded(), "exit 0, and one of the two is gone");
    let kept = sandbox.read("there/same");
    assert!(kept == b"from a" || kept == b"from b");
}

#[test]
fn an_older_file_is_replaced_whole() {
    for way in engines_and_ways() {
        let sandbox = Sandbox::new();
        sandbox.write("source", prose(1, 300_000));
        sandbox.write("target", prose(2, 500_000));
        sandbox.haul(format!("copy source target {way}")).run().ok().silent();
        assert!(sandbox.read("target") == sandbox.read("source"), "{way}");
        assert_eq!(sandbox.list("").len(), 2, "{way}");
    }
}

#[test]
fn a_target_that_is_a_link_or_has_other_names_stays_that() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "new");
    sandbox.write("real", "the old and longer contents");
    sandbox.link("link", "real");
    sandbox.haul("copy source link").run().ok();
    assert!(sandbox.path("link").is_symlink(), "the link was replaced");
    assert_eq!(sandbox.read("real"), b"new");

    sandbox.write("first", "the old and longer contents");
    std::fs::hard_link(sandbox.path("first"), sandbox.path("second")).unwrap();
    sandbox.haul("copy source first").run().ok();
    assert_eq!(sandbox.read("second"), b"new", "the other name still shows the old contents");
    assert_eq!(std::fs::metadata(sandbox.path("first")).unwrap().nlink(), 2);
}

#[test]
fn a_device_as_target_takes_the_bytes() {
    let sandbox = Sandbox::new();
    sandbox.write("source", prose(1, 100_000));
    sandbox.give_away();
    let look = || std::fs::metadata("/dev/null").map(|device| (device.mode(), device.uid(), device.rdev())).unwrap();
    let before = look();
    for engine in ENGINES {
        // Never as root: a copy that also gave the device its source's mode would lock everybody else out of it.
        sandbox.haul(format!("copy source /dev/null --engine {engine}")).without_rights().run().ok();
    }
    assert_eq!(before, look());
}

#[test]
fn a_link_and_a_fifo_are_copied_as_such() {
    let sandbox = Sandbox::new();
    sandbox.link("link", "no/such/place");
    common::make_fifo(sandbox.path("fifo"));
    for way in ways() {
        for (name, said) in [("link", ""), ("fifo", "it is a FIFO, which is copied as it is")] {
            let run = sandbox.haul(format!("copy {name} copy {way}")).run().ok().says(&[said]);
            assert_eq!(run.err.is_empty(), said.is_empty(), "{name} {way}");
            assert_same(&snapshot(sandbox.path(name)), &snapshot(sandbox.path("copy")), &format!("{name} {way}"));
            sandbox.remove("copy");
        }
    }
}

#[test]
fn a_file_onto_itself_is_refused_by_every_name_it_has() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("file", "contents");
        sandbox.make_directory("sub");
        sandbox.link("link", "file");
        std::fs::hard_link(sandbox.path("file"), sandbox.path("other")).unwrap();
        for target in ["file", "./file", "sub/../file", ".", "link", "other"] {
            let run = sandbox.haul(format!("copy file {target} {way}")).run().code(1);
            run.says_in_one_line(&["file"]);
            assert_eq!(sandbox.read("file"), b"contents", "onto {target}, {way}");
        }
        assert!(sandbox.path("link").is_symlink());
        assert_eq!(sandbox.list("").len(), 4);
    }
}

#[test]
fn a_directory_into_itself_is_refused() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("tree/sub/file", "contents");
        sandbox.link("way-in", "tree/sub");
        let before = snapshot(sandbox.path("tree"));
        for target in ["tree", "tree/new", "tree/sub", "tree/sub/new", "./tree/../tree/sub", "way-in", "way-in/new"] {
            let run = sandbox.haul(format!("copy tree {target} {way}")).run().code(1);
            run.says_in_one_line(&["tree"]);
            let after = snapshot(sandbox.path("tree"));
            let what = format!("into {target}, {way}");
            assert_same(&without_directory_times(before.clone()), &without_directory_times(after), &what);
        }
        // A name that only begins alike is another directory.
        sandbox.haul(format!("copy tree tree2 {way}")).run().ok();
        sandbox.assert_no_leftovers(way);
    }
}

#[test]
fn a_directory_does_not_replace_a_file_nor_a_file_a_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "contents");
    sandbox.write("plain", "plain");
    sandbox.haul("copy tree plain").run().code(1).says(&["plain"]);
    assert_eq!(sandbox.read("plain"), b"plain");
    sandbox.write("there/tree", "a file where the tree should go");
    sandbox.haul("copy tree there").run().code(1);
    assert_eq!(sandbox.read("there/tree"), b"a file where the tree should go");
    sandbox.write("there/plain/file", "a tree where the file should go");
    sandbox.haul("copy plain there").run().code(1);
    assert_eq!(sandbox.read("there/plain/file"), b"a tree where the file should go");
    sandbox.assert_no_leftovers("after refusals");
}

#[test]
fn somebody_elses_part_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("source", "new");
    sandbox.write("target.haul-part", "a user's own file of that name");
    sandbox.write("tree/file", "in the tree");
    sandbox.write("copy.haul-part/mine", "a user's own directory of that name");
    sandbox.haul("copy source target").run().ok();
    sandbox.haul("copy tree copy").run().ok();
    assert_eq!(sandbox.read("target"), b"new");
    assert_eq!(sandbox.read("copy/file"), b"in the tree");
    assert_eq!(sandbox.read("target.haul-part"), b"a user's own file of that name");
    assert_eq!(sandbox.list("copy.haul-part").len(), 1);
}

#[test]
fn names_of_any_length_and_bytes_are_taken() {
    let sandbox = Sandbox::new();
    let longest = "ü".repeat(127) + "x";
    assert_eq!(longest.len(), 255);
    for name in [std::ffi::OsStr::from_bytes(LATIN1), "new\nline".as_ref(), longest.as_ref(), "-n".as_ref()] {
        sandbox.write("source", "contents");
        sandbox.haul("copy source --").arg(name).run().ok().silent();
        assert_eq!(sandbox.read(name), b"contents", "{name:?}");
        sandbox.haul("copy --").arg(name).arg("back").run().ok().silent();
        assert_eq!(sandbox.read("back"), b"contents", "{name:?}");
        sandbox.remove("back");
    }
    sandbox.assert_no_leftovers("awkward names");
}

#[test]
fn a_tree_deeper_than_a_path_can_be_long_is_copied() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let sandbox = Sandbox::new();
    let name = "d".repeat(200);
    let open = |parent: rustix::fd::BorrowedFd<'_>, name: &str| {
        openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    };
    let depth = 30; // 6,000 bytes; PATH_MAX is 4,096
    sandbox.make_directory("tree");
    let mut directory = openat(CWD, sandbox.path("tree"), OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&directory, &name, Mode::RWXU).unwrap();
        directory = open(std::os::fd::AsFd::as_fd(&directory), &name).unwrap();
    }
    rustix::fs::symlinkat("the bottom", &directory, "bottom").unwrap();
    for way in [WAYS[0], WAYS[2]] {
        sandbox.haul(format!("copy tree copy {way}")).run().ok().silent();
        let mut directory =
            openat(CWD, sandbox.path("copy"), OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        for level in 0..depth {
            let below = open(std::os::fd::AsFd::as_fd(&directory), &name);
            directory = below.unwrap_or_else(|error| panic!("{way}: level {level}: {error}"));
        }
        assert_eq!(rustix::fs::readlinkat(&directory, "bottom", Vec::new()).unwrap().as_bytes(), b"the bottom");
        std::fs::remove_dir_all(sandbox.path("copy")).unwrap();
    }
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    let sandbox = Sandbox::new();
    for (number, mode) in [0o777, 0o666, 0o640, 0o400, 0o755].iter().enumerate() {
        let path = sandbox.write(format!("tree/sub/{number}"), "contents");
        set_mode(path, *mode);
    }
    set_mode(sandbox.path("tree/sub"), 0o777);
    let expected = snapshot(sandbox.path("tree"));
    let haul = common::run::binary().to_str().expect("a plain path");
    for mask in ["000", "022", "077", "777"] {
        sandbox.tool("sh", &["-c", &format!("umask {mask}; exec '{haul}' copy tree copy")]);
        assert_same(&expected, &snapshot(sandbox.path("copy")), &format!("umask {mask}"));
        sandbox.remove("copy");
    }
}

#[test]
fn root_keeps_owners_and_set_user_bits() {
    if !is_root() {
        return skip("only root can give files away");
    }
    let sandbox = Sandbox::new();
    for (name, mode) in [("tree/tool", 0o4755), ("tree/group", 0o2750), ("tree/plain", 0o644)] {
        let path = sandbox.write(name, "contents");
        std::os::unix::fs::lchown(&path, Some(1234), Some(5678)).unwrap();
        set_mode(&path, mode);
    }
    sandbox.link("tree/link", "plain");
    std::os::unix::fs::lchown(sandbox.path("tree/link"), Some(1234), Some(5678)).unwrap();
    set_mode(sandbox.path("tree"), 0o3777);
    let expected = snapshot(sandbox.path("tree"));
    for way in ways() {
        sandbox.haul(format!("copy tree copy {way}")).run().ok();
        assert_same(&expected, &snapshot(sandbox.path("copy")), way);
        sandbox.remove("copy");
    }
}

#[test]
fn an_ordinary_user_never_makes_somebody_elses_program_a_set_user_one_of_their_own() {
    if !is_root() {
        return skip("only root can make a file of another owner");
    }
    let sandbox = Sandbox::new();
    sandbox.give_away();
    let path = sandbox.write("tool", "contents");
    set_mode(&path, 0o4755);
    sandbox.haul("copy tool copy").without_rights().run();
    // cp -p takes the bits away when the owner cannot be kept.
    assert_eq!(std::fs::metadata(sandbox.path("copy")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_is_copied() {
    let sandbox = Sandbox::new();
    for name in ["tree/a", "tree/secret", "tree/z", "tree/closed/inside", "tree/sub/b"] {
        sandbox.write(name, name);
    }
    set_mode(sandbox.path("tree/secret"), 0o000);
    sandbox.give_away();
    set_mode(sandbox.path("tree/closed"), 0o000);
    for way in engines_and_ways() {
        let run = sandbox.haul(format!("copy tree copy {way}")).without_rights().run().code(1);
        let run = run.says(&["cannot open 'tree/secret': Permission denied", "'tree/closed': Permission denied"]);
        // Each at once, and all once more at the end.
        assert_eq!(run.err.lines().count(), 5, "{way}: {}", run.err);
        for name in ["a", "z", "sub/b"] {
            assert_eq!(sandbox.read(format!("copy/{name}")), format!("tree/{name}").as_bytes(), "{way}");
        }
        assert!(!sandbox.exists("copy/secret"), "{way}: half a file");
        sandbox.remove("copy");
    }
    sandbox.assert_no_leftovers("after failures");
}

#[test]
fn a_file_without_rights_is_reported_and_an_older_target_stays() {
    let sandbox = Sandbox::new();
    set_mode(sandbox.write("secret", "secret"), 0o000);
    sandbox.write("older", "older");
    sandbox.give_away();
    for target in ["older", "new"] {
        let run = sandbox.haul(format!("copy secret {target}")).without_rights().run().code(1);
        run.says_in_one_line(&["cannot open 'secret': Permission denied"]);
    }
    assert_eq!(sandbox.read("older"), b"older");
    assert_eq!(sandbox.list("").len(), 2);
}

#[test]
fn a_source_that_changes_while_it_is_copied_leaves_an_older_target() {
    let grow: fn(&std::path::Path) = |path| {
        let file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        std::io::Write::write_all(&mut &file, b"one more line\n").unwrap();
    };
    let shrink: fn(&std::path::Path) = |path| {
        std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(10).unwrap();
    };
    let rewrite: fn(&std::path::Path) = |path| {
        std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(b"other", 5).unwrap();
    };
    for (what, change) in [("grows", grow), ("shrinks", shrink), ("is rewritten", rewrite)] {
        for workers in [1, 2] {
            change_during_copy(what, change, workers);
        }
    }
}

/// Copies byte by byte, which takes a while, and changes the source in the meantime.
fn change_during_copy(what: &str, change: fn(&std::path::Path), workers: u32) {
    for attempt in 1..=5 {
        let sandbox = Sandbox::new();
        sandbox.write("log", noise(7, attempt * 400_000));
        sandbox.write("older", "older");
        set_mtime(sandbox.path("log"), 1_000_000_000, 0);
        let words = format!("copy log older --engine read_write --buffer 1 --workers {workers}");
        let mut running = sandbox.haul(words).spawn();
        common::wait_until("the temporary file", || sandbox.list("").len() > 2 || running.ended());
        let over = running.ended();
        if !over {
            change(&sandbox.path("log"));
        }
        let run = running.finish(std::time::Duration::from_secs(60));
        if over || run.succeeded() {
            // The copy was complete before the change. More to copy gives more time.
            continue;
        }
        run.code(1).says_in_one_line(&["log"]);
        assert_eq!(sandbox.read("older"), b"older", "a source that {what}");
        assert_eq!(sandbox.list("").len(), 2, "a source that {what}");
        return;
    }
    panic!("a source that {what} was copied without a word five times, {workers} workers");
}

#[test]
fn a_missing_source_does_not_keep_the_others_from_being_copied() {
    let sandbox = Sandbox::new();
    sandbox.write("one", "1");
    sandbox.write("two", "2");
    sandbox.make_directory("there");
    let run = sandbox.haul("copy one missing two there").run().code(1);
    run.says_in_one_line(&["'missing': No such file or directory"]);
    assert_eq!(sandbox.list("there").len(), 2);
}

#[test]
fn verbose_names_the_engine_and_json_counts_what_was_done() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/text", sample("gpl-3.txt"));
    sandbox.write("tree/sub/one", "1");
    sandbox.link("tree/link", "text");
    for engine in &ENGINES[1..] {
        sandbox.haul(format!("copy tree/text copy -v --engine {engine}")).run().ok().says(&[engine]);
        sandbox.remove("copy");
    }
    let run = sandbox.haul("copy tree copy --json --engine read_write").run().ok().silent();
    let json = run.json();
    for (name, expected) in [("files", 2), ("directories", 2), ("others", 1), ("failures", 0), ("source_bytes", 35_150)]
    {
        assert_eq!(json[name].as_u64(), Some(expected), "{name} in {json:#}");
    }
    let opened = ["openat", "io_uring(openat)"].map(|name| json["syscalls"][name]["calls"].as_u64().unwrap_or(0));
    assert!(opened.iter().sum::<u64>() > 2, "{json:#}");
}

#[test]
fn nothing_is_printed_when_nobody_watches() {
    let sandbox = Sandbox::new();
    sandbox.write("source", noise(1, 1_000_000));
    let run = sandbox.haul("copy source quiet").run().ok().silent();
    assert!(run.out.is_empty(), "{:?}", String::from_utf8_lossy(&run.out));
    // A job that is over at once shows none; byte by byte this one takes a second.
    let run = sandbox.haul("copy source loud --progress always --buffer 1 --engine read_write").run().ok();
    assert!(!run.err.is_empty(), "a progress bar was asked for");
    assert!(run.out.is_empty());
}
