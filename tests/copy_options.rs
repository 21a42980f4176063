//! The options of copy that cp has not, and what is said: which files are passed over, lists of sources, rehearsals,
//! reports, what is synced and what is compared.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::tree::{make_awkward_tree, without_directory_times};
use common::{Sandbox, Snapshot, WAYS, assert_same, can_trace, have, is_root, noise, set_mtime, skip, snapshot, ways};

fn furnish(sandbox: &Sandbox) {
    for name in
        ["a.log", "b.txt", "keep/c.log", "keep/d.txt", "keep/deep/e.log", "target/f.txt", "src/target", "src/g.rs"]
    {
        sandbox.write(format!("tree/{name}"), name);
    }
    sandbox.make_directory("tree/empty");
    sandbox.link("tree/link.log", "a.log");
}

#[test]
fn what_is_excluded_is_passed_over_and_the_rest_is_as_it_would_be() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    let whole = snapshot(sandbox.path("tree"));
    for (words, gone) in [
        ("--exclude *.log", "a.log link.log keep/c.log keep/deep/e.log"),
        ("--exclude /*.log", "a.log link.log"),
        ("--exclude *.log --include c.log", "a.log link.log keep/deep/e.log"),
        ("--exclude target", "target target/f.txt src/target"),
        ("--exclude target/", "target target/f.txt"),
        ("--exclude keep/deep", "keep/deep keep/deep/e.log"),
        ("--exclude **/deep/*", "keep/deep/e.log"),
        ("--exclude [ab].*", "a.log b.txt"),
        (
            "--exclude *.log --exclude *.txt --exclude empty",
            "a.log b.txt link.log keep/c.log keep/d.txt keep/deep/e.log target/f.txt empty",
        ),
        ("--include *.rs", "a.log b.txt link.log keep/c.log keep/d.txt keep/deep/e.log target/f.txt src/target"),
        ("--include *.rs --include *.txt", "a.log link.log keep/c.log keep/deep/e.log src/target"),
        ("--exclude nothing", ""),
        // By the name of the source, not by where it lies.
        ("--exclude tree/keep", ""),
    ] {
        let gone: BTreeSet<&Path> = gone.split_whitespace().map(Path::new).collect();
        let mut expected: Snapshot = whole.clone();
        expected.retain(|name, _| !gone.contains(name.as_path()));
        assert_eq!(expected.len() + gone.len(), whole.len(), "{words}");
        for way in [WAYS[0], WAYS[2]] {
            for (source, target) in
                [("tree", "new"), ("tree/", "new"), ("tree/.", "new"), ("-H tree", "new"), ("-r -P tree", "new")]
            {
                sandbox.haul(format!("copy {words} {source} {target} {way}")).run().ok().silent();
                assert_same(&expected, &snapshot(sandbox.path("new")), &format!("{words} {source} {way}"));
                sandbox.remove("new");
            }
        }
    }
    for source in ["tree", "tree/", "-H tree", "-L tree"] {
        sandbox.make_directory("there");
        sandbox.haul(format!("copy --exclude tree {source} there")).run().ok();
        assert!(sandbox.list("there").is_empty(), "{source} itself is excluded");
    }
}

#[test]
fn sources_may_come_from_a_list() {
    let sandbox = Sandbox::new();
    for name in ["one", "two", "with space", "new\nline", " blank ", "-dash"] {
        sandbox.write(name, name);
    }
    sandbox.write("tree/three", "3");
    for (words, list, expected) in [
        ("--files-from list -t there", "one\ntwo\n", "one|two"),
        ("--files-from list there", "one\ntree", "one|tree"),
        ("two --files-from list there", "one\n-dash\n", "-dash|one|two"),
        ("--files-from list -t there", "with space\n blank \n", " blank |with space"),
        ("--files-from list -0 -t there", "new\nline\0one\0", "new\nline|one"),
        ("--files-from list --parents there", "tree/three\n", "tree"),
        ("--files-from - -t there", "one\ntree\n", "one|tree"),
        ("--files-from - -0 there", "tree/three\0two\0", "three|two"),
    ] {
        sandbox.make_directory("there");
        sandbox.write("list", list);
        sandbox.haul(format!("copy {words}")).input(list).run().ok().silent();
        let found: Vec<_> = sandbox.list("there").into_iter().map(|name| name.into_string().unwrap()).collect();
        assert_eq!(found.join("|"), expected, "{words}");
        sandbox.remove("there");
    }
    sandbox.make_directory("there");
    sandbox.write("list", "one\nmissing\ntwo\n");
    sandbox.haul("copy --files-from list there").run().code(1).says_in_one_line(&["'missing': No such file"]);
    assert_eq!(sandbox.list("there").len(), 2);
}

