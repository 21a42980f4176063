//! GNU cp beside haul: the same words in two sandboxes that were furnished alike.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{NOBODY, Run, Sandbox, Snapshot, is_root, set_mtime, skip, snapshot};

/// Whether `cp` is GNU's; says so if not.
pub fn have_gnu_cp() -> bool {
    static GNU: OnceLock<bool> = OnceLock::new();
    let is_gnu = *GNU.get_or_init(|| {
        let output = Command::new("cp").arg("--version").output();
        output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("GNU coreutils"))
    });
    if !is_gnu {
        skip("cp is not GNU's");
    }
    is_gnu
}

/// What a run left behind.
pub struct Outcome {
    pub code: i32,
    /// The whole sandbox. What was made or touched by the run has the time [`NOW`].
    pub tree: Snapshot,
    pub err: String,
}

/// The time of what got the time of the run, which is never the same twice.
pub const NOW: (i64, i64) = (i64::MAX, 0);

/// Fills a sandbox, the same way each time.
pub type Furnish<'a> = &'a dyn Fn(&Sandbox);

/// How either is run.
#[derive(Clone, Copy, Default)]
pub struct Terms<'a> {
    /// As somebody without rights, to whom all belongs.
    pub without_rights: bool,
    pub input: &'a str,
    /// Twice in the same sandbox.
    pub again: bool,
}

/// What `haul copy` with these words makes of a furnished sandbox.
#[track_caller]
pub fn by_haul(furnish: Furnish<'_>, words: &str, terms: Terms<'_>) -> Outcome {
    let (sandbox, start) = furnished(furnish, terms);
    let mut done = haul(&sandbox, words, terms);
    if terms.again {
        done = haul(&sandbox, words, terms);
    }
    sandbox.assert_no_leftovers(words);
    let code = done.status().code().expect("it exits");
    Outcome { code, tree: looked_at(&sandbox, start), err: done.err }
}

/// `haul copy` in a sandbox that is there.
pub fn haul(sandbox: &Sandbox, words: &str, terms: Terms<'_>) -> Run {
    let haul = sandbox.haul(format!("copy {words}")).input(terms.input);
    if terms.without_rights { haul.without_rights() } else { haul }.run()
}

/// What `cp` with these words makes of a furnished sandbox.
#[track_caller]
pub fn by_cp(furnish: Furnish<'_>, words: &str, terms: Terms<'_>) -> Outcome {
    let (sandbox, start) = furnished(furnish, terms);
    let mut output = cp(&sandbox, words, terms);
    if terms.again {
        output = cp(&sandbox, words, terms);
    }
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    Outcome { code: output.status.code().expect("it exits"), tree: looked_at(&sandbox, start), err }
}

fn cp(sandbox: &Sandbox, words: &str, terms: Terms<'_>) -> std::process::Output {
    let mut command = Command::new("cp");
    command.args(words.split_whitespace()).current_dir(sandbox.path("")).env("LC_ALL", "C");
    for name in ["POSIXLY_CORRECT", "SIMPLE_BACKUP_SUFFIX", "VERSION_CONTROL"] {
        command.env_remove(name);
    }
    if terms.without_rights && is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("run cp");
    let mut pipe = child.stdin.take().expect("a pipe");
    // Whether it reads its answers is its own affair.
    let _ = std::io::Write::write_all(&mut pipe, terms.input.as_bytes());
    drop(pipe);
    child.wait_with_output().expect("wait for cp")
}

pub fn furnished(furnish: Furnish<'_>, terms: Terms<'_>) -> (Sandbox, i64) {
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    if terms.without_rights {
        sandbox.give_away();
    }
    age(&sandbox.path(""), &mut 0);
    (sandbox, seconds() - 60)
}

/// Gives all below that is new a time long ago, the same in each sandbox that is furnished the same way.
pub fn age(path: &Path, number: &mut i64) {
    let metadata = std::fs::symlink_metadata(path).expect("look");
    if metadata.is_dir() {
        let mut below: Vec<_> = std::fs::read_dir(path).expect("list").flatten().map(|entry| entry.path()).collect();
        below.sort();
        for path in below {
            age(&path, number);
        }
    }
    if metadata.mtime() >= seconds() - 60 && metadata.mtime() <= seconds() + 60 {
        *number += 1;
        set_mtime(path, 1_100_000_000 + *number, *number);
    }
}

pub fn looked_at(sandbox: &Sandbox, start: i64) -> Snapshot {
    let mut tree = snapshot(sandbox.path(""));
    for node in tree.values_mut().filter(|node| node.mtime.0 >= start && node.mtime.0 <= seconds() + 60) {
        node.mtime = NOW;
    }
    tree
}

fn seconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs() as i64
}
