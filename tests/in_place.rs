//! Files that are written in place: those that their directory does not let anybody replace, as cp writes them, and with
//! `--inplace` all.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::{MetadataExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use common::{NOBODY, Sandbox, WAYS, is_root, prose, set_mode, skip};

/// A directory, its mode and owner, and what is in it under the name `f`, with its mode and owner.
struct Case {
    directory: (u32, u32),
    file: (u32, u32),
}

/// Whose directory and file a user without rights writes to.
const CASES: [Case; 7] = [
    // Nothing can be made in it.
    Case { directory: (0o755, 0), file: (0o666, 0) },
    Case { directory: (0o555, NOBODY), file: (0o644, NOBODY) },
    Case { directory: (0o755, 0), file: (0o644, NOBODY) },
    // Nothing of others can be replaced in it.
    Case { directory: (0o1777, 0), file: (0o666, 0) },
    // Nor can it be written.
    Case { directory: (0o1777, 0), file: (0o644, 0) },
    Case { directory: (0o755, 0), file: (0o644, 0) },
    // It is replaced.
    Case { directory: (0o1777, 0), file: (0o644, NOBODY) },
];

fn furnish(case: &Case) -> Sandbox {
    let sandbox = Sandbox::new();
    set_mode(sandbox.path(""), 0o755);
    sandbox.write("s/f", "new contents");
    sandbox.write("d/f", "what was there before");
    lchown(sandbox.path("s/f"), Some(NOBODY), Some(NOBODY)).expect("chown");
    for (name, (mode, owner)) in [("d/f", case.file), ("d", case.directory)] {
        set_mode(sandbox.path(name), mode);
        lchown(sandbox.path(name), Some(owner), Some(owner)).expect("chown");
    }
    sandbox
}

/// What there is to see of a target: contents, owner, mode.
fn found(sandbox: &Sandbox) -> (Vec<u8>, u32, u32) {
    let path = sandbox.path("d/f");
    let metadata = std::fs::metadata(&path).expect("the target");
    (sandbox.read("d/f"), metadata.uid(), metadata.mode() & 0o777)
}

fn inode(path: impl AsRef<Path>) -> u64 {
    std::fs::metadata(path).expect("a file").ino()
}

#[test]
fn what_cannot_be_replaced_is_written_in_place_as_cp_does() {
    if !is_root() {
        return skip("needs root, to make files of several users");
    }
    for (number, case) in CASES.iter().enumerate() {
        for words in ["s/f d/f", "s/f d", "-r s/. d", "-f s/f d", "-f s/. d", "--sync=file s/f d"] {
            let by_cp = furnish(case);
            let mut cp = Command::new("cp");
            let arguments = words.split(' ').filter(|word| !word.starts_with("--sync"));
            cp.arg("-a").args(arguments).current_dir(by_cp.path("")).uid(NOBODY).gid(NOBODY);
            let cp = cp.output().expect("run cp");
            let sandbox = furnish(case);
            let before = inode(sandbox.path("d/f"));
            let run = sandbox.haul(format!("copy -v {words}")).without_rights().run();
            let what = format!("case {number}, {words}: {}{}", run.err, String::from_utf8_lossy(&cp.stderr));
            assert_eq!(found(&sandbox), found(&by_cp), "{what}");
            assert_eq!(run.status().code(), cp.status.code(), "{what}");
            let is_in_place = run.err.contains("written in place: its directory does not let it be replaced");
            assert_eq!(is_in_place, number < 4, "{what}");
            assert_eq!(inode(sandbox.path("d/f")) == before, number < 6, "{what}");
            assert_eq!(sandbox.list("d").len(), 1, "{what}");
        }
    }
}

