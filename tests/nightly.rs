//! What runs unattended every night: only what is new, elsewhere, without this and that, and durable before a source
//! goes.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use common::tree::LATIN1;
use common::{Sandbox, assert_same, can_trace, noise, prose, set_mode, set_mtime, snapshot, ways};

/// What a .gz in a sandbox holds.
#[track_caller]
fn unpacked(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    sandbox.haul("gunzip -c").arg(name).run().ok().silent().out
}

/// How many entries a run passed over and how many files it did.
#[track_caller]
fn counts(json: &serde_json::Value) -> (u64, u64) {
    (json["files"].as_u64().expect("files"), json["skipped"].as_u64().expect("skipped"))
}

#[test]
fn update_makes_only_what_is_missing_or_older() {
    for way in ways() {
        let sandbox = Sandbox::new();
        for name in ["logs/a.log", "logs/sub/b.log", "logs/sub/c.log"] {
            sandbox.write(name, prose(1, 200_000));
            set_mtime(sandbox.path(name), 1_000_000_000, 500);
        }
        sandbox.haul(format!("gzip -rk --update logs {way}")).run().ok().silent();
        let first = snapshot(sandbox.path(""));
        let again = sandbox.haul(format!("gzip -rk --update logs --json {way}")).run().ok().silent().json();
        assert_eq!(counts(&again), (0, 6), "three sources are up to date, three are .gz: {way}");
        assert_eq!(again["target_bytes"].as_u64(), Some(0));
        assert_same(&first, &snapshot(sandbox.path("")), "the second run");

        // A nanosecond newer is newer.
        sandbox.write("logs/sub/b.log", "changed");
        set_mtime(sandbox.path("logs/sub/b.log"), 1_000_000_000, 501);
        sandbox.haul(format!("gzip -rk --update logs {way}")).run().ok().silent();
        assert_eq!(unpacked(&sandbox, "logs/sub/b.log.gz"), b"changed");
        sandbox.haul("gzip -rkv --update logs").run().ok().says(&["up to date", "a.log"]);
        sandbox.assert_no_leftovers("updates");
    }
}

#[test]
fn a_source_whose_target_is_up_to_date_is_not_removed() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "new");
    sandbox.write("file.gz", "something else");
    set_mtime(sandbox.path("file"), 1_000_000_000, 0);
    set_mtime(sandbox.path("file.gz"), 1_000_000_000, 0);
    sandbox.haul("gzip --update file").run().ok().silent();
    assert!(sandbox.exists("file") && sandbox.read("file.gz") == b"something else");
    set_mtime(sandbox.path("file.gz"), 999_999_999, 999_999_999);
    sandbox.haul("gzip --update file").run().ok().silent();
    assert!(!sandbox.exists("file"));
    assert_eq!(unpacked(&sandbox, "file.gz"), b"new");
}

#[test]
fn update_is_force_for_older_targets_only() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "data");
    std::fs::hard_link(sandbox.path("file"), sandbox.path("twin")).unwrap();
    sandbox.haul("gzip --update file").run().code(1).says_in_one_line(&["another name"]);
    sandbox.link("link", "file");
    sandbox.haul("gzip --update link").run().code(1).says_in_one_line(&["symbolic link"]);
    // What is no file has no age that could be compared.
    sandbox.link("file.gz", "twin");
    set_mtime(sandbox.path("file.gz"), 1, 0);
    sandbox.haul("gzip -k --update file").run().code(1).says_in_one_line(&["file.gz", "it exists"]);
    assert_eq!(sandbox.read("twin"), b"data");
}

#[test]
fn gunzip_updates_too() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "data");
    set_mtime(sandbox.path("file"), 1_000_000_000, 700);
    sandbox.haul("gzip file").run().ok();
    for words in ["gunzip -k --update file.gz", "gunzip -kN --update file.gz"] {
        sandbox.haul(words).run().ok().silent();
        let json = sandbox.haul(format!("{words} --json")).run().ok().silent().json();
        assert_eq!(counts(&json), (0, 1), "{words}");
        set_mtime(sandbox.write("file", "older"), 999_999_999, 0);
        sandbox.haul(words).run().ok().silent();
        assert_eq!(sandbox.read("file"), b"data", "{words}");
        sandbox.remove("file");
    }
    sandbox.assert_no_leftovers("updates of plain files");
}

