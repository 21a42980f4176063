//! Files with several names stay one file: the first of its names that is met becomes the copy, the others are linked
//! to that.
//!
//! A name that is met while the copy is being made is kept until it is done, without a descriptor: about a hundred
//! bytes each. A group is forgotten when its last name was linked.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::directory::{Directory, Open, Standing};
use super::existing::{DONE, Verdict};
use super::{Copier, Task};
use crate::error::{Error, Result};
use crate::plan::{Method, Update};
use crate::pool::Handle;
use crate::sys::{Attributes, FileId, FileKind, Sys};
use crate::tree::Place;

/// Why a name cannot be linked to the copy, and gets one of its own: more names than the file system allows, one that
/// knows no links, another one that is mounted there, a copy that is not there any more or is not what it was.
const UNLINKABLE: [Errno; 6] = [Errno::MLINK, Errno::PERM, Errno::XDEV, Errno::OPNOTSUPP, Errno::NOENT, Errno::STALE];

/// The groups that are not complete.
#[derive(Default)]
pub(super) struct Links(Mutex<HashMap<FileId, Group>>);

struct Group {
    /// Names of the source that were not linked yet; the group goes with the last.
    unmet: u32,
    state: State,
}

enum State {
    /// The copy is being made; these names wait.
    Pending(Vec<Waiting>),
    Made(Arc<Twin>),
}

/// A name that waits for the copy of its file.
pub(super) struct Waiting {
    pub(super) directory: Arc<Directory>,
    pub(super) name: CString,
    kind: FileKind,
    /// Where it differs.
    pub(super) new_name: Option<CString>,
}

/// A copy that further names can be linked to.
pub(super) struct Twin {
    directory: Arc<Place>,
    name: CString,
    id: FileId,
}

/// What is to be done with a name.
pub(super) enum Met {
    /// Copy the file: it is the first.
    First,
    /// Nothing: whoever makes the copy will link it.
    Waits,
    /// Link it.
    Link(Arc<Twin>),
}

impl Links {
    /// A name of a file with several was met.
    fn meet(&self, source: &Attributes, waiting: impl FnOnce() -> Waiting) -> Met {
        let mut groups = self.groups();
        let Some(group) = groups.get_mut(&source.id()) else {
            let group = Group { unmet: source.links - 1, state: State::Pending(Vec::new()) };
            groups.insert(source.id(), group);
            return Met::First;
        };
        match &mut group.state {
            State::Pending(names) => {
                names.push(waiting());
                Met::Waits
            }
            State::Made(twin) => {
                let twin = Arc::clone(twin);
                group.unmet = group.unmet.saturating_sub(1);
                if group.unmet == 0 {
                    groups.remove(&source.id());
                }
                Met::Link(twin)
            }
        }
    }

