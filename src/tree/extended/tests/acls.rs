//! ACLs: kept with the mode, taken off where the source has none, and what losing one means.

use std::fs::{self, File};
use std::process::Command;
use std::sync::Arc;

use rustix::io::Errno;

use super::super::acl::tests::posix;
use super::super::acl::{ACCESS, DEFAULT};
use super::super::{Class, Kept, Prior, has_default_acl};
use super::{KEEP, Pair, is_possible};
use crate::calls::Call;
use crate::plan::Keep;
use crate::sys::faults::{Fault, FaultPlan};
use crate::sys::{Stop, Sys};

#[test]
fn an_acl_is_kept_with_the_mode_and_only_with_it() {
    let mut pair = Pair::new();
    if !pair.give(ACCESS, &posix(6, 0, 6)) {
        return;
    }
    assert_eq!(pair.keep(Prior::None, Keep { mode: false, ..KEEP }), Kept::default());
    assert_eq!(pair.of_target(ACCESS), None);
    assert_eq!(pair.keep(Prior::None, KEEP), Kept { mode_moved: true, ..Kept::default() });
    assert_eq!(pair.of_target(ACCESS), Some(posix(6, 0, 6)));
    assert_eq!(pair.sys.fstat(&pair.target).unwrap().mode, 0o660, "the mask stands where the group's rights were");
    let told = |name| Command::new("getfacl").args(["-cn", name]).current_dir(pair.scratch.path()).output();
    match (told("source"), told("target")) {
        (Ok(source), Ok(target)) => {
            assert!(source.status.success() && source.stdout.windows(14).any(|line| line == b"user:1234:rw-\n"));
            assert_eq!(source.stdout, target.stdout);
        }
        _ => eprintln!("skipped: getfacl is not installed"),
    }
}

#[test]
fn acls_that_the_source_has_not_go() {
    let mut pair = Pair::new();
    if !is_possible(ACCESS, pair.sys.fsetxattr(&pair.target, ACCESS, &posix(6, 4, 6))) {
        return;
    }
    for (prior, mode) in [(Prior::None, true), (Prior::Access, false)] {
        assert!(!pair.keep(prior, Keep { mode, ..KEEP }).mode_moved);
        assert_eq!(pair.of_target(ACCESS), Some(posix(6, 4, 6)));
    }
    assert!(pair.keep(Prior::Access, KEEP).mode_moved);
    assert_eq!(pair.of_target(ACCESS), None);
    assert_eq!(pair.keep(Prior::Access, KEEP).lost, [], "there is none to remove");
    // One that cannot be set must not leave another's behind: list, read, set, remove.
    pair.sys.fsetxattr(&pair.target, ACCESS, &posix(6, 4, 6)).unwrap();
    pair.sys.fsetxattr(&pair.source, ACCESS, &posix(7, 0, 7)).unwrap();
    let kept = pair.keep_with_fault(3, Errno::INVAL, Prior::Access, KEEP);
    assert_eq!(kept.lost.len(), 1);
    assert_eq!(pair.of_target(ACCESS), None);
}

#[test]
fn default_acls_of_directories_are_told_kept_and_removed() {
    let mut pair = Pair::new();
    let path = pair.scratch.path().join("directory");
    fs::create_dir(&path).unwrap();
    let directory = File::open(&path).unwrap();
    assert!(!has_default_acl(&mut pair.sys, &directory));
    if !is_possible(DEFAULT, pair.sys.fsetxattr(&directory, DEFAULT, &posix(6, 4, 6))) {
        return;
    }
    assert!(has_default_acl(&mut pair.sys, &directory));
    assert_eq!(pair.sys.counts().of(Call::Fgetxattr).calls, 2);
    let plain = std::mem::replace(&mut pair.target, File::create_new(path.join("heir")).unwrap());
    assert!(pair.of_target(ACCESS).is_some(), "a new file inherits");
    pair.keep(Prior::Access, KEEP);
    assert_eq!(pair.of_target(ACCESS), None);

    fs::create_dir(path.join("inner")).unwrap();
    pair.source = File::open(&path).unwrap();
    pair.target = File::open(path.join("inner")).unwrap();
    pair.sys.fsetxattr(&pair.source, DEFAULT, &posix(1, 2, 3)).unwrap();
    pair.keep(Prior::AccessAndDefault, KEEP);
    assert_eq!((pair.of_target(ACCESS), pair.of_target(DEFAULT)), (None, Some(posix(1, 2, 3))));
    pair.source = plain;
    pair.keep(Prior::AccessAndDefault, KEEP);
    assert_eq!((pair.of_target(ACCESS), pair.of_target(DEFAULT)), (None, None));
}

#[test]
fn an_acl_that_cannot_be_listed_or_removed_lets_nobody_in() {
    let mut pair = Pair::new();
    if !pair.give(ACCESS, &posix(6, 4, 6)) {
        return;
    }
    // What cannot be listed is asked for by its name.
    let kept = pair.keep_with_fault(1, Errno::IO, Prior::None, KEEP);
    assert_eq!((kept.lost.len(), kept.lost[0].operation, kept.mode(0o660)), (1, "list", 0o660));
    assert_eq!(pair.of_target(ACCESS), Some(posix(6, 4, 6)));
    // List it, fail to ask for it by its name, and for the other, then to read it.
    let plan = FaultPlan::new(1, Fault::Fail(Errno::IO), true);
    pair.sys = Sys::new(Stop::new()).with_faults(Arc::new(plan));
    assert_eq!(pair.keep(Prior::None, KEEP).mode(0o660), 0o600);
    // The target has the ACL: to remove it is the second call.
    pair.source = File::create_new(pair.scratch.path().join("bare")).unwrap();
    let kept = pair.keep_with_fault(2, Errno::IO, Prior::Access, KEEP);
    assert_eq!((kept.lost[0].operation, kept.mode(0o664)), ("remove", 0o604));
}

#[test]
fn a_lost_acl_gives_the_group_no_rights() {
    let mut pair = Pair::new();
    if !pair.give(ACCESS, &posix(6, 4, 6)) {
        return;
    }
    for (call, mode) in [(3, 0o4740), (2, 0o4700)] {
        let kept = pair.keep_with_fault(call, Errno::NOTSUP, Prior::None, KEEP);
        assert_eq!((kept.lost[0].class, kept.mode_moved), (Class::Acl, true));
        assert_eq!(kept.mode(0o4760), mode, "the source's bits say what the mask is");
        assert_eq!(kept.mode(0o600), 0o600, "and nothing is added to them");
    }
    let whole = pair.keep(Prior::None, KEEP);
    assert_eq!(whole.mode(0o4760), 0o4760);
}