#[test]
fn targets_go_below_the_output_directory_and_sources_stay() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("a/b/c.log", prose(1, 300_000));
        sandbox.write("logs/x.log", "x");
        sandbox.write("logs/sub/deep/y.log", "y");
        sandbox.make_directory("logs/empty");
        set_mode(sandbox.path("logs/sub"), 0o750);
        set_mode(sandbox.path("logs/sub/deep"), 0o555);
        sandbox.make_directory("out");
        let before = snapshot(sandbox.path("logs"));
        sandbox.haul(format!("gzip -r --output-dir out a/b/c.log logs {way}")).run().ok().silent();
        assert_same(&before, &snapshot(sandbox.path("logs")), "the sources");
        assert_eq!(unpacked(&sandbox, "out/c.log.gz"), prose(1, 300_000));
        assert_eq!(unpacked(&sandbox, "out/logs/x.log.gz"), b"x");
        assert_eq!(unpacked(&sandbox, "out/logs/sub/deep/y.log.gz"), b"y");
        assert!(!sandbox.exists("out/logs/empty"), "a directory is made for a file");
        let mode = |name: &str| std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!(
            (mode("out/logs/sub"), mode("out/logs/sub/deep")),
            (0o750, 0o755),
            "their sources', and ours to use"
        );
        // And back.
        sandbox.make_directory("back");
        sandbox.haul(format!("gunzip -r --output-dir back out/. {way}")).run().ok().silent();
        assert_eq!(sandbox.read("back/logs/sub/deep/y.log"), b"y");
        assert!(sandbox.exists("out/c.log.gz") && sandbox.read("back/c.log") == prose(1, 300_000));
        sandbox.assert_no_leftovers(way);
    }
}

#[test]
fn a_dot_puts_contents_straight_into_the_output_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/sub/x.log", "x");
    sandbox.make_directory("out");
    for words in
        ["gzip -r --output-dir out logs/.", "gzip -r --output-dir out logs/./", "gzip -r --output-dir out logs/sub/.."]
    {
        sandbox.haul(words).run().ok().silent();
        assert_eq!(unpacked(&sandbox, "out/sub/x.log.gz"), b"x", "{words}");
        assert_eq!(sandbox.list("out").len(), 1, "{words}");
        sandbox.remove("out/sub");
    }
    // From inside, and with the output directory in the tree: it is not walked, however often.
    sandbox.make_directory("logs/out");
    for _ in 0..2 {
        let inside = sandbox.haul("gzip -rf --output-dir logs/out logs --json").run().ok().silent().json();
        assert_eq!(counts(&inside), (1, 1));
    }
    assert_eq!(unpacked(&sandbox, "logs/out/logs/sub/x.log.gz"), b"x");
    assert_eq!(sandbox.list("logs/out").len(), 1);
    sandbox.haul("gzip -r --output-dir out out").run().code(1).says_in_one_line(&["out", "output directory"]);
}

#[test]
fn update_and_output_directory_are_a_backup() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/x.log", "x");
    sandbox.make_directory("out");
    let words = "gzip -r --update --output-dir out logs";
    sandbox.haul(words).run().ok().silent();
    assert_eq!(counts(&sandbox.haul(format!("{words} --json")).run().ok().silent().json()), (0, 1));
    sandbox.write("logs/x.log", "changed");
    set_mtime(sandbox.path("logs/x.log"), 4_000_000_000, 0);
    sandbox.haul(words).run().ok().silent();
    assert_eq!(unpacked(&sandbox, "out/logs/x.log.gz"), b"changed");
}

#[test]
fn two_sources_never_become_one_target() {
    for way in ways() {
        for options in ["", "-f", "--update", "-f --update"] {
            let sandbox = Sandbox::new();
            for (name, text) in [("a/x.log", "one"), ("b/x.log", "two")] {
                sandbox.write(name, text);
                set_mtime(sandbox.path(name), 1_000_000_000, 0);
            }
            sandbox.make_directory("out");
            // The second time what the first made is up to date for both.
            for round in 0..2 {
                let words = format!("gzip {options} -q --output-dir out a/x.log b/x.log {way}");
                let run = sandbox.haul(&words).run().code(1).says(&["x.log.gz"]);
                let failed = run.err.lines().count();
                assert!(failed == 1 || (round == 1 && options.is_empty()), "{words}: {}", run.err);
                let found = unpacked(&sandbox, "out/x.log.gz");
                assert!(found == b"one" || found == b"two", "{words}");
            }
        }
    }
}