#[test]
fn a_rehearsal_tells_all_and_does_nothing() {
    let sandbox = Sandbox::new();
    make_awkward_tree(&sandbox, "tree");
    sandbox.write("there/tree/gpl-3.txt", "older");
    let before = snapshot(sandbox.path(""));
    let run = sandbox.haul("copy --dry-run tree there").run().ok();
    for said in [
        "'tree/gpl-3.txt': would be copied to 'there/tree/gpl-3.txt' and replace what is there",
        "'tree/many/00': would be copied",
    ] {
        assert!(run.err.contains(said), "{said} in {}", run.err);
    }
    sandbox.haul("copy --dry-run tree new --exclude many").run().ok().says(&["'tree/many': would be passed over"]);
    assert_same(&before, &snapshot(sandbox.path("")), "after rehearsals");
    // It counts what the copy then counts.
    let count = |words: &str| {
        let json = sandbox.haul(words).run().ok().json();
        ["files", "directories", "source_bytes", "failures"].map(|name| json[name].as_u64().expect("a number"))
    };
    let rehearsed = count("copy --dry-run --no-preserve=links --json tree there");
    assert_eq!(rehearsed[1..], count("copy --no-preserve=links --json tree there")[1..]);
}

#[test]
fn the_summary_counts_what_find_counts() {
    let sandbox = Sandbox::new();
    make_awkward_tree(&sandbox, "tree");
    let find = |words: &str| {
        let words: Vec<_> = words.split(' ').collect();
        String::from_utf8(sandbox.tool("find", &words)).unwrap().lines().count() as u64
    };
    let lines = |words: &str| find(&format!("tree {words} -printf \\n"));
    for way in ways() {
        let json = sandbox.haul(format!("copy --json tree new {way}")).run().ok().silent().json();
        let number = |name: &str| json[name].as_u64().unwrap_or_else(|| panic!("{name} in {json:#}"));
        assert_eq!(number("directories"), lines("-type d"), "{way}");
        // Further names of a file are links, whatever that is.
        assert_eq!(number("files") + number("links") + number("others"), lines("! -type d"), "{way}");
        assert_eq!(number("links"), 7, "{way}");
        assert_eq!((number("failures"), number("skipped")), (0, 0), "{way}");
        sandbox.remove("new");
    }
    let json = sandbox.haul("copy -n --json tree/gpl-3.txt tree/one-byte").run().ok().json();
    assert_eq!((json["skipped"].as_u64(), json["files"].as_u64()), (Some(1), Some(0)), "{json:#}");
}

#[test]
fn verbose_names_each_file_and_what_became_of_it() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    for word in ["-v", "--verbose", "--debug"] {
        sandbox.write("there/tree/a.log", "older");
        let run = sandbox.haul(format!("copy {word} -n tree there")).run().ok();
        let run = run.says(&[
            "'tree/a.log': passed over: the target exists",
            "'tree/keep/deep/e.log': 15 bytes by",
            "1 skipped",
        ]);
        assert!(run.out.is_empty());
        sandbox.remove("there");
    }
    let run = sandbox.haul("copy -v --verify tree/b.txt new").run().ok();
    run.says(&["; verified"]);
}

#[test]
fn all_that_was_copied_can_be_compared() {
    let sandbox = Sandbox::new();
    make_awkward_tree(&sandbox, "tree");
    let expected = snapshot(sandbox.path("tree"));
    for engine in ["auto", "read_write", "copy_file_range", "mmap"] {
        for way in [WAYS[0], WAYS[2]] {
            let run = sandbox.haul(format!("copy -v --verify tree new --engine {engine} {way}")).run().ok();
            assert_same(&expected, &snapshot(sandbox.path("new")), engine);
            let verified = run.err.lines().filter(|line| line.contains("; verified")).count();
            let files =
                expected.values().filter(|node| node.kind == "file").map(|node| node.file).collect::<BTreeSet<_>>();
            assert_eq!(verified, files.len(), "{engine} {way}");
            sandbox.remove("new");
        }
    }
}

/// The calls of a kind, by all threads, of a run.
fn traced(sandbox: &Sandbox, words: &str) -> (usize, usize, usize) {
    let mut command = common::run::command("strace");
    command
        .args(["-f", "-qq", "-e", "trace=fsync,fdatasync,syncfs,renameat2", "-o", "trace"])
        .arg(common::run::binary());
    command.args(words.split(' ')).current_dir(sandbox.path(""));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    let trace = String::from_utf8(sandbox.read("trace")).unwrap();
    let count = |name: &str| trace.lines().filter(|line| line.contains(&format!(" {name}("))).count();
    // What is to be durable before it has its final name must be synced before.
    if words.contains("--sync=file") {
        let place = |name: &str| trace.lines().position(|line| line.contains(name));
        assert!(place("sync(") < place("renameat2("), "{words}: {trace}");
    }
    (count("fsync") + count("fdatasync"), count("syncfs"), count("renameat2"))
}

