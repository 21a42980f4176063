//! The copy of one directory: its target, which is made or merged with what is there; both sides, which are opened before it is
//! read; and what is left to do when all below is done.
//!
//! The last task to give up its hold on a directory sets owner, mode and times, gives a staged tree its final name, and goes
//! on with the directory above.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;

use super::attributes::{has_extended, keep_attributes_of_directory, make_ours, report};
use super::decision::IS_THE_COPY;
use super::directory::{Directory, Entry, OpenDirectory, SourceAttributes, Subdirectory, TargetState};
use super::dry_run::{may_make_names, merge_planned, open_nowhere, plan_directory, plan_tree, tell_made};
use super::names::refuse_other_case;
use super::staged::{
    begin_tree, clear_stale_directory, make_directory, reconcile, reopen_finished, take_over_directory,
};
use super::{Copier, Task};
use crate::engine::Volume;
use crate::error::{Error, Result};
use crate::plan::Durable;
use crate::pool::Handle;
use crate::sys::FileKind;
use crate::tree::extended::has_default_acl;
use crate::tree::path::{open_named, search_only};
use crate::tree::{Class, DirectoryPath, DirectoryRules, Root, StagedTree, Trouble, remove_abandoned};

/// A directory, and its target's descriptor if that had to be opened.
pub(super) type FoundDirectory = (Directory, Option<OwnedFd>);
/// The descriptors of a source directory and its target.
type Sides = (OwnedFd, OwnedFd);

/// Makes a directory's target where that is ours alone, and hands the directory on.
pub(super) fn hand_on(copier: &mut Copier, entry: Entry<'_>, handle: &mut Handle<'_, Task>) -> Result<()> {
    let above = entry.directory();
    let state = match above.state {
        TargetState::Merged => TargetState::Merged,
        TargetState::New => make_directory(copier, entry, false)?,
        TargetState::Resumed => take_over_directory(copier, entry)?,
    };
    let above = Arc::clone(above);
    if entry.name == entry.new_name {
        handle.offer(Task::Directory(above, entry.name.to_owned(), state));
    } else {
        copier.enter(above, entry.name, entry.new_name, state, handle);
    }
    Ok(())
}

/// A directory that was found in another, with the target that it goes into.
pub(super) fn find(copier: &mut Copier, subdirectory: &Subdirectory<'_>, state: TargetState) -> Result<FoundDirectory> {
    match state {
        TargetState::New if copier.dry_run.is_some() => Ok((plan_directory(copier, subdirectory)?, None)),
        TargetState::New | TargetState::Resumed => {
            Ok((Directory { state, ..subdirectory.with(subdirectory.target()) }, None))
        }
        TargetState::Merged => merge(copier, subdirectory),
    }
}

