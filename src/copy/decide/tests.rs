//! What becomes of an entry, by tables.

use std::path::PathBuf;

use super::*;
use crate::plan::CopyOptions;
use crate::sys::Moment;

const FILE: Attributes = Attributes {
    kind: FileKind::RegularFile,
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    size: 10,
    blocks: 8,
    links: 1,
    dev: (8, 1),
    ino: 1,
    rdev: (0, 0),
    atime: Moment { seconds: 0, nanoseconds: 0 },
    mtime: Moment { seconds: 0, nanoseconds: 0 },
    ctime: Moment { seconds: 0, nanoseconds: 0 },
    is_append_only: false,
};

/// Something else of that kind.
fn other(kind: FileKind) -> Attributes {
    Attributes { kind, ino: 2, ..FILE }
}

fn source(kind: FileKind) -> Source {
    Source { attributes: Attributes { kind, ..FILE }, end: None, is_named: false, user_is_root: true }
}

fn there(kind: FileKind) -> ExistingTarget {
    ExistingTarget {
        attributes: other(kind),
        end: None,
        age: Ordering::Less,
        is_resumed: false,
        was_just_made: false,
        is_exact: false,
        is_kept: false,
    }
}

/// What a row of a table comes to, in one word and in its text.
fn decided(change: impl Fn(&mut CopyOptions), source: &Source, there: &ExistingTarget) -> String {
    let mut options = CopyOptions::new(vec![PathBuf::from("s")], PathBuf::from("t"));
    change(&mut options);
    match decide(&options.plan().unwrap(), source, Some(there)) {
        Ok(Action::Create) => "create".to_owned(),
        Ok(Action::Replace(_)) => "replace".to_owned(),
        Ok(Action::WriteInPlace(_, why)) => format!("in place: {}", why.text()),
        Ok(Action::AlreadyDone(_)) => "done".to_owned(),
        Ok(Action::SetAttributes(_)) => "attributes".to_owned(),
        Ok(Action::Skip(why)) => format!("skip: {why}"),
        Ok(Action::UpToDate(_, why)) => format!("up to date: {why}"),
        Err(Refusal { operation, cause, .. }) => format!("cannot {operation}: {cause}"),
    }
}

#[test]
fn nothing_there_means_create() {
    let plan = CopyOptions::new(vec![PathBuf::from("s")], PathBuf::from("t")).plan().unwrap();
    for kind in [FileKind::RegularFile, FileKind::Symlink, FileKind::Fifo, FileKind::BlockDevice] {
        assert_eq!(decide(&plan, &source(kind), None), Ok(Action::Create));
    }
}

#[test]
fn the_kind_of_what_is_there_decides() {
    use rustix::fs::FileType::{CharacterDevice, Directory, Fifo, RegularFile, Socket, Symlink};
    let fifo_there = "cannot copy: a FIFO of that name is there";
    let directory_there = "cannot copy: a directory of that name is in the target";
    let in_place = "in place: it is a link, a FIFO or a device";
    for (kind, existing, is_exact, expected) in [
        (RegularFile, RegularFile, false, "replace"),
        (RegularFile, RegularFile, true, "replace"),
        (RegularFile, Symlink, false, "replace"),
        (RegularFile, Symlink, true, in_place),
        (RegularFile, Fifo, true, in_place),
        (RegularFile, Directory, false, directory_there),
        (Symlink, RegularFile, false, "replace"),
        (Symlink, Symlink, true, "replace"),
        (Symlink, Fifo, false, fifo_there),
        (Fifo, RegularFile, false, "replace"),
        (Fifo, Fifo, false, "up to date: it is there already"),
        (Socket, Fifo, false, fifo_there),
        (CharacterDevice, Directory, false, directory_there),
    ] {
        let found = decided(|_| (), &source(kind), &ExistingTarget { is_exact, ..there(existing) });
        assert_eq!(found, expected, "{kind:?} onto {existing:?}, named exactly: {is_exact}");
    }
}

