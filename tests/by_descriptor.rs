//! What has no content (FIFOs, sockets, devices, symbolic links) gets its owner, mode, times and attributes by descriptor:
//! after it is made, its name may be another file's, which whoever may write to the directory puts there.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::{MetadataExt as _, lchown};
use std::process::{Command, Stdio};

use common::attributes::{attributes, set_acl, set_attribute};
use common::{
    NOBODY, Sandbox, can_trace, have, is_root, make_device, make_fifo, make_socket, noise, set_mode, set_mtime, skip,
    wait_until,
};

/// One of each, with all that is kept of it.
fn furnish(sandbox: &Sandbox) {
    sandbox.make_directory("tree");
    make_fifo(sandbox.path("tree/fifo"));
    make_socket(sandbox.path("tree/socket"));
    make_device(sandbox.path("tree/device"), "/dev/null");
    sandbox.link("tree/link", "fifo");
    set_acl(sandbox.path("tree/fifo"), "access", "u::rw- u:1234:r-- g::--- m::r-- o::---");
    for name in ["fifo", "socket", "device", "link"] {
        let path = sandbox.path("tree").join(name);
        if is_root() && std::fs::symlink_metadata(&path).is_ok() {
            lchown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            set_attribute(&path, "trusted.haul", b"kept");
        }
    }
    for name in ["fifo", "link"] {
        set_mtime(sandbox.path("tree").join(name), 1_000_000_000, 7);
    }
    sandbox.make_directory("there");
    set_acl(sandbox.path("there"), "default", "u::rwx u:1234:rwx g::rwx m::rwx o::rwx");
}

/// The calls that change what is kept beside the bytes.
const CHANGING: &str = "trace=/^(l?chown|fchownat|chmod|fchmodat2?|utimensat|l?setxattr|l?removexattr)$";

#[test]
fn no_call_changes_what_is_made_by_its_name() {
    if !can_trace() {
        return;
    }
    for words in ["-T tree new", "-T tree there", "tree/fifo tree/link tree/socket there"] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        let mut command = common::run::command("strace");
        command.args(["-f", "-qq", "-o", "calls", "-e", CHANGING]).current_dir(sandbox.path(""));
        command.arg(common::run::binary()).arg("copy").args(words.split(' '));
        let output = command.output().expect("strace");
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        let calls = String::from_utf8(sandbox.read("calls")).expect("text");
        let paths: Vec<&str> = calls.lines().filter_map(|line| line.split('"').nth(1)).collect();
        assert!(paths.len() >= 4, "{words}: {calls}");
        for path in paths {
            let number = path.strip_prefix("/proc/self/fd/");
            let is_descriptor = number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(path.is_empty() || is_descriptor, "{words}: by name: {path}\n{calls}");
        }
    }
}

#[test]
fn what_lends_rights_is_never_made() {
    for words in ["-T tree new", "-T tree there", "-p -T tree new", "tree/fifo there"] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        for name in ["fifo", "socket", "device"] {
            let path = sandbox.path("tree").join(name);
            if path.exists() {
                set_mode(path, 0o7751);
            }
        }
        let run = sandbox.haul(format!("copy {words}")).run().ok();
        // What is named is told not to have been read.
        assert_eq!(run.err.is_empty(), words.contains("-T"), "{words}: {}", run.err);
        let made = if words.ends_with("new") { "new" } else { "there" };
        for name in sandbox.list(made) {
            let found = std::fs::symlink_metadata(sandbox.path(made).join(&name)).unwrap();
            if name != "link" {
                assert_eq!(found.mode() & 0o7777, 0o1751, "{words}: {}", name.display());
            }
        }
    }
}

/// The copy is held at the end of the very call that makes the FIFO, and its temporary name is given to another file.
#[test]
fn a_file_that_takes_the_place_of_what_was_made_is_left_as_it_is() {
    if !can_trace() {
        return;
    }
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    // Somebody's FIFO, which has another name elsewhere.
    make_fifo(sandbox.path("other"));
    set_mode(sandbox.path("other"), 0o600);
    set_mtime(sandbox.path("other"), 900_000_000, 0);
    std::fs::hard_link(sandbox.path("other"), sandbox.path("name")).unwrap();
    let before = std::fs::metadata(sandbox.path("other")).unwrap();
    let mut command = common::run::command("strace");
    command.args(["-f", "-qq", "-o", "calls", "-e", "inject=mknodat:delay_exit=1000000"]).current_dir(sandbox.path(""));
    command.arg(common::run::binary()).args(["copy", "tree/fifo", "there/made"]);
    let child = command.stderr(Stdio::piped()).spawn().expect("strace");
    let temporary = || sandbox.list("there").into_iter().next();
    wait_until("something is made", || temporary().is_some());
    let temporary = sandbox.path("there").join(temporary().expect("a temporary name"));
    std::fs::rename(sandbox.path("name"), &temporary).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot create 'there/made': another file took the place"), "{said}");
    let after = std::fs::metadata(sandbox.path("other")).unwrap();
    let of_it = |file: &std::fs::Metadata| (file.ino(), file.mode(), file.uid(), file.gid(), file.mtime());
    assert_eq!(of_it(&after), of_it(&before), "it was changed");
    assert!(!sandbox.exists("there/made"));
}