/// A directory whose target may be there already.
pub(super) fn merge(copier: &mut Copier, subdirectory: &Subdirectory<'_>) -> Result<FoundDirectory> {
    if let Some(planned) = merge_planned(copier, subdirectory)? {
        return Ok((planned, None));
    }
    let Subdirectory { above, name, new_name, .. } = *subdirectory;
    let target = subdirectory.target();
    let (sys, shared) = (&mut copier.worker.sys, &copier.shared);
    match target.open_to_search(sys) {
        Ok(opened) => {
            let volume =
                Volume::of(sys, &opened).map_err(|errno| Error::system("examine", target.to_path_buf(), errno))?;
            refuse_other_case(sys, shared, above, None, name, new_name)?;
            if volume.dev() != above.volume.dev() {
                shared.volumes.note(volume.dev(), &target);
            }
            let creator = shared.identity.unknown_creator();
            Ok((Directory { volume, creator, ..subdirectory.with(target) }, Some(opened)))
        }
        Err(Errno::NOENT) if copier.dry_run.is_some() => Ok((plan_tree(copier, subdirectory)?, None)),
        Err(Errno::NOENT) => match begin_tree(copier, subdirectory)? {
            Some(directory) => Ok((directory, None)),
            // It is there now, under its final name.
            None => merge(copier, subdirectory),
        },
        Err(Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => Ok((merge_into_link(copier, subdirectory)?, None)),
        Err(errno) => Err(Error::system("open", target.to_path_buf(), errno)),
    }
}

/// The name of a directory's target is taken by something else; at most a link to a directory will do.
fn merge_into_link(copier: &mut Copier, subdirectory: &Subdirectory<'_>) -> Result<Directory> {
    let Subdirectory { above, new_name, .. } = *subdirectory;
    let failed = |errno| subdirectory.failed(errno);
    let (sys, shared) = (&mut copier.worker.sys, &copier.shared);
    let directory = above.target.open_to_search(sys).map_err(failed)?;
    let existing = sys.stat_at(&directory, new_name).map_err(failed)?;
    if existing.kind != FileKind::Symlink || !shared.plan.existing.keep_directory_symlink {
        return Err(subdirectory.refused(&existing));
    }
    let led = open_named(sys, &directory, new_name).map_err(failed)?;
    let target = DirectoryPath::root(Root::new(led, subdirectory.target_path()));
    sys.close(directory).map_err(failed)?;
    let volume = target.open_to_search(sys).and_then(|opened| Volume::of(sys, &opened)).map_err(failed)?;
    shared.volumes.note(volume.dev(), &target);
    Ok(Directory { volume, creator: shared.identity.unknown_creator(), ..subdirectory.with(target) })
}

/// Opens both sides of a directory and makes the target ready; `None` if that failed, which was reported.
pub(super) fn begin(copier: &mut Copier, (directory, target): FoundDirectory) -> Option<Arc<OpenDirectory>> {
    copier.writes_to(&directory);
    let directory = Arc::new(directory);
    let opened = open_sides(copier, &directory, target).and_then(|sides| open(copier, &directory, sides));
    let is_denied = opened.as_ref().is_err_and(|error| error.errno() == Some(Errno::ACCESS));
    let Some(open) = copier.worker.check(opened) else {
        give_up(copier, directory, is_denied);
        return None;
    };
    if directory.would_be_made() {
        tell_made(copier, directory.source.to_path_buf(), &directory.target);
    }
    if copier.dry_run.is_some() {
        return Some(open);
    }
    match directory.state {
        TargetState::New => {}
        TargetState::Resumed => {
            let reconciled = reconcile(&mut copier.worker.sys, &open);
            if copier.worker.check(reconciled).is_none() {
                directory.leave_unfinished();
            }
        }
        TargetState::Merged => tidy(copier, &directory.target, &open.target),
    }
    Some(open)
}

/// Removes from a target directory the temporary files that killed runs left there.
pub(super) fn tidy(copier: &mut Copier, target: &DirectoryPath, directory: &OwnedFd) {
    // A directory that cannot be read is left as it is; that is not a failure.
    let removed = remove_abandoned(&mut copier.worker.sys, directory, &mut copier.names).unwrap_or_default();
    for name in removed {
        copier.worker.note(|| (target.join(&name), "removed: a killed run left it".to_owned()));
    }
}

/// Opens both sides; refuses sources that this copy itself is making, and targets that are the source.
fn open_sides(copier: &mut Copier, directory: &Directory, target: Option<OwnedFd>) -> Result<Sides> {
    let sys = &mut copier.worker.sys;
    let from = |errno| Error::system("open", directory.source.to_path_buf(), errno);
    let to = |errno| Error::system("open", directory.target.to_path_buf(), errno);
    let source = directory.source.open(sys).map_err(from)?;
    let attributes = sys.fstat(&source).map_err(from)?;
    let target = match target {
        Some(target) => target,
        None if directory.is_planned() => open_nowhere(sys)?,
        None => directory.target.open_to_search(sys).map_err(to)?,
    };
    if directory.creator.inherits_acl && directory.staged.is_none() && directory.state == TargetState::New {
        make_ours(sys, &target, 0o700);
    }
    let may_be_source = directory.state == TargetState::Merged || directory.staged.is_some();
    if may_be_source && !directory.is_planned() {
        let made = sys.fstat(&target).map_err(to)?;
        if made.is_same_file(&attributes) {
            let why = "source and target are the same directory";
            return Err(Error::refused("copy", directory.source.to_path_buf(), why));
        }
        if directory.staged.is_some() {
            let name = directory.target.above().map(|(_, name)| name).unwrap_or_default();
            copier.shared.trees.note(made.id(), name);
        }
    }
    if copier.shared.trees.contain(attributes.id()) {
        return Err(Error::refused("copy", directory.source.to_path_buf(), IS_THE_COPY));
    }
    let has_extended = has_extended(copier, &source, &directory.source)?;
    let _ = directory.source_attributes.set(SourceAttributes { attributes, has_extended });
    Ok((source, target))
}

/// An open directory, with all that files made in it need to know. In a staged tree they belong to its owner:
/// what is made there inherits the same.
pub(super) fn open(
    copier: &mut Copier,
    directory: &Arc<Directory>,
    (source, target): Sides,
) -> Result<Arc<OpenDirectory>> {
    let shared = Arc::clone(&copier.shared);
    let mut open = OpenDirectory {
        directory: Arc::clone(directory),
        source,
        target: Arc::new(target),
        creator: directory.creator,
        rules: DirectoryRules::default(),
        target_id: directory.planned.filter(|_| shared.notes_names),
    };
    let is_merged = directory.state == TargetState::Merged;
    if directory.is_planned() || !(is_merged || shared.notes_names) {
        return Ok(Arc::new(open));
    }
    let made = copier.worker.sys.fstat(&*open.target);
    let made = made.map_err(|errno| Error::system("examine", directory.target.to_path_buf(), errno))?;
    open.target_id = shared.notes_names.then(|| made.id());
    if is_merged {
        if copier.dry_run.is_some() {
            let _ = directory.may_make_names.set(may_make_names(copier, &open.target, &made));
        } else {
            reopen_finished(&mut copier.worker.sys, &shared, &open.target, &made);
        }
        open.creator = shared.identity.creating_in(&made);
        open.rules = DirectoryRules::of(&made, shared.identity.uid);
        open.creator.inherits_acl = has_default_acl(&mut copier.worker.sys, &*open.target);
    }
    Ok(Arc::new(open))
}

/// A directory that cannot be read: a staged tree is taken away, another stays empty, and what is above it can
/// be finished. What an earlier copy made stays for the next one. One in a tree that only may not be read is made,
/// empty, with all that is kept of it, as with cp; of a new tree whose top may not be read, there is nothing to make.
fn give_up(copier: &mut Copier, directory: Arc<Directory>, is_denied: bool) {
    let is_new = directory.staged.is_some() || directory.would_be_made();
    let is_tree = is_new && directory.parent.0.as_deref().is_none_or(Directory::holds_arguments);
    if is_denied && !is_tree && directory.state != TargetState::Resumed && see_unread(copier, &directory) {
        if directory.would_be_made() {
            tell_made(copier, directory.source.to_path_buf(), &directory.target);
        }
        return release_directory(copier, directory, None);
    }
    if let Some(mut directory) = Arc::into_inner(directory) {
        let sys = &mut copier.worker.sys;
        match directory.staged.take_if(|_| directory.state != TargetState::Resumed) {
            Some(staged) => staged.abandon(sys),
            None => clear_stale_directory(sys, &directory),
        }
        if let Some(above) = directory.parent.0.take() {
            release_directory(copier, above, None);
        }
    }
}

/// Looks at a source directory that may not be read; says whether it is one.
fn see_unread(copier: &mut Copier, directory: &Directory) -> bool {
    let sys = &mut copier.worker.sys;
    if !matches!(directory.source.open(sys), Err(Errno::ACCESS)) {
        return false;
    }
    let seen = directory.source.open_to_search(sys).and_then(|opened| {
        let attributes = sys.fstat(&opened);
        sys.close(opened).and(attributes)
    });
    let has_extended = true;
    seen.is_ok_and(|attributes| directory.source_attributes.set(SourceAttributes { attributes, has_extended }).is_ok())
}

/// Gives up a task's hold on an open directory; the last to do so finishes it.
pub(super) fn release(copier: &mut Copier, open: Arc<OpenDirectory>) {
    let Some(OpenDirectory { directory, source, target, .. }) = Arc::into_inner(open) else { return };
    let _ = copier.worker.sys.close(source);
    // A file's `TemporaryFile` may still hold the target's descriptor; then it closes with that.
    release_directory(copier, directory, Arc::into_inner(target));
}

/// Gives up a hold on a directory, and on those above it, as far as this was the last.
pub(super) fn release_directory(copier: &mut Copier, directory: Arc<Directory>, target: Option<OwnedFd>) {
    // The work at hand goes on where it was.
    let volume = copier.worker.volume();
    finish_upwards(copier, directory, target);
    copier.worker.return_to(volume);
}

fn finish_upwards(copier: &mut Copier, directory: Arc<Directory>, mut target: Option<OwnedFd>) {
    let mut current = Some(directory);
    while let Some(mut directory) = current.and_then(Arc::into_inner) {
        // Asked again for each: whoever gave up its hold before us may have done so without doing its work, and then
        // the job was halted before. Something below is missing: dropped, a staged tree keeps its temporary name.
        if copier.worker.is_halted() {
            return;
        }
        if copier.worker.is_full(directory.volume.dev()) {
            // The same holds; but those above may lie in another file system.
            if let Some(target) = target.take() {
                let _ = copier.worker.sys.close(target);
            }
            current = directory.parent.0.take();
            continue;
        }
        if copier.dry_run.is_none() {
            copier.writes_to(&directory);
            let mode = finish(copier, &directory, target.take());
            // Dropped, one that is not to be finished keeps its temporary name.
            if let Some(staged) = directory.staged.take().filter(StagedTree::is_finished) {
                finish_tree(copier, &directory, staged, mode.unwrap_or(0o700));
            }
        }
        copier.worker.summary.directories += u64::from(directory.source_attributes.get().is_some());
        current = directory.parent.0.take();
    }
    if let Some(target) = target {
        let _ = copier.worker.sys.close(target);
    }
}

/// Gives a staged tree its mode and its final name.
fn finish_tree(copier: &mut Copier, directory: &Directory, staged: StagedTree, mode: u32) {
    let path = || directory.target.to_path_buf();
    let named = staged.finish(&mut copier.worker.sys, mode, copier.shared.plan.durable == Durable::File);
    let named = named.map_err(|errno| Error::system("give its final name to", path(), errno));
    let Some(finished) = copier.worker.check(named) else { return };
    if let Err(errno) = finished.mode {
        let reported = report(copier, &[Trouble::new("set", Class::Mode, errno)], path);
        copier.worker.check(reported);
    }
    copier.worker.check(finished.durable.map_err(|errno| Error::system("sync", path(), search_only(errno))));
}

/// Sets a directory's owner, attributes, mode and times, now that nothing will be made in it any more, as far as that
/// can be done. A staged tree gets its mode with its name: then that is returned.
pub(super) fn finish(copier: &mut Copier, directory: &Directory, target: Option<OwnedFd>) -> Option<u32> {
    let failed = |operation| move |errno| Error::system(operation, directory.target.to_path_buf(), search_only(errno));
    let sys = &mut copier.worker.sys;
    let Some(found) = directory.source_attributes.get() else {
        let closed = target.map_or(Ok(()), |target| sys.close(target));
        copier.worker.check(closed.map_err(failed("close")));
        return None;
    };
    let target = target.map_or_else(|| directory.target.open_to_search(sys), Ok);
    let target = copier.worker.check(target.map_err(failed("set times and mode of")))?;
    let (mode, lost) = keep_attributes_of_directory(copier, directory, found, &target);
    let reported = report(copier, &lost, || directory.target.to_path_buf());
    let worker = &mut copier.worker;
    worker.check(reported);
    let is_durable = copier.shared.plan.durable == Durable::File;
    let synced = if is_durable { worker.sys.fsync(&target) } else { Ok(()) };
    let closed = worker.sys.close(target);
    worker.check(synced.and(closed).map_err(failed("sync")));
    directory.staged.is_some().then_some(mode)
}