#[test]
fn nothing_is_made_through_links_in_the_output_directory() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/sub/x.log", "x");
    sandbox.make_directory("out/logs");
    sandbox.make_directory("elsewhere");
    sandbox.link("out/logs/sub", "../../elsewhere");
    sandbox.haul("gzip -r --output-dir out logs").run().code(1).says_in_one_line(&["out/logs/sub", "Not a directory"]);
    assert!(sandbox.list("elsewhere").is_empty());
    // The output directory itself is what the user says it is.
    sandbox.remove("out/logs/sub");
    sandbox.link("alias", "out");
    sandbox.haul("gzip -r --output-dir alias logs").run().ok().silent();
    assert_eq!(unpacked(&sandbox, "out/logs/sub/x.log.gz"), b"x");
}

#[test]
fn what_matches_a_pattern_is_passed_over() {
    for way in ways() {
        let sandbox = Sandbox::new();
        for name in
            ["logs/a.log", "logs/a.tmp", "logs/cache/b.log", "logs/sub/cache", "logs/sub/keep.tmp", "logs/sub/c.log"]
        {
            sandbox.write(name, name);
        }
        set_mode(sandbox.path("logs/cache"), 0);
        sandbox.give_away();
        let words =
            format!("gzip -rk logs --exclude *.tmp --exclude cache/ --exclude !keep.tmp --exclude /sub/c.log {way}");
        let json = sandbox.haul(format!("{words} --json")).without_rights().run().ok().silent().json();
        set_mode(sandbox.path("logs/cache"), 0o755);
        assert_eq!(counts(&json), (3, 3), "{words}");
        for (name, made) in [
            ("a.log", true),
            ("a.tmp", false),
            ("cache/b.log", false),
            ("sub/cache", true),
            ("sub/keep.tmp", true),
            ("sub/c.log", false),
        ] {
            assert_eq!(sandbox.exists(format!("logs/{name}.gz")), made, "{name}: {words}");
        }
        sandbox.haul("gzip -rkfv logs --exclude *.tmp").run().ok().says(&["a.tmp", "it is excluded"]);
    }
}

#[test]
fn patterns_are_for_arguments_and_standard_output_too() {
    let sandbox = Sandbox::new();
    sandbox.write("deep/a.log", "a");
    sandbox.write("deep/b.tmp", "b");
    sandbox.write("c.tmp", "c");
    sandbox.write("tmp/d", "d");
    let packed =
        sandbox.haul("gzip -rc deep c.tmp deep/b.tmp tmp --exclude *.tmp --exclude tmp/").run().ok().silent().out;
    assert_eq!(sandbox.haul("gunzip").input(packed).run().ok().out, b"a");
    let json = sandbox
        .haul("gzip -k deep/b.tmp c.tmp deep/a.log --exclude deep/* --exclude *.tmp --json")
        .run()
        .ok()
        .silent()
        .json();
    assert_eq!(counts(&json), (1, 2), "an argument is matched by its name");
    sandbox.haul("gunzip -r . --exclude a.*").run().ok().silent();
    assert!(sandbox.exists("deep/a.log.gz"));
}

#[test]
fn names_come_from_a_list() {
    let sandbox = Sandbox::new();
    for name in [" a b", "-k", "c", "tree/d", "tree/e"] {
        sandbox.write(name, name);
    }
    sandbox.write("list", "\n a b\n-k\n\ntree\nc");
    for way in ways() {
        sandbox.haul(format!("gzip -rk --files-from list {way}")).run().ok().silent();
        for name in [" a b", "-k", "c", "tree/d", "tree/e"] {
            assert_eq!(unpacked(&sandbox, &format!("./{name}.gz")), name.as_bytes(), "{way}");
            sandbox.remove(format!("{name}.gz"));
        }
    }
    // From standard input, after what is named, and to standard output in order.
    let packed = sandbox.haul("gzip -c --files-from - tree/e").input("c\ntree/d\n").run().ok().silent().out;
    assert_eq!(sandbox.haul("gunzip").input(packed).run().ok().out, b"tree/ectree/d");
    // gunzip takes lists as well.
    sandbox.haul("gzip c").run().ok();
    sandbox.haul("gunzip --files-from -").input("c.gz\n").run().ok().silent();
    assert_eq!(sandbox.read("c"), b"c");
}

