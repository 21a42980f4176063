//! Attributes of real files, and what each errno does. What a file system or a user cannot do is skipped, and said.

#![allow(clippy::disallowed_methods, reason = "a test makes its own files")]

mod acls;

use std::ffi::CString;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rustix::io::Errno;
use tempfile::TempDir;

use super::acl::ACCESS;
use super::acl::tests::posix;
use super::*;
use crate::calls::Call;
use crate::sys::Stop;
use crate::sys::faults::{Fault, FaultPlan};
use crate::tree::Weight;

/// A source and a target, empty files in a directory that stays.
struct Pair {
    scratch: TempDir,
    source: File,
    target: File,
    sys: Sys,
}

/// No label: a security module may have put one on every file.
const KEEP: Keep = Keep { context: PreserveLevel::No, ..Keep::ALL };

impl Pair {
    fn new() -> Self {
        Self::across(None)
    }

    /// The source is below `elsewhere`.
    fn across(elsewhere: Option<&TempDir>) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let source = File::create_new(elsewhere.unwrap_or(&scratch).path().join("source")).unwrap();
        let target = File::create_new(scratch.path().join("target")).unwrap();
        Self { scratch, source, target, sys: Sys::new(Stop::new()) }
    }

    /// Sets an attribute of the source; false, and a line that says so, where that cannot be.
    fn give(&mut self, name: &CStr, value: &[u8]) -> bool {
        is_possible(name, self.sys.fsetxattr(&self.source, name, value))
    }

    /// The same while the `k`-th call from now fails with `errno`.
    fn keep_with_fault(&mut self, k: u64, errno: Errno, prior: Prior, keep: Keep) -> Kept {
        let plan = Arc::new(FaultPlan::new(k, Fault::Fail(errno), false));
        self.sys = Sys::new(Stop::new()).with_faults(plan);
        let kept = self.keep(prior, keep);
        self.sys = Sys::new(Stop::new());
        kept
    }

    fn keep(&mut self, prior: Prior, keep: Keep) -> Kept {
        self.keep_selected(prior, (Selection::All, keep))
    }

    fn keep_selected(&mut self, prior: Prior, what: (Selection, Keep)) -> Kept {
        let (source, target) = (Origin::Open(self.source.as_fd()), FileRef::Open(self.target.as_fd()));
        keep_extended(&mut self.sys, source, target, prior, what, &mut Buffers::default())
    }

    fn of_target(&mut self, name: &CStr) -> Option<Vec<u8>> {
        value(&mut self.sys, &self.target, name)
    }
}

fn value(sys: &mut Sys, file: &File, name: &CStr) -> Option<Vec<u8>> {
    match sys.fgetxattr(file, name, &mut XattrBuffer::default()) {
        Ok(value) => Some(value.to_vec()),
        Err(errno) => {
            assert_eq!(errno, Errno::NODATA);
            None
        }
    }
}

fn is_possible(name: &CStr, set: rustix::io::Result<()>) -> bool {
    match set {
        Ok(()) => true,
        // ENOSPC: all attributes of a file share one block on ext4, which may have 1 KiB.
        Err(errno @ (Errno::NOTSUP | Errno::PERM | Errno::NOSPC)) => {
            eprintln!("skipped: {} cannot be set here: {errno}", name.to_string_lossy());
            false
        }
        Err(errno) => panic!("{name:?}: {errno}"),
    }
}

#[test]
fn all_attributes_are_copied_and_others_of_the_target_stay() {
    let mut pair = Pair::new();
    let mut wanted = vec![(c"user.\xff\n =".to_owned(), b"\0\xff".to_vec()), (c"user.empty".to_owned(), Vec::new())];
    // More names than the first try has room for, and a value that is longer.
    wanted.extend((0..9).map(|n| (CString::new(format!("user.{n}{}", "n".repeat(150))).unwrap(), vec![n])));
    wanted.push((c"user.long".to_owned(), vec![b'v'; 1200]));
    // What would be an NFSv4 ACL without entries.
    wanted.push((c"user.zeros".to_owned(), vec![0; 4]));
    for (name, value) in &wanted {
        if !pair.give(name, value) {
            return;
        }
    }
    pair.sys.fsetxattr(&pair.target, c"user.mine", b"mine").unwrap();
    pair.sys.fsetxattr(&pair.target, c"user.empty", b"not").unwrap();
    assert_eq!(pair.keep(Prior::Access, KEEP), Kept { mode_moved: true, ..Kept::default() });
    for (name, value) in wanted {
        assert_eq!(pair.of_target(&name), Some(value), "{name:?}");
    }
    assert_eq!(pair.of_target(c"user.mine"), Some(b"mine".to_vec()));
}

