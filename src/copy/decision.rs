//! The facts about an entry: whether it is passed over, and what [`decide`](decide::decide) must know about the rest; and the
//! one point where a dry run and a copy part.

use std::cmp::Ordering;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::io::Errno;

use super::Copier;
use super::decide::{self, Action, ExistingTarget, Refusal, Source};
use super::directory::{Directory, Entry, OpenDirectory, TargetState};
use super::dry_run::{planned_target, tell};
use super::names::{refuse_other_case, was_just_made};
use super::shared::Shared;
use crate::engine::Side;
use crate::error::{Cause, Error, Result};
use crate::plan::Update;
use crate::sys::{Attributes, FileId, FileKind, Sys};
use crate::tree::{is_finished_copy, is_temporary, is_unfinished_tree};

/// Why a directory is not copied that the job itself makes.
pub(super) const IS_THE_COPY: &str = "it is the copy that is being made";

/// What is left to do about an entry.
pub(super) enum Admission {
    /// Nothing: what is there stays, as this action says.
    Skipped(Action),
    /// Nothing: this is a dry run, in which the target would have this identity.
    Told(FileId),
    /// This is to be carried out.
    Apply(Action),
}

/// Decides about the target of a source with these attributes. An entry that is passed over is counted.
pub(super) fn admit(copier: &mut Copier, entry: Entry<'_>, source: &Attributes) -> Result<Admission> {
    let action = decide(copier, entry, source)?;
    if let Some(why) = action.skips() {
        copier.pass_over(|| entry.source_path(), why);
        return Ok(Admission::Skipped(action));
    }
    if copier.dry_run.is_some() {
        return tell(copier, entry, source, action).map(Admission::Told);
    }
    Ok(Admission::Apply(action))
}

/// Decides about the target of a source with these attributes, and asks a person where the plan says so.
pub(super) fn decide(copier: &mut Copier, entry: Entry<'_>, source: &Attributes) -> Result<Action> {
    let (open, directory) = (entry.open, entry.directory());
    if directory.state == TargetState::New {
        return Ok(Action::Create);
    }
    let Some(existing) = existing_target(copier, entry)? else { return Ok(Action::Create) };
    let shared = Arc::clone(&copier.shared);
    if !existing.is_same_file(source) && planned_target(copier, entry).is_none() {
        let sys = &mut copier.worker.sys;
        refuse_other_case(sys, &shared, directory, Some(&open.target), entry.name, entry.new_name)?;
    }
    let (plan, is_exact) = (&shared.plan, directory.origin.is_exact);
    let there = ExistingTarget {
        attributes: existing,
        end: (is_exact && existing.kind == FileKind::Symlink)
            .then(|| copier.worker.sys.stat_through(&open.target, entry.new_name)),
        age: age(copier, open, &existing, source),
        is_resumed: directory.state == TargetState::Resumed,
        was_just_made: was_just_made(&shared, open, entry.new_name),
        is_exact,
        is_kept: open.rules.keeps(&existing, shared.identity.uid),
    };
    // A link's end is not looked at where that decides nothing.
    let source = source_of(copier, entry, source, decide::needs_end(plan, &there));
    let action = decide::decide(plan, &source, Some(&there)).map_err(|refusal| refused(refusal, entry))?;
    let asks = plan.existing.ask && action.changes_what_exists() && !there.is_resumed;
    if asks && !shared.allows_replacing(&entry.target_path()) {
        return Ok(Action::Skip("the answer was no"));
    }
    Ok(action)
}

/// A source as it decides about what is there already.
pub(super) fn source_of(copier: &mut Copier, entry: Entry<'_>, attributes: &Attributes, looks_at_end: bool) -> Source {
    let end = match attributes.kind {
        FileKind::Symlink if looks_at_end => copier.worker.sys.stat_through(&entry.open.source, entry.name).ok(),
        _ => None,
    };
    let user_is_root = copier.shared.identity.uid == 0;
    Source { attributes: *attributes, end, is_named: entry.directory().holds_arguments(), user_is_root }
}