#[test]
fn names_of_any_bytes_come_from_a_list() {
    let sandbox = Sandbox::new();
    let names: [&[u8]; 3] = [LATIN1, b"new\nline", b"'quoted\""];
    for name in names {
        sandbox.write(OsStr::from_bytes(name), name);
    }
    let list = [names.join(&0), vec![0]].concat();
    sandbox.haul("gzip --null --files-from -").input(list.clone()).run().ok().silent();
    for name in names {
        assert!(!sandbox.exists(OsStr::from_bytes(name)), "{name:?}");
        assert!(sandbox.exists(OsStr::from_bytes(&[name, b".gz"].concat())), "{name:?}");
    }
    sandbox.write("list", list);
    let said = sandbox.haul("gzip --files-from list").run().code(1);
    said.says_in_one_line(&["cannot read names from 'list'", "--null"]);
}

#[test]
fn an_empty_list_is_nothing_to_do() {
    let sandbox = Sandbox::new();
    for list in ["", "\n\n"] {
        for words in
            ["gzip --files-from -", "gzip -c --files-from -", "gunzip --files-from -", "gzip -t --files-from -"]
        {
            let run = sandbox.haul(words).input(list).run().ok().silent();
            assert!(run.out.is_empty(), "{words}: standard input is the list, not data");
        }
    }
}

#[test]
fn a_list_that_cannot_be_read_stops_everything() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "data");
    let run = sandbox.haul("gzip file --files-from missing").run().code(1);
    run.says_in_one_line(&["cannot read names from 'missing'", "No such file"]);
    sandbox.haul("gzip file --files-from .").run().code(1).says_in_one_line(&["Is a directory"]);
    assert!(sandbox.exists("file"), "nothing was touched");
    // In a list a dash is not standard input; the rest is done.
    let run = sandbox.haul("gzip -q --files-from -").input("-\nfile\n").run().code(1);
    assert!(run.says_in_one_line(&["'-'", "./-"]).out.is_empty(), "no data was compressed");
    assert!(sandbox.exists("file.gz"));
    sandbox.write("-", "dash");
    sandbox.haul("gzip --files-from -").input("./-\n").run().ok().silent();
    assert!(sandbox.exists("-.gz"));
}

#[test]
fn words_that_clash_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "data");
    sandbox.make_directory("out");
    let before = snapshot(sandbox.path(""));
    for (words, quoted) in [
        ("gzip -c --output-dir out file", "--output-dir"),
        ("gzip -t --output-dir out file", "--output-dir"),
        ("gzip --output-dir out", "--output-dir"),
        ("gzip --output-dir out file -", "--output-dir"),
        ("gunzip -c --output-dir out file", "--output-dir"),
        ("gzip --output-dir missing file", "'missing': No such file or directory"),
        ("gzip --output-dir file file", "'file': Not a directory"),
        ("gzip --output-dir= file", ""),
        ("gzip --keep-smaller -c file", "--keep-smaller"),
        ("gzip --keep-smaller", "--keep-smaller"),
        ("gzip --keep-smaller file -", "--keep-smaller"),
        ("gzip --keep-smaller -d file", "--keep-smaller"),
        ("gzip --keep-smaller -t file", "--keep-smaller"),
        ("gunzip --keep-smaller file", "--keep-smaller"),
        ("gzip --keep-smaller --output-dir . file", "--keep-smaller"),
        ("gzip --update -c file", "--update"),
        ("gzip --update - file", "--update"),
        ("gunzip -k --update file -", "--update"),
        ("gzip --json -k - file", "--json"),
        ("gunzip -k --json file -", "--json"),
        ("gzip --null file", "--null"),
        ("gzip --files-from - -", "standard input"),
        ("gzip --exclude [ file", "'['"),
        ("gzip --exclude= file", "empty"),
        ("gunzip --exclude #a file", "comment"),
    ] {
        let run = sandbox.haul(words).run().code(2).says(&[quoted]);
        assert!(run.out.is_empty(), "{words}");
        assert_same(&before, &snapshot(sandbox.path("")), words);
    }
}

#[test]
fn a_walk_stays_on_its_file_system_if_asked() {
    // A mount of our own needs rights; /proc and /dev are on other file systems than the root everywhere.
    let device = |path: &str| std::fs::metadata(path).map(|found| found.dev()).ok();
    let sandbox = Sandbox::new();
    if device("/proc").is_none() || device("/") == device("/proc") {
        return common::skip("/proc is not a file system of its own here");
    }
    let only = ["/*", "!/proc"].map(|glob| format!("--exclude {glob}")).join(" ");
    let run = sandbox.haul(format!("gzip -rtvx / {only} --workers 1")).run().ok();
    run.says(&["'/proc': passed over: it is on another file system"]);
    // The file system of what is named, not of where it is named.
    let json = sandbox.haul("gzip -rtx /proc --exclude /* --json").run().ok().json();
    assert_eq!(json["directories"].as_u64(), Some(1), "{json:#}");
}