#[test]
fn a_bare_file_costs_one_call_and_none_where_nothing_is_preserved() {
    let mut pair = Pair::new();
    assert_eq!(pair.keep(Prior::None, KEEP), Kept::default());
    assert_eq!((pair.sys.counts().total(), pair.sys.counts().of(Call::Flistxattr).calls), (1, 1));
    let none = Keep { mode: false, xattrs: PreserveLevel::No, context: PreserveLevel::No, ..Keep::ALL };
    assert_eq!(pair.keep(Prior::Access, none), Kept::default());
    assert_eq!(pair.sys.counts().total(), 1);
}

#[test]
fn a_value_of_64_kib_is_copied_or_named_in_the_failure() {
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else { return eprintln!("skipped: no /dev/shm") };
    let whole = vec![b'x'; 64 * 1024];
    let mut pair = Pair::across(Some(&elsewhere));
    if !pair.give(c"user.whole", &whole) {
        return;
    }
    match &pair.keep(Prior::None, KEEP).lost[..] {
        [] => assert_eq!(pair.of_target(c"user.whole"), Some(whole.clone())),
        // ENOSPC: ext4, on a disk with room.
        lost => assert_eq!(lost[0].attribute.as_deref(), Some(c"user.whole"), "{lost:?}"),
    }
    pair.target = File::create_new(elsewhere.path().join("target")).unwrap();
    assert_eq!(pair.keep(Prior::None, KEEP), Kept::default());
    assert_eq!(pair.of_target(c"user.whole"), Some(whole));
}

#[test]
fn what_fails_is_noted_and_the_rest_is_copied() {
    let mut pair = Pair::new();
    if !pair.give(c"user.a", b"1") || !pair.give(c"user.b", b"2") {
        return;
    }
    // The first call lists, the second reads the first name, the third sets it. ENOTSUP: there is nothing to list, and
    // ENODATA: it has gone since.
    assert_eq!(pair.keep_with_fault(1, Errno::NOTSUP, Prior::None, KEEP), Kept::default());
    assert_eq!(pair.keep_with_fault(2, Errno::NODATA, Prior::None, KEEP), Kept::default());
    for errno in [Errno::NOTSUP, Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::NOSPC, Errno::IO] {
        for (call, operation) in [(2, "read"), (3, "set")] {
            pair.target =
                File::create(pair.scratch.path().join(format!("{operation}{}", errno.raw_os_error()))).unwrap();
            let kept = pair.keep_with_fault(call, errno, Prior::None, KEEP);
            let [lost] = &kept.lost[..] else { panic!("{kept:?}") };
            assert_eq!((lost.operation, lost.class, lost.errno), (operation, Class::Plain, errno));
            let name = lost.attribute.clone().unwrap();
            assert!(name == *c"user.a" || name == *c"user.b");
            assert_eq!(pair.of_target(&name), None);
            let other = if name == *c"user.a" { c"user.b" } else { c"user.a" };
            assert!(pair.of_target(other).is_some(), "the others are copied all the same");
        }
    }
    let kept = pair.keep_with_fault(1, Errno::ACCESS, Prior::None, KEEP);
    assert_eq!((kept.lost.len(), kept.lost[0].operation, kept.lost[0].attribute.as_ref()), (1, "list", None));
    assert_eq!(kept.mode(0o664), 0o664, "it was asked for its ACL by name, and has none");
    // List, and remove what may be there.
    pair.source = File::create_new(pair.scratch.path().join("bare")).unwrap();
    for errno in [Errno::NODATA, Errno::NOTSUP] {
        assert_eq!(pair.keep_with_fault(2, errno, Prior::Access, KEEP).lost, []);
    }
    for errno in [Errno::PERM, Errno::IO] {
        let kept = pair.keep_with_fault(2, errno, Prior::Access, KEEP);
        assert_eq!((kept.lost[0].operation, kept.lost[0].class, kept.lost[0].errno), ("remove", Class::Acl, errno));
        assert_eq!(kept.mode(0o664), 0o664, "there was none to remove");
    }
}

