//! An empty word where a path belongs: an error of that operand, and the others are done.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, and is read, not looked up"
)]

mod common;

use common::{Sandbox, have};

const MISSING: &str = "'': No such file or directory";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "dir/inner"] {
        sandbox.write(name, name);
    }
    sandbox
}

/// Runs `haul` with words in which `''` stands for the empty one.
fn run(sandbox: &Sandbox, words: &str) -> common::Run {
    let words = words.split(' ').map(|word| if word == "''" { "" } else { word });
    words.fold(sandbox.haul(""), common::Haul::arg).run()
}

#[test]
fn an_empty_source_fails_alone() {
    for words in [
        "copy a '' b there",
        "copy '' a b there",
        "copy a b '' there",
        "copy -t there a '' b",
        "copy --strip-trailing-slashes a '' b there",
        "copy --parents a '' b there",
        "copy -L a '' b there",
        "copy -H --exclude x a '' b there",
        "copy -s --no-preserve=all $PWD/a '' $PWD/b there",
        "copy -l a '' b there",
    ] {
        let sandbox = sandbox();
        sandbox.make_directory("there");
        let words = words.replace("$PWD", sandbox.path("").to_str().expect("a plain path"));
        run(&sandbox, &words).code(1).says_in_one_line(&["cannot find ", MISSING]);
        assert_eq!(sandbox.list("there").len(), 2, "{words}");
    }
}

#[test]
fn an_empty_target_is_an_error_of_all() {
    for words in
        ["copy a ''", "copy a b ''", "copy -T a ''", "copy -t '' a", "copy --dry-run a ''", "copy --parents a ''"]
    {
        let sandbox = sandbox();
        run(&sandbox, words).code(1).says_in_one_line(&["''"]);
        assert_eq!(sandbox.list("").len(), 3, "{words}");
    }
}

/// It must not pass for the working directory either, which `-r` would go into.
#[test]
fn an_empty_file_for_gzip_and_gunzip_fails_alone() {
    for (words, made) in [
        ("gzip -k a '' b", &["a.gz", "b.gz"][..]),
        ("gzip -kr a ''", &["a.gz"]),
        ("gzip -kr ''", &[]),
        ("gzip -kc ''", &[]),
        ("gzip -k --output-dir dir a ''", &[]),
    ] {
        let sandbox = sandbox();
        run(&sandbox, words).code(1).says(&["cannot find ", MISSING]);
        for name in ["a.gz", "b.gz", "dir/inner.gz"] {
            assert_eq!(sandbox.exists(name), made.contains(&name), "{words}: {name}");
        }
    }
    let sandbox = sandbox();
    sandbox.haul("gzip -r a b dir").run().ok();
    for (words, out) in [
        ("gunzip -c a.gz '' b.gz", "ab"),
        ("gunzip --range 0:1 '' a.gz", "a"),
        ("gunzip -t '' a.gz", ""),
        ("gunzip --index '' a.gz", ""),
    ] {
        let run = run(&sandbox, words).code(1).says(&["cannot find ", MISSING]);
        assert_eq!(String::from_utf8_lossy(&run.out), out, "{words}");
    }
    run(&sandbox, "gunzip -r ''").code(1).says_in_one_line(&["cannot find ", MISSING]);
    assert!(sandbox.exists("a.gz") && sandbox.exists("dir/inner.gz"));
}

/// A blank line in a list is not a name.
#[test]
fn empty_names_in_a_list_are_passed_over() {
    for (words, list) in
        [("copy --files-from list there", &b"a\n\nb\n\n"[..]), ("copy -0 --files-from list there", b"a\0\0b")]
    {
        let sandbox = sandbox();
        sandbox.make_directory("there");
        sandbox.write("list", list);
        run(&sandbox, words).ok().silent();
        assert_eq!(sandbox.list("there").len(), 2, "{words}");
    }
    let sandbox = sandbox();
    sandbox.write("list", "a\n\nb\n");
    run(&sandbox, "gzip -k --files-from list").ok().silent();
    assert!(sandbox.exists("a.gz") && sandbox.exists("b.gz"));
    run(&sandbox, "copy --files-from '' dir").code(1).says_in_one_line(&["read names from", MISSING]);
}

#[test]
fn it_is_as_with_cp() {
    if !have("cp") {
        return;
    }
    for arguments in [&["a", "", "there"][..], &["", "there"], &["a", ""], &["a", "b", ""]] {
        let (sandbox, other) = (sandbox(), sandbox());
        let cp =
            std::process::Command::new("cp").args(arguments).current_dir(other.make_directory("there/..")).output();
        sandbox.make_directory("there");
        let code = cp.expect("run cp").status.code().expect("a code");
        run(&sandbox, &format!("copy {}", arguments.join(" ")).replace("  ", " '' ")).code(code);
        assert_eq!(sandbox.list("there"), other.list("there"), "{arguments:?}");
    }
}
