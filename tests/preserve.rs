//! What a copy keeps beside the bytes, and what it leaves out when it is told to: beside what `cp -a` keeps and leaves
//! out, from the same trees.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::lchown;
use std::path::Path;
use std::process::Command;

use common::attributes::{attributes, set_acl, set_attribute};
use common::cp::{Furnish, Terms, by_cp, by_haul, have_gnu_cp};
use common::tree::{Extra, make_awkward_tree, snapshot_with, without_directory_times};
use common::{
    NOBODY, Sandbox, WAYS, assert_same, have, is_root, make_fifo, make_socket, many, noise, set_mode, set_mtime, skip,
    snapshot, ways,
};

/// An awkward tree that, where that is allowed, belongs to several people.
fn furnish(sandbox: &Sandbox) {
    make_awkward_tree(sandbox, "tree");
    if is_root() {
        for (name, owner, group) in
            [("many/03", NOBODY, 0), ("sub/deep", 0, NOBODY), ("to-file", 7, 7), ("fifo", 8, 9), ("socket", 10, 0)]
        {
            lchown(sandbox.path("tree").join(name), Some(owner), Some(group)).unwrap();
        }
    }
    for (name, mode) in [("many/04", 0o1644), ("many/05", 0o4755), ("many/06", 0o2755), ("sub/deep/er", 0o3770)] {
        set_mode(sandbox.path("tree").join(name), mode);
    }
}

#[test]
fn what_is_kept_and_left_out_is_what_cp_keeps_and_leaves_out() {
    if !have_gnu_cp() {
        return;
    }
    for (haul, cp) in [
        ("", "-a"),
        ("--no-preserve=ownership", "-a --no-preserve=ownership"),
        ("--no-preserve=timestamps", "-a --no-preserve=timestamps"),
        ("--no-preserve=links", "-a --no-preserve=links"),
        ("--no-preserve=xattr", "-a --no-preserve=xattr"),
        ("--no-preserve=context", "-a --no-preserve=context"),
        ("--no-preserve=links,xattr,timestamps", "-a --no-preserve=links,xattr,timestamps"),
        // cp gives files the mode 666 then, also those that can be run. We take the mode of the source as cp does where
        // nobody said --no-preserve: the umask cuts it.
        ("--no-preserve=mode", "-dR --preserve=ownership,timestamps,links,xattr"),
        ("--no-preserve=mode,timestamps", "-dR --preserve=ownership,links,xattr"),
        ("--no-preserve=all", "-RP"),
        ("--no-preserve=all -p", "-RPp"),
        ("--no-preserve=all -d", "-Rd"),
        ("--no-preserve=all --preserve=timestamps", "-RP --preserve=timestamps"),
        ("--no-preserve=all --preserve=xattr", "-RP --preserve=xattr"),
        ("--no-preserve=all --preserve=links,mode", "-RP --preserve=links,mode"),
        ("--no-preserve=all -a", "-a"),
        ("--no-preserve=all --preserve=all", "-RP --preserve=all"),
    ] {
        let mut expected = by_cp(&furnish, &format!("{cp} tree copy"), Terms::default());
        let keeps_mode = cp.starts_with("-a") || cp.ends_with('p') || cp.contains("mode") || cp.contains("=all");
        if !keeps_mode {
            // Without -p there are none of these bits, cp's manual says. But it leaves directories sticky.
            for (_, node) in expected.tree.iter_mut().filter(|(name, _)| name.starts_with("copy")) {
                node.mode &= 0o777;
            }
        }
        let way = WAYS[if haul.len() % 2 == 0 { 0 } else { 2 }];
        let actual = by_haul(&furnish, &format!("{haul} tree copy {way}"), Terms::default());
        assert_eq!((actual.code, &*actual.err), (expected.code, ""), "{haul} beside cp {cp}: {}", expected.err);
        assert_same(&expected.tree, &actual.tree, &format!("haul copy {haul} beside cp {cp}"));
    }
}

