//! The options of cp, and what becomes of what is there already: beside GNU cp, from the same files.
//!
//! Each case runs twice in sandboxes that were furnished alike, once by `cp` and once by `haul copy`, and then the two
//! hold the same, but for what the case says and why.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::path::{Path, PathBuf};

use common::attributes::set_attribute;
use common::cp::{NOW, Outcome, Terms, by_cp, by_haul, furnished, haul, have_gnu_cp, looked_at};
use common::tree::differences;
use common::{Sandbox, Snapshot, WAYS, make_fifo, noise, set_mode, set_mtime};

/// Something of everything, in few files: sources, and targets to meet them.
fn furnish(sandbox: &Sandbox) {
    set_mode(sandbox.write("file", "contents of the file"), 0o640);
    set_mode(sandbox.write("tool", noise(1, 70_000)), 0o755);
    sandbox.write("tree/file", "in the tree");
    sandbox.write("tree/sub/deep", "deep in the tree");
    sandbox.write("tree/sub/log", "a log");
    sandbox.make_directory("tree/empty");
    sandbox.write("tree/twin-a", "with two names");
    std::fs::hard_link(sandbox.path("tree/twin-a"), sandbox.path("tree/sub/twin-b")).unwrap();
    make_fifo(sandbox.path("tree/fifo"));
    for (name, text) in [
        ("tree/to-sub", "sub"),
        ("tree/to-file", "../file"),
        ("to-tree", "tree"),
        ("to-file", "file"),
        ("dangling", "no/such"),
        ("loop", "loop"),
        ("to-there", "there"),
    ] {
        sandbox.link(name, text);
    }
    sandbox.write("broken/file", "beside a dangling link");
    sandbox.link("broken/dangling", "no/such");
    sandbox.write("cycle/sub/file", "below a cycle");
    sandbox.link("cycle/sub/up", "..");
    sandbox.write("hard", "the other name of");
    std::fs::hard_link(sandbox.path("hard"), sandbox.path("hard-too")).unwrap();
    for name in ["a", "b"] {
        sandbox.write(format!("{name}/same"), format!("from {name}"));
        sandbox.write(format!("{name}/sub/same"), format!("deep from {name}"));
        sandbox.write(format!("{name}/sub/only-{name}"), "alone");
        sandbox.link(&format!("{name}/link"), &format!("to-{name}"));
        sandbox.link(&format!("{name}/sub/link"), &format!("to-{name}"));
    }
    set_attribute(sandbox.path("file"), "user.of", b"the source");

    sandbox.write("there/file", "an older file, and a longer one at that");
    sandbox.write("there/tree/file", "older");
    sandbox.write("there/tree/sub/kept", "in the target only");
    sandbox.make_directory("there/tool");
    sandbox.make_directory("empty");
    sandbox.make_directory("real");
    sandbox.make_directory("linked");
    sandbox.link("linked/tree", "../real");
    sandbox.link("linked/file", "../outside");
    sandbox.write("outside", "what a link in the target leads to");
    for (name, seconds, nanoseconds) in [
        ("older", 1_000_000_000, 5),
        ("newer", 4_000_000_000, 5),
        ("equal", 1_050_000_000, 5),
        ("equal-too", 1_050_000_000, 5),
        ("equal-but", 1_050_000_000, 4),
    ] {
        sandbox.write(name, name);
        set_mtime(sandbox.path(name), seconds, nanoseconds);
    }
    set_mtime(sandbox.path("there/file"), 4_000_000_000, 0);
    set_mtime(sandbox.path("there/tree/file"), 1_000_000_000, 0);
    set_mode(sandbox.write("locked", "nobody may write to it"), 0o444);
    sandbox.write("saved", "saved before");
    sandbox.write("saved.~3~", "the third backup");
    for name in ["shared-a", "shared-b"] {
        sandbox.write(format!("{name}/x"), "one file with two names");
    }
    sandbox.remove("shared-b/x");
    std::fs::hard_link(sandbox.path("shared-a/x"), sandbox.path("shared-b/x")).unwrap();
    sandbox.write("from/x", "to go where something has another name");
}