#[test]
fn what_holds_the_same_in_another_form_has_acls_and_user_attributes() {
    let capability = [[1, 0, 0, 2], [0, 0x20, 0, 0], [0; 4], [0; 4], [0; 4]].concat();
    let mut pair = Pair::new();
    if !pair.give(c"user.a", b"1") {
        return;
    }
    let (has_acl, has_trusted) = (pair.give(ACCESS, &posix(6, 0, 6)), pair.give(c"trusted.a", b"2"));
    let has_capability = pair.give(c"security.capability", &capability);
    let listed = Listed::of(&mut pair.sys, &pair.source, Selection::OfAnotherForm, &mut Buffers::default());
    assert_eq!(listed, Listed { any: true, acl: has_acl });
    let kept = pair.keep_selected(Prior::None, (Selection::OfAnotherForm, KEEP));
    assert_eq!(pair.of_target(c"user.a"), Some(b"1".to_vec()));
    assert_eq!(pair.of_target(ACCESS), has_acl.then(|| posix(6, 0, 6)));
    if has_trusted {
        assert_eq!(pair.of_target(c"trusted.a"), None);
    }
    if has_capability {
        assert_eq!(pair.of_target(c"security.capability"), None);
        assert_eq!((kept.lost.len(), kept.lost[0].class), (1, Class::Capability), "and that is told");
    }
    pair.source = File::create_new(pair.scratch.path().join("bare")).unwrap();
    pair.give(c"trusted.a", b"2");
    let listed = |sys: &mut Sys| Listed::of(sys, &pair.source, Selection::OfAnotherForm, &mut Buffers::default());
    assert_eq!(listed(&mut pair.sys), Listed { any: false, acl: false });
    let plan = FaultPlan::new(1, Fault::Fail(Errno::IO), false);
    assert_eq!(listed(&mut Sys::new(Stop::new()).with_faults(Arc::new(plan))), Listed::UNKNOWN);
}

#[test]
fn a_target_that_its_owner_may_not_write_to_takes_user_attributes_and_keeps_its_mode() {
    let mut pair = Pair::new();
    if !pair.give(c"user.a", b"1") {
        return;
    }
    pair.target.set_permissions(Permissions::from_mode(0o440)).unwrap();
    // Root is refused nothing, so the third call (list, read, set) is made to fail; for others it would by itself.
    let kept = pair.keep_with_fault(3, Errno::ACCESS, Prior::None, KEEP);
    assert_eq!(kept, Kept::default());
    assert_eq!(pair.of_target(c"user.a"), Some(b"1".to_vec()));
    assert_eq!(pair.sys.fstat(&pair.target).unwrap().mode, 0o440);
    pair.sys.fsetxattr(&pair.source, c"user.a", b"2").unwrap();
    assert_eq!(pair.keep(Prior::None, KEEP), Kept::default());
    assert_eq!(pair.of_target(c"user.a"), Some(b"2".to_vec()));
    assert_eq!(pair.sys.fstat(&pair.target).unwrap().mode, 0o440);
    // Where the mode cannot be changed either (every call from the third on fails), it is lost.
    let plan = FaultPlan::new(3, Fault::Fail(Errno::ACCESS), true);
    pair.sys = Sys::new(Stop::new()).with_faults(Arc::new(plan));
    assert_eq!(pair.keep(Prior::None, KEEP).lost.len(), 1);
}

#[test]
fn capabilities_are_kept_after_the_owner() {
    // Version 2, effective: cap_net_raw (linux/capability.h).
    let capability = [[1, 0, 0, 2], [0, 0x20, 0, 0], [0; 4], [0; 4], [0; 4]].concat();
    let mut pair = Pair::new();
    if !pair.give(c"security.capability", &capability) {
        return;
    }
    pair.keep(Prior::None, KEEP);
    assert_eq!(pair.of_target(c"security.capability"), Some(capability.clone()));
    pair.sys.fchown(&pair.target, 0, 0).unwrap();
    assert_eq!(pair.of_target(c"security.capability"), None, "the order matters");
    pair.keep(Prior::None, KEEP);
    assert_eq!(pair.of_target(c"security.capability"), Some(capability));
}