/// What has a target's name.
pub(super) fn existing_target(copier: &mut Copier, entry: Entry<'_>) -> Result<Option<Attributes>> {
    let planned = planned_target(copier, entry);
    if planned.is_some() || entry.directory().is_planned() {
        return Ok(planned);
    }
    match copier.worker.sys.stat_at(&entry.open.target, entry.new_name) {
        Ok(existing) => Ok(Some(existing)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(Error::system("examine", entry.target_path(), errno)),
    }
}

/// The time of what is there compared with that of the source, where the plan goes by it.
fn age(copier: &mut Copier, open: &OpenDirectory, existing: &Attributes, source: &Attributes) -> Ordering {
    let Shared { plan, times, temporary_files, .. } = &*copier.shared;
    if !plan.resume && plan.existing.update != Update::Older {
        return Ordering::Less;
    }
    // A dry run makes no file to see what its file system does with times.
    let site = copier.dry_run.is_none().then(|| open.site(temporary_files));
    times.compare(&mut copier.worker.sys, site, existing, source.mtime)
}

/// A refusal as an error that names the path it is about.
fn refused(Refusal { operation, side, cause }: Refusal, entry: Entry<'_>) -> Error {
    let path = match side {
        Side::Source => entry.source_path(),
        Side::Target => entry.target_path(),
    };
    match cause {
        Cause::System(errno) => Error::system(operation, path, errno),
        cause => Error { operation, path, cause },
    }
}

/// What an entry is: asked for where the file system did not say, and at a link's end where links are followed.
pub(super) fn kind_of(sys: &mut Sys, entry: Entry<'_>, kind: FileKind) -> Result<FileKind> {
    let directory = entry.directory();
    let follows = directory.source.follows_links() && matches!(kind, FileKind::Symlink | FileKind::Unknown);
    if kind != FileKind::Unknown && !follows {
        return Ok(kind);
    }
    let found = entry.examine(sys)?;
    // A link back to where we came from has no end.
    if follows && found.kind == FileKind::Directory && directory.lies_below(&found) {
        let why = "this symbolic link leads to a directory that it lies in";
        return Err(Error::refused("follow", entry.source_path(), why));
    }
    Ok(found.kind)
}

/// Whether an entry is not to be tried at all, which is said where it is not the plan's wish.
pub(super) fn is_passed_over(copier: &mut Copier, entry: Entry<'_>, kind: FileKind) -> bool {
    has_no_room(copier, entry, kind)
        || is_excluded(copier, entry.directory(), entry.name, kind)
        || is_own_tree(copier, entry)
        || is_reserved(copier, entry)
}

/// Whether an entry is not tried, since its target's file system takes no more. But another one may be mounted in a
/// directory that is there.
fn has_no_room(copier: &mut Copier, entry: Entry<'_>, kind: FileKind) -> bool {
    let directory = entry.directory();
    let is_there = |sys: &mut Sys| {
        sys.stat_at(&entry.open.target, entry.new_name).is_ok_and(|there| there.kind == FileKind::Directory)
    };
    copier.worker.is_full(directory.volume.dev())
        && (kind != FileKind::Directory || directory.is_staged() || !is_there(&mut copier.worker.sys))
}

/// Whether the plan's patterns leave an entry out, which is said to those who asked for detail.
fn is_excluded(copier: &mut Copier, directory: &Directory, name: &CStr, kind: FileKind) -> bool {
    let patterns = &copier.shared.plan.exclude;
    if patterns.is_empty() {
        return false;
    }
    let is_directory = kind == FileKind::Directory;
    let name_itself = OsStr::from_bytes(name.to_bytes());
    let excluded = if directory.holds_arguments() {
        patterns.match_name(name_itself, is_directory)
    } else {
        let path = directory.source.path_below(directory.origin.depth).join(name_itself);
        patterns.matches(&path, is_directory)
    };
    if excluded {
        copier.pass_over(|| directory.source_of(name), "it is excluded");
    }
    excluded
}

/// Whether an entry is a tree that this copy is making in its own source, under a temporary name. It is left out as by its
/// final name it would be.
fn is_own_tree(copier: &mut Copier, entry: Entry<'_>) -> bool {
    let directory = entry.directory();
    if !is_unfinished_tree(entry.name) || directory.holds_arguments() {
        return false;
    }
    let found = copier.worker.sys.stat_at(&entry.open.source, entry.name).ok();
    let Some(final_name) = found.and_then(|found| copier.shared.trees.final_name(found.id())) else { return false };
    if !is_excluded(copier, directory, &final_name, FileKind::Directory) {
        copier.worker.fail(Error::refused("copy", directory.source_of(&final_name), IS_THE_COPY));
    }
    true
}

/// Whether an entry has, or would get, a name that stands for what is not finished. That of a temporary file is
/// passed over in a walk, and never a target. That of an unfinished tree could not be told from what we make beside
/// it; in a new tree, where nothing else has such a name, it is as good as any.
fn is_reserved(copier: &mut Copier, entry: Entry<'_>) -> bool {
    let directory = entry.directory();
    let is_walked = directory.source_attributes.get().is_some();
    if is_walked && is_temporary(entry.name) {
        pass_over_temporary(copier, entry);
        return true;
    }
    if is_temporary(entry.new_name) {
        let why = "its name would be that of a temporary file of haul; choose another";
        copier.worker.fail(Error::refused("create", entry.target_path(), why));
        return true;
    }
    let is_refused = is_walked && directory.state == TargetState::Merged && is_unfinished_tree(entry.name);
    if is_refused {
        let why = "its name is that of an unfinished copy; rename it, or copy it by its name";
        copier.worker.fail(Error::refused("copy", entry.source_path(), why));
    }
    is_refused
}

/// Passes over a temporary file. One that is a finished copy must not be missed.
fn pass_over_temporary(copier: &mut Copier, entry: Entry<'_>) {
    let (worker, path) = (&mut copier.worker, entry.source_path());
    if worker.sys.stat_at(&entry.open.source, entry.name).is_ok_and(|found| is_finished_copy(&found)) {
        let why = "it is a finished copy that could not get its name; rename it";
        return worker.fail(Error::refused("copy", path, why));
    }
    worker.warn(path, "passed over: its name is that of a temporary file of haul; copy it by another name");
    worker.summary.skipped += 1;
}
