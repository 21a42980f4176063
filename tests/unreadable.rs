//! Source directories that may not be read: each is a failure, and in a tree it is made, empty, as what it is, as with cp.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use common::attributes::{attributes, set_acl};
use common::{Sandbox, set_mode, set_mtime, ways};

const MODES: [u32; 6] = [0o000, 0o300, 0o111, 0o311, 0o1300, 0o2331];
const SECONDS: i64 = 1_000_000_000;

/// A directory of each mode in `tree`, and one to be copied by its name; those that are in `there` are already.
fn furnish(is_merged: bool) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("tree/readable/file", "x");
    sandbox.make_directory("there");
    for mode in MODES {
        for name in [format!("tree/{mode:o}"), format!("tree/readable/{mode:o}"), format!("named-{mode:o}")] {
            sandbox.write(Path::new(&name).join("hidden"), "x");
            set_acl(sandbox.path(&name), "access", "u::rwx u:1234:r-x g::r-- m::r-x o::---");
            if is_merged {
                sandbox.make_directory(Path::new("there").join(&name));
            }
        }
    }
    sandbox.give_away();
    for mode in MODES {
        for name in [format!("tree/{mode:o}"), format!("tree/readable/{mode:o}"), format!("named-{mode:o}")] {
            set_mode(sandbox.path(&name), mode);
            set_mtime(sandbox.path(&name), SECONDS, i64::from(mode));
        }
    }
    for name in ["tree/readable", "tree"] {
        set_mtime(sandbox.path(name), SECONDS, 7);
    }
    sandbox
}

#[test]
fn they_are_made_as_they_are_and_reported() {
    let named = MODES.map(|mode| format!("named-{mode:o}")).join(" ");
    for way in ways() {
        for is_merged in [false, true] {
            let sandbox = furnish(is_merged);
            let run = sandbox.haul(format!("copy tree {named} there {way}")).without_rights().run().code(1);
            assert_eq!(
                run.err.matches("cannot open '").count(),
                2 * 3 * MODES.len(),
                "told, and told again: {}",
                run.err
            );
            assert!(!run.err.contains("cannot keep"), "{}", run.err);
            let of_one = MODES
                .map(|mode| [format!("tree/{mode:o}"), format!("tree/readable/{mode:o}"), format!("named-{mode:o}")]);
            for name in of_one.into_iter().flatten().chain(["tree".to_owned(), "tree/readable".to_owned()]) {
                let (source, target) = (sandbox.path(&name), sandbox.path(Path::new("there").join(&name)));
                if name.starts_with("named") && !is_merged {
                    assert!(!target.exists(), "{name}: nothing of a new tree is there to be made");
                    continue;
                }
                let [wanted, found] =
                    [&source, &target].map(|path| std::fs::symlink_metadata(path).unwrap_or_else(|_| panic!("{name}")));
                let kept = |metadata: &std::fs::Metadata| {
                    (metadata.permissions().mode(), metadata.mtime(), metadata.mtime_nsec(), metadata.uid())
                };
                assert_eq!(kept(&found), kept(&wanted), "{name}, merged: {is_merged}, {way}");
                assert_eq!(attributes(&target), attributes(&source), "{name}, merged: {is_merged}, {way}");
            }
            sandbox.assert_no_leftovers(way);
        }
    }
}

/// What an earlier copy made of one that could be read then does not pass for a copy of it.
#[test]
fn in_a_tree_that_is_continued_nothing_old_is_left_of_them() {
    let sandbox = Sandbox::new();
    sandbox.write("tree/closed/old", "x");
    sandbox.write("tree/open/file", "x");
    sandbox.write("tree.haul-part/closed/old", "y");
    common::mark_as_ours(sandbox.path("tree.haul-part"));
    std::fs::rename(sandbox.path("tree.haul-part"), sandbox.path("copied.haul-part")).expect("rename");
    sandbox.give_away();
    set_mode(sandbox.path("tree/closed"), 0);
    let run = sandbox.haul("copy --resume -T tree copied").without_rights().run().code(1);
    assert!(run.err.contains("cannot open 'tree/closed'"), "{}", run.err);
    assert!(!sandbox.exists("copied/closed/old") && !sandbox.exists("copied.haul-part/closed/old"), "{}", run.err);
}
