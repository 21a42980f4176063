//! `gzip -rf` and `gunzip -rf` over files with several names: each name gets its target, in whatever order they are done.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use common::{Sandbox, prose, ways};

/// Runs of each kind with several workers, of which two of five failed before our own removals were told from changes.
const ROUNDS: usize = 20;

/// Names of each file, some in other directories.
const NAMES: [&str; 5] = ["a", "b", "c", "x/a", "y/z/b"];

/// Files of five names each, and what they hold.
fn furnish(sandbox: &Sandbox, contents: &[Vec<u8>], suffix: &str) {
    for (number, bytes) in contents.iter().enumerate() {
        let place = |name: &str| format!("tree/{name}{number}{suffix}");
        let first = sandbox.write(place(NAMES[0]), bytes);
        for other in &NAMES[1..] {
            let path = sandbox.path(place(other));
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("make directories");
            std::fs::hard_link(&first, path).expect("link");
        }
    }
}

#[test]
fn every_name_of_a_file_gets_its_target() {
    let sandbox = Sandbox::new();
    let plain: Vec<_> = [3, 20_000, 140_000].map(|length| prose(length as u64, length)).into();
    for way in ways() {
        let rounds = if way.ends_with(" 1") { 2 } else { ROUNDS };
        for round in 0..rounds {
            furnish(&sandbox, &plain, "");
            sandbox.haul(format!("gzip -rf --block 64K {way} tree")).run().ok().silent();
            let packed: Vec<_> = (0..plain.len()).map(|number| sandbox.read(format!("tree/a{number}.gz"))).collect();
            assert_each(&sandbox, &packed, ".gz", &format!("{way}, round {round}"));
            sandbox.remove("tree");
            furnish(&sandbox, &packed, ".gz");
            sandbox.haul(format!("gunzip -rf {way} tree")).run().ok().silent();
            assert_each(&sandbox, &plain, "", &format!("{way}, round {round}"));
            sandbox.remove("tree");
        }
    }
}

/// Nothing is in the tree but targets, and they hold what they should, but for the name and time in a header.
#[track_caller]
fn assert_each(sandbox: &Sandbox, contents: &[Vec<u8>], suffix: &str, what: &str) {
    let count: usize = ["tree", "tree/x", "tree/y/z"].iter().map(|place| sandbox.list(place).len()).sum();
    assert_eq!(count, contents.len() * NAMES.len() + 2, "{what}: a source stays, or a target is missing");
    for (number, bytes) in contents.iter().enumerate() {
        for name in NAMES {
            let made = sandbox.read(format!("tree/{name}{number}{suffix}"));
            let same = if suffix.is_empty() { made == *bytes } else { made.ends_with(&bytes[bytes.len() - 8..]) };
            assert!(same, "{what}: {name}{number}{suffix}");
        }
    }
}
