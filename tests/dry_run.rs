//! A dry run changes nothing, and says what the copy then does: the same exit code, the same failures, the same counts,
//! over random trees and options.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{Run, Sandbox, assert_same, is_root, make_fifo, many, set_mode, set_mtime, snapshot};
use proptest::prelude::*;

/// Directories that entries are made in: of the two sources and of the target.
const DIRECTORIES: [&str; 8] = ["s", "s/a", "s/a/b", "u", "u/a", "d", "d/a", "d/s"];
const FIRST_TARGET: usize = 5;
const NAMES: [&str; 5] = ["x", "y", "a", "s", "X"];
/// What is copied where.
const OPERANDS: [&str; 26] = [
    "s d",
    "s/. d",
    "-T s d",
    "s u d",
    "s/. u/. d",
    "s/x u/x d",
    "s/a u/a d",
    "s new",
    "s u new",
    "s/x d/x",
    "s/x new/",
    "--parents s/a u d",
    "--parents s/a/../x d",
    "--parents s/a/b s/a u/x d",
    "s/a s d",
    "s s/a",
    "s/. s/a/b",
    "s/a/. s/a",
    "d s",
    "d/. s",
    "u/x u/x s/x d",
    "-t d s/x missing u",
    "d/x d",
    "s/x s/y",
    "-T s/x d/a",
    "s/y d/y",
];
const OPTIONS: [&str; 23] = [
    "",
    "-u",
    "--update=none",
    "--update=none-fail",
    "-b",
    "--backup=numbered",
    "-f",
    "--remove-destination",
    "--inplace",
    "-l",
    "-s",
    "-L",
    "-H",
    "-P",
    "--attributes-only",
    "--no-preserve=links",
    "--no-preserve=mode",
    "--exclude a",
    "--exclude /d",
    "--keep-directory-symlink",
    "--resume",
    "--verify",
    "--no-preserve=all",
];

/// Makes an entry, unless something is there already.
fn make(sandbox: &Sandbox, (directory, name, kind): (usize, usize, usize)) {
    let path = Path::new(DIRECTORIES[directory]).join(NAMES[name]);
    let full = sandbox.path(&path);
    if std::fs::symlink_metadata(&full).is_ok() || !full.parent().is_some_and(Path::is_dir) {
        return;
    }
    let write = |mode, seconds| {
        sandbox.write(&path, format!("{}", path.display()));
        set_mtime(&full, seconds, 5);
        set_mode(&full, mode);
    };
    match kind {
        0 => write(0o644, 1_000_000_000),
        1 => write(0o600, 1_200_000_000),
        2 => write(0o000, 1_000_000_000),
        3 => write(0o444, 1_100_000_000),
        4 => _ = std::fs::create_dir(&full),
        5 => sandbox.link(path.to_str().unwrap(), "x"),
        6 => sandbox.link(path.to_str().unwrap(), "no/such"),
        7 => sandbox.link(path.to_str().unwrap(), "../u"),
        // To write to one that is the target, as s/y may be, is to wait for a reader.
        8 if directory < FIRST_TARGET && path != Path::new("s/y") => make_fifo(&full),
        _ => {
            // A second name, of whichever of these is there.
            let others = ["s/x", "u/x", "d/x", "s/y"].map(|other| sandbox.path(other));
            if let Some(other) =
                others.iter().find(|other| std::fs::symlink_metadata(other).is_ok_and(|it| it.is_file()))
            {
                std::fs::hard_link(other, &full).unwrap();
            }
        }
    }
}

/// The lines that report failures. A tree that cannot be made is named as it would be called meanwhile.
fn failures(run: &Run) -> BTreeSet<String> {
    let lines = run.err.lines().filter(|line| line.starts_with("haul: cannot"));
    lines.map(|line| line.replace(".haul-part'", "'")).collect()
}

fn counts(run: &Run) -> Option<[u64; 6]> {
    let names = ["files", "directories", "links", "others", "skipped", "failures"];
    let json: serde_json::Value = serde_json::from_slice(&run.out).ok()?;
    Some(names.map(|name| json[name].as_u64().expect("a number")))
}

fn check(
    entries: &[(usize, usize, usize)],
    closed: Option<usize>,
    operands: usize,
    options: &[usize],
    has_rights: bool,
) {
    let sandbox = Sandbox::new();
    for directory in DIRECTORIES {
        sandbox.make_directory(directory);
    }
    for entry in entries {
        make(&sandbox, *entry);
    }
    let has_rights = has_rights || !is_root();
    if !has_rights {
        sandbox.give_away();
    }
    // The first of several sources gives its mode to a directory that the next one goes into: a dry run does not know that.
    let sources = OPERANDS[operands].split(' ').filter(|word| !word.starts_with('-')).count() - 1;
    let closed = closed.filter(|_| sources == 1);
    if let Some(closed) = closed {
        set_mode(sandbox.path(DIRECTORIES[closed]), if closed % 2 == 0 { 0o555 } else { 0o311 });
    }
    // Nor does it know where a link would lead that is not made.
    let is_known = |option: &&str| sources == 1 || *option != "--keep-directory-symlink";
    let options: Vec<_> = options.iter().map(|option| OPTIONS[*option]).filter(is_known).collect();
    let words = format!("copy {} {} --json --scheduler serial", options.join(" "), OPERANDS[operands]);
    let run = |words: &str| {
        let haul = sandbox.haul(words);
        if has_rights { haul } else { haul.without_rights() }.run()
    };
    let before = snapshot(sandbox.path(""));
    let told = run(&format!("{words} --dry-run"));
    assert_same(&before, &snapshot(sandbox.path("")), &words);
    let done = run(&words);
    let what = format!("{words}\nclosed: {closed:?}, rights: {has_rights}\nsaid: {}\ndid: {}", told.err, done.err);
    assert_eq!(told.status().code(), done.status().code(), "exit codes of {what}");
    assert_eq!(failures(&told), failures(&done), "failures of {what}");
    assert_eq!(counts(&told), counts(&done), "counts of {what}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(many(150, 3_000) as u32) })]

    #[test]
    fn a_dry_run_says_what_the_copy_does(
        entries in prop::collection::vec((0..DIRECTORIES.len(), 0..NAMES.len(), 0..10_usize), 4..24),
        closed in prop::option::weighted(0.3, 0..DIRECTORIES.len()),
        operands in 0..OPERANDS.len(),
        options in prop::collection::vec(0..OPTIONS.len(), 0..3),
        has_rights in any::<bool>(),
    ) {
        check(&entries, closed, operands, &options, has_rights);
    }
}