#[test]
fn an_ordinary_user_keeps_what_cp_keeps_for_one() {
    if !have_gnu_cp() {
        return;
    }
    let furnish = |sandbox: &Sandbox| {
        make_awkward_tree(sandbox, "tree");
        sandbox.remove("tree/device");
    };
    let terms = Terms { without_rights: true, ..Terms::default() };
    for (haul, cp) in [
        ("", "-a"),
        ("--no-preserve=all", "-RP"),
        ("--no-preserve=all --preserve=xattr,links", "-RP --preserve=xattr,links"),
    ] {
        let expected = by_cp(&furnish, &format!("{cp} tree copy"), terms);
        let actual = by_haul(&furnish, &format!("{haul} tree copy"), terms);
        assert_eq!((actual.code, &*actual.err), (expected.code, ""), "{haul} beside cp {cp}: {}", expected.err);
        assert_same(&expected.tree, &actual.tree, &format!("haul copy {haul} beside cp {cp}"));
    }
}

#[test]
fn random_trees_become_what_cp_makes_of_them() {
    if !have_gnu_cp() {
        return;
    }
    for seed in 0..12 {
        let furnish = |sandbox: &Sandbox| make_random_tree(sandbox, seed);
        let into = if seed % 3 == 0 { "there" } else { "new" };
        let expected = by_cp(&furnish, &format!("-a tree {into}"), Terms::default());
        let way = WAYS[seed as usize % WAYS.len()];
        let actual = by_haul(&furnish, &format!("tree {into} {way}"), Terms::default());
        assert_eq!(actual.code, expected.code, "seed {seed}: {}{}", actual.err, expected.err);
        assert_same(&expected.tree, &actual.tree, &format!("seed {seed}, {way}"));
    }
}

/// A tree that depends on the seed alone: 60 entries of any kind, somewhere below, with any mode and time, attributes
/// here and there; and a directory for it to go into.
fn make_random_tree(sandbox: &Sandbox, seed: u64) {
    let dice = noise(seed + 1_000, 60 * 8);
    let mut directories = vec![sandbox.make_directory("tree")];
    let mut others: Vec<std::path::PathBuf> = Vec::new();
    sandbox.make_directory("there");
    for (number, dice) in dice.chunks(8).enumerate() {
        let pick = |count: usize, die: usize| usize::from(dice[die]) % count;
        let path = directories[pick(directories.len(), 0)].join(format!("{number}"));
        match pick(8, 1) {
            0 => {
                std::fs::create_dir(&path).unwrap();
                directories.push(path.clone());
            }
            1 => std::os::unix::fs::symlink("../somewhere", &path).unwrap(),
            2 => make_fifo(&path),
            3 | 4 if !others.is_empty() => std::fs::hard_link(&others[pick(others.len(), 2)], &path).unwrap(),
            _ => std::fs::write(&path, noise(seed, 100 * usize::from(dice[3]))).unwrap(),
        }
        if path.is_dir() || path.is_file() {
            if pick(4, 4) == 0 {
                set_attribute(&path, &format!("user.n{}", dice[5]), &dice[..pick(8, 5)]);
            }
            set_mode(&path, (u32::from(dice[6]) << 4 | 0o7) & 0o7777 | 0o700);
            if pick(6, 5) == 0 {
                set_acl(&path, "access", "u::rwx u:1234:r-- g::rwx m::r-x o::--x");
            }
        }
        if !path.is_dir() || path.is_symlink() {
            set_mtime(&path, 1_000_000_000 + i64::from(dice[7]), number as i64);
            others.push(path);
        }
    }
    for (number, directory) in directories.iter().enumerate() {
        set_mtime(directory, 900_000_000, number as i64);
    }
}

#[test]
fn times_of_access_are_those_from_before_the_copy() {
    let sandbox = Sandbox::new();
    make_awkward_tree(&sandbox, "tree");
    // In the future, where reading does not move them (mount(8), relatime).
    sandbox
        .tool("find", &["tree", "-exec", "touch", "--no-dereference", "-a", "-d", "@4100000000.123456789", "{}", "+"]);
    let look = |name: &str| snapshot_with(sandbox.path(name), Extra { atime: true, holes: false });
    let expected = look("tree");
    for way in ways() {
        sandbox.haul(format!("copy tree copy {way}")).run().ok().silent();
        assert_same(&expected, &look("copy"), way);
        sandbox.remove("copy");
    }
    assert!(
        expected.values().all(|node| node.atime == Some((4_100_000_000, 123_456_789))),
        "the file system kept them"
    );
}

