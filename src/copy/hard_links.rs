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

use super::decide::{Action, DONE, is_special};
use super::decision::{decide, existing_target};
use super::directory::{Directory, Entry, TargetState, open_to_search};
use super::dry_run::tell_link;
use super::names::FinalName;
use super::{Copier, Task};
use crate::engine::Pair;
use crate::engine::compare::{Compared, compare};
use crate::error::{Error, Result};
use crate::plan::{CopyPlan, Follow, Method, Update};
use crate::pool::Handle;
use crate::sys::{Attributes, FileId, FileKind, Sys};
use crate::tree::DirectoryPath;

/// Why a name cannot be linked to the copy, and gets one of its own: more names than the file system allows, one that
/// knows no links, another one that is mounted there, a copy that is not there any more or is not what it was.
const UNLINKABLE: [Errno; 6] = [Errno::MLINK, Errno::PERM, Errno::XDEV, Errno::OPNOTSUPP, Errno::NOENT, Errno::STALE];

/// Bytes of either side where a target may have what its source has.
const COMPARED_AT_ONCE: usize = 64 * 1024;

/// A name of a file that may have others, which are to be names of its copy.
#[derive(Clone, Copy)]
pub(super) struct LinkName<'a> {
    entry: Entry<'a>,
    source: &'a Attributes,
}

impl<'a> LinkName<'a> {
    /// An entry, if its file may have other names: hard links, or symbolic ones that are followed. With `-H` those are
    /// arguments, as with cp: what is found in a directory is not one of them.
    pub(super) fn of(plan: &CopyPlan, entry: Entry<'a>, source: &'a Attributes) -> Option<Self> {
        let may_be_led_to = match plan.follow {
            Follow::Never => false,
            Follow::Named => entry.directory().holds_arguments(),
            Follow::Always => true,
        };
        (plan.keep.links && (source.links > 1 || may_be_led_to)).then_some(Self { entry, source })
    }

    /// Whether the file is to be copied; else the name is linked to its copy, now or when that is done.
    pub(super) fn is_first(self, copier: &mut Copier) -> Result<bool> {
        let Entry { open, name, new_name } = self.entry;
        let pending = || PendingName {
            directory: Arc::clone(&open.directory),
            name: name.to_owned(),
            kind: self.source.kind,
            new_name: (new_name != name).then(|| new_name.to_owned()),
        };
        match copier.links.note_name(self.source, pending) {
            NameAction::First => Ok(true),
            NameAction::Wait => Ok(false),
            NameAction::Link(target) => self.link_to(copier, &target).map(|linked| !linked),
        }
    }

    /// The copy of the file is there, and this is its identity (or it failed: `None`): links the names that waited for it.
    pub(super) fn settle(self, copier: &mut Copier, copy: Option<FileId>, handle: &mut Handle<'_, Task>) {
        let directory = &self.entry.directory().target;
        let name = self.entry.new_name;
        let target = copy.map(|id| LinkTarget { directory: Arc::clone(directory), name: name.to_owned(), id });
        for pending in copier.links.settle(self.source, target) {
            handle.offer(Task::Name(Box::new(pending)));
        }
    }

    /// Decides about another name of a file whose copy is there. `None`: what has the name keeps its identity, and gets
    /// the bytes by itself.
    fn decide(self, copier: &mut Copier) -> Result<Option<Action>> {
        let action = decide(copier, self.entry, self.source)?;
        let options = &copier.shared.plan.existing;
        Ok(match action {
            // What is what its source is loses nothing but its being another file than the others.
            Action::AlreadyDone(existing) if matches!(options.update, Update::All | Update::Older) => {
                Some(Action::Replace(existing))
            }
            Action::AlreadyDone(_) => Some(Action::Skip(DONE)),
            // What others may have open stays, too.
            Action::UpToDate(existing, _)
                if !is_special(self.source.kind) && !options.ask && self.holds_the_same(copier, &existing) =>
            {
                Some(Action::Replace(existing))
            }
            // It stays the file that it is, and does not become a name of another one.
            Action::SetAttributes(_) | Action::WriteInPlace(..) => None,
            other => Some(other),
        })
    }

