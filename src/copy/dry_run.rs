//! `--dry-run`: what would be there by now, and the sentences that say what would become of sources.
//!
//! The worker's `Sys` refuses calls that change anything, whatever is overlooked here. A directory that would be made is
//! not there to be opened: a descriptor in which no name is found stands for it. Where one source may meet what another has
//! become, it is remembered what would be there.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::CWD;
use rustix::io::Errno;

use super::Copier;
use super::decide::{Action, DONE, Reason, falls_back_to_writing_in_place, is_read};
use super::directory::{Directory, Entry, Subdirectory, TargetState};
use super::file_copy::WRITTEN_UNDER_ANOTHER_NAME;
use super::names::{FinalName, note_target};
use super::staged::{find_unfinished, is_reopened};
use crate::error::{Error, Quoted, Result};
use crate::plan::Method;
use crate::sys::{Attributes, FileId, FileKind, Sys};
use crate::tree::DirectoryPath;

/// A device on which nothing lies: identities of what would be made.
const NO_DEVICE: (u32, u32) = (u32::MAX, u32::MAX);
/// Every name in it is looked up in vain (ENOTDIR).
const NOWHERE: &CStr = c"/dev/null";

/// What a dry run would have made so far.
pub(super) struct DryRun {
    /// By path. Only where sources may collide; a directory has the attributes of something else but for kind and identity.
    made: HashMap<PathBuf, Attributes>,
    last_inode: u64,
    anything: Attributes,
}

impl DryRun {
    /// Nothing yet.
    pub(super) fn new(sys: &mut Sys) -> Result<Self> {
        let anything = sys.stat_at(CWD, c".").map_err(|errno| Error::system("examine", ".", errno))?;
        Ok(Self { made: HashMap::new(), last_inode: 0, anything })
    }

    /// What would be at this path.
    pub(super) fn made(&self, path: &Path) -> Option<Attributes> {
        self.made.get(path).copied()
    }

    fn new_id(&mut self) -> FileId {
        self.last_inode += 1;
        (NO_DEVICE, self.last_inode)
    }

    fn remember(&mut self, path: PathBuf, attributes: &Attributes, (dev, ino): FileId) {
        self.made.insert(path, Attributes { dev, ino, ..*attributes });
    }
}

/// The identity of a directory that would be made; it is found when its path comes again.
pub(super) fn plan_target_directory(copier: &mut Copier, target: &DirectoryPath) -> Option<FileId> {
    let dry_run = copier.dry_run.as_mut()?;
    let id = dry_run.new_id();
    if copier.shared.notes_names {
        let directory = Attributes { kind: FileKind::Directory, ..dry_run.anything };
        dry_run.remember(target.to_path_buf(), &directory, id);
    }
    Some(id)
}

/// What would have a target's name by now.
pub(super) fn planned_target(copier: &Copier, entry: Entry<'_>) -> Option<Attributes> {
    copier.dry_run.as_ref().and_then(|dry_run| dry_run.made(&entry.target_path()))
}

/// Opens what stands for a directory that would be made.
pub(super) fn open_nowhere(sys: &mut Sys) -> Result<OwnedFd> {
    let nowhere = sys.open_itself(CWD, NOWHERE);
    nowhere.map_err(|errno| Error::system("open", Path::new("/dev/null"), errno))
}

/// A directory whose target is not in the one above: it would be made there.
pub(super) fn plan_directory(copier: &mut Copier, subdirectory: &Subdirectory<'_>) -> Result<Directory> {
    let above = subdirectory.above;
    if !above.is_planned() {
        let allowed = *above.may_make_names.get_or_init(|| {
            let opened = above.target.open_to_search(&mut copier.worker.sys)?;
            let found = copier.worker.sys.fstat(&opened)?;
            may_make_names(copier, &opened, &found)?;
            copier.worker.sys.close(opened)
        });
        allowed.map_err(|errno| subdirectory.failed(errno))?;
    }
    let target = subdirectory.target();
    let planned = plan_target_directory(copier, &target);
    let creator = copier.shared.identity.unknown_creator();
    Ok(Directory { state: TargetState::New, planned, creator, ..subdirectory.with(target) })
}

