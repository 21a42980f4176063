//! Directories that may be searched and not read: of mode 711, or 733 as a place to drop files in. They take part as with
//! cp, which opens none of them.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use common::cp::{NOW, Terms, by_cp, by_haul, have_gnu_cp};
use common::{Sandbox, assert_same, is_root, make_fifo, set_mode, skip};

/// All belongs to the user, who may not read two directories.
fn furnish(sandbox: &Sandbox) {
    for name in ["shut/f", "shut/sub/g", "mine/f", "mine/tree/a/b"] {
        sandbox.write(name, name);
    }
    sandbox.link("shut/l", "f");
    std::fs::hard_link(sandbox.path("mine/f"), sandbox.path("mine/f2")).unwrap();
    make_fifo(sandbox.path("mine/tree/fifo"));
    for name in ["drop/old", "out"] {
        sandbox.make_directory(name);
    }
    sandbox.write("drop/there", "there");
    set_mode(sandbox.path("shut"), 0o111);
    set_mode(sandbox.path("drop"), 0o333);
}

#[test]
fn what_may_only_be_searched_is_no_hindrance() {
    if !have_gnu_cp() {
        return;
    }
    if !is_root() {
        return skip("only root can look into directories that their user cannot read");
    }
    let terms = Terms { without_rights: true, ..Terms::default() };
    for words in [
        "shut/f out",
        "shut/f shut/l out",
        "-L shut/l out",
        "shut/sub/../f out",
        "--parents shut/f out",
        "--parents shut/sub/g out",
        "mine/f drop",
        "mine/f drop/",
        "mine/f drop/new",
        "-T mine/f drop/new",
        "-t drop mine/f",
        "mine/f drop/there",
        "mine/f mine/f2 drop",
        "-l mine/f drop",
        "mine/tree drop",
        "mine/tree drop/new",
        "--parents mine/tree/a/b drop",
        "--backup=simple mine/f drop/there",
        "-u mine/f drop/there",
        "-n mine/f drop/there",
    ] {
        let mut expected = by_cp(&furnish, &format!("-a {words}"), terms);
        let mut actual = by_haul(&furnish, words, terms);
        // cp writes into the file that is there, haul replaces it.
        for outcome in [&mut expected, &mut actual] {
            outcome.tree.get_mut("drop".as_ref() as &std::path::Path).expect("it is there").mtime = NOW;
        }
        assert_eq!((actual.code, &*actual.err), (expected.code, ""), "{words}: {}", expected.err);
        assert_same(&expected.tree, &actual.tree, words);
    }
}

fn given_away(sandbox: &Sandbox) {
    furnish(sandbox);
    sandbox.give_away();
}

#[test]
fn what_needs_reading_is_reported_and_the_bytes_are_there() {
    if !is_root() {
        return skip("only root can look into directories that their user cannot read");
    }
    for (words, said) in
        [("--sync=file mine/f drop", "cannot sync 'drop"), ("--sync=end mine/f drop", "cannot sync 'drop")]
    {
        let sandbox = Sandbox::new();
        given_away(&sandbox);
        sandbox.haul(format!("copy {words}")).without_rights().run().code(1).says(&[said]);
        assert_eq!(sandbox.read("drop/f"), b"mine/f", "{words}");
    }
    let sandbox = Sandbox::new();
    given_away(&sandbox);
    // Which backups there are cannot be seen.
    for option in ["-b", "--backup=numbered"] {
        let run = sandbox.haul(format!("copy {option} mine/f drop/there")).without_rights().run();
        run.code(1).says(&["cannot back up 'drop/there': Permission denied"]);
    }
    assert_eq!(sandbox.read("drop/there"), b"there");
    sandbox.haul("copy shut out").without_rights().run().code(1).says(&["cannot open 'shut': Permission denied"]);
    sandbox.haul("copy --dry-run mine/f drop").without_rights().run().ok().says(&["would be copied to 'drop/f'"]);
}

#[test]
fn names_that_differ_in_case_only_are_two_names_where_nobody_may_read_them() {
    if !is_root() {
        return skip("only root can look into directories that their user cannot read");
    }
    let sandbox = Sandbox::new();
    for name in ["x", "X"] {
        sandbox.write(format!("s/{name}"), name);
        sandbox.write(format!("d/{name}"), "older");
    }
    set_mode(sandbox.path("d"), 0o333);
    sandbox.give_away();
    sandbox.haul("copy --no-preserve=mode s/. d").without_rights().run().ok().silent();
    assert_eq!((sandbox.read("d/x"), sandbox.read("d/X")), (b"x".to_vec(), b"X".to_vec()));
}