#[test]
fn what_is_to_be_durable_is_synced_and_nothing_else_is() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    for number in 0..5 {
        sandbox.write(format!("tree/sub/{number}"), noise(number, 10_000));
    }
    sandbox.make_directory("there");
    for way in [WAYS[0], WAYS[2]] {
        for target in ["new", "there"] {
            assert_eq!(traced(&sandbox, &format!("copy tree {target} {way}")).0, 0, "{target} {way}");
            sandbox.remove("new");
            assert_eq!(traced(&sandbox, &format!("copy --sync=none tree {target} {way}")).1, 0, "{target} {way}");
            sandbox.remove("new");
            let (files, systems, _) = traced(&sandbox, &format!("copy --sync tree {target} {way}"));
            assert!(files + systems == 1 || (systems == 1 && files <= 1), "{files} and {systems}, {target} {way}");
            sandbox.remove("new");
            // Five files, two directories, and the one that holds the new name.
            let (files, _, _) = traced(&sandbox, &format!("copy --sync=file tree {target} {way}"));
            assert!(files >= 8, "{files}, {target} {way}");
            sandbox.remove("new");
            sandbox.remove("there/tree");
        }
    }
}

#[test]
fn what_is_mounted_in_a_source_is_left_out_or_not_as_cp_does() {
    if !is_root() || !have("unshare") || !common::cp::have_gnu_cp() {
        return skip("a file system of its own needs root and unshare");
    }
    let sandbox = Sandbox::new();
    sandbox.write("tree/file", "on this one");
    sandbox.write("tree/sub/mount/hidden", "below the other one");
    set_mtime(sandbox.path("tree/sub"), 1_000_000_000, 1);
    let script = "mount -t tmpfs -o size=256k,mode=751 tmpfs tree/sub/mount || exit 77
        echo there >tree/sub/mount/file; mkdir tree/sub/mount/directory; touch -d @1000000000 tree/sub/mount
        cp -a tree cp-all && cp -ax tree cp-one && cp -ax tree/sub/mount cp-mount && cp -ax tree/sub/mount/. cp-dot
        for way in '--scheduler serial' '--workers 2'; do
            n=$((n + 1))
            $HAUL copy $way tree all-$n && $HAUL copy $way -x tree one-$n && $HAUL copy $way -x tree/sub/mount mount-$n &&
                $HAUL copy $way --one-file-system tree/sub/mount/. dot-$n || exit 1
        done";
    let mut command = common::run::command("unshare");
    command.args(["-m", "sh", "-c", script]).current_dir(sandbox.path("")).env("HAUL", common::run::binary());
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || err.starts_with("unshare:") {
        return skip("no mounts are allowed here");
    }
    assert!(output.status.success() && err.is_empty(), "{err}");
    for what in ["all", "one", "mount", "dot"] {
        let expected = snapshot(sandbox.path(format!("cp-{what}")));
        for number in 1..=2 {
            assert_same(&expected, &snapshot(sandbox.path(format!("{what}-{number}"))), what);
        }
    }
    assert!(sandbox.list("one-1/sub/mount").is_empty() && sandbox.exists("all-1/sub/mount/file"));
}

#[test]
fn a_link_made_instead_of_a_copy_leads_to_the_source() {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    let root = sandbox.path("");
    let words = |job: &str| format!("{job} {}/tree {}/there", root.display(), root.display());
    for name in ["there", "by-cp"] {
        sandbox.make_directory(name);
    }
    if common::cp::have_gnu_cp() {
        let words = words("-rs").replace("/there", "/by-cp");
        sandbox.tool("cp", &words.split(' ').collect::<Vec<_>>());
        sandbox.haul(words.replace("-rs", "copy -s").replace("/by-cp", "/there")).run().ok().silent();
        let level = |name: &str| {
            let mut tree = without_directory_times(snapshot(sandbox.path(name)));
            for node in tree.values_mut() {
                node.mtime = (0, 0);
            }

            tree
        };
        assert_same(&level("by-cp"), &level("there"), "cp -rs");
    }
    assert_eq!(sandbox.read("there/tree/keep/deep/e.log"), b"keep/deep/e.log");
}
