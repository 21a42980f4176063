//! Hard links: files with several names stay one file. The first of the names that is found becomes the copy, the others are
//! linked to it. Where symbolic links are followed, one that leads to a file is a name of it, too.
//!
//! A name that is found while the copy is being made waits until it is done, without a descriptor: about a hundred bytes
//! each. Then the copy is remembered for the names that were not found yet. Most of those may lie outside the tree that is
//! copied, and then they are never found: so a copy takes at most 100 bytes with its name (a tree's node has 6 to 11 of them,
//! 44 bytes each), and nothing is allocated for a single one.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::decide::{Action, DONE};
use super::directory::{Directory, Open, TargetState};
use super::special::is_special;
use super::{Copier, Task};
use crate::engine::Pair;
use crate::engine::compare::{Compared, compare};
use crate::error::{Error, Result};
use crate::plan::{Follow, Method, Update};
use crate::pool::Handle;
use crate::sys::{Attributes, FileId, FileKind, Sys};
use crate::tree::Place;

/// Why a name cannot be linked to the copy, and gets one of its own: more names than the file system allows, one that
/// knows no links, another one that is mounted there, a copy that is not there any more or is not what it was.
const UNLINKABLE: [Errno; 6] = [Errno::MLINK, Errno::PERM, Errno::XDEV, Errno::OPNOTSUPP, Errno::NOENT, Errno::STALE];

/// Bytes of either side where a target may have what its source has.
const COMPARED_AT_ONCE: usize = 64 * 1024;

/// The groups that are not complete.
pub(super) struct Links(Mutex<Groups>);

struct Groups {
    /// Those whose copy is being made, and the names that wait for it.
    pending: HashMap<FileId, Vec<Waiting>>,
    made: LinkTargets,
}

/// A name that waits for the copy of its file.
pub(super) struct Waiting {
    pub(super) directory: Arc<Directory>,
    pub(super) name: CString,
    kind: FileKind,
    /// Where it differs.
    pub(super) new_name: Option<CString>,
}

/// What is to be done with a name.
pub(super) enum NameAction {
    /// Copy the file: it is the first.
    First,
    /// Nothing: whoever makes the copy will link it.
    Waits,
    /// Link it.
    Link(LinkTarget),
}

/// What becomes of a further name of a file whose copy is there.
enum LinkDecision {
    /// It is a name of the copy already.
    IsLinked,
    /// What has it keeps its identity, and gets the bytes by itself.
    KeepsItsFile,
    /// It is linked, after this was done with what has the name.
    Link(Action),
}

impl Links {
    /// No groups. With `forgets` each goes with its last name, which takes it that no name is found twice.
    pub(super) fn new(forgets: bool) -> Self {
        Self(Mutex::new(Groups { pending: HashMap::new(), made: LinkTargets::new(forgets) }))
    }

    /// A name of a file with several was found.
    fn note_name(&self, source: &Attributes, waiting: impl FnOnce() -> Waiting) -> NameAction {
        let mut groups = self.groups();
        if let Some(names) = groups.pending.get_mut(&source.id()) {
            names.push(waiting());
            return NameAction::Waits;
        }
        if let Some(target) = groups.made.next_name(source.id()) {
            return NameAction::Link(target);
        }
        groups.pending.insert(source.id(), Vec::new());
        NameAction::First
    }