    /// Makes the name another one of the copy; says whether it could.
    fn link_to(self, copier: &mut Copier, target: &LinkTarget) -> Result<bool> {
        let entry = self.entry;
        if entry.directory().state != TargetState::New {
            match existing_target(copier, entry) {
                Ok(Some(existing)) if existing.id() == target.id => {
                    copier.worker.summary.links += 1;
                    return Ok(true);
                }
                // What keeps its content cannot become a name of another file.
                Ok(Some(_)) if copier.shared.plan.method == Method::AttributesOnly => return Ok(false),
                _ => {}
            }
        }
        let Some(action) = self.decide(copier)? else { return Ok(false) };
        if let Some(why) = action.skips() {
            copier.pass_over(|| entry.source_path(), why);
            return Ok(true);
        }
        if copier.dry_run.is_some() {
            return tell_link(copier, entry, self.source, action, target.id).map(|()| true);
        }
        let linked = open_copy_directory(copier, &target.directory).and_then(|from| {
            let link = |sys: &mut Sys, to: &_| sys.linkat(&from, &target.name, &entry.open.target, to);
            // What bears the copy's name now must still be the copy.
            let check = |copier: &mut Copier, to: &_| {
                let found = copier.worker.sys.stat_at(&entry.open.target, to);
                let found = found.and_then(|found| if found.id() == target.id { Ok(()) } else { Err(Errno::STALE) });
                found.map_err(|errno| Error::system("link", entry.target_path(), errno))
            };
            let linked = FinalName::new(entry, self.source, action).make(copier, link, check);
            copier.copy_directory = Some((Arc::clone(&target.directory), from));
            linked
        });
        match linked {
            Ok(()) => {
                copier.worker.summary.links += 1;
                Ok(true)
            }
            // For a reason that is not its own.
            Err(error) if error.errno().is_some_and(|errno| UNLINKABLE.contains(&errno)) => {
                copier.worker.warn(entry.target_path(), format!("{error}; it becomes a file of its own"));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The identity of what stays under the target's name, if it stands for the copy.
    pub(super) fn copy_that_stays(self, copier: &mut Copier, action: Action) -> Option<FileId> {
        let Action::UpToDate(existing, _) = action else { return None };
        let is_same_node = is_special(self.source.kind) && existing.kind == self.source.kind;
        (is_same_node || self.holds_the_same(copier, &existing)).then(|| existing.id())
    }

    /// Whether a target that is as new as its source, or newer, holds the same: then it makes no difference but in names
    /// that they become one file, as with cp. (Which does so in any case: whatever a newer file holds gives way to the
    /// source, or takes its place under other names.)
    fn holds_the_same(self, copier: &mut Copier, existing: &Attributes) -> bool {
        let source = self.source;
        let is_alike = (existing.kind, existing.size) == (source.kind, source.size);
        is_alike && (existing.mtime == source.mtime || self.has_bytes_of_source(copier))
    }

    /// Whether a target that was there before has the bytes of its source.
    fn has_bytes_of_source(self, copier: &mut Copier) -> bool {
        let (entry, source) = (self.entry, self.source);
        if source.kind != FileKind::RegularFile {
            return false;
        }
        let sys = &mut copier.worker.sys;
        let Ok((from, _)) = entry.open_source(sys, &copier.shared.plan) else { return false };
        let compared = sys.open_source(&entry.open.target, entry.new_name).map(|to| {
            let pair = Pair { source: &from, target: &to };
            let what = Compared { len: source.size, has_holes: source.has_holes(), reads_on: false };
            let same = compare(sys, pair, what, &mut vec![0; COMPARED_AT_ONCE], &mut vec![0; COMPARED_AT_ONCE]);
            let _ = sys.close(to);
            matches!(same, Ok(None))
        });
        let _ = sys.close(from);
        compared.unwrap_or(false)
    }
}

/// The directory that a copy lies in. Names that are linked one after the other often belong to neighbours, so the
/// last one stays open.
fn open_copy_directory(copier: &mut Copier, path: &Arc<DirectoryPath>) -> Result<OwnedFd> {
    let sys = &mut copier.worker.sys;
    if let Some((last, directory)) = copier.copy_directory.take() {
        if Arc::ptr_eq(&last, path) {
            return Ok(directory);
        }
        let _ = sys.close(directory);
    }
    open_to_search(sys, path)
}

/// The groups that are not complete.
pub(super) struct LinkGroups(Mutex<Groups>);

struct Groups {
    /// Those whose copy is being made, and the names that wait for it.
    pending: HashMap<FileId, Vec<PendingName>>,
    made: LinkTargets,
}

/// A name that waits for the copy of its file.
pub(super) struct PendingName {
    pub(super) directory: Arc<Directory>,
    pub(super) name: CString,
    pub(super) kind: FileKind,
    /// Where it differs.
    pub(super) new_name: Option<CString>,
}

/// What is to be done with a name.
enum NameAction {
    /// Copy the file: it is the first.
    First,
    /// Nothing: whoever makes the copy will link it.
    Wait,
    /// Link it.
    Link(LinkTarget),
}

impl LinkGroups {
    /// No groups. With `forgets` each goes with its last name, which takes it that no name is found twice.
    pub(super) fn new(forgets: bool) -> Self {
        Self(Mutex::new(Groups { pending: HashMap::new(), made: LinkTargets::new(forgets) }))
    }

    /// A name of a file with several was found.
    fn note_name(&self, source: &Attributes, pending: impl FnOnce() -> PendingName) -> NameAction {
        let mut groups = self.groups();
        if let Some(names) = groups.pending.get_mut(&source.id()) {
            names.push(pending());
            return NameAction::Wait;
        }
        if let Some(target) = groups.made.next_name(source.id()) {
            return NameAction::Link(target);
        }
        groups.pending.insert(source.id(), Vec::new());
        NameAction::First
    }

    /// The copy is made (or failed: `None`); returns the names that wait. After a failure the next name is a first.
    fn settle(&self, source: &Attributes, target: Option<LinkTarget>) -> Vec<PendingName> {
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

/// A copy that other names can be linked to.
struct LinkTarget {
    directory: Arc<DirectoryPath>,
    name: CString,
    id: FileId,
}

/// The copies of files with several names, by their sources.
struct LinkTargets {
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
    directory: Arc<DirectoryPath>,
    id: ShortId,
    /// Where its name starts.
    name: u32,
    /// Names of the source that were not found yet.
    names_left: u32,
}

impl LinkTargets {
    /// None. With `forgets` each goes when as many names were found as its source has.
    const fn new(forgets: bool) -> Self {
        Self { copies: BTreeMap::new(), names: Vec::new(), stale: 0, devices: Vec::new(), forgets }
    }

    /// The copy of a source of which another name was found.
    fn next_name(&mut self, source: FileId) -> Option<LinkTarget> {
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

    /// Remembers the copy of a source, for its other names.
    fn remember(&mut self, source: &Attributes, target: LinkTarget) {
        let names_left = source.links.saturating_sub(1);
        if names_left > 0 || !self.forgets {
            self.insert(source.id(), target, names_left);
        }
    }

    /// Another copy takes the place of one that is remembered.
    fn replace(&mut self, source: FileId, target: LinkTarget) {
        let short = self.shorten(source);
        if let Some(names_left) = self.copies.get(&short).map(|copy| copy.names_left) {
            self.remove(short);
            self.insert(source, target, names_left);
        }
    }

    /// There is no copy of that source any more.
    fn forget(&mut self, source: FileId) {
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