#[test]
fn a_file_system_that_gives_all_files_an_owner_of_its_own_takes_special_files() {
    if !is_root() || !have("bindfs") || !have("fusermount") {
        return skip("a file system with owners of its own needs root and bindfs");
    }
    let sandbox = Sandbox::new();
    furnish(&sandbox);
    sandbox.make_directory("real");
    sandbox.make_directory("mnt");
    let mut bindfs = Command::new("bindfs");
    bindfs.args(["--force-user=nobody", "--chown-ignore", "real", "mnt"]).current_dir(sandbox.path(""));
    if !bindfs.output().unwrap().status.success() {
        return skip("bindfs cannot mount here");
    }
    let run = sandbox.haul("copy --no-preserve=xattr tree/fifo tree/link mnt").run();
    let made = sandbox.list("mnt").len();
    sandbox.tool("fusermount", &["-u", "mnt"]);
    assert_eq!((run.status().code(), made), (Some(0), 2), "{}", run.err);
}

/// Runs a script in mounts of its own, without /proc; nothing where that is not possible.
fn without_proc(sandbox: &Sandbox, script: &str) -> Option<(Option<i32>, String)> {
    if !is_root() || !have("unshare") {
        skip("to take /proc away needs root and unshare");
        return None;
    }
    let script = format!("umount -l /proc || exit 77; umask 022; {script}");
    let mut command = common::run::command("unshare");
    command.args(["-m", "sh", "-c", &script]).current_dir(sandbox.path(""));
    let output = command.env("HAUL", common::run::binary()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(77) || said.starts_with("unshare:") {
        skip("no mounts are allowed here");
        return None;
    }
    Some((output.status.code(), said))
}

/// The kernel's version, as far as it matters.
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split(['.', '-', '+']).map_while(|number| number.trim().parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[test]
fn without_proc_all_is_kept_or_its_loss_is_told() {
    for words in ["-T tree new", "-T tree there", "-T tree open", "tree/fifo tree/second tree/link there"] {
        let sandbox = Sandbox::new();
        furnish(&sandbox);
        make_fifo(sandbox.path("tree/second"));
        set_mode(sandbox.path("tree/second"), 0o666);
        // Whoever may write to it could give a name in it to another file.
        sandbox.make_directory("open");
        set_mode(sandbox.path("open"), 0o777);
        let Some((code, said)) = without_proc(&sandbox, &format!("exec \"$HAUL\" copy {words}")) else { return };
        assert_eq!(code, Some(0), "{words}: {said}");
        let target = words.rsplit(' ').next().expect("a word");
        for name in sandbox.list(target) {
            let [made, original] = [target, "tree"].map(|directory| sandbox.path(directory).join(&name));
            let [found, wanted] = [&made, &original].map(|path| std::fs::symlink_metadata(path).unwrap());
            assert_eq!((found.uid(), found.mtime()), (wanted.uid(), wanted.mtime()), "{words}: {name:?}");
            let (found_attributes, wanted_attributes) = (attributes(&made), attributes(&original));
            for lost in wanted_attributes.keys().filter(|key| found_attributes.get(*key) != wanted_attributes.get(*key))
            {
                let said = said.contains(&format!("cannot set '{}'", lost.display())) || said.contains("cannot list");
                assert!(said, "{words}: {name:?} lost {lost:?}");
            }
            // Without its ACL the group has less.
            let has_mode = found.mode() == wanted.mode() || found_attributes.len() != wanted_attributes.len();
            assert!(has_mode || said.contains("cannot set its mode"), "{words}: mode of {name:?}");
        }
        // No name is used that others could give away, and older kernels have no call that does without /proc.
        let loses = target == "open" || kernel() < (6, 13);
        assert_eq!(said.contains("(is /proc mounted?)"), loses, "{words}: {said}");
        assert!(loses || !said.contains("cannot"), "{words}: {said}");
        assert_eq!(said.matches("its mode").count().max(1), 1, "{words}: told once: {said}");
    }
}

/// Every job does without it.
#[test]
fn without_proc_jobs_do_what_they_do() {
    let sandbox = Sandbox::new();
    let bytes = noise(1, 300_000);
    sandbox.write("tree/log", &bytes);
    sandbox.write("tree/sub/empty", "");
    set_acl(sandbox.path("tree/log"), "access", "u::rw- u:1234:r-- g::--- m::r-- o::---");
    let script = "\"$HAUL\" copy --verify tree copied && \"$HAUL\" gzip -r copied && \"$HAUL\" gunzip -r copied && \
                  \"$HAUL\" copy --resume -a tree copied/. && \"$HAUL\" sweep copy tree/log --buffers 64K --rounds 1";
    let Some((code, said)) = without_proc(&sandbox, script) else { return };
    assert_eq!(code, Some(0), "{said}");
    for line in ["cannot", "panicked"] {
        assert!(!said.contains(line), "{said}");
    }
    assert_eq!(sandbox.read("copied/log"), bytes);
    assert_eq!(attributes(&sandbox.path("copied/log")), attributes(&sandbox.path("tree/log")));
    assert_eq!(sandbox.list("copied/tree"), sandbox.list("tree"));
}
