//! Who may read what gzip and gunzip make: whoever may read the source, and nobody else, ACLs or not. With root's help
//! that is tried out as each of several users.

#![allow(clippy::disallowed_methods, missing_docs, reason = "the tests look at files from outside")]

mod common;

use std::os::unix::fs::{MetadataExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use common::attributes::{attributes, set_acl, set_attribute};
use common::{NOBODY, Sandbox, can_trace, have, is_root, prose, set_mode, skip};

const GROUP: u32 = 4321;

/// An ACL under which the mask says more than the group may do.
const MASKED: &str = "u::rw- u:65534:rw- g::--- m::rw- o::---";
/// What a directory hands on that everybody may use.
const OPEN: &str = "u::rwx u:65534:rwx g::rwx m::rwx o::rwx";

/// Which of a named user, a member of the group and anybody else may read a file; by trial.
fn readers(path: &Path) -> [bool; 3] {
    [(NOBODY, NOBODY), (1234, GROUP), (999, 999)].map(|(uid, gid)| {
        let mut command = Command::new("cat");
        command.arg(path).uid(uid).gid(gid);
        command.output().expect("cat").status.success()
    })
}

/// A sandbox that everybody may enter, with a file of somebody's group.
fn furnish(acl: Option<&str>, mode: u32, inherited: Option<&str>) -> Option<Sandbox> {
    let sandbox = Sandbox::new();
    set_mode(sandbox.path(""), 0o755);
    let path = sandbox.write("in/file", prose(1, 5_000));
    sandbox.make_directory("out");
    set_mode(&path, mode);
    if is_root() {
        lchown(&path, Some(0), Some(GROUP)).unwrap();
    }
    if !acl.is_none_or(|acl| set_acl(&path, "access", acl)) {
        return None;
    }
    set_attribute(&path, "user.of", b"the source");
    let inherits = |name: &str| inherited.is_none_or(|acl| set_acl(sandbox.path(name), "default", acl));
    (inherits("in") && inherits("out")).then_some(sandbox)
}

/// Mode, owner and attributes.
fn rights(path: &Path) -> (u32, u32, u32, common::attributes::Attributes) {
    let found = std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (found.mode() & 0o7777, found.uid(), found.gid(), attributes(path))
}

const FILES: [(Option<&str>, u32); 5] = [
    (None, 0o600),
    (None, 0o640),
    (None, 0o604),
    (Some(MASKED), 0o660),
    (Some("u::rw- u:65534:--- g::r-- m::r-- o::r--"), 0o644),
];

#[test]
fn who_may_read_the_source_may_read_the_target_and_nobody_else() {
    for (acl, mode) in FILES {
        for inherited in [None, Some(OPEN)] {
            let Some(sandbox) = furnish(acl, mode, inherited) else { return };
            let source = sandbox.path("in/file");
            let (expected, who) = (rights(&source), is_root().then(|| readers(&source)));
            let check = |name: &str, what: &str| {
                let path = sandbox.path(name);
                assert_eq!(rights(&path), expected, "{what}: {acl:?}, {mode:o}, {inherited:?}");
                assert_eq!(is_root().then(|| readers(&path)), who, "{what}: {acl:?}, {mode:o}, {inherited:?}");
            };
            let run = |words: &str| sandbox.haul(words).run().ok().silent();
            run("gzip in/file");
            check("in/file.gz", "gzip");
            run("gunzip in/file.gz");
            check("in/file", "gunzip");
            run("gzip -k in/file");
            sandbox.write("in/file", "older");
            set_mode(&source, 0o666);
            run("gunzip -kf in/file.gz");
            check("in/file", "gunzip over an older one");
            run("gzip -k --output-dir out in/file");
            check("out/file.gz", "gzip elsewhere");
            run("gunzip -kfN in/file.gz");
            check("in/file", "gunzip by the stored name");
        }
    }
}

#[test]
fn an_index_is_read_by_who_may_read_the_file() {
    for (acl, mode) in FILES {
        let Some(sandbox) = furnish(acl, mode, Some(OPEN)) else { return };
        sandbox.haul("gzip in/file").run().ok();
        sandbox.haul("gunzip --index in/file.gz").run().ok();
        let [file, index] = ["in/file.gz", "in/file.gz.haul-index"].map(|name| sandbox.path(name));
        let (of_file, of_index) = (rights(&file), rights(&index));
        // Nobody but its owner may write to it, or it would not be believed.
        let expected = (of_file.0 & 0o644, of_file.1, of_file.2);
        assert_eq!((of_index.0, of_index.1, of_index.2), expected, "{acl:?}");
        if is_root() {
            assert_eq!(readers(&index), readers(&file), "{acl:?}, {mode:o}");
        }
    }
}

#[test]
fn directories_that_are_made_let_in_who_may_enter_their_sources() {
    let Some(sandbox) = furnish(Some(MASKED), 0o660, Some(OPEN)) else { return };
    let directory = sandbox.make_directory("in/sub");
    set_acl(&directory, "access", "u::rwx u:65534:r-x g::--- m::r-x o::---");
    set_acl(&directory, "default", MASKED);
    set_mode(sandbox.write("in/sub/file", "some text"), 0o600);
    for name in attributes(&sandbox.path("in/sub/file")).keys() {
        rustix::fs::removexattr(sandbox.path("in/sub/file"), name).unwrap();
    }
    set_mode(sandbox.path("in/sub/file"), 0o600);
    sandbox.haul("gzip -rk --output-dir out in").run().ok().silent();
    for name in ["sub", "sub/file"] {
        let (made, source) = (if name == "sub" { "out/in/sub" } else { "out/in/sub/file.gz" }, format!("in/{name}"));
        let (made, source) = (rights(&sandbox.path(made)), rights(&sandbox.path(source)));
        assert_eq!((made.0, made.3), (source.0, source.3), "{name}");
    }
}

/// Under strace the modes that are asked for and set are seen, in their order.
#[test]
fn a_temporary_file_is_never_wider_than_what_it_becomes() {
    if !can_trace() {
        return;
    }
    for (acl, mode) in FILES {
        for inherited in [None, Some(OPEN)] {
            let Some(sandbox) = furnish(acl, mode, inherited) else { return };
            // Of another group it is its owner's alone in any case.
            lchown(sandbox.path("in/file"), None, Some(rustix::process::getegid().as_raw())).unwrap();
            for (words, widest) in [("gzip", mode), ("gunzip", mode), ("gzip", mode)] {
                let name = if words == "gzip" { "in/file" } else { "in/file.gz" };
                let mut command = common::run::command("strace");
                command.args(["-f", "-qq", "-o", "calls", "-e", "trace=openat"]).current_dir(sandbox.path(""));
                command.arg(common::run::binary()).args([words, name]);
                assert!(command.output().expect("strace").status.success());
                let calls = String::from_utf8(sandbox.read("calls")).expect("text");
                let created: Vec<u32> = calls.lines().filter_map(mode_of_creation).collect();
                assert_eq!(created.len(), 1, "{calls}");
                let limit = if acl.is_some() || inherited.is_some() { 0o600 } else { widest };
                assert_eq!(created[0] & !limit, 0, "{words}, {acl:?}, {inherited:?}: {:o}", created[0]);
            }
        }
    }
}

fn mode_of_creation(line: &str) -> Option<u32> {
    let mode = line.contains("O_CREAT").then(|| line.rsplit_once(", 0")).flatten()?.1;
    u32::from_str_radix(&mode.chars().take_while(char::is_ascii_digit).collect::<String>(), 8).ok()
}

#[test]
fn what_is_of_the_program_and_not_of_its_bytes_is_left_out() {
    if !is_root() || !have("setcap") {
        return skip("capabilities and trusted attributes need root and setcap");
    }
    let Some(sandbox) = furnish(None, 0o755, None) else { return };
    let file = sandbox.path("in/file");
    let is_capable =
        Command::new("setcap").arg("cap_net_raw=ep").arg(&file).output().is_ok_and(|run| run.status.success());
    if !is_capable || !set_attribute(&file, "trusted.haul", b"of this file") {
        return skip("no capabilities on files here");
    }
    let run = sandbox.haul("gzip in/file").run().ok();
    run.says_in_one_line(&["'in/file.gz': cannot keep 'security.capability'"]);
    let kept: Vec<_> = attributes(&sandbox.path("in/file.gz")).into_keys().collect();
    assert_eq!(kept, ["user.of"]);
    assert!(!sandbox.exists("in/file"), "a warning keeps no source");
}

#[test]
fn where_there_are_no_acls_the_group_gets_no_more_than_it_had() {
    if !is_root() || !have("unshare") {
        return skip("a file system without ACLs needs root and unshare");
    }
    let Some(sandbox) = furnish(Some(MASKED), 0o660, None) else { return };
    rustix::fs::removexattr(sandbox.path("in/file"), "user.of").unwrap();
    sandbox.tool("cp", &["-a", "in/file", "in/second"]);
    let script = "mount -t ramfs ramfs out || exit 77; \"$HAUL\" gzip --output-dir out in/file in/second; echo $?; stat -c %a out/*.gz";
    let mut command = common::run::command("unshare");
    command.args(["-m", "sh", "-c", script]).current_dir(sandbox.path(""));
    let output = command.env("HAUL", common::run::binary()).output().unwrap();
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(77) || said.starts_with("unshare:") {
        return skip("no mounts are allowed here");
    }
    assert_eq!(out.split_whitespace().collect::<Vec<_>>(), ["0", "600", "600"], "{said}");
    assert_eq!((said.lines().count(), said.matches("posix_acl_access").count()), (1, 1), "told once: {said}");
}