/// Forty files with three names each in thirteen directories, and one with two hundred, written in two sources.
fn make_groups(sandbox: &Sandbox) {
    for number in 0..40 {
        let first =
            sandbox.write(format!("one/{}/{number}-a", number % 7), noise(number, 50_000 * (number as usize % 5)));
        let (second, third) = (format!("one/{}/{number}-b", number % 5), format!("two/{}/{number}-c", number % 6));
        for other in [second, third] {
            sandbox.make_directory(std::path::Path::new(&other).parent().unwrap());
            std::fs::hard_link(&first, sandbox.path(other)).unwrap();
        }
        set_mtime(&first, 1_000_000_000, number as i64);
    }
    let first = sandbox.write("one/crowd/0", "many names");
    for number in 1..200 {
        std::fs::hard_link(&first, sandbox.path(format!("one/crowd/{number}"))).unwrap();
    }
    // A name outside of what is copied.
    std::fs::hard_link(sandbox.path("one/1/1-a"), sandbox.path("outside")).unwrap();
    for source in ["one", "two"] {
        for (number, name) in sandbox.list(source).iter().enumerate() {
            set_mtime(sandbox.path(source).join(name), 950_000_000, number as i64);
        }
        set_mtime(sandbox.path(source), 940_000_000, 4);
    }
}

#[test]
fn names_of_one_file_stay_that_however_they_are_met() {
    if !have_gnu_cp() {
        return;
    }
    let with_target = |sandbox: &Sandbox| {
        make_groups(sandbox);
        sandbox.make_directory("there");
    };
    let older = |sandbox: &Sandbox| {
        with_target(sandbox);
        // Names of one file that are none in the source, and the other way round.
        sandbox.write("there/one/0/0-a", "older");
        sandbox.write("there/one/1/1-a", "older, by itself");
        sandbox.make_directory("there/one/2");
        std::fs::hard_link(sandbox.path("there/one/0/0-a"), sandbox.path("there/one/2/2-a")).unwrap();
    };
    let once = Terms::default();
    let again = Terms { again: true, ..once };
    let cases: [(&str, Furnish<'_>, Terms<'_>); 6] = [
        ("one new", &make_groups, once),
        ("one two there", &with_target, once),
        ("one two there", &with_target, again),
        ("one/. two/. there", &with_target, once),
        ("one two there", &older, once),
        ("--no-preserve=links one two there", &with_target, once),
    ];
    for (number, (words, furnish, terms)) in cases.into_iter().enumerate() {
        let expected = by_cp(furnish, &format!("-a {words}"), terms);
        for way in ways().iter().skip(number % 3).step_by(many(3, 1)) {
            let actual = by_haul(furnish, &format!("{words} {way}"), terms);
            assert_eq!((actual.code, &*actual.err), (expected.code, ""), "{words} {way}: {}", expected.err);
            assert_same(&expected.tree, &actual.tree, &format!("haul copy {words} {way}"));
        }
    }
}

