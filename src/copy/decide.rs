//! The decision what becomes of an entry, which the copy carries out and the dry run prints.
//!
//! [`decide`] makes no system call: `decision.rs` collects what it needs to know. Directories are merged with what is there;
//! what is decided here is the rest, and what takes a directory's name.

use std::cmp::Ordering;

use rustix::io::Errno;

use crate::engine::Side;
use crate::error::{Cause, Remedy};
use crate::plan::{Backup, CopyPlan, Existing, Method, Update, When};
use crate::sys::{Attributes, FileKind};
use crate::tree::metadata::describe;

/// A source that is not a directory, as far as it decides about what is there already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) attributes: Attributes,
    /// What a symbolic link leads to that is copied as a link, if it leads anywhere.
    pub(super) end: Option<Attributes>,
    /// The user named it; else it was found in a directory.
    pub(super) is_named: bool,
    /// The user is root, who alone gives files away.
    pub(super) user_is_root: bool,
}

/// What has the target's name already.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExistingTarget {
    pub(super) attributes: Attributes,
    /// What it leads to, if it is a symbolic link and somebody looked.
    pub(super) end: Option<Result<Attributes, Errno>>,
    /// Its time compared with the source's.
    pub(super) age: Ordering,
    /// It lies in a tree that an earlier copy left unfinished and this one continues.
    pub(super) is_resumed: bool,
    /// Another source of this job has become it.
    pub(super) was_just_made: bool,
    /// The user named this very target, not a directory that it is in.
    pub(super) is_exact: bool,
    /// Its directory lets nobody, or not this user, put another file in its place.
    pub(super) is_kept: bool,
}

/// What becomes of a target's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing has it: the target is made.
    Create,
    /// What has it is replaced, in the instant in which the new one is there.
    Replace(Attributes),
    /// What has it stays, and gets new content: its attributes, or those of what the link leads to; and why.
    WriteInPlace(Attributes, Reason),
    /// What has it is what an earlier copy made of this very source.
    AlreadyDone(Attributes),
    /// What has it is a special file of the source's kind, which stays, and gets its attributes.
    SetAttributes(Attributes),
    /// What has it stays as it is, for this reason.
    Skip(&'static str),
    /// The same, and it may be as good as a copy, so that other names of the source become names of it.
    UpToDate(Attributes, &'static str),
}

impl Action {
    /// Why what is there stays as it is, if it does.
    pub(super) const fn skips(&self) -> Option<&'static str> {
        match self {
            Self::Skip(why) | Self::UpToDate(_, why) => Some(why),
            _ => None,
        }
    }

    /// Whether something that exists changes, which a person may want to be asked about.
    pub(super) const fn changes_what_exists(&self) -> bool {
        matches!(self, Self::Replace(_) | Self::WriteInPlace(..))
    }
}

/// Why what is there is written in place, and not replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is to keep its identity.
    Asked,
    /// Only its attributes are copied.
    AttributesOnly,
    /// Other names lead to the same file.
    OtherNames,
    /// It is a symbolic link, a FIFO, a socket or a device.
    NotRegular,
    /// Something is mounted on it.
    MountPoint,
    /// Its directory lets nobody, or not this user, put another file in its place.
    Unreplaceable,
}

impl Reason {
    /// For those who asked for detail.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Asked => "as was asked for",
            Self::AttributesOnly => "only its attributes are copied",
            Self::OtherNames => "it has other names",
            Self::NotRegular => "it is a link, a FIFO or a device",
            Self::MountPoint => "something is mounted on it",
            Self::Unreplaceable => "its directory does not let it be replaced",
        }
    }
}

/// Why a source is not copied, which is a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) operation: &'static str,
    /// Whose path names it.
    pub(super) side: Side,
    pub(super) cause: Cause,
}

impl Refusal {
    fn copy(why: impl Into<String>) -> Self {
        Self { operation: "copy", side: Side::Source, cause: Cause::Refused(why.into().into()) }
    }

    fn write(why: impl Into<String>) -> Self {
        Self { operation: "write", side: Side::Target, cause: Cause::Refused(why.into().into()) }
    }

    fn with(mut self, remedy: Remedy) -> Self {
        if let Cause::Refused(refused) = &mut self.cause {
            refused.remedy = Some(remedy);
        }
        self
    }
}

const SAME_FILE: &str = "source and target are the same file";
/// Why a source is passed over that an earlier copy has dealt with.
pub(super) const DONE: &str = "it is done already";

/// What becomes of a target's name, or why nothing does.
type Decision = Result<Action, Refusal>;