    /// The copy is made (or failed: `None`); returns the names that wait. After a failure the next name is a first.
    fn settle(&self, source: FileId, twin: Option<&Arc<Twin>>) -> Vec<Waiting> {
        let mut groups = self.groups();
        let Some(group) = groups.get_mut(&source) else { return Vec::new() };
        let state = twin.map_or_else(|| State::Pending(Vec::new()), |twin| State::Made(Arc::clone(twin)));
        let names = match std::mem::replace(&mut group.state, state) {
            State::Pending(names) => names,
            State::Made(_) => Vec::new(),
        };
        if twin.is_none() || group.unmet == 0 {
            groups.remove(&source);
        }
        names
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<FileId, Group>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copier {
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
        match self.shared.links.meet(source, waiting) {
            Met::First => Ok(true),
            Met::Waits => Ok(false),
            Met::Link(twin) => self.link_to_twin(open, name, new_name, source, &twin).map(|linked| !linked),
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
        let twin =
            target.map(|id| Arc::new(Twin { directory: Arc::clone(&directory.target), name: name.to_owned(), id }));
        for waiting in self.shared.links.settle(source.id(), twin.as_ref()) {
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
                if let Some(open) = self.station.check(opened) {
                    if self.is_read(kind) {
                        self.file(&open, &name, &new_name, handle);
                    } else {
                        let made = self.other(&open, &name, &new_name, handle);
                        self.station.check(made);
                    }
                    self.leave(open);
                }
            }
            Err(error) => {
                self.station.fail(error);
                self.leave_directory(directory, None);
            }
        }
    }

    fn reopen(&mut self, directory: &Directory) -> Result<(OwnedFd, OwnedFd)> {
        let sys = &mut self.station.sys;
        let failed = |place: &Place, errno| Error::system("open", place.path(), errno);
        let source = directory.source.open_to_search(sys).map_err(|errno| failed(&directory.source, errno))?;
        let target = directory.target.open_to_search(sys).map_err(|errno| failed(&directory.target, errno))?;
        Ok((source, target))
    }

    /// Makes a name another one of the copy; says whether it could.
    fn link_to_twin(
        &mut self,
        open: &Open,
        name: &CStr,
        new_name: &CStr,
        source: &Attributes,
        twin: &Twin,
    ) -> Result<bool> {
        let verdict = match open.directory.standing {
            Standing::New => Verdict::New,
            _ => match self.station.sys.stat_at(&open.target, new_name) {
                Ok(existing) if existing.id() == twin.id => {
                    self.station.summary.links += 1;
                    return Ok(true);
                }
                // What keeps its content cannot become a name of another file.
                Ok(_) if self.shared.plan.method == Method::AttributesOnly => return Ok(false),
                _ => match self.verdict(open, name, new_name, source)? {
                    // A copy of its own, done by an earlier run, is as good as any but for being one file with the others.
                    Verdict::Done(existing) if self.shared.plan.existing.update == Update::All => {
                        Verdict::Replace(existing)
                    }
                    Verdict::Done(_) => Verdict::PassOver(DONE),
                    // It stays what it is, and so becomes no name of another file.
                    Verdict::Attributes(_) => return Ok(false),
                    other => other,
                },
            },
        };
        if let Verdict::PassOver(why) = verdict {
            self.pass_over(|| open.directory.source_of(name), why);
            return Ok(true);
        }
        let from = match self.open_twin_directory(&twin.directory) {
            Err(error) if is_no_twin(&error) => return Ok(self.leave_untwinned(open, new_name, &error)),
            other => other?,
        };
        let link = |sys: &mut Sys, to: &CStr| sys.linkat(&from, &twin.name, &open.target, to);
        // What bears the copy's name now must still be the copy.
        let check = |copier: &mut Self, to: &CStr| {
            let found = copier.station.sys.stat_at(&open.target, to);
            let found = found.and_then(|found| if found.id() == twin.id { Ok(()) } else { Err(Errno::STALE) });
            found.map_err(|errno| Error::system("link", open.directory.target_of(new_name), errno))
        };
        let linked = self.make_other(open, new_name, verdict, source, link, check);
        self.twin_directory = Some((Arc::clone(&twin.directory), from));
        match linked {
            Ok(()) => {
                self.station.summary.links += 1;
                Ok(true)
            }
            Err(error) if is_no_twin(&error) => Ok(self.leave_untwinned(open, new_name, &error)),
            Err(error) => Err(error),
        }
    }

    /// Says that a name gets a file of its own, and why; that it is not linked.
    fn leave_untwinned(&mut self, open: &Open, new_name: &CStr, error: &Error) -> bool {
        self.station.warn(open.directory.target_of(new_name), format!("{error}; it becomes a file of its own"));
        false
    }

    /// The directory that a copy lies in. Names that are linked one after the other often belong to neighbours, so the
    /// last one stays open.
    fn open_twin_directory(&mut self, place: &Arc<Place>) -> Result<OwnedFd> {
        let sys = &mut self.station.sys;
        if let Some((last, directory)) = self.twin_directory.take() {
            if Arc::ptr_eq(&last, place) {
                return Ok(directory);
            }
            let _ = sys.close(directory);
        }
        place.open_to_search(sys).map_err(|errno| Error::system("open", place.path(), errno))
    }
}

/// Whether a name cannot be linked to a copy for a reason that is none of its own.
fn is_no_twin(error: &Error) -> bool {
    error.errno().is_some_and(|errno| UNLINKABLE.contains(&errno))
}