#[test]
fn attributes_and_acls_are_those_that_getfattr_and_getfacl_show() {
    let sandbox = Sandbox::new();
    let many = sandbox.write("tree/many attributes", "");
    if !set_attribute(&many, "user.first", b"") {
        return;
    }
    for number in 0..40 {
        set_attribute(&many, &format!("user.number {number}"), &noise(number, number as usize));
    }
    for (name, length) in [("tree/short", 1), ("tree/sub/long", 3_500), ("tree/longer", 30_000)] {
        set_attribute(sandbox.write(name, name), "user.value", &noise(5, length));
    }
    set_attribute(sandbox.path("tree"), "user.\u{fc}ber", b"\xff\0\n");
    let closed = sandbox.write("tree/nobody may write", "contents");
    set_attribute(&closed, "user.kept", b"all the same");
    set_acl(&closed, "access", "u::r-- u:1234:r-- g::r-- m::r-- o::---");
    set_mode(&closed, 0o440);
    set_acl(sandbox.path("tree/sub"), "default", "u::rwx u:1234:rwx g::r-x g:4321:--- m::rwx o::---");
    set_acl(sandbox.path("tree/sub"), "access", "u::rwx u:1234:--x g::--- m::--x o::---");
    sandbox.link("tree/link", "short");
    if is_root() {
        for name in ["tree/link", "tree/short", "tree"] {
            set_attribute(sandbox.path(name), "trusted.haul", b"of a link itself, too");
        }
    }
    sandbox.give_away();
    let expected = snapshot(sandbox.path("tree"));
    for way in ways() {
        sandbox.haul(format!("copy tree copy {way}")).run().ok().silent();
        assert_same(&expected, &snapshot(sandbox.path("copy")), way);
        for (tool, words) in [("getfattr", "-Rhd -m - -e hex ."), ("getfacl", "-Rnp .")] {
            if have(tool) {
                let shown = |tree: &str| {
                    let words: Vec<_> = words.split(' ').collect();
                    let output = Command::new(tool).args(words).current_dir(sandbox.path(tree)).output().unwrap();
                    let text = String::from_utf8(output.stdout).unwrap();
                    let mut parts: Vec<_> = text.split("\n\n").map(str::to_owned).collect();
                    parts.sort();
                    parts
                };
                assert_eq!(shown("tree"), shown("copy"), "{tool}, {way}");
            }
        }
        sandbox.remove("copy");
    }
    // As their owner, who is nobody special, has them: without those that only root sees.
    let seen = |mut tree: common::Snapshot| {
        for node in tree.values_mut() {
            node.attributes.retain(|name, _| !name.to_string_lossy().starts_with("trusted."));
        }
        tree
    };
    sandbox.haul("copy tree copy").without_rights().run().ok().silent();
    assert_same(&seen(expected), &seen(snapshot(sandbox.path("copy"))), "as an ordinary user");
}

#[test]
fn a_directory_hands_no_acl_on_to_what_is_copied_into_it() {
    if !have_gnu_cp() {
        return;
    }
    let furnish = |sandbox: &Sandbox| {
        sandbox.write("tree/file", "plain");
        sandbox.write("tree/sub/deep/file", "deep");
        set_mode(sandbox.path("tree/sub"), 0o751);
        set_mode(sandbox.write("tree/private", "for one"), 0o600);
        make_fifo(sandbox.path("tree/fifo"));
        make_socket(sandbox.path("tree/socket"));
        sandbox.link("tree/link", "file");
        sandbox.write("tree/own", "with an ACL");
        set_acl(sandbox.path("tree/own"), "access", "u::rw- u:5555:r-- g::--- m::r-- o::---");
        sandbox.make_directory("tree/of-its-own");
        set_acl(sandbox.path("tree/of-its-own"), "default", "u::rwx u:5555:r-- g::--- m::r-- o::---");
        sandbox.write("tree/merged/file", "into what is there");
        sandbox.make_directory("there");
        set_acl(sandbox.path("there"), "default", "u::rwx u:1234:rwx g::rwx m::rwx o::rwx");
        // These have it from there.
        sandbox.write("there/merged/older", "stays");
        sandbox.write("there/file", "older");
    };
    for (words, cp) in [
        ("tree there", "-a tree there"),
        ("tree/file tree/private tree/own there", "-a tree/file tree/private tree/own there"),
        ("tree/fifo tree/socket tree/link there", "-a tree/fifo tree/socket tree/link there"),
        ("tree/. there", "-a tree/. there"),
        ("tree/merged tree/of-its-own there", "-a tree/merged tree/of-its-own there"),
        ("--attributes-only tree there", "-a --attributes-only tree there"),
        // Where no mode is kept, what is new takes the ACL, as all that is made there does.
        ("--no-preserve=mode tree/private there", "-dR --preserve=ownership,timestamps,links,xattr tree/private there"),
    ] {
        let expected = by_cp(&furnish, cp, Terms::default());
        for way in [WAYS[0], WAYS[2]] {
            let actual = by_haul(&furnish, &format!("{words} {way}"), Terms::default());
            assert_eq!((actual.code, expected.code), (0, 0), "{words}: {}{}", actual.err, expected.err);
            assert_same(&expected.tree, &actual.tree, &format!("haul copy {words} {way}"));
        }
    }
}