/// What is compared with.
enum Beside {
    /// `cp -a` and the same words.
    Archive,
    /// `cp` and these words: another name for the option, or what it means where `cp` is too old to have it.
    Cp(&'static str),
    /// The same, and then this is changed, since we mean to differ.
    Changed(&'static str, fn(&mut Snapshot)),
    /// Nothing happens.
    Nothing,
}

use Beside::{Archive, Changed, Cp, Nothing};

/// The words for us, what to compare with, our exit code.
type Case = (&'static str, Beside, i32);

/// Fails with all that differs in any case.
#[track_caller]
fn check(cases: &[Case], terms: Terms<'_>) {
    if !have_gnu_cp() {
        return;
    }
    let mut found = Vec::new();
    let (rehearsals, start) = furnished(&furnish, terms);
    let untouched = looked_at(&rehearsals, start);
    for (words, beside, code) in cases {
        let mut expected = match beside {
            Archive => by_cp(&furnish, &format!("-a {words}"), terms),
            Cp(cp) | Changed(cp, _) => by_cp(&furnish, cp, terms),
            Nothing => Outcome { code: 1, tree: untouched.clone(), err: String::new() },
        };
        if let Changed(_, change) = beside {
            change(&mut expected.tree);
        }
        if matches!(beside, Archive) && expected.code != *code {
            found.push(format!("{words}: cp exits {}: {}", expected.code, expected.err));
        }
        // Whatever would be done, --dry-run does nothing.
        let rehearsed = haul(&rehearsals, &format!("--dry-run {words}"), terms);
        let changes = differences(&untouched, &looked_at(&rehearsals, start));
        found.extend(changes.iter().map(|line| format!("--dry-run {words}: {line}")));
        if rehearsed.status().code() > Some(*code) {
            found.push(format!("--dry-run {words}: {}: {}", rehearsed.status(), rehearsed.err));
        }
        for way in [WAYS[0], WAYS[2]] {
            let actual = by_haul(&furnish, &format!("{words} {way}"), terms);
            let what = format!("{words} {way}");
            if actual.code != *code {
                found.push(format!("{what}: exit code {} instead of {code}: {}", actual.code, actual.err));
            }
            let talks = |word: &&str| what.contains(*word) || actual.err.contains(*word);
            if actual.err.is_empty() == (*code != 0) && !["-v", "--debug", "-i", "more than once"].iter().any(talks) {
                found.push(format!("{what}: said {:?}", actual.err));
            }
            found.extend(compared(&expected, &actual).into_iter().map(|line| format!("{what}: {line}")));
        }
    }
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

/// Directories that were there before have other times: cp writes into the file that it finds, we rename a new one.
fn compared(expected: &Outcome, actual: &Outcome) -> Vec<String> {
    let level = |tree: &Snapshot| {
        let mut tree = tree.clone();
        let was_there = |name: &Path| !name.starts_with("new");
        for (_, node) in tree.iter_mut().filter(|(name, node)| node.kind == "directory" && was_there(name)) {
            node.mtime = (0, 0);
        }
        tree
    };
    differences(&level(&expected.tree), &level(&actual.tree))
}

/// Symbolic links that the run has made have the time of the run.
fn is_new(tree: &mut Snapshot) {
    for (_, node) in tree
        .iter_mut()
        .filter(|(name, node)| node.kind == "link" && node.bytes == b"file" && *name != Path::new("to-file"))
    {
        node.mtime = NOW;
    }
}

/// The first numbered backups as simple ones.
fn name_simply(tree: &mut Snapshot) {
    for name in tree.keys().cloned().collect::<Vec<_>>() {
        if let Some(plain) = name.to_str().and_then(|name| name.strip_suffix(".~1~")) {
            let node = tree.remove(&name).expect("it is there");
            tree.insert(PathBuf::from(format!("{plain}.bak")), node);
        }
    }
}

#[test]
fn trees_and_links() {
    check(
        &[
            ("tree new", Archive, 0),
            ("-a tree new", Archive, 0),
            ("-r tree new", Archive, 0),
            ("-R -P tree new", Archive, 0),
            ("-d tree new", Archive, 0),
            ("tree there", Archive, 0),
            ("tree/ there", Archive, 0),
            ("tree/. there", Archive, 0),
            ("to-tree new", Archive, 0),
            ("to-tree/ new", Archive, 0),
            ("to-tree/. new", Archive, 0),
            ("dangling to-file empty", Archive, 0),
            ("-P to-tree to-file empty", Archive, 0),
            ("-H to-tree new", Archive, 0),
            ("-H to-file new", Archive, 0),
            ("-H tree new", Archive, 0),
            ("-H dangling new", Archive, 1),
            ("-L to-tree/sub new", Archive, 0),
            ("-L to-file there", Archive, 0),
            ("-L loop dangling to-file empty", Archive, 1),
            ("-LP tree new", Archive, 0),
            ("-L -d tree new", Archive, 0),
            ("-L broken new", Archive, 1),
            ("-L cycle new", Archive, 1),
            ("-L -H to-tree new", Archive, 0),
            ("-l tree new", Archive, 0),
            ("-l file to-file empty", Archive, 0),
            ("-lL to-file empty", Archive, 0),
            ("-s file tool empty", Archive, 1),
            // Such a link is not a copy: it has the time at which it was made.
            ("-s file new", Changed("-as file new", is_new), 0),
            ("-s tool .", Archive, 1),
        ],
        Terms::default(),
    );
}

#[test]
fn where_to() {
    check(
        &[
            ("-t there file tree", Archive, 0),
            ("-t to-there file", Archive, 0),
            ("-t missing file", Archive, 1),
            ("-t file tool", Archive, 1),
            ("-T file new", Archive, 0),
            ("-T tree there", Archive, 0),
            ("-T tree new", Archive, 0),
            ("-T file there", Archive, 1),
            ("-T tree file", Archive, 1),
            ("file missing/", Archive, 1),
            ("tree new/", Archive, 0),
            ("file missing/new", Archive, 1),
            ("file tool missing", Archive, 1),
            ("missing file empty", Archive, 1),
            // cp does it only where the target is a directory.
            ("--strip-trailing-slashes to-tree/ new", Cp("-a to-tree new"), 0),
            ("--strip-trailing-slashes to-tree/// file/ empty", Archive, 0),
            ("file/ new", Archive, 1),
            ("--parents tree/sub/deep empty", Archive, 0),
            ("--parents tree/sub tree/file file empty", Archive, 0),
            ("--parents tree/sub/deep there", Archive, 0),
            ("--parents -t empty ./tree/sub/ a/sub", Archive, 0),
            ("--parents file new", Archive, 1),
        ],
        Terms::default(),
    );
}

#[test]
fn what_is_there_already() {
    check(
        &[
            ("file older", Archive, 0),
            ("file there", Archive, 0),
            ("file to-file", Archive, 1),
            ("tool to-file", Archive, 0),
            ("tool dangling", Archive, 1),
            // Whoever names a file means that file, whatever its other names are: cp does without -d, which is part of -a.
            ("tool hard", Cp("-P --preserve=mode,ownership,timestamps,xattr tool hard"), 0),
            ("from/x shared-a/x", Cp("-p from/x shared-a/x"), 0),
            ("--remove-destination tool to-file", Archive, 0),
            ("--remove-destination tool dangling", Archive, 0),
            ("--remove-destination tool hard", Archive, 0),
            ("--remove-destination tree there", Archive, 0),
            ("-f file older", Archive, 0),
            ("to-file older", Archive, 0),
            ("dangling there/file", Archive, 0),
            // Neither is put in the place of the other.
            ("tool there", Archive, 1),
            ("tree file", Archive, 1),
            ("file/. there", Archive, 1),
            // The link there stays one, and what it leads to gets the contents: unless it is met in a directory. There
            // it is replaced, or whoever may write to the directory would choose what we write to.
            ("file linked/file", Archive, 0),
            ("file linked", Changed("-a file linked/file --remove-destination", |_| ()), 0),
            // The same of other names: those of what was not named keep what they have.
            ("from/x shared-a", Changed("-a --remove-destination from/x shared-a", |_| ()), 0),
            ("--no-preserve=links from/x shared-a", Cp("-a --no-preserve=links from/x shared-a"), 0),
            ("tree linked", Archive, 1),
            ("--keep-directory-symlink tree linked", Cp("-aT tree real"), 0),
            ("--keep-directory-symlink -T tree linked/tree", Cp("-aT tree real"), 0),
        ],
        Terms::default(),
    );
}

#[test]
fn which_files_are_replaced() {
    // -n exits 1 in some versions of cp, and older ones have no --update=WHICH.
    check(
        &[
            ("-n file older", Cp("-an file older"), 0),
            ("-n file new", Archive, 0),
            ("-n tree file there", Cp("-an tree file there"), 0),
            ("-u file older", Archive, 0),
            ("-u file newer", Archive, 0),
            ("-u equal equal-too", Archive, 0),
            ("-u equal equal-but", Archive, 0),
            ("-u equal-but equal", Archive, 0),
            ("-u file tree there", Archive, 0),
            ("-u to-file older", Archive, 0),
            ("-b -u file older", Archive, 0),
            ("--update file tree there", Cp("-a --update file tree there"), 0),
            ("--update=older file tree there", Cp("-au file tree there"), 0),
            ("--update=all file tree there", Cp("-a file tree there"), 0),
            ("--update=none file tree there", Cp("-an file tree there"), 0),
            ("--update=none-fail file tree there", Cp("-an file tree there"), 1),
            ("--update=none-fail file new", Cp("-a file new"), 0),
            ("-i -n file older", Cp("-an file older"), 0),
        ],
        Terms::default(),
    );
}

#[test]
fn a_person_is_asked_and_heeded() {
    for (input, expected) in
        [("y\ny\ny\n", "y"), ("n\nn\nn\n", "n"), ("", "n"), ("Yes please\n\n", "mixed"), ("ja\n", "n")]
    {
        let cases = match expected {
            "y" => vec![
                ("-i file older", Archive, 0),
                ("-i file tree there", Archive, 0),
                ("-n -i file older", Archive, 0),
                ("-i -b file there", Archive, 0),
            ],
            // Exits 1 in later versions of cp.
            "n" => vec![
                ("-i file older", Cp("-ai file older"), 0),
                ("-i file tree there", Cp("-ai file tree there"), 0),
                ("-i tree new", Cp("-ai tree new"), 0),
            ],
            // The first question gets the first answer.
            _ => vec![("-i --scheduler serial file older", Cp("-ai file older"), 0)],
        };
        check(&cases, Terms { input, ..Terms::default() });
    }
}

#[test]
fn what_is_replaced_is_kept_under_another_name() {
    let cases: &[Case] = &[
        ("-b file older", Archive, 0),
        ("--backup file older", Archive, 0),
        ("--backup=simple file older", Archive, 0),
        ("--backup=never file older", Archive, 0),
        ("--backup=numbered file older", Archive, 0),
        ("--backup=t file saved", Archive, 0),
        ("--backup=existing file saved", Archive, 0),
        ("--backup=nil file older", Archive, 0),
        ("--backup=none file older", Archive, 0),
        ("--backup=off file older", Archive, 0),
        ("-S .old file older", Archive, 0),
        // (Version 9.1 of cp leaves simple ones in the wrong directory.)
        (
            "--backup=simple --suffix=.bak file tree there",
            Changed("-a --backup=numbered file tree there", name_simply),
            0,
        ),
        ("--backup=numbered file tree there", Archive, 0),
        ("-b to-file older", Archive, 0),
        ("-b --remove-destination file older", Archive, 0),
        ("-b file new", Archive, 0),
        ("-lb file older", Archive, 0),
        ("-sb file older", Changed("-asb file older", is_new), 0),
        // cp makes the backup by a rename, then the target has one name; we as well.
        ("-b tool hard", Archive, 0),
        ("-b tool to-file", Archive, 0),
    ];
    check(cases, Terms::default());
    check(
        &[("--backup=numbered file older", Archive, 0), ("-b file older", Archive, 0)],
        Terms { again: true, ..Terms::default() },
    );
}

#[test]
fn sources_that_become_one_target() {
    check(
        &[
            // Neither overwrites what the other has just become.
            ("a/same b/same empty", Archive, 1),
            ("a/same b/same there", Archive, 1),
            ("a/link b/link empty", Archive, 1),
            ("a/same a/sub/same b/sub/same empty", Archive, 1),
            // Nor below: there cp lets the last one win, and says nothing of the others.
            ("a/. b/. empty", Cp("-a b/. a/. empty"), 1),
            ("a/. b/. there", Cp("-a b/. a/. there"), 1),
            ("a/sub b/sub empty", Cp("-a b/sub a/sub empty"), 1),
            ("a/sub b/sub/ there", Cp("-a b/sub a/sub there"), 1),
            ("--no-preserve=links a b a/sub/. there", Cp("-a a b a/sub/. there"), 0),
            // Once is enough.
            ("file file empty", Archive, 0),
            ("file ./file tool file empty", Archive, 0),
            ("tree tree empty", Archive, 0),
            ("tree/. tree/. empty", Archive, 0),
            ("--parents a/same b/same a/same empty", Archive, 0),
        ],
        Terms::default(),
    );
}

#[test]
fn onto_itself_and_into_itself() {
    check(
        &[
            ("file file", Archive, 1),
            ("file ./file", Archive, 1),
            ("file tree/../file", Archive, 1),
            ("file .", Archive, 1),
            ("file to-file", Archive, 1),
            ("to-file file", Archive, 1),
            ("-L to-file file", Archive, 1),
            ("to-file to-file", Archive, 1),
            ("hard hard-too", Archive, 1),
            ("--remove-destination file file", Archive, 1),
            ("-f file file", Archive, 1),
            ("-T tree tree", Nothing, 1),
            ("tree .", Nothing, 1),
            ("tree/. tree", Nothing, 1),
            // cp begins with these, and leaves what it has made when it finds out.
            ("tree tree", Nothing, 1),
            ("tree tree/new", Nothing, 1),
            ("tree tree/sub", Nothing, 1),
            ("tree/. tree/sub", Nothing, 1),
            ("tree to-tree", Nothing, 1),
            ("-L to-tree tree/sub", Nothing, 1),
            (". empty", Nothing, 1),
        ],
        Terms::default(),
    );
}

#[test]
fn sharing_and_checking() {
    check(
        &[
            ("--reflink=auto tree new", Archive, 0),
            ("--reflink=never tree new", Archive, 0),
            ("--sparse=always tool new", Archive, 0),
            ("--sparse=never tree new", Archive, 0),
            ("--verify tree new", Cp("-a tree new"), 0),
            ("--verify tool to-file", Cp("-a tool to-file"), 0),
            ("--sync=file tree there", Cp("-a tree there"), 0),
            ("--sync tree file there", Cp("-a tree file there"), 0),
            ("--sync=none file older", Cp("-a file older"), 0),
            ("-v tree there", Cp("-a tree there"), 0),
            ("--debug file older", Cp("-a file older"), 0),
            ("--json file older", Cp("-a file older"), 0),
        ],
        Terms::default(),
    );
}

#[test]
fn an_ordinary_user() {
    let terms = Terms { without_rights: true, ..Terms::default() };
    check(
        &[
            ("-f file locked", Archive, 0),
            // cp would have to write to it; to rename a new one there, nobody has to.
            ("file locked", Cp("-a --remove-destination file locked"), 0),
            ("tree there", Archive, 0),
            ("-b file locked", Archive, 0),
        ],
        terms,
    );
}
