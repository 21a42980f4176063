//! `--dry-run`: the walk and the decisions of a copy, with nothing carried out.
//!
//! Every worker's `Sys` refuses calls that change anything, whatever is overlooked here. A directory that would be made is
//! not there to be opened: a descriptor in which no name is found stands for it. Where one source may meet what another has
//! become, it is remembered what would be there.

use std::collections::HashMap;
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::CWD;
use rustix::io::Errno;

use super::Copier;
use super::decide::{Action, Reason, falls_back_to_writing_in_place};
use super::directory::{Directory, Open, TargetState};
use super::special::is_read;
use crate::error::{Error, Quoted, Result};
use crate::plan::Method;
use crate::sys::{Attributes, FileId, FileKind, Sys};
use crate::tree::Place;
use crate::tree::metadata::describe;

/// A device on which nothing lies: identities of what would be made.
const NO_DEVICE: (u32, u32) = (u32::MAX, u32::MAX);
/// Every name in it is looked up in vain (ENOTDIR).
const NOWHERE: &CStr = c"/dev/null";

/// What a dry run would have made so far.
pub(super) struct DryRun {
    /// By path. Only where sources may collide; a directory has the attributes of something else but for kind and identity.
    made: Mutex<HashMap<PathBuf, Attributes>>,
    last_inode: AtomicU64,
    anything: Attributes,
}

impl DryRun {
    /// Nothing yet.
    pub(super) fn new(sys: &mut Sys) -> Result<Self> {
        let anything = sys.stat_at(CWD, c".").map_err(|errno| Error::system("examine", ".", errno))?;
        Ok(Self { made: Mutex::default(), last_inode: AtomicU64::new(0), anything })
    }

    /// What would be at this path.
    pub(super) fn made(&self, path: &Path) -> Option<Attributes> {
        self.locked().get(path).copied()
    }

    fn new_id(&self) -> FileId {
        (NO_DEVICE, self.last_inode.fetch_add(1, Ordering::Relaxed))
    }