/// Workers share a large file, and any of them may be the last one in its directory.
#[test]
fn a_directory_has_all_that_is_kept_of_it_whoever_replaces_the_last_large_file_in_it() {
    if !have_gnu_cp() {
        return skip("GNU cp is missing");
    }
    let furnish = |sandbox: &Sandbox| {
        for number in 0..6_u8 {
            sandbox.write(format!("tree/{number}/large"), vec![number; 5 << 20]);
            sandbox.write(format!("there/{number}/large"), "older");
            set_mode(sandbox.path(format!("tree/{number}")), 0o750);
            set_mtime(sandbox.path(format!("tree/{number}")), 1_500_000_000, i64::from(number));
        }
        set_mtime(sandbox.path("tree"), 1_400_000_000, 0);
    };
    let expected = by_cp(&furnish, "-a tree/. there", Terms::default());
    for words in ["--engine read_write --workers 4", "--engine read_write --workers 2 --scheduler rayon", "--workers 4"]
    {
        let actual = by_haul(&furnish, &format!("tree/. there {words}"), Terms::default());
        assert_eq!((actual.code, expected.code), (0, 0), "{words}: {}{}", actual.err, expected.err);
        assert_same(&expected.tree, &actual.tree, words);
    }
}

#[test]
fn capabilities_are_kept_by_root_and_by_nobody_else() {
    if !is_root() || !have("setcap") || !have("getcap") || !have_gnu_cp() {
        return skip("capabilities need root, setcap and getcap");
    }
    let furnish = |sandbox: &Sandbox| {
        sandbox.write("there/replaced", "older");
        for (name, capability) in
            [("tool", "cap_net_raw=ep"), ("tree/daemon", "cap_chown,cap_setuid+eip"), ("replaced", "cap_kill=p")]
        {
            set_mode(sandbox.write(name, name), 0o755);
            lchown(sandbox.path(name), Some(NOBODY), Some(NOBODY)).unwrap();
            // A file system without them says so by its exit code.
            let _ = Command::new("setcap").arg(capability).arg(sandbox.path(name)).output();
        }
    };
    let probe = Sandbox::new();
    furnish(&probe);
    if !attributes(&probe.path("tool")).contains_key(std::ffi::OsStr::new("security.capability")) {
        return skip("no capabilities on files here");
    }
    for words in ["tool new", "tree new", "replaced there", "--no-preserve=xattr tool new"] {
        let expected = by_cp(&furnish, &format!("-a {words}"), Terms::default());
        let actual = by_haul(&furnish, words, Terms::default());
        assert_eq!((actual.code, expected.code), (0, 0), "{words}: {}{}", actual.err, expected.err);
        // cp writes into the file that is there, we rename a new one to its name.
        assert_same(&without_directory_times(expected.tree), &without_directory_times(actual.tree), words);
    }
    probe.haul("copy tool new").run().ok();
    let shown = String::from_utf8(probe.tool("getcap", &["new"])).unwrap();
    assert!(shown.contains("cap_net_raw"), "{shown}");
    // Lost, and said: whoever may not give a program rights gets a copy without them.
    set_mode(probe.path(""), 0o777);
    probe.haul("copy tree lost").without_rights().run().ok().says(&["cannot set 'security.capability'"]);
    assert!(attributes(&probe.path("lost/daemon")).is_empty());
}

#[test]
fn attributes_that_the_target_cannot_hold_are_lost_unless_they_are_asked_for() {
    if !is_root() || !have("unshare") || !have_gnu_cp() {
        return skip("a file system without attributes needs root and unshare");
    }
    let sandbox = Sandbox::new();
    let file = sandbox.write("file", "contents");
    sandbox.make_directory("mnt");
    if !set_attribute(&file, "user.some", b"value") {
        return;
    }
    // ramfs has none.
    let script = "mount -t ramfs ramfs mnt || exit 77
        cp -a file mnt/1; echo $?; $HAUL copy file mnt/2; echo $?
        cp --preserve=xattr file mnt/3; echo $?; $HAUL copy --preserve=xattr file mnt/4; echo $?
        cat mnt/1 mnt/2; ls mnt";
    let mut command = common::run::command("unshare");
    command.args(["-m", "sh", "-c", script]).current_dir(sandbox.path("")).env("HAUL", common::run::binary());
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) || err.starts_with("unshare:") {
        return skip("no mounts are allowed here");
    }
    // As cp does, we leave the bytes of the file that has failed.
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words, "0 0 1 1 contentscontents1 2 3 4", "{err}");
    assert!(
        err.contains("haul: 'mnt/2': cannot set 'user.some'")
            && err.contains("haul: cannot keep the attributes of 'mnt/4'"),
        "{err}"
    );
}