#[test]
fn what_cannot_be_opened_is_reached_by_a_descriptor_of_its_path() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut sys, mut buffers) = (Sys::new(Stop::new()), Buffers::default());
    let directory = File::open(scratch.path()).unwrap();
    for name in [c"source", c"target"] {
        sys.mknodat(&directory, name, crate::sys::FileKind::Fifo, 0o600, (0, 0)).unwrap();
    }
    let mut keep = |sys: &mut Sys, source, target, prior| {
        let itself = Sys::new(Stop::new()).open_itself(&directory, target).unwrap();
        let (from, to) =
            (Origin::Named(directory.as_fd(), source), FileRef::PathOnly { itself: itself.as_fd(), own_name: None });
        keep_extended(sys, from, to, prior, (Selection::All, KEEP), &mut buffers)
    };
    let value = |sys: &mut Sys, entry, name| {
        sys.lgetxattr(&directory, entry, name, &mut XattrBuffer::default()).map(<[u8]>::to_vec)
    };
    let set = |sys: &mut Sys, entry, name, value: &[u8]| {
        let itself = sys.open_itself(&directory, entry).unwrap();
        is_possible(name, sys.setxattr_itself(&itself, name, value))
    };
    if set(&mut sys, c"source", ACCESS, &posix(6, 0, 6)) {
        assert_eq!(keep(&mut sys, c"source", c"target", Prior::None).lost, []);
        assert_eq!(value(&mut sys, c"target", ACCESS), Ok(posix(6, 0, 6)));
        let itself = sys.open_itself(&directory, c"source").unwrap();
        sys.removexattr_itself(&itself, ACCESS).unwrap();
        assert_eq!(keep(&mut sys, c"source", c"target", Prior::Access).lost, []);
        assert_eq!(value(&mut sys, c"target", ACCESS), Err(Errno::NODATA));
    }
    for name in ["one", "two"] {
        std::os::unix::fs::symlink("source", scratch.path().join(name)).unwrap();
    }
    // A link has no ACL to remove, and what it leads to is not asked.
    assert_eq!(keep(&mut sys, c"one", c"two", Prior::Access).lost, []);
    if set(&mut sys, c"one", c"trusted.a", b"1") {
        assert_eq!(keep(&mut sys, c"one", c"two", Prior::None).lost, []);
        assert_eq!(value(&mut sys, c"two", c"trusted.a"), Ok(b"1".to_vec()));
        assert_eq!(value(&mut sys, c"source", c"trusted.a"), Err(Errno::NODATA));
    }
    // Without /proc.
    let plan = FaultPlan::new(1, Fault::Fail(Errno::NOENT), true);
    let mut without = Sys::new(Stop::new()).with_faults(Arc::new(plan));
    let kept = keep(&mut without, c"one", c"two", Prior::None);
    assert_eq!((kept.lost.len(), kept.lost[0].weight(KEEP, true)), (1, Weight::Warning));
}

/// Where there is no /proc, and the kernel can do without: by name, if that is nobody else's to give away.
#[test]
fn without_proc_attributes_are_set_by_a_name_that_is_ours() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = File::open(scratch.path()).unwrap();
    let plan = "llistxattr,lgetxattr,setxattr,removexattr,getxattr:ENOENT".parse::<FaultPlan>().unwrap();
    let mut sys = Sys::new(Stop::new()).with_faults(Arc::new(plan));
    let mut buffers = Buffers::default();
    for name in ["source", "ours", "anybodys"] {
        std::os::unix::fs::symlink("nowhere", scratch.path().join(name)).unwrap();
    }
    let set = sys.setxattrat(&directory, c"source", c"trusted.a", b"1");
    if set == Err(Errno::NOENT) || !is_possible(c"trusted.a", set) {
        return;
    }
    for (name, own_name) in [(c"ours", Some((directory.as_fd(), c"ours"))), (c"anybodys", None)] {
        let itself = sys.open_itself(&directory, name).unwrap();
        let (from, to) =
            (Origin::Named(directory.as_fd(), c"source"), FileRef::PathOnly { itself: itself.as_fd(), own_name });
        let kept = keep_extended(&mut sys, from, to, Prior::None, (Selection::All, KEEP), &mut buffers);
        let value = sys.lgetxattr(&directory, name, c"trusted.a", &mut XattrBuffer::default()).map(<[u8]>::to_vec);
        if own_name.is_some() {
            assert_eq!((kept.lost, value), (Vec::new(), Ok(b"1".to_vec())));
            to.remove(&mut sys, c"trusted.a").unwrap();
            assert!(sys.lgetxattr(&directory, name, c"trusted.a", &mut XattrBuffer::default()).is_err());
        } else {
            let told: Vec<_> =
                kept.lost.iter().map(|trouble| (trouble.to_string(), trouble.weight(KEEP, true))).collect();
            let said = "cannot set 'trusted.a': No such file or directory (is /proc mounted?)".to_owned();
            assert_eq!((told, value), (vec![(said, Weight::Warning)], Err(Errno::NODATA)));
        }
    }
}