#[test]
fn a_source_goes_when_its_target_is_durable() {
    if !can_trace() {
        return;
    }
    for (job, source, target) in [("gzip", "tree/file", "tree/file.gz"), ("gunzip", "tree/file.gz", "tree/file")] {
        let sandbox = Sandbox::new();
        sandbox.write("tree/file", prose(1, 100_000));
        if job == "gunzip" {
            sandbox.haul("gzip tree/file").run().ok();
        }
        for named in [source, "-r tree"] {
            let calls = traced(&sandbox, &format!("{job} --sync {named}"));
            let expected = [
                "fsync tree/TEMPORARY".to_owned(),
                format!("renameat2 {target}"),
                "fsync tree".to_owned(),
                format!("unlinkat {source}"),
            ];
            assert_eq!(calls, expected, "{job} {named}");
            let back = if job == "gzip" { "gunzip" } else { "gzip" };
            sandbox.haul(format!("{back} {target}")).run().ok();
        }
    }
}

#[test]
fn what_would_not_become_smaller_stays_as_it_is() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("tree/noise", noise(1, 400_000));
        sandbox.write("tree/prose", prose(1, 400_000));
        sandbox.write("tree/empty", "");
        sandbox.write("tree/small", "abc");
        let noise_before = sandbox.read("tree/noise");
        let json = sandbox.haul(format!("gzip -r --keep-smaller tree --json {way}")).run().ok().silent().json();
        assert_eq!(counts(&json), (1, 3), "{way}");
        let written = sandbox.read("tree/prose.gz").len() as u64;
        assert_eq!(json["target_bytes"].as_u64(), Some(written), "what was taken away again was not made");
        assert!(!sandbox.exists("tree/prose") && sandbox.read("tree/noise") == noise_before);
        assert_eq!(sandbox.list("tree").len(), 4, "{way}: {:?}", sandbox.list("tree"));
    }
}

#[test]
fn keep_smaller_says_what_it_leaves_to_those_who_ask() {
    let sandbox = Sandbox::new();
    sandbox.write("noise", noise(1, 1000));
    sandbox.haul("gzip -v --keep-smaller noise").run().ok().says(&["'noise': passed over: 1000 bytes would become 10"]);
    assert_eq!(sandbox.list("").len(), 1);
    // An older target would be taken for what is in the source now: that one is replaced, small or not.
    sandbox.write("noise.gz", "older");
    set_mtime(sandbox.path("noise.gz"), 1, 0);
    sandbox.haul("gzip -k --update --keep-smaller noise").run().ok().silent();
    assert!(sandbox.haul("gunzip -c noise.gz").run().ok().out == sandbox.read("noise"));
    sandbox.assert_no_leftovers("after what was left");
}

#[test]
fn errors_are_repeated_at_the_end() {
    let sandbox = Sandbox::new();
    for name in ["a", "b"] {
        sandbox.write(name, name);
    }
    let run = sandbox.haul("gzip -kv --workers 1 missing a gone b").run().code(1);
    let lines: Vec<&str> = run.err.lines().collect();
    let missing = "cannot find 'missing': No such file or directory";
    let gone = "cannot find 'gone': No such file or directory";
    let end = ["haul: 2 of 4 files failed:".to_owned(), format!("haul:   {missing}"), format!("haul:   {gone}")];
    assert_eq!(lines[lines.len() - 3..], end, "{lines:#?}");
    assert!(lines[lines.len() - 4].starts_with("haul: 2 files, 0 directories, 0 others; "), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains(missing)).count(), 2);
    let quiet = sandbox.haul("gunzip -tq a missing b.gz").run().code(1);
    assert_eq!(quiet.err.lines().count(), 2, "once each: {}", quiet.err);
    sandbox.haul("gunzip -t missing").run().code(1).says_in_one_line(&["missing"]);
    sandbox.haul("gzip -kf a b").run().ok().silent();
    // Many: the first twenty, and how many more.
    let list = (0..33).map(|number| format!("gone-{number}")).collect::<Vec<_>>().join("\n");
    let run = sandbox.haul("gzip -kf --files-from - a").input(list).run().code(1);
    assert_eq!(run.err.lines().count(), 33 + 1 + 20 + 1);
    assert!(run.err.contains("haul: 33 of 34 files failed:\n"), "{}", run.err);
    assert!(run.err.ends_with("haul:   ... and 13 more\n"), "{}", run.err);
}