#[test]
fn options_decide_about_a_file_that_is_there() {
    type Change = fn(&mut CopyOptions);
    let rows: [(&str, Change, ExistingTarget, &str); 18] = [
        ("-u, older", |plan| plan.existing.update = Update::Older, there(FileKind::RegularFile), "replace"),
        (
            "-u, as old",
            |plan| plan.existing.update = Update::Older,
            ExistingTarget { age: Ordering::Equal, ..there(FileKind::RegularFile) },
            "up to date: the target is as new",
        ),
        (
            "--update=none",
            |plan| plan.existing.update = Update::None,
            there(FileKind::RegularFile),
            "skip: the target exists",
        ),
        (
            "--update=none-fail",
            |plan| plan.existing.update = Update::NoneFail,
            there(FileKind::RegularFile),
            "cannot copy: the target exists",
        ),
        (
            "--resume, done",
            |plan| plan.resume = true,
            ExistingTarget { age: Ordering::Equal, ..there(FileKind::RegularFile) },
            "done",
        ),
        (
            "--resume, done, whatever else",
            |plan| (plan.resume, plan.existing.update) = (true, Update::NoneFail),
            ExistingTarget { age: Ordering::Equal, ..there(FileKind::RegularFile) },
            "done",
        ),
        ("--resume, older", |plan| plan.resume = true, there(FileKind::RegularFile), "replace"),
        (
            "a directory where a file was, continued",
            |plan| plan.resume = true,
            ExistingTarget { is_resumed: true, ..there(FileKind::Directory) },
            "replace",
        ),
        ("--inplace", |plan| plan.existing.in_place = true, there(FileKind::RegularFile), "in place: as was asked for"),
        ("-b, hard links, named exactly", |plan| plan.existing.backup = Backup::Simple, with_links(true), "replace"),
        ("hard links kept", |_| (), with_links(false), "replace"),
        ("hard links, named exactly", |_| (), with_links(true), "in place: it has other names"),
        ("hard links not kept", |plan| plan.keep.links = false, with_links(false), "in place: it has other names"),
        (
            "--remove-destination",
            |plan| plan.existing.remove = true,
            ExistingTarget { is_exact: true, ..there(FileKind::CharacterDevice) },
            "replace",
        ),
        (
            "--attributes-only",
            |plan| plan.method = Method::AttributesOnly,
            there(FileKind::RegularFile),
            "in place: only its attributes are copied",
        ),
        (
            "--attributes-only onto a FIFO",
            |plan| plan.method = Method::AttributesOnly,
            there(FileKind::Symlink),
            "cannot copy: a symbolic link of that name is there, and only attributes are copied",
        ),
        (
            "a sticky directory",
            |_| (),
            ExistingTarget { is_kept: true, ..there(FileKind::RegularFile) },
            "in place: its directory does not let it be replaced",
        ),
        (
            "another source was here",
            |_| (),
            ExistingTarget { was_just_made: true, ..there(FileKind::RegularFile) },
            "cannot copy: another source has become that target just now",
        ),
    ];
    for (what, change, there, expected) in rows {
        assert_eq!(decided(change, &source(FileKind::RegularFile), &there), expected, "{what}");
    }
}

fn with_links(is_exact: bool) -> ExistingTarget {
    ExistingTarget {
        attributes: Attributes { links: 2, ..other(FileKind::RegularFile) },
        is_exact,
        ..there(FileKind::RegularFile)
    }
}

#[test]
fn no_file_is_copied_onto_itself() {
    let same = ExistingTarget { attributes: FILE, ..there(FileKind::RegularFile) };
    let file = source(FileKind::RegularFile);
    assert_eq!(decided(|_| (), &file, &same), format!("cannot copy: {SAME_FILE}"));
    // A link onto the file that it leads to; a file onto a link to it.
    let link = Source { end: Some(other(FileKind::RegularFile)), ..source(FileKind::Symlink) };
    assert_eq!(decided(|_| (), &link, &there(FileKind::RegularFile)), format!("cannot copy: {SAME_FILE}"));
    let to_source = ExistingTarget { end: Some(Ok(FILE)), is_exact: true, ..there(FileKind::Symlink) };
    assert_eq!(decided(|_| (), &file, &to_source), format!("cannot copy: {SAME_FILE}"));
    let nowhere = ExistingTarget { end: Some(Err(Errno::NOENT)), ..to_source };
    assert_eq!(decided(|_| (), &file, &nowhere), "cannot write: it is a symbolic link that leads nowhere");
}

#[test]
fn a_special_file_that_was_named_replaces_nothing() {
    for (end, kind, what) in [
        (None, FileKind::Fifo, "it is a FIFO"),
        (Some(other(FileKind::Fifo)), FileKind::Symlink, "it is a symbolic link to a FIFO"),
    ] {
        let named = Source { is_named: true, end, ..source(kind) };
        let regular = ExistingTarget { attributes: Attributes { ino: 3, ..FILE }, ..there(FileKind::RegularFile) };
        let found = decided(|_| (), &named, &regular);
        assert!(
            found.starts_with(&format!("cannot copy: {what}, and a regular file of that name is there")),
            "{found}"
        );
        assert_eq!(decided(|plan| plan.existing.remove = true, &named, &regular), "replace");
    }
}