/// A tree that would be made, or an unfinished one that would be continued, which is found as it is.
pub(super) fn plan_tree(copier: &mut Copier, subdirectory: &Subdirectory<'_>) -> Result<Directory> {
    let Some(temporary) = find_unfinished(copier, subdirectory)? else { return plan_directory(copier, subdirectory) };
    let what = || "would be continued where an earlier copy ended".to_owned();
    copier.worker.note(|| (subdirectory.target_path(), what()));
    let target = subdirectory.above.target.staged(temporary, subdirectory.new_name);
    Ok(Directory { state: TargetState::Resumed, ..subdirectory.with(target) })
}

/// A directory whose target would be there by now, or would be something else; `None` if nothing would.
pub(super) fn merge_planned(copier: &mut Copier, subdirectory: &Subdirectory<'_>) -> Result<Option<Directory>> {
    let Some(dry_run) = &copier.dry_run else { return Ok(None) };
    match dry_run.made(&subdirectory.target_path()) {
        Some(found) if found.kind == FileKind::Directory => {
            let (state, planned) = (TargetState::Merged, Some(found.id()));
            Ok(Some(Directory { state, planned, ..subdirectory.with(subdirectory.target()) }))
        }
        Some(found) => Err(subdirectory.refused(&found)),
        None if subdirectory.above.is_planned() => plan_directory(copier, subdirectory).map(Some),
        None => Ok(None),
    }
}

/// Whether targets could be made in an open directory with these attributes.
pub(super) fn may_make_names(copier: &mut Copier, directory: &OwnedFd, found: &Attributes) -> rustix::io::Result<()> {
    if is_reopened(&copier.shared, found) { Ok(()) } else { copier.worker.sys.may_make_names(directory) }
}

/// Says that a directory would be made.
pub(super) fn tell_made(copier: &Copier, source: PathBuf, target: &DirectoryPath) {
    copier.worker.note(|| (source, format!("would be made as {}", Quoted(&target.to_path_buf()))));
}

/// Says what a decision would lead to, counts it, and returns the identity that the target would have. An error is what
/// can be known to fail.
pub(super) fn tell(copier: &mut Copier, entry: Entry<'_>, source: &Attributes, action: Action) -> Result<FileId> {
    let action = allowed(copier, entry, action)?;
    if matches!(action, Action::Replace(_)) {
        FinalName::new(entry, source, action).find_backup(&mut copier.worker.sys, &copier.shared)?;
    }
    let target = entry.target_path();
    if let Action::AlreadyDone(existing) = action {
        if planned_target(copier, entry).is_none() {
            let sys = &mut copier.worker.sys;
            let opened = sys.open_source(&entry.open.target, entry.new_name).and_then(|file| sys.close(file));
            opened.map_err(|errno| Error::system("examine", &target, errno))?;
        }
        copier.pass_over(|| entry.source_path(), DONE);
        return Ok(existing.id());
    }
    let what = match action {
        Action::SetAttributes(_) | Action::WriteInPlace(_, Reason::AttributesOnly) => {
            count(copier, source);
            format!("would give its attributes to {}", Quoted(&target))
        }
        _ => format!("would be {} {}", count(copier, source), Quoted(&target)),
    };
    let asked = if copier.shared.plan.existing.ask { ", if the answer is yes," } else { "" };
    let (id, and) = match action {
        Action::Replace(_) => (None, format!("{asked} and replace what is there")),
        Action::WriteInPlace(end, Reason::AttributesOnly) => (Some(end.id()), String::new()),
        Action::WriteInPlace(end, why) => (Some(end.id()), format!("{asked} and be written in place: {}", why.text())),
        Action::SetAttributes(existing) => (Some(existing.id()), String::new()),
        _ => (None, String::new()),
    };
    let id = if copier.shared.plan.method == Method::HardLink { Some(source.id()) } else { id };
    copier.worker.note(|| (entry.source_path(), format!("{what}{and}")));
    Ok(remember_planned(copier, entry, source, id))
}

