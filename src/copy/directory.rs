//! A directory on its way: its target, which is made or merged with what is there, and finishing it when all below is done.
//!
//! Nobody counts what is pending: every task below a directory holds an `Arc` of it and gives it up with
//! `Arc::into_inner`, which hands the directory itself to exactly one of them, the last. That one sets owner, mode and
//! times, gives a staged tree its final name, and goes on with the directory above.

use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustix::io::Errno;

use super::folding::Spellings;
use super::{Copier, Task};
use crate::engine::Volume;
use crate::error::{Error, Result};
use crate::plan::Durable;
use crate::pool::Handle;
use crate::sys::{Attributes, Creator, FileId, FileKind};
use crate::tree::extended::Class;
use crate::tree::metadata::describe;
use crate::tree::path::{open_named, search_only};
use crate::tree::{DirectoryRules, Place, Root, StagedTree, Trouble};

/// A directory on its way.
pub(super) struct Directory {
    pub(super) source: Arc<Place>,
    pub(super) target: Arc<Place>,
    pub(super) parent: Above,
    /// The source's, once it was opened; never set for the directory that arguments lie in.
    pub(super) source_seen: OnceLock<Seen>,
    pub(super) state: TargetState,
    /// In a dry run, the identity of a target that would have to be made; `None` for one that is there.
    pub(super) planned: Option<FileId>,
    /// The tree under a temporary name, if this is its top.
    pub(super) staged: Option<StagedTree>,
    pub(super) volume: Volume,
    /// Who the target belongs to before its attributes are set.
    pub(super) creator: Creator,
    pub(super) origin: Origin,
    /// See the type.
    pub(super) spellings: Spellings,
}

/// What was found when a source directory was opened.
pub(super) struct Seen {
    pub(super) attributes: Attributes,
    pub(super) has_extended: bool,
}

/// What the target of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetState {
    /// Ours and new, in a tree under a temporary name, where nobody but us makes files.
    New,
    /// The same, begun by an earlier copy: what is in it may be done.
    Resumed,
    /// It may be there already, and be anybody's: what is in the source is merged into it.
    Merged,
}

/// The source that a directory was found under.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    /// Names between the root of its places and the directory that patterns are relative to.
    pub(super) depth: usize,
    /// The device that directory lies on, once it is known.
    pub(super) device: Option<(u32, u32)>,
    /// Whether this is the directory that an argument lies in, and its target the one the user named exactly.
    pub(super) is_exact: bool,
}

/// A directory above; the chain is dropped link by link, since a deep one would exhaust the stack.
#[derive(Default)]
pub(super) struct Above(pub(super) Option<Arc<Directory>>);

impl Above {
    pub(super) const fn new(directory: Arc<Directory>) -> Self {
        Self(Some(directory))
    }
}

impl Drop for Above {
    fn drop(&mut self) {
        let mut above = self.0.take();
        while let Some(mut directory) = above.and_then(Arc::into_inner) {
            above = directory.parent.0.take();
        }
    }
}

/// A directory being read, with both sides open. It closes when the last task that needs it gives it up.
pub(super) struct Open {
    pub(super) directory: Arc<Directory>,
    pub(super) source: OwnedFd,
    pub(super) target: Arc<OwnedFd>,
    /// Who files made in the target will belong to.
    pub(super) creator: Creator,
    /// What the target means for the names of files made in it.
    pub(super) rules: DirectoryRules,
    /// The target's identity, where the target registry needs it.
    pub(super) target_id: Option<FileId>,
    /// In a dry run, why nothing can be made in the target.
    pub(super) denied: Option<Errno>,
}

impl Directory {
    /// The same target for another source: what is in `source` goes into it.
    pub(super) fn merging(&self, source: Arc<Place>) -> Self {
        Self {
            source,
            target: Arc::clone(&self.target),
            parent: Above::default(),
            source_seen: OnceLock::new(),
            state: self.state,
            planned: self.planned,
            staged: None,
            volume: self.volume.clone(),
            creator: self.creator,
            origin: Origin { is_exact: false, device: self.device(), ..self.origin },
            spellings: Spellings::new(),
        }
    }

    /// The device of the directory that was named.
    fn device(&self) -> Option<(u32, u32)> {
        self.origin.device.or_else(|| self.source_seen.get().map(|seen| seen.attributes.dev))
    }

    /// Whether it is the directory that an argument lies in: what is in it was named by the user.
    pub(super) fn holds_arguments(&self) -> bool {
        self.parent.0.is_none() && self.source_seen.get().is_none()
    }

    /// Whether names in the target that differ in case only are one name, as was found out.
    pub(super) fn folds_names(&self) -> bool {
        self.spellings.get().is_some_and(Option::is_some)
    }

    /// Whether the target lies in a tree under a temporary name.
    pub(super) fn is_staged(&self) -> bool {
        self.state != TargetState::Merged
    }

