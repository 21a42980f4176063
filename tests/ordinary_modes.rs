//! Modes and ACLs of what is made without those of its source: as any program makes them, by the mask or by the default
//! ACL of the directory, and as `cp -r` does.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use common::attributes::{Attributes, attributes, set_acl};
use common::cp::have_gnu_cp;
use common::{Sandbox, make_fifo, set_mode};

/// Directories, files and a FIFO of many modes; `there` is the directory that they go to, where some are already if
/// `is_merged`.
fn furnish(sandbox: &Sandbox, acl: Option<&str>, there_mode: u32, is_merged: bool) -> bool {
    sandbox.write("tree/sub/deep/file", "x");
    for mode in [0o644, 0o600, 0o755, 0o444, 0o666, 0o4755] {
        set_mode(sandbox.write(format!("tree/{mode:o}"), "x"), mode);
    }
    make_fifo(sandbox.path("tree/fifo"));
    set_mode(sandbox.path("tree/fifo"), 0o666);
    for (name, mode) in [("read", 0o555), ("sub/deep", 0o2777), ("sub", 0o775), ("", 0o755)] {
        set_mode(sandbox.make_directory(Path::new("tree").join(name)), mode);
    }
    sandbox.make_directory("there");
    set_mode(sandbox.path("there"), there_mode);
    let has_acl = acl.is_none_or(|acl| set_acl(sandbox.path("there"), "default", acl));
    if is_merged {
        set_mode(sandbox.make_directory("there/tree"), 0o700);
    }
    has_acl
}

/// Mode and ACLs of everything.
type Rights = BTreeMap<PathBuf, (u32, Attributes)>;

fn rights(directory: &Path) -> Rights {
    let mut found = Rights::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = std::fs::symlink_metadata(&path).expect("it is there");
        if metadata.is_dir() {
            waiting.extend(std::fs::read_dir(&path).expect("list").map(|entry| entry.expect("an entry").path()));
        }
        let name = path.strip_prefix(directory).expect("below it").to_owned();
        found.insert(name, (metadata.permissions().mode() & 0o7777, attributes(&path)));
    }
    found
}

fn run(sandbox: &Sandbox, umask: &str, program: &OsStr, words: &str) {
    let mut command = common::run::command("sh");
    command.args(["-c", "umask $0; exec \"$@\"", umask]).arg(program).args(words.split(' '));
    command.current_dir(sandbox.path(""));
    let output = command.output().expect("run sh");
    assert!(output.status.success(), "{words}, umask {umask}: {}", String::from_utf8_lossy(&output.stderr));
}

const ACLS: [Option<&str>; 4] = [
    None,
    Some("u::rwx g::r-x o::---"),
    Some("u::rwx u:1234:rwx g::r-x m::rwx o::r--"),
    // Makes directories that their owner may not write to.
    Some("u::r-x g::rwx o::rwx"),
];

#[test]
fn new_files_and_directories_have_the_modes_that_cp_gives_them() {
    if !have_gnu_cp() {
        return;
    }
    for acl in ACLS {
        for umask in ["000", "022", "027", "077", "0277", "0777"] {
            for (there_mode, is_merged) in [(0o755, false), (0o755, true), (0o2755, false)] {
                let what = format!("umask {umask}, {acl:?}, {there_mode:o}, merged: {is_merged}");
                // Where nobody but root could write to what is there.
                if is_merged && acl == ACLS[3] && !common::is_root() {
                    continue;
                }
                let [by_cp, by_haul] = [Sandbox::new(), Sandbox::new()];
                if !furnish(&by_cp, acl, there_mode, is_merged) || !furnish(&by_haul, acl, there_mode, is_merged) {
                    continue;
                }
                run(&by_cp, umask, OsStr::new("cp"), "-r tree there");
                let words = "copy --no-preserve=mode,ownership,timestamps tree there";
                run(&by_haul, umask, common::run::binary().as_os_str(), words);
                assert_eq!(rights(&by_haul.path("there")), rights(&by_cp.path("there")), "{what}");
                by_haul.assert_no_leftovers(&what);
            }
        }
    }
}

/// An ACL that takes rights from the owner of new directories keeps nobody from making files in them.
#[test]
fn what_a_default_acl_takes_from_the_owner_is_taken_at_the_end() {
    for acl in ["u::r-x g::r-x o::---", "u::-wx g::--- o::---", "u::--- g::rwx o::---"] {
        for (words, mode) in [("copy", 0o755), ("copy --no-preserve=mode", 0), ("copy --parents", 0o755)] {
            let sandbox = Sandbox::new();
            set_mode(sandbox.write("tree/sub/file", "x"), 0o644);
            set_mode(sandbox.path("tree"), 0o755);
            set_mode(sandbox.path("tree/sub"), 0o755);
            sandbox.make_directory("there");
            if !set_acl(sandbox.path("there"), "default", acl) {
                return;
            }
            sandbox.give_away();
            let operand = if words.ends_with("parents") { "tree/sub" } else { "tree" };
            sandbox.haul(format!("{words} {operand} there")).without_rights().run().ok().silent();
            let found = rights(&sandbox.path("there"));
            assert!(mode == 0 || found[Path::new("tree/sub")].0 == mode, "{words}, {acl}: {found:?}");
            assert!(mode != 0 || found[Path::new("tree/sub")].0 & 0o700 != 0o700, "{words}, {acl}: {found:?}");
            assert!(found.contains_key(Path::new("tree/sub/file")), "{words}, {acl}");
        }
    }
}