    fn remember(&self, path: PathBuf, attributes: &Attributes, (dev, ino): FileId) {
        self.locked().insert(path, Attributes { dev, ino, ..*attributes });
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<PathBuf, Attributes>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory {
    /// Whether it would have to be made first.
    pub(super) const fn is_planned(&self) -> bool {
        self.planned.is_some()
    }

    /// Whether it would be made for this source, and not for one before.
    pub(super) fn would_be_made(&self) -> bool {
        self.is_planned() && self.state == TargetState::New
    }
}

impl Copier {
    /// Opens what stands for a directory that would be made.
    pub(super) fn open_nowhere(&mut self) -> Result<OwnedFd> {
        let nowhere = self.worker.sys.open_itself(CWD, NOWHERE);
        nowhere.map_err(|errno| Error::system("open", Path::new("/dev/null"), errno))
    }

    /// A directory whose target is not in the one above: it would be made there.
    pub(super) fn plan_directory(&mut self, above: &Directory, source: Arc<Place>, name: &CStr) -> Result<Directory> {
        let target = above.target.below(name);
        if !above.is_planned() {
            let failed = |errno| Error::system("create directory", target.path(), errno);
            let parent = above.target.open_to_search(&mut self.worker.sys).map_err(failed)?;
            let found = self.worker.sys.fstat(&parent).map_err(failed)?;
            self.may_make_names(&parent, &found).map_err(failed)?;
            self.worker.sys.close(parent).map_err(failed)?;
        }
        let planned = self.plan_id(&target);
        let creator = self.shared.identity.unknown_creator();
        Ok(Directory { target, state: TargetState::New, planned, creator, ..above.merging(source) })
    }

    /// Whether targets could be made in an open directory with these attributes.
    pub(super) fn may_make_names(&mut self, directory: &OwnedFd, found: &Attributes) -> rustix::io::Result<()> {
        if self.is_reopened(found) { Ok(()) } else { self.worker.sys.may_make_names(directory) }
    }

    /// Says of a directory that it would be made, if it would.
    pub(super) fn tell_directory(&self, directory: &Directory) {
        if directory.would_be_made() {
            self.tell_made(directory.source.path(), &directory.target);
        }
    }

    /// Says that a directory would be made.
    pub(super) fn tell_made(&self, source: PathBuf, target: &Place) {
        self.tell(source, || format!("would be made as {}", Quoted(&target.path())));
    }

    /// The identity of a directory that would be made.
    pub(super) fn plan_id(&self, target: &Place) -> Option<FileId> {
        let (dry_run, path) = (self.shared.dry_run.as_ref()?, target.path());
        let id = dry_run.new_id();
        if self.shared.notes_names {
            let directory = Attributes { kind: FileKind::Directory, ..dry_run.anything };
            dry_run.remember(path, &directory, id);
        }
        Some(id)
    }

    /// A directory whose target would be there by now, or would be something else; `None` if nothing would.
    pub(super) fn merge_planned(
        &mut self,
        above: &Directory,
        source: &Arc<Place>,
        new_name: &CStr,
    ) -> Result<Option<Directory>> {
        let Some(dry_run) = &self.shared.dry_run else { return Ok(None) };
        let target = above.target.below(new_name);
        match dry_run.made(&target.path()) {
            Some(found) if found.kind == FileKind::Directory => {
                let (state, planned) = (TargetState::Merged, Some(found.id()));
                Ok(Some(Directory { target, state, planned, ..above.merging(Arc::clone(source)) }))
            }
            Some(found) => {
                let why = format!("{} of that name is there", describe(found.kind));
                Err(Error::refused("create directory", target.path(), why))
            }
            None if above.is_planned() => self.plan_directory(above, Arc::clone(source), new_name).map(Some),
            None => Ok(None),
        }
    }

    /// What would have a target's name by now.
    pub(super) fn planned_at(&self, open: &Open, new_name: &CStr) -> Option<Attributes> {
        self.shared.dry_run.as_ref().and_then(|dry_run| dry_run.made(&open.directory.target_of(new_name)))
    }

    /// Says what a decision would lead to, counts it, and returns the identity that the target would have. An error is what
    /// can be known to fail.
    pub(super) fn tell_action(
        &mut self,
        open: &Open,
        (name, new_name): (&CStr, &CStr),
        source: &Attributes,
        action: Action,
    ) -> Result<FileId> {
        let action = self.allowed(open, new_name, action)?;
        if matches!(action, Action::Replace(_)) {
            self.find_backup(open, new_name, source.id())?;
        }
        let target = open.directory.target_of(new_name);
        if let Action::AlreadyDone(existing) = action {
            if self.planned_at(open, new_name).is_none() {
                let sys = &mut self.worker.sys;
                let opened = sys.open_source(&open.target, new_name).and_then(|file| sys.close(file));
                opened.map_err(|errno| Error::system("examine", &target, errno))?;
            }
            self.pass_over(|| open.directory.source_of(name), super::decide::DONE);
            return Ok(existing.id());
        }
        let what = match action {
            Action::SetAttributes(_) | Action::WriteInPlace(_, Reason::AttributesOnly) => {
                self.count(source);
                format!("would give its attributes to {}", Quoted(&target))
            }
            _ => format!("would be {} {}", self.count(source), Quoted(&target)),
        };
        let asked = if self.shared.plan.existing.ask { ", if the answer is yes," } else { "" };
        let (id, and) = match action {
            Action::Replace(_) => (self.new_id(), format!("{asked} and replace what is there")),
            Action::WriteInPlace(end, Reason::AttributesOnly) => (end.id(), String::new()),
            Action::WriteInPlace(end, why) => (end.id(), format!("{asked} and be written in place: {}", why.text())),
            Action::SetAttributes(existing) => (existing.id(), String::new()),
            _ => (self.new_id(), String::new()),
        };
        let id = if self.shared.plan.method == Method::HardLink { source.id() } else { id };
        self.tell(open.directory.source_of(name), || format!("{what}{and}"));
        self.remember_planned(open, new_name, source, id);
        Ok(id)
    }

    /// Says that a name would be linked to the copy with this identity, and counts it.
    pub(super) fn tell_link(
        &mut self,
        open: &Open,
        (name, new_name): (&CStr, &CStr),
        source: &Attributes,
        action: Action,
        copy: FileId,
    ) -> Result<()> {
        self.allowed(open, new_name, action)?;
        self.worker.summary.links += 1;
        let target = open.directory.target_of(new_name);
        self.tell(open.directory.source_of(name), || format!("would be linked to its copy, as {}", Quoted(&target)));
        self.remember_planned(open, new_name, source, copy);
        Ok(())
    }

    fn remember_planned(&self, open: &Open, new_name: &CStr, source: &Attributes, id: FileId) {
        if let Some(dry_run) = self.shared.dry_run.as_ref().filter(|_| self.shared.notes_names) {
            dry_run.remember(open.directory.target_of(new_name), source, id);
        }
        self.claim(open, new_name);
    }

    fn new_id(&self) -> FileId {
        self.shared.dry_run.as_ref().map_or((NO_DEVICE, 0), DryRun::new_id)
    }

    /// The decision that is left where rights are missing: a file that cannot be replaced may be written in place.
    fn allowed(&mut self, open: &Open, new_name: &CStr, action: Action) -> Result<Action> {
        let path = || open.directory.target_of(new_name);
        let plan = Arc::clone(&self.shared.plan);
        match (action, open.denied) {
            (Action::Replace(existing), Some(errno)) if falls_back_to_writing_in_place(&plan, &existing, errno) => {
                let in_place = Action::WriteInPlace(existing, Reason::Unreplaceable);
                self.allowed(open, new_name, in_place)
            }
            (Action::Create | Action::Replace(_), Some(errno)) => Err(Error::system("create", path(), errno)),
            (Action::WriteInPlace(end, why), _) => {
                let is_regular = end.kind == FileKind::RegularFile;
                if is_regular && !self.shared.registry.take(end.id(), b"") {
                    return Err(Error::refused("write", path(), super::sides::WRITTEN_UNDER_ANOTHER_NAME));
                }
                let sys = &mut self.worker.sys;
                let reads = plan.method == Method::AttributesOnly || (plan.verify && is_regular);
                let may_read = if reads { sys.may_read(&open.target, new_name) } else { Ok(()) };
                let writes = plan.method != Method::AttributesOnly;
                let allowed =
                    may_read.and_then(|()| if writes { sys.may_write(&open.target, new_name) } else { Ok(()) });
                match allowed {
                    Err(Errno::ACCESS | Errno::PERM) if plan.existing.force && why != Reason::Unreplaceable => {
                        self.allowed(open, new_name, Action::Replace(end))
                    }
                    other => other.map(|()| action).map_err(|errno| Error::system("open", path(), errno)),
                }
            }
            _ => Ok(action),
        }
    }

    /// What would become of a source; counts it.
    fn count(&mut self, source: &Attributes) -> &'static str {
        let summary = &mut self.worker.summary;
        match (self.shared.plan.method, source.kind) {
            (Method::HardLink, _) => {
                summary.links += 1;
                "linked to"
            }
            (Method::Symlink, _) => {
                summary.others += 1;
                "what a symbolic link leads to from"
            }
            (method, kind) if is_read(&self.shared.plan, kind) => {
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

    fn tell(&self, path: PathBuf, what: impl FnOnce() -> String) {
        self.worker.note(|| (path, what()));
    }
}