    /// The copy is made (or failed: `None`); returns the names that wait. After a failure the next name is a first.
    fn settle(&self, source: &Attributes, target: Option<LinkTarget>) -> Vec<Waiting> {
        let mut groups = self.groups();
        let names = groups.pending.remove(&source.id());
        match (target, &names) {
            (Some(target), Some(_)) => groups.made.remember(source, target),
            // One that could not be linked has become a copy of its own, which those that come may be linked to.
            (Some(target), None) => groups.made.replace(source.id(), target),
            (None, _) => groups.made.forget(source.id()),
        }
        names.unwrap_or_default()
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copier {
    /// Whether a file may have other names that are to be names of its copy: hard links, or symbolic ones that are
    /// followed. With `-H` those are arguments, as with cp: what is found in a directory is not one of them.
    pub(super) fn has_other_names(&self, open: &Open, attributes: &Attributes) -> bool {
        let plan = &self.shared.plan;
        let may_be_led_to = match plan.follow {
            Follow::Never => false,
            Follow::Named => open.directory.holds_arguments(),
            Follow::Always => true,
        };
        plan.keep.links && (attributes.links > 1 || may_be_led_to)
    }

    /// Whether a file is to be copied; else it is linked to its copy, now or when that is done.
    pub(super) fn is_first_of_its_names(
        &mut self,
        open: &Arc<Open>,
        name: &CStr,
        new_name: &CStr,
        source: &Attributes,
    ) -> Result<bool> {
        let waiting = || Waiting {
            directory: Arc::clone(&open.directory),
            name: name.to_owned(),
            kind: source.kind,
            new_name: (new_name != name).then(|| new_name.to_owned()),
        };
        match self.shared.links.note_name(source, waiting) {
            NameAction::First => Ok(true),
            NameAction::Waits => Ok(false),
            NameAction::Link(target) => self.link_to_copy(open, name, new_name, source, &target).map(|linked| !linked),
        }
    }

    /// The copy of a file with several names is there: links those that waited for it.
    pub(super) fn link_the_others(
        &mut self,
        source: &Attributes,
        directory: &Directory,
        name: &CStr,
        target: Option<FileId>,
        handle: &mut Handle<'_, Task>,
    ) {
        let target =
            target.map(|id| LinkTarget { directory: Arc::clone(&directory.target), name: name.to_owned(), id });
        for waiting in self.shared.links.settle(source, target) {
            handle.offer(Task::Name(Box::new(waiting)));
        }
    }

    /// A name that waited: its directories are opened again, and it goes the way of every entry.
    pub(super) fn waited(&mut self, waiting: Waiting, handle: &mut Handle<'_, Task>) {
        let Waiting { directory, name, kind, new_name } = waiting;
        match self.reopen(&directory) {
            Ok((source, target)) => {
                let opened = self.opened(&directory, source, target);
                drop(directory);
                let new_name = new_name.unwrap_or_else(|| name.clone());
                if let Some(open) = self.worker.check(opened) {
                    if self.is_read(kind) {
                        self.file(&open, &name, &new_name, handle);
                    } else {
                        let made = self.other(&open, &name, &new_name, handle);
                        self.worker.check(made);
                    }
                    self.leave(open);
                }
            }
            Err(error) => {
                self.worker.fail(error);
                self.leave_directory(directory, None);
            }
        }
    }

    fn reopen(&mut self, directory: &Directory) -> Result<(OwnedFd, OwnedFd)> {
        let sys = &mut self.worker.sys;
        let failed = |place: &Place, errno| Error::system("open", place.path(), errno);
        let source = directory.source.open_to_search(sys).map_err(|errno| failed(&directory.source, errno))?;
        let target = directory.target.open_to_search(sys).map_err(|errno| failed(&directory.target, errno))?;
        Ok((source, target))
    }

    /// Decides about a further name of a file whose copy is there.
    fn decide_about_link(
        &mut self,
        open: &Open,
        (name, new_name): (&CStr, &CStr),
        source: &Attributes,
        target: &LinkTarget,
    ) -> Result<LinkDecision> {
        if open.directory.state == TargetState::New {
            return Ok(LinkDecision::Link(Action::Create));
        }
        match self.look_at_target(open, new_name) {
            Ok(Some(existing)) if existing.id() == target.id => return Ok(LinkDecision::IsLinked),
            // What keeps its content cannot become a name of another file.
            Ok(Some(_)) if self.shared.plan.method == Method::AttributesOnly => return Ok(LinkDecision::KeepsItsFile),
            _ => {}
        }
        let action = match self.decide(open, name, new_name, source)? {
            // What is what its source is loses nothing but its being another file than the others.
            Action::AlreadyDone(existing)
                if matches!(self.shared.plan.existing.update, Update::All | Update::Older) =>
            {
                Action::Replace(existing)
            }
            Action::AlreadyDone(_) => Action::Skip(DONE),
            // What others may have open stays, too.
            Action::UpToDate(existing, _)
                if !is_special(source.kind)
                    && !self.shared.plan.existing.ask
                    && self.holds_the_same(open, (name, new_name), source, &existing) =>
            {
                Action::Replace(existing)
            }
            // It stays the file that it is, and does not become a name of another one.
            Action::SetAttributes(_) | Action::WriteInPlace(..) => return Ok(LinkDecision::KeepsItsFile),
            other => other,
        };
        Ok(LinkDecision::Link(action))
    }

    /// Makes a name another one of the copy; says whether it could.
    fn link_to_copy(
        &mut self,
        open: &Open,
        name: &CStr,
        new_name: &CStr,
        source: &Attributes,
        target: &LinkTarget,
    ) -> Result<bool> {
        let action = match self.decide_about_link(open, (name, new_name), source, target)? {
            LinkDecision::IsLinked => {
                self.worker.summary.links += 1;
                return Ok(true);
            }
            LinkDecision::KeepsItsFile => return Ok(false),
            LinkDecision::Link(action) => action,
        };
        if let Some(why) = action.skips() {
            self.pass_over(|| open.directory.source_of(name), why);
            return Ok(true);
        }
        if self.shared.plan.dry_run {
            return self.tell_link(open, (name, new_name), source, action, target.id).map(|()| true);
        }
        let from = match self.open_copy_directory(&target.directory) {
            Err(error) if cannot_be_linked(&error) => return Ok(self.leave_unlinked(open, new_name, &error)),
            other => other?,
        };
        let link = |sys: &mut Sys, to: &CStr| sys.linkat(&from, &target.name, &open.target, to);
        // What bears the copy's name now must still be the copy.
        let check = |copier: &mut Self, to: &CStr| {
            let found = copier.worker.sys.stat_at(&open.target, to);
            let found = found.and_then(|found| if found.id() == target.id { Ok(()) } else { Err(Errno::STALE) });
            found.map_err(|errno| Error::system("link", open.directory.target_of(new_name), errno))
        };
        let linked = self.make_other(open, new_name, action, source, link, check);
        self.copy_directory = Some((Arc::clone(&target.directory), from));
        match linked {
            Ok(()) => {
                self.worker.summary.links += 1;
                Ok(true)
            }
            Err(error) if cannot_be_linked(&error) => Ok(self.leave_unlinked(open, new_name, &error)),
            Err(error) => Err(error),
        }
    }

    /// The identity of what stays under a target's name, if it stands for the copy of a file with several names.
    pub(super) fn copy_that_stays(
        &mut self,
        open: &Open,
        names: (&CStr, &CStr),
        source: &Attributes,
        action: Action,
    ) -> Option<FileId> {
        let Action::UpToDate(existing, _) = action else { return None };
        let is_same_node = is_special(source.kind) && existing.kind == source.kind;
        (is_same_node || self.holds_the_same(open, names, source, &existing)).then(|| existing.id())
    }

    /// Whether a target that is as new as its source, or newer, holds the same: then it makes no difference but in names
    /// that they become one file, as with cp. (Which does so in any case: whatever a newer file holds gives way to the
    /// source, or takes its place under further names.)
    fn holds_the_same(
        &mut self,
        open: &Open,
        names: (&CStr, &CStr),
        source: &Attributes,
        existing: &Attributes,
    ) -> bool {
        let is_alike = (existing.kind, existing.size) == (source.kind, source.size);
        is_alike && (existing.mtime == source.mtime || self.has_bytes_of_source(open, names, source))
    }

    /// Whether a target that was there before has the bytes of its source.
    fn has_bytes_of_source(&mut self, open: &Open, (name, new_name): (&CStr, &CStr), source: &Attributes) -> bool {
        if source.kind != FileKind::RegularFile {
            return false;
        }
        let Ok((from, _)) = self.open_source(open, name) else { return false };
        let sys = &mut self.worker.sys;
        let compared = sys.open_source(&open.target, new_name).map(|to| {
            let pair = Pair { source: &from, target: &to };
            let what = Compared { len: source.size, has_holes: source.has_holes(), reads_on: false };
            let same = compare(sys, pair, what, &mut vec![0; COMPARED_AT_ONCE], &mut vec![0; COMPARED_AT_ONCE]);
            let _ = sys.close(to);
            matches!(same, Ok(None))
        });
        let _ = sys.close(from);
        compared.unwrap_or(false)
    }

    /// Says that a name gets a file of its own, and why; that it is not linked.
    fn leave_unlinked(&mut self, open: &Open, new_name: &CStr, error: &Error) -> bool {
        self.worker.warn(open.directory.target_of(new_name), format!("{error}; it becomes a file of its own"));
        false
    }

    /// The directory that a copy lies in. Names that are linked one after the other often belong to neighbours, so the
    /// last one stays open.
    fn open_copy_directory(&mut self, place: &Arc<Place>) -> Result<OwnedFd> {
        let sys = &mut self.worker.sys;
        if let Some((last, directory)) = self.copy_directory.take() {
            if Arc::ptr_eq(&last, place) {
                return Ok(directory);
            }
            let _ = sys.close(directory);
        }
        place.open_to_search(sys).map_err(|errno| Error::system("open", place.path(), errno))
    }
}

/// Whether a name cannot be linked to a copy for a reason that is none of its own.
fn cannot_be_linked(error: &Error) -> bool {
    error.errno().is_some_and(|errno| UNLINKABLE.contains(&errno))
}

/// A copy that further names can be linked to.
pub(super) struct LinkTarget {
    pub(super) directory: Arc<Place>,
    pub(super) name: CString,
    pub(super) id: FileId,
}

/// See the module.
pub(super) struct LinkTargets {
    copies: BTreeMap<ShortId, Copy>,
    /// The names of all copies, each with its NUL.
    names: Vec<u8>,
    /// Bytes of these that belong to none any more.
    stale: usize,
    /// The devices found, by their numbers. There are few of them.
    devices: Vec<(u32, u32)>,
    forgets: bool,
}

/// The number of a device, and the two halves of an inode's number.
type ShortId = [u32; 3];

struct Copy {
    directory: Arc<Place>,
    id: ShortId,
    /// Where its name starts.
    name: u32,
    /// Names of the source that were not found yet.
    names_left: u32,
}

impl LinkTargets {
    /// None. With `forgets` each goes when as many names were found as its source has.
    pub(super) const fn new(forgets: bool) -> Self {
        Self { copies: BTreeMap::new(), names: Vec::new(), stale: 0, devices: Vec::new(), forgets }
    }

    /// The copy of a source of which a further name was found.
    pub(super) fn next_name(&mut self, source: FileId) -> Option<LinkTarget> {
        let source = self.shorten(source);
        let copy = self.copies.get_mut(&source)?;
        copy.names_left = copy.names_left.saturating_sub(1);
        let is_last = copy.names_left == 0;
        let (directory, name) = (Arc::clone(&copy.directory), name_at(&self.names, copy.name).to_owned());
        let [device, high, low] = copy.id;
        let id = (self.devices[device as usize], u64::from(high) << 32 | u64::from(low));
        if is_last && self.forgets {
            self.remove(source);
        }
        Some(LinkTarget { directory, name, id })
    }

    /// Remembers the copy of a source, for its further names.
    pub(super) fn remember(&mut self, source: &Attributes, target: LinkTarget) {
        let names_left = source.links.saturating_sub(1);
        if names_left > 0 || !self.forgets {
            self.insert(source.id(), target, names_left);
        }
    }

    /// Another copy takes the place of one that is remembered.
    pub(super) fn replace(&mut self, source: FileId, target: LinkTarget) {
        let short = self.shorten(source);
        if let Some(names_left) = self.copies.get(&short).map(|copy| copy.names_left) {
            self.remove(short);
            self.insert(source, target, names_left);
        }
    }

    /// There is no copy of that source any more.
    pub(super) fn forget(&mut self, source: FileId) {
        let source = self.shorten(source);
        self.remove(source);
    }

    fn insert(&mut self, source: FileId, target: LinkTarget, names_left: u32) {
        // After 4 GiB of names, of hundreds of millions of files, further ones become files of their own.
        let Ok(name) = u32::try_from(self.names.len()) else { return };
        self.names.extend_from_slice(target.name.to_bytes_with_nul());
        let (source, id) = (self.shorten(source), self.shorten(target.id));
        self.copies.insert(source, Copy { directory: target.directory, id, name, names_left });
    }

    fn remove(&mut self, source: ShortId) {
        let Some(copy) = self.copies.remove(&source) else { return };
        self.stale += name_at(&self.names, copy.name).count_bytes() + 1;
        if self.stale * 2 > self.names.len() {
            self.tidy_names();
        }
    }

    /// Moves the names together.
    fn tidy_names(&mut self) {
        let names = std::mem::take(&mut self.names);
        for copy in self.copies.values_mut() {
            let name = name_at(&names, copy.name).to_bytes_with_nul();
            // No more than before, when it fitted.
            copy.name = self.names.len() as u32;
            self.names.extend_from_slice(name);
        }
        self.stale = 0;
    }

    fn shorten(&mut self, (device, inode): FileId) -> ShortId {
        let known = self.devices.iter().rposition(|known| *known == device);
        let number = known.unwrap_or_else(|| {
            self.devices.push(device);
            self.devices.len() - 1
        });
        [number as u32, (inode >> 32) as u32, inode as u32]
    }
}

fn name_at(names: &[u8], start: u32) -> &CStr {
    CStr::from_bytes_until_nul(&names[start as usize..]).unwrap_or_default()
}