/// The calls that bring names and data to the disk, with what they are about, as strace sees them.
fn traced(sandbox: &Sandbox, words: &str) -> Vec<String> {
    let log = Sandbox::new();
    let output = common::run::command("strace")
        .args(["-f", "-y", "-e", "trace=fsync,fdatasync,syncfs,renameat2,rename,unlinkat,unlink,mkdirat", "-o"])
        .arg(log.path("log"))
        .arg(common::run::binary())
        .args(words.split(' '))
        .current_dir(sandbox.path(""))
        .output()
        .expect("run strace");
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    let root = std::fs::canonicalize(sandbox.path("")).expect("a path");
    let log = String::from_utf8(log.read("log")).expect("strace's log");
    log.lines().filter(|line| line.ends_with("= 0")).map(|line| shorten(line, &root.display().to_string())).collect()
}

/// `12 renameat2(3</tmp/x/tree>, "a.part", 3</tmp/x/tree>, "a", 0) = 0` → `renameat2 tree/a`.
fn shorten(line: &str, root: &str) -> String {
    let (_, call) = line.split_once(' ').expect("a process id");
    let (call, arguments) = call.trim_start().split_once('(').expect("a call");
    let directory = arguments.split(['<', '>']).nth(1).expect("a path");
    let directory = directory.strip_prefix(root).expect("in the sandbox").trim_start_matches('/');
    if let Some((above, _)) = directory.split_once(".haul-tmp-") {
        return format!("{call} {above}TEMPORARY");
    }
    match arguments.rsplit('"').nth(1) {
        Some(name) if directory.is_empty() => format!("{call} {name}"),
        Some(name) => format!("{call} {directory}/{name}"),
        None => format!("{call} {directory}"),
    }
}

#[test]
fn directories_that_are_made_become_durable_too() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("logs/sub/x", "x");
    sandbox.make_directory("out");
    let expected = [
        "mkdirat out/logs",
        "fsync out",
        "mkdirat out/logs/sub",
        "fsync out/logs",
        "fsync out/logs/sub/TEMPORARY",
        "renameat2 out/logs/sub/x.gz",
        "fsync out/logs/sub",
    ];
    assert_eq!(traced(&sandbox, "gzip -r --synchronous --output-dir out logs"), expected);
    // Without being asked for, nothing is waited for.
    sandbox.remove("out/logs");
    assert!(!traced(&sandbox, "gzip -r --output-dir out logs").iter().any(|call| call.starts_with("fsync")));
}

#[test]
fn a_backup_says_what_it_leaves_out_for_its_suffix() {
    for way in ways() {
        let sandbox = Sandbox::new();
        sandbox.write("logs/a.log", "a");
        sandbox.write("logs/a.log.1.gz", "rotated");
        sandbox.write(format!("logs/{}", common::temporary_name(7)), "unfinished");
        sandbox.make_directory("out");
        let backup = format!("gzip -r --output-dir out logs {way}");
        let why = ["'logs/a.log.1.gz'", "it has the suffix of a compressed file already; not copied to 'out'"];
        sandbox.haul(&backup).run().ok().says_in_one_line(&why);
        assert_eq!(sandbox.list("out/logs").len(), 1, "{way}");
        let json = sandbox.haul(format!("{backup} -f -q --json")).run().ok().silent().json();
        assert_eq!(counts(&json), (1, 2), "{way}");
        // What is unpacked elsewhere leaves out what is not packed.
        sandbox.make_directory("back");
        sandbox.write("out/logs/plain", "plain");
        sandbox.haul(format!("gunzip -r --output-dir back out {way}")).run().ok().silent();
        // Beside the sources nothing is missing, and only who asks for detail is told.
        sandbox.haul(format!("gzip -rk logs {way}")).run().ok().silent();
        let said = sandbox.haul(format!("gzip -rkfv logs {way}")).run().ok();
        said.says(&[
            "'logs/a.log.1.gz': passed over: it has the suffix",
            "0007': passed over: it is a temporary file of haul",
        ]);
        let said = sandbox.haul(format!("gunzip -v -r out {way}")).run().ok();
        said.says(&["'out/logs/plain': passed over: it has no suffix of a compressed file"]);
    }
}