#[test]
fn attributes_only_leaves_contents_alone_as_cp_does() {
    if !have_gnu_cp() {
        return;
    }
    let furnish = |sandbox: &Sandbox| {
        furnish(sandbox);
        set_mode(sandbox.write("file", "some contents"), 0o640);
        set_attribute(sandbox.path("file"), "user.of", b"the source");
        sandbox.write("there/file", "these stay");
        set_attribute(sandbox.path("there/file"), "user.older", b"stays too");
        set_acl(sandbox.path("there/file"), "access", "u::rw- u:1234:rw- g::rw- m::rw- o::---");
        std::fs::hard_link(sandbox.path("there/file"), sandbox.path("there/other name")).unwrap();
    };
    for (words, cp) in [
        ("tree new", "-a"),
        ("file new", "-a"),
        ("file there", "-a"),
        ("file there/file", "-a"),
        ("--no-preserve=timestamps file there", "-a --no-preserve=timestamps"),
        ("--no-preserve=all file there", "-RP"),
        ("--no-preserve=all file new", "-RP"),
    ] {
        let names = words.trim_start_matches("--no-preserve=timestamps").trim_start_matches("--no-preserve=all");
        let expected = by_cp(&furnish, &format!("{cp} --attributes-only {names}"), Terms::default());
        let actual = by_haul(&furnish, &format!("--attributes-only {words}"), Terms::default());
        assert_eq!((actual.code, expected.code), (0, 0), "{words}: {}{}", actual.err, expected.err);
        let (mut expected, mut actual) = (expected.tree, actual.tree);
        // cp opens the target to write to it and so moves its time, where that is not kept.
        if words.contains("preserve") {
            for node in
                [&mut expected, &mut actual].into_iter().filter_map(|tree| tree.get_mut(Path::new("there/file")))
            {
                node.mtime = (0, 0);
            }
            for node in
                [&mut expected, &mut actual].into_iter().filter_map(|tree| tree.get_mut(Path::new("there/other name")))
            {
                node.mtime = (0, 0);
            }
        }
        assert_same(&expected, &actual, words);
    }
}

#[test]
fn bits_that_lend_rights_go_where_the_owner_cannot_be_kept() {
    if !is_root() {
        return skip("only root can make files of another owner");
    }
    if !have_gnu_cp() {
        return;
    }
    // Everything is somebody else's, and can be read by all.
    let furnish = |sandbox: &Sandbox| {
        for (name, mode) in [("user", 0o4755), ("group", 0o2755), ("both", 0o6755), ("plain", 0o644)] {
            set_mode(sandbox.write(format!("source/tree/{name}"), name), mode);
        }
        set_mode(sandbox.make_directory("source/tree/shared"), 0o2775);
        set_mode(sandbox.make_directory("source/tree/scratch"), 0o1777);
        make_fifo(sandbox.path("source/tree/fifo"));
        set_mode(sandbox.path("source/tree/fifo"), 0o644);
        let group = sandbox.write("source/tree/of our group", "");
        lchown(&group, Some(0), Some(NOBODY)).unwrap();
        set_mode(&group, 0o6755);
        std::os::unix::fs::lchown(sandbox.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
        set_mode(sandbox.make_directory("mine"), 0o777);
    };
    for words in ["source/tree new", "source/tree mine", "source/tree/both source/tree/group mine"] {
        let furnish_and_allow = |sandbox: &Sandbox| {
            furnish(sandbox);
            set_mode(sandbox.path(""), 0o777);
        };
        let run = |haul: bool| {
            let sandbox = Sandbox::new();
            furnish_and_allow(&sandbox);
            common::cp::age(&sandbox.path(""), &mut 0);
            if haul {
                sandbox.haul(format!("copy {words}")).without_rights().run().ok();
            } else {
                sandbox.tool("setpriv", &setpriv(&format!("cp -a {words}")));
            }
            without_directory_times(snapshot(sandbox.path("")))
        };
        if !have("setpriv") {
            return;
        }
        assert_same(&run(false), &run(true), words);
    }
}

#[test]
fn an_owner_that_cannot_be_kept_is_a_failure_to_who_asked_for_it_by_name() {
    if !is_root() {
        return skip("only root can make files of another owner");
    }
    let furnish = |sandbox: &Sandbox| {
        set_mode(sandbox.write("source/tree/file", "contents"), 0o644);
        make_fifo(sandbox.path("source/tree/fifo"));
        set_mode(sandbox.path(""), 0o777);
    };
    for (words, code, lines) in [
        ("", 0, 0),
        ("-a", 0, 0),
        ("-p", 0, 0),
        ("--preserve", 0, 0),
        ("--preserve=all", 0, 0),
        ("--no-preserve=ownership", 0, 0),
        ("--preserve=ownership --no-preserve=ownership", 0, 0),
        // The file, the FIFO and their directory.
        ("--preserve=ownership", 1, 3),
        ("--preserve=mode,ownership -p", 1, 3),
    ] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        let run = sandbox.haul(format!("copy {words} -T source/tree new")).without_rights().run().code(code);
        let told = run.err.lines().filter(|line| line.starts_with("haul: cannot keep the attributes of 'new")).count();
        assert_eq!(told, lines, "{words}: {}", run.err);
        assert_eq!(sandbox.read("new/file"), b"contents", "{words}");
        assert!(sandbox.exists("new/fifo"), "{words}");
    }
}