/// Decides about the target of a source; never about the source itself.
pub(super) fn decide(plan: &CopyPlan, source: &Source, there: Option<&ExistingTarget>) -> Decision {
    let Some(there) = there else { return Ok(Action::Create) };
    let existing = there.attributes;
    if existing.is_same_file(&source.attributes) {
        return Err(Refusal::copy(SAME_FILE));
    }
    if is_done(plan, &source.attributes, there) {
        return Ok(Action::AlreadyDone(existing));
    }
    if there.is_resumed {
        return Ok(Action::Replace(existing));
    }
    if existing.kind == FileKind::Directory {
        return Err(Refusal::copy("a directory of that name is in the target"));
    }
    if there.was_just_made {
        return Err(Refusal::copy("another source has become that target just now"));
    }
    if let Some(decided) = decide_by_update(plan, there) {
        return decided;
    }
    // A link onto the file that it leads to would leave a link to itself, and the file gone.
    if source.end.is_some_and(|end| existing.is_same_file(&end)) {
        return Err(Refusal::copy(SAME_FILE));
    }
    if let Some(decided) = decide_about_special_files(plan, source, &existing) {
        return decided;
    }
    if is_read(plan, source.attributes.kind)
        && let Some(reason) = keeps_its_identity(plan, there)
    {
        return write_in_place(plan, &source.attributes, there, reason);
    }
    if plan.method == Method::AttributesOnly {
        let there = describe(existing.kind);
        return Err(Refusal::copy(format!("{there} of that name is there, and only attributes are copied")));
    }
    // Found out before a copy or a backup is made in vain, or one that cannot be removed.
    if there.is_kept {
        return Err(Refusal { operation: "replace", side: Side::Target, cause: Cause::System(Errno::PERM) });
    }
    Ok(Action::Replace(existing))
}

/// Whether it decides anything what a source leads to that is a symbolic link.
pub(super) fn needs_end(plan: &CopyPlan, there: &ExistingTarget) -> bool {
    !there.is_resumed && decide_by_update(plan, there).is_none()
}

/// What `--update` says of any target that exists; `None` where it may be replaced.
fn decide_by_update(plan: &CopyPlan, there: &ExistingTarget) -> Option<Decision> {
    match plan.existing.update {
        Update::None => Some(Ok(Action::Skip("the target exists"))),
        Update::NoneFail => Some(Err(Refusal::copy("the target exists"))),
        Update::Older if there.age.is_ge() => Some(Ok(Action::UpToDate(there.attributes, "the target is as new"))),
        Update::All | Update::Older => None,
    }
}

/// Whether a target is what an earlier copy made of this source: its times are set last, so size and time tell. But after
/// a power cut a file with holes may have its size without its data.
fn is_done(plan: &CopyPlan, source: &Attributes, there: &ExistingTarget) -> bool {
    let existing = &there.attributes;
    let makes_holes = plan.sparse == When::Always || source.has_holes();
    plan.resume
        && plan.method == Method::Copy
        && source.kind == FileKind::RegularFile
        && existing.kind == FileKind::RegularFile
        && source.size == existing.size
        && there.age.is_eq()
        && (!makes_holes || existing.blocks >= source.blocks)
}

/// What FIFOs, sockets and devices come to. As targets they belong to somebody who has them open, or to the system: no link
/// and no other node replaces them unless that is asked for. Nothing replaces a file for one that the user named and that
/// is not read: mostly its content is meant.
fn decide_about_special_files(plan: &CopyPlan, source: &Source, existing: &Attributes) -> Option<Decision> {
    if plan.existing.remove {
        return None;
    }
    if let Some(kind) = source.named_special(plan) {
        let (what, there) = (source.describe(kind), describe(existing.kind));
        let remedy = if kind == FileKind::Socket { Remedy::RemoveThere } else { Remedy::CopyContentsOrRemove };
        return Some(Err(Refusal::copy(format!("{what}, and {there} of that name is there")).with(remedy)));
    }
    let makes_links = matches!(plan.method, Method::HardLink | Method::Symlink);
    if !is_special(existing.kind) || (is_read(plan, source.attributes.kind) && !makes_links) {
        return None;
    }
    let is_same_kind = (source.attributes.kind, source.attributes.rdev) == (existing.kind, existing.rdev);
    if !source.is_named && !makes_links && is_same_kind {
        let has_all = source.has_all_kept_by(plan, existing);
        let action =
            if has_all { Action::UpToDate(*existing, "it is there already") } else { Action::SetAttributes(*existing) };
        return Some(Ok(action));
    }
    let there = describe(existing.kind);
    Some(Err(Refusal::copy(format!("{there} of that name is there")).with(Remedy::Remove)))
}