#[test]
fn what_would_need_a_replacement_is_refused_and_stays() {
    if !is_root() {
        return skip("needs root, to make files of several users");
    }
    for case in CASES.iter().take(4) {
        for words in ["-b s/f d", "--remove-destination s/f d", "-l s/f d", "-s --remove-destination s/f d"] {
            let sandbox = furnish(case);
            sandbox.haul(format!("copy {words}")).without_rights().run().code(1);
            assert_eq!(sandbox.read("d/f"), b"what was there before", "{words}");
            assert_eq!(sandbox.list("d").len(), 1, "{words}");
        }
    }
}

#[test]
fn two_sources_are_not_mixed_in_one_file_that_cannot_be_replaced() {
    if !is_root() {
        return skip("needs root, to make files of several users");
    }
    for way in WAYS {
        let sandbox = furnish(&CASES[0]);
        std::fs::hard_link(sandbox.path("d/f"), sandbox.path("d/g")).expect("link");
        sandbox.write("s/g", "of the other source");
        lchown(sandbox.path("s/g"), Some(NOBODY), Some(NOBODY)).expect("chown");
        let run = sandbox.haul(format!("copy s/. d {way}")).without_rights().run().code(1);
        run.says(&["another source is written to this file under another name"]);
        let found = sandbox.read("d/f");
        assert!(found == b"new contents" || found == b"of the other source", "{way}: {found:?}");
    }
}

#[test]
fn with_inplace_names_of_one_source_keep_their_identity_too() {
    for way in WAYS {
        let sandbox = Sandbox::new();
        sandbox.write("s/a", "new contents");
        std::fs::hard_link(sandbox.path("s/a"), sandbox.path("s/b")).expect("link");
        for name in ["d/a", "d/b"] {
            sandbox.write(name, "older");
        }
        let inodes = || ["d/a", "d/b"].map(|name| std::fs::metadata(sandbox.path(name)).expect("look").ino());
        let before = inodes();
        sandbox.haul(format!("copy --inplace s/. d {way}")).run().ok().silent();
        assert_eq!(inodes(), before, "{way}");
        assert_eq!((sandbox.read("d/a"), sandbox.read("d/b")), (b"new contents".to_vec(), b"new contents".to_vec()));
    }
}

#[test]
fn with_inplace_files_keep_their_identity() {
    for way in [WAYS[0], WAYS[2], WAYS[4]] {
        for verify in ["", "--verify", "--reflink=never", "--sparse=always", "-u"] {
            let sandbox = Sandbox::new();
            let (large, small) = (prose(1, 3_000_000), prose(2, 5_000));
            sandbox.write("s/large", &large);
            sandbox.write("s/sub/small", &small);
            sandbox.write("s/sub/new", "new");
            sandbox.write("s/link", "a file");
            sandbox.write("d/large", prose(3, 4_000_000));
            sandbox.write("d/sub/small", "shorter");
            sandbox.write("elsewhere", "elsewhere");
            sandbox.link("d/link", "../elsewhere");
            std::fs::hard_link(sandbox.path("d/sub/small"), sandbox.path("other")).expect("link");
            for name in ["d/large", "d/sub/small"] {
                let file = std::fs::File::options().write(true).open(sandbox.path(name)).expect("open");
                file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("set its time");
            }
            let before = [inode(sandbox.path("d/large")), inode(sandbox.path("d/sub/small"))];
            let words = format!("copy --inplace {verify} {way} s/. d -v");
            let run = sandbox.haul(&words).run().ok().says(&["written in place: as was asked for"]);
            assert_eq!([inode(sandbox.path("d/large")), inode(sandbox.path("d/sub/small"))], before, "{words}");
            assert!(sandbox.read("d/large") == large && sandbox.read("d/sub/small") == small, "{words}: {}", run.err);
            assert!(sandbox.read("other") == small, "{words}");
            // A link that is met in a directory leads nowhere.
            if verify != "-u" {
                assert_eq!(
                    (sandbox.read("d/link"), sandbox.read("elsewhere")),
                    (b"a file".to_vec(), b"elsewhere".to_vec())
                );
            }
        }
    }
}