    /// Nobody knows what of this source is missing in a tree that is continued: that tree stays under its temporary name.
    pub(super) fn leave_unfinished(&self) {
        let mut here = Some(self).filter(|directory| directory.state == TargetState::Resumed);
        while let Some(directory) = here {
            if let Some(staged) = &directory.staged {
                return staged.leave_unfinished();
            }
            here = directory.parent.0.as_deref();
        }
    }

    /// The path of an entry's source, for messages.
    pub(super) fn source_of(&self, name: &CStr) -> PathBuf {
        self.source.path_of(name)
    }

    /// The path of an entry's target, for messages.
    pub(super) fn target_of(&self, name: &CStr) -> PathBuf {
        self.target.path_of(name)
    }

    /// Whether the source, or one above it as far as this copy went, is the directory with these attributes.
    pub(super) fn lies_below(&self, attributes: &Attributes) -> bool {
        let mut here = Some(self);
        while let Some(directory) = here {
            if directory.source_seen.get().is_some_and(|seen| seen.attributes.is_same_file(attributes)) {
                return true;
            }
            here = directory.parent.0.as_deref();
        }
        false
    }
}

impl Copier {
    /// Makes a directory's target where that is ours alone, and hands the directory on.
    pub(super) fn directory(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        handle: &mut Handle<'_, Task>,
    ) -> Result<()> {
        let above = &open.directory;
        let state = match above.state {
            TargetState::Merged => TargetState::Merged,
            // It is told when its turn comes.
            TargetState::New if self.shared.plan.dry_run => TargetState::New,
            TargetState::New => self.make_new_directory(open, new_name)?,
            TargetState::Resumed => self.take_over_directory(open, name, new_name)?,
        };
        if name == new_name {
            handle.offer(Task::Directory(Arc::clone(above), name.to_owned(), state));
        } else {
            self.enter(Arc::clone(above), name, new_name, state, handle);
        }
        Ok(())
    }

    /// A directory in a tree under a temporary name.
    pub(super) fn make_new_directory(&mut self, open: &Open, name: &CStr) -> Result<TargetState> {
        let made = self.worker.sys.mkdirat(&open.target, name, 0o700);
        made.map_err(|errno| Error::system("create directory", open.directory.target_of(name), errno))?;
        Ok(TargetState::New)
    }

    /// A directory on its way, and its target's descriptor if that had to be opened.
    pub(super) fn make_directory(
        &mut self,
        above: &Arc<Directory>,
        name: &CStr,
        new_name: &CStr,
        state: TargetState,
    ) -> Result<(Directory, Option<OwnedFd>)> {
        let source = above.source.below(name);
        let parent = Above::new(Arc::clone(above));
        if state == TargetState::New && self.shared.plan.dry_run {
            return Ok((Directory { parent, ..self.plan_directory(above, source, new_name)? }, None));
        }
        if state != TargetState::Merged {
            let target = above.target.below(new_name);
            return Ok((Directory { target, parent, state, ..above.merging(source) }, None));
        }
        let directory = self.merge(above, source, (name, new_name))?;
        Ok((Directory { parent, ..directory.0 }, directory.1))
    }

    /// A directory whose target may be there already.
    pub(super) fn merge(
        &mut self,
        above: &Directory,
        source: Arc<Place>,
        (name, new_name): (&CStr, &CStr),
    ) -> Result<(Directory, Option<OwnedFd>)> {
        if let Some(planned) = self.merge_planned(above, &source, new_name)? {
            return Ok((planned, None));
        }
        let target = above.target.below(new_name);
        let sys = &mut self.worker.sys;
        match target.open_to_search(sys) {
            Ok(opened) => {
                let volume =
                    Volume::of(sys, &opened).map_err(|errno| Error::system("examine", target.path(), errno))?;
                self.refuse_other_case(above, None, name, new_name)?;
                if volume.dev() != above.volume.dev() {
                    self.shared.note_volume(volume.dev(), &target);
                }
                let creator = self.shared.identity.unknown_creator();
                let merged = Directory { target, volume, creator, ..above.merging(source) };
                Ok((merged, Some(opened)))
            }
            Err(Errno::NOENT) => match self.begin_staged_tree(above, Arc::clone(&source), new_name)? {
                Some(directory) => Ok((directory, None)),
                // It is there now, under its final name.
                None => self.merge(above, source, (name, new_name)),
            },
            Err(Errno::LOOP | Errno::NOTDIR | Errno::XDEV) => self.replace_no_directory(above, source, new_name),
            Err(errno) => Err(Error::system("open", target.path(), errno)),
        }
    }