/// Why what is there keeps its identity, if it does: if the user named exactly it, a link or a device stays one, and
/// other names of a file see the change; and so does what cannot be replaced. What is found in a directory is replaced: a
/// link that somebody put there leads nowhere, and a file's other names keep what they have.
fn keeps_its_identity(plan: &CopyPlan, there: &ExistingTarget) -> Option<Reason> {
    let existing = &there.attributes;
    let is_regular = existing.kind == FileKind::RegularFile;
    if plan.existing.remove || plan.method == Method::HardLink {
        return None;
    }
    if plan.method == Method::AttributesOnly {
        let stays = is_regular || (there.is_exact && existing.kind == FileKind::Symlink);
        return stays.then_some(Reason::AttributesOnly);
    }
    // What is to be backed up keeps its content, under another name; a device is not renamed.
    if plan.existing.backup != Backup::None && (is_regular || existing.kind == FileKind::Symlink) {
        return None;
    }
    let reasons = [
        (is_regular && plan.existing.in_place, Reason::Asked),
        (is_regular && there.is_kept, Reason::Unreplaceable),
        (is_regular && existing.links > 1 && (there.is_exact || !plan.keep.links), Reason::OtherNames),
        (there.is_exact && !is_regular, Reason::NotRegular),
    ];
    reasons.into_iter().find_map(|(holds, why)| holds.then_some(why))
}

/// Writes to what is there: to the end of the link, if it is one.
fn write_in_place(plan: &CopyPlan, source: &Attributes, there: &ExistingTarget, reason: Reason) -> Decision {
    let end = match there.end {
        None => there.attributes,
        Some(Ok(end)) => end,
        Some(Err(Errno::NOENT)) => return Err(Refusal::write("it is a symbolic link that leads nowhere")),
        Some(Err(errno)) => {
            return Err(Refusal { operation: "examine", side: Side::Target, cause: Cause::System(errno) });
        }
    };
    if end.is_same_file(source) {
        return Err(Refusal::copy(SAME_FILE));
    }
    if plan.method == Method::AttributesOnly && end.kind != FileKind::RegularFile {
        let why = format!("it is {}, and only attributes of files are copied", describe(end.kind));
        return Err(Refusal::write(why));
    }
    Ok(Action::WriteInPlace(end, reason))
}

/// Whether a file beside which none can be made, for this reason, can still be given another content, as cp does.
pub(super) fn falls_back_to_writing_in_place(plan: &CopyPlan, existing: &Attributes, errno: Errno) -> bool {
    let Existing { remove, backup, .. } = &plan.existing;
    let is_possible = existing.kind == FileKind::RegularFile && !remove && *backup == Backup::None;
    is_possible && plan.method == Method::Copy && matches!(errno, Errno::ACCESS | Errno::PERM)
}

impl Source {
    /// The special file that the user named, itself or by a symbolic link, and that is not read.
    fn named_special(&self, plan: &CopyPlan) -> Option<FileKind> {
        let kind = self.end.unwrap_or(self.attributes).kind;
        let is_copied = matches!(plan.method, Method::Copy | Method::AttributesOnly);
        (self.is_named && is_copied && is_special(kind) && !is_read(plan, self.attributes.kind)).then_some(kind)
    }

    /// Whether a special file of the same kind has all that is kept of the source.
    fn has_all_kept_by(&self, plan: &CopyPlan, existing: &Attributes) -> bool {
        let (source, keep) = (&self.attributes, &plan.keep);
        let keeps_owner = keep.keeps_owner() && self.user_is_root;
        (!keep.mode || source.mode == existing.mode)
            && (!keeps_owner || (source.uid, source.gid) == (existing.uid, existing.gid))
            && (!keep.times || source.mtime == existing.mtime)
    }

    /// What there is to say of a special file that the user named and that was copied as what it is.
    pub(super) fn warning(&self, plan: &CopyPlan) -> Option<(String, Option<Remedy>)> {
        let kind = self.named_special(plan).filter(|_| plan.method == Method::Copy)?;
        let remedy = (kind != FileKind::Socket).then_some(Remedy::CopyContents);
        Some((format!("{}, which is copied as it is", self.describe(kind)), remedy))
    }

    fn describe(&self, kind: FileKind) -> String {
        let what = describe(kind);
        if self.end.is_some() { format!("it is a symbolic link to {what}") } else { format!("it is {what}") }
    }
}

/// Whether it is a FIFO, a socket or a device.
pub(super) const fn is_special(kind: FileKind) -> bool {
    matches!(kind, FileKind::Fifo | FileKind::Socket | FileKind::CharacterDevice | FileKind::BlockDevice)
}

/// Whether the bytes of such a source are copied: of any regular file, and of what is special where the plan says so.
pub(super) fn is_read(plan: &CopyPlan, kind: FileKind) -> bool {
    kind == FileKind::RegularFile || (plan.copy_contents && plan.method == Method::Copy && is_special(kind))
}

#[cfg(test)]
mod tests;