/// Says that a name would be linked to the copy with this identity, and counts it.
pub(super) fn tell_link(
    copier: &mut Copier,
    entry: Entry<'_>,
    source: &Attributes,
    action: Action,
    copy: FileId,
) -> Result<()> {
    allowed(copier, entry, action)?;
    copier.worker.summary.links += 1;
    let target = entry.target_path();
    let what = || format!("would be linked to its copy, as {}", Quoted(&target));
    copier.worker.note(|| (entry.source_path(), what()));
    remember_planned(copier, entry, source, Some(copy));
    Ok(())
}

/// Remembers what would have a target's name, with this identity or one of its own.
fn remember_planned(copier: &mut Copier, entry: Entry<'_>, source: &Attributes, id: Option<FileId>) -> FileId {
    note_target(&copier.shared, entry.open, entry.new_name);
    let notes_names = copier.shared.notes_names;
    let Some(dry_run) = &mut copier.dry_run else { return source.id() };
    let id = id.unwrap_or_else(|| dry_run.new_id());
    if notes_names {
        dry_run.remember(entry.target_path(), source, id);
    }
    id
}

/// The decision that is left where rights are missing: a file that cannot be replaced may be written in place.
fn allowed(copier: &mut Copier, entry: Entry<'_>, action: Action) -> Result<Action> {
    let (plan, directory) = (Arc::clone(&copier.shared.plan), entry.directory());
    let known = directory.may_make_names.get().filter(|_| directory.state == TargetState::Merged);
    let denied = known.and_then(|known| known.err());
    match (action, denied) {
        (Action::Replace(existing), Some(errno)) if falls_back_to_writing_in_place(&plan, &existing, errno) => {
            allowed(copier, entry, Action::WriteInPlace(existing, Reason::Unreplaceable))
        }
        (Action::Create | Action::Replace(_), Some(errno)) => Err(Error::system("create", entry.target_path(), errno)),
        (Action::WriteInPlace(end, why), _) => {
            let is_regular = end.kind == FileKind::RegularFile;
            if is_regular && !copier.shared.targets.take(end.id(), b"") {
                return Err(Error::refused("write", entry.target_path(), WRITTEN_UNDER_ANOTHER_NAME));
            }
            let (sys, target, name) = (&mut copier.worker.sys, &entry.open.target, entry.new_name);
            let reads = plan.method == Method::AttributesOnly || (plan.verify && is_regular);
            let may_read = if reads { sys.may_read(target, name) } else { Ok(()) };
            let writes = plan.method != Method::AttributesOnly;
            match may_read.and_then(|()| if writes { sys.may_write(target, name) } else { Ok(()) }) {
                Err(Errno::ACCESS | Errno::PERM) if plan.existing.force && why != Reason::Unreplaceable => {
                    allowed(copier, entry, Action::Replace(end))
                }
                other => other.map(|()| action).map_err(|errno| Error::system("open", entry.target_path(), errno)),
            }
        }
        _ => Ok(action),
    }
}

/// What would become of a source; counts it.
fn count(copier: &mut Copier, source: &Attributes) -> &'static str {
    let summary = &mut copier.worker.summary;
    match (copier.shared.plan.method, source.kind) {
        (Method::HardLink, _) => {
            summary.links += 1;
            "linked to"
        }
        (Method::Symlink, _) => {
            summary.others += 1;
            "what a symbolic link leads to from"
        }
        (method, kind) if is_read(&copier.shared.plan, kind) => {
            summary.files += 1;
            summary.source_bytes += if method == Method::Copy { source.size } else { 0 };
            "copied to"
        }
        _ => {
            summary.others += 1;
            "made as"
        }
    }
}