    /// The name of a directory's target is taken by something else; at most a link to a directory will do.
    fn replace_no_directory(
        &mut self,
        above: &Directory,
        source: Arc<Place>,
        new_name: &CStr,
    ) -> Result<(Directory, Option<OwnedFd>)> {
        let failed = |errno| Error::system("create directory", above.target_of(new_name), errno);
        let sys = &mut self.worker.sys;
        let directory = above.target.open_to_search(sys).map_err(failed)?;
        let existing = sys.stat_at(&directory, new_name).map_err(failed)?;
        if existing.kind == FileKind::Symlink && self.shared.plan.existing.keep_directory_symlink {
            let led = open_named(sys, &directory, new_name).map_err(failed)?;
            let target = Place::root(Root::new(led, above.target_of(new_name)));
            let creator = self.shared.identity.unknown_creator();
            sys.close(directory).map_err(failed)?;
            let volume = target.open_to_search(sys).and_then(|opened| Volume::of(sys, &opened)).map_err(failed)?;
            self.shared.note_volume(volume.dev(), &target);
            return Ok((Directory { target, volume, creator, ..above.merging(source) }, None));
        }
        let why = format!("{} of that name is there", describe(existing.kind));
        Err(Error::refused("create directory", above.target_of(new_name), why))
    }
}

impl Copier {
    /// Gives up a task's hold on an open directory; the last to do so finishes it.
    pub(super) fn leave(&mut self, open: Arc<Open>) {
        let Some(Open { directory, source, target, .. }) = Arc::into_inner(open) else { return };
        let _ = self.worker.sys.close(source);
        // A file's `TemporaryFile` may still hold the target's descriptor; then it closes with that.
        self.leave_directory(directory, Arc::into_inner(target));
    }

    /// Gives up a hold on a directory, and on those above it, as far as this was the last.
    pub(super) fn leave_directory(&mut self, directory: Arc<Directory>, target: Option<OwnedFd>) {
        // The work at hand goes on where it was.
        let volume = self.worker.volume();
        self.finish_directories(directory, target);
        self.worker.return_to(volume);
    }

    fn finish_directories(&mut self, directory: Arc<Directory>, mut target: Option<OwnedFd>) {
        let mut current = Some(directory);
        while let Some(mut directory) = current.and_then(Arc::into_inner) {
            // Asked again for each: whoever gave up its hold before us may have done so without doing its work, and then
            // the job was halted before. Something below is missing: dropped, a staged tree keeps its temporary name.
            if self.worker.is_halted() {
                return;
            }
            if self.worker.is_full(directory.volume.dev()) {
                // The same holds; but those above may lie in another file system.
                if let Some(target) = target.take() {
                    let _ = self.worker.sys.close(target);
                }
                current = directory.parent.0.take();
                continue;
            }
            if self.shared.plan.dry_run {
                self.worker.summary.directories += u64::from(directory.source_seen.get().is_some());
                current = directory.parent.0.take();
                continue;
            }
            self.writes_to(&directory);
            let mode = self.finish_directory(&directory, target.take());
            // Dropped, one that is not to be finished keeps its temporary name.
            if let Some(staged) = directory.staged.take().filter(StagedTree::is_finished) {
                let sync = self.shared.plan.durable == Durable::File;
                let named = staged.finish(&mut self.worker.sys, mode.unwrap_or(0o700), sync);
                let path = || directory.target.path();
                let named = named.map_err(|errno| Error::system("give its final name to", path(), errno));
                if let Some(errno) = self.worker.check(named).flatten() {
                    let reported = self.report(&[Trouble::new("set", Class::Mode, errno)], path);
                    self.worker.check(reported);
                }
            }
            self.worker.summary.directories += u64::from(directory.source_seen.get().is_some());
            current = directory.parent.0.take();
        }
        if let Some(target) = target {
            let _ = self.worker.sys.close(target);
        }
    }

    /// Sets a directory's owner, attributes, mode and times, now that nothing will be made in it any more, as far as that
    /// can be done. A staged tree gets its mode with its name: then that is returned.
    pub(super) fn finish_directory(&mut self, directory: &Directory, target: Option<OwnedFd>) -> Option<u32> {
        let failed = |operation| move |errno| Error::system(operation, directory.target.path(), search_only(errno));
        let Some(seen) = directory.source_seen.get() else {
            let closed = target.map_or(Ok(()), |target| self.worker.sys.close(target));
            self.worker.check(closed.map_err(failed("close")));
            return None;
        };
        let sys = &mut self.worker.sys;
        let target = target.map_or_else(|| directory.target.open_to_search(sys), Ok);
        let target = self.worker.check(target.map_err(failed("set times and mode of")))?;
        let (mode, lost) = self.keep_attributes_of_directory(directory, seen, &target);
        let reported = self.report(&lost, || directory.target.path());
        self.worker.check(reported);
        let sys = &mut self.worker.sys;
        let synced = if self.shared.plan.durable == Durable::File { sys.fsync(&target) } else { Ok(()) };
        let closed = sys.close(target);
        self.worker.check(synced.and(closed).map_err(failed("sync")));
        directory.staged.is_some().then_some(mode)
    }
}