#[test]
fn a_file_system_that_takes_no_mode_takes_the_bytes() {
    if !is_root() || !have("bindfs") || !have("fusermount") {
        return skip("a file system that refuses modes needs root and bindfs");
    }
    let sandbox = Sandbox::new();
    set_mode(sandbox.write("tree/file", "contents"), 0o604);
    sandbox.write("tree/sub/other", "more");
    sandbox.make_directory("real");
    sandbox.make_directory("mnt");
    let mut bindfs = Command::new("bindfs");
    bindfs.args(["--chmod-deny", "--chown-deny", "real", "mnt"]).current_dir(sandbox.path(""));
    if !bindfs.output().unwrap().status.success() {
        return skip("bindfs cannot mount here");
    }
    let run = sandbox.haul("copy tree tree/file mnt").run();
    let read = |name: &str| std::fs::read(sandbox.path("mnt").join(name)).ok();
    let found = ["tree/file", "tree/sub/other", "file"].map(read);
    sandbox.tool("fusermount", &["-u", "mnt"]);
    assert_eq!(found.map(|bytes| bytes.map(|bytes| bytes.len())), [Some(8), Some(4), Some(8)], "{}", run.err);
    run.code(1).says(&["cannot keep the attributes of 'mnt/file': cannot set its mode: Operation not permitted"]);
}

/// The words behind `setpriv` that run a command as nobody.
fn setpriv(command: &str) -> Vec<&str> {
    let rights = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    rights.into_iter().chain(command.split(' ')).collect()
}

#[test]
fn the_umask_cuts_what_is_not_kept_and_nothing_else() {
    if !have_gnu_cp() {
        return;
    }
    let haul = common::run::binary().to_str().expect("a plain path");
    for mask in ["027", "000", "022", "077"].into_iter().take(many(2, 4)) {
        for (words, cp) in [
            ("", "-a"),
            ("--no-preserve=mode", "-dR --preserve=ownership,timestamps,links,xattr"),
            ("--no-preserve=all", "-RP"),
        ] {
            let run = |command: &str| {
                let sandbox = Sandbox::new();
                make_awkward_tree(&sandbox, "tree");
                sandbox.write("there/file", "a directory to go into");
                sandbox.write("file", "contents");
                common::cp::age(&sandbox.path(""), &mut 0);
                let script =
                    format!("umask {mask}; {command} tree new && {command} tree/. there && {command} file there");
                sandbox.tool("sh", &["-c", &script]);
                let mut tree = snapshot(sandbox.path(""));
                for node in tree.values_mut() {
                    node.mtime = (0, 0);
                }

                tree
            };
            let (expected, actual) = (run(&format!("cp {cp}")), run(&format!("'{haul}' copy {words}")));
            assert_same(&expected, &actual, &format!("umask {mask}, {words}"));
        }
    }
}
